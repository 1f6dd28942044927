//! What one notice tells of.

use super::{
    Category,
    row::{Decision, MAX_DECISIONS, MAX_INVOLVED, MAX_INVOLVED_BYTES, PutOff},
    standing::TAKEN_UP,
    telling::{TAKE_PART, TAKE_PART_BYTES, Telling},
};
use crate::{audit::Actor, ids::PersonId};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What a notice tells of: what is told now, if anything, and what waited.
pub(super) struct Taken<'a> {
    pub(super) newest: Option<&'a Telling>,
    pub(super) waiting: &'a [&'a PutOff],
}

impl Taken<'_> {
    pub(super) fn latest(&self) -> Option<&PutOff> {
        self.waiting.iter().copied().max_by_key(|row| row.at)
    }

    pub(super) fn about(&self) -> Option<(&PersonId, Category, &Actor, &Map<String, Value>)> {
        match (self.newest, self.latest()) {
            (Some(now), _) => Some((&now.person, now.category, &now.by, &now.context)),
            (None, Some(row)) => Some((&row.person, row.category, &row.by, &row.context)),
            (None, None) => None,
        }
    }

    /// What the notice is known by.
    pub(super) fn origin(&self) -> &str {
        let latest = self.latest().map(|row| row.origin.as_str());
        self.newest.map(|telling| telling.origin.as_str()).or(latest).unwrap_or_default()
    }

    pub(super) fn appealable(&self) -> bool {
        self.newest.is_some_and(|telling| telling.appealable) || self.waiting.iter().any(|row| row.appealable)
    }

    pub(super) fn involved(&self) -> BTreeSet<PersonId> {
        let newest = self.newest.into_iter().flat_map(Telling::involved);
        newest.chain(self.waiting.iter().flat_map(|row| &row.involved)).cloned().collect()
    }

    pub(super) fn decisions(&self) -> (u64, Vec<Decision>) {
        let newest = self.newest.map(|telling| (1, vec![telling.decision.clone()]));
        let waiting = self.waiting.iter().map(|row| (row.count, row.decisions.clone()));
        summed(newest.into_iter().chain(waiting))
    }
}

/// How many people may be named, and the bytes of their names together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    people: usize,
    bytes: usize,
}

impl Room {
    /// In a notice.
    pub(super) const NOTICE: Self = Self { people: MAX_INVOLVED, bytes: MAX_INVOLVED_BYTES };
    /// In what is folded: a notice tells of it beside what it is told for.
    pub(super) const FOLD: Self =
        Self { people: MAX_INVOLVED - TAKE_PART, bytes: MAX_INVOLVED_BYTES - TAKE_PART_BYTES };

    fn holds(self, named: &BTreeSet<&PersonId>) -> bool {
        named.len() <= self.people && named.iter().map(|person| person.as_str().len()).sum::<usize>() <= self.bytes
    }
}

/// Of `rows`, in their order, what one notice or fold takes up: at most [`TAKEN_UP`] of them, and those alone for whose people there is
/// room beside those who are `named` anyway. What there is no room for is passed over, and goes on waiting; the first is always among
/// them, so that nothing waits for ever.
pub(super) fn fitting<'a>(
    rows: impl IntoIterator<Item = &'a PutOff>,
    mut named: BTreeSet<&'a PersonId>,
    room: Room,
) -> Vec<&'a PutOff> {
    let mut taken = Vec::new();
    for row in rows {
        let with: BTreeSet<&PersonId> = named.iter().copied().chain(&row.involved).collect();
        if taken.is_empty() || room.holds(&with) {
            named = with;
            taken.push(row);
        }
        if taken.len() == TAKEN_UP {
            break;
        }
    }
    taken
}

/// Counts added up, and decisions put together, newest first and at most [`MAX_DECISIONS`].
pub(super) fn summed(of: impl IntoIterator<Item = (u64, Vec<Decision>)>) -> (u64, Vec<Decision>) {
    let (mut count, mut decisions) = (0_u64, Vec::new());
    for (more, of) in of {
        count = count.saturating_add(more);
        decisions.extend(of);
    }
    decisions.sort_by_key(|decision: &Decision| std::cmp::Reverse(decision.at));
    decisions.truncate(MAX_DECISIONS);
    (count, decisions)
}
