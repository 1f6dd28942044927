//! Counting without keeping what is counted.

use crate::{Dimension, Event, EventQuery, EventStore, Filters, Order, Range, StoreError};
use serde::{Deserialize, Serialize};
use shared::tenant::TenantScope;
use std::collections::{BTreeMap, HashMap};

/// The most dimensions that events are grouped by.
pub const MAX_DIMENSIONS: usize = 3;
/// How many events are read at a time.
const PAGE: usize = 1_000;

/// What is counted or added up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measure {
    /// The events.
    Events,
    /// The different people that they are about.
    UniqueUsers,
    /// The different sessions that they belong to.
    UniqueSessions,
    /// The share of sessions that have one of the events alone.
    BounceRate,
    /// The numbers at a path in their payloads, names parted by dots.
    Sum(String),
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateQuery {
    /// When the events happened.
    pub range: Range,
    /// What they must have.
    pub filters: Filters,
    /// What is counted of them.
    pub measure: Measure,
    /// By what they are grouped, at most [`MAX_DIMENSIONS`].
    pub group_by: Vec<Dimension>,
    /// How many events are read at most.
    pub budget: usize,
}

/// The events of one combination of values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The values of the dimensions, in the order in which these were asked for; `None` for events without one.
    pub values: Vec<Option<String>>,
    /// What was counted.
    pub value: f64,
}

/// Whether all was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exactness {
    /// Every event of the range.
    Exact,
    /// The newest of them alone: so many were read, and there are more.
    Truncated {
        /// How many events were read.
        read: usize,
    },
}

/// What was counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Of all events together. Of different people or sessions, each counts once, in however many groups it is.
    pub total: f64,
    /// By the values of the dimensions, in their order.
    pub groups: Vec<Group>,
    /// Whether all was counted.
    pub exactness: Exactness,
}

/// What is known of the events of a group.
#[derive(Default)]
struct Tally {
    sum: f64,
    /// How often each person or session came.
    seen: HashMap<String, u32>,
}

impl Tally {
    fn take(&mut self, event: &Event, measure: &Measure) {
        match measure {
            Measure::Events => self.sum += 1.0,
            Measure::UniqueUsers => self.saw(&event.user_id),
            Measure::UniqueSessions | Measure::BounceRate => self.saw(&event.session_id),
            Measure::Sum(path) => self.sum += number(event, path).unwrap_or_default(),
        }
    }

    fn saw(&mut self, name: &Option<String>) {
        if let Some(name) = name {
            *self.seen.entry(name.clone()).or_default() += 1;
        }
    }

    fn value(&self, measure: &Measure) -> f64 {
        match measure {
            Measure::Events | Measure::Sum(_) => self.sum,
            Measure::UniqueUsers | Measure::UniqueSessions => self.seen.len() as f64,
            Measure::BounceRate if self.seen.is_empty() => 0.0,
            Measure::BounceRate => {
                self.seen.values().filter(|times| **times == 1).count() as f64 / self.seen.len() as f64
            }
        }
    }
}

/// The number at a path in the payload; of what is none, nothing.
fn number(event: &Event, path: &str) -> Option<f64> {
    let payload: serde_json::Value = serde_json::from_str(event.payload.get()).ok()?;
    path.split('.').try_fold(&payload, |value, name| value.get(name))?.as_f64().filter(|number| number.is_finite())
}

/// Counts by reading events, newest first, until the budget is used up.
///
/// # Errors
///
/// Those of the store.
pub async fn fold(
    store: &dyn EventStore,
    tenant: &TenantScope,
    asked: &AggregateQuery,
) -> Result<Aggregate, StoreError> {
    let query = EventQuery { range: asked.range, filters: asked.filters.clone(), order: Order::NewestFirst };
    let (mut all, mut groups) = (Tally::default(), BTreeMap::<Vec<Option<String>>, Tally>::new());
    let (mut read, mut after) = (0, None);
    let exactness = loop {
        let page = store.query(tenant, &query, PAGE.min(asked.budget - read), after.as_ref()).await?;
        read += page.events.len();
        for event in &page.events {
            let value = |dimension: &Dimension| event.dimension(*dimension).map(ToOwned::to_owned);
            all.take(event, &asked.measure);
            groups.entry(asked.group_by.iter().map(value).collect()).or_default().take(event, &asked.measure);
        }
        after = page.next;
        match after {
            None => break Exactness::Exact,
            Some(_) if read >= asked.budget => break Exactness::Truncated { read },
            Some(_) => {}
        }
    };
    let group = |(values, tally): (_, Tally)| Group { values, value: tally.value(&asked.measure) };
    Ok(Aggregate { total: all.value(&asked.measure), groups: groups.into_iter().map(group).collect(), exactness })
}
