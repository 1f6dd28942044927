//! Taking many events in at once.

use super::{
    INGEST, failed_in_part,
    refused::{Kept, Refusals, Refused},
    take::{is_service, named, nothing, of_whom, opened, request_id, sender},
};
use crate::{
    App, Error,
    sent::{SentBatch, SentEvent},
    stores::MISSING_ROUTE,
};
use axum::extract::State;
use event_store::{EventId, PutOutcome, store::ToPut};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::{
    problem::Problem,
    web::{
        Json,
        answers::{Guarded, WithBody},
        context::{Context, ContextHeaders},
        extract::{RawJson, unquoted},
    },
};
use std::{collections::HashMap, mem};

/// The most events of a batch.
const MAX_EVENTS: usize = 500;

/// A batch, each event as it came.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnreadBatch<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
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
    /// Where it was rejected: under what it waits to be mended (`GET /analytics/failed`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "fld_01jc0000000000000000000000")]
    failed_id: Option<String>,
    /// `false` where it was rejected and does not wait, there being no room. Left out otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_kept: Option<bool>,
    /// The refusal of one that was rejected.
    #[serde(skip)]
    why: Option<Problem>,
}

impl TakenOf {
    fn of(event_id: Option<EventId>, status: Status) -> Self {
        Self { event_id, status, reason: None, detail: None, failed_id: None, failed_kept: None, why: None }
    }

    fn rejected(event_id: Option<EventId>, why: impl Into<Problem>) -> Self {
        let why = why.into();
        let (reason, detail) = (Some(why.code()), Some(why.message().to_owned()));
        Self { reason, detail, why: Some(why), ..Self::of(event_id, Status::Rejected) }
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
    body: Result<RawJson, Problem>,
) -> Result<Json<TakenBatch>, Error> {
    INGEST.of(take_batch(&app, &context, body)).await.map(Json)
}

/// An event that was read, or why it was not.
type Read<'a> = Result<SentEvent<'a>, Problem>;

/// The events of a body.
fn events(body: &RawJson) -> Result<Vec<Read<'_>>, Problem> {
    let read: Vec<Read<'_>> = match body.read::<SentBatch<'_>>() {
        Ok(batch) => batch.events.into_iter().map(Ok).collect(),
        // Where one of them is of another form, each is read for itself.
        Err(_) => body.read::<UnreadBatch<'_>>()?.events.into_iter().map(event).collect(),
    };
    match read.len() {
        1..=MAX_EVENTS => Ok(read),
        _ => Err(Error::BadRequest("events has 1 to 500 of them.".to_owned()).into()),
    }
}

fn event(sent: &RawValue) -> Read<'_> {
    let bad = |why: String| Problem::bad_request("http.bad_request").detail(why);
    if !sent.get().starts_with('{') {
        return Err(bad("An event is an object.".to_owned()));
    }
    serde_json::from_str(sent.get())
        .map_err(|why| bad(format!("The event is not what this route takes: {}", unquoted(&why))))
}

async fn take_batch(app: &App, context: &Context, body: Result<RawJson, Problem>) -> Result<TakenBatch, Error> {
    let service = is_service(&context.caller).await?;
    let (body, too_large) = opened(body)?;
    let read = too_large.map_or_else(|| events(&body), Err);
    for event in read.iter().flatten().flatten() {
        of_whom(&context.caller, service, event.user_id())?;
    }
    let store = app.stores.of(context).await?;
    let request_id = request_id();
    let person = (!service).then(|| context.caller.person());
    let refusals = Refusals::of(app, context, &request_id, person);
    let events = match read {
        Ok(events) => events,
        Err(why) => {
            // The batch is none: it is kept as one.
            let whole = Refused { bytes: &body.0, at: None, why: &why };
            let told = if store.is_some() { refusals.keep(vec![whole]).await.pop().flatten() } else { None };
            return Err(told.map_or(why.clone(), |kept| kept.tell(why)).into());
        }
    };
    let by = sender(app, context, &request_id, person);
    let (mut results, mut puts) = (Vec::with_capacity(events.len()), Vec::<ToPut>::new());
    // Where the first of each name stands among those that are put, and among all.
    let mut names: HashMap<EventId, (usize, usize)> = HashMap::new();
    // Those that are what another is: where that one stands.
    let mut same: Vec<(usize, usize)> = vec![];
    let mut places: Vec<Option<usize>> = vec![];
    for (at, sent) in events.into_iter().enumerate() {
        let read = sent.map_err(Error::from).and_then(|sent| named(sent, &by, Some(at)));
        let mut place = None;
        results.push(match read {
            Err(why) => TakenOf::rejected(None, why),
            Ok((id, put)) => match names.get(&id) {
                Some((first, stands)) if puts[*first].fingerprint == put.fingerprint => {
                    same.push((at, *stands));
                    TakenOf::of(Some(id), Status::NotStored)
                }
                Some(_) => TakenOf::rejected(Some(id.clone()), Error::Conflict(id)),
                None => {
                    place = Some(puts.len());
                    names.insert(id.clone(), (puts.len(), at));
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
    let mut told = vec![];
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
                // Of many of one kind the log has one.
                let kind = mem::discriminant(&error);
                let error = if told.contains(&kind) { Error::known(error) } else { Error::of_ingest(error) };
                if !told.contains(&kind) {
                    told.push(kind);
                }
                TakenOf { status: Status::Failed, why: None, ..TakenOf::rejected(id, error) }
            }
        };
    }
    for (at, first) in same {
        // It is kept where the first of it is, and as little where that is not.
        let (event_id, first) = (results[at].event_id.clone(), &results[first]);
        results[at] = match first.status {
            Status::Stored | Status::Duplicate => TakenOf::of(event_id, Status::Duplicate),
            status => TakenOf { reason: first.reason, detail: first.detail.clone(), ..TakenOf::of(event_id, status) },
        };
    }
    if !told.is_empty() {
        failed_in_part();
    }
    keep(&refusals, &body, &mut results).await?;
    let stored = results.iter().filter(|result| result.status == Status::Stored).count();
    Ok(TakenBatch { stored, results, warning: None })
}

/// Keeps those that were rejected, as they came.
async fn keep(refusals: &Refusals<'_>, body: &RawJson, results: &mut [TakenOf]) -> Result<(), Error> {
    if results.iter().all(|result| result.why.is_none()) {
        return Ok(());
    }
    let sent: UnreadBatch<'_> = body.read()?;
    let whys: Vec<_> = results.iter_mut().map(|result| result.why.take()).collect();
    let refused = whys.iter().zip(&sent.events).enumerate();
    let refused = refused.filter_map(|(at, (why, sent))| {
        let why = why.as_ref()?;
        Some(Refused { bytes: sent.get().as_bytes(), at: Some(at), why })
    });
    let refused: Vec<_> = refused.collect();
    let places: Vec<_> = refused.iter().filter_map(|refused| refused.at).collect();
    for (at, kept) in places.into_iter().zip(refusals.keep(refused).await) {
        match kept {
            Some(Kept::As(failed_id)) => results[at].failed_id = Some(failed_id),
            Some(Kept::Not) => results[at].failed_kept = Some(false),
            None => {}
        }
    }
    Ok(())
}
