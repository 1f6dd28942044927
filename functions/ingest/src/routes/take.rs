//! Taking an event in.

use super::{
    INGEST,
    refused::{Refusals, Refused},
};
use crate::{
    App, Error,
    failed::Reason,
    pii::Seen,
    sent::{Sender, SentEvent},
    stores::MISSING_ROUTE,
};
use axum::extract::State;
use event_store::{EventId, EventStore, PutOutcome, StoreError, store::ToPut};
use serde::Serialize;
use shared::{
    auth::{Caller, Scope},
    ids::PersonId,
    problem::{Problem, ProblemDocument},
    tenant::TenantScope,
    web::{
        Json,
        answers::{Guarded, WithBody},
        context::{Context, ContextHeaders},
        extract::{self, RawJson},
        request,
    },
};

/// What became of an event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Taken {
    /// Its name.
    event_id: EventId,
    /// `true` where it was kept before; left out otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
    /// `false` where it is not kept: in a lab without a route. Left out otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored: Option<bool>,
    /// Why it is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "analytics_store.missing_route")]
    warning: Option<&'static str>,
}

impl Taken {
    pub(super) fn of(event_id: EventId, duplicate: bool) -> Self {
        Self { event_id, duplicate, stored: None, warning: None }
    }

    /// One that is not kept, in a lab.
    pub(super) fn nowhere(event_id: EventId) -> Self {
        Self { event_id, duplicate: false, stored: Some(false), warning: Some(MISSING_ROUTE) }
    }
}

/// What this route may answer beside the common refusals. Each with `failed_id`, under which the event waits to be mended
/// (`GET /analytics/failed`), or with `failed_kept: false`.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "the variants describe answers and are never made")]
pub(super) enum Taking {
    /// Another event was kept under this name, and stays.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemDocument),
    /// The payload has personal data, which this stack does not take.
    #[response(status = 422, content_type = "application/problem+json")]
    Personal(ProblemDocument),
}

/// Whether the caller sends as a service, who may send of anybody.
pub(super) async fn is_service(caller: &Caller) -> Result<bool, Error> {
    let held = caller.scopes().await?;
    Ok(held.allow(Scope::ServiceWrite) || held.allow(Scope::AdminWrite))
}

/// Holds what a person sends to that person.
pub(super) fn of_whom(caller: &Caller, service: bool, named: Option<&str>) -> Result<(), Error> {
    if service || named.is_none_or(|named| named == caller.person().as_str()) {
        return Ok(());
    }
    let problem = extract::mismatch();
    caller.denied(&problem, Some(Scope::ServiceWrite.as_str()));
    Err(problem.into())
}

pub(super) fn sender<'a>(
    app: &App,
    context: &'a Context,
    request_id: &'a str,
    person: Option<&'a PersonId>,
) -> Sender<'a> {
    let now = app.clock.now();
    Sender {
        tenant: context.tenant.tenant(),
        project: &context.project,
        request_id,
        person,
        received_at: now,
        now,
        pii: app.config.pii,
        seen: Seen::Never,
    }
}

/// The name of the request, which events are named by.
pub(super) fn request_id() -> String {
    request::current().map(|context| context.request_id).unwrap_or_default()
}

/// The body, and the event or what else it says; where the body was too large to be read, none and the refusal.
///
/// # Errors
///
/// A refusal that is not for what the body is.
pub(super) fn opened(body: Result<RawJson, Problem>) -> Result<(RawJson, Option<Problem>), Error> {
    match body {
        Ok(body) => Ok((body, None)),
        Err(why) if Reason::of(&why) == Some(Reason::TooLarge) => Ok((RawJson(Default::default()), Some(why))),
        Err(why) => Err(why.into()),
    }
}

/// Takes one event. Its name is `<request id>#<step_id, or default>`: sent again with the same `X-Request-ID`, it is kept once.
#[utoipa::path(
    post,
    path = "/analytics/ingest",
    tag = "analytics",
    params(ContextHeaders),
    request_body = SentEvent,
    responses((status = 200, description = "It is kept, or was before; in a lab, what else.", body = Taken), Taking, Guarded, WithBody)
)]
pub(super) async fn one(
    State(app): State<App>,
    context: Context,
    body: Result<RawJson, Problem>,
) -> Result<Json<Taken>, Error> {
    INGEST.of(take_one(&app, &context, body)).await.map(Json)
}

async fn take_one(app: &App, context: &Context, body: Result<RawJson, Problem>) -> Result<Taken, Error> {
    let service = is_service(&context.caller).await?;
    let (body, too_large) = opened(body)?;
    let sent = too_large.map_or_else(|| body.read::<SentEvent<'_>>(), Err);
    if let Ok(sent) = &sent {
        of_whom(&context.caller, service, sent.user_id())?;
    }
    let store = app.stores.of(context).await?;
    let request_id = request_id();
    let person = (!service).then(|| context.caller.person());
    let refusals = Refusals::of(app, context, &request_id, person);
    let by = sender(app, context, &request_id, person);
    let read = sent.map_err(Error::from).and_then(|sent| named(sent, &by, None));
    let why = match read {
        Ok((id, put)) => {
            let Some(store) = &store else { return Ok(Taken::nowhere(id)) };
            match stored(&**store, &context.tenant, put).await? {
                PutOutcome::Conflict => Error::Conflict(id),
                outcome => return Ok(Taken::of(id, outcome == PutOutcome::Duplicate)),
            }
        }
        Err(why) => why,
    };
    let why = Problem::from(why);
    let told = match &store {
        Some(_) => refusals.keep(vec![Refused { bytes: &body.0, at: None, why: &why }]).await.pop().flatten(),
        // Without a route nothing is kept anywhere.
        None => None,
    };
    Err(told.map_or(why.clone(), |kept| kept.tell(why)).into())
}

/// The event that is kept, and its name.
pub(super) fn named(sent: SentEvent<'_>, by: &Sender<'_>, at: Option<usize>) -> Result<(EventId, ToPut), Error> {
    let id = sent.id(by.request_id, at).map_err(Error::BadEvent)?;
    let put = sent.read(id.clone(), by).map_err(Error::BadEvent)?;
    Ok((id, put))
}

/// Puts one event.
pub(super) async fn stored(store: &dyn EventStore, tenant: &TenantScope, put: ToPut) -> Result<PutOutcome, Error> {
    let outcome = store.put(tenant, &[put]).await.pop().unwrap_or_else(|| Err(nothing()));
    outcome.map_err(Error::of_ingest)
}

pub(super) fn nothing() -> StoreError {
    StoreError::Unavailable(std::io::Error::other("the store said nothing of an event").into())
}
