//! A file of texts: one language, a text for each category, and who approved it.

use super::{
    icu::Plain,
    variables::{Kind, allowed},
};
use crate::{digest::Digest, notices::Category};
use formatjs_icu_messageformat::{IcuMessageFormat, MessageFormatElement, Options};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

/// What a file of texts holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The language, as a BCP 47 tag; the file is called so.
    pub(super) language: String,
    /// How the first day of a month is written where its number alone is wrong.
    first_of_month: Option<String>,
    /// A text for each category.
    texts: BTreeMap<Category, Text>,
}

/// A text as it is written down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    version: u32,
    title: String,
    /// Paragraph by paragraph.
    body: Vec<String>,
    /// The paragraph that comes first where a notice tells of several decisions.
    summary: String,
    approval: Option<Approval>,
}

/// Who approved a text, and which one exactly.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    approved_by: String,
    approved_on: jiff::civil::Date,
    sha256: Digest,
}

/// A text of a language, whose messages are read when they are first needed.
pub(super) struct Template {
    pub(super) version: u32,
    /// The digest of what there is.
    pub(super) digest: Digest,
    /// Who approved it, and when; `None` where nobody approved these very words.
    pub(super) approved: Option<(String, jiff::civil::Date)>,
    category: Category,
    first_of_month: Option<String>,
    title: String,
    body: Vec<String>,
    summary: String,
    messages: OnceLock<Result<Messages, String>>,
}

/// The messages of a text, which can be filled in.
pub(super) struct Messages {
    pub(super) title: IcuMessageFormat,
    pub(super) body: Vec<IcuMessageFormat>,
    pub(super) summary: IcuMessageFormat,
    /// Every variable in them.
    pub(super) variables: BTreeSet<String>,
}

/// What is wrong with a file of texts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not of the form that files of texts have.
    #[error("{file}: {why}")]
    Form {
        /// The file's name.
        file: String,
        /// What keeps it from being read.
        why: String,
    },
    /// A text of it cannot be used.
    #[error("{file}, {category}: {why}", category = category.as_str())]
    Text {
        /// The file's name.
        file: String,
        /// Which text.
        category: Category,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody approved a text of it, or it was changed since.
    #[error(
        "{file}, {category}: the text is not approved: the approval is for sha256 {expected}, the text has {found}. Undo the change, or have \
         the text approved and write {found} into its approval",
        category = category.as_str(),
        expected = expected.map_or("nothing".to_owned(), |digest| digest.to_string())
    )]
    Unapproved {
        /// The file's name.
        file: String,
        /// Which text.
        category: Category,
        /// What was approved, if anything was.
        expected: Option<Digest>,
        /// What there is.
        found: Digest,
    },
}

impl File {
    /// Reads the file called `name`.
    pub(super) fn read(name: &str, contents: &str) -> Result<Self, Fault> {
        let fault = |why: String| Fault::Form { file: name.to_owned(), why };
        let file: Self = serde_json::from_str(contents).map_err(|why| fault(why.to_string()))?;
        let tag = &file.language;
        let formed =
            tag.split('-').all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
        if !formed || tag.parse::<formatjs_icu_messageformat::Locale>().is_err() {
            return Err(fault("its language is no BCP 47 tag".to_owned()));
        }
        if name.strip_suffix(".json") != Some(tag) {
            return Err(fault(format!("it holds the language {tag:?} and is to be called so, with .json")));
        }
        Ok(file)
    }

    /// The texts, and what is wrong with them before anybody reads their messages: approval is looked at too.
    pub(super) fn templates(self) -> (String, BTreeMap<Category, Template>, Vec<Fault>) {
        let (mut templates, mut faults) = (BTreeMap::new(), Vec::new());
        let Self { language, first_of_month, mut texts } = self;
        let file = format!("{language}.json");
        for category in Category::ALL {
            let text = match texts.remove(&category) {
                None => Err("there is no text"),
                Some(text) if text.version == 0 => Err("versions begin with 1"),
                Some(text) if text.body.is_empty() => Err("the body has no paragraph"),
                Some(text) => Ok(text),
            };
            match text {
                Ok(text) => {
                    let expected = text.approval.as_ref().map(|approval| approval.sha256);
                    let template = Template::new(&language, first_of_month.clone(), category, text);
                    if template.approved.is_none() {
                        let (file, found) = (file.clone(), template.digest);
                        faults.push(Fault::Unapproved { file, category, expected, found });
                    }
                    templates.insert(category, template);
                }
                Err(why) => faults.push(Fault::Text { file: file.clone(), category, why: why.to_owned() }),
            }
        }
        (language, templates, faults)
    }
}

impl Template {
    fn new(language: &str, first_of_month: Option<String>, category: Category, text: Text) -> Self {
        let Text { version, title, body, summary, approval } = text;
        // What an approval is given for: everything that a reader could see, and what it is.
        let exact = serde_json::json!([language, first_of_month, category, version, title, body, summary]);
        let digest = Digest::of(exact.to_string().as_bytes());
        let approved = approval.filter(|by| by.sha256 == digest && !by.approved_by.trim().is_empty());
        let approved = approved.map(|approval| (approval.approved_by, approval.approved_on));
        let messages = OnceLock::new();
        Self { version, digest, approved, category, first_of_month, title, body, summary, messages }
    }

    /// The messages, read once.
    ///
    /// # Errors
    ///
    /// Why they cannot be read, or what in them is not of this category.
    pub(super) fn messages(&self) -> Result<&Messages, &str> {
        self.messages.get_or_init(|| self.read()).as_ref().map_err(String::as_str)
    }

    /// Whether anybody needed the messages yet.
    #[cfg(test)]
    pub(super) fn is_read(&self) -> bool {
        self.messages.get().is_some()
    }

    fn read(&self) -> Result<Messages, String> {
        let mut variables = BTreeSet::new();
        let mut parse = |part: &str, words: &str| -> Result<IcuMessageFormat, String> {
            let fault = |why: String| format!("{part}: {why}");
            if words.trim().is_empty() || words.contains(['<', '>', '\'', '\n']) {
                return Err(fault(
                    "it is empty, or holds a line break, <, > or a straight quote ('), for which there is ’".to_owned(),
                ));
            }
            let formatters = Arc::new(Plain { first_of_month: self.first_of_month.clone() });
            let message = IcuMessageFormat::try_new_with_options(words, Options::with_formatters(formatters));
            let message = message.map_err(|why| fault(why.to_string()))?;
            visit(message.get_ast(), self.category, &mut variables).map_err(fault)?;
            Ok(message)
        };
        let title = parse("title", &self.title)?;
        let body = self.body.iter().map(|words| parse("body", words)).collect::<Result<_, _>>()?;
        let summary = parse("summary", &self.summary)?;
        Ok(Messages { title, body, summary, variables })
    }
}

/// Collects the variables of a message, and says which of them the category does not offer in that way.
fn visit(message: &[MessageFormatElement], category: Category, found: &mut BTreeSet<String>) -> Result<(), String> {
    let mut meet = |name: &str, how: &str, fits: &dyn Fn(Kind) -> bool| {
        let offered = allowed(category).find(|(offered, _)| *offered == name);
        let (_, kind) = offered.ok_or_else(|| format!("{name:?} is no variable of this category"))?;
        found.insert(name.to_owned());
        if fits(kind) { Ok(()) } else { Err(format!("{name:?} cannot be used as {how}")) }
    };
    let mut branches = Vec::new();
    for element in message {
        match element {
            MessageFormatElement::Literal(_) | MessageFormatElement::Pound(_) => {}
            MessageFormatElement::Argument(text) => meet(&text.value, "a text", &|kind| kind == Kind::Text)?,
            MessageFormatElement::Number(number) => meet(&number.value, "a number", &|kind| kind == Kind::Number)?,
            MessageFormatElement::Date(date) => meet(&date.value, "a date", &|kind| kind == Kind::Date)?,
            MessageFormatElement::Plural(plural) => {
                meet(&plural.value, "a number", &|kind| kind == Kind::Number && plural.offset == 0)?;
                branches.extend(plural.options.values());
            }
            MessageFormatElement::Select(select) => {
                let known = |kind| match kind {
                    Kind::Choice(names) => {
                        select.options.keys().all(|key| key == "other" || names.contains(&key.as_str()))
                    }
                    _ => false,
                };
                meet(&select.value, "a choice, or has no such options", &known)?;
                branches.extend(select.options.values());
            }
            MessageFormatElement::Time(_) | MessageFormatElement::Tag(_) => {
                return Err("there are no times of day and no tags in notices".to_owned());
            }
        }
    }
    branches.into_iter().try_for_each(|branch| visit(&branch.value, category, found))
}
