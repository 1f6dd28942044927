//! With what each call is signed.

use crate::StoreError;
use gcloud_sdk::{
    GoogleAuthHeaders, HeaderMap,
    google_cloud_auth::{
        credentials::{CacheableResource, Credentials, CredentialsProvider, EntityTag},
        errors::CredentialsError,
    },
};
use http::{Extensions, HeaderValue, header::AUTHORIZATION};
use shared::secrets::SecretString;

/// What a key is asked to be good for.
const SCOPE: &str = "https://www.googleapis.com/auth/datastore";
/// What is said of a key that cannot be used. Nothing of the key is, whatever is wrong with it.
const BAD_KEY: StoreError = StoreError::BadConfig("the service account's key is not the JSON that Google hands out");

/// Tokens that the key signs here: nothing is asked of anybody, whatever addresses the key may name.
pub(super) async fn of_key(key: &SecretString) -> Result<GoogleAuthHeaders, StoreError> {
    // The key signs with the process's library, and that is ring. Another that is there already will do.
    let _there_already = rustls::crypto::ring::default_provider().install_default();
    let key = serde_json::from_str(key.expose()).map_err(|_| BAD_KEY)?;
    let headers =
        GoogleAuthHeaders::from_service_account_key(key, vec![SCOPE.to_owned()]).await.map_err(|_| BAD_KEY)?;
    // Its private part is looked at when it first signs.
    headers.headers().await.map_err(|_| BAD_KEY)?;
    Ok(headers)
}

/// What the emulator takes for its owner: anybody else may not write in batches there.
pub(super) fn of_emulator() -> GoogleAuthHeaders {
    Credentials::from(Owner(EntityTag::new())).into()
}

#[derive(Debug)]
struct Owner(EntityTag);

impl CredentialsProvider for Owner {
    async fn headers(&self, known: Extensions) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        if known.get::<EntityTag>() == Some(&self.0) {
            return Ok(CacheableResource::NotModified);
        }
        let owner = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer owner"))]);
        Ok(CacheableResource::New { entity_tag: self.0.clone(), data: owner })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use rsa::{
        RsaPrivateKey,
        pkcs1::{EncodeRsaPrivateKey, EncodeRsaPublicKey},
        pkcs8::EncodePrivateKey,
    };
    use serde_json::{Value, json};
    use std::{net::TcpListener, sync::LazyLock, time::Duration};

    static KEY: LazyLock<RsaPrivateKey> = LazyLock::new(|| RsaPrivateKey::new(&mut rand::thread_rng(), 2048).unwrap());

    /// A key as Google hands it out, whose addresses lead to `address`.
    fn key(address: &str) -> Value {
        json!({
            "type": "service_account", "project_id": "acme", "private_key_id": "key-7",
            "private_key": KEY.to_pkcs8_pem(Default::default()).unwrap().as_str(),
            "client_email": "events@acme.iam.gserviceaccount.com", "client_id": "1",
            "auth_uri": format!("http://{address}/auth"), "token_uri": format!("http://{address}/token"),
        })
    }

    #[tokio::test]
    async fn a_key_signs_a_token_for_the_store_and_asks_nobody() {
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
        nobody.set_nonblocking(true).unwrap();
        let auth = of_key(&key(&nobody.local_addr().unwrap().to_string()).to_string().into()).await.unwrap();
        let headers = auth.headers().await.unwrap();
        let token = headers[AUTHORIZATION].to_str().unwrap().strip_prefix("Bearer ").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let public = KEY.to_public_key().to_pkcs1_der().unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.as_bytes());
        public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let part = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let (header, claims) = (part(header), part(claims));
        assert_eq!((&header["alg"], &header["kid"]), (&json!("RS256"), &json!("key-7")));
        assert_eq!((&claims["iss"], &claims["scope"]), (&json!("events@acme.iam.gserviceaccount.com"), &json!(SCOPE)));
        let lives = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert!((1..=3_700).contains(&lives), "{lives} s");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(nobody.accept().is_err(), "somebody was asked");
        assert!(!format!("{auth:?}").contains("PRIVATE"));
    }

    #[tokio::test]
    async fn a_key_that_is_none_is_refused_and_nothing_of_it_is_said() {
        let whole = key("127.0.0.1:9");
        let without = |member: &str| {
            let mut key = whole.clone();
            key.as_object_mut().unwrap().remove(member);
            key.to_string()
        };
        let with = |private: &str| {
            let mut key = whole.clone();
            key["private_key"] = private.into();
            key.to_string()
        };
        let pem = KEY.to_pkcs8_pem(Default::default()).unwrap();
        let (first, last) = pem.split_at(pem.len() / 2);
        let other_form = KEY.to_pkcs1_pem(Default::default()).unwrap();
        let bad = [
            String::new(),
            "s3cret".to_owned(),
            "\"s3cret\"".to_owned(),
            "{\"private_key\": \"s3cret\"".to_owned(),
            json!({"private_key": "s3cret", "client_email": 5}).to_string(),
            without("private_key"),
            without("client_email"),
            with("s3cret"),
            with(""),
            with(first),
            with(last),
            with("-----BEGIN PRIVATE KEY-----\nczNjcmV0\n-----END PRIVATE KEY-----\n"),
            with(&other_form),
        ];
        for bad in bad {
            let error = of_key(&bad.clone().into()).await.unwrap_err();
            assert!(matches!(error, StoreError::BadConfig(_)), "{bad}: {error:?}");
            let said = format!("{error} {error:?}");
            for part in ["s3cret", "czNjcmV0", "MII", "events@", "key-7"] {
                assert!(!said.contains(part), "{said}");
            }
        }
    }
}
