//! The fault layer itself: what it passes on, what it writes down, and that each fault is the one that AWS has.

use super::*;
use aws_sdk_dynamodb::{
    Client as DynamoDb,
    config::retry::RetryConfig,
    error::ProvideErrorMetadata,
    types::{AttributeValue, Put, TransactWriteItem},
};
use local::Options;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tests::faults::{Faults, Outcome, Reply, Service};

/// A bundle without stores of its own, and a client behind a door that tries once.
async fn probe() -> (Bundle, Faults, DynamoDb, String) {
    let (bundle, faults) = (Bundle::empty().await, Faults::new());
    let url = faults.door("probe", bundle.addresses()).dynamodb.unwrap();
    let config = bundle.aws().administrator().dynamodb().config().to_builder().endpoint_url(url);
    let client = DynamoDb::from_conf(config.retry_config(RetryConfig::disabled()).build());
    let table = bundle.template().tables[0].name.clone();
    (bundle, faults, client, table)
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

async fn put(client: &DynamoDb, table: &str, pk: &str) -> Result<(), Option<String>> {
    let put = client.put_item().table_name(table).item("pk", text(pk)).item("sk", text("x"));
    put.send().await.map(drop).map_err(|error| error.code().map(str::to_owned))
}

/// Whether the row is there, asked past the door.
async fn there(bundle: &Bundle, table: &str, pk: &str) -> bool {
    let get =
        bundle.aws().administrator().dynamodb().get_item().table_name(table).key("pk", text(pk)).key("sk", text("x"));
    get.send().await.unwrap().item.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_passes_until_a_rule_says_otherwise_and_is_written_down_by_function() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    answer(&bundle.shopper("ada"), "where is the oat milk?").await;
    assert_eq!(bundle.employee("emil").put(&product_path("fig-1"), fig_spread(9)).await.status, 201);
    bundle.run_schedule("catalog-publish").await.unwrap();
    let log = faults.log();
    assert!(log.by("ask").operations().is_superset(&["GetItem", "BatchGetItem", "GetObject"].into()), "{log:#?}");
    assert!(log.by("catalog").operations().contains("TransactWriteItems"), "{log:#?}");
    assert!(log.by("catalog-publish").operations().is_superset(&["Scan", "Query", "PutObject"].into()), "{log:#?}");
    assert!(log.iter().all(|call| matches!(call.outcome, Outcome::Answered(200 | 204 | 400 | 412))), "{log:#?}");
    let rows = log.of("TransactWriteItems");
    assert!(rows.keys().iter().all(|key| *key == "T#t_greenleaf#S#downtown"), "{rows:#?}");
    assert!(rows.iter().all(|call| call.parts.len() == call.keys.len() && call.service == Service::DynamoDb));
    let objects = log.of("GetObject");
    assert!(objects.keys().iter().all(|key| key.starts_with("t_greenleaf/sha256/")), "{objects:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stores_refuse_in_their_own_words() {
    let (bundle, faults, client, table) = probe().await;
    let code = |code: &str| Err(Some(code.to_owned()));
    faults.on("PutItem").once().throttle();
    assert_eq!(put(&client, &table, "a").await, code("ProvisionedThroughputExceededException"));
    faults.clear().on("PutItem").of(&table).touching("b").conflict();
    assert_eq!(put(&client, &table, "b").await, code("TransactionConflictException"));
    assert_eq!(put(&client, &table, "c").await, Ok(()));
    faults.clear().on("*").fail();
    assert_eq!(put(&client, &table, "d").await, code("InternalServerError"));
    faults.clear().on("*").by("somebody else").unavailable();
    assert_eq!(put(&client, &table, "e").await, Ok(()));
    for (pk, is) in [("a", false), ("b", false), ("c", true), ("d", false), ("e", true)] {
        assert_eq!(there(&bundle, &table, pk).await, is, "{pk}");
    }
    assert_eq!(faults.log().faulted().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_given_up_names_a_reason_for_each_of_its_parts() {
    let (_bundle, faults, client, table) = probe().await;
    let part = |pk: &str| {
        let put = Put::builder().table_name(&table).item("pk", text(pk)).item("sk", text("x")).build().unwrap();
        TransactWriteItem::builder().put(put).build()
    };
    faults.on("TransactWriteItems").conflict();
    let refused = client.transact_write_items().transact_items(part("a")).transact_items(part("b")).send().await;
    let refused = refused.unwrap_err().into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(why) =
        refused
    else {
        panic!("{refused:?}");
    };
    let codes: Vec<_> = why.cancellation_reasons().iter().map(|reason| reason.code().unwrap()).collect();
    assert_eq!(codes, ["None", "TransactionConflict"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_has_its_effect_and_a_reset_has_none() {
    let (bundle, faults, client, table) = probe().await;
    faults.on("PutItem").touching("lost").lose_reply().on("PutItem").touching("reset").reset();
    for (pk, is) in [("lost", true), ("reset", false), ("other", true)] {
        assert_eq!(put(&client, &table, pk).await.is_ok(), pk == "other", "{pk}");
        assert_eq!(there(&bundle, &table, pk).await, is, "{pk}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_cut_shortened_emptied_changed_or_another() {
    let (_bundle, faults, client, table) = probe().await;
    put(&client, &table, "a").await.unwrap();
    let get = || client.get_item().table_name(&table).key("pk", text("a")).key("sk", text("x")).send();
    faults.clear().on("GetItem").cut();
    assert!(get().await.is_err(), "the connection broke");
    faults.clear().on("GetItem").truncate();
    assert!(get().await.is_err(), "half a document is none");
    faults.clear().on("GetItem").alter(|reply| reply["Item"]["sk"]["S"] = "y".into());
    assert_eq!(get().await.unwrap().item.unwrap()["sk"], text("y"));
    faults.clear().on("GetItem").answer(Reply::json(200, &json!({})).checked());
    assert!(get().await.unwrap().item.is_none());
    faults.clear().on("GetItem").answer(Reply::foreign());
    assert!(get().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_count_the_calls_that_they_fit() {
    let (_bundle, faults, client, table) = probe().await;
    let outcomes = async |times: usize| {
        let mut outcomes = Vec::new();
        for _ in 0..times {
            outcomes.push(put(&client, &table, "a").await.is_ok());
        }
        outcomes
    };
    faults.clear().on("PutItem").nth(2).fail().on("GetItem").fail();
    assert_eq!(outcomes(4).await, [true, false, true, true]);
    faults.clear().on("PutItem").first(2).fail();
    assert_eq!(outcomes(4).await, [false, false, true, true]);
    faults.clear().on("PutItem").every(2).fail();
    assert_eq!(outcomes(4).await, [true, false, true, false]);
    faults.clear().on("PutItem").chance(0.5, 7).fail();
    let once = outcomes(20).await;
    faults.clear().on("PutItem").chance(0.5, 7).fail();
    assert_eq!(outcomes(20).await, once, "a seed says what happens");
    assert!(once.contains(&true) && once.contains(&false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_may_wait_or_act_before_and_after_a_call() {
    let (_bundle, faults, client, table) = probe().await;
    let (before, after) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let count = |counter: &Arc<AtomicUsize>| {
        let counter = counter.clone();
        move || {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    };
    faults.on("PutItem").once().before(count(&before));
    faults.on("GetItem").after(count(&after)).on("PutItem").nth(2).delay(Duration::from_millis(120));
    put(&client, &table, "a").await.unwrap();
    let begun = Instant::now();
    put(&client, &table, "b").await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(120));
    client.get_item().table_name(&table).key("pk", text("a")).key("sk", text("x")).send().await.unwrap();
    assert_eq!((before.load(Ordering::SeqCst), after.load(Ordering::SeqCst)), (1, 1));
}
