//! The emulator answers every query without an index, and the store itself none: each query is held to the file here.

use super::*;
use crate::{Dimension, EventId, Filters, Range};
use firestore::FirestoreQueryCollection;
use jiff::Timestamp;
use serde::Deserialize;
use shared::tenant::{Sweep, TenantScope};
use std::collections::BTreeSet;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    indexes: Vec<Index>,
    field_overrides: Vec<Override>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Index {
    collection_group: String,
    query_scope: String,
    fields: Vec<IndexField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IndexField {
    field_path: String,
    order: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Override {
    collection_group: String,
    field_path: String,
    indexes: Vec<serde_json::Value>,
}

fn file() -> File {
    serde_json::from_str(include_str!("../../../firestore.indexes.json")).unwrap()
}

/// The members that can be asked for, as fields.
fn members() -> Vec<&'static str> {
    Dimension::ALL.map(Dimension::as_str).into_iter().chain(["user_id", "session_id"]).collect()
}

fn filters(fields: impl IntoIterator<Item = &'static str>) -> Filters {
    let mut filters = Filters::default();
    for field in fields {
        match field {
            "user_id" => filters.user_id = Some("x".to_owned()),
            "session_id" => filters.session_id = Some("x".to_owned()),
            dimension => drop(filters.dimensions.insert(dimension.parse().unwrap(), "x".to_owned())),
        }
    }
    filters
}

fn query(filters: Filters, order: Order) -> EventQuery {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    EventQuery { range: Range { from: at("2026-03-01T00:00:00Z"), to: at("2026-03-02T00:00:00Z") }, filters, order }
}

fn place(time: &str) -> Position {
    Position { timestamp: time.parse().unwrap(), event_id: EventId::of("r", "s").unwrap() }
}

/// What a query compares: the fields that must be equal, and the bounds of those that must lie between.
fn compared(params: &FirestoreQueryParams) -> (BTreeSet<String>, Vec<(String, &'static str, String)>) {
    let Some(FirestoreQueryFilter::Composite(all)) = &params.filter else { panic!("{params:?}") };
    let (mut equal, mut between) = (BTreeSet::new(), vec![]);
    let said = |value: &FirestoreValue| match &value.value.value_type {
        Some(gcloud_sdk::google::firestore::v1::value::ValueType::StringValue(text)) => text.clone(),
        other => panic!("{other:?}"),
    };
    for one in &all.for_all_filters {
        match one {
            FirestoreQueryFilter::Compare(Some(FirestoreQueryFilterCompare::Equal(field, _))) => {
                equal.insert(field.clone());
            }
            FirestoreQueryFilter::Compare(Some(FirestoreQueryFilterCompare::GreaterThan(field, value))) => {
                between.push((field.clone(), ">", said(value)));
            }
            FirestoreQueryFilter::Compare(Some(FirestoreQueryFilterCompare::GreaterThanOrEqual(field, value))) => {
                between.push((field.clone(), ">=", said(value)));
            }
            FirestoreQueryFilter::Compare(Some(FirestoreQueryFilterCompare::LessThan(field, value))) => {
                between.push((field.clone(), "<", said(value)));
            }
            other => panic!("no index is known to serve {other:?}"),
        }
    }
    (equal, between)
}

/// Whether the file has what serves a query: the store's own index of one field, or some that together have every field which must be
/// equal and go on in the order that is asked for. The store merges those.
fn is_served(file: &File, params: &FirestoreQueryParams) -> bool {
    let (equal, between) = compared(params);
    let [order] = params.order_by.as_deref().unwrap() else { panic!("{params:?}") };
    let FirestoreQueryCollection::Single(collection) = &params.collection_id else { panic!("{params:?}") };
    assert!(between.iter().all(|(field, ..)| *field == order.field_name), "it is sorted by what it is cut by");
    let direction = match order.direction {
        FirestoreQueryDirection::Ascending => "ASCENDING",
        FirestoreQueryDirection::Descending => "DESCENDING",
    };
    let of_its_own = |one: &&Override| one.collection_group == *collection && one.field_path == order.field_name;
    if equal.is_empty() {
        return !file.field_overrides.iter().any(|one| of_its_own(&one));
    }
    let serves = |index: &&Index| {
        let (last, first) = index.fields.split_last().unwrap();
        let order = last.field_path == order.field_name && last.order == direction;
        let place = index.collection_group == *collection && index.query_scope == "COLLECTION";
        place && order && first.iter().all(|field| equal.contains(&field.field_path))
    };
    let served = file.indexes.iter().filter(serves).flat_map(|index| &index.fields).map(|field| &field.field_path);
    let served: BTreeSet<&String> = served.filter(|field| **field != order.field_name).collect();
    served == equal.iter().collect()
}

#[test]
fn every_query_that_can_be_made_is_served_by_an_index_of_the_file() {
    let (file, members) = (file(), members());
    for chosen in 0_u32..1 << members.len() {
        let fields = || members.iter().enumerate().filter(|(n, _)| chosen & (1 << n) != 0).map(|(_, field)| *field);
        for order in [Order::NewestFirst, Order::OldestFirst] {
            for after in [None, Some(place("2026-03-01T12:00:00Z"))] {
                let params = asked(&query(filters(fields()), order), 100, after.as_ref()).unwrap();
                assert_eq!(compared(&params).0, fields().map(ToOwned::to_owned).collect());
                assert!(is_served(&file, &params), "{order:?} {:?}", fields().collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn a_query_without_its_index_is_seen_to_lack_it() {
    let mut lacking = file();
    let newest = asked(&query(filters(["app", "user_id"]), Order::NewestFirst), 1, None).unwrap();
    let oldest = asked(&query(filters(["app", "user_id"]), Order::OldestFirst), 1, None).unwrap();
    lacking.indexes.retain(|index| index.fields[0].field_path != "app" || index.fields[1].order != "DESCENDING");
    assert!(!is_served(&lacking, &newest) && is_served(&lacking, &oldest));
    let none = asked(&query(Filters::default(), Order::OldestFirst), 1, None).unwrap();
    lacking.field_overrides.push(Override {
        collection_group: EVENTS.to_owned(),
        field_path: EVENT_TIME.to_owned(),
        indexes: vec![],
    });
    assert!(!is_served(&lacking, &none));
}

#[test]
fn the_file_has_no_index_that_no_query_needs_and_spares_every_field_that_none_looks_for_alone() {
    let (file, members) = (file(), members());
    assert_eq!(file.indexes.len(), 2 * members.len());
    let spared: BTreeSet<&str> = file.field_overrides.iter().map(|one| one.field_path.as_str()).collect();
    assert!(file.field_overrides.iter().all(|one| one.indexes.is_empty() && one.collection_group == EVENTS));
    let event: crate::Event = serde_json::from_value(serde_json::json!({
        "event_id": "r#s", "event_type": "a", "project_id": "p", "request_id": "r", "user_id": "u", "session_id": "s",
        "utm_source": "a", "utm_medium": "a", "utm_campaign": "a", "utm_content": "a", "utm_term": "a", "app": "a",
        "surface": "a", "platform": "a", "payload": {}, "timestamp": "2026-03-01T00:00:00Z",
        "received_at": "2026-03-01T00:00:00Z",
    }))
    .unwrap();
    let tenant = TenantScope::for_job(Sweep::OutboxDrain, "t_acme".parse().unwrap());
    let put = crate::store::ToPut { fingerprint: event.fingerprint(None), event };
    let write = Collection::of("projects/p/databases/(default)/documents", "c", &tenant).create(&put).unwrap();
    let Some(gcloud_sdk::google::firestore::v1::write::Operation::Update(document)) = write.operation else { panic!() };
    let name = "projects/p/databases/(default)/documents/c/t_acme/analytics_events/";
    assert!(document.name.starts_with(name) && document.name.ends_with("#r#s"), "{}", document.name);
    let written: BTreeSet<&str> = document.fields.keys().map(String::as_str).collect();
    assert_eq!(written, spared.iter().copied().chain([EVENT_TIME]).collect());
}

#[test]
fn a_place_cuts_the_range_on_the_side_where_it_goes_on_and_never_widens_it() {
    let cut = |order, time| {
        let params = asked(&query(Filters::default(), order), 1, Some(&place(time))).unwrap();
        let (_, between) = compared(&params);
        between.into_iter().map(|(_, how, key)| (how, key)).collect::<Vec<_>>()
    };
    let key = |time: &str| time_key(time.parse().unwrap(), None);
    let (from, to) = (key("2026-03-01T00:00:00Z"), key("2026-03-02T00:00:00Z"));
    let noon = format!("{}#r#s", key("2026-03-01T12:00:00Z"));
    let (newest, oldest) = (Order::NewestFirst, Order::OldestFirst);
    assert_eq!(cut(newest, "2026-03-01T12:00:00Z"), [(">=", from.clone()), ("<", noon.clone())]);
    assert_eq!(cut(oldest, "2026-03-01T12:00:00Z"), [(">", noon), ("<", to.clone())]);
    assert_eq!(cut(newest, "2026-03-05T00:00:00Z"), [(">=", from.clone()), ("<", to.clone())]);
    assert_eq!(cut(oldest, "2026-02-05T00:00:00Z"), [(">=", from), ("<", to)]);
    let mut turned = query(Filters::default(), newest);
    turned.range = Range { from: turned.range.to, to: turned.range.from };
    assert!(asked(&turned, 1, None).is_none());
}
