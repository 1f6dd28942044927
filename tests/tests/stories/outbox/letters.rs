//! What fails again and again: later and later, then a dead letter, then what a person decides.

use super::*;
use shared::outbox::{Discarded, MAX_ATTEMPTS, PAUSES, Redriven};

impl World {
    async fn redrive(&self, id: &str) -> Redriven {
        let (outbox, id) = (self.outbox(&greenleaf()), id.to_owned());
        greenleaf().act(async move { outbox.redrive(&id).await }).await.unwrap()
    }

    async fn discard(&self, id: &str) -> Discarded {
        let (outbox, id) = (self.outbox(&greenleaf()), id.to_owned());
        greenleaf().act(async move { outbox.discard(&id).await }).await.unwrap()
    }

    /// The ids of the dead letters, the latest first, two by two.
    async fn dead(&self) -> Vec<String> {
        let outbox = self.outbox(&greenleaf());
        greenleaf()
            .act(async move {
                let (mut ids, mut after) = (Vec::new(), None);
                loop {
                    let page = outbox.dead_letters(2, after).await.unwrap();
                    assert!(page.rows.len() <= 2);
                    ids.extend(page.rows.into_iter().map(|letter| letter.id));
                    after = page.after;
                    if after.is_none() {
                        return ids;
                    }
                }
            })
            .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_down_is_tried_later_and_later_and_in_the_end_takes_it() {
    let world = World::start().await;
    world.write(&greenleaf(), [webhook("w-1")]).await;
    world.hook.always(Answer::Says(503, ""));
    let mut ceilings = Vec::new();
    for tried in 1..=4 {
        world.drain().await;
        let row = world.row("w-1").await;
        assert_eq!((row.state, row.attempts), (State::Waiting, tried));
        assert_eq!(row.last_error.as_deref(), Some("the receiver answered 503"));
        let due: Timestamp = row.outbox_due.unwrap().parse().unwrap();
        let pause = due.duration_since(world.bundle.clock().now());
        let ceiling = SignedDuration::try_from(PAUSES.ceiling(tried - 1)).unwrap();
        assert!(pause >= SignedDuration::ZERO && pause < ceiling, "{pause} after try {tried}");
        ceilings.push(ceiling);
        world.until_due("w-1").await;
    }
    assert!(ceilings.is_sorted() && ceilings[3] == ceilings[0] * 8, "{ceilings:?}");
    world.hook.always(Answer::Takes);
    assert_eq!(world.drain().await["sent"], 1);
    assert_eq!(world.row("w-1").await.last_error, None);
    let bodies: Vec<_> = world.hook.received().into_iter().map(|received| (received.id, received.body)).collect();
    assert!(bodies.len() == 5 && bodies.iter().all(|body| *body == bodies[0]), "each try says the same: {bodies:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_last_try_it_is_a_dead_letter_that_is_sent_again_once_when_a_person_says_so() {
    let world = World::start().await;
    world.write(&greenleaf(), [webhook("w-1")]).await;
    world.hook.always(Answer::Says(500, ""));
    let mut runs = 0;
    while world.row("w-1").await.state == State::Waiting {
        world.drain().await;
        runs += 1;
        assert!(runs < 60, "{:?}", world.row("w-1").await);
        if world.row("w-1").await.state == State::Waiting {
            world.until_due("w-1").await;
        }
    }
    let row = world.row("w-1").await;
    assert_eq!((row.state, row.attempts, row.outbox_due, row.expires_at), (State::Dead, MAX_ATTEMPTS, None, None));
    assert_eq!(world.hook.received().len(), MAX_ATTEMPTS as usize);
    assert_eq!(world.dead().await, ["w-1"]);
    assert_eq!(world.drain().await["waiting"], 0);
    assert_eq!(world.redrive("nothing").await, Redriven::NoSuchMessage);
    assert_eq!(world.redrive("w-1").await, Redriven::Done);
    assert_eq!(world.redrive("w-1").await, Redriven::Not(State::Waiting));
    assert_eq!(world.dead().await, [""; 0]);
    world.hook.always(Answer::Takes);
    world.bundle.clock().advance(SignedDuration::from_secs(16));
    assert_eq!(world.drain().await["sent"], 1);
    assert_eq!(world.redrive("w-1").await, Redriven::Not(State::Sent));
    assert_eq!(world.hook.received().len(), MAX_ATTEMPTS as usize + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_send_a_dead_letter_again_or_not_one_prevails() {
    let world = World::start().await;
    world.hook.always(Answer::Says(410, ""));
    for round in 0..5 {
        let id = format!("w-{round}");
        world.write(&greenleaf(), [webhook(&id)]).await;
        assert_eq!(world.drain().await["dead"], 1);
        let redrives = futures::future::join_all((0..8).map(|_| world.redrive(&id)));
        let discards = futures::future::join_all((0..8).map(|_| world.discard(&id)));
        let (redrives, discards) = futures::join!(redrives, discards);
        let done = redrives.iter().filter(|found| **found == Redriven::Done).count()
            + discards.iter().filter(|found| **found == Discarded::Done).count();
        assert_eq!(done, 1, "{redrives:?} {discards:?}");
        assert_eq!(world.dead().await, [""; 0]);
        if world.row(&id).await.state == State::Waiting {
            assert_eq!(world.drain().await["dead"], 1);
            assert_eq!(world.discard(&id).await, Discarded::Done);
        }
        let row = world.row(&id).await;
        assert!(row.state == State::Discarded && row.expires_at.is_some(), "{row:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_page_by_page_the_latest_first() {
    let world = World::start().await;
    world.hook.always(Answer::Says(410, ""));
    for n in 0..5 {
        world.write(&greenleaf(), [webhook(&format!("w-{n}"))]).await;
        world.drain().await;
        world.bundle.clock().advance(SignedDuration::from_secs(1));
    }
    assert_eq!(world.dead().await, ["w-4", "w-3", "w-2", "w-1", "w-0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_days_after_its_first_failure_it_is_given_up() {
    let world = World::start().await;
    world.write(&greenleaf(), [webhook("w-1")]).await;
    world.hook.always(Answer::Says(404, ""));
    world.drain().await;
    world.bundle.clock().advance(SignedDuration::from_hours(71));
    world.drain().await;
    assert_eq!(world.row("w-1").await.state, State::Waiting);
    world.bundle.clock().advance(SignedDuration::from_hours(1));
    world.drain().await;
    let row = world.row("w-1").await;
    assert_eq!(
        (row.state, row.attempts, row.last_error.as_deref()),
        (State::Dead, 3, Some("the receiver answered 404"))
    );
    assert_eq!(world.redrive("w-1").await, Redriven::Done);
    world.drain().await;
    assert_eq!(world.row("w-1").await.state, State::Waiting, "it begins anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_no_one_can_take_is_dead_at_once() {
    let world = World::start().await;
    let mut odd = letter("m-1");
    odd.payload = json!({"person": "ada", "texts": {"en": {"title": "without a body"}}});
    world.write(&greenleaf(), [odd, letter("m-2"), letter("m-3")]).await;
    world.mail.then([Answer::Says(400, "MessageRejected"), Answer::Says(400, "BadRequestException")]);
    assert_eq!(world.drain().await["dead"], 3);
    assert_eq!(world.row("m-1").await.last_error.as_deref(), Some("the payload is not that of a mail"));
    let told = [world.row("m-2").await, world.row("m-3").await].map(|row| row.last_error.unwrap());
    assert!(told.contains(&"SES answered 400 MessageRejected".to_owned()), "{told:?}");
}
