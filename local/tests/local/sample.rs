//! The sample stores, as tests and the first `cargo run` have them.

use local::{Bundle, Claims, seed};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn every_sample_store_is_there_with_its_hours_and_its_products() {
    let bundle = Bundle::start().await;
    for sample in seed::SAMPLES {
        let claims = Claims::of("ann").role("admin").tenant(sample.tenant).stores([sample.store]);
        let ann = bundle.person(claims);
        let store = ann.get(&format!("/catalog/stores/{}", sample.store)).await;
        assert_eq!(store.status, 200, "{}", store.body);
        assert!(store.body["hours"]["exceptions"].as_object().unwrap().len() > 1);
        let first = ann.get(&format!("/catalog/stores/{}/products?limit=1", sample.store)).await;
        assert!(first.body["products"][0]["cost_price"].is_number(), "{}", first.body);
    }
    let foreign = bundle.shopper("ada").get("/catalog/stores/main").await;
    assert_eq!((foreign.status, &foreign.body["error_code"]), (403, &json!("tenant.store_out_of_scope")));
}

#[tokio::test]
async fn a_bundle_starts_at_once_and_shares_nothing_with_another() {
    let first = Bundle::start().await;
    let begun = Instant::now();
    let second = Bundle::start().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let product = "/catalog/stores/downtown/products/NEW-1";
    let made = first.admin("ann").put(product, json!({"name": "Thing", "price": 1})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(second.admin("ann").get(product).await.status, 404);
    assert_eq!(first.shopper("ada").get(product).await.status, 200);
}

#[tokio::test]
async fn planting_the_sample_again_changes_nothing() {
    let bundle = Bundle::start().await;
    let list = || async { bundle.admin("ann").get("/catalog/stores/downtown/products?limit=1000").await.body };
    let before = list().await;
    assert!(before["products"].as_array().unwrap().len() >= 300);
    seed::plant(&bundle).await.unwrap();
    assert_eq!(list().await, before);
}

#[tokio::test]
async fn an_empty_bundle_has_no_store() {
    let bundle = Bundle::empty().await;
    assert_eq!(bundle.admin("ann").get("/catalog/stores/downtown").await.status, 404);
}
