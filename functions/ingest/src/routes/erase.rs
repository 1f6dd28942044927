//! Deleting all that is stored about a person, and telling what was deleted.

use super::{QUERY, budget};
use crate::{
    App, Error,
    erasure::{self, Erasure, Gone, pass::Pass, work::Work},
    sent::{MAX_NAME_CHARS, is_text},
    stores::StoreName,
    table::TenantErasures,
};
use axum::{Extension, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    audit::Standing,
    auth::Scope,
    digest::Digest,
    problem::Problem,
    resilience::Budget,
    web::{
        Json, Path, Query,
        answers::{Guarded, OfOne},
        context::{Context, ContextHeaders},
        lambda::Deadline,
    },
};
use std::time::Duration;

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
    /// How many went since the erasure began; about so many where `deleted_is_exact` is false.
    deleted_in_all: u64,
    /// Whether nothing was left out in counting: after a call that never ended, something may have been.
    deleted_is_exact: bool,
    /// The name of the receipt: `GET /analytics/erasures/{receipt_id}`.
    #[schema(example = "ers_01jc0000000000000000000000")]
    receipt_id: String,
    /// Whether whole passes have found nothing more. Otherwise there may be more: call again, with the cursor.
    complete: bool,
    /// The stores of events that were gone through.
    stores: Vec<ErasedEventStore>,
    /// Where to go on; left out once it is over. It is over and not complete where the tenant's route came to lead to another store: `stores`
    /// says which one may still hold events.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// A store of events that was gone through.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ErasedEventStore {
    /// `dynamodb`, `firestore` or `cosmos`.
    #[schema(example = "dynamodb")]
    backend_type: String,
    /// The table; the project, the database and the collection, after `emulator` where it is one's; or the account's address, the database
    /// and the container.
    #[schema(example = "smartstore-prod-events")]
    place: String,
    /// Whether a whole pass there has found nothing more.
    complete: bool,
}

impl ErasedEventStore {
    fn all(erasure: &Erasure) -> Vec<Self> {
        let told = |store: &StoreName| {
            let StoreName { backend_type, place } = store.clone();
            Self { backend_type, place, complete: erasure.is_empty(store) }
        };
        erasure.stores.iter().map(told).collect()
    }
}

/// What a cursor holds.
#[derive(Serialize, Deserialize)]
struct Mark {
    receipt_id: String,
    /// The store in which `pass` stands: in another one it means nothing.
    store: Digest,
    pass: Pass,
}

impl Mark {
    /// Where to go on in `store`.
    fn pass_in(self, store: &StoreName) -> Pass {
        if self.store == store.digest() { self.pass.resumed() } else { Pass::new() }
    }
}

/// Deletes all events of a person, refused ones too, as far as one call gets. Once it says so, no query finds them. It is done when
/// `complete` is true, and then all is gone that was acknowledged before the first call, or the last one without a cursor; until then,
/// call again with the cursor.
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
    let mut begun = None;
    let done = QUERY.of(Box::pin(erased(&app, &context, &of, budget(deadline, MARGIN), &mut begun))).await;
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
    let (store, name) = app.stores.required(context).await?;
    let (rows, now) = (app.erasures.of(&context.tenant), app.clock.now());
    let (erasure, pass) = match mark {
        Some(mark) => {
            let open = known(&rows, &mark.receipt_id).await?;
            match rows.resume(&open, &name, now).await? {
                Some(erasure) => (erasure, mark.pass_in(&name)),
                // It is over by now: another call has ended it.
                None => return Ok(told(known(&rows, &mark.receipt_id).await?, 0, None)),
            }
        }
        None => (begin(&rows, context, of, &name, now).await?, Pass::new()),
    };
    *begun = Some(erasure.receipt_id.clone());
    let failed = app.failed.of(&context.tenant);
    let (tenant, person) = (&context.tenant, of.user_id.as_str());
    let gone = Gone::default();
    let mut work = Work { store: &*store, failed: &failed, tenant, person, budget, began: now, gone };
    let stopped = work.go(pass).await;
    let gone = work.gone;
    match stopped {
        Ok(None) => {
            let ended = rows.end(&erasure, gone, &name, context.caller.person(), app.clock.now()).await?;
            Ok(told(ended, gone.all(), None))
        }
        Ok(Some(pass)) => {
            let erasure = rows.note(&erasure, gone).await?;
            let mark = Mark { receipt_id: erasure.receipt_id.clone(), store: name.digest(), pass };
            let cursor = match erasure.ended_at {
                None => Some(app.cursors.seal(&place, &mark).await?),
                Some(_) => None,
            };
            Ok(told(erasure, gone.all(), cursor))
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

/// The erasure of this receipt.
async fn known(rows: &TenantErasures, receipt_id: &str) -> Result<Erasure, Error> {
    rows.get(receipt_id).await?.ok_or(Error::NoSuchErasure)
}

/// The erasure of the person that is not over, or a new one.
async fn begin(
    rows: &TenantErasures,
    context: &Context,
    of: &OfPerson,
    store: &StoreName,
    now: Timestamp,
) -> Result<Erasure, Error> {
    let person = erasure::person(context.tenant.tenant(), &of.user_id);
    let (new, entry) = Erasure::begin(person, store.clone(), context.caller.person(), now)?;
    // Another call may end it, or begin one, between two looks.
    for _ in 0..4 {
        if let Some(open) = rows.open(&person).await?
            && let Some(erasure) = rows.resume(&open, store, now).await?
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
        complete: erasure.is_complete(),
        stores: ErasedEventStore::all(&erasure),
        receipt_id: erasure.receipt_id,
        cursor,
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
    /// How many events went; about so many where `deleted_is_exact` is false.
    events: u64,
    /// How many refused events went.
    refused_events: u64,
    deleted_is_exact: bool,
    /// Whether whole passes have found nothing more in any of its stores.
    complete: bool,
    /// The stores of events that were gone through, and no others: where the tenant's events were kept before, they may still be.
    stores: Vec<ErasedEventStore>,
    /// Who had it begun.
    by: String,
    #[schema(format = DateTime)]
    begun_at: String,
    /// When it was over.
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
    let erasure = known(&rows, &receipt_id).await?;
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
        stores: ErasedEventStore::all(&erasure),
        complete: erasure.is_complete(),
        receipt_id: erasure.receipt_id,
        person: erasure.person,
        events: erasure.events,
        refused_events: erasure.refused,
        deleted_is_exact: erasure.exact,
        by: erasure.by.into(),
        begun_at: erasure.begun_at.to_string(),
        ended_at: erasure.ended_at.map(|at| at.to_string()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::table::Place;

    #[test]
    fn a_cursor_of_another_store_begins_anew() {
        let store = |place: &str| StoreName { backend_type: "dynamodb".to_owned(), place: place.to_owned() };
        let mut pass = Pass::new();
        pass.refused(Some(Place::of("fld_1")), true, Timestamp::UNIX_EPOCH);
        let mark = || Mark { receipt_id: "ers_1".to_owned(), store: store("a").digest(), pass: pass.clone() };
        assert_eq!(mark().pass_in(&store("a")), pass);
        assert_eq!(mark().pass_in(&store("b")), Pass::new());
    }
}
