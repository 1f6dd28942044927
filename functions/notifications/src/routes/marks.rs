//! Reading and putting away.

use super::{Entered, OfNotice, notice_id, told};
use crate::{
    App,
    error::Error,
    request::{MAX_MARKED, MarkRead, OfUser, PatchNotification, ReadAll},
    view::Notification,
};
use axum::{extract::State, response::Response};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use shared::{
    auth::{Access, Behalf},
    notices::{Category, Status},
    web::{
        Json, Path, Query,
        answers::{Guarded, OfOne, WithBody},
    },
};

/// Marks a notification read or unread.
#[utoipa::path(
    patch,
    path = "/api/user-notifications/{id}",
    tag = "notifications",
    params(OfNotice),
    request_body = PatchNotification,
    responses((status = 200, description = "The notification as it is now.", body = Notification), OfOne, Guarded, WithBody)
)]
pub(crate) async fn patch(
    State(app): State<App>,
    behalf: Behalf,
    headers: HeaderMap,
    Path(OfNotice { id }): Path<OfNotice>,
    Json(body): Json<PatchNotification>,
) -> Result<Response, Error> {
    let entered = Entered::of(&app, behalf, body.user_id.as_deref(), Access::Write).await?;
    let to = if body.read { Status::Read } else { Status::Unread };
    let row = entered.feed.mark(notice_id(&id)?, to, entered.for_them()).await?.ok_or(Error::NoSuchNotice)?;
    let wanted = entered.wanted(&headers).await?;
    let notification = Notification::of(row, entered.reader(&app, &wanted));
    let language = notification.language().to_owned();
    Ok(told(&language, notification))
}

/// Puts a notification away: it is listed no more. An appeal against it stays as it is.
#[utoipa::path(
    delete,
    path = "/api/user-notifications/{id}",
    tag = "notifications",
    params(OfNotice, OfUser),
    responses((status = 204, description = "It is put away."), OfOne, Guarded)
)]
pub(crate) async fn dismiss(
    State(app): State<App>,
    behalf: Behalf,
    Path(OfNotice { id }): Path<OfNotice>,
    Query(OfUser { user_id }): Query<OfUser>,
) -> Result<StatusCode, Error> {
    let entered = Entered::of(&app, behalf, user_id.as_deref(), Access::Write).await?;
    let put_away = entered.feed.mark(notice_id(&id)?, Status::Dismissed, entered.for_them()).await?;
    put_away.map(|_| StatusCode::NO_CONTENT).ok_or(Error::NoSuchNotice)
}

/// How many were marked.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AllRead {
    /// How many were marked read by this request.
    updated: usize,
    /// Whether there are more: send the request again.
    more: bool,
}

/// Marks a person's unread notifications read, up to 500 at once.
#[utoipa::path(
    post,
    path = "/api/user-notifications/read-all",
    tag = "notifications",
    request_body = ReadAll,
    responses((status = 200, description = "How many were marked.", body = AllRead), Guarded, WithBody)
)]
pub(crate) async fn read_all(
    State(app): State<App>,
    behalf: Behalf,
    Json(body): Json<ReadAll>,
) -> Result<Json<AllRead>, Error> {
    let entered = Entered::of(&app, behalf, body.user_id.as_deref(), Access::Write).await?;
    let category = Category::asked(body.category.as_deref())?;
    let (updated, more) = entered.feed.mark_all(category, entered.for_them()).await?;
    Ok(Json(AllRead { updated, more }))
}

/// Which were marked.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Marked {
    /// How many are read now.
    updated: usize,
    /// Those that the person has none of.
    missing: Vec<String>,
}

/// Marks the notifications that the body names read.
#[utoipa::path(
    post,
    path = "/api/user-notifications/mark-read",
    tag = "notifications",
    request_body = MarkRead,
    responses((status = 200, description = "Which are read now.", body = Marked), Guarded, WithBody)
)]
pub(crate) async fn mark_read(
    State(app): State<App>,
    behalf: Behalf,
    Json(body): Json<MarkRead>,
) -> Result<Json<Marked>, Error> {
    let entered = Entered::of(&app, behalf, body.user_id.as_deref(), Access::Write).await?;
    if !(1..=MAX_MARKED).contains(&body.ids.len()) {
        return Err(Error::BadRequest("ids names 1 to 100 notifications."));
    }
    let (known, odd): (Vec<String>, Vec<String>) = body.ids.iter().cloned().partition(|id| notice_id(id).is_ok());
    let (updated, mut missing) = entered.feed.mark_each(known, entered.for_them()).await?;
    missing.extend(odd);
    Ok(Json(Marked { updated, missing }))
}
