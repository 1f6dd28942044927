//! The embedded store in this process: the same engine that `local` serves, asked without a socket between.

use dynoxide::{
    Database, DynoxideError,
    actions::{
        create_table::CreateTableRequest, delete_item::DeleteItemRequest, get_item::GetItemRequest,
        put_item::PutItemRequest, query::QueryRequest, scan::ScanRequest,
        transact_write_items::TransactWriteItemsRequest, update_item::UpdateItemRequest,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use std::path::Path;

use super::words::TABLE;

/// The indexes of the table in the template that the rows of notices, of their audit entries and of their messages stand in.
const INDEXES: [&str; 6] =
    ["audit_pending", "outbox_due", "deferral_due", "texts_about", "unread_cat_created", "user_status_created"];

/// A reply: its status and its document.
pub type Reply = (u16, String);

/// A store with one table. Clones share it.
#[derive(Clone)]
pub struct Store(Database);

impl Store {
    /// An empty one, in memory.
    ///
    /// # Panics
    ///
    /// Where the engine does not start.
    pub fn in_memory() -> Self {
        Self::over(Database::memory().expect("a store in memory"))
    }

    /// An empty one in a file of `folder`, opened as `local` opens its own.
    ///
    /// # Panics
    ///
    /// Where the engine does not start.
    pub fn in_a_file(folder: &Path) -> Self {
        let file = folder.join("dynamodb.sqlite");
        let database =
            Database::new(file.to_str().expect("a folder with a name in Unicode")).expect("a store in a file");
        database.enable_bulk_loading().and_then(|()| database.disable_bulk_loading()).expect("no wait for the disk");
        Self::over(database)
    }

    pub(super) fn database(&self) -> Database {
        self.0.clone()
    }

    fn over(database: Database) -> Self {
        let store = Self(database);
        let (status, body) = store.call("CreateTable", &table().to_string());
        assert_eq!(status, 200, "{body}");
        store
    }

    /// Does one call.
    pub fn call(&self, operation: &str, body: &str) -> Reply {
        let db = &self.0;
        let done = match operation {
            "CreateTable" => act(body, |asked: CreateTableRequest| db.create_table(asked)),
            "GetItem" => act(body, |asked: GetItemRequest| db.get_item(asked)),
            "PutItem" => act(body, |asked: PutItemRequest| db.put_item(asked)),
            "UpdateItem" => act(body, |asked: UpdateItemRequest| db.update_item(asked)),
            "DeleteItem" => act(body, |asked: DeleteItemRequest| db.delete_item(asked)),
            "Query" => act(body, |asked: QueryRequest| db.query(asked)),
            "Scan" => act(body, |asked: ScanRequest| db.scan(asked)),
            "TransactWriteItems" => act(body, |asked: TransactWriteItemsRequest| db.transact_write_items(asked)),
            other => Err(DynoxideError::ValidationException(format!("{other} is not among what these tests ask"))),
        };
        match done {
            Ok(body) => (200, body),
            Err(error) => (error.status_code(), error.to_json()),
        }
    }

    /// Every item there is, as DynamoDB writes items.
    ///
    /// # Panics
    ///
    /// Where the store does not answer.
    pub fn items(&self) -> Vec<Map<String, Value>> {
        let (mut items, mut start) = (vec![], Value::Null);
        loop {
            let mut asked = json!({"TableName": TABLE, "ConsistentRead": true});
            if !start.is_null() {
                asked["ExclusiveStartKey"] = start;
            }
            let (status, body) = self.call("Scan", &asked.to_string());
            assert_eq!(status, 200, "{body}");
            let mut page: Value = serde_json::from_str(&body).expect("the store writes JSON");
            let found = page["Items"].take();
            items.extend(serde_json::from_value::<Vec<_>>(found).expect("a list of items"));
            start = page["LastEvaluatedKey"].take();
            if start.is_null() {
                return items;
            }
        }
    }
}

fn act<Q: DeserializeOwned, A: Serialize>(
    body: &str,
    run: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<String, DynoxideError> {
    let asked = serde_json::from_str(body).map_err(|error| DynoxideError::ValidationException(error.to_string()))?;
    let done = run(asked)?;
    serde_json::to_string(&done).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

fn table() -> Value {
    let key = |hash: &str, range: &str| json!([{"AttributeName": hash, "KeyType": "HASH"}, {"AttributeName": range, "KeyType": "RANGE"}]);
    let names = ["pk", "sk"].into_iter().chain(INDEXES);
    let attributes: Vec<Value> = names.map(|name| json!({"AttributeName": name, "AttributeType": "S"})).collect();
    let index = |name: &&str| json!({"IndexName": name, "KeySchema": key("pk", name), "Projection": {"ProjectionType": "KEYS_ONLY"}});
    json!({
        "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": attributes,
        "KeySchema": key("pk", "sk"), "GlobalSecondaryIndexes": INDEXES.iter().map(index).collect::<Vec<_>>(),
    })
}
