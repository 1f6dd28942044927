//! The sentences of an answer, in each language.

mod en;
mod es;
mod fr;

use jiff::civil::{Date, Weekday};
use shared::locale::Locale;

/// One language's sentences. `{…}` is a place for a fact; sentences begin with a small letter where a fact or a date
/// may stand first, and get their capital when they are put together.
pub(crate) struct Phrases {
    // Where, how much, how many
    pub(crate) is_at: &'static str,
    pub(crate) it_is_at: &'static str,
    pub(crate) no_place: &'static str,
    pub(crate) it_has_no_place: &'static str,
    pub(crate) costs: &'static str,
    pub(crate) it_costs: &'static str,
    pub(crate) stock_of: &'static str,
    pub(crate) stock_unknown: &'static str,
    pub(crate) yes_we_have: &'static str,
    pub(crate) yes_we_carry: &'static str,
    pub(crate) we_carry: &'static str,
    pub(crate) we_have: &'static str,
    pub(crate) we_also_have: &'static str,
    pub(crate) carried_but_out: &'static str,
    pub(crate) it_is_out: &'static str,
    pub(crate) out_too: &'static str,
    pub(crate) instead: &'static str,
    // Comparing
    pub(crate) cheapest: &'static str,
    pub(crate) dearest: &'static str,
    pub(crate) cheaper_but_out: &'static str,
    pub(crate) dearer_but_out: &'static str,
    pub(crate) one_brand: &'static str,
    pub(crate) brands: &'static str,
    pub(crate) no_brand: &'static str,
    pub(crate) kinds: &'static str,
    pub(crate) in_this_aisle: &'static str,
    pub(crate) nothing_in_aisle: &'static str,
    pub(crate) not_at_that_price: &'static str,
    pub(crate) nearest_price: &'static str,
    pub(crate) among_others: &'static str,
    // For staff
    pub(crate) we_pay: &'static str,
    pub(crate) no_cost: &'static str,
    pub(crate) supplier: &'static str,
    pub(crate) no_supplier: &'static str,
    pub(crate) staff_only: &'static str,
    pub(crate) not_allowed: &'static str,
    // Not found
    pub(crate) closest: &'static str,
    pub(crate) cannot_look_up: &'static str,
    pub(crate) not_carried: &'static str,
    pub(crate) nearest: &'static str,
    pub(crate) ask_staff: &'static str,
    pub(crate) which_product: &'static str,
    pub(crate) attribute: &'static str,
    pub(crate) quoted: &'static str,
    // Places: within a sentence, and alone
    pub(crate) in_aisle: &'static str,
    pub(crate) in_department: &'static str,
    pub(crate) aisle: &'static str,
    pub(crate) bay: &'static str,
    pub(crate) department: &'static str,
    /// The words with which an aisle's own name may already begin.
    pub(crate) aisle_words: &'static [&'static str],
    pub(crate) in_stock: fn(u32) -> String,
    pub(crate) out_of_stock: &'static str,
    // Hours
    pub(crate) yes: &'static str,
    pub(crate) no: &'static str,
    pub(crate) open_now: &'static str,
    pub(crate) closed_now: &'static str,
    pub(crate) open_at: &'static str,
    pub(crate) closed_at: &'static str,
    pub(crate) open_on: &'static str,
    pub(crate) closed_on: &'static str,
    pub(crate) opens: &'static str,
    pub(crate) closes: &'static str,
    pub(crate) closed_already: &'static str,
    pub(crate) does_not_close: &'static str,
    pub(crate) opens_next: &'static str,
    pub(crate) no_opening_ahead: &'static str,
    pub(crate) week: &'static str,
    pub(crate) days: &'static str,
    pub(crate) every_day: &'static str,
    pub(crate) closed: &'static str,
    pub(crate) all_day: &'static str,
    pub(crate) differs: &'static str,
    pub(crate) unknown_day: &'static str,
    pub(crate) whole_store: &'static str,
    pub(crate) of_year: &'static str,
    pub(crate) today: &'static str,
    pub(crate) tomorrow: &'static str,
    pub(crate) that_day: &'static str,
    /// Morning, afternoon, evening, night and small hours of today, of tomorrow, and of any day, after its name.
    pub(crate) parts_today: [&'static str; 5],
    pub(crate) parts_tomorrow: [&'static str; 5],
    pub(crate) parts: [&'static str; 5],
    pub(crate) and: &'static str,
    pub(crate) comma: &'static str,
    pub(crate) semicolon: &'static str,
    /// `at 8 am`: minutes after midnight, up to 1440.
    pub(crate) at: fn(u16) -> String,
    /// `until 10 pm`.
    pub(crate) until: fn(u16) -> String,
    /// `from 8 am to 10 pm`.
    pub(crate) from_to: fn(u16, u16) -> String,
    /// `on Sunday, November 22`.
    pub(crate) on: fn(Date) -> String,
    /// `Sunday`.
    pub(crate) weekday: fn(Weekday) -> &'static str,
}

impl Phrases {
    /// The sentences of a language.
    pub(crate) fn of(locale: Locale) -> &'static Self {
        match locale {
            Locale::En => &en::PHRASES,
            Locale::Es => &es::PHRASES,
            Locale::Fr => &fr::PHRASES,
        }
    }

    /// `A, B and C`.
    pub(crate) fn list(&self, items: &[String]) -> String {
        match items {
            [] => String::new(),
            [one] => one.clone(),
            [first @ .., last] => {
                // Spanish "y" is "e" before the sound of i.
                let start = last.to_lowercase();
                let sounds_i = (start.starts_with('i') || start.starts_with("hi")) && !start.starts_with("hie");
                let and = if self.and == " y " && sounds_i { " e " } else { self.and };
                format!("{}{and}{last}", first.join(self.comma))
            }
        }
    }
}

/// Puts facts in the places of a sentence. What stands in a fact is not read again.
pub(crate) fn fill(sentence: &str, facts: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(sentence.len() + 32);
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(before);
        out.push_str(facts.iter().find(|(fact, _)| *fact == name).map_or("", |(_, value)| value));
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_fact_with_braces_stays_as_it_is() {
        assert_eq!(fill("{name} is {place}.", &[("name", "{place}"), ("place", "here")]), "{place} is here.");
    }

    #[test]
    fn times_read_as_each_language_says_them() {
        let said = |locale, minutes| {
            let phrases = Phrases::of(locale);
            [(phrases.at)(minutes), (phrases.until)(minutes)].join(" | ").replace('\u{a0}', " ")
        };
        for (locale, minutes, expected) in [
            (Locale::En, 480, "at 8 am | until 8 am"),
            (Locale::En, 1230, "at 8:30 pm | until 8:30 pm"),
            (Locale::En, 720, "at 12 noon | until 12 noon"),
            (Locale::En, 0, "at midnight | until midnight"),
            (Locale::Es, 480, "a las 8:00 | hasta las 8:00"),
            (Locale::Es, 60, "a la 1:00 | hasta la 1:00"),
            (Locale::Es, 1440, "a medianoche | hasta medianoche"),
            (Locale::Fr, 480, "à 8 h | jusqu'à 8 h"),
            (Locale::Fr, 1230, "à 20 h 30 | jusqu'à 20 h 30"),
            (Locale::Fr, 1440, "à minuit | jusqu'à minuit"),
        ] {
            assert_eq!(said(locale, minutes), expected);
        }
    }

    #[test]
    fn dates_read_as_each_language_says_them() {
        let said = [Locale::En, Locale::Es, Locale::Fr].map(|locale| (Phrases::of(locale).on)(date(2027, 1, 1)));
        assert_eq!(said, ["on Friday, January 1", "el viernes 1 de enero", "le vendredi 1er janvier"]);
    }

    #[test]
    fn spanish_joins_with_e_before_the_sound_of_i() {
        let list = |last: &str| Phrases::of(Locale::Es).list(&["Pan".to_owned(), last.to_owned()]);
        assert_eq!([list("Higos"), list("Hielo"), list("Agua")], ["Pan e Higos", "Pan y Hielo", "Pan y Agua"]);
    }
}
