//! Questions about opening hours: what they ask, which day and time they mean, and the answer.

mod calendar;
mod read;
mod tell;

pub(super) use tell::tell;

use super::words::{Holiday, Part};
use jiff::civil::Weekday;

/// What a question about hours asks, of which day and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoursQuestion {
    pub(super) ask: Ask,
    pub(super) day: Day,
    pub(super) time: Option<AskedTime>,
    pub(super) part: Option<Part>,
    /// Whether it speaks of a day: what is left of it may be the name of one.
    pub(super) names_a_day: bool,
    /// Whether it says "now".
    pub(super) now: bool,
}

/// What is asked of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Open,
    Closed,
    Opens,
    Closes,
    Hours,
}

/// A day as the question names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Day {
    Unsaid,
    Ahead(i8),
    Weekday { day: Weekday, next: bool },
    OfMonth(i8),
    Date { year: Option<i16>, month: i8, day: i8 },
    Weekend,
    Week,
    Holiday(Holiday),
}

/// A time as the question names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AskedTime {
    /// After midnight, 0 to 1440.
    pub(super) minutes: u16,
    /// Whether it could as well be twelve hours later: "at 8".
    pub(super) ambiguous: bool,
}
