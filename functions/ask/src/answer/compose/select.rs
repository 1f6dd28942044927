//! Which of the found products an answer speaks of.

use crate::answer::{
    facts::{Candidate, Facts},
    text::folded_words,
};

/// A product this much less probable than the best is another thing, where the words do not decide.
const GAP: f32 = 0.15;
/// The same where every word of the question is in the product.
const GAP_OF_FULL_MATCH: f32 = 0.5;
/// Small words that say nothing of a product.
const SMALL: &[&str] = &[
    "the", "a", "an", "of", "and", "or", "for", "with", "in", "on", "de", "la", "el", "los", "las", "le", "les", "du",
    "des", "d", "l", "y", "et", "en", "con", "avec", "para", "pour", "to", "at", "s", "un", "una", "une", "without",
    "sin", "sans",
];

/// The products that are what was asked for, best first, and how well the words agree.
pub(super) struct Selection<'a> {
    /// Best first; not empty where there were hits.
    pub(super) picked: Vec<&'a Candidate>,
    /// Whether the best shares a word with the question, or there are no words to share.
    pub(super) sure: bool,
}

/// Chooses among the hits: those with every word, of the kind that the words name; else the best and its like.
pub(super) fn select<'a>(facts: &Facts<'a>, subject: &str) -> Selection<'a> {
    let words = telling_words(subject);
    let Some(best) = facts.hits.first() else { return Selection { picked: Vec::new(), sure: true } };
    let texts: Vec<Text<'_>> = facts.hits.iter().map(Text::of).collect();
    let top = facts.hits.iter().map(|hit| hit.probability).fold(0.0, f32::max);
    let covers = |text: &Text<'_>| words.iter().all(|word| text.has(word));

    let full: Vec<usize> = (0..texts.len())
        .filter(|i| covers(&texts[*i]) && facts.hits[*i].probability >= top * GAP_OF_FULL_MATCH)
        .collect();
    if !words.is_empty() && !full.is_empty() {
        let of_kind =
            |named: &dyn Fn(&Text<'_>) -> bool| full.iter().copied().filter(|i| named(&texts[*i])).collect::<Vec<_>>();
        let named = of_kind(&|text| words.iter().all(|word| text.kind_has(word)));
        // "Milk" names the category "Milk" before "Oat milk".
        let exactly = of_kind(&|text| words.len() == text.kind.len() && words.iter().all(|word| text.kind_has(word)));
        let chosen = match (exactly.is_empty(), named.is_empty()) {
            (false, _) => exactly,
            (true, false) => named,
            (true, true) => of_one_kind(facts.hits, full),
        };
        return Selection { picked: chosen.into_iter().map(|i| &facts.hits[i]).collect(), sure: true };
    }
    let like = |hit: &&Candidate| std::ptr::eq(*hit, best) || (same_kind(hit, best) && hit.probability >= top - GAP);
    let sure = words.is_empty() || words.iter().any(|word| texts[0].has(word));
    Selection { picked: facts.hits.iter().filter(like).collect(), sure }
}

/// The words of a question that say something of a product.
pub(super) fn telling_words(subject: &str) -> Vec<String> {
    folded_words(subject).into_iter().filter(|word| !SMALL.contains(&word.as_str())).collect()
}

/// Where no category names the thing, those of the best one's category: oat milk, not oat milk chocolate.
fn of_one_kind(hits: &[Candidate], full: Vec<usize>) -> Vec<usize> {
    let best = full[0];
    full.into_iter().filter(|i| *i == best || same_kind(&hits[*i], &hits[best])).collect()
}

fn same_kind(one: &Candidate, other: &Candidate) -> bool {
    match (&one.category, &other.category) {
        (Some(one), Some(other)) => folded_words(one) == folded_words(other),
        _ => true,
    }
}

/// The words of a product.
struct Text<'a> {
    candidate: &'a Candidate,
    kind: Vec<String>,
    rest: Vec<String>,
    /// The name without spaces: "oatmilk" is in "Oat Milk".
    joined: String,
}

impl<'a> Text<'a> {
    fn of(candidate: &'a Candidate) -> Self {
        let kind = candidate.category.as_deref().map(folded_words).unwrap_or_default();
        let mut rest = folded_words(&candidate.name);
        let joined = rest.concat();
        for part in [&candidate.brand, &candidate.department] {
            rest.extend(part.as_deref().map(folded_words).unwrap_or_default());
        }
        Self { candidate, kind, rest, joined }
    }

    fn has(&self, word: &str) -> bool {
        let in_name = self.rest.iter().any(|own| alike(own, word)) || (word.len() >= 5 && self.joined.contains(word));
        self.kind_has(word) || in_name || self.attributes_have(word)
    }

    /// Attributes are many and seldom asked for: their words are cut only here.
    fn attributes_have(&self, word: &str) -> bool {
        let has = |text: &str| folded_words(text).iter().any(|own| alike(own, word));
        self.candidate.attributes.iter().any(|(key, value)| has(key) || has(value))
    }

    fn kind_has(&self, word: &str) -> bool {
        self.kind.iter().any(|own| alike(own, word))
    }
}

/// Whether two words are forms of one, or one slip of the finger apart.
pub(super) fn alike(one: &str, other: &str) -> bool {
    let (one, other) = (singular(one), singular(other));
    one == other || (one.len().min(other.len()) >= 5 && one_edit_apart(one.as_bytes(), other.as_bytes()))
}

/// A word without the ending of its plural, near enough for comparing: `berries` and `berry` become `berr`.
fn singular(word: &str) -> &str {
    if word.len() <= 3 {
        return word;
    }
    for ending in ["ies", "oes", "ches", "shes", "sses", "xes"] {
        if let Some(stem) = word.strip_suffix(ending) {
            return &word[..stem.len() + ending.len() - if ending == "ies" { 3 } else { 2 }];
        }
    }
    let stem = word.strip_suffix('y').unwrap_or(word);
    if stem.ends_with("ss") { stem } else { stem.strip_suffix('s').unwrap_or(stem) }
}

/// Whether one byte changed, came, went, or swapped with the next.
fn one_edit_apart(one: &[u8], other: &[u8]) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (short, long) = (&short[same..], &long[same..]);
    match long.len() - short.len() {
        0 => match (short, long) {
            ([a, b, rest @ ..], [c, d, more @ ..]) if a == d && b == c => rest == more,
            ([_, rest @ ..], [_, more @ ..]) => rest == more,
            _ => true,
        },
        1 => short == &long[1..],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_slips_of_a_word_are_alike_and_others_are_not() {
        for (one, other) in [
            ("milk", "milks"),
            ("berry", "berries"),
            ("tomatoes", "tomato"),
            ("yogurt", "yoghurt"),
            ("yogrut", "yogurt"),
            ("boxes", "box"),
        ] {
            assert!(alike(one, other), "{one} {other}");
        }
        for (one, other) in [("milk", "mint"), ("rice", "ice"), ("oat", "oats1"), ("glass", "glasnost"), ("", "a")] {
            assert!(!alike(one, other), "{one} {other}");
        }
    }
}
