//! Handlers: requests in, answers out.

mod batch;
mod count;
mod delete;
mod erase;
mod export;
mod failed;
mod list;
mod probe;
mod range;
mod refused;
mod take;

pub(crate) use list::Record;

use crate::{App, Error};
use axum::Extension;
use http::Method;
use shared::{
    auth::{Caller, Scope},
    resilience::Budget,
    routes::PROBE_PATH,
    telemetry::{Metric, Outcome, metrics},
    web::{Routes, lambda::Deadline},
};
use std::{
    future::Future,
    time::{Duration, Instant},
};

/// The largest body of a batch.
const BATCH_BYTES: usize = 1024 * 1024;
/// How long a call goes on that goes page by page.
const TIME: Duration = Duration::from_secs(8);

/// Every route of this function, under the paths the public sees.
pub fn routes() -> Routes<App> {
    Routes::new()
        .on(Method::POST, "/analytics/ingest", take::one)
        .on_up_to(BATCH_BYTES, Method::POST, "/analytics/ingest/batch", batch::batch)
        .on(Method::POST, PROBE_PATH, probe::probe)
        .get("/analytics/query", list::query)
        .get("/analytics/aggregate", count::aggregate)
        .on(Method::DELETE, "/analytics/event", delete::named)
        .on(Method::DELETE, "/analytics/event/{event_id}", delete::one)
        .get("/analytics/failed", failed::list)
        .get("/analytics/failed/{failed_id}", failed::show)
        .on(Method::DELETE, "/analytics/failed/{failed_id}", failed::discard)
        .on(Method::POST, "/analytics/failed/{failed_id}/replay", failed::replay)
        .on(Method::DELETE, "/analytics/events", erase::person)
        .get("/analytics/erasures/{receipt_id}", erase::receipt)
        .get("/api/analytics/export", export::export)
}

/// What the routes take and give, for the bundle's OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(
        take::one,
        batch::batch,
        list::query,
        count::aggregate,
        delete::named,
        delete::one,
        failed::list,
        failed::show,
        failed::discard,
        failed::replay,
        erase::person,
        erase::receipt,
        export::export,
        probe::probe,
    ))]
    struct Document;
    <Document as utoipa::OpenApi>::openapi()
}

/// Asks for the right of a service, or for one of administration.
async fn service_or(caller: &Caller, scope: Scope) -> Result<(), Error> {
    let held = caller.scopes().await?;
    if held.allow(Scope::ServiceWrite) || held.allow(scope) { Ok(()) } else { Err(caller.lacks(scope).into()) }
}

/// The time of a call that goes page by page, which leaves `margin` of its invocation's for answering.
fn budget(deadline: Option<Extension<Deadline>>, margin: Duration) -> Budget {
    let left = deadline.map_or(TIME, |Extension(deadline)| deadline.remaining().saturating_sub(margin).min(TIME));
    Budget::of(left)
}

/// Two metrics of what is done: how often, with how it ended, and how long it took.
struct Measured {
    total: &'static str,
    duration: &'static str,
}

/// Counts the requests that a store failed.
const BACKEND_ERRORS: &str = "analytics_backend_errors_total";

const INGEST: Measured =
    Measured { total: "analytics_ingest_requests_total", duration: "analytics_ingest_duration_seconds" };
const QUERY: Measured =
    Measured { total: "analytics_query_requests_total", duration: "analytics_query_duration_seconds" };

/// Counts a request that a store failed in part, as it counts one that it failed.
fn failed_in_part() {
    metrics::emit(None, Outcome::Failed, &[Metric::one(BACKEND_ERRORS)]);
}

impl Measured {
    async fn of<T>(self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let start = Instant::now();
        let done = work.await;
        let mut counted = vec![Metric::one(self.total), Metric::seconds(self.duration, start.elapsed())];
        let outcome = match &done {
            Ok(_) => Outcome::Ok,
            Err(Error::Backend(_) | Error::Adapter(_)) => {
                counted.push(Metric::one(BACKEND_ERRORS));
                Outcome::Failed
            }
            Err(Error::MissingRoute { .. }) => {
                counted.push(Metric::one("routing_analytics_store_missing_route"));
                Outcome::Failed
            }
            Err(_) => Outcome::Declined,
        };
        metrics::emit(None, outcome, &counted);
        done
    }
}
