//! What is counted is what is stored, whatever happens in between.
#![allow(clippy::unwrap_used)]

mod brief;
mod crashes;
mod door;
mod histories;
mod many;
mod summed;
mod told;

use door::{Door, Fate, World};
use event_store::{
    Aggregate, AggregateQuery, Dimension, Event, EventId, EventStore, Exactness, Filters, Measure, Range, aggregate,
    dynamodb::DynamoDb,
    rollup::{
        Day, Hour,
        answer::aggregate as count,
        kept::Kept,
        seal::{Sealed, Sealer, Verified},
    },
    store::ToPut,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::{
    resilience::Budget,
    tenant::{Sweep, TenantScope},
};
use std::{collections::BTreeSet, time::Duration};

fn tenant() -> TenantScope {
    TenantScope::for_job(Sweep::AnalyticsRollup, "acme".parse().unwrap())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An event of this name and time, with what `more` says of it.
fn event(name: &str, time: Timestamp, more: Value) -> ToPut {
    let mut event = json!({
        "event_id": format!("req-{name}#default"), "event_type": "pageview", "project_id": "web", "request_id": format!("req-{name}"),
        "payload": {"n": 1}, "timestamp": time, "received_at": time,
    });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let event: Event = serde_json::from_str(&event.to_string()).unwrap();
    ToPut { fingerprint: event.fingerprint(None), event }
}

fn id(name: &str) -> EventId {
    EventId::of(&format!("req-{name}"), "default").unwrap()
}

fn range(from: &str, to: &str) -> Range {
    Range { from: at(from), to: at(to) }
}

/// All that there is.
fn always() -> Range {
    Range { from: Timestamp::MIN, to: Timestamp::MAX }
}

fn asked(range: Range, measure: Measure, group_by: &[Dimension]) -> AggregateQuery {
    let group_by = group_by.to_vec();
    AggregateQuery { range, filters: Filters::default(), types: BTreeSet::new(), measure, group_by, budget: 1_000_000 }
}

async fn put(store: &DynamoDb, events: &[ToPut]) {
    let tenant = tenant();
    for outcome in tenant.act(store.put(&tenant, events)).await {
        outcome.unwrap();
    }
}

/// By reading events alone.
async fn read(store: &DynamoDb, asked: &AggregateQuery) -> Aggregate {
    let tenant = tenant();
    tenant.act(aggregate::fold(store, &tenant, asked)).await.unwrap()
}

/// As it is answered.
async fn counted(store: &DynamoDb, asked: &AggregateQuery) -> Aggregate {
    let tenant = tenant();
    tenant.act(count(store, &tenant, asked)).await.unwrap()
}

/// Counts what is marked, of every day that is; with its leases as they are by the clock of the world.
async fn seal(world: &World, store: &DynamoDb) -> Sealed {
    let tenant = tenant();
    let budget = Budget::of(Duration::from_secs(600));
    let work = async {
        let sealer = Sealer::of(store, &tenant, world.clock.now(), budget).unwrap();
        let all = Day::of(Timestamp::MIN)..=Day::of(Timestamp::MAX);
        let mut sealed = Sealed::default();
        for day in store.rollups().unwrap().marks(&tenant, all).await.unwrap().into_keys() {
            sealed += sealer.seal(day).await.unwrap();
        }
        sealed
    };
    tenant.act(work).await
}

async fn verify(world: &World, store: &DynamoDb) -> Verified {
    let tenant = tenant();
    let sealer = Sealer::of(store, &tenant, world.clock.now(), Budget::of(Duration::from_secs(600))).unwrap();
    tenant.act(sealer.verify(always())).await.unwrap()
}

fn of_type(kind: &str) -> Filters {
    Filters { dimensions: [(Dimension::EventType, kind.to_owned())].into(), ..Filters::default() }
}

/// The questions that are asked over and over.
fn questions() -> Vec<AggregateQuery> {
    let cut = range("2026-02-28T10:20:00Z", "2026-03-01T13:40:00Z");
    vec![
        asked(always(), Measure::Events, &[Dimension::App, Dimension::EventType]),
        asked(cut, Measure::Events, &[Dimension::App]),
        asked(cut, Measure::UniqueSessions, &[]),
        asked(always(), Measure::BounceRate, &[Dimension::EventType]),
        asked(always(), Measure::UniqueUsers, &[Dimension::App, Dimension::EventType]),
        asked(always(), Measure::Sum("n".to_owned()), &[Dimension::App]),
        // In brief.
        asked(always(), Measure::UniqueUsers, &[]),
        asked(always(), Measure::UniqueUsers, &[Dimension::App]),
        AggregateQuery { filters: of_type("pageview"), ..asked(always(), Measure::BounceRate, &[]) },
    ]
}

/// Whatever is asked, the answer is what the events say.
async fn is_true(store: &DynamoDb, after: &str) {
    for question in questions() {
        is_true_of(store, &question, after).await;
    }
}

async fn is_true_of(store: &DynamoDb, question: &AggregateQuery, after: &str) {
    let (found, read) = (counted(store, question).await, read(store, question).await);
    assert_eq!(found, read, "{after}: {question:?}");
    assert_eq!(found.exactness, Exactness::Exact);
}

/// How many events had to be read for an answer: none, where roll-ups told it all.
async fn events_read(store: &DynamoDb, door: &Door, question: &AggregateQuery) -> usize {
    door.calls();
    counted(store, question).await;
    door.calls().iter().filter(|call| *call == "BatchGetItem").count()
}
