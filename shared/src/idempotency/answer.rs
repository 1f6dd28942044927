//! An answer as it is kept.

use super::record::CHUNK_BYTES;
use axum::{
    body::{Body, Bytes},
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::collections::BTreeMap;

/// Says of an answer that it came before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The headers that belong to an answer. All others belong to the sending of it: its request id, its date, the caches and origins
/// that it is for.
const KEPT: [HeaderName; 8] = [
    header::CONTENT_TYPE,
    header::CONTENT_LANGUAGE,
    header::CONTENT_DISPOSITION,
    header::ETAG,
    header::LAST_MODIFIED,
    header::LOCATION,
    header::LINK,
    header::RETRY_AFTER,
];

/// Whether an answer with this status settles its request, so that it is the answer to each repetition.
///
/// | status | | because |
/// | --- | --- | --- |
/// | 1xx | no | it is no answer yet |
/// | 2xx, 3xx | settles | it is done |
/// | 401, 403 | gives the key back | a new token, a role or a right makes another answer of it |
/// | 408, 425 | gives the key back | the request did not come in whole, or too early |
/// | 413 | gives the key back | the limit may be raised, and nothing was done |
/// | 429 | gives the key back | it says to come again |
/// | other 4xx (400, 404, 409, 410, 412, 415, 422 …) | settles | the same request meets the same rule: to send another is to use another key |
/// | 5xx | gives the key back | the fault is ours, and a retry is what it asks for |
pub fn settles(status: StatusCode) -> bool {
    match status.as_u16() {
        401 | 403 | 408 | 413 | 425 | 429 => false,
        status => (200..500).contains(&status),
    }
}

/// An answer: what of it comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// By name, each with its values in order.
    pub(super) headers: BTreeMap<String, Vec<Bytes>>,
    pub(super) body: Bytes,
}

impl Answer {
    /// Takes of an answer what is kept.
    pub(super) fn of(status: StatusCode, headers: &HeaderMap, body: Bytes) -> Self {
        let values = |name: &HeaderName| -> Vec<Bytes> {
            headers.get_all(name).iter().map(|value| Bytes::copy_from_slice(value.as_bytes())).collect()
        };
        let kept = KEPT.iter().map(|name| (name.as_str().to_owned(), values(name)));
        Self { status: status.as_u16(), headers: kept.filter(|(_, values)| !values.is_empty()).collect(), body }
    }

    /// Into how many chunks its body is cut; none where it fits into the record.
    pub(super) fn chunks(&self) -> u32 {
        let bytes = self.body.len();
        if bytes > CHUNK_BYTES { u32::try_from(bytes.div_ceil(CHUNK_BYTES)).unwrap_or(u32::MAX) } else { 0 }
    }

    /// The answer once more.
    pub(super) fn replay(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, values) in self.headers {
            for value in values {
                if let (Ok(name), Ok(value)) = (HeaderName::try_from(&name), HeaderValue::from_maybe_shared(value)) {
                    response.headers_mut().append(name, value);
                }
            }
        }
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_or_cannot_be_is_settled_and_what_may_go_better_is_not() {
        for settled in [200, 201, 202, 204, 303, 400, 404, 405, 409, 410, 412, 415, 422] {
            assert!(settles(StatusCode::from_u16(settled).unwrap()), "{settled}");
        }
        for open in [100, 401, 403, 408, 413, 425, 429, 500, 502, 503, 504] {
            assert!(!settles(StatusCode::from_u16(open).unwrap()), "{open}");
        }
    }
}
