//! What Firestore's adapter makes of what its emulator never answers: refusals, answers that are cut or odd, and none at all. They come over
//! HTTP/2 from a server that says what each case tells it to.
#![cfg(feature = "firestore")]
#![allow(clippy::unwrap_used)]

mod answers;
mod refusals;
mod server;

use event_store::{
    Deleted, Event, EventId, EventPage, EventQuery, EventStore, Filters, Order, PutOutcome, Range, StoreError,
    firestore::{Credentials, DEFAULT_DATABASE, Firestore, Place},
    store::ToPut,
};
use serde_json::json;
use shared::tenant::{Sweep, TenantScope};

fn place(emulator: Option<String>) -> Place {
    Place {
        project_id: "acme".to_owned(),
        database: DEFAULT_DATABASE.to_owned(),
        collection_path: "analytics".to_owned(),
        emulator,
    }
}

async fn open(server: &server::Server) -> Firestore {
    Firestore::open(&place(Some(server.address.to_string())), Credentials::Emulator).await.unwrap()
}

fn tenant() -> TenantScope {
    TenantScope::for_job(Sweep::OutboxDrain, "t_acme".parse().unwrap())
}

fn event(n: usize, text: &str) -> ToPut {
    let event = json!({
        "event_id": format!("req-{n}#default"), "event_type": "pageview", "project_id": "web",
        "request_id": format!("req-{n}"), "payload": {"text": text}, "timestamp": "2026-03-01T12:00:00Z",
        "received_at": "2026-03-01T12:00:00Z",
    });
    let event: Event = serde_json::from_value(event).unwrap();
    ToPut { fingerprint: event.fingerprint(None), event }
}

fn id() -> EventId {
    EventId::of("req-0", "default").unwrap()
}

async fn put(store: &Firestore) -> Result<PutOutcome, StoreError> {
    let [outcome] = store.put(&tenant(), &[event(0, "")]).await.try_into().unwrap();
    outcome
}

async fn query(store: &Firestore) -> Result<EventPage, StoreError> {
    let range = Range { from: "2026-03-01T00:00:00Z".parse().unwrap(), to: "2026-03-02T00:00:00Z".parse().unwrap() };
    let query = EventQuery { range, filters: Filters::default(), order: Order::NewestFirst };
    store.query(&tenant(), &query, 10, None).await
}

async fn get(store: &Firestore) -> Result<Option<Event>, StoreError> {
    store.get(&tenant(), &id()).await
}

async fn delete(store: &Firestore) -> Result<Deleted, StoreError> {
    store.delete(&tenant(), &id()).await
}

/// What each of the four calls fails with; each does.
async fn failures(store: &Firestore) -> [(&'static str, StoreError); 4] {
    let (put, query, get, delete) = tokio::join!(put(store), query(store), get(store), delete(store));
    [
        ("put", put.unwrap_err()),
        ("query", query.unwrap_err()),
        ("get", get.unwrap_err()),
        ("delete", delete.unwrap_err()),
    ]
}
