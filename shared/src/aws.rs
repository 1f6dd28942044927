//! Clients of AWS, made by hand: on Lambda everything they need stands in the environment.
//!
//! Without `aws-config` and with Amazon's own root certificates in place of the system's some 140 files, a cold start is
//! half as long; `AWS_ENDPOINT_URL` and its forms per service lead the same clients to the laptop's stores.

#[cfg(feature = "table")]
mod replies;
#[cfg(any(feature = "table", feature = "blob"))]
mod sts;
#[cfg(any(feature = "table", feature = "blob"))]
mod vending;

#[cfg(any(feature = "table", feature = "blob"))]
use crate::{clock::Clock, tenant::guard};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};
use std::time::Duration;

pub(crate) const AMAZON_ROOTS: &[u8] = include_bytes!("roots/amazon.pem");

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(1);
/// How long one try of a call may take; DynamoDB answers within milliseconds.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How long a call may take with all its tries, so that a request hears of a dead store long before the gateway gives it up.
const OPERATION: Duration = Duration::from_secs(5);
/// The same for S3, whose tries carry bodies of tens of megabytes.
#[cfg(feature = "blob")]
const BODY_ATTEMPT: Duration = Duration::from_secs(20);
#[cfg(feature = "blob")]
const BODY_OPERATION: Duration = Duration::from_secs(60);
/// How often a call is tried.
const ATTEMPTS: u32 = 3;
/// The longest pause before the second try, twice that before the third; drawn at random below it.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest pause of all, also where the store asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// How long a tenant's session lasts at least after it has signed something, where STS can be reached: what is signed to hold
/// for longer is promised in vain.
#[cfg(any(feature = "table", feature = "blob"))]
pub const SESSION_LASTS: jiff::SignedDuration = vending::AHEAD;

/// How to reach AWS: region, credentials, endpoints and one HTTPS client for all.
#[derive(Clone, Debug)]
pub struct Aws {
    pub(crate) base: SdkConfig,
    endpoints: Endpoints,
    /// Where calls for a tenant get their credentials; the function's own serve where there is none.
    #[cfg(any(feature = "table", feature = "blob"))]
    tenants: Option<vending::Vending>,
    #[cfg(any(test, feature = "administrator"))]
    unguarded: bool,
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
    /// `AWS_ENDPOINT_URL_SESV2`, else `AWS_ENDPOINT_URL`.
    pub sesv2: Option<String>,
    /// `AWS_ENDPOINT_URL_LAMBDA`, else `AWS_ENDPOINT_URL`.
    pub lambda: Option<String>,
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
            sesv2: endpoint("AWS_ENDPOINT_URL_SESV2"),
            lambda: endpoint("AWS_ENDPOINT_URL_LAMBDA"),
        };
        let credentials = Credentials::new(
            var("AWS_ACCESS_KEY_ID").unwrap_or_default(),
            var("AWS_SECRET_ACCESS_KEY").unwrap_or_default(),
            var("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let region = var("AWS_REGION").or_else(|| var("AWS_DEFAULT_REGION")).unwrap_or_else(|| "us-east-1".to_owned());
        let aws = Self::new(region, credentials, endpoints, https(AMAZON_ROOTS));
        #[cfg(any(feature = "table", feature = "blob"))]
        let aws = match var("TENANT_ROLE_ARN") {
            Some(role) => aws.with_tenant_role(&role, endpoint("AWS_ENDPOINT_URL_STS"), Clock::system()),
            None => aws,
        };
        aws
    }

    /// From now on calls of DynamoDB and S3 are signed by sessions of `role`, an ARN, that carry the tenant as their tag. STS is
    /// at `endpoint`, or at AWS's own of the region.
    #[cfg(any(feature = "table", feature = "blob"))]
    #[must_use]
    pub fn with_tenant_role(mut self, role: &str, endpoint: Option<String>, clock: Clock) -> Self {
        let sts = sts::Sts::new(&self, role, endpoint);
        self.tenants = Some(vending::Vending::new(sts, self.base.credentials_provider(), clock));
        self
    }

    /// The laptop's embedded stores: plain HTTP on loopback, any credentials.
    pub fn local(endpoints: Endpoints, access_key: &str, secret: &str) -> Self {
        let credentials = Credentials::new(access_key, secret, None, None, "local");
        Self::new("us-east-1".to_owned(), credentials, endpoints, Builder::new().build_http())
    }

    /// The region that the clients speak to.
    pub fn region(&self) -> &str {
        self.base.region().map(Region::as_ref).unwrap_or_default()
    }

    fn new(region: String, credentials: Credentials, endpoints: Endpoints, http: SharedHttpClient) -> Self {
        let base = SdkConfig::builder()
            .behavior_version(aws_smithy_runtime_api::client::behavior_version::BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http)
            .timeout_config(within(ATTEMPT, OPERATION))
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(ATTEMPTS)
                    .with_initial_backoff(PAUSE)
                    .with_max_backoff(LONGEST_PAUSE),
            )
            .build();
        Self {
            base,
            endpoints,
            #[cfg(any(feature = "table", feature = "blob"))]
            tenants: None,
            #[cfg(any(test, feature = "administrator"))]
            unguarded: false,
        }
    }

    #[cfg(any(feature = "table", feature = "blob", feature = "secrets"))]
    fn at(&self, endpoint: Option<&String>) -> SdkConfig {
        let mut config = self.base.to_builder();
        config.set_endpoint_url(endpoint.cloned());
        config.build()
    }

    /// A client of DynamoDB, under the tenant guard.
    #[cfg(feature = "table")]
    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = self.dynamodb_config();
        if let Some(tenants) = &self.tenants {
            // The SDK's own cache would keep one tenant's credentials for the next.
            let no_cache = aws_sdk_dynamodb::config::IdentityCache::no_cache();
            config = config.credentials_provider(tenants.clone()).identity_cache(no_cache);
        }
        config.push_interceptor(replies::whole());
        #[cfg(any(test, feature = "administrator"))]
        if self.unguarded {
            return aws_sdk_dynamodb::Client::from_conf(config.build());
        }
        config.push_interceptor(guard::of_dynamodb());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    #[cfg(feature = "table")]
    fn dynamodb_config(&self) -> aws_sdk_dynamodb::config::Builder {
        aws_sdk_dynamodb::config::Builder::from(&self.at(self.endpoints.dynamodb.as_ref()))
    }

    /// A client of S3, under the tenant guard.
    #[cfg(feature = "blob")]
    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let mut config = self.s3_config();
        if let Some(tenants) = &self.tenants {
            // The SDK's own cache would keep one tenant's credentials for the next.
            let no_cache = aws_sdk_s3::config::IdentityCache::no_cache();
            config = config.credentials_provider(tenants.clone()).identity_cache(no_cache);
        }
        #[cfg(any(test, feature = "administrator"))]
        if self.unguarded {
            return aws_sdk_s3::Client::from_conf(config.build());
        }
        config.push_interceptor(guard::of_s3());
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// At an endpoint that is not AWS's, buckets stand in the path and not in the host's name.
    #[cfg(feature = "blob")]
    fn s3_config(&self) -> aws_sdk_s3::config::Builder {
        let endpoint = self.endpoints.s3.as_ref();
        aws_sdk_s3::config::Builder::from(&self.at(endpoint))
            .force_path_style(endpoint.is_some())
            .timeout_config(within(BODY_ATTEMPT, BODY_OPERATION))
    }

    /// The same with the tenant guard taken away, for tests that show what it is good for.
    #[cfg(any(test, feature = "administrator"))]
    #[must_use]
    pub fn without_guard(mut self) -> Self {
        self.unguarded = true;
        self
    }

    /// The same over another HTTP client, for tests that hold the store in their own process.
    #[cfg(any(test, feature = "administrator"))]
    #[must_use]
    pub fn over(mut self, http: SharedHttpClient) -> Self {
        self.base = self.base.to_builder().http_client(http).build();
        self
    }

    /// Clients without the guard, for what makes tables and buckets and for tests that look at both sides.
    #[cfg(any(test, feature = "administrator"))]
    pub fn administrator(&self) -> Administrator<'_> {
        Administrator(self)
    }

    /// Where SES's API (version 2) answers: at its endpoint, or AWS's own of the region.
    pub fn sesv2_url(&self) -> String {
        self.url(self.endpoints.sesv2.as_deref(), "email")
    }

    /// Where Lambda's API answers: at its endpoint, or AWS's own of the region.
    pub fn lambda_url(&self) -> String {
        self.url(self.endpoints.lambda.as_deref(), "lambda")
    }

    fn url(&self, endpoint: Option<&str>, service: &str) -> String {
        let aws = || format!("https://{service}.{}.amazonaws.com", self.region());
        endpoint.map_or_else(aws, |url| url.trim_end_matches('/').to_owned())
    }

    /// A client of Secrets Manager.
    #[cfg(feature = "secrets")]
    pub fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.at(self.endpoints.secrets_manager.as_ref()))
    }
}

/// Whoever owns the whole account, as the laptop's owner does. No function turns the feature on that this takes.
#[cfg(any(test, feature = "administrator"))]
#[derive(Clone, Copy, Debug)]
pub struct Administrator<'a>(&'a Aws);

#[cfg(any(test, feature = "administrator"))]
impl Administrator<'_> {
    /// A client of DynamoDB that may do anything.
    #[cfg(feature = "table")]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::from_conf(self.0.dynamodb_config().build())
    }

    /// A client of S3 that may do anything.
    #[cfg(feature = "blob")]
    pub fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::from_conf(self.0.s3_config().build())
    }
}

/// One try within `attempt`, all of them within `operation`. What a reply's body takes after its head is not among them.
fn within(attempt: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(attempt)
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation)
        .build()
}

pub(crate) const TLS: tls::Provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);

fn https(roots: &[u8]) -> SharedHttpClient {
    Builder::new().tls_provider(TLS).tls_context(trusting(roots)).build_https()
}

pub(crate) fn trusting(roots: &[u8]) -> tls::TlsContext {
    let store = tls::TrustStore::empty().with_pem_certificate(roots);
    tls::TlsContext::builder().with_trust_store(store).build().expect("the roots are embedded and valid")
}
