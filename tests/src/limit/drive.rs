//! Histories: senders with clocks that differ, over days of a clock that is moved.
//!
//! A history runs in one thread on tokio's paused time, so that pauses and deadlines cost nothing; threads run histories side by side.

mod steps;

use super::{
    checker::{self, Findings},
    history::{Answer, History, Look, Send, Subject},
    mistake::Mistake,
    state::State,
    store::Store,
    wire::{Rates, Wire},
    words::{self, Words},
};
use jiff::{SignedDuration, Timestamp};
use rand::{Rng, SeedableRng, rngs::StdRng};
use shared::{
    clock::Clock,
    ids::PersonId,
    notices::{KillSwitch, Notices, Origin, Told, deferral::Flushed},
};
use std::{
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};
use steps::{burst, move_on, off_and_on};
use tokio::time::Instant;

const HOUR_US: i64 = 3_600_000_000;
const SENDERS: usize = 4;
/// How often a sender that heard nothing good tries again, as clients of an API do.
const AGAIN: usize = 3;

/// What a history is like.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    /// What goes wrong on the way to the store.
    pub rates: Rates,
    /// How far each sender's clock is from the true time at most, in milliseconds.
    pub skew_ms: i64,
    /// How many senders of a thousand die at some point of a sending.
    pub deaths: u32,
    /// How often time moves on.
    pub steps: u32,
    /// Whether notices are switched off and on.
    pub switched: bool,
    /// When it begins.
    pub begins: &'static str,
    /// What the senders do wrong.
    pub mistake: Option<Mistake>,
}

impl Script {
    /// All that may go wrong, over some ten days.
    pub const STORMY: Self = Self {
        rates: Rates::STORMY,
        skew_ms: 5_000,
        deaths: 30,
        steps: 14,
        switched: false,
        begins: "2026-03-01T09:00:00Z",
        mistake: None,
    };
    /// Senders that race, and nothing that goes wrong.
    pub const CALM: Self = Self { rates: Rates::CALM, skew_ms: 0, deaths: 0, ..Self::STORMY };

    /// One history in four is calm.
    pub fn of(seed: u64) -> Self {
        if seed.is_multiple_of(4) { Self::CALM } else { Self::STORMY }
    }
}

/// What came of many histories.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// How many there were.
    pub histories: usize,
    /// How many sendings.
    pub sends: usize,
    /// How many of these heard an error.
    pub errors: usize,
    /// How many occurrences heard nothing but errors, each try of [`AGAIN`] included.
    pub given_up: usize,
    /// How many looks for what waits told nothing because notices were off.
    pub hushed: usize,
    /// Broken promises, each with its history's seed.
    pub broken: Vec<(u64, checker::Broken)>,
}

/// Runs the histories of `seeds`, as many at a time as there are cores, until one breaks a promise where `until_broken`.
///
/// # Panics
///
/// Where a history does.
pub fn run_many(seeds: Range<u64>, until_broken: bool, script: impl Fn(u64) -> Script + Sync) -> Totals {
    let (next, totals) = (AtomicU64::new(seeds.start), Mutex::new(Totals::default()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= seeds.end {
                return;
            }
            let (findings, given_up) = run(seed, &script(seed));
            let mut totals = totals.lock().expect("no history fails while it counts");
            totals.histories += 1;
            totals.sends += findings.sends;
            totals.errors += findings.errors;
            totals.given_up += given_up;
            totals.hushed += findings.hushed;
            totals.broken.extend(findings.broken.into_iter().map(|broken| (seed, broken)));
            if until_broken && !totals.broken.is_empty() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    totals.into_inner().expect("no history fails while it counts")
}

/// Runs one history and holds it to every promise; what was found, and how many occurrences were given up.
///
/// # Panics
///
/// Where there is no runtime.
pub fn run(seed: u64, script: &Script) -> (Findings, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let (history, state) = runtime.expect("a runtime").block_on(Box::pin(history(seed, script)));
    let mut good: std::collections::HashMap<(&Subject, &str), bool> = std::collections::HashMap::new();
    for send in &history.sends {
        *good.entry((&send.subject, &send.occurrence)).or_default() |=
            !matches!(send.answer, Answer::Error(_) | Answer::Nothing);
    }
    let given_up = good.values().filter(|good| !**good).count();
    (checker::check(&history, &state), given_up)
}

/// The true time, and everybody's idea of it.
struct Time {
    start: Instant,
    seen: AtomicI64,
    clocks: Vec<Clock>,
}

impl Time {
    /// Moves every clock by what has gone by.
    fn tick(&self) {
        let now = i64::try_from(self.start.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.jump(now - self.seen.swap(now, Ordering::SeqCst));
    }

    fn jump(&self, by_us: i64) {
        for clock in &self.clocks {
            clock.advance(SignedDuration::from_micros(by_us));
        }
    }
}

struct Sender {
    clock: Clock,
    wire: Wire,
    notices: Notices<Words>,
    switch: KillSwitch,
}

struct World {
    senders: Vec<Sender>,
    time: Arc<Time>,
    subjects: Vec<Subject>,
    places: AtomicU64,
    history: Mutex<History>,
    blind: bool,
}

impl World {
    fn new(seed: u64, script: &Script, store: &Store, dice: &mut StdRng) -> Self {
        let begins: Timestamp = script.begins.parse().expect("a time");
        let skewed = |dice: &mut StdRng| {
            let skew = dice.gen_range(-script.skew_ms * 1_000..=script.skew_ms * 1_000);
            Clock::frozen(begins + SignedDuration::from_micros(skew))
        };
        let clocks: Vec<Clock> = (0..SENDERS).map(|_| skewed(dice)).collect();
        let time = Arc::new(Time { start: Instant::now(), seen: AtomicI64::new(0), clocks: clocks.clone() });
        let sender = |(place, clock): (u64, Clock)| {
            let ticking = time.clone();
            let tick = Box::new(move || ticking.tick());
            let wire = Wire::new(store.clone(), &clock, seed ^ (place << 56), script.mistake, tick);
            let aws = words::clients("http://store").over(wire.client());
            let (notices, switch) = words::notices(&aws, clock.clone());
            Sender { clock, wire, notices, switch }
        };
        let senders = (1..).zip(clocks).map(sender).collect();
        let of = |at: usize| Subject {
            tenant: ["acme", "beta"][at & 1].to_owned(),
            person: ["ada", "grace#1"][at >> 1 & 1].to_owned(),
            category: ["content_violation", "account_warning"][at >> 2 & 1].to_owned(),
        };
        let history = History { calm: script.rates.lost == 0 && script.deaths == 0, ..History::default() };
        Self {
            senders,
            time,
            subjects: (0..8).map(of).collect(),
            places: AtomicU64::new(0),
            history: Mutex::new(history),
            blind: script.mistake == Some(Mistake::BlindRetry),
        }
    }

    fn set(&self, rates: Rates) {
        for sender in &self.senders {
            sender.wire.set(rates);
        }
    }

    fn place(&self) -> u64 {
        self.places.fetch_add(1, Ordering::SeqCst)
    }

    fn noted(&self) -> std::sync::MutexGuard<'_, History> {
        self.history.lock().expect("no history fails while it notes")
    }

    /// One sending, which its sender does not live to see the end of where it `dies` before.
    async fn send(&self, by: usize, subject: &Subject, occurrence: &str, dies: Option<Duration>) {
        let sender = &self.senders[by];
        self.time.tick();
        let (began, before) = (self.place(), sender.clock.now());
        let origin = if self.blind { Origin::of(None, None) } else { Origin::of(Some(occurrence), None) };
        let category = subject.category.parse().expect("a category");
        let telling = words::telling(&subject.person, category, occurrence, origin, before);
        let tenant = words::tenant(&subject.tenant);
        let told = tenant.act(sender.notices.tell(&tenant, &telling));
        let answer = match tokio::time::timeout(dies.unwrap_or(Duration::from_secs(600)), told).await {
            Err(_) => Answer::Nothing,
            Ok(Ok(Told::Now(notice))) => Answer::Told(notice.id, notice.created_at.as_microsecond()),
            Ok(Ok(Told::PutOff { until, .. })) => Answer::PutOff(until.as_microsecond()),
            Ok(Ok(Told::Before(id))) => Answer::Before(id),
            Ok(Ok(Told::Off)) => Answer::Off,
            Ok(Err(error)) => Answer::Error(format!("{error:?}")),
        };
        self.time.tick();
        let send = Send {
            subject: subject.clone(),
            occurrence: occurrence.to_owned(),
            before: before.as_microsecond(),
            after: sender.clock.now().as_microsecond(),
            began,
            ended: self.place(),
            answer,
        };
        self.noted().sends.push(send);
    }

    /// One look for what waits; whether nothing did.
    async fn flush(&self, by: usize, subject: &Subject, dies: Option<Duration>) -> bool {
        let tenant = words::tenant(&subject.tenant);
        let person = PersonId::from_subject(&subject.person).expect("a person's name");
        let category = subject.category.parse().expect("a category");
        let flushed = tenant.act(self.senders[by].notices.flush(&tenant, &person, category));
        let began = self.place();
        let flushed = tokio::time::timeout(dies.unwrap_or(Duration::from_secs(600)), flushed).await;
        let told = match &flushed {
            Ok(Ok(Flushed::Told { notice, .. })) => Some(notice.clone()),
            _ => None,
        };
        self.noted().looks.push(Look { subject: subject.clone(), began, ended: self.place(), told });
        match flushed {
            Ok(Ok(flushed)) => flushed == Flushed::Nothing,
            Ok(Err(error)) => {
                self.noted().failed_flushes.push(format!("{subject}: {error:?}"));
                false
            }
            Err(_) => false,
        }
    }

    async fn flush_then(&self, by: usize, subject: Subject, dies: Option<Duration>) {
        self.flush(by, &subject, dies).await;
    }

    fn switch(&self, on: bool) {
        for sender in &self.senders {
            sender.switch.set(on);
        }
    }

    /// What heard nothing good so far, each once.
    fn unheard(&self, since: usize) -> Vec<(Subject, String)> {
        let history = self.noted();
        let bad = |send: &&Send| matches!(send.answer, Answer::Error(_) | Answer::Nothing);
        let mut unheard: Vec<_> = history
            .sends
            .iter()
            .skip(since)
            .filter(bad)
            .map(|send| (send.subject.clone(), send.occurrence.clone()))
            .collect();
        unheard.sort();
        unheard.dedup();
        unheard
    }
}

async fn history(seed: u64, script: &Script) -> (History, State) {
    let mut dice = StdRng::seed_from_u64(seed);
    let store = Store::in_memory();
    let world = World::new(seed, script, &store, &mut dice);
    let mut named = 0_u32;
    for _ in 0..script.steps {
        world.set(Rates::STILL);
        move_on(&world, script, &mut dice, &mut named).await;
        world.set(script.rates);
        let mark = world.noted().sends.len();
        burst(&world, script, &mut dice, &mut named).await;
        for _ in 0..AGAIN {
            for (subject, occurrence) in
                world.unheard(mark).into_iter().take(if dice.gen_ratio(1, 5) { 1 } else { usize::MAX })
            {
                let heard = |send: &Send| {
                    send.occurrence == occurrence && !matches!(send.answer, Answer::Error(_) | Answer::Nothing)
                };
                if !world.noted().sends.iter().any(heard) {
                    world.send(dice.gen_range(0..SENDERS), &subject, &occurrence, None).await;
                }
            }
        }
        if script.switched {
            off_and_on(&world, script, &mut dice, &mut named).await;
        }
    }
    world.set(Rates::STILL);
    // Calls that are late arrive.
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.time.tick();
    for _ in 0..8 {
        world.time.jump(12 * HOUR_US + 20_000_000);
        let mut nothing = true;
        for subject in &world.subjects {
            nothing &= world.flush(0, subject, None).await;
        }
        if nothing {
            break;
        }
    }
    let state = State::read(&store.items());
    (world.history.into_inner().expect("no history fails while it notes"), state)
}
