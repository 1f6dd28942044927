//! Finding routes in the embedded table, and the forms of what they lead to.

use super::*;
use crate::{
    clock::Clock,
    config::Env,
    ids::PersonId,
    table::{TableError, testing::Store, testing::Trouble},
    tenant::{Sweep, TenantScope},
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::sync::Arc;

fn scope(tenant: &str) -> TenantScope {
    TenantScope::for_job(Sweep::CatalogPublish, tenant.parse().unwrap())
}

fn env() -> Environment {
    "production".parse().unwrap()
}

fn key(tenant: &str) -> RouteKey {
    RouteKey { resource_kind: ResourceKind::AnalyticsStore, tenant_id: tenant.parse().unwrap(), env: env() }
}

fn route(tenant: &str, inherit: bool) -> Route {
    let at = Timestamp::UNIX_EPOCH;
    let config = json!({"region": "eu-central-1", "table_name": "events", "use_local": false});
    Route {
        route_id: key(tenant),
        backend_type: "dynamodb".to_owned(),
        config: config.as_object().unwrap().clone(),
        required: false,
        inherit,
        version: "v1".to_owned(),
        created_at: at,
        updated_at: at,
        by: PersonId::from_subject("root").unwrap(),
        request: None,
        removed_at: None,
    }
}

/// A table, its clock, and two readers of it, as two warm instances have them.
struct Stage {
    store: Store,
    clock: Clock,
    readers: [Routes; 2],
}

impl Stage {
    async fn start() -> Self {
        let store = Store::start().await;
        let clock = Clock::frozen("2026-03-01T09:00:00Z".parse().unwrap());
        let keep = CacheTime::from_env(&mut Env::default());
        let readers = [(); 2].map(|()| Routes::new(store.table(), &clock, keep));
        Self { store, clock, readers }
    }

    async fn put(&self, route: &Route) {
        let system = scope("t_system");
        let rows = self.store.table().of(&system);
        let put = rows.put(rows.item(&served(&route.route_id), route).unwrap());
        system.act(put.send()).await.unwrap();
    }

    async fn remove(&self, tenant: &str) {
        let system = scope("t_system");
        let rows = self.store.table().of(&system);
        system.act(rows.delete(&served(&key(tenant))).send()).await.unwrap();
    }

    async fn find(&self, reader: usize, tenant: &str) -> Result<Option<Arc<Route>>, TableError> {
        let (tenant, env) = (scope(tenant), env());
        tenant.act(self.readers[reader].find(&tenant, ResourceKind::AnalyticsStore, &env)).await
    }

    async fn version(&self, reader: usize, tenant: &str) -> Option<String> {
        self.find(reader, tenant).await.unwrap().map(|route| route.version.clone())
    }

    fn gets(&self) -> usize {
        self.store.calls().into_iter().map(|(_, count)| count).sum()
    }
}

#[tokio::test]
async fn a_tenant_follows_its_own_route_and_the_systems_only_where_that_says_so() {
    let stage = Stage::start().await;
    let wait = || stage.clock.advance(SignedDuration::from_secs(10));
    assert_eq!(stage.find(0, "acme").await.unwrap(), None);
    stage.put(&route("t_system", false)).await;
    wait();
    assert_eq!(stage.find(0, "acme").await.unwrap(), None, "nothing falls back in silence");
    assert_eq!(stage.version(0, "t_system").await.as_deref(), Some("v1"));
    stage.put(&Route { version: "v2".to_owned(), ..route("t_system", true) }).await;
    wait();
    assert_eq!(stage.version(0, "acme").await.as_deref(), Some("v2"));
    stage.put(&Route { version: "own".to_owned(), inherit: true, ..route("acme", false) }).await;
    wait();
    assert_eq!(stage.version(0, "acme").await.as_deref(), Some("own"));
    assert_eq!(stage.version(0, "beta").await.as_deref(), Some("v2"), "what another tenant says is for nobody else");
    let tenant = scope("acme");
    let other = |kind, env: &str| {
        let (reader, env, tenant) = (stage.readers[0].clone(), env.parse().unwrap(), tenant.clone());
        tenant.clone().act(async move { reader.find(&tenant, kind, &env).await.unwrap() })
    };
    assert_eq!(other(ResourceKind::RagIndex, "production").await, None);
    assert_eq!(other(ResourceKind::AnalyticsStore, "staging").await, None);
}

#[tokio::test]
async fn every_instance_sees_a_change_within_ten_seconds_and_asks_the_table_no_more_often() {
    let stage = Stage::start().await;
    stage.put(&route("acme", false)).await;
    stage.gets();
    for reader in [0, 1] {
        for _ in 0..3 {
            assert_eq!(stage.version(reader, "acme").await.as_deref(), Some("v1"));
        }
        assert_eq!(stage.find(reader, "beta").await.unwrap(), None);
        assert_eq!(stage.find(reader, "beta").await.unwrap(), None);
    }
    assert_eq!(stage.gets(), 2 * (1 + 2), "a hit is one read, a miss two, and both are remembered");
    stage.remove("acme").await;
    stage.put(&route("beta", false)).await;
    stage.clock.advance(SignedDuration::from_millis(9_999));
    assert_eq!(stage.version(0, "acme").await.as_deref(), Some("v1"));
    stage.clock.advance(SignedDuration::from_millis(1));
    for reader in [0, 1] {
        assert_eq!(stage.find(reader, "acme").await.unwrap(), None);
        assert_eq!(stage.version(reader, "beta").await.as_deref(), Some("v1"));
    }
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_no_missing_route_and_is_asked_again() {
    let stage = Stage::start().await;
    stage.put(&route("acme", false)).await;
    assert_eq!(stage.version(0, "acme").await.as_deref(), Some("v1"));
    stage.store.trouble("GetItem", Trouble::Shut);
    assert_eq!(stage.version(0, "acme").await.as_deref(), Some("v1"), "what is fresh needs no table");
    stage.clock.advance(SignedDuration::from_secs(10));
    for _ in 0..2 {
        let told = stage.find(0, "acme").await;
        assert!(matches!(told, Err(TableError::Unavailable(_))), "{told:?}");
    }
    stage.store.mend();
    assert_eq!(stage.version(0, "acme").await.as_deref(), Some("v1"));
}

#[tokio::test]
async fn a_row_of_another_form_or_of_another_route_is_a_fault() {
    let stage = Stage::start().await;
    let system = scope("t_system");
    let rows = stage.store.table().of(&system);
    let odd = rows.item(&served(&key("acme")), &json!({"route_id": "analytics_store.acme.production"})).unwrap();
    system.act(rows.put(odd).send()).await.unwrap();
    assert!(matches!(stage.find(0, "acme").await, Err(TableError::Form(_))));
    let anothers = rows.item(&served(&key("acme")), &route("beta", false)).unwrap();
    system.act(rows.put(anothers).send()).await.unwrap();
    assert!(matches!(stage.find(0, "acme").await, Err(TableError::Unavailable(_))));
}

#[tokio::test]
async fn a_required_route_that_was_removed_leads_nowhere_and_is_missed() {
    let stage = Stage::start().await;
    let gone = Route { required: true, removed_at: Some(Timestamp::UNIX_EPOCH), ..route("acme", false) };
    let system = scope("t_system");
    let rows = stage.store.table().of(&system);
    stage.put(&gone).await;
    system.act(rows.put(rows.item(&missing(&gone.route_id), &gone).unwrap()).send()).await.unwrap();
    assert_eq!(stage.find(0, "acme").await.unwrap(), None);
    let missed = async |tenant: &str, env: &str| {
        let (tenant, env) = (scope(tenant), env.parse().unwrap());
        tenant.act(stage.readers[0].missing(&tenant, &env)).await.unwrap()
    };
    assert_eq!(missed("acme", "production").await, [key("acme")]);
    assert_eq!(missed("t_system", "production").await, [key("acme")]);
    assert_eq!(missed("beta", "production").await, []);
    assert!(missed("acme", "staging").await.is_empty() && missed("t_system", "staging").await.is_empty());
}

#[test]
fn what_is_printed_of_a_route_shows_no_secret() {
    let mut with_key = route("acme", false);
    with_key.config.insert("key".to_owned(), "s3cret".into());
    with_key.config.insert("auth".to_owned(), json!([{"Password": "s3cret"}]));
    let printed = format!("{with_key:?}");
    assert!(!printed.contains("s3cret") && printed.contains(MASK), "{printed}");
}

fn parse(backend_type: &str, config: &Value) -> Result<Backend, BadBackend> {
    Backend::parse(ResourceKind::AnalyticsStore, backend_type, config.as_object().unwrap())
}

#[test]
fn an_analytics_store_is_one_of_three_with_the_members_that_it_needs() {
    for (backend_type, good) in [
        ("firestore", json!({"project_id": "demo-x", "collection_path": "events", "use_emulator": true})),
        (
            "firestore",
            json!({"project_id": "p", "collection_path": "a/b/c", "key_secret": "s#k", "database": "(default)"}),
        ),
        ("dynamodb", json!({"region": "eu-central-1", "table_name": "events.v1_a"})),
        ("dynamodb", json!({"region": "us-gov-west-1", "table_name": "abc", "use_local": true})),
        (
            "cosmos",
            json!({"endpoint": "https://x.documents.azure.com:443/", "key_secret": "arn:aws:secretsmanager:eu-central-1:1:secret:a/b-x#k.1", "database_id": "d", "container_id": "c d"}),
        ),
        (
            "cosmos",
            json!({"endpoint": "http://127.0.0.1:8081", "key": "k", "database_id": "d", "container_id": "c", "use_emulator": true}),
        ),
        (
            "cosmos",
            json!({"endpoint": "https://[::1]:8081/", "key_secret": "s#k", "database_id": "d", "container_id": "c", "use_emulator": true}),
        ),
        (
            "cosmos",
            json!({"endpoint": "https://x.documents.azure.com", "entra_tenant": "contoso.onmicrosoft.com", "entra_client": "00000000-0000-0000-0000-000000000000", "entra_secret": "s#k", "database_id": "d", "container_id": "c"}),
        ),
    ] {
        let parsed = parse(backend_type, &good);
        assert!(parsed.is_ok(), "{backend_type} {good}: {parsed:?}");
        let stands_in = good["use_emulator"] == true || good["use_local"] == true;
        assert_eq!(parsed.unwrap().stands_in(), stands_in);
        // Each member is of its type, and none is added.
        for name in good.as_object().unwrap().keys() {
            for other in [json!(7), json!([]), json!({}), json!("")] {
                let mut changed = good.clone();
                changed[name] = other;
                assert!(parse(backend_type, &changed).is_err(), "{backend_type} {changed}");
            }
        }
        let mut more = good.clone();
        more["more"] = json!(1);
        assert!(parse(backend_type, &more).is_err());
    }
    for other in ["", "Firestore", "dynamo", "memory", "in_memory", "s3"] {
        assert!(parse(other, &json!({})).is_err(), "{other}");
    }
}

#[test]
fn what_would_lead_elsewhere_is_no_config() {
    let firestore = |member: &str, value: &str| {
        let mut config = json!({"project_id": "demo", "collection_path": "events"});
        config[member] = value.into();
        parse("firestore", &config)
    };
    for path in ["a/b", "/a", "a/", "a//b", "a/../b", "..", ".", "__a__", "a b", "a?b", "a#b", "ä", &"a".repeat(256)] {
        assert!(firestore("collection_path", path).is_err(), "{path}");
    }
    for id in ["Demo", "demo/x", "-demo", "demo-", "1demo", "demo x", &"a".repeat(64)] {
        assert!(firestore("project_id", id).is_err(), "{id}");
    }
    for reference in ["s", "#", "s#", "#k", "s#k#k", "s k#k", "s#k k", "s?#k", &format!("{}#k", "s".repeat(513))] {
        assert!(firestore("key_secret", reference).is_err(), "{reference}");
    }
    for (region, table) in [
        ("EU-central-1", "abc"),
        ("eu", "abc"),
        ("eu-central-1/", "abc"),
        ("eu-central-1", "ab"),
        ("eu-central-1", "a/b"),
        ("eu-central-1", "T#acme"),
    ] {
        assert!(parse("dynamodb", &json!({"region": region, "table_name": table})).is_err(), "{region} {table}");
    }
    let cosmos = |endpoint: &str, emulator: bool| {
        parse(
            "cosmos",
            &json!({"endpoint": endpoint, "key_secret": "s#k", "database_id": "d", "container_id": "c", "use_emulator": emulator}),
        )
    };
    for endpoint in [
        "http://x.documents.azure.com",
        "https://127.0.0.1",
        "https://169.254.169.254",
        "https://10.0.0.7",
        "https://[::1]",
        "https://[fd00::1]",
        "https://localhost",
        "https://0x7f000001",
        "https://2130706433",
        concat!("https://u:p", "@x.documents.azure.com"),
        "https://x.documents.azure.com/a",
        "https://x.documents.azure.com/?a",
        "https://x.documents.azure.com#a",
        "ftp://x.y",
        "https://",
        "x.documents.azure.com",
        "https://127.1",
        "https://x.0x7f",
    ] {
        assert!(cosmos(endpoint, false).is_err(), "{endpoint}");
    }
    for endpoint in
        ["https://x.documents.azure.com", "http://10.0.0.7", "http://169.254.169.254", "http://localhost.evil.com"]
    {
        assert!(cosmos(endpoint, true).is_err(), "an emulator is on this machine: {endpoint}");
    }
    for (member, value) in
        [("database_id", "a/b"), ("container_id", "a#b"), ("container_id", " a"), ("database_id", "a\u{7}")]
    {
        let mut config = json!({"endpoint": "https://x.documents.azure.com", "key_secret": "s#k", "database_id": "d", "container_id": "c"});
        config[member] = value.into();
        assert!(parse("cosmos", &config).is_err(), "{member} {value:?}");
    }
    let both = json!({"endpoint": "https://x.documents.azure.com", "key_secret": "s#k", "key": "k", "database_id": "d", "container_id": "c"});
    assert!(parse("cosmos", &both).is_err());
    let mut neither = both;
    (neither["key"], neither["key_secret"]) = (Value::Null, Value::Null);
    assert!(parse("cosmos", &neither).is_err());
    let entra = |change: &dyn Fn(&mut Value)| {
        let mut config = json!({"endpoint": "https://x.documents.azure.com", "entra_tenant": "t", "entra_client": "c", "entra_secret": "s#k", "database_id": "d", "container_id": "c"});
        change(&mut config);
        parse("cosmos", &config)
    };
    let Ok(Backend::Cosmos(at)) = entra(&|_| {}) else { panic!("an application is a way in") };
    assert_eq!((at.entra_secret.map(|at| at.to_string()), at.key_secret), (Some("s#k".to_owned()), None));
    for name in ["entra_tenant", "entra_client", "entra_secret"] {
        assert!(entra(&|config| config[name] = Value::Null).is_err(), "{name} is missing");
    }
    for (name, value) in [
        ("key", "k"),
        ("key_secret", "s#k"),
        ("entra_secret", "s3cret"),
        ("entra_tenant", "a/b"),
        ("entra_tenant", "a#b"),
        ("entra_client", "a b"),
        ("entra_client", &"a".repeat(254)),
    ] {
        assert!(entra(&|config| config[name] = value.into()).is_err(), "{name} {value}");
    }
}

#[test]
fn a_refusal_repeats_no_value() {
    let config = json!({"endpoint": "s3cret", "key": {"a": "s3cret"}, "database_id": "d", "container_id": "c"});
    let told = parse("cosmos", &config).unwrap_err().to_string();
    assert!(!told.contains("s3cret"), "{told}");
    let told = parse("dynamodb", &json!({"region": ["s3cret"], "table_name": "abc"})).unwrap_err().to_string();
    assert!(!told.contains("s3cret"), "{told}");
}

#[test]
fn other_kinds_take_any_object_of_bounded_size() {
    let other = |config: &Map<String, Value>| Backend::parse(ResourceKind::RagIndex, "qdrant", config);
    let config = |value: Value| value.as_object().unwrap().clone();
    assert_eq!(other(&Map::new()), Ok(Backend::Other));
    assert_eq!(other(&config(json!({"url": "https://a", "auth": {"key_secret": "a#b"}}))), Ok(Backend::Other));
    assert!(other(&config(json!({"auth": [{"key_secret": "s3cret"}]}))).is_err());
    assert!(other(&config(json!({"key_secret": 1}))).is_err());
    assert!(other(&config(json!({"a": "x".repeat(MAX_CONFIG_BYTES - 8)}))).is_ok());
    assert!(other(&config(json!({"a": "x".repeat(MAX_CONFIG_BYTES - 7)}))).is_err());
    let deep = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert!(other(&config(json!({"a": deep(7)}))).is_ok() && other(&config(json!({"a": deep(8)}))).is_err());
    for backend_type in ["", "Q", "1a", "a b", "a#b", "a.b", &"a".repeat(33)] {
        assert!(Backend::parse(ResourceKind::RagIndex, backend_type, &Map::new()).is_err(), "{backend_type:?}");
    }
}

#[test]
fn a_name_of_a_route_is_its_key_and_nothing_else() {
    for bad in [
        "",
        "analytics_store",
        "analytics_store.acme",
        "analytics_store.acme.production.x",
        "analytics_store..production",
        "Analytics_store.acme.production",
        "analytics_store.a#b.production",
        "analytics_store.uploads.production",
        "analytics_store.acme.Production",
        "analytics_store.acme.",
        "analytics_store.acme.1",
        " analytics_store.acme.production",
    ] {
        assert!(bad.parse::<RouteKey>().is_err(), "{bad:?}");
    }
    for bad in ["", "1a", "a.b", "a#b", "prod uction", "Production", &"a".repeat(33)] {
        assert!(bad.parse::<Environment>().is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn a_routes_id_round_trips_and_needs_no_escaping(
        kind in 0..ResourceKind::ALL.len(), tenant in "[A-Za-z0-9][A-Za-z0-9_-]{0,63}", env in "[a-z][a-z0-9_-]{0,31}"
    ) {
        prop_assume!(tenant != "uploads");
        let key = RouteKey { resource_kind: ResourceKind::ALL[kind], tenant_id: tenant.parse().unwrap(), env: env.parse().unwrap() };
        let id = key.to_string();
        prop_assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')));
        prop_assert_eq!(id.parse::<RouteKey>().unwrap(), key);
    }
}
