//! All that is stored about a person goes, page by page, and a receipt that can be checked says so.

use super::*;
use tests::faults::Faults;

const ERASE: &str = "/analytics/events";

pub(super) async fn keeper(bundle: &Bundle, tenant: &str) -> Client {
    bundle.administer(tenant, "eraser", "admin:write").await.unwrap();
    within(bundle.person(Claims::of("eraser").tenant(tenant).scope("admin:write")), tenant, "saas")
}

/// `count` events about a person, the `n`th hundred in the request `<prefix>-<n>`.
pub(super) async fn send(service: &Client, prefix: &str, person: &str, count: usize) {
    let mut event = event("pageview");
    event["user_id"] = person.into();
    let events = vec![event; count];
    for (n, events) in events.chunks(500).enumerate() {
        let client = service.with_header("x-request-id", &format!("{prefix}-{n}"));
        let taken = client.post(BATCH, json!({"events": events})).await;
        assert_eq!(taken.body["stored"], events.len(), "{}", taken.body);
    }
}

pub(super) async fn erase(keeper: &Client, person: &str, cursor: Option<&str>) -> Response {
    let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    keeper.delete(&format!("{ERASE}?user_id={person}{cursor}")).await
}

/// How many events there are about a person.
pub(super) async fn left(service: &Client, person: &str) -> u64 {
    let page = service.get(&format!("{QUERY}?user_id={person}&limit=1")).await;
    page.body["total"].as_u64().unwrap_or_else(|| panic!("{}", page.body))
}

#[tokio::test(flavor = "multi_thread")]
async fn all_events_of_a_person_go_while_new_ones_come_in_and_the_others_stay() {
    let (bundle, service) = started().await;
    let keeper = keeper(&bundle, "t_greenleaf").await;
    send(&service, "ada", "ada", 500).await;
    send(&service, "grace", "grace", 20).await;
    // A person's own events, and those that were refused, are about them too.
    let ada = within(bundle.shopper("ada"), "t_greenleaf", "saas");
    assert_eq!(ada.post(INGEST, event("pageview")).await.status, 200);
    let refused = ada.post(INGEST, event("a b")).await.body;
    let unread = |text: &str| {
        let body = Some(("application/json", text.to_owned().into()));
        let service = service.clone();
        async move { service.send(http::Method::POST, INGEST, body).await.unwrap().body }
    };
    let unread_of_ada = unread("{\"user_id\": \"ada\"").await;
    let unread_of_adam = unread("{\"user_id\": \"adam\"").await;
    let coming = service.clone();
    let coming = tokio::spawn(async move {
        for n in 0..10 {
            send(&coming, &format!("new-{n}"), "ada", 7).await;
        }
    });
    let (mut deleted, mut cursor, mut calls, mut receipts) = (0, None::<String>, 0, vec![]);
    loop {
        let erased = erase(&keeper, "ada", cursor.as_deref()).await;
        assert_eq!(erased.status, 200, "{}", erased.body);
        calls += 1;
        deleted += erased.body["deleted"].as_u64().unwrap();
        receipts.push(erased.body["receipt_id"].as_str().unwrap().to_owned());
        cursor = erased.body["cursor"].as_str().map(ToOwned::to_owned);
        assert_eq!(cursor.is_none(), erased.body["complete"] == true, "{}", erased.body);
        if cursor.is_none() {
            break;
        }
    }
    coming.await.unwrap();
    let last = erase(&keeper, "ada", None).await;
    assert_eq!(last.body["complete"], true);
    deleted += last.body["deleted"].as_u64().unwrap();
    assert_eq!(deleted, 500 + 1 + 2 + 70, "{calls} calls");
    assert!(receipts.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!((left(&service, "ada").await, left(&service, "grace").await), (0, 20));
    let failed = |one: &Value| format!("/analytics/failed/{}", one["failed_id"].as_str().unwrap());
    for (one, status) in [(&refused, 404), (&unread_of_ada, 404), (&unread_of_adam, 200)] {
        assert_eq!(keeper.get(&failed(one)).await.status, status, "{one}");
    }
    assert_eq!(erase(&keeper, "nobody", None).await.body["deleted"], 0);
    for bad in ["", "a%00b", &"x".repeat(129)] {
        assert_problem(&erase(&keeper, bad, None).await, 400, "http.bad_request");
    }
    assert_problem(&keeper.delete(ERASE).await, 400, "http.bad_query");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_behind_a_pass_goes_too() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    route(&bundle, "t_greenleaf").await;
    let (service, keeper) = (service(&bundle), keeper(&bundle, "t_greenleaf").await);
    send(&service, "ada", "ada", 300).await;
    // The pass has begun with the oldest events; one that is older yet comes in meanwhile.
    faults.on("DeleteItem").by("ingest").touching("#EVENT").nth(150).delay(std::time::Duration::from_secs(2));
    let late = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let old = json!({"event_type": "a", "payload": {}, "user_id": "ada", "timestamp": "2020-01-01T00:00:00Z"});
        assert_eq!(service.post(INGEST, old).await.status, 200);
    };
    let (erased, ()) = tokio::join!(erase(&keeper, "ada", None), late);
    assert_eq!((&erased.body["complete"], &erased.body["deleted"]), (&json!(true), &json!(301)), "{}", erased.body);
    let page = service.get(&format!("{QUERY}?user_id=ada&start_time=2019-01-01T00:00:00Z")).await;
    assert!(ids(&page).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_call_can_delete_goes_on_with_the_cursor_or_without_after_a_crash() {
    let (bundle, service) = started().await;
    let keeper = keeper(&bundle, "t_greenleaf").await;
    send(&service, "ada", "ada", 2_300).await;
    let first = erase(&keeper, "ada", None).await;
    assert_eq!((&first.body["deleted"], &first.body["complete"]), (&json!(2_000), &json!(false)), "{}", first.body);
    assert_eq!(left(&service, "ada").await, 300, "what is deleted is found no more, and nothing else is gone");
    let receipt = format!("/analytics/erasures/{}", first.body["receipt_id"].as_str().unwrap());
    let told = keeper.get(&receipt).await.body;
    assert_eq!(
        (&told["complete"], &told["events"], told["log"].as_array().unwrap().len()),
        (&json!(false), &json!(2_000), 1)
    );
    // The cursor is of this tenant and this person.
    let cursor = first.body["cursor"].as_str().unwrap();
    assert_problem(&erase(&keeper, "grace", Some(cursor)).await, 400, "http.bad_cursor");
    assert_problem(&erase(&keeper, "ada", Some("x")).await, 400, "http.bad_cursor");
    route(&bundle, "t_corner").await;
    let corner = super::erased::keeper(&bundle, "t_corner").await;
    assert_problem(&erase(&corner, "ada", Some(cursor)).await, 400, "http.bad_cursor");
    assert_problem(&corner.get(&receipt).await, 404, "analytics.erasure_not_found");
    // Whoever has lost the cursor goes on with the same receipt.
    let second = erase(&keeper, "ada", None).await;
    assert_eq!(second.body["receipt_id"], first.body["receipt_id"]);
    assert_eq!(
        (&second.body["deleted"], &second.body["deleted_in_all"]),
        (&json!(300), &json!(2_300)),
        "{}",
        second.body
    );
    assert_eq!((&second.body["complete"], &second.body["deleted_is_exact"]), (&json!(true), &json!(true)));
    // And whoever has not, and comes late, is told what is.
    let late = erase(&keeper, "ada", Some(cursor)).await;
    assert_eq!((&late.body["deleted"], &late.body["deleted_in_all"]), (&json!(0), &json!(2_300)), "{}", late.body);
    assert_eq!((left(&service, "ada").await, &late.body["complete"]), (0, &json!(true)));
    let anew = erase(&keeper, "ada", None).await.body;
    assert_eq!(anew["complete"], true, "{anew}");
    assert_ne!(anew["receipt_id"], first.body["receipt_id"], "that one is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_names_nobody_and_leads_to_what_the_log_proves() {
    let (bundle, service) = started().await;
    let keeper = keeper(&bundle, "t_greenleaf").await;
    send(&service, "x", "ada@example.com", 3).await;
    let erased = erase(&keeper, "ada%40example.com", None).await;
    assert_eq!((&erased.body["deleted"], &erased.body["complete"]), (&json!(3), &json!(true)), "{}", erased.body);
    let receipt = format!("/analytics/erasures/{}", erased.body["receipt_id"].as_str().unwrap());
    let told = keeper.get(&receipt).await;
    assert_eq!(told.status, 200, "{}", told.body);
    let told = told.body;
    assert_eq!(
        (&told["by"], &told["events"], &told["complete"]),
        (&json!("eraser"), &json!(3), &json!(true)),
        "{told}"
    );
    let digest = shared::digest::Digest::of(b"t_greenleaf\0ada@example.com").to_string();
    assert_eq!(told["person"], digest);
    assert!(!told.to_string().contains("example.com"));
    // The places are those of the log, whose leaves name the receipt.
    let scope = tests::audit::scope("t_greenleaf");
    let table = shared::table::Table::new(bundle.aws(), &bundle.template().tables[0].name);
    let log = shared::audit::Audit::new(table, bundle.clock().clone()).of(&scope);
    let kinds = ["analytics.erasure_begun", "analytics.erased"];
    for (entry, kind) in told["log"].as_array().unwrap().iter().zip(kinds) {
        let seq = entry["audit_seq"].as_u64().unwrap_or_else(|| panic!("{told}"));
        let leaf = scope.act(log.leaf(seq)).await.unwrap().unwrap().parsed().unwrap();
        assert_eq!((leaf.kind.as_str(), leaf.of.as_deref()), (kind, erased.body["receipt_id"].as_str()));
        assert_eq!(entry["kind"], kind);
        let text = scope.act(log.texts(seq, 1)).await.unwrap().rows.remove(0).1.text;
        assert!(!text.contains("example.com") && text.contains(&digest), "{text}");
        if kind == "analytics.erased" {
            let detail: Value = serde_json::from_str(&text).unwrap();
            let stores = json!([{"backend_type": "dynamodb", "place": bundle.template().tables[1].name}]);
            let told = json!({"events": 3, "refused_events": 0, "exact": true, "complete": true, "stores": stores});
            assert_eq!(detail["detail"], told);
        }
    }
    // A signed head covers them.
    bundle.clock().advance(SignedDuration::from_secs(60));
    let report = bundle.run_schedule("audit-checkpoint").await.unwrap();
    assert!(serde_json::from_str::<Value>(&report).is_ok(), "{report}");
    // The texts can be erased like others: then the receipt says so, and the leaves stay.
    let person = shared::ids::PersonId::from_subject(&digest).unwrap();
    let by = shared::audit::Actor::Job("test".to_owned());
    assert_eq!(scope.act(log.erase(&person, &by)).await.unwrap().places.len(), 2);
    bundle.clock().advance(SignedDuration::from_mins(2));
    let told = keeper.get(&receipt).await.body;
    assert!(told["log"].as_array().unwrap().iter().all(|entry| entry["audit_erased"] == true), "{told}");
    let reader = within(bundle.administrator("reader", "admin:read").await, "t_greenleaf", "saas");
    assert_eq!(reader.get(&receipt).await.status, 200);
    assert_problem(&erase(&reader, "ada", None).await, 403, "admin.insufficient_scope");
    for who in [&service, &within(bundle.shopper("ada"), "t_greenleaf", "saas")] {
        assert_problem(&who.get(&receipt).await, 403, "admin.insufficient_scope");
        assert_problem(&erase(who, "ada", None).await, 403, "admin.insufficient_scope");
    }
    for odd in ["ers_none", "OPEN%23x", &format!("OPEN%23{digest}")] {
        let none = keeper.get(&format!("/analytics/erasures/{odd}")).await;
        assert_problem(&none, 404, "analytics.erasure_not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_route_nothing_is_said_to_be_erased() {
    let options = Options::for_tests().variable("ALLOW_LAB_MODE", "true").variable("LAB_TENANTS", "t_greenleaf");
    let bundle = Bundle::start_with(options).await;
    let keeper = keeper(&bundle, "t_greenleaf").await;
    for mode in ["saas", "lab"] {
        let refused = erase(&within(keeper.clone(), "t_greenleaf", mode), "ada", None).await;
        assert_problem(&refused, 503, "analytics_store.missing_route");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_in_the_middle_is_told_and_no_erasure_is_complete_before_all_is_gone() {
    let rules: [(&str, &str, u64); 8] = [
        ("DeleteItem", "#EVENT", 40),
        ("DeleteItem", "#EVENT", 90),
        ("Query", "#EVENT", 9),
        ("Query", "#FAILED", 1),
        ("TransactWriteItems", "#ERASURES", 1),
        ("TransactWriteItems", "#ERASURES", 2),
        ("UpdateItem", "#ERASURES", 1),
        ("UpdateItem", "AUDITSEQ", 2),
    ];
    // Each on a bundle of its own, since an erasure takes some seconds.
    futures::future::join_all(rules.map(fails_in_the_middle)).await;
}

async fn fails_in_the_middle((operation, touching, nth): (&str, &str, u64)) {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    route(&bundle, "t_greenleaf").await;
    let (service, keeper) = (service(&bundle), keeper(&bundle, "t_greenleaf").await);
    for what in ["lose", "reset", "fail"] {
        let person = format!("p-{what}");
        send(&service, &person, &person, 100).await;
        // So many tries as the client makes by itself.
        for nth in nth..nth + 4 {
            let rule = faults.on(operation).by("ingest").touching(touching).nth(nth);
            match what {
                "lose" => rule.lose_reply(),
                "reset" => rule.reset(),
                _ => rule.fail(),
            };
        }
        let told = format!("{operation} {touching} {nth} {what}");
        let first = erase(&keeper, &person, None).await;
        assert!(matches!(first.status, 200 | 500 | 503), "{told}: {}", first.body);
        faults.clear();
        let complete = first.body["complete"] == true;
        let open = first.body["cursor"].is_string();
        assert!(if first.status == 200 { complete != open } else { !complete }, "{told}: {}", first.body);
        if complete {
            assert_eq!(left(&service, &person).await, 0, "{told}");
        }
        let again = erase(&keeper, &person, None).await;
        assert_eq!(again.body["complete"], true, "{told}: {}", again.body);
        assert_eq!(left(&service, &person).await, 0, "{told}");
        if first.body["receipt_id"].is_string() && !complete {
            assert_eq!(again.body["receipt_id"], first.body["receipt_id"], "{told}");
            let (all, exact) = (again.body["deleted_in_all"].as_u64().unwrap(), again.body["deleted_is_exact"] == true);
            // A deletion whose reply was lost is one that nobody counted.
            assert!(all == 100 || all < 100 && !exact, "{told}: {}", again.body);
        }
    }
}
