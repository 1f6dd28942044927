//! Answers a question about hours from the store's own hours.

use super::{Ask, AskedTime, Day, HoursQuestion, calendar};
use crate::answer::{
    facts::Facts,
    phrases::{Phrases, fill},
    text::{capitalised, clean, folded_words},
    tools::{Denied, HoursFound, check_store_hours},
    words::Part,
};
use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Weekday},
};
use shared::catalog::{Span, Status};

/// How far ahead the dates that differ are told along with the week, in days.
const DIFFERENCES_AHEAD: i64 = 21;
/// The most of them that are told.
const MAX_DIFFERENCES: usize = 4;
/// How far ahead a date of next year goes without its year, in days.
const DATES_WITHOUT_YEAR: i64 = 60;
/// The longest echo of the name of a day, in characters.
const MAX_ECHO_CHARS: usize = 60;

/// Answers in sentences. `subject` is what is left of the question: the name of a day, or a thing.
///
/// # Errors
///
/// [`Denied`] where the caller may not ask for hours.
pub(in crate::answer) fn tell(
    question: &HoursQuestion,
    subject: &str,
    alone: bool,
    facts: &Facts<'_>,
) -> Result<Vec<String>, Denied> {
    let today = facts.store.local(facts.now).date();
    let words = folded_words(subject);
    let noted = if alone && question.day == Day::Unsaid { calendar::noted(&words, today, facts.store) } else { None };
    let Some(date) = noted.or_else(|| calendar::find(question.day, today, facts.store)) else {
        let phrases = Phrases::of(facts.locale);
        return Ok(vec![phrases.no_opening_ahead.to_owned()]);
    };
    // Of a part of the store, such as its pharmacy, nothing is known: the store's hours are told without a yes or no.
    let of_a_part = alone && !words.is_empty() && noted.is_none();
    let teller = Teller { facts, phrases: Phrases::of(facts.locale), today, verdicts: !of_a_part };
    if of_a_part && question.names_a_day && question.day == Day::Unsaid {
        let named = fill(teller.phrases.quoted, &[("text", &clean(subject, MAX_ECHO_CHARS))]);
        let unknown = fill(teller.phrases.unknown_day, &[("subject", &named)]);
        return Ok([vec![unknown], teller.week()].concat());
    }
    let said = noted.is_some() || question.day != Day::Unsaid;
    let mut sentences = match (question.ask, question.time, question.day) {
        (_, _, Day::Weekend) => teller.weekend(date)?,
        (Ask::Hours, None, Day::Week) => teller.week(),
        (Ask::Hours, None, _) if !said && question.part.is_none() && !question.now => teller.week(),
        (_, None, Day::Week) => teller.week(),
        (Ask::Open | Ask::Closed | Ask::Hours, Some(time), _) => teller.at(question.ask, time, date, said)?,
        (Ask::Opens, _, _) => teller.opens(date, said)?,
        (Ask::Closes, _, _) => teller.closes(date, said)?,
        (Ask::Open | Ask::Closed, None, _) if question.part.is_none() && (!said || question.now) => {
            teller.now(question.ask)?
        }
        (ask, None, _) => teller.day(ask, question.part, date)?,
    };
    if of_a_part {
        sentences.push(teller.phrases.whole_store.to_owned());
    }
    Ok(sentences.into_iter().map(|sentence| capitalised(&sentence)).collect())
}

struct Teller<'a> {
    facts: &'a Facts<'a>,
    phrases: &'static Phrases,
    today: Date,
    /// Whether answers begin with yes or no.
    verdicts: bool,
}

impl<'a> Teller<'a> {
    fn look(&self, at: Timestamp, date: Date) -> Result<HoursFound<'a>, Denied> {
        check_store_hours(self.facts.may, self.facts.store, at, date)
    }

    /// Whether it is open at this moment.
    fn now(&self, ask: Ask) -> Result<Vec<String>, Denied> {
        let found = self.look(self.facts.now, self.today)?;
        Ok(match found.status {
            Status::Open { until } => {
                let until = until.map_or_else(String::new, |until| format!(", {}", self.until(until, self.today)));
                vec![self.verdict(ask, true, &fill(self.phrases.open_now, &[("until", &until)]))]
            }
            Status::Closed { opens_at } => {
                let closed = fill(self.phrases.closed_now, &[("note", &self.note(&found))]);
                vec![self.verdict(ask, false, &closed), self.opens_next(opens_at)]
            }
        })
    }

    /// Whether it is open at a time of a day.
    fn at(&self, ask: Ask, time: AskedTime, date: Date, said: bool) -> Result<Vec<String>, Denied> {
        let (mut time, mut date) = (time, date);
        // A time that is over today is meant later: at 3 pm, "at 8" is 8 pm, and "at 9 am" is tomorrow.
        let over = |time: AskedTime, date| self.instant(date, time.minutes).is_some_and(|at| at < self.facts.now);
        if date == self.today && over(time, date) {
            let later = AskedTime { minutes: (time.minutes + 720).min(1440), ambiguous: false };
            if time.ambiguous && time.minutes < 720 && !over(later, date) {
                time = later;
            } else if !said {
                date = date.tomorrow().unwrap_or(date);
            }
        }
        let Some(instant) = self.instant(date, time.minutes) else {
            return Ok(vec![self.phrases.no_opening_ahead.to_owned()]);
        };
        let found = self.look(instant, date)?;
        let (day, at, note) = (self.day_name(date), (self.phrases.at)(time.minutes), self.note(&found));
        let mut sentences = match found.status {
            Status::Open { until } => {
                let until = until.map_or_else(String::new, |until| format!(", {}", self.until(until, date)));
                let facts = [("day", &*day), ("time", &*at), ("until", &*until), ("note", &*note)];
                vec![self.verdict(ask, true, &fill(self.phrases.open_at, &facts))]
            }
            Status::Closed { opens_at } => {
                let facts = [("day", &*day), ("time", &*at), ("note", &*note)];
                let closed = self.verdict(ask, false, &fill(self.phrases.closed_at, &facts));
                let hours =
                    if found.intervals.is_empty() { self.opens_next(opens_at) } else { self.open_that_day(date) };
                vec![closed, hours]
            }
        };
        let evening = time.minutes + 720;
        if let (true, true, Some(instant)) = (time.ambiguous, evening < 1440, self.instant(date, evening)) {
            let other = self.look(instant, date)?.status;
            if matches!(other, Status::Open { .. }) != matches!(found.status, Status::Open { .. }) {
                let (day, at) = (self.that_day(date), (self.phrases.at)(evening));
                let facts = |until| [("day", &*day), ("time", &*at), ("until", until), ("note", "")];
                sentences.push(match other {
                    Status::Open { until } => {
                        let until = until.map_or_else(String::new, |until| format!(", {}", self.until(until, date)));
                        fill(self.phrases.open_at, &facts(&until))
                    }
                    Status::Closed { .. } => fill(self.phrases.closed_at, &facts("")),
                });
            }
        }
        Ok(sentences)
    }

    /// Whether it is open on a day, or in a part of it, and when.
    fn day(&self, ask: Ask, part: Option<Part>, date: Date) -> Result<Vec<String>, Denied> {
        let noon = self.instant(date, 720).unwrap_or(self.facts.now);
        let found = self.look(noon, date)?;
        let (name, note) = (self.day_name(date), self.note(&found));
        let spans = self.facts.store.hours.on(date).spans;
        let (from, to, index) = match part {
            None => (0, 2880, None),
            Some(Part::Morning) => (360, 720, Some(0)),
            Some(Part::Afternoon) => (720, 1080, Some(1)),
            Some(Part::Evening) => (1080, 1320, Some(2)),
            Some(Part::Night) => (1200, 1440, Some(3)),
            Some(Part::SmallHours) => (0, 360, Some(4)),
        };
        let name = match index {
            None => name,
            Some(index) if date == self.today => self.phrases.parts_today[index].to_owned(),
            Some(index) if self.is_tomorrow(date) => self.phrases.parts_tomorrow[index].to_owned(),
            Some(index) => format!("{name} {}", self.phrases.parts[index]),
        };
        let end = |span: &Span| span.to().minutes() + if span.runs_past_midnight() { 1440 } else { 0 };
        let open = spans.iter().any(|span| span.from().minutes() < to && from < end(span));
        let listed = self.spans(spans);
        let facts = [("day", &*name), ("spans", &*listed), ("note", &*note)];
        let sentence = if open { self.phrases.open_on } else { self.phrases.closed_on };
        let first = self.verdict(ask, open, &fill(sentence, &facts));
        if open {
            return Ok(vec![first]);
        }
        let more = if spans.is_empty() { self.opens_after(date)? } else { self.open_that_day(date) };
        Ok(vec![first, more])
    }

    /// When it opens on a day.
    fn opens(&self, date: Date, said: bool) -> Result<Vec<String>, Denied> {
        let found = self.look(self.facts.now, date)?;
        let spans = self.facts.store.hours.on(date).spans;
        if !said {
            // "When do you open?": the next time it does.
            return match found.status {
                Status::Closed { opens_at } => Ok(vec![self.opens_next(opens_at)]),
                Status::Open { .. } => {
                    Ok([self.now(Ask::Hours)?, vec![self.open_on(date, &self.note(&found))]].concat())
                }
            };
        }
        let Some(first) = spans.first() else { return self.day(Ask::Hours, None, date) };
        let (day, time, note) = (self.day_name(date), (self.phrases.at)(first.from().minutes()), self.note(&found));
        let opens = fill(self.phrases.opens, &[("day", &day), ("time", &time), ("note", &note)]);
        let whole = *first == Span::ALL_DAY;
        Ok(if whole || spans.len() > 1 { vec![self.open_on(date, &note)] } else { vec![opens] })
    }

    /// When it closes on a day.
    fn closes(&self, date: Date, said: bool) -> Result<Vec<String>, Denied> {
        let found = self.look(self.facts.now, date)?;
        let spans = self.facts.store.hours.on(date).spans;
        let (Some(last), Some(end)) = (spans.last(), found.intervals.last()) else {
            return self.day(Ask::Hours, None, date);
        };
        let (day, note) = (self.day_name(date), self.note(&found));
        if *last == Span::ALL_DAY {
            return Ok(vec![fill(self.phrases.does_not_close, &[("day", &day), ("note", &note)])]);
        }
        let time = (self.phrases.at)(last.to().minutes());
        let over = date == self.today && end.to <= self.facts.now;
        let sentence = if over { self.phrases.closed_already } else { self.phrases.closes };
        let mut sentences = vec![fill(sentence, &[("day", &day), ("time", &time), ("note", &note)])];
        match found.status {
            Status::Closed { opens_at } if over && !said => sentences.push(self.opens_next(opens_at)),
            _ if spans.len() > 1 => sentences.push(self.open_that_day(date)),
            _ => {}
        }
        Ok(sentences)
    }

    fn weekend(&self, date: Date) -> Result<Vec<String>, Denied> {
        let mut sentences = self.day(Ask::Hours, None, date)?;
        sentences.truncate(1);
        if let (Weekday::Saturday, Ok(sunday)) = (date.weekday(), date.tomorrow()) {
            sentences.extend(self.day(Ask::Hours, None, sunday)?.into_iter().take(1));
        }
        Ok(sentences)
    }

    /// The week, its equal days together, and the dates soon to come that differ from it.
    fn week(&self) -> Vec<String> {
        let store = self.facts.store;
        let days = [1, 2, 3, 4, 5, 6, 7].map(|day| Weekday::from_monday_one_offset(day).unwrap_or(Weekday::Monday));
        let mut groups: Vec<(Weekday, Weekday, &[Span])> = Vec::new();
        for day in days {
            let spans = store.hours.weekly().on(day);
            match groups.last_mut() {
                Some((_, last, same)) if *same == spans => *last = day,
                _ => groups.push((day, day, spans)),
            }
        }
        let name = self.phrases.weekday;
        let line = |(first, last, spans): &(Weekday, Weekday, &[Span])| {
            let days = match (first, last) {
                (Weekday::Monday, Weekday::Sunday) => self.phrases.every_day.to_owned(),
                (first, last) if first == last => name(*first).to_owned(),
                (first, last) => fill(self.phrases.days, &[("a", name(*first)), ("b", name(*last))]),
            };
            format!("{days} {}", self.spans(spans))
        };
        let lines: Vec<_> = groups.iter().map(line).collect();
        let mut sentences = vec![fill(self.phrases.week, &[("list", &lines.join(self.phrases.semicolon))])];
        let last = self.today.checked_add(DIFFERENCES_AHEAD.days()).unwrap_or(self.today);
        let ahead = store.hours.exceptions().filter(|(date, _)| (self.today..=last).contains(date));
        let differs: Vec<_> = ahead
            .take(MAX_DIFFERENCES)
            .map(|(date, exception)| {
                let note =
                    exception.note.as_deref().map_or_else(String::new, |note| format!(" ({})", clean(note, 100)));
                format!("{} {}{note}", (self.phrases.on)(date), self.spans(&exception.open))
            })
            .collect();
        if !differs.is_empty() {
            sentences.push(fill(self.phrases.differs, &[("list", &differs.join(self.phrases.semicolon))]));
        }
        sentences
    }

    /// Puts yes or no before a sentence where the question asked for it.
    fn verdict(&self, ask: Ask, open: bool, sentence: &str) -> String {
        let yes = match ask {
            _ if !self.verdicts => return sentence.to_owned(),
            Ask::Open => open,
            Ask::Closed => !open,
            _ => return sentence.to_owned(),
        };
        format!("{}{sentence}", if yes { self.phrases.yes } else { self.phrases.no })
    }

    fn open_on(&self, date: Date, note: &str) -> String {
        self.open_on_day(date, &self.day_name(date), note)
    }

    /// When it is open on a day that was just named.
    fn open_that_day(&self, date: Date) -> String {
        self.open_on_day(date, &self.that_day(date), "")
    }

    fn open_on_day(&self, date: Date, day: &str, note: &str) -> String {
        let spans = self.facts.store.hours.on(date).spans;
        let sentence = if spans.is_empty() { self.phrases.closed_on } else { self.phrases.open_on };
        fill(sentence, &[("day", day), ("spans", &self.spans(spans)), ("note", note)])
    }

    fn that_day(&self, date: Date) -> String {
        if date == self.today { self.phrases.today.to_owned() } else { self.phrases.that_day.to_owned() }
    }

    fn opens_next(&self, opens_at: Option<Timestamp>) -> String {
        let Some(at) = opens_at else { return self.phrases.no_opening_ahead.to_owned() };
        let local = self.facts.store.local(at);
        let minutes = u16::try_from(local.hour()).unwrap_or(0) * 60 + u16::try_from(local.minute()).unwrap_or(0);
        fill(self.phrases.opens_next, &[("day", &self.day_name(local.date())), ("time", &(self.phrases.at)(minutes))])
    }

    /// When it opens after a day on which it does not.
    fn opens_after(&self, date: Date) -> Result<String, Denied> {
        let next = date.tomorrow().unwrap_or(date);
        let morning = self.instant(next, 0).unwrap_or(self.facts.now);
        Ok(match self.look(morning, next)?.status {
            Status::Closed { opens_at } => self.opens_next(opens_at),
            Status::Open { .. } => self.opens_next(Some(morning)),
        })
    }

    /// `until 10 pm`; with the day where it is neither `date` nor the night after it.
    fn until(&self, until: Timestamp, date: Date) -> String {
        let local = self.facts.store.local(until);
        let minutes = u16::try_from(local.hour()).unwrap_or(0) * 60 + u16::try_from(local.minute()).unwrap_or(0);
        let tomorrow = date.tomorrow().unwrap_or(date);
        let near = local.date() == date || (local.date() == tomorrow && minutes < 720);
        let time = (self.phrases.until)(minutes);
        if near { time } else { format!("{time} {}", self.day_name(local.date())) }
    }

    fn spans(&self, spans: &[Span]) -> String {
        let one = |span: &Span| match *span {
            Span::ALL_DAY => self.phrases.all_day.to_owned(),
            span => (self.phrases.from_to)(span.from().minutes(), span.to().minutes()),
        };
        let listed: Vec<_> = spans.iter().map(one).collect();
        if listed.is_empty() { self.phrases.closed.to_owned() } else { listed.join(self.phrases.and) }
    }

    fn note(&self, found: &HoursFound<'_>) -> String {
        found.note.map_or_else(String::new, |note| format!(" ({})", clean(note, 100)))
    }

    fn is_tomorrow(&self, date: Date) -> bool {
        self.today.tomorrow().is_ok_and(|tomorrow| date == tomorrow)
    }

    /// A day's name: with its year where it is neither this one's nor near.
    fn day_name(&self, date: Date) -> String {
        let soon = self.today.checked_add(DATES_WITHOUT_YEAR.days()).unwrap_or(self.today);
        match date {
            _ if date == self.today => self.phrases.today.to_owned(),
            _ if self.is_tomorrow(date) => self.phrases.tomorrow.to_owned(),
            _ if date.year() == self.today.year() || (self.today..=soon).contains(&date) => (self.phrases.on)(date),
            _ => {
                let (date, year) = ((self.phrases.on)(date), date.year().to_string());
                fill(self.phrases.of_year, &[("date", &date), ("year", &year)])
            }
        }
    }

    /// The instant so many minutes after a day's midnight, on the store's clocks.
    fn instant(&self, date: Date, minutes: u16) -> Option<Timestamp> {
        let day = if minutes >= 1440 { date.tomorrow().ok()? } else { date };
        let hour = |value: u16| i8::try_from(value).unwrap_or(0);
        let clock = day.at(hour(minutes / 60 % 24), hour(minutes % 60), 0, 0);
        self.facts.store.time_zone.zone().to_timestamp(clock).ok()
    }
}
