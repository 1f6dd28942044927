//! What became of the rows of a file.

use crate::facts::Effect;
use serde::{Deserialize, Serialize};

/// How many faults are told one by one; all are counted.
pub const MAX_FAULTS: usize = 100;

/// The count of a file's rows, and what was wrong with the bad ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Tally {
    /// Rows that were read, good and bad; blank lines and the header are none.
    pub rows: u64,
    /// Products that the store did not have.
    pub created: u64,
    /// Products that the store had otherwise.
    pub updated: u64,
    /// Products that the store had as they are.
    pub unchanged: u64,
    /// Rows that were refused.
    pub rejected: u64,
    /// The first 100 refused rows.
    pub faults: Vec<Fault>,
}

/// A row that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Fault {
    /// The line on which the row begins, counted from 1.
    pub line: u64,
    /// The row's id, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

impl Tally {
    /// Counts a good row.
    pub fn good(&mut self, effect: Effect) {
        self.rows += 1;
        match effect {
            Effect::Created => self.created += 1,
            Effect::Updated => self.updated += 1,
            Effect::Unchanged => self.unchanged += 1,
        }
    }

    /// Counts a bad row.
    pub fn bad(&mut self, fault: Fault) {
        self.rows += 1;
        self.rejected += 1;
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        }
    }

    /// How many products were written.
    pub fn written(&self) -> u64 {
        self.created + self.updated
    }
}
