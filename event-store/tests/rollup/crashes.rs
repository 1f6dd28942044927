//! Death at every call.

use super::*;
use event_store::rollup::LEASE;

/// Two hours of two days, a few events in each, counted or not.
async fn begun(counted: bool) -> (World, DynamoDb) {
    let world = World::new("2026-03-01T12:00:00Z");
    let (store, _) = world.instance();
    let times = ["2026-02-28T10:10:00Z", "2026-03-01T11:30:00Z"].map(at);
    let events: Vec<ToPut> = (0..6)
        .map(|n| {
            let more = json!({"app": (["shop", "kiosk"][n % 2]), "user_id": format!("u{n}"), "session_id": "s"});
            event(&n.to_string(), times[n / 3], more)
        })
        .collect();
    put(&store, &events).await;
    if counted {
        world.clock.advance(LEASE + SignedDuration::from_mins(1));
        assert_eq!(seal(&world, &store).await.hours, 2);
    }
    (world, store)
}

#[derive(Clone, Copy, Debug)]
enum Work {
    Put,
    Delete,
    Seal,
}

/// Whether the work was done before the instance died.
async fn dies(world: &World, work: Work, calls: u32, fate: Fate) -> bool {
    let (store, door) = world.instance();
    door.set(calls, fate);
    let tenant = tenant();
    match work {
        Work::Put => {
            let times = ["2026-02-28T10:50:00Z", "2026-02-28T13:00:00Z", "2026-03-01T11:31:00Z"].map(at);
            let events = times.map(|time| {
                event(&format!("new-{time}").replace(':', "_"), time, json!({"user_id": "u1", "session_id": "t"}))
            });
            door.live(tenant.act(store.put(&tenant, &events))).await.is_some()
        }
        Work::Delete => door.live(tenant.act(store.delete(&tenant, &id("1")))).await.is_some(),
        Work::Seal => door.live(seal(world, &store)).await.is_some(),
    }
}

/// Lets an instance die at every call of the work, in every way.
async fn whoever_dies_leaves_what_is_true(work: Work, counted: bool) {
    let mut deaths = 0;
    for fate in [Fate::Before, Fate::After, Fate::Late] {
        for calls in 0.. {
            let (world, store) = begun(counted).await;
            if let Work::Seal = work {
                // Of what was counted, some is counted anew.
                let late = at("2026-02-28T10:20:00Z");
                put(&store, &[event("late", late, json!({"user_id": "u9"}))]).await;
                world.clock.advance(LEASE + SignedDuration::from_mins(1));
            }
            let done = dies(&world, work, calls, fate).await;
            let question = &questions()[calls as usize % questions().len()];
            let about = format!("{work:?} {fate:?} after {calls} calls, counted: {counted}");
            is_true_of(&store, question, &about).await;
            // What was on its way when its sender died arrives as late as it can.
            world.clock.advance(SignedDuration::from_mins(15));
            world.land();
            is_true_of(&store, question, &about).await;
            world.clock.advance(LEASE - SignedDuration::from_mins(14));
            seal(&world, &world.instance().0).await;
            is_true_of(&store, question, &about).await;
            let checked = verify(&world, &store).await;
            assert!(checked.wrong.is_empty(), "{about}: {checked:?}");
            if done {
                break;
            }
            deaths += 1;
        }
    }
    let least = if let Work::Seal = work { 150 } else { 8 };
    assert!(deaths > least, "{work:?}, counted: {counted}: {deaths}");
}

#[tokio::test]
async fn whoever_dies_while_putting_into_counted_hours_leaves_what_is_true() {
    whoever_dies_leaves_what_is_true(Work::Put, true).await;
}

#[tokio::test]
async fn whoever_dies_while_putting_leaves_what_is_true() {
    whoever_dies_leaves_what_is_true(Work::Put, false).await;
}

#[tokio::test]
async fn whoever_dies_while_deleting_leaves_what_is_true() {
    whoever_dies_leaves_what_is_true(Work::Delete, true).await;
}

#[tokio::test]
async fn whoever_dies_while_counting_leaves_what_is_true() {
    whoever_dies_leaves_what_is_true(Work::Seal, false).await;
}

#[tokio::test]
async fn whoever_dies_while_counting_anew_leaves_what_is_true() {
    whoever_dies_leaves_what_is_true(Work::Seal, true).await;
}
