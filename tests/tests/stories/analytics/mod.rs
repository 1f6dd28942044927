//! Events are kept where the tenant's route leads, once, and nowhere without one.

mod clouds;
mod counted;
mod erased;
mod exported;
mod failed;
mod hidden;
mod kept;
mod refused;
mod rolled_up;

use super::*;
use jiff::SignedDuration;
use local::{Claims, Options};

const INGEST: &str = "/analytics/ingest";
const BATCH: &str = "/analytics/ingest/batch";
const QUERY: &str = "/analytics/query";
const ROUTES: &str = "/routing/routes";

/// An event with nothing but what it needs.
pub(crate) fn event(kind: &str) -> Value {
    json!({"event_type": kind, "payload": {}})
}

/// An event with all that it may have.
pub(crate) fn full() -> Value {
    json!({
        "event_type": "pageview", "payload": {"path": "/aisle/7", "n": 1}, "utm_source": "mail", "utm_medium": "email",
        "utm_campaign": "spring", "utm_content": "top", "utm_term": "milk", "app": "shop", "surface": "home", "platform": "ios",
        "session_id": "s-1", "run_id": "run-1", "step_id": "step-1", "user_id": "root", "timestamp": "2026-03-01T09:00:00Z",
    })
}

/// What a route of this function wants in its query.
pub(crate) fn asked(path: &str) -> &'static str {
    match path {
        "/analytics/aggregate" => "?metric=pageviews",
        "/analytics/event" => "?event_id=req-nobody%23default",
        "/analytics/events" => "?user_id=nobody",
        "/api/analytics/export" => "?format=csv",
        _ => "",
    }
}

/// A route that leads a tenant's events to the bundle's own table.
fn leads(bundle: &Bundle, tenant: &str) -> Value {
    json!({
        "resource_kind": "analytics_store", "tenant_id": tenant, "env": "development", "backend_type": "dynamodb",
        "config": {"region": "us-east-1", "table_name": bundle.template().tables[1].name, "use_local": true},
    })
}

/// Leads a tenant's events to the bundle's own table.
pub(crate) async fn route(bundle: &Bundle, tenant: &str) {
    let keeper = super::routing::keeper(bundle).await;
    let made = keeper.post(ROUTES, leads(bundle, tenant)).await;
    assert_eq!(made.status, 201, "{}", made.body);
}

/// A client in the context in which events are sent.
fn within(client: Client, tenant: &str, mode: &str) -> Client {
    let headers = [("x-tenant-id", tenant), ("x-project-id", "web"), ("x-mode", mode)];
    headers.iter().fold(client, |client, (name, value)| client.with_header(name, value))
}

/// A service of a tenant that sends and asks.
fn service_of(bundle: &Bundle, tenant: &str) -> Client {
    within(bundle.person(Claims::of("sender").tenant(tenant).scope("service:write")), tenant, "saas")
}

fn service(bundle: &Bundle) -> Client {
    service_of(bundle, "t_greenleaf")
}

async fn started() -> (Bundle, Client) {
    let bundle = Bundle::start().await;
    route(&bundle, "t_greenleaf").await;
    let service = service(&bundle);
    (bundle, service)
}

/// The names of a page's events.
fn ids(page: &Response) -> Vec<String> {
    assert_eq!(page.status, 200, "{}", page.body);
    page.body["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["event_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_kept_whole_under_the_name_of_its_request() {
    let (bundle, service) = started().await;
    let sent = service.with_header("x-request-id", "req-abc123").post(INGEST, event("pageview")).await;
    assert_eq!((sent.status, &sent.body), (200, &json!({"event_id": "req-abc123#default"})));
    let mut all = full();
    all["user_id"] = "ada".into();
    let sent = service.with_header("x-request-id", "req-full").post(INGEST, all.clone()).await;
    assert_eq!(sent.body["event_id"], "req-full#step-1");
    let page = service.get(&format!("{QUERY}?start_time=2026-02-01T00:00:00Z&end_time=2026-03-02T00:00:00Z")).await;
    assert_eq!(ids(&page), ["req-full#step-1"]);
    let record = &page.body["records"][0];
    for (name, value) in all.as_object().unwrap() {
        assert_eq!(&record[name], value, "{name}");
    }
    let now = bundle.clock().now().to_string();
    for (name, value) in
        [("tenant_id", "t_greenleaf"), ("project_id", "web"), ("request_id", "req-full"), ("received_at", &now)]
    {
        assert_eq!(record[name], value, "{name}");
    }
    assert_eq!(
        (&page.body["total"], &page.body["limit"], &page.body["total_is_exact"]),
        (&json!(1), &json!(100), &json!(true))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_is_kept_once_and_another_under_its_name_not_at_all() {
    let (bundle, service) = started().await;
    let one = service.with_header("x-request-id", "req-1");
    assert_eq!(one.post(INGEST, event("pageview")).await.body, json!({"event_id": "req-1#default"}));
    bundle.clock().advance(SignedDuration::from_secs(60));
    let again = one.post(INGEST, event("pageview")).await;
    assert_eq!((again.status, &again.body), (200, &json!({"event_id": "req-1#default", "duplicate": true})));
    assert_problem(&one.post(INGEST, event("click")).await, 409, "analytics.event_id_conflict");
    let many =
        futures::future::join_all((0..32).map(|_| one.post(BATCH, json!({"events": [event("a"), event("b")]})))).await;
    let stored: u64 = many.iter().map(|response| response.body["stored"].as_u64().unwrap()).sum();
    assert_eq!(stored, 2, "of 32 at once one stores each");
    assert_eq!(ids(&service.get(QUERY).await).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_of_a_batch_is_for_itself() {
    let (_bundle, service) = started().await;
    let late = json!({"event_type": "pageview", "payload": {}, "timestamp": "2099-01-01T00:00:00Z"});
    let step = |step: &str, kind: &str| json!({"event_type": kind, "payload": {}, "step_id": step});
    let events = [event("a"), step("s", "a"), step("s", "a"), step("s", "b"), event("no good"), late, event("b")];
    let batch = service.with_header("x-request-id", "req-b");
    let taken = batch.post(BATCH, json!({"events": events})).await;
    let told = |taken: &Response| {
        let results = taken.body["results"].as_array().unwrap().clone();
        results.iter().map(|one| one["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(taken.status, 200, "{}", taken.body);
    assert_eq!(told(&taken), ["stored", "stored", "duplicate", "rejected", "rejected", "rejected", "stored"]);
    assert_eq!(taken.body["stored"], 3);
    assert_eq!(taken.body["results"][3]["reason"], "analytics.event_id_conflict");
    assert_eq!(taken.body["results"][4]["reason"], "analytics.bad_event");
    assert_eq!(taken.body["results"][6]["event_id"], "req-b#6");
    let again = batch.post(BATCH, json!({"events": events})).await;
    assert_eq!(told(&again), ["duplicate", "duplicate", "duplicate", "rejected", "rejected", "rejected", "duplicate"]);
    for bad in [json!({"events": []}), json!({"events": vec![event("a"); 501]}), json!([]), json!({"events": 1})] {
        assert_problem(&service.post(BATCH, bad).await, 400, "http.bad_request");
    }
    let large = json!({"events": [{"event_type": "a", "payload": {"x": "y".repeat(1_100_000)}}]});
    assert_problem(&service.post(BATCH, large).await, 413, "http.body_too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_deleted_is_found_no_more_and_its_neighbours_stay() {
    let (bundle, service) = started().await;
    for step in ["default", "other", "default2"] {
        let event = json!({"event_type": "pageview", "payload": {}, "step_id": step});
        service.with_header("x-request-id", "req-1").post(INGEST, event).await.success().unwrap();
    }
    for cut in [
        "/analytics/event/req-1",
        "/analytics/event/req-1%2523default",
        "/analytics/event/req-1%23",
        "/analytics/event/a%20b%23c",
    ] {
        assert_problem(&service.delete(cut).await, 400, "analytics.event_id_malformed");
    }
    assert_problem(&service.delete("/analytics/event/req-2%23default").await, 404, "analytics.event_not_found");
    assert_eq!(service.delete("/analytics/event/req-1%23default").await.status, 204);
    assert_eq!(ids(&service.get(QUERY).await).len(), 2);
    assert_problem(&service.delete("/analytics/event/req-1%23default").await, 404, "analytics.event_not_found");
    assert_eq!(service.delete("/analytics/event?event_id=req-1%23other").await.status, 204);
    assert_eq!(ids(&service.get(QUERY).await), ["req-1#default2"]);
    // As the gateway hands it over: with the path decoded.
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/ingest/delete.json");
    let event = std::fs::read_to_string(file).unwrap().replace("req-abc123", "req-1").replace("#default", "#default2");
    assert!(event.contains("\"rawPath\": \"/analytics/event/req-1#default2\""), "{event}");
    let token = bundle.person(Claims::of("sender").tenant("t_greenleaf").scope("service:write"));
    let event = event.replace("Bearer TOKEN", &format!("Bearer {}", token.token().unwrap()));
    assert_eq!(bundle.deliver(&event).await.unwrap(), 204);
    assert!(ids(&service.get(QUERY).await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_and_a_cursor_is_of_one_list() {
    let (bundle, service) = started().await;
    for n in 0..5 {
        let events: Vec<Value> =
            (0..50).map(|_| json!({"event_type": "pageview", "payload": {"n": n}, "app": "shop"})).collect();
        service
            .with_header("x-request-id", &format!("req-{n}"))
            .post(BATCH, json!({"events": events}))
            .await
            .success()
            .unwrap();
        bundle.clock().advance(SignedDuration::from_secs(1));
    }
    let (mut found, mut path) = (vec![], format!("{QUERY}?limit=100&app=shop"));
    loop {
        let page = service.get(&path).await;
        found.extend(ids(&page));
        assert!(page.body["total"].as_u64().is_some_and(|total| total >= 250), "{}", page.body);
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        // Time goes by, and what comes meanwhile is on no later page.
        bundle.clock().advance(SignedDuration::from_secs(1));
        service.post(INGEST, json!({"event_type": "pageview", "payload": {}, "app": "shop"})).await.success().unwrap();
        for other in [
            format!("{QUERY}?cursor={cursor}"),
            format!("{QUERY}?app=kiosk&cursor={cursor}"),
            format!("{QUERY}?app=shop&cursor=x"),
        ] {
            assert_problem(&service.get(&other).await, 400, "http.bad_cursor");
        }
        path = format!("{QUERY}?limit=100&app=shop&cursor={cursor}");
        if found.len() > 250 {
            break;
        }
        found.truncate(250);
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 250);
    route(&bundle, "t_corner").await;
    let cursor = path.split("cursor=").nth(1).unwrap();
    let corner = service_of(&bundle, "t_corner").get(&format!("{QUERY}?limit=100&app=shop&cursor={cursor}")).await;
    assert_problem(&corner, 400, "http.bad_cursor");
    for bad in ["limit=0", "limit=1001", "limit=x", "start_time=yesterday", "end_time=2026-13-01"] {
        assert_eq!(service.get(&format!("{QUERY}?{bad}")).await.status, 400, "{bad}");
    }
    let backwards = format!("{QUERY}?start_time=2026-03-02T00:00:00Z&end_time=2026-03-01T00:00:00Z");
    assert_problem(&service.get(&backwards).await, 400, "analytics.bad_time_range");
}
