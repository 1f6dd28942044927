//! Words of a text, and texts made safe to show.

/// The most characters of a question that are read; the route allows no more.
const MAX_READ_CHARS: usize = 2_000;

/// A word of a question: where it stands, and its form without case and accents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// Without case and accents: `creme` for `Crème`.
    pub(crate) folded: String,
    /// Whether it was written with more than plain letters: `où` is not `ou`.
    pub(crate) accented: bool,
    /// Its bytes in the question, from and to.
    pub(crate) at: (usize, usize),
}

/// Cuts a text into words: runs of letters, digits and their marks, and numbers such as `2.49`, `1,5` and `8:30`.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::with_capacity(16);
    let mut current: Option<Word> = None;
    let mut chars = text.char_indices().take(MAX_READ_CHARS).peekable();
    let mut before = ' ';
    while let Some((at, c)) = chars.next() {
        let next_is_digit = chars.peek().is_some_and(|(_, next)| next.is_ascii_digit());
        let inside_number = matches!(c, '.' | ',' | ':') && before.is_ascii_digit() && next_is_digit;
        if c.is_alphanumeric() || is_mark(c) || inside_number {
            let word = current.get_or_insert_with(|| Word {
                folded: String::with_capacity(12),
                accented: false,
                at: (at, at),
            });
            word.at.1 = at + c.len_utf8();
            word.accented |= !c.is_ascii();
            fold_into(c, &mut word.folded);
        } else {
            words.extend(current.take().filter(|word| !word.folded.is_empty()));
        }
        before = c;
    }
    words.extend(current.filter(|word| !word.folded.is_empty()));
    words
}

/// The folded words of a text, without their places.
pub(crate) fn folded_words(text: &str) -> Vec<String> {
    words(text).into_iter().map(|word| word.folded).collect()
}

/// Whether a character only changes the one before it: an accent that stands alone.
fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// Adds a character without case and accent.
fn fold_into(c: char, out: &mut String) {
    let plain = match c {
        'a'..='z' | '0'..='9' => c,
        'A'..='Z' => c.to_ascii_lowercase(),
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'À' | 'Á' | 'Â' | 'Ã' | 'Ä' | 'Å' => 'a',
        'ç' | 'Ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' | 'È' | 'É' | 'Ê' | 'Ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' | 'Ì' | 'Í' | 'Î' | 'Ï' => 'i',
        'ñ' | 'Ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ö' | 'Ø' => 'o',
        'ù' | 'ú' | 'û' | 'ü' | 'Ù' | 'Ú' | 'Û' | 'Ü' => 'u',
        'ý' | 'ÿ' | 'Ý' | 'Ÿ' => 'y',
        'œ' | 'Œ' => return out.push_str("oe"),
        'æ' | 'Æ' => return out.push_str("ae"),
        'ß' => return out.push_str("ss"),
        _ if is_mark(c) => return,
        _ => return out.extend(c.to_lowercase()),
    };
    out.push(plain);
}

/// A text made fit to stand in a sentence: no control, direction or invisible characters, single spaces, at most
/// `max` characters.
pub(crate) fn clean(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max * 4));
    let mut length = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let mut visible = word.chars().filter(|c| !is_invisible(*c)).peekable();
        if visible.peek().is_none() {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
            length += 1;
        }
        for c in visible {
            if length + 1 >= max {
                let kept = out.trim_end().len();
                out.truncate(kept);
                out.push('…');
                return out;
            }
            out.push(c);
            length += 1;
        }
    }
    out
}

/// Characters without a shape of their own that can turn or hide the text around them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Begins a sentence with a capital letter.
pub(crate) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if first.is_lowercase() => first.to_uppercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_case_and_accents_and_keep_their_numbers() {
        assert_eq!(folded_words("Où est la Crème fraîche?"), ["ou", "est", "la", "creme", "fraiche"]);
        assert_eq!(folded_words("cafe\u{301} à 2,49 €, 8:30."), ["cafe", "a", "2,49", "8:30"]);
        assert_eq!(folded_words("what's d'avoine 7-up"), ["what", "s", "d", "avoine", "7", "up"]);
    }

    #[test]
    fn a_cleaned_text_hides_and_turns_nothing() {
        assert_eq!(clean("a\u{202e}b\u{0}\n c\u{200b}", 60), "ab c");
        assert_eq!(clean("oat milk", 5), "oat…");
        assert_eq!(clean("abcdef", 5), "abcd…");
        assert_eq!(clean("", 5), "");
    }
}
