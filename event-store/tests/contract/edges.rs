//! The cases at the edges: where stores differ in what they sort by, how much they take, and what they think of a name.

use super::*;
use event_store::{Deleted, Dimension};
use std::collections::BTreeSet;

fn id(request: &str, step: &str) -> EventId {
    EventId::of(request, step).unwrap()
}

/// An event of this name, so many nanoseconds after noon.
fn named(id: &EventId, nanosecond: i64) -> Event {
    let mut event = event("named", 0, json!({}));
    event.event_id = id.clone();
    event.timestamp += SignedDuration::from_nanos(nanosecond);
    event
}

impl Asked<'_> {
    /// Every page of at most `limit`; the places of its events, in order.
    async fn places(&self, query: &EventQuery, limit: usize) -> Vec<Position> {
        let (mut found, mut after) = (vec![], None);
        loop {
            let page = self.page(query, limit, after.as_ref()).await;
            assert!(page.events.len() <= limit);
            found.extend(page.events.iter().map(Position::of));
            after = page.next;
            if after.is_none() {
                return found;
            }
        }
    }

    async fn find(&self, id: &EventId) -> Option<Event> {
        self.tenant.act(self.store.get(&self.tenant, id)).await.unwrap()
    }

    async fn remove(&self, id: &EventId) -> Deleted {
        self.tenant.act(self.store.delete(&self.tenant, id)).await.unwrap()
    }
}

pub(crate) async fn events_of_one_moment_are_parted_by_their_names(asked: &Asked<'_>) {
    let names = ["a", "A", "b", "-", "_", ".", "0", "9", "Z", "z", "aa", "a-", "a.", "a_"];
    let ids: BTreeSet<EventId> = names.iter().flat_map(|one| [id(one, "0"), id("r", one)]).collect();
    let put = ids.iter().flat_map(|id| [named(id, 0)]).chain([named(&id("last", "x"), 1)]);
    assert!(asked.put(put).await.iter().all(|outcome| *outcome == PutOutcome::Stored));
    let oldest = EventQuery { order: Order::OldestFirst, ..day() };
    let all = asked.places(&oldest, 1_000).await;
    assert_eq!(all.len(), ids.len() + 1);
    assert!(all.is_sorted(), "by time, and at one time by name");
    for limit in [1, 3, 28, 29] {
        assert_eq!(asked.places(&oldest, limit).await, all, "{limit}");
        let turned: Vec<_> = asked.places(&day(), limit).await.into_iter().rev().collect();
        assert_eq!(turned, all, "{limit}");
    }
}

pub(crate) async fn times_are_told_apart_to_the_nanosecond(asked: &Asked<'_>) {
    let long_ago = ["-000044-03-15T12:00:00.000000001Z", "1969-12-31T23:59:59.999999999Z", "1970-01-01T00:00:00Z"];
    let ancient =
        long_ago.iter().enumerate().map(|(n, time)| event(&format!("old-{n}"), 0, json!({"timestamp": time})));
    asked.put([0, 1, 2, 999, 1_000].map(|n| named(&id(&format!("n{n}"), "default"), n))).await;
    asked.put(ancient).await;
    let at = |nanosecond| noon() + SignedDuration::from_nanos(nanosecond);
    let within = |from, to| EventQuery { range: Range { from: at(from), to: at(to) }, ..day() };
    let found = async |from, to| -> Vec<i128> {
        let places = asked.places(&within(from, to), 2).await;
        places.iter().map(|place| place.timestamp.as_nanosecond() - noon().as_nanosecond()).collect()
    };
    assert_eq!(found(0, 1_001).await, [1_000, 999, 2, 1, 0]);
    assert_eq!(found(1, 2).await, [1]);
    assert_eq!(found(2, 999).await, [2]);
    assert_eq!(found(3, 999).await, [0_i128; 0]);
    let ever = EventQuery { range: Range { from: Timestamp::MIN, to: noon() }, ..day() };
    let times = asked.places(&ever, 1).await.iter().map(|place| place.timestamp.to_string()).collect::<Vec<_>>();
    assert_eq!(times, long_ago.iter().rev().map(|time| self::at(time).to_string()).collect::<Vec<_>>());
}

pub(crate) async fn five_hundred_are_put_at_once_and_each_is_told_of(asked: &Asked<'_>) {
    let all = || (0..500).map(|n| event(&n.to_string(), n, json!({})));
    asked.put(all().filter(|event| event.request_id.ends_with('7'))).await;
    let put = all().map(|mut event| {
        if event.request_id.ends_with("77") {
            event.event_type = "click".to_owned();
        }
        event
    });
    for (n, outcome) in asked.put(put).await.into_iter().enumerate() {
        let due = match n {
            n if n % 100 == 77 => PutOutcome::Conflict,
            n if n % 10 == 7 => PutOutcome::Duplicate,
            _ => PutOutcome::Stored,
        };
        assert_eq!(outcome, due, "{n}");
    }
    assert_eq!(asked.places(&day(), 1_000).await.len(), 500);
}

pub(crate) async fn names_that_look_alike_or_taken_are_names_of_their_own(asked: &Asked<'_>) {
    let long = "x".repeat(64);
    let pairs = [
        ("req", "default"),
        ("Req", "default"),
        ("req", "Default"),
        ("__a", "b__"),
        ("__", "__"),
        (".", "."),
        ("..", ".."),
        ("-", "_"),
        (&long, &long),
        (&long, "x"),
    ];
    let ids = pairs.map(|(request, step)| id(request, step));
    assert_eq!(asked.put(ids.iter().map(|id| named(id, 0))).await, [PutOutcome::Stored; 10]);
    for one in &ids {
        assert_eq!(asked.find(one).await.unwrap().event_id, *one);
    }
    assert!(asked.find(&id("REQ", "default")).await.is_none() && asked.find(&id(&long, "xx")).await.is_none());
    assert_eq!(asked.remove(&id("rEq", "default")).await, Deleted::NotThere);
    assert_eq!((asked.remove(&ids[1]).await, asked.remove(&ids[1]).await), (Deleted::Gone, Deleted::NotThere));
    let left: BTreeSet<EventId> = asked.places(&day(), 3).await.into_iter().map(|place| place.event_id).collect();
    assert_eq!(left, ids.iter().filter(|id| **id != ids[1]).cloned().collect());
}

pub(crate) async fn long_and_foreign_values_come_back_and_are_found(asked: &Asked<'_>) {
    // Alike for longer than an index looks.
    let long = |last: char| format!("{}{last}", "é\u{1f600}".repeat(300));
    let odd = "a/b#c \"quoted\" 'so' \\ ~ \u{0} \u{202e} ß İ \u{301}".to_owned();
    let values = [long('x'), long('y'), odd, " ".to_owned(), "__name__".to_owned(), "null".to_owned(), "1".to_owned()];
    let more = |value: &String| json!({"user_id": value, "session_id": value, "utm_term": value, "app": value, "payload": {value.as_str(): [value]}});
    let put: Vec<Event> = values.iter().enumerate().map(|(n, value)| event(&n.to_string(), n, more(value))).collect();
    asked.put(put.clone()).await;
    for (n, value) in values.iter().enumerate() {
        let json = |event: &Event| serde_json::to_value(event).unwrap();
        assert_eq!(json(&asked.get(&n.to_string()).await.unwrap()), json(&put[n]));
        let term = [(Dimension::UtmTerm, value.clone()), (Dimension::App, value.clone())];
        for filters in [
            Filters { user_id: Some(value.clone()), ..Filters::default() },
            Filters { session_id: Some(value.clone()), ..Filters::default() },
            Filters { dimensions: term.into(), ..Filters::default() },
        ] {
            assert_eq!(asked.all(&EventQuery { filters, ..day() }, 10).await, [format!("req-{n}")], "{value:?}");
        }
    }
}

pub(crate) async fn each_member_is_a_filter_of_its_own_in_either_order(asked: &Asked<'_>) {
    let members = Dimension::ALL.map(Dimension::as_str).into_iter().chain(["user_id", "session_id"]);
    let members: Vec<&str> = members.collect();
    // Each has one value in one member, and another one in all others.
    let put = members.iter().flat_map(|one| [(one, "a"), (one, "b")]).enumerate().map(|(n, (one, suffix))| {
        let mut more: Value = members.iter().map(|member| ((*member).to_owned(), json!("other"))).collect();
        more[*one] = "same".into();
        event(&format!("{one}-{suffix}"), n, more)
    });
    asked.put(put).await;
    for member in &members {
        let mut filters = Filters::default();
        match member.parse::<Dimension>() {
            Ok(dimension) => drop(filters.dimensions.insert(dimension, "same".to_owned())),
            Err(_) if *member == "user_id" => filters.user_id = Some("same".to_owned()),
            Err(_) => filters.session_id = Some("same".to_owned()),
        }
        let (first, last) = (format!("req-{member}-a"), format!("req-{member}-b"));
        let newest = EventQuery { filters: filters.clone(), ..day() };
        assert_eq!(asked.all(&newest, 1).await, [last.clone(), first.clone()], "{member}");
        let oldest = EventQuery { order: Order::OldestFirst, ..newest };
        assert_eq!(asked.all(&oldest, 1).await, [first, last], "{member}");
        let early = Range { to: noon(), from: noon() - SignedDuration::from_hours(1) };
        assert!(asked.all(&EventQuery { range: early, ..oldest }, 1).await.is_empty(), "{member}");
    }
}

pub(crate) async fn a_place_outlives_the_event_that_it_names(asked: &Asked<'_>) {
    asked.put((0..6).map(|n| event(&n.to_string(), n, json!({})))).await;
    for (order, left) in [(Order::NewestFirst, ["req-3", "req-2"]), (Order::OldestFirst, ["req-2", "req-3"])] {
        let query = EventQuery { order, ..day() };
        let page = asked.page(&query, 2, None).await;
        let next = page.next.unwrap();
        assert_eq!(asked.remove(&next.event_id).await, Deleted::Gone);
        let page = asked.page(&query, 2, Some(&next)).await;
        assert_eq!(page.events.iter().map(|event| event.request_id.as_str()).collect::<Vec<_>>(), left);
    }
}

pub(crate) async fn much_is_put_and_read_without_a_gap(asked: &Asked<'_>) {
    let text = "€".repeat(64 * 1024 / 3 - 64);
    let put = (0..180).map(|n| event(&n.to_string(), n, json!({"payload": {"text": text}})));
    assert_eq!(asked.put(put).await, [PutOutcome::Stored; 180]);
    let newest: Vec<String> = (0..180).rev().map(|n| format!("req-{n}")).collect();
    assert_eq!(asked.all(&day(), 1_000).await, newest);
}
