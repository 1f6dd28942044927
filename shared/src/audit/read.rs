//! Reading a log: leaves and texts by their places, and how far the counter has come.

use super::{COUNTER, LEAVES, LeafRow, Log, NEXT, TEXTS, TextRow, leaf_key};
use crate::table::{Key, TableError};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};

/// The counter of a log in the table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CounterRow {
    /// The next place to be given out; every place below it was.
    pub next: u64,
    /// When the last one was.
    pub given_at: Option<Timestamp>,
    /// Since when there are places that no checkpoint covers; none where every place is covered.
    pub audit_pending: Option<Timestamp>,
}

/// Some rows of a log, in the order of their places.
#[derive(Clone, Debug)]
pub struct Rows<T> {
    /// Each row with its place.
    pub rows: Vec<(u64, T)>,
    /// Whether there may be more.
    pub more: bool,
}

#[derive(Deserialize)]
struct Placed<T> {
    sk: String,
    #[serde(flatten)]
    row: T,
}

impl Log {
    /// Up to `limit` leaves from the place `from` on.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn leaves(&self, from: u64, limit: u32) -> Result<Rows<LeafRow>, TableError> {
        self.read(LEAVES, from, limit).await
    }

    /// Up to `limit` texts from the place `from` on.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn texts(&self, from: u64, limit: u32) -> Result<Rows<TextRow>, TableError> {
        self.read(TEXTS, from, limit).await
    }

    /// The leaf at a place.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn leaf(&self, seq: u64) -> Result<Option<LeafRow>, TableError> {
        self.rows.get(&leaf_key(seq)).await
    }

    /// How far the counter has come; `None` before the first act.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn counter(&self) -> Result<Option<CounterRow>, TableError> {
        self.rows.get(&Key::new(COUNTER, NEXT)).await
    }

    async fn read<T: DeserializeOwned>(&self, partition: &str, from: u64, limit: u32) -> Result<Rows<T>, TableError> {
        let mut after = from.checked_sub(1).map(|before| format!("{before:020}"));
        let mut rows = Vec::new();
        loop {
            let left = limit.saturating_sub(u32::try_from(rows.len()).unwrap_or(limit));
            if left == 0 {
                return Ok(Rows { rows, more: true });
            }
            // The places that a counter can reach begin with a 0.
            let page = self.rows.page::<Placed<T>>(partition, "0", left, after.as_deref()).await?;
            for Placed { sk, row } in page.rows {
                let seq = sk.parse().map_err(TableError::unavailable)?;
                rows.push((seq, row));
            }
            after = page.after;
            if after.is_none() {
                return Ok(Rows { rows, more: false });
            }
        }
    }
}
