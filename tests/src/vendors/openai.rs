//! OpenAI's Chat Completions API, from the vendor's side.

use super::{
    anthropic::only,
    wire::{Heard, Reply},
};
use serde_json::{Value, json};

pub(super) fn check(heard: &Heard) -> Result<Value, String> {
    let body = heard.posted("/v1/chat/completions")?;
    only(&body, &["model", "messages", "tools", "max_tokens"])?;
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    // A server of one's own, as this one is, knows the limit by its old name alone.
    if !text(&body["model"]) || body["max_tokens"].as_u64().is_none_or(|most| most == 0) {
        return Err("model or max_tokens is missing".to_owned());
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        only(tool, &["type", "function"])?;
        only(&tool["function"], &["name", "description", "parameters"])?;
        let function = &tool["function"];
        if tool["type"] != "function" || !text(&function["name"]) || function["parameters"]["type"] != "object" {
            return Err("tools: a function with a name and the schema of an object is required".to_owned());
        }
    }
    if body["tools"].as_array().is_some_and(Vec::is_empty) {
        return Err("[] is too short - 'tools'".to_owned());
    }
    let mut waiting: Vec<Value> = Vec::new();
    let messages = body["messages"].as_array().ok_or("messages is missing")?;
    for (index, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if (index == 0) != (role == "system") {
            return Err(format!("messages.[{index}]: the first alone is the system's"));
        }
        if role != "tool" && !waiting.is_empty() {
            return Err("tool_calls must be followed by tool messages responding to each tool_call_id".to_owned());
        }
        match role {
            "system" | "user" if text(&message["content"]) => only(message, &["role", "content"])?,
            "assistant" => {
                only(message, &["role", "content", "tool_calls"])?;
                let calls = message["tool_calls"].as_array();
                if calls.is_none_or(Vec::is_empty) && !text(&message["content"]) {
                    return Err(format!("messages.[{index}]: it says and calls nothing"));
                }
                for call in calls.into_iter().flatten() {
                    let arguments = call["function"]["arguments"].as_str();
                    let object = arguments.and_then(|text| serde_json::from_str::<Value>(text).ok());
                    let whole = object.is_some_and(|object| object.is_object());
                    if call["type"] != "function" || !text(&call["id"]) || !text(&call["function"]["name"]) || !whole {
                        return Err(format!("messages.[{index}]: a call is not of its form"));
                    }
                    waiting.push(call["id"].clone());
                }
            }
            "tool" if message["content"].is_string() => {
                only(message, &["role", "content", "tool_call_id"])?;
                let at = waiting.iter().position(|id| *id == message["tool_call_id"]);
                waiting.remove(at.ok_or("a tool message must respond to a preceding tool_call")?);
            }
            _ => return Err(format!("messages.[{index}]: it is not of its form")),
        }
    }
    let last = messages.last().map(|message| &message["role"]);
    if !waiting.is_empty() || !last.is_some_and(|role| role == "user" || role == "tool") {
        return Err("the conversation does not end with what is to be answered".to_owned());
    }
    Ok(body)
}

fn completion(message: Value, finish: &str) -> Value {
    json!({
        "id": "chatcmpl-scripted", "object": "chat.completion", "created": 1_700_000_000, "model": "scripted",
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    })
}

pub(super) fn says(text: &str) -> Value {
    completion(json!({"role": "assistant", "content": text, "refusal": null}), "stop")
}

pub(super) fn calls(calls: &[(&str, Value)], turn: usize) -> Value {
    let call = |(index, (name, arguments)): (usize, &(&str, Value))| {
        let function = json!({"name": name, "arguments": arguments.to_string()});
        json!({"id": format!("call_{turn}_{index}"), "type": "function", "function": function})
    };
    let calls: Vec<_> = calls.iter().enumerate().map(call).collect();
    completion(json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": calls}), "tool_calls")
}

pub(super) fn error(status: u16, why: &str) -> Reply {
    let kind = match status {
        401 => "invalid_api_key",
        429 => "rate_limit_exceeded",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    let error = json!({"error": {"message": why, "type": "invalid_request_error", "param": null, "code": kind}});
    Reply::json(status, &error).with("x-request-id", "req_scripted")
}
