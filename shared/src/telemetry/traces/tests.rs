mod calls;

use super::{
    buffer::{MAX_EVENTS, MAX_SPANS},
    layer::exporter_of,
    *,
};
use crate::{
    telemetry::{
        Logs, Service, job,
        testing::{Collector, Manner},
        traceparent,
    },
    web::{cors::AllowedOrigins, request::random_hex, wrap},
};
use axum::{
    Router,
    body::Body,
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value as Json;
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tower::ServiceExt;
use tracing::{Instrument, info_span, level_filters::LevelFilter, subscriber::DefaultGuard};
use tracing_subscriber::layer::SubscriberExt;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

type Lines = Arc<Mutex<Vec<String>>>;

fn service() -> Service {
    Service { name: "ask".into(), environment: "test".into(), region: "eu-central-1".into() }
}

/// Traces to `url` and log lines into what comes back, for this thread.
fn exporting(url: &str, ratio: f64) -> (DefaultGuard, Lines) {
    let lines = Lines::default();
    let seen = lines.clone();
    let logs = Logs::new(service(), Box::new(move |line| seen.lock().unwrap().push(line.to_owned())));
    let traces = Traces::new(service(), Config { ratio, ..Config::to(url) });
    let subscriber =
        tracing_subscriber::registry().with(logs.down_to(LevelFilter::WARN)).with(traces).with(LevelFilter::DEBUG);
    (tracing::subscriber::set_default(subscriber), lines)
}

async fn thing(Path(id): Path<String>) -> Response {
    let outer = info_span!("outer", thing = %id, answer = 42, tokens_used = tracing::field::Empty);
    let work = async {
        tracing::Span::current().record("tokens_used", 7);
        tracing::debug!("too fine");
        let unseen = tracing::debug_span!("unseen");
        tokio::task::yield_now().await;
        async {
            tokio::task::yield_now().await;
            info_span!("inner").in_scope(|| {
                tracing::warn!(event = "odd_thing", contact = "ada@example.com", password = "horse", "odd {id}")
            });
        }
        .instrument(unseen)
        .await;
        match id.as_str() {
            "broken" => Err(StatusCode::INTERNAL_SERVER_ERROR),
            "absent" => Err(StatusCode::NOT_FOUND),
            "panic" => panic!("ada@example.com has sent {id}"),
            "worried" => {
                tracing::error!(event = "worry", "from 203.0.113.9");
                Ok("worried")
            }
            _ => Ok("here"),
        }
    };
    work.instrument(outer).await.into_response()
}

fn app() -> Router {
    let called = get(|| async { traceparent().unwrap_or_default() });
    let deep = get(|| async { info_span!("call").in_scope(traceparent).unwrap_or_default() });
    let routes = Router::new().route("/things/{id}", get(thing)).route("/called", called).route("/deep", deep);
    wrap(routes, AllowedOrigins::default())
}

async fn ask(app: &Router, path: &str, traceparent: Option<String>) -> (StatusCode, String, String) {
    let request = Request::get(path).header("x-request-id", "req-1");
    let request = traceparent.into_iter().fold(request, |request, parent| request.header("traceparent", parent));
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (status, back) = (response.status(), response.headers()["traceparent"].to_str().unwrap().to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, back, String::from_utf8(body.to_vec()).unwrap())
}

fn parent(sampled: bool) -> Option<String> {
    Some(format!("00-{TRACE}-{SPAN}-0{}", u8::from(sampled)))
}

/// The value of an attribute, whatever its type.
fn attribute(of: &Json, key: &str) -> Option<Json> {
    let found = of["attributes"].as_array()?.iter().find(|pair| pair["key"] == key)?;
    found["value"].as_object()?.values().next().cloned()
}

fn named<'a>(trace: &'a [Json], name: &str) -> &'a Json {
    trace.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("{name} is in {trace:#?}"))
}

#[tokio::test]
async fn a_request_becomes_a_tree_under_its_callers_span() {
    let collector = Collector::start(Manner::Well).await.unwrap();
    let (_guard, _) = exporting(collector.url(), 0.0);
    let (status, back, _) = ask(&app(), "/things/7", parent(true)).await;
    assert_eq!(status, 200);
    let trace = &collector.traces()[0];
    let (root, outer, inner) = (&trace[0], named(trace, "outer"), named(trace, "inner"));
    assert_eq!(trace.len(), 3, "spans below INFO are left out: {trace:#?}");
    assert_eq!(
        (&root["name"], &root["kind"], &root["parentSpanId"]),
        (&"GET /things/{id}".into(), &2.into(), &SPAN.into())
    );
    assert_eq!(back, format!("00-{TRACE}-{}-01", root["spanId"].as_str().unwrap()));
    assert_ne!(root["spanId"], SPAN);
    assert_eq!((&outer["parentSpanId"], &inner["parentSpanId"]), (&root["spanId"], &outer["spanId"]));
    assert!(trace.iter().all(|span| span["traceId"] == TRACE && span["status"] == serde_json::json!({})), "{trace:#?}");
    assert!(trace[1..].iter().all(|span| span["kind"] == 1));
    for (span, key, value) in [
        (root, "request_id", "req-1".into()),
        (root, "http.route", "/things/{id}".into()),
        (root, "http.request.method", "GET".into()),
        (root, "http.response.status_code", "200".into()),
        (outer, "answer", Json::from("42")),
        (outer, "tokens_used", "7".into()),
    ] {
        assert_eq!(attribute(span, key), Some(value), "{key}");
    }
    let event = &inner["events"][0];
    assert_eq!((&event["name"], attribute(event, "message")), (&"odd_thing".into(), Some("odd 7".into())));
    assert_eq!(attribute(event, "contact"), Some("[email]".into()));
    assert_eq!(attribute(event, "password"), Some("[redacted]".into()));
    let times = |span: &Json| {
        ["startTimeUnixNano", "endTimeUnixNano"].map(|key| span[key].as_str().unwrap().parse::<u64>().unwrap())
    };
    let ([begin, end], [from, to]) = (times(root), times(inner));
    assert!(begin <= from && from <= to && to <= end, "{begin} {from} {to} {end}");
    let resource = &collector.bodies()[0]["resourceSpans"][0]["resource"];
    for (key, value) in [("service.name", "ask"), ("deployment.environment", "test"), ("cloud.region", "eu-central-1")]
    {
        assert_eq!(attribute(resource, key), Some(value.into()));
    }
}

#[tokio::test]
async fn every_trace_with_an_error_is_kept_and_a_tenth_of_the_others() {
    let collector = Collector::start(Manner::Well).await.unwrap();
    let (_guard, _) = exporting(collector.url(), 0.10);
    let app = app();
    for number in 0..4_200 {
        let path = ["/things/7", "/things/absent", "/things/broken", "/things/worried"][match number {
            0..100 => 2,
            100..200 => 3,
            _ => number % 2,
        }];
        ask(&app, path, None).await;
    }
    let failed = |trace: &Vec<Json>| trace.iter().any(|span| span["status"]["code"] == 2);
    let (errors, well): (Vec<_>, Vec<_>) = collector.traces().into_iter().partition(failed);
    assert_eq!(errors.len(), 200);
    // Three points of a hundred are six standard deviations here.
    assert!((280..=520).contains(&well.len()), "{} of 4,000", well.len());
}

#[tokio::test]
async fn what_the_caller_says_of_the_trace_holds_either_way() {
    let collector = Collector::start(Manner::Well).await.unwrap();
    let app = app();
    let (guard, _) = exporting(collector.url(), 1.0);
    for _ in 0..20 {
        let (_, back, _) = ask(&app, "/things/7", parent(false)).await;
        assert!(back.ends_with("-00"), "{back}");
    }
    assert_eq!(collector.count(), 0, "the caller keeps it not");
    ask(&app, "/things/broken", parent(false)).await;
    assert_eq!(collector.count(), 1, "but an error is kept");
    drop(guard);
    let _guard = exporting(collector.url(), 0.0);
    for _ in 0..20 {
        ask(&app, "/things/7", parent(true)).await;
        ask(&app, "/things/7", None).await;
    }
    assert_eq!(collector.count(), 21, "the caller keeps it");
}

#[tokio::test]
async fn a_collector_that_fails_costs_half_a_second_once_and_one_line() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dead = format!("http://{nobody}/v1/traces");
    for manner in [
        Some(Manner::Late(Duration::from_secs(5))),
        Some(Manner::Status(500)),
        Some(Manner::Status(429)),
        Some(Manner::Cut),
        None,
    ] {
        let collector = Collector::start(manner.unwrap_or(Manner::Well)).await.unwrap();
        let url = if manner.is_some() { collector.url().to_owned() } else { dead.clone() };
        let (_guard, lines) = exporting(&url, 1.0);
        let app = app();
        let (begun, mut last) = (Instant::now(), Duration::ZERO);
        for _ in 0..10 {
            let begun = Instant::now();
            let (status, _, body) = ask(&app, "/things/7", None).await;
            last = begun.elapsed();
            assert_eq!((status, body.as_str()), (StatusCode::OK, "here"), "{manner:?}");
        }
        assert!(begun.elapsed() < Duration::from_millis(900), "{manner:?} took {:?}", begun.elapsed());
        assert!(last < Duration::from_millis(100), "{manner:?}: a collector that is left alone costs {last:?}");
        let tried = usize::from(manner.is_some());
        assert_eq!(collector.count(), tried, "{manner:?}");
        // Once the pause is over one more is tried, and when that arrives, all are sent.
        exporter_of().skip_pause();
        ask(&app, "/things/7", None).await;
        ask(&app, "/things/7", None).await;
        assert_eq!(collector.count(), 2 * tried, "{manner:?}");
        let told = lines.lock().unwrap().iter().filter(|line| line.contains("trace_not_exported")).count();
        assert_eq!(told, 1, "{manner:?}");
        collector.behave(Manner::Well);
        exporter_of().skip_pause();
        ask(&app, "/things/7", None).await;
        ask(&app, "/things/7", None).await;
        assert_eq!(collector.count(), 4 * tried, "{manner:?}");
    }
}

#[tokio::test]
async fn after_the_pause_one_trace_tries_for_all() {
    let collector = Collector::start(Manner::Late(Duration::from_secs(5))).await.unwrap();
    let (_guard, _) = exporting(collector.url(), 1.0);
    let app = app();
    ask(&app, "/things/7", None).await;
    exporter_of().skip_pause();
    futures::future::join_all((0..10).map(|_| ask(&app, "/things/7", None))).await;
    assert_eq!(collector.count(), 2);
}

#[tokio::test]
async fn requests_at_once_keep_their_spans_apart() {
    let collector = Collector::start(Manner::Well).await.unwrap();
    let (_guard, _) = exporting(collector.url(), 1.0);
    let app = app();
    let paths: Vec<_> = (0..50).map(|number| format!("/things/{number}")).collect();
    futures::future::join_all(paths.iter().map(|path| ask(&app, path, None))).await;
    let traces = collector.traces();
    assert_eq!(traces.len(), 50);
    let mut things: Vec<_> = traces
        .iter()
        .map(|trace| {
            assert_eq!(trace.len(), 3);
            assert!(trace.iter().all(|span| span["traceId"] == trace[0]["traceId"]));
            let thing = attribute(named(trace, "outer"), "thing").unwrap();
            let event = attribute(&named(trace, "inner")["events"][0], "message").unwrap();
            assert_eq!(event, format!("odd {}", thing.as_str().unwrap()));
            thing.as_str().unwrap().to_owned()
        })
        .collect();
    things.sort();
    things.dedup();
    assert_eq!(things.len(), 50);
}

#[tokio::test]
async fn a_trace_is_bounded_and_an_error_beyond_the_bound_still_counts() {
    let collector = Collector::start(Manner::Well).await.unwrap();
    let (_guard, _) = exporting(collector.url(), 0.0);
    let routes = Router::new().route(
        "/much",
        get(|| async {
            for number in 0..2_000 {
                info_span!("part", number).in_scope(|| tracing::info!("part {number}"));
            }
            let long = "é".repeat(100_000);
            tracing::info!(long, "much");
            tracing::error!("one that finds no room");
        }),
    );
    ask(&wrap(routes, AllowedOrigins::default()), "/much", None).await;
    let trace = &collector.traces()[0];
    assert_eq!(trace.len(), MAX_SPANS);
    let events: usize = trace.iter().filter_map(|span| span["events"].as_array()).map(Vec::len).sum();
    assert!(events <= MAX_EVENTS, "{events}");
    assert!(attribute(&trace[0], "dropped").is_some());
    let ids: std::collections::BTreeSet<_> = trace.iter().map(|span| span["spanId"].to_string()).collect();
    assert_eq!(ids.len(), MAX_SPANS, "each has a name of its own");
    let bytes = collector.bodies()[0].to_string().len();
    assert!(bytes < 256 * 1024, "{bytes}");
}

#[tokio::test]
async fn a_panic_is_told_without_its_words_and_kept_without_the_address_in_them() {
    let collector = Collector::start(Manner::Well).await.unwrap();
    let (_guard, lines) = exporting(collector.url(), 0.0);
    let (status, _, body) = ask(&app(), "/things/panic", parent(false)).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!body.contains("ada") && !body.contains("panic"), "{body}");
    let trace = collector.bodies()[0].to_string();
    let lines = lines.lock().unwrap().join("\n");
    for told in [&trace, &lines] {
        assert!(told.contains("panic: [email] has sent panic") && !told.contains("ada@"), "{told}");
    }
    let root = &collector.traces()[0][0];
    let exception = root["events"].as_array().unwrap().iter().find(|event| event["name"] == "exception").unwrap();
    assert_eq!(attribute(exception, "exception.type"), Some("internal_error".into()));
    assert_eq!(
        (&root["status"]["code"], attribute(root, "http.response.status_code")),
        (&2.into(), Some("500".into()))
    );
}

#[tokio::test]
async fn a_job_is_a_trace_of_its_own_and_kept_when_it_fails() {
    let collector = Collector::start(Manner::Well).await.unwrap();
    let (_guard, lines) = exporting(collector.url(), 0.0);
    let work = async {
        info_span!("part").in_scope(|| tracing::warn!("as told"));
        Err::<(), _>("it failed")
    };
    assert_eq!(job("catalog_publish", work).await, Err("it failed"));
    job("catalog_publish", async { Ok::<_, ()>(()) }).await.unwrap();
    let traces = collector.traces();
    assert_eq!(traces.len(), 1, "the one that failed");
    let root = &traces[0][0];
    assert_eq!(
        (&root["name"], &root["kind"], &root["status"]["code"]),
        (&"catalog_publish".into(), &1.into(), &2.into())
    );
    assert_eq!(traces[0][1]["name"], "part");
    let line: Json = serde_json::from_str(&lines.lock().unwrap()[0]).unwrap();
    assert_eq!(line["trace_id"], root["traceId"]);
    assert!(line["request_id"].as_str().unwrap().starts_with("req-"));
}

#[tokio::test]
async fn what_comes_after_the_end_is_not_kept() {
    let collector = Collector::start(Manner::Well).await.unwrap();
    let (_guard, _) = exporting(collector.url(), 1.0);
    let left = Arc::new(Mutex::new(None));
    let kept = left.clone();
    let routes =
        Router::new().route("/", get(move || async move { *kept.lock().unwrap() = Some(info_span!("left open")) }));
    ask(&wrap(routes, AllowedOrigins::default()), "/", None).await;
    left.lock().unwrap().take().unwrap().in_scope(|| tracing::error!("too late"));
    let trace = &collector.traces()[0];
    assert_eq!((trace.len(), &trace[1]["name"]), (2, &"left open".into()));
    assert!(trace[1].get("events").is_none());
    assert_ne!(trace[1]["endTimeUnixNano"], "0");
}

#[tokio::test]
async fn a_collector_gets_the_headers_it_wants() {
    let collector = Collector::start(Manner::Well).await.unwrap();
    let mut config = Config { ratio: 1.0, ..Config::to(collector.url()) };
    let key = random_hex::<8>();
    config.headers.push((http::HeaderName::from_static("x-key"), key.parse().unwrap()));
    let subscriber = tracing_subscriber::registry().with(Traces::new(service(), config)).with(LevelFilter::INFO);
    let _guard = tracing::subscriber::set_default(subscriber);
    ask(&app(), "/things/7", None).await;
    let head = &collector.heads()[0];
    assert!(head.starts_with("post /v1/traces http/1.1") && head.contains(&format!("x-key: {key}")), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
}
