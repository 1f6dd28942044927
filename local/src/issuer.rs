//! The laptop's issuer of ID tokens: what Firebase is to the deployed bundle.
//!
//! It has an RSA key of its own, made once for each state folder, and publishes it in Firebase's form under a key URL on
//! loopback. The functions verify its tokens with the code and the rules that they verify Firebase's with; only
//! `FIREBASE_KEYS_URL` differs.

use crate::{claims::Claims, stop::Stopped, stores::private};
use anyhow::{Context, Result, anyhow};
use axum::{Json, Router, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::header;
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use ring::{rand::SystemRandom, signature};
use rsa::{
    RsaPrivateKey,
    pkcs8::{EncodePrivateKey, LineEnding},
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::Write,
    path::Path,
    sync::{Arc, LazyLock},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// The Firebase project of the laptop.
pub const PROJECT_ID: &str = "smartstore-local";
/// How long a token of Firebase is good.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(1);
const BITS: usize = 2048;
const FILE: &str = "issuer.pem";

/// An issuer of ID tokens. Clones share the key.
#[derive(Clone, Debug)]
pub struct Issuer(Arc<Key>);

#[derive(Debug)]
struct Key {
    signer: signature::RsaKeyPair,
    certificate: String,
    kid: String,
}

/// The key of every test's bundle, so that each test binary makes one and not one for each test.
static SHARED: LazyLock<Issuer> =
    LazyLock::new(|| new_key().and_then(|pem| Issuer::from_pem(&pem)).expect("a new key makes an issuer"));

impl Issuer {
    /// The issuer whose key is in the folder `state`; makes the key the first time.
    ///
    /// # Errors
    ///
    /// A key that is damaged, or a folder that cannot be written.
    pub fn open(state: &Path) -> Result<Self> {
        let file = state.join(FILE);
        if let Ok(pem) = fs::read_to_string(&file) {
            return Self::from_pem(&pem).with_context(|| format!("{} is damaged", file.display()));
        }
        let pem = new_key()?;
        let beside = file.with_extension("new");
        private(&beside)?.write_all(pem.as_bytes())?;
        fs::rename(beside, file)?;
        Self::from_pem(&pem)
    }

    /// The issuer of a state folder in which a bundle has run.
    ///
    /// # Errors
    ///
    /// No key there.
    pub fn existing(state: &Path) -> Result<Self> {
        let file = state.join(FILE);
        let pem = fs::read_to_string(&file).with_context(|| {
            format!("{} has no issuer yet: `cargo run` makes one on its first start", state.display())
        })?;
        Self::from_pem(&pem).with_context(|| format!("{} is damaged", file.display()))
    }

    /// The issuer that the bundles of one process's tests share.
    pub fn shared() -> Self {
        SHARED.clone()
    }

    fn from_pem(pem: &str) -> Result<Self> {
        let pair = KeyPair::from_pkcs8_pem_and_sign_algo(pem, &PKCS_RSA_SHA256)?;
        let signer = signature::RsaKeyPair::from_pkcs8(pair.serialized_der());
        let signer = signer.map_err(|why| anyhow!("the key was refused: {why}"))?;
        // A key has one certificate, always the same, and so one name.
        let mut params = CertificateParams::new(vec![])?;
        params.serial_number = Some(1_u64.into());
        let certificate = params.self_signed(&pair)?.pem();
        let mut kid = hex::encode(Sha256::digest(pair.public_key_raw()));
        kid.truncate(40);
        Ok(Self(Arc::new(Key { signer, certificate, kid })))
    }

    /// Signs a token for `claims` that is good from `now` for `lifetime`.
    pub fn token(&self, claims: &Claims, now: Timestamp, lifetime: SignedDuration) -> String {
        let now = now.as_second();
        let mut payload = Map::new();
        payload.insert("iss".to_owned(), format!("https://securetoken.google.com/{PROJECT_ID}").into());
        payload.insert("aud".to_owned(), PROJECT_ID.into());
        payload.insert("auth_time".to_owned(), now.into());
        payload.insert("iat".to_owned(), now.into());
        payload.insert("exp".to_owned(), (now + lifetime.as_secs()).into());
        payload.extend(claims.members());
        payload.retain(|_, value| !value.is_null());
        self.sign(&Value::Object(payload))
    }

    /// Signs `payload` as it is: for tests of tokens that no issuer should make.
    pub fn sign(&self, payload: &Value) -> String {
        let header = json!({"alg": "RS256", "kid": self.0.kid, "typ": "JWT"});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(payload));
        let mut bytes = vec![0; self.0.signer.public().modulus_len()];
        let random = SystemRandom::new();
        let done = self.0.signer.sign(&signature::RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut bytes);
        done.expect("a key of 2,048 bits signs any text");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The published keys: an object from key id to certificate, as Firebase publishes its own.
    pub fn keys(&self) -> Value {
        json!({ &self.0.kid: self.0.certificate })
    }

    /// Publishes the keys at `/x509` of `listener` until `stopped`.
    pub(crate) fn serve(&self, listener: TcpListener, stopped: Stopped) -> JoinHandle<()> {
        let keys = self.keys();
        let publish = move || async move { ([(header::CACHE_CONTROL, "public, max-age=3600")], Json(keys)) };
        let app = Router::new().route("/x509", get(publish));
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stopped.wait()).await {
                tracing::error!("the issuer ended: {error}");
            }
        })
    }
}

fn new_key() -> Result<String> {
    let key = RsaPrivateKey::new(&mut rand::thread_rng(), BITS)?;
    Ok(key.to_pkcs8_pem(LineEnding::LF)?.to_string())
}
