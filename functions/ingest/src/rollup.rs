//! The scheduled job: counts the hours whose events have changed, and puts past days together.
//!
//! It runs every five minutes, for [`RUN`] at most. Each tenant of whom something waits has its share of that time; what the others leave goes to
//! those who have more, once more in equal shares. What a run does not do, the next one does: a day stays in the index until it is counted, and
//! an hour that is larger than its share is gone on with. A run that does not come to every tenant, or that leaves something which has waited for
//! longer than [`LATE`], is a failed one. Leases follow the clock; the time handed in says when the run was due. Two runs at once do no harm.
//!
//! Somebody may ask for more in the run's event: `"verify": {"tenant": …, "from": …, "to": …}` compares what was counted with the events, and
//! `"rebuild": {…}` counts it anew, whatever was counted before.

mod shares;

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
use shares::Shares;
use std::{collections::BTreeMap, mem, time::Duration};

/// For how long a run counts. An hour that is under way then is left to the next run; the function's own limit leaves a minute for writing.
pub const RUN: Duration = Duration::from_secs(240);
/// How long something may wait that could be counted, in seconds.
pub const LATE: u64 = 3_600;
/// How often the schedule runs, in seconds.
const EVERY: i64 = 300;

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
    /// Tenants to whom a run did not come: the next one begins with others.
    pub postponed: u64,
    /// For how long, in seconds, that had waited when the run was due which could be counted longest and which the run did not finish: since
    /// the time when no more writes could arrive. 0 where it finished all that it came to.
    pub longest_wait_s: u64,
    /// Whether there was no time to count all anew that was asked for: ask for fewer days.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub asked_unfinished: bool,
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

impl job::Report for Report {
    fn is_clean(&self) -> bool {
        let verified = self.verified.as_ref();
        let right = verified.is_none_or(|verified| verified.wrong.is_empty() && !verified.unfinished);
        self.failed + self.postponed == 0 && right && !self.asked_unfinished && self.longest_wait_s <= LATE
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

/// The days of a tenant of which something waits, longest first.
#[derive(Debug)]
struct Turn {
    tenant: TenantScope,
    days: Vec<Day>,
    /// What its last turn left of them.
    left: Sealed,
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
            report.asked_unfinished = report.sealed.unfinished > 0;
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
    let mut report = Report::default();
    let mut shares = Shares::of(turns(due(&rollups.table).await.map_err(JobError::NotListed)?, now));
    let budget = Budget::of(RUN);
    while let Some((mut turn, share)) = shares.next(budget.left()) {
        seal(rollups, &mut turn, Budget::of(share), &mut report).await;
        if !turn.days.is_empty() {
            shares.again(turn);
        }
    }
    let (unfinished, postponed) = shares.left();
    unfinished.for_each(|turn| report.sealed += turn.left);
    report.postponed = postponed;
    report.longest_wait_s = report.sealed.waits_since.map_or(0, |since| job::waited_s(since, now));
    let ended = if report.is_clean() { Ended::Ok } else { Ended::Failed };
    if report.sealed.hours + report.sealed.days + report.failed > 0 || ended == Ended::Failed {
        let hours = Metric::count("analytics_rollup_hours_total", report.sealed.hours);
        let failed = Metric::count("analytics_rollup_failed_total", report.failed);
        let wait = Metric::seconds("analytics_rollup_longest_wait_seconds", Duration::from_secs(report.longest_wait_s));
        metrics::emit(Some("analytics_rollup"), ended, &[hours, failed, wait]);
    }
    Ok(report)
}

/// Counts the days of a tenant; those stay that are not finished.
async fn seal(rollups: &Rollups, turn: &mut Turn, budget: Budget, report: &mut Report) {
    let tenant = turn.tenant.clone();
    turn.left = Sealed::default();
    let Some(sealer) = rollups.sealer(&tenant, budget) else { return turn.days.clear() };
    for (at, day) in mem::take(&mut turn.days).into_iter().enumerate() {
        // Of the first one a page is counted, however small the share is.
        if at > 0 && budget.left() == Duration::ZERO {
            turn.days.push(day);
            match tenant.act(sealer.waits_since(day)).await {
                Ok(waits_since) => turn.left += Sealed { unfinished: 1, waits_since, ..Sealed::default() },
                Err(error) => failed(&tenant, &error, report),
            }
            continue;
        }
        match tenant.act(sealer.seal(day)).await {
            Ok(sealed) if sealed.unfinished == 0 => report.sealed += sealed,
            Ok(sealed) => {
                let Sealed { leased, unfinished, waits_since, .. } = sealed;
                turn.left += Sealed { leased, unfinished, waits_since, ..Sealed::default() };
                report.sealed += Sealed { leased: 0, unfinished: 0, waits_since: None, ..sealed };
                turn.days.push(day);
            }
            Err(error) => failed(&tenant, &error, report),
        }
    }
}

fn failed(tenant: &TenantScope, error: &StoreError, report: &mut Report) {
    report.failed += 1;
    let (tenant, causes) = (tenant.tenant_hash(), chain(error));
    tracing::error!(event = "rollup_failed", tenant, error = causes, "a day was not counted: {causes}");
}

/// What waits, by its tenants. Runs begin with different ones: the golden ratio spreads the beginnings evenly, however many there are.
fn turns(due: Vec<Due>, now: Timestamp) -> Vec<Turn> {
    let mut by_tenant: BTreeMap<TenantId, Turn> = BTreeMap::new();
    for Due { tenant, day, .. } in due {
        let new = || Turn { tenant: tenant.clone(), days: vec![], left: Sealed::default() };
        by_tenant.entry(tenant.tenant().clone()).or_insert_with(new).days.push(day);
    }
    let mut turns: Vec<Turn> = by_tenant.into_values().collect();
    let run = now.as_second().div_euclid(EVERY).cast_unsigned();
    let spread = u128::from(run.wrapping_mul(0x9E37_79B9_7F4A_7C15)) * turns.len() as u128;
    turns.rotate_left(usize::try_from(spread >> 64).unwrap_or_default());
    turns
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
    fn a_run_fails_where_something_is_wrong_has_waited_too_long_or_had_no_turn() {
        let waited = |longest_wait_s| Report { longest_wait_s, ..Report::default() };
        assert!(!Report { asked_unfinished: true, ..Report::default() }.is_clean(), "whoever asked is told");
        let cut = Verified { unfinished: true, ..Verified::default() };
        assert!(!Report { verified: Some(cut), ..Report::default() }.is_clean(), "not all was checked");
        assert!(waited(0).is_clean() && waited(LATE).is_clean(), "the next run goes on");
        assert!(!waited(LATE + 1).is_clean());
        assert!(!Report { postponed: 1, ..Report::default() }.is_clean());
        let wrong = event_store::rollup::seal::Wrong::Differs;
        let verified = Verified { wrong: [("2026-03-01".to_owned(), wrong)].into(), ..Verified::default() };
        let found = Report { verified: Some(verified), ..Report::default() };
        assert_eq!((found.is_clean(), found.fault()), (false, "wrong"));
    }

    #[test]
    fn runs_begin_with_different_tenants_and_each_ones_longest_waiting_day_comes_first() {
        let at = |minutes| Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_mins(minutes);
        let due = |tenant: &str, days: i64| {
            let tenant = TenantScope::for_job(Sweep::AnalyticsRollup, tenant.parse().unwrap());
            Due { tenant, day: Day::of(at(days * 24 * 60)), since: at(0) }
        };
        let first = |run: i64| {
            let turns = turns(vec![due("a", 7), due("b", 2), due("a", 3), due("c", 1)], at(run * 5));
            assert_eq!(turns.len(), 3);
            let of_a = turns.iter().find(|turn| turn.tenant.tenant().as_str() == "a").unwrap();
            assert_eq!(of_a.days, [7, 3].map(|days| Day::of(at(days * 24 * 60))));
            turns[0].tenant.tenant().as_str().to_owned()
        };
        let firsts: Vec<String> = (0..30).map(first).collect();
        for tenant in ["a", "b", "c"] {
            assert!((9..=11).contains(&firsts.iter().filter(|first| *first == tenant).count()), "{firsts:?}");
        }
        assert!(turns(vec![], at(0)).is_empty());
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
