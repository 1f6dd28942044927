//! Histories that nobody thought of.

use super::*;
use event_store::rollup::LEASE;
use proptest::prelude::*;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// One of three instances puts events, each one of twelve names at one of ten times.
    Put { by: usize, events: Vec<(usize, usize)>, death: Option<(u32, Fate)> },
    /// One of them deletes an event.
    Delete { by: usize, name: usize, death: Option<(u32, Fate)> },
    /// Somebody counts.
    Seal { death: Option<(u32, Fate)> },
    /// Time goes by.
    Wait { minutes: i64 },
    /// What is on its way arrives.
    Land,
}

fn death() -> impl Strategy<Value = Option<(u32, Fate)>> {
    let fate = prop_oneof![Just(Fate::Before), Just(Fate::After), Just(Fate::Late)];
    prop_oneof![3 => Just(None), 2 => (0..14_u32, fate).prop_map(Some)]
}

fn step() -> impl Strategy<Value = Step> {
    let events = prop::collection::btree_map(0..12_usize, 0..10_usize, 1..5);
    let events = events.prop_map(|events| events.into_iter().collect());
    prop_oneof![
        4 => (0..3_usize, events, death()).prop_map(|(by, events, death)| Step::Put { by, events, death }),
        2 => (0..3_usize, 0..12_usize, death()).prop_map(|(by, name, death)| Step::Delete { by, name, death }),
        3 => death().prop_map(|death| Step::Seal { death }),
        4 => prop_oneof![Just(1), Just(4), Just(6), Just(11), Just(16), Just(26), Just(70), Just(24 * 60)]
            .prop_map(|minutes| Step::Wait { minutes }),
        1 => Just(Step::Land),
    ]
}

/// Times of five hours, two of which are ahead of the clock at first.
fn time(n: usize) -> Timestamp {
    let hours = [
        "2026-02-28T10:00:00Z",
        "2026-02-28T23:00:00Z",
        "2026-03-01T00:00:00Z",
        "2026-03-01T12:00:00Z",
        "2026-03-01T13:00:00Z",
    ];
    at(hours[n / 2]) + SignedDuration::from_mins(if n.is_multiple_of(2) { 0 } else { 59 })
}

fn named(name: usize, n: usize) -> ToPut {
    let app = ["shop", "kiosk"][name % 2];
    let more = json!({"app": app, "payload": {"n": name}, "event_type": (["pageview", "click"][n % 2]), "user_id": format!("u{}", name % 5), "session_id": format!("s{}", n % 4)});
    event(&name.to_string(), time(n), more)
}

async fn live(steps: Vec<Step>) {
    let world = World::new("2026-03-01T12:00:00Z");
    let tenant = tenant();
    let mut instances = [world.instance(), world.instance(), world.instance()];
    let reader = world.instance().0.keeping_answers(Kept::default());
    for (at, step) in steps.iter().enumerate() {
        let died = match step {
            Step::Put { by, events, death } => {
                let (store, door) = &instances[*by];
                death.iter().for_each(|(calls, fate)| door.set(*calls, *fate));
                let events: Vec<ToPut> = events.iter().map(|(name, n)| named(*name, *n)).collect();
                let done = door.live(tenant.act(store.put(&tenant, &events))).await;
                done.is_none().then_some(*by)
            }
            Step::Delete { by, name, death } => {
                let (store, door) = &instances[*by];
                death.iter().for_each(|(calls, fate)| door.set(*calls, *fate));
                let done = door.live(tenant.act(store.delete(&tenant, &id(&name.to_string())))).await;
                done.is_none().then_some(*by)
            }
            Step::Seal { death } => {
                let (store, door) = world.instance();
                death.iter().for_each(|(calls, fate)| door.set(*calls, *fate));
                door.live(seal(&world, &store)).await;
                None
            }
            Step::Wait { minutes } => {
                world.clock.advance(SignedDuration::from_mins(*minutes));
                None
            }
            Step::Land => {
                world.land();
                None
            }
        };
        // A fate that was not met goes with the instance too.
        let fused = matches!(step, Step::Put { death: Some(_), .. } | Step::Delete { death: Some(_), .. });
        if let (Step::Put { by, .. } | Step::Delete { by, .. }, true) = (step, fused || died.is_some()) {
            instances[*by] = world.instance();
        }
        let question = &questions()[at % questions().len()];
        assert_eq!(counted(&reader, question).await, read(&reader, question).await, "{at}: {step:?}: {question:?}");
    }
    world.clock.advance(LEASE + SignedDuration::from_hours(48));
    world.land();
    seal(&world, &reader).await;
    is_true(&reader, "at the end").await;
    assert!(verify(&world, &reader).await.wrong.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_the_answer_is_what_the_events_say(steps in prop::collection::vec(step(), 1..40)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(live(steps));
    }
}
