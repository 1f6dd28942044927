//! Trying a backend before traffic depends on it: what is said of it between the function that keeps the routes and the one that has the
//! backends' clients.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// The path of the function that tries backends.
pub const PROBE_PATH: &str = "/analytics/probe";

/// What is to be tried, as a route says it.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToProbe {
    /// `firestore`, `dynamodb` or `cosmos`.
    #[schema(example = "dynamodb")]
    pub backend_type: String,
    /// What that backend needs to be reached.
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
}

/// That a backend was tried and did what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Probed {
    /// `true`: a record was written, read back and deleted.
    pub probed: bool,
}

/// A step of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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
