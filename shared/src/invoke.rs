//! Asking another function of the stack, as the gateway would, past the gateway: for what one function can do and the other must not carry.
//!
//! Wire format: AWS Lambda API Reference, Invoke (version 2015-03-31), with an event of an HTTP API in and its answer out. The function that
//! is asked verifies the caller's token as it does for the gateway.

use crate::{
    aws::Aws,
    fetch::{Fetch, FetchError},
    signer::{SignError, Signer},
    web::lambda::{Event, EventContext, EventHttp},
};
use http::{HeaderMap, HeaderName, Method, Request, header};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::{borrow::Cow, time::Duration};

/// What is passed on of the headers of whom the call is made for.
const PASSED: [HeaderName; 6] = [
    header::AUTHORIZATION,
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("x-tenant-id"),
    HeaderName::from_static("x-project-id"),
    HeaderName::from_static("x-mode"),
];
/// The largest answer.
const MAX_BYTES: usize = 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// The call could not be signed.
    #[error(transparent)]
    Unsigned(#[from] SignError),
    /// Nothing came back.
    #[error(transparent)]
    Unreachable(#[from] FetchError),
    /// Lambda refused the call.
    #[error("Lambda refused the call with {0}")]
    Refused(u16),
    /// The function failed, or its answer is none of a function behind a gateway.
    #[error("the function's answer is of no use: {0}")]
    Odd(&'static str),
}

/// A function of the stack that can be asked. Clones share connections.
#[derive(Clone, Debug)]
pub struct Invoke {
    fetch: Fetch,
    signer: Signer,
    url: String,
}

/// What a function answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, which is JSON.
    pub body: Value,
}

/// An answer as Lambda passes it on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Passed<'a> {
    status_code: u16,
    #[serde(borrow, default)]
    body: Option<Cow<'a, str>>,
    #[serde(default)]
    is_base64_encoded: bool,
}

impl Invoke {
    /// The function `name`, at Lambda's address in the region of `aws`, or where `AWS_ENDPOINT_URL_LAMBDA` says.
    pub fn new(aws: &Aws, name: &str) -> Self {
        let signer = aws.signer("lambda");
        let url = format!("{}/2015-03-31/functions/{name}/invocations", aws.lambda_url());
        Self { fetch: Fetch::default(), signer, url }
    }

    /// Posts `body` to `path` for whoever sent `headers`, at `now`, and waits for at most `patience`.
    ///
    /// # Errors
    ///
    /// [`InvokeError`]; any HTTP status of the function is an answer.
    pub async fn post(
        &self,
        path: &str,
        headers: &HeaderMap,
        body: &str,
        now: Timestamp,
        patience: Duration,
    ) -> Result<Answer, InvokeError> {
        let text = |name: &HeaderName| {
            let value = headers.get(name)?.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        };
        let json = (header::CONTENT_TYPE.as_str().to_owned(), "application/json".to_owned());
        let event = Event {
            raw_path: path.into(),
            headers: PASSED.iter().filter_map(text).chain([json]).collect(),
            body: Some(body.into()),
            request_context: EventContext { http: EventHttp { method: Method::POST.as_str().into() } },
            ..Event::default()
        };
        let event = serde_json::to_vec(&event).map_err(|_| InvokeError::Odd("it cannot be asked"))?;
        let request = Request::post(&self.url).header(header::CONTENT_TYPE, "application/json").body(event);
        let request = request.map_err(|_| InvokeError::Odd("its address is none"))?;
        let request = self.signer.sign(request, now).await?;
        let told = self.fetch.send(request, patience, MAX_BYTES).await?;
        if told.status != 200 {
            return Err(InvokeError::Refused(told.status));
        }
        if told.headers.contains_key("x-amz-function-error") {
            return Err(InvokeError::Odd("the function failed"));
        }
        let passed: Passed<'_> =
            serde_json::from_slice(&told.body).map_err(|_| InvokeError::Odd("it is none of a function's"))?;
        let body = passed.body.filter(|_| !passed.is_base64_encoded).ok_or(InvokeError::Odd("it has no text"))?;
        let body = serde_json::from_str(&body).map_err(|_| InvokeError::Odd("its text is no JSON"))?;
        Ok(Answer { status: passed.status_code, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Endpoints;
    use axum::{Router, http::StatusCode, response::IntoResponse, routing::post};

    /// What comes back where Lambda answers so.
    async fn told(answer: impl IntoResponse + Clone + Send + Sync + 'static) -> Result<Answer, InvokeError> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let lambda = Some(format!("http://{}", listener.local_addr().unwrap()));
        let asked = post(move |body: String| async move {
            let event: Value = serde_json::from_str(&body).unwrap();
            assert_eq!((&event["rawPath"], &event["body"]), (&"/here".into(), &"{}".into()));
            assert_eq!(event["requestContext"]["http"]["method"], "POST");
            assert_eq!(event["headers"]["authorization"], "Bearer t");
            assert_eq!(event["headers"].get("cookie"), None);
            answer
        });
        let router = Router::new().route("/2015-03-31/functions/one/invocations", asked);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let invoke = Invoke::new(&Aws::local(Endpoints { lambda, ..Endpoints::default() }, "k", "s"), "one");
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer t".parse().unwrap());
        headers.insert("cookie", "a=b".parse().unwrap());
        invoke.post("/here", &headers, "{}", Timestamp::now(), Duration::from_secs(5)).await
    }

    #[tokio::test]
    async fn an_answer_is_passed_on_and_whatever_is_none_is_an_error() {
        let good = told(r#"{"statusCode":422,"headers":{},"body":"{\"step\":\"write\"}"}"#).await.unwrap();
        assert_eq!((good.status, &good.body["step"]), (422, &"write".into()));
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"errorMessage":"it panicked"}"#,
            r#"{"statusCode":200}"#,
            r#"{"statusCode":200,"body":"no JSON"}"#,
            r#"{"statusCode":200,"body":"e30=","isBase64Encoded":true}"#,
        ] {
            assert!(matches!(told(bad).await, Err(InvokeError::Odd(_))), "{bad}");
        }
        let failed = ([("x-amz-function-error", "Unhandled")], r#"{"statusCode":200,"body":"{}"}"#);
        assert!(matches!(told(failed).await, Err(InvokeError::Odd(_))));
        assert!(matches!(told(StatusCode::TOO_MANY_REQUESTS).await, Err(InvokeError::Refused(429))));
    }
}
