//! Which events are asked for, and where a page ends.

use crate::{Dimension, Event, EventId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// From a time on, and up to before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Hash)]
pub struct Range {
    /// The first time that is in it.
    pub from: Timestamp,
    /// The first time after it.
    pub to: Timestamp,
}

impl Range {
    /// Whether `time` is in it.
    pub fn holds(&self, time: Timestamp) -> bool {
        self.from <= time && time < self.to
    }
}

/// What events must have to be asked for: all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Filters {
    /// Dimensions with these values.
    pub dimensions: BTreeMap<Dimension, String>,
    /// About this person.
    pub user_id: Option<String>,
    /// Of this session.
    pub session_id: Option<String>,
}

impl Filters {
    /// Whether `event` has it all.
    pub fn hold(&self, event: &Event) -> bool {
        let named = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        named(&self.user_id, &event.user_id)
            && named(&self.session_id, &event.session_id)
            && self.dimensions.iter().all(|(dimension, value)| event.dimension(*dimension) == Some(value))
    }

    /// Whether every event has it.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// In which order events come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The last one first.
    #[default]
    NewestFirst,
    /// The first one first.
    OldestFirst,
}

/// Which events are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventQuery {
    /// When they happened.
    pub range: Range,
    /// What they must have.
    pub filters: Filters,
    /// Which come first.
    pub order: Order,
}

/// The place of an event in time: what a page ends at. Events of one time are told apart by their names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// When it happened.
    pub timestamp: Timestamp,
    /// Its name.
    pub event_id: EventId,
}

impl Position {
    /// The place of `event`.
    pub fn of(event: &Event) -> Self {
        Self { timestamp: event.timestamp, event_id: event.event_id.clone() }
    }
}

/// A page of events.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// The events, in the order of the query. There may be none though there is a next page: a store looks at so many events and no more.
    pub events: Vec<Event>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Position>,
}
