//! A question in, a page of ranked products out: parse, retrieve, rank.

use std::time::Instant;

use crate::filter::Filter;
use crate::hash::Hash;
use crate::question::Question;
use crate::rank::{self, POOL, Ranked, Ranking, Settings};
use crate::retriever::{Facets, Query, Retriever, Scope, SearchError};

/// A question and how to answer it.
#[derive(Clone, Debug)]
pub struct Request {
    /// What was said.
    pub text: String,
    /// Conditions beyond those that were said.
    pub filter: Filter,
    /// How many results to pass over.
    pub offset: usize,
    /// How many results to return.
    pub limit: usize,
    /// Whether to count facets.
    pub facets: bool,
    /// The settings of the order.
    pub settings: Settings,
    /// When to give up.
    pub deadline: Option<Instant>,
}

/// A page of results.
#[derive(Clone, Debug)]
pub struct Page {
    /// Best first, relevant or not ([`Ranked::relevant`]).
    pub results: Vec<Ranked>,
    /// How many documents matched.
    pub matches: u64,
    /// Counts over all matches, when asked for.
    pub facets: Option<Facets>,
    /// How the question was understood.
    pub question: Question,
    /// Words that were taken for others: `(written, understood)`.
    pub corrections: Vec<(String, String)>,
    /// Whether every leg answered.
    pub complete: bool,
    /// The snapshot that answered.
    pub snapshot: Option<Hash>,
}

/// Answers `request` from `retriever` in `scope`; `ranking` is the snapshot's ([`crate::Manifest::ranking`]).
///
/// # Errors
///
/// Those of the retriever.
pub async fn search<R: Retriever>(
    retriever: &R,
    scope: &Scope,
    ranking: &Ranking,
    request: Request,
) -> Result<Page, SearchError> {
    let question = Question::parse(&request.text);
    let query = query(&question, &request);
    let hits = retriever.search(scope, &query).await?;
    let ranked = rank::rank(hits.items, ranking, &request.settings);
    Ok(Page {
        results: ranked.into_iter().skip(request.offset).take(request.limit).collect(),
        matches: hits.matches,
        facets: hits.facets,
        question,
        corrections: hits.corrections,
        complete: hits.complete,
        snapshot: hits.snapshot,
    })
}

/// What the engine is asked: always the whole pool, so that every page is cut from the same order.
fn query(question: &Question, request: &Request) -> Query {
    Query {
        words: question.words.clone(),
        dense: None,
        filter: question.filter().and(request.filter.clone()),
        k: POOL.max(request.offset.saturating_add(request.limit)),
        facets: request.facets,
        deadline: request.deadline,
    }
}
