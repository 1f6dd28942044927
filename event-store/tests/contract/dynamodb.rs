//! DynamoDB, by the embedded one.

use event_store::dynamodb::{DynamoDb, EVENT_TIME, EVENT_USER};
use serde_json::json;
use shared::{
    aws::{Aws, Endpoints},
    clock::Clock,
    table::Table,
};
use std::{net::Ipv4Addr, sync::OnceLock, thread};

const TABLE: &str = "events";

/// The store of all cases, on threads of its own, which it blocks.
fn url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let database = dynoxide::Database::memory().unwrap();
        let key = |range: &str| json!([{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": range, "KeyType": "RANGE"}]);
        let names = ["pk", "sk", EVENT_TIME, EVENT_USER];
        let index = |name: &str| json!({"IndexName": name, "KeySchema": key(name), "Projection": {"ProjectionType": "KEYS_ONLY"}});
        let table = json!({
            "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST", "KeySchema": key("sk"),
            "AttributeDefinitions": names.map(|name| json!({"AttributeName": name, "AttributeType": "S"})),
            "GlobalSecondaryIndexes": [index(EVENT_TIME), index(EVENT_USER)],
        });
        database.create_table(serde_json::from_value(table).unwrap()).unwrap();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                dynoxide::server::serve_on(listener, database).await;
            });
        });
        url
    })
}

async fn start() -> DynamoDb {
    let endpoints = Endpoints { dynamodb: Some(url().to_owned()), ..Endpoints::default() };
    DynamoDb::new(Table::new(&Aws::local(endpoints, "local", "local"), TABLE), &Clock::system())
}

crate::keeps_the_contract!(start);
