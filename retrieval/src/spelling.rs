//! Words that no product holds, and the words that were probably meant.

use std::io;

use crate::plan::frequency;
use crate::snapshot::Snapshot;
use crate::text;

/// Shorter words have too many neighbours to guess. In letters.
const SHORTEST: usize = 4;
/// From this length on two slips are forgiven.
const TWO_SLIPS: usize = 8;
/// The shorter half of a split word, in letters.
const SHORTEST_HALF: usize = 3;

/// The term of the snapshot nearest to the unknown `term`: fewest slips, then held by most products, then first in order.
///
/// The first letter is taken to be right, which is nearly always so and keeps the search to one stretch of the vocabulary.
pub(crate) fn nearest(snapshot: &Snapshot, term: &str) -> io::Result<Option<String>> {
    let letters: Vec<char> = term.chars().collect();
    if letters.len() < SHORTEST || text::has_digit(term) {
        return Ok(None);
    }
    let allowed = if letters.len() >= TWO_SLIPS { 2 } else { 1 };
    let first = letters[0].to_string();
    let mut next = first.clone().into_bytes();
    if let Some(last) = next.last_mut() {
        *last = last.saturating_add(1);
    }
    let mut best: Option<(usize, std::cmp::Reverse<u32>, String)> = None;
    let mut stream = snapshot.all.postings.terms().range().ge(first.as_bytes()).lt(&next).into_stream()?;
    while stream.advance() {
        let Ok(known) = std::str::from_utf8(stream.key()) else { continue };
        if known.len().abs_diff(term.len()) > allowed || text::has_digit(known) {
            continue;
        }
        let other: Vec<char> = known.chars().collect();
        if let Some(slips) = slips(&letters, &other, allowed) {
            let rank = (slips, std::cmp::Reverse(stream.value().doc_freq), known.to_owned());
            if best.as_ref().is_none_or(|found| rank < *found) {
                best = Some(rank);
            }
        }
    }
    Ok(best.map(|(_, _, known)| known))
}

/// The two terms that the unknown `word` is made of; the split whose rarer half is commonest.
pub(crate) fn split(snapshot: &Snapshot, word: &str) -> io::Result<Option<(String, String)>> {
    let mut best: Option<(u64, (String, String))> = None;
    if word.is_ascii() && !text::has_digit(word) {
        for at in SHORTEST_HALF..=word.len().saturating_sub(SHORTEST_HALF) {
            let (left, right) = (text::term(&word[..at]), text::term(&word[at..]));
            let found = frequency(snapshot, &left)?.min(frequency(snapshot, &right)?);
            // Both halves must be words in earnest, not two stray tokens.
            if found >= 2 && best.as_ref().is_none_or(|(most, _)| found > *most) {
                best = Some((found, (left, right)));
            }
        }
    }
    Ok(best.map(|(_, halves)| halves))
}

/// The slips between `a` and `b` (a letter too many, missing, wrong, or two swapped) when they are at most `allowed`.
///
/// Source: Damerau, *A technique for computer detection and correction of spelling errors* (1964); optimal string alignment.
fn slips(a: &[char], b: &[char], allowed: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > allowed {
        return None;
    }
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let wrong = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j - 1] + wrong).min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        if row.iter().all(|slips| *slips > allowed) {
            return None;
        }
        before = std::mem::replace(&mut last, row);
    }
    Some(last[b.len()]).filter(|slips| *slips <= allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(a: &str, b: &str) -> Option<usize> {
        let letters = |word: &str| word.chars().collect::<Vec<_>>();
        slips(&letters(a), &letters(b), 2)
    }

    #[test]
    fn a_swap_is_one_slip_as_are_a_missing_a_wrong_and_an_extra_letter() {
        assert_eq!(between("mouse", "muose"), Some(1));
        assert_eq!(between("mouse", "mose"), Some(1));
        assert_eq!(between("mouse", "mouze"), Some(1));
        assert_eq!(between("mouse", "moouse"), Some(1));
        assert_eq!(between("mouse", "mouse"), Some(0));
        assert_eq!(between("mouse", "house cat"), None);
    }
}
