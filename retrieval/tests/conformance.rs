//! What every engine behind [`Retriever`] must keep to, tried on the embedded one.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use retrieval::{
    Audience, Document, Filter, Hits, Label, Query, Request, Retriever, Roles, Scope, SearchError, Settings, Snapshot,
    SnapshotScope, Weights,
};

/// Two hundred lamps and one that is not for everybody, although it matches best.
fn lamps() -> Vec<Document> {
    let lamp = |n: i64| Document {
        id: format!("lamp{n:03}"),
        name: format!("{} lamp {n}", if n % 2 == 0 { "Desk" } else { "Floor" }),
        description: Some(format!("A lamp of series {}", n % 10)),
        category: Some(if n % 2 == 0 { "Desk lamps" } else { "Floor lamps" }.to_owned()),
        department: (n % 4 != 0).then(|| "Light".to_owned()),
        aisle: Some(format!("{}", n % 5)),
        price_minor: (n % 7 != 0).then_some(n * 100),
        ..Document::default()
    };
    let secret = Document {
        id: "secret".to_owned(),
        name: "Desk lamp lamp lamp".to_owned(),
        category: Some("Prototype lamps".to_owned()),
        audience: Audience::only(Roles::STORE_EMPLOYEE),
        ..Document::default()
    };
    (1..=200).map(lamp).chain([secret]).collect()
}

fn store() -> SnapshotScope {
    SnapshotScope { tenant: "acme".to_owned(), store: "s1".to_owned() }
}

fn scope(roles: Roles) -> Scope {
    Scope { store: store(), snapshot: None, roles }
}

fn engine() -> (tempfile::TempDir, Snapshot) {
    let dir = tempfile::tempdir().unwrap();
    let built = retrieval::build(store(), lamps().into_iter(), dir.path(), &mut |_| {}).unwrap();
    let snapshot = Snapshot::open(dir.path(), &built.hash).unwrap();
    (dir, snapshot)
}

fn query(words: &str, filter: Filter) -> Query {
    Query {
        words: words.split_whitespace().map(str::to_owned).collect(),
        filter,
        k: 300,
        facets: true,
        ..Query::default()
    }
}

fn ids(hits: &Hits) -> Vec<&str> {
    hits.items.iter().map(|hit| hit.id.as_str()).collect()
}

#[tokio::test]
async fn a_hidden_document_is_neither_found_nor_counted_nor_named_in_a_facet() {
    let (_dir, engine) = engine();
    for filter in [
        Filter::Any,
        Filter::Ids(vec!["secret".to_owned()]),
        Filter::Not(Box::new(Filter::Eq(Label::Aisle, "1".to_owned()))),
    ] {
        for words in ["desk lamp", ""] {
            for roles in [Roles::NONE, Roles::from_names(["root"])] {
                let hits = engine.search(&scope(roles), &query(words, filter.clone())).await.unwrap();
                assert!(!ids(&hits).contains(&"secret"));
                assert_eq!(hits.matches, hits.items.len() as u64);
                assert!(hits.facets.unwrap().category.iter().all(|(name, _)| name != "Prototype lamps"));
            }
        }
    }
    let seen = engine.search(&scope(Roles::ADMIN), &query("desk lamp", Filter::Any)).await.unwrap();
    assert_eq!(ids(&seen)[0], "secret");
}

#[tokio::test]
async fn a_hidden_document_does_not_push_another_off_the_first_place() {
    let (_dir, engine) = engine();
    let first = Query { k: 1, ..query("desk lamp", Filter::Any) };
    let hits = engine.search(&scope(Roles::NONE), &first).await.unwrap();
    assert_eq!(hits.items.len(), 1);
}

#[tokio::test]
async fn filters_hold_for_every_hit_and_lose_none() {
    let (_dir, engine) = engine();
    let eq = |label, value: &str| Filter::Eq(label, value.to_owned());
    let number = |id: &str| id["lamp".len()..].parse::<i64>().unwrap();
    type Wanted = fn(i64) -> bool;
    let cases: Vec<(Filter, Wanted)> = vec![
        (eq(Label::Category, "desk LAMPS"), |n| n % 2 == 0),
        (eq(Label::Department, "Light"), |n| n % 4 != 0),
        (Filter::In(Label::Aisle, vec!["1".to_owned(), "3".to_owned()]), |n| n % 5 == 1 || n % 5 == 3),
        (Filter::Price { min: None, max: Some(5_000) }, |n| n % 7 != 0 && n <= 50),
        (Filter::Price { min: Some(5_000), max: Some(6_000) }, |n| n % 7 != 0 && (50..=60).contains(&n)),
        (Filter::Ids(vec!["lamp007".to_owned(), "nobody".to_owned()]), |n| n == 7),
        (Filter::Not(Box::new(eq(Label::Category, "Desk lamps"))), |n| n % 2 == 1),
        (Filter::Or(vec![eq(Label::Aisle, "0"), eq(Label::Aisle, "1")]), |n| n % 5 < 2),
        (eq(Label::Aisle, "0").and(eq(Label::Category, "Desk lamps")), |n| n % 10 == 0),
        (eq(Label::Category, "Sofas"), |_| false),
    ];
    for (filter, wanted) in cases {
        for words in ["lamp", ""] {
            let hits = engine.search(&scope(Roles::NONE), &query(words, filter.clone())).await.unwrap();
            let mut found: Vec<i64> = ids(&hits).into_iter().map(number).collect();
            found.sort_unstable();
            assert_eq!(found, (1..=200).filter(|n| wanted(*n)).collect::<Vec<_>>(), "{filter:?}");
        }
    }
}

#[tokio::test]
async fn facets_count_all_matches_whatever_is_returned() {
    let (_dir, engine) = engine();
    let hits = engine.search(&scope(Roles::NONE), &Query { k: 1, ..query("lamp", Filter::Any) }).await.unwrap();
    let facets = hits.facets.unwrap();
    assert_eq!(facets.category, [("Desk lamps".to_owned(), 100), ("Floor lamps".to_owned(), 100)]);
    assert_eq!(facets.department, [("Light".to_owned(), 150)]);
    assert_eq!(facets.aisle[0], ("0".to_owned(), 40));
}

#[tokio::test]
async fn hits_come_best_first_and_equal_ones_by_id() {
    let (_dir, engine) = engine();
    let hits = engine.search(&scope(Roles::NONE), &query("lamp", Filter::Any)).await.unwrap();
    assert_eq!(hits.items.len(), 200);
    for pair in hits.items.windows(2) {
        assert!(pair[0].lexical > pair[1].lexical || pair[0].lexical == pair[1].lexical && pair[0].id < pair[1].id);
    }
}

#[tokio::test]
async fn another_store_or_snapshot_or_a_deadline_gone_by_is_no_empty_answer() {
    let (_dir, engine) = engine();
    let elsewhere = Scope { store: SnapshotScope { store: "s2".to_owned(), ..store() }, ..scope(Roles::NONE) };
    let any = query("lamp", Filter::Any);
    assert!(matches!(engine.search(&elsewhere, &any).await, Err(SearchError::OtherStore)));
    let later = Scope { snapshot: Some(retrieval::Hash::of(b"x")), ..scope(Roles::NONE) };
    assert!(matches!(engine.search(&later, &any).await, Err(SearchError::OtherSnapshot { .. })));
    let late = Query { deadline: Some(Instant::now() - Duration::from_millis(1)), ..any };
    assert!(matches!(engine.search(&scope(Roles::NONE), &late).await, Err(SearchError::TimedOut)));
}

#[tokio::test]
async fn pages_are_cut_from_one_order() {
    let (_dir, engine) = engine();
    let page = async |offset, limit| {
        let request = Request {
            text: "lamp".to_owned(),
            filter: Filter::Any,
            offset,
            limit,
            facets: false,
            settings: Settings { weights: Weights::default(), ..Settings::at("2026-01-01T00:00:00Z".parse().unwrap()) },
            deadline: None,
        };
        let page = retrieval::search(&engine, &scope(Roles::ADMIN), &engine.manifest().ranking, request).await.unwrap();
        page.results.into_iter().map(|ranked| ranked.hit.id).collect::<Vec<_>>()
    };
    let whole = page(0, 300).await;
    assert_eq!(whole.len(), 201);
    let mut pages = Vec::new();
    for offset in (0..210).step_by(7) {
        pages.extend(page(offset, 7).await);
    }
    assert_eq!(pages, whole);
}

#[tokio::test]
async fn misspelt_split_and_joined_words_are_understood() {
    let (_dir, engine) = engine();
    for words in ["lampp", "desklamp", "lmap"] {
        let hits = engine.search(&scope(Roles::NONE), &query(words, Filter::Any)).await.unwrap();
        assert!(!hits.items.is_empty(), "{words}");
        assert_eq!(hits.corrections.len(), 1, "{words}");
    }
}
