//! What a shopper hears in the sample grocery, at the default threshold. The labels lie in `tests/data`, each a judgement of ours.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use retrieval::{Document, Filter, Ranked, Request, Roles, Scope, Settings, Snapshot, SnapshotScope};

/// A store of the sample catalog that can be asked.
struct Store {
    snapshot: Snapshot,
    _dir: tempfile::TempDir,
}

impl Store {
    fn of(file: &str) -> Self {
        let rows = csv::Reader::from_path(here("../local/src/seed").join(file)).unwrap();
        let documents = rows.into_deserialize::<BTreeMap<String, String>>().map(|row| document(&row.unwrap()));
        let dir = tempfile::tempdir().unwrap();
        let built = retrieval::build(scope(), documents, dir.path(), &mut |_| {}).unwrap();
        Self { snapshot: Snapshot::open(dir.path(), &built.hash).unwrap(), _dir: dir }
    }

    async fn ask(&self, text: &str) -> Vec<Ranked> {
        let request = Request {
            text: text.to_owned(),
            filter: Filter::Any,
            offset: 0,
            limit: 20,
            facets: false,
            settings: Settings::at("2026-01-01T00:00:00Z".parse().unwrap()),
            deadline: None,
        };
        let scope = Scope { store: scope(), snapshot: None, roles: Roles::NONE };
        retrieval::search(&self.snapshot, &scope, &self.snapshot.manifest().ranking, request).await.unwrap().results
    }

    /// The name of the best hit where it is an answer.
    async fn answer(&self, text: &str) -> Option<String> {
        let best = self.ask(text).await.into_iter().next().filter(|best| best.relevant)?;
        Some(self.snapshot.document(best.hit.row.unwrap()).unwrap().name)
    }
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn scope() -> SnapshotScope {
    SnapshotScope { tenant: "t".to_owned(), store: "s".to_owned() }
}

fn document(row: &BTreeMap<String, String>) -> Document {
    let cell = |name: &str| Some(row[name].clone());
    Document {
        id: row["product_id"].clone(),
        name: row["name"].clone(),
        brand: cell("brand"),
        description: cell("description"),
        category: cell("category"),
        department: cell("department"),
        aisle: cell("aisle"),
        bay: cell("bay"),
        attributes: BTreeMap::from([("size".to_owned(), row["size"].clone())]),
        ..Document::default()
    }
}

#[tokio::test]
async fn everyday_questions_get_the_product_that_they_name() {
    let store = Store::of("products.csv");
    for (asked, name) in [
        ("oat milk", "Organic Oat Milk"),
        ("where is the oat milk?", "Organic Oat Milk"),
        ("barista oat milk", "Oat Milk Barista"),
        ("hummus", "Classic Hummus"),
        ("do you have gluten free pasta?", "Gluten Free Penne"),
        ("unsweetened almond milk", "Almond Milk Unsweetened"),
        ("organic eggs", "Organic Eggs"),
        ("chocolate milk", "Chocolate Milk"),
        ("milk chocolate", "Milk Chocolate Bar"),
        ("salt", "Sea Salt"),
        ("toothpaste", "Toothpaste"),
    ] {
        assert_eq!(store.answer(asked).await.as_deref(), Some(name), "{asked}");
    }
}

#[tokio::test]
async fn all_oat_milks_are_answers_and_no_other_milk_is() {
    let store = Store::of("products.csv");
    let answers = store.ask("oat milk").await.into_iter().filter(|ranked| ranked.relevant);
    let names = answers.map(|ranked| store.snapshot.document(ranked.hit.row.unwrap()).unwrap().name);
    let names: Vec<String> = names.collect();
    assert!(names.iter().all(|name| name.contains("Oat Milk")), "{names:?}");
    assert!(names.len() >= 4, "{names:?}");
}

#[tokio::test]
async fn what_a_grocery_does_not_carry_is_declined() {
    let store = Store::of("products.csv");
    for asked in [
        "snow chains",
        "do you have snowboards?",
        "oat couch",
        "apple watch",
        "coffee table",
        "bread knife",
        "baby stroller",
        "chocolate fountain",
        "tuna boat",
        "garlic bread",
    ] {
        assert_eq!(store.answer(asked).await, None, "{asked}");
    }
}

#[tokio::test]
async fn of_the_labelled_queries_nine_in_ten_are_answered_rightly_and_few_wrongly() {
    let store = Store::of("products.csv");
    let read = |file: &str| std::fs::read_to_string(here("tests/data").join(file)).unwrap();
    let (queries, labels) = (read("grocery_queries.tsv"), read("grocery_qrels.tsv"));
    let mut relevant = HashMap::<&str, HashSet<&str>>::new();
    for line in labels.lines().skip(1) {
        let mut cells = line.split('\t');
        relevant.entry(cells.next().unwrap()).or_default().insert(cells.next().unwrap());
    }
    let (mut right, mut answerable, mut wrong, mut without) = (0, 0, 0, 0);
    for line in queries.lines().skip(1) {
        let (query, text) = line.split_once('\t').unwrap();
        let best = store.ask(text).await.into_iter().next().filter(|best| best.relevant);
        match relevant.get(query) {
            Some(labelled) => {
                answerable += 1;
                right += usize::from(best.is_some_and(|best| labelled.contains(best.hit.id.as_str())));
            }
            None => {
                without += 1;
                wrong += usize::from(best.is_some());
            }
        }
    }
    assert!(answerable >= 120 && without >= 60, "{answerable} and {without} queries");
    assert!(100 * right >= 92 * answerable, "{right} of {answerable} answered rightly");
    assert!(10 * wrong <= without, "{wrong} of {without} answered though it is not there");
}

#[tokio::test]
async fn spanish_and_french_stores_answer_in_their_own_words() {
    for (file, asked, name) in [
        ("productos.csv", "¿Dónde está la bebida de avena?", "Bebida de avena"),
        ("productos.csv", "aceite de girasol", "Aceite de girasol"),
        ("productos.csv", "¿tienen queso manchego?", "Queso manchego curado"),
        ("produits.csv", "huile d'olive", "Huile d'olive vierge extra"),
        ("produits.csv", "Où se trouve le lait entier ?", "Lait entier"),
        ("produits.csv", "moutarde", "Moutarde de Dijon"),
    ] {
        assert_eq!(Store::of(file).answer(asked).await.as_deref(), Some(name), "{asked}");
    }
    assert_eq!(Store::of("productos.csv").answer("cadenas de nieve").await, None);
    assert_eq!(Store::of("produits.csv").answer("tondeuse à gazon").await, None);
}
