//! What one notice tells of.

use super::{
    Category,
    row::{Decision, MAX_DECISIONS, PutOff},
    standing::TAKEN_UP,
    telling::Telling,
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

/// Of `rows`, in their order, what one notice or fold takes up: at most [`TAKEN_UP`] of them, and those alone with which no more than
/// `most` people are named, beside those who are `named` anyway. What names more than is left room for is passed over, and goes on
/// waiting; the first is always among them, so that nothing waits for ever.
pub(super) fn fitting<'a>(
    rows: impl IntoIterator<Item = &'a PutOff>,
    mut named: BTreeSet<&'a PersonId>,
    most: usize,
) -> Vec<&'a PutOff> {
    let mut taken = Vec::new();
    for row in rows {
        let more = row.involved.iter().filter(|person| !named.contains(person)).count();
        if taken.is_empty() || named.len() + more <= most {
            named.extend(&row.involved);
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
