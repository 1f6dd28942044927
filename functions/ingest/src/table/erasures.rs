//! Erasures in DynamoDB.
//!
//! An erasure that is not over is found by the person whom it is about, so that whoever has lost its cursor goes on with it. That it began
//! and that it ended is each one transaction with its entry in the audit log.

use crate::erasure::{Erasure, Gone};
use aws_sdk_dynamodb::{
    error::SdkError,
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{AttributeValue, ReturnValue, TransactWriteItem},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    audit::{Audit, Entry, Log, Places},
    clock::Clock,
    digest::Digest,
    ids::PersonId,
    table::{Key, Table, TableError, TenantTable, new_part, row},
    tenant::TenantScope,
};

/// The partition of erasures.
const ERASURES: &str = "ERASURES";
/// How often an end is tried that another call's count has overtaken.
const TRIES: u32 = 8;

/// The table, as far as it holds erasures.
#[derive(Clone)]
pub(crate) struct ErasureTable {
    table: Table,
    audit: Audit,
}

/// The erasures of one tenant.
pub(crate) struct TenantErasures {
    rows: TenantTable,
    log: Log,
}

/// What leads from a person to the erasure that is not over.
#[derive(Serialize, Deserialize)]
struct Open {
    receipt_id: String,
}

impl ErasureTable {
    pub(crate) fn new(table: Table, clock: &Clock) -> Self {
        Self { audit: Audit::new(table.clone(), clock.clone()), table }
    }

    pub(crate) fn of(&self, tenant: &TenantScope) -> TenantErasures {
        TenantErasures { rows: self.table.of(tenant), log: self.audit.of(tenant) }
    }
}

impl TenantErasures {
    /// The erasure of this receipt.
    pub(crate) async fn get(&self, receipt_id: &str) -> Result<Option<Erasure>, TableError> {
        // The other rows of the partition are none.
        if receipt_id.contains('#') {
            return Ok(None);
        }
        self.rows.get(&key(receipt_id)).await
    }

    /// The erasure of `person` that is not over.
    pub(crate) async fn open(&self, person: &Digest) -> Result<Option<Erasure>, TableError> {
        match self.rows.get::<Open>(&open_key(person)).await? {
            Some(Open { receipt_id }) => self.get(&receipt_id).await,
            None => Ok(None),
        }
    }

    /// Begins `erasure`, or nothing where the person has one that is not over; whether it began.
    pub(crate) async fn begin(&self, erasure: &Erasure, entry: &Entry) -> Result<bool, TableError> {
        let open = Open { receipt_id: erasure.receipt_id.clone() };
        let open = self.rows.part_put(self.rows.item(&open_key(&erasure.person), &open)?);
        let begun = self.rows.part_put(self.rows.item(&key(&erasure.receipt_id), erasure)?);
        match self.log.commit(entry, vec![new_part(open)?, new_part(begun)?]).await {
            Ok(_) => Ok(true),
            Err(TableError::Condition(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Notes that a call goes on with it; `None` where it is over. Where the last call never told how it ended, the count is no longer exact.
    pub(crate) async fn resume(&self, erasure: &Erasure, now: Timestamp) -> Result<Option<Erasure>, TableError> {
        let exact = erasure.exact && erasure.under_way.is_none();
        let update = self.rows.update(&key(&erasure.receipt_id));
        let update = update.update_expression("SET under_way = :now, #exact = :exact");
        let update = update.expression_attribute_names("#exact", "exact");
        let update = update.expression_attribute_values(":now", AttributeValue::S(now.to_string()));
        self.change(update.expression_attribute_values(":exact", AttributeValue::Bool(exact))).await
    }

    /// Notes that so many went, events and refused ones, and that there may be more; `None` where it is over.
    pub(crate) async fn note(&self, erasure: &Erasure, gone: Gone) -> Result<Option<Erasure>, TableError> {
        const COUNTS: &str = "ADD #events :events, refused :refused REMOVE under_way";
        let update = self.rows.update(&key(&erasure.receipt_id)).expression_attribute_names("#events", "events");
        let update = update.expression_attribute_values(":events", number(gone.events));
        let update = update.expression_attribute_values(":refused", number(gone.refused));
        let update = if gone.or_more {
            let update = update.update_expression(format!("{COUNTS} SET #exact = :exact"));
            let update = update.expression_attribute_names("#exact", "exact");
            update.expression_attribute_values(":exact", AttributeValue::Bool(false))
        } else {
            update.update_expression(COUNTS)
        };
        self.change(update).await
    }

    /// Changes an erasure that is not over.
    async fn change(&self, update: UpdateItemFluentBuilder) -> Result<Option<Erasure>, TableError> {
        let update = update.condition_expression("attribute_exists(pk) AND attribute_not_exists(ended_at)");
        match update.return_values(ReturnValue::AllNew).send().await.map_err(SdkError::into_service_error) {
            Ok(done) => {
                done.attributes.map(row).transpose()?.ok_or_else(|| cut("the update's reply names no item")).map(Some)
            }
            Err(error) if error.is_conditional_check_failed_exception() => Ok(None),
            Err(error) => Err(TableError::unavailable(error)),
        }
    }

    /// Ends it, with the entry that tells of all that went; what stands then.
    pub(crate) async fn end(
        &self,
        erasure: &Erasure,
        gone: Gone,
        by: &PersonId,
        now: Timestamp,
    ) -> Result<Erasure, TableError> {
        let mut known = erasure.clone();
        for _ in 0..TRIES {
            let (ended, entry) = known.end(gone, by, now)?;
            // What is told is what was counted: another call that counted meanwhile is heard first.
            let put = self.rows.part_put(self.rows.item(&key(&ended.receipt_id), &ended)?);
            let put = put.condition_expression(
                "#events = :events AND refused = :refused AND #exact = :exact AND attribute_not_exists(ended_at)",
            );
            let put = put.expression_attribute_names("#events", "events").expression_attribute_names("#exact", "exact");
            let put = put.expression_attribute_values(":events", number(known.events));
            let put = put.expression_attribute_values(":refused", number(known.refused));
            let put = put.expression_attribute_values(":exact", AttributeValue::Bool(known.exact));
            let put = TransactWriteItem::builder().put(put.build().map_err(TableError::unavailable)?).build();
            let open = self.rows.part_delete(&open_key(&ended.person)).build().map_err(TableError::unavailable)?;
            let open = TransactWriteItem::builder().delete(open).build();
            match self.log.commit(&entry, vec![put, open]).await {
                Ok(_) => return Ok(ended),
                Err(TableError::Condition(_)) => {}
                Err(error) => return Err(error),
            }
            known = self.get(&known.receipt_id).await?.ok_or_else(|| cut("the erasure is not there"))?;
            if known.ended_at.is_some() {
                // Another call has told of the end, and that the count leaves something out.
                return Ok(known);
            }
        }
        Err(cut("other calls kept counting"))
    }

    /// Where the log's entries about it lie.
    pub(crate) async fn places(&self, erasure: &Erasure) -> Result<Places, TableError> {
        match erasure.about() {
            Some(person) => self.log.places_of(&person, &erasure.receipt_id, erasure.entries().count()).await,
            None => Ok(Places::default()),
        }
    }
}

fn cut(what: &'static str) -> TableError {
    TableError::unavailable(std::io::Error::other(what))
}

fn number(of: u64) -> AttributeValue {
    AttributeValue::N(of.to_string())
}

fn key(receipt_id: &str) -> Key {
    Key::new(ERASURES, receipt_id)
}

fn open_key(person: &Digest) -> Key {
    Key::new(ERASURES, format!("OPEN#{person}"))
}
