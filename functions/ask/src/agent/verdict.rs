//! Whether a model's reply may be shown: what it cites was shown to it, its numbers are theirs, its text is plain.
//!
//! A model repeats what it has read, and what it has read may have been written to be repeated. So a reply is held to the tools'
//! results of this request alone. Amounts and places are held more strictly than other numbers: they must be those that the cited
//! products have in the fields for them, whatever stands in a product's name.

use super::{
    marks::{self, Marked},
    numbers::{Numbers, Token, folded, is_joined, spoken, tokens},
    prompt,
    shown::{Item, Shown},
};
use crate::answer::{Citation, text};

/// The longest reply that is read, in characters.
const MAX_REPLY_CHARS: usize = 4_000;
/// The longest answer, in characters.
const MAX_ANSWER_CHARS: usize = 1_500;
/// A run of so many digits is a telephone or card number, which no tool gives.
const MANY_DIGITS: usize = 7;
/// So many words in a row of the model's own rules are no accident.
const WORDS_OF_A_RULE: usize = 8;
/// The ends of names of hosts that are taken for one although no scheme stands before them.
const HOST_ENDS: [&str; 20] = [
    "com", "net", "org", "io", "co", "info", "biz", "app", "dev", "xyz", "shop", "site", "online", "ru", "cn", "uk",
    "de", "es", "fr", "eu",
];
/// What stands before a place's name, without accents.
const PLACE_WORDS: [&str; 22] = [
    "aisle", "aisles", "bay", "bays", "shelf", "shelves", "row", "rows", "pasillo", "pasillos", "modulo", "modulos",
    "estante", "fila", "allee", "allees", "rayon", "rayons", "travee", "travees", "etagere", "rangee",
];
/// What may stand between such a word and the name, or between two names.
const PLACE_LINKS: [&str; 13] = ["number", "no", "nr", "numero", "n", "is", "es", "est", "and", "or", "y", "et", "to"];
/// Words and codes of money, without accents.
const MONEY_WORDS: [&str; 19] = [
    "dollar", "dollars", "usd", "euro", "euros", "eur", "cent", "cents", "centavos", "centimes", "centimos", "peso",
    "pesos", "pound", "pounds", "gbp", "pence", "bucks", "quid",
];

/// What speaks of how much there is: beside it, a number is no count of the things that are cited.
const STOCK_WORDS: [&str; 28] = [
    "left",
    "stock",
    "stocked",
    "available",
    "availability",
    "remaining",
    "remain",
    "remains",
    "units",
    "pieces",
    "packs",
    "existencias",
    "queda",
    "quedan",
    "disponible",
    "disponibles",
    "restante",
    "restantes",
    "unidad",
    "unidades",
    "piezas",
    "reste",
    "restent",
    "restant",
    "restants",
    "unite",
    "unites",
    "exemplaires",
];
/// Words of a sentence that states nothing: yes, no, a greeting, a thank-you.
const COURTESIES: [&str; 40] = [
    "yes",
    "no",
    "hello",
    "hi",
    "hey",
    "sure",
    "certainly",
    "of",
    "course",
    "sorry",
    "ok",
    "okay",
    "thanks",
    "thank",
    "you",
    "welcome",
    "good",
    "morning",
    "day",
    "evening",
    "si",
    "hola",
    "claro",
    "que",
    "por",
    "supuesto",
    "lo",
    "siento",
    "gracias",
    "de",
    "nada",
    "buenos",
    "dias",
    "oui",
    "non",
    "bonjour",
    "bien",
    "sur",
    "desole",
    "merci",
];
/// Words of English that tell its "once" from the Spanish eleven.
const ENGLISH: [&str; 10] = ["the", "you", "is", "are", "it", "we", "in", "at", "of", "a"];

/// Why a reply is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distrust {
    /// It has no words.
    Empty,
    /// It is too long.
    TooLong,
    /// It has a link, markup, or the model's own rules in it.
    Unsafe,
    /// It, or a sentence of it that states something, cites nothing that was shown.
    Uncited,
    /// It names a number that is not in the facts.
    Contradicted,
    /// It still calls tools where it must answer.
    ToolLimit,
}

/// A reply that may be shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trusted {
    /// Plain text.
    pub(super) text: String,
    /// What it cites, in the order of the text, each once.
    pub(super) citations: Vec<Citation>,
    /// Whether it answers what was asked, and does not only name what comes near.
    pub(super) found: bool,
}

/// Judges a reply. `asked` is the question: its numbers may be repeated beside a true one of their kind. The count is of ids that were cited and never shown.
pub(super) fn judge(reply: &str, shown: &Shown, asked: &str) -> (Result<Trusted, Distrust>, usize) {
    if reply.chars().count() > MAX_REPLY_CHARS {
        return (Err(Distrust::TooLong), 0);
    }
    let plain = plain(reply);
    if is_unsafe(&plain) {
        return (Err(Distrust::Unsafe), 0);
    }
    let marked = marks::take(&plain);
    if has_many_digits(&marked.text) {
        return (Err(Distrust::Unsafe), 0);
    }
    let invented = marked.ids.iter().filter(|(_, id)| shown.get(id).is_none()).count();
    (trust(&marked, shown, asked), invented)
}

fn trust(marked: &Marked, shown: &Shown, asked: &str) -> Result<Trusted, Distrust> {
    if !marked.text.contains(char::is_alphanumeric) {
        return Err(Distrust::Empty);
    }
    let mut ids: Vec<&str> = Vec::new();
    for (_, id) in &marked.ids {
        if shown.get(id).is_some() && !ids.contains(&id.as_str()) {
            ids.push(id);
        }
    }
    if ids.is_empty() {
        return Err(Distrust::Uncited);
    }
    hold(marked, &ids, shown, asked)?;
    let text = one_line(&marked.text);
    if text.chars().count() > MAX_ANSWER_CHARS {
        return Err(Distrust::TooLong);
    }
    let found = ids.iter().filter_map(|id| shown.get(id)).any(|item| item.fits);
    Ok(Trusted { text, citations: ids.into_iter().filter_map(|id| shown.cite(id)).collect(), found })
}

/// The reply without what hides or turns text and without marks of emphasis, line by line.
fn plain(reply: &str) -> String {
    let lines = reply.lines().map(|line| {
        // Wide forms read as their plain ones do, and must be judged as they are read.
        let narrow: String = line.chars().map(narrowed).filter(|c| !matches!(c, '*' | '`' | '|')).collect();
        let line = text::clean(&narrow, MAX_REPLY_CHARS + 1);
        line.trim_start_matches(['#', '>', '-', '•', '–', '+', ' ']).to_owned()
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn narrowed(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{2024}' | '\u{fe52}' | '\u{3002}' | '\u{ff61}' => '.',
        '\u{2215}' | '\u{2044}' => '/',
        _ => c,
    }
}

/// Whether a text could lead its reader elsewhere, is more than text where it is shown, or tells the model's own rules.
fn is_unsafe(text: &str) -> bool {
    let small = text.to_lowercase();
    let schemes =
        ["://", "www.", "mailto:", "javascript:", "data:", "tel:", "sms:", "](", "][", "![", "&#", "&lt", "\\"];
    let tag = text
        .match_indices('<')
        .any(|(at, _)| text[at + 1..].starts_with(|c: char| c.is_alphabetic() || "/!?".contains(c)));
    let host = |word: &str| {
        let word = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        let name = word.split(['/', '?', '#', ':']).next().unwrap_or_default();
        let end = name.rsplit_once('.').filter(|(before, _)| before.ends_with(char::is_alphanumeric));
        end.is_some_and(|(_, end)| HOST_ENDS.contains(&end))
    };
    let folded = text::folded_words(text).join(" ");
    let repeats =
        |rule: &str| text::folded_words(rule).windows(WORDS_OF_A_RULE).any(|words| folded.contains(&words.join(" ")));
    schemes.iter().any(|sign| small.contains(sign))
        || tag
        || text.contains(['{', '}', '@'])
        || small.split_whitespace().any(host)
        || prompt::RULES.into_iter().any(repeats)
}

/// Whether digits run on as in a telephone number; separators within do not end the run. A date is none.
fn has_many_digits(text: &str) -> bool {
    let date = |word: &&str| {
        let word = word.trim_matches(|c: char| !c.is_ascii_digit());
        word.len() == 10 && word.parse::<jiff::civil::Date>().is_ok()
    };
    let mut run = 0;
    for c in text.split(' ').filter(|word| !date(word)).flat_map(|word| word.chars().chain([' '])) {
        match c {
            c if c.is_numeric() => run += 1,
            '-' | '(' | ')' | ' ' | '+' | '\u{a0}' | '\u{2011}' => {}
            _ => run = 0,
        }
        if run >= MANY_DIGITS {
            return true;
        }
    }
    false
}

/// Holds each sentence to the things that it cites, or, where it has no mark of its own, to all that the reply cites: its numbers
/// are theirs, and without a number it has a mark, asks something back or is a courtesy.
fn hold(marked: &Marked, ids: &[&str], shown: &Shown, asked: &str) -> Result<(), Distrust> {
    let mut question = Numbers::default();
    question.add_words(asked);
    for (sentence, cited) in marked.sentences() {
        let mut items: Vec<&Item> = cited.iter().filter_map(|id| shown.get(id)).collect();
        let own = !items.is_empty();
        if !own {
            items = ids.iter().filter_map(|id| shown.get(id)).collect();
        }
        let mut facts = Facts { counts: [items.len(), ids.len()], ..Facts::of(&question) };
        for item in items {
            facts.money.extend(&item.money);
            facts.places.extend(&item.places);
            facts.stock.extend(&item.stock);
            facts.all.extend(&item.numbers);
        }
        match facts.bear_out(sentence) {
            None => return Err(Distrust::Contradicted),
            Some(true) => {}
            Some(false) if own || states_nothing(sentence) => {}
            Some(false) => return Err(Distrust::Uncited),
        }
    }
    Ok(())
}

/// Whether a sentence asks, or is a courtesy.
fn states_nothing(sentence: &str) -> bool {
    sentence.trim_end().ends_with('?')
        || text::folded_words(sentence).iter().all(|word| COURTESIES.contains(&word.as_str()))
}

/// What a number is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Money,
    Place,
    Stock,
    Other,
}

/// The numbers that one sentence may name.
struct Facts<'a> {
    money: Numbers,
    places: Numbers,
    stock: Numbers,
    all: Numbers,
    /// Those that the question named: they may be repeated beside a true one, as in "not in aisle 9 but 7".
    question: &'a Numbers,
    /// How many things the sentence and the reply cite: so many may be counted.
    counts: [usize; 2],
}

impl<'a> Facts<'a> {
    fn of(question: &'a Numbers) -> Self {
        let [money, places, stock, all] = [(); 4].map(|()| Numbers::default());
        Self { money, places, stock, all, question, counts: [0; 2] }
    }

    fn are(&self, of: Of) -> &Numbers {
        match of {
            Of::Money => &self.money,
            Of::Place => &self.places,
            Of::Stock => &self.stock,
            Of::Other => &self.all,
        }
    }

    /// `None` where a number is not theirs; else whether the sentence names one that is.
    fn bear_out(&self, sentence: &str) -> Option<bool> {
        let tokens = tokens(sentence);
        let words: Vec<String> = tokens.iter().map(|token| folded(token.text)).collect();
        let english = words.iter().any(|word| ENGLISH.contains(&word.as_str()));
        let is_stock = |at: usize| words.get(at).is_some_and(|word| STOCK_WORDS.contains(&word.as_str()));
        let (mut in_place, mut i) = (false, 0);
        let (mut named, mut repeated) = (Vec::new(), Vec::new());
        while let Some(token) = tokens.get(i) {
            let said = spoken(&words[i..], |at| is_joined(tokens[i + at].before)).filter(|_| !token.is_numeric());
            let used = said.map_or(1, |(_, used)| used);
            let next = words.get(i + used).map(String::as_str).unwrap_or_default();
            let before = i.checked_sub(1).map(|i| words[i].as_str()).unwrap_or_default();
            in_place &= !token.before.contains([',', ';', '.', '(', ')']);
            let of_money = match said {
                Some(_) => MONEY_WORDS.contains(&next),
                None => is_money(token, next, before),
            };
            let plain = said.is_some() || token.text.bytes().all(|b| b.is_ascii_digit());
            let of_stock =
                plain && (is_stock(i + used) || is_stock(i + used + 1) || i.checked_sub(1).is_some_and(is_stock));
            let of = match (of_money, in_place) {
                (true, _) => Of::Money,
                (false, true) => Of::Place,
                (false, false) if of_stock => Of::Stock,
                (false, false) => Of::Other,
            };
            // "Five cents" is one amount; "one of them" counts nothing, and "once you are here" is no eleven.
            let is_unit = MONEY_WORDS.contains(&words[i].as_str()) && is_counted(&tokens, &words, i);
            let idle = |n: usize| of == Of::Other && used == 1 && (n == 1 || (words[i] == "once" && english));
            let number = match said {
                _ if token.is_numeric() => Some(token.text.to_owned()),
                Some(_) if is_unit => None,
                Some((n, _)) if idle(n) => None,
                Some((n, _)) => Some(n.to_string()),
                // "Aisle B": a name of one letter, written large.
                None => (in_place && is_letter(token.text)).then(|| token.text.to_owned()),
            };
            if let Some(number) = &number {
                let counted = || of == Of::Other && number.parse().is_ok_and(|n| self.counts.contains(&n));
                if self.are(of).have(number) {
                    named.push(of);
                } else if self.question.have(number) {
                    repeated.push(of);
                } else if !counted() {
                    return None;
                }
            }
            let names = number.is_some() || is_letter(token.text);
            let word = words[i].as_str();
            in_place = PLACE_WORDS.contains(&word) || (in_place && (names || PLACE_LINKS.contains(&word)));
            i += used;
        }
        repeated.iter().all(|of| named.contains(of)).then_some(!named.is_empty())
    }
}

/// Whether a number stands right before a word.
fn is_counted(tokens: &[Token<'_>], words: &[String], at: usize) -> bool {
    let before = at.checked_sub(1).filter(|_| is_joined(tokens[at].before));
    before.is_some_and(|before| tokens[before].is_numeric() || spoken(&words[before..at], |_| true).is_some())
}

fn is_letter(word: &str) -> bool {
    word.len() == 1 && word.bytes().all(|b| b.is_ascii_uppercase()) && word != "I"
}

/// Whether a number is an amount of money, by the sign or word beside it.
fn is_money(token: &Token<'_>, next: &str, before: &str) -> bool {
    const SIGNS: [char; 8] = ['$', '€', '£', '¥', '₹', '₩', '¢', '₽'];
    let sign_before = token.before.trim_end().ends_with(SIGNS);
    let sign_after = token.after.trim_start().starts_with(SIGNS);
    let word_before = MONEY_WORDS.contains(&before) && token.before.trim().is_empty();
    let word_after = MONEY_WORDS.contains(&next) && token.after.trim().is_empty();
    sign_before || sign_after || word_before || word_after
}

/// The lines as one, with a point or semicolon between them.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for part in text.lines().map(str::trim).filter(|part| !part.is_empty()) {
        if !line.is_empty() {
            let ended = line.ends_with(['.', '!', '?', ':', ';', ',']);
            line.push_str(if ended { " " } else { "; " });
        }
        line.push_str(part);
    }
    text::clean(&line.replace(['[', ']', '<', '>'], ""), MAX_REPLY_CHARS + 1)
}
