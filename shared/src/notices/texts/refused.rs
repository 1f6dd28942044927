//! What no notice says: internal codes, markup, hidden characters, addresses, what was left unfilled.

use super::reading::{Read, compatible, format_control, read, unseen};
use std::{fmt, str::FromStr};

/// The most characters of a reason that a reviewer gives.
pub const MAX_REASON_CHARS: usize = 2_000;

/// A text that is not told. It names the place and never the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place} {why}")]
pub struct Refused {
    /// Where it stood: a variable, `title`, `body` or `reason`.
    pub place: &'static str,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with a text or value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is no text.
    NotAText,
    /// It is neither a date nor a time of RFC 3339 from the years 2000 to 2199.
    NotADate,
    /// It is none of these.
    NotOneOf(&'static [&'static str]),
    /// There is nothing to be seen in it.
    Empty,
    /// It has more characters than this.
    TooLong(usize),
    /// It holds an internal code.
    InternalCode,
    /// It holds markup.
    Markup,
    /// It holds a character that controls how text is shown.
    FormatControl,
    /// It holds a control character.
    ControlCharacter,
    /// It holds a curly brace, as an unfilled placeholder does.
    Placeholder,
    /// It holds the address of a page or of a mailbox.
    Address,
    /// The template could not be filled in.
    Template,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAText => f.write_str("is no text"),
            Self::NotADate => f.write_str("is neither a date (2026-03-01) nor a time of RFC 3339, from 2000 to 2199"),
            Self::NotOneOf(names) => write!(f, "is none of {}", names.join(", ")),
            Self::Empty => f.write_str("has nothing to be seen in it"),
            Self::TooLong(most) => write!(f, "has more than {most} characters"),
            Self::InternalCode => f.write_str("holds an internal code"),
            Self::Markup => f.write_str("holds markup: <, > or a character reference"),
            Self::FormatControl => f.write_str("holds a character that controls how text is shown"),
            Self::ControlCharacter => f.write_str("holds a control character"),
            Self::Placeholder => f.write_str("holds a curly brace"),
            Self::Address => f.write_str("holds the address of a page or a mailbox"),
            Self::Template => f.write_str("could not be filled in"),
        }
    }
}

/// Codes of internal tables that no reader may see, beside the built-in form: `T` and two or more digits.
///
/// Written as `INTERNAL_CODES` has them: separated by commas. Upper and lower case are told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codes(Vec<Vec<char>>);

/// A code that would be found in every other text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an internal code has 2 to 64 characters, a Latin letter or digit among them")]
pub struct NotACode;

impl FromStr for Codes {
    type Err = NotACode;
    fn from_str(list: &str) -> Result<Self, NotACode> {
        let codes = list.split(',').map(str::trim).filter(|code| !code.is_empty()).map(|code| {
            let letters: Vec<char> = read(code).iter().map(|read| read.as_char).collect();
            let fits = (2..=64).contains(&letters.len()) && letters.iter().any(char::is_ascii_alphanumeric);
            if fits { Ok(letters) } else { Err(NotACode) }
        });
        Ok(Self(codes.collect::<Result<_, _>>()?))
    }
}

impl Codes {
    /// Whether a code can be read in `text`, however it is written: in digits of any script, in look-alikes, with marks or with
    /// something unseen in between. A code that is part of a longer Latin word is none.
    fn found_in(&self, text: &str) -> bool {
        let text = read(text);
        let apart = |at: Option<&Read>| at.is_none_or(|read| !read.plain);
        (0..text.len()).filter(|start| apart(start.checked_sub(1).and_then(|before| text.get(before)))).any(|start| {
            let rest = &text[start..];
            let digits = rest.iter().skip(1).take_while(|read| read.as_char.is_numeric()).count();
            let built_in = rest[0].as_char == 'T' && digits >= 2 && apart(rest.get(1 + digits));
            built_in
                || self.0.iter().any(|code| {
                    rest.len() >= code.len()
                        && rest.iter().zip(code).all(|(read, letter)| read.as_char == *letter)
                        && apart(rest.get(code.len()))
                })
        })
    }
}

/// Which of the rules a text is held to beyond those that hold for all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A name on one line, without addresses.
    Name,
    /// One line of a notice.
    Line,
    /// Paragraphs of a notice, or a reason.
    Paragraphs,
}

/// Says whether `text` can be shown.
pub(super) fn check(text: &str, form: Form, codes: &Codes) -> Result<(), Why> {
    let line_break = |c: char| form == Form::Paragraphs && (c == '\n' || c == '\r');
    if text.chars().any(|c| c.is_control() && !line_break(c)) {
        return Err(Why::ControlCharacter);
    }
    if text.chars().any(|c| format_control(c) && (form == Form::Name || !isolates(c))) {
        return Err(Why::FormatControl);
    }
    let seen = compatible(text);
    for version in [text, &seen] {
        if version.contains(['{', '}']) {
            return Err(Why::Placeholder);
        }
        if version.contains(['<', '>']) || has_character_reference(version) {
            return Err(Why::Markup);
        }
        if form == Form::Name && has_address(version) {
            return Err(Why::Address);
        }
    }
    if codes.found_in(text) {
        return Err(Why::InternalCode);
    }
    Ok(())
}

/// Says whether a reviewer's reason is neutral enough to be shown to the person that it is about: the rules that hold for notices
/// hold for it. It may have several lines and [`MAX_REASON_CHARS`] characters.
///
/// # Errors
///
/// [`Refused`], which does not repeat the text.
pub fn neutral(text: &str, codes: &Codes) -> Result<(), Refused> {
    let refused = |why| Refused { place: "reason", why };
    if is_blank(text) {
        return Err(refused(Why::Empty));
    }
    if text.chars().nth(MAX_REASON_CHARS).is_some() {
        return Err(refused(Why::TooLong(MAX_REASON_CHARS)));
    }
    if text.chars().any(isolates) {
        return Err(refused(Why::FormatControl));
    }
    check(text, Form::Paragraphs, codes).map_err(refused)
}

/// Whether there is nothing to be seen in `text`.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || unseen(c) || c == '\u{2800}')
}

/// The marks by which a template may keep a name apart from writing in the other direction.
fn isolates(c: char) -> bool {
    matches!(c, '\u{2068}' | '\u{2069}')
}

fn has_character_reference(text: &str) -> bool {
    text.match_indices('&').any(|(at, _)| {
        let rest = &text[at + 1..];
        let name = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let old = ["lt", "gt", "amp", "quot"]
            .iter()
            .any(|old| rest.get(..old.len()).is_some_and(|s| s.eq_ignore_ascii_case(old)));
        rest.starts_with('#') || (name > 0 && rest.as_bytes().get(name) == Some(&b';')) || old
    })
}

fn has_address(text: &str) -> bool {
    const TOP: [&str; 24] = [
        "app", "biz", "cn", "co", "com", "de", "dev", "edu", "es", "eu", "fr", "gov", "info", "io", "link", "ly", "me",
        "net", "online", "org", "ru", "shop", "site", "xyz",
    ];
    let text = text.to_lowercase();
    let schemes = ["://", "www.", "mailto:", "javascript:", "data:", "tel:", "sms:"];
    schemes.iter().any(|scheme| text.contains(scheme))
        || text.split(|c: char| c.is_whitespace() || "()[],;\"“”«»".contains(c)).any(|word| {
            let host = word.rsplit('@').next().unwrap_or_default();
            let host = host.split(['/', '?', '#', ':']).next().unwrap_or_default().trim_end_matches(['.', '!', '?']);
            let Some((name, top)) = host.rsplit_once('.') else { return false };
            let dotted = !name.is_empty() && top.chars().count() >= 2 && top.chars().all(char::is_alphabetic);
            let followed = word.contains(&format!("{host}/"));
            dotted && (word.contains('@') || followed || TOP.contains(&top))
        })
}
