//! `audit`: a tenant's log checked, proven, exported, and a person's texts in it erased.

use super::{say, session::Session};
use crate::{issuer::PROJECT_ID, options::TEMPLATE, seed, template::Template};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use shared::{
    audit::{
        Actor,
        checkpoint::Checkpoints,
        leaf_hash,
        note::Head,
        proof::Proof,
        stored,
        tree::Tree,
        verify::{Report, lines},
    },
    ids::PersonId,
    tenant::{Sweep, TenantScope},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

pub(super) const AFTER_HELP: &str = "\
  cargo run -- audit verify                              the sample tenant's log against every head that was signed
  cargo run -- audit export t_greenleaf --head head.txt > log.jsonl
  cargo run -- audit key > key.txt                       the public key, for whoever checks
  cargo run -- audit verify --file log.jsonl --head head.txt --key key.txt
  cargo run -- audit proof 17 > proof.txt                a C2SP tlog-proof of the entry 17
  cargo run -- audit erase t_greenleaf ada               what the log tells of ada goes; that it did stays

A schedule signs heads each minute; `run-schedule audit-checkpoint` does so at once. docs/audit.md says what all this shows.";

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Checks a log; names the first entry that is wrong and why, and says what cannot be known
    Verify(Verify),
    /// Prints a proof that an entry is in the log, after checking it
    Proof {
        /// The entry's place, from 0
        index: u64,
        /// The tenant
        #[arg(default_value = seed::TENANT)]
        tenant: String,
    },
    /// Prints the log, a line of JSON for each entry
    Export {
        /// The tenant
        tenant: String,
        /// Where to write the last signed head
        #[arg(long, value_name = "FILE")]
        head: Option<PathBuf>,
    },
    /// Erases every text about a person; the log still verifies, and says which went
    Erase {
        /// The tenant
        tenant: String,
        /// The person, by the `sub` of their token
        person: String,
        /// Who erases
        #[arg(long, default_value = seed::ADMINISTRATOR)]
        by: String,
    },
    /// Prints the public key that checks the heads of a tenant's log
    Key {
        /// The tenant
        #[arg(default_value = seed::TENANT)]
        tenant: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The tenant, whose log is checked where it is kept
    #[arg(default_value = seed::TENANT)]
    tenant: String,
    /// An exported log to be checked instead
    #[arg(long, value_name = "LOG")]
    file: Option<PathBuf>,
    /// The signed head to check the file against; without one, only the log's own form is checked
    #[arg(long, value_name = "FILE", requires = "file", requires = "key")]
    head: Option<PathBuf>,
    /// The public key of the head
    #[arg(long, value_name = "FILE", requires = "head")]
    key: Option<PathBuf>,
}

/// Does what the command says.
pub(super) async fn run(state: &Path, audit: &Audit) -> Result<()> {
    if let Audit::Verify(Verify { file: Some(log), head, key, .. }) = audit {
        return tell(&of_file(log, head.as_deref(), key.as_deref())?);
    }
    let session = Session::open(state).await?;
    let done = in_session(&session, audit).await;
    session.close().await;
    done
}

async fn in_session(session: &Session, audit: &Audit) -> Result<()> {
    let tenant = match audit {
        Audit::Verify(Verify { tenant, .. })
        | Audit::Proof { tenant, .. }
        | Audit::Export { tenant, .. }
        | Audit::Erase { tenant, .. }
        | Audit::Key { tenant } => tenant,
    };
    let tenant = tenant.parse().with_context(|| format!("{tenant:?} is no tenant's id"))?;
    let scope = TenantScope::for_job(Sweep::AuditCheckpoint, tenant);
    let checkpoints = checkpoints(session)?;
    scope.act(act(&checkpoints, &scope, audit)).await
}

async fn act(checkpoints: &Checkpoints, scope: &TenantScope, audit: &Audit) -> Result<()> {
    match audit {
        Audit::Verify(_) => tell(&stored::verify(checkpoints, scope).await?),
        Audit::Proof { index, .. } => prove(checkpoints, scope, *index).await,
        Audit::Export { head, .. } => {
            let latest = checkpoints.latest(scope).await?;
            for row in stored::rows(checkpoints, scope).await? {
                say(serde_json::to_string(&row)?);
            }
            match (head, latest) {
                (Some(file), Some(head)) => fs::write(file, head.note).with_context(|| file.display().to_string()),
                (Some(_), None) => bail!("no head was signed yet: run-schedule audit-checkpoint signs one"),
                (None, _) => Ok(()),
            }
        }
        Audit::Erase { person, by, .. } => {
            let named = |name: &str| PersonId::from_subject(name).with_context(|| format!("{name:?} names no person"));
            let done = checkpoints.log(scope).erase(&named(person)?, &Actor::Person(named(by)?)).await?;
            say(format!("{} texts erased, as the leaves at {:?} say.", done.places.len(), done.told_at));
            Ok(())
        }
        Audit::Key { .. } => {
            say(checkpoints.key(scope).await?.verifier());
            Ok(())
        }
    }
}

async fn prove(checkpoints: &Checkpoints, scope: &TenantScope, index: u64) -> Result<()> {
    let latest = checkpoints.latest(scope).await?;
    let head = latest.context("no head was signed yet: run-schedule audit-checkpoint signs one")?;
    let rows = stored::rows(checkpoints, scope).await?;
    let place = usize::try_from(index).ok();
    let row = place.and_then(|place| rows.get(place)).with_context(|| format!("the log has no entry {index}"))?;
    let (mut tree, leaf) = (Tree::default(), leaf_hash(row.leaf.as_bytes()));
    rows.iter().try_for_each(|row| tree.push(&leaf_hash(row.leaf.as_bytes())))?;
    let proof =
        Proof::of(&tree, &head, index).with_context(|| format!("no signed head covers the entry {index} yet"))?;
    let key = checkpoints.key(scope).await?;
    proof.check(&leaf, key.verifier()).context("the log is not the one that was signed: `audit verify` says where")?;
    say(proof.to_string().trim_end());
    Ok(())
}

fn of_file(log: &Path, head: Option<&Path>, key: Option<&Path>) -> Result<Report> {
    let read = |path: &Path| fs::read(path).with_context(|| path.display().to_string());
    let text = |path: &Path| Ok::<_, anyhow::Error>(String::from_utf8(read(path)?)?);
    let heads = match (head, key) {
        (Some(head), Some(key)) => vec![Head::open(&text(head)?, &text(key)?)?],
        _ => Vec::new(),
    };
    let log = read(log)?;
    Ok(lines(log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()), &heads)?)
}

fn tell(report: &Report) -> Result<()> {
    match report.is_sound() {
        true => {
            say(report.to_string());
            Ok(())
        }
        false => bail!("{report}"),
    }
}

/// The heads of the laptop's logs, as the job has them.
fn checkpoints(session: &Session) -> Result<Checkpoints> {
    let template = Template::parse(TEMPLATE, &[("Stage", "dev"), ("ProjectId", PROJECT_ID)])?;
    let job = template.functions.iter().find(|function| function.binary == "audit-checkpoint");
    let env = &job.context("template.yaml has no audit-checkpoint")?.env;
    let env = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let config = audit_checkpoint::Config::read(env)?;
    Ok(audit_checkpoint::App::new(config, &session.aws(), session.clock().clone()).checkpoints().clone())
}
