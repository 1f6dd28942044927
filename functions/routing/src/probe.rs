//! Trying a backend before traffic depends on it.

use futures::future::BoxFuture;
use serde::Serialize;
use shared::routes::Route;
use std::fmt;

/// Tries backends: it writes a record of its own, reads it back and deletes it.
pub trait Probe: Send + Sync {
    /// Tries the backend of `route`, and leaves nothing there.
    fn probe<'a>(&'a self, route: &'a Route) -> BoxFuture<'a, Result<(), ProbeFailed>>;
}

/// What of a probe did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The backend was tried and failed when it was asked to {step}: {why}")]
pub struct ProbeFailed {
    /// The step.
    pub step: Step,
    /// Why, in words that hold no secret and nothing of the backend's own that an administrator may not see.
    pub why: String,
}

/// A step of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The backend is reached, and takes the credentials.
    Connect,
    /// A record is written.
    Write,
    /// It is read back as it was written.
    Read,
    /// It is deleted, and gone.
    Delete,
}

impl Step {
    /// The step as answers name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Write => "write",
            Self::Read => "read",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
