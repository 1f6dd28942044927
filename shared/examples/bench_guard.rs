//! What the guard costs a call: `cargo run --release -p shared --features table,administrator --example bench_guard`.
//!
//! Prints a line for each kind of call, its name and the nanoseconds of one verdict: the median of 101 rounds of 10,000. The
//! calls are held to the tenant as the SDK would hold them, by the running task's slot and the typed input; none is made.
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
use std::{collections::HashMap, hint::black_box, time::Instant};

const ROUNDS: usize = 101;
const CALLS: u32 = 10_000;

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

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let tenant = TenantScope::for_job(Sweep::CatalogPublish, "acme".parse().unwrap());
    let calls =
        [("get_item", get()), ("query", query()), ("batch_write_25", batch()), ("transaction_3", transaction())];
    tenant
        .act(async {
            for (name, input) in &calls {
                let round = |_| {
                    let begun = Instant::now();
                    for _ in 0..CALLS {
                        verdict_on_dynamodb(black_box(input)).unwrap();
                    }
                    begun.elapsed() / CALLS
                };
                let mut rounds: Vec<_> = (0..ROUNDS).map(round).collect();
                rounds.sort();
                println!("guard {name} {} ns", rounds[ROUNDS / 2].as_nanos());
            }
        })
        .await;
}
