//! What changes in the store changes in the answers.

use super::*;
use jiff::SignedDuration;

/// Lets `ask` look at the store's pointer again.
fn a_moment_later(bundle: &Bundle) {
    bundle.clock().advance(SignedDuration::from_secs(6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_product_is_answered_after_the_next_publish_and_a_deleted_one_no_more() {
    let bundle = Bundle::start().await;
    let (ada, emil, root) = (bundle.shopper("ada"), bundle.employee("emil"), bundle.admin("root"));
    let question = "where is the zanzibar fig spread?";
    assert_eq!(answer(&ada, question).await["answer_found"], false);
    assert_eq!(emil.put(&product_path("fig-1"), fig_spread(9)).await.status, 201);
    bundle.run_schedule("catalog-publish").await.unwrap();
    a_moment_later(&bundle);
    let found = answer(&ada, question).await;
    assert!(text(&found).contains("17"), "{found}");
    assert_eq!(cited(&found), ["fig-1"]);
    assert_eq!(root.delete(&product_path("fig-1")).await.status, 204);
    let gone = answer(&ada, question).await;
    assert_eq!(gone["answer_found"], false, "a deleted product is not answered even before the next publish: {gone}");
    bundle.run_schedule("catalog-publish").await.unwrap();
    a_moment_later(&bundle);
    assert_eq!(answer(&ada, question).await["answer_found"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_and_price_are_those_of_this_minute_without_a_publish() {
    let bundle = Bundle::start().await;
    let (ada, emil) = (bundle.shopper("ada"), bundle.employee("emil"));
    emil.put(&product_path("fig-1"), fig_spread(9)).await;
    bundle.run_schedule("catalog-publish").await.unwrap();
    let before = answer(&ada, "how much is the zanzibar fig spread and is it in stock?").await;
    assert!(text(&before).contains("6.35"), "{before}");
    let mut changed = fig_spread(0);
    changed["price"] = json!(7.95);
    assert_eq!(emil.put(&product_path("fig-1"), changed).await.status, 200);
    let after = answer(&ada, "how much is the zanzibar fig spread and is it in stock?").await;
    assert!(text(&after).contains("7.95") && text(&after).contains("none in stock"), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_searchable_at_once_and_the_same_file_again_changes_nothing() {
    let bundle = Bundle::start().await;
    let (ada, emil) = (bundle.shopper("ada"), bundle.employee("emil"));
    let rows = "product_id,name,price,aisle,stock\nfig-1,Zanzibar Fig Spread,6.35,17,9\nbad,,1.00,1,1\nfig-2,Zanzibar Date Syrup,x,17,2\n";
    let path = format!("/catalog/stores/{DOWNTOWN}/import");
    let first = emil.post_bytes(&path, "text/csv", rows).await;
    assert_eq!(first.status, 200, "{}", first.body);
    assert_eq!((&first.body["created"], &first.body["rejected"]), (&json!(1), &json!(2)), "{}", first.body);
    let lines: Vec<_> = first.body["faults"].as_array().unwrap().iter().map(|fault| fault["line"].clone()).collect();
    assert_eq!(lines, [json!(3), json!(4)], "{}", first.body);
    a_moment_later(&bundle);
    assert_eq!(cited(&answer(&ada, "where is the zanzibar fig spread?").await)[0], "fig-1");
    let again = emil.post_bytes(&path, "text/csv", rows).await;
    assert_eq!(
        (&again.body["created"], &again.body["updated"], &again.body["unchanged"]),
        (&json!(0), &json!(0), &json!(1))
    );
    assert!(first.body["published"] == true && again.body["published"] == false, "{} {}", first.body, again.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn search_pages_are_those_of_ask_with_facets_and_a_cursor_of_ones_own() {
    let bundle = Bundle::start().await;
    let ada = bundle.shopper("ada");
    let path = format!("/catalog/stores/{DOWNTOWN}/search?q=milk&limit=3");
    let first = ada.get(&path).await;
    assert_eq!(first.status, 200, "{}", first.body);
    assert_eq!(first.body["products"].as_array().unwrap().len(), 3);
    assert!(first.body["facets"]["category"].as_array().is_some_and(|facet| !facet.is_empty()), "{}", first.body);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let second = ada.get(&format!("{path}&cursor={cursor}")).await;
    assert_eq!(second.status, 200, "{}", second.body);
    let ids = |page: &Response| -> Vec<String> {
        let products = page.body["products"].as_array().unwrap();
        products.iter().map(|product| product["product_id"].as_str().unwrap().to_owned()).collect()
    };
    assert!(ids(&first).iter().all(|id| !ids(&second).contains(id)), "{:?} {:?}", ids(&first), ids(&second));
    for foreign in [
        format!("/catalog/stores/{DOWNTOWN}/search?q=bread&limit=3&cursor={cursor}"),
        format!("/catalog/stores/madrid/search?q=milk&limit=3&cursor={cursor}"),
        format!("{path}&cursor={cursor}x"),
        format!("{path}&cursor=%00"),
    ] {
        assert_problem(&ada.get(&foreign).await, 400, "http.bad_cursor");
    }
}
