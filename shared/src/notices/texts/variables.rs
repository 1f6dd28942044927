//! What texts may speak of: a list for each category, and the values of it that come with a decision.

use super::refused::{Codes, Form, Refused, Why, check, is_blank};
use crate::notices::Category;
use formatjs_icu_messageformat::{DateTimeValue, Value, Values};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Map, Value as Json};

/// The most characters of the name by which a person knows what a decision is about.
pub const MAX_ITEM_CHARS: usize = 120;
/// The most decisions that a notice counts.
pub const MAX_COUNT: u64 = 100_000;
/// What a decision can be about.
pub const ITEM_KINDS: &[&str] = &["post", "comment", "review", "image", "listing", "profile", "other"];
/// How an appeal can end.
pub const OUTCOMES: &[&str] = &["upheld", "overturned", "partially_overturned"];

/// What a template may do with a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Show it.
    Text,
    /// Choose by it, among these.
    Choice(&'static [&'static str]),
    /// Show it as a date.
    Date,
    /// Show it as a number, and choose a plural form by it.
    Number,
}

const YES_NO: Kind = Kind::Choice(&["yes", "no"]);

/// The variables that texts of `category` may use. Those that end in `_given` say whether there is a value to show, and `appealable`
/// whether the notice can be appealed; no context sets these, nor `count`.
pub(super) fn allowed(category: Category) -> impl Iterator<Item = (&'static str, Kind)> {
    let common = [
        ("item", Kind::Text),
        ("item_given", YES_NO),
        ("item_kind", Kind::Choice(ITEM_KINDS)),
        ("about_given", YES_NO),
        ("date", Kind::Date),
        ("date_given", YES_NO),
        ("count", Kind::Number),
    ];
    let own: &[(&str, Kind)] = match category {
        Category::ContentViolation | Category::AccountWarning => &[("appealable", YES_NO)],
        Category::TemporaryRestriction => &[("until", Kind::Date), ("until_given", YES_NO), ("appealable", YES_NO)],
        Category::AppealUpdate => &[("outcome", Kind::Choice(OUTCOMES))],
    };
    common.into_iter().chain(own.iter().copied())
}

/// What a notice of one category speaks of. What is absent is left out of the text, in good grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variables {
    category: Category,
    item: Option<String>,
    item_kind: Option<&'static str>,
    date: Option<Date>,
    until: Option<Date>,
    outcome: Option<&'static str>,
    count: u64,
    appealable: bool,
}

impl Variables {
    /// Nothing but the category, of one decision, which can be appealed where any of its category can.
    pub fn none(category: Category) -> Self {
        let appealable = category.appealable();
        Self { category, item: None, item_kind: None, date: None, until: None, outcome: None, count: 1, appealable }
    }

    /// What of `context` is meant for the reader. Members that are not on the category's list are left out, whatever they hold; a
    /// member that is `null` is absent.
    ///
    /// # Errors
    ///
    /// What is wrong with each member of the list, by name and without its value.
    pub fn from_context(category: Category, context: &Map<String, Json>, codes: &Codes) -> Result<Self, Vec<Refused>> {
        let (mut values, mut faults) = (Self::none(category), Vec::new());
        for name in ["item", "item_kind", "date", "until", "outcome"] {
            if !allowed(category).any(|(known, _)| known == name) {
                continue;
            }
            let Some(value) = context.get(name).filter(|value| !value.is_null()) else { continue };
            if let Err(why) = values.set(name, value, codes) {
                faults.push(Refused { place: name, why });
            }
        }
        if faults.is_empty() { Ok(values) } else { Err(faults) }
    }

    /// The same for a notice that tells of `count` decisions.
    pub fn counting(self, count: u64) -> Self {
        Self { count: count.clamp(1, MAX_COUNT), ..self }
    }

    /// The same for a notice that can be appealed, or not.
    pub fn appealable(self, appealable: bool) -> Self {
        Self { appealable, ..self }
    }

    /// The same with `at` as the day of the decision, where no day is known yet.
    pub fn decided_at(self, at: Timestamp) -> Self {
        let day = Some(at.to_zoned(TimeZone::UTC).date()).filter(in_range);
        Self { date: self.date.or(day), ..self }
    }

    /// The category.
    pub fn category(&self) -> Category {
        self.category
    }

    /// How many decisions the notice tells of.
    pub fn count(&self) -> u64 {
        self.count
    }

    fn set(&mut self, name: &str, value: &Json, codes: &Codes) -> Result<(), Why> {
        match name {
            "item" => self.item = Some(named(value, codes)?),
            "item_kind" => self.item_kind = Some(one_of(value, ITEM_KINDS)?),
            "outcome" => self.outcome = Some(one_of(value, OUTCOMES)?),
            "date" => self.date = Some(day(value)?),
            "until" => self.until = Some(day(value)?),
            _ => {}
        }
        Ok(())
    }

    /// Holds the free text to the rules of `codes`, which may have grown since it was taken.
    pub(super) fn check(&self, codes: &Codes) -> Result<(), Refused> {
        let item = self.item.as_deref().map_or(Ok(()), |item| check(item, Form::Name, codes));
        item.map_err(|why| Refused { place: "item", why })
    }

    /// The values for templates.
    pub(super) fn values(&self) -> Values {
        let choice = |given: bool| Value::from(if given { "yes" } else { "no" });
        let kind = self.item_kind.filter(|kind| *kind != "other");
        let mut values = Values::from([
            ("item_given".to_owned(), choice(self.item.is_some())),
            ("about_given".to_owned(), choice(self.item.is_some() || kind.is_some())),
            ("item_kind".to_owned(), Value::from(kind.unwrap_or("other"))),
            ("date_given".to_owned(), choice(self.date.is_some())),
            ("until_given".to_owned(), choice(self.until.is_some())),
            ("outcome".to_owned(), Value::from(self.outcome.unwrap_or("other"))),
            ("count".to_owned(), Value::from(self.count)),
            ("appealable".to_owned(), choice(self.appealable)),
        ]);
        values.extend(self.item.clone().map(|item| ("item".to_owned(), Value::from(item))));
        values.extend(self.date.map(|date| ("date".to_owned(), on(date))));
        values.extend(self.until.map(|until| ("until".to_owned(), on(until))));
        values
    }

    /// Values of every variable, or of none, for trying templates out.
    pub(super) fn sample(category: Category, full: bool, choice: usize) -> Self {
        let day = full.then_some(Date::constant(2026, 3, 1));
        Self {
            item: full.then(|| "abc".to_owned()),
            item_kind: ITEM_KINDS.get(choice).copied(),
            date: day,
            until: day,
            outcome: OUTCOMES.get(choice).copied(),
            count: 2,
            appealable: full,
            category,
        }
    }
}

fn named(value: &Json, codes: &Codes) -> Result<String, Why> {
    let name = value.as_str().ok_or(Why::NotAText)?;
    if name.chars().nth(MAX_ITEM_CHARS).is_some() {
        return Err(Why::TooLong(MAX_ITEM_CHARS));
    }
    check(name, Form::Name, codes)?;
    if is_blank(name) { Err(Why::Empty) } else { Ok(name.trim().to_owned()) }
}

fn one_of(value: &Json, names: &'static [&'static str]) -> Result<&'static str, Why> {
    let name = value.as_str().ok_or(Why::NotAText)?;
    names.iter().find(|known| **known == name).copied().ok_or(Why::NotOneOf(names))
}

/// The day that a date or a time names, in UTC.
fn day(value: &Json) -> Result<Date, Why> {
    let text = value.as_str().ok_or(Why::NotAText)?;
    let time = text.parse::<Timestamp>().map(|time| time.to_zoned(TimeZone::UTC).date());
    let date = || Some(text).filter(|text| text.len() == 10).and_then(|text| Date::strptime("%Y-%m-%d", text).ok());
    time.ok().or_else(date).filter(in_range).ok_or(Why::NotADate)
}

fn in_range(date: &Date) -> bool {
    (2000..2200).contains(&date.year())
}

fn on(date: Date) -> Value {
    let part = |part: i8| part.unsigned_abs();
    Value::DateTime(DateTimeValue {
        year: date.year().into(),
        month: part(date.month()),
        day: part(date.day()),
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: 0,
    })
}
