use super::*;
use crate::model::testing::{conversation, got, now, refuses_what_is_no_reply, tells_statuses_apart, tools, turn};
use shared::aws::Endpoints;

const SAYS: &str = r#"{"output": {"message": {"role": "assistant", "content": [{"text": "Aisle 7 [p1]."}]}},
    "stopReason": "end_turn", "usage": {"inputTokens": 15, "outputTokens": 5, "totalTokens": 20},
    "metrics": {"latencyMs": 3}}"#;

fn reply(content: &str, stop: &str) -> Result<Reply, Fault> {
    let body = format!(
        r#"{{"output": {{"message": {{"role": "assistant", "content": {content}}}}}, "stopReason": {stop},
            "usage": {{"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}}}}"#
    );
    read(&got(200, &[], &body), now())
}

#[test]
fn a_conversation_becomes_blocks_of_alternating_roles() {
    let (tools, messages) = (tools(), conversation());
    insta::assert_json_snapshot!(body(turn(&tools, &messages)));
}

#[test]
fn where_it_must_answer_calls_and_results_stand_in_words() {
    let messages = conversation();
    let body = body(turn(&[], &messages));
    assert!(body.get("toolConfig").is_none());
    let text = body.to_string();
    assert!(!text.contains("toolUse") && !text.contains("toolResult"), "{text}");
    assert!(text.contains("search_products gave: {") && text.contains("aisle"), "{text}");
}

#[tokio::test]
async fn a_request_is_signed_for_bedrock_and_names_the_model_in_its_path() {
    let aws = Aws::local(Endpoints::default(), "AKIDEXAMPLE", "secret");
    let own = Bedrock::new("global.anthropic.claude-v1:0".to_owned(), None, &aws);
    let base = "https://bedrock-runtime.us-east-1.amazonaws.com";
    assert_eq!(own.url, format!("{base}/model/global.anthropic.claude-v1%3A0/converse"));
    let profile = "arn:aws:bedrock:us-east-1:1:inference-profile/x".to_owned();
    let signed = Bedrock::new(profile, Some("http://127.0.0.1:1".to_owned()), &aws);
    let request = signed.request(b"{}".to_vec(), now()).await.unwrap();
    assert!(request.uri().path().ends_with("%3Ainference-profile%2Fx/converse"), "{}", request.uri());
    let authorization = request.headers()["authorization"].to_str().unwrap();
    assert!(authorization.contains("/20260301/us-east-1/bedrock/aws4_request"), "{authorization}");
}

#[test]
fn words_and_calls_are_read_with_every_token() {
    let said = read(&got(200, &[], SAYS), now()).unwrap();
    assert_eq!(said, Reply { text: "Aisle 7 [p1].".to_owned(), calls: vec![], tokens: 20 });
    let called = reply(
        r#"[{"reasoningContent": {"reasoningText": {"text": "hm"}}}, {"text": "I look."},
            {"toolUse": {"toolUseId": "c1", "name": "search_products", "input": {"query": "oat milk"}}}]"#,
        r#""tool_use""#,
    );
    let called = called.unwrap();
    assert_eq!((called.text.as_str(), called.calls[0].id.as_str()), ("I look.", "c1"));
    assert_eq!(called.calls[0].arguments, json!({"query": "oat milk"}));
}

#[test]
fn a_reply_that_does_not_hang_together_is_none() {
    let call = r#"{"toolUse": {"toolUseId": "c1", "name": "t", "input": {}}}"#;
    for (content, stop) in [
        ("[]", r#""end_turn""#),
        (r#"[{"text": ""}]"#, r#""end_turn""#),
        (r#"[{"text": "I look."}]"#, r#""tool_use""#),
        (&format!("[{call}]"), r#""end_turn""#),
        (&format!("[{call}, {call}]"), r#""tool_use""#),
        (r#"[{"toolUse": {"toolUseId": "c1", "name": "t", "input": "x"}}]"#, r#""tool_use""#),
        (r#"[{"video": {}}]"#, r#""end_turn""#),
        (r#"[{"text": "x"}]"#, r#""because""#),
        (r#"[{"text": "x"}]"#, r#""malformed_tool_use""#),
    ] {
        let read = reply(content, stop);
        assert!(matches!(read, Err(Fault::Form(_))), "{content} {stop}: {read:?}");
    }
}

#[test]
fn an_early_stop_is_told_as_such() {
    for stop in ["max_tokens", "guardrail_intervened", "content_filtered", "model_context_window_exceeded"] {
        let read = reply(r#"[{"text": "It is in"}]"#, &format!("{stop:?}"));
        assert_eq!(read, Err(Fault::Stopped(stop.to_owned())));
    }
}

#[test]
fn what_is_no_reply_is_refused() {
    refuses_what_is_no_reply(read, SAYS);
}

#[test]
fn every_error_is_told_by_its_name_alone() {
    tells_statuses_apart(read, r#"{"message": "bad sk-secret"}"#);
    let headers =
        [("x-amzn-errortype", "ValidationException:http://internal.amazon.com/"), ("x-amzn-requestid", "r-1")];
    let refused = read(&got(400, &headers, r#"{"message": "bad sk-secret"}"#), now());
    assert_eq!(refused, Err(Fault::Refused("400 ValidationException, request r-1".to_owned())));
    let failed = read(&got(424, &[("x-amzn-errortype", "ModelErrorException")], "{}"), now());
    assert_eq!(failed, Err(Fault::Failed("424 ModelErrorException, request without an id".to_owned())));
}
