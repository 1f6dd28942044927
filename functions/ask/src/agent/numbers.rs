//! The numbers of a text: found, and brought to one form so that `$1,234.50`, `1.234,50 €` and `1234.5` are the same.

use crate::answer::text::folded_words;
use std::collections::BTreeSet;

/// A word or number of a text, and what stands around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// As it is written: letters and digits, with the separators inside a number.
    pub(super) text: &'a str,
    /// What stands between it and the one before, or the beginning.
    pub(super) before: &'a str,
    /// What stands between it and the one after, or the end.
    pub(super) after: &'a str,
}

impl Token<'_> {
    /// Whether it has a digit, of any script.
    pub(super) fn is_numeric(&self) -> bool {
        self.text.contains(char::is_numeric)
    }
}

/// Cuts a text into words and numbers.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let mut open: Option<usize> = None;
    let mut before = ' ';
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let digit_follows = chars.peek().is_some_and(|(_, next)| next.is_ascii_digit());
        let inside = matches!(c, '.' | ',' | ':') && before.is_ascii_digit() && digit_follows;
        match open {
            None if c.is_alphanumeric() => open = Some(at),
            Some(from) if !c.is_alphanumeric() && !inside => {
                spans.push((from, at));
                open = None;
            }
            _ => {}
        }
        before = c;
    }
    spans.extend(open.map(|from| (from, text.len())));
    let gap = |i: usize| {
        let from = i.checked_sub(1).map_or(0, |before| spans[before].1);
        &text[from..spans.get(i).map_or(text.len(), |span| span.0)]
    };
    let token =
        |(i, &(from, to)): (usize, &(usize, usize))| Token { text: &text[from..to], before: gap(i), after: gap(i + 1) };
    spans.iter().enumerate().map(token).collect()
}

/// What a number may mean, each in one form: without zeros at its ends, and a point before its decimals. `1,234` may be either.
/// A token that is more than a number, such as `250g` or `A12`, is itself in small letters.
pub(super) fn readings(token: &str) -> Vec<String> {
    let numeric = token.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b':'));
    if !numeric {
        return vec![token.to_lowercase()];
    }
    if let Some((hours, minutes)) = token.split_once(':') {
        let hours = hours.trim_start_matches('0');
        return vec![format!("{}:{minutes}", if hours.is_empty() { "0" } else { hours })];
    }
    let whole = canonical(&token.replace(['.', ','], ""), "");
    let Some(last) = token.rfind(['.', ',']) else { return vec![whole] };
    let (units, decimals) = (&token[..last], &token[last + 1..]);
    let decimal = canonical(&units.replace(['.', ','], ""), decimals);
    let grouped = decimals.len() == 3;
    let mixed = units.contains(['.', ',']);
    match (grouped, mixed) {
        (false, _) => vec![decimal],
        (true, true) => vec![whole],
        (true, false) => vec![whole, decimal],
    }
}

fn canonical(units: &str, decimals: &str) -> String {
    let units = units.trim_start_matches('0');
    let decimals = decimals.trim_end_matches('0');
    let units = if units.is_empty() { "0" } else { units };
    if decimals.is_empty() { units.to_owned() } else { format!("{units}.{decimals}") }
}

/// Numbers that may be said, in the form of [`readings`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers(BTreeSet<String>);

impl Numbers {
    /// Adds the numbers of a text, and the parts of those that letters touch: `250g` is also 250.
    pub(super) fn add(&mut self, text: &str) {
        for token in tokens(text).iter().filter(|token| token.is_numeric()) {
            self.0.extend(readings(token.text));
            self.0.extend(parts(token.text).flat_map(readings));
        }
        let tokens = tokens(text);
        let words: Vec<String> = tokens.iter().map(|token| folded(token.text)).collect();
        for from in 0..words.len() {
            let number = spoken(&words[from..], |at| is_joined(tokens[from + at].before));
            self.0.extend(number.map(|(number, _)| number.to_string()));
        }
    }

    /// Adds a number as it stands in a place's name, a word such as `A` included.
    pub(super) fn add_words(&mut self, text: &str) {
        self.add(text);
        self.0.extend(tokens(text).iter().map(|token| token.text.to_lowercase()));
    }

    /// Adds a time of day in the ways in which people write it: `21:00`, `9 pm`, `21 h`.
    pub(super) fn add_time(&mut self, hour: i8, minute: i8) {
        let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
        for hour in [hour, twelve] {
            self.0.insert(format!("{hour}:{minute:02}"));
            self.0.insert(hour.to_string());
        }
        self.0.insert(minute.to_string());
        self.0.insert(canonical(&hour.to_string(), &format!("{minute:02}")));
    }

    /// Adds everything that `other` holds.
    pub(super) fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// Whether a token's number may be said: as it stands, or each of its parts.
    pub(super) fn have(&self, token: &str) -> bool {
        let one = |text: &str| readings(text).iter().any(|reading| self.0.contains(reading));
        let mut parts = parts(token).peekable();
        one(token) || (parts.peek().is_some() && parts.all(one))
    }
}

/// A word as the lists of this module have it.
pub(super) fn folded(word: &str) -> String {
    folded_words(word).concat()
}

/// Whether what stands between two words leaves them one number.
pub(super) fn is_joined(between: &str) -> bool {
    between.trim().is_empty() || between == "-" || between == "\u{2011}"
}

/// The numbers within a token that has letters too; and a digit that is not one of 0 to 9, as itself.
fn parts(token: &str) -> impl Iterator<Item = &str> {
    let pure = token.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | ':'));
    let pieces = token.split(|c: char| !c.is_numeric() && !matches!(c, '.' | ',' | ':'));
    pieces.map(|piece| piece.trim_matches(['.', ',', ':'])).filter(move |piece| !pure && !piece.is_empty())
}

/// The words of numbers in the languages of the answers, without accents, in small letters; each list counts from its first number.
const COUNTED: [(usize, &str); 5] = [
    (
        0,
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty",
    ),
    (
        0,
        "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete dieciocho diecinueve veinte",
    ),
    (21, "veintiuno veintidos veintitres veinticuatro veinticinco veintiseis veintisiete veintiocho veintinueve"),
    (
        0,
        "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dixsept dixhuit dixneuf vingt",
    ),
    (1, "une"),
];
/// Those that stand for no row of numbers.
const ROUND: [(&str, usize); 33] = [
    ("una", 1),
    ("thirty", 30),
    ("forty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("seventy", 70),
    ("eighty", 80),
    ("ninety", 90),
    ("treinta", 30),
    ("cuarenta", 40),
    ("cincuenta", 50),
    ("sesenta", 60),
    ("setenta", 70),
    ("ochenta", 80),
    ("noventa", 90),
    ("trente", 30),
    ("quarante", 40),
    ("cinquante", 50),
    ("soixante", 60),
    ("vingts", 20),
    ("dozen", 12),
    ("docena", 12),
    ("douzaine", 12),
    ("hundred", 100),
    ("hundreds", 100),
    ("cien", 100),
    ("ciento", 100),
    ("cent", 100),
    ("cents", 100),
    ("thousand", 1_000),
    ("thousands", 1_000),
    ("mil", 1_000),
    ("mille", 1_000),
];

/// What a number's word says, in the languages of the answers.
pub(super) fn worded(word: &str) -> Option<usize> {
    let counted = COUNTED.iter().find_map(|(first, words)| {
        let at = words.split(' ').position(|own| own == word)?;
        Some(first + at)
    });
    counted.or_else(|| ROUND.iter().find(|(own, _)| *own == word).map(|(_, number)| *number))
}

/// The number that begins at the first of some words, and of how many it is made: `vingt et un` is 21 and of three.
/// `joined` says whether only a space or hyphen stands before a word.
pub(super) fn spoken(words: &[String], joined: impl Fn(usize) -> bool) -> Option<(usize, usize)> {
    const LINKS: [&str; 3] = ["and", "y", "et"];
    let (mut sum, mut used) = (worded(words.first()?)?, 1);
    loop {
        let linked = usize::from(words.get(used).is_some_and(|word| LINKS.contains(&word.as_str())) && 20 <= sum);
        let at = used + linked;
        let Some(next) = words.get(at).and_then(|word| worded(word)).filter(|_| (used..=at).all(&joined)) else {
            break;
        };
        // A smaller one is added to tens and hundreds; a hundred and a thousand count what stands before them, as in quatre-vingts.
        sum = match (sum, next) {
            (4, 20) if linked == 0 => 80,
            (1.., 100 | 1_000) if sum < next && linked == 0 => sum * next,
            _ if 20 <= sum && next < 10 && sum % 10 == 0 => sum + next,
            _ if 60 <= sum && (10..20).contains(&next) && sum % 20 == 0 => sum + next,
            _ if 100 <= sum && next < 100 && sum % 100 == 0 => sum + next,
            (10, 7..=9) if linked == 0 => sum + next,
            _ => break,
        };
        used = at + 1;
    }
    Some((sum, used))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_amount_has_one_form_however_it_is_written() {
        for text in ["$1,234.50", "1.234,50 €", "1234.5", "USD 1234.50"] {
            let mut numbers = Numbers::default();
            numbers.add(text);
            assert!(numbers.have("1,234.50") && numbers.have("1234.5"), "{text}: {numbers:?}");
            assert!(!numbers.have("1234.05") && !numbers.have("123450") && !numbers.have("1"), "{text}: {numbers:?}");
        }
        assert_eq!(readings("1,234"), ["1234", "1.234"]);
        assert_eq!(
            (readings("007"), readings("2.00"), readings("0,5")),
            (vec!["7".into()], vec!["2".into()], vec!["0.5".into()])
        );
        assert_eq!(readings("08:30"), ["8:30"]);
    }

    #[test]
    fn a_number_with_letters_counts_as_it_stands_and_by_its_parts() {
        let mut numbers = Numbers::default();
        numbers.add("Oat Drink 250g, shelf A12, ½ price");
        for good in ["250g", "250", "A12", "a12", "12", "½"] {
            assert!(numbers.have(good), "{good}");
        }
        for bad in ["25", "2", "B13", "¼", "٣", "250g3"] {
            assert!(!numbers.have(bad), "{bad}");
        }
    }

    #[test]
    fn a_time_may_be_told_in_each_way() {
        let mut numbers = Numbers::default();
        numbers.add_time(21, 30);
        numbers.add_time(8, 0);
        for good in ["21:30", "9:30", "21.30", "08:00", "8", "9"] {
            assert!(numbers.have(good), "{good}");
        }
        assert!(!numbers.have("22:00") && !numbers.have("8:30") && !numbers.have("7"));
    }

    #[test]
    fn tokens_know_what_stands_around_them() {
        let found = tokens("Only $3.99, aisle 7.");
        assert_eq!(found.iter().map(|token| token.text).collect::<Vec<_>>(), ["Only", "3.99", "aisle", "7"]);
        assert_eq!((found[1].before, found[1].after, found[3].after), (" $", ", ", "."));
        assert!(tokens("…").is_empty());
    }

    #[test]
    fn a_number_in_words_is_known_in_each_language() {
        for (text, number, used) in [
            ("seven", 7, 1),
            ("forty-two", 42, 2),
            ("two hundred and five left", 205, 4),
            ("dix-sept", 17, 2),
            ("two thousand", 2_000, 2),
            ("veintidós", 22, 1),
            ("treinta y cinco", 35, 3),
            ("ciento veinte", 120, 2),
            ("vingt et un", 21, 3),
            ("soixante-dix", 70, 2),
            ("quatre-vingt-dix-neuf", 99, 4),
            ("deux cents", 200, 2),
            ("seven and eight", 7, 1),
            ("two three", 2, 1),
            ("zero", 0, 1),
        ] {
            let tokens = tokens(text);
            let words: Vec<String> = tokens.iter().map(|token| folded(token.text)).collect();
            assert_eq!(spoken(&words, |at| is_joined(tokens[at].before)), Some((number, used)), "{text}");
        }
        assert_eq!(worded("milk"), None);
        let mut numbers = Numbers::default();
        numbers.add("Seven Seas Tea, twenty-five bags");
        assert!(numbers.have("7") && numbers.have("25") && !numbers.have("26"));
    }
}
