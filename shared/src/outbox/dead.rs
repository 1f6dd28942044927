//! Dead letters: what was given up, and what a person does about it.

use super::{KEPT, MessageRow, OUTBOX_DUE, State, Target, TenantOutbox, claim::text, key};
use crate::table::{Key, Listed, Listing, Place, TableError, sortable, update_part};
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The partition of a tenant's dead letters.
pub const DEAD: &str = "OUTBOXDEAD";

/// A dead letter: which message it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The message's id.
    pub id: String,
    /// Where it was to go.
    pub target: Target,
    /// When it was given up.
    pub died_at: Timestamp,
}

/// What became of a wish to send a dead letter again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redriven {
    /// It waits, and is due at once.
    Done,
    /// It is no dead letter: it was sent again already, or never died. Nothing was done.
    Not(State),
    /// There is no such message.
    NoSuchMessage,
}

/// What became of a wish to send a dead letter no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discarded {
    /// It is discarded.
    Done,
    /// It is no dead letter. Nothing was done.
    Not(State),
    /// There is no such message.
    NoSuchMessage,
}

impl Target {
    /// The target as it stands in the table, in settings and in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Webhook => "webhook",
        }
    }
}

impl State {
    /// The state as it stands in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Skipped => "skipped",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
        }
    }
}

impl TenantOutbox {
    /// Up to `limit` dead letters, the latest first, after the place where a page ended.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn dead_letters(&self, limit: u32, after: Option<Place>) -> Result<Listed<DeadLetter>, TableError> {
        self.rows.list(Listing::of(DEAD, limit).newest_first().after(after)).await
    }

    /// Up to `limit` messages in the order of their ids, whatever became of them, after the place where a page ended.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn messages(&self, limit: u32, after: Option<Place>) -> Result<Listed<MessageRow>, TableError> {
        self.rows.list(Listing::of(super::PARTITION, limit).after(after)).await
    }

    /// Has a dead letter sent again, as if it had just been written. Once: whoever asks a second time changes nothing.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn redrive(&self, id: &str) -> Result<Redriven, TableError> {
        let Some(row) = self.message(id).await? else { return Ok(Redriven::NoSuchMessage) };
        if row.state != State::Dead {
            return Ok(Redriven::Not(row.state));
        }
        match self.rows.transact(self.redrive_parts(&row)?).await {
            Ok(()) => Ok(Redriven::Done),
            Err(TableError::Condition(_)) => match self.message(id).await? {
                Some(row) => Ok(Redriven::Not(row.state)),
                None => Ok(Redriven::NoSuchMessage),
            },
            Err(error) => Err(error),
        }
    }

    /// Has a dead letter sent no more. It can be looked up for [`KEPT`].
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn discard(&self, id: &str) -> Result<Discarded, TableError> {
        let Some(row) = self.message(id).await? else { return Ok(Discarded::NoSuchMessage) };
        if row.state != State::Dead {
            return Ok(Discarded::Not(row.state));
        }
        match self.rows.transact(self.discard_parts(&row)?).await {
            Ok(()) => Ok(Discarded::Done),
            Err(TableError::Condition(_)) => match self.message(id).await? {
                Some(row) => Ok(Discarded::Not(row.state)),
                None => Ok(Discarded::NoSuchMessage),
            },
            Err(error) => Err(error),
        }
    }

    /// The parts of a transaction that has the dead letter `row` sent again, for whoever writes down beside it who wanted that.
    /// The condition on the message holds once.
    ///
    /// # Errors
    ///
    /// [`TableError::Unavailable`] where a part lacks what the SDK asks for.
    pub fn redrive_parts(&self, row: &MessageRow) -> Result<Vec<TransactWriteItem>, TableError> {
        let now = self.clock.now();
        let update = self.rows.part_update(&key(&row.message.id));
        let update = update
            .update_expression(
                "SET #state = :waiting, #due = :due, attempts = :zero, updated_at = :at REMOVE failing_since",
            )
            .expression_attribute_names("#due", OUTBOX_DUE)
            .expression_attribute_values(":waiting", text(State::Waiting.name()))
            .expression_attribute_values(":due", text(sortable(now)))
            .expression_attribute_values(":zero", AttributeValue::N("0".to_owned()))
            .expression_attribute_values(":at", text(now.to_string()));
        self.over(row, update)
    }

    /// The same for one that is sent no more.
    ///
    /// # Errors
    ///
    /// [`TableError::Unavailable`] where a part lacks what the SDK asks for.
    pub fn discard_parts(&self, row: &MessageRow) -> Result<Vec<TransactWriteItem>, TableError> {
        let now = self.clock.now();
        let update = self.rows.part_update(&key(&row.message.id));
        let update = update
            .update_expression("SET #state = :discarded, updated_at = :at, expires_at = :expires REMOVE failing_since")
            .expression_attribute_values(":discarded", text(State::Discarded.name()))
            .expression_attribute_values(":at", text(now.to_string()))
            .expression_attribute_values(":expires", AttributeValue::N((now + KEPT).as_second().to_string()));
        self.over(row, update)
    }

    /// An update of a message that is still the dead one that was read, and the end of its letter.
    fn over(
        &self,
        row: &MessageRow,
        update: aws_sdk_dynamodb::types::builders::UpdateBuilder,
    ) -> Result<Vec<TransactWriteItem>, TableError> {
        let update = update
            .condition_expression("#state = :dead AND updated_at = :died")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":dead", text(State::Dead.name()))
            .expression_attribute_values(":died", text(row.updated_at.to_string()));
        let letter = self.rows.part_delete(&letter_key(&row.message.id, row.updated_at));
        let letter = letter.build().map_err(TableError::unavailable)?;
        Ok(vec![update_part(update)?, TransactWriteItem::builder().delete(letter).build()])
    }

    /// The letter of a message that dies at `died_at`.
    pub(super) fn letter_part(
        &self,
        id: &str,
        target: Target,
        died_at: Timestamp,
    ) -> Result<TransactWriteItem, TableError> {
        let letter = DeadLetter { id: id.to_owned(), target, died_at };
        let put: Put = self
            .rows
            .part_put(self.rows.item(&letter_key(id, died_at), &letter)?)
            .build()
            .map_err(TableError::unavailable)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// Where the letter of a message lies that died at `died_at`, which is when its row last changed.
fn letter_key(id: &str, died_at: Timestamp) -> Key {
    Key::new(DEAD, format!("{}#{id}", sortable(died_at)))
}
