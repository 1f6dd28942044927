//! Reading by time: the partitions' indexes side by side, merged.

use super::{EVENT_TIME, EVENT_USER, Row, cut, fault, key, partition};
use crate::{
    Event, EventId, EventPage, EventQuery, Order, Position, StoreError,
    keys::{self, person, time_key},
    merge::{Merge, Part, Parts},
};
use jiff::Timestamp;
use serde::Deserialize;
use shared::table::{Listing, Place, TenantTable};
use std::collections::BTreeMap;

/// The most events that one page looks at.
const LOOKED_AT: usize = 5_000;
/// How many events are looked at together at least.
const CHUNK: usize = 100;

/// What an index holds of an event.
#[derive(Deserialize)]
struct Keys {
    sk: EventId,
    event_time: Option<String>,
    event_user: Option<String>,
}

/// Which part of which index is read.
struct Slice {
    index: &'static str,
    /// What the index's keys begin with before the time.
    prefix: String,
    /// The first and the last key.
    between: (String, String),
    newest_first: bool,
}

impl Slice {
    fn of(query: &EventQuery) -> Option<Self> {
        let (first, last) = keys::between(&query.range)?;
        let (index, prefix) = match &query.filters.user_id {
            Some(user) => (EVENT_USER, format!("{}#", person(user))),
            None => (EVENT_TIME, String::new()),
        };
        let between = (format!("{prefix}{first}"), format!("{prefix}{last}"));
        Some(Self { index, prefix, between, newest_first: query.order == Order::NewestFirst })
    }

    fn key(&self, time: Timestamp, id: &EventId) -> String {
        format!("{}{}", self.prefix, time_key(time, Some(id)))
    }
}

/// A slice of a tenant's table.
struct Slices<'a> {
    rows: &'a TenantTable,
    slice: &'a Slice,
}

impl Parts for Slices<'_> {
    type Item = EventId;
    type Place = Place;

    async fn read(&self, shard: u32, after: Option<Place>, count: usize) -> Result<Part<EventId, Place>, StoreError> {
        let (slice, partition) = (self.slice, partition(shard));
        let listing = Listing::of(&partition, u32::try_from(count).unwrap_or(u32::MAX)).by(slice.index);
        let listing = listing.between(&slice.between.0, &slice.between.1).after(after);
        let listing = if slice.newest_first { listing.newest_first() } else { listing };
        let page = self.rows.list::<Keys>(listing).await.map_err(fault)?;
        let keyed = |keys: Keys| {
            let by = if slice.index == EVENT_USER { keys.event_user } else { keys.event_time };
            Ok((by.ok_or_else(|| cut("an index names no time"))?, keys.sk))
        };
        let found = page.rows.into_iter().map(keyed).collect::<Result<_, StoreError>>()?;
        Ok(Part { found, next: page.after })
    }
}

/// A page of at most `limit` events after a place.
pub(super) async fn page(
    rows: &TenantTable,
    query: &EventQuery,
    limit: usize,
    after: Option<&Position>,
) -> Result<EventPage, StoreError> {
    let Some(slice) = Slice::of(query) else { return Ok(EventPage { events: vec![], next: None }) };
    // A place is one in every partition, whether the event that it names lies there or not.
    let after = after.map(|at| Place::in_index(at.event_id.as_str(), slice.key(at.timestamp, &at.event_id)));
    let mut merge = Merge::new(Slices { rows, slice: &slice }, after, slice.newest_first);
    let (mut events, mut looked_at) = (Vec::new(), 0);
    loop {
        // Few may be wanted of many: what is looked at costs the same call by call as all at once.
        let keys = merge.next((limit - events.len()).max(CHUNK)).await?;
        let Some(last) = keys.last() else { return Ok(EventPage { events, next: None }) };
        looked_at += keys.len();
        let more = merge.more();
        for event in read(rows, keys.iter().map(|(_, id)| id)).await? {
            if !query.filters.hold(&event) {
                continue;
            }
            let at = Position::of(&event);
            events.push(event);
            if events.len() == limit {
                let next = (more || at.event_id != last.1).then_some(at);
                return Ok(EventPage { events, next });
            }
        }
        if !more {
            return Ok(EventPage { events, next: None });
        }
        if looked_at >= LOOKED_AT {
            let next = last.0.strip_prefix(&slice.prefix).and_then(keys::position);
            return Ok(EventPage { events, next: Some(next.ok_or_else(|| cut("an index names no time"))?) });
        }
    }
}

/// The events of these names, in their order, without those that are gone.
async fn read(rows: &TenantTable, ids: impl Iterator<Item = &EventId>) -> Result<Vec<Event>, StoreError> {
    let ids: Vec<&EventId> = ids.collect();
    let keys: Vec<_> = ids.iter().map(|id| key(id)).collect();
    let found: Vec<Row> = rows.get_all(&keys).await.map_err(fault)?;
    let events = found.iter().map(Row::event).collect::<Result<Vec<_>, _>>()?;
    let mut found: BTreeMap<EventId, Event> = events.into_iter().map(|event| (event.event_id.clone(), event)).collect();
    Ok(ids.into_iter().filter_map(|id| found.remove(id)).collect())
}
