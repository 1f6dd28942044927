//! DynamoDB by tenant: a handle that exists only for a verified tenant, and whose every key begins with it.
//!
//! | attribute | holds |
//! | --- | --- |
//! | `pk` | `T#<tenant>#<what the function chose>`: the leading key of the table and of every index |
//! | `sk` | what the function chose |
//!
//! A function's own `table.rs` says which items there are. Refusals of a condition come back as themselves; a throttled,
//! slow or broken store comes back as [`TableError::Unavailable`] and is never taken for "not there".
//!
//! Without a tenant there is nothing to read, and the client is out of reach:
//!
//! ```compile_fail,E0599
//! async fn read(table: &shared::table::Table) {
//!     let _ = table.get::<String>(&shared::table::Key::new("S#north", "STORE")).await;
//! }
//! ```
//! ```compile_fail,E0616
//! fn raw(table: &shared::table::TenantTable) {
//!     let _ = &table.client;
//! }
//! ```

mod listing;
#[cfg(test)]
pub(crate) mod testing;
mod verdict;
mod write;

use crate::{
    aws::Aws,
    problem::Problem,
    resilience::Backoff,
    tenant::{self, Sweep, TenantScope, guard::Refused},
};
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ReturnConsumedCapacity},
};
use jiff::Timestamp;
pub use listing::{Listed, Listing, Place};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::HashMap, time::Duration};
pub use write::{Write, new_part, update_part};

/// An item as the SDK holds it.
pub type Item = HashMap<String, AttributeValue>;

/// How often unprocessed items and conflicting transactions are tried before the caller hears of it.
const ATTEMPTS: u32 = 8;
/// How long is waited between them.
const PAUSES: Backoff = Backoff { first: Duration::from_millis(25), most: Duration::from_millis(1_600) };

/// What keeps an item from being read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The store throttled, timed out, conflicted for too long or broke.
    #[error("the table could not be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A condition of the write did not hold.
    #[error("a condition of the write did not hold")]
    Condition(Vec<Option<Item>>),
    /// The tenant guard stopped the call: nothing was read or written.
    #[error("the call was stopped")]
    Refused(#[source] Refused),
    /// An item is not of the form that this code writes.
    #[error("an item of the table is not of its form")]
    Form(#[from] serde_dynamo::Error),
}

impl From<TableError> for Problem {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Unavailable(_) => Problem::upstream("table.unavailable", &error, 1),
            other => Problem::internal(&other),
        }
    }
}

impl TableError {
    /// A fault of the SDK that is not a failed condition.
    pub fn unavailable<E: std::error::Error + Send + Sync + 'static>(error: E) -> Self {
        match Refused::among(&error) {
            Some(refused) => Self::Refused(refused.clone()),
            None => Self::Unavailable(Box::new(error)),
        }
    }
}

/// A table of the bundle. What can be done with it, [`Table::of`] a tenant can do.
#[derive(Clone, Debug)]
pub struct Table {
    client: Client,
    name: String,
}

/// A table as one tenant sees it.
#[derive(Clone, Debug)]
pub struct TenantTable {
    client: Client,
    name: String,
    prefix: String,
}

/// Where an item lies within a tenant's part of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What follows the tenant in `pk`.
    pub partition: String,
    /// `sk`.
    pub sort: String,
}

impl Key {
    /// The item `sort` of the partition `partition`.
    pub fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self { partition: partition.into(), sort: sort.into() }
    }
}

/// A page of a query.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// Rows in key order.
    pub rows: Vec<T>,
    /// The sort key after which the next page begins; `None` at the end.
    pub after: Option<String>,
}

impl Table {
    /// The table `name`.
    pub fn new(aws: &Aws, name: impl Into<String>) -> Self {
        Self { client: aws.dynamodb(), name: name.into() }
    }

    /// The table as `tenant` sees it.
    pub fn of(&self, tenant: &TenantScope) -> TenantTable {
        let prefix = format!("T#{}#", tenant.tenant());
        TenantTable { client: self.client.clone(), name: self.name.clone(), prefix }
    }

    /// The system tenant's rows, of which a tenant's session may get its served routes and nothing else: for [`crate::routes`].
    pub(crate) fn of_system(&self) -> TenantTable {
        let prefix = format!("T#{}#", tenant::SYSTEM);
        TenantTable { client: self.client.clone(), name: self.name.clone(), prefix }
    }

    /// Everything in the sparse index of a sweep ([`Sweep::index`]), across tenants, as `read` understands it.
    ///
    /// What is of no known form, or means nothing to `read`, costs that item alone: it is passed over, and one event tells of all such.
    ///
    /// # Errors
    ///
    /// [`TableError::Unavailable`].
    pub async fn sweep<R: DeserializeOwned, T>(
        &self,
        right: Sweep,
        read: impl Fn(R) -> Option<T>,
    ) -> Result<Vec<T>, TableError> {
        let index = right.index();
        let items = right.act(self.scan(index)).await?;
        let all = items.len();
        let known: Vec<T> = items.into_iter().filter_map(|item| read(serde_dynamo::from_item(item).ok()?)).collect();
        let malformed = all - known.len();
        if malformed > 0 {
            tracing::error!(
                event = "sweep_malformed",
                index,
                malformed,
                "{malformed} items of the index {index} are of no known form and were passed over"
            );
        }
        Ok(known)
    }

    async fn scan(&self, index: &str) -> Result<Vec<Item>, TableError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let scan = self.client.scan().table_name(&self.name).index_name(index);
            let page = scan.set_exclusive_start_key(start).send().await.map_err(TableError::unavailable)?;
            items.extend(whole(page.items)?);
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }
}

impl TenantTable {
    fn pk(&self, partition: &str) -> AttributeValue {
        AttributeValue::S(format!("{}{partition}", self.prefix))
    }

    fn key(&self, key: &Key) -> Item {
        HashMap::from([
            ("pk".to_owned(), self.pk(&key.partition)),
            ("sk".to_owned(), AttributeValue::S(key.sort.clone())),
        ])
    }

    /// The item that holds `row` at `key`.
    ///
    /// # Errors
    ///
    /// [`TableError::Form`] where `row` does not serialise to a map.
    pub fn item(&self, key: &Key, row: &impl Serialize) -> Result<Item, TableError> {
        let mut item: Item = serde_dynamo::to_item(row)?;
        item.extend(self.key(key));
        Ok(item)
    }

    /// Reads the item at `key`, strongly consistent.
    ///
    /// # Errors
    ///
    /// [`TableError::Unavailable`], [`TableError::Form`].
    pub async fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, TableError> {
        let get = self.client.get_item().table_name(&self.name).set_key(Some(self.key(key))).consistent_read(true);
        let get = get.return_consumed_capacity(ReturnConsumedCapacity::Total);
        let got = get.send().await.map_err(TableError::unavailable)?;
        // A reply that was cut reads as one without an item. A whole one says what it cost.
        if got.item.is_none() && got.consumed_capacity.is_none() {
            return whole(None);
        }
        Ok(got.item.map(serde_dynamo::from_item).transpose()?)
    }

    /// Reads the items at `keys`, in any order and without those that are not there; strongly consistent.
    ///
    /// # Errors
    ///
    /// [`TableError::Unavailable`], [`TableError::Form`].
    pub async fn get_all<T: DeserializeOwned>(&self, keys: &[Key]) -> Result<Vec<T>, TableError> {
        let mut rows = Vec::new();
        for chunk in keys.chunks(100) {
            let mut wanted: Vec<Item> = chunk.iter().map(|key| self.key(key)).collect();
            for attempt in 0.. {
                let request = aws_sdk_dynamodb::types::KeysAndAttributes::builder().consistent_read(true);
                let request = request.set_keys(Some(wanted)).build().map_err(TableError::unavailable)?;
                let call = self.client.batch_get_item().request_items(&self.name, request);
                let got = call.send().await.map_err(TableError::unavailable)?;
                for item in whole(got.responses)?.remove(&self.name).into_iter().flatten() {
                    rows.push(serde_dynamo::from_item(item)?);
                }
                let left = got.unprocessed_keys.and_then(|mut tables| tables.remove(&self.name));
                wanted = left.map(|left| left.keys).unwrap_or_default();
                if wanted.is_empty() {
                    break;
                }
                pause(attempt).await?;
            }
        }
        Ok(rows)
    }

    /// Reads up to `limit` rows of `partition` whose sort key begins with `prefix`, after the sort key `after`.
    ///
    /// # Errors
    ///
    /// [`TableError::Unavailable`], [`TableError::Form`].
    pub async fn page<T: DeserializeOwned>(
        &self,
        partition: &str,
        prefix: &str,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<T>, TableError> {
        let start = after.map(|sort| self.key(&Key::new(partition, sort)));
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .expression_attribute_values(":pk", self.pk(partition))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start);
        // A key is compared with no empty text.
        let query = if prefix.is_empty() {
            query.key_condition_expression("pk = :pk")
        } else {
            let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :sk)");
            query.expression_attribute_values(":sk", AttributeValue::S(prefix.to_owned()))
        };
        let found = query.send().await.map_err(TableError::unavailable)?;
        let rows = whole(found.items)?.into_iter().map(serde_dynamo::from_item).collect::<Result<_, _>>()?;
        let after = found.last_evaluated_key.and_then(|mut key| key.remove("sk"));
        Ok(Page { rows, after: after.and_then(|sort| sort.as_s().ok().cloned()) })
    }

    /// Reads every row of `partition` whose sort key begins with `prefix`, page by page.
    ///
    /// # Errors
    ///
    /// [`TableError::Unavailable`], [`TableError::Form`].
    pub async fn all<T: DeserializeOwned>(&self, partition: &str, prefix: &str) -> Result<Vec<T>, TableError> {
        let mut rows = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.page(partition, prefix, 1_000, after.as_deref()).await?;
            rows.extend(page.rows);
            after = page.after;
            if after.is_none() {
                return Ok(rows);
            }
        }
    }
}

/// A time as keys and indexes sort it: nine digits of a second always, as texts compare by their characters.
pub fn sortable(at: Timestamp) -> String {
    format!("{at:.9}")
}

/// The row that an item holds, as a write's reply brings it.
///
/// # Errors
///
/// [`TableError::Form`].
pub fn row<T: DeserializeOwned>(item: Item) -> Result<T, TableError> {
    Ok(serde_dynamo::from_item(item)?)
}

/// A member that every whole reply has, if only to say that there is nothing. The SDK reads a reply without a body, and a document of
/// somebody else, as one in which it is missing.
fn whole<T>(member: Option<T>) -> Result<T, TableError> {
    member.ok_or_else(|| TableError::unavailable(std::io::Error::other("the table's reply is not whole")))
}

/// Waits before attempt `attempt + 1`: full jitter below 25 ms, doubled each time, at most 1.6 s.
async fn pause(attempt: u32) -> Result<(), TableError> {
    if attempt >= ATTEMPTS {
        let what = std::io::Error::other("the store kept putting the writes off");
        return Err(TableError::unavailable(what));
    }
    tokio::time::sleep(PAUSES.pause(attempt)).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[tokio::test]
    async fn what_a_sweep_cannot_read_costs_that_alone() {
        #[derive(Deserialize)]
        struct Row {
            sk: String,
            outbox_due: Timestamp,
        }
        let store = testing::Store::with_indexes(&["outbox_due"]).await;
        let table = store.table();
        for (tenant, sort, due) in [
            ("acme", "1", "2026-03-01T09:00:00Z"),
            ("acme", "2", "soon"),
            ("beta", "3", "2026-03-01T10:00:00Z"),
            ("beta", "4", "2026-03-01T11:00:00Z"),
        ] {
            let tenant = TenantScope::for_job(Sweep::OutboxDrain, tenant.parse().unwrap());
            let rows = table.of(&tenant);
            let item = rows.item(&Key::new("OUTBOX", sort), &HashMap::from([("outbox_due", due)])).unwrap();
            tenant.act(async move { rows.put(item).send().await.unwrap() }).await;
        }
        let read = |row: Row| (row.sk != "4").then_some((row.sk, row.outbox_due.to_string()));
        let mut swept = table.sweep(Sweep::OutboxDrain, read).await.unwrap();
        swept.sort();
        let row = |sk: &str, due: &str| (sk.to_owned(), due.to_owned());
        assert_eq!(swept, [row("1", "2026-03-01T09:00:00Z"), row("3", "2026-03-01T10:00:00Z")]);
    }

    #[test]
    fn times_sort_as_texts_whatever_their_fractions() {
        let rising = [
            "1970-01-01T00:00:00Z",
            "2026-03-01T09:00:00Z",
            "2026-03-01T09:00:00.000000001Z",
            "2026-03-01T09:00:00.1Z",
            "2026-03-01T09:00:00.12Z",
            "2026-03-01T09:00:01Z",
        ];
        let times = rising.map(|time| time.parse::<Timestamp>().unwrap());
        let texts = times.map(sortable);
        assert!(texts.is_sorted(), "{texts:?}");
        assert!(texts.iter().zip(times).all(|(text, time)| text.parse::<Timestamp>().unwrap() == time));
    }
}
