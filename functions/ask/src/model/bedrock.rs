//! Amazon Bedrock's Converse API: `POST /model/{modelId}/converse`, signed with the function's own credentials.
//!
//! Format: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>. Converse cannot be told that no
//! tool may be called, and refuses calls in a conversation whose tools are not told: where the model must answer now, what was
//! called and found stands in words.

use super::{
    Call, Fault, Message, Reply, Turn,
    reply::{document, form, join, told, whole},
};
use http::Request;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{aws::Aws, fetch::Fetched, signer::Signer};

/// A model at Bedrock.
#[derive(Clone, Debug)]
pub(super) struct Bedrock {
    url: String,
    signer: Signer,
}

impl Bedrock {
    pub(super) fn new(model: String, url: Option<String>, aws: &Aws) -> Self {
        let signer = aws.signer("bedrock");
        let base = url.unwrap_or_else(|| format!("https://bedrock-runtime.{}.amazonaws.com", signer.region()));
        Self { url: format!("{base}/model/{}/converse", encoded(&model)), signer }
    }

    pub(super) async fn request(&self, body: Vec<u8>, now: Timestamp) -> Result<Request<Vec<u8>>, Fault> {
        let request = Request::post(&self.url)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(body)
            .map_err(|_| Fault::Refused("its URL is none".to_owned()))?;
        self.signer.sign(request, now).await.map_err(|why| Fault::Failed(why.to_string()))
    }
}

/// A model's id as one part of a path: ids hold colons, and profiles' names slashes.
fn encoded(model: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let each = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    model.bytes().map(each).collect()
}

/// Builds the body of a request.
pub(super) fn body(turn: Turn<'_>) -> Value {
    let mut body = json!({
        "system": [{"text": turn.system}],
        "messages": messages(turn.messages, turn.tools.is_empty()),
        "inferenceConfig": {"maxTokens": turn.max_tokens},
    });
    if !turn.tools.is_empty() {
        let tools = turn.tools.iter().map(|tool| {
            let schema = json!({"json": tool.parameters});
            json!({"toolSpec": {"name": tool.name, "description": tool.description, "inputSchema": schema}})
        });
        body["toolConfig"] = json!({"tools": tools.collect::<Vec<_>>()});
    }
    body
}

fn messages(messages: &[Message], in_words: bool) -> Vec<Value> {
    let mut all: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in messages {
        let (role, blocks) = match message {
            Message::Person(text) => ("user", vec![json!({"text": text})]),
            Message::Model { text, calls } => {
                let words = (!text.trim().is_empty()).then(|| json!({"text": text}));
                let call = |call: &Call| {
                    if in_words {
                        json!({"text": format!("I look up {} with {}.", call.name, call.arguments)})
                    } else {
                        json!({"toolUse": {"toolUseId": call.id, "name": call.name, "input": call.arguments}})
                    }
                };
                ("assistant", words.into_iter().chain(calls.iter().map(call)).collect())
            }
            Message::Results(results) => {
                let result = results.iter().map(|result| {
                    let text = told(&result.content);
                    if in_words {
                        return json!({"text": format!("{} gave: {text}", result.name)});
                    }
                    let status = if result.is_error { "error" } else { "success" };
                    json!({"toolResult": {"toolUseId": result.id, "content": [{"text": text}], "status": status}})
                });
                ("user", result.collect())
            }
        };
        match all.last_mut() {
            Some((last, before)) if *last == role => before.extend(blocks),
            _ => all.push((role, blocks)),
        }
    }
    all.into_iter().map(|(role, content)| json!({"role": role, "content": content})).collect()
}

/// Reads a reply.
pub(super) fn read(got: &Fetched, now: Timestamp) -> Result<Reply, Fault> {
    let kind = got.headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    // The header may go on with a namespace: `ThrottlingException:http://…`.
    let kind = kind.and_then(|kind| kind.split([':', '#']).next());
    let reply: Document = document(got, kind, now)?;
    let said = reply.output.message;
    if said.role != "assistant" {
        return Err(form("it is no message of an assistant"));
    }
    let (mut text, mut calls) = (String::new(), Vec::new());
    for block in said.content {
        match block {
            Block::Text(part) => join(&mut text, &part),
            Block::ToolUse { tool_use_id, name, input } => {
                calls.push(Call { id: tool_use_id, name, arguments: input });
            }
            Block::ReasoningContent(_) => {}
        }
    }
    let tokens = reply.usage.total_tokens;
    match reply.stop_reason.as_str() {
        "tool_use" => whole(text, calls, true, tokens),
        "end_turn" | "stop_sequence" => whole(text, calls, false, tokens),
        "max_tokens" | "guardrail_intervened" | "content_filtered" | "model_context_window_exceeded" => {
            Err(Fault::Stopped(reply.stop_reason))
        }
        "malformed_model_output" | "malformed_tool_use" => Err(form("the provider itself finds it malformed")),
        _ => Err(form("it does not say why it ended")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    output: Output,
    stop_reason: String,
    usage: Usage,
}

#[derive(Deserialize)]
struct Output {
    message: Said,
}

#[derive(Deserialize)]
struct Said {
    role: String,
    content: Vec<Block>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Block {
    Text(String),
    #[serde(rename_all = "camelCase")]
    ToolUse {
        tool_use_id: String,
        name: String,
        input: Value,
    },
    ReasoningContent(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    total_tokens: u64,
}

#[cfg(test)]
mod tests;
