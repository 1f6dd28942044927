//! Over the stores of other clouds it is as it is over the stack's own: by their vendors' emulators, on loopback.

mod cosmos;
mod firestore;

use super::*;
use std::time::{Duration, Instant};

/// The secret of the laptop's Secrets Manager that keys of stores lie in.
const SECRET: &str = "smartstore/stores";
/// How long a store may be late on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until the store is not late: a call has five seconds, and a busy machine takes more at times.
async fn patiently(ask: impl AsyncFn() -> Response) -> Response {
    let begun = Instant::now();
    loop {
        let response = ask().await;
        let is_late = response.status == 500 && !response.header("retry-after").is_empty();
        if !is_late || begun.elapsed() > PATIENCE {
            return response;
        }
    }
}

/// Leads the events of a tenant to another cloud, in the place of where they went.
async fn leads_to(bundle: &Bundle, tenant: &str, backend: &str, config: Value) {
    let keeper = super::super::routing::keeper(bundle).await;
    let mut route = leads(bundle, tenant);
    (route["backend_type"], route["config"]) = (backend.into(), config);
    let made = keeper.post(&format!("{ROUTES}?replace=true"), route).await;
    assert!(matches!(made.status, 200 | 201), "{}", made.body);
    // Every instance has heard of it by then.
    bundle.clock().advance(SignedDuration::from_secs(10));
}

async fn administrator(bundle: &Bundle) -> Client {
    let scope = "admin:read admin:write";
    bundle.administer("t_greenleaf", "root", scope).await.unwrap();
    within(bundle.person(Claims::of("root").tenant("t_greenleaf").scope(scope)), "t_greenleaf", "saas")
}

/// Every page of a list; the names of its events, in order, and the first page's cursor.
async fn listed(client: &Client, path: &str) -> (Vec<String>, String) {
    let (mut found, mut first, mut next) = (vec![], None, path.to_owned());
    loop {
        let page = patiently(async || client.get(&next).await).await;
        found.extend(ids(&page));
        let Some(cursor) = page.body["next_cursor"].as_str() else { return (found, first.unwrap_or_default()) };
        first.get_or_insert_with(|| cursor.to_owned());
        next = format!("{path}&cursor={cursor}");
    }
}

/// A batch, two lists page by page, counts, a deletion and an erasure, in a store that has nothing yet. A cursor of it, and of what list.
async fn does_all(bundle: &Bundle) -> [(String, String); 2] {
    let (service, administrator) = (service(bundle), administrator(bundle).await);
    let batch = service.with_header("x-request-id", "req-b");
    let events: Vec<Value> = (0..25)
        .map(|n| {
            let mut event = event(if n % 5 == 0 { "click" } else { "pageview" });
            (event["user_id"], event["payload"]) = (["ada", "grace"][n % 2].into(), json!({"n": n}));
            event["timestamp"] = (bundle.clock().now() - SignedDuration::from_secs(n as i64)).to_string().into();
            event["app"] = ["shop", "kiosk"][usize::from(n >= 20)].into();
            event
        })
        .collect();
    let sent = patiently(async || batch.post(BATCH, json!({"events": events})).await).await;
    assert_eq!((sent.status, sent.body["results"].as_array().unwrap().len()), (200, 25), "{}", sent.body);
    let again = patiently(async || batch.post(BATCH, json!({"events": events})).await).await;
    assert_eq!(again.body["stored"], 0, "{}", again.body);
    assert!(again.body["results"].as_array().unwrap().iter().all(|one| one["status"] == "duplicate"), "{}", again.body);
    let step = |kind| json!({"event_type": kind, "payload": {}, "step_id": "0"});
    let other = patiently(async || batch.post(INGEST, step("other")).await).await;
    assert_problem(&other, 409, "analytics.event_id_conflict");

    let newest_first: Vec<String> = (0..25).map(|n| format!("req-b#{n}")).collect();
    let lists = [format!("{QUERY}?limit=10"), "/api/analytics/export?format=json&limit=10".to_owned()];
    let mut cursors = vec![];
    for list in &lists {
        let (found, cursor) = listed(&administrator, list).await;
        assert_eq!(found, newest_first, "{list}");
        cursors.push(cursor);
    }
    let page = patiently(async || service.get(&format!("{QUERY}?limit=10")).await).await;
    assert_eq!((&page.body["total"], &page.body["total_is_exact"]), (&json!(25), &json!(true)));
    let count = async |asked: &str| {
        let counted = patiently(async || service.get(&format!("/analytics/aggregate?{asked}")).await).await;
        assert_eq!((counted.status, &counted.body["exactness"]), (200, &json!("exact")), "{}", counted.body);
        (counted.body["total"].clone(), counted.body["groups"].clone())
    };
    assert_eq!(count("metric=pageviews&group_by=app").await, (json!(20), json!({"shop": 16, "kiosk": 4})));
    assert_eq!(count("metric=unique_users").await.0, 2);

    let gone = patiently(async || service.delete("/analytics/event/req-b%231").await).await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    let again = patiently(async || service.delete("/analytics/event/req-b%231").await).await;
    assert_problem(&again, 404, "analytics.event_not_found");
    let erase = async || administrator.delete("/analytics/events?user_id=ada").await;
    let erased = patiently(erase).await;
    assert_eq!((erased.status, &erased.body["complete"]), (200, &json!(true)), "{}", erased.body);
    assert_eq!(erased.body["deleted_in_all"], 13, "{}", erased.body);
    let left: Vec<String> = (3..25).step_by(2).map(|n| format!("req-b#{n}")).collect();
    assert_eq!(listed(&administrator, &lists[0]).await.0, left);
    assert_eq!(count("metric=unique_users").await.0, 1);
    let [query, export] = lists;
    let [of_query, of_export] = cursors.try_into().unwrap();
    [(query, of_query), (export, of_export)]
}

/// Cursors are of the store that they were made of, and of no other to which the route leads later.
async fn refuses(bundle: &Bundle, cursors: &[(String, String)]) {
    let administrator = administrator(bundle).await;
    for (list, cursor) in cursors {
        let foreign = patiently(async || administrator.get(&format!("{list}&cursor={cursor}")).await).await;
        assert_problem(&foreign, 400, "http.bad_cursor");
        assert!(foreign.body["message"].as_str().unwrap().contains("Ask again without one"), "{}", foreign.body);
        let anew = patiently(async || administrator.get(list).await).await;
        assert_eq!(anew.status, 200, "{}", anew.body);
    }
}

/// They are taken.
async fn takes(bundle: &Bundle, cursors: &[(String, String)]) {
    let administrator = administrator(bundle).await;
    for (list, cursor) in cursors {
        let own = patiently(async || administrator.get(&format!("{list}&cursor={cursor}")).await).await;
        assert_eq!(own.status, 200, "{}", own.body);
    }
}
