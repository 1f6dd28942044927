//! What the tools have shown in this request: the only things that an answer may cite, and the numbers that it may name.

use super::numbers::Numbers;
use crate::answer::{Candidate, Citation, text::clean};
use std::collections::BTreeMap;

/// The longest title of a citation, in characters.
const MAX_TITLE_CHARS: usize = 120;

/// A text of the catalog as a model sees it: cleaned, cut to `max` characters, and without the brackets that mark citations.
pub(super) fn shown(text: &str, max: usize) -> String {
    clean(text, max).replace('[', "(").replace(']', ")")
}

/// A thing that a tool has shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Item {
    title: String,
    similarity: f32,
    /// Whether it answers what was looked for, and is not merely the nearest to it.
    pub(super) fits: bool,
    /// The amounts that it has: what customers pay, and for staff what the store pays.
    pub(super) money: Numbers,
    /// Where it stands.
    pub(super) places: Numbers,
    /// How many of it there are.
    pub(super) stock: Numbers,
    /// Every number of it.
    pub(super) numbers: Numbers,
}

/// Everything that the tools have shown, by the id that cites it.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown(BTreeMap<String, Item>);

impl Shown {
    /// Notes a product; `price` is its price as the model reads it.
    pub(super) fn product(&mut self, product: &Candidate, price: &str, fits: bool) -> &mut Item {
        let item = self.0.entry(product.id.to_string()).or_default();
        item.title = clean(&product.name, MAX_TITLE_CHARS);
        item.similarity = item.similarity.max(product.probability);
        item.fits |= fits;
        item.add_money(price);
        item.add_money(&product.price.to_string());
        for place in [&product.aisle, &product.bay, &product.department].into_iter().flatten() {
            item.places.add_words(place);
        }
        let places = item.places.clone();
        item.numbers.extend(&places);
        let attributes = product.attributes.iter().flat_map(|(key, value)| [key, value]);
        let texts = [&product.brand, &product.category].into_iter().flatten().chain([&product.name]).chain(attributes);
        texts.for_each(|text| item.numbers.add(text));
        if let Some(stock) = product.stock {
            item.stock.add(&stock.to_string());
            item.numbers.add(&stock.to_string());
        }
        item
    }

    /// Notes the store itself, under `id`.
    pub(super) fn store(&mut self, id: &str, name: &str) -> &mut Item {
        let item = self.0.entry(id.to_owned()).or_default();
        (item.title, item.similarity, item.fits) = (clean(name, MAX_TITLE_CHARS), 1.0, true);
        item.numbers.add(name);
        item
    }

    /// What was shown under an id.
    pub(super) fn get(&self, id: &str) -> Option<&Item> {
        self.0.get(id)
    }

    /// The citation of a thing that was shown.
    pub(super) fn cite(&self, id: &str) -> Option<Citation> {
        self.get(id).map(|item| Citation { id: id.to_owned(), title: item.title.clone(), similarity: item.similarity })
    }
}

impl Item {
    /// Notes an amount, as it is written.
    pub(super) fn add_money(&mut self, amount: &str) {
        self.money.add(amount);
        self.numbers.add(amount);
    }
}
