//! Of which days and hours a question is answered from roll-ups, and what is read from events.

use super::{Day, Hour, Mark, Piece};
use crate::Range;
use std::collections::{BTreeMap, BTreeSet};

/// What is read from events: the hours, and as much of them as is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Live {
    /// The first hour.
    pub(super) first: Hour,
    /// The last one.
    pub(super) last: Hour,
    /// What is read.
    pub(super) range: Range,
}

/// The pieces of a range of which roll-ups may hold by what the marks say, and the rest. What has no mark has no events, and is in neither.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Days that are whole in the range, of which one may hold.
    pub(super) days: BTreeSet<Day>,
    /// Such hours of other days.
    pub(super) hours: BTreeSet<Hour>,
    live: Vec<Live>,
}

impl Plan {
    /// What a range takes, by what the marks of its days say.
    pub(super) fn of(range: Range, marks: &BTreeMap<Day, Mark>) -> Self {
        let mut plan = Self::default();
        for (day, mark) in marks {
            if within(day.range(), range) && mark.sealed == mark.version {
                plan.days.insert(*day);
            } else {
                plan.hours_of(*day, mark, range);
            }
        }
        plan
    }

    /// Takes the hours of a day, in the place of the day.
    pub(super) fn hours_of(&mut self, day: Day, mark: &Mark, range: Range) {
        for hour in day.hours().filter(|hour| mark.of(*hour).version > 0) {
            match mark.of(hour).sealed == mark.of(hour).version && within(hour.range(), range) {
                true => _ = self.hours.insert(hour),
                false => self.live(hour, range),
            }
        }
    }

    /// What may come from roll-ups, and of which versions.
    pub(super) fn pieces(&self, marks: &BTreeMap<Day, Mark>) -> impl Iterator<Item = (Piece, u64)> {
        let days = self.days.iter().filter_map(|day| Some((Piece::Day(*day), marks.get(day)?.version)));
        let hours = self.hours.iter();
        let hours = hours.filter_map(|hour| Some((Piece::Hour(*hour), marks.get(&hour.day())?.of(*hour).version)));
        days.chain(hours)
    }

    /// Takes the events of an hour, as far as it is in the range, in the place of the hour.
    pub(super) fn live(&mut self, hour: Hour, range: Range) {
        let part = Range { from: hour.range().from.max(range.from), to: hour.range().to.min(range.to) };
        if part.from < part.to {
            self.live.push(Live { first: hour, last: hour, range: part });
        }
    }

    /// What is read from events, in order; together what has nothing between that comes from a roll-up, since what has no mark has no events.
    pub(super) fn joined(mut self, rolled: &BTreeSet<Piece>) -> Vec<Live> {
        let apart = |before: &Live, next: &Live| {
            let between = |piece: &Piece| (before.range.to..next.range.from).contains(&piece.range().from);
            rolled.iter().any(between)
        };
        self.live.sort_by_key(|live| live.first);
        let mut joined: Vec<Live> = vec![];
        for live in self.live {
            match joined.last_mut().filter(|before| !apart(before, &live)) {
                Some(before) => (before.last, before.range.to) = (live.last, live.range.to),
                None => joined.push(live),
            }
        }
        joined
    }
}

fn within(piece: Range, range: Range) -> bool {
    range.from <= piece.from && piece.to <= range.to
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::rollup::HourMark;

    pub(crate) fn range(from: &str, to: &str) -> Range {
        Range { from: from.parse().unwrap(), to: to.parse().unwrap() }
    }

    pub(crate) fn hour(text: &str) -> Hour {
        Hour::of(text.parse().unwrap())
    }

    /// A mark of a day whose hours are of these versions, and sealed as these.
    pub(crate) fn mark(hours: &[(usize, u64, u64)], sealed: u64) -> Mark {
        let mut mark = Mark { sealed, ..Mark::default() };
        for (at, version, sealed) in hours {
            mark.hours[*at] = HourMark { version: *version, until: None, sealed: *sealed };
            mark.version += version;
        }
        mark
    }

    #[test]
    fn a_range_is_put_together_from_days_and_hours_and_the_rest_is_read() {
        let day = |text: &str| Day::named(text).unwrap();
        let marks = BTreeMap::from([
            (day("2026-03-01"), mark(&[(0, 1, 1), (22, 1, 1), (23, 2, 2)], 4)),
            (day("2026-03-02"), mark(&[(5, 3, 3)], 3)),
            (day("2026-03-03"), mark(&[(0, 1, 1), (8, 2, 2), (9, 2, 1), (10, 1, 0), (12, 1, 1)], 4)),
        ]);
        let plan = Plan::of(range("2026-03-01T22:30:00Z", "2026-03-03T12:15:00Z"), &marks);
        assert_eq!(plan.days, BTreeSet::from([day("2026-03-02")]));
        let hours = ["2026-03-01T23:00:00Z", "2026-03-03T00:00:00Z", "2026-03-03T08:00:00Z"].map(hour);
        assert_eq!(plan.hours, BTreeSet::from(hours));
        let read = |plan: Plan, rolled: &BTreeSet<Piece>| {
            plan.joined(rolled).iter().map(|live| live.range).collect::<Vec<_>>()
        };
        let rolled = hours.map(Piece::Hour).into_iter().chain([Piece::Day(day("2026-03-02"))]).collect();
        assert_eq!(
            read(plan, &rolled),
            [
                range("2026-03-01T22:30:00Z", "2026-03-01T23:00:00Z"),
                // With the hour between, which has no mark.
                range("2026-03-03T09:00:00Z", "2026-03-03T12:15:00Z"),
            ]
        );
        let whole = Plan::of(range("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"), &marks);
        assert_eq!((whole.days.len(), whole.hours.len(), whole.live.len()), (1, 0, 0));
    }
}
