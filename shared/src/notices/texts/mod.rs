//! The words of notices: what happened and what a person can do, in their language, in approved texts alone.
//!
//! There is a file for each language beside this one, with a text in ICU MessageFormat for each category; `docs/notices.md` says how
//! they are written, approved and added. Texts speak of nothing but the [`Variables`] of their category, and what they say is looked at
//! again as a whole before anybody reads it: [`Refused`] says what is held back.
//!
//! [`Texts::load`] reads the files and holds each text to its approval, which takes no time worth counting. The messages of a text are
//! read when it is first told: most of what starts tells nothing, or one text of the twelve. That all can be read and filled in, and
//! languages agree, [`Texts::check`] says; the tests ask it of every text that is shipped.

mod file;
mod icu;
mod reading;
mod refused;
#[cfg(test)]
mod tests;
mod variables;

pub use file::Fault;
pub use refused::{Codes, MAX_REASON_CHARS, NotACode, Refused, Why, neutral};
pub use variables::{ITEM_KINDS, MAX_COUNT, MAX_ITEM_CHARS, OUTCOMES, Variables};

use super::Category;
use crate::digest::Digest;
use file::{File, Template};
use formatjs_icu_messageformat::{IcuMessageFormat, Values};
use refused::{Form, check};
use std::{collections::BTreeMap, fmt};

/// The files of texts, by name: the folder as it was when this was built.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/notice_texts.rs"));
/// The language for whoever asks for none that there is.
pub const FALLBACK: &str = "en";

/// Every text in every language.
pub struct Texts {
    languages: BTreeMap<String, BTreeMap<Category, Template>>,
    codes: Codes,
}

/// A text filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub title: String,
    /// Paragraphs, with an empty line between them.
    pub body: String,
    /// The language, as a BCP 47 tag, for `content-language`.
    pub language: String,
    /// The version of the text, the same in every language.
    pub version: u32,
}

/// What is known of a text that is not its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextInfo {
    /// The language, as a BCP 47 tag.
    pub language: String,
    /// The category.
    pub category: Category,
    /// Its version.
    pub version: u32,
    /// The digest that an approval has to name.
    pub sha256: Digest,
    /// Who approved it, and when; `None` where nobody approved these very words.
    pub approved: Option<(String, jiff::civil::Date)>,
}

/// Texts that cannot be used, with everything that is wrong with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextsError(pub Vec<Fault>);

impl fmt::Display for TextsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the texts of notices cannot be used: ")?;
        let faults: Vec<_> = self.0.iter().map(Fault::to_string).collect();
        f.write_str(&faults.join("; "))
    }
}

impl std::error::Error for TextsError {}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").field("languages", &self.languages.keys()).finish_non_exhaustive()
    }
}

impl Texts {
    /// Takes the texts of this build. In production each must be approved word by word; elsewhere one that is not is used, with a warning.
    ///
    /// # Errors
    ///
    /// [`TextsError`], which names every fault: with file, category, and what to do about an approval.
    pub fn load(production: bool, codes: Codes) -> Result<Self, TextsError> {
        Self::read(FILES, production, codes)
    }

    /// Takes texts from `files`, given as name and contents, without reading their messages: [`Texts::check`] does.
    ///
    /// # Errors
    ///
    /// As [`Texts::load`].
    pub fn read(files: &[(&str, &str)], production: bool, codes: Codes) -> Result<Self, TextsError> {
        let (mut languages, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, contents) in files {
            match File::read(name, contents) {
                Ok(file) => {
                    let (language, templates, more) = file.templates();
                    faults.extend(more);
                    languages.insert(language, templates);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if !languages.contains_key(FALLBACK) {
            faults.push(Fault::Form { file: format!("{FALLBACK}.json"), why: "there is no such file".to_owned() });
        }
        let texts = Self { languages, codes };
        let (unapproved, mut faults): (Vec<_>, Vec<_>) =
            faults.into_iter().partition(|fault| matches!(fault, Fault::Unapproved { .. }));
        if production {
            faults.extend(unapproved);
        } else {
            unapproved.iter().for_each(|fault| tracing::warn!("{fault}"));
        }
        if faults.is_empty() { Ok(texts) } else { Err(TextsError(faults)) }
    }

    /// The languages that there are, as BCP 47 tags.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.languages.keys().map(String::as_str)
    }

    /// The codes that no text may show.
    pub fn codes(&self) -> &Codes {
        &self.codes
    }

    /// Every text, for those who approve them.
    pub fn all(&self) -> impl Iterator<Item = TextInfo> {
        self.languages.iter().flat_map(|(language, templates)| {
            templates.iter().map(|(category, text)| TextInfo {
                language: language.clone(),
                category: *category,
                version: text.version,
                sha256: text.digest,
                approved: text.approved.clone(),
            })
        })
    }

    /// The language for somebody who wants one of `wanted`, best first: the first that there is, in a wider form if need be (`es-MX` is
    /// answered in `es`), else [`FALLBACK`].
    pub fn tag_for(&self, wanted: &[&str]) -> &str {
        let there = |tag: &str| self.languages().find(|language| language.eq_ignore_ascii_case(tag));
        let wider = wanted.iter().find_map(|wanted| {
            let wanted = wanted.trim().replace('_', "-");
            let mut tag = wanted.as_str();
            loop {
                if let Some(language) = there(tag) {
                    return Some(language);
                }
                tag = tag.rsplit_once('-')?.0;
            }
        });
        wider.unwrap_or(FALLBACK)
    }

    /// What there is to say with `variables`, in the language `tag` or what [`Texts::tag_for`] makes of it.
    ///
    /// # Errors
    ///
    /// [`Refused`], where the name or the whole would show what no notice shows.
    pub fn render(&self, tag: &str, variables: &Variables) -> Result<Rendered, Refused> {
        let language = self.tag_for(&[tag]);
        let template = self.languages.get(language).and_then(|texts| texts.get(&variables.category()));
        let template = template.ok_or(Refused { place: "title", why: Why::Template })?;
        variables.check(&self.codes)?;
        fill(template, language, variables, &self.codes)
    }

    /// What there is to say with `variables`, in every language.
    ///
    /// # Errors
    ///
    /// As [`Texts::render`].
    pub fn render_all(&self, variables: &Variables) -> Result<Vec<Rendered>, Refused> {
        self.languages().map(|language| self.render(language, variables)).collect()
    }

    /// Reads and fills in every text, and says which of them cannot be, and where languages differ from each other in more than words.
    ///
    /// # Errors
    ///
    /// [`TextsError`], which names every fault.
    pub fn check(&self) -> Result<(), TextsError> {
        let model = self.languages.get(FALLBACK);
        let mut faults = Vec::new();
        for (language, templates) in &self.languages {
            for (category, text) in templates {
                let mut fault =
                    |why| faults.push(Fault::Text { file: format!("{language}.json"), category: *category, why });
                let messages = match text.messages() {
                    Ok(messages) => messages,
                    Err(why) => {
                        fault(why.to_owned());
                        continue;
                    }
                };
                if let Some(model) = model.and_then(|texts| texts.get(category)) {
                    let other =
                        model.messages().ok().map(|model| model.variables.symmetric_difference(&messages.variables));
                    let differ: Vec<_> = other.into_iter().flatten().cloned().collect();
                    if !differ.is_empty() {
                        fault(format!("it and {FALLBACK}.json differ in the variables {}", differ.join(", ")));
                    }
                    if model.version != text.version {
                        fault(format!("it has version {}, {FALLBACK}.json has {}", text.version, model.version));
                    }
                }
                let filled = [(true, 0), (false, usize::MAX)].map(|(full, choice)| {
                    fill(text, language, &Variables::sample(*category, full, choice), &self.codes)
                });
                if let Some(why) = filled.into_iter().find_map(Result::err) {
                    fault(format!("filled in, its {why}"));
                }
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(TextsError(faults)) }
    }
}

/// Fills `template` in, and looks at what came of it.
fn fill(template: &Template, language: &str, variables: &Variables, codes: &Codes) -> Result<Rendered, Refused> {
    let messages = template.messages().map_err(|why| {
        tracing::error!(language, category = variables.category().as_str(), "a text of a notice cannot be read: {why}");
        Refused { place: "title", why: Why::Template }
    })?;
    let values = variables.values();
    let title = format("title", &messages.title, language, &values)?;
    let summary = (variables.count() > 1).then_some(&messages.summary);
    let paragraphs = summary.into_iter().chain(&messages.body).map(|words| format("body", words, language, &values));
    let mut paragraphs = paragraphs.collect::<Result<Vec<_>, _>>()?;
    paragraphs.retain(|words| !words.is_empty());
    let body = paragraphs.join("\n\n");
    for (place, text, form) in [("title", &title, Form::Line), ("body", &body, Form::Paragraphs)] {
        check(text, form, codes).map_err(|why| Refused { place, why })?;
        if refused::is_blank(text) {
            return Err(Refused { place, why: Why::Empty });
        }
    }
    Ok(Rendered { title, body, language: language.to_owned(), version: template.version })
}

fn format(place: &'static str, words: &IcuMessageFormat, language: &str, values: &Values) -> Result<String, Refused> {
    let text = words.format_to_string(language, values).map_err(|why| {
        // The library's words name the variable and may repeat its value, which may be somebody's text.
        tracing::error!(language, place, code = why.code.as_str(), "a text of a notice could not be filled in");
        Refused { place, why: Why::Template }
    })?;
    Ok(text.trim().to_owned())
}
