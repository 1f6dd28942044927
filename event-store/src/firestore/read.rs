//! Reading by time.

use super::{
    Firestore,
    document::{Collection, EVENT_TIME, EVENTS, text, wanted},
    refusal::refusal,
};
use crate::{EventPage, EventQuery, Order, Position, StoreError, dynamodb::time_key};
use firestore::{
    FirestoreQueryDirection, FirestoreQueryFilter, FirestoreQueryFilterCompare, FirestoreQueryFilterComposite,
    FirestoreQueryFilterCompositeOperator, FirestoreQueryParams, FirestoreValue,
};
use gcloud_sdk::{
    google::firestore::v1::{Document, RunQueryRequest, run_query_request::QueryType},
    prost::Message,
};

/// A page ends where it has so many bytes.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// What is asked for, after a place; nothing where no time is in the range.
///
/// A time's key has the event's name in it: no two are equal, and what is before or behind a place is so by this one field.
fn asked(query: &EventQuery, limit: u32, after: Option<&Position>) -> Option<FirestoreQueryParams> {
    if query.range.to <= query.range.from {
        return None;
    }
    let (from, to) = (time_key(query.range.from, None), time_key(query.range.to, None));
    let place = after.map(|at| time_key(at.timestamp, Some(&at.event_id)));
    let since = |key| FirestoreQueryFilterCompare::GreaterThanOrEqual(EVENT_TIME.to_owned(), value(key));
    let behind = |key| FirestoreQueryFilterCompare::GreaterThan(EVENT_TIME.to_owned(), value(key));
    let before = |key| FirestoreQueryFilterCompare::LessThan(EVENT_TIME.to_owned(), value(key));
    let (between, direction) = match (query.order, place) {
        (Order::NewestFirst, place) => {
            let end = place.map_or(to.clone(), |place| place.min(to));
            ([since(from), before(end)], FirestoreQueryDirection::Descending)
        }
        (Order::OldestFirst, Some(place)) if place > from => {
            ([behind(place), before(to)], FirestoreQueryDirection::Ascending)
        }
        (Order::OldestFirst, _) => ([since(from), before(to)], FirestoreQueryDirection::Ascending),
    };
    let equal = |(field, digest): (&str, String)| FirestoreQueryFilterCompare::Equal(field.to_owned(), value(digest));
    let all = wanted(&query.filters).into_iter().map(equal).chain(between);
    let all = all.map(|compared| FirestoreQueryFilter::Compare(Some(compared))).collect();
    let filter = FirestoreQueryFilterComposite::new(all, FirestoreQueryFilterCompositeOperator::And);
    let params = FirestoreQueryParams::new(EVENTS.into()).with_filter(FirestoreQueryFilter::Composite(filter));
    Some(params.with_order_by(vec![(EVENT_TIME, direction).into()]).with_limit(limit))
}

fn value(key: String) -> FirestoreValue {
    FirestoreValue::from(text(key))
}

/// A page of at most `limit` events after a place.
pub(super) async fn page(
    store: &Firestore,
    collection: &Collection,
    query: &EventQuery,
    limit: usize,
    after: Option<&Position>,
) -> Result<EventPage, StoreError> {
    let limit = limit.max(1);
    // One more than is wanted says whether there is a next page.
    let most = u32::try_from(limit + 1).unwrap_or(u32::MAX).min(i32::MAX as u32);
    let Some(asked) = asked(query, most, after) else { return Ok(EventPage { events: vec![], next: None }) };
    let asked = asked.try_into().map_err(|error: firestore::errors::FirestoreError| StoreError::Form(error.into()))?;
    let request = RunQueryRequest {
        parent: collection.parent.clone(),
        query_type: Some(QueryType::StructuredQuery(asked)),
        ..Default::default()
    };
    let (mut found, mut more) = store
        .ask(request, |mut client, request| async move {
            let mut answers = client.run_query(request).await?.into_inner();
            let (mut found, mut bytes) = (Vec::<Document>::new(), 0);
            while let Some(answer) = answers.message().await? {
                bytes += answer.encoded_len();
                found.extend(answer.document);
                if bytes >= MOST_BYTES {
                    return Ok((found, true));
                }
            }
            Ok((found, false))
        })
        .await
        .map_err(|status| refusal(&status))?;
    if found.len() > limit {
        found.truncate(limit);
        more = true;
    }
    let events = found.iter().map(|document| collection.event(document)).collect::<Result<Vec<_>, _>>()?;
    let next = if more { events.last().map(Position::of) } else { None };
    // The server found them by digests of what is asked for.
    let events = events.into_iter().filter(|event| query.filters.hold(event)).collect();
    Ok(EventPage { events, next })
}

#[cfg(test)]
mod tests;
