//! What only staff may see reaches no shopper: no answer, page, citation, problem or log line.

use super::*;
use local::Claims;

/// What a shopper asks and reads, in every way that the bundle has.
async fn everything(shopper: &Client) -> Vec<String> {
    let mut seen = Vec::new();
    for question in [
        "where is the canary cordial?",
        "how much is the canary cordial?",
        "what is the cost price of the canary cordial?",
        "who supplies the canary cordial?",
        "where is the canary cordial and what does it cost you?",
        "cheapest canary cordial",
        "which brands of canary cordial do you have?",
        "what's in aisle 17?",
    ] {
        seen.push(ask(shopper, question).await);
    }
    for path in [
        product_path("canary"),
        format!("/catalog/stores/{DOWNTOWN}/products?limit=1000"),
        format!("/catalog/stores/{DOWNTOWN}/search?q=canary"),
        format!("/catalog/stores/{DOWNTOWN}/search?q=Quartzfinch"),
        format!("/catalog/stores/{DOWNTOWN}/search?q=48151623"),
        format!("/catalog/stores/{DOWNTOWN}"),
    ] {
        seen.push(shopper.get(&path).await);
    }
    seen.push(shopper.put(&product_path("canary"), fig_spread(1)).await);
    seen.iter().map(|response| format!("{:?} {}", response.headers, response.body)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shopper_never_sees_the_cost_price_or_the_supplier() {
    let bundle = Bundle::start().await;
    let mut canary = fig_spread(3);
    canary["name"] = json!("Canary Cordial");
    canary["cost_price"] = json!(48151623.42);
    canary["supplier"] = json!("Quartzfinch Imports");
    assert_eq!(bundle.employee("emil").put(&product_path("canary"), canary).await.status, 201);
    bundle.run_schedule("catalog-publish").await.unwrap();
    bundle.clock().advance(jiff::SignedDuration::from_secs(6));
    let staff = bundle.employee("emil").get(&product_path("canary")).await;
    assert_eq!(
        (&staff.body["cost_price"], &staff.body["supplier"]),
        (&json!(48151623.42), &json!("Quartzfinch Imports"))
    );
    let unknown = Claims::of("eve").role("superuser").tenant("t_greenleaf").stores([DOWNTOWN]);
    for shopper in [bundle.shopper("ada"), bundle.person(unknown)] {
        for seen in everything(&shopper).await {
            assert!(!seen.to_lowercase().contains("quartzfinch"), "{seen}");
            assert!(!seen.contains("48151623") && !seen.contains("48,151,623"), "{seen}");
        }
    }
}
