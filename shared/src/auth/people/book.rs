//! Reading people's records: each at most once in [`KEPT_FOR`], and never past it.

use super::{PARTITION, PREFIX, PersonRecord};
use crate::{
    clock::Clock,
    ids::{PersonId, TenantId},
    problem::Problem,
    table::{Key, Table, TableError},
    tenant::TenantScope,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a record serves before it is read again: from then on nothing but the table says what it holds.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_secs(60);
/// The most people that one instance remembers.
const MOST: usize = 1_000;
/// How long a read may take.
const TIMEOUT: Duration = Duration::from_secs(3);
/// How long a failure is told again without another try, so that those who waited for the same read do not each wait anew.
const FAILED_FOR: SignedDuration = SignedDuration::from_secs(1);

/// The people of every tenant, as far as this instance has read of them; clones share it.
#[derive(Clone, Debug)]
pub struct People(Arc<Book>);

#[derive(Debug)]
struct Book {
    table: Table,
    clock: Clock,
    known: Mutex<HashMap<(TenantId, PersonId), Page>>,
}

/// What was read of a person. Who reads it holds the lock, so that a hundred requests at once are one read.
type Page = Arc<tokio::sync::Mutex<Option<Read>>>;

#[derive(Debug)]
struct Read {
    /// When a record was asked for, or a read failed.
    at: Timestamp,
    found: Result<Option<Arc<PersonRecord>>, Problem>,
}

impl Read {
    /// A clock that was set back makes it old.
    fn serves(&self, now: Timestamp) -> bool {
        let time = if self.found.is_ok() { KEPT_FOR } else { FAILED_FOR };
        self.at <= now && now.duration_since(self.at) < time
    }
}

impl People {
    /// The people in `table`. Nothing is read yet.
    pub fn new(table: Table, clock: &Clock) -> Self {
        Self(Arc::new(Book { table, clock: clock.clone(), known: Mutex::default() }))
    }

    /// Where a person's record lies within their tenant's part of the table.
    pub fn key(person: &PersonId) -> Key {
        Key::new(PARTITION, format!("{PREFIX}{}", person.as_str()))
    }

    /// The record of a person of the tenant, as it was at most [`KEPT_FOR`] ago; `None` where nobody has written one.
    ///
    /// # Errors
    ///
    /// 503 `auth.person_unavailable` where the table does not answer within three seconds; 500 where the record is not of its
    /// form. Nothing older serves in its place. Who asks within a second of a failure is told the same.
    pub async fn record(&self, tenant: &TenantScope, person: &PersonId) -> Result<Option<Arc<PersonRecord>>, Problem> {
        let page = self.page(tenant.tenant(), person);
        let mut read = page.lock().await;
        let now = self.0.clock.now();
        if let Some(read) = read.as_ref().filter(|read| read.serves(now)) {
            return read.found.clone();
        }
        *read = None;
        let found = self.read(tenant, person).await.map(|record| record.map(Arc::new)).map_err(|error| match error {
            TableError::Unavailable(_) => Problem::upstream("auth.person_unavailable", &error, 1),
            other => Problem::internal(&other),
        });
        // A record is as old as its question, a failure as its answer.
        let at = if found.is_ok() { now } else { self.0.clock.now() };
        *read = Some(Read { at, found: found.clone() });
        found
    }

    /// Forgets a person's record, because this instance has changed it.
    pub fn forget(&self, tenant: &TenantScope, person: &PersonId) {
        self.known().remove(&(tenant.tenant().clone(), person.clone()));
    }

    async fn read(&self, tenant: &TenantScope, person: &PersonId) -> Result<Option<PersonRecord>, TableError> {
        let rows = self.0.table.of(tenant);
        let key = Self::key(person);
        let found = tokio::time::timeout(TIMEOUT, rows.get::<PersonRecord>(&key)).await;
        let found = found.map_err(TableError::unavailable)??;
        match found {
            Some(record) if record.person_id != *person => {
                Err(TableError::unavailable(std::io::Error::other("another person's record came back")))
            }
            found => Ok(found),
        }
    }

    fn page(&self, tenant: &TenantId, person: &PersonId) -> Page {
        let who = (tenant.clone(), person.clone());
        let mut known = self.known();
        if let Some(page) = known.get(&who) {
            return page.clone();
        }
        if known.len() >= MOST {
            let now = self.0.clock.now();
            // What is being read just now stays: someone waits for it.
            known.retain(|_, page| page.try_lock().map_or(true, |read| read.as_ref().is_some_and(|it| it.serves(now))));
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.entry(who).or_default().clone()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<(TenantId, PersonId), Page>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
