//! A file of texts: one language, a text for each category, and who approved it.

use super::{
    icu::Plain,
    variables::{Kind, allowed},
};
use crate::{digest::Digest, notices::Category};
use formatjs_icu_messageformat::{IcuMessageFormat, MessageFormatElement, Options};
use serde::Deserialize;
use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

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

/// A text that can be filled in.
pub(super) struct Template {
    pub(super) version: u32,
    pub(super) title: IcuMessageFormat,
    pub(super) body: Vec<IcuMessageFormat>,
    pub(super) summary: IcuMessageFormat,
    /// Every variable in it.
    pub(super) variables: BTreeSet<String>,
    /// The digest of what there is.
    pub(super) digest: Digest,
    /// Who approved it, and when; `None` where nobody approved these very words.
    pub(super) approved: Option<(String, jiff::civil::Date)>,
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

    /// The texts, and what is wrong with them: approval is looked at too.
    pub(super) fn templates(&self) -> (BTreeMap<Category, Template>, Vec<Fault>) {
        let (mut templates, mut faults) = (BTreeMap::new(), Vec::new());
        let file = format!("{}.json", self.language);
        for category in Category::ALL {
            match self.template(category) {
                Ok(template) => {
                    if template.approved.is_none() {
                        let expected = self.texts[&category].approval.as_ref().map(|approval| approval.sha256);
                        faults.push(Fault::Unapproved {
                            file: file.clone(),
                            category,
                            expected,
                            found: template.digest,
                        });
                    }
                    templates.insert(category, template);
                }
                Err(why) => faults.push(Fault::Text { file: file.clone(), category, why }),
            }
        }
        (templates, faults)
    }

    fn template(&self, category: Category) -> Result<Template, String> {
        let text = self.texts.get(&category).ok_or("there is no text")?;
        if text.version == 0 {
            return Err("versions begin with 1".to_owned());
        }
        if text.body.is_empty() {
            return Err("the body has no paragraph".to_owned());
        }
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
            visit(message.get_ast(), category, &mut variables).map_err(fault)?;
            Ok(message)
        };
        let title = parse("title", &text.title)?;
        let body = text.body.iter().map(|words| parse("body", words)).collect::<Result<_, _>>()?;
        let summary = parse("summary", &text.summary)?;
        let digest = self.digest(category, text);
        let approval = text.approval.as_ref().filter(|approval| approval.sha256 == digest);
        let approved = approval.filter(|approval| !approval.approved_by.trim().is_empty());
        let approved = approved.map(|approval| (approval.approved_by.clone(), approval.approved_on));
        Ok(Template { version: text.version, title, body, summary, variables, digest, approved })
    }

    /// The digest that an approval is given for: of everything that a reader could see, and of what it is.
    fn digest(&self, category: Category, text: &Text) -> Digest {
        let Text { version, title, body, summary, .. } = text;
        let exact = serde_json::json!([self.language, self.first_of_month, category, version, title, body, summary]);
        Digest::of(exact.to_string().as_bytes())
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
