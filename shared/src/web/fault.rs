//! What may go wrong in any function, beside the errors that are its own.

use super::etag::BadIfMatch;
#[cfg(feature = "blob")]
use crate::blob::BlobError;
#[cfg(feature = "secrets")]
use crate::cursor::CursorError;
use crate::problem::Problem;
#[cfg(feature = "table")]
use crate::table::TableError;

/// Why a request was not done, where that is no matter of one function.
///
/// A function's `Error` holds it in one variant, and `?` then takes all that becomes a fault:
///
/// ```
/// use shared::{problem::Problem, web::Fault};
///
/// #[derive(Debug, thiserror::Error)]
/// enum Error {
///     #[error("There is no such dish.")]
///     NoSuchDish,
///     #[error(transparent)]
///     Fault(Fault),
/// }
///
/// impl<E: Into<Fault>> From<E> for Error {
///     fn from(error: E) -> Self {
///         Self::Fault(error.into())
///     }
/// }
///
/// impl From<Error> for Problem {
///     fn from(error: Error) -> Self {
///         let problem = match error {
///             Error::NoSuchDish => Problem::not_found("menu.no_such_dish"),
///             Error::Fault(fault) => return fault.into(),
///         };
///         problem.detail(error.to_string())
///     }
/// }
///
/// fn serve() -> Result<(), Error> {
///     Err(Problem::forbidden("rbac.forbidden"))?
/// }
/// assert_eq!(Problem::from(serve().unwrap_err()).code(), "rbac.forbidden");
/// ```
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// `If-Match` holds something else than one ETag.
    #[error(transparent)]
    BadIfMatch(#[from] BadIfMatch),
    /// The cursor is not of this list, or the key of cursors cannot be had.
    #[cfg(feature = "secrets")]
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The table failed.
    #[cfg(feature = "table")]
    #[error(transparent)]
    Table(#[from] TableError),
    /// The bucket failed.
    #[cfg(feature = "blob")]
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The caller may not.
    #[error("{}", .0.code())]
    Refused(Problem),
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::BadIfMatch(why) => Self::bad_request("http.bad_request").detail(why.to_string()),
            #[cfg(feature = "secrets")]
            Fault::Cursor(why) => why.into(),
            #[cfg(feature = "table")]
            Fault::Table(why) => why.into(),
            #[cfg(feature = "blob")]
            Fault::Blob(why) => why.into(),
            Fault::Refused(problem) => problem,
        }
    }
}
