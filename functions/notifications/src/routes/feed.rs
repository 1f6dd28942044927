//! What a person has been told.

use super::{Entered, OfNotice, notice_id, told};
use crate::{
    App,
    error::Error,
    request::{ListQuery, OfUser},
    table::{COUNTED, Filter},
    view::{Deferred, Notification},
};
use axum::{extract::State, response::Response};
use http::HeaderMap;
use serde::Serialize;
use shared::{
    auth::{Access, Behalf, Caller, Scope},
    notices::{Category, Words},
    table::Place,
    web::{
        Json, Path, Query,
        answers::{Guarded, OfOne},
    },
};

const LIST: &str = "GET /api/user-notifications";

/// A page of notices.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Notifications {
    /// The notices, newest first.
    notifications: Vec<Notification>,
    /// The mark of the next page; absent after the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// How many are unread, of all categories; 1,000 stands for that many or more.
    unread_count: u64,
}

/// Lists a person's notifications, newest first.
#[utoipa::path(
    get,
    path = "/api/user-notifications",
    tag = "notifications",
    params(
        ListQuery,
        ("x-sheen-locale" = Option<String>, Header, description = "The language; else the one that the person has chosen, else `en`."),
    ),
    responses((status = 200, description = "A page of notifications, in the language that `content-language` names.", body = Notifications), Guarded)
)]
pub(crate) async fn list(
    State(app): State<App>,
    behalf: Behalf,
    headers: HeaderMap,
    Query(query): Query<ListQuery>,
) -> Result<Response, Error> {
    let entered = Entered::of(&app, behalf, query.user_id.as_deref(), Access::Read).await?;
    let category = Category::asked(query.category.as_deref())?;
    let filter = Filter { unread: query.unread, category };
    let named = format!("{:?} {}", query.unread, category.map_or("", Category::as_str));
    let place = [entered.tenant.tenant().as_str(), LIST, entered.person.as_str(), &named];
    let after: Option<Place> = app.cursors.after(&place, query.cursor.as_deref()).await?;
    let page = entered.feed.page(filter, query.limit.get(), after).await?;
    let next_cursor = app.cursors.next(&place, page.after.as_ref()).await?;
    let unread_count = entered.feed.unread().await?;
    let wanted = entered.wanted(&headers).await?;
    let reader = entered.reader(&app, &wanted);
    let notifications: Vec<_> = page.rows.into_iter().map(|row| Notification::of(row, reader)).collect();
    let language = app.config.telling.words.language(&wanted);
    Ok(told(&language, Notifications { notifications, next_cursor, unread_count }))
}

/// How many are unread.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct UnreadCount {
    /// The number; 1,000 stands for that many or more.
    #[schema(maximum = 1000)]
    count: u64,
    /// Whether there may be more.
    at_least: bool,
}

/// Counts a person's unread notifications.
#[utoipa::path(
    get,
    path = "/api/user-notifications/unread-count",
    tag = "notifications",
    params(OfUser),
    responses((status = 200, description = "The number.", body = UnreadCount), Guarded)
)]
pub(crate) async fn unread_count(
    State(app): State<App>,
    behalf: Behalf,
    Query(OfUser { user_id }): Query<OfUser>,
) -> Result<Json<UnreadCount>, Error> {
    let entered = Entered::of(&app, behalf, user_id.as_deref(), Access::Read).await?;
    let count = entered.feed.unread().await?;
    Ok(Json(UnreadCount { count, at_least: count == COUNTED }))
}

/// Shows a notification.
#[utoipa::path(
    get,
    path = "/api/user-notifications/{id}",
    tag = "notifications",
    params(
        OfNotice,
        OfUser,
        ("x-sheen-locale" = Option<String>, Header, description = "The language; else the one that the person has chosen, else `en`."),
    ),
    responses((status = 200, description = "The notification.", body = Notification), OfOne, Guarded)
)]
pub(crate) async fn get(
    State(app): State<App>,
    behalf: Behalf,
    headers: HeaderMap,
    Path(OfNotice { id }): Path<OfNotice>,
    Query(OfUser { user_id }): Query<OfUser>,
) -> Result<Response, Error> {
    let entered = Entered::of(&app, behalf, user_id.as_deref(), Access::Read).await?;
    let row = entered.feed.notice(notice_id(&id)?).await?.ok_or(Error::NoSuchNotice)?;
    let wanted = entered.wanted(&headers).await?;
    let mut notification = Notification::of(row, entered.reader(&app, &wanted));
    if entered.for_them().is_some() {
        notification = notification.delivered(entered.feed.deliveries(&id).await?);
    }
    let language = notification.language().to_owned();
    Ok(told(&language, notification))
}

/// What waits to be told.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AllDeferred {
    /// One for each category in which something waits.
    deferred: Vec<Deferred>,
}

/// Shows what the limit has put off for a person, whom `userId` names.
#[utoipa::path(
    get,
    path = "/api/user-notifications/deferred",
    tag = "notifications",
    params(OfUser),
    responses((status = 200, description = "What waits, by category.", body = AllDeferred), Guarded)
)]
pub(crate) async fn deferred(
    State(app): State<App>,
    Behalf(caller): Behalf,
    Query(OfUser { user_id }): Query<OfUser>,
) -> Result<Json<AllDeferred>, Error> {
    let tenant = caller.tenant()?;
    caller.require(Scope::AdminRead).await?;
    let person = caller.subject(user_id.as_deref(), Access::Read).await?;
    let mut deferred = Vec::new();
    for category in Category::ALL {
        deferred.extend(Deferred::of(app.notices.waiting(&tenant, &person, category).await?));
    }
    Ok(Json(AllDeferred { deferred }))
}

/// How notifications are.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct NotificationsHealth {
    /// `ok`.
    #[schema(example = "ok")]
    status: &'static str,
    /// `on`, or `off` where nobody is told anything.
    #[schema(example = "on")]
    notifications: &'static str,
    /// The languages that there are texts in.
    #[schema(example = json!(["en", "es", "fr"]))]
    languages: Vec<String>,
    /// Whether every text is approved.
    approved: bool,
}

/// Says whether people are told, and in which languages.
#[utoipa::path(
    get,
    path = "/api/user-notifications/health",
    tag = "notifications",
    responses((status = 200, description = "How notifications are.", body = NotificationsHealth), Guarded)
)]
pub(crate) async fn health(State(app): State<App>, caller: Caller) -> Result<Json<NotificationsHealth>, Error> {
    caller.tenant()?;
    let words: &Words = &app.config.telling.words;
    let notifications = if app.notices.switch().is_on() { "on" } else { "off" };
    Ok(Json(NotificationsHealth {
        status: "ok",
        notifications,
        languages: words.languages(),
        approved: words.approved(),
    }))
}
