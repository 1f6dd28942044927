//! Counting without keeping what is counted.

use crate::{
    Dimension, Event, EventQuery, EventStore, Filters, Order, Position, Range, StoreError,
    rollup::{
        crowd::{Crowd, digest},
        pack::{Places, Rolled},
        sums::{Sum, number},
        tally::Combination,
    },
};
use serde::{Deserialize, Serialize};
use shared::tenant::TenantScope;
use std::collections::{BTreeMap, BTreeSet};

/// The type of events of which a session that bounces has one.
pub const PAGE_VIEW: &str = "pageview";
/// The most dimensions that events are grouped by.
pub const MAX_DIMENSIONS: usize = 3;
/// How many events are read at a time.
pub(crate) const PAGE: usize = 1_000;

/// What is counted or added up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

impl Measure {
    /// Whether it is a number of things, and so a whole one.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Events | Self::UniqueUsers | Self::UniqueSessions)
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AggregateQuery {
    /// When the events happened.
    pub range: Range,
    /// What they must have.
    pub filters: Filters,
    /// Of which types they are; of any, where none is named.
    pub types: BTreeSet<String>,
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
    /// Every event of the range; but there are so many people or sessions that their number is an estimate.
    Estimate,
    /// Not every event: so many were read, and there are more.
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

impl AggregateQuery {
    /// Whether events matter to it by no other value than their type.
    pub fn is_of_types(&self) -> bool {
        let Filters { dimensions, user_id, session_id } = &self.filters;
        (user_id.is_none() && session_id.is_none())
            && dimensions.keys().chain(&self.group_by).all(|dimension| *dimension == Dimension::EventType)
    }

    /// Whether events of this combination of values are asked for, as far as these say.
    pub fn wants(&self, combination: &Combination) -> bool {
        let kind = combination.value(Dimension::EventType).unwrap_or_default();
        (self.types.is_empty() || self.types.contains(kind))
            && self.filters.dimensions.iter().all(|(of, value)| combination.value(*of) == Some(value))
    }
}

/// What is known of the events of a group.
#[derive(Clone, Debug, Default)]
struct Found {
    events: u64,
    sum: Sum,
    crowd: Crowd,
    /// Whether some of the crowd was not known one by one when it came.
    is_sketched: bool,
}

impl Found {
    fn join(&mut self, other: &Self) {
        self.events += other.events;
        self.sum.join(&other.sum);
        self.crowd.join(&other.crowd);
    }

    /// Whether crowds in brief say all there is to say of it.
    fn is_told_in_brief(&self, measure: &Measure) -> bool {
        let is_share = *measure == Measure::BounceRate;
        !self.is_sketched || self.crowd.is_surely_many() && (!is_share || self.crowd.is_fair_sample())
    }

    fn value(&self, measure: &Measure) -> f64 {
        match measure {
            Measure::Events => self.events as f64,
            Measure::Sum(_) => self.sum.value(),
            Measure::UniqueUsers | Measure::UniqueSessions => self.crowd.count() as f64,
            Measure::BounceRate => self.crowd.once(),
        }
    }
}

/// What was found, by the values of what is grouped by: of no values where that is nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups(BTreeMap<Vec<Option<String>>, Found>);

impl Groups {
    /// How many bytes they take, about.
    pub(crate) fn bytes(&self) -> usize {
        let values =
            |values: &Vec<Option<String>>| values.iter().flatten().map(|value| 64 + value.len()).sum::<usize>();
        self.0.iter().map(|(group, found)| 128 + values(group) + found.crowd.bytes()).sum()
    }
}

/// The answer to a question, as it grows.
pub(crate) struct Answer<'a> {
    tenant: &'a TenantScope,
    asked: &'a AggregateQuery,
    groups: Groups,
}

impl<'a> Answer<'a> {
    /// Nothing yet.
    pub(crate) fn to(tenant: &'a TenantScope, asked: &'a AggregateQuery) -> Self {
        Self::going_on(tenant, asked, Groups::default())
    }

    /// What was found before.
    pub(crate) fn going_on(tenant: &'a TenantScope, asked: &'a AggregateQuery, groups: Groups) -> Self {
        Self { tenant, asked, groups }
    }

    /// What was found so far.
    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Counts an event that is asked for.
    pub(crate) fn take(&mut self, event: &Event) {
        let value = |dimension: &Dimension| event.dimension(*dimension).map(ToOwned::to_owned);
        let values = self.asked.group_by.iter().map(value).collect();
        let (measure, tenant) = (&self.asked.measure, self.tenant);
        let who = match measure {
            Measure::Events | Measure::Sum(_) => None,
            Measure::UniqueUsers => event.user_id.as_deref(),
            Measure::UniqueSessions | Measure::BounceRate => event.session_id.as_deref(),
        };
        let who = who.map(|name| digest(tenant, name));
        let number = match measure {
            Measure::Sum(path) => number(&event.payload, path),
            _ => None,
        };
        let found = self.groups.0.entry(values).or_default();
        found.events += 1;
        number.iter().for_each(|number| found.sum.add(*number));
        who.iter().for_each(|who| found.crowd.saw(*who, 1));
    }

    /// Counts those events of a roll-up that are asked for, if it says what is asked of them.
    pub(crate) fn take_all(&mut self, rolled: &Rolled) -> bool {
        let Some(wanted) = Wanted::of(self.asked, rolled) else { return true };
        if rolled.combinations().any(|(_, places)| wanted.has(places) && rolled.is_left_out(places)) {
            return false;
        }
        let path = if let Measure::Sum(path) = &self.asked.measure { rolled.place(path) } else { None };
        // Which combinations there are in each group, by the numbers of the values that are grouped by.
        let mut groups: BTreeMap<Places, Vec<usize>> = BTreeMap::new();
        for (at, places) in rolled.combinations().filter(|(_, places)| wanted.has(places)) {
            let mut group = Places::default();
            self.asked.group_by.iter().for_each(|of| group[*of as usize] = places[*of as usize]);
            groups.entry(group).or_default().push(at);
        }
        for (group, combinations) in groups {
            let value = |dimension: &Dimension| rolled.value(&group, *dimension).map(ToOwned::to_owned);
            let found = self.groups.0.entry(self.asked.group_by.iter().map(value).collect()).or_default();
            for at in combinations {
                found.events += rolled.events(at);
                path.and_then(|path| rolled.sum(at, path)).iter().for_each(|sum| found.sum.join(sum));
                if let Some(crowd) = rolled.crowd(at) {
                    found.is_sketched |= !crowd.is_exact();
                    found.crowd.join_listed(crowd);
                }
            }
        }
        true
    }

    /// Whether what crowds in brief have said of each group is all there is to say.
    pub(crate) fn is_told_in_brief(&self) -> bool {
        self.groups.0.values().all(|found| found.is_told_in_brief(&self.asked.measure))
    }

    /// The answer, where so many events were read and there are more, or none are left.
    pub(crate) fn told(self, truncated: Option<usize>) -> Aggregate {
        let (measure, mut groups) = (&self.asked.measure, self.groups.0.values());
        let mut all = groups.next().cloned().unwrap_or_default();
        groups.for_each(|found| all.join(found));
        let exact = all.crowd.is_exact() && self.groups.0.values().all(|found| found.crowd.is_exact());
        let exactness = match truncated {
            Some(read) => Exactness::Truncated { read },
            None if exact => Exactness::Exact,
            None => Exactness::Estimate,
        };
        let group = |(values, found): (_, Found)| Group { values, value: found.value(measure) };
        let groups = self.groups.0.into_iter().map(group).collect();
        Aggregate { total: all.value(measure), groups, exactness }
    }
}

/// What a combination must have to be asked for, by the numbers of a roll-up.
struct Wanted {
    /// The types, one of which it has; any, where nothing is said.
    types: Option<Vec<u32>>,
    /// The values that it has.
    values: Vec<(Dimension, u32)>,
}

impl Wanted {
    /// Nothing where none of the roll-up can have it.
    fn of(asked: &AggregateQuery, rolled: &Rolled) -> Option<Self> {
        let values = asked.filters.dimensions.iter().map(|(of, value)| Some((*of, rolled.place(value)?)));
        let types = asked.types.iter().filter_map(|kind| rolled.place(kind)).collect();
        Some(Self { types: (!asked.types.is_empty()).then_some(types), values: values.collect::<Option<_>>()? })
    }

    fn has(&self, places: &Places) -> bool {
        let kind = places[Dimension::EventType as usize];
        self.types.as_ref().is_none_or(|types| types.contains(&kind))
            && self.values.iter().all(|(of, place)| places[*of as usize] == *place)
    }
}

/// Counts by reading events, newest first, until the budget is used up. Each type that is asked for has an equal share of it.
///
/// # Errors
///
/// Those of the store.
pub async fn fold(
    store: &dyn EventStore,
    tenant: &TenantScope,
    asked: &AggregateQuery,
) -> Result<Aggregate, StoreError> {
    let mut answer = Answer::to(tenant, asked);
    let (mut read, mut truncated) = (0, false);
    let budget = asked.budget / asked.types.len().max(1);
    for filters in by_type(asked) {
        let query = EventQuery { range: asked.range, filters, order: Order::NewestFirst };
        let (some, all) = walk(store, tenant, &query, None, budget, &mut |event| answer.take(event)).await?;
        (read, truncated) = (read + some, truncated || !all);
    }
    Ok(answer.told(truncated.then_some(read)))
}

/// The filters, for each of the types that are asked for.
fn by_type(asked: &AggregateQuery) -> Vec<Filters> {
    if asked.types.is_empty() {
        return vec![asked.filters.clone()];
    }
    let other = |kind: &&String| asked.filters.dimensions.get(&Dimension::EventType).is_none_or(|only| only == *kind);
    let with = |kind: &String| {
        let mut filters = asked.filters.clone();
        filters.dimensions.insert(Dimension::EventType, kind.clone());
        filters
    };
    asked.types.iter().filter(other).map(with).collect()
}

/// Reads up to `budget` events after a place; how many there were, and whether that is all.
///
/// # Errors
///
/// Those of the store.
pub(crate) async fn walk(
    store: &dyn EventStore,
    tenant: &TenantScope,
    query: &EventQuery,
    mut after: Option<Position>,
    budget: usize,
    take: &mut (dyn FnMut(&Event) + Send),
) -> Result<(usize, bool), StoreError> {
    let mut read = 0;
    loop {
        // One more than is left says whether there is more.
        let page = store.query(tenant, query, PAGE.min(budget - read).max(1), after.as_ref()).await?;
        if read >= budget && !page.events.is_empty() {
            return Ok((read, false));
        }
        read += page.events.len();
        page.events.iter().for_each(&mut *take);
        after = page.next;
        if after.is_none() {
            return Ok((read, true));
        }
    }
}
