//! Runs that die, that meet, and that lose replies: a message is never lost, and never sent by two at once.

use super::*;
use shared::outbox::{LEASE, MAX_ATTEMPTS};
use std::{sync::Arc, time::Duration};
use tests::faults::Faults;
use tokio::sync::Notify;

async fn behind(faults: &Faults) -> World {
    World::start_with(|options| faults.before(options)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_dies_at_any_step_loses_no_message() {
    // For a webhook: the index is read, the message claimed, the secret read, the message sent, and settled.
    let mut twice = 0;
    for step in 1..=4 {
        let faults = Faults::new();
        let world = behind(&faults).await;
        world.write(&greenleaf(), [webhook("w-1")]).await;
        let died = Arc::new(Notify::new());
        let here = died.clone();
        faults.on("*").by("outbox-drain").nth(step).before(move || here.notify_one());
        // Where both are ready by the time that anybody looks, it died all the same.
        let finished = tokio::select! {
            biased;
            () = died.notified() => false,
            _ = world.drain() => true,
        };
        assert!(!finished, "step {step} is one");
        faults.clear();
        // What was under way on the wire comes to its end.
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.bundle.clock().advance(LEASE + SignedDuration::from_secs(1));
        world.drain().await;
        let row = world.row("w-1").await;
        assert_eq!(row.state, State::Sent, "step {step}");
        let received = world.hook.received();
        assert!((1..=2).contains(&received.len()), "step {step}: {received:#?}");
        assert!(received.iter().all(|one| one.id == received[0].id && one.body == received[0].body));
        twice += received.len() - 1;
        assert_eq!(world.drain().await["waiting"], 0);
    }
    assert!(twice <= 1, "only who dies between sending and settling sends twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_dies_between_sending_and_settling_sends_again_when_its_lease_is_over() {
    let world = World::start().await;
    world.write(&greenleaf(), [webhook("w-1")]).await;
    world.hook.thinks(Duration::from_secs(5));
    tokio::select! {
        () = world.hook.hears() => {}
        report = world.drain() => panic!("it ended: {report}"),
    }
    world.hook.thinks(Duration::ZERO);
    assert_eq!(world.drain().await["sent"], 0, "the lease holds");
    world.bundle.clock().advance(LEASE - SignedDuration::from_micros(1));
    assert_eq!(world.drain().await["sent"], 0, "for its last moment");
    world.bundle.clock().advance(SignedDuration::from_micros(1));
    assert_eq!(world.drain().await["sent"], 1);
    let received = world.hook.received();
    assert_eq!((received.len(), &received[0].body), (2, &received[1].body));
    assert_eq!(world.row("w-1").await.attempts, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_kills_each_run_is_given_up_unsent() {
    let world = World::start().await;
    world.write(&greenleaf(), [webhook("w-1")]).await;
    let outbox = world.outbox(&greenleaf());
    for _ in 0..MAX_ATTEMPTS {
        assert!(greenleaf().act(outbox.claim("w-1")).await.unwrap().is_some());
        world.bundle.clock().advance(LEASE);
    }
    assert_eq!(world.drain().await["dead"], 1);
    assert_eq!((world.row("w-1").await.state, world.hook.received().len()), (State::Dead, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_at_the_same_time_send_each_message_once() {
    let world = World::start().await;
    world.write(&greenleaf(), (0..40).map(|n| webhook(&format!("w-{n:02}")))).await;
    world.hook.thinks(Duration::from_millis(30));
    let url = format!("{}/hook", world.hook.url());
    let apps: Vec<App> = (0..6).map(|_| world.app(&[("WEBHOOK_URL", &url)])).collect();
    let reports = futures::future::join_all(apps.iter().map(|app| world.run(app))).await;
    assert_eq!(reports.iter().map(|report| report.sent).sum::<u64>(), 40, "{reports:?}");
    assert!(reports.iter().filter(|report| report.sent > 0).count() > 1, "only one run had work: {reports:?}");
    assert_eq!((world.hook.received().len(), world.hook.most_at_once()), (40, 1));
    world.no_wrongs();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wakes_after_the_lease_writes_nothing_over_what_came_since() {
    use shared::outbox::{Settled, Verdict};
    let world = World::start().await;
    world.write(&greenleaf(), [webhook("w-1")]).await;
    let outbox = world.outbox(&greenleaf());
    let late = greenleaf().act(outbox.claim("w-1")).await.unwrap().unwrap();
    world.bundle.clock().advance(LEASE);
    let second = greenleaf().act(outbox.claim("w-1")).await.unwrap().unwrap();
    let failed = || Verdict::Failed { why: "late".to_owned(), retry_after: None };
    for verdict in [Verdict::Sent, Verdict::Skipped("late".to_owned()), failed(), Verdict::Dead("late".to_owned())] {
        assert_eq!(greenleaf().act(outbox.settle(&late, verdict)).await.unwrap(), Settled::Lost);
    }
    let settled = greenleaf().act(outbox.settle(&second, Verdict::Sent)).await.unwrap();
    assert_eq!(settled, Settled::As(State::Sent));
    assert_eq!(greenleaf().act(outbox.settle(&late, failed())).await.unwrap(), Settled::Lost);
    assert_eq!(world.row("w-1").await.state, State::Sent);
    let letters = greenleaf().act(outbox.dead_letters(10, None)).await.unwrap();
    assert!(letters.rows.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_to_any_step_is_asked_for_again_and_the_message_sent_once() {
    for (operation, nth, sent) in
        [("Scan", 1, 1), ("UpdateItem", 1, 1), ("UpdateItem", 2, 1), ("TransactWriteItems", 1, 0)]
    {
        let faults = Faults::new();
        let world = behind(&faults).await;
        world.write(&greenleaf(), [webhook("w-1")]).await;
        if sent == 0 {
            world.hook.always(Answer::Says(410, ""));
        }
        faults.on(operation).by("outbox-drain").nth(nth).lose_reply();
        let report = world.drain().await;
        assert_eq!((&report["sent"], &report["dead"]), (&json!(sent), &json!(1 - sent)), "{operation} {nth}: {report}");
        assert_eq!(world.hook.received().len(), 1, "{operation} {nth}");
        assert_eq!(faults.log().faulted().len(), 1, "{operation} {nth}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_written_costs_one_message_and_the_run_says_so() {
    let faults = Faults::new();
    let world = behind(&faults).await;
    world.write(&greenleaf(), [webhook("w-1")]).await;
    world.write(&tenant("t_other"), [webhook("w-1")]).await;
    faults.on("UpdateItem").touching("t_other").fail();
    let failed = world.bundle.run_schedule("outbox-drain").await.unwrap_err().to_string();
    assert!(failed.contains("\"sent\":1") && failed.contains("\"failed\":1"), "{failed}");
    faults.clear().on("Scan").fail();
    assert!(world.bundle.run_schedule("outbox-drain").await.is_err());
    faults.clear();
    assert_eq!(world.drain().await["sent"], 1);
}
