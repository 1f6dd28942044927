//! The staff's queue, and the numbers that can be published.

use super::*;

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
    for bad in ["?state=x", "?age=x", "?category=x", "?limit=1001", "?cursor=x"] {
        assert_eq!(rhea.get(&format!("{STAFF}{bad}")).await.status, 400, "{bad}");
    }
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
