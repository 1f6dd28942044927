//! What every function of the bundle stands on.
//!
//! | module | offers |
//! | --- | --- |
//! | [`auth`] | who is calling: Firebase ID tokens, roles, scopes |
//! | [`tenant`] | what is theirs: handles that exist only for a verified person |
//! | [`web`] | one way in and out: request ids, limits, extractors, the Lambda adapter |
//! | [`problem`] | what went wrong, as RFC 9457 |
//! | [`private`] | personal data that cannot be printed |
//! | [`catalog`] | the shape in which the catalog and the answers meet: products, stores, hours |
//! | [`idempotency`] | what is sent twice under one key, done once |
//! | [`audit`] | what was done, written with the deed and proof against change |
//! | [`outbox`] | what is to be sent outside, written with the deed and sent by a schedule |
//! | [`routes`] | where a tenant's data lives |
//! | [`preferences`] | how a person wants to be reached |
//! | [`switch`] | what stops all notices |
//! | [`table`], [`blob`], [`secrets`] | DynamoDB, content-addressed S3, Secrets Manager |
//! | [`snapshots`] | which searchable snapshot of a store is the current one |
//! | [`job`] | what scheduled jobs have in common: the report of a run, the schedule's event |
//! | [`fetch`], [`resilience`] | what is not AWS over HTTP; deadlines, retries, circuit breakers |
//! | [`clock`], [`config`], [`telemetry`], [`cursor`], [`digest`], [`aws`] | time, settings, logs and metrics, page marks, digests, clients |
//!
//! Cargo features (`lambda`, `job`, `table`, `blob`, `secrets`, `sigv4`, `invoke`) keep a function's binary to what it uses.
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "table")]
pub mod audit;
pub mod auth;
pub mod aws;
#[cfg(feature = "blob")]
pub mod blob;
pub mod catalog;
pub mod clock;
pub mod config;
pub mod cursor;
pub mod digest;
pub mod fetch;
#[cfg(feature = "table")]
pub mod idempotency;
pub mod ids;
#[cfg(feature = "invoke")]
pub mod invoke;
pub mod job;
pub mod locale;
#[cfg(feature = "notices")]
pub mod notices;
#[cfg(feature = "table")]
pub mod outbox;
#[cfg(feature = "table")]
pub mod preferences;
pub mod private;
pub mod problem;
pub mod resilience;
#[cfg(feature = "table")]
pub mod routes;
#[cfg(feature = "secrets")]
pub mod secrets;
#[cfg(feature = "sigv4")]
pub mod signer;
#[cfg(feature = "table")]
pub mod snapshots;
pub mod switch;
#[cfg(feature = "table")]
pub mod table;
pub mod telemetry;
pub mod tenant;
pub mod web;
