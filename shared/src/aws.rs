//! Clients of AWS, made by hand: on Lambda everything they need stands in the environment.
//!
//! Without `aws-config` and with Amazon's own root certificates in place of the system's some 140 files, a cold start is
//! half as long; `AWS_ENDPOINT_URL` and its forms per service lead the same clients to the laptop's stores.

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::{Builder, Connector, tls};
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_types::{SdkConfig, region::Region};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use std::time::Duration;

const AMAZON_ROOTS: &[u8] = include_bytes!("roots/amazon.pem");
const GOOGLE_ROOTS: &[u8] = include_bytes!("roots/google.pem");

/// How to reach AWS: region, credentials, endpoints and one HTTPS client for all.
#[derive(Clone, Debug)]
pub struct Aws {
    base: SdkConfig,
    endpoints: Endpoints,
}

/// Where services are, when they are not at AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// `AWS_ENDPOINT_URL_DYNAMODB`, else `AWS_ENDPOINT_URL`.
    pub dynamodb: Option<String>,
    /// `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`.
    pub s3: Option<String>,
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER`, else `AWS_ENDPOINT_URL`.
    pub secrets_manager: Option<String>,
}

impl Aws {
    /// Reads region, credentials and endpoints from the variables that Lambda sets.
    pub fn from_env() -> Self {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let everywhere = var("AWS_ENDPOINT_URL");
        let endpoint = |name: &str| var(name).or_else(|| everywhere.clone());
        let endpoints = Endpoints {
            dynamodb: endpoint("AWS_ENDPOINT_URL_DYNAMODB"),
            s3: endpoint("AWS_ENDPOINT_URL_S3"),
            secrets_manager: endpoint("AWS_ENDPOINT_URL_SECRETS_MANAGER"),
        };
        let credentials = Credentials::new(
            var("AWS_ACCESS_KEY_ID").unwrap_or_default(),
            var("AWS_SECRET_ACCESS_KEY").unwrap_or_default(),
            var("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let region = var("AWS_REGION").or_else(|| var("AWS_DEFAULT_REGION")).unwrap_or_else(|| "us-east-1".to_owned());
        Self::new(region, credentials, endpoints, https(AMAZON_ROOTS))
    }

    /// The laptop's embedded stores: plain HTTP on loopback, any credentials.
    pub fn local(endpoints: Endpoints, access_key: &str, secret: &str) -> Self {
        let credentials = Credentials::new(access_key, secret, None, None, "local");
        Self::new("us-east-1".to_owned(), credentials, endpoints, Builder::new().build_http())
    }

    fn new(region: String, credentials: Credentials, endpoints: Endpoints, http: SharedHttpClient) -> Self {
        let base = SdkConfig::builder()
            .behavior_version(aws_smithy_runtime_api::client::behavior_version::BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http)
            .build();
        Self { base, endpoints }
    }

    #[cfg(any(feature = "table", feature = "blob", feature = "secrets"))]
    fn at(&self, endpoint: Option<&String>) -> SdkConfig {
        let mut config = self.base.to_builder();
        config.set_endpoint_url(endpoint.cloned());
        config.build()
    }

    /// A client of DynamoDB.
    #[cfg(feature = "table")]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.at(self.endpoints.dynamodb.as_ref()))
    }

    /// A client of S3. At an endpoint that is not AWS's, buckets stand in the path and not in the host's name.
    #[cfg(feature = "blob")]
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let endpoint = self.endpoints.s3.as_ref();
        let config = aws_sdk_s3::config::Builder::from(&self.at(endpoint)).force_path_style(endpoint.is_some());
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// A client of Secrets Manager.
    #[cfg(feature = "secrets")]
    pub fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.at(self.endpoints.secrets_manager.as_ref()))
    }
}

const TLS: tls::Provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);

fn https(roots: &[u8]) -> SharedHttpClient {
    Builder::new().tls_provider(TLS).tls_context(trusting(roots)).build_https()
}

fn trusting(roots: &[u8]) -> tls::TlsContext {
    let store = tls::TrustStore::empty().with_pem_certificate(roots);
    tls::TlsContext::builder().with_trust_store(store).build().expect("the roots are embedded and valid")
}

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
