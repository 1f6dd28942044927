//! What an answer is made from, and what it is: plain values between the tables, the search and the words.

use super::tools::{Staff, Tool};
use jiff::Timestamp;
use serde::Serialize;
use shared::{
    catalog::{Money, Product, Store},
    ids::ProductId,
    locale::Locale,
};
use std::collections::BTreeMap;

/// A product that the search found, with its facts of this minute. It has no place for what only staff may see.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// Unique within the store.
    pub id: ProductId,
    /// What it is called on the shelf.
    pub name: String,
    /// Who makes it.
    pub brand: Option<String>,
    /// Its kind.
    pub category: Option<String>,
    /// Its part of the store.
    pub department: Option<String>,
    /// Where it stands.
    pub aisle: Option<String>,
    /// Where in the aisle.
    pub bay: Option<String>,
    /// What a customer pays, in the store's currency.
    pub price: Money,
    /// How many there are; absent where the store does not count them.
    pub stock: Option<u32>,
    /// Anything else that a shopper may ask for: `size: 1 l`.
    pub attributes: BTreeMap<String, String>,
    /// The calibrated probability that it is what was asked for, 0 to 1.
    pub probability: f32,
}

impl Candidate {
    /// A product as an answer may use it, found with `probability`; its internal fields stay behind.
    pub fn new(product: Product, probability: f32) -> Self {
        let Product { product_id: id, name, brand, category, department, aisle, bay, price, stock, attributes, .. } =
            product;
        Self { id, name, brand, category, department, aisle, bay, price, stock, attributes, probability }
    }

    /// Whether it is known to be out of stock; what the store does not count is taken to be there.
    pub fn is_out(&self) -> bool {
        self.stock == Some(0)
    }
}

/// Everything that an answer may be made from.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// What the search found above the threshold, best first.
    pub hits: &'a [Candidate],
    /// The nearest of what it found below, best first: named when the store does not carry the thing.
    pub near: &'a [Candidate],
    /// Whether products could be looked up; without that, none being found says nothing of the store.
    pub recalled: bool,
    /// The store that is asked.
    pub store: &'a Store,
    /// When it is asked.
    pub now: Timestamp,
    /// The language of the answer.
    pub locale: Locale,
    /// The category that a follow-up stands in: "the cheapest one?" within `oat milk`.
    pub category: Option<&'a str>,
    /// The limits on the price, where the search parsed some; else those of the question hold.
    pub limits: Limits,
    /// What only staff may see: exists only for those who may.
    pub staff: Option<&'a Staff>,
    /// Which tools the caller may use.
    pub may: &'a dyn Fn(Tool) -> bool,
}

/// The prices that were asked for, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// At least this.
    pub min: Option<Money>,
    /// At most this.
    pub max: Option<Money>,
}

impl Limits {
    /// Whether a price keeps them.
    pub fn allow(&self, price: Money) -> bool {
        self.min.is_none_or(|min| price >= min) && self.max.is_none_or(|max| price <= max)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An answer with its sources.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Answer {
    /// What the caller reads: plain text of a few sentences.
    pub text: String,
    /// Whether it answers the question; `false` also where the store does not carry the thing.
    pub found: bool,
    /// Every product and store of which the text states a fact, in the order of the text.
    pub citations: Vec<Citation>,
    /// The tools that ran, each once, in order.
    pub tools_used: Vec<Tool>,
    /// The tool that the question needs and the caller may not use; it did not run.
    pub denied: Option<Tool>,
}

/// Where a fact comes from.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Citation {
    /// A product's id; for opening hours `store:` and the store's id.
    pub id: String,
    /// The product's or store's name.
    pub title: String,
    /// The probability with which the search found it; 1 for the store that was asked.
    pub similarity: f32,
}
