//! Which searchable snapshot of a store is the current one: the row at which publishing and answering meet.
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | store | `T#<tenant>#S#<store>` | `STORE` | [`crate::catalog::Store`] |
//! | product | same | `P#<product>` | [`crate::catalog::Product`] |
//! | snapshot | same | `SNAPSHOT` | [`State`] |

use crate::{
    digest::Digest,
    ids::{ProductId, StoreId},
    table::Key,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The sort key of the store itself.
pub const STORE: &str = "STORE";
/// What the sort keys of products begin with.
pub const PRODUCT: &str = "P#";
/// The sort key of the snapshot's [`State`].
pub const SNAPSHOT: &str = "SNAPSHOT";

/// The partition of everything about `store`, within its tenant.
pub fn partition(store: &StoreId) -> String {
    format!("S#{store}")
}

/// Where the store itself lies.
pub fn store_key(store: &StoreId) -> Key {
    Key::new(partition(store), STORE)
}

/// Where a product lies.
pub fn product_key(store: &StoreId, product: &ProductId) -> Key {
    Key::new(partition(store), format!("{PRODUCT}{product}"))
}

/// Where the snapshot's state lies.
pub fn state_key(store: &StoreId) -> Key {
    Key::new(partition(store), SNAPSHOT)
}

/// Which snapshot of a store is current, and whether its rows have changed since.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// How often rows have changed.
    #[serde(default)]
    pub changed: u64,
    /// The value of `changed` whose rows the current snapshot holds, all of them.
    #[serde(default)]
    pub published: u64,
    /// The current snapshot: the digest of its manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Digest>,
    /// The one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// How many products the current one holds.
    #[serde(default)]
    pub documents: u64,
    /// When the current one became so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
    /// Since when rows wait to be published; absent where none do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_since: Option<Timestamp>,
}
