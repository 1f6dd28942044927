//! One thing after the other.

use super::*;
use event_store::rollup::{LEASE, seal::Wrong};
use shared::digest::Digest;

const NOON: &str = "2026-03-01T12:00:00Z";

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

fn hour(text: &str) -> String {
    Hour::of(at(text)).name()
}

/// Three days of events, all counted, at noon of the day after.
async fn sealed() -> (World, DynamoDb, Door) {
    let world = World::new(NOON);
    let (store, door) = world.instance();
    let begin = at("2026-02-26T00:10:00Z");
    let events: Vec<ToPut> = (0..72)
        .map(|n| {
            let more = json!({"app": (["shop", "kiosk"][n % 2]), "user_id": format!("u{}", n % 7), "session_id": format!("s{}", n / 3)});
            event(&n.to_string(), begin + SignedDuration::from_hours(n as i64), more)
        })
        .collect();
    put(&store, &events).await;
    world.clock.advance(LEASE + minutes(1));
    let done = seal(&world, &store).await;
    assert_eq!((done.hours, done.days, done.leased, done.events), (72, 3, 0, 72));
    (world, store, door)
}

#[tokio::test]
async fn what_is_counted_is_answered_without_reading_an_event() {
    let (world, store, door) = sealed().await;
    is_true(&store, "counted").await;
    for question in [
        asked(always(), Measure::Events, &[Dimension::App]),
        asked(range("2026-02-26T05:00:00Z", "2026-02-28T21:00:00Z"), Measure::UniqueUsers, &[]),
    ] {
        assert_eq!(events_read(&store, &door, &question).await, 0, "{question:?}");
    }
    let cut = asked(range("2026-02-26T05:30:00Z", "2026-02-28T21:30:00Z"), Measure::Events, &[]);
    assert_eq!(
        events_read(&store, &door, &cut).await,
        1,
        "the hour at the end that the range cuts; that at the beginning is empty in its part"
    );
    assert_eq!(seal(&world, &store).await, Sealed::default(), "nothing is left to be done");
    let checked = verify(&world, &store).await;
    assert_eq!((checked.right, checked.live, checked.wrong.len()), (75, 0, 0));
    assert!(world.items().iter().all(|item| item.get("rollup_due").is_none()), "and nothing waits");
}

#[tokio::test]
async fn a_late_event_and_a_deletion_count_at_once_and_are_counted_anew_later() {
    let (world, store, door) = sealed().await;
    let late = at("2026-02-27T03:59:59Z");
    put(&store, &[event("late", late, json!({"app": "shop", "user_id": "new"}))]).await;
    is_true(&store, "a late event").await;
    let tenant = tenant();
    assert_eq!(tenant.act(store.delete(&tenant, &id("5"))).await.unwrap(), event_store::Deleted::Gone);
    is_true(&store, "a deletion").await;
    let all = asked(always(), Measure::Events, &[]);
    assert_eq!(counted(&store, &all).await.total, 72.0);
    assert!(events_read(&store, &door, &all).await > 0, "the two hours are read");
    assert_eq!(seal(&world, &store).await, Sealed { leased: 2, ..Sealed::default() });
    world.clock.advance(LEASE);
    assert_eq!(seal(&world, &store).await.leased, 2, "not before the lease is over");
    world.clock.advance(minutes(1));
    let done = seal(&world, &store).await;
    assert_eq!((done.hours, done.days, done.events), (2, 2, 2), "the hour of the late event has two, the other none");
    is_true(&store, "counted anew").await;
    assert_eq!(events_read(&store, &door, &all).await, 0);
}

#[tokio::test]
async fn many_writes_cost_one_mark_for_each_hour_and_five_minutes() {
    let world = World::new(NOON);
    let (store, door) = world.instance();
    let now = at(NOON);
    let batch = |name: &str| -> Vec<ToPut> {
        (0..40).map(|n| event(&format!("{name}-{n}"), now - minutes(n), json!({}))).collect()
    };
    let mut marks = vec![];
    for name in ["a", "b", "c"] {
        door.calls();
        put(&store, &batch(name)).await;
        marks.push(door.calls().iter().filter(|call| *call == "UpdateItem").count());
        world.clock.advance(minutes(3));
    }
    // Two hours of one day: one write.
    assert_eq!(marks, [1, 0, 1]);
    let tenant = tenant();
    door.calls();
    assert_eq!(tenant.act(store.delete(&tenant, &id("nobody"))).await.unwrap(), event_store::Deleted::NotThere);
    assert_eq!(door.calls(), ["BatchGetItem"], "what is not there marks nothing");
}

#[tokio::test]
async fn a_write_that_took_too_long_is_marked_again() {
    let world = World::new(NOON);
    let (store, door) = world.instance();
    door.set(1, Fate::Stop);
    let events = [event("slow", at("2026-03-01T11:30:00Z"), json!({}))];
    let writes = put(&store, &events);
    let sealer = world.instance().0;
    tokio::join!(writes, waits_for(&door, &world, &sealer));
    is_true(&store, "after a long sleep").await;
    world.clock.advance(LEASE + minutes(1));
    seal(&world, &store).await;
    is_true(&store, "counted").await;
}

/// While the writer sleeps between its mark and its write, hours pass and somebody counts.
async fn waits_for(door: &Door, world: &World, sealer: &DynamoDb) {
    let mut seen = 0;
    while seen < 2 {
        tokio::task::yield_now().await;
        seen += door.calls().len();
    }
    world.clock.advance(SignedDuration::from_hours(2));
    assert_eq!(seal(world, sealer).await.hours, 1, "the empty hour was counted");
    door.go_on();
}

#[tokio::test]
async fn whoever_was_stopped_while_counting_changes_nothing_that_is_newer() {
    // At whichever call it is stopped.
    for stopped in 1..24 {
        let world = World::new(NOON);
        let (store, door) = world.instance();
        let time = at("2026-02-28T09:30:00Z");
        put(&store, &[event("1", time, json!({"user_id": "a"})), event("2", time, json!({"user_id": "b"}))]).await;
        world.clock.advance(LEASE + minutes(1));
        let (slow, gate) = world.instance();
        gate.set(stopped, Fate::Stop);
        let meanwhile = async {
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
            put(&store, &[event("3", time, json!({"user_id": "c"}))]).await;
            is_true(&store, "a newer mark").await;
            world.clock.advance(LEASE + minutes(1));
            seal(&world, &store).await;
            is_true(&store, "counted by another").await;
            gate.go_on();
        };
        tokio::join!(seal(&world, &slow), meanwhile);
        is_true(&store, &format!("stopped at {stopped}")).await;
        world.clock.advance(LEASE + minutes(1));
        seal(&world, &store).await;
        is_true(&store, "counted again").await;
        let all = asked(always(), Measure::UniqueUsers, &[]);
        assert_eq!(events_read(&store, &door, &all).await, 0, "stopped at {stopped}: what is newer lies there");
        assert!(verify(&world, &store).await.wrong.is_empty());
    }
}

#[tokio::test]
async fn an_answer_has_no_write_without_the_one_that_was_acknowledged_before_it() {
    let question = asked(always(), Measure::Events, &[Dimension::App]);
    let mut both = 0;
    // At whichever call the reader is stopped while two events come, one after the other: the first to an hour that was counted, the second to one
    // that was not.
    for stopped in 0..24 {
        let (world, store, _) = sealed().await;
        put(&store, &[event("live", at("2026-03-01T12:20:00Z"), json!({}))]).await;
        let (reader, gate) = world.instance();
        gate.set(stopped, Fate::Stop);
        let meanwhile = async {
            for _ in 0..300 {
                tokio::task::yield_now().await;
            }
            put(&store, &[event("first", at("2026-02-27T03:30:00Z"), json!({"app": "first"}))]).await;
            put(&store, &[event("second", at("2026-03-01T12:21:00Z"), json!({"app": "second"}))]).await;
            gate.go_on();
        };
        let (found, ()) = tokio::join!(counted(&reader, &question), meanwhile);
        let has = |app: &str| found.groups.iter().any(|group| group.values[0].as_deref() == Some(app));
        assert!(has("first") || !has("second"), "stopped at {stopped}: {found:?}");
        both += usize::from(has("first") && has("second"));
    }
    assert!(both > 5, "{both}");
}

#[tokio::test]
async fn what_was_changed_behind_its_back_is_found_and_counted_anew() {
    let (world, store, door) = sealed().await;
    let key = json!({"pk": {"S": "T#acme#ROLLUP"}, "sk": {"S": "HC#2026-02-27T03#0"}});
    // An event goes without a mark, and an event comes without one.
    let event = world.items().into_iter().find(|item| item["sk"]["S"] == "req-30#default").unwrap();
    world.change("DeleteItem", json!({"Key": {"pk": event["pk"], "sk": event["sk"]}}));
    world.change("DeleteItem", json!({"Key": {"pk": {"S": "T#acme#MARKS"}, "sk": {"S": "2026-02-28"}}}));
    world.change("DeleteItem", json!({"Key": key}));
    let found = verify(&world, &store).await;
    let differs: BTreeSet<&str> =
        found.wrong.iter().filter(|(_, wrong)| **wrong == Wrong::Differs).map(|(name, _)| name.as_str()).collect();
    assert_eq!(differs, BTreeSet::from(["2026-02-27", hour("2026-02-27T06:10:00Z").as_str()]));
    assert_eq!(found.wrong.values().filter(|wrong| **wrong == Wrong::Unmarked).count(), 24);
    assert_eq!(found.live, 1, "the roll-up that is gone");
    let tenant = tenant();
    let rebuild = async || {
        let sealer = Sealer::of(&store, &tenant, world.clock.now(), Budget::of(Duration::from_secs(600))).unwrap();
        tenant.act(sealer.rebuild(always())).await.unwrap()
    };
    assert_eq!(rebuild().await.leased, 24, "what had no mark has one now");
    is_true(&store, "rebuilt").await;
    world.clock.advance(LEASE + minutes(1));
    seal(&world, &store).await;
    is_true(&store, "and counted").await;
    let all = asked(always(), Measure::Events, &[]);
    assert_eq!((counted(&store, &all).await.total, events_read(&store, &door, &all).await), (71.0, 0));
    assert!(verify(&world, &store).await.wrong.is_empty());
}

#[tokio::test]
async fn a_day_is_put_together_though_an_hour_of_it_was_damaged() {
    let (world, store, door) = sealed().await;
    world.change(
        "UpdateItem",
        json!({
            "Key": {"pk": {"S": "T#acme#ROLLUP"}, "sk": {"S": "HU#2026-02-27T03#0"}}, "UpdateExpression": "SET #data = :data",
            "ExpressionAttributeNames": {"#data": "data"}, "ExpressionAttributeValues": {":data": {"B": "AAAA"}},
        }),
    );
    put(&store, &[event("late", at("2026-02-27T09:00:00Z"), json!({"user_id": "u9"}))]).await;
    world.clock.advance(LEASE + minutes(1));
    is_true(&store, "damaged").await;
    assert_eq!(seal(&world, &store).await.days, 1);
    is_true(&store, "mended").await;
    assert_eq!(events_read(&store, &door, &asked(always(), Measure::UniqueUsers, &[])).await, 0);
}

#[tokio::test]
async fn what_is_not_counted_yet_is_read_within_the_budget_and_else_said_to_be_cut_short() {
    let (_world, store, _) = sealed().await;
    let events: Vec<ToPut> =
        (0..30).map(|n| event(&format!("new-{n}"), at("2026-03-01T12:10:00Z"), json!({}))).collect();
    put(&store, &events).await;
    let within = |budget| AggregateQuery { budget, ..asked(always(), Measure::Events, &[]) };
    let exact = counted(&store, &within(30)).await;
    assert_eq!((exact.total, exact.exactness), (102.0, Exactness::Exact));
    let cut = counted(&store, &within(10)).await;
    assert_eq!((cut.total, cut.exactness), (82.0, Exactness::Truncated { read: 10 }));
}

#[tokio::test]
async fn types_and_filters_are_asked_of_roll_ups_and_of_events_alike() {
    let (_world, store, _) = sealed().await;
    put(&store, &[event("click", at("2026-02-27T04:00:00Z"), json!({"event_type": "clicks", "app": "shop"}))]).await;
    let shop = Filters { dimensions: [(Dimension::App, "shop".to_owned())].into(), ..Filters::default() };
    let types = |types: &[&str]| types.iter().map(|kind| (*kind).to_owned()).collect::<BTreeSet<_>>();
    for (filters, types, total) in [
        (Filters::default(), types(&["click", "clicks"]), 1.0),
        (shop.clone(), types(&["pageview", "clicks"]), 37.0),
        (shop.clone(), types(&[]), 37.0),
        (shop, types(&["pageview"]), 36.0),
        (Filters { user_id: Some("u3".to_owned()), ..Filters::default() }, types(&["pageview"]), 10.0),
    ] {
        let count = AggregateQuery { filters, types, ..asked(always(), Measure::Events, &[]) };
        let found = counted(&store, &count).await;
        assert_eq!((found.total, &found), (total, &read(&store, &count).await), "{count:?}");
        for measure in [Measure::UniqueUsers, Measure::UniqueSessions, Measure::BounceRate] {
            for group_by in [
                vec![],
                vec![Dimension::App],
                vec![Dimension::EventType],
                vec![Dimension::Surface, Dimension::EventType],
            ] {
                let asked = AggregateQuery { measure: measure.clone(), group_by, ..count.clone() };
                assert_eq!(counted(&store, &asked).await, read(&store, &asked).await, "{asked:?}");
            }
        }
    }
}

#[tokio::test]
async fn of_a_day_people_are_known_by_the_type_of_event_alone_as_well_as_by_all_values() {
    let (world, store, door) = sealed().await;
    let all = asked(always(), Measure::UniqueUsers, &[]);
    let before = counted(&store, &all).await;
    let without =
        |sk: String| world.change("DeleteItem", json!({"Key": {"pk": {"S": "T#acme#ROLLUP"}, "sk": {"S": sk}}}));
    without("DU#2026-02-27#0".to_owned());
    for hour in 0..24 {
        without(format!("HU#2026-02-27T{hour:02}#0"));
        without(format!("HUT#2026-02-27T{hour:02}#0"));
    }
    assert_eq!((counted(&store, &all).await, events_read(&store, &door, &all).await), (before.clone(), 0));
    let by_type = asked(always(), Measure::UniqueUsers, &[Dimension::EventType]);
    let of_type = AggregateQuery { types: BTreeSet::from(["pageview".to_owned()]), ..all.clone() };
    for asked in [by_type, of_type] {
        assert_eq!(events_read(&store, &door, &asked).await, 0);
        assert_eq!(counted(&store, &asked).await, read(&store, &asked).await, "{asked:?}");
    }
    let by_app = asked(always(), Measure::UniqueUsers, &[Dimension::App]);
    assert_eq!(events_read(&store, &door, &by_app).await, 0);
    without("DUB-app#2026-02-27#0".to_owned());
    assert!(events_read(&store, &door, &by_app).await > 0, "that is not known by type");
    // So few are known one by one in brief, too.
    without("DUT#2026-02-27#0".to_owned());
    assert_eq!((counted(&store, &all).await, events_read(&store, &door, &all).await), (before.clone(), 0));
    without("DUBW#2026-02-27#0".to_owned());
    assert!(events_read(&store, &door, &all).await > 0);
    assert_eq!(counted(&store, &all).await, before);
}

#[tokio::test]
async fn who_asks_again_reads_marks_alone_until_something_changes() {
    let (world, _, _) = sealed().await;
    let (store, door) = world.instance();
    let store = store.keeping_answers(Kept::default());
    let days = range("2026-02-26T05:00:00Z", "2026-03-01T00:00:00Z");
    let by_app = asked(days, Measure::UniqueUsers, &[Dimension::App]);
    let before = counted(&store, &by_app).await;
    assert!(door.calls().len() > 2);
    assert_eq!(counted(&store, &by_app).await, before);
    assert_eq!(door.calls(), ["Query", "Query"], "marks, before and after");
    // So does who asks for more that has no roll-up: of that, events are read beside. Another question, or another tenant's, is another one.
    put(&world.instance().0, &[event("live", at("2026-03-01T11:10:00Z"), json!({"app": "new", "user_id": "u78"}))])
        .await;
    let longer = AggregateQuery { range: Range { to: at("2026-03-01T12:00:00Z"), ..days }, ..by_app.clone() };
    assert_eq!(counted(&store, &longer).await, read(&store, &longer).await);
    let cut = AggregateQuery { range: Range { from: at("2026-02-26T04:15:00Z"), ..days }, ..by_app.clone() };
    assert_eq!(counted(&store, &cut).await, read(&store, &cut).await);
    let of_kiosk = Filters { dimensions: [(Dimension::App, "kiosk".to_owned())].into(), ..Filters::default() };
    for other in [
        AggregateQuery { measure: Measure::UniqueSessions, ..by_app.clone() },
        AggregateQuery { filters: of_kiosk, ..by_app.clone() },
        AggregateQuery { types: BTreeSet::from(["click".to_owned()]), ..by_app.clone() },
        AggregateQuery { group_by: vec![], ..by_app.clone() },
        AggregateQuery { range: Range { to: at("2026-02-28T00:00:00Z"), ..days }, ..by_app.clone() },
    ] {
        assert_eq!(counted(&store, &other).await, read(&store, &other).await, "{other:?}");
    }
    let globex = TenantScope::for_job(Sweep::AnalyticsRollup, "globex".parse().unwrap());
    let theirs = globex.act(count(&store, &globex, &by_app)).await.unwrap();
    assert_eq!((theirs.total, theirs.groups.len()), (0.0, 0));
    // What comes is in the answer at once, whoever takes it, and when it is counted.
    put(&world.instance().0, &[event("late", at("2026-02-27T09:00:00Z"), json!({"app": "new", "user_id": "u77"}))])
        .await;
    let after = counted(&store, &by_app).await;
    assert_eq!((after.total, &after), (before.total + 1.0, &read(&store, &by_app).await));
    world.clock.advance(LEASE + minutes(1));
    seal(&world, &world.instance().0).await;
    door.calls();
    assert_eq!(counted(&store, &by_app).await, after);
    assert!(door.calls().len() > 2);
    assert_eq!(counted(&store, &by_app).await, after);
    assert_eq!(door.calls().len(), 2);
}

#[tokio::test]
async fn an_hour_that_is_too_wide_is_not_read_again_for_its_day() {
    let (world, store, _) = sealed().await;
    for part in ["HC", "HU", "HS"] {
        let sk = format!("{part}#2026-02-27T03#0");
        let mut item = world.items().into_iter().find(|item| item["sk"]["S"] == sk.as_str()).unwrap();
        // As it is packed: the first of two forms, and nothing in it.
        (item["data"], item["digest"]) = (json!({"B": "AA=="}), json!({"S": Digest::of(&[0]).to_string()}));
        world.change("PutItem", json!({"Item": item}));
    }
    put(&store, &[event("late", at("2026-02-27T09:00:00Z"), json!({}))]).await;
    world.clock.advance(LEASE + minutes(1));
    let done = seal(&world, &store).await;
    assert_eq!((done.days, done.too_wide, done.events), (1, 1, 2), "the two of the late one's hour");
}

#[tokio::test]
async fn an_hour_waits_from_the_end_of_its_lease_until_it_is_counted() {
    let (world, store, _) = sealed().await;
    let (tenant, late) = (tenant(), at("2026-02-27T09:00:00Z"));
    let waits = async || {
        let sealer = Sealer::of(&store, &tenant, world.clock.now(), Budget::of(Duration::ZERO)).unwrap();
        tenant.act(sealer.waits_since(Day::of(late))).await.unwrap()
    };
    assert_eq!(waits().await, None);
    put(&store, &[event("late", late, json!({}))]).await;
    assert_eq!(waits().await, None, "writes to it may arrive");
    let marked = world.clock.now();
    world.clock.advance(LEASE + minutes(30));
    let since = waits().await.unwrap();
    assert!(since >= marked + LEASE && since <= marked + LEASE + SignedDuration::from_secs(1), "{since}");
    seal(&world, &store).await;
    assert_eq!(waits().await, None);
}
