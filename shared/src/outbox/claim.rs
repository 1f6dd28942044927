//! What the sender needs: which messages are due, whose turn one is, and what came of it.

use super::{KEPT, LONGEST_PAUSE, MAX_AGE, MAX_ATTEMPTS, MessageRow, OUTBOX_DUE, Outbox, PAUSES, State, TenantOutbox};
use super::{PARTITION, key};
use crate::{
    table::{Item, TableError, sortable, update_part},
    tenant::{Sweep, TenantScope},
    web::request::random_hex,
};
use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError::ConditionalCheckFailedException, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld},
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::time::Duration;

/// How long a claim holds. A run may take less, and a send far less.
pub const LEASE: SignedDuration = SignedDuration::from_secs(120);

/// What waits, of every tenant.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    /// What is due, longest waiting first.
    pub due: Vec<Due>,
    /// How many messages wait, due or not.
    pub waiting: u64,
}

/// A message that is due.
#[derive(Clone, Debug)]
pub struct Due {
    /// Whose it is.
    pub tenant: TenantScope,
    /// Its id.
    pub id: String,
    /// Since when.
    pub since: Timestamp,
}

/// A message that is this run's to send, until its lease is over.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The message; this try counts among its attempts.
    pub row: MessageRow,
    lease: String,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The target has taken it.
    Sent,
    /// There is nobody to send it to, for this reason.
    Skipped(String),
    /// It failed, for this reason: it is tried again after a pause, no sooner than the target asks, unless it was tried enough.
    Failed {
        /// Why, without what was sent or to whom.
        why: String,
        /// What the target asks for.
        retry_after: Option<Duration>,
    },
    /// It was not tried, for this reason, which is not the message's: it is tried after this pause, and nothing is counted.
    Waits {
        /// Why.
        why: String,
        /// For how long.
        pause: Duration,
    },
    /// It is never taken, for this reason, however often it is sent.
    Dead(String),
}

/// What stands in the table after a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The message is sent, skipped, waiting or dead.
    As(State),
    /// The claim was over, and somebody else has the message by now. Nothing was written.
    Lost,
}

impl Outbox {
    /// What waits in every tenant's outbox. The index may be a moment behind: a claim says whether a message is really due.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn pending(&self, right: Sweep) -> Result<Pending, TableError> {
        #[derive(Deserialize)]
        struct Row {
            pk: String,
            sk: String,
            outbox_due: Timestamp,
        }
        let now = self.clock.now();
        let read = |Row { pk, sk, outbox_due }| Some(Due { tenant: tenant_of(right, &pk)?, id: sk, since: outbox_due });
        let mut due = self.table.sweep(right, read).await?;
        let waiting = due.len() as u64;
        due.retain(|due| due.since <= now);
        due.sort_by_key(|due| due.since);
        Ok(Pending { due, waiting })
    }
}

fn tenant_of(right: Sweep, pk: &str) -> Option<TenantScope> {
    let tenant = pk.strip_prefix("T#")?.strip_suffix(PARTITION)?.strip_suffix('#')?;
    Some(TenantScope::for_job(right, tenant.parse().ok()?))
}

impl TenantOutbox {
    /// Takes the message `id` for [`LEASE`]; `None` where it is settled, not due, or another's.
    ///
    /// # Errors
    ///
    /// [`TableError`]; it may be taken all the same, and is then due again when the lease is over.
    pub async fn claim(&self, id: &str) -> Result<Option<Claim>, TableError> {
        let (now, lease) = (self.clock.now(), random_hex::<16>());
        let update = self.rows.update(&key(id));
        let update = update
            .update_expression("SET #due = :until, #lease = :lease, updated_at = :at ADD attempts :one")
            .condition_expression("#state = :waiting AND #due <= :now")
            .expression_attribute_names("#due", OUTBOX_DUE)
            .expression_attribute_names("#lease", "lease")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":until", text(sortable(now + LEASE)))
            .expression_attribute_values(":lease", text(lease.clone()))
            .expression_attribute_values(":at", text(now.to_string()))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":waiting", text(State::Waiting.name()))
            .expression_attribute_values(":now", text(sortable(now)))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(AllOld);
        let item = match update.send().await {
            Ok(done) => done.attributes,
            Err(error) => match error.into_service_error() {
                // The reply to a first try was lost, and this is the second: the claim is this one.
                ConditionalCheckFailedException(refused) => refused.item.filter(|item| is_under(item, &lease)),
                other => return Err(TableError::unavailable(other)),
            },
        };
        let row: Option<MessageRow> = item.map(serde_dynamo::from_item).transpose()?;
        Ok(row.filter(|row| row.lease.as_ref() == Some(&lease)).map(|row| Claim { row, lease }))
    }

    /// Writes down what came of a claimed message.
    ///
    /// # Errors
    ///
    /// [`TableError`]; it may be written all the same. Where it is not, the message is due again when the lease is over.
    pub async fn settle(&self, claim: &Claim, verdict: Verdict) -> Result<Settled, TableError> {
        let now = self.clock.now();
        match verdict {
            Verdict::Sent => self.end(claim, State::Sent, None, now).await,
            Verdict::Skipped(why) => self.end(claim, State::Skipped, Some(why), now).await,
            Verdict::Dead(why) => self.bury(claim, why, now).await,
            Verdict::Failed { why, retry_after } => {
                let since = claim.row.failing_since.unwrap_or(now);
                if claim.row.attempts >= MAX_ATTEMPTS || now.duration_since(since) >= MAX_AGE {
                    return self.bury(claim, why, now).await;
                }
                let pause = pause(PAUSES.pause(claim.row.attempts.saturating_sub(1)), retry_after);
                self.put_off(claim, why, now, now + pause, true).await
            }
            Verdict::Waits { why, pause } => {
                let pause = SignedDuration::try_from(pause).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
                self.put_off(claim, why, now, now + pause, false).await
            }
        }
    }

    async fn end(
        &self,
        claim: &Claim,
        state: State,
        why: Option<String>,
        now: Timestamp,
    ) -> Result<Settled, TableError> {
        let sets = "SET #state = :state, updated_at = :at, expires_at = :expires";
        let (sets, gone) = match &why {
            Some(_) => (format!("{sets}, last_error = :why"), ""),
            None => (sets.to_owned(), ", last_error"),
        };
        let expires = (now + KEPT).as_second().to_string();
        let update = self.rows.update(&key(&claim.row.message.id));
        let update = update
            .update_expression(format!("{sets} REMOVE #due, #lease, failing_since{gone}"))
            .expression_attribute_names("#due", OUTBOX_DUE)
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", text(state.name()))
            .expression_attribute_values(":at", text(now.to_string()))
            .expression_attribute_values(":expires", AttributeValue::N(expires));
        let update = match why {
            Some(why) => update.expression_attribute_values(":why", text(why)),
            None => update,
        };
        under(update, claim, state, now).await
    }

    async fn put_off(
        &self,
        claim: &Claim,
        why: String,
        now: Timestamp,
        until: Timestamp,
        counts: bool,
    ) -> Result<Settled, TableError> {
        let set = "SET #due = :until, updated_at = :at, last_error = :why";
        let update = self.rows.update(&key(&claim.row.message.id));
        let update = match counts {
            true => update
                .update_expression(format!("{set}, failing_since = if_not_exists(failing_since, :at) REMOVE #lease")),
            false => update
                .update_expression(format!("{set}, attempts = attempts - :one REMOVE #lease"))
                .expression_attribute_values(":one", AttributeValue::N("1".to_owned())),
        };
        let update = update
            .expression_attribute_names("#due", OUTBOX_DUE)
            .expression_attribute_values(":until", text(sortable(until)))
            .expression_attribute_values(":at", text(now.to_string()))
            .expression_attribute_values(":why", text(why));
        under(update, claim, State::Waiting, now).await
    }

    /// Makes a dead letter of it: the message's state and the letter are written together.
    async fn bury(&self, claim: &Claim, why: String, now: Timestamp) -> Result<Settled, TableError> {
        let id = &claim.row.message.id;
        let update = self.rows.part_update(&key(id));
        let update = update
            .update_expression("SET #state = :dead, updated_at = :at, last_error = :why REMOVE #due, #lease")
            .condition_expression("#lease = :lease")
            .expression_attribute_names("#due", OUTBOX_DUE)
            .expression_attribute_names("#lease", "lease")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":dead", text(State::Dead.name()))
            .expression_attribute_values(":at", text(now.to_string()))
            .expression_attribute_values(":why", text(why))
            .expression_attribute_values(":lease", text(claim.lease.clone()));
        let parts = vec![update_part(update)?, self.letter_part(id, claim.row.message.target, now)?];
        match self.rows.transact(parts).await {
            Ok(()) => Ok(Settled::As(State::Dead)),
            Err(TableError::Condition(old)) => {
                let old = old.first().and_then(Option::as_ref);
                Ok(settled_as(old, claim, State::Dead, now))
            }
            Err(error) => Err(error),
        }
    }
}

/// The pause before the next try: the jittered one, or what the target asks for and that, within bounds.
fn pause(jittered: Duration, retry_after: Option<Duration>) -> SignedDuration {
    let pause = retry_after.unwrap_or_default().saturating_add(jittered);
    SignedDuration::try_from(pause).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE)
}

/// Makes an update while the claim holds.
async fn under(
    update: UpdateItemFluentBuilder,
    claim: &Claim,
    state: State,
    now: Timestamp,
) -> Result<Settled, TableError> {
    let update = update
        .condition_expression("#lease = :lease")
        .expression_attribute_names("#lease", "lease")
        .expression_attribute_values(":lease", text(claim.lease.clone()))
        .return_values_on_condition_check_failure(AllOld);
    match update.send().await {
        Ok(_) => Ok(Settled::As(state)),
        Err(error) => match error.into_service_error() {
            ConditionalCheckFailedException(refused) => Ok(settled_as(refused.item.as_ref(), claim, state, now)),
            other => Err(TableError::unavailable(other)),
        },
    }
}

/// What a refused settling says: its own first try has been at it and its reply was lost, or the claim was over.
fn settled_as(found: Option<&Item>, claim: &Claim, state: State, now: Timestamp) -> Settled {
    let is = |name: &str, value: &str| {
        found.and_then(|item| item.get(name)).and_then(|found| found.as_s().ok()).is_some_and(|found| found == value)
    };
    let own = is("state", state.name()) && is("updated_at", &now.to_string());
    let tries = found.and_then(|item| item.get("attempts")).and_then(|found| found.as_n().ok()?.parse::<u32>().ok());
    // Whoever claims it afterwards counts one more, or leaves a lease.
    let unclaimed =
        found.is_some_and(|item| !item.contains_key("lease")) && tries.is_some_and(|tries| tries <= claim.row.attempts);
    if own && unclaimed { Settled::As(state) } else { Settled::Lost }
}

fn is_under(item: &Item, lease: &str) -> bool {
    item.get("lease").and_then(|found| found.as_s().ok()).is_some_and(|found| found == lease)
}

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}
