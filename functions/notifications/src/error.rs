//! What can go wrong, and how it is told.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use shared::{
    notices::{TellError, Unsaid},
    problem::Problem,
    table::TableError,
    web::Fault,
};

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The person has no such notice.
    #[error("There is no such notification.")]
    NoSuchNotice,
    /// The context is not what a context is.
    #[error("{0}")]
    BadContext(&'static str),
    /// A parameter of the query or a member of the body is out of its range.
    #[error("{0}")]
    BadRequest(&'static str),
    /// What is to be told cannot be put into words.
    #[error("{0} Nothing was told.")]
    Unsaid(Unsaid),
    /// The person was told of this category less than twelve hours ago.
    #[error(
        "This person was told of this category less than twelve hours ago. The decision is kept, and they are told of it together \
         with what else comes until then. Do not send it again."
    )]
    Limited {
        /// The name under which it waits.
        origin: String,
        /// When it is told.
        until: Timestamp,
        /// How many decisions wait, it among them.
        waiting: u64,
        /// What the time is.
        now: Timestamp,
    },
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
    /// Why somebody was not told.
    pub(crate) fn untold(error: TellError<Unsaid>) -> Self {
        match error {
            // Nothing is wrong with what was sent. Sent again once the text is mended, it is told.
            TellError::Refused(why) if why.is_of_a_text() => {
                TableError::unavailable(std::io::Error::other(why.to_string())).into()
            }
            TellError::Refused(why) => Self::Unsaid(why),
            TellError::Table(error) => error.into(),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let problem = match error {
            Error::NoSuchNotice => Problem::not_found("notification.not_found"),
            Error::BadContext(_) => Problem::bad_request("notification.bad_context"),
            Error::BadRequest(_) => Problem::bad_request("http.bad_request"),
            Error::Unsaid(_) => Problem::unprocessable("notification.text_refused"),
            Error::Limited { ref origin, until, waiting, now } => {
                let left = until.duration_since(now).as_millis().max(0);
                let seconds = u32::try_from((left + 999) / 1_000).unwrap_or(u32::MAX).max(1);
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "notification.rate_limited")
                    .with("deferred_id", origin.as_str())
                    .with("deferred_count", waiting)
                    .with("deferred_until", until.to_string())
                    .retry_after(seconds)
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use shared::notices::texts::{Refused, Why};

    #[test]
    fn a_text_of_ours_that_cannot_be_filled_in_is_no_fault_of_the_caller() {
        let refused =
            |why| Problem::from(Error::untold(TellError::Refused(Unsaid(vec![Refused { place: "title", why }]))));
        assert_eq!(refused(Why::Template).status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused(Why::Markup).status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
}
