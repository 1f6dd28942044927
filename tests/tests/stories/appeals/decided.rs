//! Deciding: by whom, how it is told, and what it asks to be undone.

use super::*;
use aws_sdk_dynamodb::types::AttributeValue;
use shared::{
    audit::{Actor, Audit},
    ids::PersonId,
    table::Table,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_appeal_is_decided_by_somebody_who_did_not_take_the_decision() {
    let bundle = Bundle::start().await;
    let decision = json!({"userId": "ada", "category": "content_violation", "decision_ref": "case-1",
        "decided_by": "rhea", "context": {"item": "Rainy day soup", "artifact_id": "art_1"}});
    let told = service(&bundle).post(NOTICES, decision).await;
    let ada = bundle.administrator("ada", "admin:write").await;
    let appeal = click(&ada, told.body["id"].as_str().unwrap()).await.body["appeal_id"].as_str().unwrap().to_owned();
    let (rhea, sol) = (reviewer(&bundle, "rhea").await, reviewer(&bundle, "sol").await);
    assert_problem(&review(&rhea, &appeal).await, 403, "appeal.same_reviewer");
    assert_problem(&review(&ada, &appeal).await, 403, "appeal.own_appeal");
    bundle.administer(local::seed::TENANT, "robot", "admin:write").await.unwrap();
    let robot = bundle.person(local::seed::claims("robot", "admin").scope("admin:write service:write"));
    for reply in [review(&robot, &appeal).await, decide(&robot, &appeal, "upheld").await, reopen(&robot, &appeal).await]
    {
        assert_problem(&reply, 403, "appeal.automated_reviewer");
    }
    let early = decide(&sol, &appeal, "overturned").await;
    assert_problem(&early, 409, "appeal.illegal_move");
    assert_eq!(early.body["moves"], json!(["add_statement", "withdraw", "review"]));
    assert_eq!(review(&sol, &appeal).await.status, 200);
    assert_problem(&decide(&rhea, &appeal, "overturned").await, 403, "appeal.same_reviewer");
    assert_problem(&decide(&ada, &appeal, "overturned").await, 403, "appeal.own_appeal");
    let decided = decide(&sol, &appeal, "overturned").await;
    assert_eq!((decided.status, &decided.body["state"]), (200, &json!("overturned")), "{}", decided.body);
    let ruling = &decided.body["decision"];
    assert_eq!((&ruling["decided_by"], &ruling["notice"]["state"]), (&json!("sol"), &json!("told")), "{ruling}");
    let undo = &ruling["undo_request"];
    assert_eq!((&undo["artifact_id"], &undo["state"]), (&json!("art_1"), &json!("waiting")), "{undo}");
    let places: Vec<_> = decided.body["history"].as_array().unwrap().iter().map(|event| &event["audit_seq"]).collect();
    assert!(places.len() == 3 && places.iter().all(|place| place.is_u64()), "{places:?}");
    // The person sees the decision, and nothing of the staff or of what only staff may know.
    let shown = ada.get(&own(&appeal)).await.body;
    assert_eq!(shown["decision"]["outcome"], "overturned");
    assert_eq!(shown["decision"]["reason"], "It keeps to the guidelines.");
    for secret in ["sol", "rhea", "art_1", "undo", "audit", "Rainy"] {
        assert!(!shown.to_string().contains(secret), "{secret}: {shown}");
    }
    let notice = ruling["notice"]["notification_id"].as_str().unwrap();
    let notice = ada.get(&format!("{NOTICES}/{notice}")).await.success().unwrap().body;
    let title = "Your appeal: the decision has been reversed";
    assert_eq!((&notice["category"], &notice["title"]), (&json!("appeal_update"), &json!(title)), "{notice}");
    let sent = messages(&bundle).await;
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!((&sent[0]["topic"], &sent[0]["id"]), (&json!("artifact.undo_requested"), &undo["id"]));
    assert_eq!(sent[0]["payload"]["artifact_id"], "art_1");
    assert_eq!(sent[0]["payload"]["decision_refs"], json!(["case-1"]));
    assert_eq!(sent[0]["payload"]["appeal_id"], *appeal);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_says_where_the_texts_of_its_entries_were_erased() {
    let bundle = Bundle::start().await;
    let appeal = appealed(&bundle, "account_warning").await;
    let rhea = reviewer(&bundle, "rhea").await;
    settle(&rhea, &appeal, "upheld").await;
    let history = async || {
        let shown = rhea.get(&format!("{STAFF}/{appeal}")).await.success().unwrap().body;
        let history = shown["history"].as_array().unwrap().clone();
        history.into_iter().map(|event| (event["audit_seq"].is_u64(), event["audit_erased"] == true))
    };
    assert!(history().await.eq([(true, false); 3]));
    let tenant = tests::audit::scope(local::seed::TENANT);
    let table = Table::new(bundle.aws(), &bundle.template().tables[0].name);
    let (log, ada) = (Audit::new(table, bundle.clock().clone()).of(&tenant), PersonId::from_subject("ada").unwrap());
    let by = Actor::Person(PersonId::from_subject("root").unwrap());
    tenant.act(async move { log.erase(&ada, &by).await.unwrap() }).await;
    assert!(history().await.eq([(false, false); 3]), "the index may be behind yet: nothing is said");
    bundle.clock().advance(SignedDuration::from_mins(2));
    assert!(history().await.eq([(false, true); 3]));
    assert_eq!(reopen(&rhea, &appeal).await.status, 200);
    assert!(history().await.eq([(false, true), (false, true), (false, true), (true, false)]));
}

/// The messages of the outbox that ask for something to be undone.
pub(super) async fn messages(bundle: &Bundle) -> Vec<Value> {
    let table = &bundle.template().tables[0].name;
    let rows = bundle.aws().administrator().dynamodb().scan().table_name(table).into_paginator().items().send();
    let rows: Vec<_> = rows.collect::<Result<Vec<_>, _>>().await.unwrap();
    let asks = |topic: &AttributeValue| topic.as_s().is_ok_and(|topic| topic == "artifact.undo_requested");
    rows.iter()
        .filter(|row| row.get("topic").is_some_and(asks))
        .map(|row| plain(&AttributeValue::M(row.clone())))
        .collect()
}

/// An attribute as JSON.
pub(super) fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(number) => serde_json::from_str(number).unwrap(),
        AttributeValue::L(list) => list.iter().map(plain).collect(),
        AttributeValue::M(map) => map.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        _ => Value::Null,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_seen_at_once_though_its_notice_waits() {
    let bundle = Bundle::start().await;
    let (first, second) = (appealed(&bundle, "account_warning").await, appealed(&bundle, "content_violation").await);
    let rhea = reviewer(&bundle, "rhea").await;
    let one = settle(&rhea, &first, "upheld").await;
    let other = settle(&rhea, &second, "partially_overturned").await;
    assert_eq!(one.body["decision"]["notice"]["state"], "told");
    assert_eq!(other.body["decision"]["notice"]["state"], "put_off", "{}", other.body);
    let ada = bundle.shopper("ada");
    for (appeal, outcome) in [(&first, "upheld"), (&second, "partially_overturned")] {
        assert_eq!(ada.get(&own(appeal)).await.body["decision"]["outcome"], outcome);
    }
    let updates = format!("{NOTICES}?category=appeal_update");
    assert_eq!(ada.get(&updates).await.body["notifications"].as_array().unwrap().len(), 1);
    bundle.clock().advance(hours(12));
    bundle.run_schedule("notification-deferrals").await.unwrap();
    assert_eq!(ada.get(&updates).await.body["notifications"].as_array().unwrap().len(), 2);
    assert!(one.body["decision"]["undo_request"].is_null(), "what stays is not undone");
    assert_eq!(messages(&bundle).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_before_is_decided_by_another_the_next_time() {
    let bundle = Bundle::start().await;
    let appeal = appealed(&bundle, "account_warning").await;
    let (rhea, sol) = (reviewer(&bundle, "rhea").await, reviewer(&bundle, "sol").await);
    settle(&rhea, &appeal, "upheld").await;
    assert_problem(&decide(&sol, &appeal, "overturned").await, 409, "appeal.illegal_move");
    assert_eq!(reopen(&rhea, &appeal).await.status, 200);
    assert_problem(&review(&rhea, &appeal).await, 403, "appeal.same_reviewer");
    let decided = settle(&sol, &appeal, "overturned").await;
    assert_eq!(decided.body["earlier_decisions"][0]["outcome"], "upheld");
    let shown = bundle.shopper("ada").get(&own(&appeal)).await.body;
    assert_eq!(events(&shown), ["opened", "taken", "decided", "reopened", "taken", "decided"]);
    assert_eq!((&shown["decision"]["outcome"], &shown["decision"]["round"]), (&json!("overturned"), &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asked_for_one_of_many_decisions_to_be_told_decides_no_appeal_against_them() {
    let bundle = Bundle::start().await;
    tell(&service(&bundle), "ada", "account_warning").await;
    let told = |name: &str| json!({"userId": "ada", "category": "account_warning", "decision_ref": name});
    assert_eq!(reviewer(&bundle, "rhea").await.post(NOTICES, told("case-1")).await.status, 429);
    bundle.clock().advance(SignedDuration::from_hours(12));
    let (rhea, sol) = (reviewer(&bundle, "rhea").await, reviewer(&bundle, "sol").await);
    let both = sol.post(NOTICES, told("case-2")).await;
    assert_eq!((both.status, &both.body["count"]), (201, &json!(2)), "{}", both.body);
    let opened = click(&bundle.shopper("ada"), both.body["id"].as_str().unwrap()).await;
    let appeal = opened.body["appeal_id"].as_str().unwrap();
    for staff in [&rhea, &sol] {
        assert_problem(&review(staff, appeal).await, 403, "appeal.same_reviewer");
    }
    settle(&reviewer(&bundle, "tess").await, appeal, "upheld").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_is_neutral_and_bounded() {
    let bundle = Bundle::start().await;
    let appeal = appealed(&bundle, "account_warning").await;
    let rhea = reviewer(&bundle, "rhea").await;
    review(&rhea, &appeal).await;
    let path = format!("{STAFF}/{appeal}/decision");
    for reason in ["", "  ", "Rule T05 holds.", "<b>No</b>", "{name}", "a\u{202e}b", &"x".repeat(2_001)] {
        let refused = rhea.post(&path, json!({"outcome": "upheld", "reason": reason})).await;
        assert_problem(&refused, 422, "appeal.reason_refused");
        assert!(!refused.body.to_string().contains("T05"), "{}", refused.body);
    }
    for body in [json!({"outcome": "maybe", "reason": "x"}), json!({"outcome": "upheld"}), json!([])] {
        assert_problem(&rhea.post(&path, body).await, 400, "http.bad_request");
    }
    let body = json!({"outcome": "upheld", "reason": "字".repeat(2_000), "artifact_id": "art_2"});
    let decided = rhea.post(&path, body).await;
    assert_eq!(decided.status, 200, "{}", decided.body);
    assert!(decided.body["decision"]["undo_request"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn appeals_go_on_while_notices_are_switched_off() {
    let state = tempfile::tempdir().unwrap();
    let options = Options { state: Some(state.path().to_owned()), ..Options::for_tests() };
    let bundle = Bundle::start_with(options.clone()).await;
    let notice = tell(&service(&bundle), "ada", "account_warning").await;
    bundle.close().await;
    let bundle = Bundle::start_with(options.variable("TRUST_SAFETY_NOTIFICATIONS", "off")).await;
    let ada = bundle.shopper("ada");
    let appeal = click(&ada, &notice).await.body["appeal_id"].as_str().unwrap().to_owned();
    let decided = settle(&reviewer(&bundle, "rhea").await, &appeal, "overturned").await;
    assert_eq!(decided.body["decision"]["notice"], json!({"state": "off"}));
    assert_eq!(ada.get(&own(&appeal)).await.body["decision"]["outcome"], "overturned");
    let updates = ada.get(&format!("{NOTICES}?category=appeal_update")).await;
    assert_eq!(updates.body["notifications"], json!([]));
    assert_eq!(messages(&bundle).await.len(), 1, "what is to be undone is asked for all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_took_one_of_many_decisions_that_are_told_together_decides_none_of_them() {
    let bundle = Bundle::start().await;
    let by = |who: &str, n: usize| {
        json!({"userId": "ada", "category": "content_violation", "decision_ref": format!("case-{n}"), "decided_by": who,
            "context": {"item": "Rainy day soup"}})
    };
    service(&bundle).post(NOTICES, by("nora", 0)).await.success().unwrap();
    // More than one notice lists, and more than one transaction folds.
    for n in 1..=90 {
        let who = if n == 1 { "rhea".to_owned() } else { format!("moderator-{n}") };
        assert_eq!(service(&bundle).post(NOTICES, by(&who, n)).await.status, 429);
    }
    bundle.clock().advance(hours(12));
    bundle.run_schedule("notification-deferrals").await.unwrap();
    let ada = bundle.shopper("ada");
    let notices = ada.get(NOTICES).await;
    assert_eq!(notices.body["notifications"][0]["count"], 90, "{}", notices.body);
    let appeal = click(&ada, notices.body["notifications"][0]["id"].as_str().unwrap()).await;
    assert!(matches!(appeal.status, 200 | 201), "{}", appeal.body);
    let appeal = appeal.body["appeal_id"].as_str().unwrap().to_owned();
    let (rhea, sol) = (reviewer(&bundle, "rhea").await, reviewer(&bundle, "sol").await);
    assert_problem(&review(&rhea, &appeal).await, 403, "appeal.same_reviewer");
    assert_eq!(review(&sol, &appeal).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_undone_is_asked_for_however_much_a_notice_came_with() {
    let bundle = Bundle::start().await;
    tell(&service(&bundle), "ada", "content_violation").await;
    // As many decisions as a notice lists, with the longest names, and the largest context.
    for n in 0..50 {
        let body = json!({"userId": "ada", "category": "content_violation",
            "decision_ref": format!("{n:03}{}", "\u{10ffff}".repeat(125)),
            "context": {"artifact_id": "a".repeat(8 * 1024 - r#"{"artifact_id":""}"#.len())}});
        assert_eq!(service(&bundle).post(NOTICES, body).await.status, 429);
    }
    bundle.clock().advance(hours(12));
    bundle.run_schedule("notification-deferrals").await.unwrap();
    let ada = bundle.shopper("ada");
    let notices = ada.get(NOTICES).await;
    let opened = click(&ada, notices.body["notifications"][0]["id"].as_str().unwrap()).await;
    assert_eq!((opened.status, &opened.body["context"]["count"]), (201, &json!(50)), "{}", opened.body);
    let appeal = opened.body["appeal_id"].as_str().unwrap();
    settle(&reviewer(&bundle, "rhea").await, appeal, "overturned").await;
    let sent = messages(&bundle).await;
    let payload = &sent[0]["payload"];
    assert_eq!((sent.len(), payload["decision_refs"].as_array().unwrap().len()), (1, 50));
    assert_eq!(payload["artifact_id"], Value::Null, "what is that long is no name of an artifact");
}
