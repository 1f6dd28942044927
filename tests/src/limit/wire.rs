//! The way to the store, on which calls are slow, refused, lost or late.

use super::{
    mistake::{Mistake, Mistaken},
    store::{Reply, Store},
};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use shared::clock::Clock;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How much goes wrong, in calls of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// The call is done, and its reply is lost.
    pub lost: u32,
    /// Another transaction is in the way.
    pub conflict: u32,
    /// The store is asked too much.
    pub throttle: u32,
    /// The connection ends before the call is done.
    pub reset: u32,
    /// The call is done long after its sender has given it up.
    pub late: u32,
    /// The longest that a call takes each way, in milliseconds.
    pub slow_ms: u64,
}

impl Rates {
    /// Five calls of a hundred are lost, five conflict, five are throttled; one of a hundred is reset, and one is late.
    pub const STORMY: Self = Self { lost: 50, conflict: 50, throttle: 50, reset: 10, late: 10, slow_ms: 20 };
    /// Nothing goes wrong, but calls overtake each other.
    pub const CALM: Self = Self { lost: 0, conflict: 0, throttle: 0, reset: 0, late: 0, slow_ms: 20 };
    /// Every call is done at once.
    pub const STILL: Self = Self { slow_ms: 0, ..Self::CALM };
}

/// One sender's way to the store. Clones share it.
#[derive(Clone)]
pub struct Wire(Arc<Inner>);

struct Inner {
    store: Store,
    rates: Mutex<Rates>,
    dice: Mutex<StdRng>,
    /// Called whenever time has gone by.
    tick: Box<dyn Fn() + Send + Sync>,
    mistaken: Option<Mistaken>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

enum Fate {
    Done,
    Lost,
    Late,
    Reset,
    Conflict,
    Throttle,
}

impl Wire {
    /// A way to `store` of a sender with `clock`, whose fate `seed` decides and who makes a mistake or none.
    pub fn new(
        store: Store,
        clock: &Clock,
        seed: u64,
        mistake: Option<Mistake>,
        tick: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        let dice = Mutex::new(StdRng::seed_from_u64(seed));
        let mistaken =
            mistake.filter(|made| made.on_the_wire()).map(|made| Mistaken::new(made, store.clone(), clock.clone()));
        Self(Arc::new(Inner { store, rates: Mutex::new(Rates::STILL), dice, tick, mistaken }))
    }

    /// From now on so much goes wrong.
    pub fn set(&self, rates: Rates) {
        *self.0.rates.lock().unwrap_or_else(PoisonError::into_inner) = rates;
    }

    /// An HTTP client that goes this way.
    pub fn client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    fn draw(&self, operation: &str) -> (Fate, u64, u64) {
        let rates = *self.0.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dice = self.0.dice.lock().unwrap_or_else(PoisonError::into_inner);
        let (there, back) = (dice.gen_range(0..=rates.slow_ms), dice.gen_range(0..=rates.slow_ms));
        let mut left = dice.gen_range(0..1_000_u32);
        let mut is = |rate: u32| {
            let hit = left < rate;
            left = left.wrapping_sub(rate);
            hit
        };
        let fate = match () {
            () if is(rates.lost) => Fate::Lost,
            () if is(rates.late) => Fate::Late,
            () if is(rates.reset) => Fate::Reset,
            () if is(rates.throttle) => Fate::Throttle,
            // A transaction is in the way of what shares an item with it: of the counter of places none ever has one.
            () if is(rates.conflict) && matches!(operation, "TransactWriteItems" | "PutItem") => Fate::Conflict,
            () => Fate::Done,
        };
        (fate, there, back)
    }

    async fn wait(&self, ms: u64) {
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            (self.0.tick)();
        }
    }

    async fn pass(self, operation: String, body: String) -> Result<HttpResponse, ConnectorError> {
        let (fate, there, back) = self.draw(&operation);
        self.wait(there).await;
        let reply = match fate {
            Fate::Reset => return Err(gone()),
            Fate::Throttle => throttled(&operation, &body),
            Fate::Conflict => conflict(&operation, &body),
            Fate::Late => {
                let wire = self.clone();
                tokio::spawn(async move {
                    wire.wait(2_000 + 37 * there).await;
                    wire.done(&operation, &body).await;
                });
                return std::future::pending().await;
            }
            Fate::Done | Fate::Lost => self.done(&operation, &body).await,
        };
        self.wait(back).await;
        match fate {
            Fate::Lost => Err(gone()),
            _ => response(reply),
        }
    }

    async fn done(&self, operation: &str, body: &str) -> Reply {
        match &self.0.mistaken {
            None => self.0.store.call(operation, body),
            Some(mistaken) => mistaken.done(operation, body).await,
        }
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").and_then(|name| name.rsplit('.').next());
        let operation = target.unwrap_or_default().to_owned();
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        HttpConnectorFuture::new(self.clone().pass(operation, body))
    }
}

fn gone() -> ConnectorError {
    ConnectorError::io(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into())
}

fn refusal(code: &str) -> Reply {
    (400, json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "not now"}).to_string())
}

/// As DynamoDB refuses a transaction: a reason for each of its parts, of which the first is this one.
fn canceled(body: &str, code: &str) -> Reply {
    let asked: Value = serde_json::from_str(body).unwrap_or_default();
    let parts = asked["TransactItems"].as_array().map_or(1, Vec::len);
    let reason = |place| json!({"Code": if place == 0 { code } else { "None" }});
    let reasons: Vec<Value> = (0..parts).map(reason).collect();
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    (400, json!({"__type": kind, "Message": "not now", "CancellationReasons": reasons}).to_string())
}

fn throttled(operation: &str, body: &str) -> Reply {
    match operation {
        "TransactWriteItems" => canceled(body, "ThrottlingError"),
        _ => refusal("ProvisionedThroughputExceededException"),
    }
}

fn conflict(operation: &str, body: &str) -> Reply {
    match operation {
        "TransactWriteItems" => canceled(body, "TransactionConflict"),
        _ => refusal("TransactionConflictException"),
    }
}

fn response((status, body): Reply) -> Result<HttpResponse, ConnectorError> {
    let wrong = |error: &'static str| ConnectorError::other(error.into(), None);
    let status = StatusCode::try_from(status).map_err(|_| wrong("no status"))?;
    let checksum = crc32fast::hash(body.as_bytes()).to_string();
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response.headers_mut().insert("x-amz-crc32", checksum);
    Ok(response)
}
