//! Deleting all that is stored about a person, and telling what was deleted.
//!
//! Refused events come first and the store of events last, so that one that is taken in after all meanwhile is found there. Each is gone
//! through from its beginning until a pass finds nothing more: what comes into it until then goes too, and what a crash left behind. A refused
//! event that comes in after their pass stays.

use super::QUERY;
use crate::{
    App, Error,
    erasure::{self, Erasure, Gone},
    failed::Failed,
    sent::{MAX_NAME_CHARS, is_text},
    table::{TenantErasures, TenantFailed},
};
use axum::{Extension, extract::State};
use event_store::{Deleted, EventId, EventQuery, EventStore, Filters, Order, Position, Range, StoreError};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    audit::Standing,
    auth::Scope,
    digest::Digest,
    problem::Problem,
    resilience::Budget,
    table::Place,
    tenant::TenantScope,
    web::{
        Json, Path, Query,
        answers::{Guarded, OfOne},
        context::{Context, ContextHeaders},
        lambda::Deadline,
    },
};
use std::time::Duration;

/// How many events go in one call at most.
const ROWS: u64 = 2_000;
/// How many are looked at together.
const PAGE: usize = 250;
/// How many are deleted at once.
const AT_ONCE: usize = 32;
/// How long a call goes on deleting.
const TIME: Duration = Duration::from_secs(8);
/// What of an invocation's time is left for telling what was done.
const MARGIN: Duration = Duration::from_secs(4);

/// Whose events.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfPerson {
    /// The person, as events name them.
    #[param(max_length = 128)]
    user_id: String,
    /// The `cursor` of the call before, to go on with it. Without one, an erasure of the person that is not complete is gone on with from its
    /// beginning.
    cursor: Option<String>,
}

/// What a call has deleted.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Erased {
    /// How many events went in this call, refused ones with them.
    deleted: u64,
    /// How many went since the erasure began; at least so many where `deleted_is_exact` is false.
    deleted_in_all: u64,
    /// Whether nothing was left out in counting: after a call that never ended, something may have been.
    deleted_is_exact: bool,
    /// The name of the receipt: `GET /analytics/erasures/{receipt_id}`.
    #[schema(example = "ers_01jc0000000000000000000000")]
    receipt_id: String,
    /// Whether a whole pass has found nothing more. Otherwise there is more: call again, with the cursor.
    complete: bool,
    /// Where to go on; left out once it is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// How far a call has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum At {
    /// Among the refused events: after this place, and whether this pass has found any.
    Refused(Option<Place>, bool),
    /// Among the events.
    Events(Option<Position>, bool),
}

/// What a cursor holds.
#[derive(Serialize, Deserialize)]
struct Mark {
    receipt_id: String,
    at: At,
}

/// The work of one call.
struct Work<'a> {
    store: &'a dyn EventStore,
    failed: &'a TenantFailed,
    tenant: &'a TenantScope,
    person: &'a str,
    gone: Gone,
    budget: Budget,
}

/// Deletes all events of a person, refused ones too, as far as one call gets. Once it says so, no query finds them. It is done when
/// `complete` is true: until then, call again with the cursor.
#[utoipa::path(
    delete,
    path = "/analytics/events",
    tag = "analytics",
    params(OfPerson, ContextHeaders),
    responses((status = 200, description = "What went, and whether that is all.", body = Erased), Guarded)
)]
pub(super) async fn person(
    State(app): State<App>,
    context: Context,
    deadline: Option<Extension<Deadline>>,
    Query(of): Query<OfPerson>,
) -> Result<Json<Erased>, Error> {
    context.caller.require(Scope::AdminWrite).await?;
    let left = deadline.map_or(TIME, |Extension(deadline)| deadline.remaining().saturating_sub(MARGIN).min(TIME));
    let mut begun = None;
    let done = QUERY.of(Box::pin(erased(&app, &context, &of, Budget::of(left), &mut begun))).await;
    let Some(receipt_id) = begun else { return done.map(Json) };
    // Whoever is told of a fault is told too what it is that has begun.
    done.map(Json).map_err(|error| Problem::from(error).with("receipt_id", receipt_id).with("complete", false).into())
}

async fn erased(
    app: &App,
    context: &Context,
    of: &OfPerson,
    budget: Budget,
    begun: &mut Option<String>,
) -> Result<Erased, Error> {
    if !is_text(&of.user_id, MAX_NAME_CHARS) {
        return Err(Error::BadRequest("user_id has 1 to 128 characters, none of them a control.".to_owned()));
    }
    let place = [context.tenant.tenant().as_str(), "DELETE /analytics/events", &of.user_id];
    let mark: Option<Mark> = app.cursors.after(&place, of.cursor.as_deref()).await?;
    let store = app.stores.required(context).await?;
    let (rows, now) = (app.erasures.of(&context.tenant), app.clock.now());
    let (erasure, at) = match mark {
        Some(Mark { receipt_id, at }) => {
            let known = rows.get(&receipt_id).await?.ok_or(Error::NoSuchErasure)?;
            match rows.resume(&known, now).await? {
                Some(erasure) => (erasure, at),
                // It is over by now: another call has ended it.
                None => return Ok(told(rows.get(&receipt_id).await?.ok_or(Error::NoSuchErasure)?, 0, None)),
            }
        }
        None => (begin(&rows, context, of, now).await?, At::Refused(None, false)),
    };
    *begun = Some(erasure.receipt_id.clone());
    let failed = app.failed.of(&context.tenant);
    let (tenant, person) = (&context.tenant, of.user_id.as_str());
    let mut work = Work { store: &*store, failed: &failed, tenant, person, gone: Gone::default(), budget };
    let stopped = work.go(at).await;
    let gone = work.gone;
    match stopped {
        Ok(None) => {
            let ended = rows.end(&erasure, gone, context.caller.person(), app.clock.now()).await?;
            Ok(told(ended, gone.all(), None))
        }
        Ok(Some(at)) => {
            let Some(erasure) = rows.note(&erasure, gone).await? else {
                return Ok(told(rows.get(&erasure.receipt_id).await?.ok_or(Error::NoSuchErasure)?, gone.all(), None));
            };
            let mark = Mark { receipt_id: erasure.receipt_id.clone(), at };
            let cursor = app.cursors.seal(&place, &mark).await?;
            Ok(told(erasure, gone.all(), Some(cursor)))
        }
        Err(error) => {
            // What went before the fault is counted; where that fails as well, the count is told to be no longer exact.
            if let Err(untold) = rows.note(&erasure, gone).await {
                tracing::warn!(
                    event = "analytics_erasure_uncounted",
                    "{} deleted events are not counted: {untold}",
                    gone.events
                );
            }
            Err(error)
        }
    }
}

/// The erasure of the person that is not over, or a new one.
async fn begin(rows: &TenantErasures, context: &Context, of: &OfPerson, now: Timestamp) -> Result<Erasure, Error> {
    let person = erasure::person(context.tenant.tenant(), &of.user_id);
    let (new, entry) = Erasure::begin(person, context.caller.person(), now)?;
    // Another call may end it, or begin one, between two looks.
    for _ in 0..4 {
        if let Some(open) = rows.open(&person).await?
            && let Some(erasure) = rows.resume(&open, now).await?
        {
            return Ok(erasure);
        }
        if rows.begin(&new, &entry).await? {
            return Ok(new);
        }
    }
    let why = std::io::Error::other("other calls kept beginning and ending erasures of the person");
    Err(shared::table::TableError::unavailable(why).into())
}

fn told(erasure: Erasure, deleted: u64, cursor: Option<String>) -> Erased {
    Erased {
        deleted,
        deleted_in_all: erasure.events + erasure.refused,
        deleted_is_exact: erasure.exact,
        complete: erasure.ended_at.is_some(),
        receipt_id: erasure.receipt_id,
        cursor,
    }
}

impl Work<'_> {
    /// Goes on from `at`; where it stopped, or `None` where there is nothing more.
    async fn go(&mut self, mut at: At) -> Result<Option<At>, Error> {
        loop {
            let left = ROWS.saturating_sub(self.gone.all());
            if left == 0 || self.budget.left().is_zero() {
                return Ok(Some(at));
            }
            let limit = PAGE.min(usize::try_from(left).unwrap_or(PAGE));
            at = match at {
                At::Refused(after, found) => match self.refused(limit, after).await? {
                    (Some(after), some) => At::Refused(Some(after), found || some),
                    (None, some) if found || some => At::Refused(None, false),
                    (None, _) => At::Events(None, false),
                },
                At::Events(after, found) => match self.events(limit, after).await? {
                    (Some(after), some) => At::Events(Some(after), found || some),
                    (None, some) if found || some => At::Events(None, false),
                    (None, _) => return Ok(None),
                },
            };
        }
    }

    /// Deletes those of a page of refused events that are the person's; where the next one begins, and whether there were any.
    async fn refused(&mut self, limit: usize, after: Option<Place>) -> Result<(Option<Place>, bool), Error> {
        let page = self.failed.page(u32::try_from(limit).unwrap_or(u32::MAX), after).await?;
        let (mut own, mut unread): (Vec<Failed>, Vec<Failed>) = (vec![], vec![]);
        for failed in page.rows {
            match failed.is_of(self.person) {
                Some(true) => own.push(failed),
                Some(false) => {}
                None => unread.push(failed),
            }
        }
        if !unread.is_empty() {
            own.extend(self.failed.naming(unread, self.person).await?);
        }
        for failed in &own {
            self.failed.remove(failed).await?;
            self.gone.refused += 1;
        }
        Ok((page.after, !own.is_empty()))
    }

    /// Deletes a page of events; where the next one begins, and whether there were any.
    async fn events(&mut self, limit: usize, after: Option<Position>) -> Result<(Option<Position>, bool), Error> {
        let query = EventQuery {
            range: Range { from: Timestamp::MIN, to: Timestamp::MAX },
            filters: Filters { user_id: Some(self.person.to_owned()), ..Filters::default() },
            order: Order::OldestFirst,
        };
        let page = self.store.query(self.tenant, &query, limit, after.as_ref()).await.map_err(Error::of_query)?;
        let ids: Vec<EventId> = page.events.into_iter().map(|event| event.event_id).collect();
        let (store, tenant) = (self.store, self.tenant);
        let calls: Vec<_> = ids.iter().map(|id| store.delete(tenant, id)).collect();
        let outcomes: Vec<Result<Deleted, StoreError>> = stream::iter(calls).buffered(AT_ONCE).collect().await;
        let mut failed = None;
        for outcome in outcomes {
            match outcome {
                Ok(Deleted::Gone) => self.gone.events += 1,
                Ok(Deleted::NotThere) => self.gone.or_more = true,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(Error::of_query(error)),
            None => Ok((page.next, !ids.is_empty())),
        }
    }
}

/// A receipt.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OfReceipt {
    /// Its id.
    #[param(example = "ers_01jc0000000000000000000000")]
    receipt_id: String,
}

/// What an erasure did.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Receipt {
    receipt_id: String,
    /// The person: SHA-256 of the tenant's id, a zero byte and the `user_id`.
    person: Digest,
    /// How many events went; at least so many where `deleted_is_exact` is false.
    events: u64,
    /// How many refused events went.
    refused_events: u64,
    deleted_is_exact: bool,
    /// Whether a whole pass has found nothing more.
    complete: bool,
    /// Who had it begun.
    by: String,
    #[schema(format = DateTime)]
    begun_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// The entries of the audit log that say so.
    log: Vec<LogEntry>,
}

/// An entry of the audit log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct LogEntry {
    #[schema(example = "analytics.erased")]
    kind: &'static str,
    #[schema(format = DateTime)]
    at: String,
    /// Its place, which `audit proof` proves; left out where it is too new to be found.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_seq: Option<u64>,
    /// `true` where its text was erased, and with it the way to find its place. Left out otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    audit_erased: bool,
}

/// Shows what an erasure did, and where the audit log says so.
#[utoipa::path(
    get,
    path = "/analytics/erasures/{receipt_id}",
    tag = "analytics",
    params(OfReceipt, ContextHeaders),
    responses((status = 200, description = "The receipt.", body = Receipt), OfOne, Guarded)
)]
pub(super) async fn receipt(
    State(app): State<App>,
    context: Context,
    Path(OfReceipt { receipt_id }): Path<OfReceipt>,
) -> Result<Json<Receipt>, Error> {
    context.caller.require(Scope::AdminRead).await?;
    let rows = app.erasures.of(&context.tenant);
    let erasure = rows.get(&receipt_id).await?.ok_or(Error::NoSuchErasure)?;
    let places = rows.places(&erasure).await?;
    let entry = |(kind, entry, at): (&'static str, &str, Timestamp)| {
        let (audit_seq, audit_erased) = match places.of(entry, at) {
            Standing::At(seq) => (Some(seq), false),
            Standing::Erased => (None, true),
            Standing::Unknown => (None, false),
        };
        LogEntry { kind, at: at.to_string(), audit_seq, audit_erased }
    };
    Ok(Json(Receipt {
        log: erasure.entries().map(entry).collect(),
        receipt_id: erasure.receipt_id,
        person: erasure.person,
        events: erasure.events,
        refused_events: erasure.refused,
        deleted_is_exact: erasure.exact,
        complete: erasure.ended_at.is_some(),
        by: erasure.by.into(),
        begun_at: erasure.begun_at.to_string(),
        ended_at: erasure.ended_at.map(|at| at.to_string()),
    }))
}
