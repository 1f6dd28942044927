//! Measures snapshots beside plain tantivy over the same documents in one run; `scripts/bench-retrieval` calls it.
//!
//! `bench CATALOG.tsv QUERIES.tsv WORK_DIR COPIES` holds the catalog repeated `COPIES` times under distinct ids. Times are wall
//! clock in one thread. Every query is asked as keywords and as a question, with the role filter on always and a price range on
//! half of the rounds.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::{Duration, Instant};

use retrieval::{Document, Filter, Request, Roles, Scope, Settings, Snapshot, SnapshotScope};
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{IndexRecordOption, STORED, STRING, Schema, TEXT, Value};
use tantivy::{Index, TantivyDocument, Term};

/// How often every query is asked.
const ROUNDS: usize = 20;

fn catalog(path: &str, copies: usize) -> impl Iterator<Item = Document> {
    (0..copies).flat_map(move |copy| {
        let documents = retrieval::tsv::documents(BufReader::new(File::open(path).unwrap())).unwrap();
        documents.map(move |document| {
            let mut document = document.unwrap();
            if copy > 0 {
                document.id = format!("{}-{copy}", document.id);
            }
            document
        })
    })
}

fn report(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{name:44} min {:8.3} ms   p50 {:8.3} ms   p99 {:8.3} ms   max {:8.3} ms",
        at(0.0),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, queries, work, copies] = arguments.as_slice() else {
        panic!("bench CATALOG.tsv QUERIES.tsv WORK_DIR COPIES")
    };
    let copies: usize = copies.parse().unwrap();
    let queries = std::fs::read_to_string(queries).unwrap();
    let queries: Vec<&str> =
        queries.lines().skip(1).filter_map(|line| line.split_once('\t')).map(|(_, text)| text).collect();
    let dir = Path::new(work).join(format!("snapshot-{copies}"));
    let store = SnapshotScope { tenant: "bench".into(), store: "bench".into() };

    let started = Instant::now();
    let built = retrieval::build(store.clone(), catalog(path, copies), &dir, &mut |_| {}).unwrap();
    let (documents, bytes) = (built.manifest.documents, built.manifest.size_bytes());
    println!("{documents} products: built in {:.2} s, {:.1} MB", started.elapsed().as_secs_f64(), bytes as f64 / 1e6);
    let (mut verifying, mut opening) = (Vec::new(), Vec::new());
    for _ in 0..if copies == 1 { 30 } else { 5 } {
        let started = Instant::now();
        let manifest = retrieval::verify(&dir, &built.hash).unwrap();
        verifying.push(started.elapsed());
        let started = Instant::now();
        drop(Snapshot::open_verified(&dir, manifest).unwrap());
        opening.push(started.elapsed());
    }
    report("  verify every byte", verifying);
    report("  open after that", opening);

    let snapshot = Snapshot::open(&dir, &built.hash).unwrap();
    let scope = Scope { store, snapshot: Some(built.hash), roles: Roles::STORE_EMPLOYEE };
    let mut times = Vec::new();
    // The best round of each query: what it costs when nobody else has the machine.
    let mut best = vec![Duration::MAX; queries.len()];
    for round in 0..ROUNDS {
        for (query, best) in queries.iter().zip(&mut best) {
            let text = if round % 4 < 2 { (*query).to_owned() } else { format!("do you have {query} in stock?") };
            let filter = if round % 2 == 0 { Filter::Any } else { Filter::Price { min: Some(500), max: Some(20_000) } };
            let settings = Settings::at(jiff::Timestamp::from_second(1_700_000_000).unwrap());
            let request = Request { text, filter, offset: 0, limit: 10, facets: false, settings, deadline: None };
            let started = Instant::now();
            let page = retrieval::search(&snapshot, &scope, &snapshot.manifest().ranking, request).await.unwrap();
            let took = started.elapsed();
            assert!(page.results.len() <= 10);
            if round > 0 {
                times.push(took);
                *best = took.min(*best);
            }
        }
    }
    report("  search and rank, filters on", times);
    report("  the same, best round of each query", best);
    plain(path, copies, &queries, work);
}

/// The same documents in tantivy as it comes: one text field, its own tokenizer, an id; top 200 of a union of terms.
fn plain(path: &str, copies: usize, queries: &[&str], work: &str) {
    let dir = Path::new(work).join(format!("plain-{copies}"));
    std::fs::create_dir_all(&dir).unwrap();
    let mut schema = Schema::builder();
    let (id, text) = (schema.add_text_field("id", STRING | STORED), schema.add_text_field("text", TEXT));
    let index = Index::create_in_dir(&dir, schema.build()).unwrap();
    let started = Instant::now();
    let mut writer = index.writer_with_num_threads::<TantivyDocument>(1, 256 << 20).unwrap();
    for document in catalog(path, copies) {
        let mut row = TantivyDocument::new();
        row.add_text(id, &document.id);
        row.add_text(
            text,
            format!(
                "{} {} {}",
                document.name,
                document.brand.unwrap_or_default(),
                document.description.unwrap_or_default()
            ),
        );
        writer.add_document(row).unwrap();
    }
    writer.commit().unwrap();
    println!("  plain tantivy: built in {:.2} s", started.elapsed().as_secs_f64());
    let started = Instant::now();
    let searcher = Index::open_in_dir(&dir).unwrap().reader().unwrap().searcher();
    println!("  plain tantivy: opened in {:.3} ms", started.elapsed().as_secs_f64() * 1e3);
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        for query in queries {
            let started = Instant::now();
            let terms = query.split_whitespace().map(|word| {
                let term = Term::from_field_text(text, &word.to_lowercase());
                (Occur::Should, Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)) as Box<dyn Query>)
            });
            let found = searcher
                .search(&BooleanQuery::new(terms.collect()), &TopDocs::with_limit(200).order_by_score())
                .unwrap();
            let ids = found.iter().take(10).map(|(_, at)| searcher.doc::<TantivyDocument>(*at).unwrap());
            assert!(ids.filter_map(|row| row.get_first(id)?.as_str().map(str::len)).all(|length| length > 0));
            if round > 0 {
                times.push(started.elapsed());
            }
        }
    }
    report("  plain tantivy: top 200, 10 ids, no filters", times);
}
