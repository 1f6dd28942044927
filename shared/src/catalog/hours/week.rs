//! Times of day, the intervals between them, and a week of those.

use jiff::civil::{Date, Time, Weekday};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The most intervals of a day.
const MAX_SPANS: usize = 8;
const DAY: u16 = 24 * 60;

/// Hours that cannot hold, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHours {
    /// Not `HH:MM`.
    #[error("a time of day is HH:MM from 00:00 to 24:00")]
    Time,
    /// An interval without length, or one that begins when the day is over.
    #[error("an interval goes from a time before 24:00 to another time; a full day is 00:00 to 24:00")]
    Empty,
    /// Two intervals share time.
    #[error("the interval from {0} overlaps the one before it")]
    Overlap(TimeOfDay),
    /// More intervals in a day than anyone keeps.
    #[error("a day has at most {MAX_SPANS} intervals")]
    TooManySpans,
    /// More exceptions than a year has days.
    #[error("at most {} dates may differ from the week", super::MAX_EXCEPTIONS)]
    TooManyExceptions,
    /// An empty note, a long one, or one with control characters.
    #[error("{0}: a note has 1 to {max} characters, none of them a control", max = super::MAX_NOTE_CHARS)]
    Note(Date),
    /// What is wrong on one date.
    #[error("{date}: {why}")]
    On {
        /// The date.
        date: Date,
        /// What is wrong on it.
        why: Box<BadHours>,
    },
    /// What is wrong on one day of the week.
    #[error("{day}: {why}")]
    Every {
        /// The day, in English.
        day: &'static str,
        /// What is wrong on it.
        why: Box<BadHours>,
    },
}

/// A time on the clock, to the minute: `00:00` to `24:00`, the end of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "08:00")]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// The midnight that ends the day: `24:00`.
    pub const MIDNIGHT_AFTER: Self = Self(DAY);

    /// The time so many minutes after midnight, up to 1440.
    pub fn from_minutes(minutes: u16) -> Option<Self> {
        (minutes <= DAY).then_some(Self(minutes))
    }

    /// Minutes after midnight, 0 to 1440.
    pub fn minutes(self) -> u16 {
        self.0
    }

    /// The time as a clock shows it; `24:00` shows as `00:00`.
    pub fn civil(self) -> Time {
        let on_clock = self.0 % DAY;
        let part = |value: u16| i8::try_from(value).unwrap_or_default();
        Time::constant(part(on_clock / 60), part(on_clock % 60), 0, 0)
    }
}

impl FromStr for TimeOfDay {
    type Err = BadHours;
    fn from_str(text: &str) -> Result<Self, BadHours> {
        let [h1, h2, b':', m1, m2] = text.as_bytes() else { return Err(BadHours::Time) };
        if ![h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()) {
            return Err(BadHours::Time);
        }
        let two = |tens: &u8, ones: &u8| u16::from(tens - b'0') * 10 + u16::from(ones - b'0');
        let (hour, minute) = (two(h1, h2), two(m1, m2));
        if minute > 59 {
            return Err(BadHours::Time);
        }
        Self::from_minutes(hour * 60 + minute).ok_or(BadHours::Time)
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = BadHours;
    fn try_from(text: String) -> Result<Self, BadHours> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// An interval of opening, `from` included and `to` not; a `to` before `from` is on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "UncheckedSpan")]
pub struct Span {
    from: TimeOfDay,
    to: TimeOfDay,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedSpan {
    from: TimeOfDay,
    to: TimeOfDay,
}

impl TryFrom<UncheckedSpan> for Span {
    type Error = BadHours;
    fn try_from(UncheckedSpan { from, to }: UncheckedSpan) -> Result<Self, BadHours> {
        Self::new(from, to)
    }
}

impl Span {
    /// The whole day.
    pub const ALL_DAY: Self = Self { from: TimeOfDay(0), to: TimeOfDay::MIDNIGHT_AFTER };

    /// Takes an interval.
    ///
    /// # Errors
    ///
    /// [`BadHours::Empty`] where it has no length or begins at `24:00`.
    pub fn new(from: TimeOfDay, to: TimeOfDay) -> Result<Self, BadHours> {
        if from == to || from == TimeOfDay::MIDNIGHT_AFTER { Err(BadHours::Empty) } else { Ok(Self { from, to }) }
    }

    /// When it opens.
    pub fn from(self) -> TimeOfDay {
        self.from
    }

    /// When it closes.
    pub fn to(self) -> TimeOfDay {
        self.to
    }

    /// Whether it ends on the day after the one on which it begins.
    pub fn runs_past_midnight(self) -> bool {
        self.to < self.from
    }

    /// Its end in minutes after the midnight before its beginning, up to two days.
    fn end(self) -> u16 {
        if self.runs_past_midnight() { self.to.0 + DAY } else { self.to.0 }
    }
}

/// Puts a day's intervals in order; an error where they overlap or are too many.
pub(super) fn sort_and_check(spans: &mut [Span]) -> Result<(), BadHours> {
    if spans.len() > MAX_SPANS {
        return Err(BadHours::TooManySpans);
    }
    spans.sort_unstable();
    match spans.windows(2).find(|pair| pair[1].from.0 < pair[0].end()) {
        Some(pair) => Err(BadHours::Overlap(pair[1].from)),
        None => Ok(()),
    }
}

/// The intervals of each day of the week; a day without any is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the days of the week need none")]
pub struct Week {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub monday: Vec<Span>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tuesday: Vec<Span>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wednesday: Vec<Span>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thursday: Vec<Span>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub friday: Vec<Span>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub saturday: Vec<Span>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sunday: Vec<Span>,
}

impl Week {
    /// The same intervals on every day.
    pub fn every_day(spans: &[Span]) -> Self {
        let day = || spans.to_vec();
        Self {
            monday: day(),
            tuesday: day(),
            wednesday: day(),
            thursday: day(),
            friday: day(),
            saturday: day(),
            sunday: day(),
        }
    }

    /// The intervals that begin on a day of the week.
    pub fn on(&self, day: Weekday) -> &[Span] {
        match day {
            Weekday::Monday => &self.monday,
            Weekday::Tuesday => &self.tuesday,
            Weekday::Wednesday => &self.wednesday,
            Weekday::Thursday => &self.thursday,
            Weekday::Friday => &self.friday,
            Weekday::Saturday => &self.saturday,
            Weekday::Sunday => &self.sunday,
        }
    }

    /// Puts every day in order; an error where intervals overlap, also across midnight.
    pub(super) fn check(&mut self) -> Result<(), BadHours> {
        let days = [
            ("monday", &mut self.monday),
            ("tuesday", &mut self.tuesday),
            ("wednesday", &mut self.wednesday),
            ("thursday", &mut self.thursday),
            ("friday", &mut self.friday),
            ("saturday", &mut self.saturday),
            ("sunday", &mut self.sunday),
        ];
        for (day, spans) in days {
            sort_and_check(spans).map_err(|why| BadHours::Every { day, why: Box::new(why) })?;
        }
        let week = [
            ("monday", &self.monday, &self.sunday),
            ("tuesday", &self.tuesday, &self.monday),
            ("wednesday", &self.wednesday, &self.tuesday),
            ("thursday", &self.thursday, &self.wednesday),
            ("friday", &self.friday, &self.thursday),
            ("saturday", &self.saturday, &self.friday),
            ("sunday", &self.sunday, &self.saturday),
        ];
        for (day, spans, before) in week {
            let (Some(first), Some(last)) = (spans.first(), before.last()) else { continue };
            if first.from.0 + DAY < last.end() {
                return Err(BadHours::Every { day, why: Box::new(BadHours::Overlap(first.from)) });
            }
        }
        Ok(())
    }
}
