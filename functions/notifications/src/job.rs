//! The scheduled job: tells people of what the limit has put off, once it can be told.
//!
//! It runs each hour. What a run does not do, the next one does: everything stays in the index until it is told. Of two runs at once
//! one tells and the other finds it told, by the same condition that holds the limit.

use crate::Telling;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    aws::Aws,
    clock::Clock,
    ids::PersonId,
    job::{self, Report as _},
    notices::{Category, Notices, Words, deferral::Flushed, limit_named},
    table::{Table, TableError, sortable},
    telemetry::{self, Metric, Outcome as Ended, metrics},
    tenant::{Sweep, TenantScope},
};
use std::collections::BTreeSet;

/// What the job holds while it runs.
#[derive(Clone)]
pub struct Deferrals {
    table: Table,
    notices: Notices<Words>,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Notices that were told.
    pub told: u64,
    /// Decisions that they tell of.
    pub decisions: u64,
    /// People and categories whose time has not come.
    pub waiting: u64,
    /// People and categories that could not be told of; the next run tries again.
    pub failed: u64,
    /// Whether notices are switched off, so that nothing was told.
    pub off: bool,
    /// How long the one that was due longest had been due when the run was, in seconds.
    pub longest_wait_s: u64,
}

/// Why a run did nothing at all.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// What waits could not be listed.
    #[error("what was put off could not be listed")]
    NotListed(#[source] TableError),
}

impl job::Report for Report {
    fn is_clean(&self) -> bool {
        self.failed == 0
    }
}

/// What the index of what waits holds.
#[derive(Deserialize)]
struct Due {
    pk: String,
    deferral_due: String,
}

impl Deferrals {
    /// Makes the clients; connects to nothing yet.
    pub fn new(telling: &Telling, aws: &Aws, clock: &Clock) -> Self {
        let table = Table::new(aws, &telling.table);
        Self { notices: telling.notices(table.clone(), clock), table }
    }
}

/// Tells of all that is due; `now` is when the run was.
///
/// # Errors
///
/// [`JobError`]. What fails for one person is counted in the report.
pub async fn run(deferrals: &Deferrals, now: Timestamp) -> Result<Report, JobError> {
    telemetry::job("notification_deferral_flush", flush(deferrals, now)).await
}

async fn flush(deferrals: &Deferrals, now: Timestamp) -> Result<Report, JobError> {
    let mut report = Report { off: !deferrals.notices.switch().is_on(), ..Report::default() };
    if report.off {
        return Ok(report);
    }
    let sweep = Sweep::NotificationDeferrals;
    let due: Vec<Due> = deferrals.table.sweep(sweep).await.map_err(JobError::NotListed)?;
    let by = sortable(now);
    let mut limits = BTreeSet::new();
    for Due { pk, deferral_due } in due.into_iter().filter(|due| due.deferral_due <= by) {
        let waited_s = deferral_due.parse().map_or(0, |since| job::waited_s(since, now));
        report.longest_wait_s = report.longest_wait_s.max(waited_s);
        limits.insert(pk);
    }
    for pk in limits {
        match limit(sweep, &pk) {
            Some((tenant, person, category)) => {
                let told = tenant.act(deferrals.notices.flush(&tenant, &person, category)).await;
                report.count(&tenant, told);
            }
            None => {
                report.failed += 1;
                tracing::error!(
                    event = "deferral_malformed",
                    "an item of the index of what was put off is of no known form"
                );
            }
        }
    }
    let ended = if report.is_clean() { Ended::Ok } else { Ended::Failed };
    if report != Report::default() {
        let told = Metric::count("notification_summaries_total", report.told);
        let failed = Metric::count("notification_summaries_failed_total", report.failed);
        metrics::emit(Some("notification_deferral_flush"), ended, &[told, failed]);
    }
    Ok(report)
}

fn limit(sweep: Sweep, pk: &str) -> Option<(TenantScope, PersonId, Category)> {
    let (tenant, person, category) = limit_named(pk)?;
    Some((TenantScope::for_job(sweep, tenant.parse().ok()?), person, category))
}

impl Report {
    fn count<E: std::error::Error>(&mut self, tenant: &TenantScope, told: Result<Flushed, E>) {
        match told {
            Ok(Flushed::Told { count, .. }) => {
                self.told += 1;
                self.decisions += count;
            }
            Ok(Flushed::NotYet(_)) => self.waiting += 1,
            Ok(Flushed::Nothing) => {}
            Ok(Flushed::Off) => self.off = true,
            Err(error) => {
                self.failed += 1;
                let (tenant, causes) = (tenant.tenant_hash(), shared::problem::chain(&error));
                tracing::error!(event = "deferral_failed", tenant, error = causes, "a summary was not told: {causes}");
            }
        }
    }
}
