//! What is written down of an emergency's act (ADM-6): who did what to whose record, and why.
//!
//! The row is written with the change of the record in one transaction, so that there is no such act without its row and no row
//! without its act. It is only ever made: this function has no way to change or remove one. That it is tamper-evident, as a chain
//! of digests would make it, it does not claim.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    auth::{Caller, Grant, Scopes},
    ids::PersonId,
    table::{Key, sortable},
    web::request::{self, RequestContext},
};

/// The partition of a tenant's emergencies.
const PARTITION: &str = "BREAKGLASS";

/// An act, to be written with what it does.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Act {
    at: Timestamp,
    request_id: String,
    by: PersonId,
    on: PersonId,
    did: Deed,
    before: Scopes,
    after: Scopes,
    reason: String,
}

/// What was done to the record.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Deed {
    /// It was made, or changed.
    Put,
    /// It was removed.
    Delete,
}

impl Act {
    /// What `caller` is about to do by `grant` to the record of `on`, whose scopes go from `before` to `after`; nothing where
    /// the grant is none of an emergency.
    pub(crate) fn of(
        grant: &Grant,
        caller: &Caller,
        at: Timestamp,
        (on, did): (&PersonId, Deed),
        [before, after]: [Scopes; 2],
    ) -> Option<Self> {
        Some(Self {
            at,
            request_id: request::current().unwrap_or_else(RequestContext::fresh).request_id,
            by: caller.person().clone(),
            on: on.clone(),
            did,
            before,
            after,
            reason: grant.reason()?.expose().to_owned(),
        })
    }

    /// Where it is written in the tenant's part of the table: emergencies lie in the order of time.
    pub(crate) fn key(&self) -> Key {
        Key::new(PARTITION, format!("{}#{}", sortable(self.at), self.request_id))
    }
}
