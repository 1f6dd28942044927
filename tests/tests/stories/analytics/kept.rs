//! What of refused events is kept, and of how many.

use super::{
    failed::{FAILED, keeper, listed, path, replay, settled},
    *,
};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_more_than_a_tenth_of_the_room() {
    let bundle = Bundle::start_with(Options::for_tests().variable("ANALYTICS_FAILED_MAX", "20")).await;
    route(&bundle, "t_greenleaf").await;
    let keeper = keeper(&bundle, "t_greenleaf").await;
    let shopper = |name: &str| within(bundle.shopper(name), "t_greenleaf", "saas");
    let kept = async |client: &Client, count: usize| {
        let taken = client.post(BATCH, json!({"events": vec![event("a b"); count]})).await;
        let results = taken.body["results"].as_array().unwrap_or_else(|| panic!("{}", taken.body)).clone();
        results.iter().filter(|one| one["failed_id"].is_string()).count()
    };
    assert_eq!(kept(&shopper("ada"), 5).await, 2);
    assert_eq!(kept(&shopper("ada"), 1).await, 0);
    assert_eq!(kept(&shopper("grace"), 5).await, 2, "each has a share");
    assert_eq!(kept(&service(&bundle), 20).await, 16, "a service has all that is left");
    let page = keeper.get(FAILED).await.body;
    assert_eq!((page["failed"].as_array().unwrap().len(), &page["not_kept"]), (20, &json!(3 + 1 + 3 + 4)));
    // What was let go makes room for them again.
    let own = page["failed"].as_array().unwrap().iter().find(|one| one["user_id"] == "ada").unwrap();
    assert_eq!(keeper.delete(&path(own)).await.status, 204);
    bundle.clock().advance(SignedDuration::from_mins(1));
    assert_eq!((kept(&shopper("ada"), 2).await, kept(&shopper("ada"), 1).await), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_names_somebody_at_great_length_is_kept_and_the_others_with_it() {
    let (_bundle, service, keeper) = settled().await;
    let mut long = event("pageview");
    long["user_id"] = "x".repeat(500_000).into();
    let taken = service.post(BATCH, json!({"events": [long, event("a b")]})).await;
    let results = taken.body["results"].as_array().unwrap();
    assert!(results.iter().all(|one| one["failed_id"].is_string()), "{}", taken.body);
    let user = keeper.get(&path(&results[0])).await.body["user_id"].as_str().unwrap().to_owned();
    assert_eq!(user, format!("{}…", "x".repeat(128)));
    assert_eq!(replay(&keeper, &results[0], Some(event("mended"))).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_a_refusal_are_cut_however_often_it_is_refused() {
    let bundle = Bundle::start_with(Options::for_tests().variable("ANALYTICS_PII", "reject")).await;
    route(&bundle, "t_greenleaf").await;
    let (service, keeper) = (service(&bundle), keeper(&bundle, "t_greenleaf").await);
    let mut deep = event("pageview");
    deep["payload"] = json!({"x".repeat(30_000): {"email": "ada@example.com"}});
    let refused = service.post(INGEST, deep.clone()).await;
    assert_problem(&refused, 422, "analytics.personal_data");
    assert_problem(&replay(&keeper, &refused.body, Some(deep)).await, 422, "analytics.personal_data");
    let stays = listed(&keeper, "").await.remove(0);
    assert_eq!((stays["detail"].as_str().map(str::len), &stays["tries"]), (Some(500), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_mends_an_event_may_keep_its_digests_and_none_of_their_own() {
    let (_bundle, service, keeper) = settled().await;
    let sent = json!({"event_type": "sign up", "payload": {"email": "ada@example.com"}});
    let refused = service.post(INGEST, sent).await;
    let mut shown = keeper.get(&path(&refused.body)).await.body["event"].clone();
    let own = format!("sha256:{}", shared::digest::Digest::of(b"anything"));
    (shown["event_type"], shown["payload"]["phone"]) = ("signup".into(), own.as_str().into());
    assert_eq!(replay(&keeper, &refused.body, Some(shown.clone())).await.status, 200);
    let payload = &service.get(QUERY).await.body["records"][0]["payload"];
    assert_eq!(payload["email"], shown["payload"]["email"]);
    assert!(payload["phone"].as_str().is_some_and(|phone| phone.starts_with("sha256:") && phone != own), "{payload}");
}
