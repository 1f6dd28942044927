//! Files of products: what forms they have, how their rows are found, and what is said about each.
//!
//! A bad row costs itself and no other: it is counted, named by its line and told why. A row whose id stood in the file
//! before is such a row; the first one counts, so that the same file always means the same products.

mod cells;
mod elements;
mod format;
mod records;
mod rows;
mod tally;

pub use format::{Format, UnknownFormat};
pub use rows::{BadFile, Row, Rows};
pub use tally::{Fault, MAX_FAULTS, Tally};

/// The longest row, in bytes; a longer one is refused without being held in memory.
pub const MAX_ROW_BYTES: usize = 1024 * 1024;
