//! `outbox`: what is to be sent outside, and what a person decides about dead letters.

use super::{say, session::Session};
use crate::seed;
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use shared::{
    ids::TenantId,
    outbox::{Discarded, MessageRow, Outbox, Redriven, State, TenantOutbox},
    tenant::{Sweep, TenantScope},
};
use std::path::Path;

/// How many rows are read at a time.
const PAGE: u32 = 100;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists a tenant's messages and what became of them
    List {
        /// The tenant
        #[arg(default_value = seed::TENANT)]
        tenant: TenantId,
        /// Dead letters alone, the latest first
        #[arg(long)]
        dead: bool,
    },
    /// Has a dead letter sent again with the next run
    Redrive(Letter),
    /// Has a dead letter sent no more
    Discard(Letter),
}

#[derive(Debug, Args)]
pub(super) struct Letter {
    /// The tenant
    tenant: TenantId,
    /// The message's id
    id: String,
}

/// Runs the command on the bundle's table.
pub(super) async fn run(state: &Path, command: &Command) -> Result<()> {
    let session = Session::open(state).await?;
    let done = match session.outbox() {
        Ok(outbox) => Box::pin(carry_out(&outbox, command)).await,
        Err(error) => Err(error),
    };
    session.close().await;
    done
}

async fn carry_out(outbox: &Outbox, command: &Command) -> Result<()> {
    let tenant = match command {
        Command::List { tenant, .. } => tenant,
        Command::Redrive(letter) | Command::Discard(letter) => &letter.tenant,
    };
    // Whoever has the laptop has every tenant on it.
    let scope = TenantScope::for_job(Sweep::OutboxDrain, tenant.clone());
    let outbox = outbox.of(&scope);
    scope
        .act(async {
            match command {
                Command::List { dead: false, .. } => all(&outbox).await,
                Command::List { dead: true, .. } => dead(&outbox).await,
                Command::Redrive(Letter { id, .. }) => match outbox.redrive(id).await? {
                    Redriven::Done => told(format!("{id} is sent again with the next run.")),
                    Redriven::Not(state) => {
                        told(format!("{id} is {} and no dead letter: nothing was done.", state.name()))
                    }
                    Redriven::NoSuchMessage => bail!("there is no message {id}"),
                },
                Command::Discard(Letter { id, .. }) => match outbox.discard(id).await? {
                    Discarded::Done => told(format!("{id} is sent no more.")),
                    Discarded::Not(state) => {
                        told(format!("{id} is {} and no dead letter: nothing was done.", state.name()))
                    }
                    Discarded::NoSuchMessage => bail!("there is no message {id}"),
                },
            }
        })
        .await
}

async fn all(outbox: &TenantOutbox) -> Result<()> {
    let mut after = None;
    loop {
        let page = outbox.messages(PAGE, after).await?;
        page.rows.iter().for_each(show);
        after = page.after;
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn dead(outbox: &TenantOutbox) -> Result<()> {
    let mut after = None;
    loop {
        let page = outbox.dead_letters(PAGE, after).await?;
        for letter in page.rows {
            if let Some(row) = outbox.message(&letter.id).await? {
                show(&row);
            }
        }
        after = page.after;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// A message in one line; what it says and to whom is nobody's to read here.
fn show(row: &MessageRow) {
    let MessageRow { message, state, attempts, updated_at, .. } = row;
    let when = match (state, &row.outbox_due) {
        (State::Waiting, Some(due)) => format!("due {due}"),
        _ => format!("since {updated_at}"),
    };
    let why = row.last_error.as_deref().unwrap_or_default();
    let (id, target, topic, state) = (&message.id, message.target.name(), &message.topic, state.name());
    say(format!("{id}\t{target}\t{topic}\t{state}\t{attempts} tries\t{when}\t{why}").trim_end());
}

fn told(line: String) -> Result<()> {
    say(line);
    Ok(())
}
