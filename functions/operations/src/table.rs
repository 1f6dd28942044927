//! People in DynamoDB.
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | person | `T#<tenant>#PEOPLE` | `PERSON#<subject>` | `shared::auth::PersonRecord` |
//! | emergency | `T#<tenant>#BREAKGLASS` | `<time>#<request id>` | [`Act`], written with the record that it changes |
//! | first administrator | `T#<tenant>#PEOPLE` | `FIRST` | `made_at` (RFC 3339): the tenant has had its first one |
//!
//! Every write stands on the version that was read, so that of two administrators the slower one reads again.

use crate::emergency::Act;
use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    types::{AttributeValue, TransactWriteItem},
};
use jiff::Timestamp;
use serde::Serialize;
use shared::{
    auth::{People, PersonRecord, people},
    ids::PersonId,
    table::{Key, Page, Table, TableError, TenantTable},
    tenant::TenantScope,
};

const FIRST: &str = "FIRST";

/// The people of every tenant.
#[derive(Clone, Debug)]
pub(crate) struct PeopleTable(Table);

/// The people of one tenant.
#[derive(Clone, Debug)]
pub(crate) struct TenantPeople(TenantTable);

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is done.
    Done,
    /// The record is no longer the one that was read.
    Stale,
}

impl PeopleTable {
    pub(crate) fn new(table: Table) -> Self {
        Self(table)
    }

    /// The people of a tenant.
    pub(crate) fn of(&self, tenant: &TenantScope) -> TenantPeople {
        TenantPeople(self.0.of(tenant))
    }
}

impl TenantPeople {
    /// A person's record; `None` where there is none.
    pub(crate) async fn record(&self, person: &PersonId) -> Result<Option<PersonRecord>, TableError> {
        self.0.get(&People::key(person)).await
    }

    /// Up to `limit` records in the order of their ids, after the mark `after` of the page before.
    pub(crate) async fn page(&self, limit: u32, after: Option<&str>) -> Result<Page<PersonRecord>, TableError> {
        self.0.page(people::PARTITION, people::PREFIX, limit, after).await
    }

    /// Puts `record` where `held` is the version that stands there; `None` for no record. With an emergency's act, both or neither.
    pub(crate) async fn put(
        &self,
        record: &PersonRecord,
        held: Option<&str>,
        act: Option<&Act>,
    ) -> Result<Written, TableError> {
        let item = self.0.item(&People::key(&record.person_id), record)?;
        if let Some(act) = act {
            let put = self.0.part_put(item);
            let put = match held {
                None => put.condition_expression("attribute_not_exists(pk)"),
                Some(held) => put
                    .condition_expression("#version = :held")
                    .expression_attribute_names("#version", "version")
                    .expression_attribute_values(":held", AttributeValue::S(held.to_owned())),
            };
            let put = put.build().map_err(TableError::unavailable)?;
            return self.with_act(TransactWriteItem::builder().put(put).build(), act).await;
        }
        let put = self.0.put(item);
        let put = match held {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(held) => put
                .condition_expression("#version = :held")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":held", AttributeValue::S(held.to_owned())),
        };
        match put.send().await {
            Ok(_) => Ok(Written::Done),
            // The reply to a first try may have been lost: who won is who stands there.
            Err(error) if refused(&error) => match self.record(&record.person_id).await? {
                Some(found) if found.version == record.version => Ok(Written::Done),
                _ => Ok(Written::Stale),
            },
            Err(error) => Err(TableError::unavailable(error)),
        }
    }

    /// Removes a person's record where `held` is the version that stands there. With an emergency's act, both or neither.
    pub(crate) async fn delete(&self, person: &PersonId, held: &str, act: Option<&Act>) -> Result<Written, TableError> {
        if let Some(act) = act {
            let delete = self.0.part_delete(&People::key(person)).condition_expression("#version = :held");
            let delete = delete.expression_attribute_names("#version", "version");
            let delete = delete.expression_attribute_values(":held", AttributeValue::S(held.to_owned()));
            let delete = delete.build().map_err(TableError::unavailable)?;
            return self.with_act(TransactWriteItem::builder().delete(delete).build(), act).await;
        }
        let delete = self.0.delete(&People::key(person)).condition_expression("#version = :held");
        let delete = delete.expression_attribute_names("#version", "version");
        match delete.expression_attribute_values(":held", AttributeValue::S(held.to_owned())).send().await {
            Ok(_) => Ok(Written::Done),
            // Read a moment ago and gone now: by this very call, whose reply was lost, or by another to the same end.
            Err(error) if refused(&error) => match self.record(person).await? {
                None => Ok(Written::Done),
                Some(_) => Ok(Written::Stale),
            },
            Err(error) => Err(TableError::unavailable(error)),
        }
    }

    /// Does `change` and writes the act that it is, or does neither.
    async fn with_act(&self, change: TransactWriteItem, act: &Act) -> Result<Written, TableError> {
        let put = self.0.part_put(self.0.item(&act.key(), act)?).condition_expression("attribute_not_exists(pk)");
        let put = put.build().map_err(TableError::unavailable)?;
        match self.0.transact(vec![change, TransactWriteItem::builder().put(put).build()]).await {
            Ok(()) => Ok(Written::Done),
            // The reply to a first try may have been lost: where this very act stands, it was done.
            Err(TableError::Condition(_)) => match self.0.get::<Act>(&act.key()).await? {
                Some(found) if found == *act => Ok(Written::Done),
                _ => Ok(Written::Stale),
            },
            Err(error) => Err(error),
        }
    }

    /// Writes the first administrator's record, if the tenant has never had one and the person has no record; whether it did.
    pub(crate) async fn begin(&self, record: &PersonRecord) -> Result<bool, TableError> {
        #[derive(Serialize)]
        struct First {
            made_at: Timestamp,
        }
        let first = self.0.item(&Key::new(people::PARTITION, FIRST), &First { made_at: record.updated_at })?;
        let parts = [first, self.0.item(&People::key(&record.person_id), record)?].map(|item| {
            let put = self.0.part_put(item).condition_expression("attribute_not_exists(pk)").build();
            put.map(|put| TransactWriteItem::builder().put(put).build()).map_err(TableError::unavailable)
        });
        let parts = parts.into_iter().collect::<Result<_, _>>()?;
        match self.0.transact(parts).await {
            Ok(()) => Ok(true),
            Err(TableError::Condition(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn refused<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code() == Some("ConditionalCheckFailedException")
}
