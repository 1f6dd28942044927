//! What staff see.

use super::{OfAppeal, existing, versioned};
use crate::{
    App, Error,
    appeal::{Appeal, State as Stage},
    request::{QueueQuery, StatsQuery, age, states},
    stats::{Open, Stats, latest},
    table::{MOST, Mark, TenantAppeals, Wanted},
    view::{Known, QueuedView, StaffView},
};
use axum::{extract::State, response::Response};
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use shared::{
    audit::Places,
    auth::{Caller, Scope},
    notices::Category,
    table::TableError,
    web::{
        Json, Path, Query,
        answers::{Guarded, OfOne},
    },
};
use std::collections::BTreeMap;

const QUEUE: &str = "GET /api/admin/appeals";
/// The most overdue appeals of a state that are counted.
const MOST_OVERDUE: usize = 1_000;
/// The most decisions of an outcome whose rows are read for the statistics.
const MOST_DECIDED: usize = 2_000;

/// A page of the queue.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Queue {
    /// The appeals, oldest first.
    appeals: Vec<QueuedView>,
    /// How many open appeals of the tenant are overdue, on this page or not; of those submitted and of those in review, up to 1,000 each
    /// are counted.
    overdue: u64,
    /// Whether there may be more of those than were counted.
    overdue_at_least: bool,
    /// The mark of the next page; absent after the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Lists appeals, the oldest first: open ones by when they were submitted, others by when they were settled. A page may be shorter
/// than `limit` and not the last one.
#[utoipa::path(
    get,
    path = "/api/admin/appeals",
    tag = "appeals",
    params(QueueQuery),
    responses((status = 200, description = "A page of appeals.", body = Queue), Guarded)
)]
pub(super) async fn queue(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<QueueQuery>,
) -> Result<Json<Queue>, Error> {
    let tenant = caller.tenant()?;
    caller.require(Scope::AdminRead).await?;
    let (patience, now) = (app.config.patience, app.clock.now());
    let of_age = age(query.age.as_deref(), patience)?;
    let wanted = Wanted {
        states: states(query.state.as_deref(), "open")?,
        category: Category::asked(query.category.as_deref())?,
        until: of_age.map(|age| now.checked_sub(age).unwrap_or(Timestamp::MIN)),
    };
    let said = |text: &Option<String>| text.clone().unwrap_or_default();
    let (state, age, category) = (said(&query.state), said(&query.age), said(&query.category));
    let place = [tenant.tenant().as_str(), QUEUE, &state, &age, &category];
    let after: Option<Mark> = app.cursors.after(&place, query.cursor.as_deref()).await?;
    let appeals = app.appeals.of(&tenant);
    let (found, after) = appeals.queue(&wanted, query.limit.get(), after).await?;
    let next_cursor = app.cursors.next(&place, after.as_ref()).await?;
    let late = now.checked_sub(patience).ok();
    let ((submitted, in_review), whole) = appeals.count_open(late, MOST_OVERDUE).await?;
    let overdue = submitted + in_review;
    let known = Known { places: Places::default(), messages: BTreeMap::new() };
    let shown = found.iter().map(|appeal| QueuedView::of(appeal, &known, patience, now));
    Ok(Json(Queue { appeals: shown.collect(), overdue, overdue_at_least: !whole, next_cursor }))
}

/// Shows everything of an appeal.
#[utoipa::path(
    get,
    path = "/api/admin/appeals/{appeal_id}",
    tag = "appeals",
    params(OfAppeal),
    responses((status = 200, description = "The appeal; its version is the ETag.", body = StaffView), OfOne, Guarded)
)]
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(OfAppeal { appeal_id }): Path<OfAppeal>,
) -> Result<Response, Error> {
    let tenant = caller.tenant()?;
    caller.require(Scope::AdminRead).await?;
    let appeals = app.appeals.of(&tenant);
    let appeal = existing(&appeals, &appeal_id, None).await?;
    Ok(shown(&app, &appeals, &appeal).await?)
}

/// An appeal with all that there is to know.
pub(super) async fn shown(app: &App, appeals: &TenantAppeals, appeal: &Appeal) -> Result<Response, TableError> {
    let mut messages = BTreeMap::new();
    for id in appeal.rulings.iter().filter_map(|ruling| ruling.undo.as_ref()) {
        if let Some(message) = appeals.message(id).await? {
            messages.insert(id.clone(), message.state);
        }
    }
    let known = Known { places: appeals.places(appeal).await?, messages };
    let view = StaffView::of(appeal, &known, app.config.patience, app.clock.now());
    Ok(versioned(StatusCode::OK, appeal, view))
}

/// Says how appeals ended, and how long that took.
#[utoipa::path(
    get,
    path = "/api/admin/appeals/stats",
    tag = "appeals",
    params(StatsQuery),
    responses((status = 200, description = "The numbers.", body = Stats), Guarded)
)]
pub(super) async fn stats(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<StatsQuery>,
) -> Result<Json<Stats>, Error> {
    let tenant = caller.tenant()?;
    caller.require(Scope::AdminRead).await?;
    let (from, to) = query.read(app.clock.now())?;
    let appeals = app.appeals.of(&tenant);
    let (mut decided, mut whole) = (Vec::new(), true);
    for state in [Stage::Upheld, Stage::Overturned, Stage::PartiallyOverturned] {
        let (mut marks, all) = appeals.between(state, (Some(from), Some(to)), MOST).await?;
        whole &= all && marks.len() <= MOST_DECIDED;
        marks.truncate(MOST_DECIDED);
        let names: Vec<String> = marks.into_iter().map(|mark| mark.id).collect();
        decided.extend(appeals.all_of(&names).await?);
    }
    let mut decided = latest(decided);
    // What was reopened since the index was read counts no more.
    decided.retain(|appeal| appeal.settled_at.is_some_and(|at| at >= from && at < to));
    let mut stats = Stats::of((from, to), &decided);
    let (withdrawn, all_withdrawn) = appeals.between(Stage::Withdrawn, (Some(from), Some(to)), MOST).await?;
    let ((submitted, in_review), all_open) = appeals.count_open(None, MOST).await?;
    (stats.withdrawn, stats.open) = (withdrawn.len() as u64, Open { submitted, in_review });
    stats.truncated = !(whole && all_withdrawn && all_open);
    Ok(Json(stats))
}
