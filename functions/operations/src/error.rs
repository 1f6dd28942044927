//! What can go wrong, and how it is told.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use shared::{cursor::CursorError, problem::Problem, table::TableError, web::etag::BadIfMatch};

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
    /// `If-Match` holds something else than one ETag.
    #[error(transparent)]
    BadIfMatch(#[from] BadIfMatch),
    /// A parameter of the query is out of its range.
    #[error("{0}")]
    BadQuery(String),
    /// What was asked to be looked at is not well.
    #[error("Not everything that this stands on answers: {0}.")]
    Unwell(String),
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
        let problem = match error {
            Error::NoSuchPerson => Problem::not_found("people.no_such_person"),
            Error::BadPerson(_) => Problem::bad_request("people.bad_person"),
            Error::OwnRecord => Problem::forbidden("admin.own_record"),
            Error::ChangedMeanwhile => Problem::new(StatusCode::PRECONDITION_FAILED, "people.changed_meanwhile"),
            Error::BadIfMatch(_) => Problem::bad_request("http.bad_request"),
            Error::BadQuery(_) => Problem::bad_request("http.bad_query"),
            Error::Unwell(_) => Problem::unavailable("health.unwell").retry_after(5),
            Error::Cursor(why) => return why.into(),
            Error::Table(why) => return why.into(),
            Error::Refused(problem) => return problem,
        };
        problem.detail(error.to_string())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
