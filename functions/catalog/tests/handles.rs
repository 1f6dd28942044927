//! Which sources hold a tenant's rows or objects in their hands, and by which test each is tried with another tenant's.
#![allow(clippy::unwrap_used)]

mod support;

use shared::{auth::People, clock::Clock, ids::PersonId, table::Table, tenant::StoreScope};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};
use support::{Stores, acme, store};

/// Function by function, with the guard and without: `tenancy.rs`.
const ALONE: [&str; 9] = [
    "functions/catalog/src/publish.rs",
    "functions/catalog/src/table/mod.rs",
    "retrieval/src/warm.rs",
    "shared/src/blob.rs",
    "shared/src/blob/paths.rs",
    "shared/src/auth/people/book.rs",
    "shared/src/table.rs",
    "shared/src/table/listing.rs",
    "shared/src/table/write.rs",
];
/// Private to their crates: over HTTP, by the stories of `tests/tests/stories/worlds.rs`, which look at every key that a request or a
/// job touches.
const OVER_HTTP: &[&str] = &[
    "functions/ask/src/facts.rs",
    "functions/catalog/src/job.rs",
    "functions/operations/src/health.rs",
    "functions/operations/src/table.rs",
    "shared/src/idempotency/mod.rs",
    "shared/src/idempotency/record.rs",
    "functions/appeals/src/table.rs",
    "functions/ingest/src/table/erasures.rs",
    "functions/ingest/src/table/failed.rs",
    "functions/notifications/src/table.rs",
    "functions/routing/src/table.rs",
    "event-store/src/dynamodb/mod.rs",
    "event-store/src/dynamodb/ledger.rs",
    "event-store/src/dynamodb/read.rs",
    "shared/src/audit/checkpoint.rs",
    "shared/src/audit/mod.rs",
    "shared/src/audit/tiles.rs",
    "shared/src/notices/deferral.rs",
    "shared/src/notices/parts.rs",
    "shared/src/notices/standing.rs",
    "shared/src/notices/tell.rs",
    "shared/src/outbox/mod.rs",
    "shared/src/preferences.rs",
    "shared/src/routes/reader.rs",
];

/// What a source says that takes or makes a handle.
fn holds(source: &str) -> bool {
    let code: String = source.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n");
    let made = ["table.of(", "blobs.of(", "0.of("];
    let scope = ["tenant)", "&tenant)", "scope.tenant_scope())"];
    let makes = made.iter().any(|made| scope.iter().any(|scope| code.contains(&format!("{made}{scope}"))));
    makes || code.contains("TenantTable") || code.contains("TenantBlobs")
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let test = path.file_stem().is_some_and(|name| name == "tests");
        if path.is_dir() && !test {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !test {
            into.push(path);
        }
    }
}

#[test]
fn every_source_that_holds_a_tenants_rows_or_objects_is_tried_with_another_tenants() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().and_then(Path::parent).unwrap();
    let mut files = Vec::new();
    for folder in [
        "shared",
        "retrieval",
        "functions/appeals",
        "functions/ask",
        "functions/audit-checkpoint",
        "functions/catalog",
        "functions/notifications",
        "functions/operations",
        "functions/outbox-drain",
        "functions/routing",
        "functions/ingest",
        "event-store",
    ] {
        sources(&root.join(folder).join("src"), &mut files);
    }
    let name = |path: &PathBuf| path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
    let holding = files.iter().filter(|path| holds(&std::fs::read_to_string(path).unwrap()));
    let holding: BTreeSet<String> = holding.map(name).collect();
    let listed: BTreeSet<String> = ALONE.iter().chain(OVER_HTTP).map(|name| (*name).to_owned()).collect();
    // Handlers of `operations` hold `TenantPeople`, which table.rs makes and which gives out nothing else.
    let besides = BTreeSet::from(["functions/operations/src/routes.rs".to_owned()]);
    assert_eq!(&holding - &besides, listed);
}

async fn record(people: &People, scope: &StoreScope) -> Result<bool, &'static str> {
    let person = PersonId::from_subject("bea").unwrap();
    let found = people.record(scope.tenant_scope(), &person).await;
    found.map(|record| record.is_some()).map_err(|problem| problem.code())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_record_of_another_tenants_person_is_stopped_by_the_guard_and_by_nothing_else() {
    let stores = Stores::start().await;
    let scope = store("beta", "north");
    for (aws, told) in [(stores.aws.clone(), Err("internal")), (stores.aws.clone().without_guard(), Ok(false))] {
        let people = People::new(Table::new(&aws, stores.table_name()), &Clock::system());
        assert_eq!(acme(record(&people, &scope)).await, told);
    }
}
