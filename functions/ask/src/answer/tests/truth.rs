//! An answer states what is in the facts, and nothing else.

use super::shop::{Asked, NOW, ask, products};
use crate::answer::text::folded_words;
use proptest::prelude::*;
use shared::locale::Locale;
use std::collections::BTreeSet;

/// Every number that a fact of the shop holds, as any language writes it.
fn numbers_of_the_facts() -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for product in products() {
        let price = product.price.to_string();
        known.extend([price.replace('.', ","), price]);
        let cost = product.price.hundredths() * 4 / 5;
        known.extend([format!("{}.{:02}", cost / 100, cost % 100), format!("{},{:02}", cost / 100, cost % 100)]);
        let texts =
            [Some(product.name), product.brand, product.aisle, product.bay, product.stock.map(|n| n.to_string())];
        known.extend(
            texts.into_iter().flatten().chain(product.attributes.into_values()).flat_map(|text| folded_words(&text)),
        );
    }
    // Counts of products and brands, which the facts have by being listed.
    known.extend((1..=10).map(|n: u32| n.to_string()));
    known
}

/// The numbers of a text outside its quotation of the question.
fn numbers(text: &str) -> Vec<String> {
    let unquoted: String = text
        .split(['“', '«'])
        .enumerate()
        .map(|(i, part)| if i == 0 { part } else { part.split(['”', '»']).nth(1).unwrap_or("") })
        .collect();
    folded_words(&unquoted).into_iter().filter(|word| word.starts_with(|c: char| c.is_ascii_digit())).collect()
}

fn words_of_questions() -> impl Strategy<Value = String> {
    let words: Vec<&'static str> =
        [include_str!("questions_en.txt"), include_str!("questions_es.txt"), include_str!("questions_fr.txt")]
            .into_iter()
            .flat_map(|questions| questions.lines().flat_map(|line| line.split(" | ").next().unwrap_or("").split(' ')))
            .collect();
    prop::collection::vec(prop::sample::select(words), 1..14).prop_map(|words| words.join(" "))
}

fn locales() -> impl Strategy<Value = Locale> {
    prop::sample::select(vec![Locale::En, Locale::Es, Locale::Fr])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_number_about_a_product_is_one_of_its_facts(
        question in words_of_questions(), locale in locales(), employee: bool, category in prop::sample::select(vec![None, Some("Oat milk"), Some("Soda")]),
    ) {
        let (intent, answer) = ask(&Asked { question: &question, category, locale, employee, now: NOW });
        if intent.hours.is_none() {
            let known = numbers_of_the_facts();
            for number in numbers(&answer.text) {
                prop_assert!(known.contains(&number), "{number} in {:?}, asked {question:?}", answer.text);
            }
        }
        prop_assert!(!answer.text.is_empty());
    }

    #[test]
    fn every_product_that_is_named_is_cited_and_every_cited_one_was_given(
        question in words_of_questions(), locale in locales(),
    ) {
        let (_, answer) = ask(&Asked { question: &question, category: None, locale, employee: false, now: NOW });
        let all = products();
        for product in &all {
            let longer = all.iter().any(|other| other.name != product.name && other.name.contains(&product.name));
            if answer.text.contains(&product.name) && !longer {
                prop_assert!(answer.citations.iter().any(|citation| citation.id == product.id.as_str()), "{}", answer.text);
            }
        }
        prop_assert!(!answer.text.contains("Nordic Foods"), "a shopper read the supplier");
    }

    #[test]
    fn every_time_of_the_hours_is_one_of_the_stores_or_of_the_question(
        day in prop::sample::select(vec!["", "today", "tomorrow", "on Sunday", "on Friday", "on Saturday", "on Christmas", "on 24 December"]),
        hour in 1_u16..=12, half in prop::sample::select(vec!["", "am", "pm"]),
    ) {
        let question = format!("are you open {day} at {hour}{half}?");
        let (_, answer) = ask(&Asked { question: &question, category: None, locale: Locale::En, employee: false, now: NOW });
        let times: BTreeSet<_> = ["8", "10", "1", "9", "2", "4", "8:30", "6", "12"].into_iter().map(str::to_owned).chain([hour.to_string()]).collect();
        // What is left of the dates: the twenties of November and December.
        let dates: BTreeSet<_> = (18..=28).map(|day: u32| day.to_string()).collect();
        for number in numbers(&answer.text) {
            prop_assert!(times.contains(&number) || dates.contains(&number), "{number} in {:?}, asked {question:?}", answer.text);
        }
    }
}
