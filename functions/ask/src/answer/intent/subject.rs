//! The words of a question that name the thing, as they were written.

use super::Reading;
use crate::answer::words::{Cue, Time};

/// What a word is to the thing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// It names the thing.
    Name,
    /// It may stand between two words of the name.
    Between,
    /// It belongs to the question.
    Question,
}

/// The words of the thing, and whether the question points back at one named before.
pub(super) fn read(reading: &Reading<'_>, about_hours: bool) -> (String, bool) {
    let mut refers_back = false;
    let mut parts = Vec::with_capacity(reading.words.len());
    for at in 0..reading.words.len() {
        let part = match reading.cue(at) {
            _ if reading.used[at] => Part::Question,
            None => Part::Name,
            Some(Cue::Light | Cue::Under | Cue::Over | Cue::Between) => Part::Between,
            Some(Cue::Money) => Part::Name,
            Some(Cue::Time(_)) if about_hours => Part::Question,
            Some(Cue::Time(Time::Ahead(_) | Time::Now)) => Part::Question,
            Some(Cue::Time(Time::Number(1))) if reading.word(at) == "one" && ends_a_phrase(reading, at) => {
                refers_back = true;
                Part::Question
            }
            Some(Cue::Time(_)) => Part::Name,
            Some(Cue::MaybeOpen | Cue::MaybeClosed) if !about_hours => Part::Name,
            Some(Cue::Pronoun) => {
                refers_back = true;
                Part::Question
            }
            Some(_) => Part::Question,
        };
        parts.push(part);
    }
    (written(reading, &parts), refers_back)
}

/// Whether no word of the thing follows: "the cheapest one", not "one liter".
fn ends_a_phrase(reading: &Reading<'_>, at: usize) -> bool {
    at + 1 >= reading.words.len() || reading.cue(at + 1).is_some()
}

/// The words of the name with what joins them: hyphens and apostrophes, and small words where only those stand between.
fn written(reading: &Reading<'_>, parts: &[Part]) -> String {
    let mut out = String::new();
    let mut push = |joint: &str, at: usize| {
        let (start, end) = reading.words[at].at;
        out.push_str(joint);
        out.push_str(reading.question.get(start..end).unwrap_or_default());
    };
    let mut last: Option<usize> = None;
    for at in (0..parts.len()).filter(|at| parts[*at] == Part::Name) {
        match last {
            None => push("", at),
            Some(last) if parts[last + 1..at].iter().all(|part| *part == Part::Between) => {
                (last + 1..=at).for_each(|i| push(joint(reading.gap_after(i - 1)), i));
            }
            Some(_) => push(" ", at),
        }
        last = Some(at);
    }
    out
}

/// What joins two words that follow each other.
fn joint(gap: &str) -> &'static str {
    match gap {
        "-" => "-",
        "'" | "’" => "'",
        "&" => "&",
        " & " => " & ",
        "/" => "/",
        _ => " ",
    }
}
