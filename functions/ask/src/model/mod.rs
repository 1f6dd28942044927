//! A language model as the agent sees it: one turn in, one reply out, whoever provides it.
//!
//! A provider's module speaks its own wire format and knows nothing of stores, roles or tools beyond their descriptions; the
//! agent knows nothing of wire formats. What a model says is data: which tool runs, and for whom, the agent decides.

mod anthropic;
mod bedrock;
mod openai;
mod provider;
mod reply;
#[cfg(test)]
mod testing;

pub use provider::Model;

use serde_json::Value;
use std::time::Duration;

/// A tool as a model is told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// The name by which it is called.
    pub name: &'static str,
    /// What it does and when to call it.
    pub description: &'static str,
    /// The JSON Schema of its arguments: an object.
    pub parameters: Value,
}

/// What has been said so far, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// By the person who asks.
    Person(String),
    /// By the model: a reply that it gave.
    Model {
        /// Its words; may be empty where it only calls.
        text: String,
        /// The tools that it called.
        calls: Vec<Call>,
    },
    /// What its calls gave, each for one call of the message before.
    Results(Vec<CallResult>),
}

/// A model's wish that a tool be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The provider's name for this call.
    pub id: String,
    /// The tool, as the model spells it.
    pub name: String,
    /// Its arguments, as the model made them up: nothing about them is checked.
    pub arguments: Value,
}

/// What a call gave.
#[derive(Clone, Debug, PartialEq)]
pub struct CallResult {
    /// The call's id.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// What the model may see.
    pub content: Value,
    /// Whether it is a refusal or fault and not a result.
    pub is_error: bool,
}

/// A turn to be taken.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// What the model is told of its task.
    pub system: &'a str,
    /// The tools that it may call; empty where it must answer now.
    pub tools: &'a [ToolSpec],
    /// What has been said so far; ends with a person's message or with results.
    pub messages: &'a [Message],
    /// The most tokens that it may write.
    pub max_tokens: u32,
    /// The time within which the reply must be here, retries included.
    pub time: Duration,
}

/// A model's reply: a whole one, whose form and end were checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// Its words.
    pub text: String,
    /// The tools that it calls; where there are any, it is not done.
    pub calls: Vec<Call>,
    /// Tokens read and written, as the provider counts them.
    pub tokens: u64,
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// None in time.
    #[error("the model did not answer in time")]
    Timeout,
    /// The provider is too busy, or the account's limit is reached.
    #[error("the model's provider asks to be left alone for a while")]
    Busy {
        /// When to ask again, where it says so.
        retry_after: Option<Duration>,
    },
    /// It failed: no connection, a 5xx, a connection cut.
    #[error("the model's provider failed: {0}")]
    Failed(String),
    /// It refuses the key, also after a fresh one was fetched.
    #[error("the model's provider refuses the key")]
    Key,
    /// It refuses the request: 400, 404, a model that does not exist.
    #[error("the model's provider refuses the request: {0}")]
    Refused(String),
    /// What came is not a whole reply of its format: cut, empty, foreign, too large.
    #[error("the model's reply is not of its form: {0}")]
    Form(String),
    /// It stopped before its end: the limit of tokens, a filter.
    #[error("the model stopped early: {0}")]
    Stopped(String),
    /// Too much failed lately: nothing was sent.
    #[error("the model has failed too often of late")]
    Resting {
        /// When it is tried again.
        retry_after: Duration,
    },
}
