//! What is answered and what is declined, in a store of a hundred products and in one of twenty thousand.
#![allow(clippy::unwrap_used)]

use retrieval::{Document, Filter, Page, Request, Roles, Scope, Settings, Snapshot, SnapshotScope};

fn product(id: &str, name: &str, category: &str, description: &str) -> Document {
    Document {
        id: id.to_owned(),
        name: name.to_owned(),
        category: Some(category.to_owned()),
        description: Some(description.to_owned()),
        ..Document::default()
    }
}

/// A small grocery's shelf, and `others` products that have nothing to do with it.
fn shelf(others: usize) -> Vec<Document> {
    let mut shelf = vec![
        product("oat", "Northfield Oat Milk 1 l", "Oat Milk", "A natural oat drink with calcium and vitamins."),
        product("cow", "Hillside Whole Milk 1 l", "Milk", "Fresh milk from cows that graze."),
        product("soy", "Northfield Soy Milk 1 l", "Soy Milk", "A drink made from soy beans."),
        product("apple", "Red Apple", "Apple", "A crisp and sweet apple."),
        product("juice", "Hillside Apple Juice 1 l", "Juice", "Juice pressed from ripe apples."),
        product("phone7", "Orbit iPhone 7 case black", "Phone case", "A case that protects."),
        product("bread", "Miller Rye Bread", "Bread", "Baked this morning."),
    ];
    let kinds = ["cable", "toner", "pen", "folder", "lamp", "chair", "tape", "clip"];
    for n in 0..others {
        let kind = kinds[n % kinds.len()];
        shelf.push(product(
            &format!("other{n}"),
            &format!("Brand{} {kind} model {n}", n % 50),
            kind,
            &format!("A {kind} in colour {} and size {}.", n % 9, n % 13),
        ));
    }
    shelf
}

async fn answers(others: usize, text: &str) -> Vec<(String, f64)> {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotScope { tenant: "t".to_owned(), store: "s".to_owned() };
    let built = retrieval::build(store.clone(), shelf(others).into_iter(), dir.path(), &mut |_| {}).unwrap();
    let snapshot = Snapshot::open(dir.path(), &built.hash).unwrap();
    let request = Request {
        text: text.to_owned(),
        filter: Filter::Any,
        offset: 0,
        limit: 5,
        facets: false,
        settings: Settings::at("2026-01-01T00:00:00Z".parse().unwrap()),
        deadline: None,
    };
    let scope = Scope { store, snapshot: None, roles: Roles::NONE };
    let page: Page = retrieval::search(&snapshot, &scope, &snapshot.manifest().ranking, request).await.unwrap();
    page.results
        .into_iter()
        .filter(|ranked| ranked.relevant)
        .map(|ranked| (ranked.hit.id, ranked.probability))
        .collect()
}

/// The sizes of store in which each verdict must be the same.
const SIZES: [usize; 3] = [75, 300, 20_000];

#[tokio::test]
async fn what_the_store_has_is_answered_and_comes_first() {
    for others in SIZES {
        for (asked, first) in
            [("where is the oat milk?", "oat"), ("rye bread", "bread"), ("do you have red apples?", "apple")]
        {
            let found = answers(others, asked).await;
            assert_eq!(found.first().map(|(id, _)| id.as_str()), Some(first), "{asked} among {others}: {found:?}");
        }
    }
}

#[tokio::test]
async fn what_the_store_does_not_have_is_declined() {
    for others in SIZES {
        for asked in ["do you have snowboards?", "almond milk chocolate", "iphone 8 case", "netflix", "motor oil"] {
            assert_eq!(answers(others, asked).await, [], "{asked} among {others}");
        }
    }
}

#[tokio::test]
async fn what_belongs_to_a_thing_is_not_that_thing() {
    for others in SIZES {
        assert_eq!(answers(others, "apples").await.first().map(|(id, _)| id.clone()), Some("apple".to_owned()));
        assert_eq!(answers(others, "iphone").await, []);
    }
}
