//! Hours and days of UTC, and the pieces of time that roll-ups are of.

use crate::Range;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

const HOUR_NANOS: i128 = 3_600_000_000_000;
const DAY_HOURS: i64 = 24;

/// An hour of UTC, by its number since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(i64);

/// A day of UTC, by its number since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

/// What a roll-up is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Piece {
    /// An hour.
    Hour(Hour),
    /// A day.
    Day(Day),
}

/// The first moment of an hour, or the end of time.
fn moment(hours: i64) -> Timestamp {
    let nanos = i128::from(hours) * HOUR_NANOS;
    let end = if nanos < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_nanosecond(nanos).unwrap_or(end)
}

impl Hour {
    /// The hour of `time`.
    pub fn of(time: Timestamp) -> Self {
        // Times are of a few thousand years, whose hours are far from the ends of the number.
        Self(i64::try_from(time.as_nanosecond().div_euclid(HOUR_NANOS)).unwrap_or_default())
    }

    /// From its first moment up to before the next one's.
    pub fn range(self) -> Range {
        Range { from: moment(self.0), to: moment(self.0 + 1) }
    }

    /// The day that it is of.
    pub fn day(self) -> Day {
        Day(self.0.div_euclid(DAY_HOURS))
    }

    /// Which hour of its day it is, from 0.
    pub fn of_day(self) -> usize {
        usize::try_from(self.0.rem_euclid(DAY_HOURS)).unwrap_or_default()
    }

    /// The hour as keys sort it.
    pub fn name(self) -> String {
        format!("{}T{:02}", self.day().name(), self.of_day())
    }
}

impl Day {
    /// The day of `time`.
    pub fn of(time: Timestamp) -> Self {
        Hour::of(time).day()
    }

    /// From its first moment up to before the next one's.
    pub fn range(self) -> Range {
        Range { from: moment(self.0 * DAY_HOURS), to: moment((self.0 + 1) * DAY_HOURS) }
    }

    /// Its hours, in their order.
    pub fn hours(self) -> impl Iterator<Item = Hour> {
        (0..DAY_HOURS).map(move |hour| Hour(self.0 * DAY_HOURS + hour))
    }

    /// The day as keys sort it: `2026-03-01`. Years before the first sort before it: they count from -9999 on, after a `-`.
    pub fn name(self) -> String {
        let date = moment(self.0 * DAY_HOURS).to_zoned(TimeZone::UTC).date();
        let (year, month, day) = (date.year(), date.month(), date.day());
        if year < 0 {
            return format!("-{:04}-{month:02}-{day:02}", 10_000 + i32::from(year));
        }
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// The day of this name.
    pub fn named(name: &str) -> Option<Self> {
        let (before, plain) = match name.strip_prefix('-') {
            Some(plain) => (10_000, plain),
            None => (0, name),
        };
        let mut parts = plain.splitn(3, '-');
        let year = parts.next()?.parse::<i16>().ok()?.checked_sub(before)?;
        let (month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let since = Date::new(year, month, day).ok()?.duration_since(Date::constant(1970, 1, 1));
        Some(Self(since.as_hours().div_euclid(DAY_HOURS))).filter(|day| day.name() == name)
    }
}

impl Piece {
    /// From its first moment up to before the next one's.
    pub fn range(self) -> Range {
        match self {
            Self::Hour(hour) => hour.range(),
            Self::Day(day) => day.range(),
        }
    }

    /// The day that it is, or is of.
    pub fn day(self) -> Day {
        match self {
            Self::Hour(hour) => hour.day(),
            Self::Day(day) => day,
        }
    }

    /// The piece as keys sort it among those of its kind.
    pub fn name(self) -> String {
        match self {
            Self::Hour(hour) => hour.name(),
            Self::Day(day) => day.name(),
        }
    }
}

/// The hours that a range touches: all of the first, though the range may hold the end of it alone, to all of the last.
pub(crate) fn hours(range: Range) -> Option<(Hour, Hour)> {
    let last = range.to.checked_sub(jiff::SignedDuration::from_nanos(1)).ok()?;
    (range.from <= last).then(|| (Hour::of(range.from), Hour::of(last)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_hour_and_a_day_have_their_names_and_borders() {
        let hour = Hour::of(at("2026-03-01T07:59:59.999999999Z"));
        assert_eq!(
            (hour.name().as_str(), hour.of_day(), hour.day().name().as_str()),
            ("2026-03-01T07", 7, "2026-03-01")
        );
        assert_eq!(hour.range(), Range { from: at("2026-03-01T07:00:00Z"), to: at("2026-03-01T08:00:00Z") });
        assert_eq!(hour.day().hours().count(), 24);
        assert_eq!(Hour::of(at("1969-12-31T23:30:00Z")).name(), "1969-12-31T23");
        assert_eq!(Day::of(at("-000001-06-01T00:00:00Z")).name(), "-9999-06-01");
        for ends in [Timestamp::MIN, Timestamp::MAX] {
            let day = Day::of(ends);
            assert_eq!(Day::named(&day.name()), Some(day), "{ends}");
        }
        for bad in ["", "2026", "2026-13-01", "2026-3-1", "x-01-01", "2026-03-01#", "--001-01-01"] {
            assert_eq!(Day::named(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn names_sort_as_times_do(a in -377_000_000_000_i64..253_000_000_000, b in -377_000_000_000_i64..253_000_000_000) {
            let [a, b] = [a, b].map(|second| Hour::of(Timestamp::from_second(second).unwrap()));
            prop_assert_eq!(a.cmp(&b), a.name().cmp(&b.name()));
            prop_assert_eq!(Day::named(&a.day().name()), Some(a.day()));
            prop_assert!(a.range().holds(a.range().from) && !a.range().holds(a.range().to));
        }
    }
}
