//! Listing events.

use super::{QUERY, range::Asked, service_or};
use crate::{
    App, Error,
    stores::{MISSING_ROUTE, StoreName},
};
use axum::extract::State;
use event_store::{AggregateQuery, Event, EventQuery, Exactness, Measure, Order, Position, rollup::answer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::{
    auth::Scope,
    web::{
        Json, Query,
        answers::Guarded,
        context::{Context, ContextHeaders},
    },
};
use std::collections::BTreeSet;

/// How many events a page has unless it is said.
const USUAL: usize = 100;
/// The most events of a page.
pub(super) const MOST: usize = 1_000;
/// How many events are read for the total, of what no roll-up tells.
const COUNTED: usize = 2_000;

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// How many events the page has, 1 to 1,000; 100 unless said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Events, newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Records {
    /// The events.
    records: Vec<Record>,
    /// How many events there are on all pages; at least so many where `total_is_exact` is false.
    total: u64,
    /// Whether all were counted.
    total_is_exact: bool,
    /// How many a page has at most.
    limit: usize,
    /// The mark of the next page; left out after the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// Why there is nothing, in a lab without a route.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "analytics_store.missing_route")]
    warning: Option<&'static str>,
}

/// An event as it is kept. What it lacks is `null`.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Record {
    event_id: String,
    event_type: String,
    tenant_id: String,
    project_id: String,
    user_id: Option<String>,
    request_id: String,
    run_id: Option<String>,
    step_id: Option<String>,
    utm_source: Option<String>,
    utm_medium: Option<String>,
    utm_campaign: Option<String>,
    utm_content: Option<String>,
    utm_term: Option<String>,
    app: Option<String>,
    surface: Option<String>,
    platform: Option<String>,
    session_id: Option<String>,
    #[schema(value_type = Object)]
    payload: Box<RawValue>,
    #[schema(format = DateTime)]
    timestamp: String,
    #[schema(format = DateTime)]
    received_at: String,
}

impl Record {
    /// The names of its members, in their order.
    pub(crate) const COLUMNS: [&str; 20] = [
        "event_id",
        "event_type",
        "tenant_id",
        "project_id",
        "user_id",
        "request_id",
        "run_id",
        "step_id",
        "utm_source",
        "utm_medium",
        "utm_campaign",
        "utm_content",
        "utm_term",
        "app",
        "surface",
        "platform",
        "session_id",
        "payload",
        "timestamp",
        "received_at",
    ];

    /// Its members as texts, in the order of [`Record::COLUMNS`].
    pub(crate) fn cells(&self) -> [Option<&str>; 20] {
        [
            Some(&self.event_id),
            Some(&self.event_type),
            Some(&self.tenant_id),
            Some(&self.project_id),
            self.user_id.as_deref(),
            Some(&self.request_id),
            self.run_id.as_deref(),
            self.step_id.as_deref(),
            self.utm_source.as_deref(),
            self.utm_medium.as_deref(),
            self.utm_campaign.as_deref(),
            self.utm_content.as_deref(),
            self.utm_term.as_deref(),
            self.app.as_deref(),
            self.surface.as_deref(),
            self.platform.as_deref(),
            self.session_id.as_deref(),
            Some(self.payload.get()),
            Some(&self.timestamp),
            Some(&self.received_at),
        ]
    }

    pub(crate) fn of(event: Event, tenant: &str) -> Self {
        let of = event.dimensions;
        Self {
            event_id: event.event_id.into(),
            event_type: event.event_type,
            tenant_id: tenant.to_owned(),
            project_id: event.project_id,
            user_id: event.user_id,
            request_id: event.request_id,
            run_id: event.run_id,
            step_id: event.step_id,
            utm_source: of.utm_source,
            utm_medium: of.utm_medium,
            utm_campaign: of.utm_campaign,
            utm_content: of.utm_content,
            utm_term: of.utm_term,
            app: of.app,
            surface: of.surface,
            platform: of.platform,
            session_id: event.session_id,
            payload: event.payload,
            timestamp: event.timestamp.to_string(),
            received_at: event.received_at.to_string(),
        }
    }
}

/// Lists events, newest first.
#[utoipa::path(
    get,
    path = "/analytics/query",
    tag = "analytics",
    params(
        Asked,
        Page,
        ContextHeaders,
    ),
    responses((status = 200, description = "A page.", body = Records), Guarded)
)]
pub(super) async fn query(
    State(app): State<App>,
    context: Context,
    Query(asked): Query<Asked>,
    Query(page): Query<Page>,
) -> Result<Json<Records>, Error> {
    QUERY.of(listed(&app, &context, &asked, &page)).await.map(Json)
}

async fn listed(app: &App, context: &Context, asked: &Asked, page: &Page) -> Result<Records, Error> {
    service_or(&context.caller, Scope::AdminRead).await?;
    let limit = page.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Error::BadRequest("limit is 1 to 1000.".to_owned()));
    }
    asked.read(app.clock.now())?;
    let store = app.stores.named(context).await?;
    let place = place("GET /analytics/query", context, store.as_ref().map(|(_, name)| name), asked);
    let mark: Option<Mark> = app.cursors.after(&place, page.cursor.as_deref()).await?;
    // Each page is of the range of the first one: without a time of its own, it would move with the clock.
    let asked_at = mark.as_ref().map_or_else(|| app.clock.now(), |mark| mark.asked_at);
    let (range, filters) = asked.read(asked_at)?;
    let Some((store, _)) = &store else {
        let (records, next_cursor, warning) = (vec![], None, Some(MISSING_ROUTE));
        return Ok(Records { records, total: 0, total_is_exact: true, limit, next_cursor, warning });
    };
    let query = EventQuery { range, filters: filters.clone(), order: Order::NewestFirst };
    let after = mark.map(|mark| mark.after);
    let page = store.query(&context.tenant, &query, limit, after.as_ref()).await.map_err(Error::of_query)?;
    let measure = Measure::Events;
    let count = AggregateQuery { range, filters, types: BTreeSet::new(), measure, group_by: vec![], budget: COUNTED };
    let counted = answer::aggregate(&**store, &context.tenant, &count).await.map_err(Error::of_query)?;
    let mark = page.next.map(|after| Mark { after, asked_at });
    let next_cursor = app.cursors.next(&place, mark.as_ref()).await?;
    let tenant = context.tenant.tenant().as_str();
    Ok(Records {
        records: page.events.into_iter().map(|event| Record::of(event, tenant)).collect(),
        total: counted.total as u64,
        total_is_exact: counted.exactness == Exactness::Exact,
        limit,
        next_cursor,
        warning: None,
    })
}

/// What a cursor holds: where its page begins, and when the first one was asked for.
#[derive(Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) after: Position,
    pub(super) asked_at: jiff::Timestamp,
}

/// The list that a cursor is of: the tenant's at a route, out of this store, with these parameters.
pub(super) fn place<'a>(
    route: &'a str,
    context: &'a Context,
    store: Option<&'a StoreName>,
    asked: &'a Asked,
) -> Vec<&'a str> {
    let store = store.map_or([""; 2], |store| [&store.backend_type, &store.place]);
    let mut place = vec![context.tenant.tenant().as_str(), route];
    place.extend(store);
    place.extend(asked.parts());
    place
}
