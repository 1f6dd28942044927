//! How appeals ended, and how long that took, in numbers that can be published.

use crate::appeal::{Appeal, Outcome};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// How many appeals were decided how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Outcomes {
    /// The decision stayed.
    pub upheld: u64,
    /// The decision was reversed.
    pub overturned: u64,
    /// A part of it was.
    pub partially_overturned: u64,
}

/// How many wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Open {
    /// For a reviewer.
    pub submitted: u64,
    /// For a decision.
    pub in_review: u64,
}

/// How long decisions took, from when the appeal was submitted, or reopened. None where nothing was decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Times {
    /// Half of them took at most so long, in seconds; of two in the middle, their mean.
    pub median_seconds: Option<i64>,
    /// Nine of ten took at most so long, in seconds.
    pub p90_seconds: Option<i64>,
}

/// The numbers. An appeal counts by the decision that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Stats {
    /// From this time on.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Until before this one.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// How many were decided in that time.
    pub decided: u64,
    /// Those, by outcome.
    pub by_outcome: Outcomes,
    /// Those, by the category of what was appealed, and outcome.
    pub by_category: BTreeMap<&'static str, Outcomes>,
    /// How many were withdrawn in that time.
    pub withdrawn: u64,
    /// How many are open now.
    pub open: Open,
    /// How long decisions took.
    pub time_to_decision: Times,
    /// Whether there were more than were counted.
    pub truncated: bool,
}

impl Outcomes {
    fn count(&mut self, outcome: Outcome) {
        let of = match outcome {
            Outcome::Upheld => &mut self.upheld,
            Outcome::Overturned => &mut self.overturned,
            Outcome::PartiallyOverturned => &mut self.partially_overturned,
        };
        *of += 1;
    }
}

/// Each appeal once, as it was last read. One that is reopened and decided again while they are read is among them twice.
pub(crate) fn latest(read: Vec<Appeal>) -> Vec<Appeal> {
    let mut latest: BTreeMap<String, Appeal> = BTreeMap::new();
    for appeal in read {
        if latest.get(&appeal.id).is_none_or(|known| known.version < appeal.version) {
            latest.insert(appeal.id.clone(), appeal);
        }
    }
    latest.into_values().collect()
}

impl Stats {
    /// The numbers of the `decided`, between `from` and `to`.
    pub fn of((from, to): (Timestamp, Timestamp), decided: &[Appeal]) -> Self {
        let mut stats = Self {
            from,
            to,
            decided: 0,
            by_outcome: Outcomes::default(),
            by_category: BTreeMap::new(),
            withdrawn: 0,
            open: Open::default(),
            time_to_decision: Times::default(),
            truncated: false,
        };
        let mut took = Vec::new();
        for (appeal, ruling) in decided.iter().filter_map(|appeal| Some((appeal, appeal.ruling()?))) {
            stats.decided += 1;
            stats.by_outcome.count(ruling.outcome);
            stats.by_category.entry(appeal.about.category.as_str()).or_default().count(ruling.outcome);
            took.push(ruling.took_s);
        }
        took.sort_unstable();
        stats.time_to_decision = Times { median_seconds: median(&took), p90_seconds: percentile(&took, 90) };
        stats
    }
}

/// The middle of sorted numbers.
fn median(sorted: &[i64]) -> Option<i64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len().is_multiple_of(2) { i64::midpoint(sorted[middle - 1], upper) } else { upper })
}

/// The least of sorted numbers that `percent` of a hundred do not exceed.
fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_ninetieth_percentile_are_those_of_the_textbook() {
        assert_eq!((median(&[]), percentile(&[], 90)), (None, None));
        assert_eq!((median(&[7]), percentile(&[7], 90)), (Some(7), Some(7)));
        assert_eq!((median(&[1, 4]), percentile(&[1, 4], 90)), (Some(2), Some(4)));
        let ten: Vec<i64> = (1..=10).collect();
        assert_eq!((median(&ten), percentile(&ten, 90)), (Some(5), Some(9)));
        let eleven: Vec<i64> = (1..=11).collect();
        assert_eq!((median(&eleven), percentile(&eleven, 90)), (Some(6), Some(10)));
    }
}
