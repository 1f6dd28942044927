//! Who may what: every route of the OpenAPI document, for every role, with every kind of token.

use super::{
    traffic::{NO_IMPORT, operations, shop},
    *,
};
use bytes::Bytes;
use http::Method;
use local::{Claims, issuer::LIFETIME};
use std::collections::BTreeSet;

/// For whom a route is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Whoever asks, with any token or none.
    Public,
    /// Everybody of a tenant, for what is their own.
    Person,
    /// The same, and whose account is suspended too.
    Appellant,
    /// Who has `service:write`, or `admin:write` by token and by record.
    Teller,
    /// Everybody of a tenant, for events of their own.
    Sender,
    /// Who has `service:write`, or administers by token and by record; of events.
    Analyst,
    /// Who has at least this role in the store that is asked for.
    InStore(&'static str),
    /// Who has at least this scope of administration, by token and by record.
    Administrator(&'static str),
    /// The same, in the context in which events are sent.
    Manager(&'static str),
    /// The same, in the system tenant.
    System(&'static str),
}

/// The table. A route of the document that is not in it fails the test, and so does a row without a route.
const ROWS: &[(&str, Who)] = &[
    ("GET /openapi.json", Who::Public),
    ("GET /healthz", Who::Public),
    ("GET /api/admin/people", Who::Administrator("admin:read")),
    ("GET /api/admin/people/{person_id}", Who::Administrator("admin:read")),
    ("PUT /api/admin/people/{person_id}", Who::Administrator("admin:write")),
    ("DELETE /api/admin/people/{person_id}", Who::Administrator("admin:write")),
    ("POST /api/user-notifications", Who::Teller),
    ("GET /api/user-notifications", Who::Person),
    ("GET /api/user-notifications/unread-count", Who::Person),
    ("GET /api/user-notifications/deferred", Who::Administrator("admin:read")),
    ("GET /api/user-notifications/health", Who::Person),
    ("GET /api/user-notifications/preferences", Who::Person),
    ("PUT /api/user-notifications/preferences", Who::Person),
    ("POST /api/user-notifications/read-all", Who::Person),
    ("POST /api/user-notifications/mark-read", Who::Person),
    ("GET /api/user-notifications/{id}", Who::Person),
    ("PATCH /api/user-notifications/{id}", Who::Person),
    ("DELETE /api/user-notifications/{id}", Who::Person),
    ("POST /api/user-notifications/{id}/appeal", Who::Appellant),
    ("POST /api/user-notifications/appeal", Who::Appellant),
    ("GET /api/user-notifications/appeals", Who::Appellant),
    ("GET /api/user-notifications/appeals/{appeal_id}", Who::Appellant),
    ("PATCH /api/user-notifications/appeals/{appeal_id}", Who::Appellant),
    ("GET /api/admin/appeals", Who::Administrator("admin:read")),
    ("GET /api/admin/appeals/stats", Who::Administrator("admin:read")),
    ("GET /api/admin/appeals/{appeal_id}", Who::Administrator("admin:read")),
    ("POST /api/admin/appeals/{appeal_id}/review", Who::Administrator("admin:write")),
    ("POST /api/admin/appeals/{appeal_id}/decision", Who::Administrator("admin:write")),
    ("POST /api/admin/appeals/{appeal_id}/reopen", Who::Administrator("admin:write")),
    ("POST /analytics/ingest", Who::Sender),
    ("POST /analytics/ingest/batch", Who::Sender),
    ("GET /analytics/query", Who::Analyst),
    ("GET /analytics/aggregate", Who::Analyst),
    ("DELETE /analytics/event/{event_id}", Who::Analyst),
    ("DELETE /analytics/event", Who::Analyst),
    ("POST /analytics/probe", Who::System("admin:write")),
    ("GET /analytics/failed", Who::Manager("admin:read")),
    ("GET /analytics/failed/{failed_id}", Who::Manager("admin:read")),
    ("DELETE /analytics/failed/{failed_id}", Who::Manager("admin:write")),
    ("POST /analytics/failed/{failed_id}/replay", Who::Manager("admin:write")),
    ("DELETE /analytics/events", Who::Manager("admin:write")),
    ("GET /analytics/erasures/{receipt_id}", Who::Manager("admin:read")),
    ("GET /api/analytics/export", Who::Manager("admin:read")),
    ("POST /routing/routes", Who::System("admin:write")),
    ("GET /routing/routes", Who::System("admin:read")),
    ("GET /routing/routes/{route_id}", Who::System("admin:read")),
    ("DELETE /routing/routes/{route_id}", Who::System("admin:write")),
    ("POST /ask", Who::InStore("shopper")),
    ("GET /catalog/stores/{store_id}", Who::InStore("shopper")),
    ("PUT /catalog/stores/{store_id}", Who::InStore("store_employee")),
    ("POST /catalog/stores/{store_id}/import", Who::InStore("store_employee")),
    ("POST /catalog/stores/{store_id}/imports", Who::InStore("store_employee")),
    ("GET /catalog/stores/{store_id}/imports/{import_id}", Who::InStore("store_employee")),
    ("POST /catalog/stores/{store_id}/imports/{import_id}/start", Who::InStore("store_employee")),
    ("GET /catalog/stores/{store_id}/products", Who::InStore("shopper")),
    ("GET /catalog/stores/{store_id}/products/{product_id}", Who::InStore("shopper")),
    ("PUT /catalog/stores/{store_id}/products/{product_id}", Who::InStore("store_employee")),
    ("DELETE /catalog/stores/{store_id}/products/{product_id}", Who::InStore("admin")),
    ("GET /catalog/stores/{store_id}/search", Who::InStore("shopper")),
];

impl Who {
    /// Whether the route wants the headers of context.
    fn is_in_context(self) -> bool {
        matches!(self, Self::System(_) | Self::Sender | Self::Analyst | Self::Manager(_))
    }
}

/// What a token says of the role, and which role that is; none for who may nothing.
fn roles() -> Vec<(Claims, Option<&'static str>)> {
    let named = |role: &str| Claims::of("mia").role(role);
    vec![
        (Claims::of("mia"), Some("shopper")),
        (named("shopper"), Some("shopper")),
        (named("store_employee"), Some("store_employee")),
        (named("admin"), Some("admin")),
        (named("Admin"), None),
        (named("manager"), None),
        (Claims::of("mia").with("role", json!(["admin"])), None),
        // Rights of administration are none in a store.
        (named("shopper").scope("admin:super service:write"), Some("shopper")),
        (named("manager").scope("admin:super"), None),
    ]
}

/// What else is right or wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    Missing,
    Garbage,
    Audience(&'static str),
    Issuer,
    Expired(i64),
    Issued(i64),
    Authenticated(i64),
    NotBefore(i64),
    Suspended,
    NoTenant,
    OtherStores,
    /// Another tenant, with stores of the same names.
    OtherTenant,
}

const STATES: [State; 21] = [
    State::Good,
    State::Missing,
    State::Garbage,
    State::Audience("another-project"),
    State::Audience(""),
    State::Issuer,
    State::Expired(59),
    State::Expired(60),
    State::Expired(61),
    State::Issued(59),
    State::Issued(60),
    State::Issued(61),
    State::Authenticated(59),
    State::Authenticated(61),
    State::NotBefore(60),
    State::NotBefore(61),
    State::NotBefore(-61),
    State::Suspended,
    State::NoTenant,
    State::OtherStores,
    State::OtherTenant,
];

impl State {
    fn client(self, bundle: &Bundle, role: &Claims) -> Client {
        let now = bundle.clock().now().as_second();
        let claims = role.clone().tenant("t_greenleaf").stores([DOWNTOWN]);
        let claims = match self {
            Self::Missing => return bundle.stranger(),
            Self::Garbage => return bundle.stranger().with_token("garbage"),
            Self::Good => claims,
            Self::Audience(audience) => claims.with("aud", audience),
            Self::Issuer => claims.with("iss", "https://securetoken.google.com/another-project"),
            Self::Expired(ago) => claims.with("exp", now - ago),
            Self::Issued(ahead) => claims.with("iat", now + ahead),
            Self::Authenticated(ahead) => claims.with("auth_time", now + ahead),
            Self::NotBefore(ahead) => claims.with("nbf", now + ahead),
            Self::Suspended => claims.with("suspended", true),
            Self::NoTenant => claims.with("tenant_id", Value::Null),
            Self::OtherStores => claims.stores(["madrid", "main"]),
            Self::OtherTenant => claims.tenant("t_else"),
        };
        bundle.stranger().with_token(&bundle.issuer().token(&claims, bundle.clock().now(), LIFETIME))
    }

    /// The refusal whatever the role is.
    fn refusal(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Missing => Some((401, "auth.missing_token")),
            Self::Garbage | Self::Audience(_) | Self::Issuer => Some((401, "auth.invalid_token")),
            Self::Expired(seconds)
            | Self::Issued(seconds)
            | Self::Authenticated(seconds)
            | Self::NotBefore(seconds) => (seconds > 60).then_some((401, "auth.invalid_token")),
            Self::Suspended => Some((403, "auth.suspended")),
            Self::NoTenant => Some((403, "tenant.forbidden")),
            Self::OtherStores => Some((403, "tenant.store_out_of_scope")),
            Self::Good | Self::OtherTenant => None,
        }
    }
}

/// What the matrix expects: nothing for who gets in.
fn refusal(who: Who, claims: &Claims, role: Option<&str>, state: State) -> Option<(u16, &'static str)> {
    const RANKS: [&str; 3] = ["shopper", "store_employee", "admin"];
    let rank = |role: &str| RANKS.iter().position(|known| *known == role);
    match who {
        Who::Public => None,
        Who::Person | Who::Sender => state.refusal().filter(|_| state != State::OtherStores),
        Who::Appellant => state.refusal().filter(|_| !matches!(state, State::OtherStores | State::Suspended)),
        Who::Teller | Who::Analyst => {
            let serves = claims.scope.as_deref().is_some_and(|scope| scope.contains("service:write"));
            let refusal = state.refusal().filter(|_| state != State::OtherStores);
            refusal.or((!serves).then_some((403, "admin.insufficient_scope")))
        }
        // Nobody here has a record.
        Who::Administrator(_) | Who::Manager(_) | Who::System(_) => {
            let refusal = state.refusal().filter(|_| state != State::OtherStores);
            refusal.or(Some((403, "admin.insufficient_scope")))
        }
        Who::InStore(least) => {
            let allowed = role.and_then(rank) >= rank(least);
            state.refusal().or((!allowed).then_some((403, "rbac.forbidden")))
        }
    }
}

/// A well-formed request for a route, with something in each parameter.
fn request(method: &Method, path: &str) -> (String, Option<(&'static str, Bytes)>) {
    let filled =
        path.replace("{store_id}", DOWNTOWN).replace("{product_id}", "matrix-1").replace("{import_id}", NO_IMPORT);
    let filled = filled.replace("{person_id}", "somebody").replace("{id}", "ntf_00000000000000000000000000");
    let filled = filled.replace("{appeal_id}", "apl_00000000000000000000000000");
    let filled = filled.replace("{route_id}", "analytics_store.t_nobody.development");
    let filled = filled.replace("{failed_id}", "fld_00000000000000000000000000");
    let filled = filled.replace("{receipt_id}", "ers_00000000000000000000000000");
    let filled = filled.replace("{event_id}", "req-nobody%23default") + super::analytics::asked(path);
    let json = |value: Value| Some(("application/json", Bytes::from(value.to_string())));
    let body = match (method.as_str(), path) {
        ("POST", "/ask") => json(json!({"question": "where is the oat milk?", "store_id": DOWNTOWN})),
        ("PUT", "/catalog/stores/{store_id}") => json(shop("Matrix")),
        ("PUT", "/api/admin/people/{person_id}") => json(json!({"role": "shopper", "stores": [], "scopes": []})),
        ("POST", "/api/user-notifications") => json(json!({"userId": "mia", "category": "account_warning"})),
        ("POST", "/api/user-notifications/read-all") => json(json!({})),
        ("POST", "/api/user-notifications/mark-read") => json(json!({"ids": ["ntf_00000000000000000000000000"]})),
        ("PATCH", "/api/user-notifications/{id}") => json(json!({"read": true})),
        ("POST", "/api/user-notifications/appeal") => json(json!({"notificationId": "ntf_00000000000000000000000000"})),
        ("PATCH", "/api/user-notifications/appeals/{appeal_id}") => json(json!({"state": "withdrawn"})),
        ("POST", "/api/admin/appeals/{appeal_id}/decision") => json(json!({"outcome": "upheld", "reason": "It fits."})),
        ("POST", "/api/admin/appeals/{appeal_id}/reopen") => json(json!({"reason": "It is new."})),
        ("PUT", "/api/user-notifications/preferences") => json(json!({"language": "es"})),
        ("POST", "/analytics/ingest") => json(super::analytics::event("pageview")),
        ("POST", "/analytics/ingest/batch") => json(json!({"events": [super::analytics::event("pageview")]})),
        ("POST", "/analytics/probe") => json(super::routing::to_probe("smartstore-dev-EventsTable")),
        ("POST", "/routing/routes") => json(super::routing::dynamodb("t_matrix")),
        ("PUT", _) => json(fig_spread(1)),
        ("POST", path) if path.ends_with("/import") => {
            Some(("text/csv", "product_id,name,price\nmatrix-2,Fig,1\n".into()))
        }
        ("POST", path) if path.ends_with("/imports") => json(json!({"content_type": "text/csv"})),
        _ => None,
    };
    (filled, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_whom_its_row_names_and_nobody_else() {
    let documented: BTreeSet<String> = operations().iter().map(|(method, path)| format!("{method} {path}")).collect();
    let rows: BTreeSet<String> = ROWS.iter().map(|(route, _)| (*route).to_owned()).collect();
    assert_eq!(documented, rows, "each route of the document has its row in this table, and each row its route");
    let bundle = Bundle::start().await;
    for tenant in ["t_greenleaf", "t_else"] {
        super::analytics::route(&bundle, tenant).await;
    }
    let (mut asked, mut wrong) = (0, Vec::new());
    for (route, who) in ROWS {
        let (method, path) = route.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        for (claims, role) in roles() {
            for state in STATES {
                if state == State::OtherTenant && *route == "PUT /catalog/stores/{store_id}" {
                    continue; // It makes a store of their own.
                }
                let (path, body) = request(&method, path);
                let tenant = if state == State::OtherTenant { "t_else" } else { "t_greenleaf" };
                let client = super::routing::in_context(&state.client(&bundle, &claims), who.is_in_context(), tenant);
                let response = client.send(method.clone(), &path, body).await.unwrap();
                asked += 1;
                let got = (response.status, response.body["error_code"].as_str().unwrap_or_default());
                let held = match refusal(*who, &claims, role, state) {
                    Some(expected) => got == expected,
                    // Let in: whether the thing is there is another matter.
                    None => !matches!(got.0, 401 | 403 | 500..),
                };
                // For another tenant's people the store of this name is not there.
                let inside = state == State::OtherTenant && got.0 < 300 && matches!(who, Who::InStore(_));
                if !held || inside {
                    wrong.push(format!("{route}, {claims:?}, {state:?}: {got:?}"));
                }
            }
        }
    }
    eprintln!("{asked} requests over {} routes", ROWS.len());
    assert!(wrong.is_empty(), "{} of {asked} are wrong:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}

/// The scopes of administration, each with those before it.
const LEVELS: [&str; 4] = ["admin:read", "admin:write", "admin:breakglass", "admin:super"];

#[tokio::test(flavor = "multi_thread")]
async fn each_route_of_administration_lets_in_whose_token_and_record_both_reach_its_scope() {
    let bundle = Bundle::start().await;
    super::analytics::route(&bundle, local::seed::TENANT).await;
    let mut rows: Vec<_> = ROWS
        .iter()
        .filter_map(|(route, who)| match who {
            Who::Administrator(scope) => Some((*route, *scope, local::seed::TENANT, false)),
            Who::Manager(scope) => Some((*route, *scope, local::seed::TENANT, true)),
            Who::System(scope) => Some((*route, *scope, "t_system", true)),
            Who::Public | Who::Person | Who::Teller | Who::Sender | Who::Analyst | Who::Appellant | Who::InStore(_) => {
                None
            }
        })
        .collect();
    rows.push(("GET /healthz?deep=1", "admin:read", local::seed::TENANT, false));
    // 0 is no scope at all in the token, and no record.
    for (token, record) in (0..=4).flat_map(|token| (0..=4).map(move |record| (token, record))) {
        let name = format!("level-{token}-{record}");
        let mut claims = local::seed::claims(&name, "admin");
        if token > 0 {
            claims = claims.scope(LEVELS[token - 1]);
        }
        if record > 0 {
            for tenant in [local::seed::TENANT, "t_system"] {
                bundle.administer(tenant, &name, LEVELS[record - 1]).await.unwrap();
            }
        }
        for (route, scope, tenant, in_context) in &rows {
            let client = bundle.person(claims.clone().tenant(tenant));
            let client = super::routing::in_context(&client, *in_context, tenant);
            let (method, path) = route.split_once(' ').unwrap();
            let method: Method = method.parse().unwrap();
            let (path, body) = request(&method, path);
            let response = client.send(method, &path, body).await.unwrap();
            let needed = LEVELS.iter().position(|level| level == scope).unwrap() + 1;
            let told = format!("{route}, token {token}, record {record}: {} {}", response.status, response.body);
            if token.min(record) >= needed {
                assert!(!matches!(response.status, 401 | 403 | 500..), "{told}");
            } else {
                assert_problem(&response, 403, "admin.insufficient_scope");
                assert_eq!(response.body["required_scope"], *scope, "{told}");
            }
        }
    }
}

/// Everything that a caller can see of an answer, but the date and the name of its span.
fn seen(response: &Response) -> (u16, Vec<(String, Vec<u8>)>, Bytes) {
    let headers = response.headers.iter().filter(|(name, _)| *name != "date" && *name != "traceparent");
    let mut headers: Vec<_> = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    headers.sort();
    (response.status, headers, response.bytes.clone())
}

/// Tokens that do not hold, by what is wrong with them.
fn bad_tokens(bundle: &Bundle) -> Vec<(&'static str, String)> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let now = bundle.clock().now();
    let mia = Claims::of("mia").role("admin").tenant("t_greenleaf").stores([DOWNTOWN]);
    let token = |claims: Claims| bundle.issuer().token(&claims, now, LIFETIME);
    let good = token(mia.clone());
    let parts: Vec<&str> = good.split('.').collect();
    let [head, payload, signature] = parts[..] else { panic!("a token has three parts") };
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let kid = String::from_utf8(URL_SAFE_NO_PAD.decode(head).unwrap()).unwrap();
    let with_head = |change: &dyn Fn(&mut Value)| {
        let mut head: Value = serde_json::from_str(&kid).unwrap();
        change(&mut head);
        format!("{}.{payload}.{signature}", encode(&head.to_string()))
    };
    let changed = |payload: &str| payload.replacen(|c: char| c != 'A', "A", 1);
    vec![
        ("no token at all", "x".to_owned()),
        ("two parts", format!("{head}.{payload}")),
        ("four parts", format!("{good}.{signature}")),
        ("an empty signature", format!("{head}.{payload}.")),
        ("padding", format!("{good}=")),
        ("too long", "a".repeat(9_000)),
        ("not base64", good.replace(head, "!!!!")),
        ("no JSON", format!("{}.{payload}.{signature}", encode("{"))),
        ("alg none", with_head(&|head| head["alg"] = "none".into())),
        ("alg HS256", with_head(&|head| head["alg"] = "HS256".into())),
        ("another kid", with_head(&|head| head["kid"] = "0".repeat(40).into())),
        ("no kid", with_head(&|head| drop(head.as_object_mut().unwrap().remove("kid")))),
        ("a key of its own", with_head(&|head| head["jku"] = "http://127.0.0.1:1/".into())),
        ("a critical extension", with_head(&|head| head["crit"] = json!(["exp"]))),
        ("another type", with_head(&|head| head["typ"] = "at+jwt".into())),
        ("a changed payload", format!("{head}.{}.{signature}", changed(payload))),
        ("a changed signature", format!("{head}.{payload}.{}", changed(signature))),
        ("another audience", token(mia.clone().with("aud", "x"))),
        ("a list of audiences", token(mia.clone().with("aud", json!([local::PROJECT_ID])))),
        ("another issuer", token(mia.clone().with("iss", "https://accounts.google.com"))),
        ("expired", token(mia.clone().with("exp", now.as_second() - 61))),
        ("an exp that is a text", token(mia.clone().with("exp", (now.as_second() + 60).to_string()))),
        ("no exp", token(mia.clone().with("exp", Value::Null))),
        ("from the future", token(mia.clone().with("iat", now.as_second() + 61))),
        ("no subject", token(mia.clone().with("sub", Value::Null))),
        ("an empty subject", token(mia.with("sub", ""))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_token_the_caller_is_told_the_same() {
    let bundle = Bundle::start().await;
    let named = |client: Client| client.with_header("x-request-id", "same").with_header("traceparent", TRACE);
    let mut told = BTreeSet::new();
    for (method, path) in operations().into_iter().filter(|(_, path)| path != "/openapi.json" && path != "/healthz") {
        let (filled, body) = request(&method, &path);
        for (wrong, token) in bad_tokens(&bundle) {
            let client = named(bundle.stranger().with_token(&token));
            let begun = std::time::Instant::now();
            let refused = client.send(method.clone(), &filled, body.clone()).await.unwrap();
            let took = begun.elapsed();
            if path == "/ask" {
                eprintln!("{took:>10.1?} {wrong}");
            }
            assert_problem(&refused, 401, "auth.invalid_token");
            told.insert(seen(&refused));
        }
    }
    assert_eq!(told.len(), 1, "{told:#?}");
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
