//! The external retrieval service of `RAG_API_URL`: `POST {url}/search`, as `docs/rag-service.md` lays it down.
//!
//! What the service refuses it will refuse again; what it failed at it may do yet. So a try follows only on a timeout, a 5xx or a
//! connection that failed. A reply that is not of the form is an error and no empty result: it would read as "we have none".

use super::NoRecall;
use crate::config::Rag;
use http::{Request, header};
use serde::{Deserialize, Serialize};
use shared::{
    clock::Clock,
    fetch::{Fetch, FetchError, Fetched},
    resilience::{Backoff, Breaker, Budget, Tries},
};
use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};
use tracing::{Instrument, info_span};

/// The largest reply that is taken.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Whoever had less time than this, and less than a whole try's, has not failed by being late.
const FAIR: Duration = Duration::from_secs(1);
/// The longest id, in bytes.
const MAX_ID_BYTES: usize = 256;

/// The service, and what is known of its health.
#[derive(Clone, Debug)]
pub(super) struct Service {
    url: String,
    timeout: Duration,
    retries: u32,
    fetch: Fetch,
    breaker: Breaker,
}

/// What is searched for.
#[derive(Debug, Serialize)]
pub(super) struct Asked<'a> {
    pub(super) query: &'a str,
    pub(super) top_k: usize,
    pub(super) filters: BTreeMap<&'static str, &'a str>,
}

/// A product as the service found it.
#[derive(Debug, Deserialize)]
pub(super) struct External {
    pub(super) id: String,
    pub(super) similarity: f64,
    #[serde(default)]
    pub(super) category: Option<String>,
    #[serde(default)]
    pub(super) updated_at: Option<jiff::Timestamp>,
}

#[derive(Deserialize)]
struct Found {
    results: Vec<External>,
}

/// How one try failed.
#[derive(Debug, PartialEq, thiserror::Error)]
enum Fault {
    #[error("it did not answer in time")]
    Timeout,
    #[error("it could not be reached: {0}")]
    Connection(String),
    #[error("it answered {0}")]
    Status(u16),
    #[error("its reply is not of the form: {0}")]
    Form(&'static str),
}

impl Fault {
    fn passes(&self) -> bool {
        matches!(self, Self::Timeout | Self::Connection(_) | Self::Status(500..))
    }

    /// Whether it is this side's fault: such say nothing of the service's health.
    fn is_refusal(&self) -> bool {
        matches!(self, Self::Status(400..=428 | 430..=499))
    }
}

impl Service {
    pub(super) fn new(url: &str, rag: &Rag, clock: &Clock) -> Self {
        Self {
            url: format!("{url}/search"),
            timeout: rag.timeout,
            retries: rag.retries,
            fetch: Fetch::within_network(),
            breaker: Breaker::new("rag", clock),
        }
    }

    /// Searches, again where that may help, within `budget`.
    pub(super) async fn search(&self, asked: &Asked<'_>, budget: Budget) -> Result<Vec<External>, NoRecall> {
        let body = serde_json::to_vec(asked).map_err(|_| NoRecall::Error)?;
        let mut tries = Tries::new(self.retries, Backoff::REMOTE);
        let mut before = None;
        loop {
            let pass = match self.breaker.admit() {
                Ok(pass) => pass,
                Err(open) => {
                    tracing::warn!(event = "rag_resting", "{open}");
                    return Err(before.unwrap_or(NoRecall::Error));
                }
            };
            let time = budget.at_most(self.timeout);
            let fault = match self.once(&body, asked.top_k, time).await {
                Ok(found) => {
                    pass.succeeded();
                    return Ok(found);
                }
                Err(fault) => fault,
            };
            if fault.is_refusal() {
                pass.refused()
            } else if fault == Fault::Timeout && time < self.timeout.min(FAIR) {
                pass.learnt_nothing()
            } else {
                pass.failed()
            }
            let reason = if fault == Fault::Timeout { NoRecall::Timeout } else { NoRecall::Error };
            if !(fault.passes() && tries.again(None, budget).await) {
                if reason == NoRecall::Error {
                    tracing::error!(event = "rag_failed", error = %fault, "the retrieval service failed: {fault}");
                }
                return Err(reason);
            }
            before = Some(reason);
        }
    }

    async fn once(&self, body: &[u8], top_k: usize, time: Duration) -> Result<Vec<External>, Fault> {
        let request = Request::post(&self.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .body(body.to_vec())
            .map_err(|_| Fault::Connection("its URL is none".to_owned()))?;
        let sending = self.fetch.send(request, time, MAX_BYTES);
        let got = sending.instrument(info_span!("vector_search")).await.map_err(|why| match why {
            FetchError::Timeout(_) => Fault::Timeout,
            FetchError::TooLarge(_) => Fault::Form("it is too large"),
            other => Fault::Connection(other.to_string()),
        })?;
        read(&got, top_k)
    }
}

/// Reads a reply: whole, of the form, and believable.
fn read(got: &Fetched, top_k: usize) -> Result<Vec<External>, Fault> {
    if got.status != 200 {
        return Err(Fault::Status(got.status));
    }
    let is_json = |value: &str| value.split(';').next().is_some_and(|kind| kind.trim() == "application/json");
    if !got.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(is_json) {
        return Err(Fault::Form("it is not JSON by its content type"));
    }
    let found: Found =
        serde_json::from_slice(&got.body).map_err(|_| Fault::Form("it is not the JSON of the contract"))?;
    if found.results.len() > top_k {
        return Err(Fault::Form("it has more results than were asked for"));
    }
    let mut ids = HashSet::new();
    for result in &found.results {
        if result.id.is_empty() || result.id.len() > MAX_ID_BYTES || !ids.insert(result.id.as_str()) {
            return Err(Fault::Form("an id is empty, too long or there twice"));
        }
        if !(0.0..=1.0).contains(&result.similarity) {
            return Err(Fault::Form("a similarity is not between 0 and 1"));
        }
    }
    Ok(found.results)
}

#[cfg(test)]
mod tests;
