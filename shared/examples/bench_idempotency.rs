//! What an `Idempotency-Key` costs a request: calls of the store, and time beside the same request without a key, against the
//! embedded DynamoDB in the same process behind a loopback door that counts. `scripts/bench-trust` calls it.
//!
//! `cargo run --release -p shared --all-features --example bench_idempotency [REQUESTS]`; default 1,000 for each row. Prints
//! one line for each row, in microseconds, and exits 1 where the happy path is anything but the lease before the handler (one
//! conditional put and no read), nothing more by the time the handler runs, and the stored answer after it (one conditional update: what
//! it stores is not there before the handler has run), or where a replay is anything but one refused put.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

// The stand-ins of this crate's tests, which find what they use at the root.
#[allow(unused_imports)]
use shared::{auth::key, aws, table};
#[path = "../src/table/testing.rs"]
#[allow(dead_code)]
mod store;
#[path = "../src/auth/testing.rs"]
#[allow(dead_code)]
mod testing;

use axum::{
    Router,
    body::Body,
    extract::{FromRef, State},
};
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
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use store::Store;
use testing::{ISSUER, PROJECT, now};
use tower::ServiceExt;

/// Calls of the store, by operation.
type Calls = Vec<(String, usize)>;

#[derive(Clone, FromRef)]
struct App {
    idempotency: Idempotency,
    verifier: Verifier,
    store: Arc<Store>,
    /// What the store had been asked by the time that the handlers ran.
    before: Arc<Mutex<Calls>>,
}

/// Adds up the calls of the store since the last time that it was asked.
fn add(into: &mut Calls, calls: Calls) {
    for (name, count) in calls {
        match into.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += count,
            None => into.push((name, count)),
        }
    }
}

async fn handler(State(app): State<App>, _: Caller) -> &'static str {
    add(&mut app.before.lock().unwrap(), app.store.calls());
    "done"
}

fn site(store: &Arc<Store>, before: &Arc<Mutex<Calls>>) -> Router {
    let clock = Clock::frozen(now());
    let verifier = Verifier::new(Keys::fixed(ISSUER.keys()), PROJECT, &clock);
    let idempotency = Idempotency::new(store.table(), clock);
    let routes = Routes::new().on(Method::POST, "/bare", handler);
    let app = App { idempotency, verifier, store: store.clone(), before: before.clone() };
    web::wrap(routes.with_state(app), Default::default())
}

/// Times of `count` requests after a tenth as many that do not count, sorted; `key` names the key of each. And the calls that were
/// made after the handler, or without it.
async fn times(site: &Router, store: &Store, count: usize, key: fn(usize) -> Option<String>) -> (Vec<Duration>, Calls) {
    let token = ISSUER.token(json!({"tenant_id": "acme"}));
    let (mut times, mut after) = (Vec::with_capacity(count), Calls::new());
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
        add(&mut after, store.calls());
    }
    times.sort();
    (times, after)
}

fn told(row: &str, times: &[Duration], [before, after]: &[Calls; 2], requests: usize) {
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_micros();
    let each = |calls: &Calls| {
        let each: Vec<String> =
            calls.iter().map(|(name, count)| format!("{name} {:.2}", *count as f64 / requests as f64)).collect();
        if each.is_empty() { "none".to_owned() } else { each.join(", ") }
    };
    let (before, after) = (each(before), each(after));
    println!(
        "idempotency {row:<12} p50 {:>6} µs  p99 {:>6} µs  calls a request: before the handler {before}, after it {after}",
        at(0.5),
        at(0.99)
    );
}

#[tokio::main]
async fn main() -> ExitCode {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let requests: usize = count + count / 10;
    let store = Arc::new(Store::start().await);
    let before = Arc::default();
    let site = site(&store, &before);
    store.calls();
    let row = async |key: fn(usize) -> Option<String>| {
        let (times, after) = times(&site, &store, count, key).await;
        (times, [std::mem::take(&mut *before.lock().unwrap()), after])
    };
    let (bare, of_bare) = row(|_| None).await;
    let (keyed, of_keyed) = row(|number| Some(format!("key-{number}"))).await;
    let (replayed, of_replayed) = row(|number| Some(format!("key-{number}"))).await;
    told("without key", &bare, &of_bare, requests);
    told("first", &keyed, &of_keyed, requests);
    told("replayed", &replayed, &of_replayed, requests);
    println!(
        "idempotency: the put is the lease, the one write before the handler; the update is the answer, known after it"
    );
    let median = |times: &[Duration]| times[times.len() / 2];
    let added = |times| median(times).saturating_sub(median(&bare)).as_micros();
    println!("idempotency adds at the median: {} µs to a first, {} µs to a replay", added(&keyed), added(&replayed));
    let each = |name: &str| vec![(name.to_owned(), requests)];
    let right = of_bare == [vec![], vec![]]
        && of_keyed == [each("putitem"), each("updateitem")]
        && of_replayed == [vec![], each("putitem")];
    println!(
        "idempotency target: one conditional write before the handler and no read  {}",
        if right { "met" } else { "MISSED" }
    );
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
