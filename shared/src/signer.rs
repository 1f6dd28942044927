//! Signing requests to AWS that no SDK client of ours makes: Signature Version 4, with the function's own credentials.

use crate::{aws::Aws, problem::chain};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use http::{Request, header};
use jiff::Timestamp;
use std::time::SystemTime;

/// Signs requests to one service of AWS.
#[derive(Clone, Debug)]
pub struct Signer {
    service: &'static str,
    region: String,
    credentials: Option<SharedCredentialsProvider>,
}

/// A request that cannot be signed.
#[derive(Debug, thiserror::Error)]
#[error("the request could not be signed: {0}")]
pub struct SignError(String);

impl Aws {
    /// A signer for `service`, by the name that signatures know it by.
    pub fn signer(&self, service: &'static str) -> Signer {
        let region = self.base.region().map(ToString::to_string).unwrap_or_default();
        Signer { service, region, credentials: self.base.credentials_provider() }
    }
}

impl Signer {
    /// The region that is signed for.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Signs `request` as it stands at `now`; nothing of it may change afterwards.
    ///
    /// # Errors
    ///
    /// [`SignError`] without credentials, or for headers that are no text.
    pub async fn sign(&self, mut request: Request<Vec<u8>>, now: Timestamp) -> Result<Request<Vec<u8>>, SignError> {
        let failed = |why: &dyn std::error::Error| SignError(chain(why));
        let provider = self.credentials.as_ref().ok_or_else(|| SignError("there are no credentials".to_owned()))?;
        let identity = provider.provide_credentials().await.map_err(|why| failed(&why))?.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(SystemTime::from(now))
            .settings(SigningSettings::default())
            .build()
            .map_err(|why| failed(&why))?
            .into();
        let (method, uri) = (request.method().to_string(), request.uri().to_string());
        let host = request.uri().authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
        let header = |name| request.headers().get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        let signed = [Some(("host", host.as_str())), header(header::CONTENT_TYPE).map(|value| ("content-type", value))];
        let body = SignableBody::Bytes(request.body());
        let signable = SignableRequest::new(&method, &uri, signed.into_iter().flatten(), body);
        let signed = sign(signable.map_err(|why| failed(&why))?, &params).map_err(|why| failed(&why))?;
        let (instructions, _signature) = signed.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        // Whoever prints the headers, prints no signature.
        if let Some(authorization) = request.headers_mut().get_mut(header::AUTHORIZATION) {
            authorization.set_sensitive(true);
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Endpoints;

    #[tokio::test]
    async fn a_signature_names_its_scope_and_covers_host_date_and_type() {
        let aws = Aws::local(Endpoints::default(), "AKIDEXAMPLE", "secret");
        let request = Request::post("http://127.0.0.1:1/model/a%3A1/converse")
            .header("content-type", "application/json")
            .body(b"{}".to_vec())
            .unwrap();
        let now = "2026-03-01T09:00:00Z".parse().unwrap();
        let signed = aws.signer("bedrock").sign(request, now).await.unwrap();
        let authorization = signed.headers()["authorization"].to_str().unwrap();
        let scope = "Credential=AKIDEXAMPLE/20260301/us-east-1/bedrock/aws4_request";
        assert!(authorization.contains(scope), "{authorization}");
        assert!(authorization.contains("SignedHeaders=content-type;host;x-amz-date"), "{authorization}");
        assert!(signed.headers()["authorization"].is_sensitive());
        assert_eq!(signed.headers()["x-amz-date"], "20260301T090000Z");
        assert_eq!(signed.body(), b"{}");
    }
}
