//! Finding products: from the store's own snapshot, from an external service, or not at all.
//!
//! Whatever fails here is no fault of the request: it is told as [`NoRecall`], and the answer goes on without products.

mod service;

use crate::{
    answer::Limits,
    config::{Config, Rag, Source},
};
use retrieval::{Question, Roles, Scope, Settings, SnapshotScope, Unavailable, Warm, rank, retriever::Query};
use serde::{Deserialize, Serialize};
use service::{Asked, External, Service};
use shared::{auth::Role, blob::Blobs, clock::Clock, resilience::Budget, table::Table, tenant::StoreScope};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tracing::{Instrument, info_span};

/// The most products that a question recalls.
const MOST: usize = 60;
/// How many of those below the threshold are kept: the nearest, for "we do not carry it".
const NEAREST: usize = 6;

/// A product that was recalled: its facts are read from the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recalled {
    /// The product's id.
    pub id: String,
    /// The probability that it is what was asked for.
    pub probability: f64,
    /// Whether that reaches the threshold.
    pub relevant: bool,
}

/// Why nothing could be recalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoRecall {
    /// Retrieval is switched off.
    Disabled,
    /// It took longer than `RAG_TIMEOUT_MS`.
    Timeout,
    /// It failed.
    Error,
    /// The store's snapshot is damaged or not whole.
    SnapshotDamaged,
    /// The store has published no products.
    Unpublished,
}

/// What is to be recalled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sought<'a> {
    /// The words of the thing, or the aisle whose products are asked for.
    pub what: What<'a>,
    /// The category that a follow-up stands in.
    pub category: Option<&'a str>,
    /// The prices that were asked for.
    pub limits: Limits,
}

/// By what products are recalled.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What<'a> {
    /// By these words.
    Words(&'a str),
    /// All that stand in this aisle.
    Aisle(&'a str),
    /// The question needs no product.
    Nothing,
}

/// Recalls products. Clones share what it keeps open.
#[derive(Clone)]
pub(crate) struct Recall {
    rag: Rag,
    warm: Warm,
    service: Option<Service>,
    clock: Clock,
}

impl Recall {
    pub(crate) fn new(config: &Config, table: Table, blobs: Blobs, clock: &Clock) -> Self {
        let folder = config.snapshot_folder.clone();
        let warm = Warm::new(table, blobs, folder, config.snapshot_check, clock.clone());
        let service = match &config.rag.source {
            Source::External(url) => Some(Service::new(url, &config.rag, clock)),
            Source::Embedded | Source::Off => None,
        };
        Self { rag: config.rag.clone(), warm, service, clock: clock.clone() }
    }

    /// Recalls what is sought in the store of `scope`, best first, within `time`: each try within `RAG_TIMEOUT_MS` of it.
    pub(crate) async fn recall(
        &self,
        scope: &StoreScope,
        role: Role,
        sought: Sought<'_>,
        time: Duration,
    ) -> Result<Vec<Recalled>, NoRecall> {
        if self.rag.source == Source::Off {
            return Err(NoRecall::Disabled);
        }
        let text = match sought.what {
            What::Words(words) => words.to_owned(),
            What::Aisle(aisle) => format!("aisle {aisle}"),
            What::Nothing => return Ok(Vec::new()),
        };
        let budget = Budget::of(time);
        let found = match &self.service {
            Some(service) => self.ask_service(service, scope, role, &text, sought.category, budget).await,
            None => {
                let finding = self.ask_snapshot(scope, role, &text, sought);
                let limit = budget.at_most(self.rag.timeout);
                tokio::time::timeout(limit, finding).await.unwrap_or(Err(NoRecall::Timeout))
            }
        };
        if found == Err(NoRecall::Timeout) {
            let limit_ms = u64::try_from(self.rag.timeout.min(time).as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(event = "rag_timeout", limit_ms, "retrieval took longer than {limit_ms} ms");
        }
        found
    }

    async fn ask_snapshot(
        &self,
        scope: &StoreScope,
        role: Role,
        text: &str,
        sought: Sought<'_>,
    ) -> Result<Vec<Recalled>, NoRecall> {
        use retrieval::Retriever;
        let question = info_span!("embed_query").in_scope(|| Question::parse(text));
        let snapshot = self.warm.current(scope).await.map_err(|why| match why {
            Unavailable::Unpublished => NoRecall::Unpublished,
            Unavailable::Damaged { .. } => NoRecall::SnapshotDamaged,
            Unavailable::Unreachable(_) => NoRecall::Error,
        })?;
        let store = SnapshotScope { tenant: scope.tenant().to_string(), store: scope.store().to_string() };
        let searched = Scope { store, snapshot: Some(snapshot.hash()), roles: Roles::from_names([role.as_str()]) };
        // Without words the conditions alone decide: all that stands in an aisle is what was asked for.
        let listed = question.words.is_empty();
        let query = Query {
            filter: question.filter(),
            words: question.words,
            k: rank::POOL,
            deadline: Instant::now().checked_add(self.rag.timeout),
            ..Query::default()
        };
        let search = snapshot.search(&searched, &query).instrument(info_span!("vector_search"));
        let hits = search.await.map_err(|error| {
            tracing::error!(
                event = "rag_failed",
                error = shared::problem::chain(&error),
                "the snapshot could not be searched"
            );
            NoRecall::Error
        })?;
        let ranked = info_span!("rerank").in_scope(|| {
            let settings = self.settings(sought.category);
            rank::rank(hits.items, &snapshot.manifest().ranking, &settings)
        });
        let all = ranked.into_iter().map(|found| Recalled {
            id: found.hit.id,
            probability: if listed { 1.0 } else { found.probability },
            relevant: listed || found.relevant,
        });
        // Prices are compared by the answer, with those of this minute: the snapshot's may be old. So more is handed on.
        let most = if sought.limits.is_empty() { MOST } else { rank::POOL };
        Ok(shorten(all.collect(), most))
    }

    fn settings(&self, category: Option<&str>) -> Settings {
        Settings {
            weights: self.rag.weights,
            threshold: self.rag.threshold,
            half_life_days: self.rag.half_life_days,
            category: category.map(str::to_owned),
            now: self.clock.now(),
        }
    }

    /// Asks the external service; its similarity stands for the probability of relevance.
    async fn ask_service(
        &self,
        service: &Service,
        scope: &StoreScope,
        role: Role,
        words: &str,
        category: Option<&str>,
        budget: Budget,
    ) -> Result<Vec<Recalled>, NoRecall> {
        let mut filters = BTreeMap::from([
            ("tenant_id", scope.tenant().as_str()),
            ("store_id", scope.store().as_str()),
            ("role", role.as_str()),
        ]);
        filters.extend(category.map(|category| ("category", category)));
        let found = service.search(&Asked { query: words, top_k: MOST, filters }, budget).await?;
        let scored = found.into_iter().map(|result| {
            let relevant = result.similarity >= self.rag.threshold;
            let score = self.score(&result, category);
            (score, Recalled { id: result.id, probability: result.similarity, relevant })
        });
        let mut all: Vec<_> = scored.collect();
        all.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.id.cmp(&other.id)));
        Ok(shorten(all.into_iter().map(|(_, recalled)| recalled).collect(), MOST))
    }

    /// The weighted sum by which results are ordered.
    fn score(&self, result: &External, category: Option<&str>) -> f64 {
        let updated = result.updated_at.map(jiff::Timestamp::as_second);
        let recency = rank::recency(updated, self.clock.now(), self.rag.half_life_days);
        let same = matches!((category, &result.category), (Some(asked), Some(own)) if asked.eq_ignore_ascii_case(own));
        self.rag.weights.sum(result.similarity, recency, f64::from(u8::from(same)))
    }
}

/// Keeps the relevant ones and the nearest of the others.
fn shorten(all: Vec<Recalled>, most: usize) -> Vec<Recalled> {
    let (relevant, near): (Vec<_>, Vec<_>) = all.into_iter().partition(|recalled| recalled.relevant);
    relevant.into_iter().take(most).chain(near.into_iter().take(NEAREST)).collect()
}

/// What retrieval did, for the answer and the log.
pub(crate) struct Report {
    pub(crate) recalled: Result<Vec<Recalled>, NoRecall>,
    pub(crate) took: Duration,
}

impl Report {
    /// How many products reached the threshold.
    pub(crate) fn found(&self) -> usize {
        self.relevant().count()
    }

    /// The mean probability of those that reached the threshold, to three decimals; 0 without any.
    pub(crate) fn average_similarity(&self) -> f64 {
        let (sum, count) =
            self.relevant().fold((0.0, 0.0), |(sum, count), found| (sum + found.probability, count + 1.0));
        if count == 0.0 { 0.0 } else { (sum / count * 1000.0_f64).round() / 1000.0 }
    }

    fn relevant(&self) -> impl Iterator<Item = &Recalled> {
        self.recalled.iter().flatten().filter(|found| found.relevant)
    }

    /// Writes the one line that retrieval leaves.
    pub(crate) fn log(&self) {
        tracing::info!(
            event = "rag_query_completed",
            resultsFound = self.found(),
            ragAvailable = self.recalled.is_ok(),
            averageSimilarity = self.average_similarity(),
            queryTime = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            "RAG query completed"
        );
    }
}
