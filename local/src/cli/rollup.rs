//! `rollup`: what was counted of a tenant's events, checked against them, and counted anew.

use super::{say, session::Session};
use crate::{issuer::PROJECT_ID, options::TEMPLATE, seed, template::Template};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use ingest::rollup::{Asked, Config, Part, Rollups};
use jiff::Timestamp;
use shared::{ids::TenantId, job::Report as _};
use std::path::Path;

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Rollup {
    /// Compares what was counted with the events, and names the hours and days that differ
    Verify(Days),
    /// Counts anew, whatever was counted before, and marks events that no mark tells of
    Rebuild(Days),
}

#[derive(Clone, Debug, Args)]
pub(super) struct Days {
    /// The tenant
    #[arg(default_value = seed::TENANT)]
    tenant: TenantId,
    /// A time of the first day, RFC 3339; the first that there is unless said
    #[arg(long, value_name = "TIME", default_value_t = Timestamp::MIN)]
    from: Timestamp,
    /// A time after the last day's beginning; the last that there is unless said
    #[arg(long, value_name = "TIME", default_value_t = Timestamp::MAX)]
    to: Timestamp,
}

impl From<Days> for Part {
    fn from(Days { tenant, from, to }: Days) -> Self {
        Self { tenant, from, to }
    }
}

/// Does what the command says in the bundle's table of events.
pub(super) async fn run(state: &Path, command: &Rollup) -> Result<()> {
    let session = Session::open(state).await?;
    let done = Box::pin(in_session(&session, command)).await;
    session.close().await;
    done
}

async fn in_session(session: &Session, command: &Rollup) -> Result<()> {
    let template = Template::parse(TEMPLATE, &[("Stage", "dev"), ("ProjectId", PROJECT_ID)])?;
    let job = template.functions.iter().find(|function| function.binary == "analytics-rollup");
    let env = &job.context("the template has no analytics-rollup")?.env;
    let config = Config::read(env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())?;
    let rollups = Rollups::new(&config, &session.aws(), session.clock());
    let asked = match command.clone() {
        Rollup::Verify(days) => Asked { verify: Some(days.into()), rebuild: None },
        Rollup::Rebuild(days) => Asked { rebuild: Some(days.into()), verify: None },
    };
    let report = ingest::rollup::run(&rollups, session.clock().now(), asked).await?;
    say(serde_json::to_string_pretty(&report)?);
    let unfinished = report.asked_unfinished || report.verified.as_ref().is_some_and(|verified| verified.unfinished);
    match (report.is_clean(), unfinished) {
        (true, _) => Ok(()),
        (false, true) => bail!("there was no time for all of it: name fewer days, by --from and --to"),
        (false, false) => bail!("what was counted is not what the events say"),
    }
}
