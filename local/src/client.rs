//! A person at the gateway: requests over real HTTP, with a token of the laptop's issuer.

use crate::{
    claims::Claims,
    issuer::{Issuer, LIFETIME},
};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, combinators::BoxBody};
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use shared::clock::Clock;
use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

/// A body on its way out.
pub(crate) type OutBody = BoxBody<Bytes, std::io::Error>;
/// A client of HTTP that keeps its connections.
pub(crate) type Connections = Http<HttpConnector, OutBody>;
/// A token is signed anew when so little of it is left.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(10);

/// A person who sends requests. Clones share connections and token.
#[derive(Clone, Debug)]
pub struct Client {
    http: Connections,
    gateway: Arc<str>,
    headers: HeaderMap,
    sign: Sign,
}

#[derive(Clone, Debug)]
enum Sign {
    Nobody,
    Fixed(Arc<str>),
    Person(Arc<Person>),
}

#[derive(Debug)]
struct Person {
    issuer: Issuer,
    clock: Clock,
    claims: Claims,
    token: Mutex<Option<(String, Timestamp)>>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body: as JSON, else as a text; null where there is none.
    pub body: Value,
    /// The body as it came.
    pub bytes: Bytes,
}

impl Response {
    /// A header as text, empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The response, if its status is one of success.
    ///
    /// # Errors
    ///
    /// The status and the problem's detail.
    pub fn success(self) -> Result<Self> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let detail = self.body["detail"].as_str().map_or_else(|| self.body.to_string(), str::to_owned);
        bail!("{} {}: {detail}", self.status, self.body["error_code"].as_str().unwrap_or_default())
    }
}

pub(crate) fn connections() -> Connections {
    Http::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build_http()
}

pub(crate) fn full(bytes: impl Into<Bytes>) -> OutBody {
    http_body_util::Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed()
}

impl Client {
    /// Nobody: requests without a token to the gateway at `gateway` (`http://127.0.0.1:9000`).
    pub fn stranger(gateway: &str) -> Self {
        Self { http: connections(), gateway: gateway.into(), headers: HeaderMap::new(), sign: Sign::Nobody }
    }

    /// The person of `claims`, with tokens of `issuer` by the time of `clock`, always fresh.
    pub fn person(gateway: &str, issuer: &Issuer, clock: &Clock, claims: Claims) -> Self {
        let person = Person { issuer: issuer.clone(), clock: clock.clone(), claims, token: Mutex::default() };
        Self { sign: Sign::Person(Arc::new(person)), ..Self::stranger(gateway) }
    }

    /// The same client with this text as its token, whatever it is.
    pub fn with_token(&self, token: &str) -> Self {
        Self { sign: Sign::Fixed(token.into()), ..self.clone() }
    }

    /// The same client with a header on every request; panics on what is no header, as only tests write them.
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        let name = HeaderName::from_bytes(name.as_bytes()).expect("the test names a header");
        client.headers.insert(name, HeaderValue::from_str(value).expect("the test gives a header's value"));
        client
    }

    /// The token that the next request carries.
    pub fn token(&self) -> Option<String> {
        match &self.sign {
            Sign::Nobody => None,
            Sign::Fixed(token) => Some(token.to_string()),
            Sign::Person(person) => Some(person.token()),
        }
    }

    /// Sends a GET; panics where the gateway cannot be reached, as do the next ones.
    pub async fn get(&self, path: &str) -> Response {
        self.tell(Method::GET, path, None).await
    }

    /// Sends a DELETE.
    pub async fn delete(&self, path: &str) -> Response {
        self.tell(Method::DELETE, path, None).await
    }

    /// Sends a PUT of JSON.
    pub async fn put(&self, path: &str, body: Value) -> Response {
        self.tell(Method::PUT, path, Some(body)).await
    }

    /// Sends a POST of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Response {
        self.tell(Method::POST, path, Some(body)).await
    }

    /// Sends a PATCH of JSON.
    pub async fn patch(&self, path: &str, body: Value) -> Response {
        self.tell(Method::PATCH, path, Some(body)).await
    }

    /// Sends a POST of bytes of a media type.
    pub async fn post_bytes(&self, path: &str, media: &str, bytes: impl Into<Bytes>) -> Response {
        let sent = self.send(Method::POST, path, Some((media, bytes.into()))).await;
        sent.expect("the gateway answers")
    }

    async fn tell(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let body = body.map(|body| ("application/json", Bytes::from(body.to_string())));
        self.send(method, path, body).await.expect("the gateway answers")
    }

    /// Sends a request, with a body of a media type if there is one.
    ///
    /// # Errors
    ///
    /// No answer.
    pub async fn send(&self, method: Method, path: &str, body: Option<(&str, Bytes)>) -> Result<Response> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.gateway));
        if let Some((media, _)) = &body {
            request = request.header(header::CONTENT_TYPE, *media);
        }
        if let Some(token) = self.token() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let mut request = request.body(full(body.map(|(_, bytes)| bytes).unwrap_or_default()))?;
        request.headers_mut().extend(self.headers.clone());
        exchange(&self.http, request).await.with_context(|| format!("{} does not answer", self.gateway))
    }
}

/// Sends a request and reads the answer whole.
pub(crate) async fn exchange(http: &Connections, request: Request<OutBody>) -> Result<Response> {
    let (parts, body) = http.request(request).await?.into_parts();
    let bytes = body.collect().await?.to_bytes();
    let text = || Value::from(String::from_utf8_lossy(&bytes).into_owned());
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) };
    Ok(Response { status: parts.status.as_u16(), headers: parts.headers, body, bytes })
}

impl Person {
    fn token(&self) -> String {
        let now = self.clock.now();
        let mut kept = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, made)) = &*kept
            && now >= *made
            && now < *made + (LIFETIME - RENEW_BEFORE)
        {
            return token.clone();
        }
        let token = self.issuer.token(&self.claims, now, LIFETIME);
        *kept = Some((token.clone(), now));
        token
    }
}
