//! What can go wrong, and how it is told.

use crate::probe::ProbeError;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use shared::{
    problem::Problem,
    routes::{BadBackend, RouteKey},
    web::Fault,
};

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such route is there.
    #[error("There is no such route. GET /routing/routes lists them.")]
    NoSuchRoute,
    /// A route for the same kind, tenant and environment is there.
    #[error("There is a route {0} already. Send replace=true, or its ETag in If-Match, to put this one in its place.")]
    Exists(RouteKey),
    /// The route is not the version that `If-Match` names.
    #[error("The route has changed since you read it. Read it again, and send its new ETag in If-Match.")]
    ChangedMeanwhile,
    /// The config holds a secret as it is, at this path.
    #[error(
        "config.{0} holds a secret as it is. Put it into Secrets Manager and name it there: key_secret: \"<secret id>#<json key>\"."
    )]
    PlaintextSecret(String),
    /// The backend or its config is none.
    #[error("{0}.")]
    BadBackend(BadBackend),
    /// The backend is an emulator, where real customers are served.
    #[error("An emulator, or the store of a laptop, is no backend of production.")]
    StandsIn,
    /// Another tenant's route says that everybody follows it.
    #[error("Only a route of the tenant t_system can be inherited. Leave inherit out.")]
    BadInherit,
    /// The backend was tried, and failed.
    #[error(transparent)]
    Probe(ProbeError),
    /// The caller's tenant keeps no routes.
    #[error("Routes are kept by the tenant t_system. Ask its administrators to look at yours or to change it.")]
    NotTheSystem,
    /// A parameter of the query is out of its range.
    #[error("{0}")]
    BadQuery(&'static str),
    /// What any function may have to say.
    #[error(transparent)]
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let problem = match error {
            Error::NoSuchRoute => Problem::not_found("route.no_such_route"),
            Error::Exists(ref key) => Problem::conflict("route.exists").with("route_id", key.to_string()),
            Error::ChangedMeanwhile => Problem::new(StatusCode::PRECONDITION_FAILED, "route.changed_meanwhile"),
            Error::PlaintextSecret(_) => Problem::bad_request("route.plaintext_secret"),
            Error::BadBackend(_) | Error::StandsIn => Problem::bad_request("route.bad_backend"),
            Error::BadInherit => Problem::bad_request("route.bad_inherit"),
            Error::Probe(ref failed) => failed.into(),
            Error::NotTheSystem => Problem::forbidden("route.not_the_system"),
            Error::BadQuery(_) => Problem::bad_request("http.bad_query"),
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
