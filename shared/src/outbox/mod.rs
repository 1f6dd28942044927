//! The outbox: what is to be sent to the world outside, written in the transaction that makes it so and sent by a schedule.
//!
//! A vendor that is slow or dead slows no request and loses nothing: the message waits in the table.
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | message | `T#<tenant>#OUTBOX` | the message's id | [`MessageRow`] |
//!
//! The index `outbox_due` (`pk`, `outbox_due`) holds what waits: [`MessageRow::outbox_due`] is when it is due, and there is none
//! once a message is settled, which is when it was sent, or given up and lies among the dead letters.

use crate::{
    clock::Clock,
    table::{Key, Table, TableError, TenantTable, new_part},
    tenant::TenantScope,
};
use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The partition of a tenant's messages.
pub const PARTITION: &str = "OUTBOX";
/// The index of what waits, and the attribute that puts a message there.
pub const OUTBOX_DUE: &str = "outbox_due";

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
}

/// A message in the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageRow {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// How far it has come.
    pub state: State,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was last tried or settled.
    pub updated_at: Timestamp,
    /// Why the last try failed, in words without what was sent or to whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it is due (RFC 3339 with nine digits of a second, so that texts compare by time); none once it is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox_due: Option<String>,
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
            last_error: None,
            outbox_due: Some(due(now)),
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

/// A time as the index sorts it: nine digits of a second always, as texts compare by their characters.
pub fn due(at: Timestamp) -> String {
    format!("{at:.9}")
}
