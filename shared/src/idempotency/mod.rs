//! A request with an `Idempotency-Key` is done once, however often it is sent.
//!
//! Every unsafe route passes through [`Idempotency`], because [`crate::web::Routes`] puts it there: no handler knows of it.
//! The header and its meaning are those of `draft-ietf-httpapi-idempotency-key-header`. A request without it passes as it is,
//! and writes nothing.
//!
//! **Which requests are the same.** The person, the method, the path with its query, and the key, within the tenant. What comes
//! under one key must also be the same in its payload: the body, and the headers that say what it means ([`MEANING`]).
//!
//! **Who may hear an answer again.** Whoever has the rights with which it was given: the role, the stores and the scopes that count.
//! A replay asks no handler whether the caller may still know what it tells, and so it goes to nobody whose rights have changed.
//!
//! **How it runs.** One conditional put takes the key for this run (its *lease*), without a read; a loser learns from the
//! refusal itself what is stored. Then the handler runs. Then one conditional update stores the answer, if the record still is
//! this run's (the *fence*): a run that wakes after its lease, when another has taken over, changes nothing, and answers what the
//! store says.
//!
//! | found under the key | answered |
//! | --- | --- |
//! | nothing, or a record past its 24 hours | the handler's answer |
//! | another payload | 409 `idempotency.key_reused` |
//! | an answer to somebody with other rights | 403 `idempotency.rights_changed` |
//! | an answer | that answer byte for byte, with `idempotency-replayed: true` |
//! | a run whose lease holds | 409 `idempotency.in_progress`, `Retry-After` the rest of the lease |
//! | a run whose lease is over | the handler's answer, by this run |
//! | the table does not answer within [`CLAIM`] | 503 before anything ran |
//!
//! **How long a lease is.** What is left of the invocation, after which its run cannot act any more, and [`MARGIN`] for the clocks
//! of two instances. After a crash the key is free again when the lease is over. Leases and ages are compared times; the table's
//! own time to live only tidies up.
//!
//! **What is stored** is an answer that settles the request ([`settles`]). Any other gives the key back, so that a retry runs. If
//! the answer cannot be stored within [`KEEP`], it goes out all the same, `idempotency_unsettled_total` counts it, and the lease runs out. An answer
//! that is larger than an item goes ahead in chunks under the run's own name, so that no other run can touch them.
//!
//! **What a crash means.** A run that dies between its effect and the stored answer leaves the effect, and the next run acts again.
//! So a handler's effect is one that can be repeated, as setting a product is, or is written under the [`Token`] that all runs of
//! one key share.

mod answer;
mod key;
pub mod openapi;
mod record;
#[cfg(test)]
mod tests;

pub use answer::settles;
pub use key::{BadKey, HEADER, IdempotencyKey, MEANING, Token};
pub use record::KEPT;

use crate::{
    auth::{Caller, Verifier},
    clock::Clock,
    problem::{self, Problem},
    table::{Table, TableError},
    telemetry::{Metric, Outcome, metrics},
    tenant::TenantScope,
    web::extract::Raw,
};
use answer::Answer;
use axum::{
    body::Body,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use http::{StatusCode, request::Parts};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use record::{Claim, Completion, Found, Lease, Records};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// What a lease has beyond the time of its run: two clocks, each up to five seconds off, one ahead and one behind.
pub const MARGIN: SignedDuration = SignedDuration::from_secs(10);
/// The time of a run where nothing limits it, as outside Lambda.
const UNLIMITED: SignedDuration = SignedDuration::from_secs(30);
/// How long a run waits at most for its key. After that nothing has run, and the caller is told to come again.
const CLAIM: Duration = Duration::from_secs(3);
/// How long an answer that is ready waits at most for the store to know of it.
const KEEP: Duration = Duration::from_secs(1);
/// What it waits longer for each chunk of a large one.
const KEEP_CHUNK: Duration = Duration::from_millis(200);
/// What an answer needs at the end of an invocation to go out.
const SENDING: Duration = Duration::from_millis(200);

/// Whom a route lets in, as far as that matters before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Nobody whose account is suspended.
    Shut,
    /// Them too: a route of appeals.
    EvenSuspended,
}

/// What runs for the first request of a key: the route's handler.
pub(crate) type Run = Box<dyn FnOnce(Request) -> BoxFuture<'static, Response> + Send>;

/// A point between two writes, at which a test may kill the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The lease is taken, nothing has run.
    Claimed,
    /// The handler has answered.
    Ran,
    /// One more chunk of a large answer is stored.
    ChunkUp,
    /// All chunks are stored, the record does not yet say so.
    Chunked,
    /// The answer is stored and not sent.
    Completed,
}

/// Keeps requests from being done twice. Part of the `App` of every function with an unsafe route.
#[derive(Clone)]
pub struct Idempotency {
    table: Table,
    clock: Clock,
    #[cfg(test)]
    watch: std::sync::Arc<dyn Fn(Step) + Send + Sync>,
}

impl Idempotency {
    /// Keeps its records in `table`, each in its tenant's part, by the time of `clock`.
    pub fn new(table: Table, clock: Clock) -> Self {
        Self {
            table,
            clock,
            #[cfg(test)]
            watch: std::sync::Arc::new(|_| {}),
        }
    }

    fn at(&self, step: Step) {
        #[cfg(test)]
        (self.watch)(step);
        #[cfg(not(test))]
        let _ = step;
    }

    /// Answers `request`: by `run`, or by what is stored under its key.
    ///
    /// A request without a key, without a verified caller or without a tenant goes to `run` as it is: the refusals are the
    /// handler's own.
    pub(crate) async fn once(self, verifier: Verifier, door: Door, request: Request, run: Run) -> Response {
        let (mut parts, body) = request.into_parts();
        let caller = match door {
            Door::Shut => Caller::verified(&mut parts, &verifier).await,
            Door::EvenSuspended => Caller::even_suspended(&mut parts, &verifier).await,
        };
        let scope = match caller {
            Ok(caller) => TenantScope::of(caller.claims()).map(|tenant| (caller, tenant)),
            Err(refusal) => Err(refusal),
        };
        let Ok((caller, tenant)) = scope else { return run(Request::from_parts(parts, body)).await };
        let key = match IdempotencyKey::of(&parts.headers) {
            Ok(key) => key,
            Err(bad) => return Problem::from(bad).into_response(),
        };
        // The route's own limit is among the request's extensions, so that a body is too large here where it is for the handler.
        let body = match Raw::from_request(Request::from_parts(parts.clone(), body), &()).await {
            Ok(Raw(body)) => body,
            Err(refusal) => return refusal.into_response(),
        };
        let scopes = match door {
            Door::Shut => caller.scopes().await.map(Some),
            Door::EvenSuspended => caller.standing().await,
        };
        let rights = match scopes {
            Ok(scopes) => key::rights(caller.claims(), scopes),
            Err(refusal) => return refusal.into_response(),
        };
        let token = Token::of(caller.person(), &parts.method, &parts.uri, &key);
        let records = Records::of(self.table.of(&tenant), &token);
        let left = time_left(&parts);
        let payload = key::payload(&parts.headers, &body);
        parts.extensions.insert(token.with(&payload));
        let lease = Lease::new(payload, rights, self.clock.now(), left);
        let request = Request::from_parts(parts, Body::from(body));
        let answered = self.claimed(records, lease, Instant::now() + left, request, run);
        answered.await.unwrap_or_else(IntoResponse::into_response)
    }

    /// Answers by `run`, where the key can be had; at `end` the invocation is over.
    async fn claimed(
        &self,
        records: Records,
        lease: Lease,
        end: Instant,
        request: Request,
        run: Run,
    ) -> Result<Response, Problem> {
        if let Claim::Known(found) = within(CLAIM, end, records.claim(&lease)).await? {
            return self.told(&records, *found).await;
        }
        self.at(Step::Claimed);
        let response = run(request).await;
        self.at(Step::Ran);
        if !settles(response.status()) {
            if let Err(error) = within(KEEP, end, records.release(&lease)).await {
                unsettled(&error, response.status());
            }
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let bytes = match body.collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) => return Err(Problem::internal(&std::io::Error::other(error))),
        };
        let answer = Answer::of(parts.status, &parts.headers, bytes.clone());
        let patience = KEEP + KEEP_CHUNK * answer.chunks();
        let at = |step| self.at(step);
        match within(patience, end, records.complete(&lease, &answer, &at)).await {
            Ok(Completion::Done) => self.at(Step::Completed),
            Ok(Completion::Overtaken(found)) => {
                tracing::warn!(event = "idempotency_overtaken", "a run ended after another had taken its key over");
                // A key that is free or means another request by now says nothing of this one.
                if let Some(found) = found.filter(|found| !matches!(**found, Found::OtherPayload)) {
                    return self.told(&records, *found).await;
                }
            }
            Err(error) => unsettled(&error, parts.status),
        }
        Ok(Response::from_parts(parts, Body::from(bytes)))
    }

    /// The answer to a request whose key is taken.
    async fn told(&self, records: &Records, found: Found) -> Result<Response, Problem> {
        match found {
            Found::OtherPayload => Err(Problem::conflict("idempotency.key_reused").detail(
                "This Idempotency-Key came before with another request. Use a new key for what is a new request.",
            )),
            Found::OtherRights => Err(Problem::forbidden("idempotency.rights_changed").detail(
                "Your rights are not what they were when this Idempotency-Key came first, so its answer is not told again. \
                 Use a new key: the request is then done with the rights that you have now, or refused.",
            )),
            Found::Running { until } => Err(Problem::conflict("idempotency.in_progress")
                .detail(
                    "The first request with this Idempotency-Key is still under way. \
                     Send this one again after the seconds in Retry-After.",
                )
                .retry_after(whole_seconds(until.duration_since(self.clock.now())))),
            Found::Answered(kept) => Ok(records.answer(kept).await?.replay()),
        }
    }
}

/// Counts and logs an answer that goes out without the store knowing of it.
fn unsettled(error: &TableError, status: StatusCode) {
    let causes = problem::chain(error);
    tracing::error!(event = "idempotency_unsettled", error = causes, "an answer with {status} is not stored: {causes}");
    metrics::emit(None, Outcome::Failed, &[Metric::one("idempotency_unsettled_total")]);
}

/// Waits for `work` of the store, but not longer than `patience`, nor until it would be too late to answer at `end`.
///
/// # Errors
///
/// Those of `work`; [`TableError::Unavailable`] where it is not done by then. It may be done all the same.
async fn within<T>(
    patience: Duration,
    end: Instant,
    work: impl Future<Output = Result<T, TableError>>,
) -> Result<T, TableError> {
    let left = end.saturating_duration_since(Instant::now()).saturating_sub(SENDING);
    timeout(patience.min(left), work).await.unwrap_or_else(|late| Err(TableError::unavailable(late)))
}

/// How long this run can go on.
#[cfg(feature = "lambda")]
fn time_left(parts: &Parts) -> Duration {
    let deadline = parts.extensions.get::<crate::web::lambda::Deadline>();
    deadline.map_or(UNLIMITED.unsigned_abs(), |deadline| deadline.remaining())
}

/// How long this run can go on.
#[cfg(not(feature = "lambda"))]
fn time_left(_: &Parts) -> Duration {
    UNLIMITED.unsigned_abs()
}

fn whole_seconds(left: SignedDuration) -> u32 {
    u32::try_from((left.as_millis() + 999) / 1_000).unwrap_or(u32::MAX).max(1)
}

/// The time from which `at` is over, in milliseconds since 1970.
fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}
