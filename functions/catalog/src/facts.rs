//! What somebody says of a product, checked; and whether that changes what the store already holds.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Map, Value};
use shared::{
    catalog::{
        Internal, Money, Product,
        product::{MAX_ATTRIBUTES, MAX_DESCRIPTION_CHARS, MAX_LABEL_CHARS},
    },
    digest::Digest,
    ids::ProductId,
};
use std::collections::BTreeMap;

/// The largest product, as JSON, in bytes: a page of a hundred of them fits into one answer.
pub const MAX_PRODUCT_BYTES: usize = 48 * 1024;

/// A field of a product, by the name that requests and files give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `product_id`
    ProductId,
    /// `name`
    Name,
    /// `brand`
    Brand,
    /// `description`
    Description,
    /// `category`
    Category,
    /// `department`
    Department,
    /// `aisle`
    Aisle,
    /// `bay`
    Bay,
    /// `price`
    Price,
    /// `stock`
    Stock,
    /// `updated_at`
    UpdatedAt,
    /// `cost_price`
    CostPrice,
    /// `supplier`
    Supplier,
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 13] = [
        Self::ProductId,
        Self::Name,
        Self::Brand,
        Self::Description,
        Self::Category,
        Self::Department,
        Self::Aisle,
        Self::Bay,
        Self::Price,
        Self::Stock,
        Self::UpdatedAt,
        Self::CostPrice,
        Self::Supplier,
    ];

    /// The field's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProductId => "product_id",
            Self::Name => "name",
            Self::Brand => "brand",
            Self::Description => "description",
            Self::Category => "category",
            Self::Department => "department",
            Self::Aisle => "aisle",
            Self::Bay => "bay",
            Self::Price => "price",
            Self::Stock => "stock",
            Self::UpdatedAt => "updated_at",
            Self::CostPrice => "cost_price",
            Self::Supplier => "supplier",
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Price | Self::CostPrice | Self::Stock)
    }
}

/// Why something is not a product: which field, and what it may hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {why}")]
pub struct BadProduct {
    /// The field's name.
    pub field: String,
    /// What is wrong, to be read after the field's name.
    pub why: String,
}

impl BadProduct {
    /// `field` with what is wrong about it.
    pub fn new(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self { field: field.into(), why: why.into() }
    }
}

/// Fields as texts, as they were said and before anybody has checked them.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The fields that were said. Space around a text does not count, and an empty one is as if unsaid.
    pub fields: BTreeMap<Field, String>,
    /// The attributes by name.
    pub attributes: BTreeMap<String, String>,
}

/// A product as it was said, with every rule kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The product, its `updated_at` standing at [`Timestamp::UNIX_EPOCH`] unless said.
    product: Product,
    /// Whether `updated_at` was said.
    dated: bool,
}

/// What tells two states of a product apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// The digest of the whole product: its version, also as an ETag.
    pub digest: Digest,
    /// The digest of the product without `updated_at`.
    pub facts: Digest,
}

/// What saying a product's facts does to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The store did not have it.
    Created,
    /// The store had other facts.
    Updated,
    /// The store has it as said.
    Unchanged,
}

impl Draft {
    /// Reads the body of a request for one product: JSON's own types, and no field that is not known.
    ///
    /// # Errors
    ///
    /// [`BadProduct`].
    pub fn from_body(body: Map<String, Value>) -> Result<Self, BadProduct> {
        let mut draft = Self::default();
        for (name, value) in body {
            let field = Field::ALL.into_iter().find(|field| field.name() == name);
            match (field, value) {
                // An older client's name for the acting person, held to the token where the body was read.
                (None, _) if name == "user_id" || name == "userId" => {}
                (_, Value::Null) => {}
                (None, Value::Object(attributes)) if name == "attributes" => {
                    for (attribute, value) in attributes {
                        let Value::String(text) = value else {
                            return Err(BadProduct::new(format!("attributes.{attribute}"), "is a text"));
                        };
                        draft.attributes.insert(attribute, text);
                    }
                }
                (None, _) if name == "attributes" => return Err(BadProduct::new(name, "is an object of texts")),
                (None, _) => {
                    let name: String = name.chars().take(MAX_LABEL_CHARS).collect();
                    return Err(BadProduct::new(
                        format!("{name:?}"),
                        "is no field of a product; attributes take any name",
                    ));
                }
                (Some(field), Value::Number(number)) if field.is_number() => {
                    draft.fields.insert(field, number.to_string());
                }
                (Some(field), Value::String(text)) if !field.is_number() => {
                    draft.fields.insert(field, text);
                }
                (Some(field), _) => {
                    let kind = if field.is_number() { "is a number" } else { "is a text" };
                    return Err(BadProduct::new(name, kind));
                }
            }
        }
        Ok(draft)
    }

    /// Checks every rule.
    ///
    /// # Errors
    ///
    /// [`BadProduct`] with the first field that breaks one.
    pub fn check(mut self) -> Result<Facts, BadProduct> {
        let id = self.text(Field::ProductId).ok_or_else(|| missing(Field::ProductId))?;
        let product_id: ProductId =
            id.parse().map_err(|why: shared::ids::BadName| bad(Field::ProductId, format!("is wrong: {why}")))?;
        let price = self.text(Field::Price).ok_or_else(|| missing(Field::Price))?;
        let stated = self.text(Field::UpdatedAt).map(|text| moment(&text)).transpose()?;
        let product = Product {
            product_id,
            name: self.label(Field::Name)?.ok_or_else(|| missing(Field::Name))?,
            brand: self.label(Field::Brand)?,
            description: self.description()?,
            category: self.label(Field::Category)?,
            department: self.label(Field::Department)?,
            aisle: self.label(Field::Aisle)?,
            bay: self.label(Field::Bay)?,
            price: money(Field::Price, &price)?,
            stock: self.text(Field::Stock).map(|text| stock(&text)).transpose()?,
            attributes: self.attributes()?,
            updated_at: stated.unwrap_or(Timestamp::UNIX_EPOCH),
            internal: Internal {
                cost_price: self.text(Field::CostPrice).map(|text| money(Field::CostPrice, &text)).transpose()?,
                supplier: self.label(Field::Supplier)?,
            },
        };
        let bytes = canonical(&product).len();
        if bytes > MAX_PRODUCT_BYTES {
            let why = format!("takes {bytes} bytes in all its fields; at most {MAX_PRODUCT_BYTES} fit");
            return Err(BadProduct::new("the product", why));
        }
        Ok(Facts { product, dated: stated.is_some() })
    }

    fn text(&mut self, field: Field) -> Option<String> {
        let text = self.fields.remove(&field)?;
        let trimmed = text.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }

    fn label(&mut self, field: Field) -> Result<Option<String>, BadProduct> {
        let Some(text) = self.text(field) else { return Ok(None) };
        within(field.name(), &text, MAX_LABEL_CHARS)?;
        plain(field.name(), &text, |_| false)?;
        Ok(Some(text))
    }

    fn description(&mut self) -> Result<Option<String>, BadProduct> {
        let Some(text) = self.text(Field::Description) else { return Ok(None) };
        within("description", &text, MAX_DESCRIPTION_CHARS)?;
        plain("description", &text, |c| matches!(c, '\n' | '\r' | '\t'))?;
        Ok(Some(text))
    }

    fn attributes(&mut self) -> Result<BTreeMap<String, String>, BadProduct> {
        let mut kept = BTreeMap::new();
        for (name, value) in std::mem::take(&mut self.attributes) {
            let (name, value) = (name.trim(), value.trim());
            if value.is_empty() {
                continue;
            }
            if name.is_empty() {
                return Err(BadProduct::new("attributes", "holds a value without a name"));
            }
            within("the name of an attribute", name, MAX_LABEL_CHARS)?;
            plain("the name of an attribute", name, |_| false)?;
            let told = format!("attributes.{name}");
            within(&told, value, MAX_DESCRIPTION_CHARS)?;
            plain(&told, value, |_| false)?;
            kept.insert(name.to_owned(), value.to_owned());
        }
        if kept.len() > MAX_ATTRIBUTES {
            return Err(BadProduct::new(
                "attributes",
                format!("holds {} names; at most {MAX_ATTRIBUTES} fit", kept.len()),
            ));
        }
        Ok(kept)
    }
}

impl Facts {
    /// The product's id.
    pub fn id(&self) -> &ProductId {
        &self.product.product_id
    }

    /// What saying these facts at `now` does where the store holds `old`, and the product that then stands.
    ///
    /// A product without a date is dated `now` when it changes; saying the same facts without a date again changes nothing.
    pub fn against(mut self, old: Option<&Marks>, now: Timestamp) -> (Effect, Product, Marks) {
        if !self.dated {
            self.product.updated_at = now;
        }
        let new = Marks::of(&self.product);
        let same = |old: &Marks| if self.dated { old.digest == new.digest } else { old.facts == new.facts };
        let effect = match old {
            None => Effect::Created,
            Some(old) if same(old) => Effect::Unchanged,
            Some(_) => Effect::Updated,
        };
        (effect, self.product, new)
    }
}

impl Marks {
    /// The marks of `product`.
    pub fn of(product: &Product) -> Self {
        let undated = Product { updated_at: Timestamp::UNIX_EPOCH, ..product.clone() };
        Self { digest: Digest::of(&canonical(product)), facts: Digest::of(&canonical(&undated)) }
    }
}

/// The product as JSON with its members in one order.
fn canonical(product: &Product) -> Vec<u8> {
    serde_json::to_vec(product).expect("a product has text keys and finite numbers")
}

fn bad(field: Field, why: impl Into<String>) -> BadProduct {
    BadProduct::new(field.name(), why)
}

fn missing(field: Field) -> BadProduct {
    bad(field, "is missing")
}

fn within(field: &str, text: &str, max: usize) -> Result<(), BadProduct> {
    match text.chars().count() {
        length if length > max => Err(BadProduct::new(field, format!("has {length} characters; at most {max} fit"))),
        _ => Ok(()),
    }
}

fn plain(field: &str, text: &str, allowed: impl Fn(char) -> bool) -> Result<(), BadProduct> {
    match text.chars().find(|&c| c.is_control() && !allowed(c)) {
        Some(c) => Err(BadProduct::new(field, format!("holds the control character U+{:04X}", u32::from(c)))),
        None => Ok(()),
    }
}

fn money(field: Field, text: &str) -> Result<Money, BadProduct> {
    text.parse().map_err(|why: shared::catalog::product::NotMoney| bad(field, format!("is wrong: {why}")))
}

/// A count as programs write it, also as `12.0`.
fn stock(text: &str) -> Result<u32, BadProduct> {
    let whole =
        text.split_once('.').filter(|(_, rest)| rest.bytes().all(|b| b == b'0')).map_or(text, |(whole, _)| whole);
    let digits = !whole.is_empty() && whole.bytes().all(|b| b.is_ascii_digit());
    let count = digits.then(|| whole.parse().ok()).flatten();
    count.ok_or_else(|| bad(Field::Stock, "is a whole number from 0 to 4294967295"))
}

/// An RFC 3339 time, or a day, which begins at midnight UTC.
fn moment(text: &str) -> Result<Timestamp, BadProduct> {
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let moment = text.parse().ok().or_else(day);
    moment.ok_or_else(|| bad(Field::UpdatedAt, "is a time such as 2026-03-01T09:00:00Z or a day such as 2026-03-01"))
}

#[cfg(test)]
mod tests;
