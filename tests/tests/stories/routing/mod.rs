//! Those who run the bundle say where each tenant's data lives.

mod doors;

use super::*;
use jiff::SignedDuration;
use local::{Claims, Options};
use shared::{
    audit::{LEAVES, LeafRow, TEXTS, Text, TextRow},
    routes::{CacheTime, ResourceKind, Routes},
    table::Table,
};
use std::collections::BTreeSet;
use tests::{
    audit::scope,
    faults::{Faults, Reply},
};

const ALL: &str = "/routing/routes";
const HEADERS: [&str; 3] = ["x-tenant-id", "x-project-id", "x-mode"];

/// A route to a table of DynamoDB.
pub(crate) fn dynamodb(tenant: &str) -> Value {
    json!({
        "resource_kind": "analytics_store", "tenant_id": tenant, "env": "development", "backend_type": "dynamodb",
        "config": {"region": "eu-central-1", "table_name": "events", "use_local": true}, "required": false,
    })
}

/// A table of the laptop, to be tried.
pub(crate) fn to_probe(table: &str) -> Value {
    json!({"backend_type": "dynamodb", "config": {"region": "us-east-1", "table_name": table, "use_local": true}})
}

/// The client with the headers that routes of this function ask for, where they are wanted.
pub(crate) fn in_context(client: &Client, wanted: bool, tenant: &str) -> Client {
    let values = [tenant, "proj-system", "system"];
    let headers = HEADERS.into_iter().zip(values).filter(|_| wanted);
    headers.fold(client.clone(), |client, (name, value)| client.with_header(name, value))
}

fn person(bundle: &Bundle, name: &str, tenant: &str, scope: &str) -> Client {
    bundle.person(Claims::of(name).tenant(tenant).scope(scope))
}

/// An administrator of the system tenant.
pub(crate) async fn keeper(bundle: &Bundle) -> Client {
    bundle.administer("t_system", "keeper", "admin:super").await.unwrap();
    in_context(&person(bundle, "keeper", "t_system", "admin:super"), true, "t_system")
}

fn one(tenant: &str) -> String {
    format!("{ALL}/analytics_store.{tenant}.development")
}

fn ids(page: &Response) -> Vec<&str> {
    page.body["routes"].as_array().unwrap().iter().map(|route| route["route_id"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_is_made_found_replaced_and_removed() {
    let bundle = Bundle::start().await;
    let keeper = keeper(&bundle).await;
    let made = keeper.post(ALL, dynamodb("acme")).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body["route_id"], "analytics_store.acme.development");
    assert_eq!(made.header("etag"), format!("{}", made.body["version"]));
    assert!(made.body["warnings"].is_null(), "{}", made.body);
    let found = keeper.get(&one("acme")).await;
    assert_eq!((found.status, &found.body), (200, &made.body));
    assert_eq!(found.header("etag"), made.header("etag"));
    // Another one does not take its place by chance.
    let mut other = dynamodb("acme");
    other["config"]["table_name"] = "events-2".into();
    let exists = keeper.post(ALL, other.clone()).await;
    assert_problem(&exists, 409, "route.exists");
    assert_eq!(exists.body["route_id"], "analytics_store.acme.development");
    let seen = keeper.with_header("if-match", found.header("etag"));
    let replaced = seen.post(ALL, other.clone()).await;
    assert_eq!((replaced.status, &replaced.body["config"]["table_name"]), (200, &json!("events-2")));
    assert_problem(&seen.post(ALL, other).await, 412, "route.changed_meanwhile");
    assert_problem(&seen.post(ALL, dynamodb("beta")).await, 412, "route.changed_meanwhile");
    assert_problem(&seen.delete(&one("acme")).await, 412, "route.changed_meanwhile");
    bundle.clock().advance(SignedDuration::from_secs(1));
    let again = keeper.post(&format!("{ALL}?replace=true"), dynamodb("acme")).await;
    assert_eq!((again.status, &again.body["created_at"]), (200, &made.body["created_at"]));
    assert_ne!((&again.body["version"], &again.body["updated_at"]), (&made.body["version"], &made.body["updated_at"]));
    assert_eq!(keeper.post(&format!("{ALL}?replace=true"), dynamodb("beta")).await.status, 201);
    assert_eq!(keeper.delete(&one("acme")).await.status, 204);
    for gone in [keeper.get(&one("acme")).await, keeper.delete(&one("acme")).await] {
        assert_problem(&gone, 404, "route.no_such_route");
    }
    for odd in ["acme", "analytics_store.acme", "x.acme.development", "analytics_store.a%23b.development", "%2e%2e"] {
        assert_problem(&keeper.get(&format!("{ALL}/{odd}")).await, 404, "route.no_such_route");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_followed_within_ten_seconds_by_an_instance_that_has_asked_before() {
    let bundle = Bundle::start().await;
    let keeper = keeper(&bundle).await;
    let table = Table::new(bundle.aws(), &bundle.template().tables[0].name);
    let routes = Routes::new(table, bundle.clock(), CacheTime::default());
    let acme = scope("acme");
    let env = "development".parse().unwrap();
    let find = async || {
        let found = acme.act(routes.find(&acme, ResourceKind::AnalyticsStore, &env)).await.unwrap();
        found.map(|route| route.config["table_name"].as_str().unwrap().to_owned())
    };
    let wait = |millis| bundle.clock().advance(SignedDuration::from_millis(millis));
    assert_eq!(find().await, None);
    assert_eq!(keeper.post(ALL, dynamodb("acme")).await.status, 201);
    wait(10_000);
    assert_eq!(find().await.as_deref(), Some("events"));
    assert_eq!(keeper.delete(&one("acme")).await.status, 204);
    wait(10_000);
    assert_eq!(find().await, None);
    // What everybody follows says so.
    let mut everybodys = dynamodb("t_system");
    assert_eq!(keeper.post(ALL, everybodys.clone()).await.status, 201);
    wait(10_000);
    assert_eq!(find().await, None);
    everybodys["inherit"] = true.into();
    assert_eq!(keeper.post(&format!("{ALL}?replace=true"), everybodys.clone()).await.status, 200);
    wait(10_000);
    assert_eq!(find().await.as_deref(), Some("events"));
    everybodys["tenant_id"] = "beta".into();
    assert_problem(&keeper.post(ALL, everybodys).await, 400, "route.bad_inherit");
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_are_listed_page_by_page_and_a_cursor_is_good_for_its_list_alone() {
    let bundle = Bundle::start().await;
    let keeper = keeper(&bundle).await;
    for tenant in ["a1", "a2", "b-1", "B-1", "c1"] {
        assert_eq!(keeper.post(ALL, dynamodb(tenant)).await.status, 201);
    }
    for (kind, env) in [("rag_index", "development"), ("rag_index", "staging"), ("artifact_store", "development")] {
        let route = json!({"resource_kind": kind, "tenant_id": "a1", "env": env, "backend_type": "own", "config": {}});
        let made = keeper.post(ALL, route).await;
        assert_eq!((made.status, made.body["warnings"].is_array()), (201, env == "staging"), "{}", made.body);
    }
    let everything = keeper.get(ALL).await;
    assert_eq!((ids(&everything).len(), everything.body["next_cursor"].is_null()), (8, true));
    for (filter, count) in [
        ("", 8),
        ("&resource_kind=analytics_store", 5),
        ("&resource_kind=sql_engine", 0),
        ("&tenant_id=a1", 4),
        ("&tenant_id=a1&resource_kind=rag_index", 2),
        ("&tenant_id=nobody", 0),
    ] {
        let whole = keeper.get(&format!("{ALL}?limit=1000{filter}")).await;
        let (mut read, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = keeper.get(&format!("{ALL}?limit=2{filter}{cursor}")).await;
            assert_eq!(page.status, 200, "{}", page.body);
            assert!(ids(&page).len() <= 2);
            read.extend(ids(&page).into_iter().map(str::to_owned));
            let Some(next) = page.body["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
            let elsewhere = keeper.get(&format!("{ALL}?resource_kind=product_analytics{cursor}")).await;
            assert_problem(&elsewhere, 400, "http.bad_cursor");
        }
        assert_eq!((read.len(), read), (count, ids(&whole).into_iter().map(str::to_owned).collect()), "{filter}");
    }
    for bad in ["limit=0", "limit=1001", "limit=x", "resource_kind=Analytics_store", "tenant_id=a%23b"] {
        assert_problem(&keeper.get(&format!("{ALL}?{bad}")).await, 400, "http.bad_query");
    }
}

/// The texts of the system tenant's audit log, in its order.
async fn texts(bundle: &Bundle) -> Vec<Text> {
    let table = Table::new(bundle.aws(), &bundle.template().tables[0].name);
    let system = scope("t_system");
    let rows: Vec<TextRow> = system.act(table.of(&system).all(TEXTS, "")).await.unwrap();
    rows.iter().map(|row| serde_json::from_str(&row.text).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_stands_in_the_audit_log_before_and_after() {
    let bundle = Bundle::start().await;
    let keeper = keeper(&bundle).await;
    let made = keeper.with_header("x-request-id", "make-it").post(ALL, dynamodb("acme")).await;
    assert_problem(&keeper.post(ALL, dynamodb("acme")).await, 409, "route.exists");
    let mut other = dynamodb("acme");
    other["required"] = true.into();
    let replaced = keeper.post(&format!("{ALL}?replace=true"), other).await;
    assert_eq!(keeper.delete(&one("acme")).await.status, 204);
    let texts = texts(&bundle).await;
    assert_eq!(texts.len(), 3, "a refusal is no change: {texts:?}");
    let version = |at: usize, side: &str| texts[at].detail[side]["version"].clone();
    assert_eq!((texts[0].request_id.as_str(), &texts[0].detail["before"]), ("make-it", &Value::Null));
    assert_eq!(version(0, "after"), made.body["version"]);
    assert_eq!(
        (version(1, "before"), version(1, "after")),
        (made.body["version"].clone(), replaced.body["version"].clone())
    );
    assert_eq!((version(2, "before"), &texts[2].detail["after"]), (replaced.body["version"].clone(), &Value::Null));
    let table = Table::new(bundle.aws(), &bundle.template().tables[0].name);
    let system = scope("t_system");
    let leaves: Vec<LeafRow> = system.act(table.of(&system).all(LEAVES, "")).await.unwrap();
    let leaves: Vec<_> = leaves.iter().map(|leaf| leaf.parsed().unwrap()).filter(|leaf| leaf.text.is_some()).collect();
    let kinds: Vec<&str> = leaves.iter().map(|leaf| leaf.kind.as_str()).collect();
    assert_eq!(kinds, ["route.created", "route.replaced", "route.removed"]);
    assert!(leaves.iter().all(|leaf| leaf.of.as_deref() == Some("analytics_store.acme.development")));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_makers_at_once_one_wins_and_a_key_makes_a_request_one() {
    let bundle = Bundle::start().await;
    let keeper = keeper(&bundle).await;
    let route = |n: usize| {
        let mut route = dynamodb("acme");
        route["config"]["table_name"] = format!("events-{n}").into();
        route
    };
    let all = futures::future::join_all((0..8).map(|n| {
        let (keeper, route) = (keeper.clone(), route(n));
        async move { keeper.post(ALL, route).await }
    }));
    let all = all.await;
    let won: Vec<&Response> = all.iter().filter(|response| response.status == 201).collect();
    assert_eq!(won.len(), 1);
    all.iter().filter(|response| response.status != 201).for_each(|lost| assert_problem(lost, 409, "route.exists"));
    assert_eq!(keeper.get(&one("acme")).await.body["config"], won[0].body["config"]);
    assert_eq!(texts(&bundle).await.len(), 1);
    let keyed = keeper.with_header("idempotency-key", "once");
    let [first, second] = [keyed.post(ALL, dynamodb("beta")).await, keyed.post(ALL, dynamodb("beta")).await];
    assert_eq!((first.status, second.status, &first.body), (201, 201, &second.body));
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_problem(&keyed.post(ALL, dynamodb("gamma")).await, 409, "idempotency.key_reused");
    let gone = [keyed.delete(&one("beta")).await, keyed.delete(&one("beta")).await];
    assert_eq!(gone.map(|gone| gone.status), [204, 204]);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_misses_a_required_route_until_it_is_made_again_or_no_longer_required() {
    let bundle = Bundle::start().await;
    let keeper = keeper(&bundle).await;
    let root = bundle.administrator("root", "admin:read").await;
    bundle.administer("t_corner", "bea", "admin:read").await.unwrap();
    let bea = person(&bundle, "bea", "t_corner", "admin:read");
    let missing = async |client: &Client| {
        let health = client.get("/healthz?deep=1").await.success().unwrap().body;
        let missing = health["missing_routes"].as_array().cloned().unwrap_or_default();
        assert_eq!(health["status"], if missing.is_empty() { "ok" } else { "degraded" }, "{health}");
        missing.len()
    };
    let mut route = dynamodb("t_greenleaf");
    assert_eq!(keeper.post(ALL, route.clone()).await.status, 201);
    assert_eq!(keeper.delete(&one("t_greenleaf")).await.status, 204);
    assert_eq!((missing(&keeper).await, missing(&root).await), (0, 0), "it was not required");
    route["required"] = true.into();
    assert_eq!(keeper.post(ALL, route.clone()).await.status, 201);
    assert_eq!((missing(&keeper).await, missing(&root).await), (0, 0));
    assert_eq!(keeper.delete(&one("t_greenleaf")).await.status, 204);
    assert_eq!((missing(&keeper).await, missing(&root).await, missing(&bea).await), (1, 1, 0));
    assert_problem(&keeper.get(&one("t_greenleaf")).await, 404, "route.no_such_route");
    assert_eq!(ids(&keeper.get(&format!("{ALL}?tenant_id=t_greenleaf")).await), Vec::<&str>::new());
    route["required"] = false.into();
    assert_eq!(keeper.post(ALL, route).await.status, 201, "what is missing can be made");
    assert_eq!((missing(&keeper).await, missing(&root).await), (0, 0));
    assert_eq!(keeper.delete(&one("t_greenleaf")).await.status, 204);
    assert_eq!((missing(&keeper).await, missing(&root).await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_does_not_answer_is_no_missing_route() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    let keeper = keeper(&bundle).await;
    assert_eq!(keeper.post(ALL, dynamodb("acme")).await.status, 201);
    faults.on("GetItem").by("routing").cut();
    assert_problem(&keeper.get(&one("acme")).await, 503, "table.unavailable");
    assert_problem(&keeper.post(ALL, dynamodb("beta")).await, 503, "table.unavailable");
    assert_problem(&keeper.delete(&one("acme")).await, 503, "table.unavailable");
    faults.clear();
    faults.on("GetItem").by("routing").answer(Reply::json(200, &json!({})));
    assert_problem(&keeper.get(&one("acme")).await, 503, "table.unavailable");
    faults.clear();
    assert_eq!(keeper.get(&one("acme")).await.status, 200);
    assert_eq!(BTreeSet::from_iter(ids(&keeper.get(ALL).await)), BTreeSet::from(["analytics_store.acme.development"]));
}
