//! Fetching over HTTP from places that are not AWS.

use crate::aws::{AMAZON_ROOTS, TLS, trusting};
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, SharedHttpConnector},
    orchestrator::HttpRequest,
};
use aws_smithy_types::body::SdkBody;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use std::time::Duration;

const GOOGLE_ROOTS: &[u8] = include_bytes!("roots/google.pem");

/// Fetches small public documents, such as the issuer's keys: HTTPS under Google's and Amazon's roots, no redirects.
#[derive(Clone, Debug)]
pub struct Fetch(SharedHttpConnector);

/// What came back.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No address of a web page.
    #[error("{0} is not a URL that can be fetched")]
    Url(String),
    /// No connection, or one that broke.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// No answer in time.
    #[error("there was no answer within {0:?}")]
    Timeout(Duration),
    /// A body past the limit.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

impl Default for Fetch {
    fn default() -> Self {
        let context = trusting(&[GOOGLE_ROOTS, AMAZON_ROOTS].concat());
        Self(SharedHttpConnector::new(Connector::builder().tls_provider(TLS).tls_context(context).build()))
    }
}

impl Fetch {
    /// A fetcher for plain HTTP, as on loopback.
    pub fn plain() -> Self {
        Self(SharedHttpConnector::new(Connector::builder().build_http()))
    }

    /// Fetches `url` whole, within `timeout` and `max_bytes`.
    ///
    /// # Errors
    ///
    /// [`FetchError`]; any HTTP status is a success here.
    pub async fn get(&self, url: &str, timeout: Duration, max_bytes: usize) -> Result<Fetched, FetchError> {
        self.within(timeout, url, None, max_bytes).await
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
        self.within(timeout, url, Some(body), max_bytes).await
    }

    async fn within(
        &self,
        timeout: Duration,
        url: &str,
        json: Option<Vec<u8>>,
        max_bytes: usize,
    ) -> Result<Fetched, FetchError> {
        let call = self.call(url, json, max_bytes);
        tokio::time::timeout(timeout, call).await.unwrap_or(Err(FetchError::Timeout(timeout)))
    }

    async fn call(&self, url: &str, json: Option<Vec<u8>>, max_bytes: usize) -> Result<Fetched, FetchError> {
        let connection = |why: &dyn std::error::Error| FetchError::Connection(crate::problem::chain(why));
        let malformed = |_| FetchError::Url(url.to_owned());
        let mut request = match json {
            None => HttpRequest::empty(),
            Some(json) => {
                let length = json.len().to_string();
                let mut request = HttpRequest::new(SdkBody::from(json));
                request.set_method("POST").map_err(malformed)?;
                request.headers_mut().insert("content-type", "application/json");
                request.headers_mut().insert("content-length", length);
                request
            }
        };
        request.set_uri(url.to_owned()).map_err(malformed)?;
        let response = self.0.call(request).await.map_err(|why| connection(&why))?;
        let response = response.try_into_http1x().map_err(|why| connection(&why))?;
        let (parts, mut body) = response.into_parts();
        let mut bytes = BytesMut::new();
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
