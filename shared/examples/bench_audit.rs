//! What the audit log costs: an append with 64 at once beside a bare transaction of as many items in the same run, a check of a million
//! entries against a head, and a proof. `scripts/bench-audit` calls it.
//!
//! `bench_audit [APPENDS] [ENTRIES]`; default 10,000 and 1,000,000. Exits 1 where the p99 of an append is over 250 ms, the check takes
//! more than 5 s, or a proof more than 1,536 bytes or 1 ms.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

// The stand-ins of this crate's tests, which find what they use at the root.
#[allow(unused_imports)]
use shared::{aws, table};
#[path = "../src/table/testing.rs"]
#[allow(dead_code)]
mod testing;

use shared::{
    audit::{
        Actor, Audit, Entry, LeafRow, leaf_hash,
        note::{LogKey, origin},
        proof::Proof,
        tree::Tree,
        verify::lines,
    },
    clock::Clock,
    secrets::SecretString,
    table::{Key, new_part},
    tenant::{Sweep, TenantScope},
};
use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

const AT_ONCE: usize = 64;

/// Prints a row; its p99.
fn told(row: &str, mut times: Vec<Duration>, whole: Duration) -> Duration {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let rate = times.len() as f64 / whole.as_secs_f64();
    let p99 = at(0.99);
    let (p50_us, p99_us) = (at(0.5).as_micros(), p99.as_micros());
    println!("audit {row:<22} p50 {p50_us:>7} µs  p99 {p99_us:>7} µs  {rate:.0} a second, {AT_ONCE} at once");
    p99
}

/// Times bare transactions, then appends; the p99 of an append.
async fn appends(count: usize) -> Duration {
    let mut p99 = Duration::ZERO;
    let store = Arc::new(testing::Store::start().await);
    let scope = TenantScope::for_job(Sweep::AuditCheckpoint, "acme".parse().unwrap());
    for audited in [false, true] {
        let begun = Instant::now();
        let one = |n: usize| {
            let (table, scope) = (store.table(), scope.clone());
            let acting = scope.clone();
            tokio::spawn(scope.act(async move {
                let (rows, audit) = (table.of(&acting), Audit::new(table, Clock::system()));
                let mut times = Vec::new();
                for k in 0..count / AT_ONCE {
                    let part = |what: &str| {
                        let key = Key::new("EFFECT", format!("{audited}-{what}-{n}-{k}"));
                        let item = rows.item(&key, &BTreeMap::from([("text", "x".repeat(300))])).unwrap();
                        new_part(rows.part_put(item)).unwrap()
                    };
                    let begun = Instant::now();
                    if audited {
                        let entry = Entry::draft("bench.done", Actor::Job("bench".to_owned())).ready().unwrap();
                        audit.of(&acting).commit(&entry, vec![part("effect")]).await.unwrap();
                    } else {
                        rows.transact(vec![part("effect"), part("leaf"), part("text")]).await.unwrap();
                    }
                    times.push(begun.elapsed());
                }
                times
            }))
        };
        let running: Vec<_> = (0..AT_ONCE).map(one).collect();
        let mut times = Vec::new();
        for done in running {
            times.extend(done.await.unwrap());
        }
        p99 = told(if audited { "append" } else { "bare transaction" }, times, begun.elapsed());
    }
    p99
}

fn log(entries: u64) -> Vec<Vec<u8>> {
    let row = |n: u64| {
        let leaf = format!(
            "{{\"v\":1,\"seq\":{n},\"at\":\"2026-03-01T09:00:00.000001Z\",\"id\":\"{n:032x}\",\"kind\":\"bench.done\",\
             \"of\":\"apl_{n}\",\"text\":\"{n:064x}\"}}"
        );
        serde_json::to_vec(&LeafRow { leaf_hash: leaf_hash(leaf.as_bytes()), leaf }).unwrap()
    };
    (0..entries).map(row).collect()
}

#[tokio::main]
async fn main() -> ExitCode {
    let argument = |n: usize, default| std::env::args().nth(n).and_then(|text| text.parse().ok()).unwrap_or(default);
    let append = appends(argument(1, 10_000)).await;
    println!("audit append: p99 {} ms (target 250)", append.as_millis());
    let log = log(argument(2, 1_000_000) as u64);
    let mut tree = Tree::default();
    let hash = |line: &Vec<u8>| serde_json::from_slice::<LeafRow>(line).unwrap().leaf_hash;
    log.iter().for_each(|line| tree.push(&hash(line)).unwrap());
    let secret = SecretString::from("0123456789abcdef0123456789abcdef".to_owned());
    let key = LogKey::derive(&secret, &origin("production", &"acme".parse().unwrap())).unwrap();
    let head = key.sign(tree.size(), tree.root().unwrap()).unwrap();
    let begun = Instant::now();
    let report = lines(log.iter().map(Vec::as_slice), std::slice::from_ref(&head)).unwrap();
    let checked = begun.elapsed();
    assert!(report.is_sound() && report.proven == tree.size());
    println!("audit check of {} entries: {} ms (target 5,000)", tree.size(), checked.as_millis());
    let (mut slowest, mut largest) = (Duration::ZERO, 0);
    for n in 0..1_000 {
        let index = n * (tree.size() / 1_000).max(1) % tree.size();
        let begun = Instant::now();
        let proof = Proof::of(&tree, &head, index).unwrap();
        slowest = slowest.max(begun.elapsed());
        largest = largest.max(proof.to_string().len());
        proof.check(&hash(&log[index as usize]), key.verifier()).unwrap();
    }
    println!("audit proof: at most {largest} bytes (target 1,536), {} µs (target 1,000)", slowest.as_micros());
    let quick = append <= Duration::from_millis(250) && checked <= Duration::from_secs(5);
    let held = quick && largest <= 1_536 && slowest <= Duration::from_millis(1);
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
