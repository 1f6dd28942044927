//! Erasures of what is stored about a person, and what is told of them.

pub(crate) mod pass;
pub(crate) mod work;

use crate::stores::StoreName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    audit::{Actor, Entry},
    digest::Digest,
    ids::{self, PersonId, TenantId},
    table::TableError,
};

/// What the ids begin with.
const PREFIX: &str = "ers_";
/// The kind of the entry that says that one has begun.
const BEGUN: &str = "analytics.erasure_begun";
/// The kind of the entry that says that one is over, and how much went.
const ENDED: &str = "analytics.erased";

/// An erasure, as far as it has come. It names the person by a digest alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Erasure {
    pub(crate) receipt_id: String,
    /// Whose data goes: [`person`].
    pub(crate) person: Digest,
    /// Who has it done.
    pub(crate) by: PersonId,
    pub(crate) begun_at: Timestamp,
    /// The stores of events that were gone through, in their order: several where the tenant's route came to lead elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) stores: Vec<StoreName>,
    /// The one of them in which a whole pass found nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) emptied: Option<StoreName>,
    /// When that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended_at: Option<Timestamp>,
    /// How many events went.
    pub(crate) events: u64,
    /// How many refused events went.
    pub(crate) refused: u64,
    /// Whether these numbers leave nothing out: a call that never told what it did may have deleted more.
    pub(crate) exact: bool,
    /// The name of a call that has not told how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) under_way: Option<String>,
    /// The name of the log's entry that says that it began.
    pub(crate) begun_entry: String,
    /// The name of the one that says that it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended_entry: Option<String>,
}

/// What a call has deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) events: u64,
    pub(crate) refused: u64,
    /// Whether it may be more: something that was there had gone already, by another's call or by one whose reply was lost.
    pub(crate) or_more: bool,
}

impl Gone {
    /// All of it.
    pub(crate) fn all(self) -> u64 {
        self.events + self.refused
    }
}

/// A person, as erasures name them: the tenant's own digest.
pub(crate) fn person(tenant: &TenantId, user_id: &str) -> Digest {
    Digest::of(format!("{tenant}\0{user_id}").as_bytes())
}

impl Erasure {
    /// One that begins now in `store`, with the entry that says so.
    ///
    /// # Errors
    ///
    /// Those of [`shared::audit::Draft::ready`].
    pub(crate) fn begin(
        person: Digest,
        store: StoreName,
        by: &PersonId,
        now: Timestamp,
    ) -> Result<(Self, Entry), TableError> {
        let receipt_id = format!("{PREFIX}{}", ids::timed(now));
        let mut erasure = Self {
            receipt_id,
            person,
            by: by.clone(),
            begun_at: now,
            stores: vec![store],
            emptied: None,
            ended_at: None,
            events: 0,
            refused: 0,
            exact: true,
            under_way: Some(ids::timed(now)),
            begun_entry: String::new(),
            ended_entry: None,
        };
        let entry = erasure.entry(BEGUN, by)?;
        entry.id().clone_into(&mut erasure.begun_entry);
        Ok((erasure, entry))
    }

    /// The same where `by` found nothing more in `store` at `now`, after so many went, with the entry that says so.
    ///
    /// # Errors
    ///
    /// Those of [`shared::audit::Draft::ready`].
    pub(crate) fn end(
        &self,
        gone: Gone,
        store: &StoreName,
        by: &PersonId,
        now: Timestamp,
    ) -> Result<(Self, Entry), TableError> {
        let mut ended = Self {
            events: self.events + gone.events,
            refused: self.refused + gone.refused,
            exact: self.exact && !gone.or_more,
            emptied: Some(store.clone()),
            ended_at: Some(now),
            under_way: None,
            ..self.clone()
        };
        let entry = ended.entry(ENDED, by)?;
        ended.ended_entry = Some(entry.id().to_owned());
        Ok((ended, entry))
    }

    /// Whether a whole pass found nothing more in each of its stores.
    pub(crate) fn is_complete(&self) -> bool {
        self.ended_at.is_some() && self.stores.iter().all(|store| self.is_empty(store))
    }

    /// Whether a whole pass found nothing more in `store`, one of its own.
    pub(crate) fn is_empty(&self, store: &StoreName) -> bool {
        self.emptied.as_ref() == Some(store)
    }

    /// Under what the log's texts about it are found and erased: the digest, and no name.
    pub(crate) fn about(&self) -> Option<PersonId> {
        PersonId::from_subject(&self.person.to_string())
    }

    fn entry(&self, kind: &'static str, by: &PersonId) -> Result<Entry, TableError> {
        let detail = match kind {
            ENDED => serde_json::json!({
                "events": self.events, "refused_events": self.refused, "exact": self.exact, "complete": self.is_complete(),
                "stores": self.stores,
            }),
            _ => serde_json::Value::Null,
        };
        let entry = Entry::draft(kind, Actor::Person(by.clone())).of(self.receipt_id.clone()).detail(detail);
        match self.about() {
            Some(person) => entry.about(&person).ready(),
            None => entry.ready(),
        }
    }

    /// The log's entries: kind, name, when.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'static str, &str, Timestamp)> {
        let ended = self.ended_entry.as_deref().zip(self.ended_at).map(|(entry, at)| (ENDED, entry, at));
        [(BEGUN, self.begun_entry.as_str(), self.begun_at)].into_iter().chain(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(place: &str) -> StoreName {
        StoreName { backend_type: "dynamodb".to_owned(), place: place.to_owned() }
    }

    #[test]
    fn a_person_is_told_by_a_digest_that_is_the_tenants_own() {
        let (acme, beta) = ("acme".parse().unwrap(), "beta".parse().unwrap());
        assert_eq!(person(&acme, "grace"), person(&acme, "grace"));
        assert!(person(&acme, "grace") != person(&beta, "grace") && person(&acme, "grace") != person(&acme, "grac"));
        let by = PersonId::from_subject("root").unwrap();
        let now = "2026-03-01T09:00:00Z".parse().unwrap();
        let (begun, _) = Erasure::begin(person(&acme, "grace"), store("a"), &by, now).unwrap();
        let gone = Gone { events: 3, refused: 1, or_more: false };
        let (ended, entry) = begun.end(gone, &store("a"), &by, now).unwrap();
        let more = Gone { or_more: true, ..Gone::default() };
        assert!(ended.exact && !begun.end(more, &store("a"), &by, now).unwrap().0.exact);
        assert!(!serde_json::to_string(&ended).unwrap().contains("grace"));
        assert_eq!((ended.events, ended.refused, &ended.under_way), (3, 1, &None));
        assert_eq!(ended.entries().last(), Some((ENDED, entry.id(), now)));
        assert_eq!(begun.entries().count(), 1);
    }

    #[test]
    fn it_is_complete_where_each_of_its_stores_is_empty() {
        let by = PersonId::from_subject("root").unwrap();
        let now = "2026-03-01T09:00:00Z".parse().unwrap();
        let (begun, _) = Erasure::begin(person(&"acme".parse().unwrap(), "grace"), store("a"), &by, now).unwrap();
        assert!(!begun.is_complete());
        assert!(begun.end(Gone::default(), &store("a"), &by, now).unwrap().0.is_complete());
        let moved = Erasure { stores: vec![store("a"), store("b")], ..begun };
        let (ended, _) = moved.end(Gone::default(), &store("b"), &by, now).unwrap();
        assert!(!ended.is_complete() && ended.is_empty(&store("b")) && !ended.is_empty(&store("a")));
        // One that was written before stores were named.
        let mut old = serde_json::to_value(&ended).unwrap();
        old.as_object_mut().unwrap().retain(|name, _| !matches!(name.as_str(), "stores" | "emptied"));
        assert!(serde_json::from_value::<Erasure>(old).unwrap().is_complete());
    }
}
