//! Composes an answer: facts in, sentences out.

mod compare;
mod item;
mod select;

use super::{
    facts::{Answer, Candidate, Citation, Facts, Limits},
    hours,
    intent::{Intent, Want},
    phrases::{Phrases, fill},
    text::{capitalised, clean, folded_words},
    tools::{Denied, Tool, get_cost_price, get_product_location},
};
use item::{Details, Writer};

/// The longest echo of what was asked for, in characters.
const MAX_ECHO_CHARS: usize = 60;
/// The most other products that are named beside the one answered about.
const MAX_OTHERS: usize = 3;
/// The most products in a list that was asked for.
const MAX_LISTED: usize = 5;
/// The most near misses that are named.
const MAX_NEAR: usize = 3;
/// The most attributes of a product that are told.
const MAX_ATTRIBUTES: usize = 2;

/// Answers a question from facts alone.
///
/// Every product that the text names is cited, and so is the store where it tells its hours; nothing else is. The
/// text is plain: it repeats no more of the question than up to 60 characters of the thing's name, cleaned.
pub fn compose(intent: &Intent, facts: &Facts<'_>) -> Answer {
    let category = facts.category.filter(|_| intent.subject.is_empty() || intent.refers_back).unwrap_or_default();
    let subject = match (intent.subject.as_str(), category) {
        ("", category) => category.to_owned(),
        (subject, "") => subject.to_owned(),
        (subject, category) => format!("{subject} {category}"),
    };
    let writer = Writer { facts, phrases: Phrases::of(facts.locale) };
    let limits = if facts.limits.is_empty() { intent.limits } else { facts.limits };
    let mut composer =
        Composer { intent, facts, writer, subject, limits, sentences: Vec::new(), answer: Answer::default() };
    composer.run();
    composer.finish()
}

pub(super) struct Composer<'a> {
    intent: &'a Intent,
    facts: &'a Facts<'a>,
    writer: Writer<'a>,
    /// The words of the thing, with the category that the question stands in.
    subject: String,
    limits: Limits,
    sentences: Vec<String>,
    answer: Answer,
}

impl<'a> Composer<'a> {
    fn run(&mut self) {
        if let Some(question) = &self.intent.hours {
            let alone = self.intent.wants == [Want::Hours];
            match hours::tell(question, &self.intent.subject, alone, self.facts) {
                Ok(sentences) => {
                    self.sentences.extend(sentences);
                    self.used(Tool::CheckStoreHours);
                    self.cite_store();
                    self.answer.found = true;
                }
                Err(denied) => self.deny(denied),
            }
            if alone || self.subject.is_empty() {
                return;
            }
        }
        if self.intent.wants(Want::Aisle) {
            return self.aisle();
        }
        let things = self.intent.wants.iter().any(|want| matches!(want, Want::Cost | Want::Supplier));
        if things && !(self.facts.may)(Tool::GetCostPrice) {
            return self.deny(Denied(Tool::GetCostPrice));
        }
        self.thing();
    }

    /// Answers about a product.
    fn thing(&mut self) {
        if self.subject.is_empty() && (self.facts.hits.is_empty() || self.intent.wants == [Want::General]) {
            return self.say(self.writer.phrases.which_product, &[]);
        }
        if !self.facts.recalled {
            return self.say(self.writer.phrases.cannot_look_up, &[]);
        }
        let selection = select::select(self.facts, &self.subject);
        if selection.picked.is_empty() {
            return self.not_carried();
        }
        let within: Vec<_> = selection.picked.iter().copied().filter(|hit| self.limits.allow(hit.price)).collect();
        if within.is_empty() {
            return self.outside_the_price(&selection.picked);
        }
        self.answer.found = true;
        if !selection.sure {
            let (subject, name) = (self.quoted(), self.writer.name(within[0]));
            self.say(self.writer.phrases.closest, &[("subject", &subject), ("name", &name)]);
            self.cite(within[0]);
        }
        let intent = self.intent;
        let compared = self.compare(&within);
        if compared.is_none()
            && !intent.wants.iter().all(|want| matches!(want, Want::Cost | Want::Supplier | Want::Hours))
        {
            self.one(&within, selection.sure);
        }
        for want in &intent.wants {
            if matches!(want, Want::Cost | Want::Supplier) {
                self.for_staff(*want, compared.unwrap_or(within[0]));
            }
        }
    }

    /// Answers about the best product that is there, then names its like.
    fn one(&mut self, picked: &[&'a Candidate], sure: bool) {
        let phrases = self.writer.phrases;
        let target = picked.iter().copied().find(|hit| !hit.is_out()).unwrap_or(picked[0]);
        let name = self.writer.name(target);
        let (place, price) = (self.intent.wants(Want::Where), self.intent.wants(Want::Price));
        let have = !place && !price;
        self.cite(target);
        if have {
            self.having(target, &name, sure);
        }
        let mut named = have;
        for want in &self.intent.wants {
            match want {
                Want::Where => named = self.place_of(target, &name, named),
                Want::Price => {
                    let price = self.writer.price(target);
                    let sentence = if named { phrases.it_costs } else { phrases.costs };
                    self.say(sentence, &[("name", &name), ("price", &price)]);
                    named = true;
                }
                Want::Stock if !have && !target.is_out() => {
                    self.stock_of(target, &name);
                    named = true;
                }
                _ => {}
            }
        }
        if target.is_out() && !have {
            self.say(phrases.it_is_out, &[]);
        }
        self.attributes(target);
        self.others(picked, target, !price || place);
    }

    /// Says that the store has a product, with all that there is to say of it, or that it is out of stock.
    fn having(&mut self, target: &Candidate, name: &str, sure: bool) {
        let phrases = self.writer.phrases;
        if target.is_out() {
            return self.say(phrases.carried_but_out, &[("name", name)]);
        }
        let item = self.writer.item(target, Details::ALL);
        let asked = self.intent.wants(Want::Stock);
        let sentence = match (asked && sure, target.stock.is_some()) {
            (true, true) => phrases.yes_we_have,
            (true, false) => phrases.yes_we_carry,
            (false, true) => phrases.we_have,
            (false, false) => phrases.we_carry,
        };
        self.say(sentence, &[("item", &item)]);
        self.used_location(target);
        if asked && target.stock.is_none() {
            self.say(phrases.stock_unknown, &[("name", name)]);
        }
    }

    /// Says how many there are, or that nobody counts.
    pub(super) fn stock_of(&mut self, target: &Candidate, name: &str) {
        let phrases = self.writer.phrases;
        match self.writer.stock(target) {
            Some(stock) => self.say(phrases.stock_of, &[("name", name), ("stock", &stock)]),
            None => self.say(phrases.stock_unknown, &[("name", name)]),
        }
    }

    /// Says where a product stands; whether it has been named.
    fn place_of(&mut self, target: &Candidate, name: &str, named: bool) -> bool {
        let phrases = self.writer.phrases;
        let location = match get_product_location(self.facts.may, target) {
            Ok(location) => location,
            Err(denied) => {
                self.deny(denied);
                return named;
            }
        };
        self.used(Tool::GetProductLocation);
        match (self.writer.within(&location), named) {
            (Some(place), false) => self.say(phrases.is_at, &[("name", name), ("place", &place)]),
            (Some(_), true) => {
                self.say(phrases.it_is_at, &[("place", &self.writer.place(&location).unwrap_or_default())])
            }
            (None, false) => self.say(phrases.no_place, &[("name", name)]),
            (None, true) => self.say(phrases.it_has_no_place, &[]),
        }
        true
    }

    /// Names the like of the product answered about: those in stock, then those that are not; where nothing of it
    /// is in stock, the nearest thing that is.
    fn others(&mut self, picked: &[&'a Candidate], target: &'a Candidate, place: bool) {
        let phrases = self.writer.phrases;
        let rest: Vec<_> = picked.iter().copied().filter(|hit| !std::ptr::eq(*hit, target)).collect();
        let (there, out): (Vec<_>, Vec<_>) = rest.into_iter().partition(|hit| !hit.is_out());
        let details = Details { price: true, place, stock: false };
        if !there.is_empty() {
            let list = self.named(&there, details, MAX_OTHERS);
            self.say(phrases.we_also_have, &[("list", &list)]);
        }
        if !out.is_empty() {
            let list = self.named(&out, Details::default(), MAX_OTHERS);
            self.say(phrases.out_too, &[("list", &list)]);
        }
        if target.is_out() {
            let like = |hit: &&Candidate| {
                let kind = |hit: &Candidate| hit.category.as_deref().map(folded_words);
                !hit.is_out() && hit.category.is_some() && kind(hit) == kind(target) && self.limits.allow(hit.price)
            };
            let facts = self.facts;
            if let Some(instead) = facts.hits.iter().chain(facts.near).find(like) {
                let list = self.named(&[instead], Details::PRICE_AND_PLACE, 1);
                self.say(phrases.instead, &[("list", &list)]);
            }
        }
    }

    /// Tells the attributes whose words were asked for and are not in the name: "is it gluten free?".
    fn attributes(&mut self, target: &Candidate) {
        let name = folded_words(&self.writer.name(target));
        let mut left = select::telling_words(&self.subject);
        left.retain(|word| !name.iter().any(|own| select::alike(own, word)));
        if left.is_empty() {
            return;
        }
        let mentions = |text: &str| {
            let words = folded_words(text);
            !words.is_empty() && words.iter().all(|word| left.iter().any(|asked| select::alike(asked, word)))
        };
        let told: Vec<_> = target.attributes.iter().filter(|(key, value)| mentions(key) || mentions(value)).collect();
        for (key, value) in told.into_iter().take(MAX_ATTRIBUTES) {
            let (key, value) = (capitalised(&clean(key, MAX_ECHO_CHARS)), clean(value, 2 * MAX_ECHO_CHARS));
            self.say(self.writer.phrases.attribute, &[("key", &key), ("value", &value)]);
        }
    }

    /// Says that the store does not have the thing, and what comes nearest.
    fn not_carried(&mut self) {
        let phrases = self.writer.phrases;
        let subject = self.quoted();
        self.say(phrases.not_carried, &[("subject", &subject)]);
        let near: Vec<_> = self.facts.near.iter().filter(|hit| self.limits.allow(hit.price)).take(MAX_NEAR).collect();
        if near.is_empty() {
            return self.say(phrases.ask_staff, &[]);
        }
        let list = self.named(&near, Details::PRICE_AND_PLACE, MAX_NEAR);
        self.say(phrases.nearest, &[("list", &list)]);
    }

    fn outside_the_price(&mut self, picked: &[&'a Candidate]) {
        self.say(self.writer.phrases.not_at_that_price, &[]);
        let too_dear = |hit: &&&Candidate| self.limits.max.is_some_and(|max| hit.price > max);
        let nearest = picked.iter().filter(too_dear).min_by_key(|hit| hit.price);
        if let Some(nearest) = nearest.or_else(|| picked.iter().max_by_key(|hit| hit.price)) {
            let item = self.named(&[nearest], Details::PRICE_AND_PLACE, 1);
            self.say(self.writer.phrases.nearest_price, &[("item", &item)]);
        }
    }

    /// What the store pays, or to whom, for those who may know.
    fn for_staff(&mut self, want: Want, target: &'a Candidate) {
        let phrases = self.writer.phrases;
        let cost = match get_cost_price(self.facts.may, self.facts.staff, &target.id) {
            Ok(cost) => cost,
            Err(denied) => return self.deny(denied),
        };
        self.used(Tool::GetCostPrice);
        self.cite(target);
        let name = self.writer.name(target);
        match (want, cost.cost_price, cost.supplier) {
            (Want::Cost, Some(price), _) => {
                let price = self.facts.store.currency.format(price, self.facts.locale);
                self.say(phrases.we_pay, &[("price", &price), ("name", &name)]);
            }
            (Want::Cost, None, _) => self.say(phrases.no_cost, &[("name", &name)]),
            (_, _, Some(supplier)) => {
                let supplier = clean(supplier, 2 * MAX_ECHO_CHARS);
                self.say(phrases.supplier, &[("name", &name), ("supplier", &supplier)]);
            }
            _ => self.say(phrases.no_supplier, &[("name", &name)]),
        }
    }

    /// Names products in a sentence, and cites them.
    fn named(&mut self, products: &[&Candidate], details: Details, most: usize) -> String {
        for product in products.iter().take(most) {
            self.cite(product);
            if details.place {
                self.used_location(product);
            }
        }
        self.writer.items(products, details, most)
    }

    fn say(&mut self, sentence: &str, facts: &[(&str, &str)]) {
        self.sentences.push(capitalised(&fill(sentence, facts)));
    }

    fn deny(&mut self, Denied(tool): Denied) {
        let phrases = self.writer.phrases;
        self.say(if tool == Tool::GetCostPrice { phrases.staff_only } else { phrases.not_allowed }, &[]);
        self.answer.found = false;
        self.answer.denied = Some(tool);
    }

    fn used(&mut self, tool: Tool) {
        if !self.answer.tools_used.contains(&tool) {
            self.answer.tools_used.push(tool);
        }
    }

    /// Notes that a place was told, where it was.
    fn used_location(&mut self, product: &Candidate) {
        if get_product_location(self.facts.may, product).is_ok_and(|location| self.writer.place(&location).is_some()) {
            self.used(Tool::GetProductLocation);
        }
    }

    fn cite(&mut self, product: &Candidate) {
        if self.answer.citations.iter().all(|citation| citation.id != product.id.as_str()) {
            let (id, title) = (product.id.to_string(), clean(&product.name, 2 * MAX_ECHO_CHARS));
            self.answer.citations.push(Citation { id, title, similarity: product.probability });
        }
    }

    fn cite_store(&mut self) {
        let (id, title) =
            (format!("store:{}", self.facts.store.store_id), clean(&self.facts.store.name, 2 * MAX_ECHO_CHARS));
        self.answer.citations.push(Citation { id, title, similarity: 1.0 });
    }

    fn quoted(&self) -> String {
        fill(self.writer.phrases.quoted, &[("text", &clean(&self.subject, MAX_ECHO_CHARS))])
    }

    fn finish(mut self) -> Answer {
        self.answer.text = self.sentences.join(" ");
        self.answer
    }
}
