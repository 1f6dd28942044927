//! The scheduled job: tells people of what the limit has put off, once it can be told.
//!
//! It runs each hour, for [`RUN`] at most, and the tenants take turns. What a run does not do, the next one does: everything stays in
//! the index until it is told. Of two runs at once one tells and the other finds it told, by the same condition that holds the limit.

use crate::Telling;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    aws::Aws,
    clock::Clock,
    ids::PersonId,
    job::{self, Report as _},
    notices::{Category, Notices, Words, deferral::Flushed, limit_named},
    resilience::Budget,
    table::{Table, TableError},
    telemetry::{self, Metric, Outcome as Ended, metrics},
    tenant::{Sweep, TenantScope},
};
use std::{collections::BTreeSet, time::Duration};

/// For how long a run begins to tell people. What is under way then is ended; the function's own limit leaves a minute for it.
pub const RUN: Duration = Duration::from_secs(240);

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
    /// People and categories that a run had no time for: the next one tells of them.
    pub unfinished: u64,
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

/// A person and category of which something can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Due {
    tenant: TenantScope,
    person: PersonId,
    category: Category,
    since: Timestamp,
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
    let budget = Budget::of(RUN);
    let due = due(&deferrals.table, now).await.map_err(JobError::NotListed)?;
    report.longest_wait_s = due.first().map_or(0, |longest| job::waited_s(longest.since, now));
    each(due, budget, &mut report, |Due { tenant, person, category, .. }| {
        let (notices, acting) = (deferrals.notices.clone(), tenant.clone());
        tenant.act(async move { notices.flush(&acting, &person, category).await })
    })
    .await;
    let ended = if report.is_clean() { Ended::Ok } else { Ended::Failed };
    if report != Report::default() {
        let told = Metric::count("notification_summaries_total", report.told);
        let failed = Metric::count("notification_summaries_failed_total", report.failed);
        metrics::emit(Some("notification_deferral_flush"), ended, &[told, failed]);
    }
    Ok(report)
}

/// Whom something can be told, those first who wait longest.
async fn due(table: &Table, now: Timestamp) -> Result<Vec<Due>, TableError> {
    #[derive(Deserialize)]
    struct Row {
        pk: String,
        deferral_due: Timestamp,
    }
    let sweep = Sweep::NotificationDeferrals;
    let read = |Row { pk, deferral_due: since }| {
        let (tenant, person, category) = limit_named(&pk)?;
        let tenant = TenantScope::for_job(sweep, tenant.parse().ok()?);
        Some((pk.clone(), Due { tenant, person, category, since }))
    };
    let mut due = table.sweep(sweep, read).await?;
    due.retain(|(_, due)| due.since <= now);
    due.sort_by_key(|(_, due)| due.since);
    // Each occurrence is an item of its own, and one notice tells of all of a limit.
    let mut named = BTreeSet::new();
    Ok(due.into_iter().filter_map(|(pk, due)| named.insert(pk).then_some(due)).collect())
}

/// Tells of each by turns of the tenants, for as long as the budget lasts.
async fn each<F, E>(due: Vec<Due>, budget: Budget, report: &mut Report, tell: impl Fn(Due) -> F)
where
    F: Future<Output = Result<Flushed, E>>,
    E: std::error::Error,
{
    for due in job::by_turns(due, |due| due.tenant.tenant()) {
        if budget.left() == Duration::ZERO {
            report.unfinished += 1;
            continue;
        }
        let tenant = due.tenant.clone();
        report.count(&tenant, tell(due).await);
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::RefCell, convert::Infallible};

    fn due(tenant: &str, person: &str) -> Due {
        Due {
            tenant: TenantScope::for_job(Sweep::NotificationDeferrals, tenant.parse().unwrap()),
            person: PersonId::from_subject(person).unwrap(),
            category: Category::AccountWarning,
            since: Timestamp::UNIX_EPOCH,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tenants_take_turns_until_the_time_is_over_and_the_rest_waits_for_the_next_run() {
        let (mut report, told) = (Report::default(), RefCell::new(Vec::new()));
        let many = ["1", "2", "3", "4", "5", "6"].map(|person| due("big", person));
        let waiting = many.into_iter().chain([due("small", "7"), due("small", "8")]).collect();
        each(waiting, Budget::of(RUN), &mut report, |due: Due| {
            told.borrow_mut().push(due.person.as_str().to_owned());
            async {
                tokio::time::sleep(RUN / 4).await;
                Ok::<_, Infallible>(Flushed::Told { notice: String::new(), count: 2 })
            }
        })
        .await;
        assert_eq!(told.into_inner(), ["1", "7", "2", "8"]);
        assert_eq!(report, Report { told: 4, decisions: 8, unfinished: 4, ..Report::default() });
        assert!(report.is_clean(), "a run that ends early is no failed one");
    }
}
