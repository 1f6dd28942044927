use super::*;
use crate::model::testing::{conversation, got, now, refuses_what_is_no_reply, tells_statuses_apart, tools, turn};

fn model() -> Anthropic {
    Anthropic::new("claude-test".to_owned(), None)
}

const SAYS: &str = r#"{"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-test",
    "content": [{"type": "text", "text": "Aisle 7 [p1].", "citations": null}],
    "stop_reason": "end_turn", "stop_sequence": null,
    "usage": {"input_tokens": 10, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 3, "output_tokens": 5}}"#;

fn reply(content: &str, stop: &str) -> Result<Reply, Fault> {
    let body = format!(
        r#"{{"type": "message", "role": "assistant", "content": {content}, "stop_reason": {stop},
            "usage": {{"input_tokens": 1, "output_tokens": 1}}}}"#
    );
    read(&got(200, &[], &body), now())
}

#[test]
fn a_conversation_becomes_blocks_of_alternating_roles() {
    let (tools, messages) = (tools(), conversation());
    insta::assert_json_snapshot!(model().body(turn(&tools, &messages)));
}

#[test]
fn where_it_must_answer_the_tools_it_called_are_told_and_barred() {
    let messages = conversation();
    let body = model().body(turn(&[], &messages));
    assert_eq!(body["tool_choice"], json!({"type": "none"}));
    assert_eq!(body["tools"], json!([{"name": "search_products", "input_schema": {"type": "object"}}]));
    let body = model().body(turn(&[], &messages[..1]));
    assert!(body.get("tools").is_none() && body.get("tool_choice").is_none());
}

#[test]
fn what_two_in_a_row_say_is_one_message() {
    let mut messages = conversation();
    messages.push(Message::Person("and now?".to_owned()));
    let body = model().body(turn(&[], &messages));
    let roles: Vec<_> = body["messages"].as_array().unwrap().iter().map(|said| &said["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
}

#[test]
fn a_request_carries_version_and_key_and_shows_no_key() {
    let key = SecretString::from("sk-secret".to_owned());
    let request = model().request(b"{}".to_vec(), Some(&key)).unwrap();
    assert_eq!(request.uri(), "https://api.anthropic.com/v1/messages");
    assert_eq!(request.headers()["anthropic-version"], "2023-06-01");
    assert_eq!(request.headers()["x-api-key"], "sk-secret");
    assert!(!format!("{request:?}").contains("sk-secret"));
    for base in ["http://localhost:1", "http://localhost:1/v1"] {
        let model = Anthropic::new(String::new(), Some(base.to_owned()));
        assert_eq!(model.url, "http://localhost:1/v1/messages");
    }
    let broken = SecretString::from("two\nlines".to_owned());
    assert_eq!(model().request(Vec::new(), Some(&broken)).unwrap_err(), Fault::Key);
}

#[test]
fn words_and_calls_are_read_with_every_token() {
    let said = read(&got(200, &[], SAYS), now()).unwrap();
    assert_eq!(said, Reply { text: "Aisle 7 [p1].".to_owned(), calls: vec![], tokens: 20 });
    let called = reply(
        r#"[{"type": "thinking", "thinking": "hm", "signature": "x"}, {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "c1", "name": "search_products", "input": {"query": "oat milk"}}]"#,
        r#""tool_use""#,
    );
    let called = called.unwrap();
    assert_eq!((called.text.as_str(), called.calls[0].id.as_str()), ("I look.", "c1"));
    assert_eq!(called.calls[0].arguments, json!({"query": "oat milk"}));
}

#[test]
fn a_reply_that_does_not_hang_together_is_none() {
    let call = r#"{"type": "tool_use", "id": "c1", "name": "t", "input": {}}"#;
    for (content, stop) in [
        ("[]", r#""end_turn""#),
        (r#"[{"type": "text", "text": "  "}]"#, r#""end_turn""#),
        (r#"[{"type": "text", "text": "I look."}]"#, r#""tool_use""#),
        (&format!("[{call}]"), r#""end_turn""#),
        (&format!("[{call}, {call}]"), r#""tool_use""#),
        (r#"[{"type": "tool_use", "id": "", "name": "t", "input": {}}]"#, r#""tool_use""#),
        (r#"[{"type": "tool_use", "id": "c1", "name": "t", "input": "{}"}]"#, r#""tool_use""#),
        (r#"[{"type": "image", "source": {}}]"#, r#""end_turn""#),
        (r#"[{"type": "text", "text": "x"}]"#, r#""because""#),
        (r#"[{"type": "text", "text": "x"}]"#, "null"),
    ] {
        let read = reply(content, stop);
        assert!(matches!(read, Err(Fault::Form(_))), "{content} {stop}: {read:?}");
    }
    let long = format!(r#"[{{"type": "text", "text": "{}"}}]"#, "x".repeat(70_000));
    assert!(matches!(reply(&long, r#""end_turn""#), Err(Fault::Form(_))));
}

#[test]
fn an_early_stop_is_told_as_such() {
    for stop in ["max_tokens", "refusal", "pause_turn", "model_context_window_exceeded"] {
        let read = reply(r#"[{"type": "text", "text": "It is in"}]"#, &format!("{stop:?}"));
        assert_eq!(read, Err(Fault::Stopped(stop.to_owned())));
    }
}

#[test]
fn what_is_no_reply_is_refused() {
    refuses_what_is_no_reply(read, SAYS);
}

#[test]
fn every_error_is_told_by_its_name_alone() {
    let error = r#"{"type": "error", "error": {"type": "invalid_request_error", "message": "bad sk-secret"},
        "request_id": "req_1"}"#;
    tells_statuses_apart(read, error);
    let refused = read(&got(400, &[("request-id", "req_1")], error), now());
    assert_eq!(refused, Err(Fault::Refused("400 invalid_request_error, request req_1".to_owned())));
    let html = read(&got(502, &[("content-type", "text/html")], "<html>Bad gateway</html>"), now());
    assert_eq!(html, Err(Fault::Failed("502 no name, request without an id".to_owned())));
    let sentence = r#"{"type": "error", "error": {"type": "your key sk-secret is bad", "message": ""}}"#;
    assert!(!format!("{:?}", read(&got(400, &[], sentence), now())).contains("sk-secret"));
}
