//! The texts as people read them, and what keeps them so.

mod files;
mod refusals;

use super::{Codes, Rendered, Texts, Variables};
use crate::notices::Category;
use serde_json::{Map, Value, json};
use std::{fmt::Write as _, sync::LazyLock};

/// The texts that are shipped.
fn texts() -> &'static Texts {
    static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::load(true, Codes::default()).unwrap());
    &TEXTS
}

fn map(context: Value) -> Map<String, Value> {
    match context {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

fn variables(category: Category, context: Value) -> Variables {
    Variables::from_context(category, &map(context), &Codes::default()).unwrap()
}

/// What a decision of `category` can come with; each with words on what it is.
fn cases(category: Category) -> Vec<(String, Variables)> {
    let full = json!({"item": "Lamp with a green shade", "item_kind": "review", "date": "2026-03-01T08:30:00Z",
        "until": "2026-03-14", "outcome": "upheld", "reason_code": "T05"});
    let mut cases = vec![
        ("nothing but the category".to_owned(), Variables::none(category)),
        ("everything".to_owned(), variables(category, full.clone())),
        ("everything, of three decisions".to_owned(), variables(category, full.clone()).counting(3)),
    ];
    if category == Category::AppealUpdate {
        for outcome in ["overturned", "partially_overturned"] {
            cases.push((outcome.to_owned(), variables(category, json!({"outcome": outcome, "item_kind": "image"}))));
        }
    } else {
        cases.push(("what cannot be appealed".to_owned(), variables(category, full).appealable(false)));
        cases.push((
            "a listing, on the second".to_owned(),
            variables(category, json!({"item_kind": "listing", "date": "2026-11-02"})),
        ));
    }
    cases
}

#[test]
fn every_text_reads_well_in_every_language() {
    let texts = texts();
    for language in ["en", "es", "fr"] {
        let mut page = String::new();
        for category in Category::ALL {
            for (what, variables) in cases(category) {
                let Rendered { title, body, version, .. } = texts.render(language, &variables).unwrap();
                writeln!(page, "## {} {version}: {what}\n\n{title}\n\n{body}\n", category.as_str()).unwrap();
            }
        }
        insta::assert_snapshot!(format!("texts_in_{language}"), page);
    }
}

#[test]
fn no_combination_of_values_leaves_a_text_in_bad_form() {
    let texts = texts();
    let or_absent =
        |values: &[&str]| [Value::Null].into_iter().chain(values.iter().map(|v| json!(v))).collect::<Vec<_>>();
    for category in Category::ALL {
        for item in or_absent(&["Lamp"]) {
            for kind in or_absent(super::ITEM_KINDS) {
                for outcome in or_absent(super::OUTCOMES) {
                    for days in [json!({}), json!({"date": "2026-05-01"}), json!({"until": "2026-06-01"})] {
                        let mut context = map(json!({"item": item, "item_kind": kind, "outcome": outcome}));
                        context.extend(map(days));
                        let values = Variables::from_context(category, &context, &Codes::default()).unwrap();
                        for count in [1, 2, 100_000] {
                            for text in texts.render_all(&values.clone().counting(count)).unwrap() {
                                let whole = format!("{}\n{}", text.title, text.body);
                                let odd = ["  ", " .", " ,", "..", "“”", "«»", "1970"]
                                    .iter()
                                    .find(|odd| whole.contains(**odd));
                                assert_eq!(odd, None, "{context:?}: {whole}");
                                assert!(text.body.ends_with('.') && !text.title.contains('\n'), "{whole}");
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_language_is_found_by_its_wider_form_and_english_is_for_all_others() {
    let texts = texts();
    let of = |wanted: &[&str]| texts.tag_for(wanted).to_owned();
    for (tag, language) in [("es-MX", "es"), ("FR_ca", "fr"), ("fr-Latn-CA-x-a", "fr"), ("de", "en"), ("ar-EG", "en")] {
        assert_eq!(of(&[tag]), language, "{tag}");
    }
    for odd in ["", "-", "est", "*", "es\n", "日本", "----"] {
        let language = if odd.trim() == "es" { "es" } else { "en" };
        assert_eq!(of(&[odd]), language, "{odd:?}");
    }
    assert_eq!(of(&[]), "en");
    assert_eq!(of(&["de", "fr-CH"]), "fr", "the header's language is not there, the person's own is");
    assert_eq!(of(&["es", "fr"]), "es");
    assert_eq!(texts.render("de-AT", &Variables::none(Category::AccountWarning)).unwrap().language, "en");
}

#[test]
fn days_are_those_of_utc_and_written_as_the_language_writes_them() {
    let texts = texts();
    let body = |language: &str, date: &str| {
        let values = variables(Category::ContentViolation, json!({"date": date}));
        texts.render(language, &values).unwrap().body
    };
    assert!(body("en", "2026-02-28T20:00:00-06:00").contains("on March 1, 2026."));
    assert!(body("es", "2026-03-01").contains("el 1 de marzo de 2026."));
    assert!(body("fr", "2026-03-01").contains("le 1er mars 2026."));
    assert!(body("fr", "2026-03-11").contains("le 11 mars 2026."));
}

#[test]
fn the_day_of_the_decision_stands_in_only_where_the_context_names_none() {
    let at = "2026-07-09T23:59:59Z".parse().unwrap();
    let shown = |values: Variables| texts().render("en", &values.decided_at(at)).unwrap().body;
    assert!(shown(Variables::none(Category::ContentViolation)).contains("July 9, 2026"));
    assert!(shown(variables(Category::ContentViolation, json!({"date": "2026-03-01"}))).contains("March 1, 2026"));
}
