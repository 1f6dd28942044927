//! The guard alone: handles of another tenant, which the types would never give, in the hands of a task that acts for its own.
//!
//! Every function that reads or writes is called so, twice: under the guard, where nothing comes of it, and without, where each
//! does what it should not. So it is the guard that stops them, and a function that is added must be added here too.
#![allow(clippy::unwrap_used)]

mod support;

use catalog::{
    import::{Format, Rows, Tally},
    load::Loading,
    publish::{Publisher, unwatched},
    search::{Search, Wanted},
    table::{
        CatalogTable, StoreTable, Switch,
        imports::{Ending, ImportId, ImportRow},
    },
};
use futures::future::LocalBoxFuture;
use jiff::SignedDuration;
use retrieval::{Roles, Scope, Snapshot, SnapshotScope, Warm};
use serde_json::{Value, json};
use shared::{
    aws::Aws,
    blob::{Blobs, TenantBlobs},
    digest::Digest,
    table::{Item, Key, Listing, Table, TenantTable, Write},
    tenant::{StoreScope, Sweep, guard::Refused},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    sync::Arc,
    time::Duration,
};
use support::{Stores, acme, product, store};

/// Where the functions stand that this is about, by the first part of their names on the list.
const SOURCES: [(&str, &str); 11] = [
    ("table", include_str!("../../../shared/src/table.rs")),
    ("table", include_str!("../../../shared/src/table/listing.rs")),
    ("table", include_str!("../../../shared/src/table/write.rs")),
    ("blob", include_str!("../../../shared/src/blob.rs")),
    ("blob", include_str!("../../../shared/src/blob/paths.rs")),
    ("store", include_str!("../src/table/mod.rs")),
    ("store", include_str!("../src/table/products.rs")),
    ("store", include_str!("../src/table/state.rs")),
    ("store", include_str!("../src/table/imports.rs")),
    ("publish", include_str!("../src/publish.rs")),
    ("warm", include_str!("../../../retrieval/src/warm.rs")),
];

type Told = Result<(), Box<dyn Error>>;
type Call<'a> = (&'static str, LocalBoxFuture<'a, Told>);

/// Handles of the tenant beta, and what the calls through them need.
struct Foreign {
    scope: StoreScope,
    catalog: CatalogTable,
    store: StoreTable,
    rows: TenantTable,
    table: Table,
    blobs: TenantBlobs,
    publisher: Publisher,
    warm: Warm,
    snapshot: Arc<Snapshot>,
    import: ImportRow,
    digest: Digest,
    folder: tempfile::TempDir,
}

impl Foreign {
    async fn new(stores: &Stores, aws: &Aws) -> Self {
        let (scope, folder) = (store("beta", "north"), tempfile::tempdir().unwrap());
        let (table, bucket) = (Table::new(aws, stores.table_name()), Blobs::new(aws, "artifacts"));
        let catalog = CatalogTable::new(aws, stores.table_name());
        let publisher =
            Publisher::new(aws, catalog.clone(), "artifacts", folder.path().join("work"), stores.clock.clone());
        let warm = |name: &str| {
            let folder = folder.path().join(name);
            Warm::new(table.clone(), bucket.clone(), folder, Duration::ZERO, stores.clock.clone())
        };
        // What beta really has, made on its own behalf.
        let own = scope.tenant_scope().clone();
        let (first, blobs) = (warm("own"), bucket.of(&own));
        let (import, digest, snapshot) = own
            .act(async {
                stores.table(&scope).put_product(&product("b", "1"), None, stores.clock.now()).await.unwrap();
                stores.publisher.publish(&scope, &unwatched).await.unwrap();
                let import =
                    stores.table(&scope).create_import(ImportId::new(), Format::Csv, stores.clock.now()).await.unwrap();
                let digest = blobs.put("beta's".into()).await.unwrap();
                (import, digest, first.current(&scope).await.unwrap())
            })
            .await;
        let upload = format!("uploads/beta/{}", import.import_id);
        let put = stores.aws.administrator().s3().put_object().bucket("artifacts").key(upload);
        put.body(b"a file of beta's".to_vec().into()).send().await.unwrap();
        let (store, rows, warm) = (catalog.of(&scope), table.of(&own), warm("foreign"));
        Self { scope, catalog, store, rows, table, blobs, publisher, warm, snapshot, import, digest, folder }
    }

    /// Every function, each called once through a handle of beta.
    async fn calls<'a>(&'a self, stores: &'a Stores) -> Vec<Call<'a>> {
        fn done<T, E: Error + 'static>(result: Result<T, E>) -> Told {
            result.map(drop).map_err(Into::into)
        }
        macro_rules! call {
            ($name:literal, $work:expr) => {
                ($name, Box::pin(async move { done($work.await) }) as LocalBoxFuture<'_, Told>)
            };
        }
        let Self { store, rows, blobs, import, .. } = self;
        let (now, id) = (stores.clock.now(), &import.import_id);
        let key = Key::new("S#north", "P#b");
        let item = rows.item(&Key::new("S#north", "X#a"), &json!({"name": "n"})).unwrap();
        let (other, gone) = (Key::new("S#north", "X#c"), Key::new("S#north", "X#d"));
        let part = aws_sdk_dynamodb::types::TransactWriteItem::builder()
            .put(rows.part_put(rows.item(&other, &json!({})).unwrap()).build().unwrap())
            .build();
        let removal = aws_sdk_dynamodb::types::TransactWriteItem::builder()
            .delete(rows.part_delete(&gone).build().unwrap())
            .build();
        let change = rows.part_update(&other).update_expression("SET a = if_not_exists(a, sk)");
        let change = aws_sdk_dynamodb::types::TransactWriteItem::builder().update(change.build().unwrap()).build();
        let state = self.scope.tenant_scope().act(store.state()).await.unwrap();
        let loaded = self.scope.tenant_scope().act(store.compare(vec![product("e", "1")], now)).await.unwrap();
        let to = Switch { changed: state.state.changed + 1, began: now, digest: self.digest, documents: 1 };
        let file = self.folder.path().join("file");
        std::fs::write(&file, "bytes").unwrap();
        let (here, there) = (self.folder.path().join("here"), self.folder.path().join("there"));
        let named = ["b".parse().unwrap()];
        let (before, keys) = (state.state.clone(), [key.clone()]);
        vec![
            call!("table.sweep", self.table.sweep(Sweep::CatalogPublish, Some::<Value>)),
            call!("table.get", rows.get::<Value>(&Key::new("S#north", "P#b"))),
            call!("table.get_all", async { rows.get_all::<Value>(&keys).await }),
            call!("table.page", rows.page::<Value>("S#north", "P#", 10, Some("P#a"))),
            call!("table.all", rows.all::<Value>("S#north", "")),
            call!("table.list", rows.list::<Value>(Listing::of("S#north", 10))),
            call!("table.put", rows.put(item.clone()).send()),
            call!(
                "table.update",
                rows.update(&Key::new("S#north", "X#b")).update_expression("SET a = if_not_exists(a, sk)").send()
            ),
            call!("table.delete", rows.delete(&Key::new("S#north", "P#z")).send()),
            call!("table.transact", rows.transact(vec![part])),
            call!("table.part_delete", rows.transact(vec![removal])),
            call!("table.part_update", rows.transact(vec![change])),
            call!("table.write_all", rows.write_all(vec![Write::Delete(Key::new("S#north", "P#y"))])),
            call!("blob.put", blobs.put("other bytes".into())),
            call!("blob.put_file", async { blobs.put_file(&file).await }),
            call!("blob.get", blobs.get(&self.digest, 1_000)),
            call!("blob.get_file", async { blobs.get_file(&self.digest, &here, 1_000).await }),
            call!("blob.get_upload", async { blobs.get_upload(id.as_str(), &there, 1_000).await }),
            call!("blob.create_at", blobs.create_at("tile/0/000", "bytes".into(), 1_000)),
            call!("blob.read_at", blobs.read_at("checkpoint", 1_000)),
            call!("blob.replace_at", blobs.replace_at("checkpoint", "bytes".into(), None)),
            call!("blob.upload_url", blobs.upload_url("x", "text/csv", Duration::from_secs(60))),
            call!("store.pending", self.catalog.pending(Sweep::CatalogPublish)),
            call!("store.store", store.store()),
            call!("store.product", async { store.product(&named[0]).await }),
            call!("store.products", store.products(&["b".parse().unwrap()])),
            call!("store.page", store.page(10, None)),
            call!("store.put_product", async { store.put_product(&product("f", "1"), None, now).await }),
            call!("store.delete_product", async { store.delete_product(&"f".parse().unwrap(), None, now).await }),
            call!("store.compare", store.compare(vec![product("g", "1")], now)),
            call!("store.write", store.write(loaded)),
            call!("store.state", store.state()),
            call!("store.unsettle", store.unsettle("w", now, SignedDuration::from_secs(1))),
            call!("store.settle", store.settle("w", now)),
            call!("store.take_over", async { store.take_over(&state).await }),
            call!("store.create_import", store.create_import(ImportId::new(), Format::Csv, now)),
            call!("store.import", store.import(id)),
            call!("store.start_import", store.start_import(id, now)),
            call!("store.claim_import", store.claim_import(id, "o", now)),
            call!("store.advance_import", store.advance_import(import, "o", now)),
            call!("store.release_import", store.release_import(import, "o", now)),
            call!("store.end_import", async { store.end_import(import, "o", &Ending::Failed("x".into()), now).await }),
            call!("publish.publish", self.publisher.publish(&self.scope, &unwatched)),
            call!("warm.current", self.warm.current(&self.scope)),
            call!("store.switch", async { store.switch(&to, &before, now).await }),
            call!("store.put_store", async { store.put_store(&a_store()).await }),
            call!("load.chunk", async {
                let mut rows: Rows<&[u8]> = Rows::open(Format::Csv, &b"id,name,price\nh,H,1\n"[..]).unwrap();
                Loading::new(&self.store, &stores.clock, "w", false).chunk(&mut rows, &mut Tally::default()).await
            }),
            call!("load.settle", Loading::new(&self.store, &stores.clock, "w", true).settle()),
            call!("search.page", async {
                let named = SnapshotScope { tenant: "beta".to_owned(), store: "north".to_owned() };
                let scope = Scope { store: named, snapshot: None, roles: Roles::NONE };
                let text = "oat milk".to_owned();
                let wanted = Wanted { text, category: None, max_price: None, in_stock: false, limit: 5 };
                let table = store;
                let search =
                    Search { snapshot: self.snapshot.clone(), scope: &scope, table, wanted: &wanted, as_of: now };
                search.page(None).await
            }),
        ]
    }
}

fn a_store() -> shared::catalog::Store {
    serde_json::from_value(json!({"store_id": "north", "name": "North", "time_zone": "UTC", "currency": "EUR"}))
        .unwrap()
}

/// Every row of the table by its key.
async fn rows(stores: &Stores) -> BTreeMap<String, Item> {
    let scan = stores.aws.administrator().dynamodb().scan().table_name(stores.table_name()).send().await.unwrap();
    let keyed = |item: Item| (format!("{:?} {:?}", item["pk"], item["sk"]), item);
    scan.items.unwrap().into_iter().map(keyed).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handle_of_another_tenant_is_stopped_in_every_function_that_reads_or_writes() {
    let stores = Stores::start().await;
    let foreign = Foreign::new(&stores, &stores.aws).await;
    let calls = foreign.calls(&stores).await;
    let before = rows(&stores).await;
    for (name, call) in calls {
        let error = acme(call).await.expect_err(name);
        assert!(Refused::among(&*error).is_some(), "{name}: {error:?}");
    }
    assert_eq!(rows(&stores).await, before, "nothing was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_guard_the_same_calls_do_what_they_should_not() {
    let stores = Stores::start().await;
    let foreign = Foreign::new(&stores, &stores.aws.clone().without_guard()).await;
    for (name, call) in foreign.calls(&stores).await {
        assert!(acme(call).await.is_ok(), "{name} reaches another tenant's rows");
    }
    assert!(rows(&stores).await.keys().any(|key| key.contains("T#beta#S#north") && key.contains("X#c")), "and writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_function_that_reads_or_writes_is_on_the_list() {
    let stores = Stores::start().await;
    let foreign = Foreign::new(&stores, &stores.aws).await;
    let listed: BTreeSet<&str> = foreign.calls(&stores).await.into_iter().map(|(name, _)| name).collect();
    for (file, source) in SOURCES {
        let functions = source.lines().filter_map(|line| line.trim_start().strip_prefix("pub async fn "));
        for function in functions.map(|line| line.split(['(', '<']).next().unwrap()) {
            assert!(listed.contains(format!("{file}.{function}").as_str()), "{file}.{function} is not tried");
        }
        // What hands out a request that its caller sends.
        let builders = source
            .lines()
            .filter(|line| line.contains("FluentBuilder {"))
            .filter_map(|line| line.trim_start().strip_prefix("pub fn "));
        for builder in builders.map(|line| line.split('(').next().unwrap()) {
            assert!(listed.contains(format!("{file}.{builder}").as_str()), "{file}.{builder} is not tried");
        }
    }
}

/// Where jobs become somebody: each on behalf of the tenants that its own index names.
const JOBS: [&str; 5] = [
    "catalog/src/table/mod.rs",
    "audit-checkpoint/src/lib.rs",
    "ingest/src/rollup.rs",
    "notifications/src/job.rs",
    "outbox-drain/src/job.rs",
];

/// The sources of the functions: what they must not reach for.
#[test]
fn no_function_makes_a_client_of_its_own_or_takes_the_guard_away() {
    let functions = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders: Vec<_> =
        std::fs::read_dir(functions).unwrap().map(|entry| entry.unwrap().path().join("src")).collect();
    folders.push(functions.parent().unwrap().join("retrieval/src"));
    let mut looked_at = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            looked_at += 1;
            let source = std::fs::read_to_string(&path).unwrap();
            for (number, line) in source.lines().enumerate() {
                let bare: String = line.split("//").next().unwrap().split_whitespace().collect();
                for word in [
                    "aws_sdk_dynamodb::Client",
                    "aws_sdk_s3",
                    "aws_sdk_sts",
                    "aws_config",
                    "Client::new(",
                    "Client::from_conf",
                    ".administrator()",
                    ".without_guard()",
                    ".customize(",
                    ".config_override(",
                    ".mutate_request(",
                    "for_job(",
                ] {
                    let job = word == "for_job(" && JOBS.iter().any(|job| path.ends_with(job));
                    assert!(job || !bare.contains(word), "{}:{}: {word}", path.display(), number + 1);
                }
            }
        }
    }
    assert!(looked_at > 40, "{looked_at} files");
    for folder in std::fs::read_dir(functions).unwrap() {
        let (folder, name) = (folder.as_ref().unwrap().path(), folder.as_ref().unwrap().file_name());
        if !folder.join("Cargo.toml").exists() {
            continue;
        }
        let name = name.to_string_lossy().into_owned();
        let manifest = std::fs::read_to_string(functions.join(&name).join("Cargo.toml")).unwrap();
        let needed = manifest.split("[dev-dependencies]").next().unwrap();
        assert!(!needed.contains("administrator"), "{name} is built with the clients of an administrator");
    }
}
