//! How many different people or sessions there are, and how often each came: one by one while they are few, by sketch and sample
//! when they are many.
//!
//! Each is known by 64 bits of a digest. Up to [`EXACT`] of them are kept, and all that is said of them is exact. Beyond, a HyperLogLog
//! sketch goes on counting how many there are, and of the digests those alone are kept that begin with so many zeros that
//! they are no more than [`EXACT`] again: a sample of the people, the same ones in every hour, so that how often each came can still be
//! added up over hours.

use super::sketch::{Registers, Sketch};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shared::{digest::Digest, tenant::TenantScope};
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    iter,
};

/// How many of a crowd are known one by one.
pub const EXACT: usize = 10_000;
/// How many of a crowd are kept in brief one by one.
pub(super) const BRIEF: usize = 500;
/// From how many on, by the sketch of a crowd, it is sure that they are more than [`EXACT`]: six standard errors of the sketch above.
const SURELY_MANY: f64 = 10_500.0;
/// How many a share is estimated from at least: its standard error is then one in a hundred, or less.
const ENOUGH: usize = 2_500;

/// The 64 bits by which a person or session of a tenant is known.
pub fn digest(tenant: &TenantScope, name: &str) -> u64 {
    let whole = Digest::of(format!("{}#{name}", tenant.tenant()).as_bytes());
    whole.as_bytes().iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// What is a digest need not be digested again.
#[derive(Clone, Copy, Debug, Default)]
struct Already(u64);

impl Hasher for Already {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |bits, byte| bits.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, digest: u64) {
        // The first bits are the same for all that a sample keeps; the map looks at the first and the last.
        self.0 = digest.rotate_left(32);
    }
}

/// Some people or sessions.
#[derive(Clone, Debug, Default)]
pub struct Crowd {
    /// How many zeros the digests of those begin with who are kept.
    level: u8,
    /// How often each came who is kept.
    seen: HashMap<u64, u32, BuildHasherDefault<Already>>,
    /// All of them, once they are too many to be kept.
    sketch: Option<Sketch>,
}

/// A crowd as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    level: u8,
    /// The digests of those who are kept, of eight bytes each, in their order.
    digests: Bytes,
    /// How often each of them came; nothing, where each came once.
    times: Vec<u32>,
    sketch: Option<Registers>,
}

/// A crowd as it was stored, in the order of its digests: to be joined, or to be gone on with.
#[derive(Clone, Debug)]
pub(crate) struct Listed(Stored);

impl Listed {
    /// Whether all of them are known one by one.
    pub(crate) fn is_exact(&self) -> bool {
        self.0.sketch.is_none()
    }

    /// Those who are kept, and how often each came.
    fn seen(&self) -> impl Iterator<Item = (u64, u32)> {
        let digests = self.0.digests.as_chunks().0.iter().map(|digest| u64::from_be_bytes(*digest));
        digests.zip(self.0.times.iter().copied().chain(iter::repeat(1)))
    }
}

impl Stored {
    /// What it holds.
    pub(super) fn read(self) -> Result<Listed, NoCrowd> {
        let (whole, rest) = self.digests.as_chunks::<8>();
        let fits = rest.is_empty() && (self.times.is_empty() || self.times.len() == whole.len());
        let is_sound = fits && self.sketch.as_ref().is_none_or(Registers::is_sound);
        is_sound.then_some(Listed(self)).ok_or(NoCrowd)
    }
}

/// Bytes that hold no crowd.
#[derive(Debug, thiserror::Error)]
#[error("a stored crowd is not of its form")]
pub(super) struct NoCrowd;

fn is_kept(digest: u64, level: u8) -> bool {
    digest.leading_zeros() >= u32::from(level)
}

impl Crowd {
    /// Somebody came, so many times.
    pub fn saw(&mut self, digest: u64, times: u32) {
        if let Some(sketch) = &mut self.sketch {
            sketch.saw(digest);
        }
        self.keep(digest, times);
    }

    /// Somebody came, so many times, whom the sketch has already where there is one.
    fn keep(&mut self, digest: u64, times: u32) {
        if is_kept(digest, self.level) {
            let seen = self.seen.entry(digest).or_default();
            *seen = seen.saturating_add(times);
            while self.seen.len() > EXACT {
                self.thin();
            }
        }
    }

    /// All of `other` came too.
    pub fn join(&mut self, other: &Self) {
        if let Some(sketch) = &other.sketch {
            self.sketched().join(sketch);
        }
        while self.level < other.level {
            self.thin();
        }
        for (digest, times) in &other.seen {
            match other.sketch {
                Some(_) => self.keep(*digest, *times),
                None => self.saw(*digest, *times),
            }
        }
    }

    /// The sketch, made of all that are kept where there was none.
    fn sketched(&mut self) -> &mut Sketch {
        let seen = &self.seen;
        self.sketch.get_or_insert_with(|| {
            let mut sketch = Sketch::default();
            seen.keys().for_each(|digest| sketch.saw(*digest));
            sketch
        })
    }

    /// Keeps one in two of those who are kept.
    pub(super) fn thin(&mut self) {
        self.sketched();
        self.level += 1;
        let level = self.level;
        self.seen.retain(|digest, _| is_kept(*digest, level));
    }

    /// Says it in brief: of more than [`BRIEF`] no more than a sample of so many is kept beside the sketch.
    pub(super) fn shorten(&mut self, sample: usize) {
        let is_brief = self.is_exact() && self.seen.len() <= BRIEF;
        while !is_brief && self.seen.len() > sample {
            self.thin();
        }
    }

    /// Whether they are so many that their number is an estimate whoever counts them: crowds in brief say all there is to say.
    pub(crate) fn is_surely_many(&self) -> bool {
        self.sketch.as_ref().is_some_and(|sketch| sketch.estimate() >= SURELY_MANY)
    }

    /// Whether enough of them are kept for an estimate of a share.
    pub(crate) fn is_fair_sample(&self) -> bool {
        self.seen.len() >= ENOUGH
    }

    /// How many bytes it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        self.seen.capacity() * 17 + self.sketch.as_ref().map_or(0, Sketch::bytes)
    }

    /// How many are kept.
    pub(super) fn kept(&self) -> usize {
        self.seen.len()
    }

    /// Whether all of them are known one by one, so that what is said of them is exact.
    pub fn is_exact(&self) -> bool {
        self.sketch.is_none()
    }

    /// How many they are.
    pub fn count(&self) -> u64 {
        match &self.sketch {
            // An estimate is above nothing and far from the ends of the number.
            Some(sketch) => sketch.estimate().round() as u64,
            None => self.seen.len() as u64,
        }
    }

    /// The share of those who came once, among all that came.
    pub fn once(&self) -> f64 {
        let once = self.seen.values().filter(|times| **times == 1).count();
        if self.seen.is_empty() { 0.0 } else { once as f64 / self.seen.len() as f64 }
    }

    pub(super) fn store(&self) -> Stored {
        let mut seen: Vec<(u64, u32)> = self.seen.iter().map(|(digest, times)| (*digest, *times)).collect();
        seen.sort_unstable();
        let are_all_once = seen.iter().all(|(_, times)| *times == 1);
        Stored {
            level: self.level,
            digests: seen.iter().flat_map(|(digest, _)| digest.to_be_bytes()).collect(),
            times: if are_all_once { vec![] } else { seen.into_iter().map(|(_, times)| times).collect() },
            sketch: self.sketch.as_ref().map(Sketch::store),
        }
    }

    /// The crowd that was stored, to be gone on with.
    pub(super) fn restore(stored: &Listed) -> Self {
        let mut crowd = Self::default();
        crowd.join_listed(stored);
        crowd
    }

    /// All of a crowd that was stored came too.
    pub(crate) fn join_listed(&mut self, other: &Listed) {
        if let Some(sketch) = &other.0.sketch {
            self.sketched().join_stored(sketch);
        }
        while self.level < other.0.level {
            self.thin();
        }
        for (digest, times) in other.seen() {
            match other.0.sketch {
                Some(_) => self.keep(digest, times),
                None => self.saw(digest, times),
            }
        }
    }
}

/// The digest of nobody in particular, for tests.
#[cfg(test)]
pub(super) fn spread(n: u64) -> u64 {
    let whole = Digest::of(&n.to_be_bytes());
    u64::from_be_bytes(whole.as_bytes()[..8].try_into().unwrap())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The people from `from` up to before `to`; each third of them comes twice.
    fn crowd(from: u64, to: u64) -> Crowd {
        let mut crowd = Crowd::default();
        (from..to).for_each(|n| crowd.saw(spread(n), if n % 3 == 0 { 2 } else { 1 }));
        crowd
    }

    #[test]
    fn ten_thousand_are_counted_one_by_one_and_one_more_by_estimate() {
        let mut crowd = crowd(0, EXACT as u64);
        assert_eq!((crowd.count(), crowd.is_exact()), (10_000, true));
        crowd.saw(spread(0), 1);
        assert_eq!((crowd.count(), crowd.is_exact()), (10_000, true), "who comes again is nobody new");
        crowd.saw(spread(10_000), 1);
        assert!(!crowd.is_exact());
        assert!(crowd.kept() < EXACT && crowd.kept() > EXACT / 3, "{}", crowd.kept());
    }

    #[test]
    fn an_estimate_keeps_within_three_of_its_standard_errors() {
        for many in [10_001_u64, 25_000, 60_000, 200_000] {
            let halves = [crowd(0, many / 2), crowd(many / 3, many)];
            let mut joined = Crowd::default();
            halves.iter().for_each(|half| joined.join(half));
            assert_eq!(joined.count(), crowd(0, many).count(), "by whatever way they came");
            let mut listed = Crowd::default();
            halves.iter().for_each(|half| listed.join_listed(&half.store().read().unwrap()));
            assert_eq!(listed.store(), joined.store());
            for crowd in [crowd(0, many), joined] {
                let off = (crowd.count() as f64 - many as f64).abs() / many as f64;
                assert!(off < 3.0 * 1.04 / 128.0, "{many}: {off}");
            }
            let once = crowd(0, many).once();
            // Three standard errors of a share among 5,000 at least.
            assert!((once - 2.0 / 3.0).abs() < 0.02, "{many}: {once}");
        }
    }

    #[test]
    fn what_is_stored_comes_back_and_goes_on() {
        for many in [0, 1, 5_000, 30_000] {
            let before = crowd(0, many);
            let mut after = Crowd::restore(&before.store().read().unwrap());
            assert_eq!(
                (after.count(), after.is_exact(), after.once()),
                (before.count(), before.is_exact(), before.once())
            );
            assert_eq!(after.store(), Crowd::restore(&after.store().read().unwrap()).store());
            after.join(&crowd(0, many));
            assert_eq!(after.count(), before.count(), "nobody new came");
        }
        let (sound, short) = (crowd(0, 3).store(), Bytes::from(vec![0; 9]));
        for broken in [
            Stored { digests: short, ..sound.clone() },
            Stored { times: vec![1; 4], ..sound.clone() },
            Stored { sketch: Some(Registers::Few(vec![1].into())), ..sound },
        ] {
            assert!(broken.read().is_err());
        }
    }

    #[test]
    fn crowds_in_brief_say_of_very_many_what_whole_ones_say() {
        let days = |many: u64| (0..30).map(move |day| crowd(day * many / 30, (day + 2) * many / 30));
        for (many, surely) in [(300, false), (5_000, false), (9_600, false), (11_500, true), (60_000, true)] {
            let (mut whole, mut brief, mut briefer) = (Crowd::default(), Crowd::default(), Crowd::default());
            for mut day in days(many) {
                whole.join(&day);
                day.shorten(BRIEF);
                assert!(day.kept() <= BRIEF && (day.is_exact() || day.kept() > BRIEF / 3));
                brief.join_listed(&day.store().read().unwrap());
                let is_exact = day.is_exact();
                day.shorten(0);
                assert!(day.is_exact() == is_exact && (is_exact || day.kept() == 0));
                briefer.join_listed(&day.store().read().unwrap());
            }
            assert_eq!((briefer.count(), briefer.is_surely_many()), (brief.count(), brief.is_surely_many()));
            assert_eq!(brief.is_surely_many(), surely, "{many}: {} of {}", brief.kept(), brief.count());
            if surely {
                assert!(brief.is_fair_sample());
                assert_eq!(brief.count(), whole.count());
                assert!((brief.once() - whole.once()).abs() < 0.03, "{many}: {} {}", brief.once(), whole.once());
            }
        }
        let mut few_kept = crowd(0, 60_000);
        (0..3).for_each(|_| few_kept.thin());
        assert!(few_kept.is_surely_many() && !few_kept.is_fair_sample(), "their share would be a rough one");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn who_comes_in_parts_is_counted_as_who_comes_at_once(
            parts in prop::collection::vec(prop::collection::vec(0..400_u64, 0..200), 0..6),
        ) {
            let (mut whole, mut joined, mut listed) = (Crowd::default(), Crowd::default(), Crowd::default());
            for part in &parts {
                let mut some = Crowd::default();
                part.iter().for_each(|n| { whole.saw(spread(*n), 1); some.saw(spread(*n), 1); });
                joined.join(&some);
                listed.join_listed(&some.store().read().unwrap());
            }
            prop_assert_eq!((whole.count(), whole.once()), (joined.count(), joined.once()));
            prop_assert_eq!(whole.store(), joined.store());
            prop_assert_eq!(whole.store(), listed.store());
        }
    }
}
