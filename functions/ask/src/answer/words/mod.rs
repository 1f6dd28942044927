//! What words mean in a question, in each language: tables, and the finding of their longest entries.

mod en;
mod es;
mod fr;

use super::text::Word;
use shared::locale::Locale;
use std::{collections::HashMap, sync::LazyLock};

/// What a word or a run of words says about the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cue {
    /// Where does it stand.
    Where,
    /// What does it cost.
    Price,
    /// Is it here.
    Stock,
    /// The one with the lowest price.
    Cheapest,
    /// The one with the highest price.
    Dearest,
    /// Whose are there.
    Brands,
    /// How many are there.
    Count,
    /// What does the store pay.
    Cost,
    /// Whom does the store buy from.
    Supplier,
    /// The word before an aisle's name.
    Aisle,
    /// A limit from above follows.
    Under,
    /// A limit from below follows.
    Over,
    /// Two limits follow.
    Between,
    /// A currency.
    Money,
    /// Is it open.
    Open,
    /// When does it open.
    Opens,
    /// When does it close.
    Closes,
    /// Is it closed.
    Closed,
    /// When is it open.
    Hours,
    /// May speak of opening, and may be part of a product's name.
    MaybeOpen,
    /// May speak of being closed, and may be part of a product's name.
    MaybeClosed,
    /// A date or a time of day, where the question is about hours.
    Time(Time),
    /// Stands for a thing named before.
    Pronoun,
    /// Belongs to the sentence; kept between two words of a product.
    Light,
    /// Belongs to the sentence.
    Noise,
}

/// A word of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Time {
    /// Monday is 1, Sunday 7.
    Weekday(i8),
    /// January is 1.
    Month(i8),
    /// So many days from today.
    Ahead(i8),
    /// At this moment.
    Now,
    /// Saturday and Sunday.
    Weekend,
    /// The whole week.
    Week,
    /// The one after.
    Next,
    /// A number from one to twelve, spelt out.
    Number(u8),
    /// From midnight.
    Am,
    /// From noon.
    Pm,
    /// A part of the day.
    Part(Part),
    /// Twelve in the day.
    Noon,
    /// Twelve at night.
    Midnight,
    /// A word that loosens a time: "around 8".
    Around,
    /// The word that follows a full hour.
    OClock,
    /// Thirty minutes past.
    Half,
    /// Fifteen minutes past.
    Quarter,
    /// A day with a name.
    Holiday(Holiday),
}

/// A part of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// 06:00 to 12:00.
    Morning,
    /// 12:00 to 18:00.
    Afternoon,
    /// 18:00 to 22:00.
    Evening,
    /// 20:00 to 24:00.
    Night,
    /// 00:00 to 06:00.
    SmallHours,
}

/// A day with a name and a date of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holiday {
    Christmas,
    ChristmasEve,
    BoxingDay,
    NewYear,
    NewYearsEve,
    Epiphany,
    LabourDay,
    LaborDay,
    MemorialDay,
    IndependenceDay,
    BastilleDay,
    Assumption,
    AllSaints,
    Halloween,
    Thanksgiving,
    GoodFriday,
    Easter,
    EasterMonday,
}

/// A language's words and runs of words, without case and accents.
type Table = &'static [(Cue, &'static [&'static str])];

/// A language's entries by their first word, the longest first.
struct Index(HashMap<&'static str, Vec<(Vec<&'static str>, Cue)>>);

impl Index {
    fn new(table: Table) -> Self {
        let mut entries: HashMap<_, Vec<_>> = HashMap::new();
        for (cue, runs) in table {
            for run in *runs {
                let mut words = run.split(' ');
                let first = words.next().unwrap_or_default();
                entries.entry(first).or_default().push((words.collect::<Vec<_>>(), *cue));
            }
        }
        entries.values_mut().for_each(|runs| runs.sort_by_key(|(rest, _)| std::cmp::Reverse(rest.len())));
        Self(entries)
    }

    /// The longest entry that begins a list of words: its meaning and its length in words.
    fn longest(&self, words: &[Word]) -> Option<(Cue, usize)> {
        let (first, rest) = words.split_first()?;
        let begins = |run: &[&str]| run.len() <= rest.len() && run.iter().zip(rest).all(|(a, b)| *a == b.folded);
        let found = self.0.get(first.folded.as_str())?.iter().find(|(run, _)| begins(run));
        found.map(|(run, cue)| (*cue, run.len() + 1))
    }
}

static ENGLISH: LazyLock<Index> = LazyLock::new(|| Index::new(en::TABLE));
static SPANISH: LazyLock<Index> = LazyLock::new(|| Index::new(es::TABLE));
static FRENCH: LazyLock<Index> = LazyLock::new(|| Index::new(fr::TABLE));

/// The meaning of each word, and whether it begins a run: `None` is a word that no table knows.
pub(crate) type Meanings = Vec<Option<(Cue, bool)>>;

/// Reads words in each language and keeps the one that knows the most of them; `hint` breaks a tie.
pub(crate) fn read(words: &[Word], hint: Locale) -> (Locale, Meanings) {
    let read = |locale| {
        let (score, meanings) = read_in(words, locale);
        (score, locale, meanings)
    };
    let mut best = read(hint);
    for locale in [Locale::En, Locale::Es, Locale::Fr] {
        if locale != hint {
            let other = read(locale);
            if other.0 > best.0 {
                best = other;
            }
        }
    }
    (best.1, best.2)
}

/// Reads words in one language, and says how much of it they are: words of one letter prove little.
fn read_in(words: &[Word], locale: Locale) -> (usize, Meanings) {
    let index = match locale {
        Locale::En => &*ENGLISH,
        Locale::Es => &*SPANISH,
        Locale::Fr => &*FRENCH,
    };
    let mut meanings = vec![None; words.len()];
    let (mut at, mut score) = (0, 0);
    while at < words.len() {
        let Some((cue, length)) = index.longest(&words[at..]) else {
            at += 1;
            continue;
        };
        // French "or" and "where" differ by their accent, which people leave out at the beginning of a question.
        let or = locale == Locale::Fr && length == 1 && at > 0 && words[at].folded == "ou" && !words[at].accented;
        let cue = if or { Cue::Light } else { cue };
        for (i, word) in words[at..at + length].iter().enumerate() {
            meanings[at + i] = Some((cue, i == 0));
            score += match (cue, word.folded.len()) {
                (Cue::Light, 1) => 1,
                (Cue::Light | Cue::Noise, _) => 2,
                _ => 3,
            };
        }
        at += length;
    }
    (score, meanings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::text::words;
    use std::collections::HashSet;

    #[test]
    fn every_entry_is_folded_and_stands_once() {
        for (name, table) in [("en", en::TABLE), ("es", es::TABLE), ("fr", fr::TABLE)] {
            let mut seen = HashSet::new();
            for entry in table.iter().flat_map(|(_, runs)| *runs) {
                let folded: Vec<_> = words(entry).into_iter().map(|word| word.folded).collect();
                assert_eq!(folded.join(" "), *entry, "{name}");
                assert!(seen.insert(*entry), "{name}: {entry} stands twice");
            }
        }
    }

    #[test]
    fn the_language_is_the_one_that_knows_most_words() {
        for (question, hint, language) in [
            ("where is the oat milk?", Locale::Fr, Locale::En),
            ("¿dónde está la leche?", Locale::En, Locale::Es),
            ("où est le thé ?", Locale::En, Locale::Fr),
            ("avez-vous du pain ?", Locale::Es, Locale::Fr),
            ("oat milk", Locale::Es, Locale::Es),
            ("", Locale::Fr, Locale::Fr),
        ] {
            assert_eq!(read(&words(question), hint).0, language, "{question}");
        }
    }
}
