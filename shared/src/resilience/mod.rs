//! Calling what may fail: for how long, how often, and when not at all.
//!
//! | type | answers |
//! | --- | --- |
//! | [`Budget`] | how much of a deadline is left for a call |
//! | [`Backoff`], [`Tries`] | whether a failed call is tried again, and after which pause |
//! | [`Breaker`] | whether a dependency is called at all, after what it did of late |
//!
//! What each call's end means stays with its caller, who alone knows a refusal from a fault.

mod backoff;
pub mod breaker;
mod budget;

pub use backoff::{Backoff, Tries};
pub use breaker::{Breaker, Open, Pass};
pub use budget::Budget;
