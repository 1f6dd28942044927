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
