//! Counting.

use super::*;

async fn count(service: &Client, query: &str) -> Value {
    let counted = service.get(&format!("/analytics/aggregate?{query}")).await;
    assert_eq!(counted.status, 200, "{query}: {}", counted.body);
    counted.body
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_counted_by_what_they_have() {
    let (_bundle, service) = started().await;
    let visit = |n: usize| {
        let mut event = event(if n % 4 == 3 { "cta_click" } else { "pageview" });
        event["session_id"] = format!("s-{}", n / 3).into();
        event["user_id"] = format!("u-{}", n % 5).into();
        event["surface"] = ["home", "aisle"][n % 2].into();
        event["payload"] = json!({"cart": {"sum": n}});
        if n < 10 {
            event["utm_source"] = "mail".into();
        }
        event
    };
    let events: Vec<Value> = (0..20).map(visit).collect();
    assert_eq!(service.post(BATCH, json!({"events": events})).await.body["stored"], 20);
    let by = count(&service, "metric=pageviews&group_by=utm_source,surface").await;
    assert_eq!((&by["metric"], &by["total"], &by["exactness"]), (&json!("pageviews"), &json!(15), &json!("exact")));
    assert_eq!(by["groups"], json!({"(none)": {"aisle": 2, "home": 5}, "mail": {"aisle": 3, "home": 5}}));
    let sum: u64 = by["rows"].as_array().unwrap().iter().map(|row| row["value"].as_u64().unwrap()).sum();
    assert_eq!(sum, 15);
    assert_eq!(count(&service, "metric=pageview").await["total"], 15, "the singular counts the same");
    assert_eq!(count(&service, "metric=cta_clicks&utm_source=mail").await["total"], 2);
    assert_eq!(count(&service, "metric=cta_clicks&event_type=pageview").await["total"], 0);
    assert_eq!(count(&service, "metric=unique_users").await["total"], 5);
    assert_eq!(count(&service, "metric=sessions").await["total"], 7);
    assert_eq!(count(&service, "metric=sum:payload.cart.sum").await["total"], 190.0);
    assert_eq!(count(&service, "metric=nothing").await["groups"], json!({}));
    let bounced = count(&service, "metric=bounce_rate").await["total"].as_f64().unwrap();
    let sessions = (0..20).filter(|n| n % 4 != 3).fold([0; 7], |mut seen, n| {
        seen[n / 3] += 1;
        seen
    });
    let once = sessions.iter().filter(|seen| **seen == 1).count() as f64;
    assert_eq!(bounced, once / sessions.iter().filter(|seen| **seen > 0).count() as f64);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_counted_is_refused() {
    let (_bundle, service) = started().await;
    for (bad, code) in [
        ("metric=pageviews&group_by=user_id", "analytics.bad_dimension"),
        ("metric=pageviews&group_by=app,app", "analytics.bad_dimension"),
        ("metric=pageviews&group_by=app,surface,platform,utm_term", "analytics.bad_dimension"),
        ("metric=", "analytics.bad_metric"),
        ("metric=sum:cart", "analytics.bad_metric"),
        ("", "http.bad_query"),
    ] {
        assert_problem(&service.get(&format!("/analytics/aggregate?{bad}")).await, 400, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_would_read_too_much_says_where_it_ended() {
    let (bundle, service) = started().await;
    let events = json!({"events": vec![event("pageview"); 500]});
    for _ in 0..21 {
        let taken = service.post(BATCH, events.clone()).await;
        assert_eq!(taken.body["stored"], 500, "{}", taken.body);
    }
    let counted = count(&service, "metric=pageviews").await;
    assert_eq!((&counted["exactness"], &counted["read"]), (&json!("truncated"), &json!(10_000)));
    let page = service.get(&format!("{QUERY}?limit=1")).await;
    assert_eq!((&page.body["total_is_exact"], &page.body["total"]), (&json!(false), &json!(2_000)));
    // Once they are counted, nothing has to be read.
    bundle.clock().advance(SignedDuration::from_mins(26));
    bundle.run_schedule("analytics-rollup").await.unwrap();
    let counted = count(&service, "metric=pageviews").await;
    assert_eq!((&counted["exactness"], &counted["total"]), (&json!("exact"), &json!(10_500)));
    let page = service.get(&format!("{QUERY}?limit=1")).await;
    assert_eq!((&page.body["total_is_exact"], &page.body["total"]), (&json!(true), &json!(10_500)));
}
