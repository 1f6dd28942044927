//! What a request carries through everything done for it: its id, its trace, its span.

use http::{HeaderMap, HeaderName, HeaderValue};
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
    /// The request's own span in that trace, always a new one: 16 hex digits.
    pub span_id: String,
    /// The caller's span, where there is a `traceparent`.
    pub parent: Option<Parent>,
    /// What callees are told of whether the trace is kept: as the caller said, else [`crate::telemetry`]'s expectation.
    pub sampled: bool,
}

/// What a `traceparent` says of the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The caller's span: 16 hex digits.
    pub span_id: String,
    /// Whether the caller keeps the trace.
    pub sampled: bool,
}

impl RequestContext {
    /// Reads the names from a request's headers and makes up what is missing or malformed.
    pub fn of(headers: &HeaderMap) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let request_id = text(&REQUEST_ID).filter(|id| well_formed(id)).map(str::to_owned);
        let (trace_id, parent) = text(&TRACEPARENT).and_then(trace_of).unzip();
        Self {
            request_id: request_id.unwrap_or_else(|| format!("req-{}", random_hex::<8>())),
            trace_id: trace_id.unwrap_or_else(random_hex::<16>),
            span_id: random_hex::<8>(),
            sampled: parent.as_ref().is_some_and(|parent| parent.sampled),
            parent,
        }
    }

    /// The names of work that nobody has asked for, such as a job's.
    pub fn fresh() -> Self {
        Self::of(&HeaderMap::new())
    }

    /// The `traceparent` under which this request calls others.
    pub fn traceparent(&self) -> String {
        traceparent(&self.trace_id, &self.span_id, self.sampled)
    }

    /// Puts the request's id and its `traceparent` into the headers of its answer.
    pub fn mark(&self, headers: &mut HeaderMap) {
        for (name, text) in [(REQUEST_ID, self.request_id.clone()), (TRACEPARENT, self.traceparent())] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }

    /// The span under which a request's work is logged; `tenant` is filled in once the caller is known.
    ///
    /// It has the level of errors, so that it stands above every event whatever the level of the logs is.
    pub fn span(&self) -> tracing::Span {
        let Self { request_id, trace_id, .. } = self;
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

/// A `traceparent` of version 00.
pub(crate) fn traceparent(trace_id: &str, span_id: &str, sampled: bool) -> String {
    format!("00-{trace_id}-{span_id}-{:02x}", u8::from(sampled))
}

/// Trace and caller of a `traceparent`: `00-<32 hex>-<16 hex>-<2 hex>`, neither id all zeros. A later version may add parts behind.
///
/// Source: W3C Trace Context, §3.2 and §4.3 (a later version is read as this one).
fn trace_of(traceparent: &str) -> Option<(String, Parent)> {
    let hex = |text: &str, length| text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let id = |text: &str, length| hex(text, length) && text.bytes().any(|b| b != b'0');
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let whole = version != "00" || parts.next().is_none();
    let good = hex(version, 2) && version != "ff" && whole && id(trace, 32) && id(span, 16) && hex(flags, 2);
    let sampled = good && u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
    good.then(|| (trace.to_owned(), Parent { span_id: span.to_owned(), sampled }))
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

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_trace_is_continued_from_a_valid_traceparent_by_a_new_span() {
        let context = of(&[("traceparent", &format!("00-{TRACE}-{SPAN}-01"))]);
        assert_eq!(context.trace_id, TRACE);
        assert_eq!(context.parent, Some(Parent { span_id: SPAN.to_owned(), sampled: true }));
        assert_ne!(context.span_id, SPAN);
        assert_eq!(context.traceparent(), format!("00-{TRACE}-{}-01", context.span_id));
        let unsampled = of(&[("traceparent", &format!("00-{TRACE}-{SPAN}-02"))]);
        assert_eq!(unsampled.parent.map(|parent| parent.sampled), Some(false), "the first bit alone says so");
        assert_eq!(of(&[("traceparent", &format!("cc-{TRACE}-{SPAN}-01-what-comes"))]).trace_id, TRACE);
    }

    #[test]
    fn a_malformed_traceparent_begins_a_new_trace() {
        let (no_trace, no_span) = ("0".repeat(32), "0".repeat(16));
        for bad in [
            String::new(),
            "00-x".to_owned(),
            format!("00-{no_trace}-{SPAN}-01"),
            format!("00-{TRACE}-{no_span}-01"),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-0g"),
        ] {
            let context = of(&[("traceparent", &bad)]);
            assert_eq!((context.parent, context.sampled, context.trace_id.len()), (None, false, 32), "{bad}");
            assert!(![TRACE, &no_trace].contains(&context.trace_id.as_str()), "{bad}");
        }
    }
}
