//! What is refused: contexts, people, secrets, and what would lead nowhere.

use super::*;
use http::Method;

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_stands_nowhere_but_in_the_row_of_a_lab() {
    let labs = Options::for_tests().variable("ALLOW_LAB_MODE", "true").variable("LAB_TENANTS", "t_system,t_lab");
    let bundle = Bundle::start_with(labs).await;
    let keeper = keeper(&bundle).await;
    let cosmos = |tenant: &str, member: &str| {
        let mut route = dynamodb(tenant);
        route["backend_type"] = "cosmos".into();
        route["config"] =
            json!({"endpoint": "https://acme.documents.azure.com", "database_id": "d", "container_id": "c"});
        route["config"][member] = "zq7-plaintext".into();
        route
    };
    for member in ["key", "Key", "PASSWORD", "authToken"] {
        let refused = keeper.post(ALL, cosmos("t_lab", member)).await;
        assert_problem(&refused, 400, "route.plaintext_secret");
        assert!(!String::from_utf8_lossy(&refused.bytes).contains("zq7"), "{}", refused.body);
    }
    let mut deep = dynamodb("t_lab");
    (deep["resource_kind"], deep["config"]) = (json!("rag_index"), json!({"hosts": [{"auth": {"Password": "zq7"}}]}));
    let refused = keeper.post(ALL, deep.clone()).await;
    assert_problem(&refused, 400, "route.plaintext_secret");
    assert!(refused.body["message"].as_str().unwrap().contains("hosts.0.auth.Password"), "{}", refused.body);
    let lab = keeper.with_header("x-mode", "lab");
    assert_problem(&lab.post(ALL, cosmos("acme", "key")).await, 400, "route.plaintext_secret");
    let mut told = Vec::new();
    for route in [cosmos("t_lab", "key"), deep] {
        let made = lab.post(ALL, route).await;
        assert_eq!(made.status, 201, "{}", made.body);
        assert!(made.body["warnings"][0].as_str().unwrap().starts_with("route.plaintext_secret"), "{}", made.body);
        told.push(made);
    }
    assert_eq!(told[0].body["config"]["key"], "***");
    for client in [&keeper, &lab] {
        let shown = client.get(&one("t_lab")).await;
        assert_eq!((shown.status, &shown.body["config"]["key"]), (200, &json!("***")));
        told.extend([shown, client.get(ALL).await, client.get(&format!("{ALL}?tenant_id=t_lab")).await]);
    }
    assert_eq!(lab.delete(&one("t_lab")).await.status, 204);
    assert!(told.iter().all(|told| !String::from_utf8_lossy(&told.bytes).contains("zq7")));
    for text in texts(&bundle).await {
        assert!(!text.detail.to_string().contains("zq7"), "{:?}", text.detail);
    }
    // What names a secret is good everywhere, if it names one.
    let mut named = cosmos("acme", "key_secret");
    assert_problem(&keeper.post(ALL, named.clone()).await, 400, "route.bad_backend");
    named["config"]["key_secret"] = "smartstore/cosmos#key".into();
    let made = keeper.post(ALL, named).await;
    assert_eq!((made.status, &made.body["config"]["key_secret"]), (201, &json!("smartstore/cosmos#key")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_says_in_what_context_it_is_made() {
    let bundle = Bundle::start().await;
    bundle.administer("t_system", "keeper", "admin:super").await.unwrap();
    let bare = person(&bundle, "keeper", "t_system", "admin:super");
    let requests = [
        (Method::POST, ALL.to_owned()),
        (Method::GET, ALL.to_owned()),
        (Method::GET, one("acme")),
        (Method::DELETE, one("acme")),
    ];
    let body =
        |method: &Method| (*method == Method::POST).then(|| ("application/json", dynamodb("acme").to_string().into()));
    for (method, path) in &requests {
        for missing in HEADERS {
            let client =
                HEADERS.into_iter().zip(["t_system", "proj-system", "system"]).filter(|(name, _)| *name != missing);
            let client = client.fold(bare.clone(), |client, (name, value)| client.with_header(name, value));
            let refused = client.send(method.clone(), path, body(method)).await.unwrap();
            assert_problem(&refused, 400, "context.missing_header");
            assert_eq!(refused.body["header"].as_str().map(str::to_lowercase).as_deref(), Some(missing));
        }
        let client = in_context(&bare, true, "t_system");
        for odd in ["System", "SYSTEM", "sys", "system,lab", "Lab", "LAB", "labs", "laboratory", "*"] {
            let refused = client.with_header("x-mode", odd).send(method.clone(), path, body(method)).await.unwrap();
            assert_problem(&refused, 400, "context.invalid_mode");
        }
        let refused = client.with_header("x-mode", "lab").send(method.clone(), path, body(method)).await.unwrap();
        assert_problem(&refused, 403, "context.mode_not_allowed");
        for other in ["t_greenleaf", "T_system", "t_system2", "*"] {
            let refused =
                client.with_header("x-tenant-id", other).send(method.clone(), path, body(method)).await.unwrap();
            assert_problem(&refused, 403, "tenant.forbidden");
        }
    }
    assert_eq!(ids(&in_context(&bare, true, "t_system").get(ALL).await), Vec::<&str>::new(), "nothing was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_are_kept_by_administrators_of_the_system_tenant_and_nobody_else() {
    let bundle = Bundle::start().await;
    let keeper = keeper(&bundle).await;
    assert_eq!(keeper.post(ALL, dynamodb("t_greenleaf")).await.status, 201);
    for (name, tenant, held) in
        [("mia", "t_greenleaf", "admin:super"), ("rea", "t_system", "admin:read"), ("sam", "t_system", "")]
    {
        if !held.is_empty() {
            bundle.administer(tenant, name, held).await.unwrap();
        }
        let client = in_context(&person(&bundle, name, tenant, held), true, tenant);
        for (method, path, needed) in [
            (Method::GET, ALL.to_owned(), "admin:read"),
            (Method::GET, one("t_greenleaf"), "admin:read"),
            (Method::POST, format!("{ALL}?replace=true"), "admin:write"),
            (Method::DELETE, one("t_greenleaf"), "admin:write"),
        ] {
            let body =
                (method == Method::POST).then(|| ("application/json", dynamodb("t_greenleaf").to_string().into()));
            let response = client.send(method, &path, body).await.unwrap();
            match (tenant, held, needed) {
                ("t_system", "admin:read", "admin:read") => assert_eq!(response.status, 200),
                ("t_system", ..) => {
                    assert_problem(&response, 403, "admin.insufficient_scope");
                    assert_eq!(response.body["required_scope"], needed);
                }
                _ => assert_problem(&response, 403, "route.not_the_system"),
            }
        }
    }
    assert_eq!(keeper.get(&one("t_greenleaf")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_lead_nowhere_is_refused_and_a_dry_run_writes_nothing() {
    let bundle = Bundle::start().await;
    let keeper = keeper(&bundle).await;
    let with = |member: &str, value: Value| {
        let mut route = dynamodb("acme");
        route[member] = value;
        route
    };
    for bad in [
        with("backend_type", json!("memory")),
        with("backend_type", json!("DynamoDB")),
        with("config", json!({})),
        with("config", json!({"region": "eu-central-1", "table_name": "x/y"})),
        with("config", json!({"region": "eu-central-1", "table_name": "events", "more": 1})),
    ] {
        assert_problem(&keeper.post(ALL, bad).await, 400, "route.bad_backend");
    }
    for bad in [
        with("resource_kind", json!("events")),
        with("tenant_id", json!("a#b")),
        with("env", json!("Dev")),
        with("requierd", json!(true)),
    ] {
        assert_problem(&keeper.post(ALL, bad).await, 400, "http.bad_request");
    }
    let dry = format!("{ALL}?dry_run=true");
    let own = |tenant: &str| {
        let mut route = dynamodb(tenant);
        route["config"] = to_probe(&bundle.template().tables[1].name)["config"].clone();
        route
    };
    assert_problem(&keeper.post(&dry, with("backend_type", json!("memory"))).await, 400, "route.bad_backend");
    let would = keeper.post(&dry, own("acme")).await;
    assert_eq!((would.status, &would.body["new"], &would.body["probed"]), (200, &json!(true), &json!(true)));
    assert!(would.body["not_probed_because"].is_null() && would.body["dry_run"] == true, "{}", would.body);
    assert_eq!(would.body["route"]["route_id"], "analytics_store.acme.development");
    assert_problem(&keeper.get(&one("acme")).await, 404, "route.no_such_route");
    assert!(texts(&bundle).await.is_empty());
    assert_eq!(keeper.post(ALL, dynamodb("acme")).await.status, 201);
    assert_problem(&keeper.post(&dry, dynamodb("acme")).await, 409, "route.exists");
    let would = keeper.post(&format!("{dry}&replace=true"), own("acme")).await;
    assert_eq!((would.status, &would.body["new"]), (200, &json!(false)));
    assert_problem(&keeper.post(&format!("{ALL}?dry_run=yes"), dynamodb("beta")).await, 400, "http.bad_query");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_fails_is_refused_with_its_step_before_traffic_depends_on_it() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    let keeper = keeper(&bundle).await;
    let dry = format!("{ALL}?dry_run=true");
    let table = bundle.template().tables[1].name.clone();
    let route = |table: &str| {
        let mut route = dynamodb("acme");
        route["config"] = to_probe(table)["config"].clone();
        route
    };
    let elsewhere = keeper.post(&dry, dynamodb("acme")).await;
    assert_problem(&elsewhere, 422, "route.probe_failed");
    assert_eq!(elsewhere.body["step"], "connect", "its table is in another region: {}", elsewhere.body);
    let nowhere = keeper.post(&dry, route("no-such-table")).await;
    assert_problem(&nowhere, 422, "route.probe_failed");
    assert_eq!(nowhere.body["step"], "write", "{}", nowhere.body);
    assert!(nowhere.body["detail"].as_str().unwrap().contains("there is no table of this name"), "{}", nowhere.body);
    for (operation, step) in [("PutItem", "write"), ("BatchGetItem", "read"), ("DeleteItem", "delete")] {
        faults.clear().on(operation).by("ingest").touching("EVENT#").unavailable();
        let failed = keeper.post(&dry, route(&table)).await;
        assert_problem(&failed, 422, "route.probe_failed");
        assert_eq!(failed.body["step"], step, "{}", failed.body);
    }
    faults.clear();
    let direct = keeper.post("/analytics/probe", to_probe(&table)).await;
    assert_eq!((direct.status, &direct.body), (200, &json!({"probed": true})));
    let left = bundle.aws().administrator().dynamodb().scan().table_name(&table).send().await.unwrap();
    let events = left.items().iter().filter(|item| item["pk"].as_s().unwrap().contains("#EVENT#"));
    let names = events.map(|item| item["sk"].as_s().unwrap().clone());
    // What could not be deleted is there: the two whose deletion failed, with their reading or alone.
    assert!(
        names.clone().count() <= 2 && names.clone().all(|name| name.starts_with("probe-")),
        "{:?}",
        names.collect::<Vec<_>>()
    );
    assert_problem(&keeper.get(&one("acme")).await, 404, "route.no_such_route");
    let root = bundle.administrator("root", "admin:super").await;
    let foreign = in_context(&root, true, "t_greenleaf").post("/analytics/probe", to_probe(&table)).await;
    assert_problem(&foreign, 403, "route.not_the_system");
}
