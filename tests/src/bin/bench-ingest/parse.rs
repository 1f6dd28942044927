//! Reading and checking events on one core, beside bare serde_json on the same bytes.

use anyhow::{Result, anyhow, ensure};
use bytes::Bytes;
use ingest::sent::SentBatch;
use jiff::{SignedDuration, Timestamp};
use local::seed;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use shared::web::extract::RawJson;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const OF_A_BODY: usize = 100;
const BODIES: usize = 100;
/// How often all ways go over all bodies in turn; each way's best counts, as the machine is shared.
const ROUNDS: usize = 15;
/// Events a second.
const TARGET: f64 = 800_000.0;

type Way = fn(&Bytes, Timestamp) -> Result<usize>;

/// As the route reads it.
fn as_ours(body: &Bytes, now: Timestamp) -> Result<usize> {
    let body = RawJson(body.clone());
    let batch: SentBatch<'_> = body.read().map_err(|problem| anyhow!("{}", problem.message()))?;
    for event in &batch.events {
        event.check(now)?;
        ensure!(!event.is_personal(), "a payload has personal data");
    }
    Ok(batch.events.len())
}

fn as_values(body: &Bytes, _: Timestamp) -> Result<usize> {
    let read: Value = serde_json::from_slice(body)?;
    Ok(read["events"].as_array().map_or(0, Vec::len))
}

/// The least that serde_json does: every token is read, and nothing kept.
fn as_tokens(body: &Bytes, _: Timestamp) -> Result<usize> {
    let IgnoredAny = serde_json::from_slice(body)?;
    Ok(OF_A_BODY)
}

/// Prints the rates; whether ours is enough.
pub(crate) fn measure() -> Result<bool> {
    let now = Timestamp::now();
    let event = |n| seed::event(n, OF_A_BODY * BODIES, now - SignedDuration::from_hours(720), now);
    let body = |of: usize| {
        let events: Vec<Value> = (of * OF_A_BODY..(of + 1) * OF_A_BODY).map(event).collect();
        json!({ "events": events }).to_string().into()
    };
    let bodies: Vec<Bytes> = (0..BODIES).map(body).collect();
    let bytes: usize = bodies.iter().map(Bytes::len).sum();
    let count = OF_A_BODY * BODIES;
    println!("{count} events of {} bytes, {OF_A_BODY} a body, one core", bytes / count);
    let ways: [(&str, Way); 3] = [
        ("serde_json, tokens alone", as_tokens),
        ("serde_json, values", as_values),
        ("ours, read and checked", as_ours),
    ];
    let mut best = [Duration::MAX; 3];
    for _ in 0..ROUNDS {
        for ((_, way), best) in ways.iter().zip(&mut best) {
            let begun = Instant::now();
            let mut read = 0;
            for body in &bodies {
                read += black_box(way(black_box(body), now)?);
            }
            ensure!(read == count, "{read} events were read");
            *best = begun.elapsed().min(*best);
        }
    }
    let rate = |took: Duration| count as f64 / took.as_secs_f64();
    for ((name, _), took) in ways.iter().zip(best) {
        println!("{name:<28} {:>10.0}/s  {:>6.0} MB/s", rate(took), bytes as f64 / took.as_secs_f64() / 1e6);
    }
    let enough = rate(best[2]) >= TARGET;
    if !enough {
        println!("MISSED: less than {TARGET:.0} events a second");
    }
    Ok(enough)
}
