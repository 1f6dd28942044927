use super::*;

fn words(text: &str) -> String {
    Question::parse(text).words.join(" ")
}

#[test]
fn the_question_comes_off_in_every_form_and_the_words_stay() {
    for (asked, left) in [
        ("where can i find wireless headphones?", "wireless headphones"),
        ("do you have aa battery in stock?", "aa battery"),
        ("i am looking for a d battery, what do you recommend?", "d battery"),
        ("Where is the oat milk", "oat milk"),
        ("What's the price of Ben's rice?", "ben rice"),
        ("I'd like some jalapeños, please", "jalapenos"),
        ("I'm looking for earbuds", "earbuds"),
        ("could you show me your best gaming laptop", "gaming laptop"),
    ] {
        assert_eq!(words(asked), left, "{asked}");
    }
}

#[test]
fn keywords_keep_words_that_a_question_would_lose() {
    for keywords in ["stock pot", "price tag", "over ear headphones", "d battery", "iphone x", "search light"] {
        assert_eq!(words(keywords), keywords);
    }
}

#[test]
fn spanish_and_french_questions_come_off_by_their_own_lists() {
    for (asked, left, language) in [
        ("¿Dónde puedo encontrar la leche de avena?", "leche avena", Language::Es),
        ("¿Tienen auriculares inalámbricos?", "auriculares inalambricos", Language::Es),
        ("busco una mochila para portátil", "mochila portatil", Language::Es),
        ("Où se trouve le lait d'avoine ?", "lait avoine", Language::Fr),
        ("Avez-vous des écouteurs sans fil en stock ?", "ecouteurs sans fil", Language::Fr),
        ("Je cherche une souris sans fil", "souris sans fil", Language::Fr),
    ] {
        let question = Question::parse(asked);
        assert_eq!((question.words.join(" ").as_str(), question.language), (left, language), "{asked}");
    }
}

#[test]
fn one_foreign_looking_word_does_not_make_another_language() {
    for keywords in ["la croix", "pain au chocolat", "d battery", "de longhi"] {
        let language = Question::parse(keywords).language;
        assert!(language == Language::En || keywords == "pain au chocolat", "{keywords}: {language:?}");
    }
}

#[test]
fn a_question_of_asking_alone_asks_for_nothing() {
    assert_eq!(words("what do you have?"), "");
}

#[test]
fn prices_become_bounds_in_minor_units_and_leave_the_words() {
    let cases = [
        ("do you have a wireless mouse under 20 dollars?", "wireless mouse", None, Some(2_000)),
        ("headphones under $19.99", "headphones", None, Some(1_999)),
        ("laptop between $500 and $1,200", "laptop", Some(50_000), Some(120_000)),
        ("tv over 300 euros", "tv", Some(30_000), None),
        ("mouse $20 or less", "mouse", None, Some(2_000)),
        ("ratón por menos de 20 euros", "raton", None, Some(2_000)),
        ("souris moins de 19,50 €", "souris", None, Some(1_950)),
        ("maus unter 20€", "maus", None, Some(2_000)),
        ("candy under 50 cents", "candy", None, Some(50)),
        ("something less than £5", "something", None, Some(500)),
    ];
    for (asked, left, min, max) in cases {
        let question = Question::parse(asked);
        assert_eq!((question.min_price, question.max_price), (min, max), "{asked}");
        if left != "something" {
            assert_eq!(question.words.join(" "), left, "{asked}");
        }
    }
}

#[test]
fn sizes_and_models_are_no_prices() {
    for text in [
        "monitor under 27 inches",
        "over ear headphones",
        "iphone 8",
        "usb stick up to 64gb",
        "from 2 to 4 people tent",
    ] {
        let question = Question::parse(text);
        assert_eq!((question.min_price, question.max_price), (None, None), "{text}");
    }
}

#[test]
fn an_aisle_becomes_a_filter_and_leaves_the_words() {
    let question = Question::parse("is there pasta in aisle 5?");
    assert_eq!((question.aisle.as_deref(), question.words.join(" ").as_str()), (Some("5"), "pasta"));
    assert_eq!(Question::parse("¿qué hay en el pasillo 12b?").aisle.as_deref(), Some("12b"));
    assert_eq!(Question::parse("aisle marker").aisle, None);
}

#[test]
fn words_with_digits_name_models() {
    let question = Question::parse("hp 301xl cartridge");
    assert_eq!(question.models().collect::<Vec<_>>(), ["301xl"]);
}
