//! What every search engine offers here: the embedded snapshot, a vector database, an external service.
//!
//! An engine returns raw scores of its legs and the evidence it saw, never a fused score: fusion, calibration and threshold live
//! in [`crate::rank`], above this trait, so that a change of engine cannot move the threshold.

use std::future::Future;
use std::time::Instant;

use crate::document::{Roles, SnapshotScope};
use crate::filter::Filter;
use crate::hash::Hash;

/// Finds products.
pub trait Retriever: Send + Sync {
    /// What this engine can do.
    fn capabilities(&self) -> Capabilities;

    /// Finds the best `query.k` documents that pass the filter and that `scope` may see, best lexical score first, then by id.
    ///
    /// # Errors
    ///
    /// [`SearchError`].
    fn search(&self, scope: &Scope, query: &Query) -> impl Future<Output = Result<Hits, SearchError>> + Send;
}

/// What an engine can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// It scores words.
    pub lexical: bool,
    /// It scores vectors.
    pub dense: bool,
    /// It counts facets.
    pub facets: bool,
    /// The most hits it returns for one question.
    pub max_k: usize,
    /// Its hits are the best there are, rather than near them.
    pub exact: bool,
}

/// Who asks where: made from a verified identity, never from a request's body.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The store that is asked.
    pub store: SnapshotScope,
    /// The snapshot that must answer; `None` takes the one that is open.
    pub snapshot: Option<Hash>,
    /// What the caller may see beyond the public.
    pub roles: Roles,
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The words to look for, normalised, in the order they were said ([`crate::question`] finds them). Without words, every
    /// document that passes the filter is a hit with score 0, in the order of ids.
    pub words: Vec<String>,
    /// The question's vector, for engines with a dense leg.
    pub dense: Option<Vec<f32>>,
    /// What hits must satisfy.
    pub filter: Filter,
    /// How many hits at most.
    pub k: usize,
    /// Whether to count facets over all matches.
    pub facets: bool,
    /// When to give up.
    pub deadline: Option<Instant>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Hits {
    /// Best lexical score first, equal scores by id.
    pub items: Vec<Hit>,
    /// How many documents matched, returned or not.
    pub matches: u64,
    /// Whether every leg answered in time.
    pub complete: bool,
    /// The snapshot that answered, when the engine has such.
    pub snapshot: Option<Hash>,
    /// Counts over all matches, when asked for.
    pub facets: Option<Facets>,
    /// How the words were understood, where that differs from how they were written: `(written, understood)`.
    pub corrections: Vec<(String, String)>,
}

/// A document that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Its id.
    pub id: String,
    /// Its row, when the engine is a snapshot.
    pub row: Option<u32>,
    /// The lexical leg's raw score (BM25), when that leg found it.
    pub lexical: Option<f32>,
    /// The dense leg's raw score (cosine), when that leg found it.
    pub dense: Option<f32>,
    /// How it matches.
    pub evidence: Evidence,
    /// When it last changed, in epoch seconds.
    pub updated_at: Option<i64>,
    /// Its category.
    pub category: Option<String>,
}

/// How a document matches the words of a question. Shares run from 0 to 1 and weigh words by their rarity in the catalog, so
/// that they mean the same in a catalog of eighty products and of a million.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// BM25 of name, brand and description over the best that the words could score.
    pub strength: f32,
    /// BM25 of the attributes, category and place over that same best.
    pub attributes: f32,
    /// Share of the words that name, brand, description or category hold.
    pub found: f32,
    /// Share of the words that the name or brand holds.
    pub named: f32,
    /// Share of the words that the category holds.
    pub kind: f32,
    /// Share of the category's words that the question holds.
    pub kind_fit: f32,
    /// Share of the name's words that the question holds, the brand left out.
    pub name_fit: f32,
    /// Whether the name ends in the question's last word: English puts the thing itself last.
    pub ends: bool,
    /// Share of the words that stand near the front of the name, halved every [`crate::evidence::HALF_PLACE`] places.
    pub early: f32,
    /// Share of neighbours in the question that are neighbours in the name; 1 for a single word that the name holds.
    pub together: f32,
    /// Whether the name goes on from the words to another kind of thing: a `printer drum` is no printer, an `apple juice` no
    /// apple.
    pub accessory: bool,
    /// Whether a word that names a model (one with a digit, or a single letter) is missing from the product.
    pub model_missing: bool,
}

/// How many matches there are for each value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// By category, most first, then by name.
    pub category: Vec<(String, u64)>,
    /// By department.
    pub department: Vec<(String, u64)>,
    /// By aisle.
    pub aisle: Vec<(String, u64)>,
}

/// Why a search gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The engine holds another store's products.
    #[error("this snapshot is of another store")]
    OtherStore,
    /// The engine holds another snapshot.
    #[error("this snapshot is {found}, not {wanted}")]
    OtherSnapshot {
        /// What was asked for.
        wanted: Hash,
        /// What is open.
        found: Hash,
    },
    /// The deadline passed.
    #[error("the search ran out of time")]
    TimedOut,
    /// The index could not be read.
    #[error("reading the index: {0}")]
    Read(#[from] std::io::Error),
    /// The engine does not answer.
    #[error("the search engine: {0}")]
    Engine(String),
}
