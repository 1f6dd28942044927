//! Anthropic's Messages API: `POST /v1/messages`.
//!
//! Format: <https://docs.claude.com/en/api/messages>, errors: <https://docs.claude.com/en/api/errors>. A model's words and calls
//! are blocks of one message, roles alternate, and every `tool_use` is answered by a `tool_result` in the very next message.

use super::{
    Call, Fault, Message, Reply, Turn,
    reply::{document, form, join, told, whole},
};
use http::{HeaderValue, Request};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{fetch::Fetched, secrets::SecretString};

/// Anthropic's own.
const URL: &str = "https://api.anthropic.com";
/// The version of the format.
const VERSION: &str = "2023-06-01";

/// A model of Anthropic's.
#[derive(Clone, Debug)]
pub(super) struct Anthropic {
    model: String,
    url: String,
}

impl Anthropic {
    pub(super) fn new(model: String, url: Option<String>) -> Self {
        let base = url.unwrap_or_else(|| URL.to_owned());
        // Both forms of a base are in use: with the version and without it.
        let base = base.strip_suffix("/v1").unwrap_or(&base);
        Self { model, url: format!("{base}/v1/messages") }
    }

    pub(super) fn request(&self, body: Vec<u8>, key: Option<&SecretString>) -> Result<Request<Vec<u8>>, Fault> {
        let mut request = Request::post(&self.url)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .header("anthropic-version", VERSION);
        if let Some(key) = key {
            let mut value = HeaderValue::from_str(key.expose().trim()).map_err(|_| Fault::Key)?;
            value.set_sensitive(true);
            request = request.header("x-api-key", value);
        }
        request.body(body).map_err(|_| Fault::Refused("its URL is none".to_owned()))
    }

    pub(super) fn body(&self, turn: Turn<'_>) -> Value {
        let mut body = json!({
            "model": self.model,
            "max_tokens": turn.max_tokens,
            "system": turn.system,
            "messages": messages(turn.messages),
        });
        let mut tools: Vec<Value> = turn
            .tools
            .iter()
            .map(|tool| json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters}))
            .collect();
        if tools.is_empty() {
            // Calls may stand in a conversation only where their tools are told; none of them may be called again.
            tools = called(turn.messages)
                .into_iter()
                .map(|name| json!({"name": name, "input_schema": {"type": "object"}}))
                .collect();
            if !tools.is_empty() {
                body["tool_choice"] = json!({"type": "none"});
            }
        }
        if !tools.is_empty() {
            body["tools"] = tools.into();
        }
        body
    }
}

/// The names of the tools that were called, each once.
fn called(messages: &[Message]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for message in messages {
        if let Message::Model { calls, .. } = message {
            names.extend(calls.iter().map(|call| call.name.as_str()));
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

fn messages(messages: &[Message]) -> Vec<Value> {
    let mut all: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in messages {
        let (role, blocks) = match message {
            Message::Person(text) => ("user", vec![json!({"type": "text", "text": text})]),
            Message::Model { text, calls } => {
                let words = (!text.trim().is_empty()).then(|| json!({"type": "text", "text": text}));
                let calls = calls
                    .iter()
                    .map(|call| json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}));
                ("assistant", words.into_iter().chain(calls).collect())
            }
            Message::Results(results) => {
                let result = results.iter().map(|result| {
                    let mut block = json!({"type": "tool_result", "tool_use_id": result.id});
                    block["content"] = told(&result.content).into();
                    if result.is_error {
                        block["is_error"] = true.into();
                    }
                    block
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
    let error: Option<ErrorDocument> = serde_json::from_slice(&got.body).ok();
    let reply: Document = document(got, error.as_ref().map(|error| error.error.kind.as_str()), now)?;
    if (reply.kind.as_str(), reply.role.as_str()) != ("message", "assistant") {
        return Err(form("it is no message of an assistant"));
    }
    let (mut text, mut calls) = (String::new(), Vec::new());
    for block in reply.content {
        match block {
            Block::Text { text: part } => join(&mut text, &part),
            Block::ToolUse { id, name, input } => calls.push(Call { id, name, arguments: input }),
            Block::Thinking | Block::RedactedThinking => {}
        }
    }
    let usage = reply.usage;
    let read = [Some(usage.input_tokens), usage.cache_creation_input_tokens, usage.cache_read_input_tokens];
    let tokens = read.into_iter().flatten().fold(usage.output_tokens, u64::saturating_add);
    match reply.stop_reason.as_deref() {
        Some("tool_use") => whole(text, calls, true, tokens),
        Some("end_turn" | "stop_sequence") => whole(text, calls, false, tokens),
        Some(early @ ("max_tokens" | "refusal" | "pause_turn" | "model_context_window_exceeded")) => {
            Err(Fault::Stopped(early.to_owned()))
        }
        _ => Err(form("it does not say why it ended")),
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "type")]
    kind: String,
    role: String,
    content: Vec<Block>,
    stop_reason: Option<String>,
    usage: Usage,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text { text: String },
    ToolUse { id: String, name: String, input: Value },
    Thinking,
    RedactedThinking,
}

#[derive(Deserialize)]
struct Usage {
    input_tokens: u64,
    output_tokens: u64,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct ErrorDocument {
    error: ErrorBody,
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(rename = "type")]
    kind: String,
}

#[cfg(test)]
mod tests;
