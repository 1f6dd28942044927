//! When a store is open: a week that repeats, and the dates that differ from it. Time comes in as an argument.

mod week;

pub use week::{BadHours, Span, TimeOfDay, Week};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most dates that may differ from the week.
pub const MAX_EXCEPTIONS: usize = 400;
/// The longest note on such a date, in characters.
pub const MAX_NOTE_CHARS: usize = 100;
/// How far [`Hours::status_at`] looks for the next opening, in days.
const OPENING_HORIZON: u32 = 400;
/// How far it looks for the next closing: a store that stays open longer is told as open without an end.
const CLOSING_HORIZON: u32 = 15;

/// A store's opening hours, on the clocks of its own time zone.
///
/// An interval belongs to the day on which it begins: one that runs past midnight is not cut short by the next
/// day's exception.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "Unchecked")]
pub struct Hours {
    #[schema(required = false)]
    weekly: Week,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Exception>)]
    exceptions: BTreeMap<Date, Exception>,
}

/// What holds on one date instead of the week: no intervals at all is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// When the store is open on that date.
    #[serde(default)]
    pub open: Vec<Span>,
    /// Why, for the customer to read: `Christmas Day`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    #[serde(default)]
    weekly: Week,
    #[serde(default)]
    exceptions: BTreeMap<Date, Exception>,
}

impl TryFrom<Unchecked> for Hours {
    type Error = BadHours;
    fn try_from(unchecked: Unchecked) -> Result<Self, BadHours> {
        Self::new(unchecked.weekly, unchecked.exceptions)
    }
}

/// What holds on one date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayPlan<'a> {
    /// The intervals that begin on it, in order; none is closed.
    pub spans: &'a [Span],
    /// Whether it differs from the week.
    pub exceptional: bool,
    /// Why it differs, as the staff wrote it.
    pub note: Option<&'a str>,
}

/// A stretch of time in which the store is open: `from` included, `to` not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Interval {
    /// When it opens.
    pub from: Timestamp,
    /// When it closes: at this instant it is closed.
    pub to: Timestamp,
}

/// Whether the store is open at an instant, and until when that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Status {
    /// It is open.
    Open {
        /// When it closes; `None` where it does not within the next two weeks.
        until: Option<Timestamp>,
    },
    /// It is closed.
    Closed {
        /// When it opens again; `None` where it does not within the next 400 days.
        opens_at: Option<Timestamp>,
    },
}

impl Hours {
    /// Takes a week and the dates that differ from it.
    ///
    /// # Errors
    ///
    /// [`BadHours`] where intervals overlap or a limit is passed.
    pub fn new(mut weekly: Week, mut exceptions: BTreeMap<Date, Exception>) -> Result<Self, BadHours> {
        weekly.check()?;
        if exceptions.len() > MAX_EXCEPTIONS {
            return Err(BadHours::TooManyExceptions);
        }
        for (&date, exception) in &mut exceptions {
            week::sort_and_check(&mut exception.open).map_err(|why| BadHours::On { date, why: Box::new(why) })?;
            let note = exception.note.as_deref().unwrap_or("fine");
            if note.trim().is_empty() || note.chars().count() > MAX_NOTE_CHARS || note.chars().any(char::is_control) {
                return Err(BadHours::Note(date));
            }
        }
        Ok(Self { weekly, exceptions })
    }

    /// The week that repeats.
    pub fn weekly(&self) -> &Week {
        &self.weekly
    }

    /// The dates that differ from the week, earliest first.
    pub fn exceptions(&self) -> impl Iterator<Item = (Date, &Exception)> {
        self.exceptions.iter().map(|(date, exception)| (*date, exception))
    }

    /// What holds on `date`: its exception where there is one, else its weekday.
    pub fn on(&self, date: Date) -> DayPlan<'_> {
        match self.exceptions.get(&date) {
            Some(exception) => DayPlan { spans: &exception.open, exceptional: true, note: exception.note.as_deref() },
            None => DayPlan { spans: self.weekly.on(date.weekday()), exceptional: false, note: None },
        }
    }

    /// The intervals that begin on `date`, in order, as instants in `zone`.
    ///
    /// A time that the clocks skip is read as if they had not been moved yet (02:30 is 03:30 in summer time), one
    /// that they show twice is the first of the two.
    pub fn intervals_on(&self, zone: &TimeZone, date: Date) -> Vec<Interval> {
        let instant = |span_day: Date, time: TimeOfDay| {
            let day = if time == TimeOfDay::MIDNIGHT_AFTER { span_day.tomorrow().ok()? } else { span_day };
            zone.to_ambiguous_timestamp(day.to_datetime(time.civil())).compatible().ok()
        };
        let interval = |span: &Span| {
            let last = if span.runs_past_midnight() { date.tomorrow().ok()? } else { date };
            let (from, to) = (instant(date, span.from())?, instant(last, span.to())?);
            (from < to).then_some(Interval { from, to })
        };
        self.on(date).spans.iter().filter_map(interval).collect()
    }

    /// Whether the store is open at `now`, and when that changes. Intervals that touch are one.
    pub fn status_at(&self, zone: &TimeZone, now: Timestamp) -> Status {
        let today = zone.to_datetime(now).date();
        let mut open_until: Option<Timestamp> = None;
        for ahead in 0..OPENING_HORIZON {
            let Ok(date) = today.checked_add((i64::from(ahead) - 1).days()) else { break };
            for Interval { from, to } in self.intervals_on(zone, date) {
                match open_until {
                    Some(until) if from > until => return Status::Open { until: Some(until) },
                    Some(until) => open_until = Some(until.max(to)),
                    None if from > now => return Status::Closed { opens_at: Some(from) },
                    None if now < to => open_until = Some(to),
                    None => {}
                }
            }
            if let Some(until) = open_until {
                let next_day = date.tomorrow().ok().and_then(|day| day.to_zoned(zone.clone()).ok());
                if next_day.is_none_or(|day| until < day.timestamp()) {
                    return Status::Open { until: Some(until) };
                }
                if ahead > CLOSING_HORIZON {
                    return Status::Open { until: None };
                }
            }
        }
        match open_until {
            Some(until) => Status::Open { until: Some(until) },
            None => Status::Closed { opens_at: None },
        }
    }
}

#[cfg(test)]
mod tests;
