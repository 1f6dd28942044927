//! Imports of uploaded files: who works on one, and how far that has come.
//!
//! An import is worked on by whoever holds its lease; a lease ends by its own time, compared in a condition, so that a run
//! that was killed is followed by the next and one that was only slow can no longer write.

use super::{StoreTable, number, refused, text};
use crate::import::{Format, Tally};
use aws_sdk_dynamodb::{
    operation::put_item::PutItemError::ConditionalCheckFailedException as PutRefused,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use shared::{
    digest::{Digest, Hasher},
    idempotency::Token,
    table::{Key, TableError},
    tenant::StoreScope,
    web::request::random_hex,
};
use std::{fmt, str::FromStr};

/// What the sort keys of imports begin with.
pub const IMPORT: &str = "IMPORT#";
/// How long a lease holds after its last sign of life.
pub const LEASE: SignedDuration = SignedDuration::from_secs(90);
/// How long an import can be asked about.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Names an import: `imp-` and 32 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^imp-[0-9a-f]{32}$")]
pub struct ImportId(String);

/// A text that names no import.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an import id is imp- and 32 of 0-9 and a-f")]
pub struct BadImportId;

impl ImportId {
    /// A new one.
    pub fn new() -> Self {
        Self(format!("imp-{}", random_hex::<16>()))
    }

    /// The one that all runs of the request `token` make in the store `scope`. A token is its tenant's own, and so the tenant counts.
    pub fn of(scope: &StoreScope, token: &Token) -> Self {
        let mut hasher = Hasher::default();
        // No part has a space in it.
        hasher.update(format!("import {} {} {token}", scope.tenant(), scope.store()).as_bytes());
        let mut hex = hasher.finish().to_string();
        hex.truncate(32);
        Self(format!("imp-{hex}"))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ImportId {
    fn default() -> Self {
        Self::new()
    }
}

impl FromStr for ImportId {
    type Err = BadImportId;
    fn from_str(text: &str) -> Result<Self, BadImportId> {
        let digits = text.strip_prefix("imp-").ok_or(BadImportId)?;
        let good = digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        good.then(|| Self(text.to_owned())).ok_or(BadImportId)
    }
}

impl TryFrom<String> for ImportId {
    type Error = BadImportId;
    fn try_from(text: String) -> Result<Self, BadImportId> {
        text.parse()
    }
}

impl From<ImportId> for String {
    fn from(id: ImportId) -> Self {
        id.0
    }
}

impl fmt::Display for ImportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    /// Its file may be uploaded; nobody has said that it is there.
    AwaitingUpload,
    /// It waits for the next run of the job.
    Queued,
    /// Rows are being read.
    Running,
    /// Every row has been read and has its verdict.
    Done,
    /// It ended before the last row; `reason` says why. It can be started again.
    Failed,
}

impl ImportState {
    fn name(self) -> &'static str {
        match self {
            Self::AwaitingUpload => "awaiting_upload",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// An import as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportRow {
    /// Its name.
    pub import_id: ImportId,
    /// The form of its file.
    pub format: Format,
    /// How far it is.
    pub state: ImportState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last moved.
    pub updated_at: Timestamp,
    /// How many rows are done with; a run that follows another passes over them.
    #[serde(default)]
    pub position: u64,
    /// What became of them.
    #[serde(default)]
    pub tally: Tally,
    /// How many runs have begun.
    #[serde(default)]
    pub attempts: u32,
    /// The store's snapshot after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Digest>,
    /// Why it failed, and how to mend it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when it waits or runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_since: Option<Timestamp>,
    /// When the row may be forgotten, in seconds since 1970.
    pub expires_at: i64,
}

/// How an import ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// With every row read; the snapshot that holds them, where one was published.
    Done(Option<Digest>),
    /// Before that, for this reason.
    Failed(String),
}

impl ImportRow {
    fn new(import_id: ImportId, format: Format, now: Timestamp) -> Self {
        Self {
            import_id,
            format,
            state: ImportState::AwaitingUpload,
            created_at: now,
            updated_at: now,
            position: 0,
            tally: Tally::default(),
            attempts: 0,
            snapshot: None,
            reason: None,
            pending_since: None,
            expires_at: (now + KEPT).as_second(),
        }
    }
}

impl StoreTable {
    fn import_key(&self, id: &ImportId) -> Key {
        Key::new(self.partition(), format!("{IMPORT}{id}"))
    }

    /// Makes the import `id` that waits for its file. One of this id and form that is there already stays as it is, and is what
    /// comes back: another run of the same request has made it, or this one, whose reply was lost.
    ///
    /// # Errors
    ///
    /// [`TableError`]; it may be made all the same.
    pub async fn create_import(&self, id: ImportId, format: Format, now: Timestamp) -> Result<ImportRow, TableError> {
        let row = ImportRow::new(id, format, now);
        let item = self.rows.item(&self.import_key(&row.import_id), &row)?;
        let put = self.rows.put(item).condition_expression("attribute_not_exists(pk)");
        let put = put.return_values_on_condition_check_failure(AllOld);
        let Err(error) = put.send().await else { return Ok(row) };
        let item = match error.as_service_error() {
            Some(PutRefused(refused)) => refused.item.clone().filter(|item| !item.is_empty()),
            _ => None,
        };
        let old: Option<ImportRow> = item.map(serde_dynamo::from_item).transpose()?;
        old.filter(|old| old.import_id == row.import_id && old.format == format)
            .ok_or_else(|| TableError::unavailable(error))
    }

    /// An import; `None` where there is none of this id.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn import(&self, id: &ImportId) -> Result<Option<ImportRow>, TableError> {
        self.rows.get(&self.import_key(id)).await
    }

    /// Queues an import that awaits its upload or has failed; one that is further on stays as it is.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn start_import(&self, id: &ImportId, now: Timestamp) -> Result<Option<ImportRow>, TableError> {
        let update = self
            .rows
            .update(&self.import_key(id))
            .update_expression(
                "SET #state = :queued, pending_since = :now, updated_at = :now, #position = :zero, attempts = :zero, \
                 tally = :tally REMOVE reason, #owner, lease_until_ms",
            )
            .condition_expression("#state IN (:awaiting, :failed)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#position", "position")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":queued", text(ImportState::Queued.name()))
            .expression_attribute_values(":awaiting", text(ImportState::AwaitingUpload.name()))
            .expression_attribute_values(":failed", text(ImportState::Failed.name()))
            .expression_attribute_values(":now", text(now.to_string()))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":tally", serde_dynamo::to_attribute_value(Tally::default())?)
            .return_values(ReturnValue::AllNew);
        match update.send().await {
            Ok(done) => Ok(done.attributes.map(serde_dynamo::from_item).transpose()?),
            Err(error) if refused(&error) => self.import(id).await,
            Err(error) => Err(TableError::unavailable(error)),
        }
    }

    /// Takes the import for `owner` if it is queued, or its last owner has shown no life for [`LEASE`].
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn claim_import(
        &self,
        id: &ImportId,
        owner: &str,
        now: Timestamp,
    ) -> Result<Option<ImportRow>, TableError> {
        let update = self
            .rows
            .update(&self.import_key(id))
            .update_expression(
                "SET #state = :running, #owner = :owner, lease_until_ms = :until, updated_at = :now ADD attempts :one",
            )
            .condition_expression("#state = :queued OR (#state = :running AND lease_until_ms < :now_ms)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":queued", text(ImportState::Queued.name()))
            .expression_attribute_values(":running", text(ImportState::Running.name()))
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":until", number((now + LEASE).as_millisecond()))
            .expression_attribute_values(":now_ms", number(now.as_millisecond()))
            .expression_attribute_values(":now", text(now.to_string()))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew);
        match update.send().await {
            Ok(done) => Ok(done.attributes.map(serde_dynamo::from_item).transpose()?),
            Err(error) if refused(&error) => Ok(None),
            Err(error) => Err(TableError::unavailable(error)),
        }
    }

    /// Writes down how far `owner` has come and renews its lease; `false` where the import is another's by now.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn advance_import(&self, row: &ImportRow, owner: &str, now: Timestamp) -> Result<bool, TableError> {
        self.as_owner(row, owner, now, "SET ", "", &[(":until", number((now + LEASE).as_millisecond()))]).await
    }

    /// Gives the import back unfinished, for the next run to go on at once; `false` where it is another's by now.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn release_import(&self, row: &ImportRow, owner: &str, now: Timestamp) -> Result<bool, TableError> {
        self.as_owner(row, owner, now, "SET ", "", &[(":until", number(0))]).await
    }

    /// Ends the import; `false` where it is another's by now.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn end_import(
        &self,
        row: &ImportRow,
        owner: &str,
        ending: &Ending,
        now: Timestamp,
    ) -> Result<bool, TableError> {
        let mut values = vec![(":until", number(0))];
        let sets = match ending {
            Ending::Done(snapshot) => {
                values.push((":state", text(ImportState::Done.name())));
                values.extend(snapshot.map(|digest| (":snapshot", text(digest.to_string()))));
                let snapshot = if snapshot.is_some() { "#snapshot = :snapshot, " } else { "" };
                format!("SET #state = :state, {snapshot}")
            }
            Ending::Failed(reason) => {
                values.push((":state", text(ImportState::Failed.name())));
                values.push((":reason", text(reason.clone())));
                "SET #state = :state, reason = :reason, ".to_owned()
            }
        };
        self.as_owner(row, owner, now, &sets, " REMOVE pending_since", &values).await
    }

    async fn as_owner(
        &self,
        row: &ImportRow,
        owner: &str,
        now: Timestamp,
        sets: &str,
        removes: &str,
        values: &[(&str, AttributeValue)],
    ) -> Result<bool, TableError> {
        let common = "lease_until_ms = :until, #position = :position, tally = :tally, updated_at = :now";
        let mut update = self
            .rows
            .update(&self.import_key(&row.import_id))
            .update_expression(format!("{sets}{common}{removes}"))
            .condition_expression("#owner = :owner AND #state = :running")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#position", "position")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":running", text(ImportState::Running.name()))
            .expression_attribute_values(":position", number(row.position))
            .expression_attribute_values(":tally", serde_dynamo::to_attribute_value(&row.tally)?)
            .expression_attribute_values(":now", text(now.to_string()));
        if sets.contains("#snapshot") {
            update = update.expression_attribute_names("#snapshot", "snapshot");
        }
        for (name, value) in values {
            update = update.expression_attribute_values(*name, value.clone());
        }
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) if refused(&error) => Ok(false),
            Err(error) => Err(TableError::unavailable(error)),
        }
    }
}
