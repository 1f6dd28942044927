//! Catalog.
#![cfg_attr(test, allow(clippy::unwrap_used))]
pub mod columns;
pub mod facts;
pub mod import;
