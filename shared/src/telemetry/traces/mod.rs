//! Traces: what was done for a request, span by span, sent to a collector before the request's answer leaves.
//!
//! Lambda freezes a process as soon as it has answered, so that a trace goes out while its request is still open, or not at
//! all. The spans of a request are kept with it ([`buffer`]) until its end. Only then is it decided whether they are sent:
//! a trace with an error always; else as the caller's `traceparent` says; else one of ten ([`sampling`]). Sending ([`export`])
//! takes 500 ms at most and fails without the request. Without a collector none of this is installed.
//!
//! | file | knows |
//! | --- | --- |
//! | [`layer`] | which spans and events belong to which request |
//! | [`buffer`] | one request's spans, bounded |
//! | [`sampling`] | which traces without an error are kept |
//! | [`otlp`] | the form in which they are sent: OTLP as JSON |
//! | [`export`] | where they are sent, and when that is left alone |

mod buffer;
mod config;
mod export;
mod layer;
mod otlp;
mod sampling;
#[cfg(test)]
mod tests;

pub(crate) use buffer::{Kind, Trace, Value};
pub use config::Config;
pub use layer::Traces;
pub(crate) use layer::{current_traceparent, open};
