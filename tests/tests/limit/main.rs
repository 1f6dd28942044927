//! The proof that nobody is told of a category more than once in twelve hours, and that nothing is lost by it.
#![allow(clippy::unwrap_used, missing_docs)]

mod calibration;
mod histories;
mod mistakes;
mod model;
#[cfg(unix)]
mod postgres;
mod processes;
