//! How a text reads to a person: what looks alike is alike, and what is not seen is not there.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The zeros of the decimal digits that compatibility decomposition leaves as they are; the nine that follow each are its digits.
const ZEROS: [u32; 58] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50,
    0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50,
    0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0,
    0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60,
    0x16AC0, 0x16B50, 0x1E140, 0x1E2F0, 0x1E950,
];

/// Letters of other scripts that look like a Latin capital, and that capital.
const ALIKE: [(&str, char); 20] = [
    ("АΑᎪꓮ", 'A'),
    ("ВΒᏴꓐ", 'B'),
    ("СᏟⲤꓚ", 'C'),
    ("ᎠꓓⅮ", 'D'),
    ("ЕΕᎬꓰ", 'E'),
    ("ꓝϜ", 'F'),
    ("ԌᏀꓖ", 'G'),
    ("НΗᎻꓧ", 'H'),
    ("ІΙӀⲒ", 'I'),
    ("ЈᎫꓙͿ", 'J'),
    ("КΚᏦꓗ", 'K'),
    ("МΜᎷꓟ", 'M'),
    ("ΝⲚꓠ", 'N'),
    ("ОΟⲞꓳ", 'O'),
    ("РΡᏢꓑ", 'P'),
    ("ЅᏚꓢՏ", 'S'),
    ("ТΤᎢꓔⲦᴛ⊤𐊗𐊱𐌕", 'T'),
    ("ХΧⲬꓫ", 'X'),
    ("ҮΥⲨꓬ", 'Y'),
    ("ΖᏃꓜ", 'Z'),
];

/// A character as it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// What it looks like.
    pub(super) as_char: char,
    /// Whether it was written as a plain Latin letter or digit, with or without marks: such a neighbour makes a longer word.
    pub(super) plain: bool,
}

/// `text` as it reads: compatibility forms, look-alikes and digits of every script in their plain form, without marks and without
/// what has no shape of its own.
pub(super) fn read(text: &str) -> Vec<Read> {
    let mut read = Vec::with_capacity(text.len());
    for written in text.chars().filter(|c| !unseen(*c)) {
        let plain = std::iter::once(written).nfd().next().is_some_and(|base| base.is_ascii_alphanumeric());
        let seen = std::iter::once(written).nfkd().filter(|part| !is_combining_mark(*part) && !unseen(*part));
        read.extend(seen.map(|part| Read { as_char: alike(part), plain }));
    }
    read
}

/// `text` in its compatible form without what is not seen: what software downstream might make of it.
pub(super) fn compatible(text: &str) -> String {
    text.chars().filter(|c| !unseen(*c)).nfkc().collect()
}

/// Characters without a shape: joiners, fillers, variation selectors and other format characters.
pub(super) fn unseen(c: char) -> bool {
    format_control(c)
        || matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200c}' | '\u{200d}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}')
}

/// Format characters that no text of a notice needs, those that turn the direction of writing among them. The two joiners are
/// none of them: Persian, the scripts of India and emoji are written with them.
pub(super) fn format_control(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}'
        | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

fn alike(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    let code = u32::from(c);
    if let Some(zero) = ZEROS.iter().rev().find(|zero| **zero <= code && code < **zero + 10) {
        return char::from_digit(code - zero, 10).unwrap_or(c);
    }
    ALIKE.iter().find(|(letters, _)| letters.contains(c)).map_or(c, |(_, latin)| *latin)
}
