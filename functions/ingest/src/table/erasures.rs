//! Erasures in DynamoDB.
//!
//! An erasure that is not over is found by the person whom it is about, so that whoever has lost its cursor goes on with it. That it began
//! and that it ended is each one transaction with its entry in the audit log.

use crate::{
    erasure::{Erasure, Gone},
    stores::StoreName,
};
use aws_sdk_dynamodb::{
    error::SdkError,
    types::{AttributeValue, ReturnValue, TransactWriteItem},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    audit::{Audit, Entry, Log, Places},
    clock::Clock,
    digest::Digest,
    ids::{self, PersonId},
    table::{Key, Table, TableError, TenantTable, new_part, row},
    tenant::TenantScope,
};

/// The partition of erasures.
const ERASURES: &str = "ERASURES";
/// That an erasure is not over.
const NOT_OVER: &str = "attribute_not_exists(ended_at)";
/// How often a change is tried that another call's has overtaken.
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

    /// Notes that a call goes on with it in `store`; `None` where it is over. Where the last call never told how it ended, the count is no
    /// longer exact, and never becomes so again.
    pub(crate) async fn resume(
        &self,
        erasure: &Erasure,
        store: &StoreName,
        now: Timestamp,
    ) -> Result<Option<Erasure>, TableError> {
        let (mut known, call) = (erasure.clone(), ids::timed(now));
        for _ in 0..TRIES {
            if let Some(resumed) = self.resume_as(&call, &known, store).await? {
                return Ok(Some(resumed));
            }
            known = match self.get(&erasure.receipt_id).await? {
                None => return Ok(None),
                Some(over) if over.ended_at.is_some() => return Ok(None),
                // It was this very call, and the reply was lost.
                Some(resumed) if resumed.under_way.as_ref() == Some(&call) => return Ok(Some(resumed)),
                Some(changed) => changed,
            };
        }
        Err(cut("other calls kept going on with the erasure"))
    }

    /// The same, unless another call has changed what is known of it.
    async fn resume_as(&self, call: &str, known: &Erasure, store: &StoreName) -> Result<Option<Erasure>, TableError> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let (mut sets, mut holds) = (vec!["under_way = :call"], vec!["attribute_exists(pk)", NOT_OVER]);
        let update = self.rows.update(&key(&known.receipt_id)).expression_attribute_values(":call", text(call));
        let update = match &known.under_way {
            Some(untold) => {
                sets.push("#exact = :exact");
                holds.push("under_way = :untold");
                let update = update.expression_attribute_names("#exact", "exact");
                let update = update.expression_attribute_values(":exact", AttributeValue::Bool(false));
                update.expression_attribute_values(":untold", text(untold))
            }
            None => {
                holds.push("attribute_not_exists(under_way)");
                update
            }
        };
        let (as_many, many) = as_many_stores(known);
        holds.push(as_many);
        let update = match many {
            Some(many) => update.expression_attribute_values(":stores", many),
            None => update,
        };
        let update = if known.stores.contains(store) {
            update
        } else {
            sets.push("stores = list_append(if_not_exists(stores, :none), :store)");
            let name = [("backend_type", text(&store.backend_type)), ("place", text(&store.place))];
            let name = AttributeValue::M(name.map(|(name, value)| (name.to_owned(), value)).into());
            let update = update.expression_attribute_values(":none", AttributeValue::L(vec![]));
            update.expression_attribute_values(":store", AttributeValue::L(vec![name]))
        };
        let update = update.update_expression(format!("SET {}", sets.join(", ")));
        let update = update.condition_expression(holds.join(" AND ")).return_values(ReturnValue::AllNew);
        match update.send().await.map_err(SdkError::into_service_error) {
            Ok(done) => {
                done.attributes.map(row).transpose()?.ok_or_else(|| cut("the update's reply names no item")).map(Some)
            }
            Err(error) if error.is_conditional_check_failed_exception() => Ok(None),
            Err(error) => Err(TableError::unavailable(error)),
        }
    }

    /// Notes that so many went, events and refused ones, and that there may be more; what stands then. Where it is over by now, nothing is
    /// noted.
    ///
    /// It is a transaction because those have a token: where a reply is lost and the client asks again, nothing is counted twice.
    pub(crate) async fn note(&self, erasure: &Erasure, gone: Gone) -> Result<Erasure, TableError> {
        const COUNTS: &str = "ADD #events :events, refused :refused REMOVE under_way";
        let update = self.rows.part_update(&key(&erasure.receipt_id)).expression_attribute_names("#events", "events");
        let update = update.expression_attribute_values(":events", number(gone.events));
        let update = update.expression_attribute_values(":refused", number(gone.refused));
        let update = update.condition_expression(format!("attribute_exists(pk) AND {NOT_OVER}"));
        let update = if gone.or_more {
            let update = update.update_expression(format!("{COUNTS} SET #exact = :exact"));
            let update = update.expression_attribute_names("#exact", "exact");
            update.expression_attribute_values(":exact", AttributeValue::Bool(false))
        } else {
            update.update_expression(COUNTS)
        };
        let update = update.build().map_err(TableError::unavailable)?;
        match self.rows.transact(vec![TransactWriteItem::builder().update(update).build()]).await {
            Ok(()) | Err(TableError::Condition(_)) => {}
            Err(error) => return Err(error),
        }
        self.get(&erasure.receipt_id).await?.ok_or_else(|| cut("the erasure is not there"))
    }

    /// Ends it, with the entry that tells of all that went; what stands then.
    pub(crate) async fn end(
        &self,
        erasure: &Erasure,
        gone: Gone,
        store: &StoreName,
        by: &PersonId,
        now: Timestamp,
    ) -> Result<Erasure, TableError> {
        let mut known = erasure.clone();
        for _ in 0..TRIES {
            let (ended, entry) = known.end(gone, store, by, now)?;
            // What is told is what was counted: another call that counted meanwhile is heard first.
            let put = self.rows.part_put(self.rows.item(&key(&ended.receipt_id), &ended)?);
            let (as_many, many) = as_many_stores(&known);
            let counts = "#events = :events AND refused = :refused AND #exact = :exact";
            let put = put.condition_expression(format!("{counts} AND {NOT_OVER} AND {as_many}"));
            let put = match many {
                Some(many) => put.expression_attribute_values(":stores", many),
                None => put,
            };
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

/// That an erasure has as many stores as is known, and no other came meanwhile.
fn as_many_stores(known: &Erasure) -> (&'static str, Option<AttributeValue>) {
    match known.stores.len() as u64 {
        0 => ("attribute_not_exists(stores)", None),
        many => ("size(stores) = :stores", Some(number(many))),
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
