//! The scheduled job: sends what is due, of all tenants by turns, within [`RUN`] and [`MAX_MESSAGES`].
//!
//! A few messages are under way at once, so that a target that hangs keeps no other waiting, and the tenants take turns, so that a
//! tenant with many costs the others nothing. What cannot be read or written of one message costs that one alone. Leases and pauses
//! follow the clock; the time handed in says when the run was due, so that the report tells how far behind it is.

use crate::{
    App,
    channel::{Outcome, deliver},
};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;
use shared::{
    job::{self, Report as _},
    outbox::{Claim, Due, MAX_ATTEMPTS, NOTICE, Settled, State, Target, TenantOutbox, Verdict},
    resilience::Budget,
    table::TableError,
    telemetry::{self, Metric, Outcome as Ended, metrics},
    tenant::{Sweep, TenantScope},
};
use std::{collections::BTreeSet, time::Duration};

/// For how long a run begins to send messages. What is under way then is ended.
pub const RUN: Duration = Duration::from_secs(45);
/// How many messages a run sends at most.
pub const MAX_MESSAGES: usize = 1_000;
/// How many are under way at once.
const AT_ONCE: usize = 8;
/// How long one may be under way between its claim and its end; far less than the lease.
const ONE: Duration = Duration::from_secs(25);

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Messages that their targets have taken.
    pub sent: u64,
    /// Messages with nobody to send them to.
    pub skipped: u64,
    /// Messages that wait for another try.
    pub put_off: u64,
    /// Messages that were given up.
    pub dead: u64,
    /// Messages that were another run's, or settled already.
    pub passed_over: u64,
    /// Messages of which the table could not be asked or told; they are due again when their lease is over.
    pub failed: u64,
    /// Messages that waited when the run began, due or not.
    pub waiting: u64,
    /// How long the message that was due longest had been so when the run was due, in seconds.
    pub oldest_wait_s: u64,
}

/// Why a run did nothing at all.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// What waits could not be listed.
    #[error("what is to be sent could not be listed")]
    Pending(#[source] TableError),
}

/// What became of one message.
enum Done {
    Settled(State),
    PassedOver,
    Failed,
}

impl job::Report for Report {
    /// Whether everything that was tried was written down. A target that fails is no fault of the run.
    fn is_clean(&self) -> bool {
        self.failed == 0
    }
}

impl Report {
    fn count(&mut self, done: &Done) {
        let counter = match done {
            Done::Settled(State::Sent) => &mut self.sent,
            Done::Settled(State::Skipped) => &mut self.skipped,
            Done::Settled(State::Waiting) => &mut self.put_off,
            Done::Settled(State::Dead | State::Discarded) => &mut self.dead,
            Done::PassedOver => &mut self.passed_over,
            Done::Failed => &mut self.failed,
        };
        *counter += 1;
    }
}

/// Sends what is due; `now` is when the run was due.
///
/// # Errors
///
/// [`JobError`]. What fails for one message is counted in the report.
pub async fn run(app: &App, now: Timestamp) -> Result<Report, JobError> {
    telemetry::job("outbox_drain", drain(app, now)).await
}

async fn drain(app: &App, now: Timestamp) -> Result<Report, JobError> {
    let budget = Budget::of(RUN);
    let pending = app.outbox.pending(Sweep::OutboxDrain).await.map_err(JobError::Pending)?;
    let mut report = Report { waiting: pending.waiting, ..Report::default() };
    if let Some(oldest) = pending.due.first() {
        report.oldest_wait_s = job::waited_s(oldest.since, now);
    }
    let mut told = BTreeSet::new();
    let due = job::by_turns(pending.due, |due| due.tenant.tenant()).into_iter().take(MAX_MESSAGES);
    let due = due.take_while(|_| budget.left() > Duration::ZERO);
    let under_way = stream::iter(due).map(|due| {
        let tenant = due.tenant.clone();
        tenant.act(async move { send(app, &due).await })
    });
    let mut under_way = under_way.buffer_unordered(AT_ONCE);
    while let Some((done, trouble)) = under_way.next().await {
        report.count(&done);
        // Once for each target and run: a thousand messages of one cause are one event.
        if let Some((target, trouble)) = trouble
            && told.insert((target, trouble.event))
        {
            trouble.tell(target);
        }
    }
    if report != Report::default() {
        let counts = [
            Metric::count("outbox_sent_total", report.sent),
            Metric::count("outbox_put_off_total", report.put_off),
            Metric::count("outbox_dead_total", report.dead),
            Metric::count("outbox_waiting", report.waiting),
        ];
        metrics::emit(Some("outbox_drain"), if report.is_clean() { Ended::Ok } else { Ended::Failed }, &counts);
    }
    Ok(report)
}

/// Claims a message, sends it and writes down what came of it.
async fn send(app: &App, due: &Due) -> (Done, Option<(Target, Trouble)>) {
    let outbox = app.outbox.of(&due.tenant);
    let claim = match outbox.claim(&due.id).await {
        Ok(Some(claim)) => claim,
        Ok(None) => return (Done::PassedOver, None),
        Err(error) => return (failed(&due.tenant, &error), None),
    };
    let target = claim.row.message.target;
    // A run that was killed has said nothing: the try counts by having been begun.
    let (verdict, trouble) = if claim.row.attempts > MAX_ATTEMPTS {
        (Verdict::Dead(format!("it was begun {MAX_ATTEMPTS} times and cut off")), None)
    } else {
        let outcome = outcome(app, &due.tenant, &claim).await;
        (outcome.verdict(), Trouble::of(&outcome))
    };
    (settle(&outbox, &due.tenant, &claim, verdict).await, trouble.map(|trouble| (target, trouble)))
}

async fn outcome(app: &App, tenant: &TenantScope, claim: &Claim) -> Outcome {
    if claim.row.message.topic == NOTICE && !app.switch.is_on() {
        return Outcome::Off("TRUST_SAFETY_NOTIFICATIONS is off");
    }
    let now = app.clock.now();
    let sending = async {
        match claim.row.message.target {
            Target::Email => deliver(&*app.email, tenant, &claim.row, now).await,
            Target::Webhook => deliver(&*app.webhook, tenant, &claim.row, now).await,
        }
    };
    let late = |_| Outcome::Failed { why: format!("it was not sent within {ONE:?}"), retry_after: None };
    tokio::time::timeout(ONE, sending).await.unwrap_or_else(late)
}

async fn settle(outbox: &TenantOutbox, tenant: &TenantScope, claim: &Claim, verdict: Verdict) -> Done {
    let why = match &verdict {
        Verdict::Failed { why, .. } | Verdict::Dead(why) => why.clone(),
        _ => String::new(),
    };
    match outbox.settle(claim, verdict).await {
        Ok(Settled::As(state)) => {
            if state == State::Dead {
                let (tenant, topic) = (tenant.tenant_hash(), claim.row.message.topic.as_str());
                let (id, attempts) = (claim.row.message.id.as_str(), claim.row.attempts);
                tracing::error!(
                    event = "outbox_dead_letter",
                    tenant,
                    topic,
                    id,
                    attempts,
                    cause = why,
                    "a {topic} was given up after {attempts} tries: {why}"
                );
            }
            Done::Settled(state)
        }
        Ok(Settled::Lost) => Done::PassedOver,
        Err(error) => failed(tenant, &error),
    }
}

fn failed(tenant: &TenantScope, error: &TableError) -> Done {
    let (tenant, causes) = (tenant.tenant_hash(), shared::problem::chain(error));
    tracing::error!(
        event = "outbox_not_settled",
        tenant,
        error = causes,
        "a message could not be claimed or settled: {causes}"
    );
    Done::Failed
}

/// What is wrong with a target, for those who watch over it.
struct Trouble {
    event: &'static str,
    why: String,
}

impl Trouble {
    fn of(outcome: &Outcome) -> Option<Self> {
        let (event, why) = match outcome {
            Outcome::Open(_) => ("outbox_target_open", "it fails and is left alone for a while"),
            Outcome::Unusable(why) => ("outbox_target_unusable", why.as_str()),
            Outcome::Gone(why) => ("outbox_target_gone", why.as_str()),
            _ => return None,
        };
        Some(Self { event, why: why.to_owned() })
    }

    fn tell(&self, target: Target) {
        let (target, why) = (target.name(), self.why.as_str());
        match self.event {
            "outbox_target_open" => {
                tracing::warn!(event = "outbox_target_open", target, "messages to {target} are put off: {why}");
            }
            "outbox_target_gone" => {
                tracing::error!(event = "outbox_target_gone", target, "messages to {target} die: {why}");
            }
            _ => tracing::error!(event = "outbox_target_unusable", target, "messages to {target} wait: {why}"),
        }
    }
}
