//! Contexts that are none, that are huge, and that try to say what must not be said.

use super::*;

/// Sends a context about a person of its own, so that no limit is in the way; the answer.
async fn with(service: &Client, turn: usize, context: Value) -> Response {
    let body = json!({"userId": format!("person-{turn}"), "category": "content_violation", "context": context});
    service.post(ALL, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_is_an_object_of_a_sensible_size() {
    let bundle = Bundle::start().await;
    let service = service(&bundle);
    let deep = (0..9).fold(json!(1), |inner, _| json!({"a": inner}));
    let bad = [
        json!([]),
        json!([{"item": "x"}]),
        json!("T05"),
        json!(5),
        json!(true),
        json!(null),
        deep,
        json!({"a": "x".repeat(9_000)}),
    ];
    for (turn, context) in bad.into_iter().enumerate() {
        assert_problem(&with(&service, turn, context).await, 400, "notification.bad_context");
    }
    let huge =
        format!(r#"{{"userId":"grace","category":"account_warning","context":{{"a":"{}"}}}}"#, "x".repeat(300_000));
    let refused = service.send(http::Method::POST, ALL, Some(("application/json", huge.into()))).await.unwrap();
    assert_problem(&refused, 413, "http.body_too_large");
    assert_eq!(count(&bundle, "NOTICE#", "").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_code_gets_into_a_text_by_any_way() {
    let bundle = Bundle::start().await;
    let service = service(&bundle);
    let codes = [
        "T05",
        "your post (T05)",
        "Ｔ０５",
        "T\u{200b}05",
        "T\u{2060}0\u{feff}5",
        "\u{202e}50T",
        "𝐓𝟎𝟓",
        "T٠٥",
        "<b>post</b>",
        "&lt;b&gt;",
        "{item}",
        "{{count}}",
        "a\u{202e}b",
        "a\u{0}b",
        "line\nbreak",
        &"x".repeat(121),
    ];
    for (turn, code) in codes.iter().enumerate() {
        let refused = with(&service, turn, json!({"item": code})).await;
        assert_problem(&refused, 422, "notification.text_refused");
        assert!(!refused.body["detail"].as_str().unwrap().contains(code), "{}", refused.body);
    }
    for (turn, odd) in
        [json!({"item": 5}), json!({"item": ["T05"]}), json!({"item_kind": "weapon"}), json!({"date": "soon"})]
            .into_iter()
            .enumerate()
    {
        let refused = with(&service, 100 + turn, odd).await;
        assert_problem(&refused, 422, "notification.text_refused");
    }
    assert_eq!(count(&bundle, "NOTICE#", "").await + count(&bundle, "RATE#", "").await, 0, "nothing is used up by it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_template_does_not_name_is_kept_for_staff_and_told_to_nobody() {
    let bundle = Bundle::start().await;
    let told = with(&service(&bundle), 1, json!({"policy": "T05", "notes": {"score": 0.93, "by": ["a", "b"]}})).await;
    assert_eq!(told.status, 201, "{}", told.body);
    let seen = bundle.shopper("person-1").get(ALL).await;
    assert!(!String::from_utf8_lossy(&seen.bytes).contains("T05"), "{}", seen.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_in_any_script_are_said_as_they_are() {
    let bundle = Bundle::start().await;
    let service = service(&bundle);
    for (turn, name) in
        ["Suppe für Regentage", "雨の日のスープ", "حساء يوم ممطر", "Tea for 5", "T-shirt 05", "O'Brien \"best\""]
            .into_iter()
            .enumerate()
    {
        let told = with(&service, turn, json!({"item": name})).await;
        assert_eq!(told.status, 201, "{name}: {}", told.body);
        let seen = bundle.shopper(&format!("person-{turn}")).get(ALL).await;
        let body = seen.body["notifications"][0]["body"].as_str().unwrap().to_owned();
        assert!(body.contains(name), "{name}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_any_other_form_is_refused_by_a_code() {
    let bundle = Bundle::start().await;
    let service = service(&bundle);
    for (media, body, status, code) in [
        ("application/json", "", 400, "http.bad_request"),
        ("application/json", "[]", 400, "http.bad_request"),
        ("application/json", "{", 400, "http.bad_request"),
        ("application/json", r#"{"userId":"grace"}"#, 400, "http.bad_request"),
        ("application/json", r#"{"userId":"grace","category":"bans"}"#, 400, "notification.bad_category"),
        ("application/json", r#"{"userId":7,"category":"account_warning"}"#, 400, "http.bad_request"),
        ("application/json", r#"{"userId":"a","userId":"b","category":"account_warning"}"#, 400, "http.bad_request"),
        ("application/json", "\u{feff}{}", 400, "http.bad_request"),
        ("text/plain", "{}", 415, "http.unsupported_media_type"),
    ] {
        let sent = service.send(http::Method::POST, ALL, Some((media, body.to_owned().into()))).await.unwrap();
        assert_problem(&sent, status, code);
    }
}
