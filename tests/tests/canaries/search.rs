//! Looking for a text in whatever form it may have come out.

use base64::{Engine, engine::general_purpose::STANDARD};
use std::collections::BTreeMap;

/// How long a part is that gives a text away.
const PART: usize = 12;

/// Finds parts of planted texts: any twelve characters in a row of the text as it stands, reversed, in hex, percent-encoded, or in
/// base64 at any of its three alignments; and shorter texts whole.
pub(crate) struct Search {
    parts: BTreeMap<[u8; PART], (usize, &'static str)>,
    short: Vec<(usize, &'static str, String)>,
}

/// Every form of a text that is looked for.
fn forms(text: &str) -> Vec<(&'static str, String)> {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let usual: String = text
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02x}") })
        .collect();
    let mut forms = vec![
        ("as it stands", text.to_owned()),
        ("reversed", text.chars().rev().collect()),
        ("in hex", hex),
        ("percent-encoded", percent),
        ("percent-encoded", usual),
    ];
    for before in 0..3 {
        let padded = STANDARD.encode([vec![b' '; before], text.as_bytes().to_vec()].concat());
        // The characters at both ends mix in what stands beside the text.
        let inner = &padded[if before == 0 { 0 } else { 4 }..padded.trim_end_matches('=').len().saturating_sub(1)];
        forms.push(("in base64", inner.to_owned()));
        forms.push(("in base64", inner.replace('+', "-").replace('/', "_")));
    }
    forms
}

impl Search {
    pub(crate) fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut search = Self { parts: BTreeMap::new(), short: Vec::new() };
        for (place, text) in texts.into_iter().enumerate() {
            for (form, text) in forms(text) {
                let text = text.to_lowercase();
                if text.len() < PART {
                    search.short.push((place, form, text));
                    continue;
                }
                for part in text.as_bytes().windows(PART) {
                    search.parts.insert(part.try_into().unwrap(), (place, form));
                }
            }
        }
        search
    }

    /// Which of the texts are in `hay`, by their place, in which form, and what stands around.
    pub(crate) fn find(&self, hay: &str) -> Vec<(usize, &'static str, String)> {
        let hay = hay.to_lowercase();
        let around = |at: usize| {
            let (from, to) = (at.saturating_sub(60), (at + 80).min(hay.len()));
            String::from_utf8_lossy(&hay.as_bytes()[from..to]).into_owned()
        };
        let mut found = BTreeMap::new();
        for (at, part) in hay.as_bytes().windows(PART).enumerate() {
            let part: &[u8; PART] = part.try_into().unwrap();
            if let Some((place, form)) = self.parts.get(part) {
                found.entry((*place, *form)).or_insert_with(|| around(at));
            }
        }
        for (place, form, text) in &self.short {
            if let Some(at) = hay.find(text.as_str()) {
                found.entry((*place, *form)).or_insert_with(|| around(at));
            }
        }
        found.into_iter().map(|((place, form), around)| (place, form, around)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "zebulon.quillfeather@aviary.example";

    #[test]
    fn a_text_is_found_in_every_form_wherever_it_stands_and_also_in_parts() {
        let search = Search::of([CANARY, "48151.62"]);
        let hex: String = CANARY.bytes().map(|byte| format!("{byte:02X}")).collect();
        let percent: String = CANARY.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let reversed: String = CANARY.chars().rev().collect();
        let mut leaks =
            vec![CANARY.to_owned(), CANARY.to_uppercase(), CANARY[9..21].to_owned(), hex, percent, reversed];
        leaks.push(CANARY.replace('@', "%40"));
        for before in ["", "a", "ab", "abc"] {
            leaks.push(STANDARD.encode(format!("{before}{CANARY} and more")));
        }
        for leak in leaks {
            let found = search.find(&format!("some line about {leak} and what follows"));
            assert!(found.iter().any(|(place, ..)| *place == 0), "{leak}");
        }
        assert_eq!(search.find("it costs 48151.62 at most")[0].0, 1);
        assert_eq!(search.find("nothing of it: quill, feather, aviary, 48151"), []);
    }
}
