//! Targets that fail, each in its way.

use super::*;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_target_says_when_to_come_again_and_is_heeded_within_bounds() {
    for (told, least, most) in [(3_600, 3_600, 3_630), (4_000_000, 86_400, 86_400)] {
        let world = World::start().await;
        world.write(&greenleaf(), [webhook("w-1"), letter("m-1")]).await;
        world.hook.then([Answer::Later(429, told)]);
        world.mail.then([Answer::Later(429, told)]);
        assert_eq!(world.drain().await["put_off"], 2);
        for id in ["w-1", "m-1"] {
            let due: Timestamp = world.row(id).await.outbox_due.unwrap().parse().unwrap();
            let pause = due.duration_since(world.bundle.clock().now()).as_secs();
            assert!((least..=most).contains(&pause), "{id} waits for {pause} s");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_may_not_send_is_no_fault_of_the_messages() {
    let world = World::start().await;
    world.write(&greenleaf(), [letter("m-1")]).await;
    let refusals = [
        (400, "AccountSuspendedException"),
        (400, "MailFromDomainNotVerifiedException"),
        (400, "SendingPausedException"),
        (403, "AccessDeniedException"),
        (404, "NotFoundException"),
        (403, ""),
    ];
    for (status, kind) in refusals.into_iter().cycle().take(18) {
        world.mail.then([Answer::Says(status, kind)]);
        assert_eq!(world.drain().await["put_off"], 1, "{kind}");
        let row = world.row("m-1").await;
        assert_eq!((row.state, row.attempts, row.failing_since), (State::Waiting, 0, None), "{kind}");
        let why = row.last_error.unwrap();
        assert!(why.contains(&status.to_string()) && why.contains(kind) && !why.contains('@'), "{why}");
        world.until_due("m-1").await;
    }
    assert_eq!(world.drain().await["sent"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_vendor_puts_the_message_off_and_loses_nothing() {
    let world = World::start().await;
    let faults =
        [Fault::Broken, Fault::Overloaded, Fault::Cut, Fault::Empty, Fault::Html, Fault::Foreign, Fault::Resets];
    for (n, fault) in faults.into_iter().enumerate() {
        let id = format!("m-{n}");
        world.write(&greenleaf(), [letter(&id)]).await;
        world.mail.then([Answer::Fails(fault)]);
        assert_eq!(world.drain().await["put_off"], 1, "{fault:?}");
        let row = world.row(&id).await;
        assert_eq!((row.state, row.attempts), (State::Waiting, 1), "{fault:?}");
        world.until_due(&id).await;
        assert_eq!(world.drain().await["sent"], 1, "{fault:?}");
    }
    world.no_wrongs();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_receiver_gets_nothing_but_the_message() {
    let world = World::start().await;
    let elsewhere = Receiver::start(Receives::Webhooks { key: KEY.to_vec() }).await;
    let hostile = [
        Answer::Redirects(format!("{}/hook", elsewhere.url())),
        Answer::Huge(10 * 1024 * 1024),
        Answer::Fails(Fault::Cut),
        Answer::Fails(Fault::Resets),
        Answer::Says(418, ""),
        Answer::Says(999, ""),
    ];
    for (n, answer) in hostile.into_iter().enumerate() {
        let id = format!("w-{n}");
        world.write(&greenleaf(), [webhook(&id)]).await;
        world.hook.then([answer.clone()]);
        assert_eq!(world.drain().await["put_off"], 1, "{answer:?}");
        let row = world.row(&id).await;
        assert_eq!((row.state, row.attempts), (State::Waiting, 1), "{answer:?}");
        assert!(!row.last_error.unwrap().contains("127.0.0.1"), "{answer:?}");
        world.until_due(&id).await;
        assert_eq!(world.drain().await["sent"], 1, "{answer:?}");
    }
    assert_eq!(elsewhere.received().len() + elsewhere.wrongs().len(), 0, "nobody is followed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_or_drips_holds_up_no_mail_and_no_run() {
    for fault in [Fault::Hangs, Fault::Drips(200)] {
        let world = World::start().await;
        world.write(&greenleaf(), (0..20).map(|n| webhook(&format!("w-{n:02}")))).await;
        world.bundle.clock().advance(SignedDuration::from_secs(1));
        world.write(&greenleaf(), (0..20).map(|n| letter(&format!("m-{n:02}")))).await;
        world.hook.always(Answer::Fails(fault));
        let begun = Instant::now();
        let report = world.drain().await;
        assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
        assert_eq!((&report["sent"], &report["put_off"]), (&json!(20), &json!(20)), "{report}");
        assert!(world.hook.received().len() < 20, "the breaker has let {} through", world.hook.received().len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_fails_is_left_alone_and_what_waits_meanwhile_is_not_counted() {
    let world = World::start().await;
    let ids: Vec<String> = (0..30).map(|n| format!("w-{n:02}")).collect();
    world.write(&greenleaf(), ids.iter().map(|id| webhook(id))).await;
    world.write(&greenleaf(), [letter("m-1")]).await;
    world.hook.always(Answer::Says(500, ""));
    let report = world.drain().await;
    assert_eq!((&report["put_off"], &report["sent"]), (&json!(30), &json!(1)), "{report}");
    let called = world.hook.received().len();
    assert!((5..=12).contains(&called), "{called} calls before it was left alone");
    let mut attempts = 0;
    for id in &ids {
        attempts += world.row(id).await.attempts;
    }
    assert_eq!(attempts as usize, called);
    world.hook.always(Answer::Takes);
    for _ in 0..10 {
        world.bundle.clock().advance(SignedDuration::from_mins(2));
        world.drain().await;
    }
    for id in &ids {
        assert_eq!(world.row(id).await.state, State::Sent, "{id}");
    }
    assert_eq!(world.hook.received().len(), called + 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listening_is_a_fault_like_another() {
    let world = World::start().await;
    world.write(&greenleaf(), [webhook("w-1")]).await;
    let app = world.app(&[("WEBHOOK_URL", &format!("{}/hook", Vendor::nobody().await))]);
    assert_eq!(world.run(&app).await.put_off, 1);
    assert_eq!(world.row("w-1").await.last_error.as_deref(), Some("the connection failed"));
}
