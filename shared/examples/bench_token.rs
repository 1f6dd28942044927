//! What identity costs a request, on one core: a token accepted, refused before any arithmetic, refused after it; a circuit breaker asked;
//! and for scale an empty handler behind what every function wraps around its routes. `scripts/bench-trust` calls it.
//!
//! `cargo run --profile bench -p shared --example bench_token [CALLS]`; default 20,000 for each row. Prints one line for each row, in
//! microseconds, and exits 1 where a target is missed at the 99th percentile: 200 µs to accept, 50 µs for a cheap refusal, 10 µs for the
//! breaker.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

// The stand-in of this crate's tests, which finds what it uses at the root.
use shared::auth::key;
#[path = "../src/auth/testing.rs"]
#[allow(dead_code)]
mod testing;

use axum::{Router, body::Body, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Request;
use serde_json::json;
use shared::{auth::token::verify, clock::Clock, resilience::Breaker, web};
use std::{
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};
use testing::{ISSUER, PROJECT, STRANGER, header, now};
use tower::ServiceExt;

/// Times of `count` runs after a tenth as many that do not count, sorted.
fn times(count: usize, mut run: impl FnMut()) -> Vec<Duration> {
    let mut times = Vec::with_capacity(count);
    for number in 0..count + count / 10 {
        let begun = Instant::now();
        run();
        let took = begun.elapsed();
        times.extend((number >= count / 10).then_some(took));
    }
    times.sort();
    times
}

/// Prints a row; whether it holds its target, in microseconds at the 99th percentile.
fn told(what: &str, times: &[Duration], target: Option<f64>) -> bool {
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_nanos() as f64 / 1000.0;
    let (p50, p99) = (at(0.5), at(0.99));
    let met = target.is_none_or(|target| p99 <= target);
    let verdict = match target {
        None => String::new(),
        Some(target) => format!("p99 target {target:>5.0} µs  {}", if met { "met" } else { "MISSED" }),
    };
    println!("{what:<52} p50 {p50:>8.1} µs  p99 {p99:>8.1} µs  {verdict}");
    met
}

fn main() -> ExitCode {
    let count = std::env::args().nth(1).map_or(20_000, |count| count.parse().expect("a number of calls"));
    let keys = ISSUER.keys();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

    let empty = web::wrap(Router::new().route("/", get(async || "")), Default::default());
    let empty = times(count, || {
        let request = Request::get("/").body(Body::empty()).unwrap();
        assert_eq!(runtime.block_on(empty.clone().oneshot(request)).unwrap().status(), 200);
    });
    told("empty handler", &empty, None);

    let person =
        json!({"role": "store_employee", "tenant_id": "acme", "stores": ["north", "south"], "scope": "admin:read"});
    let good = ISSUER.token(person.clone());
    let large = ISSUER.token(json!({"padding": "x".repeat(64 * 1024)}));
    let claims = testing::claims(person.clone());
    let other_algorithm = ISSUER.sign(&json!({"alg": "HS256", "kid": "key-1", "typ": "JWT"}), &claims);
    let unsigned = {
        let [header, claims] = [json!({"alg": "none"}), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        format!("{header}.{claims}.")
    };
    let twice = ISSUER.sign_raw(header().to_string().replace('{', "{\"kid\":\"key-1\",").as_bytes(), b"{}");
    let foreign = STRANGER.token(person);
    let expired = ISSUER.token(json!({"exp": testing::NOW - 61}));
    let rows: [(&str, &str, bool, Option<f64>); 8] = [
        ("token: accepted", &good, true, Some(200.0)),
        ("token: refused for its size", &large, false, Some(50.0)),
        ("token: refused for its algorithm", &other_algorithm, false, Some(50.0)),
        ("token: refused as unsigned", &unsigned, false, Some(50.0)),
        ("token: refused for a header said twice", &twice, false, Some(50.0)),
        ("token: refused for its form", "not.a.token", false, Some(50.0)),
        ("token: refused for another's signature", &foreign, false, None),
        ("token: refused as expired", &expired, false, None),
    ];
    let mut met = true;
    for (what, token, accepted, target) in rows {
        let verdict = |token: &str| verify(token, &keys, PROJECT, now()).is_ok();
        assert_eq!(verdict(token), accepted, "{what}");
        let times = times(count, || assert_eq!(black_box(verdict(black_box(token))), accepted));
        met &= told(what, &times, target);
    }

    let breaker = Breaker::new("bench", &Clock::system());
    let asked = times(count, || black_box(breaker.admit()).expect("it is closed").succeeded());
    met &= told("breaker: asked and told of a success", &asked, Some(10.0));
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
