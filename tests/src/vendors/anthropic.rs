//! Anthropic's Messages API, from the vendor's side.

use super::wire::{Heard, Reply};
use serde_json::{Value, json};

pub(super) fn check(heard: &Heard) -> Result<Value, String> {
    let body = heard.posted("/v1/messages")?;
    if heard.header("anthropic-version") != Some("2023-06-01") {
        return Err("anthropic-version: header is required".to_owned());
    }
    if heard.header("x-api-key").is_none_or(str::is_empty) {
        return Err("x-api-key: header is required".to_owned());
    }
    let known = ["model", "max_tokens", "system", "messages", "tools", "tool_choice"];
    only(&body, &known)?;
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    if !text(&body["model"]) || !text(&body["system"]) || body["max_tokens"].as_u64().is_none_or(|most| most == 0) {
        return Err("model, system or max_tokens is missing".to_owned());
    }
    let mut tools = Vec::new();
    for tool in body["tools"].as_array().into_iter().flatten() {
        only(tool, &["name", "description", "input_schema"])?;
        if !text(&tool["name"]) || tool["input_schema"]["type"] != "object" {
            return Err("tools: a name and an input_schema of an object are required".to_owned());
        }
        tools.push(&tool["name"]);
    }
    if body.get("tools").is_some() && tools.is_empty() {
        return Err("tools: it is empty".to_owned());
    }
    let choice = &body["tool_choice"]["type"];
    if !choice.is_null() && (tools.is_empty() || !["auto", "any", "none"].iter().any(|kind| choice == kind)) {
        return Err("tool_choice: it needs tools and a known type".to_owned());
    }
    let mut waiting: Vec<Value> = Vec::new();
    let messages = body["messages"].as_array().filter(|all| !all.is_empty()).ok_or("messages: at least one")?;
    for (index, message) in messages.iter().enumerate() {
        only(message, &["role", "content"])?;
        let role = if index % 2 == 0 { "user" } else { "assistant" };
        if message["role"] != role {
            return Err(format!("messages.{index}: roles must alternate"));
        }
        let blocks = message["content"].as_array().filter(|blocks| !blocks.is_empty());
        let blocks = blocks.ok_or_else(|| format!("messages.{index}: content is empty"))?;
        let mut calls = Vec::new();
        for block in blocks {
            match block["type"].as_str() {
                Some("text") if text(&block["text"]) => only(block, &["type", "text"])?,
                // Tools must be told where calls stand; which, is not held against a call that a model made up.
                Some("tool_use") if role == "assistant" && block["input"].is_object() && !tools.is_empty() => {
                    if !text(&block["name"]) {
                        return Err(format!("messages.{index}: a call without a name"));
                    }
                    only(block, &["type", "id", "name", "input"])?;
                    calls.push(block["id"].clone());
                }
                Some("tool_result") if role == "user" && block["content"].is_string() => {
                    only(block, &["type", "tool_use_id", "content", "is_error"])?;
                    let at = waiting.iter().position(|id| *id == block["tool_use_id"]);
                    waiting.remove(at.ok_or_else(|| format!("messages.{index}: unexpected tool_use_id"))?);
                }
                _ => return Err(format!("messages.{index}: a block is not of its form: {block}")),
            }
        }
        if !waiting.is_empty() {
            return Err(format!("messages.{index}: tool_use ids were found without tool_result blocks"));
        }
        waiting = calls;
    }
    if messages.len() % 2 == 0 {
        return Err("messages: the last must be the user's".to_owned());
    }
    Ok(body)
}

/// Refuses members that the format has not, or that nobody should send here.
pub(super) fn only(value: &Value, known: &[&str]) -> Result<(), String> {
    let members = value.as_object().ok_or("an object is required")?;
    let extra = members.keys().find(|name| !known.contains(&name.as_str()));
    extra.map_or(Ok(()), |name| Err(format!("{name}: extra inputs are not permitted")))
}

fn message(content: Value, stop: &str) -> Value {
    json!({
        "id": "msg_scripted", "type": "message", "role": "assistant", "model": "scripted", "content": content,
        "stop_reason": stop, "stop_sequence": null,
        "usage": {"input_tokens": 7, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 3},
    })
}

pub(super) fn says(text: &str) -> Value {
    message(json!([{"type": "text", "text": text}]), "end_turn")
}

pub(super) fn calls(calls: &[(&str, Value)], turn: usize) -> Value {
    let block = |(index, (name, input)): (usize, &(&str, Value))| json!({"type": "tool_use", "id": format!("toolu_{turn}_{index}"), "name": name, "input": input});
    message(calls.iter().enumerate().map(block).collect(), "tool_use")
}

pub(super) fn error(status: u16, why: &str) -> Reply {
    let kind = match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    let error = json!({"type": "error", "error": {"type": kind, "message": why}, "request_id": "req_scripted"});
    Reply::json(status, &error).with("request-id", "req_scripted")
}
