//! Fetching what an answer is made from: the store, and the recalled products as the table has them this minute.

use crate::{
    App,
    agent::{Shelves, Unreachable},
    answer::{Candidate, Staff, Tool},
    budget::Budget,
    error::Error,
    recall::{NoRecall, Recalled, Sought},
};
use shared::{
    auth::{Permission, Role},
    catalog::{Product, Store},
    ids::ProductId,
    snapshots::{product_key, store_key},
    table::Table,
    tenant::StoreScope,
};
use std::{collections::BTreeMap, time::Duration};

/// The products that were recalled, with their facts of this minute.
#[derive(Debug, Default)]
pub(crate) struct Products {
    /// Above the threshold, best first.
    pub(crate) hits: Vec<Candidate>,
    /// The nearest below it, best first.
    pub(crate) near: Vec<Candidate>,
    /// What only staff may see of them; exists only for those who may.
    pub(crate) staff: Option<Staff>,
}

/// The products of one store, as one caller may see them.
#[derive(Clone, Copy)]
pub(crate) struct Aisles<'a> {
    pub(crate) app: &'a App,
    /// The store, which a verified caller named.
    pub(crate) scope: &'a StoreScope,
    /// That caller's role.
    pub(crate) role: Role,
    pub(crate) budget: Budget,
}

impl Aisles<'_> {
    /// Recalls what is sought, within the time that is for it.
    pub(crate) async fn recall(&self, sought: Sought<'_>) -> Result<Vec<Recalled>, NoRecall> {
        self.recall_within(self.budget.for_retrieval(), sought).await
    }

    async fn recall_within(&self, time: Duration, sought: Sought<'_>) -> Result<Vec<Recalled>, NoRecall> {
        self.app.recall.recall(self.scope, self.role, sought, time).await
    }

    /// Reads what was recalled.
    ///
    /// # Errors
    ///
    /// [`Error::Table`].
    pub(crate) async fn read(&self, recalled: &[Recalled]) -> Result<Products, Error> {
        products(&self.app.table, self.scope, self.role, recalled).await
    }
}

impl Shelves for Aisles<'_> {
    async fn find(&self, sought: Sought<'_>) -> Result<Products, Unreachable> {
        // A tool runs in the time for writing: the reserve was kept for it.
        let recalled = self.recall_within(self.budget.for_lookup(), sought).await.map_err(|_| Unreachable)?;
        self.read(&recalled).await.map_err(unreachable)
    }

    async fn named(&self, id: &ProductId) -> Result<Products, Unreachable> {
        let named = Recalled { id: id.to_string(), probability: 1.0, relevant: true };
        self.read(&[named]).await.map_err(unreachable)
    }
}

/// A tool that fails says so to the model; why, only to the log.
fn unreachable(error: Error) -> Unreachable {
    let causes = shared::problem::chain(&error);
    tracing::error!(event = "tool_failed", error = causes, "products could not be read: {causes}");
    Unreachable
}

/// Whether `role` may use `tool`, asked each time that a tool runs.
pub(crate) fn may(role: Role, tool: Tool) -> bool {
    role.allows(match tool {
        Tool::GetProductLocation => Permission::GetProductLocation,
        Tool::CheckStoreHours => Permission::CheckStoreHours,
        Tool::GetCostPrice => Permission::GetCostPrice,
    })
}

/// Reads the store.
///
/// # Errors
///
/// [`Error::NoSuchStore`], [`Error::Table`].
pub(crate) async fn store(table: &Table, scope: &StoreScope) -> Result<Store, Error> {
    let found = table.of(scope.tenant_scope()).get(&store_key(scope.store())).await?;
    found.ok_or_else(|| Error::NoSuchStore(scope.store().clone()))
}

/// Reads the products that were recalled. One that the table no longer has is left out: it was deleted since.
///
/// # Errors
///
/// [`Error::Table`].
pub(crate) async fn products(
    table: &Table,
    scope: &StoreScope,
    role: Role,
    recalled: &[Recalled],
) -> Result<Products, Error> {
    let ids = recalled.iter().filter_map(|found| found.id.parse::<ProductId>().ok());
    let keys: Vec<_> = ids.map(|id| product_key(scope.store(), &id)).collect();
    let rows = table.of(scope.tenant_scope()).get_all(&keys).await?;
    Ok(sorted(role, rows, recalled))
}

/// Puts rows into the order in which they were recalled, and their internal fields out of the reach of who may not see them.
pub(crate) fn sorted(role: Role, rows: Vec<Product>, recalled: &[Recalled]) -> Products {
    let mut rows: BTreeMap<String, Product> = rows.into_iter().map(|row| (row.product_id.to_string(), row)).collect();
    let mut products = Products::default();
    let mut internal = BTreeMap::new();
    for found in recalled {
        let Some(mut product) = rows.remove(&found.id) else { continue };
        internal.insert(product.product_id.clone(), std::mem::take(&mut product.internal));
        #[expect(clippy::cast_possible_truncation, reason = "a probability needs no more than a float's digits")]
        let candidate = Candidate::new(product, found.probability as f32);
        if found.relevant { &mut products.hits } else { &mut products.near }.push(candidate);
    }
    products.staff = Staff::new(&|tool| may(role, tool), internal).ok();
    products
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn internal_fields_are_put_aside_for_staff_and_dropped_for_everybody_else() {
        let row = json!({
            "product_id": "oat", "name": "Oat Milk", "price": 2.49, "updated_at": "2026-11-01T00:00:00Z",
            "cost_price": 48151.62, "supplier": "Quartzfinch Imports"
        });
        let recalled = [Recalled { id: "oat".to_owned(), probability: 0.9, relevant: true }];
        for role in Role::ALL {
            let products = sorted(role, vec![serde_json::from_value(row.clone()).unwrap()], &recalled);
            assert_eq!(products.hits.len(), 1);
            let told = format!("{products:?}");
            let staff = role.allows(Permission::GetCostPrice);
            assert_eq!(
                (products.staff.is_some(), told.contains("Quartzfinch"), told.contains("4815162")),
                (staff, staff, staff),
                "{role}"
            );
        }
    }
}
