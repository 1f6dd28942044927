//! Stand-ins for tests of this crate: an issuer with a key of its own, and a loopback server that counts who asks.

use super::key::KeySet;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, SigningKey};
use rsa::{RsaPrivateKey, pkcs8::EncodePrivateKey, traits::PublicKeyParts};
use serde_json::{Value, json};
use std::sync::{
    Arc, LazyLock, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

pub(crate) const PROJECT: &str = "smartstore-test";
pub(crate) const KID: &str = "key-1";
/// The moment at which the tests' tokens are good: 2026-03-01T09:00:00Z.
pub(crate) const NOW: i64 = 1_772_355_600;

/// The issuer, made once for each test process.
pub(crate) static ISSUER: LazyLock<Issuer> = LazyLock::new(|| Issuer::with_bits(2048));
/// Somebody else with a key of their own.
pub(crate) static STRANGER: LazyLock<Issuer> = LazyLock::new(|| Issuer::with_bits(2048));

pub(crate) struct Issuer {
    pub(crate) private: RsaPrivateKey,
    pub(crate) pem: String,
    signer: KeyPair,
}

impl Issuer {
    pub(crate) fn with_bits(bits: usize) -> Self {
        let private = RsaPrivateKey::new(&mut rand::thread_rng(), bits).unwrap();
        let der = private.to_pkcs8_der().unwrap();
        let signer = KeyPair::from_pkcs8_der_and_sign_algo(&der.as_bytes().into(), &PKCS_RSA_SHA256).unwrap();
        let pem = CertificateParams::default().self_signed(&signer).unwrap().pem();
        Self { private, pem, signer }
    }

    /// The key document that publishes this issuer's key as [`KID`].
    pub(crate) fn document(&self) -> String {
        self.document_as(KID)
    }

    pub(crate) fn document_as(&self, kid: &str) -> String {
        json!({ kid: self.pem }).to_string()
    }

    pub(crate) fn keys(&self) -> KeySet {
        KeySet::from_x509(self.document().as_bytes()).unwrap()
    }

    pub(crate) fn jwk(&self) -> Value {
        let [n, e] = [self.private.n(), self.private.e()].map(|number| URL_SAFE_NO_PAD.encode(number.to_bytes_be()));
        json!({"kty": "RSA", "n": n, "e": e})
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_raw(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    pub(crate) fn sign_raw(&self, header: &[u8], claims: &[u8]) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.signer.sign(signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A good token, with `extra` claims in place of or beside the usual ones; `null` takes one away.
    pub(crate) fn token(&self, extra: Value) -> String {
        self.sign(&header(), &claims(extra))
    }
}

pub(crate) fn header() -> Value {
    json!({"alg": "RS256", "kid": KID, "typ": "JWT"})
}

/// The claims of a shopper at [`NOW`], changed by `extra`; `null` takes a claim away.
pub(crate) fn claims(extra: Value) -> Value {
    let mut claims = json!({
        "iss": format!("https://securetoken.google.com/{PROJECT}"), "aud": PROJECT, "sub": "ada",
        "iat": NOW - 600, "auth_time": NOW - 900, "exp": NOW + 3000,
        "user_id": "ada", "firebase": {"sign_in_provider": "password", "identities": {}},
    });
    for (name, value) in extra.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    claims
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

/// What the loopback server answers: status line and headers, then the body.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) after: std::time::Duration,
}

impl Answer {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into(), after: std::time::Duration::ZERO }
    }

    /// As DynamoDB answers, with the body's checksum.
    #[cfg(feature = "table")]
    pub(crate) fn of_dynamodb(body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let checksum = crc32fast::hash(&body).to_string();
        Self::ok(body).with("content-type", "application/x-amz-json-1.0").with("x-amz-crc32", &checksum)
    }

    pub(crate) fn status(status: u16) -> Self {
        Self { status, ..Self::ok("no") }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn after(self, after: std::time::Duration) -> Self {
        Self { after, ..self }
    }
}

/// A server on loopback that answers every request alike and counts them.
pub(crate) struct Loopback {
    pub(crate) url: String,
    asked: Arc<AtomicUsize>,
    answer: Arc<Mutex<Answer>>,
}

impl Loopback {
    pub(crate) async fn answering(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(answer)));
        let (count, what) = (asked.clone(), answer.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (count, what) = (count.clone(), what.clone());
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !whole(&request) {
                        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                    let answer = what.lock().unwrap().clone();
                    tokio::time::sleep(answer.after).await;
                    let mut reply = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", answer.status);
                    for (name, value) in &answer.headers {
                        reply.push_str(&format!("{name}: {value}\r\n"));
                    }
                    reply.push_str(&format!("content-length: {}\r\n\r\n", answer.body.len()));
                    let _ = stream.write_all(&[reply.as_bytes(), &answer.body].concat()).await;
                });
            }
        });
        Self { url, asked, answer }
    }

    pub(crate) fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// Counts from nothing again.
    pub(crate) fn forget(&self) {
        self.asked.store(0, Ordering::SeqCst);
    }

    /// How many requests came.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Whether a request has come in whole: its head, and as much body as the head announces.
fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let announced = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= announced.unwrap_or(0)
}

/// What was logged: each event with its level and fields, and what was recorded on spans.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<Value>>>);

impl Seen {
    /// Listens to this thread until the second value goes.
    pub(crate) fn listen() -> (Self, impl Drop) {
        use tracing_subscriber::layer::SubscriberExt;
        let seen = Self::default();
        // While there is only one subscriber, tracing asks the thread that first meets an event whether anybody wants it, and
        // that may be another test's thread, which has none. With a second one it asks them all.
        static SECOND: LazyLock<tracing::Dispatch> =
            LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));
        LazyLock::force(&SECOND);
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(seen.clone()));
        (seen, guard)
    }

    pub(crate) fn take(&self) -> Vec<Value> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

struct Fields(serde_json::Map<String, Value>);

impl tracing::field::Visit for Fields {
    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_u64(&mut self, field: &tracing::field::Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Seen {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        let mut fields = Fields(Default::default());
        fields.0.insert("level".to_owned(), event.metadata().level().to_string().into());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0.into());
    }

    fn on_record(
        &self,
        _: &tracing::span::Id,
        values: &tracing::span::Record<'_>,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let mut fields = Fields(Default::default());
        values.record(&mut fields);
        self.0.lock().unwrap().push(fields.0.into());
    }
}
