//! What is asked, what is understood, what is answered: read the snapshots.
//!
//! A question is followed by `@category`, `#employee` or `!time` where it has one.

use super::shop::{Asked, NOW, ask};
use shared::locale::Locale;
use std::fmt::Write;

fn told(questions: &str, locale: Locale) -> String {
    let mut out = String::new();
    for line in questions.lines().filter(|line| !line.trim().is_empty()) {
        let mut asked = Asked { question: "", category: None, locale, employee: false, now: NOW };
        let (question, marks) = line.split_once(" | ").unwrap_or((line, ""));
        asked.question = question;
        for mark in marks.split(" | ") {
            match mark.split_at(mark.len().min(1)) {
                ("@", category) => asked.category = Some(category),
                ("#", _) => asked.employee = true,
                ("!", now) => asked.now = now,
                _ => {}
            }
        }
        let (intent, answer) = ask(&asked);
        let cited: Vec<_> = answer.citations.iter().map(|citation| citation.id.as_str()).collect();
        let found = if answer.found { "" } else { "not found; " };
        writeln!(out, "{line}\n  {:?} {} {:?}", intent.wants, intent.language.tag(), intent.subject).unwrap();
        writeln!(out, "  > {}\n  ({found}{}) {:?}\n", answer.text, cited.join(", "), answer.tools_used).unwrap();
    }
    out
}

#[test]
fn english_questions_are_answered() {
    insta::assert_snapshot!(told(include_str!("questions_en.txt"), Locale::En));
}

#[test]
fn spanish_questions_are_answered() {
    insta::assert_snapshot!(told(include_str!("questions_es.txt"), Locale::Es));
}

#[test]
fn french_questions_are_answered() {
    insta::assert_snapshot!(told(include_str!("questions_fr.txt"), Locale::Fr));
}

#[test]
fn a_question_in_one_language_is_answered_in_another() {
    insta::assert_snapshot!(told(
        "¿dónde está el hummus?\noù est le brie ?\nwhere is the rye bread?\n¿abren mañana?",
        Locale::Fr
    ));
}
