//! The documents' ids in order: a row's number is its id's place.
//!
//! The file is a count, then as many ends, then the ids one after another; numbers are 64 bits, little-endian.

use tantivy::directory::OwnedBytes;

/// The file's name.
pub(crate) const FILE: &str = "ids";

/// The ids, read in place.
#[derive(Clone)]
pub(crate) struct Ids {
    bytes: OwnedBytes,
    count: usize,
}

impl Ids {
    /// Reads the file's bytes, or `None` when they are not a list of ids.
    pub(crate) fn new(bytes: OwnedBytes) -> Option<Self> {
        let count = usize::try_from(u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?)).ok()?;
        let heads = count.checked_mul(8)?.checked_add(8)?;
        let ids = Self { bytes, count };
        if heads > ids.bytes.len() {
            return None;
        }
        let last = if count == 0 { 0 } else { ids.end(count - 1)? };
        (heads.checked_add(last)? == ids.bytes.len()).then_some(ids)
    }

    fn end(&self, row: usize) -> Option<usize> {
        let at = 8 + row * 8;
        usize::try_from(u64::from_le_bytes(self.bytes.get(at..at + 8)?.try_into().ok()?)).ok()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The id of `row`.
    pub(crate) fn get(&self, row: u32) -> Option<&str> {
        let row = row as usize;
        if row >= self.count {
            return None;
        }
        let heads = 8 + self.count * 8;
        let start = if row == 0 { 0 } else { self.end(row - 1)? };
        let end = self.end(row)?;
        std::str::from_utf8(self.bytes.get(heads + start..heads + end)?).ok()
    }

    /// The row of `id`.
    pub(crate) fn row(&self, id: &str) -> Option<u32> {
        let (mut low, mut high) = (0_u32, u32::try_from(self.count).ok()?);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle)?.cmp(id) {
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}
