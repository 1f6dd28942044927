//! From text to words and from words to terms, the same way for products and for questions.
//!
//! A *word* is normalised: compatibility forms unified (NFKC), lower case, no diacritics, letters and digits only.
//! A *term* is a word's English stem (Snowball's `english`), and what the index holds.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer words are left out of the index: they are addresses and serial numbers. In bytes.
const LONGEST_WORD: usize = 40;

/// The words of `text` in order.
pub fn words(text: &str) -> Vec<String> {
    let folded = fold(text);
    let mut words = Vec::new();
    for piece in folded.split(|c: char| !c.is_alphanumeric() && c != '.') {
        // A point inside a number belongs to it: an iPhone 7 is not to be found by a screen of 4.7 inches.
        for word in decimals_whole(piece) {
            if !word.is_empty() && word.len() <= LONGEST_WORD {
                words.push(word.to_owned());
            }
        }
    }
    words
}

/// Splits at every point that does not stand between two digits.
fn decimals_whole(piece: &str) -> impl Iterator<Item = &str> {
    let bytes = piece.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let mut start = 0;
    let ends = (0..=bytes.len()).filter(move |&at| {
        at == bytes.len() || bytes[at] == b'.' && !(digit(at.checked_sub(1)) && digit(Some(at + 1)))
    });
    ends.map(move |end| {
        let word = &piece[start..end];
        start = end + 1;
        word
    })
}

/// The stem of a `word`; words with a digit are names and stay as they are.
pub fn term(word: &str) -> String {
    if has_digit(word) {
        return word.to_owned();
    }
    frostem::Stemmer::new(frostem::Algorithm::English).stem(word).into_owned()
}

/// The terms of `text` in order.
pub fn terms(text: &str) -> Vec<String> {
    words(text).iter().map(|word| term(word)).collect()
}

/// `text` with its words alone, one space between them: equal for spellings that differ in case, marks or punctuation.
pub fn normalised(text: &str) -> String {
    words(text).join(" ")
}

/// Whether `word` holds a digit: then it names a model, a size or a number rather than a kind.
pub fn has_digit(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
}

/// Lower case without compatibility forms and diacritics; an apostrophe's `s` is dropped, trade marks become spaces.
fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        let lower = text.to_ascii_lowercase();
        return Cow::Owned(if lower.contains('\'') { without_possessive(&lower) } else { lower });
    }
    // Before NFKC, which would turn `™` into the letters `tm` and glue them to the word before.
    let plain: String = text
        .chars()
        .map(|c| match c {
            '™' | '®' | '©' | '℠' => ' ',
            '’' | 'ʼ' => '\'',
            other => other,
        })
        .collect();
    let lower: String = plain.nfkc().flat_map(char::to_lowercase).collect();
    let bare: String = lower.nfd().filter(|c| !is_combining_mark(*c)).collect();
    Cow::Owned(without_possessive(&bare))
}

fn without_possessive(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("'s") {
        let ends = rest[at + 2..].chars().next().is_none_or(|c| !c.is_alphanumeric());
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        if !ends {
            out.push_str("'s");
        }
        rest = &after[2..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_marks_and_forms_make_no_difference() {
        assert_eq!(words("JALAPEÑO"), words("jalapen\u{303}o"));
        assert_eq!(words("jalapeño"), ["jalapeno"]);
        assert_eq!(words("ﬁlter ２Ｌ"), ["filter", "2l"]);
        assert_eq!(words("Crème-Brûlée"), ["creme", "brulee"]);
    }

    #[test]
    fn a_point_inside_a_number_belongs_to_it_and_any_other_does_not() {
        assert_eq!(
            words("11.9 cm (4.7\") screen. v1.x e.g. ..."),
            ["11.9", "cm", "4.7", "screen", "v1", "x", "e", "g"]
        );
    }

    #[test]
    fn a_trade_mark_does_not_become_letters() {
        assert_eq!(words("Intel® Core™2 Duo"), ["intel", "core", "2", "duo"]);
    }

    #[test]
    fn a_possessive_is_its_owner() {
        assert_eq!(words("Men's shoes"), ["men", "shoes"]);
        assert_eq!(words("Ben’s rice"), ["ben", "rice"]);
        assert_eq!(words("o'shea"), ["o", "shea"]);
    }

    #[test]
    fn plurals_share_a_term_and_model_numbers_are_left_alone() {
        assert_eq!(terms("batteries"), terms("battery"));
        assert_eq!(terms("headphones"), terms("Headphone"));
        assert_eq!(terms("ws110s"), ["ws110s"]);
    }

    #[test]
    fn words_too_long_to_be_asked_for_are_left_out() {
        assert!(words(&"x".repeat(41)).is_empty());
        assert_eq!(words(&"x".repeat(40)).len(), 1);
    }
}
