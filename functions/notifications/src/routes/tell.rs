//! Telling somebody of a decision.

use crate::{
    App,
    error::Error,
    request::{CreateNotification, ToTell},
};
use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use shared::{
    audit::Actor,
    auth::{Behalf, Scope},
    idempotency::Token,
    notices::{Decision, Origin, Telling, Told},
    problem::ProblemDocument,
    web::{
        Json,
        answers::{Guarded, WithBody},
    },
};

/// What became of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Created {
    /// Whether a notification was made by this request.
    created: bool,
    /// The notification that tells of it, or the occurrence that was folded into one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ntf_01kz3v7m2c8q4r6t9w0x1y2z3a")]
    id: Option<String>,
    /// Why none was made: `kill_switch`, or `already_told`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// How many decisions the notification tells of: this one, and those that waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

/// What this route may answer beside the common refusals.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "the variants describe answers and are never made")]
enum Telling4xx {
    /// A text of the context cannot be said: it holds a code, markup, or characters that hide others.
    #[response(status = 422, content_type = "application/problem+json")]
    TextRefused(ProblemDocument),
    /// The person was told of the category less than twelve hours ago. The decision is kept and told later: `deferred_until` says when.
    #[response(status = 429, content_type = "application/problem+json")]
    RateLimited(ProblemDocument),
}

/// Tells somebody of a decision: at most once in twelve hours for each category.
///
/// What comes earlier is kept and told by the next notification (429 `notification.rate_limited`, with `Retry-After`): it need not be
/// sent again. A person is told of the same `decision_ref` once in thirty days for each category. While notifications are switched off
/// the answer is 200 with `"created": false`, and nothing is kept.
#[utoipa::path(
    post,
    path = "/api/user-notifications",
    tag = "notifications",
    request_body = CreateNotification,
    responses(
        (status = 201, description = "The person is told.", body = Created),
        (status = 200, description = "Nothing was made: told already, or switched off.", body = Created),
        Telling4xx,
        Guarded,
        WithBody,
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    Behalf(caller): Behalf,
    token: Option<Extension<Token>>,
    Json(body): Json<CreateNotification>,
) -> Result<Response, Error> {
    let tenant = caller.tenant()?;
    let scopes = caller.scopes().await?;
    if !scopes.allow(Scope::ServiceWrite) && !scopes.allow(Scope::AdminWrite) {
        return Err(caller.lacks(Scope::AdminWrite).into());
    }
    let ToTell { person, category, context, decision_ref, appealable, decided_by } = body.read()?;
    let now = app.clock.now();
    let token = token.map(|Extension(token)| token);
    let telling = Telling {
        person,
        category,
        origin: Origin::of(decision_ref.as_deref(), token.as_ref()),
        decision: Decision { decision_ref, at: now, decided_by },
        context,
        appealable,
        by: Actor::Person(caller.person().clone()),
    };
    let nothing = |reason, id| Created { created: false, id, reason: Some(reason), count: None };
    Ok(match app.notices.tell(&tenant, &telling).await.map_err(Error::untold)? {
        Told::Now(notice) => {
            let place = HeaderValue::from_str(&format!("/api/user-notifications/{}", notice.id));
            let body = Created { created: true, id: Some(notice.id), reason: None, count: Some(notice.count) };
            let mut response = (StatusCode::CREATED, Json(body)).into_response();
            response.headers_mut().extend(place.ok().map(|place| (header::LOCATION, place)));
            response
        }
        Told::Before(id) => Json(nothing("already_told", Some(id))).into_response(),
        Told::Off => Json(nothing("kill_switch", None)).into_response(),
        Told::PutOff { origin, until, waiting } => return Err(Error::Limited { origin, until, waiting, now }),
    })
}
