//! Handlers: a question in, an answer out.

use crate::{
    Answering, App, Provider,
    agent::{self, Asking, FallbackReason, Settled},
    answer::{self, Answer, Citation, Facts, Intent, Tool},
    budget::Budget,
    error::Error,
    facts::{self, Aisles, Products},
    recall::{NoRecall, Report, Sought, What},
};
use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};
use shared::{
    auth::{Caller, Permission},
    ids::StoreId,
    locale::{self, Locale},
    problem::ProblemDocument,
    telemetry::{Metric, Outcome, metrics},
    web::{Json, lambda::Deadline, request},
};
use std::time::{Duration, Instant};
use tracing::{Instrument, field, info_span};

/// The longest question, in characters.
pub(crate) const MAX_QUESTION_CHARS: usize = 2_000;
/// The longest category, in characters.
const MAX_CATEGORY_CHARS: usize = 300;
/// The longest session id, in characters.
const MAX_SESSION_CHARS: usize = 128;
/// What is left of an invocation's time for telling that it ran out.
const MARGIN: Duration = Duration::from_millis(500);

/// A question about a store.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct AskRequest {
    /// What is asked, in English, Spanish or French; 1 to 2,000 characters.
    #[schema(min_length = 1, max_length = 2_000, example = "where is the oat milk?")]
    question: String,
    /// The store that is asked; one of the token's stores.
    store_id: StoreId,
    /// The category that a follow-up stands in: `oat milk` for "the cheapest one?".
    #[serde(default)]
    #[schema(max_length = 300)]
    category: Option<String>,
    /// The conversation that the question belongs to; for the caller's own use.
    #[serde(default)]
    #[schema(max_length = 128)]
    session_id: Option<String>,
}

/// An answer with its sources.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AskResponse {
    /// The answer in words, in the language of `content-language`.
    #[schema(example = "Oatly Oat Milk 1 l is in aisle 7, bay 2.")]
    answer: String,
    /// Whether the question is answered; `false` where the store does not carry the thing.
    answer_found: bool,
    /// Whether the answer was kept from an equal question.
    cache_hit: bool,
    /// Every product or store of which the answer states a fact.
    citations: Vec<Citation>,
    /// The request, as in `x-request-id`.
    request_id: String,
    /// The trace, as in `traceparent`.
    trace_id: String,
    /// What retrieval did.
    rag: RagReport,
    /// What the answer cost.
    usage: Usage,
    /// The tools that ran, in order.
    tools_used: Vec<Tool>,
    /// Who wrote the answer: a language model's provider, or `extractive`, which makes sentences from the facts alone.
    answered_by: Provider,
    /// Why it was not the model that is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_reason: Option<FallbackReason>,
}

/// What retrieval did for an answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RagReport {
    /// Whether retrieval worked; the answer stands without it where it did not.
    available: bool,
    /// Why it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<NoRecall>,
    /// How many products reached the threshold.
    results_found: usize,
    /// Their mean probability of relevance, to three decimals.
    average_similarity: f64,
    /// How long retrieval took, in milliseconds.
    query_time_ms: u64,
}

/// What an answer cost.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Usage {
    /// Tokens of a language model; 0 where none took part.
    tokens_used: u64,
}

/// Answers a question about a store.
#[utoipa::path(
    post,
    path = "/ask",
    tag = "ask",
    request_body = AskRequest,
    params(
        ("x-sheen-locale" = Option<String>, Header, description = "The language of the answer: `en`, `es` or `fr`; by default the token's, else `en`."),
        ("x-tenant-id" = Option<String>, Header, description = "If given, it must be the token's tenant."),
    ),
    responses(
        (status = 200, body = AskResponse, description = "The answer, or a plain sentence that there is none (`answer_found`)."),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json", description = "The body or a header is malformed."),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json", description = "No valid token."),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "The store is not the caller's, or the role may not know what is asked."),
        (status = 404, body = ProblemDocument, content_type = "application/problem+json", description = "The store does not exist."),
        (status = 413, body = ProblemDocument, content_type = "application/problem+json", description = "The body is over 256 KiB."),
        (status = 415, body = ProblemDocument, content_type = "application/problem+json", description = "The body is not JSON."),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json", description = "The question is empty or too long."),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json", description = "A store behind this one did not answer in time, or the answer needs a language model that failed (`llm.unavailable`)."),
    ),
    security(("firebase" = [])),
)]
pub(crate) async fn ask(
    State(app): State<App>,
    caller: Caller,
    deadline: Option<Extension<Deadline>>,
    headers: HeaderMap,
    Json(body): Json<AskRequest>,
) -> Result<Response, Error> {
    let span = info_span!("ask_request", user_id = caller.person().hashed(), store_id = %body.store_id);
    let left = deadline.map(|Extension(deadline)| deadline.remaining().saturating_sub(MARGIN));
    let time = left.map_or(app.config.deadline, |left| left.min(app.config.deadline));
    let locale = locale::of(&headers, caller.locale());
    let budget = Budget::new(time, app.config.answering.reserve);
    let answered = tokio::time::timeout(time, answered(&app, &caller, body, locale, budget)).instrument(span).await;
    let response = answered.unwrap_or(Err(Error::Deadline)).inspect_err(|error| count(outcome_of(error)))?;
    count(if response.answer_found { Outcome::Ok } else { Outcome::Declined });
    let language = [(header::CONTENT_LANGUAGE, HeaderValue::from_static(locale.tag()))];
    Ok((language, Json(response)).into_response())
}

async fn answered(
    app: &App,
    caller: &Caller,
    body: AskRequest,
    locale: Locale,
    budget: Budget,
) -> Result<AskResponse, Error> {
    let chars = body.question.chars().count();
    if body.question.trim().is_empty() || chars > MAX_QUESTION_CHARS {
        return Err(Error::Question { chars });
    }
    for (member, text, max) in
        [("category", &body.category, MAX_CATEGORY_CHARS), ("session_id", &body.session_id, MAX_SESSION_CHARS)]
    {
        if text.as_ref().is_some_and(|text| text.chars().count() > max) {
            return Err(Error::TooLong { member, max });
        }
    }
    let scope = caller.store(&body.store_id)?;
    let role = caller.role();
    let category = body.category.as_deref().map(str::trim).filter(|category| !category.is_empty());
    let intent = Intent::of(&body.question, locale);
    let words = intent.search_text(category);
    let needed = if words.is_none() && intent.aisle.is_none() && intent.hours.is_some() {
        Permission::CheckStoreHours
    } else {
        Permission::GetProductLocation
    };
    caller.may(needed)?;
    let aisles = Aisles { app, scope: &scope, role, budget };
    let recalling = async {
        let begun = Instant::now();
        let what = match (&words, &intent.aisle) {
            (Some(words), _) => What::Words(words),
            (None, Some(aisle)) => What::Aisle(aisle),
            (None, None) => What::Nothing,
        };
        let recalled = aisles.recall(Sought { what, category, limits: intent.limits }).await;
        Report { recalled, took: begun.elapsed() }
    };
    let (store, report) = tokio::join!(facts::store(&app.table, &scope), recalling);
    let store = store?;
    report.log();
    let products = match &report.recalled {
        Ok(recalled) => aisles.read(recalled).await?,
        Err(_) => Products::default(),
    };
    let now = app.clock.now();
    // The answer without a model. What the caller may not know is refused before one is asked; if it fails, this goes out.
    let draft = {
        let facts = Facts {
            hits: &products.hits,
            near: &products.near,
            recalled: report.recalled.is_ok(),
            store: &store,
            now,
            locale,
            category,
            limits: answer::Limits::default(),
            staff: products.staff.as_ref(),
            may: &|tool| facts::may(role, tool),
        };
        let span = match app.model {
            None => info_span!("llm_generation", tokens_used = 0),
            Some(_) => info_span!("draft"),
        };
        granted(caller, sourced(span.in_scope(|| answer::compose(&intent, &facts)), &facts))?
    };
    let Some(model) = &app.model else { return Ok(told(draft, &report, By::default())) };
    let retrieves = report.recalled.is_ok();
    let serves = serves(draft.found, retrieves, words.is_some() || intent.aisle.is_some());
    let Answering { max_tokens, max_tool_calls, turn_time, provider, .. } = app.config.answering;
    let question = &body.question;
    let store = &store;
    let asking =
        Asking { question, category, store, now, locale, role, max_tokens, max_tool_calls, turn_time, retrieves };
    let span = info_span!("llm_generation", tokens_used = field::Empty);
    let written = agent::write(model, &aisles, &asking, &budget).instrument(span.clone()).await;
    let tokens_used = written.tokens;
    span.record("tokens_used", tokens_used);
    metrics::emit(None, Outcome::Ok, &[Metric::count("ask_tokens_total", tokens_used)]);
    invented(written.invented);
    let Settled { answer, fallback } = written.settle(draft, serves)?;
    let provider = if fallback.is_none() { provider } else { Provider::Extractive };
    Ok(told(answer, &report, By { provider, fallback, tokens_used }))
}

/// Whether the draft tells something of what was asked. Where retrieval failed or is switched off, it says that: no fault of the
/// model's, and none for the caller (spec ASK-7, ASK-8).
fn serves(found: bool, retrieves: bool, understood: bool) -> bool {
    found || !retrieves || understood
}

/// Refuses with 403 where the question needs what the caller may not know, and is not otherwise answered.
fn granted(caller: &Caller, answer: Answer) -> Result<Answer, Error> {
    if let (Some(tool), false) = (answer.denied, answer.found) {
        let permission = Permission::of_tool(tool.name());
        permission.map_or(Ok(()), |permission| caller.may(permission))?;
    }
    Ok(answer)
}

/// Who wrote an answer, and at what cost.
#[derive(Default)]
struct By {
    provider: Provider,
    fallback: Option<FallbackReason>,
    tokens_used: u64,
}

/// Counts citations of what was not retrieved; they are left out.
fn invented(count: usize) {
    if count > 0 {
        tracing::error!(event = "citation_invented", count, "an answer cited what was not retrieved");
        metrics::emit(None, Outcome::Failed, &[Metric::count("ask_invented_citations_total", count as u64)]);
    }
}

/// What an answer cites must be among the facts that it was given: anything else is left out and counted.
fn sourced(mut answer: Answer, facts: &Facts<'_>) -> Answer {
    let given = |id: &str| {
        let store = id.strip_prefix("store:") == Some(facts.store.store_id.as_str());
        store || facts.hits.iter().chain(facts.near).any(|product| product.id.as_str() == id)
    };
    let cited = answer.citations.len();
    answer.citations.retain(|citation| given(&citation.id));
    invented(cited - answer.citations.len());
    answer
}

/// Puts an answer into its form.
fn told(answer: Answer, report: &Report, by: By) -> AskResponse {
    let context = request::current();
    AskResponse {
        answer: answer.text,
        answer_found: answer.found,
        cache_hit: false,
        citations: answer.citations,
        request_id: context.as_ref().map(|context| context.request_id.clone()).unwrap_or_default(),
        trace_id: context.map(|context| context.trace_id).unwrap_or_default(),
        rag: RagReport {
            available: report.recalled.is_ok(),
            reason: report.recalled.as_ref().err().copied(),
            results_found: report.found(),
            average_similarity: report.average_similarity(),
            query_time_ms: u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
        },
        usage: Usage { tokens_used: by.tokens_used },
        tools_used: answer.tools_used,
        answered_by: by.provider,
        fallback_reason: by.fallback,
    }
}

fn outcome_of(error: &Error) -> Outcome {
    match error {
        Error::Table(_) | Error::Deadline | Error::Model { .. } => Outcome::Failed,
        Error::Question { .. } | Error::TooLong { .. } | Error::NoSuchStore(_) | Error::Refused(_) => Outcome::Declined,
    }
}

fn count(outcome: Outcome) {
    metrics::emit(None, outcome, &[Metric::one("ask_answers_total")]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_question_that_was_not_understood_needs_the_model() {
        for (found, retrieves, understood) in (0..8).map(|bits| (bits & 1 == 1, bits & 2 == 2, bits & 4 == 4)) {
            let needs_model = (found, retrieves, understood) == (false, true, false);
            assert_eq!(serves(found, retrieves, understood), !needs_model, "{found} {retrieves} {understood}");
        }
    }
}
