//! Reading by time: the partitions side by side, merged.

use super::{
    CALL, event,
    fault::{odd, refusal, within},
    partition,
};
use crate::{
    EventPage, EventQuery, Filters, Order, Position, StoreError,
    keys::{self, person, time_key},
    merge::{Merge, Part, Parts},
};
use azure_data_cosmos::{ContainerClient, FeedScope, Query, feed::QueryFeedPage};
use futures::TryStreamExt;
use serde::Deserialize;
use shared::tenant::TenantScope;

/// What a query gives of an item.
#[derive(Deserialize)]
struct Found {
    event_time: String,
    event: String,
}

/// Which part of a tenant's partitions is read.
struct Slice<'a> {
    container: &'a ContainerClient,
    tenant: &'a TenantScope,
    /// The first and the last key.
    between: (String, String),
    filters: &'a Filters,
    newest_first: bool,
}

impl Slice<'_> {
    /// The query of `count` items of a partition. What is asked for stands in parameters, and none of it in the text.
    fn query(&self, pk: &str, after: Option<&str>, count: usize) -> azure_data_cosmos::Result<Query> {
        let (order, beyond) = if self.newest_first { ("DESC", "<") } else { ("ASC", ">") };
        let mut held = vec![("pk", "=", pk)];
        held.extend([("event_time", ">=", self.between.0.as_str()), ("event_time", "<=", self.between.1.as_str())]);
        held.extend(after.map(|after| ("event_time", beyond, after)));
        let person = self.filters.user_id.as_deref().map(person);
        held.extend(person.as_deref().map(|person| ("person", "=", person)));
        held.extend(self.filters.session_id.as_deref().map(|session| ("session_id", "=", session)));
        let dimensions = self.filters.dimensions.iter();
        held.extend(dimensions.map(|(dimension, value)| (dimension.as_str(), "=", value.as_str())));
        let all: Vec<String> =
            held.iter().enumerate().map(|(n, (name, is, _))| format!("c.{name} {is} @p{n}")).collect();
        let all = all.join(" AND ");
        let text = format!("SELECT TOP {count} c.event_time, c.event FROM c WHERE {all} ORDER BY c.event_time {order}");
        let mut values = held.iter().enumerate();
        values.try_fold(Query::from(text), |query, (n, (_, _, value))| query.with_parameter(format!("@p{n}"), value))
    }
}

impl Parts for Slice<'_> {
    type Item = String;
    type Place = String;

    async fn read(&self, shard: u32, after: Option<String>, count: usize) -> Result<Part<String, String>, StoreError> {
        let pk = partition(self.tenant, shard);
        let pages = async {
            let query = self.query(&pk, after.as_deref(), count)?;
            let found = self.container.query_items::<Found>(query, FeedScope::partition(pk), None).await?;
            found.into_pages().try_collect::<Vec<_>>().await
        };
        let pages = within(CALL, pages).await?.map_err(|error| refusal(&error))?;
        // The client takes an answer without a body for one without items: the service says how many there are.
        let counted =
            |page: &QueryFeedPage<Found>| page.headers().item_count() == u32::try_from(page.items().len()).ok();
        if !pages.iter().all(|page| !page.items().is_empty() || counted(page)) {
            return Err(StoreError::Form(odd("a page of a query does not say that it has no items")));
        }
        let found: Vec<Found> = pages.into_iter().flat_map(QueryFeedPage::into_items).collect();
        // A whole read is all that there is, or as many as were asked for.
        let next = (found.len() >= count).then(|| found.last().map(|last| last.event_time.clone())).flatten();
        Ok(Part { found: found.into_iter().map(|found| (found.event_time, found.event)).collect(), next })
    }
}

/// A page of at most `limit` events after a place.
pub(super) async fn page(
    container: &ContainerClient,
    tenant: &TenantScope,
    query: &EventQuery,
    limit: usize,
    after: Option<&Position>,
) -> Result<EventPage, StoreError> {
    let nothing = Ok(EventPage { events: vec![], next: None });
    let Some(between) = keys::between(&query.range) else { return nothing };
    let newest_first = query.order == Order::NewestFirst;
    let slice = Slice { container, tenant, between, filters: &query.filters, newest_first };
    // A place is one in every partition, whether the event that it names lies there or not.
    let after = after.map(|at| time_key(at.timestamp, Some(&at.event_id)));
    let mut merge = Merge::new(slice, after, newest_first);
    let found = merge.next(limit).await?;
    let Some((last, _)) = found.last() else { return nothing };
    let next = match merge.more() {
        true => Some(keys::position(last).ok_or_else(|| StoreError::Form(odd("an item's time is none")))?),
        false => None,
    };
    let events = found.iter().map(|(_, text)| event(text)).collect::<Result<Vec<_>, _>>()?;
    // What the account holds to be equal, and is not, is left out.
    let events = events.into_iter().filter(|event| query.filters.hold(event)).collect();
    Ok(EventPage { events, next })
}
