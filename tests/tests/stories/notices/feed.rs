//! A person's feed: reading, marking, putting away, and nobody else's.

use super::*;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use tests::faults::Faults;

/// Tells a person of something in each category, an hour apart; the ids, oldest first.
async fn four(bundle: &Bundle, person: &str) -> Vec<String> {
    let service = service(bundle);
    let mut told = Vec::new();
    for category in ["content_violation", "account_warning", "temporary_restriction", "appeal_update"] {
        told.push(tell(&service, person, category).await);
        bundle.clock().advance(hours(1));
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_read_unread_and_put_away() {
    let bundle = Bundle::start().await;
    let grace = bundle.shopper("grace");
    let id = tell(&service(&bundle), "grace", "account_warning").await;
    bundle.clock().advance(hours(1));
    let read = grace.patch(&one(&id), json!({"read": true})).await;
    assert_eq!(read.status, 200, "{}", read.body);
    let at = "2026-11-10T16:00:00Z";
    assert_eq!(
        [&read.body["read"], &read.body["read_at"], &read.body["updated_at"]],
        [&json!(true), &json!(at), &json!(at)]
    );
    bundle.clock().advance(hours(1));
    let again = grace.patch(&one(&id), json!({"read": true})).await;
    assert_eq!(again.body, read.body, "what is so already changes nothing");
    let unread = grace.patch(&one(&id), json!({"read": false})).await.body;
    assert!(unread["read"] == false && unread.get("read_at").is_none(), "{unread}");
    assert_eq!(unread["updated_at"], "2026-11-10T17:00:00Z");
    assert_eq!(grace.get(&format!("{ALL}/unread-count")).await.body, json!({"count": 1, "at_least": false}));
    assert_eq!(grace.delete(&one(&id)).await.status, 204);
    for gone in
        [grace.get(&one(&id)).await, grace.delete(&one(&id)).await, grace.patch(&one(&id), json!({"read": true})).await]
    {
        assert_problem(&gone, 404, "notification.not_found");
    }
    let page = grace.get(ALL).await;
    assert_eq!((ids(&page), &page.body["unread_count"]), (vec![], &json!(0)));
    assert_eq!(count(&bundle, "NOTICE#grace", "").await, 1, "it is put away and not lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_newest_first_and_hold_what_was_asked_for() {
    let bundle = Bundle::start().await;
    let told = four(&bundle, "grace").await;
    let grace = bundle.shopper("grace");
    let newest: Vec<&str> = told.iter().rev().map(String::as_str).collect();
    assert_eq!(ids(&grace.get(ALL).await), newest);
    grace.patch(&one(&told[1]), json!({"read": true})).await;
    assert_eq!(ids(&grace.get(&format!("{ALL}?unread=true")).await), [&told[3], &told[2], &told[0]]);
    assert_eq!(ids(&grace.get(&format!("{ALL}?unread=false")).await), [&told[1]]);
    let of = |query: &str| format!("{ALL}?category=account_warning{query}");
    assert_eq!(ids(&grace.get(&of("")).await), [&told[1]]);
    assert_eq!(ids(&grace.get(&of("&unread=false")).await), [&told[1]]);
    assert!(ids(&grace.get(&of("&unread=true")).await).is_empty());
    assert_problem(&grace.get(&format!("{ALL}?category=bans")).await, 400, "notification.bad_category");
    let marked = grace.post(&format!("{ALL}/read-all"), json!({"category": "bans"})).await;
    assert_problem(&marked, 400, "notification.bad_category");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_is_read_to_its_end_by_pages_and_its_cursor_is_good_for_it_alone() {
    let bundle = Bundle::start().await;
    for _ in 0..3 {
        four(&bundle, "grace").await;
        bundle.clock().advance(hours(9));
    }
    let grace = bundle.shopper("grace");
    for query in ["", "&unread=true", "&category=account_warning", "&unread=true&category=account_warning"] {
        let whole = grace.get(&format!("{ALL}?limit=100{query}")).await;
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = grace.get(&format!("{ALL}?limit=2{query}{cursor}")).await;
            found.extend(ids(&page).iter().map(|id| (*id).to_owned()));
            let Some(next) = page.body["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, ids(&whole), "{query}");
        if query == "&unread=true" {
            let foreign = |client: &Client, list: &str| {
                let path = format!("{ALL}?limit=2{list}{cursor}");
                let client = client.clone();
                async move { client.get(&path).await.status }
            };
            assert_eq!(foreign(&grace, "").await, 400, "another list");
            assert_eq!(foreign(&bundle.shopper("ada"), query).await, 400, "another person");
            let stranger = bundle.person(Claims::of("grace").tenant("t_corner"));
            assert_eq!(foreign(&stranger, query).await, 400, "another tenant");
        }
    }
    for limit in ["0", "1001", "x", "-1"] {
        assert_problem(&grace.get(&format!("{ALL}?limit={limit}")).await, 400, "http.bad_query");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_are_marked_read_at_once_or_those_that_are_named() {
    let bundle = Bundle::start().await;
    let told = four(&bundle, "grace").await;
    let grace = bundle.shopper("grace");
    let nobodys = "ntf_00000000000000000000000000";
    let named = grace.post(&format!("{ALL}/mark-read"), json!({"ids": [told[0], nobodys, "x"]})).await;
    assert_eq!((named.status, &named.body), (200, &json!({"updated": 1, "missing": [nobodys, "x"]})));
    let category = grace.post(&format!("{ALL}/read-all"), json!({"category": "account_warning"})).await;
    assert_eq!(category.body, json!({"updated": 1, "more": false}), "{}", category.body);
    assert_eq!(grace.post(&format!("{ALL}/read-all"), json!({})).await.body["updated"], 2);
    assert_eq!(grace.post(&format!("{ALL}/read-all"), json!({})).await.body["updated"], 0);
    assert_eq!(grace.get(ALL).await.body["unread_count"], 0);
    for ids in [json!([]), json!(vec!["x"; 101])] {
        assert_problem(&grace.post(&format!("{ALL}/mark-read"), json!({"ids": ids})).await, 400, "http.bad_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_mark_all_at_once_each_counts_its_own() {
    let bundle = Bundle::start().await;
    four(&bundle, "grace").await;
    let theirs = (bundle.shopper("grace"), json!({}));
    let for_them = (bundle.administrator("writer", "admin:write").await, json!({"userId": "grace"}));
    let marks = [&theirs, &for_them].repeat(4).into_iter().map(|(client, body)| async move {
        client.post(&format!("{ALL}/read-all"), body.clone()).await.success().unwrap().body["updated"].as_u64()
    });
    let counted: Vec<_> = join_all(marks).await;
    assert_eq!(counted.iter().flatten().sum::<u64>(), 4, "{counted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_persons_notice_is_told_apart_from_none_by_nothing() {
    let bundle = Bundle::start().await;
    let id = tell(&service(&bundle), "grace", "account_warning").await;
    let ada = bundle.shopper("ada").with_header("x-request-id", "probe").with_header("traceparent", TRACE);
    let elsewhere = bundle.person(Claims::of("grace").tenant("t_corner"));
    let elsewhere = elsewhere.with_header("x-request-id", "probe").with_header("traceparent", TRACE);
    for client in [ada, elsewhere] {
        let mut told = Vec::new();
        for id in [id.as_str(), "ntf_00000000000000000000000000", "ntf_x", "x", "ntf_%00", "%C3%BC"] {
            for response in [
                client.get(&one(id)).await,
                client.patch(&one(id), json!({"read": true})).await,
                client.delete(&one(id)).await,
            ] {
                assert_problem(&response, 404, "notification.not_found");
                told.push(response.body);
            }
        }
        assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    }
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

#[tokio::test(flavor = "multi_thread")]
async fn who_acts_for_whom_is_said_by_their_scopes_and_written_down() {
    let bundle = Bundle::start().await;
    let id = tell(&service(&bundle), "grace", "account_warning").await;
    let people = [
        ("nobody", bundle.shopper("ada"), false, false),
        ("a service", service(&bundle), false, false),
        ("a reader", bundle.administrator("reader", "admin:read").await, true, false),
        ("a writer", bundle.administrator("writer", "admin:write").await, true, true),
    ];
    for (name, client, reads, writes) in people {
        for path in [ALL.to_owned(), one(&id), format!("{ALL}/unread-count")] {
            let read = client.get(&format!("{path}?userId=grace")).await;
            match reads {
                true => assert_eq!(read.status, 200, "{name} {path}: {}", read.body),
                false => assert_problem(&read, 403, "identity.user_mismatch"),
            }
        }
        let (unread, read) = (json!({"userId": "grace", "read": false}), json!({"userId": "grace", "read": true}));
        for (verb, path, body, entries) in [
            ("patch", one(&id), &read, 1),
            ("patch", one(&id), &read, 0),
            ("patch", one(&id), &unread, 1),
            ("post", format!("{ALL}/read-all"), &json!({"userId": "grace"}), 1),
            ("patch", one(&id), &unread, 1),
            ("post", format!("{ALL}/mark-read"), &json!({"userId": "grace", "ids": [id]}), 1),
        ] {
            let before = entered(&bundle).await;
            let changed = match verb {
                "patch" => client.patch(&path, body.clone()).await,
                _ => client.post(&path, body.clone()).await,
            };
            match writes {
                true => assert_eq!(changed.status, 200, "{name}: {}", changed.body),
                false => assert_problem(&changed, 403, "identity.user_mismatch"),
            }
            let written = entered(&bundle).await - before;
            assert_eq!(written, if writes { entries } else { 0 }, "{name} {verb} {path} {body}");
        }
    }
    let (grace, before) = (bundle.shopper("grace"), entered(&bundle).await);
    assert_eq!(grace.get(&format!("{}?userId=grace", one(&id))).await.status, 200, "one may name oneself");
    assert_eq!(grace.patch(&one(&id), json!({"userId": "grace", "read": false})).await.status, 200);
    assert_eq!(entered(&bundle).await, before, "what one does with one's own is one's own");
    let gone = bundle.administrator("writer", "admin:write").await.delete(&format!("{}?userId=grace", one(&id))).await;
    assert_eq!((gone.status, entered(&bundle).await), (204, before + 1), "{}", gone.body);
}

/// How many entries the audit log has.
async fn entered(bundle: &Bundle) -> usize {
    let leaves = format!("T#{}#AUDIT", local::seed::TENANT);
    rows(bundle).await.iter().filter(|row| row["pk"].as_s().is_ok_and(|pk| *pk == leaves)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rare_is_found_by_few_calls_and_the_next_page_begins_after_it() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    let first = tell(&service(&bundle), "grace", "account_warning").await;
    bundle.clock().advance(hours(12));
    let second = tell(&service(&bundle), "grace", "account_warning").await;
    let like = tell(&service(&bundle), "grace", "content_violation").await;
    let grace = bundle.shopper("grace");
    grace.post(&format!("{ALL}/read-all"), json!({})).await.success().unwrap();
    let like = rows(&bundle).await.into_iter().find(|row| row["sk"].as_s().is_ok_and(|sk| *sk == like)).unwrap();
    let copy = |n: usize| {
        let id = format!("ntf_{}{n:07}", "z".repeat(19));
        let mut row = like.clone();
        row.insert("user_status_created".to_owned(), AttributeValue::S(format!("read#{id}")));
        row.extend(["sk", "id"].map(|name| (name.to_owned(), AttributeValue::S(id.clone()))));
        row
    };
    put(&bundle, (0..300).map(copy).collect()).await;
    for (query, most) in [("", 8), ("&unread=false", 14)] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        for _ in 0..2 {
            let mark = faults.mark();
            let page = grace.get(&format!("{ALL}?limit=1&category=account_warning{query}{cursor}")).await;
            found.extend(ids(&page).into_iter().map(str::to_owned));
            let log = faults.since(mark);
            let calls = log.of("Query").len() + log.of("BatchGetItem").len();
            assert!((1..=most).contains(&calls), "{calls} calls for {query:?}: {log:#?}");
            let next = page.body["next_cursor"].as_str();
            assert!(next.is_some() || found.len() == 2, "{query:?}");
            cursor = next.map(|next| format!("&cursor={next}")).unwrap_or_default();
        }
        assert_eq!(found, [second.as_str(), &first], "{query:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_list_reads_more_than_it_shows() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    four(&bundle, "grace").await;
    let whole = faults.mark();
    let grace = bundle.shopper("grace");
    for query in ["", "?unread=true", "?unread=true&category=account_warning", "?unread=false"] {
        let mark = faults.mark();
        assert_eq!(grace.get(&format!("{ALL}{query}")).await.status, 200);
        // The list and the count of what is unread; where an index is read, its rows besides.
        let log = faults.since(mark);
        assert_eq!(log.of("Query").len(), 2, "{query}: {log:#?}");
        assert!(log.of("BatchGetItem").len() <= 1, "{query}: {log:#?}");
    }
    let log = faults.since(whole);
    assert!(log.of("Scan").is_empty(), "{log:#?}");
    let indexes: std::collections::BTreeSet<_> = log.iter().filter_map(|call| call.index.as_deref()).collect();
    assert_eq!(indexes, ["unread_cat_created", "user_status_created"].into());
}
