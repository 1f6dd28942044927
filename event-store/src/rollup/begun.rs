//! How far the counting of an hour has come that takes several runs.
//!
//! It is kept under the version of the hour's mark, as a roll-up is. While that stands the events of the hour are the same, so that whoever
//! goes on behind the last one that was counted misses none and counts none twice. Of a version that is over it is not taken. Whoever is
//! slower than another who has finished the hour may leave it behind, until the hour is counted again.
//!
//! It is as large as what it was counted from has people and sessions, each in its combination: only what is whole is sampled.

use super::{
    Part,
    chunk::{self, Chunk},
    pack::{self, Packer},
    tally::Rollup,
};
use crate::{Position, StoreError};
use serde::{Deserialize, Serialize};

/// What was counted of an hour from its beginning on, and up to where.
#[derive(Clone, Debug, Default)]
pub struct Begun {
    /// What was counted.
    pub rollup: Rollup,
    /// The last event that was; none where nothing was counted.
    pub after: Option<Position>,
}

/// The same as bytes.
#[derive(Debug, Serialize, Deserialize)]
struct Packed {
    after: Position,
    parts: [Vec<u8>; Part::BY_COMBINATION.len()],
}

impl Begun {
    /// What lies in `chunks`, if it is whole and was counted under `version`.
    pub fn of(chunks: Vec<Chunk>, version: u64) -> Option<Self> {
        let bytes = chunk::joined(chunks, version)?;
        let Packed { after, parts } = pack::whole_of(&bytes).ok()?;
        let mut rollup = Rollup::default();
        for (part, bytes) in Part::BY_COMBINATION.into_iter().zip(&parts) {
            rollup.join(&pack::whole(part, pack::unpack(bytes, part).ok()?)?).ok()?;
        }
        Some(Self { rollup, after: Some(after) })
    }

    /// It as chunks; none where nothing was counted.
    ///
    /// # Errors
    ///
    /// [`StoreError::Form`], which no roll-up gives.
    pub fn chunks(&self, version: u64) -> Result<Vec<Chunk>, StoreError> {
        let Some(after) = self.after.clone() else { return Ok(vec![]) };
        let mut parts: [Vec<u8>; Part::BY_COMBINATION.len()] = Default::default();
        let mut packer = Packer::of(Some(&self.rollup));
        for (bytes, part) in parts.iter_mut().zip(Part::BY_COMBINATION) {
            *bytes = packer.pack(part)?;
        }
        let bytes = postcard::to_allocvec(&Packed { after, parts }).map_err(|error| StoreError::Form(error.into()))?;
        Ok(chunk::cut(bytes, version))
    }
}
