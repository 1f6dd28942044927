//! The scheduled job: counts the hours whose events have changed, and puts past days together.
//!
//! It runs every five minutes, for [`RUN`] at most, and the tenants take turns. What a run does not do, the next one does: a day stays in the
//! index until it is counted. Leases follow the clock; the time handed in says when the run was due. Two runs at once do no harm.
//!
//! Somebody may ask for more in the run's event: `"verify": {"tenant": …, "from": …, "to": …}` compares what was counted with the events, and
//! `"rebuild": {…}` counts it anew, whatever was counted before.

use event_store::{
    Range, StoreError,
    dynamodb::{DynamoDb, ledger::MARKS},
    rollup::{
        Day,
        seal::{Sealed, Sealer, Verified},
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    aws::Aws,
    clock::Clock,
    config::{ConfigError, Env},
    ids::TenantId,
    job::{self, Report as _},
    problem::chain,
    resilience::Budget,
    table::{Table, TableError},
    telemetry::{self, Metric, Outcome as Ended, metrics},
    tenant::{Sweep, TenantScope},
};
use std::time::Duration;

/// For how long a run counts. An hour that is under way then is left to the next run; the function's own limit leaves a minute for writing.
pub const RUN: Duration = Duration::from_secs(240);

/// The settings of `analytics-rollup`; [`Config::read`] says where they come from.
#[derive(Clone, Debug)]
pub struct Config {
    /// The table of events: `EVENTS_TABLE_NAME`.
    pub events: String,
}

impl Config {
    /// Reads the settings from `env`, where each field's doc names its variable.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names everything that is missing.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let config = Self { events: env.required("EVENTS_TABLE_NAME") };
        env.finish(config)
    }
}

/// What the job holds while it runs.
#[derive(Clone, Debug)]
pub struct Rollups {
    table: Table,
    store: DynamoDb,
    clock: Clock,
}

impl Rollups {
    /// Makes the clients; connects to nothing yet.
    pub fn new(config: &Config, aws: &Aws, clock: &Clock) -> Self {
        let table = Table::new(aws, &config.events);
        Self { store: DynamoDb::new(table.clone(), clock), table, clock: clock.clone() }
    }

    fn sealer<'a>(&'a self, tenant: &'a TenantScope, budget: Budget) -> Option<Sealer<'a>> {
        Sealer::of(&self.store, tenant, self.clock.now(), budget)
    }
}

/// What a run is asked for beside what waits.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    /// What was counted of a tenant is compared with its events.
    #[serde(default)]
    pub verify: Option<Part>,
    /// It is counted anew.
    #[serde(default)]
    pub rebuild: Option<Part>,
}

/// The days of a tenant.
#[derive(Clone, Debug, Deserialize)]
pub struct Part {
    /// The tenant.
    pub tenant: TenantId,
    /// A time of the first day.
    pub from: Timestamp,
    /// A time after the last day's beginning.
    pub to: Timestamp,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What was counted.
    #[serde(flatten)]
    pub sealed: Sealed,
    /// Days that could not be counted; the next run tries again.
    pub failed: u64,
    /// Days that a run had no time for: the next one counts them.
    pub postponed: u64,
    /// How long the day that was due longest had been due when the run was, in seconds.
    pub longest_wait_s: u64,
    /// What was checked, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,
}

/// Why a run did nothing at all.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// What waits could not be listed.
    #[error("the days that wait to be counted could not be listed")]
    NotListed(#[source] TableError),
    /// What was asked for could not be done.
    #[error("what was counted could not be checked, or counted anew")]
    Asked(#[source] StoreError),
}

impl Report {
    /// Whether it had time for not one hour: that one is larger than a run.
    fn is_stuck(&self) -> bool {
        self.sealed.unfinished > 0 && self.sealed.hours + self.sealed.days == 0
    }
}

impl job::Report for Report {
    fn is_clean(&self) -> bool {
        let wrong = self.verified.as_ref().is_some_and(|verified| !verified.wrong.is_empty());
        self.failed == 0 && !wrong && !self.is_stuck()
    }

    fn fault(&self) -> &'static str {
        if self.verified.as_ref().is_some_and(|verified| !verified.wrong.is_empty()) { "wrong" } else { "incomplete" }
    }
}

/// A day of which something waits to be counted.
#[derive(Clone, Debug)]
struct Due {
    tenant: TenantScope,
    day: Day,
    since: Timestamp,
}

/// Counts all that is due, or does what is asked; `now` is when the run was due.
///
/// # Errors
///
/// [`JobError`]. What fails for one day is counted in the report.
pub async fn run(rollups: &Rollups, now: Timestamp, asked: Asked) -> Result<Report, JobError> {
    telemetry::job("analytics_rollup", async {
        match (asked.verify, asked.rebuild) {
            (None, None) => count(rollups, now).await,
            (verify, rebuild) => check(rollups, verify, rebuild).await,
        }
    })
    .await
}

async fn check(rollups: &Rollups, verify: Option<Part>, rebuild: Option<Part>) -> Result<Report, JobError> {
    let (mut report, budget) = (Report::default(), Budget::of(RUN));
    if let Some(Part { tenant, from, to }) = rebuild {
        let tenant = TenantScope::for_job(Sweep::AnalyticsRollup, tenant);
        if let Some(sealer) = rollups.sealer(&tenant, budget) {
            let rebuilt = tenant.act(sealer.rebuild(Range { from, to })).await;
            report.sealed = rebuilt.map_err(JobError::Asked)?;
        }
    }
    if let Some(Part { tenant, from, to }) = verify {
        let tenant = TenantScope::for_job(Sweep::AnalyticsRollup, tenant);
        if let Some(sealer) = rollups.sealer(&tenant, budget) {
            let verified = tenant.act(sealer.verify(Range { from, to })).await;
            report.verified = Some(verified.map_err(JobError::Asked)?);
        }
    }
    Ok(report)
}

async fn count(rollups: &Rollups, now: Timestamp) -> Result<Report, JobError> {
    let (mut report, budget) = (Report::default(), Budget::of(RUN));
    let due = due(&rollups.table).await.map_err(JobError::NotListed)?;
    report.longest_wait_s = due.first().map_or(0, |longest| job::waited_s(longest.since, now));
    for Due { tenant, day, .. } in job::by_turns(due, |due| due.tenant.tenant()) {
        if budget.left() == Duration::ZERO {
            report.postponed += 1;
            continue;
        }
        let Some(sealer) = rollups.sealer(&tenant, budget) else { continue };
        match tenant.act(sealer.seal(day)).await {
            Ok(sealed) => report.sealed += sealed,
            Err(error) => {
                report.failed += 1;
                let (tenant, causes) = (tenant.tenant_hash(), chain(&error));
                tracing::error!(event = "rollup_failed", tenant, error = causes, "a day was not counted: {causes}");
            }
        }
    }
    let ended = if report.is_clean() { Ended::Ok } else { Ended::Failed };
    if report.sealed.hours + report.sealed.days + report.failed > 0 {
        let hours = Metric::count("analytics_rollup_hours_total", report.sealed.hours);
        let failed = Metric::count("analytics_rollup_failed_total", report.failed);
        metrics::emit(Some("analytics_rollup"), ended, &[hours, failed]);
    }
    Ok(report)
}

/// What waits to be counted, longest first.
async fn due(table: &Table) -> Result<Vec<Due>, TableError> {
    #[derive(Deserialize)]
    struct Row {
        pk: String,
        sk: String,
        rollup_due: Timestamp,
    }
    let sweep = Sweep::AnalyticsRollup;
    let read = |Row { pk, sk, rollup_due: since }: Row| {
        let (tenant, partition) = pk.strip_prefix("T#")?.split_once('#')?;
        let day = Day::named(&sk).filter(|_| partition == MARKS)?;
        Some(Due { tenant: TenantScope::for_job(sweep, tenant.parse().ok()?), day, since })
    };
    let mut due = table.sweep(sweep, read).await?;
    due.sort_by_key(|due| due.since);
    Ok(due)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_fails_where_something_is_wrong_or_one_hour_is_larger_than_it() {
        let sealed = |hours, unfinished| Sealed { hours, unfinished, ..Sealed::default() };
        assert!(Report::default().is_clean());
        assert!(Report { sealed: sealed(1, 1), ..Report::default() }.is_clean(), "the next run goes on");
        assert!(!Report { sealed: sealed(0, 1), ..Report::default() }.is_clean());
        let wrong = event_store::rollup::seal::Wrong::Differs;
        let verified = Verified { wrong: [("2026-03-01".to_owned(), wrong)].into(), ..Verified::default() };
        let found = Report { verified: Some(verified), ..Report::default() };
        assert_eq!((found.is_clean(), found.fault()), (false, "wrong"));
    }

    #[test]
    fn what_is_asked_for_stands_in_the_event() {
        let event = r#"{"scheduled_time": "2026-03-01T09:00:00Z", "rebuild": {"tenant": "t_greenleaf", "from": "2026-02-01T00:00:00Z", "to": "2026-03-01T00:00:00Z"}}"#;
        let asked: Asked = serde_json::from_str(event).unwrap();
        assert!(asked.verify.is_none() && asked.rebuild.unwrap().tenant.as_str() == "t_greenleaf");
        let plain: Asked = serde_json::from_str(r#"{"job": "analytics_rollup"}"#).unwrap();
        assert!(plain.verify.is_none() && plain.rebuild.is_none());
    }
}
