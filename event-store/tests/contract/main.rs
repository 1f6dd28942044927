//! What every store of events must do, asked of each that there is.
#![allow(clippy::unwrap_used)]

mod cases;
#[cfg(feature = "cosmos")]
mod cosmos;
mod dynamodb;

use event_store::{
    Event, EventId, EventPage, EventQuery, EventStore, Filters, Order, Position, PutOutcome, Range, store::ToPut,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::tenant::{Sweep, TenantScope};

/// Cases run for a store that `$start` makes, each on a tenant of its own.
macro_rules! keeps_the_contract {
    ($start:path: $($case:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $case() {
            let store = $start().await;
            crate::cases::$case(&crate::Asked { store: &store, tenant: crate::tenant(stringify!($case)) }).await;
        })*
    };
}
use keeps_the_contract;

/// A store, asked for one tenant.
struct Asked<'a> {
    store: &'a dyn EventStore,
    tenant: TenantScope,
}

fn tenant(name: &str) -> TenantScope {
    // Names of cases are longer than a tenant's may be.
    let short: String = name.chars().take(60).collect();
    TenantScope::for_job(Sweep::OutboxDrain, short.parse().unwrap())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn noon() -> Timestamp {
    at("2026-03-01T12:00:00Z")
}

/// The event `n`, so many seconds after noon, with what `more` says of it.
fn event(n: &str, second: impl TryInto<i64>, more: Value) -> Event {
    let timestamp = noon() + SignedDuration::from_secs(second.try_into().ok().unwrap());
    let mut event = json!({
        "event_id": format!("req-{n}#default"), "event_type": "pageview", "project_id": "web", "request_id": format!("req-{n}"),
        "payload": {"n": n}, "timestamp": timestamp, "received_at": timestamp,
    });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_str(&event.to_string()).unwrap()
}

fn to_put(event: Event) -> ToPut {
    ToPut { fingerprint: event.fingerprint(None), event }
}

/// From noon on, for a day.
fn day() -> EventQuery {
    let range = Range { from: noon(), to: noon() + SignedDuration::from_hours(24) };
    EventQuery { range, filters: Filters::default(), order: Order::NewestFirst }
}

impl Asked<'_> {
    async fn put(&self, events: impl IntoIterator<Item = Event>) -> Vec<PutOutcome> {
        let events: Vec<ToPut> = events.into_iter().map(to_put).collect();
        let outcomes = self.tenant.act(self.store.put(&self.tenant, &events)).await;
        outcomes.into_iter().map(Result::unwrap).collect()
    }

    async fn page(&self, query: &EventQuery, limit: usize, after: Option<&Position>) -> EventPage {
        self.tenant.act(self.store.query(&self.tenant, query, limit, after)).await.unwrap()
    }

    /// Every page of at most `limit`; the requests of its events, in order.
    async fn all(&self, query: &EventQuery, limit: usize) -> Vec<String> {
        let (mut found, mut after) = (vec![], None);
        loop {
            let page = self.page(query, limit, after.as_ref()).await;
            assert!(page.events.len() <= limit);
            found.extend(page.events.into_iter().map(|event| event.request_id));
            after = page.next;
            if after.is_none() {
                return found;
            }
        }
    }

    async fn get(&self, n: &str) -> Option<Event> {
        let id = EventId::of(&format!("req-{n}"), "default").unwrap();
        self.tenant.act(self.store.get(&self.tenant, &id)).await.unwrap()
    }
}
