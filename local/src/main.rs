//! `cargo run`: the bundle on a laptop, and its commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    local::cli::main()
}
