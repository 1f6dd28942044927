//! The staff's queue, and the numbers that can be published.

use super::{
    super::notices::{put, rows},
    *,
};
use aws_sdk_dynamodb::types::AttributeValue;
use std::future::Future;
use tests::faults::Faults;

fn names(page: &Response) -> Vec<&str> {
    assert_eq!(page.status, 200, "{}", page.body);
    page.body["appeals"].as_array().unwrap().iter().map(|appeal| appeal["appeal_id"].as_str().unwrap()).collect()
}

/// Has somebody appeal, a minute after whatever was before.
async fn next(bundle: &Bundle, person: &str, category: &str) -> String {
    bundle.clock().advance(SignedDuration::from_mins(1));
    let notice = tell(&service(bundle), person, category).await;
    click(&bundle.shopper(person), &notice).await.body["appeal_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_shows_who_waits_longest_first_and_what_is_overdue() {
    let bundle = Bundle::start().await;
    let (rhea, sol) = (reviewer(&bundle, "rhea").await, reviewer(&bundle, "sol").await);
    let mut opened = Vec::new();
    for person in ["ada", "bea", "cyd", "dan", "eve"] {
        opened.push(next(&bundle, person, "account_warning").await);
    }
    let other = next(&bundle, "fay", "content_violation").await;
    review(&rhea, &opened[2]).await;
    settle(&rhea, &opened[1], "upheld").await;
    // Reopened last, it waits the shortest.
    bundle.clock().advance(SignedDuration::from_mins(1));
    assert_eq!(reopen(&sol, &opened[1]).await.status, 200);
    let order = [&opened[0], &opened[2], &opened[3], &opened[4], &other, &opened[1]];
    let whole = rhea.get(STAFF).await;
    assert_eq!(names(&whole), order, "{}", whole.body);
    assert_eq!((&whole.body["overdue"], &whole.body["appeals"][0]["userId"]), (&json!(0), &json!("ada")));
    assert_eq!(whole.body["appeals"][1]["reviewer"], "rhea");
    for limit in 1..=4 {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = rhea.get(&format!("{STAFF}?limit={limit}{cursor}")).await;
            seen.extend(names(&page).into_iter().map(str::to_owned));
            let Some(next) = page.body["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert!(seen.iter().eq(order), "by {limit}: {seen:?}");
    }
    assert_eq!(names(&rhea.get(&format!("{STAFF}?state=in_review")).await), [&opened[2]]);
    assert_eq!(names(&rhea.get(&format!("{STAFF}?category=content_violation")).await), [&other]);
    // The first was submitted seven minutes ago.
    bundle.clock().advance(hours(72) - SignedDuration::from_mins(6));
    assert_eq!(rhea.get(STAFF).await.body["overdue"], 0, "the last moment is in time");
    bundle.clock().advance(SignedDuration::from_micros(1));
    let late = rhea.get(&format!("{STAFF}?age=overdue")).await;
    assert_eq!((names(&late), &late.body["overdue"]), (vec![opened[0].as_str()], &json!(1)));
    assert_eq!(
        (&late.body["appeals"][0]["overdue"], &late.body["appeals"][0]["age_seconds"]),
        (&json!(true), &json!(259_200))
    );
    assert_eq!(names(&rhea.get(&format!("{STAFF}?age=71")).await).len(), 6);
    for bad in ["?state=x", "?age=x", "?cursor=x"] {
        assert_eq!(rhea.get(&format!("{STAFF}{bad}")).await.status, 400, "{bad}");
    }
    assert_problem(&rhea.get(&format!("{STAFF}?category=x")).await, 400, "notification.bad_category");
    for limit in ["0", "1001", "x"] {
        assert_problem(&rhea.get(&format!("{STAFF}?limit={limit}")).await, 400, "http.bad_query");
        assert_problem(&bundle.shopper("ada").get(&format!("{OWN}?limit={limit}")).await, 400, "http.bad_query");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rare_is_found_by_few_calls_and_the_next_page_begins_after_it() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    let like = appealed(&bundle, "content_violation").await;
    copy(&bundle, &like, 0..300).await;
    let (ada, rhea) = (bundle.shopper("ada"), reviewer(&bundle, "rhea").await);
    let mut rare = Vec::new();
    for _ in 0..2 {
        bundle.clock().advance(hours(12));
        rare.push(appealed(&bundle, "account_warning").await);
    }
    let queue = few_calls(&faults, &rhea, &format!("{STAFF}?limit=1&category=account_warning")).await;
    assert_eq!(queue, rare);
    for appeal in &rare {
        ada.patch(&own(appeal), json!({"state": "withdrawn"})).await.success().unwrap();
    }
    rare.reverse();
    assert_eq!(few_calls(&faults, &ada, &format!("{OWN}?limit=1&state=withdrawn")).await, rare);
}

/// Writes copies of one of ada's appeals that nobody has taken up: newer by their names, and as old in the queue.
async fn copy(bundle: &Bundle, appeal: &str, numbers: std::ops::Range<usize>) {
    let like = rows(bundle).await.into_iter().find(|row| row["sk"].as_s().is_ok_and(|sk| sk == appeal)).unwrap();
    let opened = like["appeals_by_state"].as_s().unwrap().split('#').nth(1).unwrap().to_owned();
    let copy = |n: usize| {
        let id = format!("apl_{}{n:07}", "z".repeat(19));
        let text = |text: String| AttributeValue::S(text);
        let mut row = like.clone();
        row.extend(["sk", "id"].map(|name| (name.to_owned(), text(id.clone()))));
        row.insert("appeals_by_person".to_owned(), text(format!("ada#{id}")));
        row.insert("appeals_by_state".to_owned(), text(format!("submitted#{opened}#{id}")));
        row
    };
    put(bundle, numbers.map(copy).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_overdue_is_counted_by_few_calls_up_to_a_thousand_of_a_state() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    let appeal = appealed(&bundle, "content_violation").await;
    let rhea = reviewer(&bundle, "rhea").await;
    let counted = async || {
        let mark = faults.mark();
        let page = rhea.get(&format!("{STAFF}?limit=1&state=in_review")).await.success().unwrap().body;
        // One of the list, and those of the two states.
        assert!((3..=4).contains(&faults.since(mark).of("Query").len()), "{:#?}", faults.since(mark));
        (page["overdue"].as_u64().unwrap(), page["overdue_at_least"].as_bool().unwrap())
    };
    copy(&bundle, &appeal, 0..998).await;
    bundle.clock().advance(hours(72));
    assert_eq!(counted().await, (0, false), "the last moment is in time");
    bundle.clock().advance(SignedDuration::from_micros(1));
    assert_eq!(counted().await, (999, false));
    copy(&bundle, &appeal, 998..1_200).await;
    assert_eq!(counted().await, (1_000, true));
    assert_eq!(review(&rhea, &appeal).await.status, 200);
    assert_eq!(counted().await, (1_001, true), "those in review come to them");
}

/// What a list of two shows on two pages, each read by few calls.
async fn few_calls(faults: &Faults, client: &Client, list: &str) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for page in 1..=2 {
        let mark = faults.mark();
        let read = client.get(&format!("{list}{cursor}")).await;
        found.extend(names(&read).into_iter().map(str::to_owned));
        let log = faults.since(mark);
        let calls = log.of("Query").len() + log.of("BatchGetItem").len();
        assert!((1..=18).contains(&calls), "{calls} calls for {list}: {log:#?}");
        let next = read.body["next_cursor"].as_str();
        assert!(page == 2 || next.is_some(), "{list}: {}", read.body);
        cursor = next.map(|next| format!("&cursor={next}")).unwrap_or_default();
    }
    found
}

/// Does something from within a store's door, which does not wait by itself.
fn meanwhile(deed: impl Future<Output = ()>) {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(deed));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appeal_that_is_taken_up_while_the_queue_is_read_stays_in_it_once() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    let (rhea, sol) = (reviewer(&bundle, "rhea").await, reviewer(&bundle, "sol").await);
    let mut opened = Vec::new();
    for person in ["ada", "bea", "cyd"] {
        opened.push(next(&bundle, person, "account_warning").await);
    }
    // Between the reading of the index and of the rows, and between the readings of the two states.
    for (operation, nth, taken) in [("BatchGetItem", 1, 1), ("Query", 2, 0)] {
        let (sol, appeal) = (sol.clone(), opened[taken].clone());
        faults.clear().on(operation).by("appeals").nth(nth).before(move || {
            meanwhile(async { assert_eq!(review(&sol, &appeal).await.status, 200) });
        });
        let page = rhea.get(STAFF).await;
        assert_eq!(names(&page), opened, "{operation}");
        assert_eq!(page.body["appeals"][taken]["state"], "in_review", "{operation}");
    }
    // Of those in review alone, what was decided meanwhile is none.
    let settled = opened[0].clone();
    faults.clear().on("BatchGetItem").by("appeals").once().before(move || {
        meanwhile(async { assert_eq!(decide(&sol, &settled, "upheld").await.status, 200) });
    });
    assert_eq!(names(&rhea.get(&format!("{STAFF}?state=in_review")).await), [&opened[1]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appeal_that_is_decided_again_while_it_is_counted_counts_once() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    let (rhea, sol) = (reviewer(&bundle, "rhea").await, reviewer(&bundle, "sol").await);
    let appeal = next(&bundle, "ada", "account_warning").await;
    settle(&rhea, &appeal, "upheld").await;
    let clock = bundle.clock().clone();
    clock.advance(SignedDuration::from_mins(1));
    let to = clock.now() + hours(1);
    // The decisions that stood are read first of all, then those that did not.
    faults.on("Query").by("appeals").nth(2).before(move || {
        meanwhile(async {
            assert_eq!(reopen(&rhea, &appeal).await.status, 200);
            settle(&sol, &appeal, "overturned").await;
        });
    });
    let reader = reviewer(&bundle, "reader").await;
    let stats = reader.get(&format!("{STAFF}/stats?to={to}")).await.success().unwrap().body;
    let outcomes = json!({"upheld": 0, "overturned": 1, "partially_overturned": 0});
    assert_eq!((&stats["decided"], &stats["by_outcome"]), (&json!(1), &outcomes), "{stats}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_are_those_of_what_was_decided_in_the_time_asked_for() {
    let bundle = Bundle::start().await;
    let rhea = reviewer(&bundle, "rhea").await;
    let begin = bundle.clock().now();
    let plan =
        [("ada", "upheld", 10), ("bea", "upheld", 20), ("cyd", "overturned", 30), ("dan", "partially_overturned", 60)];
    for (person, outcome, minutes) in plan {
        let appeal = next(&bundle, person, "account_warning").await;
        bundle.clock().advance(SignedDuration::from_mins(minutes));
        settle(&rhea, &appeal, outcome).await;
    }
    let taken_back = next(&bundle, "eve", "account_warning").await;
    bundle.shopper("eve").patch(&own(&taken_back), json!({"state": "withdrawn"})).await.success().unwrap();
    next(&bundle, "fay", "content_violation").await;
    bundle.clock().advance(SignedDuration::from_mins(1));
    let stats = rhea.get(&format!("{STAFF}/stats")).await.success().unwrap().body;
    assert_eq!(stats["decided"], 4, "{stats}");
    let outcomes = json!({"upheld": 2, "overturned": 1, "partially_overturned": 1});
    assert_eq!((&stats["by_outcome"], &stats["by_category"]), (&outcomes, &json!({"account_warning": outcomes})));
    assert_eq!((&stats["withdrawn"], &stats["open"]), (&json!(1), &json!({"submitted": 1, "in_review": 0})));
    assert_eq!(stats["time_to_decision"], json!({"median_seconds": 25 * 60, "p90_seconds": 60 * 60}));
    assert_eq!(stats["truncated"], false);
    // The first was decided eleven minutes after the beginning, the second at thirty-two.
    let of = |from: i64, to: i64| {
        let at = |minutes| begin + SignedDuration::from_mins(minutes);
        format!("{STAFF}/stats?from={}&to={}", at(from), at(to))
    };
    for ((from, to), decided) in [((0, 11), 0), ((0, 12), 1), ((11, 32), 1), ((12, 33), 1), ((0, 1_000), 4)] {
        assert_eq!(rhea.get(&of(from, to)).await.body["decided"], decided, "{from} to {to}");
    }
    assert_problem(&rhea.get(&of(5, 5)).await, 400, "http.bad_request");
}
