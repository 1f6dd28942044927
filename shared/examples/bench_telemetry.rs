//! What telling of a request costs it: time of a request with six spans and two events, without a collector, with one and the usual
//! ratio, with one and every trace kept, and with one that is dead. `scripts/bench-trust` calls it.
//!
//! `cargo run --release -p shared --features testing --example bench_telemetry [REQUESTS]`; default 2,000 for each row. Prints one line for
//! each row, in microseconds, and exits 1 where a kept trace adds 10 ms or more at the 95th percentile. The collector
//! answers on loopback in the same process, on a thread of its own.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use axum::{Router, body::Body, routing::get};
use http::Request;
use shared::{
    telemetry::{
        Logs, Service, Traces,
        testing::{Collector, Manner},
        traces::Config,
    },
    web::{cors::AllowedOrigins, wrap},
};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};
use tower::ServiceExt;
use tracing::{info_span, level_filters::LevelFilter};
use tracing_subscriber::layer::SubscriberExt;

const LIMIT: Duration = Duration::from_millis(10);

async fn work() -> &'static str {
    let asked = info_span!("ask_request", user_id = "ba7816bf8f01", store_id = "downtown");
    let _asked = asked.enter();
    for name in ["one", "two", "three", "four", "five"] {
        let span = info_span!("step", name_of = name, tokens_used = tracing::field::Empty);
        span.record("tokens_used", 7).in_scope(|| ());
    }
    tracing::info!(event = "rag_query", results_found = 6, "RAG query completed");
    tracing::info!(event = "answered", "an answer was given to a question of some length");
    "done"
}

/// Times of `count` requests, sorted.
fn times(count: usize, traces: Option<Config>) -> Vec<Duration> {
    let service = Service { name: "bench".into(), environment: "test".into(), region: "local".into() };
    let logs = Logs::new(service.clone(), Box::new(|_| {})).down_to(LevelFilter::WARN);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = wrap(Router::new().route("/work", get(work)), AllowedOrigins::default());
    let run = || {
        runtime.block_on(async {
            let mut times = Vec::with_capacity(count);
            for number in 0..count + count / 10 {
                let request = Request::get("/work").body(Body::empty()).unwrap();
                let begun = Instant::now();
                let response = app.clone().oneshot(request).await.unwrap();
                let took = begun.elapsed();
                assert_eq!(response.status(), 200);
                times.extend((number >= count / 10).then_some(took));
            }
            times.sort();
            times
        })
    };
    let logged = tracing_subscriber::registry().with(logs);
    match traces {
        None => tracing::subscriber::with_default(logged.with(LevelFilter::WARN), run),
        Some(config) => {
            let subscriber = logged.with(Traces::new(service, config)).with(LevelFilter::INFO);
            tracing::subscriber::with_default(subscriber, run)
        }
    }
}

fn main() -> ExitCode {
    let count = std::env::args().nth(1).map_or(2_000, |count| count.parse().expect("a number of requests"));
    let beside = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let collector = beside.block_on(Collector::start(Manner::Well)).unwrap();
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let at = |times: &[Duration], part: f64| times[((times.len() as f64 * part).ceil() as usize).max(1) - 1];
    let mut p95 = Vec::new();
    for (name, config) in [
        ("off", None),
        ("ratio_0.10", Some(Config::to(collector.url()))),
        ("every_trace", Some(Config { ratio: 1.0, ..Config::to(collector.url()) })),
        ("dead_collector", Some(Config { ratio: 1.0, ..Config::to(format!("http://{dead}/v1/traces")) })),
    ] {
        let times = times(count, config);
        let [p50, this_p95, p99] = [0.5, 0.95, 0.99].map(|part| at(&times, part));
        println!(
            "telemetry {name}: p50 {} us, p95 {} us, p99 {} us, n {count}",
            p50.as_micros(),
            this_p95.as_micros(),
            p99.as_micros()
        );
        p95.push(this_p95);
    }
    let added = p95[2].saturating_sub(p95[0]);
    println!(
        "telemetry added at p95 where every trace is kept: {} us (limit {} us)",
        added.as_micros(),
        LIMIT.as_micros()
    );
    println!("telemetry traces that arrived: {}", collector.count());
    if added < LIMIT { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
