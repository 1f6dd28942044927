//! What every provider's reply has in common: a status, a content type, bounds.

use super::{Call, Fault, Reply};
use http::{HeaderMap, header};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::fetch::Fetched;
use std::{collections::HashSet, time::Duration};

/// The most calls of one reply.
const MAX_CALLS: usize = 32;
/// The longest id or name of a call, in bytes.
const MAX_NAME_BYTES: usize = 256;
/// The longest answer, in bytes.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Why a reply is none of its form.
pub(super) fn form(why: impl Into<String>) -> Fault {
    Fault::Form(why.into())
}

/// The document of a 200, or the fault of any other status; `kind` is the provider's name for it, if it is a name.
pub(super) fn document<T: DeserializeOwned>(got: &Fetched, kind: Option<&str>, now: Timestamp) -> Result<T, Fault> {
    if got.status != 200 {
        return Err(refusal(got, kind, now));
    }
    let is_json = |value: &str| value.split(';').next().is_some_and(|kind| kind.trim() == "application/json");
    let kind = got.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !kind.is_some_and(is_json) {
        return Err(form("it is not JSON by its content type"));
    }
    // What serde says quotes the reply: where it stumbled is enough.
    serde_json::from_slice(&got.body).map_err(|why| match why.classify() {
        serde_json::error::Category::Data => form(format!("it lacks what a reply has (byte {})", why.column())),
        _ => form("it is not JSON"),
    })
}

fn refusal(got: &Fetched, kind: Option<&str>, now: Timestamp) -> Fault {
    let kind = kind.filter(|kind| is_name(kind)).unwrap_or("no name");
    let request = ["request-id", "x-request-id", "x-amzn-requestid"]
        .iter()
        .find_map(|name| got.headers.get(*name)?.to_str().ok().filter(|id| is_name(id)));
    let what = format!("{} {kind}, request {}", got.status, request.unwrap_or("without an id"));
    match got.status {
        401 | 403 => Fault::Key,
        429 | 529 => Fault::Busy { retry_after: retry_after(&got.headers, now) },
        408 | 409 | 424 | 500.. => Fault::Failed(what),
        100..=399 => form(what),
        _ => Fault::Refused(what),
    }
}

/// Whether a text is a name and no sentence: it may stand in a log.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=80).contains(&text.len()) && text.bytes().all(plain)
}

/// When to come again (RFC 9110 §10.2.3): seconds or a date; `retry-after-ms` where it is given is finer.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(ms) = text("retry-after-ms").and_then(|ms| ms.parse().ok()) {
        return Some(Duration::from_millis(ms));
    }
    let told = text("retry-after")?;
    if let Ok(seconds) = told.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let at = jiff::fmt::rfc2822::parse(told).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

/// A reply that ended by itself: `calls` where it `wants` them answered, else words.
pub(super) fn whole(text: String, calls: Vec<Call>, wants: bool, tokens: u64) -> Result<Reply, Fault> {
    if text.len() > MAX_TEXT_BYTES || calls.len() > MAX_CALLS {
        return Err(form("it says or calls more than anyone could mean"));
    }
    let named = |text: &str| !text.is_empty() && text.len() <= MAX_NAME_BYTES;
    let mut ids = HashSet::new();
    if !calls.iter().all(|call| named(&call.id) && named(&call.name) && ids.insert(call.id.as_str())) {
        return Err(form("a call has no name or id of its own"));
    }
    if !calls.iter().all(|call| call.arguments.is_object()) {
        return Err(form("a call's arguments are no object"));
    }
    if wants == calls.is_empty() {
        return Err(form("it calls tools and is done, or calls none and waits"));
    }
    if calls.is_empty() && text.trim().is_empty() {
        return Err(form("it is empty"));
    }
    Ok(Reply { text, calls, tokens })
}

/// Content as a model is given it: text, as every format has a place for it.
pub(super) fn told(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Adds the parts of a text.
pub(super) fn join(text: &mut String, part: &str) {
    if !text.is_empty() && !part.is_empty() {
        text.push('\n');
    }
    text.push_str(part);
}
