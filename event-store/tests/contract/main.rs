//! What every store of events must do, asked of each that there is.
#![allow(clippy::unwrap_used)]

mod cases;
#[cfg(feature = "cosmos")]
mod cosmos;
mod dynamodb;
mod edges;
#[cfg(feature = "firestore")]
mod firestore;

use event_store::{
    Event, EventId, EventPage, EventQuery, EventStore, Filters, Order, Position, PutOutcome, Range, store::ToPut,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::tenant::{Sweep, TenantScope};

/// Has a store asked each case. Of one that may be missing on this machine, `start` says so, or fails: `where it is there`.
macro_rules! keeps_the_contract {
    ($start:path) => { crate::keeps_the_contract! { @all always $start } };
    ($start:path, where it is there) => { crate::keeps_the_contract! { @all there $start } };
    (@all $when:ident $start:path) => { crate::keeps_the_contract! { @each $when $start:
        an_event_comes_back_as_it_was_put
        what_is_put_again_is_kept_once_and_another_of_its_name_not_at_all
        of_many_that_put_one_event_at_once_one_stores_it
        pages_follow_each_other_in_either_order_without_a_gap
        a_range_holds_its_first_moment_and_not_its_last
        what_is_asked_for_has_all_that_is_asked
        what_is_deleted_is_found_no_more_and_can_be_put_again
        one_tenant_sees_changes_and_deletes_nothing_of_another
        counting_is_by_what_events_have_and_says_where_it_ends
        values_are_one_only_where_they_are_to_the_letter
        events_of_one_moment_are_parted_by_their_names
        times_are_told_apart_to_the_nanosecond
        five_hundred_are_put_at_once_and_each_is_told_of
        names_that_look_alike_or_taken_are_names_of_their_own
        long_and_foreign_values_come_back_and_are_found
        each_member_is_a_filter_of_its_own_in_either_order
        a_place_outlives_the_event_that_it_names
        much_is_put_and_read_without_a_gap
    } };
    (@each $when:ident $start:path: $($case:ident)*) => { $(crate::keeps_the_contract! { @one $when $start, $case })* };
    (@one always $start:path, $case:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $case() {
            let store = $start().await;
            crate::cases::$case(&crate::Asked { store: &store, tenant: crate::tenant(stringify!($case)) }).await;
        }
    };
    (@one there $start:path, $case:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $case() {
            let Some(store) = $start().await else { return };
            crate::cases::$case(&crate::Asked { store: &store, tenant: crate::tenant(stringify!($case)) }).await;
        }
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
