//! What the guard costs a call of a store, on one core. `scripts/bench-trust` calls it.
//!
//! `cargo run --profile bench -p shared --features table,administrator --example bench_guard [CALLS]`; default 20,000 for each row. The
//! calls are held to the tenant as the SDK would hold them, by the running task's slot and the typed input; none is made. Prints one
//! line for each kind of call, in microseconds, and exits 1 where a verdict takes more than 10 µs at the 99th percentile. A time is that
//! of ten verdicts in a row, by ten: one alone is as short as the clock's own step.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use aws_sdk_dynamodb::{
    operation::{
        batch_write_item::BatchWriteItemInput, get_item::GetItemInput, query::QueryInput,
        transact_write_items::TransactWriteItemsInput,
    },
    types::{AttributeValue, ConditionCheck, Put, PutRequest, TransactWriteItem, Update, WriteRequest},
};
use aws_smithy_runtime_api::client::interceptors::context::Input;
use shared::tenant::{Sweep, TenantScope, guard::verdict_on_dynamodb};
use std::{
    collections::HashMap,
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};

/// What a verdict may take at the 99th percentile, in microseconds.
const TARGET: f64 = 10.0;
/// Verdicts between two looks at the clock.
const IN_A_ROW: u32 = 10;

type Item = HashMap<String, AttributeValue>;

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn key(row: usize) -> Item {
    HashMap::from([("pk".to_owned(), text("T#acme#S#north")), ("sk".to_owned(), text(format!("P#{row}")))])
}

fn item(row: usize) -> Item {
    let mut item = key(row);
    item.extend((0..15).map(|n| (format!("attribute_{n}"), text("a value of some length"))));
    item
}

fn get() -> Input {
    Input::erase(GetItemInput::builder().table_name("t").set_key(Some(key(1))).build().unwrap())
}

fn query() -> Input {
    let query = QueryInput::builder().table_name("t").key_condition_expression("pk = :pk AND begins_with(sk, :sk)");
    let query = query.expression_attribute_values(":pk", text("T#acme#S#north"));
    Input::erase(query.expression_attribute_values(":sk", text("P#")).build().unwrap())
}

fn batch() -> Input {
    let write = |row| {
        let put = PutRequest::builder().set_item(Some(item(row))).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    };
    Input::erase(BatchWriteItemInput::builder().request_items("t", (0..25).map(write).collect()).build().unwrap())
}

fn transaction() -> Input {
    let part = TransactWriteItem::builder;
    let put = Put::builder().table_name("t").set_item(Some(item(1))).build().unwrap();
    let update = Update::builder().table_name("t").set_key(Some(key(2))).update_expression("SET a = :a");
    let check = ConditionCheck::builder().table_name("t").set_key(Some(key(3))).condition_expression("a = :a");
    let parts = TransactWriteItemsInput::builder()
        .transact_items(part().put(put).build())
        .transact_items(part().update(update.build().unwrap()).build())
        .transact_items(part().condition_check(check.build().unwrap()).build());
    Input::erase(parts.build().unwrap())
}

/// Times of one verdict on `input`, `count` of them after a tenth as many that do not count, sorted.
fn times(count: usize, input: &Input) -> Vec<Duration> {
    let mut times = Vec::with_capacity(count);
    for number in 0..count + count / 10 {
        let begun = Instant::now();
        for _ in 0..IN_A_ROW {
            verdict_on_dynamodb(black_box(input)).unwrap();
        }
        let took = begun.elapsed() / IN_A_ROW;
        times.extend((number >= count / 10).then_some(took));
    }
    times.sort();
    times
}

/// Prints a row; whether it holds the target.
fn told(what: &str, times: &[Duration]) -> bool {
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_nanos() as f64 / 1000.0;
    let (p50, p99) = (at(0.5), at(0.99));
    let met = p99 <= TARGET;
    let verdict = if met { "met" } else { "MISSED" };
    println!("guard: {what:<45} p50 {p50:>8.2} µs  p99 {p99:>8.2} µs  p99 target {TARGET:>5.0} µs  {verdict}");
    met
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let count = std::env::args().nth(1).map_or(20_000, |count| count.parse().expect("a number of calls"));
    let tenant = TenantScope::for_job(Sweep::CatalogPublish, "acme".parse().unwrap());
    let calls = [
        ("get one row", get()),
        ("query a page", query()),
        ("write a batch of 25", batch()),
        ("write a transaction of 3", transaction()),
    ];
    let met = tenant.act(async { calls.iter().filter(|(what, input)| told(what, &times(count, input))).count() }).await;
    if met == calls.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
