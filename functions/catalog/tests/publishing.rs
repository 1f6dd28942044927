//! From rows to the current snapshot: two at once, killed between any two steps, and when nothing has changed.
#![allow(clippy::unwrap_used)]

mod support;

use catalog::{
    facts::Effect,
    publish::{Killed, Outcome, PublishError, Step, unwatched},
    table::Stored,
};
use jiff::SignedDuration;
use shared::job::Report as _;
use std::sync::Mutex;
use support::{Stores, acme, all_steps, dated, product, store};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_published_once_and_the_store_is_at_rest_again() {
    let (stores, north) = (Stores::start().await, store("acme", "north"));
    assert_eq!(stores.publish(&north).await, Outcome::Current(None));
    stores.put(&north, &product("oat-1", "2.49")).await;
    assert!(stores.is_pending(&north).await);
    let Outcome::Published(first) = stores.publish(&north).await else { panic!("published") };
    assert!(!stores.is_pending(&north).await);
    assert_eq!(stores.published(&north).await, ["oat-1"]);
    assert_eq!(stores.publish(&north).await, Outcome::Current(Some(first)));
    assert!(matches!(stores.put(&north, &product("oat-1", "2.49")).await, Stored::Done(Effect::Unchanged, _)));
    assert!(!stores.is_pending(&north).await, "the same facts again are no change");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_rows_give_the_same_snapshot_and_move_nothing() {
    let (stores, north) = (Stores::start().await, store("acme", "north"));
    stores.put(&north, &dated("oat-1", "2.49")).await;
    let Outcome::Published(first) = stores.publish(&north).await else { panic!("published") };
    let before = acme(stores.table(&north).state()).await.unwrap().state;
    stores.put(&north, &dated("oat-1", "9.99")).await;
    stores.put(&north, &dated("oat-1", "2.49")).await;
    assert_eq!(stores.publish(&north).await, Outcome::Unchanged(first));
    let after = acme(stores.table(&north).state()).await.unwrap().state;
    assert_eq!((after.current, after.previous, after.published_at), (Some(first), None, before.published_at));
    assert!(!stores.is_pending(&north).await);
    stores.put(&north, &dated("oat-2", "1")).await;
    let Outcome::Published(second) = stores.publish(&north).await else { panic!("published") };
    let last = acme(stores.table(&north).state()).await.unwrap().state;
    assert_eq!((last.current, last.previous, last.documents), (Some(second), Some(first), 2));
}

/// The first publish stands still at `step` while a second change and a second publish go by.
async fn two_at_once(step: Step) {
    let (stores, north) = (Stores::start().await, store("acme", "north"));
    stores.put(&north, &product("a", "1")).await;
    let (arrived, arrives) = tokio::sync::oneshot::channel();
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let (arrived, gone) = (Mutex::new(Some(arrived)), Mutex::new(gone));
    let watch = move |at: Step| {
        if at == step
            && let Some(arrived) = arrived.lock().unwrap().take()
        {
            arrived.send(()).unwrap();
            tokio::task::block_in_place(|| gone.lock().unwrap().recv().unwrap());
        }
        Ok(())
    };
    let publisher = stores.publisher.clone();
    let scope = north.clone();
    let slow = tokio::spawn(async move { acme(publisher.publish(&scope, &watch)).await.unwrap() });
    arrives.await.unwrap();
    stores.put(&north, &product("b", "1")).await;
    let quick = stores.publish(&north).await;
    go.send(()).unwrap();
    let slow = slow.await.unwrap();
    assert_eq!(stores.published(&north).await, ["a", "b"], "at {step:?}: quick {quick:?}, slow {slow:?}");
    assert!(!stores.is_pending(&north).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_publishes_at_once_the_one_that_holds_both_changes_stays() {
    for step in all_steps() {
        two_at_once(step).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_comes_too_late_for_a_publish_leaves_the_store_pending() {
    let (stores, north) = (Stores::start().await, store("acme", "north"));
    stores.put(&north, &product("a", "1")).await;
    let change = |at: Step| {
        if at == Step::ManifestUp {
            let put = async { stores.put(&north, &product("b", "1")).await };
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(put));
        }
        Ok(())
    };
    assert!(matches!(stores.publish_under(&north, &change).await, Ok(Outcome::Published(_))));
    assert_eq!(stores.published(&north).await, ["a"]);
    assert!(stores.is_pending(&north).await);
    catalog::run(&stores.publisher, stores.clock.now()).await.unwrap();
    assert_eq!(stores.published(&north).await, ["a", "b"]);
    assert!(!stores.is_pending(&north).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_any_two_steps_the_old_one_serves_and_the_next_run_finishes() {
    for step in all_steps() {
        let (stores, north) = (Stores::start().await, store("acme", "north"));
        stores.put(&north, &product("a", "1")).await;
        stores.publish(&north).await;
        stores.put(&north, &product("b", "1")).await;
        let kill = move |at: Step| if at == step { Err(Killed(at)) } else { Ok(()) };
        let killed = stores.publish_under(&north, &kill).await;
        assert!(matches!(killed, Err(PublishError::Killed(Killed(at))) if at == step));
        let expected: &[&str] = if step == Step::Switched { &["a", "b"] } else { &["a"] };
        assert_eq!(stores.published(&north).await, expected, "{step:?}");
        assert_eq!(stores.is_pending(&north).await, step != Step::Switched);
        let report = catalog::run(&stores.publisher, stores.clock.now()).await.unwrap();
        assert!(report.is_clean());
        assert_eq!(stores.published(&north).await, ["a", "b"], "{step:?}");
        assert!(!stores.is_pending(&north).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_writers_lose_nothing_while_publishes_go_by() {
    let (stores, north) = (Stores::start().await, store("acme", "north"));
    let writes = futures::future::join_all((0..64).map(|writer| {
        let facts = product(&format!("p{writer:02}"), "1");
        let (stores, north) = (&stores, &north);
        async move { stores.put(north, &facts).await }
    }));
    let publishes = async {
        for _ in 0..4 {
            stores.publish(&north).await;
        }
    };
    let (written, ()) = futures::join!(writes, publishes);
    assert!(written.iter().all(|stored| matches!(stored, Stored::Done(Effect::Created, _))));
    assert_eq!(acme(stores.table(&north).state()).await.unwrap().state.changed, 64);
    catalog::run(&stores.publisher, stores.clock.now()).await.unwrap();
    let expected: Vec<String> = (0..64).map(|writer| format!("p{writer:02}")).collect();
    assert_eq!(stores.published(&north).await, expected);
    assert!(!stores.is_pending(&north).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixty_four_writers_of_one_product_each_counts_and_one_stands() {
    let (stores, north) = (Stores::start().await, store("acme", "north"));
    let seen = stores.put(&north, &product("oat-1", "1")).await;
    let Stored::Done(_, row) = seen else { panic!("stored") };
    let facts: Vec<_> = (0..64).map(|writer| product("oat-1", &format!("2.{writer:02}"))).collect();
    let table = stores.table(&north);
    let now = stores.clock.now();
    let writes = facts.iter().map(|facts| acme(table.put_product(facts, Some(&row.digest), now)));
    let written = futures::future::join_all(writes).await;
    let won = written.iter().filter(|stored| matches!(stored, Ok(Stored::Done(Effect::Updated, _)))).count();
    let lost = written.iter().filter(|stored| matches!(stored, Ok(Stored::Other(Some(_))))).count();
    assert_eq!((won, lost), (1, 63));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_an_import_that_was_killed_are_published_when_it_can_write_no_more() {
    let (stores, north) = (Stores::start().await, store("acme", "north"));
    let table = stores.table(&north);
    let now = stores.clock.now();
    let write = async |id: &str| {
        let loaded = acme(table.compare(vec![product(id, "1")], now)).await.unwrap();
        acme(table.write(loaded)).await.unwrap();
    };
    acme(table.unsettle("killed", now, SignedDuration::from_secs(120))).await.unwrap();
    write("a").await;
    assert!(matches!(stores.publish(&north).await, Outcome::Published(_)));
    write("b").await;
    assert!(stores.is_pending(&north).await, "an import was writing when the rows were read");
    assert_eq!(stores.publish(&north).await, Outcome::Waiting);
    stores.clock.advance(SignedDuration::from_secs(121));
    assert!(matches!(stores.publish(&north).await, Outcome::Published(_)));
    assert_eq!(stores.published(&north).await, ["a", "b"]);
    assert!(!stores.is_pending(&north).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_stops_no_other_and_no_tenant_sees_anothers() {
    let stores = Stores::start().await;
    let (north, other) = (store("acme", "north"), store("beta", "north"));
    stores.put(&north, &product("a", "1")).await;
    stores.put(&other, &product("b", "1")).await;
    // A row that is of no form that this code writes.
    stores
        .aws
        .administrator()
        .dynamodb()
        .update_item()
        .table_name(stores.table_name())
        .key("pk", aws_sdk_dynamodb::types::AttributeValue::S("T#acme#S#north".into()))
        .key("sk", aws_sdk_dynamodb::types::AttributeValue::S("P#a".into()))
        .update_expression("REMOVE price")
        .send()
        .await
        .unwrap();
    let report = catalog::run(&stores.publisher, stores.clock.now()).await.unwrap();
    assert_eq!((report.published, report.failed, report.is_clean()), (1, 1, false));
    assert_eq!(stores.published(&other).await, ["b"]);
    assert_eq!(acme(stores.table(&north).state()).await.unwrap().state.current, None);
    assert!(stores.publish_under(&north, &unwatched).await.is_err(), "rows that cannot be read are no empty store");
}
