//! What no notice shows, in every disguise.

use super::{map, texts};
use crate::notices::{
    Category,
    texts::{Codes, MAX_ITEM_CHARS, MAX_REASON_CHARS, Refused, Variables, Why, neutral},
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// `T05` as somebody might write it so that a plain search does not find it.
const DISGUISES: &[&str] = &[
    "T05",
    "Ｔ０５",
    "T\u{200b}05",
    "T\u{200d}0\u{200c}5",
    "\u{202e}T05",
    "T\u{ad}05",
    "T0\u{2060}5",
    "T٠٥",
    "T۰۵",
    "T०५",
    "T༠༥",
    "Т05",
    "Τ05",
    "Ꭲ05",
    "𝐓𝟎𝟓",
    "𝕋𝟘𝟝",
    "Ⓣ⓪⑤",
    "T⁰⁵",
    "T₀₅",
    "T\u{301}0\u{336}5",
    "T\u{fe0f}0\u{fe0f}5",
    "②T05",
    "_T05_",
    "T05日",
    "日T05",
    "(T05)",
    "T12345",
    "T\u{3164}05",
    "T\u{34f}05",
    "🅃05",
    "T𑁦𑁫",
];

fn item(value: &str) -> Result<Variables, Vec<Refused>> {
    Variables::from_context(Category::ContentViolation, &map(json!({"item": value})), &Codes::default())
}

fn why(value: &str) -> Option<Why> {
    item(value).err().map(|faults| faults[0].why)
}

#[test]
fn a_code_gets_through_no_variable_in_any_language() {
    let texts = texts();
    for code in DISGUISES {
        for category in Category::ALL {
            for name in ["item", "item_kind", "date", "until", "outcome", "count", "reason_code", "item_given"] {
                for value in [code.to_string(), format!("Lamp {code}"), format!("{code}, again")] {
                    let context = map(json!({name: value}));
                    match Variables::from_context(category, &context, &Codes::default()) {
                        Err(faults) => {
                            assert_eq!((faults.len(), faults[0].place), (1, name), "{code:?}");
                            assert!(!faults[0].to_string().contains(code));
                        }
                        // Only what is not for the reader is passed over, and then nothing of it is there.
                        Ok(values) => {
                            assert_eq!(values, Variables::none(category), "{code:?} as {name} of {category:?}")
                        }
                    }
                }
            }
        }
        assert!(neutral(&format!("The rule is {code}."), &Codes::default()).is_err(), "{code:?}");
    }
    assert_eq!(why("T05"), Some(Why::InternalCode));
    // A value that came in before a code was made one is held back when it is to be shown.
    let later = super::Texts::load(true, "ZX-9".parse().unwrap()).unwrap();
    let values = item("Model ZX-9").unwrap();
    assert_eq!(later.render("es", &values), Err(Refused { place: "item", why: Why::InternalCode }));
    assert!(texts.render("es", &values).is_ok());
}

#[test]
fn a_template_that_shows_a_code_is_found_by_the_check_and_never_told() {
    let mut file: Value = serde_json::from_str(crate::notices::texts::FILES[0].1).unwrap();
    file["texts"]["account_warning"]["title"] = json!("About Ｔ０５");
    let files = [("en.json", file.to_string())];
    let files: Vec<_> = files.iter().map(|(name, contents)| (*name, contents.as_str())).collect();
    let texts = super::Texts::read(&files, false, Codes::default()).unwrap();
    let found = texts.check().unwrap_err().to_string();
    assert!(found.contains("title holds an internal code"), "{found}");
    let told = texts.render("en", &Variables::none(Category::AccountWarning));
    assert_eq!(told, Err(Refused { place: "title", why: Why::InternalCode }));
}

#[test]
fn what_only_resembles_a_code_is_told() {
    for name in ["T5", "T-05", "t05", "XT05", "T05x", "Windows 95", "T 05", "NT2000", "é T", "5T05", "BT40"] {
        assert_eq!(why(name), None, "{name}");
    }
}

#[test]
fn codes_of_a_list_are_found_in_every_writing_and_in_no_longer_word() {
    let codes: Codes = " AUP-07, SPAM_HIGH ,".parse().unwrap();
    for text in ["AUP-07", "see ＡＵＰ-０７.", "АUР-07", "AUP-٠٧", "A\u{200d}UP-07", "SPAM_HIGH!", "日SPAM_HIGH日"]
    {
        assert_eq!(neutral(text, &codes).map_err(|r| r.why), Err(Why::InternalCode), "{text:?}");
    }
    for text in ["AUP-071", "XAUP-07", "aup-07", "SPAM HIGH", "AUP"] {
        assert_eq!(neutral(text, &codes), Ok(()), "{text:?}");
    }
    for list in ["A", "--", "AB,\u{200b}", &"A".repeat(65)] {
        assert!(list.parse::<Codes>().is_err(), "{list:?}");
    }
}

#[test]
fn names_hold_no_markup_controls_placeholders_or_addresses() {
    for (name, expected) in [
        ("<b>Lamp</b>", Why::Markup),
        ("Lamp ＜script＞", Why::Markup),
        ("&lt;b&gt;", Why::Markup),
        ("&#x54;05", Why::Markup),
        ("&LTb", Why::Markup),
        ("a & b &copy;", Why::Markup),
        ("{item}", Why::Placeholder),
        ("｛item｝", Why::Placeholder),
        ("Lamp\nT", Why::ControlCharacter),
        ("Lamp\u{0}", Why::ControlCharacter),
        ("Lamp\u{85}", Why::ControlCharacter),
        ("\u{202e}pmaL", Why::FormatControl),
        ("Lamp\u{2066}", Why::FormatControl),
        ("Lamp\u{2068}", Why::FormatControl),
        ("Lamp\u{200f}", Why::FormatControl),
        ("Lamp\u{2028}x", Why::FormatControl),
        ("Lamp\u{e0054}", Why::FormatControl),
        ("Lamp \u{e000}", Why::FormatControl),
        ("see https://a.b", Why::Address),
        ("www.lamps", Why::Address),
        ("lamps.com", Why::Address),
        ("(Lamps.COM)!", Why::Address),
        ("ｌａｍｐｓ．ｃｏｍ", Why::Address),
        ("x.gd/a1", Why::Address),
        ("ada@example.museum", Why::Address),
        ("javascript:alert(1)", Why::Address),
        ("", Why::Empty),
        (" \u{200d}\u{3164}", Why::Empty),
    ] {
        assert_eq!(why(name), Some(expected), "{name:?}");
    }
    for name in [
        "Tom & Jerry; R&D",
        "Photo.jpg",
        "Dr. Who vs. Mr. Bean",
        "@ada",
        "👩‍🍳 ❤️",
        "می‌خواهم",
        "10:30",
        "v2.0",
        "“Lamp” – 5 €",
    ] {
        assert_eq!(why(name), None, "{name:?}");
    }
}

#[test]
fn a_name_and_a_reason_are_taken_up_to_their_limit_in_any_script() {
    for letter in ["a", "ü", "日", "👍"] {
        assert_eq!(why(&letter.repeat(MAX_ITEM_CHARS)), None);
        assert_eq!(why(&letter.repeat(MAX_ITEM_CHARS + 1)), Some(Why::TooLong(MAX_ITEM_CHARS)));
        assert_eq!(neutral(&letter.repeat(MAX_REASON_CHARS), &Codes::default()), Ok(()));
        let longer = neutral(&letter.repeat(MAX_REASON_CHARS + 1), &Codes::default()).unwrap_err();
        assert_eq!(longer.why, Why::TooLong(MAX_REASON_CHARS));
    }
}

#[test]
fn a_reason_has_lines_and_no_codes_markup_or_controls() {
    let neutral = |text: &str| neutral(text, &Codes::default()).map_err(|refused| refused.why);
    assert_eq!(neutral("We looked again.\r\nIt fits, see https://example.com/rules.\n\nThank you."), Ok(()));
    for (text, why) in [
        (" \n", Why::Empty),
        ("Rule\nT05\napplies", Why::InternalCode),
        ("<p>Fine</p>", Why::Markup),
        ("{reason}", Why::Placeholder),
        ("a\tb", Why::ControlCharacter),
        ("a\u{2068}b", Why::FormatControl),
        ("a\u{202d}b", Why::FormatControl),
    ] {
        assert_eq!(neutral(text), Err(why), "{text:?}");
    }
}

#[test]
fn every_wrong_member_is_named_and_no_value_repeated() {
    let context =
        json!({"item": 7, "item_kind": "secret", "date": "1999-12-31", "until": "soon", "outcome": 1, "x": {}});
    let told = |category| {
        let faults = Variables::from_context(category, &map(context.clone()), &Codes::default()).unwrap_err();
        faults.iter().map(Refused::to_string).collect::<Vec<_>>()
    };
    let restriction = told(Category::TemporaryRestriction).join("; ");
    for part in ["item is no text", "item_kind is none of post", "date is neither", "until is neither"] {
        assert!(restriction.contains(part), "{part}: {restriction}");
    }
    for value in ["secret", "1999", "soon"] {
        assert!(!restriction.contains(value), "{restriction}");
    }
    assert_eq!(told(Category::TemporaryRestriction).len(), 4);
    assert!(told(Category::AppealUpdate).contains(&"outcome is no text".to_owned()));
    for date in ["2026-02-30", "2026-13-01", "2200-01-01", "2026-03-01T25:00:00Z", "yesterday", "+2026-03-01", ""] {
        let context = map(json!({"date": date}));
        assert!(Variables::from_context(Category::AccountWarning, &context, &Codes::default()).is_err(), "{date}");
    }
}

/// JSON of any form.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[T0-9٠-٩{}<&; a-z]{0,12}".prop_map(Value::from),
        "(20|21)[0-9]{2}-[0-1][0-9]-[0-3][0-9]".prop_map(Value::from),
        proptest::sample::select(vec!["post", "other", "upheld", "overturned", "Lamp", "T05"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(any::<String>(), inner, 0..4).prop_map(Value::from_iter),
        ]
    })
}

fn any_context() -> impl Strategy<Value = Map<String, Value>> {
    let names = ["item", "item_kind", "date", "until", "outcome", "count", "item_given", "code"];
    let name = prop_oneof![4 => proptest::sample::select(names.to_vec()).prop_map(str::to_owned), 1 => any::<String>()];
    proptest::collection::hash_map(name, any_json(), 0..5).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn no_context_breaks_a_text_or_shows_in_it_what_is_refused(context in any_context(), category in 0..4_usize, count in any::<u64>()) {
        let texts = texts();
        if let Ok(values) = Variables::from_context(Category::ALL[category], &context, texts.codes()) {
            for text in texts.render_all(&values.counting(count)).unwrap() {
                let whole = format!("{} {}", text.title, text.body);
                let odd = whole.contains(['{', '}', '<', '>', '\u{0}', '\u{202e}']);
                prop_assert!(!odd, "shown as it came");
                let words = whole.split(|c: char| !c.is_alphanumeric() && c != '_');
                let code = |word: &str| word.strip_prefix('T').is_some_and(|d| d.chars().count() >= 2 && d.chars().all(char::is_numeric));
                prop_assert!(!words.into_iter().any(code), "{whole}");
            }
        }
    }

    #[test]
    fn a_code_is_found_wherever_it_stands(before in "[ -@\\[-`{-~日本 ]{0,8}", digits in "[0-9]{2,6}", after in "([^0-9A-Za-z\\p{M}\\p{N}\\p{L}\\p{C}].{0,8})?") {
        let text = format!("{}T{digits}{after}", before.trim_end_matches(|c: char| c.is_ascii_digit()));
        prop_assert!(neutral(&text, &Codes::default()).is_err(), "{text:?}");
    }

    #[test]
    fn any_text_is_judged_without_a_panic(text in any::<String>(), codes in any::<String>()) {
        let codes: Codes = codes.parse().unwrap_or_default();
        let _ = neutral(&text, &codes);
        let _ = item(&text);
        let _ = texts().tag_for(&[&text]);
    }
}
