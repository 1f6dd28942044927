//! What the limit puts off is told later, together, and never lost.

use super::*;
use futures::future::join_all;

/// What waits for a person, as an administrator sees it.
async fn waiting(bundle: &Bundle, person: &str) -> Value {
    let root = bundle.administrator("reader", "admin:read").await;
    let seen = root.get(&format!("{ALL}/deferred?userId={person}")).await;
    assert_eq!(seen.status, 200, "{}", seen.body);
    seen.body["deferred"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_at_once_one_is_told_and_the_others_wait() {
    let bundle = Bundle::start().await;
    let service = service(&bundle);
    let sent = join_all((0..50).map(|_| service.post(ALL, decision("grace", "account_warning")))).await;
    let told = sent.iter().filter(|response| response.status == 201).count();
    let off: Vec<_> = sent.iter().filter(|response| response.status == 429).collect();
    assert_eq!((told, off.len()), (1, 49), "{:?}", sent.iter().map(|response| response.status).collect::<Vec<_>>());
    for response in off {
        assert_problem(response, 429, "notification.rate_limited");
        assert_eq!(response.header("retry-after"), "43200");
    }
    assert_eq!(
        (count(&bundle, "NOTICE#grace", "").await, waiting(&bundle, "grace").await[0]["count"].clone()),
        (1, json!(49))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_before_twelve_hours_it_waits_and_at_twelve_hours_it_is_told() {
    let bundle = Bundle::start().await;
    let service = service(&bundle);
    let body = |name: &str| {
        let mut body = decision("grace", "content_violation");
        body["decision_ref"] = name.into();
        body
    };
    assert_eq!(service.post(ALL, body("a")).await.status, 201);
    bundle.clock().advance(hours(12) - SignedDuration::from_secs(1));
    let refused = service.post(ALL, body("b")).await;
    assert_problem(&refused, 429, "notification.rate_limited");
    assert_eq!((refused.header("retry-after"), &refused.body["deferred_count"]), ("1", &json!(1)));
    assert_eq!(refused.body["deferred_until"], "2026-11-11T03:00:00Z");
    bundle.clock().advance(SignedDuration::from_secs(1));
    let told = service.post(ALL, body("c")).await;
    assert_eq!(
        (told.status, &told.body["count"]),
        (201, &json!(2)),
        "the one that waited is told with it: {}",
        told.body
    );
    assert_eq!(waiting(&bundle, "grace").await, json!([]));
    let again = service.post(ALL, body("b")).await;
    assert_eq!(
        (again.status, &again.body["reason"], &again.body["id"]),
        (200, &json!("already_told"), &told.body["id"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn categories_and_people_have_limits_of_their_own() {
    let bundle = Bundle::start().await;
    let service = service(&bundle);
    for person in ["grace", "grace#account_warning", "ada"] {
        for category in ["content_violation", "account_warning", "temporary_restriction", "appeal_update"] {
            tell(&service, person, category).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_tells_of_all_that_waits_by_one_notice() {
    let bundle = Bundle::start().await;
    let service = service(&bundle);
    tell(&service, "grace", "account_warning").await;
    for name in ["b", "c", "d"] {
        let mut body = decision("grace", "account_warning");
        body["decision_ref"] = name.into();
        body["context"]["item"] = format!("Soup {name}").into();
        assert_eq!(service.post(ALL, body.clone()).await.status, 429);
        assert_eq!(service.post(ALL, body).await.status, 429, "sent again it is one and the same");
        bundle.clock().advance(hours(1));
    }
    let waits = waiting(&bundle, "grace").await;
    assert_eq!((&waits[0]["count"], &waits[0]["latest_context"]["item"]), (&json!(3), &json!("Soup d")), "{waits}");
    let early = bundle.run_schedule("notification-deferrals").await.unwrap();
    assert!(early.contains("\"told\":0"), "{early}");
    bundle.clock().advance(hours(9));
    let (one, other) =
        tokio::join!(bundle.run_schedule("notification-deferrals"), bundle.run_schedule("notification-deferrals"));
    let reports = format!("{} {}", one.unwrap(), other.unwrap());
    assert!(reports.contains("\"told\":1,\"decisions\":3") && reports.contains("\"told\":0"), "{reports}");
    let page = bundle.shopper("grace").get(ALL).await;
    assert_eq!((ids(&page).len(), &page.body["notifications"][0]["count"]), (2, &json!(3)));
    assert_eq!(waiting(&bundle, "grace").await, json!([]));
    // It is a notice like another: the next must wait twelve hours from it.
    let mut next = decision("grace", "account_warning");
    next["decision_ref"] = "e".into();
    assert_eq!(service.post(ALL, next).await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_transaction_holds_is_told_of_by_one_notice_too() {
    let bundle = Bundle::start().await;
    let service = service(&bundle);
    tell(&service, "grace", "account_warning").await;
    for _ in 0..5 {
        let sent = join_all((0..26).map(|_| service.post(ALL, decision("grace", "account_warning")))).await;
        assert!(sent.iter().all(|response| response.status == 429));
    }
    bundle.clock().advance(hours(12));
    let report = bundle.run_schedule("notification-deferrals").await.unwrap();
    assert!(report.contains("\"told\":1,\"decisions\":130"), "{report}");
    let page = bundle.shopper("grace").get(ALL).await;
    assert_eq!(page.body["notifications"][0]["count"], 130);
    assert!(page.body["notifications"][0]["body"].as_str().unwrap().contains("130"), "{}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_told_before_the_schedule_comes_is_told_of_all_that_waits() {
    let bundle = Bundle::start().await;
    let service = service(&bundle);
    tell(&service, "grace", "account_warning").await;
    let named = |n: usize| {
        let mut body = decision("grace", "account_warning");
        body["decision_ref"] = format!("case-{n}").into();
        body
    };
    for some in (0..100).collect::<Vec<_>>().chunks(25) {
        let sent = join_all(some.iter().map(|n| service.post(ALL, named(*n)))).await;
        assert!(sent.iter().all(|response| response.status == 429));
    }
    bundle.clock().advance(hours(12));
    let service = super::service(&bundle);
    let told = service.post(ALL, named(100)).await;
    assert_eq!((told.status, &told.body["count"]), (201, &json!(101)), "{}", told.body);
    let again = service.post(ALL, named(7)).await;
    assert_eq!((again.status, &again.body["reason"]), (200, &json!("already_told")), "{}", again.body);
    bundle.clock().advance(hours(24 * 20));
    let again = super::service(&bundle).post(ALL, named(99)).await;
    assert_eq!((again.status, &again.body["reason"]), (200, &json!("already_told")), "{}", again.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_said_no_more_is_told_without_its_name() {
    let state = tempfile::tempdir().unwrap();
    let options = Options { state: Some(state.path().to_owned()), ..Options::for_tests() };
    let bundle = Bundle::start_with(options.clone()).await;
    let (service, mut named) = (service(&bundle), decision("grace", "account_warning"));
    tell(&service, "grace", "account_warning").await;
    named["context"]["item"] = "HEXAGON lamp".into();
    assert_eq!(service.post(ALL, named).await.status, 429);
    let now = bundle.clock().now();
    bundle.close().await;
    let bundle = Bundle::start_with(options.variable("INTERNAL_CODES", "HEXAGON")).await;
    bundle.clock().advance(now.duration_since(bundle.clock().now()) + hours(12));
    let report = bundle.run_schedule("notification-deferrals").await.unwrap();
    assert!(report.contains("\"told\":1,\"decisions\":1"), "{report}");
    let page = bundle.shopper("grace").get(ALL).await;
    assert!(!page.body["notifications"][0].to_string().contains("HEXAGON"), "{}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_read_sees_what_waits() {
    let bundle = Bundle::start().await;
    let path = format!("{ALL}/deferred?userId=grace");
    assert_problem(&bundle.shopper("grace").get(&path).await, 403, "admin.insufficient_scope");
    assert_problem(&service(&bundle).get(&path).await, 403, "admin.insufficient_scope");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_has_expired_and_is_not_yet_gone_blocks_nothing_and_one_that_holds_is_not_undone_by_expiry() {
    let bundle = Bundle::start().await;
    let service = service(&bundle);
    tell(&service, "grace", "account_warning").await;
    // Whatever time to live anybody puts on it, the stamp alone decides.
    let client = bundle.aws().administrator().dynamodb();
    let expire = |at: i64| {
        let key = |value: &str| aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned());
        let update = client.update_item().table_name(&bundle.template().tables[0].name);
        let update = update.key("pk", key("T#t_greenleaf#RATE#grace#account_warning")).key("sk", key("LAST"));
        let value = aws_sdk_dynamodb::types::AttributeValue::N(at.to_string());
        update.update_expression("SET expires_at = :at").expression_attribute_values(":at", value).send()
    };
    let now = bundle.clock().now().as_second();
    expire(now - 1).await.unwrap();
    assert_eq!(service.post(ALL, decision("grace", "account_warning")).await.status, 429);
    expire(now + 30 * 86_400).await.unwrap();
    bundle.clock().advance(hours(12));
    assert_eq!(service.post(ALL, decision("grace", "account_warning")).await.status, 201);
}
