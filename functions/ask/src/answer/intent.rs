//! What a question wants to know, and of what.

mod prices;
mod subject;

use super::{
    facts::Limits,
    hours::HoursQuestion,
    text::{self, Word},
    words::{self, Cue, Meanings, Time},
};
use shared::locale::Locale;

/// The longest subject that is searched for, in characters.
const MAX_SUBJECT_CHARS: usize = 300;

/// One thing that a question wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Want {
    /// Where it stands.
    Where,
    /// What it costs.
    Price,
    /// Whether it is here.
    Stock,
    /// The one with the lowest price.
    Cheapest,
    /// The one with the highest price.
    Dearest,
    /// Whose there are.
    Brands,
    /// How many there are.
    Count,
    /// What stands in an aisle.
    Aisle,
    /// When the store is open.
    Hours,
    /// What the store pays for it.
    Cost,
    /// Whom the store buys it from.
    Supplier,
    /// Whatever there is to say: the question only names a thing.
    General,
}

/// A question understood: its wants, and the words that are left to search for.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// What it wants to know, in the order of asking, each once; never empty.
    pub wants: Vec<Want>,
    /// The language it is asked in.
    pub language: Locale,
    /// The words of the thing, as they were written: `oat milk`. Empty where the question names none.
    pub subject: String,
    /// Whether it points at a thing named before: "the gluten free one", "how much is it".
    pub refers_back: bool,
    /// The prices it asks for.
    pub limits: Limits,
    /// The aisle it names, in capital letters: `5`, `A12`.
    pub aisle: Option<String>,
    /// The day and time it asks about.
    pub hours: Option<HoursQuestion>,
}

impl Intent {
    /// Understands a question in English, Spanish or French; `hint` is the language where the words leave it open.
    ///
    /// Any text is understood as something. Only its first 2,000 characters are read. Time: O(words).
    pub fn of(question: &str, hint: Locale) -> Self {
        let words = text::words(question);
        let (language, meanings) = words::read(&words, hint);
        let mut reading = Reading { question, words: &words, meanings, used: vec![false; words.len()], language };

        let hours = reading.asks_for_hours().then(|| HoursQuestion::read(&mut reading));
        let limits = prices::read(&mut reading);
        let aisle = reading.aisle();
        let mut wants = reading.wants();
        let (subject, refers_back) = subject::read(&reading, hours.is_some());
        if hours.is_some() {
            wants.insert(0, Want::Hours);
        }
        if aisle.is_some() && subject.is_empty() {
            wants.retain(|want| *want == Want::Hours);
            wants.push(Want::Aisle);
        }
        if wants.is_empty() {
            wants.push(Want::General);
        }
        let subject = text::clean(&subject, MAX_SUBJECT_CHARS);
        Self { wants, language, subject, refers_back, limits, aisle, hours }
    }

    /// The text to search for: the subject, within the category where the question points back at one.
    ///
    /// `None` where there is nothing to search for: the question is about hours alone, an aisle, or nothing.
    pub fn search_text(&self, category: Option<&str>) -> Option<String> {
        let category = category.map(str::trim).filter(|category| !category.is_empty());
        let only_hours = self.wants == [Want::Hours];
        match (self.subject.is_empty(), category) {
            (true, Some(category)) if !only_hours && !self.wants(Want::Aisle) => Some(category.to_owned()),
            (true, _) => None,
            (false, Some(category)) if self.refers_back => Some(format!("{} {category}", self.subject)),
            (false, _) if only_hours => None,
            (false, _) => Some(self.subject.clone()),
        }
    }

    /// Whether the question wants this.
    pub fn wants(&self, want: Want) -> bool {
        self.wants.contains(&want)
    }
}

/// A question on its way to being understood.
pub(super) struct Reading<'a> {
    pub(super) question: &'a str,
    pub(super) words: &'a [Word],
    pub(super) meanings: Meanings,
    /// The words that have been understood and belong to no thing.
    pub(super) used: Vec<bool>,
    pub(super) language: Locale,
}

impl Reading<'_> {
    /// What a word means.
    pub(super) fn cue(&self, at: usize) -> Option<Cue> {
        self.meanings.get(at).copied().flatten().map(|(cue, _)| cue)
    }

    /// The first words of the runs that mean something, in order.
    pub(super) fn runs(&self) -> impl Iterator<Item = (usize, Cue)> {
        let begins = |(at, meaning): (usize, &Option<(Cue, bool)>)| match meaning {
            Some((cue, true)) => Some((at, *cue)),
            _ => None,
        };
        self.meanings.iter().enumerate().filter_map(begins)
    }

    /// The folded word at a place, or nothing beyond the end.
    pub(super) fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |word| &word.folded)
    }

    /// What stands between a word and the one after it, or the end.
    pub(super) fn gap_after(&self, at: usize) -> &str {
        let end = self.words.get(at + 1).map_or(self.question.len(), |next| next.at.0);
        self.words.get(at).and_then(|word| self.question.get(word.at.1..end)).unwrap_or_default()
    }

    /// Marks the run that begins at a place as understood; its length.
    pub(super) fn use_run(&mut self, at: usize) -> usize {
        let mut length = 1;
        self.used[at] = true;
        while let Some(Some((_, false))) = self.meanings.get(at + length) {
            self.used[at + length] = true;
            length += 1;
        }
        length
    }

    /// Whether the question is about opening hours: by a word that says so, or by words of time and nothing else.
    fn asks_for_hours(&self) -> bool {
        let (mut sure, mut maybe, mut product, mut day) = (false, false, false, false);
        for (_, cue) in self.runs() {
            match cue {
                Cue::Open | Cue::Opens | Cue::Closes | Cue::Closed | Cue::Hours => sure = true,
                Cue::MaybeOpen | Cue::MaybeClosed => maybe = true,
                Cue::Time(Time::Weekday(_) | Time::Ahead(_) | Time::Weekend | Time::Holiday(_) | Time::Month(_)) => {
                    day = true
                }
                Cue::Where
                | Cue::Price
                | Cue::Stock
                | Cue::Cheapest
                | Cue::Dearest
                | Cue::Brands
                | Cue::Count
                | Cue::Cost
                | Cue::Supplier
                | Cue::Aisle => product = true,
                _ => {}
            }
        }
        let is_word = |word: &Word| !word.folded.starts_with(|c: char| c.is_ascii_digit());
        let left = self.words.iter().enumerate().any(|(at, word)| self.meanings[at].is_none() && is_word(word));
        // "Is the pharmacy open?"
        let asks_if = matches!(self.word(0), "is" | "are" | "esta" | "estan" | "est");
        let last = self.words.len().checked_sub(1).and_then(|last| self.cue(last));
        let asks_if_open = asks_if && matches!(last, Some(Cue::MaybeOpen | Cue::MaybeClosed));
        sure || (!product && (asks_if_open || (maybe && (day || !left)) || (day && !left)))
    }

    /// The aisle that is named, where its name looks like one: with a digit, or one letter.
    fn aisle(&mut self) -> Option<String> {
        let runs: Vec<_> = self.runs().filter(|(_, cue)| *cue == Cue::Aisle).map(|(at, _)| at).collect();
        for at in runs {
            let next = at + 1 + usize::from(matches!(self.word(at + 1), "number" | "no" | "numero" | "n"));
            let name = self.word(next);
            let short = name.len() <= 4 && name.bytes().all(|b| b.is_ascii_alphanumeric());
            let letter = name.len() == 1 && self.cue(next).is_none();
            if short && (name.bytes().any(|b| b.is_ascii_digit()) || letter) {
                let name = name.to_ascii_uppercase();
                self.used[at..=next].fill(true);
                return Some(name);
            }
        }
        None
    }

    /// What is wanted of a thing, in the order of asking.
    fn wants(&mut self) -> Vec<Want> {
        let mut wants = Vec::new();
        let runs: Vec<_> = self.runs().collect();
        let costs = runs.iter().any(|(_, cue)| *cue == Cue::Cost);
        for (at, cue) in runs {
            // "How much does it cost us" asks for one thing; "the price and the cost price" for two.
            let question_word = matches!(self.word(at), "how" | "cuanto" | "combien" | "a" | "ca");
            let want = match cue {
                Cue::Where => Want::Where,
                Cue::Price if costs && question_word => continue,
                Cue::Price => Want::Price,
                Cue::Stock => Want::Stock,
                Cue::Cheapest => Want::Cheapest,
                Cue::Dearest => Want::Dearest,
                Cue::Brands => Want::Brands,
                Cue::Count => Want::Count,
                Cue::Cost => Want::Cost,
                Cue::Supplier => Want::Supplier,
                Cue::Aisle if !self.used[at] => Want::Where,
                _ => continue,
            };
            if !wants.contains(&want) {
                wants.push(want);
            }
        }
        wants
    }
}
