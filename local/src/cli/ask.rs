//! `ask`: a question, and the answer with its sources on a terminal.

use super::{say, session::Session};
use crate::{claims::Claims, seed};
use anyhow::Result;
use clap::Args;
use http::Method;
use serde_json::{Value, json};
use std::path::Path;

#[derive(Debug, Args)]
pub(super) struct Ask {
    /// The store: downtown, madrid, main, or one of your own
    store: String,
    /// The question, in English, Spanish or French
    question: String,
    /// shopper, store_employee or admin
    #[arg(long, default_value = "shopper")]
    role: String,
    /// The language of the answer: en, es or fr
    #[arg(long, default_value = "en")]
    locale: String,
    /// The store's tenant; by default the sample tenant that has such a store, else the first one
    #[arg(long)]
    tenant: Option<String>,
}

/// Asks, and prints the answer and what it rests on.
pub(super) async fn run(state: &Path, ask: &Ask) -> Result<()> {
    let session = Session::open(state).await?;
    let asker = Claims::of("laptop").role(&ask.role).tenant(tenant(ask)).stores([&ask.store]);
    let body = json!({"store_id": ask.store, "question": ask.question}).to_string();
    let asker =
        session.person(asker).with_header("x-sheen-locale", if ask.locale.is_ascii() { &ask.locale } else { "en" });
    let answered = asker.send(Method::POST, "/ask", Some(("application/json", body.into()))).await;
    session.close().await;
    let answer = answered?.success()?.body;
    say(answer["answer"].as_str().unwrap_or_default());
    for citation in answer["citations"].as_array().into_iter().flatten() {
        say(format!("  source: {}", source(citation)));
    }
    say(format!("  answered by: {}", writer(&answer)));
    Ok(())
}

/// Who wrote an answer, and why it was not the model that is configured.
fn writer(answer: &Value) -> String {
    let by = answer["answered_by"].as_str().unwrap_or("nobody");
    answer["fallback_reason"]
        .as_str()
        .map_or_else(|| by.to_owned(), |why| format!("{by}, for the model's was not used: {why}"))
}

fn tenant(ask: &Ask) -> &str {
    let sample = || seed::SAMPLES.iter().find(|sample| sample.store == ask.store).map(|sample| sample.tenant);
    ask.tenant.as_deref().or_else(sample).unwrap_or(seed::TENANT)
}

/// A citation in one line: its texts and numbers, in their order.
fn source(citation: &Value) -> String {
    let Some(members) = citation.as_object() else { return citation.to_string() };
    let told = members.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| match value {
        Value::String(text) => format!("{name} {text}"),
        Value::Array(list) => format!("{name} {}", list.iter().map(plain).collect::<Vec<_>>().join("+")),
        other => format!("{name} {other}"),
    });
    told.collect::<Vec<_>>().join(", ")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
