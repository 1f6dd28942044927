//! Who may tell whom, what they see, and what the switch does.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_told_of_a_decision_and_sees_it_with_what_they_can_do() {
    let bundle = Bundle::start().await;
    let told = service(&bundle).post(ALL, decision("grace", "content_violation")).await;
    assert_eq!(told.status, 201, "{}", told.body);
    let id = told.body["id"].as_str().unwrap();
    assert_eq!((told.header("location"), &told.body["count"]), (one(id).as_str(), &json!(1)));
    let grace = bundle.shopper("grace");
    let page = grace.get(ALL).await;
    assert_eq!((ids(&page), &page.body["unread_count"]), (vec![id], &json!(1)));
    let notice = grace.get(&one(id)).await;
    assert_eq!(notice.body, page.body["notifications"][0]);
    let notice = notice.body;
    assert!(notice["body"].as_str().unwrap().contains("Rainy day soup"), "{notice}");
    assert_eq!(notice["appeal_link"], format!("{ALL}/{id}/appeal"));
    assert_eq!(notice["appeal_deadline"], "2027-05-13T15:00:00Z", "184 days of 24 hours");
    assert_eq!((&notice["read"], &notice["userId"]), (&json!(false), &json!("grace")));
    for hidden in ["staff", "context", "decisions", "by"] {
        assert!(notice.get(hidden).is_none(), "{hidden}: {notice}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_an_appeal_cannot_itself_be_appealed() {
    let bundle = Bundle::start().await;
    let body = json!({"userId": "grace", "category": "appeal_update", "context": {"outcome": "overturned"}});
    let told = service(&bundle).post(ALL, body).await;
    let notice = bundle.shopper("grace").get(&one(told.body["id"].as_str().unwrap())).await.body;
    assert!(notice.get("appeal_link").is_none() && notice.get("appeal_deadline").is_none(), "{notice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_time_for_an_appeal_is_over_the_link_is_gone_and_the_deadline_stays() {
    let bundle = Bundle::start().await;
    let id = tell(&service(&bundle), "grace", "account_warning").await;
    bundle.clock().advance(hours(184 * 24));
    let grace = bundle.shopper("grace");
    assert!(grace.get(&one(&id)).await.body["appeal_link"].is_string(), "at its last moment it is open");
    bundle.clock().advance(SignedDuration::from_micros(1));
    let notice = grace.get(&one(&id)).await.body;
    assert!(notice.get("appeal_link").is_none() && notice["appeal_deadline"].is_string(), "{notice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_services_and_administrators_tell_and_nobody_says_what() {
    let bundle = Bundle::start().await;
    let body = decision("grace", "account_warning");
    assert_problem(&bundle.stranger().post(ALL, body.clone()).await, 401, "auth.missing_token");
    for client in [bundle.shopper("grace"), bundle.admin("root"), bundle.administrator("reader", "admin:read").await] {
        let refused = client.post(ALL, body.clone()).await;
        assert_problem(&refused, 403, "admin.insufficient_scope");
        assert_eq!(refused.body["required_scope"], "admin:write");
    }
    for member in ["title", "body", "text", "texts", "id"] {
        let mut body = body.clone();
        body[member] = "You have won".into();
        assert_problem(&service(&bundle).post(ALL, body).await, 400, "http.bad_request");
    }
    assert_eq!(count(&bundle, "NOTICE#", "").await, 0);
    assert_eq!(bundle.administrator("writer", "admin:write").await.post(ALL, body).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_switched_off_tells_nobody_and_uses_nothing_up() {
    let options = || Options::for_tests().variable("TRUST_SAFETY_NOTIFICATIONS", "off");
    let bundle = Bundle::start_with(options()).await;
    let told = service(&bundle).post(ALL, decision("grace", "account_warning")).await;
    assert_eq!((told.status, &told.body), (200, &json!({"created": false, "reason": "kill_switch"})));
    for partition in ["NOTICE#", "RATE#", "AUDIT", "OUTBOX"] {
        assert_eq!(count(&bundle, partition, "").await, 0, "{partition}");
    }
    let health = bundle.shopper("grace").get(&format!("{ALL}/health")).await;
    assert_eq!(health.body["notifications"], "off");
    let report = bundle.run_schedule("notification-deferrals").await.unwrap();
    assert!(report.contains("\"off\":true"), "{report}");
    assert_eq!(bundle.shopper("grace").get(ALL).await.status, 200, "what people have is still read");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_else_the_switch_says_is_on() {
    for said in ["0", "false", "no", "OFFF"] {
        let bundle = Bundle::start_with(Options::for_tests().variable("TRUST_SAFETY_NOTIFICATIONS", said)).await;
        tell(&service(&bundle), "grace", "account_warning").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_again_is_told_once() {
    let bundle = Bundle::start().await;
    let keyed = service(&bundle).with_header("idempotency-key", "one");
    let first = keyed.post(ALL, decision("grace", "account_warning")).await;
    let again = keyed.post(ALL, decision("grace", "account_warning")).await;
    assert_eq!((first.status, again.status, &first.bytes), (201, 201, &again.bytes));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(count(&bundle, "NOTICE#grace", "").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_with_a_name_is_told_of_once_whoever_sends_it_how_often() {
    let bundle = Bundle::start().await;
    let mut body = decision("grace", "account_warning");
    body["decision_ref"] = "case-4711".into();
    let first = service(&bundle).post(ALL, body.clone()).await;
    let again = bundle.administrator("writer", "admin:write").await.post(ALL, body).await;
    let expected = json!({"created": false, "id": first.body["id"], "reason": "already_told"});
    assert_eq!((first.status, again.status, again.body), (201, 200, expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_see_what_came_with_a_decision_and_the_person_does_not() {
    let bundle = Bundle::start().await;
    let mut body = decision("grace", "account_warning");
    body["context"]["policy"] = "T05".into();
    body["decided_by"] = "moderator-7".into();
    body["decision_ref"] = "case-4711".into();
    let id = service(&bundle).post(ALL, body).await.body["id"].as_str().unwrap().to_owned();
    let root = bundle.administrator("reader", "admin:read").await;
    let seen = root.get(&format!("{}?userId=grace", one(&id))).await;
    assert_eq!(seen.body["staff"]["context"]["policy"], "T05", "{}", seen.body);
    assert_eq!(seen.body["staff"]["decisions"][0]["decided_by"], "moderator-7");
    assert_eq!(seen.body["staff"]["by"], json!({"person": "moderation"}));
    let own = bundle.shopper("grace").get(&one(&id)).await;
    assert!(!String::from_utf8_lossy(&own.bytes).contains("T05"), "{}", own.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_used_again_after_its_day_means_another_request_where_it_says_something_else() {
    let bundle = Bundle::start().await;
    let keyed = service(&bundle).with_header("idempotency-key", "one");
    let first = keyed.post(ALL, decision("grace", "account_warning")).await;
    bundle.clock().advance(hours(25));
    let mut other = decision("grace", "account_warning");
    other["context"]["item"] = "Another soup".into();
    let second = keyed.post(ALL, other).await;
    assert_eq!((first.status, second.status), (201, 201), "{}", second.body);
    assert_ne!(first.body["id"], second.body["id"]);
    bundle.clock().advance(hours(25));
    // The first is remembered for two days, whenever the table deletes what it is remembered by.
    let again = keyed.post(ALL, decision("grace", "account_warning")).await;
    assert_eq!(again.status, 201, "{}", again.body);
    assert_eq!(count(&bundle, "NOTICE#grace", "").await, 3);
}
