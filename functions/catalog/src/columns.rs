//! Which column of a file, or member of a row in JSON, is which field of a product.
//!
//! | field | names, the first that is there and filled wins |
//! | --- | --- |
//! | `product_id` | `product_id`, `sku`, `id`, `ean` |
//! | `name` | `title`, `name` |
//! | `category` | `category`, `derived_type`, `type` |
//! | `cost_price` | `cost_price`, `cost` |
//! | `stock` | `stock`, `quantity` |
//! | `updated_at` | `updated_at`, `date_released`: a time of RFC 3339, or a day |
//! | `brand`, `description`, `department`, `aisle`, `bay`, `price`, `supplier` | themselves |
//! | attributes | `attributes`: `name: value \| name: value` or a JSON object; one without a value holds `yes` |
//! | the attribute `x` | `attr_x`, and every other name `x` |
//!
//! Names compare without case, and a space or hyphen in them is an underscore. A name that loses to another (an `ean` beside
//! a `sku`) is kept as an attribute; a `name` that its `title` contains is not.
//!
//! Files that were once taken for Latin-1 hold Windows-1252's dashes and quotes as control characters (U+0080 to U+009F). They are
//! read as what they were, as browsers read them; other control characters are refused with their row.

use crate::facts::{Draft, Field};
use serde_json::Value;
use shared::web::extract::unquoted;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

const ALIASES: [(Field, &[&str]); 13] = [
    (Field::ProductId, &["product_id", "sku", "id", "ean"]),
    (Field::Name, &["title", "name"]),
    (Field::Brand, &["brand"]),
    (Field::Description, &["description"]),
    (Field::Category, &["category", "derived_type", "type"]),
    (Field::Department, &["department"]),
    (Field::Aisle, &["aisle"]),
    (Field::Bay, &["bay"]),
    (Field::Price, &["price"]),
    (Field::Stock, &["stock", "quantity"]),
    (Field::UpdatedAt, &["updated_at", "date_released"]),
    (Field::CostPrice, &["cost_price", "cost"]),
    (Field::Supplier, &["supplier"]),
];

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// A field; of two names for it the lower rank wins. The name itself, for the loser to be kept under.
    Field(Field, usize, String),
    /// Several attributes in one text.
    Attributes,
    /// The attribute of this name.
    Attribute(String),
}

/// A header that no product could be read under.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoHeader(pub String);

impl Column {
    /// The column named `name`.
    pub fn named(name: &str) -> Self {
        let normal = normal(name);
        for (field, aliases) in ALIASES {
            if let Some(rank) = aliases.iter().position(|alias| *alias == normal) {
                return Self::Field(field, rank, normal);
            }
        }
        if normal == "attributes" {
            return Self::Attributes;
        }
        let kept = name.trim();
        let prefixed = kept.get(..5).is_some_and(|prefix| prefix.eq_ignore_ascii_case("attr_"));
        Self::Attribute(if prefixed { kept[5..].to_owned() } else { kept.to_owned() })
    }
}

fn normal(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

/// Reads the header of a file: what each of its columns holds.
///
/// # Errors
///
/// [`NoHeader`] where there is no column for the id, the name or the price, or where two have one name.
pub fn header<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<Column>, NoHeader> {
    let names: Vec<&str> = names.into_iter().collect();
    let mut seen = BTreeSet::new();
    for name in names.iter().filter(|name| !name.trim().is_empty()) {
        if !seen.insert(normal(name)) {
            return Err(NoHeader(format!("The header names the column {:?} twice.", name.trim())));
        }
    }
    let columns: Vec<Column> = names.iter().map(|name| Column::named(name)).collect();
    for wanted in [Field::ProductId, Field::Name, Field::Price] {
        if !columns.iter().any(|column| matches!(column, Column::Field(field, ..) if *field == wanted)) {
            let accepted = aliases(wanted).join(", ");
            let hint =
                if names.len() == 1 { " The first line has one column only: is the separator right?" } else { "" };
            return Err(NoHeader(format!(
                "The first line has no column for the {}. It may be called: {accepted}.{hint}",
                wanted.name()
            )));
        }
    }
    Ok(columns)
}

/// The names that a field may have.
fn aliases(field: Field) -> &'static [&'static str] {
    ALIASES.iter().find(|(of, _)| *of == field).map_or(&[], |(_, names)| names)
}

/// A row under way from cells to a draft.
#[derive(Debug, Default)]
pub struct Filling {
    fields: BTreeMap<Field, (usize, String, String)>,
    lost: Vec<(Field, String, String)>,
    attributes: BTreeMap<String, String>,
}

impl Filling {
    /// Puts the text of one cell where its column says. An empty one is as if it were not there.
    ///
    /// # Errors
    ///
    /// What is wrong with a cell of attributes.
    pub fn put(&mut self, column: &Column, text: &str) -> Result<(), String> {
        let text = mended(text.trim());
        let text = text.as_ref();
        if text.is_empty() {
            return Ok(());
        }
        match column {
            Column::Attribute(name) => self.attribute(name, text),
            Column::Attributes if text.starts_with('{') => {
                let object: BTreeMap<String, Value> = serde_json::from_str(text)
                    .map_err(|why| format!("attributes is no JSON object: {}", unquoted(&why)))?;
                self.object(object)?;
            }
            Column::Attributes => {
                for fact in text.split(" | ").filter(|fact| !fact.trim().is_empty()) {
                    let (name, value) = fact.split_once(": ").unwrap_or((fact, "yes"));
                    self.attribute(name.trim(), value.trim());
                }
            }
            Column::Field(field, rank, name) => match self.fields.get(field) {
                Some((held, ..)) if held < rank => self.lost.push((*field, name.clone(), text.to_owned())),
                _ => {
                    let won = self.fields.insert(*field, (*rank, name.clone(), text.to_owned()));
                    self.lost.extend(won.map(|(_, name, text)| (*field, name, text)));
                }
            },
        }
        Ok(())
    }

    /// Puts a JSON object of attributes: texts, numbers, and `true` or `false`.
    ///
    /// # Errors
    ///
    /// The name of an attribute that is something else.
    pub fn object(&mut self, object: impl IntoIterator<Item = (String, Value)>) -> Result<(), String> {
        for (name, value) in object {
            match scalar(&value) {
                Some(text) => self.attribute(&name, &text),
                None => return Err(format!("attributes.{name} is a text, a number, true or false")),
            }
        }
        Ok(())
    }

    /// Two values of one name stand beside each other.
    fn attribute(&mut self, name: &str, value: &str) {
        let held = self.attributes.entry(name.to_owned()).or_default();
        if !held.is_empty() && !value.is_empty() {
            held.push_str(", ");
        }
        held.push_str(value);
    }

    /// The draft that the cells make.
    pub fn draft(mut self) -> Draft {
        for (field, name, text) in std::mem::take(&mut self.lost) {
            let winner = self.fields.get(&field).map(|(_, _, text)| text.to_lowercase()).unwrap_or_default();
            let said = if field == Field::Name {
                winner.contains(&text.to_lowercase())
            } else {
                winner == text.to_lowercase()
            };
            if !said {
                self.attribute(&name, &text);
            }
        }
        let fields = self.fields.into_iter().map(|(field, (_, _, text))| (field, text)).collect();
        Draft { fields, attributes: self.attributes }
    }
}

/// What U+0080 to U+009F were in Windows-1252; five of them were nothing.
///
/// Source: WHATWG HTML, §13.2.5.80, numeric character reference end state.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

fn mended(text: &str) -> Cow<'_, str> {
    let lost = |c: char| ('\u{80}'..='\u{9f}').contains(&c);
    if !text.contains(lost) {
        return Cow::Borrowed(text);
    }
    text.chars().map(|c| if lost(c) { WINDOWS_1252[c as usize - 0x80] } else { c }).collect()
}

/// A JSON value that is one text, `None` for an array or an object; `null` is an empty one.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[(&str, &str)]) -> Draft {
        let columns = header(cells.iter().map(|(name, _)| *name)).unwrap();
        let mut filling = Filling::default();
        for (column, (_, text)) in columns.iter().zip(cells) {
            filling.put(column, text).unwrap();
        }
        filling.draft()
    }

    #[test]
    fn the_first_filled_name_of_a_field_wins_and_the_loser_is_kept() {
        let draft = row(&[("EAN", "40063"), ("SKU", "s-1"), ("Name", "tray"), ("Title", ""), ("price", "1")]);
        assert_eq!(draft.fields[&Field::ProductId], "s-1");
        assert_eq!(draft.fields[&Field::Name], "tray");
        assert_eq!(draft.attributes["ean"], "40063");
        let draft = row(&[("id", "1"), ("name", "X200"), ("title", "The tray"), ("price", "1"), ("Cost Price", "0.5")]);
        assert_eq!((draft.fields[&Field::Name].as_str(), draft.attributes["name"].as_str()), ("The tray", "X200"));
        assert_eq!(draft.fields[&Field::CostPrice], "0.5");
        let draft = row(&[("id", "1"), ("name", "TRAY"), ("title", "The tray"), ("price", "1")]);
        assert!(draft.attributes.is_empty());
    }

    #[test]
    fn a_column_of_no_known_name_is_an_attribute() {
        let draft = row(&[
            ("id", "1"),
            ("name", "x"),
            ("price", "1"),
            ("attr_Colour", "red"),
            ("Origin volume", "1 l"),
            ("z", " "),
        ]);
        assert_eq!(
            draft.attributes,
            [("Colour", "red"), ("Origin volume", "1 l")].map(|(k, v)| (k.into(), v.into())).into()
        );
    }

    #[test]
    fn attributes_are_read_as_pairs_or_as_json() {
        let pairs = row(&[
            ("id", "1"),
            ("name", "x"),
            ("price", "1"),
            ("attributes", "size: 1 l | vegan | size: 2 l | ratio: 4:3"),
        ]);
        assert_eq!(pairs.attributes["size"], "1 l, 2 l");
        assert_eq!((pairs.attributes["vegan"].as_str(), pairs.attributes["ratio"].as_str()), ("yes", "4:3"));
        let json = row(&[
            ("id", "1"),
            ("name", "x"),
            ("price", "1"),
            ("attributes", r#"{"size":"1 l","packs":2,"vegan":true}"#),
        ]);
        assert_eq!((json.attributes["packs"].as_str(), json.attributes["vegan"].as_str()), ("2", "true"));
        let mut filling = Filling::default();
        assert!(filling.put(&Column::Attributes, r#"{"size":[1]}"#).unwrap_err().contains("attributes.size"));
        assert!(filling.put(&Column::Attributes, r#"{"size":"#).unwrap_err().contains("no JSON object"));
    }

    #[test]
    fn dashes_and_quotes_that_became_control_characters_are_read_as_what_they_were() {
        let draft =
            row(&[("id", "1"), ("name", "5\u{97}7 \u{93}pack\u{94} \u{80}"), ("price", "1"), ("colour", "a\u{81}")]);
        assert_eq!(draft.fields[&Field::Name], "5—7 “pack” €");
        assert_eq!(draft.check().unwrap_err().field, "attributes.colour");
    }

    #[test]
    fn a_header_without_id_name_or_price_says_what_they_may_be_called() {
        let told = |names: &[&str]| header(names.iter().copied()).unwrap_err().0;
        assert!(told(&["name", "price"]).contains("product_id, sku, id, ean"));
        assert!(told(&["id", "price"]).contains("title, name"));
        assert!(told(&["id", "name"]).contains("price"));
        assert!(told(&["id;name;price"]).contains("separator"));
        assert!(told(&["id", "name", "price", "Price"]).contains("twice"));
        assert!(told(&[""]).contains("product_id"));
    }
}
