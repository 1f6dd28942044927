//! The embedded DynamoDB behind a loopback door that counts calls, and can be shut for one operation or swallow its replies.

use crate::{
    aws::{Aws, Endpoints},
    table::Table,
};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What the door does to an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It does not reach the store.
    Shut,
    /// It is taken and never answered.
    Hang,
    /// It does, and its next reply is lost.
    LoseOneReply,
}

#[derive(Default)]
struct Door {
    calls: BTreeMap<String, usize>,
    trouble: BTreeMap<&'static str, Trouble>,
}

pub(crate) struct Store {
    aws: Aws,
    table: String,
    door: Arc<Mutex<Door>>,
}

/// DynamoDB blocks the threads that it runs on: threads and a database of its own for all tests of the process.
fn dynamodb() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| {
        let (told, hear) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                told.send(listener.local_addr().unwrap().to_string()).unwrap();
                dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()).await;
            });
        });
        hear.recv().unwrap()
    })
}

impl Store {
    /// A table of its own.
    pub(crate) async fn start() -> Self {
        Self::with_indexes(&[]).await
    }

    /// A table of its own with these indexes, each of the attribute that has its name.
    pub(crate) async fn with_indexes(indexes: &[&str]) -> Self {
        static TABLES: AtomicU64 = AtomicU64::new(0);
        let table = format!("table-{}", TABLES.fetch_add(1, Ordering::Relaxed));
        let straight = client(dynamodb());
        let attribute = |name: &str| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
        };
        let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
        let index = |name: &&str| {
            let index = GlobalSecondaryIndex::builder().index_name(*name).key_schema(key("pk", KeyType::Hash));
            let index = index.key_schema(key(name, KeyType::Range));
            index.projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build()).build().unwrap()
        };
        let made: Vec<_> = indexes.iter().map(index).collect();
        let keyed = straight
            .administrator()
            .dynamodb()
            .create_table()
            .table_name(&table)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute("pk"))
            .attribute_definitions(attribute("sk"))
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .set_global_secondary_indexes((!made.is_empty()).then_some(made));
        let defined = indexes.iter().fold(keyed, |table, name| table.attribute_definitions(attribute(name)));
        defined.send().await.unwrap();
        let door = Arc::new(Mutex::new(Door::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let aws = client(&listener.local_addr().unwrap().to_string());
        let seen = door.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(stream, seen.clone()));
            }
        });
        Self { aws, table, door }
    }

    pub(crate) fn table(&self) -> Table {
        Table::new(&self.aws, &self.table)
    }

    /// The calls since the last time that this was asked, by operation.
    pub(crate) fn calls(&self) -> Vec<(String, usize)> {
        std::mem::take(&mut self.door.lock().unwrap().calls).into_iter().collect()
    }

    /// From now on `operation` has this trouble.
    pub(crate) fn trouble(&self, operation: &'static str, trouble: Trouble) {
        self.door.lock().unwrap().trouble.insert(operation, trouble);
    }

    /// From now on all is well.
    pub(crate) fn mend(&self) {
        self.door.lock().unwrap().trouble.clear();
    }
}

fn client(address: &str) -> Aws {
    let endpoints = Endpoints { dynamodb: Some(format!("http://{address}")), ..Endpoints::default() };
    Aws::local(endpoints, "local", "secret")
}

/// Passes one connection on.
async fn pass(mut outside: TcpStream, door: Arc<Mutex<Door>>) {
    const MARK: &str = "x-amz-target: dynamodb_20120810.";
    let Ok(mut inside) = TcpStream::connect(dynamodb()).await else { return };
    let (mut request, mut reply) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let (mut lost, mut hangs) = (false, false);
    loop {
        if hangs {
            // The connection stays open, and silent, until the client lets go of it.
            while matches!(outside.read(&mut request).await, Ok(1..)) {}
            return;
        }
        tokio::select! {
            read = outside.read(&mut request) => {
                let Ok(length @ 1..) = read else { return };
                // The client writes a request's head at once.
                let text = String::from_utf8_lossy(&request[..length]).to_ascii_lowercase();
                if let Some((_, rest)) = text.split_once(MARK) {
                    let operation = rest.split("\r\n").next().unwrap().to_owned();
                    let mut door = door.lock().unwrap();
                    let hit = door.trouble.keys().find(|name| name.eq_ignore_ascii_case(&operation)).copied();
                    *door.calls.entry(operation).or_default() += 1;
                    match hit.map(|name| (name, door.trouble[name])) {
                        Some((_, Trouble::Shut)) => return,
                        Some((_, Trouble::Hang)) => {
                            hangs = true;
                            continue;
                        }
                        Some((name, Trouble::LoseOneReply)) => {
                            door.trouble.remove(name);
                            lost = true;
                        }
                        None => {}
                    }
                }
                if inside.write_all(&request[..length]).await.is_err() { return }
            }
            read = inside.read(&mut reply) => {
                let Ok(length @ 1..) = read else { return };
                if lost || outside.write_all(&reply[..length]).await.is_err() { return }
            }
        }
    }
}
