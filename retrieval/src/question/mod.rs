//! From what a person says to what is looked for: the question is taken off, constraints become filters, words stay.
//!
//! "Do you have a wireless mouse under $20?" becomes the words `wireless mouse` and a price of at most 2,000 minor units. Left in,
//! the question's own words cost half of the quality.

mod price;
mod stop;

use crate::filter::{Filter, Label};
use crate::text;

pub use stop::Language;

/// What a person asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The words to look for, normalised, in the order they were said.
    pub words: Vec<String>,
    /// The least price, in minor units.
    pub min_price: Option<i64>,
    /// The highest price, in minor units.
    pub max_price: Option<i64>,
    /// The aisle by its number or letter.
    pub aisle: Option<String>,
    /// The language whose question words were taken off.
    pub language: Language,
}

/// What comes before an aisle's number.
const AISLE: &[&str] = &["aisle", "pasillo", "allee", "rayon", "gang"];

impl Question {
    /// Reads a question, or plain keywords.
    pub fn parse(text: &str) -> Self {
        let mut tokens: Vec<&str> = text.split_whitespace().collect();
        let price = price::take(&mut tokens);
        let rest = tokens.iter().map(|token| without_contraction(token)).collect::<Vec<_>>().join(" ");
        let mut words = text::words(&rest);
        let language = Language::of(&words);
        let aisle = take_aisle(&mut words);
        let asked = rest.contains('?') || aisle.is_some() || price.is_some();
        Self {
            words: stop::strip(words, language, asked),
            min_price: price.and_then(|price| price.min),
            max_price: price.and_then(|price| price.max),
            aisle,
            language,
        }
    }

    /// The constraints as a filter.
    pub fn filter(&self) -> Filter {
        let price = match (self.min_price, self.max_price) {
            (None, None) => Filter::Any,
            (min, max) => Filter::Price { min, max },
        };
        let aisle = self.aisle.as_ref().map_or(Filter::Any, |aisle| {
            let names = AISLE.iter().map(|word| format!("{word} {aisle}"));
            Filter::In(Label::Aisle, std::iter::once(aisle.clone()).chain(names).collect())
        });
        price.and(aisle)
    }

    /// The words with a digit, which name a model or a size.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str).filter(|word| text::has_digit(word))
    }
}

/// `I'd` without its `'d`: what the apostrophe cuts off is no word, and `d` is a size of battery.
fn without_contraction(token: &str) -> &str {
    let cut = token.find(['\'', '’']).filter(|&at| {
        let after = token[at..].trim_start_matches(['\'', '’']).to_lowercase();
        matches!(after.trim_end_matches(|c: char| !c.is_alphanumeric()), "d" | "ll" | "ve" | "re" | "m" | "t")
    });
    cut.map_or(token, |at| &token[..at])
}

/// Takes `aisle 5` out of the words.
fn take_aisle(words: &mut Vec<String>) -> Option<String> {
    let at = words.windows(2).position(|pair| AISLE.contains(&pair[0].as_str()) && is_place(&pair[1]))?;
    let aisle = words.drain(at..at + 2).nth(1);
    if at > 0 && matches!(words[at - 1].as_str(), "in" | "en" | "dans" | "im" | "el" | "l") {
        words.remove(at - 1);
    }
    aisle
}

/// Whether `word` can be an aisle's name: a number, a letter, or both (`12b`).
fn is_place(word: &str) -> bool {
    word.len() <= 3 && (word.len() == 1 || text::has_digit(word))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
