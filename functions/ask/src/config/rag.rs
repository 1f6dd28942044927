//! How products are found: the settings of retrieval.

use retrieval::Weights;
use shared::{config::Env, fetch::Transport};
use std::{str::FromStr, time::Duration};

/// How products are found and ordered.
#[derive(Clone, Debug)]
pub struct Rag {
    /// `RAG_API_URL`.
    pub source: Source,
    /// `RAG_SIMILARITY_WEIGHT`, `RAG_RECENCY_WEIGHT`, `RAG_CATEGORY_WEIGHT`.
    pub weights: Weights,
    /// `RAG_SIMILARITY_THRESHOLD`: the probability of relevance from which a product is an answer.
    pub threshold: f64,
    /// `RAG_RECENCY_HALF_LIFE_DAYS`.
    pub half_life_days: f64,
    /// `RAG_TIMEOUT_MS`: how long retrieval may take.
    pub timeout: Duration,
    /// `RAG_RETRY_ATTEMPTS`: tries after the first at an external service, all of them within the timeout.
    pub retries: u32,
}

/// Who finds products.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The store's own snapshot.
    Embedded,
    /// A service that answers `POST {url}/search`.
    External(String),
    /// Nobody: retrieval is switched off.
    Off,
}

impl FromStr for Source {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Ok(Self::Off),
            off if off.eq_ignore_ascii_case("off") => Ok(Self::Off),
            "embedded" => Ok(Self::Embedded),
            url if url.parse().is_ok_and(|uri| Transport::within_network(&uri)) => {
                Ok(Self::External(url.trim_end_matches('/').to_owned()))
            }
            _ => Err("is neither `embedded`, an http(s) URL, nor empty or `off`".to_owned()),
        }
    }
}

impl Rag {
    pub(super) fn read(env: &mut Env) -> Self {
        let url = env.optional("RAG_API_URL").unwrap_or_else(|| "embedded".to_owned());
        let source = url.parse().unwrap_or_else(|why| {
            env.fault(format!("RAG_API_URL={url:?} {why}"));
            Source::Off
        });
        let similarity = env.within("RAG_SIMILARITY_WEIGHT", 0.5, 0.0..=1.0);
        let recency = env.within("RAG_RECENCY_WEIGHT", 0.2, 0.0..=1.0);
        let category = env.within("RAG_CATEGORY_WEIGHT", 0.2, 0.0..=1.0);
        let weights = Weights::new(similarity, recency, category).unwrap_or_else(|why| {
            env.fault(format!("RAG_SIMILARITY_WEIGHT, RAG_RECENCY_WEIGHT, RAG_CATEGORY_WEIGHT: {why}"));
            Weights::default()
        });
        Self {
            source,
            weights,
            threshold: env.within("RAG_SIMILARITY_THRESHOLD", 0.65, 0.0..=1.0),
            half_life_days: env.within("RAG_RECENCY_HALF_LIFE_DAYS", 30.0, 0.01..=36_500.0),
            timeout: Duration::from_millis(env.within("RAG_TIMEOUT_MS", 10_000, 1..=25_000)),
            retries: env.within("RAG_RETRY_ATTEMPTS", 1, 0..=5),
        }
    }
}
