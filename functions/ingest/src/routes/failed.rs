//! Events that were refused for what they are: listed, shown, taken in after all, and let go.

use super::{
    INGEST,
    take::{Taken, Taking, named, of_whom, stored},
};
use crate::{
    App, Error,
    failed::{Failed, Reason},
    pii::Seen,
    sent::{Sender, SentEvent},
    table::TenantFailed,
};
use axum::extract::State;
use event_store::PutOutcome;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::{
    auth::Scope,
    problem::Problem,
    table::Place,
    web::{
        Json, Limit, Path, Query,
        answers::{Guarded, OfOne, WithBody},
        context::{Context, ContextHeaders},
        extract::{Raw, RawJson},
    },
};

/// The most that one page looks at.
const LOOKED_AT: usize = 5_000;
/// How many are looked at together at least.
const TOGETHER: usize = 200;

/// Which refused events.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Those alone that were refused with this code.
    #[param(inline)]
    reason: Option<Reason>,
    /// How many the page has at most, 1 to 1,000; 100 unless said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    #[serde(default)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A refused event.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OfPath {
    /// Its id.
    #[param(example = "fld_01jc0000000000000000000000")]
    failed_id: String,
}

/// What is known of a refused event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct FailedEvent {
    /// Its id.
    #[schema(example = "fld_01jc0000000000000000000000")]
    failed_id: String,
    /// The code with which it was last refused.
    #[schema(inline)]
    reason: Reason,
    /// The same for people.
    detail: String,
    /// When it came in.
    #[schema(format = DateTime)]
    received_at: String,
    /// The project that sent it.
    project_id: String,
    /// The request that brought it.
    request_id: String,
    /// Its place in a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    /// The person whom it is about, as far as that can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    /// How many bytes were sent; 0 where it was too large to be read.
    bytes: usize,
    /// Whether only its beginning is kept.
    truncated: bool,
    /// Whether nothing of it is kept: it cannot be read and may hold personal data.
    withheld: bool,
    /// How often it was tried again.
    tries: u32,
    /// When it was last tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    tried_at: Option<String>,
    /// When it goes.
    #[schema(format = DateTime)]
    expires_at: String,
}

impl From<Failed> for FailedEvent {
    fn from(failed: Failed) -> Self {
        let expires_at = jiff::Timestamp::from_second(failed.expires_at).unwrap_or(jiff::Timestamp::MAX);
        Self {
            failed_id: failed.failed_id,
            reason: failed.reason,
            detail: failed.detail,
            received_at: failed.received_at.to_string(),
            project_id: failed.project_id,
            request_id: failed.request_id,
            index: failed.at,
            user_id: failed.user_id,
            bytes: failed.bytes,
            truncated: failed.truncated,
            withheld: failed.withheld,
            tries: failed.tries,
            tried_at: failed.tried_at.map(|at| at.to_string()),
            expires_at: expires_at.to_string(),
        }
    }
}

/// A refused event, with what was sent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct WholeFailedEvent {
    #[serde(flatten)]
    about: FailedEvent,
    /// What was sent, with digests in the place of personal data; left out where it is no JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    event: Option<Box<RawValue>>,
    /// What was sent, where it is no JSON or was cut short.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// Refused events, the newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct FailedEvents {
    /// The events, without what was sent.
    failed: Vec<FailedEvent>,
    /// How many were refused and not kept since the beginning, there being no room.
    not_kept: u64,
    /// The mark of the next page; left out after the last one. A page may be short, or empty, before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Lists events that were refused for what they are, the newest first.
#[utoipa::path(
    get,
    path = "/analytics/failed",
    tag = "analytics",
    params(Wanted, ContextHeaders),
    responses((status = 200, description = "A page.", body = FailedEvents), Guarded)
)]
pub(super) async fn list(
    State(app): State<App>,
    context: Context,
    Query(wanted): Query<Wanted>,
) -> Result<Json<FailedEvents>, Error> {
    context.caller.require(Scope::AdminRead).await?;
    let reason = wanted.reason.map_or("", Reason::code);
    let place = [context.tenant.tenant().as_str(), "GET /analytics/failed", reason];
    let mut after: Option<Place> = app.cursors.after(&place, wanted.cursor.as_deref()).await?;
    let (rows, now, limit) = (app.failed.of(&context.tenant), app.clock.now(), wanted.limit.get() as usize);
    let (mut failed, mut looked_at) = (vec![], 0);
    'page: while looked_at == 0 || after.is_some() && looked_at < LOOKED_AT {
        // Few may be wanted of many: what is looked at costs the same call by call as together.
        let page = rows.page(limit.max(TOGETHER), after).await?;
        let mut left = page.rows.len();
        looked_at += left.max(1);
        after = page.after;
        for row in page.rows {
            left -= 1;
            if !row.is_kept(now) || wanted.reason.is_some_and(|reason| reason != row.reason) {
                continue;
            }
            let at = Place::of(row.failed_id.clone());
            failed.push(FailedEvent::from(row));
            if failed.len() == limit {
                after = if left > 0 { Some(at) } else { after };
                break 'page;
            }
        }
    }
    let next_cursor = app.cursors.next(&place, after.as_ref()).await?;
    Ok(Json(FailedEvents { failed, not_kept: rows.not_kept().await?, next_cursor }))
}

/// The tenant's refused events, and the one of this id.
async fn known(app: &App, context: &Context, failed_id: &str) -> Result<(TenantFailed, Failed), Error> {
    let rows = app.failed.of(&context.tenant);
    let failed = rows.get(failed_id, app.clock.now()).await?.ok_or(Error::NoSuchFailed)?;
    Ok((rows, failed))
}

/// Shows a refused event, with what was sent.
#[utoipa::path(
    get,
    path = "/analytics/failed/{failed_id}",
    tag = "analytics",
    params(OfPath, ContextHeaders),
    responses((status = 200, description = "The event.", body = WholeFailedEvent), OfOne, Guarded)
)]
pub(super) async fn show(
    State(app): State<App>,
    context: Context,
    Path(OfPath { failed_id }): Path<OfPath>,
) -> Result<Json<WholeFailedEvent>, Error> {
    context.caller.require(Scope::AdminRead).await?;
    let (rows, failed) = known(&app, &context, &failed_id).await?;
    let text = rows.text(&failed).await?;
    let event = text.as_ref().filter(|_| failed.is_whole()).and_then(|text| RawValue::from_string(text.clone()).ok());
    let text = text.filter(|_| event.is_none());
    Ok(Json(WholeFailedEvent { about: failed.into(), event, text }))
}

/// Takes a refused event in after all, under the name that it would have had: as it was sent, or as the body has it. It is a refused event
/// no more then. Where it is refused again, it stays, with the newer reason.
#[utoipa::path(
    post,
    path = "/analytics/failed/{failed_id}/replay",
    tag = "analytics",
    params(OfPath, ContextHeaders),
    request_body(content = Option<SentEvent>, description = "The event, mended; without a body it is taken as it was sent."),
    responses((status = 200, description = "It is kept, or was before.", body = Taken), Taking, OfOne, Guarded, WithBody)
)]
pub(super) async fn replay(
    State(app): State<App>,
    context: Context,
    Path(OfPath { failed_id }): Path<OfPath>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Json<Taken>, Error> {
    context.caller.require(Scope::AdminWrite).await?;
    let mended = if body.is_empty() { None } else { Some(RawJson::of(&headers, body)?) };
    INGEST.of(replayed(&app, &context, &failed_id, mended)).await.map(Json)
}

async fn replayed(app: &App, context: &Context, failed_id: &str, mended: Option<RawJson>) -> Result<Taken, Error> {
    let (rows, failed) = known(app, context, failed_id).await?;
    let (store, now) = (app.stores.of(context).await?, app.clock.now());
    let text = rows.text(&failed).await?;
    let body = match (mended, &text) {
        (Some(body), _) => body,
        (None, Some(text)) if failed.is_whole() => RawJson(text.clone().into()),
        _ => return Err(Error::Incomplete),
    };
    let by = Sender {
        tenant: context.tenant.tenant(),
        project: &failed.project_id,
        request_id: &failed.request_id,
        person: failed.sent_by.as_ref(),
        received_at: failed.received_at,
        now,
        pii: app.config.pii,
        seen: text.as_deref().map_or(Seen::Never, Seen::As),
    };
    let taken = async {
        let sent: SentEvent<'_> = body.read()?;
        // What a person sent is of that person, whoever mends it.
        let own = failed.sent_by.as_ref().is_none_or(|by| sent.user_id().is_none_or(|named| named == by.as_str()));
        of_whom(&context.caller, own, sent.user_id())?;
        let (id, put) = named(sent, &by, failed.at)?;
        let Some(store) = &store else { return Ok(Taken::nowhere(id)) };
        match stored(&**store, &context.tenant, put).await? {
            PutOutcome::Conflict => Err(Error::Conflict(id)),
            outcome => Ok(Taken::of(id, outcome == PutOutcome::Duplicate)),
        }
    };
    match taken.await {
        Ok(taken) => {
            if store.is_some() {
                // If this fails, the event is found to be kept by the next try, which removes the row.
                rows.remove(&failed).await?;
            }
            Ok(taken)
        }
        Err(why @ (Error::Backend(_) | Error::Adapter(_))) => Err(why),
        Err(why) => {
            let why = Problem::from(why);
            if let Some(reason) = Reason::of(&why) {
                rows.tried(&failed, reason, why.message(), now).await?;
            }
            Err(why.with("failed_id", failed.failed_id).into())
        }
    }
}

/// Lets a refused event go.
#[utoipa::path(
    delete,
    path = "/analytics/failed/{failed_id}",
    tag = "analytics",
    params(OfPath, ContextHeaders),
    responses((status = 204, description = "It is gone."), OfOne, Guarded)
)]
pub(super) async fn discard(
    State(app): State<App>,
    context: Context,
    Path(OfPath { failed_id }): Path<OfPath>,
) -> Result<StatusCode, Error> {
    context.caller.require(Scope::AdminWrite).await?;
    let (rows, failed) = known(&app, &context, &failed_id).await?;
    rows.remove(&failed).await?;
    Ok(StatusCode::NO_CONTENT)
}
