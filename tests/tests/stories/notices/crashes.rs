//! A store that throttles, conflicts, loses replies or dies: what was told is told once, and what was not is said so.

use super::*;
use tests::faults::{Faults, Log};

async fn start() -> (Bundle, Faults) {
    let faults = Faults::new();
    (Bundle::start_with(faults.before(Options::for_tests())).await, faults)
}

/// What stands of one decision about grace: notices, leaves and texts of the log.
async fn standing(bundle: &Bundle) -> [usize; 3] {
    [count(bundle, "NOTICE#grace", "").await, leaves(bundle).await, count(bundle, "AUDITTEXT", "").await]
}

/// The leaves of the log that tell of something.
async fn leaves(bundle: &Bundle) -> usize {
    let all = rows(bundle).await;
    let leaf = |row: &std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>| {
        row.get("leaf").and_then(|leaf| leaf.as_s().ok()).is_some_and(|leaf| !leaf.contains("\"kind\":\"void\""))
    };
    all.iter().filter(|row| leaf(row)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_is_one_notice_and_the_caller_hears_of_it() {
    let (bundle, faults) = start().await;
    faults.clear().on("TransactWriteItems").by("notifications").once().lose_reply();
    tell(&service(&bundle), "grace", "account_warning").await;
    assert_eq!(standing(&bundle).await, [1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_that_are_lost_again_and_again_are_one_notice() {
    let (bundle, faults) = start().await;
    faults.clear().on("TransactWriteItems").by("notifications").first(3).lose_reply();
    tell(&service(&bundle), "grace", "account_warning").await;
    assert_eq!(
        standing(&bundle).await,
        [1, 1, 1],
        "all of the client's own tries were lost: the log said what became of it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_and_throttles_are_no_limit() {
    let (bundle, faults) = start().await;
    faults.clear().on("TransactWriteItems").by("notifications").first(2).conflict();
    tell(&service(&bundle), "grace", "account_warning").await;
    faults.clear().on("*").by("notifications").every(3).throttle();
    tell(&service(&bundle), "grace", "content_violation").await;
    assert_eq!(standing(&bundle).await, [2, 2, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_down_is_said_to_be_and_nothing_was_told() {
    let (bundle, faults) = start().await;
    for operation in ["Query", "UpdateItem", "TransactWriteItems"] {
        faults.clear().on(operation).by("notifications").unavailable();
        let refused = service(&bundle).post(ALL, decision("grace", "account_warning")).await;
        assert_problem(&refused, 503, "table.unavailable");
        assert!(!refused.header("retry-after").is_empty());
        faults.clear();
        assert_eq!(standing(&bundle).await, [0, 0, 0], "{operation}");
    }
    tell(&service(&bundle), "grace", "account_warning").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_call_of_a_send_fails_a_retry_under_its_key_ends_with_one_notice() {
    let (bundle, faults) = start().await;
    let mark = faults.mark();
    let keyed = |key: &str| service(&bundle).with_header("idempotency-key", key);
    assert_eq!(keyed("probe").post(ALL, decision("ada", "account_warning")).await.status, 201);
    let calls: Log = faults.since(mark);
    let calls = calls.by("notifications").iter().count() as u64;
    for lost in 1..=calls {
        let person = format!("person-{lost}");
        let client = keyed(&format!("key-{lost}"));
        faults.clear().on("*").by("notifications").nth(lost).lose_reply();
        let first = client.post(ALL, decision(&person, "account_warning")).await;
        faults.clear();
        if first.status != 201 {
            assert!(matches!(first.status, 500 | 503), "{lost}: {} {}", first.status, first.body);
            // The lease of a run that was cut off is over after this.
            bundle.clock().advance(hours(1));
            let again = client.post(ALL, decision(&person, "account_warning")).await;
            assert!(matches!(again.status, 200 | 201), "{lost}: {} {}", again.status, again.body);
        }
        assert_eq!(count(&bundle, &format!("NOTICE#{person}"), "").await, 1, "{lost} of {calls}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cut_off_anywhere_leaves_all_that_waits_to_the_next() {
    let (bundle, faults) = start().await;
    let service = service(&bundle);
    for call in 1..=6 {
        for operation in ["Query", "UpdateItem", "TransactWriteItems"] {
            let person = format!("{operation}-{call}");
            tell(&service, &person, "account_warning").await;
            assert_eq!(service.post(ALL, decision(&person, "account_warning")).await.status, 429);
            bundle.clock().advance(hours(12));
            // Past the SDK's own tries.
            faults.clear().on(operation).by("notification-deferrals").touching(&person).first(3 * call).reset();
            let _ = bundle.run_schedule("notification-deferrals").await;
            faults.clear();
            let _ = bundle.run_schedule("notification-deferrals").await;
            assert_eq!(count(&bundle, &format!("NOTICE#{person}"), "").await, 2, "{person}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_put_away_once_whichever_reply_on_the_way_is_lost() {
    let (bundle, faults) = start().await;
    let put_away = async |person: &str, lost: Option<u64>| {
        let id = tell(&service(&bundle), person, "account_warning").await;
        let mark = faults.mark();
        if let Some(lost) = lost {
            faults.clear().on("*").by("notifications").nth(lost).lose_reply();
        }
        let told = bundle.shopper(person).delete(&one(&id)).await;
        faults.clear();
        assert_eq!(told.status, 204, "{lost:?}: {}", told.body);
        let left = bundle.shopper(person).get(ALL).await;
        assert_eq!(left.body["notifications"], json!([]), "{lost:?}");
        faults.since(mark).by("notifications").iter().count() as u64
    };
    let calls = put_away("ada", None).await;
    for lost in 1..=calls {
        put_away(&format!("person-{lost}"), Some(lost)).await;
    }
}
