//! What can go wrong, and how it is told.

use crate::appeal::{Appeal, Refusal};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use shared::{notices::texts, problem::Problem, web::Fault};

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The person has no such notice.
    #[error("There is no such notification.")]
    NoSuchNotice,
    /// There is no such appeal, or it is somebody else's.
    #[error("There is no such appeal.")]
    NoSuchAppeal,
    /// What the notice tells of cannot be appealed.
    #[error("What this notification tells of cannot be appealed.")]
    NotAppealable,
    /// There is an appeal, and it is not decided yet.
    #[error(
        "You have appealed already, and the appeal is not decided yet. Follow it by its appeal_id, or add a statement to it."
    )]
    AlreadyOpen(Appealed),
    /// There was an appeal, and it is over.
    #[error(
        "There has been an appeal against this decision, and it is over: decided or withdrawn, as its appeal_id tells. \
         If there are new facts, ask the staff to reopen it."
    )]
    AlreadyDecided(Appealed),
    /// It is too late.
    #[error("This could be appealed until {0}.")]
    WindowClosed(Timestamp),
    /// The rules do not allow it.
    #[error("{0}")]
    Ruled(Refusal),
    /// The caller is a program.
    #[error("Appeals are decided by people, and this token is a service's.")]
    Automated,
    /// A text of the body is not what it must be.
    #[error("{0}")]
    BadText(&'static str),
    /// A reviewer's reason is not neutral.
    #[error("The {0}. Nothing was changed.")]
    Reason(texts::Refused),
    /// A parameter of the query or a member of the body is out of its range.
    #[error("{0}")]
    BadRequest(&'static str),
    /// The appeal is not the version that `If-Match` names.
    #[error("The appeal has changed since you read it. Read it again, and send its new ETag in If-Match.")]
    ChangedMeanwhile,
    /// What any function may have to say.
    #[error(transparent)]
    Fault(Fault),
}

/// The appeals about what somebody would appeal once more.
#[derive(Debug)]
pub struct Appealed {
    /// The one to look at first.
    pub(crate) appeal: Box<Appeal>,
    /// All of their names, where there are several.
    pub(crate) all: Vec<String>,
}

impl Error {
    /// That all of what a notice tells of is appealed: by these, those that are open first. `None` where there are none.
    pub(crate) fn appealed(appeals: Vec<Appeal>) -> Option<Self> {
        let all = appeals.iter().map(|appeal| appeal.id.clone()).collect();
        let appeal = Box::new(appeals.into_iter().next()?);
        let told = if appeal.state.is_open() { Self::AlreadyOpen } else { Self::AlreadyDecided };
        Some(told(Appealed { appeal, all }))
    }
}

impl<E: Into<Fault>> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Ruled(refusal)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let of = |code, Appealed { appeal, all }: &Appealed| {
            let problem = Problem::conflict(code).with("appeal_id", appeal.id.as_str());
            let problem = problem.with("state", appeal.state.as_str());
            if all.len() > 1 { problem.with("appeal_ids", all.clone()) } else { problem }
        };
        let problem = match error {
            Error::NoSuchNotice => Problem::not_found("notification.not_found"),
            Error::NoSuchAppeal => Problem::not_found("appeal.not_found"),
            Error::NotAppealable => Problem::unprocessable("appeal.not_appealable"),
            Error::AlreadyOpen(ref appeal) => of("appeal.already_open", appeal),
            Error::AlreadyDecided(ref appeal) => of("appeal.already_decided", appeal),
            Error::WindowClosed(at) => Problem::gone("appeal.window_closed").with("closed_at", at.to_string()),
            Error::Ruled(refusal) => ruled(refusal),
            Error::Automated => Problem::forbidden("appeal.automated_reviewer"),
            Error::BadText(_) => Problem::unprocessable("appeal.bad_text"),
            Error::Reason(_) => Problem::unprocessable("appeal.reason_refused"),
            Error::BadRequest(_) => Problem::bad_request("http.bad_request"),
            Error::ChangedMeanwhile => Problem::new(StatusCode::PRECONDITION_FAILED, "appeal.changed_meanwhile"),
            Error::Fault(fault) => return fault.into(),
        };
        problem.detail(error.to_string())
    }
}

fn ruled(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::IllegalMove(state, _) => {
            Problem::conflict("appeal.illegal_move").with("state", state.as_str()).with("moves", state.moves())
        }
        Refusal::SameReviewer => Problem::forbidden("appeal.same_reviewer"),
        Refusal::OwnAppeal => Problem::forbidden("appeal.own_appeal"),
        Refusal::TooManyStatements => Problem::conflict("appeal.too_many_statements"),
        Refusal::TooManyRounds => Problem::conflict("appeal.too_many_rounds"),
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
