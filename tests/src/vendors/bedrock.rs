//! Bedrock's Converse API, from the vendor's side.

use super::{
    anthropic::only,
    sigv4,
    wire::{Heard, Reply},
};
use serde_json::{Value, json};

pub(super) fn check(heard: &Heard) -> Result<Value, String> {
    let model = heard.path.strip_prefix("/model/").and_then(|rest| rest.strip_suffix("/converse"));
    if model.is_none_or(|model| model.is_empty() || model.contains(['/', ':'])) {
        return Err(format!("{} names no model", heard.path));
    }
    let body = heard.posted(&heard.path)?;
    // With any secret: that it is the right one was asked before, where a test wants to know.
    if sigv4::check(heard, "", "bedrock").is_err_and(|why| why != "the signature is wrong") {
        return Err("the request is not signed for bedrock".to_owned());
    }
    only(&body, &["system", "messages", "inferenceConfig", "toolConfig"])?;
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    if !text(&body["system"][0]["text"]) || body["inferenceConfig"]["maxTokens"].as_u64().is_none_or(|most| most == 0) {
        return Err("system or maxTokens is missing".to_owned());
    }
    for tool in body["toolConfig"]["tools"].as_array().into_iter().flatten() {
        let spec = &tool["toolSpec"];
        only(spec, &["name", "description", "inputSchema"])?;
        if !text(&spec["name"]) || !text(&spec["description"]) || spec["inputSchema"]["json"]["type"] != "object" {
            return Err("toolConfig: a tool is not of its form".to_owned());
        }
    }
    let has_tools = body["toolConfig"]["tools"].as_array().is_some_and(|tools| !tools.is_empty());
    if body.get("toolConfig").is_some() && !has_tools {
        return Err("toolConfig.tools: Member must have length greater than or equal to 1".to_owned());
    }
    let mut waiting: Vec<Value> = Vec::new();
    let messages =
        body["messages"].as_array().filter(|all| all.len() % 2 == 1).ok_or("messages: the last is the user's")?;
    for (index, message) in messages.iter().enumerate() {
        let role = if index % 2 == 0 { "user" } else { "assistant" };
        if message["role"] != role {
            return Err("A conversation must alternate between user and assistant roles".to_owned());
        }
        let blocks = message["content"].as_array().filter(|blocks| !blocks.is_empty());
        let mut calls = Vec::new();
        for block in blocks.ok_or("The content field is empty")? {
            if let Some(used) = block.get("toolUse").filter(|_| has_tools && role == "assistant") {
                only(used, &["toolUseId", "name", "input"])?;
                calls.push(used["toolUseId"].clone());
            } else if let Some(result) = block.get("toolResult").filter(|_| has_tools && role == "user") {
                only(result, &["toolUseId", "content", "status"])?;
                let at = waiting.iter().position(|id| *id == result["toolUseId"]);
                waiting.remove(at.ok_or("The number of toolResult blocks exceeds that of toolUse blocks")?);
                if !text(&result["content"][0]["text"]) || !["success", "error"].iter().any(|s| result["status"] == *s)
                {
                    return Err("a toolResult is not of its form".to_owned());
                }
            } else if !text(&block["text"]) {
                return Err(format!("a block is not of its form, or has no toolConfig: {block}"));
            }
        }
        if !waiting.is_empty() {
            return Err("Expected toolResult blocks for each toolUse".to_owned());
        }
        waiting = calls;
    }
    Ok(body)
}

fn output(content: Value, stop: &str) -> Value {
    json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop,
        "usage": {"inputTokens": 7, "outputTokens": 3, "totalTokens": 10},
        "metrics": {"latencyMs": 1},
    })
}

pub(super) fn says(text: &str) -> Value {
    output(json!([{"text": text}]), "end_turn")
}

pub(super) fn calls(calls: &[(&str, Value)], turn: usize) -> Value {
    let block = |(index, (name, input)): (usize, &(&str, Value))| json!({"toolUse": {"toolUseId": format!("tooluse_{turn}_{index}"), "name": name, "input": input}});
    output(calls.iter().enumerate().map(block).collect(), "tool_use")
}

pub(super) fn error(status: u16, why: &str) -> Reply {
    let kind = match status {
        403 => "AccessDeniedException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        500.. => "InternalServerException",
        _ => "ValidationException",
    };
    Reply::json(status, &json!({"message": why}))
        .with("x-amzn-errortype", &format!("{kind}:http://internal.amazon.com/"))
}
