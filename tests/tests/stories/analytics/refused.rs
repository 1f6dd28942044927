//! What is refused: for want of a route, of a right, or of form. Nothing of it is kept.

use super::*;
use http::Method;

fn requests() -> [(Method, String, Option<Value>); 6] {
    [
        (Method::POST, INGEST.to_owned(), Some(event("pageview"))),
        (Method::POST, BATCH.to_owned(), Some(json!({"events": [event("pageview")]}))),
        (Method::GET, QUERY.to_owned(), None),
        (Method::GET, "/analytics/aggregate?metric=pageviews".to_owned(), None),
        (Method::DELETE, "/analytics/event/req-1%23default".to_owned(), None),
        (Method::DELETE, "/analytics/event?event_id=req-1%23default".to_owned(), None),
    ]
}

async fn ask(client: &Client, (method, path, body): (Method, String, Option<Value>)) -> Response {
    let body = body.map(|body| ("application/json", body.to_string().into()));
    client.send(method, &path, body).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_route_everything_is_refused_with_what_mends_it_and_nothing_is_kept() {
    let bundle = Bundle::start().await;
    for mode in ["saas", "enterprise", "system"] {
        let client = within(
            bundle.person(Claims::of("sender").tenant("t_greenleaf").scope("service:write")),
            "t_greenleaf",
            mode,
        );
        for request in requests() {
            let refused = ask(&client, request).await;
            assert_problem(&refused, 503, "analytics_store.missing_route");
            let message = format!(
                "No analytics_store route configured for tenant=t_greenleaf, env=development, mode={mode}. Configure via \
                 /routing/routes with backend_type (firestore|dynamodb|cosmos)."
            );
            assert_eq!((&refused.body["message"], &refused.body["status_code"]), (&json!(message), &json!(503)));
            assert!(refused.headers.get("retry-after").is_none(), "coming again mends nothing");
        }
    }
    route(&bundle, "t_greenleaf").await;
    bundle.clock().advance(SignedDuration::from_secs(10));
    assert!(ids(&service(&bundle).get(QUERY).await).is_empty(), "what was refused is nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_is_removed_ends_storing_and_what_was_stored_is_there_again_with_it() {
    let (bundle, service) = started().await;
    service.with_header("x-request-id", "req-1").post(INGEST, event("pageview")).await.success().unwrap();
    let keeper = super::super::routing::keeper(&bundle).await;
    assert_eq!(keeper.delete(&format!("{ROUTES}/analytics_store.t_greenleaf.development")).await.status, 204);
    bundle.clock().advance(SignedDuration::from_secs(10));
    for request in requests() {
        assert_problem(&ask(&service, request).await, 503, "analytics_store.missing_route");
    }
    route(&bundle, "t_greenleaf").await;
    bundle.clock().advance(SignedDuration::from_secs(10));
    assert_eq!(ids(&service.get(QUERY).await), ["req-1#default"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lab_is_let_through_and_told_that_nothing_is_kept() {
    let options = Options::for_tests().variable("ALLOW_LAB_MODE", "true").variable("LAB_TENANTS", "t_greenleaf");
    let bundle = Bundle::start_with(options).await;
    let sender = |mode| {
        within(bundle.person(Claims::of("sender").tenant("t_greenleaf").scope("service:write")), "t_greenleaf", mode)
    };
    let lab = sender("lab");
    let taken = lab.with_header("x-request-id", "req-1").post(INGEST, event("pageview")).await;
    let told = json!({"event_id": "req-1#default", "stored": false, "warning": "analytics_store.missing_route"});
    assert_eq!((taken.status, &taken.body), (200, &told));
    let batch = lab.post(BATCH, json!({"events": [event("a")]})).await;
    assert_eq!((&batch.body["stored"], &batch.body["results"][0]["status"]), (&json!(0), &json!("not_stored")));
    for path in [QUERY, "/analytics/aggregate?metric=pageviews"] {
        let answer = lab.get(path).await;
        assert_eq!((answer.status, answer.body["total"].as_f64()), (200, Some(0.0)), "{}", answer.body);
        assert_eq!(answer.body["warning"], "analytics_store.missing_route");
    }
    assert_problem(&lab.delete("/analytics/event/req-1%23default").await, 404, "analytics.event_not_found");
    assert_problem(&sender("saas").post(INGEST, event("pageview")).await, 503, "analytics_store.missing_route");
    let strict = Bundle::start().await;
    let strict =
        within(strict.person(Claims::of("sender").tenant("t_greenleaf").scope("service:write")), "t_greenleaf", "lab");
    assert_problem(&strict.post(INGEST, event("pageview")).await, 403, "context.mode_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sends_of_themselves_and_asks_for_nothing() {
    let (bundle, service) = started().await;
    let ada = within(bundle.shopper("ada"), "t_greenleaf", "saas").with_header("x-request-id", "req-ada");
    assert_eq!(ada.post(INGEST, event("pageview")).await.status, 200);
    let mut own = event("click");
    own["user_id"] = "ada".into();
    assert_eq!(ada.with_header("x-request-id", "req-own").post(INGEST, own).await.status, 200);
    let mut other = event("click");
    other["user_id"] = "grace".into();
    assert_problem(&ada.post(INGEST, other.clone()).await, 403, "identity.user_mismatch");
    assert_problem(&ada.post(BATCH, json!({"events": [event("a"), other]})).await, 403, "identity.user_mismatch");
    for request in requests().into_iter().skip(2) {
        assert_problem(&ask(&ada, request).await, 403, "admin.insufficient_scope");
    }
    let page = service.get(&format!("{QUERY}?user_id=ada")).await;
    assert_eq!(ids(&page).len(), 2, "an event is about who sends it: {}", page.body);
    let reader = within(bundle.administrator("reader", "admin:read").await, "t_greenleaf", "saas");
    assert_eq!(reader.get(QUERY).await.status, 200);
    assert_problem(&reader.delete("/analytics/event/req-own%23default").await, 403, "admin.insufficient_scope");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_reads_and_deletes_its_own_in_a_table_that_it_shares() {
    let (bundle, service) = started().await;
    route(&bundle, "t_corner").await;
    let corner = service_of(&bundle, "t_corner");
    for client in [&service, &corner] {
        let sent = client.with_header("x-request-id", "req-1").post(INGEST, event("pageview")).await;
        assert_eq!(sent.body, json!({"event_id": "req-1#default"}), "names are a tenant's own");
    }
    assert_eq!(corner.delete("/analytics/event/req-1%23default").await.status, 204);
    assert!(ids(&corner.get(QUERY).await).is_empty());
    assert_eq!(ids(&service.get(QUERY).await), ["req-1#default"]);
    assert_eq!(corner.get("/analytics/aggregate?metric=pageviews").await.body["total"], 0.0);
    let wrong =
        within(bundle.person(Claims::of("sender").tenant("t_corner").scope("service:write")), "t_greenleaf", "saas");
    assert_problem(&wrong.get(QUERY).await, 403, "tenant.forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_the_wrong_form_is_told_what_is_wrong() {
    let (_bundle, service) = started().await;
    let with = |name: &str, value: Value| {
        let mut event = event("pageview");
        event[name] = value;
        event
    };
    for (bad, code) in [
        (json!({"payload": {}}), "http.bad_request"),
        (json!({"event_type": "a"}), "http.bad_request"),
        (with("unknown", json!(1)), "http.bad_request"),
        (with("timestamp", json!("yesterday")), "http.bad_request"),
        (with("payload", json!([])), "analytics.bad_event"),
        (with("payload", json!("x")), "analytics.bad_event"),
        (with("payload", json!({"x": "y".repeat(66_000)})), "analytics.bad_event"),
        (with("event_type", json!("")), "analytics.bad_event"),
        (with("event_type", json!("a b")), "analytics.bad_event"),
        (with("step_id", json!("a#b")), "analytics.bad_event"),
        (with("step_id", json!("")), "analytics.bad_event"),
        (with("app", json!("")), "analytics.bad_event"),
        (with("utm_source", json!("a\u{0}")), "analytics.bad_event"),
        (with("surface", json!("x".repeat(257))), "analytics.bad_event"),
        (with("user_id", json!("x".repeat(129))), "analytics.bad_event"),
        (with("timestamp", json!("2099-01-01T00:00:00Z")), "analytics.bad_event"),
    ] {
        assert_problem(&service.post(INGEST, bad).await, 400, code);
    }
    assert!(ids(&service.get(QUERY).await).is_empty());
    let without = service.with_header("content-type", "text/plain");
    let sent = without.send(Method::POST, INGEST, Some(("text/plain", "{}".into()))).await.unwrap();
    assert_problem(&sent, 415, "http.unsupported_media_type");
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_is_made_unreadable_refused_or_kept_as_the_stack_says() {
    let sent =
        json!({"event_type": "signup", "payload": {"email": "ada@example.com", "of": [{"Name": "Ada"}], "n": 1}});
    for policy in ["hash", "reject", "allow"] {
        let bundle = Bundle::start_with(Options::for_tests().variable("ANALYTICS_PII", policy)).await;
        route(&bundle, "t_greenleaf").await;
        let service = service(&bundle);
        let taken = service.post(INGEST, sent.clone()).await;
        if policy == "reject" {
            assert_problem(&taken, 422, "analytics.personal_data");
            assert!(taken.body["message"].as_str().unwrap().contains("payload.email"), "{}", taken.body);
            assert!(!taken.body.to_string().contains("ada@"), "{}", taken.body);
            continue;
        }
        assert_eq!(taken.status, 200, "{}", taken.body);
        let payload = service.get(QUERY).await.body["records"][0]["payload"].clone();
        match policy {
            "allow" => assert_eq!(payload, sent["payload"]),
            _ => {
                assert!(payload["email"].as_str().unwrap().starts_with("sha256:"), "{payload}");
                assert!(!payload.to_string().contains("Ada") && payload["n"] == 1, "{payload}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_cannot_be_followed_is_told_and_nothing_is_kept_elsewhere() {
    let bundle = Bundle::start().await;
    let keeper = super::super::routing::keeper(&bundle).await;
    let service = service(&bundle);
    let config = |region: &str, table: &str| json!({"region": region, "table_name": table, "use_local": true});
    let firestore = json!({"project_id": "demo-project", "collection_path": "events", "use_emulator": true});
    for (backend, config, code) in [
        ("dynamodb", config("us-east-1", "nothing-here"), "analytics_store.adapter_init_failed"),
        ("dynamodb", config("eu-central-1", &bundle.template().tables[1].name), "analytics_store.adapter_init_failed"),
        ("firestore", firestore, "analytics_store.adapter_init_failed"),
    ] {
        let mut route = leads(&bundle, "t_greenleaf");
        (route["backend_type"], route["config"]) = (backend.into(), config);
        let made = keeper.post(&format!("{ROUTES}?replace=true"), route).await;
        assert!(matches!(made.status, 200 | 201), "{}", made.body);
        bundle.clock().advance(SignedDuration::from_secs(10));
        for request in requests() {
            assert_problem(&ask(&service, request).await, 500, code);
        }
    }
}
