//! The agent: a language model looks things up through this function's tools and puts what it found into words, and is believed
//! so far as the tools bear it out.
//!
//! A question is first answered without a model, from the facts alone: the draft. Then the model is asked, in turns. Each of its
//! calls is held to the verified caller's rights where it runs, at most `ASK_MAX_TOOL_CALLS` of them; after the last it must answer.
//! Its reply is judged: it cites what the tools have shown in this request, names no number that they did not give, and is plain
//! text. Whatever fails, the model, the time or the judgement, the draft is the answer. It goes out before the deadline, because
//! it was there before the model was asked.
//!
//! | what happened | the draft | the caller gets |
//! | --- | --- | --- |
//! | a trusted reply | any | the reply, 200 |
//! | an untrusted one | any | the draft, 200, and `fallback_reason` |
//! | the model failed | an answer, or that the store does not carry it | the draft, 200, and `fallback_reason` |
//! | the model failed | that retrieval failed or is switched off | the draft, 200, and `rag.reason` beside `fallback_reason` |
//! | the model failed | that nothing was understood of the question | 503 `llm.unavailable` with `Retry-After` |
//!
//! | module | knows |
//! | --- | --- |
//! | [`prompt`] | what the model is told |
//! | [`tools`] | the tools as it is told of them, and the form of its calls |
//! | [`desk`] | who may call what, and what runs |
//! | [`shown`] | what the tools have shown: products, amounts, places, numbers |
//! | [`marks`], [`numbers`] | citations and numbers of a text |
//! | [`verdict`] | whether a reply may be shown |

mod desk;
mod marks;
mod numbers;
mod prompt;
mod shown;
#[cfg(test)]
mod tests;
mod tools;
mod verdict;

use crate::{
    answer::{Answer, Tool, text},
    budget::Budget,
    error::Error,
    facts::Products,
    model::{Fault, Message, Model, Reply, Turn},
    recall::Sought,
};
use desk::Desk;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use shared::{
    auth::Role,
    catalog::Store,
    ids::ProductId,
    locale::Locale,
    telemetry::{Metric, Outcome, metrics},
};
use std::time::Duration;
use verdict::Distrust;

/// The longest words beside a call that are kept for the next turn, in characters.
const MAX_KEPT_CHARS: usize = 2_000;
/// The longest name of a call that is kept, in characters.
const MAX_CALL_ID_CHARS: usize = 128;
/// The longest text of a fault that is logged, in characters.
const MAX_FAULT_CHARS: usize = 200;
/// When to ask again, where a provider does not say, in seconds.
const RETRY_AFTER_S: u32 = 5;
/// The longest time after which a caller is asked to come again, in seconds.
const MAX_RETRY_AFTER_S: u32 = 60;

/// Who takes turns: a provider's model; in tests, a script.
pub(crate) trait Thinks: Sync {
    /// Takes a turn.
    fn take(&self, turn: Turn<'_>) -> impl Future<Output = Result<Reply, Fault>> + Send;
}

impl Thinks for Model {
    async fn take(&self, turn: Turn<'_>) -> Result<Reply, Fault> {
        Model::take(self, turn).await
    }
}

/// Where products are looked up on behalf of this request's caller, in the store that is asked: neither is an argument.
pub(crate) trait Shelves: Sync {
    /// Products by words, best first.
    fn find(&self, sought: Sought<'_>) -> impl Future<Output = Result<Products, Unreachable>> + Send;

    /// The product of this id, where the store has it.
    fn named(&self, id: &ProductId) -> impl Future<Output = Result<Products, Unreachable>> + Send;
}

/// Products cannot be looked up right now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unreachable;

/// What is asked, by whom, of which store.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    /// The question as the person wrote it.
    pub(crate) question: &'a str,
    /// The category that a follow-up stands in.
    pub(crate) category: Option<&'a str>,
    /// The store that is asked.
    pub(crate) store: &'a Store,
    /// When.
    pub(crate) now: Timestamp,
    /// The language of the answer.
    pub(crate) locale: Locale,
    /// The verified role of the caller.
    pub(crate) role: Role,
    /// The most tokens of a turn.
    pub(crate) max_tokens: u32,
    /// The most calls of tools.
    pub(crate) max_tool_calls: usize,
    /// The longest that one turn may take.
    pub(crate) turn_time: Duration,
    /// Whether retrieval has worked for this request so far; else no tool waits for it.
    pub(crate) retrieves: bool,
}

/// What came of asking a model.
#[derive(Debug)]
pub(crate) struct Written {
    result: Result<Answer, Failure>,
    /// Tokens of all its turns.
    pub(crate) tokens: u64,
    /// How many ids it cited that it was never shown.
    pub(crate) invented: usize,
    /// How many of its calls were refused.
    #[cfg_attr(not(test), expect(dead_code, reason = "counted where they are refused; tests ask here"))]
    pub(crate) refused: usize,
}

/// Why a model's answer is not used.
#[derive(Clone, Debug, PartialEq)]
enum Failure {
    Fault(Fault),
    Distrust(Distrust),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Distrust> for Failure {
    fn from(distrust: Distrust) -> Self {
        Self::Distrust(distrust)
    }
}

/// Why the answer was made without the model that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FallbackReason {
    /// It did not answer in time.
    Timeout,
    /// Its provider asked to be left alone for a while.
    Busy,
    /// Its provider failed or refused, or has failed too often of late.
    Unavailable,
    /// What came was not a whole reply, or an empty one.
    Malformed,
    /// It stopped before the end of its reply.
    CutOff,
    /// It went on calling tools where it had to answer.
    ToolLimit,
    /// It cited nothing that it had been shown.
    Uncited,
    /// It named a number that is not in the facts.
    Contradicted,
    /// Its text had links or markup in it, or was too long.
    UnsafeText,
}

impl Failure {
    fn reason(&self) -> FallbackReason {
        match self {
            Self::Fault(Fault::Timeout) => FallbackReason::Timeout,
            Self::Fault(Fault::Busy { .. }) => FallbackReason::Busy,
            Self::Fault(Fault::Failed(_) | Fault::Key | Fault::Refused(_) | Fault::Resting { .. }) => {
                FallbackReason::Unavailable
            }
            Self::Fault(Fault::Form(_)) | Self::Distrust(Distrust::Empty) => FallbackReason::Malformed,
            Self::Fault(Fault::Stopped(_)) => FallbackReason::CutOff,
            Self::Distrust(Distrust::ToolLimit) => FallbackReason::ToolLimit,
            Self::Distrust(Distrust::Uncited) => FallbackReason::Uncited,
            Self::Distrust(Distrust::Contradicted) => FallbackReason::Contradicted,
            Self::Distrust(Distrust::Unsafe | Distrust::TooLong) => FallbackReason::UnsafeText,
        }
    }
}

/// Has a model look things up and answer, within what `budget` leaves for writing.
pub(crate) async fn write(
    model: &impl Thinks,
    shelves: &impl Shelves,
    asking: &Asking<'_>,
    budget: &Budget,
) -> Written {
    let mut desk = Desk::new(asking, shelves, budget);
    let mut tokens = 0;
    // All turns and calls together: a tool that hangs is cut off as a model is.
    let talking = talk(model, &mut desk, &mut tokens, budget);
    let said = tokio::time::timeout(budget.for_writing(), talking).await.unwrap_or(Err(Fault::Timeout.into()));
    let (result, invented) = match said {
        Ok(reply) => {
            let asked = prompt::question(asking);
            let (trusted, invented) = verdict::judge(&reply, &desk.shown, &asked);
            (trusted.map_err(Failure::from), invented)
        }
        Err(failure) => (Err(failure), 0),
    };
    let tools_used: Vec<Tool> = std::mem::take(&mut desk.used);
    let answer = |trusted: verdict::Trusted| Answer {
        text: trusted.text,
        found: trusted.found,
        citations: trusted.citations,
        tools_used,
        denied: None,
    };
    Written { result: result.map(answer), tokens, invented, refused: desk.refused }
}

/// Turn by turn, until the model has said its last: at most one turn more than it may call tools.
async fn talk<S: Shelves>(
    model: &impl Thinks,
    desk: &mut Desk<'_, S>,
    tokens: &mut u64,
    budget: &Budget,
) -> Result<String, Failure> {
    let asking = desk.asking;
    let (system, tools) = (prompt::system(asking), tools::offered(asking.role));
    let mut messages = vec![Message::Person(prompt::question(asking))];
    let mut left = asking.max_tool_calls;
    loop {
        let time = budget.for_writing().min(asking.turn_time);
        if time.is_zero() {
            return Err(Fault::Timeout.into());
        }
        let tools = if left == 0 { &[] } else { &*tools };
        let turn = Turn { system: &system, tools, messages: &messages, max_tokens: asking.max_tokens, time };
        let Reply { text, mut calls, tokens: spent } = model.take(turn).await?;
        *tokens = tokens.saturating_add(spent);
        if calls.is_empty() {
            return Ok(text);
        }
        if left == 0 {
            return Err(Distrust::ToolLimit.into());
        }
        calls.truncate(left);
        left -= calls.len();
        let mut results = Vec::with_capacity(calls.len());
        for call in &mut calls {
            call.id = call.id.chars().take(MAX_CALL_ID_CHARS).collect();
            results.push(desk.run(call).await);
            // The provider gets its model's words back: none that it would refuse.
            call.name = desk::plain_name(&call.name);
            if !call.arguments.is_object() || call.arguments.to_string().len() > tools::MAX_ARGUMENT_BYTES {
                call.arguments = json!({});
            }
        }
        messages.push(Message::Model { text: text.chars().take(MAX_KEPT_CHARS).collect(), calls });
        messages.push(Message::Results(results));
    }
}

/// What a caller gets: the model's answer, or the draft with the reason.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) answer: Answer,
    pub(crate) fallback: Option<FallbackReason>,
}

impl Written {
    /// Chooses between the model's answer and the draft. `serves` says whether the draft tells something of what was asked, be it
    /// that the store does not carry it or that retrieval failed; it does not where none of it was understood.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] where the model failed and the draft does not serve.
    pub(crate) fn settle(self, draft: Answer, serves: bool) -> Result<Settled, Error> {
        let failure = match self.result {
            Ok(answer) => return Ok(Settled { answer, fallback: None }),
            Err(failure) => failure,
        };
        match failure {
            Failure::Fault(fault) if !serves => {
                let retry_after_s = retry_after_s(&fault);
                Err(Error::Model { fault, retry_after_s })
            }
            failure => {
                failure.log();
                Ok(Settled { answer: draft, fallback: Some(failure.reason()) })
            }
        }
    }
}

impl Failure {
    /// One line and one count for each answer that is not the model's. What a provider says of its fault is cut short.
    fn log(&self) {
        let reason = self.reason();
        let fault = match self {
            Self::Fault(fault) => text::clean(&fault.to_string(), MAX_FAULT_CHARS),
            Self::Distrust(_) => String::new(),
        };
        tracing::warn!(event = "answer_fell_back", ?reason, fault, "answered without the model: {reason:?}");
        metrics::emit(None, Outcome::Failed, &[Metric::one("ask_fallbacks_total")]);
        if reason == FallbackReason::Contradicted {
            metrics::emit(None, Outcome::Failed, &[Metric::one("ask_contradicted_answers_total")]);
        }
    }
}

/// After how many seconds a caller may come again: as the provider says, within what is fit to say.
fn retry_after_s(fault: &Fault) -> u32 {
    let said = match fault {
        Fault::Busy { retry_after } => *retry_after,
        Fault::Resting { retry_after } => Some(*retry_after),
        _ => None,
    };
    let seconds = |time: Duration| u32::try_from(time.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX);
    said.map_or(RETRY_AFTER_S, seconds).clamp(1, MAX_RETRY_AFTER_S)
}
