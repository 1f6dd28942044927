//! What went wrong, told as RFC 9457.
//!
//! The document carries the standard's members (`type`, `title`, `status`, `detail`, `instance`) and the ones that clients
//! branch on: `error_code`, `message` (equal to `detail`), `status_code` and `request_id`. Where the caller can mend it, the
//! detail says how.

use crate::web::request;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};
use std::error::Error as StdError;

/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem on its way to the caller: made from a status and a stable code, then told in words.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The document as it is sent; also its schema.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// A stable URI that ends in `error_code`.
    #[serde(rename = "type")]
    #[schema(example = "urn:smartstore:problem:auth.invalid_token")]
    kind: String,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened, and where the caller can mend it, how. English.
    detail: String,
    /// The request, as a URI.
    #[schema(example = "urn:smartstore:request:req-0123456789ab")]
    instance: String,
    /// `<area>.<reason>`: stable, for clients to branch on and translate.
    error_code: &'static str,
    /// Equal to `detail`.
    message: String,
    /// Equal to `status`.
    status_code: u16,
    /// The request's id, as in the header `x-request-id`.
    request_id: String,
    #[serde(flatten)]
    #[schema(ignore)]
    members: Map<String, Value>,
}

macro_rules! kinds {
    ($($name:ident => $status:ident,)*) => {
        impl Problem {
            $(
                #[doc = concat!("A problem with status ", stringify!($status), " and the code `code`.")]
                pub fn $name(code: &'static str) -> Self {
                    Self::new(StatusCode::$status, code)
                }
            )*
        }
    };
}

kinds! {
    bad_request => BAD_REQUEST,
    unauthorized => UNAUTHORIZED,
    forbidden => FORBIDDEN,
    not_found => NOT_FOUND,
    method_not_allowed => METHOD_NOT_ALLOWED,
    conflict => CONFLICT,
    gone => GONE,
    too_large => PAYLOAD_TOO_LARGE,
    unsupported_media_type => UNSUPPORTED_MEDIA_TYPE,
    unprocessable => UNPROCESSABLE_ENTITY,
    unavailable => SERVICE_UNAVAILABLE,
}

impl Problem {
    /// A problem with any status; `code` is `<area>.<reason>`.
    pub fn new(status: StatusCode, code: &'static str) -> Self {
        let detail = status.canonical_reason().unwrap_or("Error").to_owned();
        Self { status, code, detail, members: Map::new(), headers: Vec::new() }
    }

    /// A fault of ours: logs the chain of causes once and tells the caller no more than the request id.
    pub fn internal(error: &dyn StdError) -> Self {
        let causes = chain(error);
        tracing::error!(event = "internal_error", error = causes, "the request failed: {causes}");
        let detail = "Something failed on our side. Retry; if it stays, tell us the request_id.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal").detail(detail)
    }

    /// A store or service that did not answer: logs the chain of causes once and asks the caller to come again.
    pub fn upstream(code: &'static str, error: &dyn StdError, retry_after_s: u32) -> Self {
        let causes = chain(error);
        tracing::error!(event = code, error = causes, "a dependency failed: {causes}");
        let detail = "A service behind this one did not answer. Retry after the seconds in Retry-After.";
        Self::unavailable(code).detail(detail).retry_after(retry_after_s)
    }

    /// Says what happened and how to mend it.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds an extension member, such as the scope that was missing.
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }

    /// Adds a header to the response.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says after how many seconds a retry may succeed.
    pub fn retry_after(self, seconds: u32) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The stable code, `<area>.<reason>`.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What it tells the caller.
    pub fn message(&self) -> &str {
        &self.detail
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    fn document(&self, request_id: &str) -> ProblemDocument {
        ProblemDocument {
            kind: format!("urn:smartstore:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            instance: format!("urn:smartstore:request:{request_id}"),
            error_code: self.code,
            message: self.detail.clone(),
            status_code: self.status.as_u16(),
            request_id: request_id.to_owned(),
            members: self.members.clone(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let request_id = request::current().map(|context| context.request_id).unwrap_or_default();
        let body = serde_json::to_vec(&self.document(&request_id)).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.extend(self.headers);
        response
    }
}

/// An error and its causes in one line, outermost first.
pub fn chain(error: &dyn StdError) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_every_member_and_says_its_status_twice_alike() {
        let problem = Problem::forbidden("rbac.forbidden").detail("Role 'shopper' cannot use 'get_cost_price'");
        let document = serde_json::to_value(problem.with("required_scope", "admin:read").document("req-1")).unwrap();
        insta::assert_json_snapshot!(document);
        assert_eq!(document["status"], document["status_code"]);
    }

    #[test]
    fn a_chain_says_each_cause_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer: inner")]
        struct Outer(#[source] std::io::Error);
        assert_eq!(chain(&Outer(std::io::Error::other("inner"))), "outer: inner");
    }
}
