//! What can go wrong, and how it is told.

use crate::probe::ProbeFailed;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use shared::{
    cursor::CursorError,
    problem::Problem,
    routes::{BadBackend, RouteKey},
    table::TableError,
    web::etag::BadIfMatch,
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
    /// `If-Match` holds something else than one ETag.
    #[error(transparent)]
    BadIfMatch(#[from] BadIfMatch),
    /// The config holds a secret as it is, at this path.
    #[error(
        "config.{0} holds a secret as it is. Put it into Secrets Manager and name it there: key_secret: \"<secret id>#<json key>\"."
    )]
    PlaintextSecret(String),
    /// The backend or its config is none.
    #[error("{0}.")]
    BadBackend(#[from] BadBackend),
    /// The backend is an emulator, where real customers are served.
    #[error("An emulator, or the store of a laptop, is no backend of production.")]
    StandsIn,
    /// Another tenant's route says that everybody follows it.
    #[error("Only a route of the tenant t_system can be inherited. Leave inherit out.")]
    BadInherit,
    /// The backend was tried, and failed.
    #[error(transparent)]
    Probe(#[from] ProbeFailed),
    /// The caller's tenant keeps no routes.
    #[error("Routes are kept by the tenant t_system. Ask its administrators to look at yours or to change it.")]
    NotTheSystem,
    /// A parameter of the query is out of its range.
    #[error("{0}")]
    BadQuery(&'static str),
    /// The cursor is not of this list, or the key of cursors cannot be had.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The caller may not.
    #[error("{}", .0.code())]
    Refused(Problem),
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let problem = match &error {
            Error::NoSuchRoute => Problem::not_found("route.no_such_route"),
            Error::Exists(key) => Problem::conflict("route.exists").with("route_id", key.to_string()),
            Error::ChangedMeanwhile => Problem::new(StatusCode::PRECONDITION_FAILED, "route.changed_meanwhile"),
            Error::BadIfMatch(_) => Problem::bad_request("http.bad_request"),
            Error::PlaintextSecret(_) => Problem::bad_request("route.plaintext_secret"),
            Error::BadBackend(_) | Error::StandsIn => Problem::bad_request("route.bad_backend"),
            Error::BadInherit => Problem::bad_request("route.bad_inherit"),
            Error::Probe(failed) => Problem::unprocessable("route.probe_failed").with("step", failed.step.as_str()),
            Error::NotTheSystem => Problem::forbidden("route.not_the_system"),
            Error::BadQuery(_) => Problem::bad_request("http.bad_query"),
            Error::Cursor(_) | Error::Table(_) | Error::Refused(_) => return told(error),
        };
        problem.detail(error.to_string())
    }
}

/// What is told elsewhere already.
fn told(error: Error) -> Problem {
    match error {
        Error::Cursor(why) => why.into(),
        Error::Table(why) => why.into(),
        Error::Refused(problem) => problem,
        other => Problem::internal(&other),
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Step;

    #[test]
    fn a_probe_that_failed_is_told_with_its_step() {
        for (step, name) in
            [(Step::Connect, "connect"), (Step::Write, "write"), (Step::Read, "read"), (Step::Delete, "delete")]
        {
            let failed = ProbeFailed { step, why: "there is no table of this name".to_owned() };
            let problem = Problem::from(Error::Probe(failed));
            assert_eq!((problem.status(), problem.code()), (StatusCode::UNPROCESSABLE_ENTITY, "route.probe_failed"));
            assert!(format!("{problem:?}").contains(&format!("\"step\": String({name:?})")), "{problem:?}");
        }
    }
}
