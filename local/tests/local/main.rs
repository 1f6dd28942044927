//! The bundle as a whole, over a small template of the tests' own, so that these stories need no function of the bundle.
#![allow(clippy::unwrap_used)]

mod gateway;
mod harness;
mod killed;
mod sample;
mod secrets;
mod state;
mod tokens;
