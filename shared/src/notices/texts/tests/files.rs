//! Files of texts: approvals, new languages, and what keeps a file out.

use super::{map, texts, variables};
use crate::notices::{
    Category,
    texts::{Codes, FILES, Fault, Texts, Variables, file::File},
};
use serde_json::{Value, json};

/// The shipped file of `language`, to be changed.
fn file(language: &str) -> Value {
    let (_, contents) = FILES.iter().find(|(name, _)| *name == format!("{language}.json")).unwrap();
    serde_json::from_str(contents).unwrap()
}

/// What `what` logs.
fn logged(what: impl FnOnce()) -> String {
    let (seen, _listening) = crate::auth::testing::Seen::listen();
    what();
    seen.take().iter().map(Value::to_string).collect()
}

/// What becomes of the shipped files with `changed` among them.
fn read(language: &str, changed: &Value, production: bool) -> Result<Texts, Vec<Fault>> {
    let (name, contents) = (format!("{language}.json"), changed.to_string());
    let mut files: Vec<_> = FILES.iter().copied().filter(|(shipped, _)| *shipped != name).collect();
    files.push((&name, &contents));
    let texts = Texts::read(&files, production, Codes::default()).map_err(|why| why.0)?;
    texts.check().map_err(|why| why.0)?;
    Ok(texts)
}

#[test]
fn every_shipped_text_can_be_read_and_filled_in_and_languages_agree() {
    Texts::load(true, Codes::default()).unwrap().check().unwrap();
}

#[test]
fn a_text_is_read_when_it_is_first_told_and_not_before() {
    let texts = Texts::load(true, Codes::default()).unwrap();
    let read = || texts.languages.values().flat_map(|texts| texts.values()).filter(|text| text.is_read()).count();
    assert_eq!((texts.all().count(), read()), (12, 0), "starting reads no message");
    texts.render("es", &Variables::none(Category::AccountWarning)).unwrap();
    assert_eq!(read(), 1);
}

#[test]
fn an_approved_text_that_cannot_be_read_is_found_by_the_check_and_refused_when_it_is_told() {
    let mut changed = file("es");
    changed["texts"]["account_warning"]["title"] = json!("{count, plural, one {a}");
    let (_, texts, _) = File::read("es.json", &changed.to_string()).unwrap().templates();
    let approved = texts[&Category::AccountWarning].digest;
    changed["texts"]["account_warning"]["approval"]["sha256"] = json!(approved.to_string());
    let contents = changed.to_string();
    let files: Vec<_> =
        FILES.iter().map(|(name, shipped)| (*name, if *name == "es.json" { &contents } else { *shipped })).collect();
    let texts = Texts::read(&files, true, Codes::default()).unwrap();
    let found = texts.check().unwrap_err();
    assert!(matches!(&found.0[..], [Fault::Text { category: Category::AccountWarning, .. }]), "{found}");
    let told = |category, language: &str| texts.render(language, &Variables::none(category)).map(|text| text.language);
    let lines = logged(|| assert!(told(Category::AccountWarning, "es").is_err()));
    assert!(lines.contains("ERROR") && lines.contains("account_warning") && lines.contains("\"es\""), "{lines}");
    assert!(texts.render_all(&Variables::none(Category::AccountWarning)).is_err());
    assert_eq!(told(Category::AppealUpdate, "es"), Ok("es".to_owned()));
    assert_eq!(told(Category::AccountWarning, "fr"), Ok("fr".to_owned()));
}

#[test]
fn one_changed_character_stops_production_and_warns_elsewhere() {
    for (pointer, new) in [
        ("/texts/account_warning/title", json!("Un aviso sobre su cuenta.")),
        ("/texts/account_warning/summary", json!("{count, plural, other {# avisos}}")),
        ("/first_of_month", json!("primero")),
    ] {
        let mut changed = file("es");
        if pointer == "/first_of_month" {
            changed["first_of_month"] = new;
        } else {
            *changed.pointer_mut(pointer).unwrap() = new;
        }
        let faults = read("es", &changed, true).unwrap_err();
        let Fault::Unapproved { file, category, expected, found } = &faults[0] else { panic!("{faults:?}") };
        assert_eq!(file, "es.json");
        if pointer != "/first_of_month" {
            assert_eq!((faults.len(), *category), (1, Category::AccountWarning));
        }
        let (said, expected) = (faults[0].to_string(), expected.unwrap());
        for part in ["es.json", category.as_str(), &expected.to_string(), &found.to_string(), "approval"] {
            assert!(said.contains(part), "{said}");
        }
        // Outside production the changed text is the one that is told.
        let texts = read("es", &changed, false).unwrap();
        let open: Vec<_> = texts.all().filter(|text| text.approved.is_none()).map(|text| text.category).collect();
        assert!(open.contains(&Category::AccountWarning));
    }
    let mut changed = file("es");
    changed["texts"]["account_warning"]["title"] = json!("Otro título");
    let texts = read("es", &changed, false).unwrap();
    assert_eq!(texts.render("es", &Variables::none(Category::AccountWarning)).unwrap().title, "Otro título");
}

#[test]
fn the_warning_names_file_category_and_what_to_write() {
    let mut changed = file("fr");
    changed["texts"]["appeal_update"].as_object_mut().unwrap().remove("approval");
    let lines = logged(|| drop(read("fr", &changed, false).unwrap()));
    assert!(lines.contains("WARN") && lines.contains("fr.json, appeal_update") && lines.contains("sha256"), "{lines}");
    assert_eq!(logged(|| drop(Texts::load(false, Codes::default()).unwrap())), "");
}

#[test]
fn an_approval_that_nobody_gave_is_none() {
    for (member, value) in [("approved_by", json!(" ")), ("sha256", json!("0".repeat(64)))] {
        let mut changed = file("en");
        changed["texts"]["content_violation"]["approval"][member] = value;
        let faults = read("en", &changed, true).unwrap_err();
        assert!(matches!(faults[..], [Fault::Unapproved { category: Category::ContentViolation, .. }]), "{faults:?}");
    }
}

#[test]
fn every_shipped_text_is_approved_and_every_folder_file_is_a_language() {
    let texts = texts();
    assert_eq!(texts.all().count(), FILES.len() * Category::ALL.len());
    assert!(texts.all().all(|text| text.approved.is_some()));
    assert!(texts.languages().eq(["en", "es", "fr"]));
}

/// A language made of English with its own tag and a summary of its own.
fn arabic() -> Value {
    let mut file = file("en");
    file["language"] = json!("ar");
    for category in Category::ALL {
        let forms = "{count, plural, zero {لا قرارات} one {قرار واحد} two {قراران} few {# قرارات} many {# قرارًا} other {# قرار}}";
        file["texts"][category.as_str()]["summary"] = json!(forms);
    }
    file
}

#[test]
fn a_file_is_a_language_and_its_plurals_are_its_own() {
    let texts = read("ar", &arabic(), false).unwrap();
    assert_eq!(texts.tag_for(&["ar-EG", "en"]), "ar");
    let first = |count: u64| {
        let text = texts.render("ar", &Variables::none(Category::AccountWarning).counting(count)).unwrap();
        assert_eq!(text.language, "ar");
        text.body.lines().next().unwrap().to_owned()
    };
    for (count, words) in [(2, "قراران"), (3, "3 قرارات"), (11, "11 قرارًا"), (100, "100 قرار"), (103, "103 قرارات")]
    {
        assert_eq!(first(count), words);
    }
    let day = texts.render("ar", &variables(Category::ContentViolation, json!({"date": "2026-03-01"}))).unwrap();
    assert!(day.body.contains("1 مارس 2026"), "{}", day.body);
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_the_reason() {
    let told = |change: &dyn Fn(&mut Value)| {
        let mut changed = file("es");
        change(&mut changed);
        let faults = read("es", &changed, false).unwrap_err();
        faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n")
    };
    let title = |words: &'static str| move |file: &mut Value| file["texts"]["appeal_update"]["title"] = json!(words);
    type Change<'a> = &'a dyn Fn(&mut Value);
    let cases: [(Change<'_>, &str); 13] = [
        (&|file| file["language"] = json!("es-"), "no BCP 47 tag"),
        (&|file| file["language"] = json!("it"), "is to be called so"),
        (&|file| file["more"] = json!(1), "unknown field"),
        (&|file| drop(file["texts"].as_object_mut().unwrap().remove("appeal_update")), "there is no text"),
        (&|file| file["texts"]["appeal_update"]["version"] = json!(2), "version 2, en.json has 1"),
        (&|file| file["texts"]["appeal_update"]["body"] = json!([]), "no paragraph"),
        (&|file| file["texts"]["appeal_update"]["summary"] = json!("Varias."), "differ in the variables count"),
        (&title("{outcome, select, uphold {a} other {b}}"), "no such options"),
        (&title("{reason_code}"), "is no variable of this category"),
        (&title("{until, date, long}"), "is no variable of this category"),
        (&title("{outcome, select, upheld {a}}"), "title: "),
        (&title("{item_kind} {outcome, select, other {b}}"), "cannot be used as a text"),
        (&title("l'{item}"), "straight quote"),
    ];
    for (change, why) in cases {
        let told = told(change);
        assert!(told.contains("es.json") && told.contains(why), "{why}: {told}");
    }
    // A variable that is shown without asking whether it is there leaves some notices without words.
    let bare =
        told(&|file| file["texts"]["content_violation"]["title"] = json!("{item} {item_kind, select, other {}}"));
    assert!(bare.contains("could not be filled in"), "{bare}");
    let broken = Texts::read(&[("en.json", "{")], false, Codes::default()).unwrap_err().to_string();
    assert!(broken.contains("en.json: EOF"), "{broken}");
    assert!(Texts::read(&[], false, Codes::default()).unwrap_err().to_string().contains("there is no such file"));
    assert!(map(file("en")).contains_key("texts"));
}
