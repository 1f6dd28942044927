//! Runs labelled queries through a snapshot of a catalog; `scripts/eval-retrieval` and `scripts/fit-calibration` read what it writes.
//!
//! `eval CATALOG.tsv QUERIES.tsv OUT_DIR` writes, for keywords (`k`) and three forms of question (`q0`, `q1`, `q2`), a TREC run at
//! similarity alone (`k.sim.trec`) and at the default weights (`k.def.trec`), and once `evidence.tsv`, a line for every hit of the
//! keyword form.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use retrieval::{Filter, Request, Roles, Scope, Settings, Snapshot, SnapshotScope, Weights};

/// The forms a query is asked in; `{}` is the query.
const FORMS: [(&str, &str); 4] = [
    ("k", "{}"),
    ("q0", "where can i find {}?"),
    ("q1", "do you have {} in stock?"),
    ("q2", "i am looking for a {}, what do you recommend?"),
];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [catalog, queries, out] = arguments.as_slice() else { panic!("eval CATALOG.tsv QUERIES.tsv OUT_DIR") };
    let out = Path::new(out);
    let store = SnapshotScope { tenant: "eval".into(), store: "eval".into() };
    let dir = out.join("snapshot");
    let _ = std::fs::remove_dir_all(&dir);
    let documents =
        retrieval::tsv::documents(BufReader::new(File::open(catalog).unwrap())).unwrap().map(Result::unwrap);
    let started = std::time::Instant::now();
    let built = retrieval::build(store.clone(), documents, &dir, &mut |_| {}).unwrap();
    eprintln!(
        "built {} documents, {} bytes in {:.2} s",
        built.manifest.documents,
        built.manifest.size_bytes(),
        started.elapsed().as_secs_f32()
    );
    let snapshot = Snapshot::open(&dir, &built.hash).unwrap();
    let scope = Scope { store, snapshot: None, roles: Roles::NONE };
    let queries = std::fs::read_to_string(queries).unwrap();
    let queries: Vec<(&str, &str)> = queries.lines().skip(1).filter_map(|line| line.split_once('\t')).collect();
    let mut evidence = String::from(
        "qid\tdoc\tlexical\tstrength\tfound\tnamed\tkind\tkind_fit\tearly\ttogether\taccessory\tattributes\tmissing\tname_fit\tends\tprobability\n",
    );
    for (form, template) in FORMS {
        for (weighting, weights) in [("sim", Weights::new(1.0, 0.0, 0.0).unwrap()), ("def", Weights::default())] {
            let mut run = String::new();
            for (qid, text) in &queries {
                let request = Request {
                    text: template.replace("{}", text),
                    filter: Filter::Any,
                    offset: 0,
                    limit: 200,
                    facets: false,
                    settings: Settings {
                        weights,
                        ..Settings::at(jiff::Timestamp::from_second(1_700_000_000).unwrap())
                    },
                    deadline: None,
                };
                let page = retrieval::search(&snapshot, &scope, &snapshot.manifest().ranking, request).await.unwrap();
                for (rank, hit) in page.results.iter().enumerate() {
                    writeln!(run, "{qid} Q0 {} {} {:.8} {:.6}", hit.hit.id, rank + 1, hit.score, hit.probability)
                        .unwrap();
                    if form == "k" && weighting == "sim" {
                        let e = &hit.hit.evidence;
                        writeln!(
                            evidence,
                            "{qid}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
                            hit.hit.id,
                            hit.hit.lexical.unwrap_or(0.0),
                            e.strength,
                            e.found,
                            e.named,
                            e.kind,
                            e.kind_fit,
                            e.early,
                            e.together,
                            u8::from(e.accessory),
                            e.attributes,
                            u8::from(e.model_missing),
                            e.name_fit,
                            u8::from(e.ends),
                            hit.probability
                        )
                        .unwrap();
                    }
                }
            }
            std::fs::write(out.join(format!("{form}.{weighting}.trec")), run).unwrap();
        }
    }
    std::fs::write(out.join("evidence.tsv"), evidence).unwrap();
}
