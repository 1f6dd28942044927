//! A snapshot's name is its content, and a snapshot that is not its content does not open.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use retrieval::{
    Audience, BuildError, Built, Document, MANIFEST, Manifest, OpenError, Roles, Snapshot, SnapshotScope, build,
};

fn store() -> SnapshotScope {
    SnapshotScope { tenant: "acme".to_owned(), store: "s1".to_owned() }
}

fn built(documents: Vec<Document>, dir: &Path) -> Built {
    build(store(), documents.into_iter(), dir, &mut |_| {}).unwrap()
}

fn sample() -> Vec<Document> {
    let names = ["Oat milk", "Cow milk", "Rye bread", "Apple juice", "Green apples"];
    let document = |(at, name): (usize, &&str)| Document {
        id: format!("p{at}"),
        name: (*name).to_owned(),
        description: Some(format!("{name} from a farm near by")),
        category: Some(name.split(' ').next_back().unwrap().to_owned()),
        aisle: Some(at.to_string()),
        price_minor: Some(100 * at as i64),
        attributes: BTreeMap::from([("organic".to_owned(), "yes".to_owned())]),
        updated_at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        ..Document::default()
    };
    names.iter().enumerate().map(document).collect()
}

/// The bytes of every file of `dir` by name.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect()
}

fn documents() -> impl Strategy<Value = Vec<Document>> {
    let text = "[a-zA-Zäé0-9 ]{0,20}";
    let document =
        (text, proptest::option::of(text), proptest::option::of("[a-c]{1,2}"), proptest::option::of(0..10_000_i64));
    proptest::collection::vec(document, 0..12).prop_map(|parts| {
        let document = |(at, (name, description, category, price_minor))| Document {
            id: format!("id{at}"),
            name,
            description,
            category,
            price_minor,
            audience: if at % 3 == 2 { Audience::only(Roles::ADMIN) } else { Audience::PUBLIC },
            ..Document::default()
        };
        parts.into_iter().enumerate().map(document).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_documents_in_any_order_give_the_same_bytes(
        (original, shuffled) in documents().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    ) {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (first, second) = (built(original.clone(), one.path()), built(shuffled, two.path()));
        prop_assert_eq!(first.hash, second.hash);
        prop_assert_eq!(files(one.path()), files(two.path()));
        let snapshot = Snapshot::open(one.path(), &first.hash).unwrap();
        for document in original {
            let row = snapshot.row(&document.id).unwrap();
            prop_assert_eq!(snapshot.document(row).unwrap(), document);
        }
    }

    #[test]
    fn one_changed_document_gives_another_name(all in documents().prop_filter("one at least", |all| !all.is_empty()), at in 0..12_usize) {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut changed = all.clone();
        let at = at % changed.len();
        changed[at].price_minor = Some(changed[at].price_minor.unwrap_or(0) + 1);
        prop_assert_ne!(built(all, one.path()).hash, built(changed, two.path()).hash);
    }
}

#[test]
fn another_store_with_the_same_documents_has_another_name() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let other = SnapshotScope { store: "s2".to_owned(), ..store() };
    let there = build(other, sample().into_iter(), two.path(), &mut |_| {}).unwrap();
    assert_ne!(built(sample(), one.path()).hash, there.hash);
}

#[test]
fn the_folder_holds_the_manifests_files_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let built = built(sample(), dir.path());
    let mut named: Vec<String> = built.manifest.files.keys().cloned().collect();
    named.push(MANIFEST.to_owned());
    named.sort();
    assert_eq!(files(dir.path()).into_keys().collect::<Vec<_>>(), named);
    assert!(std::fs::read_to_string(dir.path().join(MANIFEST)).unwrap().contains("\"vectors\":null"));
}

#[test]
fn a_flipped_byte_in_any_file_is_told_with_the_files_name() {
    let dir = tempfile::tempdir().unwrap();
    let hash = built(sample(), dir.path()).hash;
    for (name, bytes) in files(dir.path()) {
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            std::fs::write(dir.path().join(&name), damaged).unwrap();
            assert!(
                matches!(Snapshot::open(dir.path(), &hash), Err(OpenError::Damaged { file }) if file == name),
                "{name} at {at}"
            );
        }
        std::fs::write(dir.path().join(&name), bytes).unwrap();
    }
    Snapshot::open(dir.path(), &hash).unwrap();
}

#[test]
fn a_file_cut_short_or_gone_is_told_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let hash = built(sample(), dir.path()).hash;
    for (name, bytes) in files(dir.path()) {
        let path = dir.path().join(&name);
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(matches!(Snapshot::open(dir.path(), &hash), Err(OpenError::Damaged { file }) if file == name));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(Snapshot::open(dir.path(), &hash), Err(OpenError::Missing { file }) if file == name));
        std::fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn the_manifest_of_another_snapshot_does_not_open_this_one() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let here = built(sample(), one.path()).hash;
    let there = built(sample().into_iter().skip(1).collect(), two.path()).hash;
    assert!(matches!(Snapshot::open(one.path(), &there), Err(OpenError::Damaged { file }) if file == MANIFEST));
    std::fs::copy(two.path().join(MANIFEST), one.path().join(MANIFEST)).unwrap();
    assert!(matches!(Snapshot::open(one.path(), &here), Err(OpenError::Damaged { file }) if file == MANIFEST));
    assert!(matches!(Snapshot::open(one.path(), &there), Err(OpenError::Damaged { .. })));
}

#[test]
fn a_manifest_of_another_layout_or_with_a_path_for_a_name_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let good = built(sample(), dir.path()).manifest;
    let later = Manifest { schema: good.schema + 1, ..good.clone() };
    assert!(matches!(Manifest::parse(&later.to_bytes(), &later.hash()), Err(OpenError::Layout(_))));
    for name in ["../ids", "a/b", "", ".hidden"] {
        let mut bad = good.clone();
        let entry = bad.files["ids"].clone();
        bad.files.insert(name.to_owned(), entry);
        assert!(
            matches!(Manifest::parse(&bad.to_bytes(), &bad.hash()), Err(OpenError::FileName(found)) if found == name)
        );
    }
}

#[test]
fn an_empty_store_builds_and_opens() {
    let dir = tempfile::tempdir().unwrap();
    let hash = built(Vec::new(), dir.path()).hash;
    assert!(Snapshot::open(dir.path(), &hash).unwrap().is_empty());
}

#[test]
fn a_build_refuses_two_documents_of_one_id_a_bad_id_and_a_folder_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let again = |documents: Vec<Document>, name: &str| {
        let into = dir.path().join(name);
        let result = build(store(), documents.into_iter(), &into, &mut |_| {});
        assert!(!into.join(MANIFEST).exists());
        result
    };
    let twice = vec![sample().remove(0), sample().remove(0)];
    assert!(matches!(again(twice, "twice"), Err(BuildError::DuplicateId(id)) if id == "p0"));
    assert!(matches!(again(vec![Document::default()], "empty"), Err(BuildError::BadId(_))));
    assert!(matches!(build(store(), sample().into_iter(), dir.path(), &mut |_| {}), Err(BuildError::NotEmpty(_))));
}

#[test]
fn progress_ends_at_the_number_of_documents() {
    let dir = tempfile::tempdir().unwrap();
    let mut heard = Vec::new();
    build(store(), sample().into_iter(), dir.path(), &mut |done| heard.push(done)).unwrap();
    assert_eq!(heard.last(), Some(&5));
}
