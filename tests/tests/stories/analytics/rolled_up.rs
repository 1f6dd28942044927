//! What was counted by the schedule is what would be counted now.

use super::*;
use tests::faults::Faults;

/// What is asked, before and after.
fn questions(began: jiff::Timestamp) -> [String; 6] {
    let ago = |minutes| began - SignedDuration::from_mins(minutes);
    let cut = format!("metric=pageviews&start_time={}&end_time={}", ago(61 * 60 + 10), ago(25 * 60 + 20));
    [
        "metric=pageviews&group_by=utm_source,surface".to_owned(),
        "metric=unique_users&group_by=app".to_owned(),
        "metric=sessions".to_owned(),
        "metric=bounce_rate&utm_source=mail".to_owned(),
        cut,
        "metric=sum:payload.n".to_owned(),
    ]
}

async fn answers(service: &Client, began: jiff::Timestamp) -> Vec<Value> {
    let mut answers = vec![];
    for question in questions(began) {
        let counted = service.get(&format!("/analytics/aggregate?{question}")).await;
        assert_eq!(counted.status, 200, "{question}: {}", counted.body);
        assert_eq!(counted.body["exactness"], "exact");
        answers.push(counted.body);
    }
    let page = service.get(&format!("{QUERY}?utm_source=mail&limit=1")).await;
    assert_eq!((page.status, &page.body["total_is_exact"]), (200, &json!(true)), "{}", page.body);
    answers.push(page.body["total"].clone());
    answers
}

/// Events of four days, one each two hours; one is a day ahead.
fn events(now: jiff::Timestamp) -> Vec<Value> {
    let visit = |n: i64| {
        let time = now + SignedDuration::from_hours(23 - 2 * n);
        let mut event = json!({
            "event_type": (["pageview", "pageview", "cta_click"][n as usize % 3]), "payload": {"n": n}, "timestamp": time,
            "session_id": format!("s-{}", n / 2), "user_id": format!("u-{}", n % 7), "app": "shop", "surface": (["home", "aisle"][n as usize % 2]),
        });
        if n % 3 == 0 {
            event["utm_source"] = "mail".into();
        }
        event
    };
    (0..48).map(visit).collect()
}

/// Lets every lease end and the schedule run.
async fn count(bundle: &Bundle) -> Value {
    bundle.clock().advance(SignedDuration::from_mins(26));
    serde_json::from_str(&bundle.run_schedule("analytics-rollup").await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn counting_by_schedule_changes_no_answer_and_late_events_and_deletions_count_at_once() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    route(&bundle, "t_greenleaf").await;
    let service = service(&bundle);
    let began = bundle.clock().now();
    let sent = json!({"events": events(began)});
    let batch = service.with_header("x-request-id", "req-a");
    assert_eq!(batch.post(BATCH, sent).await.body["stored"], 48);
    let before = answers(&service, began).await;
    let early: Value = serde_json::from_str(&bundle.run_schedule("analytics-rollup").await.unwrap()).unwrap();
    assert_eq!((&early["hours"], &early["leased"]), (&json!(0), &json!(48)), "writes may still arrive");
    let report = count(&bundle).await;
    assert_eq!((&report["hours"], &report["leased"], &report["events"]), (&json!(48), &json!(0), &json!(48)));
    assert!(report["days"].as_u64() >= Some(2), "{report}");
    let mark = faults.mark();
    assert_eq!(answers(&service, began).await, before);
    let read = faults.since(mark).by("ingest").of("BatchGetItem");
    // The hours that the range of one question cuts, and the page.
    assert!(read.iter().count() <= 3, "{read:#?}");
    // A late event, and a deletion.
    let late = json!({
        "event_type": "pageview", "payload": {}, "timestamp": (began - SignedDuration::from_hours(20)), "utm_source": "mail", "surface": "home", "app": "shop",
        "user_id": "late", "session_id": "late",
    });
    service.post(INGEST, late).await.success().unwrap();
    assert_eq!(service.delete("/analytics/event/req-a%2312").await.status, 204);
    let live = answers(&service, began).await;
    let of = |answers: &[Value], at: usize| answers[at]["total"].as_i64().unwrap();
    assert_eq!(of(&live, 0) - of(&before, 0), 0, "one more and one less");
    assert_eq!(of(&live, 1) - of(&before, 1), 1, "somebody new");
    let report = count(&bundle).await;
    assert_eq!(report["hours"], 2);
    assert_eq!(answers(&service, began).await, live);
    let idle = count(&bundle).await;
    assert_eq!((&idle["hours"], &idle["failed"]), (&json!(0), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_marked_is_not_kept_and_says_so() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    route(&bundle, "t_greenleaf").await;
    let service = service(&bundle).with_header("x-request-id", "req-1");
    faults.on("UpdateItem").by("ingest").unavailable();
    assert_problem(&service.post(INGEST, event("pageview")).await, 500, "analytics_store.backend_error");
    let batch = service.post(BATCH, json!({"events": [event("a"), event("b")]})).await;
    assert_problem(&batch, 500, "analytics_store.backend_error");
    faults.clear();
    assert!(ids(&service.get(QUERY).await).is_empty());
    service.post(INGEST, event("pageview")).await.success().unwrap();
    faults.on("UpdateItem").by("ingest").unavailable();
    // The mark of a moment ago serves.
    assert_eq!(service.delete("/analytics/event/req-1%23default").await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_leaves_answers_as_they_are() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    route(&bundle, "t_greenleaf").await;
    let service = service(&bundle);
    let began = bundle.clock().now();
    let sent = json!({"events": events(began)});
    service.post(BATCH, sent).await.success().unwrap();
    let before = answers(&service, began).await;
    bundle.clock().advance(SignedDuration::from_mins(26));
    for operation in ["PutItem", "UpdateItem", "Query", "BatchGetItem"] {
        faults.clear().on(operation).by("analytics-rollup").unavailable();
        assert!(bundle.run_schedule("analytics-rollup").await.is_err(), "{operation}");
        assert_eq!(answers(&service, began).await, before, "{operation}");
    }
    faults.clear();
    bundle.run_schedule("analytics-rollup").await.unwrap();
    assert_eq!(answers(&service, began).await, before);
}
