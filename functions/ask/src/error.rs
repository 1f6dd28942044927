//! What can go wrong with a question, and how it is told.

use crate::model::Fault;
use axum::response::{IntoResponse, Response};
use shared::{ids::StoreId, problem::Problem, table::TableError};

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The question is empty or too long.
    #[error("a question is 1 to {max} characters long; this one has {chars}", max = crate::routes::MAX_QUESTION_CHARS)]
    Question {
        /// Its length.
        chars: usize,
    },
    /// A member other than the question is too long.
    #[error("`{member}` has at most {max} characters")]
    TooLong {
        /// Its name.
        member: &'static str,
        /// Its limit.
        max: usize,
    },
    /// The tenant has no such store.
    #[error("there is no store {0}; PUT /catalog/stores/{0} creates it")]
    NoSuchStore(StoreId),
    /// The caller's identity or rights do not reach.
    #[error("the caller may not ask this")]
    Refused(Problem),
    /// The table did not answer.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The language model failed, and nothing could be said without it.
    #[error("the answer needs a language model, and it failed")]
    Model {
        /// How.
        #[source]
        fault: Fault,
        /// When to come again, in seconds.
        retry_after_s: u32,
    },
    /// Everything together took too long.
    #[error("the answer was not ready in time")]
    Deadline,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let problem = match self {
            Self::Question { .. } => Problem::unprocessable("ask.question_invalid").detail(self.to_string()),
            Self::TooLong { .. } => Problem::unprocessable("ask.member_too_long").detail(self.to_string()),
            Self::NoSuchStore(_) => Problem::not_found("catalog.no_such_store").detail(self.to_string()),
            Self::Refused(problem) => problem,
            Self::Table(error) => error.into(),
            Self::Model { retry_after_s, .. } => Problem::upstream("llm.unavailable", &self, retry_after_s),
            Self::Deadline => Problem::upstream("ask.deadline_exceeded", &self, 1),
        };
        problem.into_response()
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}
