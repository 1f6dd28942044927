//! Writing: single items, transactions, batches.

use super::{
    ATTEMPTS, Item, Key, TableError, TenantTable, pause,
    verdict::{Verdict, verdict},
    whole,
};
use aws_sdk_dynamodb::{
    operation::{
        delete_item::builders::DeleteItemFluentBuilder, put_item::builders::PutItemFluentBuilder,
        update_item::builders::UpdateItemFluentBuilder,
    },
    types::{
        DeleteRequest, PutRequest, ReturnValuesOnConditionCheckFailure, TransactWriteItem, WriteRequest, builders,
    },
};

/// The most items of one BatchWriteItem.
const BATCH: usize = 25;

/// One write of a batch.
#[derive(Clone, Debug)]
pub enum Write {
    /// Puts an item made by [`TenantTable::item`].
    Put(Item),
    /// Removes the item at a key.
    Delete(Key),
}

impl TenantTable {
    /// A put of an item made by [`TenantTable::item`], to be given its condition and sent.
    pub fn put(&self, item: Item) -> PutItemFluentBuilder {
        self.client.put_item().table_name(&self.name).set_item(Some(item))
    }

    /// An update of the item at `key`, to be given its expression and sent.
    pub fn update(&self, key: &Key) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.name).set_key(Some(self.key(key)))
    }

    /// A deletion of the item at `key`, to be given its condition and sent.
    pub fn delete(&self, key: &Key) -> DeleteItemFluentBuilder {
        self.client.delete_item().table_name(&self.name).set_key(Some(self.key(key)))
    }

    /// A put, as part of a transaction.
    pub fn part_put(&self, item: Item) -> builders::PutBuilder {
        aws_sdk_dynamodb::types::Put::builder().table_name(&self.name).set_item(Some(item))
    }

    /// An update, as part of a transaction.
    pub fn part_update(&self, key: &Key) -> builders::UpdateBuilder {
        aws_sdk_dynamodb::types::Update::builder().table_name(&self.name).set_key(Some(self.key(key)))
    }

    /// A deletion, as part of a transaction.
    pub fn part_delete(&self, key: &Key) -> builders::DeleteBuilder {
        aws_sdk_dynamodb::types::Delete::builder().table_name(&self.name).set_key(Some(self.key(key)))
    }

    /// Writes all of `parts` or none, trying again where another transaction is in the way.
    ///
    /// # Errors
    ///
    /// [`TableError::Condition`] with the old item of each failed part where it was asked for, [`TableError::Unavailable`].
    pub async fn transact(&self, parts: Vec<TransactWriteItem>) -> Result<(), TableError> {
        for attempt in 0.. {
            let call = self.client.transact_write_items().set_transact_items(Some(parts.clone()));
            let Err(error) = call.send().await else { break };
            match verdict(&error) {
                Verdict::Condition(old) => return Err(TableError::Condition(old)),
                Verdict::Conflict if attempt < ATTEMPTS => pause(attempt).await?,
                Verdict::Conflict | Verdict::Other => return Err(TableError::unavailable(error)),
            }
        }
        Ok(())
    }

    /// Writes `writes`, each for itself and without conditions, as many at a time as the store takes. No two may share a key.
    ///
    /// # Errors
    ///
    /// [`TableError::Unavailable`]: some may have been written. To write them again is harmless.
    pub async fn write_all(&self, writes: Vec<Write>) -> Result<(), TableError> {
        for chunk in writes.chunks(BATCH) {
            let mut left = chunk.iter().cloned().map(|write| self.request(write)).collect::<Result<Vec<_>, _>>()?;
            for attempt in 0.. {
                let call = self.client.batch_write_item().request_items(&self.name, left);
                let done = call.send().await.map_err(TableError::unavailable)?;
                left = whole(done.unprocessed_items)?.remove(&self.name).unwrap_or_default();
                if left.is_empty() {
                    break;
                }
                pause(attempt).await?;
            }
        }
        Ok(())
    }

    fn request(&self, write: Write) -> Result<WriteRequest, TableError> {
        let request = WriteRequest::builder();
        Ok(match write {
            Write::Put(item) => {
                let put = PutRequest::builder().set_item(Some(item)).build().map_err(TableError::unavailable)?;
                request.put_request(put).build()
            }
            Write::Delete(key) => {
                let delete = DeleteRequest::builder().set_key(Some(self.key(&key)));
                request.delete_request(delete.build().map_err(TableError::unavailable)?).build()
            }
        })
    }
}

/// A put, as part of a transaction, of an item that is not there yet; where it is, the refusal brings it back.
///
/// # Errors
///
/// [`TableError::Unavailable`] where the part lacks what the SDK asks for.
pub fn new_part(put: builders::PutBuilder) -> Result<TransactWriteItem, TableError> {
    let put = put.condition_expression("attribute_not_exists(pk)");
    let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    Ok(TransactWriteItem::builder().put(put.build().map_err(TableError::unavailable)?).build())
}

/// An update, as part of a transaction; where its condition does not hold, the refusal brings the item back.
///
/// # Errors
///
/// [`TableError::Unavailable`] where the part lacks what the SDK asks for.
pub fn update_part(update: builders::UpdateBuilder) -> Result<TransactWriteItem, TableError> {
    let update = update.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    Ok(TransactWriteItem::builder().update(update.build().map_err(TableError::unavailable)?).build())
}
