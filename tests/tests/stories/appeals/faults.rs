//! Stores that lose replies, throttle and put others in the way.

use super::*;
use tests::faults::Faults;

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_is_one_appeal_and_one_decision_and_the_caller_hears_of_it() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    let notice = tell(&service(&bundle), "ada", "account_warning").await;
    faults.on("TransactWriteItems").by("appeals").once().lose_reply();
    let opened = click(&bundle.shopper("ada"), &notice).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    let appeal = opened.body["appeal_id"].as_str().unwrap();
    let rhea = reviewer(&bundle, "rhea").await;
    faults.clear().on("TransactWriteItems").by("appeals").every(2).lose_reply();
    let decided = settle(&rhea, appeal, "overturned").await;
    faults.clear();
    assert_eq!(decided.body["history"].as_array().unwrap().len(), 3, "{}", decided.body);
    assert_eq!(bundle.shopper("ada").get(OWN).await.body["appeals"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_call_of_an_opening_fails_a_retry_under_its_key_ends_with_one_appeal() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    let mut tried = 0;
    for (operation, n) in [
        ("GetItem", 1),
        ("GetItem", 2),
        ("Query", 1),
        ("UpdateItem", 1),
        ("UpdateItem", 2),
        ("PutItem", 1),
        ("TransactWriteItems", 1),
    ] {
        for what in ["lose", "reset", "fail"] {
            tried += 1;
            let person = format!("person-{tried}");
            let notice = tell(&service(&bundle), &person, "account_warning").await;
            let client = bundle.shopper(&person).with_header("idempotency-key", &format!("click-{tried}"));
            for nth in n..n + 4 {
                let rule = faults.on(operation).by("appeals").nth(nth);
                match what {
                    "lose" => rule.lose_reply(),
                    "reset" => rule.reset(),
                    _ => rule.fail(),
                };
            }
            let first = click(&client, &notice).await;
            assert!(matches!(first.status, 201 | 503), "{operation} {n} {what}: {} {}", first.status, first.body);
            faults.clear();
            // A run that could not give its key back holds it for the rest of its lease.
            bundle.clock().advance(SignedDuration::from_mins(1));
            let again = click(&client, &notice).await;
            assert_eq!(again.status, 201, "{operation} {n} {what}: {}", again.body);
            let listed = bundle.shopper(&person).get(OWN).await;
            assert_eq!(listed.body["appeals"].as_array().unwrap().len(), 1, "{operation} {n} {what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_are_waited_out_and_a_store_that_throttles_for_long_is_told_as_such() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    let notice = tell(&service(&bundle), "ada", "account_warning").await;
    faults.on("TransactWriteItems").by("appeals").first(3).conflict();
    let opened = click(&bundle.shopper("ada"), &notice).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    let appeal = opened.body["appeal_id"].as_str().unwrap();
    faults.clear().on("*").by("appeals").touching("APPEALS").throttle();
    for reply in [click(&bundle.shopper("ada"), &notice).await, bundle.shopper("ada").get(&own(appeal)).await] {
        assert_problem(&reply, 503, "table.unavailable");
        assert!(!reply.header("retry-after").is_empty());
    }
    faults.clear();
    assert_eq!(bundle.shopper("ada").get(&own(appeal)).await.body["state"], "submitted");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_reviewers_at_once_one_decides() {
    let bundle = Bundle::start().await;
    let appeal = appealed(&bundle, "account_warning").await;
    let (rhea, sol) = (reviewer(&bundle, "rhea").await, reviewer(&bundle, "sol").await);
    review(&rhea, &appeal).await;
    let both = futures::future::join(decide(&rhea, &appeal, "upheld"), decide(&sol, &appeal, "overturned")).await;
    let mut replies = [both.0, both.1];
    replies.sort_by_key(|reply| reply.status);
    assert_eq!(replies[0].status, 200, "{}", replies[0].body);
    // Whoever is second finds it decided.
    assert_problem(&replies[1], 409, "appeal.illegal_move");
}
