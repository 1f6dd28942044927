//! Runs that are killed between any two writes, come many at once, are overtaken while asleep, or run on clocks that disagree.

use super::*;
use crate::idempotency::{KEPT, MARGIN, Token, UNLIMITED, record::CHUNK_BYTES};
use http::StatusCode;
use jiff::SignedDuration;
use std::{collections::BTreeSet, sync::Mutex};
use tokio::sync::Notify;

const SECOND: SignedDuration = SignedDuration::from_secs(1);

fn clock() -> Clock {
    Clock::frozen(now())
}

fn lease() -> SignedDuration {
    UNLIMITED + MARGIN
}

/// Effects as a table keeps them that are written under the key's token on condition that they are not there yet.
type Effects = Arc<Mutex<BTreeSet<String>>>;

/// Where a run dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    /// At a step of the layer, the second time that it comes by where `again`.
    At(Step, bool),
    /// In the handler, before its effect.
    BeforeEffect,
    /// In the handler, after it.
    AfterEffect,
}

/// An act whose effect is one for all runs of a key. It answers with a body of three chunks that tells the runs apart.
fn effecting(effects: &Effects, runs: &Arc<AtomicUsize>, dies: Option<Death>) -> Act {
    let (effects, runs) = (effects.clone(), runs.clone());
    Arc::new(move |request| {
        let (effects, runs) = (effects.clone(), runs.clone());
        Box::pin(async move {
            let token = request.extensions().get::<Token>().expect("a request with a key has a token").to_string();
            let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
            assert_ne!(dies, Some(Death::BeforeEffect), "killed");
            effects.lock().unwrap().insert(token);
            assert_ne!(dies, Some(Death::AfterEffect), "killed");
            let byte = b'0' + u8::try_from(run).unwrap();
            (StatusCode::CREATED, vec![byte; 2 * CHUNK_BYTES + 1]).into_response()
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_dies_anywhere_leaves_the_key_free_after_its_lease_and_one_effect() {
    let steps = [Step::Claimed, Step::Ran, Step::ChunkUp, Step::Chunked, Step::Completed];
    let steps = steps.into_iter().map(|step| Death::At(step, false));
    let deaths = steps.chain([Death::At(Step::ChunkUp, true), Death::BeforeEffect, Death::AfterEffect]);
    let store = Store::start().await;
    for (number, death) in deaths.enumerate() {
        let (clock, effects, runs) = (clock(), Effects::default(), Arc::default());
        let passed = AtomicUsize::new(0);
        let dying = watched(&store, &clock, effecting(&effects, &runs, Some(death)), move |step| {
            if let Death::At(at, again) = death
                && step == at
                && passed.fetch_add(1, Ordering::SeqCst) == usize::from(again)
            {
                panic!("killed");
            }
        });
        let alive = site(&store, &clock, effecting(&effects, &runs, None));
        let ask = thing(&format!("key-{number}"));
        assert!(ask.to(&dying).await.is(500, "internal"), "{death:?}: dead");
        let soon = ask.to(&alive).await;
        if death == Death::At(Step::Completed, false) {
            assert!(soon.replayed() && soon.status == 201, "{death:?}: the answer is there");
        } else {
            assert!(soon.is(409, "idempotency.in_progress"), "{death:?}: {} {}", soon.status, soon.code());
            clock.advance(lease() - SECOND);
            assert!(ask.to(&alive).await.is(409, "idempotency.in_progress"), "{death:?}: not yet");
            clock.advance(SECOND + SECOND);
            let taken = ask.to(&alive).await;
            assert_eq!((taken.status, taken.replayed()), (201, false), "{death:?}: free at lease + 1 s");
        }
        let last = ask.to(&alive).await;
        assert!(last.replayed() && last.body.iter().all(|byte| *byte == last.body[0]), "{death:?}: of one run");
        assert_eq!(last.body.len(), 2 * CHUNK_BYTES + 1);
        assert_eq!(effects.lock().unwrap().len(), 1, "{death:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_equal_requests_at_once_one_acts_and_all_learn_its_answer() {
    let store = Store::start().await;
    for round in 0..4 {
        let (clock, done) = (clock(), Arc::default());
        let site = site(&store, &clock, counted(&done, |number| (StatusCode::CREATED, format!("number {number}"))));
        let ask = thing(&format!("round-{round}"));
        let all = (0..64).map(|_| {
            let (site, ask) = (site.clone(), ask.clone());
            tokio::spawn(async move {
                loop {
                    let reply = ask.to(&site).await;
                    if !reply.is(409, "idempotency.in_progress") {
                        return reply;
                    }
                    assert!(reply.retry_after() >= 1);
                    tokio::task::yield_now().await;
                }
            })
        });
        let replies: Vec<Reply> = futures::future::try_join_all(all).await.unwrap();
        let (again, first): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.replayed());
        assert_eq!((done.load(Ordering::SeqCst), first.len(), again.len()), (1, 1, 63));
        again.into_iter().for_each(|reply| reply.repeats(first[0]));
    }
}

/// A site whose first run sleeps until it is woken; each run answers with its number, and with this status.
struct Sleepy {
    site: Router,
    asleep: Arc<Notify>,
    wake: Arc<Notify>,
}

fn sleepy(store: &Store, clock: &Clock, first: StatusCode, length: usize) -> Sleepy {
    let (asleep, wake, runs) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let (told, woken) = (asleep.clone(), wake.clone());
    let act: Act = Arc::new(move |_| {
        let (told, woken, run) = (told.clone(), woken.clone(), runs.fetch_add(1, Ordering::SeqCst) + 1);
        Box::pin(async move {
            if run == 1 {
                told.notify_one();
                woken.notified().await;
            }
            let body = vec![b'0' + u8::try_from(run).unwrap(); length];
            (if run == 1 { first } else { StatusCode::OK }, body).into_response()
        })
    });
    Sleepy { site: site(store, clock, act), asleep, wake }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_wakes_after_another_took_over_changes_nothing_and_tells_what_is_stored() {
    let store = Store::start().await;
    for (number, length) in [1, 2 * CHUNK_BYTES + 1].into_iter().enumerate() {
        let clock = clock();
        let Sleepy { site, asleep, wake } = sleepy(&store, &clock, StatusCode::CREATED, length);
        let ask = thing(&format!("key-{number}"));
        let zombie = tokio::spawn({
            let (site, ask) = (site.clone(), ask.clone());
            async move { ask.to(&site).await }
        });
        asleep.notified().await;
        clock.advance(lease());
        let second = ask.to(&site).await;
        assert_eq!((second.status, second.body[0], second.replayed()), (200, b'2', false));
        wake.notify_one();
        zombie.await.unwrap().repeats(&second);
        ask.to(&site).await.repeats(&second);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_wakes_while_another_works_is_told_so() {
    let (store, clock) = (Store::start().await, clock());
    let Sleepy { site, asleep, wake } = sleepy(&store, &clock, StatusCode::CREATED, 1);
    let zombie = tokio::spawn({
        let site = site.clone();
        async move { thing("a").to(&site).await }
    });
    asleep.notified().await;
    clock.advance(lease());
    let working = super::site(&store, &clock, Arc::new(|_| Box::pin(std::future::pending())));
    let dropped = tokio::time::timeout(std::time::Duration::from_millis(300), thing("a").to(&working)).await;
    assert!(dropped.is_err(), "a run that is dropped leaves its lease");
    wake.notify_one();
    assert!(zombie.await.unwrap().is(409, "idempotency.in_progress"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_late_does_not_give_back_the_key_of_another() {
    let (store, clock) = (Store::start().await, clock());
    let Sleepy { site, asleep, wake } = sleepy(&store, &clock, StatusCode::SERVICE_UNAVAILABLE, 1);
    let zombie = tokio::spawn({
        let site = site.clone();
        async move { thing("a").to(&site).await }
    });
    asleep.notified().await;
    clock.advance(lease());
    let second = thing("a").to(&site).await;
    wake.notify_one();
    assert_eq!(zombie.await.unwrap().status, 503);
    thing("a").to(&site).await.repeats(&second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_run_that_nobody_overtook_keeps_its_answer() {
    let (store, clock) = (Store::start().await, clock());
    let Sleepy { site, asleep, wake } = sleepy(&store, &clock, StatusCode::CREATED, 1);
    let slow = tokio::spawn({
        let site = site.clone();
        async move { thing("a").to(&site).await }
    });
    asleep.notified().await;
    clock.advance(lease() + lease());
    wake.notify_one();
    let first = slow.await.unwrap();
    assert_eq!((first.status, first.replayed()), (201, false));
    thing("a").to(&site).await.repeats(&first);
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_five_seconds_off_either_way_do_not_let_two_runs_at_once() {
    const SKEW: SignedDuration = SignedDuration::from_secs(5);
    let store = Store::start().await;
    for (number, (ours, theirs)) in [(-SKEW, SKEW), (SKEW, -SKEW), (SKEW, SKEW)].into_iter().enumerate() {
        let (mine, other, done) = (clock(), clock(), Arc::default());
        mine.advance(ours);
        other.advance(theirs);
        let Sleepy { site: first, asleep, wake } = sleepy(&store, &mine, StatusCode::CREATED, 1);
        let second = site(&store, &other, counted(&done, |_| "second"));
        let ask = thing(&format!("key-{number}"));
        let running = tokio::spawn({
            let ask = ask.clone();
            async move { ask.to(&first).await }
        });
        asleep.notified().await;
        // The last moment at which Lambda lets the first act.
        other.advance(UNLIMITED - SignedDuration::from_millis(1));
        assert!(ask.to(&second).await.is(409, "idempotency.in_progress"), "{ours} {theirs}");
        wake.notify_one();
        running.await.unwrap();
        assert!(ask.to(&second).await.replayed(), "{ours} {theirs}");
        assert_eq!(done.load(Ordering::SeqCst), 0, "{ours} {theirs}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_and_a_record_are_over_at_their_very_millisecond_and_not_before() {
    const TICK: SignedDuration = SignedDuration::from_millis(1);
    let (store, clock, done) = (Store::start().await, clock(), Arc::default());
    let counting = site(&store, &clock, counted(&done, |number| format!("number {number}")));
    let dying = watched(&store, &clock, counted(&Arc::default(), |_| ""), |_| panic!("killed"));
    assert_eq!(thing("a").to(&dying).await.status, 500);
    clock.advance(lease() - TICK);
    let early = thing("a").to(&counting).await;
    assert!(early.is(409, "idempotency.in_progress") && early.retry_after() == 1, "{early:?}");
    clock.advance(TICK);
    assert!(
        thing("a").body("two").to(&counting).await.is(409, "idempotency.key_reused"),
        "the key still means the first"
    );
    let first = thing("a").to(&counting).await;
    assert_eq!(&first.body[..], b"number 1");
    clock.advance(KEPT - TICK);
    thing("a").to(&counting).await.repeats(&first);
    clock.advance(TICK);
    let anew = thing("a").to(&counting).await;
    assert_eq!((&anew.body[..], anew.replayed()), (&b"number 2"[..], false));
}
