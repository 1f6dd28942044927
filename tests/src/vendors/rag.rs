//! A retrieval service as `docs/rag-service.md` lays it down, from the vendor's side.

use super::{
    anthropic::only,
    wire::{Heard, Reply},
};
use serde_json::{Value, json};

pub(super) fn check(heard: &Heard) -> Result<Value, String> {
    let body = heard.posted("/search")?;
    only(&body, &["query", "top_k", "filters"])?;
    if body["query"].as_str().is_none_or(str::is_empty) || !(1..=60).contains(&body["top_k"].as_u64().unwrap_or(0)) {
        return Err("query or top_k is not of its form".to_owned());
    }
    only(&body["filters"], &["tenant_id", "store_id", "role", "category"])?;
    for name in ["tenant_id", "store_id", "role"] {
        if body["filters"][name].as_str().is_none_or(str::is_empty) {
            return Err(format!("filters.{name} is missing"));
        }
    }
    Ok(body)
}

/// Finds the product `id`.
pub(super) fn finds(id: &str) -> Value {
    json!({"results": [{"id": id, "text": "scripted", "similarity": 0.9}]})
}

pub(super) fn error(status: u16, why: &str) -> Reply {
    Reply::json(status, &json!({"detail": why}))
}
