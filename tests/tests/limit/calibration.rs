//! Whether the embedded store is evidence at all: what the limit stands on, tried on the store alone.

use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use tests::limit::{store::Store, words::TABLE};

const WRITERS: usize = 64;

fn key(sort: &str) -> Value {
    json!({"pk": {"S": "T#acme#CALIBRATION"}, "sk": {"S": sort}})
}

fn put(sort: &str) -> Value {
    json!({"Put": {"TableName": TABLE, "Item": key(sort), "ConditionExpression": "attribute_not_exists(pk)"}})
}

#[test]
fn one_of_sixty_four_writers_wins_and_what_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_a_file(folder.path());
    let acknowledged = AtomicUsize::new(0);
    for round in 0..20 {
        let winners = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (store, winners, acknowledged) = (&store, &winners, &acknowledged);
                scope.spawn(move || {
                    let guard = json!({"Update": {
                        "TableName": TABLE, "Key": key(&format!("guard-{round}")), "UpdateExpression": "SET last_at_us = :now",
                        "ConditionExpression": "attribute_not_exists(last_at_us) OR last_at_us <= :latest",
                        "ExpressionAttributeValues": {":now": {"N": "100"}, ":latest": {"N": "50"}},
                    }});
                    let parts = json!({"TransactItems": [guard, put(&format!("won-{round}-{writer}"))]});
                    winners.fetch_add(usize::from(store.call("TransactWriteItems", &parts.to_string()).0 == 200), Ordering::SeqCst);
                    // It fails by its second part, so that its first is not done either.
                    let parts = json!({"TransactItems": [put(&format!("leak-{round}-{writer}")), put(&format!("kept-{round}-{writer}"))]});
                    let kept = json!({"TransactItems": [put(&format!("kept-{round}-{writer}"))]});
                    acknowledged.fetch_add(usize::from(store.call("TransactWriteItems", &kept.to_string()).0 == 200), Ordering::SeqCst);
                    assert_eq!(store.call("TransactWriteItems", &parts.to_string()).0, 400);
                });
            }
        });
        assert_eq!(winners.into_inner(), 1, "round {round}");
    }
    let named =
        |name: &str| store.items().iter().filter(|item| item["sk"]["S"].as_str().unwrap().starts_with(name)).count();
    assert_eq!((named("won"), named("leak"), named("kept")), (20, 0, 20 * WRITERS));
    assert_eq!(acknowledged.into_inner(), 20 * WRITERS);
}

#[test]
fn a_request_token_is_honoured() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_a_file(folder.path());
    let add = |by: &str| {
        json!({"ClientRequestToken": "once", "TransactItems": [{"Update": {
            "TableName": TABLE, "Key": key("count"), "UpdateExpression": "ADD done :by",
            "ExpressionAttributeValues": {":by": {"N": by}},
        }}]})
    };
    let call = |asked: Value| store.call("TransactWriteItems", &asked.to_string());
    assert_eq!([call(add("1")).0, call(add("1")).0], [200, 200]);
    let (status, other) = call(add("2"));
    assert!(status == 400 && other.contains("IdempotentParameterMismatch"), "{other}");
    let count = store.items().into_iter().find(|item| item["sk"]["S"] == "count").unwrap();
    assert_eq!(count["done"]["N"], "1");
}
