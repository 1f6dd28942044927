//! What can go wrong, and how it is told.

use crate::{
    facts::BadProduct,
    import::{BadFile, UnknownFormat},
    load::LoadError,
    table::imports::ImportId,
};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use retrieval::{SearchError, Unavailable};
use shared::{
    ids::{ProductId, StoreId},
    problem::Problem,
    web::Fault,
};

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody has made the store.
    #[error("There is no store {0} yet. PUT /catalog/stores/{0} makes it.")]
    NoSuchStore(StoreId),
    /// The store has no such product.
    #[error("The store has no product {0}.")]
    NoSuchProduct(ProductId),
    /// The store has no such import.
    #[error("The store has no import {0}. POST …/imports begins one.")]
    NoSuchImport(ImportId),
    /// The body is no product.
    #[error(transparent)]
    BadProduct(#[from] BadProduct),
    /// The body is no store.
    #[error("{0}")]
    BadStore(String),
    /// The product is not the version that `If-Match` names.
    #[error("The product has changed since you read it. Read it again, and send its new ETag in If-Match.")]
    ChangedMeanwhile,
    /// A parameter of the query is out of its range.
    #[error("{0}")]
    BadQuery(String),
    /// The file has no form that is known.
    #[error(transparent)]
    UnknownFormat(#[from] UnknownFormat),
    /// The file cannot be read at all.
    #[error(transparent)]
    BadFile(#[from] BadFile),
    /// The rows could not be written to their end.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// There is no snapshot to search.
    #[error(transparent)]
    Snapshot(Unavailable),
    /// The search failed.
    #[error(transparent)]
    Search(SearchError),
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
            Error::NoSuchStore(_) => Problem::not_found("catalog.no_such_store"),
            Error::NoSuchProduct(_) => Problem::not_found("catalog.no_such_product"),
            Error::NoSuchImport(_) => Problem::not_found("catalog.no_such_import"),
            Error::BadProduct(ref bad) => Problem::bad_request("catalog.bad_product").with("field", bad.field.clone()),
            Error::BadStore(_) => Problem::bad_request("catalog.bad_store"),
            Error::ChangedMeanwhile => Problem::new(StatusCode::PRECONDITION_FAILED, "catalog.changed_meanwhile"),
            Error::BadQuery(_) => Problem::bad_request("http.bad_query"),
            Error::UnknownFormat(_) => Problem::unsupported_media_type("catalog.unsupported_format"),
            Error::BadFile(BadFile::NoHeader(_)) => Problem::unprocessable("catalog.no_header"),
            Error::BadFile(BadFile::NotAList | BadFile::Utf16) => Problem::bad_request("catalog.bad_file"),
            Error::BadFile(BadFile::Io(why)) | Error::Load(LoadError::File(why)) => return Problem::internal(&why),
            Error::Snapshot(ref why) => {
                tracing::warn!(event = "snapshot_unavailable", "no snapshot to search: {why}");
                let detail = match why {
                    Unavailable::Unpublished => {
                        "The store has no searchable products yet. Import some; a change is searchable within 60 seconds."
                    }
                    Unavailable::Damaged { .. } | Unavailable::Unreachable(_) => {
                        "The store's snapshot cannot be read right now. Retry after the seconds in Retry-After; \
                         any change of a product publishes a new one."
                    }
                };
                return Problem::unavailable("catalog.snapshot_unavailable").detail(detail).retry_after(5);
            }
            Error::Search(why) => return Problem::upstream("catalog.search_failed", &why, 1),
            Error::Load(LoadError::Table(why)) => return why.into(),
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
