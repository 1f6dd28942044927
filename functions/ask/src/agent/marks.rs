//! Citations in a model's text: `[id]`, or several as `[id, id]`, after what they bear out.

use std::ops::Range;

/// Words that are cut short with a point, which ends no sentence.
const SHORT: [&str; 9] = ["dr", "st", "mr", "mrs", "ms", "nr", "approx", "oz", "lb"];

/// A text without its marks, and where they stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marked {
    /// The text; each line of it is one.
    pub(super) text: String,
    /// The ids in the order of the text, each with the byte of `text` that it belongs to.
    pub(super) ids: Vec<(usize, String)>,
}

/// Takes the marks out of a text. Brackets around anything but ids are left for the caller to judge.
pub(super) fn take(text: &str) -> Marked {
    let mut marked = Marked::default();
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let (before, from) = rest.split_at(open);
        let close = from.find([']', '\n']).filter(|close| from[*close..].starts_with(']'));
        let Some((close, ids)) = close.and_then(|close| Some((close, ids(&from[1..close])?))) else {
            marked.text.push_str(before);
            marked.text.push('[');
            rest = &from[1..];
            continue;
        };
        marked.text.push_str(before);
        let line = marked.text.rfind('\n').map_or(0, |at| at + 1);
        // A mark at the beginning of a line belongs to what follows, any other to what it follows.
        let leads = marked.text[line..].chars().all(|c| !c.is_alphanumeric());
        let end = marked.text.trim_end_matches([' ', '.', '!', '?', ':', ';', ',']).len();
        let at = if leads { marked.text.len() } else { end.saturating_sub(1) };
        marked.ids.extend(ids.into_iter().map(|id| (at, id)));
        rest = &from[close + 1..];
        // "aisle 7 [id]." is to be "aisle 7."
        if rest.is_empty() || rest.starts_with(['.', ',', ';', ':', '!', '?', ')', '\n', ' ', '[']) {
            marked.text.truncate(marked.text.trim_end_matches(' ').len());
        }
    }
    marked.text.push_str(rest);
    marked
}

/// The ids between two brackets, where there is nothing else.
fn ids(inside: &str) -> Option<Vec<String>> {
    let ids: Vec<_> = inside.split([',', ';']).map(|id| id.trim().trim_matches(['`', '"', '\'', '*'])).collect();
    let form = |id: &&str| {
        let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':');
        (1..=136).contains(&id.len()) && id.bytes().all(good)
    };
    ids.iter().all(form).then(|| ids.into_iter().map(str::to_owned).collect())
}

impl Marked {
    /// The sentences, each with what it cites.
    pub(super) fn sentences(&self) -> Vec<(&str, Vec<&str>)> {
        let cut = sentences(&self.text);
        let cited = |range: &Range<usize>, last: bool| {
            let here = |at: usize| range.contains(&at) || (last && at >= range.end);
            self.ids.iter().filter(|(at, _)| here(*at)).map(|(_, id)| id.as_str()).collect()
        };
        let count = cut.len();
        cut.into_iter()
            .enumerate()
            .map(|(i, range)| (&self.text[range.clone()], cited(&range, i + 1 == count)))
            .collect()
    }
}

/// Where sentences stand: to a line's end, or to a point, mark or sign with a space after it.
fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        // "Dr. Oetker" goes on, and what a colon announces stands behind it.
        let word = text[from..at].rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase();
        let goes_on = (c == '.' && SHORT.contains(&word.as_str())) || (c == '\n' && text[..at].ends_with(':'));
        let ends = !goes_on
            && (c == '\n'
                || (matches!(c, '.' | '!' | '?') && chars.peek().is_none_or(|(_, next)| next.is_whitespace())));
        if ends {
            found.push(from..at + 1);
            from = at + 1;
        }
    }
    if from < text.len() {
        found.push(from..text.len());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Vec<String>) {
        let marked = take(text);
        (marked.text, marked.ids.into_iter().map(|(_, id)| id).collect())
    }

    #[test]
    fn marks_come_out_and_the_sentence_closes() {
        let (text, ids) = read("Oatly is in aisle 7 [GL-1]. Alpro [GL-2] costs $2, we open at 8 [store:main; GL-3]!");
        assert_eq!(text, "Oatly is in aisle 7. Alpro costs $2, we open at 8!");
        assert_eq!(ids, ["GL-1", "GL-2", "store:main", "GL-3"]);
        assert_eq!(read("Here [a][b] [c] it is").0, "Here it is");
    }

    #[test]
    fn brackets_around_other_things_are_no_marks() {
        for text in ["[see here]", "[", "]", "[]", "[a b]", "[a\nb]", "[[", "[é]", "a [b", "[a,,b]"] {
            assert_eq!(read(text), (text.to_owned(), Vec::new()), "{text:?}");
        }
        assert_eq!(read("[[a]]"), ("[]".to_owned(), vec!["a".to_owned()]));
    }

    #[test]
    fn a_mark_belongs_to_the_sentence_that_it_ends() {
        let marked = take("One is 3.99. [a] Two [b] is 4! Three.\n[c] Four is here\n- [d] Five");
        let cited: Vec<_> = marked.sentences().into_iter().map(|(text, ids)| (text.trim().to_owned(), ids)).collect();
        let expected = [
            ("One is 3.99.", vec!["a"]),
            ("Two is 4!", vec!["b"]),
            ("Three.", vec![]),
            ("", vec![]),
            ("Four is here", vec!["c"]),
            ("- Five", vec!["d"]),
        ];
        assert_eq!(cited, expected.map(|(text, ids)| (text.to_owned(), ids)));
    }
}
