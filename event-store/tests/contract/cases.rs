//! The cases.

use super::*;
use event_store::{Aggregate, AggregateQuery, Deleted, Dimension, Exactness, Measure, aggregate};

fn names(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("req-{n}")).collect()
}

pub(crate) async fn an_event_comes_back_as_it_was_put(asked: &Asked<'_>) {
    let full = json!({
        "user_id": "a#b é", "run_id": "run-1", "step_id": "default", "session_id": "s-1", "utm_source": "mail", "utm_medium": "a",
        "utm_campaign": "b", "utm_content": "c", "utm_term": "d", "app": "shop", "surface": "home", "platform": "ios",
        "payload": {"deep": [[1, 2.5, null], {"x": "\u{0} \u{1f600} <b>"}], "big": 9007199254740993_i64, "": {}},
        "timestamp": "2026-03-01T12:00:00.000000001Z",
    });
    let put = event("full", 0, full);
    assert_eq!(asked.put([put.clone()]).await, [PutOutcome::Stored]);
    let found = asked.get("full").await.unwrap();
    let json = |event: &Event| serde_json::to_value(event).unwrap();
    assert_eq!(json(&found), json(&put));
    let page = asked.page(&day(), 10, None).await;
    assert_eq!((page.events.iter().map(json).collect::<Vec<_>>(), page.next), (vec![json(&put)], None));
}

pub(crate) async fn what_is_put_again_is_kept_once_and_another_of_its_name_not_at_all(asked: &Asked<'_>) {
    assert_eq!(asked.put([event("1", 0, json!({}))]).await, [PutOutcome::Stored]);
    // Another clock, the same event.
    let mut again = event("1", 0, json!({}));
    again.received_at += SignedDuration::from_secs(60);
    let mut other = again.clone();
    other.event_type = "click".to_owned();
    assert_eq!(asked.put([again, event("2", 1, json!({}))]).await, [PutOutcome::Duplicate, PutOutcome::Stored]);
    assert_eq!(asked.put([other]).await, [PutOutcome::Conflict]);
    assert_eq!(asked.all(&day(), 10).await, names([2, 1]));
    assert_eq!(asked.get("1").await.unwrap().event_type, "pageview");
}

pub(crate) async fn of_many_that_put_one_event_at_once_one_stores_it(asked: &Asked<'_>) {
    let puts = (0..32).map(|n| {
        let mut event = event("1", 0, json!({}));
        if n % 2 == 1 {
            event.event_type = "click".to_owned();
        }
        asked.put([event])
    });
    let outcomes = futures::future::join_all(puts).await.concat();
    let count = |outcome| outcomes.iter().filter(|found| **found == outcome).count();
    assert_eq!((count(PutOutcome::Stored), count(PutOutcome::Duplicate), count(PutOutcome::Conflict)), (1, 15, 16));
}

pub(crate) async fn pages_follow_each_other_in_either_order_without_a_gap(asked: &Asked<'_>) {
    let put = (0..250).map(|n| event(&n.to_string(), n / 7, json!({})));
    assert!(asked.put(put).await.iter().all(|outcome| *outcome == PutOutcome::Stored));
    let newest = asked.all(&day(), 1_000).await;
    assert_eq!(newest.len(), 250);
    for limit in [1, 7, 100, 249, 250] {
        assert_eq!(asked.all(&day(), limit).await, newest, "{limit}");
    }
    let oldest = EventQuery { order: Order::OldestFirst, ..day() };
    let mut turned = asked.all(&oldest, 9).await;
    turned.reverse();
    assert_eq!(turned, newest);
    let last = asked.page(&day(), 250, None).await;
    assert!(last.next.is_none(), "nothing comes after the last one");
}

pub(crate) async fn a_range_holds_its_first_moment_and_not_its_last(asked: &Asked<'_>) {
    asked.put((0..5).map(|n| event(&n.to_string(), n, json!({})))).await;
    let range = |from: i64, to: i64| {
        let at = |second| noon() + SignedDuration::from_secs(second);
        EventQuery { range: Range { from: at(from), to: at(to) }, ..day() }
    };
    assert_eq!(asked.all(&range(1, 3), 10).await, names([2, 1]));
    assert_eq!(asked.all(&range(4, 5), 10).await, names([4]));
    assert!(asked.all(&range(3, 3), 10).await.is_empty() && asked.all(&range(3, 1), 10).await.is_empty());
    assert_eq!(
        asked.all(&EventQuery { range: Range { from: Timestamp::MIN, to: Timestamp::MAX }, ..day() }, 2).await.len(),
        5
    );
}

pub(crate) async fn what_is_asked_for_has_all_that_is_asked(asked: &Asked<'_>) {
    let more = |n: usize| {
        let (user, session) = (["ada", "grace"][n % 2], ["s-1", "s-2", "s-3"][n % 3]);
        json!({"user_id": user, "session_id": session, "utm_source": if n < 20 { "mail" } else { "web" }, "app": "shop"})
    };
    asked.put((0..40).map(|n| event(&n.to_string(), n, more(n)))).await;
    asked.put([event("none", -1, json!({}))]).await;
    let query = |filters: Filters| EventQuery { filters, ..day() };
    let with = |dimensions: &[(Dimension, &str)]| Filters {
        dimensions: dimensions.iter().map(|(dimension, value)| (*dimension, (*value).to_owned())).collect(),
        ..Filters::default()
    };
    let mail = with(&[(Dimension::UtmSource, "mail")]);
    assert_eq!(asked.all(&query(mail.clone()), 3).await, names((0..20).rev()));
    let ada = Filters { user_id: Some("ada".to_owned()), ..mail.clone() };
    assert_eq!(asked.all(&query(ada.clone()), 3).await, names((0..20).rev().filter(|n| n % 2 == 0)));
    let session = Filters { session_id: Some("s-2".to_owned()), ..ada };
    assert_eq!(asked.all(&query(session), 100).await, names([16, 10, 4]));
    for nobody in [
        with(&[(Dimension::UtmSource, "")]),
        with(&[(Dimension::App, "Shop")]),
        with(&[(Dimension::EventType, "click")]),
        Filters { user_id: Some("ad".to_owned()), ..Filters::default() },
    ] {
        assert!(asked.all(&query(nobody), 10).await.is_empty());
    }
}

pub(crate) async fn what_is_deleted_is_found_no_more_and_can_be_put_again(asked: &Asked<'_>) {
    asked.put([event("1", 0, json!({})), event("2", 1, json!({}))]).await;
    let id = EventId::of("req-1", "default").unwrap();
    let delete = || asked.tenant.act(asked.store.delete(&asked.tenant, &id));
    assert_eq!(delete().await.unwrap(), Deleted::Gone);
    assert_eq!(asked.all(&day(), 10).await, names([2]));
    assert!(asked.get("1").await.is_none());
    assert_eq!(delete().await.unwrap(), Deleted::NotThere);
    assert_eq!(asked.put([event("1", 0, json!({"app": "other"}))]).await, [PutOutcome::Stored]);
    assert_eq!(asked.all(&day(), 10).await, names([2, 1]));
}

pub(crate) async fn one_tenant_sees_changes_and_deletes_nothing_of_another(asked: &Asked<'_>) {
    let other = Asked { store: asked.store, tenant: tenant("one_tenant_and_another") };
    asked.put([event("1", 0, json!({"user_id": "ada"}))]).await;
    assert_eq!(other.put([event("1", 0, json!({"app": "x"}))]).await, [PutOutcome::Stored], "names are a tenant's own");
    let id = EventId::of("req-1", "default").unwrap();
    assert_eq!(other.tenant.act(other.store.delete(&other.tenant, &id)).await.unwrap(), Deleted::Gone);
    assert!(other.get("1").await.is_none() && other.all(&day(), 10).await.is_empty());
    let ada = Filters { user_id: Some("ada".to_owned()), ..Filters::default() };
    assert!(other.all(&EventQuery { filters: ada, ..day() }, 10).await.is_empty());
    assert_eq!(asked.all(&day(), 10).await, names([1]));
}

pub(crate) async fn counting_is_by_what_events_have_and_says_where_it_ends(asked: &Asked<'_>) {
    let more = |n: usize| {
        let mut more = json!({"app": if n.is_multiple_of(2) { "shop" } else { "kiosk" }, "user_id": format!("u{}", n % 5), "payload": {"cart": {"sum": n}}});
        if !n.is_multiple_of(3) {
            more["utm_source"] = ["", "mail", "web"][n % 3].into();
        }
        more
    };
    asked.put((0..30).map(|n| event(&n.to_string(), n, more(n)))).await;
    let asked_for = |measure, group_by: &[Dimension], budget| AggregateQuery {
        range: day().range,
        filters: Filters::default(),
        measure,
        group_by: group_by.to_vec(),
        budget,
    };
    let count = async |query: &AggregateQuery| -> Aggregate {
        asked.tenant.act(aggregate::fold(asked.store, &asked.tenant, query)).await.unwrap()
    };
    let all = count(&asked_for(Measure::Events, &[Dimension::UtmSource, Dimension::App], 1_000)).await;
    assert_eq!((all.total, all.exactness, all.groups.len()), (30.0, Exactness::Exact, 6));
    assert_eq!(all.groups.iter().map(|group| group.value).sum::<f64>(), all.total);
    assert_eq!(all.groups[0].values, [None, Some("kiosk".to_owned())]);
    let users = count(&asked_for(Measure::UniqueUsers, &[Dimension::App], 1_000)).await;
    assert_eq!((users.total, users.groups.iter().map(|group| group.value).collect::<Vec<_>>()), (5.0, vec![5.0, 5.0]));
    let sum = count(&asked_for(Measure::Sum("cart.sum".to_owned()), &[], 1_000)).await;
    assert_eq!((sum.total, sum.groups.len()), (435.0, 1));
    let nowhere = count(&asked_for(Measure::Sum("cart.nothing".to_owned()), &[], 1_000)).await;
    assert_eq!(nowhere.total, 0.0);
    let some = count(&asked_for(Measure::Events, &[], 10)).await;
    assert_eq!((some.total, some.exactness), (10.0, Exactness::Truncated { read: 10 }));
    let just = count(&asked_for(Measure::Events, &[], 30)).await;
    assert_eq!((just.total, just.exactness), (30.0, Exactness::Exact));
}

pub(crate) async fn values_are_one_only_where_they_are_to_the_letter(asked: &Asked<'_>) {
    let values = [
        "a",
        "A",
        "a ",
        " a",
        "a~b",
        "a#b",
        "\u{e9}",
        "e\u{301}",
        "' OR 1 = 1 --",
        "\" OR \"\" = \"",
        "@p0",
        "c.pk",
        "\\",
        "a/b?c",
        "\u{1f600}",
        "null",
        "*",
        "%",
    ];
    let more = |value: &str| json!({"session_id": value, "app": value, "user_id": value});
    let put = values.iter().enumerate().map(|(n, value)| event(&n.to_string(), n, more(value)));
    assert!(asked.put(put).await.iter().all(|outcome| *outcome == PutOutcome::Stored));
    for (n, value) in values.iter().enumerate() {
        let text = || Some((*value).to_owned());
        let session = Filters { session_id: text(), ..Filters::default() };
        let user = Filters { user_id: text(), ..Filters::default() };
        let app = Filters { dimensions: [(Dimension::App, (*value).to_owned())].into(), ..Filters::default() };
        for filters in [session, user, app] {
            assert_eq!(
                asked.all(&EventQuery { filters: filters.clone(), ..day() }, 10).await,
                names([n]),
                "{filters:?}"
            );
        }
    }
}
