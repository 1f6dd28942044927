//! Taking events in.

use super::INGEST;
use crate::{
    App, Error,
    sent::{Sender, SentEvent},
    stores::MISSING_ROUTE,
};
use axum::extract::State;
use event_store::{EventId, PutOutcome, StoreError, store::ToPut};
use serde::{Deserialize, Serialize};
use shared::{
    auth::{Caller, Scope},
    ids::PersonId,
    problem::ProblemDocument,
    web::{
        Json,
        answers::{Guarded, WithBody},
        context::{Context, ContextHeaders},
        extract, request,
    },
};
use std::collections::HashMap;

/// The most events of a batch.
pub(super) const MAX_EVENTS: usize = 500;

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

/// What this route may answer beside the common refusals.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "the variants describe answers and are never made")]
enum Taking {
    /// Another event was kept under this name, and stays.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemDocument),
    /// The payload has personal data, which this stack does not take.
    #[response(status = 422, content_type = "application/problem+json")]
    Personal(ProblemDocument),
}

/// Whether the caller sends as a service, who may send of anybody.
async fn is_service(caller: &Caller) -> Result<bool, Error> {
    let held = caller.scopes().await?;
    Ok(held.allow(Scope::ServiceWrite) || held.allow(Scope::AdminWrite))
}

/// Holds what a person sends to that person.
fn of_whom(caller: &Caller, service: bool, named: Option<&str>) -> Result<(), Error> {
    if service || named.is_none_or(|named| named == caller.person().as_str()) {
        return Ok(());
    }
    let problem = extract::mismatch();
    caller.denied(&problem, Some(Scope::ServiceWrite.as_str()));
    Err(problem.into())
}

fn sender<'a>(app: &App, context: &'a Context, request_id: &'a str, person: Option<&'a PersonId>) -> Sender<'a> {
    Sender {
        tenant: context.tenant.tenant(),
        project: &context.project,
        request_id,
        person,
        now: app.clock.now(),
        pii: app.config.pii,
    }
}

/// The name of the request, which events are named by.
fn request_id() -> String {
    request::current().map(|context| context.request_id).unwrap_or_default()
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
    Json(sent): Json<SentEvent>,
) -> Result<Json<Taken>, Error> {
    INGEST.of(take_one(&app, &context, sent)).await.map(Json)
}

async fn take_one(app: &App, context: &Context, sent: SentEvent) -> Result<Taken, Error> {
    let service = is_service(&context.caller).await?;
    of_whom(&context.caller, service, sent.user_id())?;
    let request_id = request_id();
    let id = sent.id(&request_id, None).map_err(Error::BadEvent)?;
    let person = (!service).then(|| context.caller.person());
    let put = sent.read(id.clone(), &sender(app, context, &request_id, person)).map_err(Error::BadEvent)?;
    let Some(store) = app.stores.of(context).await? else {
        return Ok(Taken { event_id: id, duplicate: false, stored: Some(false), warning: Some(MISSING_ROUTE) });
    };
    let outcome = store.put(&context.tenant, &[put]).await.pop().unwrap_or_else(|| Err(nothing()));
    match outcome.map_err(Error::of_ingest)? {
        PutOutcome::Conflict => Err(Error::Conflict(id)),
        outcome => Ok(Taken { event_id: id, duplicate: outcome == PutOutcome::Duplicate, stored: None, warning: None }),
    }
}

fn nothing() -> StoreError {
    StoreError::Unavailable(std::io::Error::other("the store said nothing of an event").into())
}

/// Events, at most 500.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SentBatch {
    /// The events. One without a `step_id` is named by its place.
    #[schema(min_items = 1, max_items = 500)]
    events: Vec<SentEvent>,
}

/// What became of an event of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// It is kept.
    Stored,
    /// It was kept before.
    Duplicate,
    /// It is not kept, and will not be as it is.
    Rejected,
    /// It is not kept, for the moment: send it again.
    Failed,
    /// It is not kept, there being no route: the tenant is a lab.
    NotStored,
}

/// What became of each event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct TakenBatch {
    /// How many are kept by this request.
    stored: usize,
    /// In the order of the events.
    results: Vec<TakenOf>,
    /// Why nothing is kept, in a lab.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'static str>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TakenOf {
    /// Its name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<EventId>,
    status: Status,
    /// Why it is not kept, as an error's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "analytics.bad_event")]
    reason: Option<&'static str>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl TakenOf {
    fn of(event_id: Option<EventId>, status: Status) -> Self {
        Self { event_id, status, reason: None, detail: None }
    }

    fn rejected(event_id: Option<EventId>, error: Error) -> Self {
        let detail = Some(error.to_string());
        let reason = Some(shared::problem::Problem::from(error).code());
        Self { event_id, status: Status::Rejected, reason, detail }
    }
}

/// Takes up to 500 events, each for itself; the answer says of each what became of it. Where the store keeps none for a fault of its own,
/// that is 500.
#[utoipa::path(
    post,
    path = "/analytics/ingest/batch",
    tag = "analytics",
    params(ContextHeaders),
    request_body = SentBatch,
    responses((status = 200, description = "What became of each event.", body = TakenBatch), Guarded, WithBody)
)]
pub(super) async fn batch(
    State(app): State<App>,
    context: Context,
    Json(sent): Json<SentBatch>,
) -> Result<Json<TakenBatch>, Error> {
    INGEST.of(take_batch(&app, &context, sent)).await.map(Json)
}

async fn take_batch(app: &App, context: &Context, SentBatch { events }: SentBatch) -> Result<TakenBatch, Error> {
    if !(1..=MAX_EVENTS).contains(&events.len()) {
        return Err(Error::BadRequest("events has 1 to 500 of them.".to_owned()));
    }
    let service = is_service(&context.caller).await?;
    for event in &events {
        of_whom(&context.caller, service, event.user_id())?;
    }
    let request_id = request_id();
    let by = sender(app, context, &request_id, (!service).then(|| context.caller.person()));
    let store = app.stores.of(context).await?;
    let (mut results, mut puts) = (Vec::with_capacity(events.len()), Vec::<ToPut>::new());
    // Where the first of each name stands among those that are put.
    let mut named: HashMap<EventId, usize> = HashMap::new();
    let mut places: Vec<Option<usize>> = vec![];
    for (at, sent) in events.into_iter().enumerate() {
        let read = sent.id(&request_id, Some(at)).and_then(|id| Ok((id.clone(), sent.read(id, &by)?)));
        let mut place = None;
        results.push(match read {
            Err(why) => TakenOf::rejected(None, Error::BadEvent(why)),
            Ok((id, put)) => match named.get(&id) {
                Some(first) if puts[*first].fingerprint == put.fingerprint => TakenOf::of(Some(id), Status::Duplicate),
                Some(_) => TakenOf::rejected(Some(id.clone()), Error::Conflict(id)),
                None => {
                    place = Some(puts.len());
                    named.insert(id.clone(), puts.len());
                    puts.push(put);
                    TakenOf::of(Some(id), Status::NotStored)
                }
            },
        });
        places.push(place);
    }
    let Some(store) = store else {
        return Ok(TakenBatch { stored: 0, results, warning: Some(MISSING_ROUTE) });
    };
    let outcomes = if puts.is_empty() { vec![] } else { store.put(&context.tenant, &puts).await };
    let mut outcomes: Vec<Option<_>> = outcomes.into_iter().map(Some).collect();
    let all_failed = !outcomes.is_empty() && outcomes.iter().all(|outcome| matches!(outcome, Some(Err(_))));
    let mut told = false;
    for (result, place) in results.iter_mut().zip(places) {
        let Some(place) = place else { continue };
        let id = result.event_id.clone();
        let outcome = outcomes.get_mut(place).and_then(Option::take).unwrap_or_else(|| Err(nothing()));
        *result = match outcome {
            Ok(PutOutcome::Stored) => TakenOf::of(id, Status::Stored),
            Ok(PutOutcome::Duplicate) => TakenOf::of(id, Status::Duplicate),
            Ok(PutOutcome::Conflict) => match id {
                Some(id) => TakenOf::rejected(Some(id.clone()), Error::Conflict(id)),
                None => TakenOf::of(None, Status::Failed),
            },
            Err(error) if all_failed => return Err(Error::of_ingest(error)),
            Err(error) => {
                // Of many with one cause the log has one.
                let error = if told { Error::Backend(error) } else { Error::of_ingest(error) };
                told = true;
                TakenOf { status: Status::Failed, ..TakenOf::rejected(id, error) }
            }
        };
    }
    let stored = results.iter().filter(|result| result.status == Status::Stored).count();
    Ok(TakenBatch { stored, results, warning: None })
}
