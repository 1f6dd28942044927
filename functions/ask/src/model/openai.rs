//! OpenAI's Chat Completions API, and what speaks it: `POST {base}/chat/completions`.
//!
//! Format: <https://platform.openai.com/docs/api-reference/chat>. A call's arguments are JSON within a string, each result is a
//! message of its own, and a server of one's own may do without a key.

use super::{
    Call, Fault, Message, Reply, Turn,
    reply::{document, form, told, whole},
};
use crate::config::is_openai;
use http::{HeaderValue, Request};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{fetch::Fetched, secrets::SecretString};
use std::collections::HashSet;

/// OpenAI's own, with the version.
const URL: &str = "https://api.openai.com/v1";

/// A model of OpenAI's, or of a server that speaks its format.
#[derive(Clone, Debug)]
pub(super) struct OpenAi {
    model: String,
    url: String,
    /// The limit of tokens under the name that the server knows: OpenAI has renamed it, and others know the old name alone.
    limit: &'static str,
}

impl OpenAi {
    pub(super) fn new(model: String, url: Option<String>) -> Self {
        let limit = if is_openai(url.as_deref()) { "max_completion_tokens" } else { "max_tokens" };
        Self { model, url: format!("{}/chat/completions", url.as_deref().unwrap_or(URL)), limit }
    }

    pub(super) fn request(&self, body: Vec<u8>, key: Option<&SecretString>) -> Result<Request<Vec<u8>>, Fault> {
        let mut request =
            Request::post(&self.url).header("content-type", "application/json").header("accept", "application/json");
        if let Some(key) = key {
            let bearer = format!("Bearer {}", key.expose().trim());
            let mut value = HeaderValue::from_str(&bearer).map_err(|_| Fault::Key)?;
            value.set_sensitive(true);
            request = request.header("authorization", value);
        }
        request.body(body).map_err(|_| Fault::Refused("its URL is none".to_owned()))
    }

    pub(super) fn body(&self, turn: Turn<'_>) -> Value {
        let mut messages = vec![json!({"role": "system", "content": turn.system})];
        messages.extend(turn.messages.iter().flat_map(message));
        let mut body = json!({"model": self.model, "messages": messages});
        body[self.limit] = turn.max_tokens.into();
        if !turn.tools.is_empty() {
            let tools = turn.tools.iter().map(|tool| {
                let function =
                    json!({"name": tool.name, "description": tool.description, "parameters": tool.parameters});
                json!({"type": "function", "function": function})
            });
            body["tools"] = tools.collect();
        }
        body
    }
}

fn message(message: &Message) -> Vec<Value> {
    match message {
        Message::Person(text) => vec![json!({"role": "user", "content": text})],
        Message::Model { text, calls } => {
            let mut said = json!({"role": "assistant"});
            said["content"] = if text.is_empty() && !calls.is_empty() { Value::Null } else { text.as_str().into() };
            if !calls.is_empty() {
                let calls = calls.iter().map(|call| {
                    let function = json!({"name": call.name, "arguments": call.arguments.to_string()});
                    json!({"id": call.id, "type": "function", "function": function})
                });
                said["tool_calls"] = calls.collect();
            }
            vec![said]
        }
        // The format has no place for "this is an error": the content says so itself.
        Message::Results(results) => results
            .iter()
            .map(|result| json!({"role": "tool", "tool_call_id": result.id, "content": told(&result.content)}))
            .collect(),
    }
}

/// Reads a reply.
pub(super) fn read(got: &Fetched, now: Timestamp) -> Result<Reply, Fault> {
    let error: Option<ErrorDocument> = serde_json::from_slice(&got.body).ok();
    let kind = error.and_then(|error| error.error.code.filter(Value::is_string).or(error.error.kind));
    let reply: Document = document(got, kind.as_ref().and_then(Value::as_str), now)?;
    let Some(choice) = reply.choices.into_iter().next() else { return Err(form("it has no choice")) };
    let said = choice.message;
    if said.role != "assistant" {
        return Err(form("it is no message of an assistant"));
    }
    if said.refusal.is_some_and(|refusal| !refusal.is_empty()) {
        return Err(Fault::Stopped("refusal".to_owned()));
    }
    let mut calls = Vec::new();
    for call in said.tool_calls.unwrap_or_default() {
        if call.kind.is_some_and(|kind| kind != "function") {
            return Err(form("it calls what is no function"));
        }
        let arguments = match call.function.arguments {
            // Some servers leave the arguments of a tool without any empty.
            Value::String(text) if text.trim().is_empty() => json!({}),
            Value::String(text) => serde_json::from_str(&text).map_err(|_| form("a call's arguments are not JSON"))?,
            // Others send them as they are, and not as text.
            other => other,
        };
        calls.push(Call { id: call.id.unwrap_or_default(), name: call.function.name, arguments });
    }
    number(&mut calls);
    let wants = !calls.is_empty();
    let tokens = reply.usage.map_or(0, |usage| usage.total_tokens);
    match choice.finish_reason.as_deref() {
        // Compatible servers end a call with `stop` as well.
        Some("stop") => whole(said.content.unwrap_or_default(), calls, wants, tokens),
        Some("tool_calls") => whole(said.content.unwrap_or_default(), calls, true, tokens),
        Some(early @ ("length" | "content_filter")) => Err(Fault::Stopped(early.to_owned())),
        _ => Err(form("it does not say why it ended")),
    }
}

/// Gives each call an id of its own where a server gave none, or one to several: results are told apart by them.
fn number(calls: &mut [Call]) {
    let distinct: HashSet<&str> = calls.iter().map(|call| call.id.as_str()).collect();
    if distinct.contains("") || distinct.len() < calls.len() {
        calls.iter_mut().enumerate().for_each(|(at, call)| call.id = format!("call_{at}"));
    }
}

#[derive(Deserialize)]
struct Document {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    role: String,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCall>>,
}

#[derive(Deserialize)]
struct ToolCall {
    #[serde(default)]
    id: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    arguments: Value,
}

#[derive(Deserialize)]
struct Usage {
    total_tokens: u64,
}

#[derive(Deserialize)]
struct ErrorDocument {
    error: ErrorBody,
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    code: Option<Value>,
    #[serde(default, rename = "type")]
    kind: Option<Value>,
}

#[cfg(test)]
mod tests;
