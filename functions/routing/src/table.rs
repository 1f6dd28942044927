//! Routes in DynamoDB. `shared::routes` says which rows there are.
//!
//! A change writes the listed row and the served one, and with a required route the row that tells of its absence, in one transaction
//! with the entry in the audit log. Its condition is on the listed row: that there is none, or that it is the version that was read.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use jiff::Timestamp;
use shared::{
    audit::{Audit, Entry, Log},
    clock::Clock,
    ids::TenantId,
    routes::{self, LISTED, ResourceKind, Route, RouteKey, SERVED},
    table::{Key, Page, Table, TableError, TenantTable},
    tenant::TenantScope,
};

/// The table, as this function uses it.
#[derive(Clone)]
pub(crate) struct RouteTable {
    table: Table,
    audit: Audit,
}

/// The routes, for one request of the tenant that keeps them.
pub(crate) struct Registry {
    rows: TenantTable,
    log: Log,
}

/// Whether something was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It was.
    Done,
    /// Somebody else was quicker: what stands now decides.
    Overtaken,
}

impl RouteTable {
    /// Routes in `table`.
    pub(crate) fn new(table: Table, clock: &Clock) -> Self {
        Self { audit: Audit::new(table.clone(), clock.clone()), table }
    }

    /// Those that `system` keeps.
    pub(crate) fn of(&self, system: &TenantScope) -> Registry {
        Registry { rows: self.table.of(system), log: self.audit.of(system) }
    }
}

impl Registry {
    /// The route `key`; `None` where there is none.
    pub(crate) async fn route(&self, key: &RouteKey) -> Result<Option<Route>, TableError> {
        self.rows.get(&routes::listed(key)).await
    }

    /// Up to `limit` routes in the order of kind, tenant and environment, after the mark `after` of the page before.
    pub(crate) async fn page(
        &self,
        kind: Option<ResourceKind>,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<Route>, TableError> {
        let prefix = kind.map(|kind| format!("{kind}#")).unwrap_or_default();
        self.rows.page(LISTED, &prefix, limit, after).await
    }

    /// A tenant's routes, which are few: one for each kind and environment.
    pub(crate) async fn of_tenant(
        &self,
        tenant: &TenantId,
        kind: Option<ResourceKind>,
    ) -> Result<Vec<Route>, TableError> {
        let prefix = kind.map(|kind| format!("{kind}#")).unwrap_or_default();
        let rows: Vec<Route> = self.rows.all(&format!("{SERVED}{tenant}"), &prefix).await?;
        Ok(rows.into_iter().filter(|route| route.removed_at.is_none()).collect())
    }

    /// What a request of the route's tenant would find by now.
    pub(crate) async fn served(&self, key: &RouteKey) -> Result<Option<Route>, TableError> {
        let found: Option<Route> = self.rows.get(&routes::served(key)).await?;
        Ok(found.filter(|route| route.removed_at.is_none()))
    }

    /// Writes `route` where `old` stands, or nothing.
    pub(crate) async fn put(&self, route: &Route, old: Option<&Route>, entry: &Entry) -> Result<Written, TableError> {
        let key = &route.route_id;
        let listed = self.rows.part_put(self.rows.item(&routes::listed(key), route)?);
        let listed = match old {
            None => listed.condition_expression("attribute_not_exists(pk)"),
            Some(old) => listed
                .condition_expression("#version = :held")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":held", AttributeValue::S(old.version.clone())),
        };
        let listed = listed.build().map_err(TableError::unavailable)?;
        let parts = vec![
            TransactWriteItem::builder().put(listed).build(),
            self.putting(&routes::served(key), route)?,
            self.removing(&routes::missing(key))?,
        ];
        self.commit(entry, parts).await
    }

    /// Removes `old` at `now`, or nothing where it does not stand any more.
    pub(crate) async fn remove(&self, old: &Route, now: Timestamp, entry: &Entry) -> Result<Written, TableError> {
        let key = &old.route_id;
        let listed = self.rows.part_delete(&routes::listed(key)).condition_expression("#version = :held");
        let listed = listed.expression_attribute_names("#version", "version");
        let listed = listed.expression_attribute_values(":held", AttributeValue::S(old.version.clone()));
        let listed = listed.build().map_err(TableError::unavailable)?;
        let mut parts = vec![TransactWriteItem::builder().delete(listed).build()];
        if old.required {
            let gone = Route { config: Default::default(), removed_at: Some(now), updated_at: now, ..old.clone() };
            parts.push(self.putting(&routes::served(key), &gone)?);
            parts.push(self.putting(&routes::missing(key), &gone)?);
        } else {
            parts.push(self.removing(&routes::served(key))?);
        }
        self.commit(entry, parts).await
    }

    fn putting(&self, key: &Key, route: &Route) -> Result<TransactWriteItem, TableError> {
        let put = self.rows.part_put(self.rows.item(key, route)?).build().map_err(TableError::unavailable)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn removing(&self, key: &Key) -> Result<TransactWriteItem, TableError> {
        let delete = self.rows.part_delete(key).build().map_err(TableError::unavailable)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    async fn commit(&self, entry: &Entry, parts: Vec<TransactWriteItem>) -> Result<Written, TableError> {
        match self.log.commit(entry, parts).await {
            Ok(_) => Ok(Written::Done),
            Err(TableError::Condition(_)) => Ok(Written::Overtaken),
            Err(error) => Err(error),
        }
    }
}
