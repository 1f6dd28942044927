//! The scheduled job `audit-checkpoint`: signs the head of each audit log that has grown, and exports its tree.
//!
//! Runs each minute, so that what was done is provable within a minute or two; heads are signed by time alone, whatever the
//! number of entries. A log that has not grown is not looked at: what was altered there is found with its next entry at the
//! earliest. Each tenant is acted for in turn, those that wait longest first; one whose log cannot be signed costs no other. What
//! a run has no time for waits for the next one (`shared::audit::checkpoint` says what becomes of a run that dies).

#![cfg_attr(test, allow(clippy::unwrap_used))]

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    audit::{
        COUNTER,
        checkpoint::{CheckpointError, Checkpoints, Step},
    },
    aws::Aws,
    blob::Blobs,
    clock::Clock,
    config::{ConfigError, Env},
    job,
    problem::chain,
    secrets::{Secrets, SecretsConfig},
    table::{Table, TableError},
    telemetry,
    tenant::{Sweep, TenantScope},
};
use std::time::{Duration, Instant};

/// How long a run begins new steps; the function's own limit is twice that.
const BUSY: Duration = Duration::from_secs(50);
/// The most leaves that a run covers for one tenant while others wait.
const MAX_LEAVES: u64 = 32 * 1024;
/// The most steps that a run takes for one tenant.
const MAX_STEPS: u32 = 64;

/// What the job needs to be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The table: `TABLE_NAME`.
    pub table: String,
    /// The bucket of signed heads and trees: `AUDIT_BUCKET`.
    pub bucket: String,
    /// The stage, in the name of each log: `DEPLOY_ENV`.
    pub environment: String,
    /// The secret that this job alone may read: `SECRET_ID` and the times it is kept.
    pub secrets: SecretsConfig,
}

impl Config {
    /// Reads the settings from `env`, where each field's doc names its variable.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names everything that is missing or out of range at once.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let config = Self {
            table: env.required("TABLE_NAME"),
            bucket: env.required("AUDIT_BUCKET"),
            environment: env.required("DEPLOY_ENV"),
            secrets: SecretsConfig::from_env(&mut env),
        };
        env.finish(config)
    }
}

/// What the job holds while it runs.
#[derive(Clone, Debug)]
pub struct App {
    table: Table,
    checkpoints: Checkpoints,
}

impl App {
    /// Makes the clients; connects to nothing yet.
    pub fn new(config: Config, aws: &Aws, clock: Clock) -> Self {
        let table = Table::new(aws, config.table);
        let secrets = Secrets::new(aws.secrets_manager(), config.secrets, &clock);
        let blobs = Blobs::new(aws, config.bucket);
        Self { checkpoints: Checkpoints::new(table.clone(), blobs, secrets, config.environment, clock), table }
    }

    /// The heads that it signs.
    pub fn checkpoints(&self) -> &Checkpoints {
        &self.checkpoints
    }
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Logs with leaves that no head covered.
    pub waiting: u64,
    /// Leaves that a signed head covers now.
    pub leaves: u64,
    /// Places that nobody used and that were filled.
    pub voided: u64,
    /// Logs with leaves left for the next run.
    pub unfinished: u64,
    /// Logs that are not those that were signed: nothing is signed for them any more.
    pub altered: u64,
    /// Logs that could not be read or written this time.
    pub failed: u64,
    /// How long the log that waited longest had waited when the run was due, in seconds.
    pub longest_wait_s: u64,
}

impl job::Report for Report {
    fn is_clean(&self) -> bool {
        self.altered == 0 && self.failed == 0
    }

    fn fault(&self) -> &'static str {
        if self.altered > 0 { "altered" } else { "incomplete" }
    }
}

impl Report {
    fn count(&mut self, step: &Step) {
        self.leaves += step.leaves;
        self.voided += step.voided;
    }
}

/// Why a run did nothing at all.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// What waits could not be listed.
    #[error("the logs that wait could not be listed")]
    Pending(#[source] TableError),
}

/// Signs what waits; `now` is when the run was due.
///
/// # Errors
///
/// [`JobError`]. What fails for one tenant is counted in the report.
pub async fn run(app: &App, now: Timestamp) -> Result<Report, JobError> {
    telemetry::job("audit_checkpoint", sign_what_waits(app, now)).await
}

async fn sign_what_waits(app: &App, now: Timestamp) -> Result<Report, JobError> {
    let begun = Instant::now();
    let waiting = pending(&app.table).await.map_err(JobError::Pending)?;
    let mut report = Report { waiting: waiting.len() as u64, ..Report::default() };
    if let Some((since, _)) = waiting.first() {
        report.longest_wait_s = job::waited_s(*since, now);
    }
    for (_, tenant) in waiting {
        if begun.elapsed() > BUSY {
            report.unfinished += 1;
            continue;
        }
        let checkpoints = app.checkpoints.clone();
        let acting = tenant.clone();
        let signed = tenant.act(async move { sign(&checkpoints, &acting, begun).await }).await;
        match signed {
            Ok((steps, more)) => {
                steps.iter().for_each(|step| report.count(step));
                report.unfinished += u64::from(more);
            }
            Err(error) => tell(&tenant, &error, &mut report),
        }
    }
    Ok(report)
}

/// Takes steps until the log is covered, or others should have their turn; whether there is more.
async fn sign(
    checkpoints: &Checkpoints,
    tenant: &TenantScope,
    begun: Instant,
) -> Result<(Vec<Step>, bool), CheckpointError> {
    let (mut steps, mut leaves) = (Vec::new(), 0);
    for _ in 0..MAX_STEPS {
        let step = checkpoints.step(tenant).await?;
        steps.push(step);
        leaves += step.leaves;
        if !step.more || leaves >= MAX_LEAVES || begun.elapsed() > BUSY {
            return Ok((steps, step.more));
        }
    }
    Ok((steps, true))
}

fn tell(tenant: &TenantScope, error: &CheckpointError, report: &mut Report) {
    let (tenant, causes) = (tenant.tenant_hash(), chain(error));
    if matches!(error, CheckpointError::Altered(_)) {
        report.altered += 1;
        let event = "audit_log_altered";
        tracing::error!(event, tenant, error = causes, "an audit log is not the one that was signed: {causes}");
    } else {
        report.failed += 1;
        tracing::error!(event = "audit_not_signed", tenant, error = causes, "an audit log was not signed: {causes}");
    }
}

/// The tenants whose logs wait, those that wait longest first.
async fn pending(table: &Table) -> Result<Vec<(Timestamp, TenantScope)>, TableError> {
    #[derive(Deserialize)]
    struct Row {
        pk: String,
        audit_pending: Timestamp,
    }
    let read = |Row { pk, audit_pending }| {
        let tenant = pk.strip_prefix("T#")?.strip_suffix(COUNTER)?.strip_suffix('#')?;
        Some((audit_pending, TenantScope::for_job(Sweep::AuditCheckpoint, tenant.parse().ok()?)))
    };
    let mut pending = table.sweep(Sweep::AuditCheckpoint, read).await?;
    pending.sort_by_key(|(since, _)| *since);
    Ok(pending)
}
