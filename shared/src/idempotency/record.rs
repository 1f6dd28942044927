//! Keys in DynamoDB.
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | record | `IDEMPOTENCY#<token>` | `RECORD` | `run_id`, `payload_hash`, `rights_hash`, `lease_until_ms`, `kept_until_ms`; with the answer: `answer_status`, `answer_headers`, and `answer_body` or `answer_chunks` and `answer_bytes` |
//! | chunk | the same | `ANSWER#<run_id>#<n>` | `n`, `bytes` |
//!
//! Each has `expires_at` (seconds), after which the table may drop it. What counts are the attributes in milliseconds.

use super::{MARGIN, Step, answer::Answer, key::Token, millis};
use crate::{
    digest::Digest,
    table::{Item, Key, TableError, TenantTable},
    web::request::random_hex,
};
use aws_sdk_dynamodb::{
    operation::{
        put_item::PutItemError::ConditionalCheckFailedException as PutRefused,
        update_item::UpdateItemError::ConditionalCheckFailedException as UpdateRefused,
    },
    primitives::Blob,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld},
};
use axum::body::Bytes;
use futures::{TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// How long a key means its request: 24 hours from the run that took it.
pub const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// The most bytes of an answer in one item: of DynamoDB's 400 KB, less what else the item holds.
pub(super) const CHUNK_BYTES: usize = 350 * 1024;
/// How many chunks go up at once.
const UPLOADS: usize = 4;
/// How much longer chunks are kept than the record that names them, so that none goes before it.
const CHUNKS_OUTLIVE: SignedDuration = SignedDuration::from_hours(1);

/// The condition under which a run takes a key. At `:now` a time is over that is `:now`.
const FREE: &str = "attribute_not_exists(pk) OR kept_until_ms <= :now \
     OR (attribute_not_exists(answer_status) AND lease_until_ms <= :now AND payload_hash = :payload)";
/// The condition under which a run still holds its key.
const MINE: &str = "run_id = :run";

/// A run's hold on a key.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    run: String,
    payload: Digest,
    rights: Digest,
    now: Timestamp,
    until: Timestamp,
}

impl Lease {
    /// A lease from `now` for a run with these rights that can go on for `time`, under a name of its own.
    pub(super) fn new(payload: Digest, rights: Digest, now: Timestamp, time: Duration) -> Self {
        let until = now.saturating_add(time).and_then(|end| end.saturating_add(MARGIN));
        Self { run: random_hex::<16>(), payload, rights, now, until: until.unwrap_or(Timestamp::MAX) }
    }

    fn kept_until(&self) -> Timestamp {
        self.now.saturating_add(KEPT).unwrap_or(Timestamp::MAX)
    }
}

/// Whether a run has the key.
pub(super) enum Claim {
    /// It has.
    Mine,
    /// It has not.
    Known(Box<Found>),
}

/// How storing an answer ended.
pub(super) enum Completion {
    /// It is stored.
    Done,
    /// The key is another run's, or nobody's.
    Overtaken(Option<Box<Found>>),
}

/// What stands under a key.
#[derive(Debug)]
pub(super) enum Found {
    /// Another request.
    OtherPayload,
    /// A run that is under way.
    Running {
        /// When its lease is over.
        until: Timestamp,
    },
    /// An answer to somebody with other rights.
    OtherRights,
    /// An answer.
    Answered(Kept),
}

/// An answer, of which a large body stands in chunks.
#[derive(Debug)]
pub(super) struct Kept {
    answer: Answer,
    run: String,
    chunks: u32,
    bytes: usize,
}

#[derive(Serialize, Deserialize)]
struct Row {
    run_id: String,
    payload_hash: Digest,
    /// Absent in what was written before there was one: an answer that is told to nobody.
    #[serde(default)]
    rights_hash: Option<Digest>,
    lease_until_ms: i64,
    kept_until_ms: i64,
    expires_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer_status: Option<u16>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    answer_headers: BTreeMap<String, Vec<Bytes>>,
    #[serde(default, skip_serializing_if = "Bytes::is_empty")]
    answer_body: Bytes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer_chunks: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer_bytes: Option<usize>,
}

#[derive(Serialize, Deserialize)]
struct Chunk {
    n: u32,
    bytes: Bytes,
    expires_at: i64,
}

impl Row {
    fn found(self, lease: &Lease) -> Found {
        if self.payload_hash != lease.payload {
            return Found::OtherPayload;
        }
        match self.answer_status {
            None => {
                Found::Running { until: Timestamp::from_millisecond(self.lease_until_ms).unwrap_or(Timestamp::MAX) }
            }
            Some(_) if self.rights_hash != Some(lease.rights) => Found::OtherRights,
            Some(status) => Found::Answered(Kept {
                answer: Answer { status, headers: self.answer_headers, body: self.answer_body },
                run: self.run_id,
                chunks: self.answer_chunks.unwrap_or(0),
                bytes: self.answer_bytes.unwrap_or(0),
            }),
        }
    }
}

/// The items of one key.
#[derive(Clone, Debug)]
pub(super) struct Records {
    table: TenantTable,
    partition: String,
}

impl Records {
    /// The items of the key that `token` names.
    pub(super) fn of(table: TenantTable, token: &Token) -> Self {
        Self { table, partition: format!("IDEMPOTENCY#{token}") }
    }

    fn record(&self) -> Key {
        Key::new(&self.partition, "RECORD")
    }

    fn chunk(&self, run: &str, n: u32) -> Key {
        Key::new(&self.partition, format!("ANSWER#{run}#{n:05}"))
    }

    /// Takes the key, if it is free.
    ///
    /// # Errors
    ///
    /// [`TableError`]: it may be taken all the same, and is free again when the lease is over.
    pub(super) async fn claim(&self, lease: &Lease) -> Result<Claim, TableError> {
        let row = Row {
            run_id: lease.run.clone(),
            payload_hash: lease.payload,
            rights_hash: Some(lease.rights),
            lease_until_ms: millis(lease.until),
            kept_until_ms: millis(lease.kept_until()),
            expires_at: seconds(lease.kept_until()),
            answer_status: None,
            answer_headers: BTreeMap::new(),
            answer_body: Bytes::new(),
            answer_chunks: None,
            answer_bytes: None,
        };
        let put = self
            .table
            .put(self.table.item(&self.record(), &row)?)
            .condition_expression(FREE)
            .expression_attribute_values(":now", number(millis(lease.now)))
            .expression_attribute_values(":payload", AttributeValue::S(lease.payload.to_string()))
            .return_values_on_condition_check_failure(AllOld);
        let Err(error) = put.send().await else { return Ok(Claim::Mine) };
        let item = match error.as_service_error() {
            Some(PutRefused(refused)) => refused.item.clone(),
            _ => return Err(TableError::unavailable(error)),
        };
        let old = row_of(item)?.ok_or_else(|| TableError::unavailable(error))?;
        // A reply that was lost, and the client's own second try met the first.
        if old.run_id == lease.run {
            return Ok(Claim::Mine);
        }
        Ok(Claim::Known(Box::new(old.found(lease))))
    }

    /// Stores the answer, if the key still is this run's.
    ///
    /// # Errors
    ///
    /// [`TableError`]: it may be stored all the same.
    pub(super) async fn complete(
        &self,
        lease: &Lease,
        answer: &Answer,
        at: &(dyn Fn(Step) + Send + Sync),
    ) -> Result<Completion, TableError> {
        let mut set = "SET answer_status = :status, answer_headers = :headers".to_owned();
        let mut update = self
            .table
            .update(&self.record())
            .condition_expression(MINE)
            .expression_attribute_values(":run", AttributeValue::S(lease.run.clone()))
            .expression_attribute_values(":status", number(answer.status.into()))
            .expression_attribute_values(":headers", serde_dynamo::to_attribute_value(&answer.headers)?)
            .return_values_on_condition_check_failure(AllOld);
        if answer.body.len() > CHUNK_BYTES {
            let chunks = self.store_chunks(lease, &answer.body, at).await?;
            set.push_str(", answer_chunks = :chunks, answer_bytes = :bytes");
            let bytes = i64::try_from(answer.body.len()).unwrap_or(i64::MAX);
            update = update.expression_attribute_values(":chunks", number(chunks.into()));
            update = update.expression_attribute_values(":bytes", number(bytes));
            at(Step::Chunked);
        } else if !answer.body.is_empty() {
            set.push_str(", answer_body = :body");
            let body = AttributeValue::B(Blob::new(answer.body.to_vec()));
            update = update.expression_attribute_values(":body", body);
        }
        let Err(error) = update.update_expression(set).send().await else { return Ok(Completion::Done) };
        match error.as_service_error() {
            Some(UpdateRefused(refused)) => {
                let old = row_of(refused.item.clone())?;
                Ok(Completion::Overtaken(old.map(|row| Box::new(row.found(lease)))))
            }
            _ => Err(TableError::unavailable(error)),
        }
    }

    /// Stores a large body under the run's name; in how many chunks.
    async fn store_chunks(
        &self,
        lease: &Lease,
        body: &Bytes,
        at: &(dyn Fn(Step) + Send + Sync),
    ) -> Result<u32, TableError> {
        let expires_at = seconds(lease.kept_until().saturating_add(CHUNKS_OUTLIVE).unwrap_or(Timestamp::MAX));
        let starts = (0..body.len()).step_by(CHUNK_BYTES);
        let rows = (0..).zip(starts).map(|(n, start)| {
            let bytes = body.slice(start..body.len().min(start + CHUNK_BYTES));
            Ok(async move {
                let item = self.table.item(&self.chunk(&lease.run, n), &Chunk { n, bytes, expires_at })?;
                self.table.put(item).send().await.map_err(TableError::unavailable)?;
                at(Step::ChunkUp);
                Ok::<_, TableError>(1)
            })
        });
        stream::iter(rows).try_buffer_unordered(UPLOADS).try_fold(0, |sum, one| async move { Ok(sum + one) }).await
    }

    /// Gives the key back, if it still is this run's.
    ///
    /// # Errors
    ///
    /// [`TableError`]: it may be free all the same.
    pub(super) async fn release(&self, lease: &Lease) -> Result<(), TableError> {
        let delete = self
            .table
            .delete(&self.record())
            .condition_expression(MINE)
            .expression_attribute_values(":run", AttributeValue::S(lease.run.clone()));
        match delete.send().await {
            Err(error)
                if !error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Err(TableError::unavailable(error))
            }
            _ => Ok(()),
        }
    }

    /// An answer with its whole body.
    ///
    /// # Errors
    ///
    /// [`TableError::Unavailable`], also where a chunk is not there.
    pub(super) async fn answer(&self, kept: Kept) -> Result<Answer, TableError> {
        let Kept { mut answer, run, chunks, bytes } = kept;
        if chunks > 0 {
            let keys: Vec<Key> = (0..chunks).map(|n| self.chunk(&run, n)).collect();
            let mut rows: Vec<Chunk> = self.table.get_all(&keys).await?;
            rows.sort_unstable_by_key(|row| row.n);
            let body: Vec<u8> = rows.iter().flat_map(|row| row.bytes.iter().copied()).collect();
            if body.len() != bytes {
                return Err(TableError::unavailable(std::io::Error::other("a part of a stored answer is missing")));
            }
            answer.body = body.into();
        }
        Ok(answer)
    }
}

fn row_of(item: Option<Item>) -> Result<Option<Row>, TableError> {
    Ok(item.filter(|item| !item.is_empty()).map(serde_dynamo::from_item).transpose()?)
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// As the table's time to live wants it: whole seconds since 1970.
fn seconds(at: Timestamp) -> i64 {
    at.as_second()
}
