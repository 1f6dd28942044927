//! What happens at each step of a history.

use super::{HOUR_US, SENDERS, Script, World};
use crate::limit::history::Answer;
use futures::future::{BoxFuture, FutureExt, join_all};
use rand::{Rng, rngs::StdRng, seq::SliceRandom};
use std::time::Duration;

/// Moves time on: by moments, by hours, by days, or to the very end of somebody's twelve hours, where somebody sends alone.
pub(super) async fn move_on(world: &World, script: &Script, dice: &mut StdRng, named: &mut u32) {
    let until = {
        let history = world.noted();
        let ends = history.sends.iter().rev().filter_map(|send| match send.answer {
            Answer::Told(_, at) => Some((send.subject.clone(), at + 12 * HOUR_US)),
            Answer::PutOff(until) => Some((send.subject.clone(), until)),
            _ => None,
        });
        ends.take(4).collect::<Vec<_>>().choose(dice).cloned()
    };
    match (dice.gen_range(0..10), until) {
        (0..=1, _) => world.time.jump(dice.gen_range(0..2_000_000)),
        (2..=3, _) => world.time.jump(dice.gen_range(0..12 * HOUR_US)),
        (4..=6, Some((subject, until))) => {
            let by = dice.gen_range(0..SENDERS);
            let ahead = until + dice.gen_range(-1..=1) - world.senders[by].clock.now().as_microsecond();
            if ahead > 0 {
                world.time.jump(ahead);
                *named += 1;
                world.send(by, &subject, &format!("d{named}"), None).await;
            }
        }
        (7, Some((_, until))) => {
            // To just before somebody's end by the true time: in the burst that follows clocks disagree.
            let true_now = world.senders.iter().map(|sender| sender.clock.now().as_microsecond()).sum::<i64>() / 4;
            let before = dice.gen_range(0..=script.skew_ms.max(20)) * 1_000;
            world.time.jump((until - before - true_now).max(0));
        }
        _ => world.time.jump(dice.gen_range(12 * HOUR_US..36 * HOUR_US)),
    }
}

/// Senders at once: most for one subject, some for the same decision, some that die, some that look for what waits.
pub(super) async fn burst(world: &World, script: &Script, dice: &mut StdRng, named: &mut u32) {
    let focus = world.subjects.choose(dice).expect("there are subjects").clone();
    let mut under_way: Vec<BoxFuture<'_, ()>> = vec![];
    for _ in 0..dice.gen_range(1..=6) {
        let subject = if dice.gen_ratio(7, 10) {
            focus.clone()
        } else {
            world.subjects.choose(dice).expect("there are subjects").clone()
        };
        let dies = |dice: &mut StdRng| {
            let dies = dice.gen_range(0..1_000) < script.deaths;
            dies.then(|| Duration::from_millis(dice.gen_range(0..120)))
        };
        if dice.gen_ratio(1, 7) {
            let (by, dies) = (dice.gen_range(0..SENDERS), dies(dice));
            let of = subject.clone();
            under_way.push(world.flush_then(by, of, dies).boxed());
        }
        let (subject, occurrence) = match world.noted().sends.choose(dice).filter(|_| dice.gen_ratio(1, 10)) {
            Some(earlier) if !world.blind => (earlier.subject.clone(), earlier.occurrence.clone()),
            _ => {
                *named += 1;
                (subject, format!("d{named}"))
            }
        };
        let twice = !world.blind && dice.gen_ratio(1, 6);
        for _ in 0..=u32::from(twice) {
            let (by, dies, subject, occurrence) =
                (dice.gen_range(0..SENDERS), dies(dice), subject.clone(), occurrence.clone());
            under_way.push(async move { world.send(by, &subject, &occurrence, dies).await }.boxed());
        }
    }
    join_all(under_way).await;
}

/// Notices are switched off while some are being sent, and on again later. What waits is looked for while they are off, when all of it
/// could be told, and again when they are on.
pub(super) async fn off_and_on(world: &World, script: &Script, dice: &mut StdRng, named: &mut u32) {
    let mut under_way: Vec<BoxFuture<'_, ()>> = vec![];
    for _ in 0..dice.gen_range(4..12) {
        *named += 1;
        let (by, wait, occurrence) = (dice.gen_range(0..SENDERS), dice.gen_range(0..120), format!("d{named}"));
        let subject = world.subjects.choose(dice).expect("there are subjects").clone();
        under_way.push(
            async move {
                tokio::time::sleep(Duration::from_millis(wait)).await;
                world.send(by, &subject, &occurrence, None).await;
            }
            .boxed(),
        );
    }
    under_way.push(
        async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            world.switch(false);
            let from = world.place();
            world.noted().off.push((from, u64::MAX));
        }
        .boxed(),
    );
    join_all(under_way).await;
    world.time.jump(12 * HOUR_US + 2_000 * script.skew_ms);
    let by = dice.gen_range(0..SENDERS);
    for subject in &world.subjects {
        world.flush(by, subject, None).await;
    }
    let to = world.place();
    if let Some(off) = world.noted().off.last_mut() {
        off.1 = to;
    }
    world.switch(true);
    for subject in &world.subjects {
        world.flush(by, subject, None).await;
    }
}
