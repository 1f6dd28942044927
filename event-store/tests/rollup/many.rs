//! Many at once, and very many.

use super::*;
use event_store::rollup::{LEASE, crowd::EXACT};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_many_write_and_one_counts_no_answer_is_wrong_at_the_end() {
    let world = World::new("2026-03-01T12:00:00Z");
    let hours = ["2026-02-27T08:00:00Z", "2026-02-28T10:00:00Z", "2026-03-01T11:00:00Z"].map(at);
    let writers = (0..6).map(|writer| {
        let world = world.clone();
        let tenant = tenant();
        tokio::spawn(async move {
            let (store, _) = world.instance();
            for round in 0..12 {
                let events: Vec<ToPut> = (0..5)
                    .map(|n| {
                        let name = format!("{}-{round}-{n}", writer % 4);
                        event(
                            &name,
                            hours[(round + n) % 3] + SignedDuration::from_mins(n as i64),
                            json!({"app": "shop", "user_id": format!("u{writer}")}),
                        )
                    })
                    .collect();
                tenant.act(store.put(&tenant, &events)).await;
                if round % 3 == 0 {
                    tenant.act(store.delete(&tenant, &id(&format!("{}-{round}-1", writer % 4)))).await.unwrap();
                }
                if writer == 0 {
                    // Each lives for less than a lease.
                    world.clock.advance(SignedDuration::from_mins(7));
                }
                tokio::task::yield_now().await;
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let counting = {
        let world = world.clone();
        tokio::spawn(async move {
            let (store, _) = world.instance();
            let mut hours = 0;
            for _ in 0..30 {
                hours += seal(&world, &store).await.hours;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            hours
        })
    };
    for writer in writers {
        writer.await.unwrap();
    }
    counting.await.unwrap();
    let (store, _) = world.instance();
    is_true(&store, "after all have written").await;
    world.clock.advance(LEASE + SignedDuration::from_mins(1));
    assert!(seal(&world, &store).await.hours > 0);
    is_true(&store, "and all is counted").await;
    assert!(verify(&world, &store).await.wrong.is_empty());
}

#[tokio::test]
async fn so_many_people_are_estimated_alike_from_events_hours_and_days() {
    let world = World::new("2026-03-01T00:00:00Z");
    let (store, door) = world.instance();
    let people = EXACT + 1_000;
    let begin = at("2026-02-28T00:00:00Z");
    let events: Vec<ToPut> = (0..people)
        .map(|n| {
            let more = json!({"app": (["shop", "kiosk"][usize::from(n % 11 == 0)]), "user_id": format!("user-{n}"), "session_id": format!("s-{}", n / 2)});
            event(&n.to_string(), begin + SignedDuration::from_secs(7 * n as i64), more)
        })
        .collect();
    for batch in events.chunks(500) {
        put(&store, batch).await;
    }
    let [all, by_app, sessions] = [
        asked(always(), Measure::UniqueUsers, &[]),
        asked(always(), Measure::UniqueUsers, &[Dimension::App]),
        asked(always(), Measure::BounceRate, &[]),
    ];
    let before = [counted(&store, &all).await, counted(&store, &by_app).await, counted(&store, &sessions).await];
    world.clock.advance(LEASE + SignedDuration::from_mins(1));
    assert_eq!(seal(&world, &store).await.days, 1);
    let after = [counted(&store, &all).await, counted(&store, &by_app).await, counted(&store, &sessions).await];
    assert_eq!(before, after, "the same, from events and from roll-ups");
    assert_eq!(events_read(&store, &door, &all).await, 0);
    assert_eq!(after[0].exactness, Exactness::Estimate);
    assert!((after[0].total / people as f64 - 1.0).abs() < 3.0 * 1.04 / 128.0, "{}", after[0].total);
    // A group of ten thousand is exact beside a total that is an estimate.
    let group =
        |name: &str| after[1].groups.iter().find(|group| group.values[0].as_deref() == Some(name)).unwrap().value;
    assert_eq!(group("kiosk"), (people as f64 / 11.0).ceil());
    assert_eq!((after[2].exactness, after[2].total), (Exactness::Exact, 0.0), "of 5,500 sessions all have two events");
    assert!(verify(&world, &store).await.wrong.is_empty());
}

#[tokio::test]
async fn very_many_combinations_are_counted_over_several_chunks_and_what_is_left_of_them_goes() {
    let world = World::new("2026-03-01T00:00:00Z");
    let (store, door) = world.instance();
    let time = at("2026-02-28T10:30:00Z");
    let many = 3_000;
    let events: Vec<ToPut> = (0..many)
        .map(|n| {
            event(
                &n.to_string(),
                time,
                json!({"utm_term": format!("{n} {}", "x".repeat(150)), "user_id": format!("u{n}")}),
            )
        })
        .collect();
    for batch in events.chunks(500) {
        put(&store, batch).await;
    }
    world.clock.advance(LEASE + SignedDuration::from_mins(1));
    assert_eq!(seal(&world, &store).await.hours, 1);
    let chunks = |world: &World| {
        let items = world.items();
        items.iter().filter(|item| item["sk"]["S"].as_str().unwrap().starts_with("HC#")).count()
    };
    assert_eq!(chunks(&world), 2);
    is_true(&store, "several chunks").await;
    let question = asked(always(), Measure::Events, &[Dimension::UtmTerm]);
    assert_eq!((counted(&store, &question).await.groups.len(), events_read(&store, &door, &question).await), (many, 0));
    // Without one of them the hour is read.
    let key = json!({"pk": {"S": "T#acme#ROLLUP"}, "sk": {"S": "HC#2026-02-28T10#1"}});
    world.change("DeleteItem", json!({"Key": key}));
    world.change("DeleteItem", json!({"Key": {"pk": {"S": "T#acme#ROLLUP"}, "sk": {"S": "DC#2026-02-28#0"}}}));
    is_true(&store, "without a chunk").await;
    let tenant = tenant();
    for n in 0..many - 5 {
        tenant.act(store.delete(&tenant, &id(&n.to_string()))).await.unwrap();
    }
    world.clock.advance(LEASE + SignedDuration::from_mins(1));
    seal(&world, &store).await;
    assert_eq!(chunks(&world), 1);
    is_true(&store, "few are left").await;
}

#[tokio::test]
async fn an_hour_that_is_larger_than_a_run_is_gone_on_with_by_the_next_ones() {
    let world = World::new("2026-03-01T00:00:00Z");
    let (store, door) = world.instance();
    let (begin, many) = (at("2026-02-28T10:00:00Z"), 11_000);
    let events: Vec<ToPut> = (0..many)
        .map(|n| {
            let mut payload = json!({"n": n, "of": {"tenth": n as f64 / 10.0}});
            // Of one type the first page has too many paths, and the others go on with few.
            let is_wide = n % 3 == 0;
            if is_wide && n < 300 {
                payload[format!("id-{n}")] = json!(n);
            }
            let more = json!({"app": (["shop", "kiosk"][n % 2]), "user_id": format!("user-{n}"), "session_id": format!("s-{}", n / 2), "payload": payload, "event_type": (["pageview", "wide"][usize::from(is_wide)])});
            // Several of one time.
            event(&n.to_string(), begin + SignedDuration::from_secs(n as i64 / 4), more)
        })
        .collect();
    for batch in events.chunks(500) {
        put(&store, batch).await;
    }
    put(&store, &[event("other", at("2026-02-28T12:00:00Z"), json!({}))]).await;
    world.clock.advance(LEASE + SignedDuration::from_mins(1));
    let over = world.clock.now() - SignedDuration::from_mins(1);
    let tenant = tenant();
    let day = Day::of(begin);
    let run = async || {
        let sealer = Sealer::of(&store, &tenant, world.clock.now(), Budget::of(Duration::ZERO)).unwrap();
        tenant.act(sealer.seal(day)).await.unwrap()
    };
    let begun = |world: &World| {
        world.items().iter().filter(|item| item["sk"]["S"].as_str().unwrap().starts_with("HB#")).count()
    };
    for read in [5_000, 5_000] {
        let sealed = run().await;
        assert_eq!((sealed.events, sealed.hours, sealed.unfinished), (read, 0, 2));
        assert!(
            sealed.waits_since.is_some_and(|since| since.duration_since(over).abs() <= SignedDuration::from_secs(1)),
            "{sealed:?}"
        );
        assert!(begun(&world) > 0);
    }
    // What is kept of it is no answer.
    let all = asked(always(), Measure::Events, &[Dimension::App]);
    is_true_of(&store, &all, "before it is counted").await;
    let sealed = run().await;
    assert_eq!((sealed.events, sealed.hours, sealed.unfinished), (1_000, 1, 1), "the rest of it");
    assert_eq!(begun(&world), 0, "nothing is left of the way there");
    let sealed = run().await;
    assert_eq!((sealed.events, sealed.hours, sealed.days, sealed.unfinished), (1, 1, 1, 0));
    let sum = asked(always(), Measure::Sum("of.tenth".to_owned()), &[Dimension::App]);
    let of_one = AggregateQuery { filters: of_type("pageview"), ..sum.clone() };
    let of_other = AggregateQuery { filters: of_type("wide"), ..sum.clone() };
    for question in [&sum, &of_other] {
        is_true_of(&store, question, "of what has too many paths").await;
        assert!(events_read(&store, &door, question).await > 0);
    }
    for question in [all, of_one, asked(always(), Measure::UniqueUsers, &[]), asked(always(), Measure::BounceRate, &[])]
    {
        is_true_or_estimated(&store, &question).await;
        assert_eq!(events_read(&store, &door, &question).await, 0);
    }
    assert!(verify(&world, &store).await.wrong.is_empty(), "to the byte what is counted in one run");
    // A write meanwhile, and what was counted before it is not taken.
    put(&store, &[event("late", begin, json!({"app": "late"}))]).await;
    world.clock.advance(LEASE + SignedDuration::from_mins(1));
    assert_eq!(run().await.events, 5_000);
    tenant.act(store.delete(&tenant, &id("1"))).await.unwrap();
    world.clock.advance(LEASE + SignedDuration::from_mins(1));
    let read: Vec<u64> = [run().await, run().await, run().await].map(|sealed| sealed.events).into();
    assert_eq!((read, begun(&world)), (vec![5_000, 5_000, 1_000], 0), "from the beginning");
    assert!(verify(&world, &store).await.wrong.is_empty());
}

/// What is told of very many people is the same from roll-ups and from events.
async fn is_true_or_estimated(store: &DynamoDb, question: &AggregateQuery) {
    assert_eq!(counted(store, question).await, read(store, question).await, "{question:?}");
}
