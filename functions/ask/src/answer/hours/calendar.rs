//! Finds the date of a day that a question names.

use super::Day;
use crate::answer::{text::folded_words, words::Holiday};
use jiff::{
    ToSpan,
    civil::{Date, Weekday},
};
use shared::catalog::Store;

/// The date of a day as seen from `today`, or `None` where the calendar has none: 29 February comes when it comes.
///
/// A weekday is the next one, today included; a date without a year is the next one, today included.
pub(super) fn find(day: Day, today: Date, store: &Store) -> Option<Date> {
    match day {
        Day::Unsaid | Day::Week => Some(today),
        Day::Ahead(days) => today.checked_add(i64::from(days).days()).ok(),
        Day::Weekday { day, next } => {
            let from = if next { today.tomorrow().ok()? } else { today };
            on_or_after(from, day)
        }
        Day::Weekend => match today.weekday() {
            Weekday::Sunday => Some(today),
            _ => on_or_after(today, Weekday::Saturday),
        },
        Day::OfMonth(day) => (0..12).find_map(|months| {
            let month = today.first_of_month().checked_add(i64::from(months).months()).ok()?;
            Date::new(month.year(), month.month(), day).ok().filter(|date| *date >= today)
        }),
        Day::Date { year: Some(year), month, day } => Date::new(year, month, day).ok(),
        Day::Date { year: None, month, day } => next(today, |year| Date::new(year, month, day).ok()),
        Day::Holiday(holiday) => {
            holiday_in_notes(holiday, today, store).or_else(|| next(today, |year| fixed(holiday, year)))
        }
    }
}

/// The date of the exception whose note has all these words: "St Patrick".
pub(super) fn noted(words: &[String], today: Date, store: &Store) -> Option<Date> {
    let has_all = |note: &str| {
        let note = folded_words(note);
        words.iter().all(|word| note.contains(word))
    };
    let mut ahead = store.hours.exceptions().filter(|(date, _)| *date >= today);
    let found = |note: Option<&String>| !words.is_empty() && note.is_some_and(|note| has_all(note));
    ahead.find(|(_, exception)| found(exception.note.as_ref())).map(|(date, _)| date)
}

fn on_or_after(from: Date, day: Weekday) -> Option<Date> {
    from.checked_add(i64::from(from.weekday().until(day)).days()).ok()
}

/// The first date from `today` on; eight years reach over a century that skips its 29 February.
fn next(today: Date, in_year: impl Fn(i16) -> Option<Date>) -> Option<Date> {
    (0..=8).find_map(|years| in_year(today.year().checked_add(years)?).filter(|date| *date >= today))
}

/// The staff's own date for the holidays that differ by country.
fn holiday_in_notes(holiday: Holiday, today: Date, store: &Store) -> Option<Date> {
    let word = match holiday {
        Holiday::Thanksgiving => "thanksgiving",
        Holiday::IndependenceDay => "independence",
        _ => return None,
    };
    noted(&[word.to_owned()], today, store)
}

fn fixed(holiday: Holiday, year: i16) -> Option<Date> {
    let (month, day) = match holiday {
        Holiday::Christmas => (12, 25),
        Holiday::ChristmasEve => (12, 24),
        Holiday::BoxingDay => (12, 26),
        Holiday::NewYear => (1, 1),
        Holiday::NewYearsEve => (12, 31),
        Holiday::Epiphany => (1, 6),
        Holiday::LabourDay => (5, 1),
        Holiday::IndependenceDay => (7, 4),
        Holiday::BastilleDay => (7, 14),
        Holiday::Assumption => (8, 15),
        Holiday::AllSaints => (11, 1),
        Holiday::Halloween => (10, 31),
        // The first Monday of September, the last of May, the fourth Thursday of November.
        Holiday::LaborDay => return on_or_after(Date::new(year, 9, 1).ok()?, Weekday::Monday),
        Holiday::MemorialDay => return on_or_after(Date::new(year, 5, 25).ok()?, Weekday::Monday),
        Holiday::Thanksgiving => return on_or_after(Date::new(year, 11, 22).ok()?, Weekday::Thursday),
        Holiday::GoodFriday => return easter(year)?.checked_sub(2.days()).ok(),
        Holiday::Easter => return easter(year),
        Holiday::EasterMonday => return easter(year)?.tomorrow().ok(),
    };
    Date::new(year, month, day).ok()
}

/// Easter Sunday of the Gregorian calendar.
///
/// Source: the anonymous algorithm of *Nature*, 20 April 1876, as in Meeus, *Astronomical Algorithms* (1991), ch. 8.
fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (b - (b + 8) / 25 + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let l = (32 + 2 * e + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    Date::new(year, i8::try_from(n / 31).ok()?, i8::try_from(n % 31 + 1).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn easter_and_thanksgiving_fall_where_the_calendar_has_them() {
        for (year, expected) in
            [(2024, date(2024, 3, 31)), (2025, date(2025, 4, 20)), (2026, date(2026, 4, 5)), (2038, date(2038, 4, 25))]
        {
            assert_eq!(easter(year), Some(expected));
        }
        assert_eq!(fixed(Holiday::Thanksgiving, 2026), Some(date(2026, 11, 26)));
        assert_eq!(fixed(Holiday::LaborDay, 2026), Some(date(2026, 9, 7)));
        assert_eq!(fixed(Holiday::MemorialDay, 2026), Some(date(2026, 5, 25)));
        assert_eq!(fixed(Holiday::Thanksgiving, 2029), Some(date(2029, 11, 22)));
    }
}
