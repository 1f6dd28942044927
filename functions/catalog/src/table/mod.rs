//! The catalog in DynamoDB.
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | store | `T#<tenant>#S#<store>` | `STORE` | [`Store`] |
//! | product | same | `P#<product>` | [`shared::catalog::Product`]; `digest`, `facts`: its [`crate::facts::Marks`] |
//! | snapshot | same | `SNAPSHOT` | [`shared::snapshots::State`]; `unsettled_by`, `unsettled_until_ms`: an import that is writing |
//! | import | same | `IMPORT#<import>` | [`imports::ImportRow`] |
//!
//! The index `pending` (`pk`, `pending_since`) holds what waits for [`crate::job`]: snapshots with unpublished changes and
//! imports that are queued or running. It is sparse: no other item has the attribute `pending_since`.
//!
//! `…_ms` are milliseconds since 1970, since texts of RFC 3339 do not compare by time. No rule relies on an item's expiry.

pub mod imports;
mod products;
mod state;

pub use products::{Deletion, Loaded, ProductRow, Stored};
pub use state::{StateRow, Switch};

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    types::{AttributeValue, ReturnValue},
};
use imports::{IMPORT, ImportId};
use jiff::Timestamp;
use serde::Deserialize;
use shared::{
    aws::Aws,
    catalog::Store,
    ids::StoreId,
    snapshots::{self, SNAPSHOT},
    table::{Table, TableError, TenantTable},
    tenant::{StoreScope, Sweep},
};

/// The catalog's table.
#[derive(Clone, Debug)]
pub struct CatalogTable(Table);

/// The catalog of one store.
#[derive(Clone, Debug)]
pub struct StoreTable {
    rows: TenantTable,
    store: StoreId,
}

/// Something that waits for the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    /// A store with unpublished changes.
    Snapshot(StoreScope),
    /// An import that is queued or running.
    Import(StoreScope, ImportId),
}

impl CatalogTable {
    /// The table `name`.
    pub fn new(aws: &Aws, name: &str) -> Self {
        Self(Table::new(aws, name))
    }

    /// The table itself, for what else reads it.
    pub fn table(&self) -> &Table {
        &self.0
    }

    /// The catalog of a store.
    pub fn of(&self, scope: &StoreScope) -> StoreTable {
        StoreTable { rows: self.0.of(scope.tenant_scope()), store: scope.store().clone() }
    }

    /// All that waits, of every tenant, longest waiting first.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn pending(&self, right: Sweep) -> Result<Vec<(Timestamp, Pending)>, TableError> {
        #[derive(Deserialize)]
        struct Row {
            pk: String,
            sk: String,
            pending_since: Timestamp,
        }
        let read = |Row { pk, sk, pending_since }| Some((pending_since, waiting(right, &pk, &sk)?));
        let mut pending = self.0.sweep(right, read).await?;
        pending.sort_by_key(|(since, _)| *since);
        Ok(pending)
    }
}

fn waiting(right: Sweep, pk: &str, sk: &str) -> Option<Pending> {
    let (tenant, store) = pk.strip_prefix("T#")?.split_once("#S#")?;
    let scope = StoreScope::for_job(right, tenant.parse().ok()?, store.parse().ok()?);
    match sk.strip_prefix(IMPORT) {
        Some(id) => Some(Pending::Import(scope, id.parse().ok()?)),
        None => (sk == SNAPSHOT).then_some(Pending::Snapshot(scope)),
    }
}

impl StoreTable {
    fn partition(&self) -> String {
        snapshots::partition(&self.store)
    }

    /// The store; `None` where nobody has made it.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn store(&self) -> Result<Option<Store>, TableError> {
        self.rows.get(&snapshots::store_key(&self.store)).await
    }

    /// Puts the store; returns whether it is a new one.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn put_store(&self, store: &Store) -> Result<bool, TableError> {
        let item = self.rows.item(&snapshots::store_key(&self.store), store)?;
        let put = self.rows.put(item).return_values(ReturnValue::AllOld);
        let old = put.send().await.map_err(TableError::unavailable)?.attributes;
        Ok(old.is_none_or(|old| old.is_empty()))
    }
}

/// Whether a write was refused by its own condition.
fn refused<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code() == Some("ConditionalCheckFailedException")
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_known_by_its_key_and_anything_else_is_not_taken_for_it() {
        let of = |pk: &str, sk: &str| waiting(Sweep::CatalogPublish, pk, sk);
        let Some(Pending::Snapshot(scope)) = of("T#acme#S#north-1", "SNAPSHOT") else { panic!("a snapshot") };
        assert_eq!((scope.tenant().as_str(), scope.store().as_str()), ("acme", "north-1"));
        let id = format!("imp-{}", "0".repeat(32));
        assert!(
            matches!(of("T#acme#S#north-1", &format!("IMPORT#{id}")), Some(Pending::Import(_, found)) if found.as_str() == id)
        );
        for (pk, sk) in [
            ("T#acme#S#north-1", "STORE"),
            ("T#acme#S#north-1", "IMPORT#x"),
            ("T#acme", "SNAPSHOT"),
            ("acme#S#x", "SNAPSHOT"),
            ("T##S#x", "SNAPSHOT"),
            ("T#a#S#b#S#c", "SNAPSHOT"),
        ] {
            assert_eq!(of(pk, sk), None, "{pk} {sk}");
        }
    }
}
