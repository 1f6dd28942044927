//! Requests that nobody means well: every route gets bodies, headers, methods and texts that break parsers.
//!
//! What is refused is refused as a problem that quotes nothing of what was sent; what is taken comes back byte for byte.

use super::{traffic::operations, *};
use bytes::Bytes;
use http::Method;
use std::time::{Duration, Instant};

/// Stands in every hostile value; no problem document may quote it.
const MARK: &str = "zqx7hostile";

/// Bodies that are no good JSON, or good JSON of a size or shape that nobody sends.
fn bodies() -> Vec<(String, Vec<u8>)> {
    let mut bodies: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, body: Vec<u8>| bodies.push((name.to_owned(), body));
    for depth in [127, 128, 129, 1_000, 60_000] {
        add(&format!("{depth} lists"), ["[".repeat(depth), "]".repeat(depth)].concat().into());
        add(&format!("{depth} lists left open"), "[".repeat(depth).into());
        add(&format!("{depth} objects"), [r#"{"name":"#.repeat(depth), "1".into(), "}".repeat(depth)].concat().into());
    }
    for number in
        ["1e400", "-1e400", "1e-400", "-0", "NaN", "Infinity", "0x10", "01", "1.", ".5", "+1", "1e", "--1", "١"]
    {
        add(
            &format!("the number {number}"),
            format!(r#"{{"name":"{MARK}","price":{number},"stock":{number}}}"#).into(),
        );
    }
    let digits = "9".repeat(100_000);
    add("a number of 100,000 digits", format!(r#"{{"name":"x","price":{digits},"stock":{digits}}}"#).into());
    add("100,000 digits after the point", format!(r#"{{"name":"x","price":0.{digits}}}"#).into());
    for twice in ["name", "question", "store_id", "price", "role", "user_id", "content_type"] {
        add(&format!("{twice} twice"), format!(r#"{{"{twice}":"{MARK}","{twice}":"other"}}"#).into());
        add(
            &format!("{twice} twice, once escaped"),
            format!(r#"{{"{twice}":"{MARK}","\u{:04x}{}":"o"}}"#, twice.as_bytes()[0], &twice[1..]).into(),
        );
    }
    for text in [
        r"\u0000",
        r"\ud800",
        r"\udc00\ud800",
        r"\ud83d",
        r"\uD83D\uDE00\ud800",
        r"\x41",
        r"\u12",
        r"\",
        "\n",
        "\u{7f}",
        "\u{202e}",
        "\u{feff}",
    ] {
        add(
            &format!("the text {text:?}"),
            format!(r#"{{"name":"{MARK}{text}","question":"{MARK}{text}","store_id":"downtown"}}"#).into(),
        );
    }
    for raw in [
        &b"\xff\xfe{\x00}\x00"[..],
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xf5\x80\x80\x80",
        b"\xe2\x82",
        b"\xff",
        b"\x00",
        b"\x1f\x8b\x08\x00",
    ] {
        add(&format!("the bytes {raw:?}"), raw.to_vec());
        add(&format!("a text of the bytes {raw:?}"), [br#"{"name":"zqx7hostile"#, raw, br#"","price":1}"#].concat());
    }
    for text in [
        "",
        " ",
        "null",
        "true",
        "0",
        "\"\"",
        "[]",
        "{}",
        "{",
        "}",
        "{}{}",
        "{} x",
        "{'a':1}",
        "{a:1}",
        "{\"a\":1,}",
        "[1,]",
        "//x\n{}",
        "/**/{}",
        "{\"a\"}",
        "{\"a\":}",
        "\u{feff}{}",
        "{\"\":1}",
        "{\"__proto__\":{\"role\":\"admin\"}}",
    ] {
        add(&format!("the body {text:?}"), text.into());
    }
    let members: Vec<String> = (0..9_000).map(|n| format!(r#""m{n}":{n}"#)).collect();
    add("9,000 members", format!("{{{}}}", members.join(",")).into());
    add("a text of 200 KB", format!(r#"{{"name":"{MARK}{}","price":1}}"#, "a".repeat(200_000)).into());
    add("300 KB", vec![b' '; 300_000]);
    bodies
}

/// Values that stand in place of a good one.
fn values() -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(true),
        json!([]),
        json!({}),
        json!(""),
        json!(-1),
        json!(0.1),
        json!(u64::MAX),
        json!(1e308),
        json!([[MARK]]),
        json!({"x": MARK}),
    ];
    let texts = [
        "<script>alert(1)</script>",
        "' OR 1=1 --",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "%s%n%x",
        "../../etc/passwd",
        "T#t_corner#S#main",
        "\u{0}",
        "\u{202e}txet",
        "e\u{301}\u{301}\u{301}",
        "👨‍👩‍👧‍👦",
        "\r\nset-cookie: a=b",
        "ﬀ ﬃ İ ı ß",
        "\u{1f}\u{7f}\u{85}\u{2028}",
        "=cmd|' /C calc'!A0",
    ];
    values.extend(texts.map(|text| json!(format!("{MARK} {text}"))));
    values.push(json!(format!("{MARK}{}", "長".repeat(3_000))));
    values
}

/// A good body for a route, if it takes JSON.
fn good(method: &Method, path: &str) -> Option<Value> {
    match (method.as_str(), path) {
        ("POST", "/ask") => Some(
            json!({"question": "where is the oat milk?", "store_id": DOWNTOWN, "category": "x", "session_id": "y"}),
        ),
        ("PUT", "/catalog/stores/{store_id}") => Some(super::traffic::shop("Annex")),
        ("PUT", path) if path.contains("product") => {
            let mut product = fig_spread(1);
            product["attributes"] = json!({"note": "x"});
            product["updated_at"] = "2026-03-01T09:00:00Z".into();
            Some(product)
        }
        ("POST", path) if path.ends_with("/import") => Some(json!([{"product_id": "h-1", "name": "x", "price": 1}])),
        ("POST", path) if path.ends_with("/imports") => Some(json!({"content_type": "text/csv"})),
        ("PUT" | "POST", path) if path.contains("/people") => {
            Some(json!({"role": "shopper", "stores": [], "scopes": []}))
        }
        ("POST", "/api/user-notifications") => Some(json!({
            "userId": "grace", "category": "temporary_restriction", "decision_ref": "case-1", "appealable": true,
            "decided_by": "moderator-7", "context": {"item": "x", "item_kind": "post", "date": "2026-03-01", "until": "2026-03-09"},
        })),
        ("POST", "/api/user-notifications/read-all") => Some(json!({"category": "account_warning", "userId": "root"})),
        ("POST", "/api/user-notifications/mark-read") => Some(json!({"ids": ["ntf_00000000000000000000000000"]})),
        ("PATCH", "/api/user-notifications/{id}") => Some(json!({"read": true, "userId": "root"})),
        ("PUT", "/api/user-notifications/preferences") => Some(json!({"language": "es", "email": false})),
        ("POST", "/api/user-notifications/appeal") => {
            Some(json!({"notificationId": "ntf_00000000000000000000000000", "statement": "x", "userId": "root"}))
        }
        ("PATCH", "/api/user-notifications/appeals/{appeal_id}") => Some(json!({"statement": "x"})),
        ("POST", "/api/admin/appeals/{appeal_id}/decision") => {
            Some(json!({"outcome": "upheld", "reason": "It keeps to the rules.", "artifact_id": "art_1"}))
        }
        ("POST", "/analytics/ingest" | "/analytics/failed/{failed_id}/replay") => Some(super::analytics::full()),
        ("POST", "/analytics/ingest/batch") => Some(json!({"events": [super::analytics::full()]})),
        ("POST", "/analytics/probe") => Some(super::routing::to_probe("smartstore-dev-EventsTable")),
        ("POST", "/routing/routes") => Some(super::routing::dynamodb("t_greenleaf")),
        ("POST", "/api/admin/appeals/{appeal_id}/reopen") => Some(json!({"reason": "There is something new."})),
        _ => None,
    }
}

fn filled(path: &str) -> String {
    // A store of its own, so that publishing it costs little.
    let filled = path.replace("{store_id}", "annex").replace("{product_id}", "h-1").replace("{person_id}", "somebody");
    let filled = filled.replace("{import_id}", super::traffic::NO_IMPORT).replace("{id}", super::traffic::NO_NOTICE);
    let filled = filled.replace("{route_id}", "analytics_store.t_nobody.development");
    let filled = filled.replace("{failed_id}", "fld_00000000000000000000000000");
    let filled = filled.replace("{receipt_id}", "ers_00000000000000000000000000");
    let filled = filled.replace("{event_id}", "req-nobody%23default") + super::analytics::asked(path);
    filled.replace("{appeal_id}", "apl_00000000000000000000000000")
}

#[derive(Default)]
struct Seen {
    wrong: Vec<String>,
    refusals: Vec<Duration>,
    asked: usize,
}

impl Seen {
    /// Looks at an answer: no fault of ours, and a refusal is a problem that quotes nothing of what was sent.
    fn look(&mut self, what: &str, response: &Response, took: Duration) {
        self.asked += 1;
        let status = response.status;
        let told = String::from_utf8_lossy(&response.bytes);
        if status >= 500 && (status != 503 || response.header("retry-after").is_empty()) {
            self.wrong.push(format!("{what}: {status} {told}"));
        }
        if status >= 400 {
            self.refusals.push(took);
            if response.header("content-type") != "application/problem+json" && !response.bytes.is_empty() {
                self.wrong.push(format!("{what}: {status} is told as {}", response.header("content-type")));
            }
            if told.to_lowercase().contains(MARK) {
                self.wrong.push(format!("{what}: {status} quotes what was sent: {told}"));
            }
        }
    }

    fn judge(mut self) {
        self.refusals.sort();
        let p99 = self.refusals.get(self.refusals.len() * 99 / 100);
        eprintln!("{} requests, {} refused, p99 of a refusal {p99:?}", self.asked, self.refusals.len());
        assert!(
            self.wrong.is_empty(),
            "{} of {}:\n{}",
            self.wrong.len(),
            self.asked,
            self.wrong[..self.wrong.len().min(25)].join("\n")
        );
    }
}

/// Those who may reach every handler: a tenant's admin, and one of the system tenant.
struct Admins {
    root: Client,
    system: Client,
    /// The tenant's, in the context in which events are sent.
    sender: Client,
}

impl Admins {
    /// Who may reach the handler of a path.
    fn of(&self, path: &str) -> &Client {
        match path {
            path if path.starts_with("/routing/") => &self.system,
            path if path.starts_with("/analytics/") || path == "/api/analytics/export" => &self.sender,
            _ => &self.root,
        }
    }
}

/// The admins, and a small store of the tenant's.
async fn somewhere() -> (Bundle, Admins) {
    let bundle = Bundle::start().await;
    let claims = local::Claims::of("root").role("admin").tenant("t_greenleaf").stores(["annex", DOWNTOWN]);
    let claims = claims.scope("admin:super service:write");
    bundle.administer("t_greenleaf", "root", "admin:super").await.unwrap();
    let root = bundle.person(claims);
    assert_eq!(root.put("/catalog/stores/annex", super::traffic::shop("Annex")).await.status, 201);
    let system = super::routing::keeper(&bundle).await;
    super::analytics::route(&bundle, "t_greenleaf").await;
    let sender = super::routing::in_context(&root, true, "t_greenleaf");
    (bundle, Admins { root, system, sender })
}

async fn send(client: &Client, method: &Method, path: &str, media: &str, body: Vec<u8>) -> (Response, Duration) {
    let begun = Instant::now();
    let response = client.send(method.clone(), path, Some((media, Bytes::from(body)))).await.unwrap();
    (response, begun.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_break_parsers_are_refused_or_harmless_on_every_route() {
    let (_bundle, admins) = somewhere().await;
    let mut seen = Seen::default();
    for (method, path) in operations() {
        if good(&method, &path).is_none() {
            continue;
        }
        for (name, body) in bodies() {
            let (response, took) = send(admins.of(&path), &method, &filled(&path), "application/json", body).await;
            seen.look(&format!("{method} {path} with {name}"), &response, took);
        }
    }
    seen.judge();
}

/// Every place in a document where a value can be put, as JSON pointers.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let at = format!("{at}/{name}");
                into.push(at.clone());
                places(value, &at, into);
            }
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| places(item, &format!("{at}/{n}"), into)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_value_in_any_place_is_refused_or_harmless() {
    let (_bundle, admins) = somewhere().await;
    let mut seen = Seen::default();
    for (method, path) in operations() {
        let Some(good) = good(&method, &path) else { continue };
        let mut all = Vec::new();
        places(&good, "", &mut all);
        for at in all {
            for value in values() {
                let mut body = good.clone();
                *body.pointer_mut(&at).unwrap() = value.clone();
                let (response, took) =
                    send(admins.of(&path), &method, &filled(&path), "application/json", body.to_string().into()).await;
                seen.look(&format!("{method} {path} with {value} at {at}"), &response, took);
            }
        }
    }
    seen.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_come_back_byte_for_byte_or_are_refused() {
    let (_bundle, admins) = somewhere().await;
    let path = "/catalog/stores/annex/products/texts";
    let (mut kept, mut refused) = (0, 0);
    for text in values().iter().filter_map(Value::as_str) {
        for field in ["name", "brand", "description", "category", "aisle", "supplier"] {
            let mut product = fig_spread(1);
            product[field] = text.into();
            let put = admins.root.put(path, product).await;
            if put.status >= 400 {
                assert_problem(&put, 400, "catalog.bad_product");
                refused += 1;
                continue;
            }
            let got = admins.root.get(path).await.body;
            assert!(
                got[field] == text || text.is_empty() && got[field].is_null(),
                "{field}: {text:?} came back as {}",
                got[field]
            );
            kept += 1;
        }
    }
    eprintln!("{kept} texts kept, {refused} refused");
    assert!(kept > 40, "{kept} kept, {refused} refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_methods_types_and_headers_are_told_as_problems() {
    let (bundle, admins) = somewhere().await;
    let mut seen = Seen::default();
    for (method, path) in operations() {
        let at = filled(&path);
        for odd in ["HEAD", "PATCH", "TRACE", "CONNECTED", "BREW", "get", "OPTIONS"] {
            let response = admins.of(&path).send(odd.parse().unwrap(), &at, None).await.unwrap();
            seen.look(&format!("{odd} {path}"), &response, Duration::ZERO);
            let head = odd == "HEAD" && response.status == 403;
            // Routes that take a PATCH want a body; so does the one of a notice, for which any name below it is taken.
            let patch = odd == "PATCH" && path.starts_with("/api/user-notifications/") && response.status == 415;
            let told = head || patch || matches!(response.status, 404 | 405 | 204 | 200);
            assert!(told, "{odd} {path}: {}", response.status);
        }
        if let Some(body) = good(&method, &path) {
            for media in [
                "",
                "text/plain",
                "application/jsonx",
                "multipart/form-data; boundary=x",
                "application/json, text/html",
                "application/x-www-form-urlencoded",
                "image/png",
                "*/*",
            ] {
                let (response, took) = send(admins.of(&path), &method, &at, media, body.to_string().into()).await;
                seen.look(&format!("{method} {path} as {media:?}"), &response, took);
                assert_problem(&response, 415, response.body["error_code"].as_str().unwrap_or_default());
            }
            for media in ["application/json; charset=utf-16", "APPLICATION/JSON", "application/merge-patch+json"] {
                let (response, took) = send(admins.of(&path), &method, &at, media, body.to_string().into()).await;
                seen.look(&format!("{method} {path} as {media:?}"), &response, took);
            }
        }
        for (name, value) in [
            ("accept", "image/png"),
            ("accept-encoding", "gzip;q=0"),
            ("range", "bytes=0-1"),
            ("if-match", "*, \"a\", W/\"b\""),
            ("if-match", MARK),
            ("idempotency-key", MARK),
            ("idempotency-key", ""),
            ("idempotency-key", &"k".repeat(2_000)),
            ("x-request-id", &"r".repeat(300)),
            ("traceparent", "00-zz-00-00"),
            ("x-sheen-locale", MARK),
            ("origin", "https://zqx7hostile.example"),
            ("x-http-method-override", "DELETE"),
            ("x-forwarded-host", MARK),
            ("x-amz-security-token", MARK),
            ("cookie", MARK),
            ("expect", "100-continue"),
            ("x-original-url", "/openapi.json"),
        ] {
            let client = admins.of(&path).with_header(name, value);
            let body = good(&method, &path).map(|body| ("application/json", Bytes::from(body.to_string())));
            let begun = Instant::now();
            let response = client.send(method.clone(), &at, body).await.unwrap();
            seen.look(&format!("{method} {path} with {name}: {value:.40}"), &response, begun.elapsed());
        }
        let long = bundle.stranger().with_header("x-long", &"h".repeat(10_300));
        assert_problem(&long.send(method.clone(), &at, None).await.unwrap(), 431, "http.headers_too_large");
        let long = bundle.stranger().get(&format!("/{}", "p".repeat(10_300))).await;
        assert_problem(&long, 431, "http.headers_too_large");
    }
    seen.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_has_a_limit_to_its_body_below_the_gateways() {
    let (_bundle, admins) = somewhere().await;
    for (method, path) in operations().into_iter().filter(|(method, path)| good(method, path).is_some()) {
        let limit = match path.as_str() {
            "/analytics/ingest/batch" => 1024 * 1024,
            path if path.ends_with("/import") => 5_500_000,
            _ => 256 * 1024,
        };
        let (response, _) =
            send(admins.of(&path), &method, &filled(&path), "application/json", vec![b' '; limit + 1]).await;
        assert_problem(&response, 413, "http.body_too_large");
        let (response, _) =
            send(admins.of(&path), &method, &filled(&path), "application/json", vec![b' '; limit.min(2_000_000)]).await;
        assert_ne!(response.status, 413, "{method} {path}");
    }
}
