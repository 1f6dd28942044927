//! Canaries: texts that must not come out, put into everything that goes in.
//!
//! A process of its own, because logs have one way out of a process. Everything that it says is kept: log and metric lines at the
//! most talkative level that the template allows, traces as a collector gets them, answers, problem documents.
#![allow(clippy::unwrap_used, missing_docs)]

mod kept;
mod search;
mod vendors;

use bytes::Bytes;
use http::Method;
use local::{Bundle, Claims, Client, Options, Response};
use search::Search;
use serde_json::{Value, json};
use shared::telemetry::{
    self, Service,
    testing::{Collector, Manner},
    traces,
};
use std::{
    collections::BTreeSet,
    io::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tests::{
    faults::{Faults, Reply},
    vendors::{Kind, Vendor},
};
use tracing::level_filters::LevelFilter;

/// Where a text came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// A log or metric line.
    Line,
    Trace,
    /// A good answer to staff.
    ToStaff,
    /// A good answer to anybody else.
    ToOthers,
    Problem,
    /// An answer that the table keeps for a request's repetition.
    KeptAnswer,
    /// What the table keeps beside it.
    Kept,
}

/// A planted text, and where it may come out.
struct Canary {
    what: &'static str,
    text: String,
    belongs: &'static [Place],
}

const NAME: &str = "Zebulon Quillfeather";
const EMAIL: &str = "zebulon.quillfeather@aviary.example";
const PHONE: &str = "+1 555 014 7788 93";
const ADDRESS: &str = "203.0.113.177";
const COOKIE: &str = "sid=Krx7uVqyTzB4mNn2";
const AGENT: &str = "Birdwatcher/7.31 (Zq8 handheld)";
const HEADER: &str = "wq3n-plover-lapwing-0x55aa";
const WORDS: &str = "Ptarmigan Dotterel Marmalade";
const COST: &str = "48151.62";
const SUPPLIER: &str = "Quartzfinch Imports Ltd";
/// Said in a question: the answer may repeat it to the one who asked, and nothing else may.
const SPOKEN: [(&str, &str); 3] = [
    ("spoken name", "Philippa Wheatear"),
    ("spoken e-mail", "philippa.wheatear@hedgerow.example"),
    ("spoken phone", "+44 1632 960 555 17"),
];
/// Why somebody broke the glass.
const REASON: &str = "Merganser fell ill and Dunlin is away";
/// Begins each `Idempotency-Key`.
const KEY: &str = "qk4-Turnstone41Redshank88";
const API_KEY: &str = "sk-ant-api03-Gannet9Fulmar8Shearwater7";

/// What a process says: every line that its telemetry writes.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that came out, and by whom it was asked for.
#[derive(Default)]
struct Caught(Vec<(Place, String, String)>);

impl Caught {
    fn take(&mut self, staff: bool, asked: &str, response: &Response) {
        let place = match response.status {
            400.. => Place::Problem,
            _ if staff => Place::ToStaff,
            _ => Place::ToOthers,
        };
        let text = format!("{:?} {}", response.headers, String::from_utf8_lossy(&response.bytes));
        self.0.push((place, asked.to_owned(), text));
    }
}

fn operations() -> Vec<(Method, String)> {
    let document = serde_json::to_value(local::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let methods = |path: &String, item: &Value| -> Vec<(Method, String)> {
        item.as_object().unwrap().keys().map(|method| (method.to_uppercase().parse().unwrap(), path.clone())).collect()
    };
    paths.iter().flat_map(|(path, item)| methods(path, item)).collect()
}

/// A person whose token says everything that a token can say of a person.
fn person(bundle: &Bundle, role: &str) -> Client {
    let claims = Claims::of("uid-7f3a").role(role).tenant("t_greenleaf").stores(["downtown"]);
    let claims = claims.with("name", NAME).with("email", EMAIL).with("phone_number", PHONE);
    let claims = claims.with("picture", format!("https://aviary.example/{HEADER}.png")).scope("admin:super");
    told_everything(&bundle.person(claims))
}

/// The headers that say most of whoever sends them, under a key of its own.
fn told_everything(client: &Client) -> Client {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    client
        .with_header("idempotency-key", &format!("{KEY}-{}", NUMBER.fetch_add(1, Ordering::Relaxed)))
        .with_header("x-breakglass-reason", REASON)
        .with_header("cookie", COOKIE)
        .with_header("user-agent", AGENT)
        .with_header("referer", &format!("https://aviary.example/?who={EMAIL}"))
        .with_header("forwarded", &format!("for={ADDRESS}"))
        .with_header("x-real-ip", ADDRESS)
        .with_header("x-api-key", HEADER)
        .with_header("accept-language", HEADER)
        .with_header("x-sheen-locale", HEADER)
        .with_header("traceparent", HEADER)
        .with_header("x-request-id", &format!("<{HEADER}>"))
}

/// What is sent to a route: personal things in each text that it takes.
fn request(method: &Method, path: &str) -> (String, Option<(&'static str, Bytes)>) {
    let filled = path.replace("{store_id}", "downtown").replace("{product_id}", "canary-1");
    let filled =
        filled.replace("{import_id}", "imp-00000000000000000000000000000000").replace("{person_id}", "uid-9c1e");
    let said = format!("I am {}, {}, {}", SPOKEN[0].1, SPOKEN[1].1, SPOKEN[2].1);
    let product = json!({
        "name": WORDS, "brand": WORDS, "description": WORDS, "category": WORDS, "department": WORDS, "aisle": "17",
        "price": 6.35, "stock": 3, "cost_price": COST.parse::<f64>().unwrap(), "supplier": SUPPLIER, "attributes": {"note": WORDS},
    });
    let json = |value: Value| Some(("application/json", Bytes::from(value.to_string())));
    let body = match (method.as_str(), path) {
        ("POST", "/ask") => json(json!({"question": said, "store_id": "downtown", "session_id": HEADER})),
        ("PUT", "/catalog/stores/{store_id}") => {
            json(json!({"name": "Downtown", "time_zone": "America/New_York", "currency": "USD"}))
        }
        ("PUT", path) if path.contains("product") => json(product),
        ("POST", path) if path.ends_with("/import") => Some((
            "text/csv",
            format!(
                "product_id,name,price,cost_price,supplier\ncanary-2,{WORDS},2,{COST},{SUPPLIER}\n,{NAME},x,1,{EMAIL}\n"
            )
            .into(),
        )),
        ("POST", path) if path.ends_with("/imports") => json(json!({"content_type": "text/csv"})),
        ("PUT", path) if path.contains("/people/") => {
            json(json!({"role": "shopper", "stores": [], "scopes": ["admin:breakglass"]}))
        }
        ("PUT" | "POST" | "PATCH", path) if !path.ends_with("/start") => {
            json(json!({"role": "shopper", "stores": [], "scopes": [], "note": said}))
        }
        _ => None,
    };
    (filled, body)
}

/// Sends every route its request, as staff, as a shopper, and with a token that does not hold.
async fn every_route(bundle: &Bundle, caught: &mut Caught, tokens: &mut BTreeSet<String>) {
    let forged = |client: &Client| {
        let token = client.token().unwrap();
        client.with_token(&format!("{}x", &token[..token.len() - 8]))
    };
    let (staff, shopper) = (person(bundle, "admin"), person(bundle, "shopper"));
    for (method, path) in operations() {
        let (filled, body) = request(&method, &path);
        for (is_staff, client) in [(true, &staff), (false, &shopper), (false, &forged(&staff))] {
            tokens.extend(client.token());
            let client = told_everything(client);
            let response = client.send(method.clone(), &filled, body.clone()).await.unwrap();
            caught.take(is_staff, &format!("{method} {path}"), &response);
        }
    }
    for question in [
        "what does the Marmalade cost you and who supplies it?",
        "what is the cost price of the Ptarmigan Dotterel Marmalade?",
    ] {
        for (is_staff, client) in [(true, &staff), (false, &shopper)] {
            let client = told_everything(client);
            let response = client.post("/ask", json!({"question": question, "store_id": "downtown"})).await;
            caught.take(is_staff, question, &response);
        }
    }
    // Bodies that are not what a route takes, with a person in each place.
    for (method, path) in
        operations().into_iter().filter(|(method, _)| *method != Method::GET && *method != Method::DELETE)
    {
        let (filled, _) = request(&method, &path);
        for body in [
            json!(EMAIL),
            json!([EMAIL, NAME]),
            json!({"question": {"x": EMAIL}, "name": [NAME], "price": EMAIL, "role": EMAIL, "store_id": EMAIL}),
            json!({"user_id": EMAIL}),
        ] {
            let body = Bytes::from(body.to_string());
            let response =
                told_everything(&staff).send(method.clone(), &filled, Some(("application/json", body))).await.unwrap();
            caught.take(true, &format!("{method} {path} with another body"), &response);
        }
    }
    for path in [
        format!("/catalog/stores/downtown?user_id={EMAIL}"),
        "/catalog/stores/downtown/search?max_price=zebulon.quillfeather%40aviary.example".to_owned(),
    ] {
        caught.take(true, &path, &staff.get(&path).await);
    }
}

/// As Lambda is handed a request: with the caller's address.
async fn events(bundle: &Bundle) {
    let event = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../events/ask.json")).unwrap();
    let mut event: Value = serde_json::from_str(&event).unwrap();
    event["requestContext"]["http"]["sourceIp"] = ADDRESS.into();
    event["requestContext"]["http"]["userAgent"] = AGENT.into();
    event["headers"]["x-forwarded-for"] = ADDRESS.into();
    event["headers"]["authorization"] = format!("Bearer {}", person(bundle, "shopper").token().unwrap()).into();
    assert_eq!(bundle.deliver(&event.to_string()).await.unwrap(), 200);
}

/// A store's error that quotes what has a form to be known by: addresses, tokens.
fn quoting(token: &str) -> [Reply; 2] {
    let said = format!("One or more parameter values were invalid: {EMAIL} from {ADDRESS} with {token} and {API_KEY}");
    let json = json!({"__type": "com.amazonaws.dynamodb.v20120810#ValidationException", "message": said});
    let xml = format!("<?xml version=\"1.0\"?><Error><Code>InvalidRequest</Code><Message>{said}</Message></Error>");
    [Reply::json(400, &json), Reply { status: 400, media: "application/xml", body: xml.into(), checked: false }]
}

async fn with_faults(bundle: &Bundle, faults: &Faults, caught: &mut Caught, tokens: &mut BTreeSet<String>) {
    let token = person(bundle, "admin").token().unwrap();
    let [json, xml] = quoting(&token);
    for operation in
        ["GetItem", "BatchGetItem", "Query", "TransactWriteItems", "PutItem", "UpdateItem", "GetSecretValue"]
    {
        faults.clear().on(operation).answer(json.clone());
        every_route(bundle, caught, tokens).await;
    }
    bundle.clock().advance(jiff::SignedDuration::from_secs(3_600));
    for (operation, reply) in
        [("GetObject", &xml), ("PutObject", &xml), ("GetItem", &Reply::foreign()), ("GetItem", &Reply::empty())]
    {
        faults.clear().on(operation).answer(reply.clone());
        every_route(bundle, caught, tokens).await;
    }
    for operation in ["GetItem", "GetObject", "BatchGetItem"] {
        faults.clear().on(operation).truncate();
        every_route(bundle, caught, tokens).await;
    }
    faults.clear();
    let _ = bundle.run_schedule("catalog-publish").await;
}

/// A handler that panics with what it was sent.
async fn panics(token: &str) {
    use tower::ServiceExt;
    let said = format!("no entry for {EMAIL} at {ADDRESS}: Bearer {token} {API_KEY}");
    let broken = axum::Router::new().route(
        "/",
        axum::routing::get(move || async move {
            if !said.is_empty() {
                panic!("{said}")
            }
        }),
    );
    let wrapped = shared::web::wrap(broken, shared::web::cors::AllowedOrigins::default());
    let answer = wrapped.oneshot(http::Request::get("/").body(axum::body::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 500);
}

/// The values of the environment's secret, as they stand in the laptop's store.
fn secrets(bundle: &Bundle) -> BTreeSet<String> {
    fn texts(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => match serde_json::from_str::<Value>(text) {
                Ok(inner @ Value::Object(_)) => texts(&inner, into),
                _ if text.len() >= 32 && !text.starts_with("arn:") => drop(into.insert(text.clone())),
                _ => {}
            },
            Value::Object(members) => members.values().for_each(|value| texts(value, into)),
            Value::Array(items) => items.iter().for_each(|value| texts(value, into)),
            _ => {}
        }
    }
    let book = std::fs::read_to_string(bundle.state().join("secrets.json")).unwrap();
    let mut found = BTreeSet::new();
    texts(&serde_json::from_str(&book).unwrap(), &mut found);
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_personal_and_no_secret_comes_out_of_any_route_fault_or_panic() {
    let said = Said::default();
    let collector = Collector::start(Manner::Well).await.unwrap();
    let service = Service { name: "all".into(), environment: "development".into(), region: "local".into() };
    let traces = traces::Config { ratio: 1.0, ..traces::Config::to(collector.url()) };
    telemetry::init_with(service, LevelFilter::DEBUG, Box::new(said.clone()), Some(traces));
    let faults = Faults::new();
    let mut options = faults.before(Options::for_tests());
    options.env_file.insert("ANTHROPIC_API_KEY".to_owned(), API_KEY.to_owned());
    let bundle = Bundle::start_with(options).await;
    bundle.administer("t_greenleaf", "uid-7f3a", "admin:super").await.unwrap();
    let (mut caught, mut tokens) = (Caught::default(), BTreeSet::new());
    every_route(&bundle, &mut caught, &mut tokens).await;
    events(&bundle).await;
    bundle.run_schedule("catalog-publish").await.unwrap();
    bundle.clock().advance(jiff::SignedDuration::from_secs(6));
    every_route(&bundle, &mut caught, &mut tokens).await;
    let administered =
        |(place, asked, _): &&(Place, String, String)| *place == Place::ToStaff && asked.contains("/people/");
    assert!(caught.0.iter().filter(administered).count() >= 3, "the routes of administration did what they were asked");
    assert!(kept::take(&bundle, &mut caught).await > 20, "answers were kept");
    with_faults(&bundle, &faults, &mut caught, &mut tokens).await;
    let (model, retrieval) = (Vendor::start(Kind::Anthropic).await, Vendor::start(Kind::Rag).await);
    let asking = vendors::bundle(&model, &retrieval).await;
    vendors::through(&model, &retrieval, &asking, &mut caught).await;
    kept::take(&asking, &mut caught).await;
    telemetry::log_panics();
    panics(tokens.first().unwrap()).await;
    let _ = std::panic::take_hook();
    let nowhere: &[Place] = &[];
    let mut canaries: Vec<Canary> = [
        ("name", NAME),
        ("e-mail", EMAIL),
        ("phone", PHONE),
        ("address", ADDRESS),
        ("cookie", COOKIE),
        ("agent", AGENT),
        ("header", HEADER),
        ("reason", REASON),
        ("idempotency key", KEY),
        ("api key", API_KEY),
    ]
    .map(|(what, text)| Canary { what, text: text.to_owned(), belongs: nowhere })
    .into();
    let answers: &[Place] = &[Place::ToStaff, Place::ToOthers, Place::KeptAnswer];
    let to_staff: &[Place] = &[Place::ToStaff, Place::KeptAnswer];
    canaries.extend(SPOKEN.map(|(what, text)| Canary { what, text: text.to_owned(), belongs: answers }));
    canaries.push(Canary { what: "words", text: WORDS.to_owned(), belongs: answers });
    canaries.push(Canary { what: "cost price", text: COST.to_owned(), belongs: to_staff });
    canaries.push(Canary { what: "supplier", text: SUPPLIER.to_owned(), belongs: to_staff });
    // A token's first part says nothing but the key's name, and is the same in each.
    let rest = tokens.iter().flat_map(|token| token.split('.').skip(1).map(str::to_owned));
    canaries.extend(rest.map(|text| Canary { what: "token", text, belongs: nowhere }));
    let secrets: BTreeSet<String> = [secrets(&bundle), secrets(&asking)].into_iter().flatten().collect();
    assert!(!secrets.is_empty(), "the environment has a secret");
    canaries.extend(secrets.into_iter().map(|text| Canary { what: "secret", text, belongs: nowhere }));
    let search = Search::of(canaries.iter().map(|canary| canary.text.as_str()));
    let lines = String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
    caught.0.push((Place::Line, "the log".to_owned(), lines.clone()));
    for body in collector.bodies() {
        caught.0.push((Place::Trace, "a trace".to_owned(), body.to_string()));
    }
    let count = |place| caught.0.iter().filter(|(at, ..)| *at == place).count();
    eprintln!(
        "{} lines, {} traces, {} good answers, {} problems, {} canaries",
        lines.lines().count(),
        count(Place::Trace),
        count(Place::ToStaff) + count(Place::ToOthers),
        count(Place::Problem),
        canaries.len()
    );
    assert!(lines.lines().count() > 100 && count(Place::Trace) > 100, "there is something to search");
    let mut hits = BTreeSet::new();
    for (place, asked, text) in &caught.0 {
        for (which, form, around) in search.find(text) {
            if !canaries[which].belongs.contains(place) {
                hits.insert(format!("{} {form} in {place:?} of {asked}: …{around}…", canaries[which].what));
            }
        }
    }
    assert!(hits.is_empty(), "{} hits:\n{}", hits.len(), hits.iter().take(30).cloned().collect::<Vec<_>>().join("\n"));
    // And a leak is found: one on purpose, in a form that no redaction knows.
    let leak: String = NAME.bytes().map(|byte| format!("{byte:02x}")).collect();
    tracing::warn!("seen {leak}");
    let lines = String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
    assert!(search.find(&lines).iter().any(|(_, form, around)| *form == "in hex" && around.contains("seen ")));
}
