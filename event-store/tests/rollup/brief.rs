//! What days say in brief of who came.

use super::*;
use event_store::rollup::{LEASE, Slot, crowd::EXACT};

/// Takes a part away, whose first chunk is named so.
fn without(world: &World, name: &str) {
    let key = json!({"pk": {"S": "T#acme#ROLLUP"}, "sk": {"S": format!("{name}#0")}});
    world.change("DeleteItem", json!({"Key": key}));
}

#[tokio::test]
async fn days_say_in_brief_who_came_where_that_is_enough() {
    for (people, is_enough) in [(EXACT + 200, false), (EXACT + 1_000, true)] {
        let world = World::new("2026-03-01T00:00:00Z");
        let (store, door) = world.instance();
        let begin = at("2026-02-28T00:00:00Z");
        let name = |n: usize| json!({"user_id": format!("user-{n}"), "session_id": format!("s-{}", n * 10 / 11)});
        let events: Vec<ToPut> = (0..people)
            .map(|n| event(&n.to_string(), begin + SignedDuration::from_secs(7 * n as i64), name(n)))
            .collect();
        for batch in events.chunks(500) {
            put(&store, batch).await;
        }
        world.clock.advance(LEASE + SignedDuration::from_mins(1));
        seal(&world, &store).await;
        let all = asked(always(), Measure::UniqueUsers, &[]);
        let of_type = AggregateQuery { filters: of_type("pageview"), ..all.clone() };
        let sessions = asked(always(), Measure::BounceRate, &[]);
        let before = [counted(&store, &all).await, counted(&store, &of_type).await, counted(&store, &sessions).await];
        assert_eq!(before[0].total, before[1].total);
        assert_eq!(before[0], read(&store, &all).await, "as from events");
        let Slot::Types(slot) = Slot::of_type("pageview") else { panic!("a type is in a slot of types") };
        let late = (0..40).map(|n| event(&format!("late-{n}"), at("2026-03-01T00:10:00Z"), name(people + n)));
        put(&store, &late.collect::<Vec<_>>()).await;
        assert_eq!(counted(&store, &all).await, read(&store, &all).await, "beside events of another day");
        for n in 0..40 {
            tenant().act(store.delete(&tenant(), &id(&format!("late-{n}")))).await.unwrap();
        }
        (0..24).for_each(|hour| without(&world, &format!("HUT#2026-02-28T{hour:02}")));
        without(&world, "DUT#2026-02-28");
        for (asked, before, brief) in [(&all, &before[0], "W".to_owned()), (&of_type, &before[1], slot.to_string())] {
            assert_eq!(events_read(&store, &door, asked).await == 0, is_enough, "{people} {asked:?}");
            assert_eq!(&counted(&store, asked).await, before, "the same, by whatever way");
            without(&world, &format!("DUB{brief}#2026-02-28"));
            assert!(events_read(&store, &door, asked).await > 0);
            assert_eq!(&counted(&store, asked).await, before);
        }
        // Ten thousand sessions or fewer, of which a tenth has two events: they are known one by one.
        without(&world, "DST#2026-02-28");
        assert_eq!(counted(&store, &sessions).await, before[2]);
        assert_eq!(before[2].exactness, Exactness::Exact);
        let once = (people as f64 - 2.0 * (people as f64 / 11.0)) / (people as f64 * 10.0 / 11.0);
        assert!((before[2].total - once).abs() < 0.001, "{} {once}", before[2].total);
    }
}

#[tokio::test]
async fn days_say_in_brief_who_came_with_each_value_where_that_is_enough_for_each_group() {
    // Of 500 people each is known, of many more than ten thousand a sketch; of those between it takes the combinations. So it does where there are
    // more than 64 groups: most events have no term, and are one of them.
    let cases = [
        (Dimension::App, 500, 0, true),
        (Dimension::App, 501, 0, false),
        (Dimension::UtmTerm, 500, 63, true),
        (Dimension::UtmTerm, 500, 64, false),
    ];
    for (by, kiosk, terms, is_enough) in cases {
        let world = World::new("2026-03-01T00:00:00Z");
        let (store, door) = world.instance();
        let begin = at("2026-02-28T00:00:00Z");
        let shop = EXACT + 1_000;
        let events: Vec<ToPut> = (0..shop + kiosk)
            .map(|n| {
                let app = if n < shop { "shop" } else { "kiosk" };
                let mut more = json!({"app": app, "user_id": format!("user-{n}"), "session_id": format!("s-{n}")});
                if n >= shop && n - shop < terms {
                    more["utm_term"] = json!(format!("term {n}"));
                }
                event(&n.to_string(), begin + SignedDuration::from_secs(7 * n as i64), more)
            })
            .collect();
        for batch in events.chunks(500) {
            put(&store, batch).await;
        }
        world.clock.advance(LEASE + SignedDuration::from_mins(1));
        seal(&world, &store).await;
        let all = asked(always(), Measure::UniqueUsers, &[by]);
        let of_kiosk = Filters { dimensions: [(Dimension::App, "kiosk".to_owned())].into(), ..Filters::default() };
        let filtered = AggregateQuery { filters: of_kiosk, ..asked(always(), Measure::BounceRate, &[]) };
        let sessions = AggregateQuery { measure: Measure::UniqueSessions, ..all.clone() };
        let rate = asked(always(), Measure::BounceRate, &[Dimension::EventType]);
        let before = [counted(&store, &all).await, counted(&store, &sessions).await];
        assert_eq!(before, [read(&store, &all).await, read(&store, &sessions).await]);
        assert_eq!(before.clone().map(|told| told.exactness), [Exactness::Estimate; 2]);
        for part in ["U", "UT", "S", "ST"] {
            without(&world, &format!("D{part}#2026-02-28"));
            (0..24).for_each(|hour| without(&world, &format!("H{part}#2026-02-28T{hour:02}")));
        }
        for (asked, before) in [&all, &sessions].into_iter().zip(before) {
            assert_eq!(events_read(&store, &door, asked).await == 0, is_enough, "{by} {kiosk} {terms} {asked:?}");
            assert_eq!(counted(&store, asked).await, before, "the same, by whatever way");
        }
        assert!(events_read(&store, &door, &rate).await > 0, "of one day the sample is too small for a rate");
        assert_eq!(counted(&store, &rate).await, read(&store, &rate).await);
        // What the other groups have does not matter to who asks for one.
        assert_eq!(events_read(&store, &door, &filtered).await == 0, kiosk == 500);
        let kiosk = counted(&store, &filtered).await;
        assert_eq!((kiosk.total, kiosk.exactness), (1.0, Exactness::Exact));
        assert_eq!(kiosk, read(&store, &filtered).await);
    }
}

#[tokio::test]
async fn days_say_in_brief_which_sessions_saw_a_page_with_each_value() {
    // Of 500 each is known; of very many the samples of many days are enough together, and of few days are not.
    for (days, sessions, is_enough) in [(1, 500, true), (1, 501, false), (25, 510, true), (3, 3_600, false)] {
        let world = World::new("2026-03-01T00:00:00Z");
        let (store, door) = world.instance();
        let begin = at("2026-02-28T00:00:00Z") - SignedDuration::from_hours(24 * (days - 1));
        let mut events = vec![];
        for (day, n) in (0..days).flat_map(|day| (0..sessions).map(move |n| (day, n))) {
            let time = begin + SignedDuration::from_hours(24 * day) + SignedDuration::from_secs(20 * n);
            let page =
                |app: &str, kind: &str| json!({"app": app, "event_type": kind, "session_id": format!("s-{day}-{n}")});
            events.push(event(&format!("{day}-{n}"), time, page("shop", "pageview")));
            // A third sees another page; some click, of what matters to no page view.
            if n % 3 == 0 {
                events.push(event(&format!("{day}-{n}-b"), time, page("shop", "pageview")));
            } else if n < 90 {
                let app = if n % 3 == 1 { "shop".to_owned() } else { format!("kiosk {n}") };
                events.push(event(&format!("{day}-{n}-c"), time, page(&app, "click")));
            }
        }
        for batch in events.chunks(500) {
            put(&store, batch).await;
        }
        world.clock.advance(LEASE + SignedDuration::from_mins(1));
        assert_eq!(seal(&world, &store).await.days, days as u64);
        let pages =
            |measure| AggregateQuery { filters: of_type("pageview"), ..asked(always(), measure, &[Dimension::App]) };
        let (rate, many) = (pages(Measure::BounceRate), pages(Measure::UniqueSessions));
        let before = [read(&store, &rate).await, read(&store, &many).await];
        assert_eq!(counted(&store, &many).await, before[1]);
        for part in ["S", "ST", "SB-app"] {
            let day = |day: i64| Day::of(begin + SignedDuration::from_hours(24 * day)).name();
            (0..days).for_each(|n| without(&world, &format!("D{part}#{}", day(n))));
            (0..24 * days).for_each(|hour| without(&world, &format!("H{part}#{}T{:02}", day(hour / 24), hour % 24)));
        }
        let told = counted(&store, &rate).await;
        assert_eq!(events_read(&store, &door, &rate).await == 0, is_enough, "{days} {sessions}");
        assert_eq!((told.exactness, told.groups.len()), (before[0].exactness, 1));
        assert!((told.total - 2.0 / 3.0).abs() < 0.02, "{}", told.total);
        assert!((told.total - before[0].total).abs() < 0.02, "{} {}", told.total, before[0].total);
        if told.exactness == Exactness::Exact {
            assert_eq!(told, before[0]);
        }
        if is_enough {
            assert_eq!(counted(&store, &many).await, before[1], "as many, by whatever way");
            let mut of_shop = AggregateQuery { group_by: vec![], ..rate.clone() };
            of_shop.filters.dimensions.insert(Dimension::App, "shop".to_owned());
            assert_eq!(counted(&store, &of_shop).await.total, told.total, "asked for alone");
            assert_eq!(events_read(&store, &door, &of_shop).await, 0);
        }
        let of_clicks = AggregateQuery { filters: of_type("click"), ..rate };
        assert!(events_read(&store, &door, &of_clicks).await > 0, "of no other type is it said");
    }
}
