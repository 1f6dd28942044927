//! An event as a document.

use crate::{Dimension, Event, EventId, Filters, StoreError, dynamodb::time_key, store::ToPut};
use gcloud_sdk::google::firestore::v1::{
    Document, Precondition, Value, Write, precondition::ConditionType, value::ValueType, write::Operation,
};
use shared::{digest::Digest, tenant::TenantScope};
use std::io;

/// The name of each tenant's collection; that of the indexes too.
pub(super) const EVENTS: &str = "analytics_events";
/// The field by which events are sorted.
pub(super) const EVENT_TIME: &str = "event_time";
/// The field of the fingerprint.
pub(super) const FINGERPRINT: &str = "fingerprint";
/// The field of the event itself.
const EVENT: &str = "event";
/// The fields of the person and of the session.
const USER_ID: &str = "user_id";
const SESSION_ID: &str = "session_id";

/// A tenant's events.
pub(super) struct Collection {
    /// The document that they are below.
    pub(super) parent: String,
}

impl Collection {
    /// The tenant's, below the `collection` of a database.
    pub(super) fn of(documents: &str, collection: &str, tenant: &TenantScope) -> Self {
        Self { parent: format!("{documents}/{collection}/{}", tenant.tenant()) }
    }

    /// The name of an event's document. The CRC-32 before the event's name keeps neighbours apart, which would all lie on one server, and
    /// a name such as `__a#b__` from being one of those that Firestore has for itself.
    pub(super) fn name(&self, id: &EventId) -> String {
        format!("{}/{EVENTS}/{:08x}#{id}", self.parent, crc32fast::hash(id.as_str().as_bytes()))
    }

    /// The write that creates an event where there is none of its name.
    pub(super) fn create(&self, put: &ToPut) -> Result<Write, StoreError> {
        let event = &put.event;
        let json = serde_json::to_string(event).map_err(|error| StoreError::Form(error.into()))?;
        let fields = [
            (EVENT, json),
            (FINGERPRINT, put.fingerprint.to_string()),
            (EVENT_TIME, time_key(event.timestamp, Some(&event.event_id))),
        ];
        let found = Dimension::ALL.into_iter().map(|dimension| (dimension.as_str(), event.dimension(dimension)));
        let found = found.chain([(USER_ID, event.user_id.as_deref()), (SESSION_ID, event.session_id.as_deref())]);
        let found = found.filter_map(|(field, value)| value.map(|value| (field, digest(value))));
        let fields = fields.into_iter().chain(found).map(|(field, value)| (field.to_owned(), text(value))).collect();
        let document = Document { name: self.name(&event.event_id), fields, ..Default::default() };
        Ok(write(Operation::Update(document), false))
    }

    /// The write that deletes an event where there is one.
    pub(super) fn delete(&self, id: &EventId) -> Write {
        write(Operation::Delete(self.name(id)), true)
    }

    /// The event of a document, which is one of this collection and lies under its name.
    pub(super) fn event(&self, document: &Document) -> Result<Event, StoreError> {
        let json = field(document, EVENT)?;
        let event: Event = serde_json::from_str(json).map_err(|error| StoreError::Form(error.into()))?;
        if document.name == self.name(&event.event_id) {
            Ok(event)
        } else {
            Err(odd("an event lies under another name than its own"))
        }
    }
}

fn write(operation: Operation, exists: bool) -> Write {
    let condition = Precondition { condition_type: Some(ConditionType::Exists(exists)) };
    Write { operation: Some(operation), current_document: Some(condition), ..Default::default() }
}

/// The name of the document that is written.
pub(super) fn name(write: &Write) -> Option<String> {
    match write.operation.as_ref()? {
        Operation::Update(document) => Some(document.name.clone()),
        Operation::Delete(name) => Some(name.clone()),
        _ => None,
    }
}

/// The fingerprint in a document.
pub(super) fn fingerprint(document: &Document) -> Result<Digest, StoreError> {
    field(document, FINGERPRINT)?.parse().map_err(|_| odd("a fingerprint is not of its form"))
}

/// The fields that a document must have for what is asked for, each with the digest there.
pub(super) fn wanted(filters: &Filters) -> Vec<(&'static str, String)> {
    let dimensions = filters.dimensions.iter().map(|(dimension, value)| (dimension.as_str(), Some(value)));
    let people = [(USER_ID, filters.user_id.as_ref()), (SESSION_ID, filters.session_id.as_ref())];
    let wanted = dimensions.chain(people);
    wanted.filter_map(|(field, value)| value.map(|value| (field, digest(value)))).collect()
}

/// A value as it is looked for: of one length, since an index cuts texts, and without what a person is called.
fn digest(value: &str) -> String {
    let mut digest = Digest::of(value.as_bytes()).to_string();
    digest.truncate(32);
    digest
}

/// A text as Firestore has it.
pub(super) fn text(text: String) -> Value {
    Value { value_type: Some(ValueType::StringValue(text)) }
}

fn field<'a>(document: &'a Document, name: &str) -> Result<&'a str, StoreError> {
    match document.fields.get(name).and_then(|value| value.value_type.as_ref()) {
        Some(ValueType::StringValue(text)) => Ok(text),
        _ => Err(odd("a document lacks a field of an event")),
    }
}

fn odd(what: &'static str) -> StoreError {
    StoreError::Form(io::Error::other(what).into())
}
