//! Fetching over HTTP from places that are not AWS: key URLs, model providers, a retrieval service.
//!
//! An answer is whole or it is an error: a body that ends early, is longer than it may be, or comes too late is none. A redirect
//! is an answer like any other and is never followed, no proxy is taken from the environment, and plain HTTP reaches this
//! machine's loopback alone, so that what goes out goes where the settings say.

use crate::{
    aws::{AMAZON_ROOTS, TLS, trusting},
    telemetry,
    web::request::TRACEPARENT,
};
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_types::body::SdkBody;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Uri, header, uri::Scheme};
use http_body_util::BodyExt;
use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

const GOOGLE_ROOTS: &[u8] = include_bytes!("roots/google.pem");

/// Fetches from public hosts. Clones share their connections.
#[derive(Clone)]
pub struct Fetch(Arc<Connectors>);

#[derive(Debug)]
struct Connectors {
    trust: Trust,
    /// Made by the first call: reading the platform's roots takes milliseconds that a cold start should not pay.
    tls: OnceLock<SharedHttpConnector>,
    plain: OnceLock<SharedHttpConnector>,
}

/// Whose certificates are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// Google's and Amazon's roots, which are built in.
    BuiltIn,
    /// The platform's roots and the built-in ones.
    Platform,
    /// The same; and a host of the operator's own network needs none.
    Network,
    /// Nobody's: plain HTTP alone.
    Nobody,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No address that this fetcher goes to: its scheme and host, since a key may stand in the rest.
    #[error("{0} is not a URL that can be fetched")]
    Url(String),
    /// No connection, or one that broke before the answer was whole.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// No whole answer in time.
    #[error("there was no answer within {0:?}")]
    Timeout(Duration),
    /// A body past the limit, in bytes.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

/// How a URL is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTPS, anywhere.
    Tls,
    /// Plain HTTP, to this machine's loopback.
    Loopback,
}

impl Transport {
    /// How `uri` is reached; `None` for what is never fetched: other schemes, plain HTTP to another machine, a user name in it.
    pub fn of(uri: &Uri) -> Option<Self> {
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        match uri.scheme()? {
            scheme if *scheme == Scheme::HTTPS && !host.is_empty() => Some(Self::Tls),
            scheme if *scheme == Scheme::HTTP && here => Some(Self::Loopback),
            _ => None,
        }
    }

    /// Whether `uri` may be a service of the operator's own network: also plain HTTP, to any host.
    pub fn within_network(uri: &Uri) -> bool {
        let plain = uri.scheme() == Some(&Scheme::HTTP) && uri.host().is_some_and(|host| !host.is_empty());
        Self::of(uri).is_some() || (plain && uri.authority().is_some_and(|authority| !authority.as_str().contains('@')))
    }
}

/// Where a URL leads, as it may be logged.
fn place(url: &str) -> String {
    place_of(&url.parse().unwrap_or_default())
}

fn place_of(uri: &Uri) -> String {
    match (uri.scheme_str(), uri.host()) {
        (Some(scheme), Some(host)) => format!("{scheme}://{host}"),
        _ => "what is given".to_owned(),
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fetch").field(&self.0.trust).finish()
    }
}

impl Default for Fetch {
    /// A fetcher for Google's and Amazon's documents, such as an issuer's keys: their roots are built in.
    fn default() -> Self {
        Self::trusting(Trust::BuiltIn)
    }
}

impl Fetch {
    /// A fetcher for any public host: the platform's trust anchors, read by the first call, beside the built-in ones.
    pub fn anywhere() -> Self {
        Self::trusting(Trust::Platform)
    }

    /// The same, and plain HTTP to any host: for a service that the settings name within the operator's own network.
    pub fn within_network() -> Self {
        Self::trusting(Trust::Network)
    }

    /// A fetcher for plain HTTP on loopback.
    pub fn plain() -> Self {
        Self::trusting(Trust::Nobody)
    }

    fn trusting(trust: Trust) -> Self {
        Self(Arc::new(Connectors { trust, tls: OnceLock::new(), plain: OnceLock::new() }))
    }

    /// Fetches `url` whole, within `timeout` and `max_bytes`.
    ///
    /// # Errors
    ///
    /// [`FetchError`]; any HTTP status is a success here.
    pub async fn get(&self, url: &str, timeout: Duration, max_bytes: usize) -> Result<Fetched, FetchError> {
        let request = Request::get(url).body(Vec::new()).map_err(|_| FetchError::Url(place(url)))?;
        self.send(request, timeout, max_bytes).await
    }

    /// Posts the JSON document `body` to `url` and takes the whole answer, within `timeout` and `max_bytes`.
    ///
    /// # Errors
    ///
    /// [`FetchError`]; any HTTP status is a success here.
    pub async fn post_json(
        &self,
        url: &str,
        body: Vec<u8>,
        timeout: Duration,
        max_bytes: usize,
    ) -> Result<Fetched, FetchError> {
        let request = Request::post(url).header(header::CONTENT_TYPE, "application/json").body(body);
        self.send(request.map_err(|_| FetchError::Url(place(url)))?, timeout, max_bytes).await
    }

    /// Sends `request` and takes the whole answer, within `timeout` and `max_bytes`.
    ///
    /// # Errors
    ///
    /// [`FetchError`]; any HTTP status is a success here.
    pub async fn send(
        &self,
        request: Request<Vec<u8>>,
        timeout: Duration,
        max_bytes: usize,
    ) -> Result<Fetched, FetchError> {
        let call = self.call(request, max_bytes);
        tokio::time::timeout(timeout, call).await.unwrap_or(Err(FetchError::Timeout(timeout)))
    }

    async fn call(&self, request: Request<Vec<u8>>, max_bytes: usize) -> Result<Fetched, FetchError> {
        let connection = |why: &dyn std::error::Error| FetchError::Connection(crate::problem::chain(why));
        let connector = self.0.connector(request.uri())?;
        let length = request.body().len();
        let mut request = request.map(SdkBody::from);
        // What is done for this request elsewhere stands in its trace. No one is told who asks: the ids are random.
        if let Some(trace) = telemetry::traceparent().and_then(|trace| HeaderValue::try_from(trace).ok()) {
            request.headers_mut().entry(TRACEPARENT).or_insert(trace);
        }
        if length > 0 {
            request.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        let response = connector.call(request.try_into().map_err(|why| connection(&why))?).await;
        let response = response.map_err(|why| connection(&why))?;
        let response = response.try_into_http1x().map_err(|why| connection(&why))?;
        let (parts, mut body) = response.into_parts();
        let promised = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if promised.is_some_and(|bytes: usize| bytes > max_bytes) {
            return Err(FetchError::TooLarge(max_bytes));
        }
        let mut bytes = BytesMut::new();
        // The connection itself holds a body to the length or the last chunk it promised: what is cut ends in an error.
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|why| FetchError::Connection(why.to_string()))?;
            if let Some(data) = frame.data_ref() {
                if bytes.len() + data.len() > max_bytes {
                    return Err(FetchError::TooLarge(max_bytes));
                }
                bytes.extend_from_slice(data);
            }
        }
        Ok(Fetched { status: parts.status.as_u16(), headers: parts.headers, body: bytes.freeze() })
    }
}

impl Connectors {
    fn connector(&self, uri: &Uri) -> Result<&SharedHttpConnector, FetchError> {
        match (Transport::of(uri), self.trust) {
            (Some(Transport::Loopback), _) => {
                Ok(self.plain.get_or_init(|| SharedHttpConnector::new(Connector::builder().build_http())))
            }
            (None, Trust::Network) if Transport::within_network(uri) => {
                Ok(self.plain.get_or_init(|| SharedHttpConnector::new(Connector::builder().build_http())))
            }
            (Some(Transport::Tls), Trust::BuiltIn | Trust::Platform | Trust::Network) => {
                Ok(self.tls.get_or_init(|| self.over_tls()))
            }
            (Some(Transport::Tls), Trust::Nobody) | (None, _) => Err(FetchError::Url(place_of(uri))),
        }
    }

    fn over_tls(&self) -> SharedHttpConnector {
        let built_in = [GOOGLE_ROOTS, AMAZON_ROOTS].concat();
        let context = if matches!(self.trust, Trust::Platform | Trust::Network) {
            let store = tls::TrustStore::default().with_pem_certificate(built_in);
            tls::TlsContext::builder().with_trust_store(store).build().expect("the built-in roots are valid")
        } else {
            trusting(&built_in)
        };
        SharedHttpConnector::new(Connector::builder().tls_provider(TLS).tls_context(context).build())
    }
}

#[cfg(test)]
mod tests;
