//! The op `search`: queries over a catalog file, through a snapshot built, opened, searched and ranked as the functions do it.
//!
//! The file is tab-separated under a header ([`retrieval::tsv`]), or such a file packed by gzip when its name ends in `.gz`. Ranks
//! are those of the default weights; hits below the threshold are returned too, each with its probability.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use retrieval::{Filter, Request, Roles, Scope, Settings, Snapshot, SnapshotScope};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The most hits for one query.
const MAX_K: usize = 200;

/// What is asked.
#[derive(Deserialize)]
struct Search {
    store: PathBuf,
    queries: Vec<Asked>,
    k: usize,
}

#[derive(Deserialize)]
struct Asked {
    qid: String,
    text: String,
}

/// Keeps the snapshot of the last catalog, so that a file asked for again is built once.
#[derive(Default)]
pub struct Searcher {
    open: Option<(Key, Snapshot, tempfile::TempDir)>,
}

/// A catalog file in one state: where it lies, how long it is, when it changed.
type Key = (PathBuf, u64, Option<std::time::SystemTime>);

impl Searcher {
    /// Answers one request with `hits` by query id.
    ///
    /// # Errors
    ///
    /// When the request is not one, or the file cannot be read.
    pub async fn answer(&mut self, request: &Value) -> anyhow::Result<Value> {
        let search = Search::deserialize(request)?;
        let store = SnapshotScope { tenant: "bench".to_owned(), store: "bench".to_owned() };
        let snapshot = self.snapshot(&search.store, &store)?;
        let scope = Scope { store, snapshot: Some(snapshot.hash()), roles: Roles::NONE };
        let now = Timestamp::now();
        let mut hits = Map::new();
        for Asked { qid, text } in search.queries {
            let request = Request {
                text,
                filter: Filter::Any,
                offset: 0,
                limit: search.k.min(MAX_K),
                facets: false,
                settings: Settings::at(now),
                deadline: None,
            };
            let page = retrieval::search(snapshot, &scope, &snapshot.manifest().ranking, request).await?;
            let ranked = page.results.iter().map(
                |result| json!({ "doc_id": result.hit.id, "score": result.score, "probability": result.probability }),
            );
            hits.insert(qid, ranked.collect());
        }
        Ok(json!({ "hits": hits }))
    }

    fn snapshot(&mut self, path: &Path, store: &SnapshotScope) -> anyhow::Result<&Snapshot> {
        let about = std::fs::metadata(path).with_context(|| format!("reading {}", path.display()))?;
        let key = (path.to_owned(), about.len(), about.modified().ok());
        if self.open.as_ref().is_none_or(|(known, ..)| *known != key) {
            let dir = tempfile::tempdir()?;
            let into = dir.path().join("snapshot");
            let built = build(path, store.clone(), &into)?;
            self.open = Some((key, Snapshot::open(&into, &built.hash)?, dir));
        }
        let (_, snapshot, _) = self.open.as_ref().context("a snapshot was just opened")?;
        Ok(snapshot)
    }
}

fn build(path: &Path, store: SnapshotScope, into: &Path) -> anyhow::Result<retrieval::Built> {
    let file = File::open(path)?;
    let reader: Box<dyn std::io::Read> = match path.extension() {
        Some(extension) if extension == "gz" => Box::new(flate2::read::MultiGzDecoder::new(file)),
        _ => Box::new(file),
    };
    let documents = retrieval::tsv::documents(BufReader::new(reader))?.collect::<Result<Vec<_>, _>>()?;
    Ok(retrieval::build(store, documents.into_iter(), into, &mut |_| {})?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn queries_are_answered_by_their_ids_best_first() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("catalog.tsv");
        std::fs::write(&store, "product_id\ttitle\np1\tOat milk\np2\tCow milk\np3\tBread\n").unwrap();
        let request = json!({
            "op": "search", "store": store, "k": 10,
            "queries": [{"qid": "a", "text": "where is the oat milk?"}, {"qid": "b", "text": "snowboards"}],
        });
        let answer = Searcher::default().answer(&request).await.unwrap();
        let ids: Vec<&str> =
            answer["hits"]["a"].as_array().unwrap().iter().map(|hit| hit["doc_id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["p1", "p2"]);
        assert!(answer["hits"]["a"][0]["probability"].as_f64() > answer["hits"]["a"][1]["probability"].as_f64());
        assert_eq!(answer["hits"]["b"], json!([]));
    }

    #[tokio::test]
    async fn a_catalog_that_changed_is_built_again() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("catalog.tsv");
        let request = json!({"store": store, "k": 1, "queries": [{"qid": "a", "text": "tea"}]});
        let mut searcher = Searcher::default();
        std::fs::write(&store, "product_id\ttitle\np1\tTea\n").unwrap();
        assert_eq!(searcher.answer(&request).await.unwrap()["hits"]["a"][0]["doc_id"], "p1");
        std::fs::write(&store, "product_id\ttitle\nother\tTea\n").unwrap();
        assert_eq!(searcher.answer(&request).await.unwrap()["hits"]["a"][0]["doc_id"], "other");
    }
}
