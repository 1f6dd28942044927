//! The Lambda end of a router: API Gateway HTTP API events in, their answers out.
//!
//! HTTP APIs deliver `rawPath` decoded, so that a `#` or `?` that the caller had encoded stands there bare. The event is turned
//! into a request here, byte by byte encoded again, and not through a URL parser: a hostile path, host, query or body becomes a
//! request that no route has, or a problem document, and never a crash. `local` calls [`answer`] with the same events.

use super::request::RequestContext;
use crate::problem::Problem;
use axum::{
    Router,
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::BodyExt;
pub use lambda_http::Error;
use lambda_http::{
    LambdaEvent,
    aws_lambda_events::{apigw::ApiGatewayV2httpResponse, encodings::Body as EventBody},
    lambda_runtime,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{
    borrow::Cow,
    collections::BTreeMap,
    time::{Duration, SystemTime},
};
use tower::ServiceExt;

/// The largest answer that Lambda passes on: 6 MB, less what its envelope needs.
pub const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024 - 64 * 1024;

/// What a path may hold unencoded: RFC 3986's `pchar` and the slash.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');
/// What a query may hold: as a path, and `/`, `?` and the `%` of what the caller encoded.
const QUERY: &AsciiSet = &PATH.remove(b'?').remove(b'%');

/// The parts of an HTTP API event (payload format 2.0) that make a request.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event<'a> {
    /// The path, percent-decoded.
    #[serde(default, borrow)]
    pub raw_path: Cow<'a, str>,
    /// The query as the caller sent it.
    #[serde(default, borrow)]
    pub raw_query_string: Cow<'a, str>,
    /// Cookies, which the gateway takes out of the headers.
    #[serde(default)]
    pub cookies: Vec<String>,
    /// Headers by lower-case name; several of one name are joined by commas.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, as text or as base64.
    #[serde(default, borrow)]
    pub body: Option<Cow<'a, str>>,
    /// Whether `body` is base64.
    #[serde(default)]
    pub is_base64_encoded: bool,
    /// Where the method stands.
    pub request_context: EventContext<'a>,
}

/// The event's `requestContext`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct EventContext<'a> {
    /// The request line.
    #[serde(borrow)]
    pub http: EventHttp<'a>,
}

/// The event's `requestContext.http`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct EventHttp<'a> {
    /// `GET`, `POST` …
    #[serde(borrow)]
    pub method: Cow<'a, str>,
}

/// When the invocation must be answered; among the request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub SystemTime);

impl Deadline {
    /// What is left of the time, zero when it is over.
    pub fn remaining(self) -> Duration {
        self.0.duration_since(SystemTime::now()).unwrap_or_default()
    }
}

/// Serves `router` from Lambda until the environment ends.
///
/// # Errors
///
/// Those of the runtime's own connection to Lambda; a request's faults are answers.
pub async fn run(router: Router) -> Result<(), Error> {
    let handler = lambda_http::service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let router = router.clone();
        async move {
            // A time that has passed before the work begins is none: `cargo lambda watch` sends such.
            let deadline = Some(Deadline(event.context.deadline())).filter(|deadline| !deadline.remaining().is_zero());
            Ok::<_, Error>(answer(&router, event.payload.get(), deadline).await)
        }
    });
    lambda_runtime::run(handler).await
}

/// Answers one event, given as JSON.
pub async fn answer(router: &Router, event: &str, deadline: Option<Deadline>) -> ApiGatewayV2httpResponse {
    let response = match request(event) {
        Ok(mut request) => {
            request.extensions_mut().extend(
                deadline
                    .map(|deadline| {
                        let mut extensions = http::Extensions::new();
                        extensions.insert(deadline);
                        extensions
                    })
                    .unwrap_or_default(),
            );
            router.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
        }
        Err(problem) => {
            let context = RequestContext::fresh();
            let mut response = super::request::scope(context.clone(), async { problem.into_response() }).await;
            context.mark(response.headers_mut());
            response
        }
    };
    reply(response).await
}

/// Builds the request that the event stands for.
fn request(event: &str) -> Result<Request<Body>, Problem> {
    let malformed =
        |what: &str| Problem::bad_request("http.bad_request").detail(format!("The request's {what} is malformed."));
    let event: Event<'_> = serde_json::from_str(event).map_err(|_| malformed("event"))?;
    let method = Method::from_bytes(event.request_context.http.method.as_bytes()).map_err(|_| malformed("method"))?;
    let body = match (event.body, event.is_base64_encoded) {
        (None, _) => Bytes::new(),
        (Some(text), false) => Bytes::from(text.into_owned()),
        (Some(text), true) => STANDARD.decode(text.as_bytes()).map_err(|_| malformed("body"))?.into(),
    };
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri(&event.raw_path, &event.raw_query_string).ok_or_else(|| malformed("URL"))?;
    for (name, value) in &event.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed("headers"))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| malformed("headers"))?;
        request.headers_mut().append(name, value);
    }
    if !event.cookies.is_empty() {
        let cookies = HeaderValue::from_str(&event.cookies.join("; ")).map_err(|_| malformed("cookies"))?;
        request.headers_mut().insert(header::COOKIE, cookies);
    }
    Ok(request)
}

fn uri(path: &str, query: &str) -> Option<Uri> {
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut text = format!("{slash}{}", utf8_percent_encode(path, PATH));
    if !query.is_empty() {
        text.push('?');
        text.extend(utf8_percent_encode(query, QUERY));
    }
    Uri::from_maybe_shared(Bytes::from(text)).ok()
}

/// Builds the event's answer: text as text, anything else as base64.
async fn reply(response: Response) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let bytes = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => return Box::pin(reply(Problem::internal(&error).into_response())).await,
    };
    if bytes.len() > MAX_ANSWER_BYTES {
        let problem = Problem::internal(&std::io::Error::other(format!("an answer of {} bytes", bytes.len())));
        return Box::pin(reply(problem.into_response())).await;
    }
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = parts.status.as_u16().into();
    answer.headers = parts.headers;
    answer.cookies = Vec::new();
    answer.body = match String::from_utf8(bytes.into()) {
        Ok(text) if text.is_empty() => None,
        Ok(text) => Some(EventBody::Text(text)),
        Err(binary) => {
            answer.is_base64_encoded = true;
            Some(EventBody::Binary(binary.into_bytes()))
        }
    };
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{extract::Path, routing::get};
    use proptest::prelude::*;

    fn event(method: &str, path: &str, query: &str) -> String {
        let mut event = Event { raw_path: path.into(), raw_query_string: query.into(), ..Event::default() };
        event.request_context.http.method = method.into();
        serde_json::to_string(&event).unwrap()
    }

    fn routes() -> Router {
        let routes = Router::new().route("/events/{id}", get(|Path(id): Path<String>| async move { id }));
        super::super::wrap(routes, Default::default())
    }

    async fn text(event: &str) -> (i64, String) {
        let answer = answer(&routes(), event, None).await;
        let body = answer.body.map(|body| String::from_utf8(body.to_vec()).unwrap());
        (answer.status_code, body.unwrap_or_default())
    }

    #[tokio::test]
    async fn a_decoded_hash_question_mark_or_percent_stays_part_of_the_path() {
        for id in ["req-abc123#default", "a?b", "100%", "%23", "a b", "ü", "a\"b", "a\\b", "a{b}"] {
            assert_eq!(text(&event("GET", &format!("/events/{id}"), "")).await, (200, id.to_owned()), "{id}");
        }
    }

    #[tokio::test]
    async fn hostile_events_are_answered_and_never_crash() {
        let headers = |name: &str, value: &str| {
            let mut event: serde_json::Value = serde_json::from_str(&event("GET", "/events/a", "")).unwrap();
            event["headers"] = serde_json::json!({ name: value });
            event.to_string()
        };
        let mut encoded: serde_json::Value = serde_json::from_str(&event("GET", "/events/a", "")).unwrap();
        encoded["body"] = "not base64!".into();
        encoded["isBase64Encoded"] = true.into();
        for (event, status) in [
            (event("GET", "", ""), 404),
            (event("GET", "//", ""), 404),
            (event("GET", "http://[::1", ""), 404),
            (event("GET", "/events/\0", ""), 200),
            (event("GET", "/events/a", "%zz=%&&=#?\u{1f600}"), 200),
            (event("GET", &format!("/{}", "a".repeat(70_000)), ""), 400),
            (event("B AD", "/events/a", ""), 400),
            (event("DELETE", "/events/a", ""), 405),
            (headers("host", "[::1"), 200),
            (headers("host", "a b#c"), 200),
            (headers("bad name", "x"), 400),
            (headers("x", "line\nbreak"), 400),
            (encoded.to_string(), 400),
            ("{}".to_owned(), 400),
            ("[]".to_owned(), 400),
            ("null".to_owned(), 400),
        ] {
            assert_eq!(text(&event).await.0, status, "{}", &event[..event.len().min(200)]);
        }
    }

    #[tokio::test]
    async fn a_panic_is_a_problem_document() {
        async fn boom() -> &'static str {
            panic!("boom")
        }
        let routes = super::super::wrap(Router::new().route("/", get(boom)), Default::default());
        let answer = answer(&routes, &event("GET", "/", ""), None).await;
        let body = String::from_utf8(answer.body.unwrap().to_vec()).unwrap();
        assert_eq!(answer.status_code, 500);
        assert!(body.contains("\"error_code\":\"internal\"") && !body.contains("boom"), "{body}");
    }

    #[tokio::test]
    async fn a_wrong_method_is_told_which_ones_there_are() {
        let answer = answer(&routes(), &event("POST", "/events/a", ""), None).await;
        assert_eq!((answer.status_code, answer.headers["allow"].to_str().unwrap()), (405, "GET,HEAD"));
    }

    proptest! {
        #[test]
        fn every_path_and_query_makes_a_request(path in any::<String>(), query in any::<String>()) {
            prop_assert!(uri(&path, &query).is_some());
        }
    }
}
