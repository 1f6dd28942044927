//! The contract that every store of events keeps.

use crate::{Event, EventId, EventPage, EventQuery, Position, rollup::Ledger};
use async_trait::async_trait;
use shared::{digest::Digest, tenant::TenantScope};
use std::time::Duration;

/// What became of an event that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// It is kept.
    Stored,
    /// It was kept before.
    Duplicate,
    /// Another one of its name was kept before, and stays.
    Conflict,
}

/// What became of an event that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone.
    Gone,
    /// There was none.
    NotThere,
}

/// An event with what tells it from another of its name.
#[derive(Clone, Debug)]
pub struct ToPut {
    /// The event.
    pub event: Event,
    /// See [`Event::fingerprint`].
    pub fingerprint: Digest,
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The route names what is not there, or cannot be read.
    #[error("the route cannot be used: {0}")]
    BadConfig(&'static str),
    /// The store refuses the credentials.
    #[error("the store refuses the credentials of the route")]
    AuthRefused,
    /// The store is asked too much.
    #[error("the store is asked too much")]
    Throttled {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The store cannot be reached, or is broken for the moment.
    #[error("the store cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What the store holds, or answered, is not of its form.
    #[error("what the store holds is not of its form")]
    Form(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// The same for another event that the cause keeps from being put. Its own causes are told once.
    pub fn again(&self) -> Self {
        match self {
            Self::BadConfig(why) => Self::BadConfig(why),
            Self::AuthRefused => Self::AuthRefused,
            Self::Throttled { retry_after } => Self::Throttled { retry_after: *retry_after },
            Self::Unavailable(cause) => Self::Unavailable(cause.to_string().into()),
            Self::Form(cause) => Self::Form(cause.to_string().into()),
        }
    }
}

/// A store of events. Every call is for one tenant and sees nothing of another's.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// Puts `events`, no two of which have one name; what became of each, in their order. One that fails fails alone, and whatever failed may
    /// be put again.
    async fn put(&self, tenant: &TenantScope, events: &[ToPut]) -> Vec<Result<PutOutcome, StoreError>>;

    /// A page of at most `limit` events, after the place where the last one ended.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn query(
        &self,
        tenant: &TenantScope,
        query: &EventQuery,
        limit: usize,
        after: Option<&Position>,
    ) -> Result<EventPage, StoreError>;

    /// One event.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn get(&self, tenant: &TenantScope, id: &EventId) -> Result<Option<Event>, StoreError>;

    /// Deletes one event: once this says so, no query finds it.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn delete(&self, tenant: &TenantScope, id: &EventId) -> Result<Deleted, StoreError>;

    /// How long an event that was put may stay hidden from [`EventStore::query`]. An event that was put before that is found, if it is there.
    fn settles_within(&self) -> Duration {
        Duration::ZERO
    }

    /// Where it keeps what was counted of its events, if it does. Then it marks the hour of an event before it puts or deletes one.
    fn rollups(&self) -> Option<&dyn Ledger> {
        None
    }
}
