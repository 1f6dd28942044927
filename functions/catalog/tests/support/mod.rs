//! A table and a bucket of one's own on loopback, and what tests do with them.
#![allow(clippy::unwrap_used, dead_code)]

use catalog::{
    facts::{Draft, Facts, Field},
    publish::{Outcome, PublishError, Publisher, Step, Watch, unwatched},
    table::{CatalogTable, Stored},
};
use jiff::Timestamp;
use shared::{
    aws::{Aws, Endpoints},
    clock::Clock,
    tenant::{StoreScope, Sweep},
};
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) struct Stores {
    pub(crate) aws: Aws,
    pub(crate) clock: Clock,
    pub(crate) publisher: Publisher,
    name: String,
    _folder: tempfile::TempDir,
}

/// DynamoDB blocks the threads that it runs on: one thread, one runtime and one database for all tests of the process.
fn dynamodb() -> String {
    static ENDPOINT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let start = || {
        let (told, hear) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
                told.send(format!("http://{}", listener.local_addr().unwrap())).unwrap();
                dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()).await;
            });
        });
        hear.recv().unwrap()
    };
    ENDPOINT.get_or_init(start).clone()
}

async fn s3(folder: &std::path::Path) -> String {
    let store = local_s3::Store::open(folder).unwrap();
    store.create_bucket("artifacts").unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let credentials = ("local".to_owned(), "secret".to_owned());
    tokio::spawn(local_s3::serve(listener, store, credentials, std::future::pending()));
    format!("http://{address}")
}

async fn create_table(aws: &Aws, name: &str) {
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType,
    };
    let attribute = |name: &str| {
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        attribute.build().unwrap()
    };
    let key =
        |name: &str, kind: KeyType| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let pending = GlobalSecondaryIndex::builder()
        .index_name("pending")
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("pending_since", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .unwrap();
    aws.administrator()
        .dynamodb()
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("pk"))
        .attribute_definitions(attribute("sk"))
        .attribute_definitions(attribute("pending_since"))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .global_secondary_indexes(pending)
        .send()
        .await
        .unwrap();
}

impl Stores {
    pub(crate) async fn start() -> Self {
        static TABLES: AtomicU64 = AtomicU64::new(0);
        let folder = tempfile::tempdir().unwrap();
        let endpoints = Endpoints {
            dynamodb: Some(dynamodb()),
            s3: Some(s3(&folder.path().join("s3")).await),
            ..Endpoints::default()
        };
        let aws = Aws::local(endpoints, "local", "secret");
        let name = format!("catalog-{}", TABLES.fetch_add(1, Ordering::Relaxed));
        create_table(&aws, &name).await;
        let clock = Clock::movable();
        let table = CatalogTable::new(&aws, &name);
        let publisher = Publisher::new(&aws, table, "artifacts", folder.path().join("work"), clock.clone());
        Self { aws, clock, publisher, name, _folder: folder }
    }

    pub(crate) fn table(&self, scope: &StoreScope) -> catalog::table::StoreTable {
        self.publisher.table.of(scope)
    }

    pub(crate) fn table_name(&self) -> &str {
        &self.name
    }

    pub(crate) async fn put(&self, scope: &StoreScope, facts: &Facts) -> Stored {
        scope.tenant_scope().act(self.table(scope).put_product(facts, None, self.clock.now())).await.unwrap()
    }

    pub(crate) async fn publish(&self, scope: &StoreScope) -> Outcome {
        self.publish_under(scope, &unwatched).await.unwrap()
    }

    pub(crate) async fn publish_under(&self, scope: &StoreScope, watch: Watch<'_>) -> Result<Outcome, PublishError> {
        scope.tenant_scope().act(self.publisher.publish(scope, watch)).await
    }

    /// The products of the store's current snapshot, as its bytes in the bucket have them.
    pub(crate) async fn published(&self, scope: &StoreScope) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let (table, blobs) = (self.publisher.table.table().clone(), self.publisher.blobs.clone());
        let check = std::time::Duration::ZERO;
        let warm = retrieval::Warm::new(table, blobs, folder.path().to_owned(), check, self.clock.clone());
        let snapshot = scope.tenant_scope().act(warm.current(scope)).await.unwrap();
        (0..snapshot.len()).map(|row| snapshot.document(row).unwrap().id).collect()
    }

    pub(crate) async fn is_pending(&self, scope: &StoreScope) -> bool {
        let indexed = self.publisher.table.pending(Sweep::CatalogPublish).await.unwrap();
        let pending = scope.tenant_scope().act(self.table(scope).state()).await.unwrap().state.pending_since.is_some();
        assert_eq!(!indexed.is_empty(), pending, "the index and the row say the same");
        pending
    }
}

pub(crate) fn store(tenant: &str, store: &str) -> StoreScope {
    StoreScope::for_job(Sweep::CatalogPublish, tenant.parse().unwrap(), store.parse().unwrap())
}

/// Runs `work` on behalf of the tenant acme, whose store most tests are about.
pub(crate) async fn acme<F: Future>(work: F) -> F::Output {
    store("acme", "north").tenant_scope().act(work).await
}

pub(crate) fn product(id: &str, price: &str) -> Facts {
    let mut draft = Draft::default();
    let fields = [(Field::ProductId, id), (Field::Name, "Oat milk"), (Field::Price, price)];
    draft.fields.extend(fields.map(|(field, text)| (field, text.to_owned())));
    draft.check().unwrap()
}

pub(crate) fn dated(id: &str, price: &str) -> Facts {
    let mut draft = Draft::default();
    let fields =
        [(Field::ProductId, id), (Field::Name, "Oat milk"), (Field::Price, price), (Field::UpdatedAt, "2026-03-01")];
    draft.fields.extend(fields.map(|(field, text)| (field, text.to_owned())));
    draft.check().unwrap()
}

pub(crate) fn all_steps() -> [Step; 5] {
    [Step::Counted, Step::Built, Step::FileUp, Step::ManifestUp, Step::Switched]
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
