//! What can go wrong, and how it is told.

use crate::{sent::BadEvent, stores::MISSING_ROUTE};
use axum::response::{IntoResponse, Response};
use event_store::{BadEventId, EventId, StoreError, dimension::NoDimension};
use http::StatusCode;
use shared::{
    ids::TenantId,
    problem::{Problem, chain},
    routes::{BadBackend, Environment, Step},
    web::{Fault, context::Mode},
};

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No route says where the tenant's events are stored.
    #[error(
        "No analytics_store route configured for tenant={tenant}, env={env}, mode={mode}. \
         Configure via /routing/routes with backend_type (firestore|dynamodb|cosmos)."
    )]
    MissingRoute {
        /// The tenant.
        tenant: TenantId,
        /// The stack's environment.
        env: Environment,
        /// The mode of the request.
        mode: Mode,
    },
    /// The route cannot be followed.
    #[error("The analytics_store route cannot be followed: {0}.")]
    Adapter(&'static str),
    /// The store did not do what it was asked.
    #[error("The store of analytics events did not do this. Send it again: an event is kept once under its event_id.")]
    Backend(#[source] StoreError),
    /// There is another event of this name.
    #[error(
        "Another event was kept under this event_id, and stays. Send this one with an X-Request-ID or step_id of its own."
    )]
    Conflict(EventId),
    /// The event is not what it must be.
    #[error("{0}")]
    BadEvent(BadEvent),
    /// There is no such event.
    #[error("There is no such event.")]
    NoSuchEvent,
    /// There is no such refused event.
    #[error("There is no refused event of this id, or it is kept no more.")]
    NoSuchFailed,
    /// There is no such erasure.
    #[error("There is no erasure of this receipt.")]
    NoSuchErasure,
    /// Not all of what was sent is kept.
    #[error("Only a part of what was sent is kept. Send the whole event, mended, as the body.")]
    Incomplete,
    /// The text is no event's name.
    #[error("{0}.")]
    BadEventId(BadEventId),
    /// A dimension is none.
    #[error("{0}.")]
    BadDimension(NoDimension),
    /// There are too many dimensions, or one twice.
    #[error("group_by names at most three dimensions, each once.")]
    TooManyDimensions,
    /// What is to be counted is nothing that can be.
    #[error(
        "metric is an event type (pageviews), unique_users, unique_sessions, sessions, bounce_rate, or sum:payload.<path>."
    )]
    BadMetric,
    /// The form in which events are to be handed out is none.
    #[error("format is ndjson, json or csv.")]
    BadFormat,
    /// The range of time is none.
    #[error("{0}")]
    BadTimeRange(&'static str),
    /// A parameter of the query or a member of the body is out of its range.
    #[error("{0}")]
    BadRequest(String),
    /// A backend was tried, and failed.
    #[error("The backend failed when it was asked to {step}: {why}.")]
    Probe {
        /// The step.
        step: Step,
        /// Why, in words that hold no secret.
        why: String,
    },
    /// The caller's tenant keeps no routes.
    #[error("Backends are tried by those who keep the routes: administrators of the tenant t_system.")]
    NotTheSystem,
    /// The backend or its config is none.
    #[error("{0}.")]
    BadBackend(BadBackend),
    /// What any function may have to say.
    #[error(transparent)]
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

impl Error {
    /// The fault of a store that was to keep events, written into the log in the words that its alarm looks for.
    pub(crate) fn of_ingest(error: StoreError) -> Self {
        let causes = chain(&error);
        tracing::error!(event = "analytics_ingest_failed", error = causes, "Analytics ingest failed: {causes}");
        Self::of_store(error)
    }

    /// The same of a store that was to answer, or to delete.
    pub(crate) fn of_query(error: StoreError) -> Self {
        let causes = chain(&error);
        tracing::error!(event = "analytics_query_failed", error = causes, "Analytics query failed: {causes}");
        Self::of_store(error)
    }

    /// The same of a store that could not be opened for the moment.
    pub(crate) fn of_opening(error: StoreError) -> Self {
        let causes = chain(&error);
        tracing::error!(
            event = "analytics_adapter_failed",
            error = causes,
            "Analytics adapter initialization failed: {causes}"
        );
        Self::Backend(error)
    }

    fn of_store(error: StoreError) -> Self {
        match error {
            StoreError::BadConfig(why) => Self::adapter(why),
            other => Self::Backend(other),
        }
    }

    /// What a store's fault comes to, once the log has it.
    pub(crate) fn known(error: StoreError) -> Self {
        match error {
            StoreError::BadConfig(why) => Self::Adapter(why),
            other => Self::Backend(other),
        }
    }

    /// That a route cannot be followed, written into the log in the words that its alarm looks for.
    pub(crate) fn adapter(why: &'static str) -> Self {
        tracing::error!(
            event = "analytics_adapter_failed",
            error = why,
            "Analytics adapter initialization failed: {why}"
        );
        Self::Adapter(why)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let problem = match error {
            Error::MissingRoute { .. } => Problem::unavailable(MISSING_ROUTE),
            Error::Adapter(_) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "analytics_store.adapter_init_failed"),
            Error::Backend(ref why) => {
                let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "analytics_store.backend_error");
                match why {
                    StoreError::Throttled { retry_after } => {
                        problem.retry_after(u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX).max(1))
                    }
                    StoreError::Unavailable(_) => problem.retry_after(1),
                    _ => problem,
                }
            }
            Error::Conflict(ref id) => Problem::conflict("analytics.event_id_conflict").with("event_id", id.as_str()),
            Error::BadEvent(BadEvent::Personal(_)) => Problem::unprocessable("analytics.personal_data"),
            Error::BadEvent(BadEvent::Form(_)) => Problem::bad_request("analytics.bad_event"),
            Error::NoSuchEvent => Problem::not_found("analytics.event_not_found"),
            Error::NoSuchFailed => Problem::not_found("analytics.failed_not_found"),
            Error::NoSuchErasure => Problem::not_found("analytics.erasure_not_found"),
            Error::Incomplete => Problem::conflict("analytics.failed_incomplete"),
            Error::BadEventId(_) => Problem::bad_request("analytics.event_id_malformed"),
            Error::BadDimension(_) | Error::TooManyDimensions => Problem::bad_request("analytics.bad_dimension"),
            Error::BadMetric => Problem::bad_request("analytics.bad_metric"),
            Error::BadFormat => Problem::bad_request("export.bad_format"),
            Error::BadTimeRange(_) => Problem::bad_request("analytics.bad_time_range"),
            Error::BadRequest(_) => Problem::bad_request("http.bad_request"),
            Error::Probe { step, .. } => Problem::unprocessable("route.probe_failed").with("step", step.as_str()),
            Error::NotTheSystem => Problem::forbidden("route.not_the_system"),
            Error::BadBackend(_) => Problem::bad_request("route.bad_backend"),
            Error::Fault(fault) => return fault.into(),
        };
        problem.detail(error.to_string())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
