//! What taking events in costs, in one run: the parser and its checks beside bare serde_json, batches of 100 beside bare conditional puts of
//! the same store, and the capacity that a million events take. `scripts/bench-ingest` calls it.
//!
//! `bench-ingest [EVENTS]`; default 40,000; of 0 the parser alone is measured. Exits 1 where a target is missed.
#![allow(clippy::print_stdout)]

mod batch;
mod cost;
mod parse;

use anyhow::Result;
use std::process::ExitCode;

fn main() -> Result<ExitCode> {
    let events = std::env::args().nth(1).map(|text| text.parse::<usize>()).transpose()?.unwrap_or(40_000);
    let parsed = parse::measure()?;
    if events == 0 {
        return Ok(if parsed { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let taken = runtime.block_on(batch::measure(events))?;
    runtime.block_on(cost::measure())?;
    Ok(if parsed && taken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
