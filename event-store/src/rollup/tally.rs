//! What a roll-up holds: for each combination of values, how many events have it, and who came with them.

use super::{
    Slot,
    crowd::{BRIEF, Crowd, digest},
    sums::{self, Paths, Sum, Sums},
};
use crate::{Dimension, Event};
use shared::tenant::TenantScope;
use std::{collections::BTreeMap, sync::Arc};

/// The most combinations of values that a roll-up is made of. Beyond, it would be as large as the events.
pub const MOST_COMBINATIONS: usize = 50_000;
/// How many people, and how many sessions, a roll-up keeps in all its combinations together. Beyond, the largest are sampled.
const MOST_KEPT: usize = 400_000;
/// The most values of a dimension whose crowds are said in brief: of more, most are of few people, and said as well one by one.
const MOST_IN_BRIEF: usize = 64;

/// How many of very many sessions are kept by each value of a dimension: of three weeks, in which days differ, enough for a rate.
const BRIEF_BY_VALUE: usize = 300;
/// None but the sketch.
const NO_SAMPLE: usize = 0;

/// The values of an event's dimensions, in the order of [`Dimension::ALL`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Combination(pub(super) [Option<Arc<str>>; Dimension::ALL.len()]);

impl Combination {
    /// Those of `event`.
    pub fn of(event: &Event) -> Self {
        Self(Dimension::ALL.map(|dimension| event.dimension(dimension).map(Into::into)))
    }

    /// The values of these dimensions alone.
    pub(super) fn only(&self, dimensions: &[Dimension]) -> Self {
        let mut only = Self::default();
        dimensions.iter().map(|dimension| *dimension as usize).for_each(|at| only.0[at] = self.0[at].clone());
        only
    }

    /// The value of a dimension, where there is one.
    pub fn value(&self, dimension: Dimension) -> Option<&str> {
        // The order of `ALL` is that of the variants.
        self.0[dimension as usize].as_deref()
    }
}

/// What is known of the events of one combination.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many they are.
    pub events: u64,
    /// The people that they are about.
    pub users: Crowd,
    /// The sessions that they belong to.
    pub sessions: Crowd,
    /// What the numbers in their payloads add up to.
    pub(super) sums: Sums,
}

impl Tally {
    /// Adds others, but for their sums, which are the roll-up's to count.
    fn join(&mut self, other: &Self) {
        self.events += other.events;
        self.users.join(&other.users);
        self.sessions.join(&other.sessions);
    }
}

/// What is known of the events of an hour or a day.
#[derive(Clone, Debug, Default)]
pub struct Rollup {
    pub(super) tallies: BTreeMap<Combination, Tally>,
    /// Of what there are sums.
    pub(super) paths: Paths,
}

/// The events are of more combinations than a roll-up is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are more than {MOST_COMBINATIONS} combinations of values")]
pub struct TooWide;

impl Rollup {
    fn tally(&mut self, combination: Combination) -> Result<(&mut Tally, &mut Paths), TooWide> {
        if self.tallies.len() >= MOST_COMBINATIONS && !self.tallies.contains_key(&combination) {
            return Err(TooWide);
        }
        Ok((self.tallies.entry(combination).or_default(), &mut self.paths))
    }

    /// Forgets the sums of a type that has too many paths.
    fn forget_if_left_out(&mut self, kind: &str) {
        if self.paths.lacks(kind) {
            let is_wide = self.paths.is_too_wide();
            let of_kind =
                |combination: &Combination| combination.value(Dimension::EventType).unwrap_or_default() == kind;
            let left_out = self.tallies.iter_mut().filter(|(combination, _)| is_wide || of_kind(combination));
            left_out.for_each(|(_, tally)| tally.sums.clear());
        }
    }

    /// Counts an event.
    ///
    /// # Errors
    ///
    /// [`TooWide`].
    pub fn take(&mut self, tenant: &TenantScope, event: &Event) -> Result<(), TooWide> {
        let (tally, paths) = self.tally(Combination::of(event))?;
        tally.events += 1;
        event.user_id.iter().for_each(|user| tally.users.saw(digest(tenant, user), 1));
        event.session_id.iter().for_each(|session| tally.sessions.saw(digest(tenant, session), 1));
        if !paths.lacks(&event.event_type) {
            for (path, number) in sums::numbers(&event.payload) {
                let mut sum = Sum::default();
                sum.add(number);
                paths.add(&event.event_type, &mut tally.sums, &path, &sum);
            }
            self.forget_if_left_out(&event.event_type);
        }
        Ok(())
    }

    /// Adds what is known of other events.
    ///
    /// # Errors
    ///
    /// [`TooWide`].
    pub fn join(&mut self, other: &Self) -> Result<(), TooWide> {
        if other.paths.is_too_wide() {
            self.paths = Paths::too_wide();
        }
        for kind in other.paths.left_out().filter(|kind| !self.paths.lacks(kind)).cloned().collect::<Vec<_>>() {
            self.paths.leave_out(&kind);
            self.forget_if_left_out(&kind);
        }
        for (combination, found) in &other.tallies {
            let (tally, paths) = self.tally(combination.clone())?;
            tally.join(found);
            let kind = combination.value(Dimension::EventType).unwrap_or_default();
            if !found.sums.is_empty() && !paths.lacks(kind) {
                found.sums.iter().for_each(|(path, sum)| paths.add(kind, &mut tally.sums, path, sum));
                self.forget_if_left_out(kind);
            }
        }
        Ok(())
    }

    /// What is known of each type of events, whatever else they have.
    pub(super) fn by_type(&self) -> Self {
        let mut narrow = Self::default();
        for (combination, tally) in &self.tallies {
            narrow.tallies.entry(combination.only(&[Dimension::EventType])).or_default().join(tally);
        }
        narrow
    }

    /// Those in a slot in brief; nothing where they are of very many values.
    pub(super) fn in_brief(&self, slot: Slot) -> Option<Self> {
        let mut brief = Self::default();
        for (combination, tally) in &self.tallies {
            let Some(values) = slot.values(combination) else { continue };
            let group = brief.tallies.entry(values).or_default();
            match slot {
                Slot::PagesBy(_) => group.sessions.join(&tally.sessions),
                Slot::Whole | Slot::Types(_) | Slot::By(_) => group.join(tally),
            }
            if matches!(slot, Slot::By(_) | Slot::PagesBy(_)) && brief.tallies.len() > MOST_IN_BRIEF {
                return None;
            }
        }
        // How often each came is asked of sessions alone, and of those of one type of events.
        let sessions = match slot {
            Slot::Whole | Slot::Types(_) => BRIEF,
            Slot::By(_) => NO_SAMPLE,
            Slot::PagesBy(_) => BRIEF_BY_VALUE,
        };
        for tally in brief.tallies.values_mut() {
            tally.users.shorten(NO_SAMPLE);
            tally.sessions.shorten(sessions);
        }
        Some(brief)
    }

    /// Whether it has the sums of every type of events.
    pub(super) fn has_all_sums(&self) -> bool {
        !self.paths.is_too_wide() && self.paths.left_out().next().is_none()
    }

    /// Samples the largest crowds until all together are few enough to be stored.
    pub fn fit(&mut self) {
        self.fit_in(MOST_KEPT);
    }

    fn fit_in(&mut self, most: usize) {
        let users: fn(&mut Tally) -> &mut Crowd = |tally| &mut tally.users;
        let sessions: fn(&mut Tally) -> &mut Crowd = |tally| &mut tally.sessions;
        for crowd in [users, sessions] {
            let mut crowds: Vec<&mut Crowd> = self.tallies.values_mut().map(crowd).collect();
            while crowds.iter().map(|crowd| crowd.kept()).sum::<usize>() > most {
                let largest = crowds.iter().map(|crowd| crowd.kept()).max().unwrap_or_default();
                crowds.iter_mut().filter(|crowd| crowd.kept() * 2 > largest).for_each(|crowd| crowd.thin());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollup::crowd::spread;

    #[test]
    fn types_are_said_in_brief_however_many_there_are_and_values_up_to_64() {
        let mut rollup = Rollup::default();
        for n in 0..400 {
            let mut combination = Combination::default();
            combination.0[Dimension::EventType as usize] = Some(format!("type {n}").into());
            combination.0[Dimension::App as usize] = Some(format!("app {}", n % 64).into());
            combination.0[Dimension::Surface as usize] = (n > 0).then(|| format!("surface {}", n % 64).into());
            rollup.tallies.entry(combination).or_default().users.saw(n, 1);
        }
        let groups = |slot| rollup.in_brief(slot).map(|brief| brief.tallies.len());
        assert_eq!(Slot::of_types().filter_map(groups).sum::<usize>(), 400);
        assert!(Slot::of_types().filter_map(groups).any(|many| many > 64));
        assert_eq!((groups(Slot::Whole), groups(Slot::By(Dimension::App))), (Some(1), Some(64)));
        assert_eq!(groups(Slot::By(Dimension::Surface)), None, "64 values, and none");
    }

    #[test]
    fn crowds_that_are_too_many_together_are_sampled_from_the_largest_on() {
        let mut rollup = Rollup::default();
        for (kind, people) in [("small", 0..10_u64), ("large", 10..4_010), ("larger", 4_010..10_010)] {
            let mut combination = Combination::default();
            combination.0[0] = Some(kind.into());
            let tally = rollup.tallies.entry(combination).or_default();
            people.for_each(|n| tally.users.saw(spread(n), 1));
        }
        rollup.fit_in(3_000);
        let users: Vec<&Crowd> = rollup.tallies.values().map(|tally| &tally.users).collect();
        assert!(users.iter().map(|crowd| crowd.kept()).sum::<usize>() <= 3_000);
        let small = users.iter().find(|crowd| crowd.kept() == 10).unwrap();
        assert!(small.is_exact(), "a small crowd stays as it is");
        for crowd in users.iter().filter(|crowd| !crowd.is_exact()) {
            let many = if crowd.count() > 5_000 { 6_000.0 } else { 4_000.0 };
            assert!((crowd.count() as f64 / many - 1.0).abs() < 0.03, "{}", crowd.count());
        }
    }

    #[test]
    fn very_many_small_crowds_take_few_bytes_though_they_are_sampled() {
        let mut rollup = Rollup::default();
        for n in 0..20_000_u64 {
            let mut combination = Combination::default();
            combination.0[Dimension::UtmTerm as usize] = Some(n.to_string().into());
            let tally = rollup.tallies.entry(combination).or_default();
            (0..3).for_each(|one| tally.users.saw(spread(3 * n + one), 1));
        }
        rollup.fit_in(40_000);
        let users: Vec<&Crowd> = rollup.tallies.values().map(|tally| &tally.users).collect();
        assert!(users.iter().all(|crowd| !crowd.is_exact() && (2..=4).contains(&crowd.count())));
        assert!(users.iter().map(|crowd| crowd.bytes()).sum::<usize>() < 200 * users.len());
    }

    #[test]
    fn the_value_of_a_dimension_is_found_in_its_place() {
        let mut combination = Combination::default();
        for (at, dimension) in Dimension::ALL.into_iter().enumerate() {
            combination.0[at] = Some(dimension.as_str().into());
        }
        assert!(Dimension::ALL.into_iter().all(|dimension| combination.value(dimension) == Some(dimension.as_str())));
    }
}
