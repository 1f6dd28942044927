//! What the whole bundle says of itself: every log line of one form, every kept trace a tree under its caller's span, and no person
//! in either. One process, one subscriber: so one test.
#![allow(clippy::unwrap_used, missing_docs)]

use local::{Bundle, Claims, Client, Options};
use serde_json::{Value, json};
use shared::telemetry::{
    self, Service,
    testing::{Collector, Manner},
    traces::Config,
};
use std::{
    io::Write,
    sync::{Arc, Mutex},
};
use tests::faults::{Faults, Reply};
use tracing::level_filters::LevelFilter;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
/// A person whose id is their address, as some issuers have it.
const ADDRESS: &str = "grace.hopper@example.com";

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Memory {
    fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line} is one JSON"))).collect()
    }
}

fn attribute<'a>(of: &'a Value, key: &str) -> Option<&'a Value> {
    let found = of["attributes"].as_array()?.iter().find(|pair| pair["key"] == key)?;
    found["value"].as_object()?.values().next()
}

/// The path of a span from its root, such as `POST /ask > ask_request > rerank`.
fn path(trace: &[Value], span: &Value) -> String {
    let name = span["name"].as_str().unwrap();
    match trace.iter().find(|other| other["spanId"] == span["parentSpanId"]) {
        Some(above) => format!("{} > {name}", path(trace, above)),
        None => name.to_owned(),
    }
}

/// A log line has the eight members that every line has; a line of metrics the labels that are allowed, and no others.
fn assert_well_formed(line: &Value) {
    let labels = ["service.name", "deployment.environment", "region", "job", "queue", "status"];
    if let Some(directive) = line.get("_aws") {
        let directive = &directive["CloudWatchMetrics"][0];
        let label = |name: &Value| labels.contains(&name.as_str().unwrap()) && line[name.as_str().unwrap()].is_string();
        assert!(directive["Dimensions"][0].as_array().unwrap().iter().all(label), "{line}");
        let metrics = directive["Metrics"].as_array().unwrap();
        let named = |member: &String| metrics.iter().any(|metric| metric["Name"] == **member);
        let listed = |member: &String| member == "_aws" || labels.contains(&member.as_str()) || named(member);
        assert!(line.as_object().unwrap().keys().all(listed), "{line}");
        return;
    }
    for member in ["timestamp", "level", "service", "env", "event"] {
        assert!(line[member].as_str().is_some_and(|text| !text.is_empty()), "{member} in {line}");
    }
    for member in ["request_id", "trace_id", "tenant"] {
        let value = line.get(member).unwrap_or_else(|| panic!("{member} in {line}"));
        assert!(value.is_null() || value.is_string(), "{member} in {line}");
    }
    line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    // A refusal says `none` of whoever is not known.
    let hash = line["tenant"].as_str().filter(|tenant| *tenant != "none");
    assert!(hash.is_none_or(|hash| hash.len() == 12 && hash.bytes().all(|b| b.is_ascii_hexdigit())), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bundle_tells_of_each_request_in_lines_of_one_form_and_one_tree_without_saying_who_asked() {
    let collector = Collector::start(Manner::Well).await.unwrap();
    let memory = Memory::default();
    let service = Service { name: "local".into(), environment: "test".into(), region: "local".into() };
    let config = Config { ratio: 0.0, ..Config::to(collector.url()) };
    telemetry::init_with(service, LevelFilter::INFO, Box::new(memory.clone()), Some(config));
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    let person = bundle.shopper(ADDRESS);
    let asked = json!({"question": "where is the oat milk?", "store_id": "downtown"});

    let before = collector.count();
    let kept =
        person.with_header("traceparent", &format!("00-{TRACE}-{SPAN}-01")).with_header("x-request-id", "req-kept");
    let answer = kept.post("/ask", asked.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    person.post("/ask", json!({"question": "", "store_id": "downtown"})).await;
    person.post("/ask", json!({"question": "hours?", "store_id": "elsewhere"})).await;
    person.with_header("x-tenant-id", "another").post("/ask", asked.clone()).await;
    person.with_token("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln").post("/ask", asked).await;
    bundle.stranger().get("/nowhere").await;
    assert_eq!(collector.count(), before + 1, "the one that the caller keeps");

    let trace = collector.traces().pop().unwrap();
    let root = &trace[0];
    assert_eq!(
        (&root["name"], &root["parentSpanId"], &root["traceId"]),
        (&"POST /ask".into(), &SPAN.into(), &TRACE.into())
    );
    assert_eq!(answer.header("traceparent"), format!("00-{TRACE}-{}-01", root["spanId"].as_str().unwrap()));
    assert_eq!(attribute(root, "request_id"), Some(&"req-kept".into()));
    let paths: Vec<_> = trace.iter().map(|span| path(&trace, span)).collect();
    for span in ["embed_query", "vector_search", "rerank", "llm_generation"] {
        let under =
            |path: &&String| path.starts_with("POST /ask > ask_request > ") && path.ends_with(&format!("> {span}"));
        assert!(paths.iter().any(|path| under(&path)), "{span} in {paths:#?}");
    }
    let asked = trace.iter().find(|span| span["name"] == "ask_request").unwrap();
    assert_eq!(attribute(asked, "store_id"), Some(&"downtown".into()));
    assert_eq!(attribute(asked, "user_id"), Some(&shared::private::hashed(ADDRESS).into()));

    fails_in_part(&bundle, &faults).await;

    let usual = std::panic::take_hook();
    telemetry::log_panics();
    let fallen = std::thread::spawn(|| panic!("{ADDRESS} has sent a bad byte")).join();
    std::panic::set_hook(usual);
    assert!(fallen.is_err());

    let lines = memory.lines();
    lines.iter().for_each(assert_well_formed);
    let panicked = lines.iter().find(|line| line["event"] == "panicked").expect("a panic is a line");
    assert_eq!(panicked["message"], "a panic: [email] has sent a bad byte");
    assert!(panicked["place"].as_str().unwrap().contains("telemetry.rs:"), "{panicked}");
    let of_request = lines.iter().filter(|line| line["request_id"] == "req-kept").collect::<Vec<_>>();
    assert!(!of_request.is_empty() && of_request.iter().all(|line| line["trace_id"] == TRACE), "{lines:#?}");
    assert!(lines.iter().any(|line| line["tenant"].is_string()), "a line of a known caller names the tenant");
    assert!(lines.iter().any(|line| line.get("_aws").is_some()), "there are metrics");
    let of_stores: Vec<&Value> =
        lines.iter().filter(|line| line.get("analytics_backend_errors_total").is_some()).collect();
    assert_eq!(of_stores.len(), 2, "a request that the store failed in part, and one that it failed: {of_stores:#?}");
    assert!(of_stores.iter().all(|line| line["status"] == "failed"), "{of_stores:#?}");
    let told = format!("{lines:?} {:?}", collector.bodies());
    for part in ["grace", "hopper", "example.com", "127.0.0.1", "eyJ", "oat milk"] {
        assert!(!told.contains(part), "{part} is told: {}", around(&told, part));
    }
}

/// Sends a batch of which the store takes one event and fails two, and an event that it fails.
async fn fails_in_part(bundle: &Bundle, faults: &Faults) {
    let within = |client: Client, tenant: &str, mode: &str| {
        let headers = [("x-tenant-id", tenant), ("x-project-id", "web"), ("x-mode", mode)];
        headers.iter().fold(client, |client, (name, value)| client.with_header(name, value))
    };
    bundle.administer("t_system", "keeper", "admin:super").await.unwrap();
    let keeper = bundle.person(Claims::of("keeper").tenant("t_system").scope("admin:super"));
    let table = &bundle.template().tables[1].name;
    let route = json!({
        "resource_kind": "analytics_store", "tenant_id": "t_greenleaf", "env": "development", "backend_type": "dynamodb",
        "config": {"region": "us-east-1", "table_name": table, "use_local": true},
    });
    assert_eq!(within(keeper, "t_system", "system").post("/routing/routes", route).await.status, 201);
    let sender = bundle.person(Claims::of("sender").tenant("t_greenleaf").scope("service:write"));
    let sender = within(sender, "t_greenleaf", "saas").with_header("x-request-id", "req-b");
    let event = json!({"event_type": "pageview", "payload": {}});
    let refused =
        Reply::json(400, &json!({"__type": "com.amazonaws.dynamodb.v20120810#AccessDeniedException", "message": "no"}));
    let fails = || faults.clear().on("PutItem").by("ingest").touching("EVENT#");
    fails().first(2).answer(refused.clone());
    let taken = sender.post("/analytics/ingest/batch", json!({"events": [event, event, event]})).await;
    assert_eq!((taken.status, &taken.body["stored"]), (200, &json!(1)), "{}", taken.body);
    fails().answer(refused);
    assert_eq!(sender.post("/analytics/ingest", event).await.status, 500);
}

fn around<'a>(text: &'a str, part: &str) -> &'a str {
    let at = text.find(part).unwrap();
    &text[text.floor_char_boundary(at.saturating_sub(300))..text.ceil_char_boundary((at + 100).min(text.len()))]
}
