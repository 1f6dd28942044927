//! What a request carries through everything done for it: its id, its trace, its span.

use http::{HeaderMap, HeaderName};
use ring::rand::{SecureRandom, SystemRandom};
use std::future::Future;

/// The header of the request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The W3C header that names the trace (<https://www.w3.org/TR/trace-context/>).
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

tokio::task_local! {
    static CURRENT: RequestContext;
}

/// A request's names, written to every log line, problem and answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestContext {
    /// The caller's `X-Request-ID` if it is 1 to 64 of `A-Za-z0-9._-`, else `req-` and 16 hex digits.
    pub request_id: String,
    /// The trace of the caller's `traceparent`, else a new one: 32 hex digits.
    pub trace_id: String,
}

impl RequestContext {
    /// Reads the names from a request's headers and makes up what is missing or malformed.
    pub fn of(headers: &HeaderMap) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let request_id = text(&REQUEST_ID).filter(|id| well_formed(id)).map(str::to_owned);
        let trace_id = text(&TRACEPARENT).and_then(trace_of);
        Self {
            request_id: request_id.unwrap_or_else(|| format!("req-{}", random_hex::<8>())),
            trace_id: trace_id.unwrap_or_else(random_hex::<16>),
        }
    }

    /// The span under which a request's work is logged; `tenant` is filled in once the caller is known.
    ///
    /// It has the level of errors, so that it stands above every event whatever the level of the logs is.
    pub fn span(&self) -> tracing::Span {
        let Self { request_id, trace_id } = self;
        tracing::error_span!("request", request_id, trace_id, tenant = tracing::field::Empty)
    }
}

/// The context of the request that this task works for, if it works for one.
pub fn current() -> Option<RequestContext> {
    CURRENT.try_with(RequestContext::clone).ok()
}

/// Runs `work` as the work of the request `context`.
pub async fn scope<F: Future>(context: RequestContext, work: F) -> F::Output {
    CURRENT.scope(context, work).await
}

fn well_formed(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// The trace id of a version 00 `traceparent`: `00-<32 hex>-<16 hex>-<2 hex>`, not all zeros.
fn trace_of(traceparent: &str) -> Option<String> {
    let parts: Vec<&str> = traceparent.split('-').collect();
    let hex = |text: &str, length| text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match parts[..] {
        [version, trace, parent, flags]
            if version == "00"
                && hex(trace, 32)
                && hex(parent, 16)
                && hex(flags, 2)
                && trace.bytes().any(|b| b != b'0') =>
        {
            Some(trace.to_owned())
        }
        _ => None,
    }
}

/// `N` random bytes as lower-case hex.
pub fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the system gives random numbers");
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&'static str, &str)]) -> RequestContext {
        RequestContext::of(
            &pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect(),
        )
    }

    #[test]
    fn a_well_formed_id_is_kept_and_any_other_is_replaced() {
        assert_eq!(of(&[("x-request-id", "req-abc123")]).request_id, "req-abc123");
        for bad in ["", "a b", "a\"b", &"a".repeat(65)] {
            assert!(of(&[("x-request-id", bad)]).request_id.starts_with("req-"), "{bad:?}");
        }
    }

    #[test]
    fn a_trace_is_continued_only_from_a_valid_traceparent() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(of(&[("traceparent", &format!("00-{trace}-00f067aa0ba902b7-01"))]).trace_id, trace);
        let zeros = "0".repeat(32);
        assert_ne!(of(&[("traceparent", &format!("00-{zeros}-00f067aa0ba902b7-01"))]).trace_id, zeros);
        assert_eq!(of(&[("traceparent", "00-x")]).trace_id.len(), 32);
    }
}
