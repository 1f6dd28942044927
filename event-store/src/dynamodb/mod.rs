//! The events of a table of DynamoDB.
//!
//! | item | `pk` after the tenant | `sk` | index `event_time` | index `event_user` |
//! | --- | --- | --- | --- | --- |
//! | event | `EVENT#<shard>` | event id | time and event id | person, time and event id |
//!
//! Marks and roll-ups lie beside them: [`ledger`].
//!
//! An event lies under its name alone, so that one that is sent again after midnight, or by a clock that is wrong, is found. Names are
//! spread over [`SHARDS`](crate::SHARDS) partitions by their CRC-32: a partition takes some 1,000 writes a second, and its index, which
//! grows at one end, no more. Indexes hold keys alone and may be a moment behind, so that each event is read again from the table,
//! strongly consistent: what was deleted is found no more from that moment on.

pub mod ledger;
mod marked;
mod read;

use crate::{
    Deleted, Event, EventId, EventPage, EventQuery, EventStore, Position, PutOutcome, StoreError,
    keys::{person, position, shard, time_key},
    rollup::{Hour, Ledger, kept::Kept},
    store::ToPut,
};
use async_trait::async_trait;
use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    operation::{batch_get_item::BatchGetItemError, get_item::GetItemError, query::QueryError},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use futures::{StreamExt, stream};
use marked::Marked;
use serde::{Deserialize, Serialize};
use shared::{
    clock::Clock,
    digest::Digest,
    table::{Item, Key, Table, TableError, row},
    tenant::TenantScope,
};
use std::{collections::BTreeSet, error::Error, iter, time::Duration};

/// The index of a tenant's events by time, and the attribute that puts an event there.
pub const EVENT_TIME: &str = "event_time";
/// The index of a person's events by time, and the attribute that puts an event there.
pub const EVENT_USER: &str = "event_user";
/// How many events are put at once.
const AT_ONCE: usize = 32;
/// When to come again to a table that is asked too much.
const REST: Duration = Duration::from_secs(1);

/// How long its indexes may be behind the table. AWS names no bound, and says that it is a fraction of a second in the usual case.
const BEHIND: Duration = Duration::from_secs(2);

/// How often an event is looked up that is to be deleted, where another of its name comes meanwhile.
const ATTEMPTS: u32 = 8;

/// The events of a table of DynamoDB; cheap to clone.
#[derive(Clone, Debug)]
pub struct DynamoDb {
    table: Table,
    clock: Clock,
    marked: Marked,
    kept: Option<Kept>,
}

/// An event as the table holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    /// The event as JSON: as one text it costs less than as attributes, and comes back to the letter.
    event: String,
    fingerprint: Digest,
    event_time: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_user: Option<String>,
}

impl Row {
    fn of(put: &ToPut) -> Result<Self, StoreError> {
        let event = &put.event;
        let time = time_key(event.timestamp, Some(&event.event_id));
        Ok(Self {
            event: serde_json::to_string(event).map_err(|error| StoreError::Form(error.into()))?,
            fingerprint: put.fingerprint,
            event_user: event.user_id.as_deref().map(|user| format!("{}#{time}", person(user))),
            event_time: time,
        })
    }

    fn event(&self) -> Result<Event, StoreError> {
        serde_json::from_str(&self.event).map_err(|error| StoreError::Form(error.into()))
    }

    fn hour(&self) -> Result<Hour, StoreError> {
        position(&self.event_time).map(|at| Hour::of(at.timestamp)).ok_or_else(|| cut("an event has no time"))
    }
}

fn partition(shard: u32) -> String {
    format!("EVENT#{shard}")
}

fn key(id: &EventId) -> Key {
    Key::new(partition(shard(id)), id.as_str())
}

/// What a fault of the table means for whoever asked.
fn fault(error: TableError) -> StoreError {
    match error {
        TableError::Form(error) => StoreError::Form(error.into()),
        TableError::Unavailable(error) => match code_of(&*error).and_then(|code| of_code(&code)) {
            Some(told) => told,
            None => StoreError::Unavailable(error),
        },
        other => StoreError::Unavailable(Box::new(other)),
    }
}

/// The code with which DynamoDB refused a read, somewhere among the causes of an error.
fn code_of(error: &(dyn Error + 'static)) -> Option<String> {
    iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source()).find_map(|error| {
        let code = |error: &dyn ProvideErrorMetadata| error.code().map(ToOwned::to_owned);
        let read = error.downcast_ref::<QueryError>().map(|error| code(error));
        let read = read.or_else(|| error.downcast_ref::<BatchGetItemError>().map(|error| code(error)));
        read.or_else(|| error.downcast_ref::<GetItemError>().map(|error| code(error))).flatten()
    })
}

/// What a refusal of this code means; nothing where it is one of no kind of its own.
fn of_code(code: &str) -> Option<StoreError> {
    Some(match code {
        "ResourceNotFoundException" => StoreError::BadConfig("there is no table of this name"),
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "ExpiredTokenException"
        | "MissingAuthenticationTokenException" => StoreError::AuthRefused,
        "ProvisionedThroughputExceededException" | "ThrottlingException" | "RequestLimitExceeded" => {
            StoreError::Throttled { retry_after: REST }
        }
        _ => return None,
    })
}

/// What an answer of DynamoDB that is no success means.
fn refusal<E>(error: E) -> StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    error.code().and_then(of_code).unwrap_or_else(|| fault(TableError::unavailable(error)))
}

impl DynamoDb {
    /// The events of `table`, which are marked by the time of `clock`.
    pub fn new(table: Table, clock: &Clock) -> Self {
        Self { table, clock: clock.clone(), marked: Marked::default(), kept: None }
    }

    /// The same, which keeps for some minutes what it was asked and answered from roll-ups.
    pub fn keeping_answers(self, kept: Kept) -> Self {
        Self { kept: Some(kept), ..self }
    }

    /// Does `work`, which puts or deletes events of these hours and nothing else: they are marked before, and again after where it took so long
    /// that somebody may have counted them meanwhile.
    ///
    /// # Errors
    ///
    /// Where they could not be marked, and nothing was done; where they could not be marked again, whatever was done.
    async fn marking<T>(
        &self,
        tenant: &TenantScope,
        hours: &BTreeSet<Hour>,
        work: impl Future<Output = T>,
    ) -> Result<T, StoreError> {
        let began = self.clock.now();
        let stale = self.marked.stale(tenant, hours, began);
        if !stale.is_empty() {
            self.mark(tenant, &stale).await?;
            self.marked.remember(tenant, &stale, began);
        }
        let done = work.await;
        if Marked::overdue(began, self.clock.now()) {
            self.mark(tenant, hours).await?;
        }
        Ok(done)
    }

    async fn row(&self, tenant: &TenantScope, id: &EventId) -> Result<Option<Row>, StoreError> {
        let found: Vec<Row> = self.table.of(tenant).get_all(&[key(id)]).await.map_err(fault)?;
        Ok(found.into_iter().next())
    }

    async fn delete_one(&self, tenant: &TenantScope, id: &EventId) -> Result<Deleted, StoreError> {
        let (rows, key) = (self.table.of(tenant), key(id));
        for attempt in 0..ATTEMPTS {
            let Some(row) = self.row(tenant, id).await? else {
                // It was there when this began: it went by this very call, whose reply was lost, or by another at the same time.
                return Ok(if attempt == 0 { Deleted::NotThere } else { Deleted::Gone });
            };
            let hours = BTreeSet::from([row.hour()?]);
            // Another event of the name may be of another hour, which is not marked.
            let call = rows.delete(&key).condition_expression("event_time = :time");
            let call = call.expression_attribute_values(":time", AttributeValue::S(row.event_time));
            match self.marking(tenant, &hours, call.send()).await? {
                Ok(_) => return Ok(Deleted::Gone),
                Err(error) if error.code() == Some(ledger::CONDITION) => {}
                Err(error) => return Err(refusal(error)),
            }
        }
        Err(StoreError::Throttled { retry_after: REST })
    }

    async fn put_one(&self, tenant: &TenantScope, put: &ToPut) -> Result<PutOutcome, StoreError> {
        let rows = self.table.of(tenant);
        let item = rows.item(&key(&put.event.event_id), &Row::of(put)?).map_err(fault)?;
        let call = rows.put(item).condition_expression("attribute_not_exists(pk)");
        let call = call.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = call.send().await else { return Ok(PutOutcome::Stored) };
        let stands = match error.as_service_error() {
            Some(aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed)) => {
                failed.item().cloned()
            }
            _ => return Err(refusal(error)),
        };
        let stands: Item = stands.ok_or_else(|| cut("the refusal of a put names no item"))?;
        let stands: Row = row(stands).map_err(fault)?;
        let same = stands.fingerprint == put.fingerprint;
        Ok(if same { PutOutcome::Duplicate } else { PutOutcome::Conflict })
    }
}

/// A reply that lacks what every whole one has.
fn cut(what: &'static str) -> StoreError {
    StoreError::Unavailable(std::io::Error::other(what).into())
}

#[async_trait]
impl EventStore for DynamoDb {
    async fn put(&self, tenant: &TenantScope, events: &[ToPut]) -> Vec<Result<PutOutcome, StoreError>> {
        let hours = events.iter().map(|put| Hour::of(put.event.timestamp)).collect();
        let calls: Vec<_> = events.iter().map(|put| self.put_one(tenant, put)).collect();
        let done = self.marking(tenant, &hours, stream::iter(calls).buffered(AT_ONCE).collect::<Vec<_>>()).await;
        // The same cause for each of them: whoever sends them again marks again.
        done.unwrap_or_else(|error| events.iter().map(|_| Err(error.again())).collect())
    }

    async fn query(
        &self,
        tenant: &TenantScope,
        query: &EventQuery,
        limit: usize,
        after: Option<&Position>,
    ) -> Result<EventPage, StoreError> {
        read::page(&self.table.of(tenant), query, limit, after).await
    }

    async fn get(&self, tenant: &TenantScope, id: &EventId) -> Result<Option<Event>, StoreError> {
        self.row(tenant, id).await?.map(|row| row.event()).transpose()
    }

    async fn delete(&self, tenant: &TenantScope, id: &EventId) -> Result<Deleted, StoreError> {
        self.delete_one(tenant, id).await
    }

    fn settles_within(&self) -> Duration {
        BEHIND
    }

    fn rollups(&self) -> Option<&dyn Ledger> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::error::ErrorMetadata;

    /// What a query means that ended with this code.
    fn told(code: &str) -> StoreError {
        let about = ErrorMetadata::builder().code(code).message("no").build();
        fault(TableError::unavailable(QueryError::generic(about)))
    }

    #[test]
    fn each_refusal_is_told_as_what_it_is_and_none_as_nothing_there() {
        assert!(matches!(told("AccessDeniedException"), StoreError::AuthRefused));
        assert!(matches!(told("ExpiredTokenException"), StoreError::AuthRefused));
        assert!(matches!(told("ThrottlingException"), StoreError::Throttled { .. }));
        assert!(matches!(told("ProvisionedThroughputExceededException"), StoreError::Throttled { .. }));
        assert!(matches!(told("ResourceNotFoundException"), StoreError::BadConfig(_)));
        assert!(matches!(told("InternalServerError"), StoreError::Unavailable(_)));
        let asked_too_much = ErrorMetadata::builder().code("RequestLimitExceeded").build();
        assert!(matches!(refusal(QueryError::generic(asked_too_much)), StoreError::Throttled { .. }));
    }
}
