//! Immutable, content-addressed search snapshots of one store: building, opening, searching, ranking.
//!
//! [`build()`] turns documents into a folder whose manifest's SHA-256 names it; [`Snapshot::open`] checks every byte of it and reads
//! it in place; [`search()`] takes a person's question, asks a [`Retriever`] and orders what it finds by a calibrated probability of
//! relevance. The same documents give the same name, so any past answer can be found again.
//!
//! | module | does |
//! | --- | --- |
//! | [`question`] | takes the question off, finds prices and aisles |
//! | [`retriever`] | what every engine offers; the snapshot is one of them |
//! | [`rank`] | fusion, calibration, recency, category, threshold |
//! | [`manifest`] | what a snapshot is made of |
//! | `warm` | snapshots fetched from the bucket, proven and kept open |

#[cfg(feature = "build")]
mod build;
mod calibration;
mod document;
mod embedded;
pub mod evidence;
mod fields;
pub mod filter;
mod hash;
mod ids;
pub mod manifest;
mod plan;
pub mod question;
pub mod rank;
pub mod retriever;
mod score;
mod search;
mod snapshot;
mod spelling;
pub mod text;
#[cfg(feature = "build")]
pub mod tsv;
#[cfg(feature = "warm")]
pub mod warm;

#[cfg(feature = "build")]
pub use build::{BuildError, Built, build};
pub use document::{Audience, Document, Roles, SnapshotScope};
pub use filter::{Filter, Label};
pub use hash::{Hash, NotAHash};
pub use manifest::{MANIFEST, Manifest};
pub use question::Question;
pub use rank::{Ranked, Ranking, Settings, Weights};
pub use retriever::{Hit, Hits, Query, Retriever, Scope, SearchError};
pub use search::{Page, Request, search};
pub use snapshot::{OpenError, Snapshot, verify};
#[cfg(feature = "warm")]
pub use warm::{Unavailable, Warm};
