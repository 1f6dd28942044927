//! The embedded store in this process, behind doors: one for each instance of the code that writes to it, at which it can die.

use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use dynoxide::{
    Database, DynoxideError,
    actions::{
        batch_get_item::BatchGetItemRequest, delete_item::DeleteItemRequest, get_item::GetItemRequest,
        put_item::PutItemRequest, query::QueryRequest, scan::ScanRequest, update_item::UpdateItemRequest,
    },
};
use event_store::dynamodb::{DynamoDb, EVENT_TIME, EVENT_USER};
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use shared::{
    aws::{Aws, Endpoints},
    clock::Clock,
    table::Table,
};
use std::{
    fmt,
    sync::{Arc, Mutex},
};
use tokio::sync::{Notify, Semaphore};

const TABLE: &str = "events";
/// For how long a signature is taken at the most.
const SIGNATURE: SignedDuration = SignedDuration::from_mins(15);

/// How an instance ends, or stops, at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It dies before the call is done.
    Before,
    /// It dies after the call is done, before it hears of it.
    After,
    /// It dies, and the call is on its way: [`World::land`] says when it arrives.
    Late,
    /// It is stopped, and goes on when it is let ([`Door::go_on`]).
    Stop,
}

/// A store, its time, and what is on its way to it. Clones share them.
#[derive(Clone)]
pub(crate) struct World {
    database: Database,
    pub(crate) clock: Clock,
    on_the_way: Arc<Mutex<Vec<(Timestamp, String, String)>>>,
}

/// The way of one instance to the store.
#[derive(Clone)]
pub(crate) struct Door(Arc<Inner>);

struct Inner {
    world: World,
    fuse: Mutex<Option<(u32, Fate)>>,
    dead: Notify,
    gate: Semaphore,
    calls: Mutex<Vec<String>>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}

fn act<Q: DeserializeOwned, A: Serialize>(
    body: &str,
    run: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<String, DynoxideError> {
    let asked = serde_json::from_str(body).map_err(|error| DynoxideError::ValidationException(error.to_string()))?;
    Ok(serde_json::to_string(&run(asked)?).unwrap())
}

impl World {
    pub(crate) fn new(now: &str) -> Self {
        let database = Database::memory().unwrap();
        let key = |range: &str| json!([{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": range, "KeyType": "RANGE"}]);
        let index = |name: &str| json!({"IndexName": name, "KeySchema": key(name), "Projection": {"ProjectionType": "KEYS_ONLY"}});
        let names = ["pk", "sk", EVENT_TIME, EVENT_USER, "rollup_due"];
        let table = json!({
            "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST", "KeySchema": key("sk"),
            "AttributeDefinitions": names.map(|name| json!({"AttributeName": name, "AttributeType": "S"})),
            "GlobalSecondaryIndexes": (names[2..].iter().map(|name| index(name)).collect::<Vec<_>>()),
        });
        database.create_table(serde_json::from_value(table).unwrap()).unwrap();
        Self { database, clock: Clock::frozen(now.parse().unwrap()), on_the_way: Arc::default() }
    }

    /// A new instance of the store's code, which remembers nothing, and its door.
    pub(crate) fn instance(&self) -> (DynamoDb, Door) {
        let door = Door(Arc::new(Inner {
            world: self.clone(),
            fuse: Mutex::default(),
            dead: Notify::new(),
            gate: Semaphore::new(0),
            calls: Mutex::default(),
        }));
        let connector = SharedHttpConnector::new(door.clone());
        let client: SharedHttpClient = http_client_fn(move |_, _| connector.clone());
        let endpoints = Endpoints { dynamodb: Some("http://store".to_owned()), ..Endpoints::default() };
        let aws = Aws::local(endpoints, "local", "local").over(client);
        (DynamoDb::new(Table::new(&aws, TABLE), &self.clock), door)
    }

    fn done(&self, operation: &str, body: &str) -> (u16, String) {
        let db = &self.database;
        let done = match operation {
            "GetItem" => act(body, |asked: GetItemRequest| db.get_item(asked)),
            "BatchGetItem" => act(body, |asked: BatchGetItemRequest| db.batch_get_item(asked)),
            "PutItem" => act(body, |asked: PutItemRequest| db.put_item(asked)),
            "UpdateItem" => act(body, |asked: UpdateItemRequest| db.update_item(asked)),
            "DeleteItem" => act(body, |asked: DeleteItemRequest| db.delete_item(asked)),
            "Query" => act(body, |asked: QueryRequest| db.query(asked)),
            "Scan" => act(body, |asked: ScanRequest| db.scan(asked)),
            other => panic!("{other} is none of the calls of this store"),
        };
        match done {
            Ok(body) => (200, body),
            Err(error) => (error.status_code(), error.to_json()),
        }
    }

    /// What is on its way arrives, unless it is refused for its age.
    pub(crate) fn land(&self) {
        for (signed, operation, body) in std::mem::take(&mut *self.on_the_way.lock().unwrap()) {
            if self.clock.now().duration_since(signed) <= SIGNATURE {
                self.done(&operation, &body);
            }
        }
    }

    /// Every item there is.
    pub(crate) fn items(&self) -> Vec<Value> {
        let (mut items, mut asked) = (vec![], json!({"TableName": TABLE}));
        loop {
            let (status, body) = self.done("Scan", &asked.to_string());
            assert_eq!(status, 200, "{body}");
            let mut page: Value = serde_json::from_str(&body).unwrap();
            items.append(page["Items"].as_array_mut().unwrap());
            match page["LastEvaluatedKey"].take() {
                Value::Null => return items,
                last => asked["ExclusiveStartKey"] = last,
            }
        }
    }

    /// Changes an item behind everybody's back.
    pub(crate) fn change(&self, operation: &str, asked: Value) {
        let mut asked = asked;
        asked["TableName"] = TABLE.into();
        let (status, body) = self.done(operation, &asked.to_string());
        assert_eq!(status, 200, "{body}");
    }
}

impl Door {
    /// After so many calls more, the instance meets its fate.
    pub(crate) fn set(&self, calls: u32, fate: Fate) {
        *self.0.fuse.lock().unwrap() = Some((calls, fate));
    }

    /// What is called since the last time that this was asked.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.0.calls.lock().unwrap())
    }

    /// Does the work of the instance; nothing where it dies.
    pub(crate) async fn live<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.0.dead.notified() => None,
            done = work => Some(done),
        }
    }

    /// Lets an instance go on that was stopped, or will be.
    pub(crate) fn go_on(&self) {
        self.0.gate.add_permits(1);
    }

    fn fate(&self) -> Option<Fate> {
        let mut fuse = self.0.fuse.lock().unwrap();
        match &mut *fuse {
            None => None,
            Some((0, fate)) => {
                let fate = *fate;
                // A process that is dead sends nothing more; one that was stopped goes on as before.
                *fuse = (fate != Fate::Stop).then_some((0, Fate::Before));
                Some(fate)
            }
            Some((left, _)) => {
                *left -= 1;
                None
            }
        }
    }

    async fn pass(self, operation: String, body: String) -> Result<HttpResponse, ConnectorError> {
        let inner = &self.0;
        inner.calls.lock().unwrap().push(operation.clone());
        let world = &inner.world;
        match self.fate() {
            None => {}
            Some(Fate::Stop) => inner.gate.acquire().await.unwrap().forget(),
            Some(fate) => {
                match fate {
                    Fate::After => _ = world.done(&operation, &body),
                    Fate::Late => world.on_the_way.lock().unwrap().push((world.clock.now(), operation, body)),
                    Fate::Before | Fate::Stop => {}
                }
                inner.dead.notify_one();
                return std::future::pending().await;
            }
        }
        let (status, body) = world.done(&operation, &body);
        let checksum = crc32fast::hash(body.as_bytes()).to_string();
        let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
        response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        response.headers_mut().insert("x-amz-crc32", checksum);
        Ok(response)
    }
}

impl HttpConnector for Door {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").and_then(|name| name.rsplit('.').next());
        let operation = target.unwrap_or_default().to_owned();
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        HttpConnectorFuture::new(self.clone().pass(operation, body))
    }
}
