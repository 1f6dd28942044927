//! What every scheduled job has: a report of its run, and its end in Lambda.
//!
//! A job is a library with `run(app, now)`, where `now` is when the run was due: so a late run is still a right one. [`serve`] takes
//! that time from the schedule's event, `local` from its clock.

use jiff::Timestamp;
use serde::Serialize;
use std::fmt;

/// What a run of a job did.
pub trait Report: fmt::Debug + Serialize {
    /// Whether everything that was tried was done. A run that is not clean is a failed one, so that alarms hear of it.
    fn is_clean(&self) -> bool;

    /// How a run that is not clean failed, in one word for alarms.
    fn fault(&self) -> &'static str {
        "incomplete"
    }
}

/// How long something had waited since `since` when the run was due, in whole seconds.
pub fn waited_s(since: Timestamp, due: Timestamp) -> u64 {
    u64::try_from(due.duration_since(since).as_secs()).unwrap_or(0)
}

#[cfg(feature = "job")]
mod lambda;
#[cfg(feature = "job")]
pub use lambda::{Error, serve};
