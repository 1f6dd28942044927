//! Reading by time: the partitions' indexes side by side, merged.

use super::{EVENT_TIME, EVENT_USER, Row, SHARDS, cut, fault, key, partition, person, time_key, time_of};
use crate::{Event, EventId, EventPage, EventQuery, Order, Position, StoreError};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Deserialize;
use shared::table::{Listing, Place, TenantTable};
use std::collections::{BTreeMap, VecDeque};

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

/// One partition on the way of a page.
struct Shard {
    number: u32,
    /// What was read and not yet taken, in order: the sort key of the time, and the event.
    ready: VecDeque<(String, EventId)>,
    /// Where the next read begins.
    after: Option<Place>,
    /// Whether there is no more to read.
    done: bool,
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
        let last = query.range.to.checked_sub(jiff::SignedDuration::from_nanos(1)).ok()?;
        if last < query.range.from {
            return None;
        }
        let (index, prefix) = match &query.filters.user_id {
            Some(user) => (EVENT_USER, format!("{}#", person(user))),
            None => (EVENT_TIME, String::new()),
        };
        // `~` sorts behind all that an event's name is made of.
        let between =
            (format!("{prefix}{}", time_key(query.range.from, None)), format!("{prefix}{}~", time_key(last, None)));
        Some(Self { index, prefix, between, newest_first: query.order == Order::NewestFirst })
    }

    fn key(&self, time: Timestamp, id: &EventId) -> String {
        format!("{}{}", self.prefix, time_key(time, Some(id)))
    }

    /// Reads on in a partition.
    async fn read(&self, rows: &TenantTable, shard: &mut Shard, count: usize) -> Result<(), StoreError> {
        let partition = partition(shard.number);
        let listing = Listing::of(&partition, u32::try_from(count).unwrap_or(u32::MAX)).by(self.index);
        let listing = listing.between(&self.between.0, &self.between.1).after(shard.after.take());
        let listing = if self.newest_first { listing.newest_first() } else { listing };
        let page = rows.list::<Keys>(listing).await.map_err(fault)?;
        for keys in page.rows {
            let by = if self.index == EVENT_USER { keys.event_user } else { keys.event_time };
            shard.ready.push_back((by.ok_or_else(|| cut("an index names no time"))?, keys.sk));
        }
        shard.after = page.after;
        shard.done = shard.after.is_none();
        Ok(())
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
    let begin = |number| Shard {
        number,
        ready: VecDeque::new(),
        // A place is one in every partition, whether the event that it names lies there or not.
        after: after.map(|at| Place::in_index(at.event_id.as_str(), slice.key(at.timestamp, &at.event_id))),
        done: false,
    };
    let mut shards: Vec<Shard> = (0..SHARDS).map(begin).collect();
    let (mut events, mut looked_at) = (Vec::new(), 0);
    loop {
        // Few may be wanted of many: what is looked at costs the same call by call as all at once.
        let keys = next(rows, &slice, &mut shards, (limit - events.len()).max(CHUNK)).await?;
        let Some(last) = keys.last() else { return Ok(EventPage { events, next: None }) };
        looked_at += keys.len();
        let more = shards.iter().any(|shard| !shard.done || !shard.ready.is_empty());
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
            return Ok(EventPage { events, next: position(&slice, last) });
        }
    }
}

/// The place of a key of the index.
fn position(slice: &Slice, (by, id): &(String, EventId)) -> Option<Position> {
    let timestamp = time_of(by.strip_prefix(&slice.prefix)?)?;
    Some(Position { timestamp, event_id: id.clone() })
}

/// The next `count` keys of all partitions together, or fewer at the end.
async fn next(
    rows: &TenantTable,
    slice: &Slice,
    shards: &mut [Shard],
    count: usize,
) -> Result<Vec<(String, EventId)>, StoreError> {
    let mut taken = Vec::with_capacity(count);
    // Names are spread evenly: a share of each partition, and some more, mostly does.
    let share = (count / SHARDS as usize * 5 / 4 + 8).min(1_000);
    while taken.len() < count {
        let empty = shards.iter_mut().filter(|shard| shard.ready.is_empty() && !shard.done);
        try_join_all(empty.map(|shard| slice.read(rows, shard, share))).await?;
        if shards.iter().any(|shard| shard.ready.is_empty() && !shard.done) {
            continue;
        }
        let first = shards.iter_mut().filter(|shard| !shard.ready.is_empty());
        let first = match slice.newest_first {
            true => first.max_by(|a, b| a.ready.front().cmp(&b.ready.front())),
            false => first.min_by(|a, b| a.ready.front().cmp(&b.ready.front())),
        };
        let Some(key) = first.and_then(|shard| shard.ready.pop_front()) else { break };
        taken.push(key);
    }
    Ok(taken)
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
