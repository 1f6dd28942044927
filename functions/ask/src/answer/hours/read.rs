//! Reads the day and the time out of a question.

use super::{Ask, AskedTime, Day, HoursQuestion};
use crate::answer::{
    intent::Reading,
    words::{Cue, Part, Time},
};
use jiff::civil::Weekday;
use shared::locale::Locale;

/// Words that say that a day is meant: "Columbus Day".
const DAY_WORDS: &[&str] = &["day", "holiday", "dia", "festivo", "jour", "fete"];

impl HoursQuestion {
    /// Reads what is asked, and marks the words of day and time as understood.
    pub(in crate::answer) fn read(reading: &mut Reading<'_>) -> Self {
        let names_a_day = (0..reading.words.len()).any(|at| DAY_WORDS.contains(&reading.word(at)));
        let (day, time, part) = (Day::Unsaid, None, None);
        let mut question = Self { ask: ask(reading), day, time, part, names_a_day, now: false };
        let mut at = 0;
        while at < reading.words.len() {
            at += question.take(reading, at);
        }
        question.settle();
        if question.ask == Ask::Opens && question.time.is_some() {
            // "Do you open at 7?"
            question.ask = Ask::Open;
        }
        question
    }

    /// Takes what begins at a word; how many words that is.
    fn take(&mut self, reading: &mut Reading<'_>, at: usize) -> usize {
        let cue = match reading.meanings[at] {
            Some((Cue::Time(time), true)) => Some(time),
            _ => None,
        };
        if let Some(length) = self.take_date(reading, at).or_else(|| self.take_time(reading, at)) {
            reading.used[at..at + length].fill(true);
            return length;
        }
        let Some(time) = cue else { return 1 };
        match time {
            Time::Weekday(day) => self.day = weekday(day, matches!(self.day, Day::Weekday { next: true, .. })),
            Time::Ahead(days) => self.say(Day::Ahead(days)),
            Time::Next => match &mut self.day {
                Day::Weekday { next, .. } => *next = true,
                // "next Sunday": the day follows.
                day => *day = weekday(1, true),
            },
            Time::Weekend => self.day = Day::Weekend,
            Time::Week => self.say(Day::Week),
            Time::Holiday(holiday) => self.day = Day::Holiday(holiday),
            Time::Part(part) => self.part = Some(part),
            Time::Now => self.now = true,
            Time::Noon => self.time = Some(AskedTime { minutes: 720, ambiguous: false }),
            Time::Midnight => self.time = Some(AskedTime { minutes: 1440, ambiguous: false }),
            Time::Am if self.part.is_none() => self.part = Some(Part::Morning),
            Time::Pm if self.part.is_none() => self.part = Some(Part::Afternoon),
            _ => {}
        }
        reading.use_run(at)
    }

    /// Names the day where nothing closer was said.
    fn say(&mut self, day: Day) {
        if self.day == Day::Unsaid {
            self.day = day;
        }
    }

    /// A date: `25 December`, `December 25th`, `12/25`, `2026-12-25`, `the 25th`.
    fn take_date(&mut self, reading: &Reading<'_>, at: usize) -> Option<usize> {
        let (number, ordinal) = day_number(reading.word(at))?;
        let joined = |at: usize, by: &[&str]| by.contains(&reading.gap_after(at));
        let plain = |at: usize| reading.word(at).parse::<i16>().ok();
        if let (true, Some(month), Some(day)) = (joined(at, &["-", "/"]) && number > 31, plain(at + 1), plain(at + 2)) {
            self.day = date(Some(number), month, day)?;
            return Some(3);
        }
        if let (true, Some(second)) = (joined(at, &["/"]), plain(at + 1)) {
            if (number, second) == (24, 7) {
                self.ask = Ask::Hours;
                return Some(2);
            }
            let (month, day) = if reading.language == Locale::En { (number, second) } else { (second, number) };
            let year = if joined(at + 1, &["/"]) { plain(at + 2).filter(|year| *year > 31) } else { None };
            self.day = date(year, month, day).or_else(|| date(year, day, month))?;
            return Some(2 + usize::from(year.is_some()));
        }
        let month_at = |at: usize| match reading.cue(at) {
            Some(Cue::Time(Time::Month(month))) => Some(i16::from(month)),
            _ => None,
        };
        let light = |at: usize| reading.cue(at) == Some(Cue::Light);
        let after = at + 1 + usize::from(light(at + 1));
        if let Some(month) = month_at(after) {
            let year_at = after + 1 + usize::from(light(after + 1));
            let year = plain(year_at).filter(|year| (1970..2200).contains(year));
            self.day = date(year, month, number)?;
            return Some(year.map_or(after, |_| year_at) + 1 - at);
        }
        let before = at.checked_sub(1).map(|before| if light(before) { before.saturating_sub(1) } else { before });
        // "24 December at 6": the month has its day.
        let dated = matches!(self.day, Day::Date { .. });
        if let Some(month) = before.and_then(month_at).filter(|_| !dated && !is_hour(reading, at)) {
            let year = plain(at + 1).filter(|year| (1970..2200).contains(year));
            self.day = date(year, month, number)?;
            return Some(1 + usize::from(year.is_some()));
        }
        let named = at > 0 && matches!(reading.word(at - 1), "el" | "le" | "dia" | "the");
        let bare = named && !is_hour(reading, at) && reading.word(at).len() <= 2;
        if (ordinal || bare) && (1..=31).contains(&number) {
            self.day = Day::OfMonth(i8::try_from(number).ok()?);
            return Some(1);
        }
        None
    }

    /// A time: `8`, `8am`, `8:30`, `20h30`, `20 h 30`, `eight`, with what follows it.
    fn take_time(&mut self, reading: &Reading<'_>, at: usize) -> Option<usize> {
        let spelt = match reading.meanings[at] {
            Some((Cue::Time(Time::Number(number)), true)) => Some(Clock { hour: number.into(), ..Clock::default() }),
            Some(_) => return None,
            None => None,
        };
        let clock = spelt.or_else(|| Clock::parse(reading.word(at)))?;
        let mut run = 1;
        while let Some(Some((_, false))) = reading.meanings.get(at + run) {
            run += 1;
        }
        let mut minutes = clock.minute;
        let (mut half, mut exact) = (clock.half, clock.exact);
        let before = at.checked_sub(1).and_then(|before| reading.cue(before));
        match before {
            Some(Cue::Time(Time::Half)) if reading.language == Locale::En => minutes = 30,
            Some(Cue::Time(Time::Quarter)) if reading.language == Locale::En => minutes = 15,
            _ => {}
        }
        loop {
            let next = at + run;
            match reading.cue(next) {
                Some(Cue::Time(Time::OClock)) => {
                    let after = reading
                        .word(next + 1)
                        .parse::<u16>()
                        .ok()
                        .filter(|m| *m < 60 && reading.word(next + 1).len() == 2);
                    if let Some(after) = after {
                        minutes = after;
                        run += 1;
                    }
                }
                Some(Cue::Time(Time::Half)) => minutes = 30,
                Some(Cue::Time(Time::Quarter)) => minutes = 15,
                Some(Cue::Time(Time::Am)) => half = Some(false),
                Some(Cue::Time(Time::Pm)) => half = Some(true),
                _ => break,
            }
            run += 1;
            while let Some(Some((_, false))) = reading.meanings.get(at + run) {
                run += 1;
            }
        }
        let hour = match half {
            Some(_) if clock.hour > 12 => clock.hour,
            Some(true) => clock.hour % 12 + 12,
            Some(false) => clock.hour % 12,
            None => clock.hour,
        };
        exact |= half.is_some() || hour == 0 || hour > 12;
        if self.time.is_some() {
            // The first time counts: "from 8 to 10".
            return Some(run);
        }
        self.time = Some(AskedTime { minutes: hour * 60 + minutes, ambiguous: !exact });
        let light = |at: usize| reading.cue(at) == Some(Cue::Light);
        let lead = (0..at).rev().find(|before| !light(*before));
        if lead.is_some_and(|lead| reading.cue(lead) == Some(Cue::Under)) && self.ask == Ask::Open {
            self.ask = Ask::Closes;
        }
        Some(run)
    }

    /// Reads the time in the light of the part of the day: "8 in the evening" is 20:00.
    fn settle(&mut self) {
        let Some(time) = &mut self.time else { return };
        let Some(part) = self.part.take() else { return };
        let hour = time.minutes / 60;
        if !time.ambiguous {
            return;
        }
        time.ambiguous = false;
        time.minutes = match (part, hour) {
            (Part::Morning | Part::SmallHours, 12) => time.minutes - 720,
            (Part::Morning | Part::SmallHours, _) => time.minutes,
            (Part::Night, 12) => time.minutes + 720,
            (Part::Night, 1..=4) | (_, 12) => time.minutes,
            _ => time.minutes + 720,
        };
        if part == Part::Night && self.day == Day::Unsaid {
            self.day = Day::Ahead(0);
        }
    }
}

/// Whether the number at a place is followed by what makes it a time.
fn is_hour(reading: &Reading<'_>, at: usize) -> bool {
    let says_so = matches!(reading.cue(at + 1), Some(Cue::Time(Time::Am | Time::Pm | Time::OClock)));
    says_so || reading.word(at).contains([':', '.']) || reading.word(at).ends_with('m')
}

/// What is asked: the first word that says so.
fn ask(reading: &Reading<'_>) -> Ask {
    let mut asks = reading.runs().filter_map(|(at, cue)| match cue {
        Cue::Open => Some(Ask::Open),
        Cue::Closed => Some(Ask::Closed),
        Cue::Opens => Some(Ask::Opens),
        Cue::Closes => Some(Ask::Closes),
        Cue::Hours => Some(Ask::Hours),
        Cue::MaybeOpen => {
            let hours = matches!(reading.word(at), "hours" | "opening" | "ouverture");
            Some(if hours { Ask::Hours } else { Ask::Open })
        }
        Cue::MaybeClosed => {
            let closes = matches!(reading.word(at), "close" | "closes" | "closing" | "cerrar" | "fermer" | "fermeture");
            Some(if closes { Ask::Closes } else { Ask::Closed })
        }
        _ => None,
    });
    let first = asks.next().unwrap_or(Ask::Open);
    match (first, asks.next()) {
        (Ask::Opens, Some(Ask::Closes | Ask::Closed)) | (Ask::Closes, Some(Ask::Opens | Ask::Open)) => Ask::Hours,
        _ => first,
    }
}

fn weekday(day: i8, next: bool) -> Day {
    Day::Weekday { day: Weekday::from_monday_one_offset(day).unwrap_or(Weekday::Monday), next }
}

/// A date where month and day may be ones.
fn date(year: Option<i16>, month: i16, day: i16) -> Option<Day> {
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    let longest = jiff::civil::Date::new(2024, month, 1).ok()?.days_in_month();
    ((1..=longest).contains(&day)).then_some(Day::Date { year, month, day })
}

/// A day's number, and whether it is written as one: `25th`, `1er`.
fn day_number(word: &str) -> Option<(i16, bool)> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == 'º');
    let suffix = &word[digits.len()..];
    let number: i16 = digits.parse().ok().filter(|number| *number > 0)?;
    match suffix {
        "" => Some((number, false)),
        "st" | "nd" | "rd" | "th" | "er" | "º" => Some((number, true)),
        _ => None,
    }
}

/// A time as one word writes it.
#[derive(Clone, Copy, Default)]
struct Clock {
    hour: u16,
    minute: u16,
    /// Whether it says that it is after noon.
    half: Option<bool>,
    /// Whether it is written as a clock of 24 hours shows it.
    exact: bool,
}

impl Clock {
    fn parse(word: &str) -> Option<Self> {
        let (digits, half) = match word {
            _ if word.ends_with("am") => (&word[..word.len() - 2], Some(false)),
            _ if word.ends_with("pm") => (&word[..word.len() - 2], Some(true)),
            _ => (word.strip_suffix("hrs").or(word.strip_suffix('h')).unwrap_or(word), None),
        };
        let (hour, minute) = digits.split_once([':', '.', 'h']).unwrap_or((digits, "0"));
        let exact = hour.len() == 2 && hour.starts_with('0');
        let short = (1..=2).contains(&hour.len()) && (1..=2).contains(&minute.len());
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        let valid = short && (hour < 24 || (hour, minute) == (24, 0)) && minute < 60;
        valid.then_some(Self { hour, minute, half, exact })
    }
}
