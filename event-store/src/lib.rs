//! Where analytics events lie: one contract over the stores that a tenant's route can name.
//!
//! | module | offers |
//! | --- | --- |
//! | [`event`] | what an event is, and by what it is told from another of its name |
//! | [`dimension`] | by which of its members events are filtered and grouped |
//! | [`query`] | which events are asked for, and where a page ends |
//! | [`aggregate`] | counting without keeping what is counted |
//! | [`rollup`] | what was counted of an hour or a day, so that a question about a month reads no events |
//! | [`store`] | the contract that every store keeps |
//! | [`dynamodb`] | the events of a table of DynamoDB |
//! | `cosmos` | the events of a container of Cosmos DB; a feature of its own |
//! | `firestore` | the events of a collection of Firestore; with the feature of that name |
//!
//! A store keeps an event under the name that its sender gave it, so that one that is sent again is found to be there. It
//! reads by time, newest first or oldest first, from a place that any store can find again: the time and the name of the last event.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod aggregate;
#[cfg(feature = "cosmos")]
pub mod cosmos;
pub mod dimension;
pub mod dynamodb;
pub mod event;
#[cfg(feature = "firestore")]
pub mod firestore;
mod keys;
mod merge;
pub mod query;
pub mod rollup;
pub mod store;

pub use aggregate::{Aggregate, AggregateQuery, Exactness, Group, Measure};
pub use dimension::Dimension;
pub use event::{BadEventId, Event, EventId};
pub use keys::SHARDS;
pub use query::{EventPage, EventQuery, Filters, Order, Position, Range};
pub use store::{Deleted, EventStore, PutOutcome, StoreError};
