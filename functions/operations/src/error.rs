//! What can go wrong, and how it is told.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use shared::{problem::Problem, web::Fault};

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tenant has no record of the person.
    #[error("There is no record of this person. PUT makes one.")]
    NoSuchPerson,
    /// The body is no record.
    #[error("{0}")]
    BadPerson(String),
    /// The record is the caller's own.
    #[error("Nobody changes their own record. Ask another administrator of the tenant.")]
    OwnRecord,
    /// The record is not the version that `If-Match` names.
    #[error("The record has changed since you read it. Read it again, and send its new ETag in If-Match.")]
    ChangedMeanwhile,
    /// A parameter of the query is out of its range.
    #[error("{0}")]
    BadQuery(String),
    /// What was asked to be looked at is not well.
    #[error("Not everything that this stands on answers: {0}.")]
    Unwell(String),
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
            Error::NoSuchPerson => Problem::not_found("people.no_such_person"),
            Error::BadPerson(_) => Problem::bad_request("people.bad_person"),
            Error::OwnRecord => Problem::forbidden("admin.own_record"),
            Error::ChangedMeanwhile => Problem::new(StatusCode::PRECONDITION_FAILED, "people.changed_meanwhile"),
            Error::BadQuery(_) => Problem::bad_request("http.bad_query"),
            Error::Unwell(_) => Problem::unavailable("health.unwell").retry_after(5),
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
