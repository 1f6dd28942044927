//! Rows of a file into the table: only what differs is written, so that the same file again writes nothing.

use crate::{
    import::{Row, Rows, Tally},
    table::StoreTable,
};
use jiff::{SignedDuration, Timestamp};
use shared::{clock::Clock, table::TableError};
use std::io::{self, BufRead};

/// How many rows are read before they are held to the table and written.
pub const CHUNK: usize = 1_000;
/// How long after its last sign of life an import may still be writing: longer than any run of a function is let run on
/// between two chunks.
const WRITING: SignedDuration = SignedDuration::from_secs(120);

/// What keeps a file from being loaded to its end.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The file could not be read on.
    #[error("the file could not be read")]
    File(#[from] io::Error),
}

/// One file on its way into a store.
pub struct Loading<'a> {
    table: &'a StoreTable,
    clock: &'a Clock,
    writer: &'a str,
    /// Whether rows have been written, by this run or by one that was cut off.
    wrote: bool,
}

impl<'a> Loading<'a> {
    /// Loads into `table` in the name of `writer`. `resumed` where an earlier run may have written rows.
    pub fn new(table: &'a StoreTable, clock: &'a Clock, writer: &'a str, resumed: bool) -> Self {
        Self { table, clock, writer, wrote: resumed }
    }

    /// Loads the next [`CHUNK`] rows and counts what became of them; returns how many there were, 0 at the end of the file.
    ///
    /// # Errors
    ///
    /// [`LoadError`]; the rows are then not counted, and loading them again is harmless.
    pub async fn chunk<R: BufRead>(&mut self, rows: &mut Rows<R>, tally: &mut Tally) -> Result<u64, LoadError> {
        let mut read: Vec<Row> = Vec::with_capacity(CHUNK);
        while read.len() < CHUNK
            && let Some(row) = rows.next_row()?
        {
            read.push(row);
        }
        let facts = read.iter().filter_map(|row| row.as_ref().ok()).map(|(_, facts)| facts.clone()).collect();
        let now: Timestamp = self.clock.now();
        let loaded = self.table.compare(facts, now).await?;
        let effects = loaded.effects.clone();
        if loaded.changes() {
            self.table.unsettle(self.writer, now, WRITING).await?;
            self.wrote = true;
            self.table.write(loaded).await?;
        }
        let count = read.len() as u64;
        let mut effects = effects.into_iter();
        for row in read {
            match row {
                Ok(_) => tally.good(effects.next().expect("each good row has its effect")),
                Err(fault) => tally.bad(fault),
            }
        }
        Ok(count)
    }

    /// Says that the file is written, if any of it was; returns whether it was.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn settle(self) -> Result<bool, TableError> {
        if self.wrote {
            self.table.settle(self.writer, self.clock.now()).await?;
        }
        Ok(self.wrote)
    }
}
