//! What an `Idempotency-Key` costs a request: calls of the store, and time beside the same request without a key, against the
//! embedded DynamoDB in the same process behind a loopback door that counts. `scripts/bench-trust` calls it.
//!
//! `cargo run --release -p shared --all-features --example bench_idempotency [REQUESTS]`; default 1,000 for each row. Prints
//! one line for each row, in microseconds, and exits 1 where the happy path is anything but one conditional put before the handler, one
//! update after it and no read, or a replay anything but one refused put.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

// The stand-ins of this crate's tests, which find what they use at the root.
#[allow(unused_imports)]
use shared::{auth::key, aws, table};
#[path = "../src/idempotency/tests/store.rs"]
#[allow(dead_code)]
mod store;
#[path = "../src/auth/testing.rs"]
#[allow(dead_code)]
mod testing;

use axum::{Router, body::Body, extract::FromRef};
use http::{Method, Request};
use serde_json::json;
use shared::{
    auth::{Caller, Keys, Verifier},
    clock::Clock,
    idempotency::Idempotency,
    web::{self, Routes},
};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};
use store::Store;
use testing::{ISSUER, PROJECT, now};
use tower::ServiceExt;

#[derive(Clone, FromRef)]
struct App {
    idempotency: Idempotency,
    verifier: Verifier,
}

fn site(store: &Store) -> Router {
    let clock = Clock::frozen(now());
    let verifier = Verifier::new(Keys::fixed(ISSUER.keys()), PROJECT, &clock);
    let idempotency = Idempotency::new(store.table(), clock);
    let routes = Routes::new().on(Method::POST, "/bare", async |_: Caller| "done");
    web::wrap(routes.with_state(App { idempotency, verifier }), Default::default())
}

/// Times of `count` requests after a tenth as many that do not count, sorted; `key` names the key of each.
async fn times(site: &Router, count: usize, key: impl Fn(usize) -> Option<String>) -> Vec<Duration> {
    let token = ISSUER.token(json!({"tenant_id": "acme"}));
    let mut times = Vec::with_capacity(count);
    for number in 0..count + count / 10 {
        let mut request = Request::post("/bare").header("authorization", format!("Bearer {token}"));
        if let Some(key) = key(number) {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Body::from("a body of some bytes")).unwrap();
        let begun = Instant::now();
        let response = site.clone().oneshot(request).await.unwrap();
        let took = begun.elapsed();
        assert_eq!(response.status(), 200);
        times.extend((number >= count / 10).then_some(took));
    }
    times.sort();
    times
}

fn told(row: &str, times: &[Duration], calls: &[(String, usize)], requests: usize) {
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_micros();
    let each: Vec<String> =
        calls.iter().map(|(name, count)| format!("{name} {:.2}", *count as f64 / requests as f64)).collect();
    let each = if each.is_empty() { "none".to_owned() } else { each.join(", ") };
    println!("idempotency {row:<12} p50 {:>6} µs  p99 {:>6} µs  calls a request: {each}", at(0.5), at(0.99));
}

#[tokio::main]
async fn main() -> ExitCode {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let requests: usize = count + count / 10;
    let store = Store::start().await;
    let site = site(&store);
    store.calls();
    let bare = times(&site, count, |_| None).await;
    let of_bare = store.calls();
    let keyed = times(&site, count, |number| Some(format!("key-{number}"))).await;
    let of_keyed = store.calls();
    let replayed = times(&site, count, |number| Some(format!("key-{number}"))).await;
    let of_replayed = store.calls();
    told("without key", &bare, &of_bare, requests);
    told("first", &keyed, &of_keyed, requests);
    told("replayed", &replayed, &of_replayed, requests);
    let median = |times: &[Duration]| times[times.len() / 2];
    let added = |times| median(times).saturating_sub(median(&bare)).as_micros();
    println!("idempotency adds at the median: {} µs to a first, {} µs to a replay", added(&keyed), added(&replayed));
    let wanted = |calls: &[(&str, usize)]| -> Vec<(String, usize)> {
        calls.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    let right = of_bare == wanted(&[])
        && of_keyed == wanted(&[("putitem", requests), ("updateitem", requests)])
        && of_replayed == wanted(&[("putitem", requests)]);
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
