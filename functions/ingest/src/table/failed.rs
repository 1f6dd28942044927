//! Refused events in DynamoDB.
//!
//! A refused event and what was sent are written together, and lie apart so that a list reads no bodies. What was sent lies under its
//! digest: the same event of the same request is kept once. The counts, the tenant's and one of each person who sent any, are taken before the
//! write, each in one conditional update, and only grow; where one says that there is no room, the rows are counted anew, once a minute at
//! most. So nobody fills the table, and no person more than their share of it; what was removed makes room within that minute, and of two at
//! once both may be let in, by which the bound is passed by a few.

use crate::{
    erasure,
    failed::{self, Failed, KEPT, Reason, Text},
};
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, builders::DeleteBuilder,
};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use shared::{
    ids::{PersonId, TenantId},
    table::{Key, Listed, Listing, Place, Table, TableError, TenantTable, new_part, row},
    tenant::TenantScope,
};
use std::collections::BTreeSet;

/// The partition of refused events.
const FAILED: &str = "FAILED";
/// The partition of what was sent.
const TEXTS: &str = "FAILEDTEXT";
/// The partition of the counts.
const COUNTS: &str = "FAILEDCOUNT";
/// The share of a tenant's room that one person may take: one part of so many.
const SHARES: usize = 10;
/// How often the rows are counted anew at most.
const RECOUNT: SignedDuration = SignedDuration::from_mins(1);
/// How many are written at once.
const AT_ONCE: usize = 16;

/// The table, as far as it holds refused events.
#[derive(Clone)]
pub(crate) struct FailedTable {
    table: Table,
    most: u32,
}

/// The refused events of one tenant.
pub(crate) struct TenantFailed {
    rows: TenantTable,
    tenant: TenantId,
    most: usize,
}

/// For whose events there is room: of the tenant, or of one who sent them.
struct Room<'a> {
    key: Key,
    most: usize,
    sender: Option<&'a PersonId>,
}

/// How many there are, by the count.
#[derive(Clone, Debug, Default, Deserialize)]
struct Counted {
    #[serde(default)]
    rows: i64,
    counted_at: Option<Timestamp>,
    #[serde(default)]
    not_kept: u64,
}

fn number(of: impl TryInto<i64>) -> AttributeValue {
    AttributeValue::N(of.try_into().unwrap_or(i64::MAX).to_string())
}

impl FailedTable {
    /// Refused events in `table`, at most `most` of a tenant.
    pub(crate) fn new(table: Table, most: u32) -> Self {
        Self { table, most }
    }

    /// Those of `tenant`.
    pub(crate) fn of(&self, tenant: &TenantScope) -> TenantFailed {
        TenantFailed { rows: self.table.of(tenant), tenant: tenant.tenant().clone(), most: self.most as usize }
    }
}

impl TenantFailed {
    /// Keeps refused events of one sender as far as there is room; under which id each is kept, if it is.
    ///
    /// # Errors
    ///
    /// [`TableError`]: none is said to be kept, though some may be.
    pub(crate) async fn keep(
        &self,
        refused: Vec<(Failed, Text)>,
        now: Timestamp,
    ) -> Result<Vec<Option<String>>, TableError> {
        let all = refused.len();
        let sender = refused.first().and_then(|(failed, _)| failed.sent_by.clone());
        let own = match &sender {
            Some(person) => self.reserve(&self.share(person), all, now).await?,
            None => all,
        };
        let room = self.reserve(&self.room(), own, now).await?;
        if room < all {
            self.beyond(all - room).await?;
        }
        let writes: Vec<_> = refused.into_iter().take(room).map(|(failed, text)| self.write(failed, text)).collect();
        let written: Vec<_> = stream::iter(writes).buffered(AT_ONCE).collect().await;
        let mut kept = written.into_iter().map(|id| id.map(Some)).collect::<Result<Vec<_>, _>>()?;
        kept.resize(all, None);
        Ok(kept)
    }

    async fn write(&self, failed: Failed, text: Text) -> Result<String, TableError> {
        // One that has expired is none, whether the table has dropped it or not.
        let sent = self.rows.part_put(self.rows.item(&text_key(&failed), &text)?);
        let sent = sent.condition_expression("attribute_not_exists(pk) OR expires_at <= :now");
        let sent = sent.expression_attribute_values(":now", number(failed.received_at.as_second()));
        let sent = sent.return_values_on_condition_check_failure(AllOld).build().map_err(TableError::unavailable)?;
        let sent = TransactWriteItem::builder().put(sent).build();
        let about = self.rows.part_put(self.rows.item(&key(&failed.failed_id), &failed)?);
        match self.rows.transact(vec![sent, new_part(about)?]).await {
            Ok(()) => Ok(failed.failed_id),
            // It is kept already: it was sent again, or the reply to the first write was lost.
            Err(TableError::Condition(old)) => match old.into_iter().flatten().next() {
                Some(stands) => Ok(row::<Text>(stands)?.failed_id),
                None => Err(TableError::unavailable(std::io::Error::other("the refusal of a put names no item"))),
            },
            Err(error) => Err(error),
        }
    }

    /// The tenant's room.
    fn room(&self) -> Room<'_> {
        Room { key: count_key(), most: self.most, sender: None }
    }

    /// The share of a person who sends.
    fn share<'a>(&self, person: &'a PersonId) -> Room<'a> {
        let digest = erasure::person(&self.tenant, person.as_str());
        Room { key: Key::new(COUNTS, format!("BY#{digest}")), most: self.most.div_ceil(SHARES), sender: Some(person) }
    }

    /// Takes room for `wanted` more; for how many there is.
    async fn reserve(&self, room: &Room<'_>, wanted: usize, now: Timestamp) -> Result<usize, TableError> {
        let Some(full) = self.take(room, wanted, now).await? else { return Ok(wanted) };
        let known = full.counted_at.is_some_and(|at| now.duration_since(at) < RECOUNT);
        let rows = if known { full.rows } else { self.recount(room, now).await? };
        let granted = room.most.saturating_sub(usize::try_from(rows).unwrap_or_default()).min(wanted);
        Ok(if granted > 0 && self.take(room, granted, now).await?.is_none() { granted } else { 0 })
    }

    /// Counts `more` rows; what stands instead, where there is no room for all of them.
    async fn take(&self, room: &Room<'_>, more: usize, now: Timestamp) -> Result<Option<Counted>, TableError> {
        if more == 0 {
            return Ok(None);
        }
        let Some(left) = room.most.checked_sub(more) else {
            return Ok(Some(self.rows.get(&room.key).await?.unwrap_or_default()));
        };
        let update = self.rows.update(&room.key);
        let update = if room.sender.is_some() {
            // Nobody is counted for longer than the last of their events can be kept.
            let gone = number(now.saturating_add(KEPT).unwrap_or(Timestamp::MAX).as_second());
            let update = update.update_expression("ADD #rows :more SET expires_at = :gone");
            update.expression_attribute_values(":gone", gone)
        } else {
            update.update_expression("ADD #rows :more")
        };
        let update = update.condition_expression("attribute_not_exists(#rows) OR #rows <= :left");
        let update = update.expression_attribute_names("#rows", "rows");
        let update = update.expression_attribute_values(":more", number(more));
        let update = update.expression_attribute_values(":left", number(left));
        let Err(error) = update.return_values_on_condition_check_failure(AllOld).send().await else { return Ok(None) };
        use aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException;
        match error.into_service_error() {
            ConditionalCheckFailedException(failed) => {
                failed.item.map(row).transpose().map(Option::unwrap_or_default).map(Some)
            }
            other => Err(TableError::unavailable(other)),
        }
    }

    /// Counts the rows that there are.
    async fn recount(&self, room: &Room<'_>, now: Timestamp) -> Result<i64, TableError> {
        #[derive(Deserialize)]
        struct Row {
            sent_by: Option<PersonId>,
        }
        let (mut rows, mut after) = (0_usize, None);
        loop {
            let page = self.rows.list::<Row>(Listing::of(FAILED, 1_000).after(after)).await?;
            let own = |row: &&Row| room.sender.is_none_or(|sender| row.sent_by.as_ref() == Some(sender));
            rows += page.rows.iter().filter(own).count();
            after = page.after;
            if after.is_none() || rows >= room.most {
                break;
            }
        }
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        let update = self.rows.update(&room.key).update_expression("SET #rows = :rows, counted_at = :now");
        let update = update.expression_attribute_names("#rows", "rows");
        let update = update.expression_attribute_values(":rows", number(rows));
        let update = update.expression_attribute_values(":now", AttributeValue::S(now.to_string()));
        update.send().await.map_err(TableError::unavailable)?;
        Ok(rows)
    }

    /// Notes that so many were not kept.
    async fn beyond(&self, more: usize) -> Result<(), TableError> {
        let update = self.rows.update(&count_key()).update_expression("ADD not_kept :more");
        let update = update.expression_attribute_values(":more", number(more));
        update.send().await.map_err(TableError::unavailable)?;
        Ok(())
    }

    /// How many could not be kept, ever.
    pub(crate) async fn not_kept(&self) -> Result<u64, TableError> {
        let counted: Option<Counted> = self.rows.get(&count_key()).await?;
        Ok(counted.unwrap_or_default().not_kept)
    }

    /// Up to `limit` of them after a place, the newest first, with those that have expired and not gone yet.
    pub(crate) async fn page(&self, limit: usize, after: Option<Place>) -> Result<Listed<Failed>, TableError> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        self.rows.list(Listing::of(FAILED, limit).newest_first().after(after)).await
    }

    /// The one of this id.
    pub(crate) async fn get(&self, failed_id: &str, now: Timestamp) -> Result<Option<Failed>, TableError> {
        let found: Option<Failed> = self.rows.get(&key(failed_id)).await?;
        Ok(found.filter(|failed| failed.is_kept(now)))
    }

    /// What was sent.
    pub(crate) async fn text(&self, failed: &Failed) -> Result<Option<String>, TableError> {
        let found: Option<Text> = self.rows.get(&text_key(failed)).await?;
        Ok(found.and_then(|text| text.text))
    }

    /// Which of them name `person` in what was sent.
    pub(crate) async fn naming(&self, unread: Vec<Failed>, person: &str) -> Result<Vec<Failed>, TableError> {
        let keys: Vec<Key> = unread.iter().map(text_key).collect();
        let texts: Vec<Text> = self.rows.get_all(&keys).await?;
        let naming =
            texts.into_iter().filter(|text| text.text.as_deref().is_some_and(|text| failed::names(text, person)));
        let ids: BTreeSet<String> = naming.map(|text| text.failed_id).collect();
        Ok(unread.into_iter().filter(|failed| ids.contains(&failed.failed_id)).collect())
    }

    /// Notes that it was tried again and refused again with these words, unless it is gone by now.
    pub(crate) async fn tried(
        &self,
        failed: &Failed,
        reason: Reason,
        words: &str,
        now: Timestamp,
    ) -> Result<(), TableError> {
        let reason = AttributeValue::S(reason.code().to_owned());
        let sets = "SET #reason = :reason, #detail = :detail, tried_at = :now ADD tries :one";
        let update = self.rows.update(&key(&failed.failed_id)).update_expression(sets);
        let update = update.condition_expression("attribute_exists(pk)");
        let update =
            update.expression_attribute_names("#reason", "reason").expression_attribute_names("#detail", "detail");
        let update =
            update.expression_attribute_values(":reason", reason).expression_attribute_values(":one", number(1));
        let update = update.expression_attribute_values(":detail", AttributeValue::S(failed::detail(words)));
        let update = update.expression_attribute_values(":now", AttributeValue::S(now.to_string()));
        match update.send().await.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
            Ok(_) => Ok(()),
            Err(error) if error.is_conditional_check_failed_exception() => Ok(()),
            Err(error) => Err(TableError::unavailable(error)),
        }
    }

    /// Removes it, with what was sent; whether it was still there.
    pub(crate) async fn remove(&self, failed: &Failed) -> Result<bool, TableError> {
        let row = self.rows.part_delete(&key(&failed.failed_id)).condition_expression("attribute_exists(pk)");
        let part = |delete: DeleteBuilder| -> Result<_, TableError> {
            let delete = delete.build().map_err(TableError::unavailable)?;
            Ok(TransactWriteItem::builder().delete(delete).build())
        };
        match self.rows.transact(vec![part(self.rows.part_delete(&text_key(failed)))?, part(row)?]).await {
            Ok(()) => Ok(true),
            Err(TableError::Condition(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn key(failed_id: &str) -> Key {
    Key::new(FAILED, failed_id)
}

fn text_key(failed: &Failed) -> Key {
    Key::new(TEXTS, failed.digest.to_string())
}

fn count_key() -> Key {
    Key::new(COUNTS, "ALL")
}
