//! Who has no token gets nowhere but to the contract.
#![allow(clippy::unwrap_used)]

mod support;

use axum::body::Body;
use catalog::{App, Config};
use http::Request;
use support::Stores;
use tower::ServiceExt;

async fn app(stores: &Stores) -> App {
    let env = [
        ("TABLE_NAME", stores.table_name()),
        ("ARTIFACT_BUCKET", "artifacts"),
        ("SECRET_ID", "smartstore-ai/test"),
        ("FIREBASE_PROJECT_ID", "demo-project"),
        // A port that nobody listens on: no key can be had, and none is needed to refuse.
        ("FIREBASE_KEYS_URL", "http://127.0.0.1:9/keys"),
    ];
    App::new(Config::read(env.into_iter().collect()).unwrap(), &stores.aws, stores.clock.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_but_the_contract_turns_a_stranger_away() {
    let stores = Stores::start().await;
    let router = catalog::router(app(&stores).await);
    for route in catalog::routes().list() {
        let path = route.path.replace("{store_id}", "north").replace("{product_id}", "a").replace("{import_id}", "x");
        for token in [None, Some("Bearer x"), Some("Basic eDp5"), Some("Bearer a.b.c")] {
            let mut request = Request::builder().method(route.method.as_str()).uri(&path);
            if let Some(token) = token {
                request = request.header("authorization", token);
            }
            let answer = router.clone().oneshot(request.body(Body::from("{}")).unwrap()).await.unwrap();
            let expected = if path == "/openapi.json" { 200 } else { 401 };
            assert_eq!(answer.status().as_u16(), expected, "{route} with {token:?}");
        }
    }
}

#[test]
fn every_setting_that_is_missing_is_named_at_once() {
    let fault = Config::read(std::iter::empty::<(String, String)>().collect()).unwrap_err().to_string();
    for name in ["TABLE_NAME", "ARTIFACT_BUCKET", "SECRET_ID", "FIREBASE_PROJECT_ID"] {
        assert!(fault.contains(name), "{fault}");
    }
}
