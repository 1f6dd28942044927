//! Events that are refused for what they are wait to be mended, and nothing else does.

use super::*;
use http::Method;
use tests::faults::Faults;

pub(super) const FAILED: &str = "/analytics/failed";

/// Who mends events.
pub(super) async fn keeper(bundle: &Bundle, tenant: &str) -> Client {
    bundle.administer(tenant, "mender", "admin:write").await.unwrap();
    within(bundle.person(Claims::of("mender").tenant(tenant).scope("admin:write")), tenant, "saas")
}

pub(super) async fn settled() -> (Bundle, Client, Client) {
    let (bundle, service) = started().await;
    let keeper = keeper(&bundle, "t_greenleaf").await;
    (bundle, service, keeper)
}

async fn send_raw(client: &Client, path: &str, body: impl Into<bytes::Bytes>) -> Response {
    client.send(Method::POST, path, Some(("application/json", body.into()))).await.unwrap()
}

pub(super) async fn listed(keeper: &Client, query: &str) -> Vec<Value> {
    let page = keeper.get(&format!("{FAILED}{query}")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    page.body["failed"].as_array().unwrap().clone()
}

pub(super) fn path(refused: &Value) -> String {
    format!("{FAILED}/{}", refused["failed_id"].as_str().unwrap_or_else(|| panic!("it is not kept: {refused}")))
}

pub(super) async fn replay(keeper: &Client, refused: &Value, mended: Option<Value>) -> Response {
    let body = mended.map(|event| ("application/json", event.to_string().into()));
    keeper.send(Method::POST, &format!("{}/replay", path(refused)), body).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_listed_mended_and_taken_in_and_the_list_is_empty() {
    let (_bundle, service, keeper) = settled().await;
    let with = |name: &str, value: Value| {
        let mut event = event("pageview");
        event[name] = value;
        event.to_string()
    };
    service.with_header("x-request-id", "req-taken").post(INGEST, event("pageview")).await.success().unwrap();
    let bad = [
        (with("unknown", json!(1)), 400, "http.bad_request"),
        ("{\"event_type\": \"pageview\"".to_owned(), 400, "http.bad_request"),
        (with("payload", json!({"x": "y".repeat(66_000)})), 400, "analytics.bad_event"),
        (with("payload", json!({"x": "y".repeat(100_000)})), 400, "analytics.bad_event"),
        (with("payload", json!({"x": "y".repeat(300_000)})), 413, "http.body_too_large"),
        (with("timestamp", json!("2099-01-01T00:00:00Z")), 400, "analytics.bad_event"),
        (with("step_id", json!("a#b")), 400, "analytics.bad_event"),
    ];
    let mut refused = vec![];
    for (n, (body, status, code)) in bad.iter().enumerate() {
        let sent = send_raw(&service.with_header("x-request-id", &format!("req-{n}")), INGEST, body.clone()).await;
        assert_problem(&sent, *status, code);
        refused.push(sent.body);
    }
    let conflict = service.with_header("x-request-id", "req-taken").post(INGEST, event("click")).await;
    assert_problem(&conflict, 409, "analytics.event_id_conflict");
    refused.push(conflict.body);
    let all = listed(&keeper, "").await;
    let ids = |all: &[Value]| all.iter().map(|one| one["failed_id"].clone()).collect::<Vec<_>>();
    let sent: Vec<_> = refused.iter().rev().map(|one| one["failed_id"].clone()).collect();
    assert_eq!(ids(&all).len(), bad.len() + 1);
    assert!(sent.iter().all(|id| ids(&all).contains(id)), "{all:?}");
    assert_eq!(listed(&keeper, "?reason=analytics.event_id_conflict").await.len(), 1);
    assert_eq!(listed(&keeper, "?reason=http.body_too_large&limit=1").await[0]["truncated"], true);
    assert_problem(&keeper.get(&format!("{FAILED}?reason=other")).await, 400, "http.bad_query");
    for (filter, other, limit) in [("", "reason=http.bad_request", 3), ("&reason=analytics.bad_event", "limit=1", 1)] {
        let (mut paged, mut next) = (vec![], format!("{FAILED}?limit={limit}{filter}"));
        loop {
            let page = keeper.get(&next).await;
            let found = page.body["failed"].as_array().unwrap();
            assert!(found.len() <= limit, "{}", page.body);
            paged.extend(found.clone());
            let Some(cursor) = page.body["next_cursor"].as_str() else { break };
            let elsewhere = keeper.get(&format!("{FAILED}?{other}&cursor={cursor}")).await;
            assert_problem(&elsewhere, 400, "http.bad_cursor");
            next = format!("{FAILED}?limit={limit}{filter}&cursor={cursor}");
        }
        let wanted = |one: &&Value| filter.is_empty() || one["reason"] == "analytics.bad_event";
        assert_eq!(paged, all.iter().filter(wanted).cloned().collect::<Vec<_>>(), "{filter}");
    }
    let shown = keeper.get(&path(&refused[0])).await;
    assert_eq!(shown.body["event"], serde_json::from_str::<Value>(&bad[0].0).unwrap(), "{}", shown.body);
    assert_eq!((&shown.body["request_id"], &shown.body["tries"]), (&json!("req-0"), &json!(0)));
    assert_eq!(keeper.get(&path(&refused[1])).await.body["text"], bad[1].0);
    // What is kept whole is refused again, and what is not cannot be sent again as it is.
    assert_problem(&replay(&keeper, &refused[0], None).await, 400, "http.bad_request");
    assert_problem(&replay(&keeper, &refused[3], None).await, 409, "analytics.failed_incomplete");
    assert_problem(&replay(&keeper, &refused[4], None).await, 409, "analytics.failed_incomplete");
    let worse = replay(&keeper, &refused[0], Some(event("a b"))).await;
    assert_problem(&worse, 400, "analytics.bad_event");
    let stays = keeper.get(&path(&refused[0])).await.body;
    assert_eq!((&stays["reason"], &stays["tries"]), (&json!("analytics.bad_event"), &json!(2)));
    assert_eq!(stays["event"], serde_json::from_str::<Value>(&bad[0].0).unwrap(), "what was sent stays");
    assert!(stays["tried_at"].is_string() && stays["detail"] == worse.body["detail"], "{stays}");
    for (n, one) in refused.iter().enumerate().take(bad.len()) {
        let taken = replay(&keeper, one, Some(event("mended"))).await;
        assert_eq!((taken.status, &taken.body), (200, &json!({"event_id": format!("req-{n}#default")})));
        assert_problem(&keeper.get(&path(one)).await, 404, "analytics.failed_not_found");
        assert_problem(&replay(&keeper, one, None).await, 404, "analytics.failed_not_found");
    }
    let step = json!({"event_type": "click", "payload": {}, "step_id": "2"});
    assert_eq!(replay(&keeper, refused.last().unwrap(), Some(step)).await.body["event_id"], "req-taken#2");
    assert!(listed(&keeper, "").await.is_empty());
    let kept = service.get(&format!("{QUERY}?event_type=mended")).await;
    assert_eq!(super::ids(&kept).len(), bad.len());
    assert_eq!(kept.body["records"][0]["project_id"], "web");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_tomorrow_is_taken_as_it_was_sent_once_its_day_has_come() {
    let (bundle, service, keeper) = settled().await;
    let now = bundle.clock().now();
    let mut late = event("pageview");
    late["timestamp"] = (now + SignedDuration::from_hours(25)).to_string().into();
    late["payload"] = json!({"n": 1, "email": "ada@example.com"});
    let refused = service.with_header("x-request-id", "req-late").post(INGEST, late.clone()).await;
    assert_problem(&refused, 400, "analytics.bad_event");
    assert_problem(&replay(&keeper, &refused.body, None).await, 400, "analytics.bad_event");
    bundle.clock().advance(SignedDuration::from_hours(2));
    assert_eq!(replay(&keeper, &refused.body, None).await.body, json!({"event_id": "req-late#default"}));
    // The sender sends the same again: it is the same, digests and all.
    let again = service.with_header("x-request-id", "req-late").post(INGEST, late.clone()).await;
    assert_eq!(again.body, json!({"event_id": "req-late#default", "duplicate": true}));
    let record = &service.get(QUERY).await.body["records"][0];
    assert_eq!((&record["timestamp"], &record["received_at"]), (&late["timestamp"], &json!(now.to_string())));
    assert!(record["payload"]["email"].as_str().unwrap().starts_with("sha256:"), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_those_wait_that_were_rejected_each_by_itself() {
    let (_bundle, service, keeper) = settled().await;
    let events = json!([event("a"), event("a b"), {"event_type": 1}, 7, event("b"),
        {"event_type": "c", "payload": {}, "step_id": "0"}]);
    let batch = service.with_header("x-request-id", "req-b");
    let taken = batch.post(BATCH, json!({"events": events})).await;
    assert_eq!((taken.status, &taken.body["stored"]), (200, &json!(2)), "{}", taken.body);
    let told: Vec<_> =
        taken.body["results"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(told, ["stored", "rejected", "rejected", "rejected", "stored", "rejected"]);
    let reasons = [
        None,
        Some("analytics.bad_event"),
        Some("http.bad_request"),
        Some("http.bad_request"),
        None,
        Some("analytics.event_id_conflict"),
    ];
    for (at, reason) in reasons.iter().enumerate() {
        let result = &taken.body["results"][at];
        assert_eq!(
            (result["reason"].as_str(), result["failed_id"].is_string()),
            (*reason, reason.is_some()),
            "{result}"
        );
    }
    let all = listed(&keeper, "").await;
    assert_eq!(all.iter().map(|one| one["index"].as_u64().unwrap()).collect::<Vec<_>>(), [5, 3, 2, 1]);
    // Sent again, each waits once.
    let again = batch.post(BATCH, json!({"events": events})).await;
    assert_eq!(again.body["results"][3]["failed_id"], taken.body["results"][3]["failed_id"]);
    assert_eq!(listed(&keeper, "").await, all);
    let mended = replay(&keeper, &taken.body["results"][1], Some(event("mended"))).await;
    assert_eq!(mended.body, json!({"event_id": "req-b#1"}), "under the name of its place");
    // What is no batch is refused and kept as a whole.
    for (body, status) in [
        ("{\"events\": [".to_owned(), 400),
        (json!({"events": vec![event("a"); 501]}).to_string(), 400),
        ("x".repeat(1_100_000), 413),
    ] {
        let refused = send_raw(&service, BATCH, body).await;
        assert_eq!((refused.status, refused.body["failed_id"].is_string()), (status, true), "{}", refused.body);
    }
    assert_eq!(listed(&keeper, "").await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_route_nothing_is_refused_for_what_it_is_and_nothing_kept() {
    let options = Options::for_tests().variable("ALLOW_LAB_MODE", "true").variable("LAB_TENANTS", "t_greenleaf");
    let bundle = Bundle::start_with(options).await;
    let keeper = keeper(&bundle, "t_greenleaf").await;
    for body in ["{", "{\"event_type\": \"a b\", \"payload\": {}}"] {
        assert_problem(&send_raw(&service(&bundle), INGEST, body).await, 503, "analytics_store.missing_route");
        assert_problem(&send_raw(&service(&bundle), BATCH, body).await, 503, "analytics_store.missing_route");
        let lab = within(service(&bundle), "t_greenleaf", "lab");
        let refused = send_raw(&lab, INGEST, body).await;
        assert_eq!((refused.status, &refused.body["failed_id"]), (400, &Value::Null), "{}", refused.body);
    }
    assert!(listed(&keeper, "").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_events_are_for_those_who_administer_their_tenant() {
    let (bundle, service, keeper) = settled().await;
    let ada = within(bundle.shopper("ada"), "t_greenleaf", "saas");
    let refused = ada.post(INGEST, event("a b")).await;
    assert_problem(&refused, 400, "analytics.bad_event");
    assert_eq!(listed(&keeper, "").await[0]["user_id"], "ada");
    let reader = within(bundle.administrator("reader", "admin:read").await, "t_greenleaf", "saas");
    assert_eq!(reader.get(&path(&refused.body)).await.status, 200);
    for (who, may_read) in [(&ada, false), (&service, false), (&reader, true)] {
        for (method, path, reads) in [
            (Method::GET, FAILED.to_owned(), true),
            (Method::GET, path(&refused.body), true),
            (Method::POST, format!("{}/replay", path(&refused.body)), false),
            (Method::DELETE, path(&refused.body), false),
        ] {
            if !(may_read && reads) {
                let answer = who.send(method, &path, None).await.unwrap();
                assert_problem(&answer, 403, "admin.insufficient_scope");
            }
        }
    }
    route(&bundle, "t_corner").await;
    let corner = super::failed::keeper(&bundle, "t_corner").await;
    assert!(listed(&corner, "").await.is_empty());
    assert_problem(&corner.get(&path(&refused.body)).await, 404, "analytics.failed_not_found");
    assert_problem(&corner.delete(&path(&refused.body)).await, 404, "analytics.failed_not_found");
    assert_problem(&replay(&corner, &refused.body, Some(event("a"))).await, 404, "analytics.failed_not_found");
    ada.post(INGEST, event("a b")).await;
    let cursor = keeper.get(&format!("{FAILED}?limit=1")).await.body["next_cursor"].as_str().unwrap().to_owned();
    assert_problem(&corner.get(&format!("{FAILED}?limit=1&cursor={cursor}")).await, 400, "http.bad_cursor");
    // What a person sent stays theirs, whoever mends it.
    let mut of_grace = event("a");
    of_grace["user_id"] = "grace".into();
    assert_eq!(replay(&keeper, &refused.body, Some(of_grace)).await.status, 403);
    assert_eq!(replay(&keeper, &refused.body, Some(event("a"))).await.status, 200);
    assert_eq!(service.get(QUERY).await.body["records"][0]["user_id"], "ada");
    let left = listed(&keeper, "").await;
    assert_eq!(keeper.delete(&path(&left[0])).await.status, 204);
    assert!(listed(&keeper, "").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_that_is_refused_lies_nowhere_in_clear() {
    let bundle = Bundle::start_with(Options::for_tests().variable("ANALYTICS_PII", "reject")).await;
    route(&bundle, "t_greenleaf").await;
    let (service, keeper) = (service(&bundle), keeper(&bundle, "t_greenleaf").await);
    let sent =
        json!({"event_type": "signup", "payload": {"email": "ada@example.com", "of": [{"Name": "Lovelace"}], "n": 1}});
    let refused = service.with_header("x-request-id", "req-1").post(INGEST, sent.clone()).await;
    assert_problem(&refused, 422, "analytics.personal_data");
    let cut = sent.to_string();
    for odd in [&cut[..cut.len() - 2], &cut.replace("signup", "sign up"), &cut.replace("payload", "body")] {
        assert_eq!(send_raw(&service, INGEST, odd.to_owned()).await.status, 400);
    }
    let batch = json!({"events": [sent, {"event_type": "a", "payload": {}, "phone": "Lovelace"}]});
    assert_eq!(service.post(BATCH, batch).await.body["results"][0]["reason"], "analytics.personal_data");
    assert_eq!(listed(&keeper, "").await.len(), 6);
    for table in &bundle.template().tables {
        let rows = bundle.aws().administrator().dynamodb().scan().table_name(&table.name).send().await.unwrap();
        let rows = format!("{rows:?}");
        assert!(!rows.contains("ada@example.com") && !rows.contains("Lovelace"), "{rows}");
    }
    let shown = keeper.get(&path(&refused.body)).await.body;
    assert_eq!((&shown["event"]["payload"]["n"], &shown["withheld"]), (&json!(1), &json!(false)), "{shown}");
    assert!(shown["event"]["payload"]["email"].as_str().unwrap().starts_with("sha256:"), "{shown}");
    assert_problem(&replay(&keeper, &refused.body, None).await, 422, "analytics.personal_data");
    let without = json!({"event_type": "signup", "payload": {"n": 1}});
    assert_eq!(replay(&keeper, &refused.body, Some(without)).await.body, json!({"event_id": "req-1#default"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_fills_the_table_and_what_has_no_room_is_counted_and_told() {
    let bundle = Bundle::start_with(Options::for_tests().variable("ANALYTICS_FAILED_MAX", "3")).await;
    route(&bundle, "t_greenleaf").await;
    let (service, keeper) = (service(&bundle), keeper(&bundle, "t_greenleaf").await);
    let taken = service.post(BATCH, json!({"events": vec![event("a b"); 5]})).await;
    let kept = |taken: &Response| {
        let results = taken.body["results"].as_array().unwrap().clone();
        let told = |one: &Value| one["failed_kept"] == false && one["failed_id"].is_null();
        results.iter().map(|one| !told(one)).collect::<Vec<_>>()
    };
    assert_eq!(kept(&taken), [true, true, true, false, false], "{}", taken.body);
    let refused = service.post(INGEST, event("a b")).await;
    assert_problem(&refused, 400, "analytics.bad_event");
    assert_eq!((&refused.body["failed_kept"], &refused.body["failed_id"]), (&json!(false), &Value::Null));
    let page = keeper.get(FAILED).await;
    assert_eq!((page.body["failed"].as_array().unwrap().len(), &page.body["not_kept"]), (3, &json!(3)));
    assert_eq!(keeper.delete(&path(&page.body["failed"][0])).await.status, 204);
    bundle.clock().advance(SignedDuration::from_mins(1));
    let taken = service.post(BATCH, json!({"events": vec![event("a b"); 2]})).await;
    assert_eq!(kept(&taken), [true, false], "what was let go makes room");
    // The others go by themselves, whether the table has dropped them or not, and nobody sees them meanwhile.
    let last = listed(&keeper, "").await;
    bundle.clock().advance(SignedDuration::from_hours(30 * 24));
    assert!(listed(&keeper, "").await.is_empty());
    assert_problem(&keeper.get(&path(&last[0])).await, 404, "analytics.failed_not_found");
    assert_problem(&replay(&keeper, &last[0], Some(event("a"))).await, 404, "analytics.failed_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_on_the_way_back_in_the_event_is_there_once_and_waits_until_it_is() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    route(&bundle, "t_greenleaf").await;
    let (service, keeper) = (service(&bundle), keeper(&bundle, "t_greenleaf").await);
    let mut tried = 0;
    for (operation, touching) in [("GetItem", "#FAILED"), ("PutItem", "#EVENT"), ("TransactWriteItems", "#FAILED")] {
        for what in ["lose", "reset", "fail"] {
            tried += 1;
            let request = format!("req-{tried}");
            let refused = service.with_header("x-request-id", &request).post(INGEST, event("a b")).await;
            let rule = faults.on(operation).by("ingest").touching(touching);
            match what {
                "lose" => rule.lose_reply(),
                "reset" => rule.reset(),
                _ => rule.fail(),
            };
            let first = replay(&keeper, &refused.body, Some(event("mended"))).await;
            assert!(matches!(first.status, 200 | 500 | 503), "{operation} {what}: {}", first.body);
            faults.clear();
            if first.status != 200 {
                let again = replay(&keeper, &refused.body, Some(event("mended"))).await;
                assert!(matches!(again.status, 200 | 404), "{operation} {what}: {}", again.body);
            }
            assert!(listed(&keeper, "").await.is_empty(), "{operation} {what}");
            let all = super::ids(&service.get(&format!("{QUERY}?event_type=mended")).await);
            assert_eq!(all.len(), tried, "{operation} {what}: {all:?}");
        }
    }
    // Where it cannot be kept, the refusal is the same and says so.
    for operation in ["UpdateItem", "TransactWriteItems"] {
        faults.on(operation).by("ingest").touching("#FAILED").fail();
        let refused = service.post(INGEST, event("a b")).await;
        assert_problem(&refused, 400, "analytics.bad_event");
        assert_eq!(refused.body["failed_kept"], false, "{operation}: {}", refused.body);
        faults.clear();
    }
    // The reply to its keeping is lost: it is kept once.
    faults.on("TransactWriteItems").by("ingest").touching("#FAILED").once().lose_reply();
    let refused = service.post(INGEST, event("a b")).await;
    faults.clear();
    assert_eq!(listed(&keeper, "").await[0]["failed_id"], refused.body["failed_id"]);
    assert_eq!(listed(&keeper, "").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_take_an_event_in_at_once_it_is_there_once() {
    let (_bundle, service, keeper) = settled().await;
    let refused = service.with_header("x-request-id", "req-1").post(INGEST, event("a b")).await;
    let kinds = ["one", "other"];
    let all = (0..12).map(|n| replay(&keeper, &refused.body, Some(event(kinds[n % 2]))));
    let all = futures::future::join_all(all).await;
    assert!(all.iter().all(|answer| matches!(answer.status, 200 | 404 | 409)), "{all:?}");
    let new = all.iter().filter(|answer| answer.status == 200 && answer.body["duplicate"].is_null()).count();
    assert_eq!(new, 1, "one stores it");
    assert!(listed(&keeper, "").await.is_empty());
    assert_eq!(super::ids(&service.get(QUERY).await), ["req-1#default"]);
}
