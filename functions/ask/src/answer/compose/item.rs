//! How a product stands in a sentence.

use crate::answer::{
    facts::{Candidate, Facts},
    phrases::{Phrases, fill},
    text::{clean, folded_words},
    tools::{Location, get_product_location},
};

/// The longest name in a sentence, in characters.
const MAX_NAME_CHARS: usize = 120;
/// The longest aisle, bay or department, in characters.
const MAX_PLACE_CHARS: usize = 60;

/// Which facts stand behind a name.
#[derive(Clone, Copy, Default)]
pub(super) struct Details {
    pub(super) price: bool,
    pub(super) place: bool,
    pub(super) stock: bool,
}

impl Details {
    pub(super) const ALL: Self = Self { price: true, place: true, stock: true };
    pub(super) const PRICE_AND_PLACE: Self = Self { price: true, place: true, stock: false };
}

/// Writes products in one language and one currency.
pub(super) struct Writer<'a> {
    pub(super) facts: &'a Facts<'a>,
    pub(super) phrases: &'static Phrases,
}

impl Writer<'_> {
    /// The name, with the brand where the name does not say it.
    pub(super) fn name(&self, product: &Candidate) -> String {
        let name = clean(&product.name, MAX_NAME_CHARS);
        let Some(brand) = product.brand.as_deref() else { return name };
        let in_name = folded_words(&product.name);
        if folded_words(brand).iter().all(|word| in_name.contains(word)) {
            name
        } else {
            format!("{name} ({})", clean(brand, MAX_PLACE_CHARS))
        }
    }

    pub(super) fn price(&self, product: &Candidate) -> String {
        self.facts.store.currency.format(product.price, self.facts.locale)
    }

    /// How many there are, where the store counts them.
    pub(super) fn stock(&self, product: &Candidate) -> Option<String> {
        product.stock.map(|stock| match stock {
            0 => self.phrases.out_of_stock.to_owned(),
            n => (self.phrases.in_stock)(n),
        })
    }

    /// The name with facts in brackets: `Oat Drink ($2.49, aisle 7, 12 in stock)`.
    pub(super) fn item(&self, product: &Candidate, details: Details) -> String {
        let mut parts = Vec::with_capacity(3);
        if details.price {
            parts.push(self.price(product));
        }
        if details.place
            && let Ok(location) = get_product_location(self.facts.may, product)
        {
            parts.extend(self.place(&location));
        }
        if details.stock {
            parts.extend(self.stock(product));
        }
        let name = self.name(product);
        // Brackets follow brackets badly: "Oat Drink (Oatly; $2.49)".
        match name.strip_suffix(')') {
            _ if parts.is_empty() => name,
            Some(open) if product.brand.is_some() && name.len() > product.name.len() => {
                format!("{open}, {})", parts.join(self.phrases.comma))
            }
            _ => format!("{name} ({})", parts.join(self.phrases.comma)),
        }
    }

    /// Several of them: `A, B and C`, with "among others" where there are more.
    pub(super) fn items(&self, products: &[&Candidate], details: Details, most: usize) -> String {
        let items: Vec<_> = products.iter().take(most).map(|product| self.item(product, details)).collect();
        if products.len() > most {
            return fill(self.phrases.among_others, &[("list", &items.join(self.phrases.comma))]);
        }
        self.phrases.list(&items)
    }

    /// `aisle 7, bay 3`, or the department, or nothing where the staff did not say.
    pub(super) fn place(&self, location: &Location<'_>) -> Option<String> {
        let department = location.department.map(|name| clean(name, MAX_PLACE_CHARS)).filter(|name| !name.is_empty());
        match self.aisle(location) {
            Some(aisle) => Some(self.with_bay(aisle, location)),
            None => department.map(|name| fill(self.phrases.department, &[("department", &name)])),
        }
    }

    /// `in aisle 7, bay 3`, to stand in a sentence.
    pub(super) fn within(&self, location: &Location<'_>) -> Option<String> {
        let department = location.department.map(|name| clean(name, MAX_PLACE_CHARS)).filter(|name| !name.is_empty());
        match self.aisle(location) {
            Some(aisle) => Some(fill(self.phrases.in_aisle, &[("aisle", &self.with_bay(aisle, location))])),
            None => department.map(|name| fill(self.phrases.in_department, &[("department", &name)])),
        }
    }

    fn aisle(&self, location: &Location<'_>) -> Option<String> {
        let name = location.aisle.map(|name| clean(name, MAX_PLACE_CHARS)).filter(|name| !name.is_empty())?;
        let says_so = folded_words(&name).first().is_some_and(|word| self.phrases.aisle_words.contains(&word.as_str()));
        Some(if says_so { name } else { fill(self.phrases.aisle, &[("aisle", &name)]) })
    }

    fn with_bay(&self, aisle: String, location: &Location<'_>) -> String {
        let bay = location.bay.map(|name| clean(name, MAX_PLACE_CHARS)).filter(|name| !name.is_empty());
        match bay {
            Some(bay) => format!("{aisle}{}{}", self.phrases.comma, fill(self.phrases.bay, &[("bay", &bay)])),
            None => aisle,
        }
    }
}
