//! EventBridge's cron expressions: `minute hour day-of-month month day-of-week year`, in UTC.
//!
//! Grammar: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based>. Lists, ranges, steps and
//! names are understood; `L`, `W` and `#` are not, and are refused by name. Exactly one of the two days is `?`.

use anyhow::{Context, Result, bail, ensure};
use jiff::{Timestamp, ToSpan, civil::DateTime, tz::TimeZone};
use std::collections::BTreeSet;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
/// How far ahead a time is looked for: the longest wait for a 29 February is eight years.
const HORIZON_DAYS: i32 = 366 * 9;

/// When a cron expression is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cron {
    minutes: BTreeSet<u16>,
    hours: BTreeSet<u16>,
    days: Option<BTreeSet<u16>>,
    months: BTreeSet<u16>,
    /// 1 is Sunday.
    weekdays: Option<BTreeSet<u16>>,
    years: BTreeSet<u16>,
}

impl Cron {
    /// Reads the six fields.
    pub(crate) fn parse(fields: &str) -> Result<Self> {
        let parts: Vec<&str> = fields.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays, years] = parts[..] else {
            bail!("cron({fields}) has not six fields")
        };
        ensure!((days == "?") != (weekdays == "?"), "cron({fields}): exactly one of day-of-month and day-of-week is ?");
        let read = |text: &str, range, names: &[&str]| {
            set(text, range, names).with_context(|| format!("cron({fields}): {text:?} cannot be read"))
        };
        let day = |text: &str, range, names: &[&str]| (text != "?").then(|| read(text, range, names)).transpose();
        Ok(Self {
            minutes: read(minutes, (0, 59), &[])?,
            hours: read(hours, (0, 23), &[])?,
            days: day(days, (1, 31), &[])?,
            months: read(months, (1, 12), &MONTHS)?,
            weekdays: day(weekdays, (1, 7), &DAYS)?,
            years: read(years, (1970, 2199), &[])?,
        })
    }

    /// The first time after `after` at which it is due; `None` if there is none within nine years.
    pub(crate) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = TimeZone::UTC.to_datetime(after);
        let mut day = after.date();
        for _ in 0..HORIZON_DAYS {
            if self.on(day) {
                let times = self.hours.iter().flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute)));
                let due = times.filter_map(|(hour, minute)| {
                    let part = |value| i8::try_from(value).unwrap_or_default();
                    Some(DateTime::from_parts(day, jiff::civil::Time::new(part(hour), part(minute), 0, 0).ok()?))
                });
                if let Some(due) = due.filter(|due| *due > after).min() {
                    return due.to_zoned(TimeZone::UTC).ok().map(|due| due.timestamp());
                }
            }
            day = day.checked_add(1.day()).ok()?;
        }
        None
    }

    fn on(&self, day: jiff::civil::Date) -> bool {
        let unsigned = |value: i8| u16::try_from(value).unwrap_or_default();
        let weekday = unsigned(day.weekday().to_sunday_one_offset());
        self.months.contains(&unsigned(day.month()))
            && self.days.as_ref().is_none_or(|days| days.contains(&unsigned(day.day())))
            && self.weekdays.as_ref().is_none_or(|days| days.contains(&weekday))
            && u16::try_from(day.year()).is_ok_and(|year| self.years.contains(&year))
    }
}

/// The values that a field such as `1-5,10/15,MON` stands for.
fn set(text: &str, (least, most): (u16, u16), names: &[&str]) -> Result<BTreeSet<u16>> {
    let value = |text: &str| -> Result<u16> {
        if let Some(place) = names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(least + u16::try_from(place)?);
        }
        let value = text.parse().context("it is no number; L, W and # are not understood here")?;
        ensure!((least..=most).contains(&value), "{value} is not between {least} and {most}");
        Ok(value)
    };
    let mut values = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u16>()?)),
            None => (part, None),
        };
        ensure!(step != Some(0), "a step of 0 leads nowhere");
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (value(from)?, value(to)?),
            None if range == "*" => (least, most),
            None => (value(range)?, if step.is_some() { most } else { value(range)? }),
        };
        ensure!(from <= to, "{range} runs backwards");
        values.extend((from..=to).step_by(step.unwrap_or(1).into()));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(fields: &str, after: &str) -> String {
        Cron::parse(fields)
            .unwrap()
            .next(after.parse().unwrap())
            .map_or_else(|| "never".to_owned(), |at| at.to_string())
    }

    #[test]
    fn the_next_time_is_the_first_that_every_field_allows() {
        for (fields, after, due) in [
            ("0 3 * * ? *", "2026-03-01T02:59:59Z", "2026-03-01T03:00:00Z"),
            ("0 3 * * ? *", "2026-03-01T03:00:00Z", "2026-03-02T03:00:00Z"),
            ("0/15 * * * ? *", "2026-03-01T09:46:00Z", "2026-03-01T10:00:00Z"),
            ("30 8 ? * MON-FRI *", "2026-03-06T08:30:00Z", "2026-03-09T08:30:00Z"),
            ("0 0 ? * 1 *", "2026-03-02T00:00:00Z", "2026-03-08T00:00:00Z"),
            ("0 0 29 2 ? *", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("0 12 1 JAN,jul ? *", "2026-03-01T00:00:00Z", "2026-07-01T12:00:00Z"),
            ("0 12 1 1 ? 2020-2026", "2026-03-01T00:00:00Z", "never"),
            ("0 12 31 2 ? *", "2026-03-01T00:00:00Z", "never"),
        ] {
            assert_eq!(next(fields, after), due, "{fields}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in [
            "0 3 * * *",
            "0 3 * * * *",
            "0 3 ? * ? *",
            "60 3 * * ? *",
            "0 3 L * ? *",
            "0/0 3 * * ? *",
            "5-1 3 * * ? *",
            "x 3 * * ? *",
        ] {
            assert!(Cron::parse(bad).is_err(), "{bad}");
        }
    }
}
