//! People, services and schedules who use all that the bundle has.

use bytes::Bytes;
use http::Method;
use local::{Bundle, Client};
use serde_json::{Value, json};
use shared::{
    outbox::{Message, Outbox, Target},
    table::Table,
    tenant::{Sweep, TenantScope},
};

/// People and schedules use all that there is.
pub(super) async fn exercise(bundle: &Bundle) {
    let (ada, emil, root) = (bundle.shopper("ada"), bundle.employee("emil"), bundle.admin("root"));
    let store = "/catalog/stores/downtown";
    let product = json!({"name": "Zanzibar Fig Spread", "price": 6.35, "stock": 3});
    let question = json!({"question": "where is the oat milk?", "store_id": "downtown"});
    for _ in 0..2 {
        // The second time it is replayed.
        let keyed = |client: &Client, key: &str| client.with_header("idempotency-key", key);
        keyed(&ada, "ask-1").post("/ask", question.clone()).await.success().unwrap();
        keyed(&emil, "put-1").put(&format!("{store}/products/used-1"), product.clone()).await.success().unwrap();
    }
    for path in ["", "/products?limit=3", "/products/used-1", "/search?q=milk&limit=2"] {
        emil.get(&format!("{store}{path}")).await.success().unwrap();
    }
    let about = emil.get(store).await.body;
    emil.put(store, about).await.success().unwrap();
    let rows = "product_id,name,price\nused-2,Fig Jam,2\nused-2,,x\n";
    emil.post_bytes(&format!("{store}/import"), "text/csv", rows).await.success().unwrap();
    root.delete(&format!("{store}/products/used-1")).await.success().unwrap();
    upload(&emil, store).await;
    bundle.run_schedule("catalog-publish").await.unwrap();
    bundle.clock().advance(jiff::SignedDuration::from_secs(600));
    ada.post("/ask", question).await.success().unwrap();
    people(bundle).await;
    notices(bundle).await;
    messages(bundle).await;
    appeals(bundle).await;
    routes(bundle).await;
    events(bundle).await;
    tests::audit::act(bundle, "greenleaf", "one").await;
    tests::audit::leave_a_gap(bundle, "greenleaf", "one").await;
    tests::audit::act(bundle, "greenleaf", "two").await;
    bundle.clock().advance(jiff::SignedDuration::from_secs(60));
    bundle.run_schedule("audit-checkpoint").await.unwrap();
}

/// Somebody is told of decisions, reads and chooses.
pub(super) async fn notices(bundle: &Bundle) {
    const ALL: &str = "/api/user-notifications";
    let service = bundle.person(local::seed::claims("moderation", "shopper").scope("service:write"));
    let keyed = service.with_header("idempotency-key", "notice-1");
    let decision = json!({"userId": "ada", "category": "account_warning"});
    let told = keyed.post(ALL, decision.clone()).await.success().unwrap();
    assert_eq!(service.post(ALL, decision.clone()).await.status, 429);
    bundle.clock().advance(jiff::SignedDuration::from_hours(12));
    // With what waited, and once more so that the schedule has something to tell.
    service.post(ALL, decision.clone()).await.success().unwrap();
    let mut named = decision;
    named["decision_ref"] = "used-1".into();
    assert_eq!(service.post(ALL, named).await.status, 429);
    bundle.clock().advance(jiff::SignedDuration::from_hours(12));
    bundle.run_schedule("notification-deferrals").await.unwrap();
    let ada = bundle.shopper("ada");
    let one = format!("{ALL}/{}", told.body["id"].as_str().unwrap());
    for path in [
        ALL,
        &format!("{ALL}?limit=1"),
        &format!("{ALL}?unread=true"),
        &format!("{ALL}?unread=true&category=account_warning"),
        &one,
    ] {
        ada.get(path).await.success().unwrap();
    }
    ada.patch(&one, json!({"read": true})).await.success().unwrap();
    ada.put(&format!("{ALL}/preferences"), json!({"language": "es"})).await.success().unwrap();
    let keeper = bundle.administrator("keeper", "admin:super").await;
    keeper.get(&format!("{one}?userId=ada")).await.success().unwrap();
}

/// A mail to somebody without an address, and one that is none and is given up.
async fn messages(bundle: &Bundle) {
    let tenant = TenantScope::for_job(Sweep::OutboxDrain, "t_greenleaf".parse().unwrap());
    let table = Table::new(bundle.aws(), &bundle.template().tables[0].name);
    let outbox = Outbox::new(table.clone(), bundle.clock().clone()).of(&tenant);
    let letter = json!({"person": "somebody", "texts": {"en": {"title": "t", "body": "b"}}});
    let of = |id: &str, payload| Message {
        id: id.to_owned(),
        target: Target::Email,
        topic: "test.done".to_owned(),
        payload,
    };
    let parts = [of("used-1", letter), of("used-2", json!({}))].map(|message| outbox.part(message).unwrap());
    tenant.act(table.of(&tenant).transact(parts.into())).await.unwrap();
    let report = bundle.run_schedule("outbox-drain").await.unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert!(report["skipped"].as_u64() >= Some(1) && report["dead"] == 1, "{report}");
}

/// Somebody appeals three times, and all appeals are decided: the last one is told of with the one before, which had to wait.
async fn appeals(bundle: &Bundle) {
    const ALL: &str = "/api/user-notifications";
    bundle.clock().advance(jiff::SignedDuration::from_hours(13));
    let service = bundle.person(local::seed::claims("moderation", "shopper").scope("service:write"));
    let keeper = bundle.administrator("keeper", "admin:super").await;
    let ada = bundle.shopper("ada").with_header("idempotency-key", "appeal-1");
    for category in ["content_violation", "temporary_restriction", "content_violation"] {
        if category == "content_violation" {
            bundle.clock().advance(jiff::SignedDuration::from_hours(13));
        }
        let told = service.post(ALL, json!({"userId": "ada", "category": category})).await.success().unwrap();
        let path = format!("{ALL}/{}/appeal", told.body["id"].as_str().unwrap());
        let opened = ada.post(&path, json!({})).await.success().unwrap();
        assert_eq!(bundle.shopper("ada").post(&path, json!({})).await.status, 409);
        let appeal = format!("/api/admin/appeals/{}", opened.body["appeal_id"].as_str().unwrap());
        keeper.get("/api/admin/appeals").await.success().unwrap();
        keeper.post(&format!("{appeal}/review"), json!({})).await.success().unwrap();
        let decision = json!({"outcome": "overturned", "reason": "It keeps to the guidelines."});
        keeper.post(&format!("{appeal}/decision"), decision).await.success().unwrap();
        keeper.get(&appeal).await.success().unwrap();
    }
    ada.get(&format!("{ALL}/appeals")).await.success().unwrap();
    // With a mark of the next page, whose key stands in the secret.
    ada.get(&format!("{ALL}/appeals?limit=1")).await.success().unwrap();
    bundle.clock().advance(jiff::SignedDuration::from_hours(13));
    bundle.run_schedule("notification-deferrals").await.unwrap();
    let third = service.post(ALL, json!({"userId": "ada", "category": "content_violation"})).await.success().unwrap();
    let path = format!("{ALL}/{}/appeal", third.body["id"].as_str().unwrap());
    let opened = bundle.shopper("ada").post(&path, json!({})).await.success().unwrap();
    let one = format!("{ALL}/appeals/{}", opened.body["appeal_id"].as_str().unwrap());
    bundle.shopper("ada").patch(&one, json!({"state": "withdrawn"})).await.success().unwrap();
    keeper.get("/api/admin/appeals/stats").await.success().unwrap();
}

/// A route is made twice, looked at, and removed while it is required.
async fn routes(bundle: &Bundle) {
    bundle.administer("t_system", "keeper", "admin:super").await.unwrap();
    let keeper = bundle.person(local::Claims::of("keeper").tenant("t_system").scope("admin:super"));
    let headers = [("x-tenant-id", "t_system"), ("x-project-id", "proj-system"), ("x-mode", "system")];
    let keeper = headers.iter().fold(keeper, |client, (name, value)| client.with_header(name, value));
    let route = json!({
        "resource_kind": "analytics_store", "tenant_id": "t_greenleaf", "env": "development", "required": true,
        "backend_type": "dynamodb", "config": {"region": "eu-central-1", "table_name": "events", "use_local": true},
    });
    let keyed = keeper.with_header("idempotency-key", "route-1");
    for _ in 0..2 {
        keyed.post("/routing/routes", route.clone()).await.success().unwrap();
    }
    let mut another = route;
    another["tenant_id"] = "t_corner".into();
    keeper.post("/routing/routes", another).await.success().unwrap();
    let one = "/routing/routes/analytics_store.t_greenleaf.development";
    for path in [one, "/routing/routes?limit=1", "/routing/routes?tenant_id=t_greenleaf"] {
        keeper.get(path).await.success().unwrap();
    }
    keeper.delete(one).await;
    for administrator in [keeper, bundle.administrator("keeper", "admin:super").await] {
        let health = administrator.get("/healthz?deep=1").await.success().unwrap();
        assert_eq!(health.body["missing_routes"], json!(["analytics_store.t_greenleaf.development"]));
    }
}

/// Events are sent twice, listed by time and by person, counted and deleted.
async fn events(bundle: &Bundle) {
    let headers = |tenant: &'static str| [("x-tenant-id", tenant), ("x-project-id", "web"), ("x-mode", "system")];
    let within = |client: Client, tenant| {
        headers(tenant).iter().fold(client, |client, (name, value)| client.with_header(name, value))
    };
    let keeper = bundle.person(local::Claims::of("keeper").tenant("t_system").scope("admin:super"));
    let route = json!({
        "resource_kind": "analytics_store", "tenant_id": "t_greenleaf", "env": "development", "backend_type": "dynamodb",
        "config": {"region": "us-east-1", "table_name": bundle.template().tables[1].name, "use_local": true},
    });
    within(keeper, "t_system").post("/routing/routes?replace=true", route).await.success().unwrap();
    bundle.clock().advance(jiff::SignedDuration::from_secs(10));
    let service = bundle.person(local::seed::claims("sender", "shopper").scope("service:write"));
    let sender = within(service, "t_greenleaf").with_header("x-request-id", "used-1");
    let event = json!({"event_type": "pageview", "payload": {}, "user_id": "ada"});
    let keyed = sender.with_header("idempotency-key", "event-1");
    for client in [&keyed, &keyed, &sender] {
        client.post("/analytics/ingest", event.clone()).await.success().unwrap();
    }
    sender.post("/analytics/ingest/batch", json!({"events": [event]})).await.success().unwrap();
    for path in ["query?limit=1", "query?user_id=ada", "aggregate?metric=pageviews&group_by=app"] {
        sender.get(&format!("/analytics/{path}")).await.success().unwrap();
    }
    let keeper = within(bundle.administrator("keeper", "admin:super").await, "t_greenleaf");
    keeper.get("/analytics/query").await.success().unwrap();
    bundle.administer("t_system", "prober", "admin:super").await.unwrap();
    let prober = local::Claims::of("prober").role("admin").tenant("t_system").scope("admin:super");
    let table = &bundle.template().tables[1].name;
    let backend =
        json!({"backend_type": "dynamodb", "config": {"region": "us-east-1", "table_name": table, "use_local": true}});
    within(bundle.person(prober), "t_system").post("/analytics/probe", backend).await.success().unwrap();
    let gone = sender.delete("/analytics/event/used-1%23default").await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    failed(&sender, &keeper).await;
    rolled_up(bundle, &sender).await;
}

/// What has changed is counted, in a day that is over: of one of its hours, several chunks were, and are no more.
async fn rolled_up(bundle: &Bundle, sender: &Client) {
    let wide = |n: usize| {
        let text = |of: &str| format!("{of}{n:03}{}", "x".repeat(240));
        json!({
            "event_type": "pageview", "payload": {}, "timestamp": "2026-02-01T10:00:00Z", "utm_source": text("a"), "utm_medium": text("b"),
            "utm_campaign": text("c"), "utm_content": text("d"), "utm_term": text("e"), "step_id": format!("wide-{n}"),
        })
    };
    let wide: Vec<Value> = (0..300).map(wide).collect();
    sender.post("/analytics/ingest/batch", json!({"events": wide})).await.success().unwrap();
    for (minutes, last) in [(30, false), (30, true)] {
        bundle.clock().advance(jiff::SignedDuration::from_mins(minutes));
        bundle.run_schedule("analytics-rollup").await.unwrap();
        let count =
            "/analytics/aggregate?metric=pageviews&start_time=2026-02-01T00:00:00Z&end_time=2026-02-02T00:00:00Z";
        let counted = sender.get(count).await.success().unwrap();
        assert_eq!(counted.body["total"], if last { 200 } else { 300 });
        for n in (0..100).filter(|_| !last) {
            sender.delete(&format!("/analytics/event/used-1%23wide-{n}")).await.success().unwrap();
        }
    }
}

/// Events that are refused are listed, tried again, taken in after all and let go.
async fn failed(sender: &Client, keeper: &Client) {
    let sender = &sender.with_header("x-request-id", "used-2");
    let refused = json!({"events": [{"event_type": "no event", "payload": {}}, {"event_type": "", "payload": {}}]});
    let refused = sender.post("/analytics/ingest/batch", refused).await.success().unwrap();
    keeper.get("/analytics/failed?limit=1").await.success().unwrap();
    let path = |at: usize| format!("/analytics/failed/{}", refused.body["results"][at]["failed_id"].as_str().unwrap());
    keeper.get(&path(0)).await.success().unwrap();
    let replay = keeper.send(Method::POST, &format!("{}/replay", path(0)), None).await.unwrap();
    assert_eq!(replay.status, 400, "{}", replay.body);
    let mended = json!({"event_type": "pageview", "payload": {}});
    keeper.post(&format!("{}/replay", path(0)), mended).await.success().unwrap();
    assert_eq!(keeper.delete(&path(1)).await.status, 204);
    erased(sender, keeper).await;
}

/// A person's events are exported and erased, and one that cannot be read is looked through.
async fn erased(sender: &Client, keeper: &Client) {
    keeper.get("/api/analytics/export?format=csv").await.success().unwrap();
    let unread = sender.send(Method::POST, "/analytics/ingest", Some(("application/json", "{".into()))).await.unwrap();
    assert_eq!(unread.status, 400, "{}", unread.body);
    let erased = keeper.delete("/analytics/events?user_id=ada").await.success().unwrap();
    assert_eq!(erased.body["complete"], true, "{}", erased.body);
    let receipt = format!("/analytics/erasures/{}", erased.body["receipt_id"].as_str().unwrap());
    keeper.get(&receipt).await.success().unwrap();
}

/// A large file goes to the bucket itself, by the URL that was signed for it.
async fn upload(emil: &Client, store: &str) {
    let ticket =
        emil.post(&format!("{store}/imports"), json!({"content_type": "text/csv"})).await.success().unwrap().body;
    let url = ticket["upload_url"].as_str().unwrap();
    let at = url.match_indices('/').nth(2).unwrap().0;
    let file = Bytes::from_static(b"product_id,name,price\nused-3,Fig Tea,3\n");
    let bucket = Client::stranger(&url[..at]);
    let put = bucket.send(Method::PUT, &url[at..], Some(("text/csv", file))).await.unwrap();
    assert_eq!(put.status, 200, "{}", put.body);
    let import = format!("{store}/imports/{}", ticket["import_id"].as_str().unwrap());
    let begin = emil.send(Method::POST, &format!("{import}/start"), None).await.unwrap();
    assert_eq!(begin.status, 202, "{}", begin.body);
    emil.get(&import).await.success().unwrap();
}

async fn people(bundle: &Bundle) {
    let keeper = bundle.administrator("keeper", "admin:super").await;
    let path = "/api/admin/people/somebody";
    let record = json!({"role": "shopper", "stores": ["downtown"], "scopes": []});
    let keyed = keeper.with_header("idempotency-key", "person-1");
    for _ in 0..2 {
        keyed.put(path, record.clone()).await.success().unwrap();
    }
    let found = keeper.get(path).await.success().unwrap();
    keeper.get("/api/admin/people?limit=1").await.success().unwrap();
    keeper.with_header("if-match", found.header("etag")).delete(path).await;
    let emergency = keeper.with_header("x-breakglass-reason", "the keeper of the keys is ill");
    emergency
        .put(path, json!({"role": "shopper", "stores": [], "scopes": ["admin:breakglass"]}))
        .await
        .success()
        .unwrap();
    keeper.get("/healthz").await.success().unwrap();
}
