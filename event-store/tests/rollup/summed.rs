//! What is in payloads, added up.

use super::*;
use event_store::rollup::{LEASE, sums::MAX_PATH};

fn sum(path: &str, group_by: &[Dimension]) -> AggregateQuery {
    asked(always(), Measure::Sum(path.to_owned()), group_by)
}

/// A day of events, one each hour, counted.
async fn sealed(payload: impl Fn(usize) -> Value) -> (World, DynamoDb, Door) {
    let world = World::new("2026-03-01T00:00:00Z");
    let (store, door) = world.instance();
    let begin = at("2026-02-28T00:10:00Z");
    let events: Vec<ToPut> = (0..24)
        .map(|n| {
            let more = json!({"app": (["shop", "kiosk"][n % 2]), "payload": (payload(n))});
            event(&n.to_string(), begin + SignedDuration::from_hours(n as i64), more)
        })
        .collect();
    put(&store, &events).await;
    world.clock.advance(LEASE + SignedDuration::from_mins(1));
    let done = seal(&world, &store).await;
    assert_eq!((done.hours, done.days, done.too_wide), (24, 1, 0));
    (world, store, door)
}

#[tokio::test]
async fn sums_of_whatever_is_in_payloads_are_answered_without_reading_an_event() {
    let long = "x".repeat(MAX_PATH);
    let payload = |n: usize| match n {
        3 => json!({"cart": 7}),
        4 => json!({"cart": {"sum": "12"}}),
        5 => json!({"cart": {"sum": 0.1}, "app": 2, "list": [1, 2], "a.b": 3}),
        6 => json!({"cart": {"sum": -19.99}}),
        _ => json!({"cart": {"sum": n, "items": -1}, (long.as_str()): 2}),
    };
    let (world, store, door) = sealed(payload).await;
    let all = (0..24).sum::<usize>() as f64;
    for (path, total) in [
        // Without what stands in quotes, and to the last place whichever way it is added up.
        ("cart.sum", all - 3.0 - 4.0 - 5.0 - 6.0 + 0.1 - 19.99),
        ("cart.items", -20.0),
        ("cart", 7.0),
        ("app", 2.0),
        (&long, 40.0),
        // The value of a dimension is no path, nor is what has no name that can be asked for.
        ("shop", 0.0),
        ("list.0", 0.0),
        ("a.b", 0.0),
        ("nothing", 0.0),
    ] {
        for by in [&[][..], &[Dimension::App], &[Dimension::UtmTerm, Dimension::EventType]] {
            let question = sum(path, by);
            is_true_of(&store, &question, "counted").await;
            assert_eq!(counted(&store, &question).await.total, total, "{path}");
            assert_eq!(events_read(&store, &door, &question).await, 0, "{path}");
        }
    }
    // Of two hours and a half, the half is read.
    let cut = range("2026-02-28T10:00:00Z", "2026-02-28T12:30:00Z");
    let cut = AggregateQuery { range: cut, ..sum("cart.sum", &[Dimension::App]) };
    is_true_of(&store, &cut, "cut").await;
    assert_eq!((counted(&store, &cut).await.total, events_read(&store, &door, &cut).await), (33.0, 1));
    let filters = Filters { dimensions: [(Dimension::App, "kiosk".to_owned())].into(), ..Filters::default() };
    is_true_of(&store, &AggregateQuery { filters, ..sum("cart.sum", &[]) }, "filtered").await;
    let late = event("late", at("2026-02-28T10:59:00Z"), json!({"app": "shop", "payload": {"cart": {"sum": 1000}}}));
    put(&store, &[late]).await;
    is_true_of(&store, &sum("cart.sum", &[]), "a late event").await;
    assert!(verify(&world, &store).await.wrong.is_empty());
}

#[tokio::test]
async fn of_a_type_with_more_paths_than_are_kept_events_are_read_and_of_all_else_none() {
    // Each hour has few, and one has very many; or each has few, and the day has very many.
    let ids = |from: usize, many: usize| (from..from + many).map(|n| (format!("id-{n}"), json!(1))).collect::<Value>();
    let one_hour = |n: usize| if n == 7 { ids(0, 65) } else { json!({"n": 1}) };
    let each_hour = |n: usize| ids(n * 3, 3);
    let cases = [(&one_hour as &dyn Fn(usize) -> Value, "n", 1, 2), (&each_hour, "id-30", 0, 1)];
    for (payload, path, read, without_sums) in cases {
        let world = World::new("2026-03-01T00:00:00Z");
        let (store, door) = world.instance();
        let time = |n: usize| at("2026-02-28T00:10:00Z") + SignedDuration::from_hours(n as i64);
        let views = (0..24).map(|n| event(&format!("view-{n}"), time(n), json!({"payload": payload(n)})));
        let sale = json!({"event_type": "sale", "app": "shop", "payload": {"n": 0.1}});
        let sales = (0..24).map(|n| event(&format!("sale-{n}"), time(n), sale.clone()));
        put(&store, &views.chain(sales).collect::<Vec<_>>()).await;
        world.clock.advance(LEASE + SignedDuration::from_mins(1));
        let done = seal(&world, &store).await;
        assert_eq!((done.hours, done.days, done.too_wide, done.without_sums), (24, 1, 0, without_sums));
        let of_views = AggregateQuery { filters: of_type("pageview"), ..sum(path, &[]) };
        for question in [sum(path, &[Dimension::App]), of_views] {
            is_true_of(&store, &question, "counted").await;
            assert_eq!(events_read(&store, &door, &question).await, read, "{path}");
        }
        let mut nowhere = sum(path, &[]);
        nowhere.filters.dimensions.insert(Dimension::App, "shop".to_owned());
        is_true_of(&store, &nowhere, "of a value that no such event has").await;
        assert_eq!(events_read(&store, &door, &nowhere).await, 0, "{path}");
        let of_sales = AggregateQuery { filters: of_type("sale"), ..sum("n", &[Dimension::App]) };
        is_true_of(&store, &of_sales, "of another type").await;
        assert_eq!((counted(&store, &of_sales).await.total, events_read(&store, &door, &of_sales).await), (2.4, 0));
        for other in questions().into_iter().filter(|other| !matches!(other.measure, Measure::Sum(_))) {
            is_true_of(&store, &other, "counted").await;
        }
        let events = asked(always(), Measure::Events, &[]);
        assert_eq!((counted(&store, &events).await.total, events_read(&store, &door, &events).await), (48.0, 0));
        assert!(verify(&world, &store).await.wrong.is_empty());
    }
}
