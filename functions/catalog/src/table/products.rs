//! Products: one at a time under a condition, many at a time by what differs.

use super::{StoreTable, text};
use crate::facts::{Effect, Facts, Marks};
use aws_sdk_dynamodb::types::TransactWriteItem;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    catalog::Product,
    digest::Digest,
    ids::ProductId,
    snapshots::{PRODUCT, product_key},
    table::{Key, Page, TableError, Write},
};
use std::collections::HashMap;

/// How often a write that others were quicker than is tried.
const ATTEMPTS: u32 = 8;
/// How many batches are under way at once.
const AT_ONCE: usize = 8;
/// The most keys of one batch of reads.
const READS: usize = 100;
/// The most items of one batch of writes.
const WRITES: usize = 25;

/// A product as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProductRow {
    /// The product.
    #[serde(flatten)]
    pub product: Product,
    /// [`Marks::digest`].
    pub digest: Digest,
    /// [`Marks::facts`].
    pub facts: Digest,
}

#[derive(Deserialize)]
struct MarksRow {
    product_id: ProductId,
    digest: Digest,
    facts: Digest,
}

/// What became of a product that was put.
#[derive(Clone, Debug)]
pub enum Stored {
    /// It stands as it was said.
    Done(Effect, Box<ProductRow>),
    /// It is not the version that the caller has seen; which one it is, if any.
    Other(Option<Digest>),
}

/// What became of a product that was to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// It is gone.
    Done,
    /// It was not there.
    Missing,
    /// It is not the version that the caller has seen.
    Other,
}

/// What differs between a chunk of a file and the table.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The effect of each product, in the order in which they were given.
    pub effects: Vec<Effect>,
    writes: Vec<Write>,
}

impl Loaded {
    /// Whether there is anything to write.
    pub fn changes(&self) -> bool {
        !self.writes.is_empty()
    }
}

impl ProductRow {
    fn new(product: Product, marks: Marks) -> Self {
        Self { product, digest: marks.digest, facts: marks.facts }
    }

    fn marks(&self) -> Marks {
        Marks { digest: self.digest, facts: self.facts }
    }
}

impl StoreTable {
    fn product_key(&self, id: &ProductId) -> Key {
        product_key(&self.store, id)
    }

    /// A product; `None` where there is none of this id.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn product(&self, id: &ProductId) -> Result<Option<ProductRow>, TableError> {
        self.rows.get(&self.product_key(id)).await
    }

    /// Products by their ids as they are now, without those that are not there.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn products(&self, ids: &[ProductId]) -> Result<HashMap<ProductId, Product>, TableError> {
        let keys: Vec<Key> = ids.iter().map(|id| self.product_key(id)).collect();
        let found: Vec<Product> = self.rows.get_all(&keys).await?;
        Ok(found.into_iter().map(|product| (product.product_id.clone(), product)).collect())
    }

    /// Up to `limit` products in the order of their ids, after the mark `after` of the page before.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn page(&self, limit: u32, after: Option<&str>) -> Result<Page<Product>, TableError> {
        self.rows.page(&self.partition(), PRODUCT, limit, after).await
    }

    /// Puts a product where that changes anything: row and mark of change in one transaction, on the row that was read.
    /// With `seen`, only onto that version.
    ///
    /// # Errors
    ///
    /// [`TableError`]; `Unavailable` also where others kept being quicker.
    pub async fn put_product(
        &self,
        facts: &Facts,
        seen: Option<&Digest>,
        now: Timestamp,
    ) -> Result<Stored, TableError> {
        let key = self.product_key(facts.id());
        for _ in 0..ATTEMPTS {
            let old: Option<ProductRow> = self.rows.get(&key).await?;
            let held = old.as_ref().map(|old| old.digest);
            if seen.is_some_and(|seen| held != Some(*seen)) {
                return Ok(Stored::Other(held));
            }
            let (effect, product, marks) = facts.clone().against(old.as_ref().map(ProductRow::marks).as_ref(), now);
            let row = match (effect, old) {
                (Effect::Unchanged, Some(old)) => return Ok(Stored::Done(effect, Box::new(old))),
                _ => ProductRow::new(product, marks),
            };
            let put = self.rows.part_put(self.rows.item(&key, &row)?);
            let put = match held {
                Some(held) => put
                    .condition_expression("digest = :held")
                    .expression_attribute_values(":held", text(held.to_string())),
                None => put.condition_expression("attribute_not_exists(pk)"),
            };
            let put = TransactWriteItem::builder().put(put.build().map_err(TableError::unavailable)?).build();
            match self.rows.transact(vec![put, self.touch(now)?]).await {
                Ok(()) => return Ok(Stored::Done(effect, Box::new(row))),
                Err(TableError::Condition(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(TableError::unavailable(std::io::Error::other("others kept changing the product")))
    }

    /// Removes a product; with `seen`, only that version.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn delete_product(
        &self,
        id: &ProductId,
        seen: Option<&Digest>,
        now: Timestamp,
    ) -> Result<Deletion, TableError> {
        let delete = self.rows.part_delete(&self.product_key(id));
        let delete = match seen {
            Some(seen) => delete
                .condition_expression("digest = :seen")
                .expression_attribute_values(":seen", text(seen.to_string())),
            None => delete.condition_expression("attribute_exists(pk)"),
        };
        let delete = TransactWriteItem::builder().delete(delete.build().map_err(TableError::unavailable)?).build();
        match self.rows.transact(vec![delete, self.touch(now)?]).await {
            Ok(()) => Ok(Deletion::Done),
            Err(TableError::Condition(_)) if seen.is_some() && self.product(id).await?.is_some() => Ok(Deletion::Other),
            Err(TableError::Condition(_)) => Ok(Deletion::Missing),
            Err(error) => Err(error),
        }
    }

    /// Holds `chunk`, in which no id stands twice, to the table: what differs, ready to be written.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn compare(&self, chunk: Vec<Facts>, now: Timestamp) -> Result<Loaded, TableError> {
        let keys: Vec<Key> = chunk.iter().map(|facts| self.product_key(facts.id())).collect();
        let batches: Vec<Vec<Key>> = keys.chunks(READS).map(<[Key]>::to_vec).collect();
        let reads = stream::iter(batches).map(async |batch| self.rows.get_all::<MarksRow>(&batch).await);
        let rows: Vec<Vec<MarksRow>> = reads.buffer_unordered(AT_ONCE).try_collect().await?;
        let held: HashMap<ProductId, Marks> = rows
            .into_iter()
            .flatten()
            .map(|row| (row.product_id, Marks { digest: row.digest, facts: row.facts }))
            .collect();
        let mut loaded = Loaded::default();
        for facts in chunk {
            let key = self.product_key(facts.id());
            let old = held.get(facts.id());
            let (effect, product, marks) = facts.against(old, now);
            loaded.effects.push(effect);
            if effect != Effect::Unchanged {
                loaded.writes.push(Write::Put(self.rows.item(&key, &ProductRow::new(product, marks))?));
            }
        }
        Ok(loaded)
    }

    /// Writes what differs, some batches at a time.
    ///
    /// # Errors
    ///
    /// [`TableError`]: some may have been written. To load the same rows again finishes them.
    pub async fn write(&self, loaded: Loaded) -> Result<(), TableError> {
        let batches: Vec<Vec<Write>> = loaded.writes.chunks(WRITES).map(<[Write]>::to_vec).collect();
        let writes = stream::iter(batches).map(async |batch| self.rows.write_all(batch).await);
        writes.buffer_unordered(AT_ONCE).try_collect().await
    }
}
