//! Rights that a record bounds: roles from the table, scopes, whose things a request is about, acting in an emergency.

use super::*;
use crate::{
    auth::{
        Keys, People, RoleSource,
        testing::{Answer, ISSUER, Loopback, PROJECT, Seen, now},
    },
    aws::{Aws, Endpoints},
    clock::Clock,
    table::Table,
    web,
};
use axum::{
    Router,
    body::{Body, to_bytes},
    routing::{get, post},
};
use http::{Request, Response};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tower::ServiceExt;

/// A table with one answer for every read, and a verifier that asks it.
pub(super) struct Stage {
    pub(super) table: Loopback,
    pub(super) clock: Clock,
    pub(super) verifier: Verifier,
}

impl Stage {
    pub(super) async fn with(source: RoleSource, answer: Answer) -> Self {
        let (table, clock) = (Loopback::answering(answer).await, Clock::frozen(now()));
        let endpoints = Endpoints { dynamodb: Some(table.url.clone()), ..Endpoints::default() };
        let people = People::new(Table::new(&Aws::local(endpoints, "a", "b"), "t"), &clock);
        let verifier = Verifier::new(Keys::fixed(ISSUER.keys()), PROJECT, &clock);
        let verifier = verifier.with_people(people).with_roles_from(source);
        Self { table, clock, verifier }
    }

    async fn send(&self, request: Request<Body>) -> (u16, Value) {
        read(routes(self.verifier.clone()).oneshot(request).await.unwrap()).await
    }

    /// Asks for `path` as `ada` with these claims.
    pub(super) async fn get(&self, path: &str, claims: Value) -> (u16, Value) {
        self.send(Request::get(path).header("authorization", bearer(claims)).body(Body::empty()).unwrap()).await
    }

    async fn explaining(&self, reasons: &[&str]) -> (u16, Value) {
        let mut request = Request::get("/need/admin:breakglass").header("authorization", bearer(admin("admin:super")));
        for reason in reasons {
            request = request.header("x-breakglass-reason", *reason);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

async fn read(response: Response<Body>) -> (u16, Value) {
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = || Value::from(String::from_utf8(bytes.to_vec()).unwrap());
    (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
}

/// Routes that ask for one right each.
pub(super) fn routes(verifier: Verifier) -> Router {
    let who = |caller: Caller| async move {
        let stores: Vec<_> = caller.claims().stores().iter().map(ToString::to_string).collect();
        format!("{} {}", caller.role(), stores.join(","))
    };
    let need = |caller: Caller, web::Path(scope): web::Path<String>| async move {
        let grant = caller.require(Scope::named(&scope).unwrap()).await?;
        Ok::<_, Problem>(grant.reason().map_or("yes".to_owned(), |reason| reason.expose().to_owned()))
    };
    let read = |Behalf(caller): Behalf, web::Query(query): web::Query<Value>| async move {
        caller.subject(query["userId"].as_str(), Access::Read).await.map(|person| person.as_str().to_owned())
    };
    let write = |Behalf(caller): Behalf, web::Json(body): web::Json<Value>| async move {
        caller.subject(body["userId"].as_str(), Access::Write).await.map(|person| person.as_str().to_owned())
    };
    let strict = move |caller: Caller, web::Json(_): web::Json<Value>| who(caller);
    let routes = Router::new().route("/who", get(who)).route("/need/{scope}", get(need));
    web::wrap(
        routes.route("/of", get(read).post(write)).route("/strict", post(strict)).with_state(verifier),
        Default::default(),
    )
}

pub(super) fn bearer(claims: Value) -> String {
    format!("Bearer {}", ISSUER.token(claims))
}

pub(super) fn admin(scope: &str) -> Value {
    json!({"role": "admin", "tenant_id": "acme", "stores": ["north", "south"], "scope": scope})
}

/// A read's reply with ada's record, `changed`; `null` takes an attribute away.
pub(super) fn record(changed: Value) -> Answer {
    let mut item = json!({
        "pk": {"S": "T#acme#PEOPLE"}, "sk": {"S": "PERSON#ada"}, "person_id": {"S": "ada"}, "role": {"S": "store_employee"},
        "stores": {"L": [{"S": "north"}]}, "scopes": {"L": [{"S": "admin:read"}]}, "suspended": {"BOOL": false},
        "updated_at": {"S": "2026-03-01T08:00:00Z"}, "version": {"S": "v1"},
    });
    for (name, value) in changed.as_object().unwrap() {
        item[name] = value.clone();
    }
    item.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    reply(json!({"Item": item, "ConsumedCapacity": {"TableName": "t", "CapacityUnits": 1.0}}))
}

pub(super) fn nothing() -> Answer {
    reply(json!({"ConsumedCapacity": {"TableName": "t", "CapacityUnits": 1.0}}))
}

fn reply(body: Value) -> Answer {
    Answer::of_dynamodb(body.to_string())
}

fn code((status, body): &(u16, Value)) -> (u16, &str) {
    (*status, body["error_code"].as_str().or(body.as_str()).unwrap_or_default())
}

#[tokio::test]
async fn a_change_of_role_is_in_force_after_a_minute_and_costs_a_read_a_minute() {
    let stage = Stage::with(RoleSource::Table, record(json!({"role": {"S": "admin"}}))).await;
    for _ in 0..20 {
        assert_eq!(stage.get("/who", admin("")).await.1, "admin north", "stores are the record's too");
    }
    assert_eq!(stage.table.asked(), 1);
    stage.table.answer(record(json!({"role": {"S": "shopper"}, "stores": {"L": []}})));
    stage.clock.advance(SignedDuration::from_secs(59));
    assert_eq!(stage.get("/who", admin("")).await.1, "admin north");
    stage.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(stage.get("/who", admin("")).await.1, "shopper ");
    assert_eq!(stage.table.asked(), 2);
    stage.table.answer(record(json!({"suspended": {"BOOL": true}})));
    stage.clock.advance(SignedDuration::from_secs(61));
    assert_eq!(code(&stage.get("/who", admin("")).await), (403, "auth.suspended"));
    stage.clock.advance(SignedDuration::from_secs(-100));
    stage.get("/who", admin("")).await;
    assert_eq!(stage.table.asked(), 4, "a clock that was set back keeps nothing alive");
}

#[tokio::test]
async fn who_is_not_written_down_is_a_shopper_of_no_store_and_administers_nothing() {
    let stage = Stage::with(RoleSource::Table, nothing()).await;
    assert_eq!(stage.get("/who", admin("admin:super")).await.1, "shopper ");
    assert_eq!(code(&stage.get("/need/admin:read", admin("admin:super")).await), (403, "admin.insufficient_scope"));
    let mut claims = admin("admin:super");
    claims["suspended"] = json!(true);
    assert_eq!(code(&stage.get("/who", claims).await), (403, "auth.suspended"));
    let mut claims = admin("admin:super");
    claims["tenant_id"] = Value::Null;
    assert_eq!(stage.get("/who", claims).await.1, "shopper ", "no tenant has written anything of them");
    assert_eq!(stage.table.asked(), 1);
}

#[tokio::test]
async fn with_the_tokens_roles_no_table_is_read_unless_an_administrator_asks_for_a_scope() {
    let stage = Stage::with(RoleSource::Token, record(json!({}))).await;
    assert_eq!(stage.get("/who", admin("admin:super")).await.1, "admin north,south");
    assert_eq!(code(&stage.get("/need/admin:read", admin("")).await), (403, "admin.insufficient_scope"));
    assert_eq!(code(&stage.get("/need/service:write", admin("service:write")).await), (200, "yes"));
    assert_eq!(stage.table.asked(), 0);
    assert_eq!(code(&stage.get("/need/admin:read", admin("admin:super")).await), (200, "yes"));
    assert_eq!(code(&stage.get("/need/admin:write", admin("admin:super")).await), (403, "admin.insufficient_scope"));
    assert_eq!(stage.table.asked(), 1);
}

#[tokio::test]
async fn who_is_suspended_by_the_record_administers_nothing_whatever_the_token_says() {
    let stage = Stage::with(RoleSource::Token, record(json!({"suspended": {"BOOL": true}}))).await;
    assert_eq!(code(&stage.get("/need/admin:read", admin("admin:super")).await), (403, "auth.suspended"));
}

#[tokio::test]
async fn who_is_suspended_by_the_token_stays_so_whatever_the_record_says() {
    for source in [RoleSource::Token, RoleSource::Table] {
        let stage = Stage::with(source, record(json!({"suspended": {"BOOL": false}}))).await;
        let mut claims = admin("admin:super");
        claims["suspended"] = json!(true);
        assert_eq!(code(&stage.get("/who", claims).await), (403, "auth.suspended"), "{source:?}");
    }
}

#[tokio::test]
async fn of_those_who_wait_for_a_table_that_hangs_each_is_told_after_one_wait() {
    let hanging = record(json!({})).after(std::time::Duration::from_secs(30));
    let stage = Stage::with(RoleSource::Table, hanging).await;
    let begun = std::time::Instant::now();
    let asked = futures::future::join_all((0..20).map(|_| stage.get("/who", admin("")))).await;
    assert!(asked.iter().all(|answer| code(answer) == (503, "auth.person_unavailable")), "{asked:?}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    stage.table.answer(record(json!({})));
    assert_eq!(stage.get("/who", admin("")).await.0, 503, "for a second");
    stage.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(stage.get("/who", admin("")).await.0, 200);
}

#[tokio::test]
async fn a_table_that_fails_lies_or_is_cut_short_never_makes_a_role() {
    let whole = String::from_utf8(record(json!({})).body).unwrap();
    let faults = [
        (Answer::status(500), 503),
        (Answer::status(400), 503),
        (Answer::ok(""), 503),
        (Answer::ok("{}"), 503),
        (Answer::ok(&whole.as_bytes()[..whole.len() / 2]), 503),
        (Answer::ok(&whole.as_bytes()[..whole.len() - 1]), 503),
        (Answer::of_dynamodb(""), 503),
        (Answer::of_dynamodb("{}"), 503),
        (Answer::ok("<html>sign in to the airport</html>"), 503),
        (reply(json!({"Item": {}, "ConsumedCapacity": {}})), 500),
        (record(json!({"person_id": {"S": "eve"}})), 503),
        (record(json!({"role": null})), 500),
        (record(json!({"role": {"S": "janitor"}})), 500),
        (record(json!({"role": {"S": "Admin"}})), 500),
        (record(json!({"role": {"L": [{"S": "admin"}]}})), 500),
        (record(json!({"stores": null})), 500),
        (record(json!({"stores": {"S": "north"}})), 500),
        (record(json!({"stores": {"L": [{"S": "a#b"}]}})), 500),
        (record(json!({"scopes": null})), 500),
        (record(json!({"scopes": {"L": [{"S": "admin:all"}]}})), 500),
        (record(json!({"suspended": null})), 500),
        (record(json!({"suspended": {"S": "false"}})), 500),
    ];
    for (fault, status) in faults {
        let told = String::from_utf8_lossy(&fault.body).into_owned();
        for source in [RoleSource::Table, RoleSource::Token] {
            let stage = Stage::with(source, record(json!({}))).await;
            assert_eq!(stage.get("/need/admin:read", admin("admin:super")).await.0, 200);
            stage.table.answer(fault.clone());
            stage.clock.advance(SignedDuration::from_secs(59));
            assert_eq!(stage.get("/need/admin:read", admin("admin:super")).await.0, 200, "a minute is bridged");
            stage.clock.advance(SignedDuration::from_secs(1));
            for _ in 0..2 {
                let (got, body) = stage.get("/need/admin:read", admin("admin:super")).await;
                assert_eq!(got, status, "{told}: {body}");
            }
            stage.table.answer(record(json!({})));
            stage.clock.advance(SignedDuration::from_secs(1));
            assert_eq!(stage.get("/need/admin:read", admin("admin:super")).await.0, 200, "and mended in a second");
        }
    }
}

#[tokio::test]
async fn a_hundred_requests_of_one_person_are_one_read() {
    let answer = record(json!({})).after(std::time::Duration::from_millis(100));
    let stage = Stage::with(RoleSource::Table, answer).await;
    let asked = futures::future::join_all((0..100).map(|_| stage.get("/who", admin("")))).await;
    assert!(asked.iter().all(|(status, _)| *status == 200));
    assert_eq!(stage.table.asked(), 1);
}

#[tokio::test]
async fn an_instance_remembers_a_bounded_number_of_people() {
    let stage = Stage::with(RoleSource::Table, nothing()).await;
    for n in 0..1_100 {
        let claims = json!({"tenant_id": "acme", "sub": format!("p{n}")});
        assert_eq!(stage.get("/who", claims).await.0, 200);
    }
    let claims = json!({"tenant_id": "acme", "sub": "p1099"});
    assert_eq!(stage.get("/who", claims).await.0, 200);
    assert_eq!(stage.table.asked(), 1_100, "the last ones are remembered");
    let claims = json!({"tenant_id": "acme", "sub": "p0"});
    assert_eq!(stage.get("/who", claims).await.0, 200);
    assert_eq!(stage.table.asked(), 1_101, "the first ones are not");
}

#[tokio::test]
async fn an_emergency_needs_its_reason_and_is_told() {
    let breaker = || record(json!({"scopes": {"L": [{"S": "admin:breakglass"}]}}));
    let stage = Stage::with(RoleSource::Token, breaker()).await;
    for bad in [&[][..], &[""], &["because"], &["         "], &["the till is on fire", "really"]] {
        let refused = stage.explaining(bad).await;
        assert_eq!(code(&refused), (400, "admin.breakglass_reason_required"), "{bad:?}");
    }
    let (seen, _listening) = Seen::listen();
    assert_eq!(stage.explaining(&["  ada's till is on fire "]).await, (200, json!("ada's till is on fire")));
    let events = seen.take();
    let used: Vec<_> = events.iter().filter(|event| event["event"] == "breakglass_used").collect();
    assert!(used.len() == 1 && used[0]["reason_chars"] == 21, "{events:?}");
    assert!(!json!(events).to_string().contains("fire"), "a reason may name people");
    stage.table.answer(record(json!({"scopes": {"L": [{"S": "admin:write"}]}})));
    stage.clock.advance(SignedDuration::from_secs(60));
    let refused = stage.explaining(&["the till is on fire"]).await;
    assert_eq!(
        (code(&refused), &refused.1["required_scope"]),
        ((403, "admin.insufficient_scope"), &json!("admin:breakglass"))
    );
}

#[tokio::test]
async fn somebody_elses_things_are_shown_to_who_may_read_and_changed_by_who_may_write() {
    let none = json!([]);
    let scopes = |names: &[&str]| json!(names.iter().map(|name| json!({"S": name})).collect::<Vec<_>>());
    let (read, write) = (scopes(&["admin:read"]), scopes(&["admin:write"]));
    // token's scope, record's scopes, named, read, write
    for (claimed, recorded, named, shown, changed) in [
        ("", &none, None, 200, 200),
        ("", &none, Some("ada"), 200, 200),
        ("", &none, Some("eve"), 403, 403),
        ("admin:read", &read, Some("eve"), 200, 403),
        ("admin:read", &read, Some("ada"), 200, 200),
        ("admin:write", &write, Some("eve"), 200, 200),
        ("admin:write", &write, None, 200, 200),
        ("admin:super", &read, Some("eve"), 200, 403),
        ("admin:read", &write, Some("eve"), 200, 403),
        ("admin:super", &none, Some("eve"), 403, 403),
        ("", &write, Some("eve"), 403, 403),
        ("service:write", &write, Some("eve"), 403, 403),
        ("admin:write", &write, Some(""), 403, 403),
        ("admin:write", &write, Some("a\u{1}b"), 403, 403),
    ] {
        let stage = Stage::with(RoleSource::Token, record(json!({"scopes": {"L": recorded}}))).await;
        let query = named.map_or(String::new(), |named| format!("?userId={}", named.replace('\u{1}', "%01")));
        let told = stage.get(&format!("/of{query}"), admin(claimed)).await;
        let body = named.map_or(json!({}), |named| json!({"userId": named}));
        let request = Request::post("/of").header("content-type", "application/json");
        let request = request.header("authorization", bearer(admin(claimed))).body(body.to_string().into()).unwrap();
        let done = stage.send(request).await;
        for (answer, expected, scope) in [(&told, shown, "admin:read"), (&done, changed, "admin:write")] {
            assert_eq!(answer.0, expected, "{claimed:?} {recorded} {named:?} {scope}: {}", answer.1);
            match expected {
                200 => assert_eq!(answer.1, named.unwrap_or("ada")),
                _ => assert_eq!(
                    (code(answer), &answer.1["required_scope"]),
                    ((403, "identity.user_mismatch"), &json!(scope))
                ),
            }
        }
    }
}

#[tokio::test]
async fn a_route_that_did_not_ask_for_it_takes_no_other_persons_name_from_an_administrator_either() {
    let stage = Stage::with(RoleSource::Token, record(json!({"scopes": {"L": [{"S": "admin:super"}]}}))).await;
    let refused = stage.get("/who?userId=eve", admin("admin:super")).await;
    assert_eq!(code(&refused), (403, "identity.user_mismatch"));
}

#[tokio::test]
async fn every_denial_has_the_same_fields_and_names_nobody() {
    let stage = Stage::with(RoleSource::Token, record(json!({}))).await;
    let (seen, _listening) = Seen::listen();
    stage.get("/need/admin:write?x=1", admin("admin:super")).await;
    stage.get("/need/admin:write", json!({"exp": 1})).await;
    stage.get("/who?userId=eve", admin("")).await;
    stage.get("/of?userId=eve", json!({})).await;
    let body =
        Request::post("/strict").header("authorization", bearer(admin(""))).header("content-type", "application/json");
    stage.send(body.body(json!({"userId": "eve"}).to_string().into()).unwrap()).await;
    let denials: Vec<_> = seen.take().into_iter().filter(|event| event["event"] == "access_denied").collect();
    let row = |denial: &Value| {
        ["cause", "required_scope", "route", "tenant"].map(|name| denial[name].as_str().unwrap().to_owned())
    };
    let rows: Vec<_> = denials.iter().map(row).collect();
    assert_eq!(
        rows,
        [
            ["admin.insufficient_scope", "admin:write", "/need/{scope}", "822b33ad87c1"],
            ["expired", "none", "/need/{scope}", "none"],
            ["identity.user_mismatch", "none", "/who", "822b33ad87c1"],
            ["identity.user_mismatch", "admin:read", "/of", "none"],
            ["identity.user_mismatch", "none", "/strict", "822b33ad87c1"],
        ]
    );
    for denial in &denials {
        let names: Vec<&str> = denial.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["cause", "event", "level", "message", "person", "required_scope", "route", "tenant"]);
        let person = denial["person"].as_str().unwrap();
        assert!(person == "none" || person.len() == 12 && person.bytes().all(|b| b.is_ascii_hexdigit()), "{person}");
        assert!(!denial.to_string().contains("\"eve\"") && !denial.to_string().contains("\"ada\""), "{denial}");
    }
    assert_ne!(denials[0]["person"], denials[3]["person"], "ada of acme and ada of no tenant are two");
}

/// Routes that admit who is suspended, each with another use of them.
fn open_to_all(verifier: Verifier) -> Router {
    let own = |EvenSuspended(caller): EvenSuspended| async move { caller.person().as_str().to_owned() };
    let read = |EvenSuspended(caller): EvenSuspended, web::Query(query): web::Query<Value>| async move {
        caller.subject(query["userId"].as_str(), Access::Read).await.map(|person| person.as_str().to_owned())
    };
    let need = |EvenSuspended(caller): EvenSuspended| async move {
        caller.require(Scope::AdminRead).await.map(|_| "yes".to_owned())
    };
    let routes = Router::new().route("/own", get(own)).route("/of", get(read)).route("/need", get(need));
    web::wrap(routes.route("/shut", get(|_: Caller| async { "in" })).with_state(verifier), Default::default())
}

#[tokio::test]
async fn where_who_is_suspended_is_let_in_they_are_themselves_and_have_no_other_right() {
    let suspended = record(json!({"suspended": {"BOOL": true}, "scopes": {"L": [{"S": "admin:super"}]}}));
    let free = record(json!({"scopes": {"L": [{"S": "admin:super"}]}}));
    for (source, answer, claimed) in [
        (RoleSource::Token, free.clone(), true),
        (RoleSource::Table, free, true),
        (RoleSource::Table, suspended.clone(), false),
        (RoleSource::Table, suspended, true),
    ] {
        let stage = Stage::with(source, answer).await;
        let mut claims = admin("admin:super");
        claims["suspended"] = json!(claimed);
        for (path, expected) in [
            ("/own", (200, "ada")),
            ("/of", (200, "ada")),
            ("/of?userId=ada", (200, "ada")),
            ("/of?userId=bea", (403, "auth.suspended")),
            ("/need", (403, "auth.suspended")),
            ("/shut", (403, "auth.suspended")),
        ] {
            let request =
                Request::get(path).header("authorization", bearer(claims.clone())).body(Body::empty()).unwrap();
            let told = read(open_to_all(stage.verifier.clone()).oneshot(request).await.unwrap()).await;
            assert_eq!(code(&told), expected, "{source:?} {claimed} {path}");
        }
    }
}

#[tokio::test]
async fn who_is_let_in_although_suspended_is_verified_all_the_same() {
    let stage = Stage::with(RoleSource::Token, nothing()).await;
    for (token, expected) in [
        (bearer(json!({"suspended": true, "exp": crate::auth::testing::NOW - 61})), "auth.invalid_token"),
        ("Bearer x".to_owned(), "auth.invalid_token"),
    ] {
        let request = Request::get("/own").header("authorization", token).body(Body::empty()).unwrap();
        let told = read(open_to_all(stage.verifier.clone()).oneshot(request).await.unwrap()).await;
        assert_eq!(code(&told), (401, expected));
    }
}
