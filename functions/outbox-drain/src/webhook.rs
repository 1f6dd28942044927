//! Webhooks to the systems of the app's team, signed the way of Standard Webhooks.
//!
//! Form: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>. The signature is an HMAC-SHA256
//! of id, time and body with a secret that both sides know, so that the receiver can tell who sent it, that nothing was changed, and
//! that it is not an old one sent again by somebody else. While the secret is changed, both the new and the old one sign.
//!
//! | what comes | is told as |
//! | --- | --- |
//! | 2xx | sent |
//! | 410 | gone: a dead letter at once |
//! | 408, 429, 5xx, a redirect, an answer that is cut, late or too large, none | failed |
//! | any other 4xx | refused: tried again all the same, since their fault may be mended |

use crate::channel::{Channel, Outcome, retry_after};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::Request;
use jiff::Timestamp;
use ring::hmac;
use serde_json::json;
use shared::{
    clock::Clock,
    fetch::{Fetch, Fetched},
    outbox::MessageRow,
    resilience::Breaker,
    secrets::{SecretError, SecretString, Secrets},
    tenant::TenantScope,
};

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// How many bytes a secret has at least and at most.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Webhooks.
#[derive(Clone, Debug)]
pub struct Webhook {
    url: Option<String>,
    secrets: Secrets,
    fetch: Fetch,
    breaker: Breaker,
    clock: Clock,
}

impl Webhook {
    /// Webhooks to `url`; they wait where there is none.
    pub fn new(url: Option<String>, secrets: Secrets, clock: &Clock) -> Self {
        let breaker = Breaker::new("webhook", clock);
        Self { url, secrets, fetch: Fetch::anywhere(), breaker, clock: clock.clone() }
    }

    /// The keys that sign: the present one, and the one before while it is kept.
    async fn keys(&self) -> Result<Vec<hmac::Key>, Outcome> {
        let mut keys = vec![self.key("WEBHOOK_SECRET").await?];
        match self.key("WEBHOOK_SECRET_PREVIOUS").await {
            Ok(key) => keys.push(key),
            Err(Outcome::Unusable(_)) => {}
            Err(other) => return Err(other),
        }
        Ok(keys)
    }

    async fn key(&self, name: &str) -> Result<hmac::Key, Outcome> {
        let secret = self.secrets.get(name).await.map_err(|why| match why {
            SecretError::Unavailable | SecretError::NotThere => Outcome::NotReady(why.to_string()),
            SecretError::Malformed | SecretError::NoSuchKey(_) => Outcome::Unusable(why.to_string()),
        })?;
        key_of(&secret).ok_or_else(|| Outcome::Unusable(format!("{name} is not whsec_ and 24 to 64 bytes in base64")))
    }
}

impl Channel for Webhook {
    async fn request(&self, tenant: &TenantScope, row: &MessageRow, _: Timestamp) -> Result<Request<Vec<u8>>, Outcome> {
        let url = self.url.as_deref().ok_or(Outcome::Off("WEBHOOK_URL is not set"))?;
        let keys = self.keys().await?;
        let message = &row.message;
        let tenant = tenant.tenant().as_str();
        // The same in each try, so that the receiver knows what it has. A message's id is its tenant's own.
        let body = json!({
            "type": message.topic,
            "id": message.id,
            "tenant": tenant,
            "timestamp": row.created_at.to_string(),
            "data": message.payload,
        });
        let body = body.to_string();
        let id = format!("{tenant}:{}", message.id);
        let time = self.clock.now().as_second().to_string();
        let signatures: Vec<String> = keys.iter().map(|key| signature(key, &id, &time, &body)).collect();
        let request = Request::post(url)
            .header("content-type", "application/json")
            .header("user-agent", "SmartStore-Webhooks/1")
            .header("webhook-id", id)
            .header("webhook-timestamp", time)
            .header("webhook-signature", signatures.join(" "))
            .body(body.into_bytes());
        request.map_err(|_| Outcome::Hopeless("the message's id cannot stand in a header".to_owned()))
    }

    fn read(&self, got: &Fetched, now: Timestamp) -> Outcome {
        let why = format!("the receiver answered {}", got.status);
        match got.status {
            200..=299 => Outcome::Sent,
            410 => Outcome::Gone(format!("{why}: it wants no more webhooks")),
            408 | 429 | 500.. => Outcome::Failed { why, retry_after: retry_after(&got.headers, now) },
            400..=499 => Outcome::Refused(why),
            _ => Outcome::Failed { why, retry_after: None },
        }
    }

    fn fetch(&self) -> &Fetch {
        &self.fetch
    }

    fn breaker(&self) -> &Breaker {
        &self.breaker
    }
}

fn key_of(secret: &SecretString) -> Option<hmac::Key> {
    let bytes = STANDARD.decode(secret.expose().trim().strip_prefix(PREFIX)?).ok()?;
    SECRET_BYTES.contains(&bytes.len()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

fn signature(key: &hmac::Key, id: &str, time: &str, body: &str) -> String {
    let tag = hmac::sign(key, format!("{id}.{time}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    fn made_up() -> String {
        format!("{PREFIX}{}", STANDARD.encode([7_u8; 32]))
    }

    #[test]
    fn signatures_are_those_of_the_published_library() {
        let oracle = standardwebhooks::Webhook::new(&made_up()).unwrap();
        let key = key_of(&secret(&made_up())).unwrap();
        for (id, body) in [("acme:ntf_1", "{}"), ("a:b.c", "{\"ñ\":\"\u{1F600}\"}"), ("a:", "")] {
            let now = Timestamp::now().as_second();
            let ours = signature(&key, id, &now.to_string(), body);
            assert_eq!(ours, oracle.sign(id, now, body.as_bytes()).unwrap());
            let mut headers = http::HeaderMap::new();
            headers.insert("webhook-id", id.parse().unwrap());
            headers.insert("webhook-timestamp", now.into());
            headers.insert("webhook-signature", format!("v1,{} {ours}", STANDARD.encode([0; 32])).parse().unwrap());
            assert!(oracle.verify(body.as_bytes(), &headers).is_ok());
            assert!(oracle.verify(format!("{body} ").as_bytes(), &headers).is_err());
        }
    }

    #[test]
    fn a_secret_is_of_its_form_or_signs_nothing() {
        assert!(key_of(&secret(&format!(" {}\n", made_up()))).is_some());
        let short = format!("{PREFIX}{}", STANDARD.encode([7_u8; 23]));
        for bad in ["", "whsec_", "whsec_$$$", "d2hhdGV2ZXI=", &short] {
            assert!(key_of(&secret(bad)).is_none(), "{bad}");
        }
    }
}
