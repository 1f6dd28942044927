//! The commands of `cargo run`.

mod ask;
mod audit;
mod import;
mod load;
mod outbox;
mod rollup;
mod serve;
mod session;
mod shell;
mod what_to_try;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

const AFTER_HELP: &str = "\
Without a command the bundle starts: every function behind one address, over embedded stores that keep what they are
given. The first start makes two tenants with three stores; what to try is printed at once, and Ctrl-C ends it.

  cargo run                                        start, and see curl lines to paste
  cargo run -- ask downtown \"where is the oat milk?\"
  cargo run -- ask downtown \"what does the oat milk cost us?\" --role store_employee
  cargo run -- import outlet products.tsv.gz       a store and its products from a file
  cargo run -- token --role admin                  a token, for curl
  eval \"$(cargo run -q -- env)\"                    endpoints and variables, for cargo lambda and sam
  cargo run -- audit verify                        check a tenant's audit log against its signed heads
  cargo run -- --fresh                             forget everything and start over

What .env says: names that functions have in template.yaml are settings (RAG_API_URL=off), all others are secrets.
Commands use the bundle that runs on the state folder; where none does, they start the stores for as long as they take.";

/// SmartStore on a laptop: real products in, sourced answers out.
#[derive(Debug, Parser)]
#[command(name = "smartstore", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct Common {
    /// The folder of all state; a second one is a second bundle
    #[arg(long, global = true, value_name = "DIR", default_value = ".smartstore")]
    state: PathBuf,
    /// Where the gateway listens; the stores take the four ports after it, and whatever is taken moves to the next free one
    #[arg(long, global = true, value_name = "PORT", default_value_t = 9000)]
    port: u16,
    /// Removes the state folder first
    #[arg(long, global = true)]
    fresh: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints a token of the laptop's issuer
    Token(shell::Token),
    /// Prints `export` lines that lead `cargo lambda` and `sam local` to the running bundle's stores
    Env,
    /// Loads a file of products into a store, and makes the store where there is none
    Import(import::Import),
    /// Asks a store a question and prints the answer with its sources
    Ask(ask::Ask),
    /// Shows what is to be sent outside, and decides about dead letters
    #[command(subcommand)]
    Outbox(outbox::Command),
    /// Checks, proves, exports and erases what the audit log holds
    #[command(subcommand, after_help = audit::AFTER_HELP)]
    Audit(audit::Audit),
    /// Sends analytics events of thirty days, has them counted, and measures what asking for them takes
    LoadEvents(load::Load),
    /// Checks what was counted of analytics events, and counts it anew
    #[command(subcommand)]
    Rollup(rollup::Rollup),
    /// Prints the OpenAPI document, as docs/openapi.json holds it
    Openapi,
    /// Runs a schedule of the template now
    RunSchedule {
        /// The job, such as `catalog-publish`
        name: String,
    },
}

/// Runs the command that the process's arguments name.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run(cli)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(Cli { common, command }: Cli) -> Result<()> {
    if common.fresh {
        session::forget(&common.state)?;
    }
    match command {
        None => serve::serve(&common.state, common.port).await,
        Some(Command::Token(token)) => shell::token(&common.state, &token).await,
        Some(Command::Env) => shell::env(&common.state).await,
        Some(Command::Import(import)) => import::run(&common.state, &import).await,
        Some(Command::Ask(ask)) => ask::run(&common.state, &ask).await,
        Some(Command::Outbox(command)) => outbox::run(&common.state, &command).await,
        Some(Command::Audit(audit)) => audit::run(&common.state, &audit).await,
        Some(Command::LoadEvents(load)) => load::run(&common.state, &load).await,
        Some(Command::Rollup(command)) => rollup::run(&common.state, &command).await,
        Some(Command::Openapi) => {
            say(crate::openapi().to_pretty_json()?);
            Ok(())
        }
        Some(Command::RunSchedule { name }) => shell::run_schedule(&common.state, &name).await,
    }
}

/// Prints a line for the person at the terminal. A pipe that nobody reads any more ends nothing.
fn say(line: impl AsRef<str>) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", line.as_ref());
    let _ = out.flush();
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }
}
