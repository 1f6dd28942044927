//! The row of a store's snapshot: what has changed since, and the switch to a new one.

use super::{StoreTable, number, refused, text};
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use shared::{
    digest::Digest,
    snapshots::{State, state_key},
    table::TableError,
};

/// The state of a store's snapshot as it is kept.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct StateRow {
    /// What others read.
    #[serde(flatten)]
    pub state: State,
    /// Until when an import may still be writing rows, unless it says earlier that it has ended.
    #[serde(default)]
    pub unsettled_until_ms: Option<i64>,
}

/// A snapshot to become the current one.
#[derive(Clone, Debug)]
pub struct Switch {
    /// The value of `changed` before its rows were read.
    pub changed: u64,
    /// When that was read.
    pub began: Timestamp,
    /// The snapshot.
    pub digest: Digest,
    /// How many products it holds.
    pub documents: u64,
}

const TOUCH: &str = "SET pending_since = if_not_exists(pending_since, :now) ADD changed :one";

impl StateRow {
    /// Whether an import may be writing at `now`.
    pub fn unsettled(&self, now: Timestamp) -> bool {
        self.unsettled_until_ms.is_some_and(|until| until >= now.as_millisecond())
    }
}

impl StoreTable {
    /// The state of the store's snapshot, read strongly.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn state(&self) -> Result<StateRow, TableError> {
        Ok(self.rows.get(&state_key(&self.store)).await?.unwrap_or_default())
    }

    /// Says that a row changes, as part of the transaction that changes it.
    pub(super) fn touch(&self, now: Timestamp) -> Result<TransactWriteItem, TableError> {
        let update = self.rows.part_update(&state_key(&self.store)).update_expression(TOUCH);
        let update = update.expression_attribute_values(":now", text(now.to_string()));
        let update: Update =
            update.expression_attribute_values(":one", number(1)).build().map_err(TableError::unavailable)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Says that rows are about to change, and that `writer` may write until `now + lasting`.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn unsettle(&self, writer: &str, now: Timestamp, lasting: SignedDuration) -> Result<(), TableError> {
        let expression = "SET pending_since = if_not_exists(pending_since, :now), unsettled_by = :writer, \
                          unsettled_until_ms = :until ADD changed :one";
        let update = self.rows.update(&state_key(&self.store)).update_expression(expression);
        let update = update.expression_attribute_values(":now", text(now.to_string()));
        let update = update.expression_attribute_values(":writer", text(writer));
        let update = update.expression_attribute_values(":until", number((now + lasting).as_millisecond()));
        let update = update.expression_attribute_values(":one", number(1));
        update.send().await.map(drop).map_err(TableError::unavailable)
    }

    /// Says that rows have changed and that `writer` writes no more. Where another one has begun meanwhile, its mark stays.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn settle(&self, writer: &str, now: Timestamp) -> Result<(), TableError> {
        let touch = |expression: String| {
            let update = self.rows.update(&state_key(&self.store)).update_expression(expression);
            let update = update.expression_attribute_values(":now", text(now.to_string()));
            update.expression_attribute_values(":one", number(1))
        };
        let own = touch(format!("{TOUCH} REMOVE unsettled_by, unsettled_until_ms"))
            .condition_expression("unsettled_by = :writer")
            .expression_attribute_values(":writer", text(writer));
        match own.send().await {
            Ok(_) => Ok(()),
            Err(error) if refused(&error) => {
                touch(TOUCH.to_owned()).send().await.map(drop).map_err(TableError::unavailable)
            }
            Err(error) => Err(TableError::unavailable(error)),
        }
    }

    /// Where an import ended without saying so, makes its rows count as a change; `false` where the state is not `seen` any more.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn take_over(&self, seen: &StateRow) -> Result<bool, TableError> {
        let update = self
            .rows
            .update(&state_key(&self.store))
            .update_expression("ADD changed :one REMOVE unsettled_by, unsettled_until_ms")
            .condition_expression("changed = :seen")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":seen", number(seen.state.changed));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) if refused(&error) => Ok(false),
            Err(error) => Err(TableError::unavailable(error)),
        }
    }

    /// Makes `to` the current snapshot unless one of a later state is; `false` where one is.
    ///
    /// The store stops waiting where nothing has changed since `to` was begun and no import was writing by then.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn switch(&self, to: &Switch, before: &State, now: Timestamp) -> Result<bool, TableError> {
        let mut sets = "SET #current = :digest, published = :changed, documents = :documents".to_owned();
        let moves = before.current != Some(to.digest);
        if moves {
            sets.push_str(", published_at = :now");
        }
        if moves && before.current.is_some() {
            sets.push_str(", previous = #current");
        }
        let newer = "(attribute_not_exists(published) OR published < :changed)";
        let quiet = "changed = :changed AND (attribute_not_exists(unsettled_until_ms) OR unsettled_until_ms < :began)";
        for settled in [true, false] {
            let (expression, condition) = match settled {
                true => (
                    format!("{sets} REMOVE pending_since, unsettled_by, unsettled_until_ms"),
                    format!("{newer} AND {quiet}"),
                ),
                false => (sets.clone(), newer.to_owned()),
            };
            let mut update = self
                .rows
                .update(&state_key(&self.store))
                .update_expression(expression)
                .condition_expression(condition)
                .expression_attribute_names("#current", "current")
                .expression_attribute_values(":digest", text(to.digest.to_string()))
                .expression_attribute_values(":documents", number(to.documents))
                .expression_attribute_values(":changed", number(to.changed));
            if moves {
                update = update.expression_attribute_values(":now", text(now.to_string()));
            }
            if settled {
                update = update.expression_attribute_values(":began", number(to.began.as_millisecond()));
            }
            match update.send().await {
                Ok(_) => return Ok(true),
                Err(error) if refused(&error) => {}
                Err(error) => return Err(TableError::unavailable(error)),
            }
        }
        Ok(false)
    }
}
