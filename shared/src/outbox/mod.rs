//! The outbox: what is to be sent to the world outside, written in the transaction that makes it so and sent by a schedule.
//!
//! A vendor that is slow or dead slows no request and loses nothing: the message waits in the table.
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | message | `T#<tenant>#OUTBOX` | the message's id | [`MessageRow`] |
//! | dead letter | `T#<tenant>#OUTBOXDEAD` | when it died, `#`, the message's id | [`DeadLetter`]: names the message |
//!
//! The index `outbox_due` (`pk`, `outbox_due`) holds what waits: [`MessageRow::outbox_due`] is when it is due, and there is none
//! once a message is settled, which is when it was sent, or given up and lies among the dead letters.
//!
//! **At least once.** Whoever sends a message claims it first: one conditional write moves [`MessageRow::outbox_due`] ahead by
//! [`LEASE`] and names the claim, so that no other run sends it meanwhile. What came of it is written on condition that the claim
//! still holds. A run that dies between the two has perhaps sent; when its lease is over the message is due again, and is sent a
//! second time rather than lost. Receivers know it by its id.
//!
//! **Giving up.** A try counts from its claim on, so that a message that kills whoever sends it is given up as well. After
//! [`MAX_ATTEMPTS`], or [`MAX_AGE`] after the first failure, it is a dead letter: it waits for a person, who has it sent again
//! ([`TenantOutbox::redrive`]) or not ([`TenantOutbox::discard`]). Dead letters never expire; what is settled otherwise goes after
//! [`KEPT`].

mod claim;
mod dead;

pub use claim::{Claim, Due, LEASE, Pending, Settled, Verdict};
pub use dead::{DEAD, DeadLetter, Discarded, Redriven};

use crate::{
    clock::Clock,
    resilience::Backoff,
    table::{Key, Table, TableError, TenantTable, new_part, sortable},
    tenant::TenantScope,
};
use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// The partition of a tenant's messages.
pub const PARTITION: &str = "OUTBOX";
/// The index of what waits, and the attribute that puts a message there.
pub const OUTBOX_DUE: &str = "outbox_due";

/// The topic of messages that are a notice's: they go nowhere while notices are switched off.
pub const NOTICE: &str = "notification.created";

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// To a person, by e-mail.
    Email,
    /// To the systems of the app's team, as a signed webhook.
    Webhook,
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its own name within the tenant. Whoever receives it twice knows it by this.
    pub id: String,
    /// Where it goes.
    pub target: Target,
    /// What it says, as `<area>.<event>`: `notification.created`, `artifact.undo_requested`.
    pub topic: String,
    /// What the target needs to know; at most [`MAX_PAYLOAD_BYTES`] as JSON.
    pub payload: Value,
}

/// The most bytes of a payload.
pub const MAX_PAYLOAD_BYTES: usize = 32 * 1024;

/// How often a message is tried.
pub const MAX_ATTEMPTS: u32 = 12;
/// How long after its first failure a message is tried.
pub const MAX_AGE: SignedDuration = SignedDuration::from_hours(72);
/// How long a settled message can be looked up.
pub const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The pauses between tries.
pub const PAUSES: Backoff = Backoff { first: Duration::from_secs(30), most: Duration::from_secs(6 * 3_600) };
/// The longest pause that a target can ask for.
pub const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits to be sent, for the first time or again.
    Waiting,
    /// The target has taken it.
    Sent,
    /// There was nobody to send it to, such as a person without an address.
    Skipped,
    /// It was tried as often as it may be: a dead letter.
    Dead,
    /// A person looked at the dead letter and wants it sent no more.
    Discarded,
}

/// A message in the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageRow {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// How far it has come.
    pub state: State,
    /// How often it was tried, since it was written or sent again by a person.
    pub attempts: u32,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was last tried or settled.
    pub updated_at: Timestamp,
    /// When the first of these tries failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Why the last try failed, or why there was nobody to send it to, in words without what was sent or to whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it is due (RFC 3339 with nine digits of a second, so that texts compare by time); none once it is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox_due: Option<String>,
    /// The claim under which it is being sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    /// When the row may be forgotten, in seconds since 1970; none while it waits or is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

/// The outboxes of every tenant.
#[derive(Clone, Debug)]
pub struct Outbox {
    table: Table,
    clock: Clock,
}

/// The outbox of one tenant.
#[derive(Clone, Debug)]
pub struct TenantOutbox {
    rows: TenantTable,
    clock: Clock,
}

impl Outbox {
    /// The outboxes in `table`, by the time of `clock`.
    pub fn new(table: Table, clock: Clock) -> Self {
        Self { table, clock }
    }

    /// The outbox of a tenant.
    pub fn of(&self, tenant: &TenantScope) -> TenantOutbox {
        TenantOutbox { rows: self.table.of(tenant), clock: self.clock.clone() }
    }
}

impl TenantOutbox {
    /// The writing of `message`, due at once, as part of the transaction that makes it so.
    ///
    /// # Errors
    ///
    /// [`TableError::Form`], or [`TableError::Unavailable`] for a payload that is too large.
    pub fn part(&self, message: Message) -> Result<TransactWriteItem, TableError> {
        let bytes = message.payload.to_string().len();
        if bytes > MAX_PAYLOAD_BYTES {
            let what = std::io::Error::other(format!("the payload of a {} has {bytes} bytes", message.topic));
            return Err(TableError::unavailable(what));
        }
        let (key, now) = (key(&message.id), self.clock.now());
        let row = MessageRow {
            message,
            state: State::Waiting,
            attempts: 0,
            created_at: now,
            updated_at: now,
            failing_since: None,
            last_error: None,
            outbox_due: Some(sortable(now)),
            lease: None,
            expires_at: None,
        };
        new_part(self.rows.part_put(self.rows.item(&key, &row)?))
    }

    /// The message `id`; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn message(&self, id: &str) -> Result<Option<MessageRow>, TableError> {
        self.rows.get(&key(id)).await
    }
}

/// Where a message lies.
pub fn key(id: &str) -> Key {
    Key::new(PARTITION, id)
}
