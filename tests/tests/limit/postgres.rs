//! One stream of sendings into PostgreSQL's exclusion constraint and into ours, by the same clock: the same comes of each, but of those that
//! are dated back.
//!
//! Where a notice is dated twelve hours or more before the newest one, and no older one is in its way, the constraint lets it in, and ours
//! puts it off: it knows the newest notice alone. Every other verdict is the same.

use jiff::Timestamp;
use rand::{Rng, SeedableRng, rngs::StdRng};
use shared::{
    clock::Clock,
    notices::{Notices, Origin, Told},
};
use std::collections::HashMap;
use tests::{
    limit::{
        checker::TWELVE_HOURS,
        history::Subject,
        mistake::Mistake,
        store::Store,
        wire::Wire,
        words::{self, Words},
    },
    postgres::{Cluster, SKIPPED},
};

const SENDS: usize = 400;
const HOUR_US: i64 = 3_600_000_000;
const JUST_WITHIN: i64 = TWELVE_HOURS - 1;
const TWELVE_HOURS_BEFORE: i64 = -TWELVE_HOURS;
/// An ordinary day, and those before clocks on walls are moved.
const BEGINS: [&str; 3] = ["2026-03-01T09:00:00Z", "2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z"];

/// How the time of a sending stands to the newest notice of its subject, in what counts here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Case {
    First,
    /// Before the newest, by less than twelve hours.
    Back,
    /// Before the newest, by twelve hours or more.
    FarBack,
    /// At the very time of the newest.
    Equal,
    Within,
    /// One microsecond less than twelve hours after it.
    JustWithin,
    /// Twelve hours after it, exactly.
    AtTheEnd,
    After,
}

impl Case {
    fn of(newest: Option<i64>, at: i64) -> Self {
        match newest.map(|newest| at - newest) {
            None => Self::First,
            Some(..=TWELVE_HOURS_BEFORE) => Self::FarBack,
            Some(..0) => Self::Back,
            Some(0) => Self::Equal,
            Some(JUST_WITHIN) => Self::JustWithin,
            Some(..TWELVE_HOURS) => Self::Within,
            Some(TWELVE_HOURS) => Self::AtTheEnd,
            Some(_) => Self::After,
        }
    }
}

/// What came of a stream.
#[derive(Default)]
struct Compared {
    /// How often each case had which verdicts: PostgreSQL's and ours, whether it is told.
    seen: HashMap<(Case, bool, bool), usize>,
    /// What differs and may not.
    differ: Vec<String>,
}

struct Stream {
    dice: StdRng,
    now: i64,
    newest: HashMap<Subject, i64>,
}

impl Stream {
    fn new(seed: u64) -> Self {
        let begins: Timestamp = BEGINS[usize::try_from(seed).unwrap() % BEGINS.len()].parse().unwrap();
        Self { dice: StdRng::seed_from_u64(seed), now: begins.as_microsecond(), newest: HashMap::new() }
    }

    /// To whom the next is sent, and when. Time goes on or stands, and some are dated back.
    fn next(&mut self) -> (Subject, i64) {
        let dice = &mut self.dice;
        let mut one = |of: &[&str]| of[dice.gen_range(0..of.len())].to_owned();
        let subject = Subject {
            tenant: one(&["acme", "beta"]),
            person: one(&["ada", "grace#1", "lin"]),
            category: one(&["content_violation", "account_warning"]),
        };
        let newest = self.newest.get(&subject).copied();
        match (dice.gen_range(0..10), newest) {
            (0, _) => {}
            (1..=2, _) => self.now += dice.gen_range(0..60_000_000),
            (3..=4, _) => self.now += dice.gen_range(0..3 * HOUR_US),
            (5, _) => self.now += dice.gen_range(0..30 * HOUR_US),
            (6..=7, Some(newest)) => self.now = self.now.max(newest + TWELVE_HOURS + dice.gen_range(-1..=1)),
            (8, Some(newest)) => return (subject, newest - TWELVE_HOURS + dice.gen_range(-1..=1)),
            (9, Some(newest)) => return (subject, newest - dice.gen_range(0..72 * HOUR_US)),
            _ => {}
        }
        (subject, self.now)
    }
}

/// Ours, with a sender who makes `mistake` or none.
struct Ours {
    clock: Clock,
    notices: Notices<Words>,
}

impl Ours {
    fn new(seed: u64, mistake: Option<Mistake>) -> Self {
        let clock = Clock::frozen(Timestamp::UNIX_EPOCH);
        let wire = Wire::new(Store::in_memory(), &clock, seed, mistake, Box::new(|| {}));
        let (notices, _) = words::notices(&words::clients("http://store").over(wire.client()), clock.clone());
        Self { clock, notices }
    }

    /// Whether it is told at `at`; what else came of it, otherwise.
    async fn tell(&self, subject: &Subject, occurrence: &str, at: Timestamp) -> Result<bool, String> {
        self.clock.advance(at.duration_since(self.clock.now()));
        let (tenant, category) = (words::tenant(&subject.tenant), subject.category.parse().unwrap());
        let telling = words::telling(&subject.person, category, occurrence, Origin::of(Some(occurrence), None), at);
        match tenant.act(self.notices.tell(&tenant, &telling)).await {
            Ok(Told::Now(notice)) if notice.created_at == at => Ok(true),
            Ok(Told::PutOff { until, .. }) if until > at => Ok(false),
            other => Err(format!("{other:?}")),
        }
    }
}

async fn compare(cluster: &Cluster, seed: u64, mistake: Option<Mistake>) -> Compared {
    cluster.clear().await.unwrap();
    let theirs = cluster.sender(false).await.unwrap();
    let (ours, mut stream, mut compared) = (Ours::new(seed, mistake), Stream::new(seed), Compared::default());
    for n in 0..SENDS {
        let (subject, at) = stream.next();
        let case = Case::of(stream.newest.get(&subject).copied(), at);
        let time = Timestamp::from_microsecond(at).unwrap();
        let told = theirs.tell(&subject, time).await.unwrap();
        let by_us = ours.tell(&subject, &format!("d{n}"), time).await;
        match by_us {
            Ok(by_us) if by_us == told || (case == Case::FarBack && told && !by_us) => {
                *compared.seen.entry((case, told, by_us)).or_default() += 1;
            }
            other => compared.differ.push(format!(
                "seed {seed}, sending {n}, {subject} at {time}, {case:?}: told by PostgreSQL: {told}, by us: {other:?}"
            )),
        }
        if told {
            let newest = stream.newest.entry(subject).or_insert(at);
            *newest = at.max(*newest);
        }
    }
    compared
}

/// A PostgreSQL, or nothing where there is none and none is required.
async fn postgres() -> Option<Cluster> {
    let cluster = Cluster::start().await.unwrap();
    if cluster.is_none() {
        assert_ne!(std::env::var("REQUIRE_POSTGRES").as_deref(), Ok("1"), "{SKIPPED}");
        eprintln!("{SKIPPED}: ours is not held against the exclusion constraint");
    }
    cluster
}

#[tokio::test]
async fn the_exclusion_constraint_and_ours_tell_the_same_but_what_is_dated_far_back() {
    let Some(cluster) = postgres().await else { return };
    let mut seen: HashMap<(Case, bool, bool), usize> = HashMap::new();
    for seed in 0..6 {
        let compared = compare(&cluster, seed, None).await;
        assert!(compared.differ.is_empty(), "{:#?}", compared.differ);
        for (case, times) in compared.seen {
            *seen.entry(case).or_default() += times;
        }
    }
    let of = |case, theirs, ours| seen.get(&(case, theirs, ours)).copied().unwrap_or_default();
    // Every case was met: otherwise the stream proves less than it says.
    let met = [
        of(Case::First, true, true),
        of(Case::Back, false, false),
        of(Case::FarBack, false, false),
        of(Case::FarBack, true, false),
        of(Case::Equal, false, false),
        of(Case::Within, false, false),
        of(Case::JustWithin, false, false),
        of(Case::AtTheEnd, true, true),
        of(Case::After, true, true),
    ];
    assert!(met.iter().all(|times| *times >= 10), "{seen:?}");
    assert_eq!(met.iter().sum::<usize>(), 6 * SENDS, "{seen:?}");
}

#[tokio::test]
async fn ours_with_a_mistake_differs_from_the_exclusion_constraint() {
    let Some(cluster) = postgres().await else { return };
    // Those that one sender alone can make.
    let mistakes = [Mistake::Strict, Mistake::Units, Mistake::FixedWindow, Mistake::NoTenant, Mistake::ExpiryDecides];
    for mistake in mistakes {
        assert!(!compare(&cluster, 1, Some(mistake)).await.differ.is_empty(), "{mistake:?} makes no difference");
    }
}
