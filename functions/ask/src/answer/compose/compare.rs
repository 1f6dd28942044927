//! Answers that compare products: the cheapest, the brands, how many, what an aisle has.

use super::{Composer, MAX_ECHO_CHARS, MAX_LISTED, MAX_OTHERS, item::Details};
use crate::answer::{
    facts::Candidate,
    intent::Want,
    text::{clean, folded_words},
    tools::{Location, Tool, get_product_location},
};

impl<'a> Composer<'a> {
    /// Answers what compares; the product it came down to, where there was such a question.
    pub(super) fn compare(&mut self, picked: &[&'a Candidate]) -> Option<&'a Candidate> {
        let mut target = None;
        for want in &self.intent.wants {
            target = match want {
                Want::Cheapest | Want::Dearest => Some(self.extreme(picked, *want)),
                Want::Brands => Some(self.brands(picked)),
                Want::Count => Some(self.count(picked)),
                _ => target,
            };
        }
        target
    }

    /// The cheapest or dearest that is in stock; what would be more so but is not in stock.
    fn extreme(&mut self, picked: &[&'a Candidate], want: Want) -> &'a Candidate {
        let phrases = self.writer.phrases;
        let (sentence, but_out) = match want {
            Want::Dearest => (phrases.dearest, phrases.dearer_but_out),
            _ => (phrases.cheapest, phrases.cheaper_but_out),
        };
        let of = |hits: &mut dyn Iterator<Item = &'a Candidate>| match want {
            // The first of equals, in the order of the search.
            Want::Dearest => hits.min_by_key(|hit| std::cmp::Reverse(hit.price)),
            _ => hits.min_by_key(|hit| hit.price),
        };
        let most = of(&mut picked.iter().copied()).unwrap_or(picked[0]);
        let there = of(&mut picked.iter().copied().filter(|hit| !hit.is_out())).unwrap_or(most);
        let item = self.named(&[there], Details::ALL, 1);
        self.say(sentence, &[("item", &item)]);
        if most.price != there.price {
            let item = self.named(&[most], Details { price: true, ..Details::default() }, 1);
            self.say(but_out, &[("item", &item)]);
        }
        there
    }

    /// The brands, each with the first product that has it as its source.
    fn brands(&mut self, picked: &[&'a Candidate]) -> &'a Candidate {
        let phrases = self.writer.phrases;
        let mut brands: Vec<(&str, &Candidate)> = Vec::new();
        for hit in picked {
            let Some(brand) = hit.brand.as_deref() else { continue };
            if brands.iter().all(|(known, _)| folded_words(known) != folded_words(brand)) {
                brands.push((brand, hit));
            }
        }
        for (_, source) in &brands {
            self.cite(source);
        }
        let names: Vec<_> = brands.iter().map(|(brand, _)| clean(brand, MAX_ECHO_CHARS)).collect();
        let list = phrases.list(&names);
        match names.len() {
            0 => {
                let name = self.writer.name(picked[0]);
                self.cite(picked[0]);
                self.say(phrases.no_brand, &[("name", &name)]);
            }
            1 => self.say(phrases.one_brand, &[("list", &list)]),
            n => self.say(phrases.brands, &[("n", &n.to_string()), ("list", &list)]),
        }
        picked[0]
    }

    /// How many kinds there are, and how many of each.
    fn count(&mut self, picked: &[&'a Candidate]) -> &'a Candidate {
        let phrases = self.writer.phrases;
        let stock = Details { stock: true, ..Details::default() };
        match picked {
            [one] => {
                let name = self.writer.name(one);
                self.cite(one);
                self.stock_of(one, &name);
            }
            _ => {
                let list = self.named(picked, stock, MAX_LISTED);
                self.say(phrases.kinds, &[("n", &picked.len().to_string()), ("list", &list)]);
            }
        }
        picked[0]
    }

    /// What an aisle has, as far as it was found.
    pub(super) fn aisle(&mut self) {
        let (phrases, facts) = (self.writer.phrases, self.facts);
        let asked = self.intent.aisle.as_deref().unwrap_or_default();
        let stands_there = |hit: &&Candidate| {
            let name = hit.aisle.as_deref().unwrap_or_default();
            folded_words(name).last().is_some_and(|word| word.eq_ignore_ascii_case(asked))
        };
        let there: Vec<_> = facts.hits.iter().chain(facts.near).filter(stands_there).collect();
        let Some(first) = there.first() else { return self.say(phrases.nothing_in_aisle, &[]) };
        let location = match get_product_location(facts.may, first) {
            Ok(location) => location,
            Err(denied) => return self.deny(denied),
        };
        self.used(Tool::GetProductLocation);
        let aisle_only = Location { bay: None, ..location };
        let place = self.writer.within(&aisle_only).unwrap_or_default();
        let list = self.named(&there, Details { price: true, ..Details::default() }, MAX_LISTED + MAX_OTHERS);
        self.say(phrases.in_this_aisle, &[("place", &place), ("list", &list)]);
        self.answer.found = true;
    }
}
