use super::*;
use crate::model::testing::{conversation, got, now, refuses_what_is_no_reply, tells_statuses_apart, tools, turn};

fn model() -> OpenAi {
    OpenAi::new("gpt-test".to_owned(), None)
}

const SAYS: &str = r#"{"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-test",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Aisle 7 [p1].", "refusal": null,
    "annotations": []}, "logprobs": null, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 15, "completion_tokens": 5, "total_tokens": 20}, "system_fingerprint": "x"}"#;

fn reply(message: &str, finish: &str) -> Result<Reply, Fault> {
    let body = format!(r#"{{"choices": [{{"message": {message}, "finish_reason": {finish}}}]}}"#);
    read(&got(200, &[], &body), now())
}

fn calling(id: &str, arguments: &str, finish: &str) -> Result<Reply, Fault> {
    let call = json!({"id": id, "type": "function", "function": {"name": "t", "arguments": arguments}});
    reply(&json!({"role": "assistant", "content": null, "tool_calls": [call]}).to_string(), &format!("{finish:?}"))
}

#[test]
fn a_conversation_becomes_messages_with_arguments_in_strings() {
    let (tools, messages) = (tools(), conversation());
    insta::assert_json_snapshot!(model().body(turn(&tools, &messages)));
}

#[test]
fn the_limit_of_tokens_has_the_name_that_the_server_knows() {
    let messages = conversation();
    let own = model().body(turn(&[], &messages));
    assert_eq!((&own["max_completion_tokens"], own.get("max_tokens"), own.get("tools")), (&json!(600), None, None));
    let spelt = OpenAi::new(String::new(), Some("https://api.openai.com/v1".to_owned()));
    assert_eq!(spelt.body(turn(&[], &messages))["max_completion_tokens"], 600);
    let other = OpenAi::new(String::new(), Some("http://localhost:1/v1".to_owned()));
    assert_eq!(other.body(turn(&[], &messages))["max_tokens"], 600);
    assert_eq!(other.url, "http://localhost:1/v1/chat/completions");
}

#[test]
fn a_request_carries_its_key_as_a_bearer_where_there_is_one_and_shows_none() {
    let key = SecretString::from("sk-secret".to_owned());
    let request = model().request(b"{}".to_vec(), Some(&key)).unwrap();
    assert_eq!(request.headers()["authorization"], "Bearer sk-secret");
    assert!(!format!("{request:?}").contains("sk-secret"));
    assert!(model().request(Vec::new(), None).unwrap().headers().get("authorization").is_none());
}

#[test]
fn words_and_calls_are_read_with_every_token() {
    let said = read(&got(200, &[], SAYS), now()).unwrap();
    assert_eq!(said, Reply { text: "Aisle 7 [p1].".to_owned(), calls: vec![], tokens: 20 });
    for finish in ["tool_calls", "stop"] {
        let called = calling("c1", r#"{"query": "oat milk"}"#, finish).unwrap();
        assert_eq!((called.calls[0].id.as_str(), &called.calls[0].arguments), ("c1", &json!({"query": "oat milk"})));
    }
    assert_eq!(calling("c1", "", "tool_calls").unwrap().calls[0].arguments, json!({}));
}

#[test]
fn calls_of_compatible_servers_get_ids_of_their_own_and_keep_their_arguments() {
    let call = |id: Value, arguments: Value| json!({"id": id, "function": {"name": "t", "arguments": arguments}});
    for ids in [[json!(null), json!(null)], [json!("a"), json!("a")], [json!(""), json!("call_0")]] {
        let [one, other] = ids.map(|id| call(id, json!({"query": "oat"})));
        let message = json!({"role": "assistant", "tool_calls": [one, other]}).to_string();
        let calls = reply(&message, r#""tool_calls""#).unwrap().calls;
        assert_eq!(calls.iter().map(|call| &*call.id).collect::<Vec<_>>(), ["call_0", "call_1"]);
        assert!(calls.iter().all(|call| call.arguments == json!({"query": "oat"})));
    }
    let without = r#"{"role": "assistant", "tool_calls": [{"function": {"name": "t", "arguments": "{}"}}]}"#;
    assert_eq!(reply(without, r#""stop""#).unwrap().calls[0].id, "call_0");
}

#[test]
fn a_reply_that_does_not_hang_together_is_none() {
    for arguments in ["{\"query\": \"oat", "oat milk", "[]", "null", "{} {}"] {
        assert!(matches!(calling("c1", arguments, "tool_calls"), Err(Fault::Form(_))), "{arguments}");
    }
    for (message, finish) in [
        (r#"{"role": "assistant", "content": null}"#, r#""stop""#),
        (r#"{"role": "assistant", "content": ""}"#, r#""stop""#),
        (r#"{"role": "assistant", "content": "x"}"#, r#""tool_calls""#),
        (r#"{"role": "assistant", "content": "x", "tool_calls": []}"#, r#""tool_calls""#),
        (r#"{"role": "user", "content": "x"}"#, r#""stop""#),
        (r#"{"role": "assistant", "content": "x"}"#, r#""function_call""#),
        (r#"{"role": "assistant", "content": "x"}"#, "null"),
        (r#"{"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "t"}}]}"#, r#""tool_calls""#),
    ] {
        let read = reply(message, finish);
        assert!(matches!(read, Err(Fault::Form(_))), "{message} {finish}: {read:?}");
    }
    assert!(matches!(read(&got(200, &[], r#"{"choices": []}"#), now()), Err(Fault::Form(_))));
}

#[test]
fn an_early_stop_is_told_as_such() {
    for finish in ["length", "content_filter"] {
        let read = reply(r#"{"role": "assistant", "content": "It is in"}"#, &format!("{finish:?}"));
        assert_eq!(read, Err(Fault::Stopped(finish.to_owned())));
    }
    let refused = reply(r#"{"role": "assistant", "content": null, "refusal": "I may not"}"#, r#""stop""#);
    assert_eq!(refused, Err(Fault::Stopped("refusal".to_owned())));
}

#[test]
fn what_is_no_reply_is_refused() {
    refuses_what_is_no_reply(read, SAYS);
}

#[test]
fn every_error_is_told_by_its_name_alone() {
    let error = |code: &str| {
        format!(
            r#"{{"error": {{"message": "bad sk-secret", "type": "invalid_request_error", "param": null, "code": {code}}}}}"#
        )
    };
    for code in ["null", r#""context_length_exceeded""#, "400"] {
        tells_statuses_apart(read, &error(code));
    }
    let named = read(&got(400, &[("x-request-id", "req_1")], &error(r#""context_length_exceeded""#)), now());
    assert_eq!(named, Err(Fault::Refused("400 context_length_exceeded, request req_1".to_owned())));
    let typed = read(&got(404, &[], &error("null")), now());
    assert_eq!(typed, Err(Fault::Refused("404 invalid_request_error, request without an id".to_owned())));
}
