//! The providers of models, and how a turn is taken whichever it is.
//!
//! | what comes | tried again | counts against the provider | told as |
//! | --- | --- | --- | --- |
//! | 200 and a whole reply | | no | a [`Reply`] |
//! | 200 and a reply that was stopped early | no | no | [`Fault::Stopped`] |
//! | 200 and anything else: empty, HTML, foreign JSON, too large | no | yes | [`Fault::Form`] |
//! | 401, 403 | once, with a key that was fetched anew | no | [`Fault::Key`] |
//! | 429, 529 | after what `retry-after` asks, if the time allows | yes | [`Fault::Busy`] |
//! | 408, 409, 424, 5xx, a connection that fails or is cut | with jitter | yes | [`Fault::Failed`] |
//! | any other status | no | no | [`Fault::Refused`] |
//! | nothing in time | no | yes, if it had a second | [`Fault::Timeout`] |
//!
//! Nothing that was asked or answered is ever logged or put into a fault, nor are a provider's own sentences, which quote keys
//! and prompts: only its names for what went wrong.

use super::{Fault, Reply, Turn, anthropic, bedrock, openai};
use crate::config::{Answering, Provider, is_openai};
use http::Request;
use shared::{
    aws::Aws,
    clock::Clock,
    fetch::{Fetch, FetchError, Fetched},
    resilience::{Backoff, Breaker, Budget, Pass, Tries},
    secrets::{SecretError, SecretString, Secrets, SecretsConfig},
};
use std::time::Duration;

/// Tries after the first.
const RETRIES: u32 = 2;
/// Whoever had less time than this and did not answer has not failed.
const FAIR: Duration = Duration::from_secs(1);
/// The largest reply that is read: some hundred times what the most tokens that may be written come to.
const MAX_REPLY_BYTES: usize = 1024 * 1024;

/// A model that can be asked. Clones share connections, key and what is known of the provider's health.
#[derive(Clone, Debug)]
pub struct Model {
    wire: Wire,
    /// The name under which the key is kept; `None` where there is none to send.
    key: Option<Key>,
    fetch: Fetch,
    breaker: Breaker,
    clock: Clock,
}

/// Who is asked, in whose format.
#[derive(Clone, Debug)]
enum Wire {
    Anthropic(anthropic::Anthropic),
    OpenAi(openai::OpenAi),
    Bedrock(bedrock::Bedrock),
}

#[derive(Clone, Debug)]
struct Key {
    secrets: Secrets,
    name: &'static str,
    /// Whether the provider may be asked without one, as a server of one's own.
    optional: bool,
}

impl Model {
    /// The model that the settings name; `None` where answers are written without one.
    ///
    /// `secrets` says where keys are kept; Bedrock needs none, and neither does an OpenAI-compatible server of one's own.
    pub fn from_config(
        answering: &Answering,
        secrets: Option<&SecretsConfig>,
        aws: &Aws,
        clock: &Clock,
    ) -> Option<Self> {
        let (model, url) = (answering.model.clone(), answering.url.clone());
        let (wire, key) = match answering.provider {
            Provider::Extractive => return None,
            Provider::Anthropic => {
                let wire = anthropic::Anthropic::new(model, url);
                (Wire::Anthropic(wire), Some(("ANTHROPIC_API_KEY", false)))
            }
            Provider::OpenAi => {
                let optional = !is_openai(url.as_deref());
                (Wire::OpenAi(openai::OpenAi::new(model, url)), Some(("OPENAI_API_KEY", optional)))
            }
            Provider::Bedrock => (Wire::Bedrock(bedrock::Bedrock::new(model, url, aws)), None),
        };
        let key = key.zip(secrets).map(|((name, optional), config)| {
            let secrets = Secrets::new(aws.secrets_manager(), config.clone(), clock);
            Key { secrets, name, optional }
        });
        let breaker = Breaker::new("model", clock);
        Some(Self { wire, key, fetch: Fetch::anywhere(), breaker, clock: clock.clone() })
    }

    /// Takes a turn: asks the provider, again where that may help, and gives its reply once it is whole.
    ///
    /// # Errors
    ///
    /// [`Fault`], within `turn.time`.
    pub async fn take(&self, turn: Turn<'_>) -> Result<Reply, Fault> {
        let taking = self.try_until(Budget::of(turn.time), turn);
        // Why there is no reply is logged where it is decided what goes out instead.
        tokio::time::timeout(turn.time, taking).await.unwrap_or(Err(Fault::Timeout))
    }

    async fn try_until(&self, budget: Budget, turn: Turn<'_>) -> Result<Reply, Fault> {
        let body = match &self.wire {
            Wire::Anthropic(wire) => wire.body(turn),
            Wire::OpenAi(wire) => wire.body(turn),
            Wire::Bedrock(_) => bedrock::body(turn),
        }
        .to_string()
        .into_bytes();
        let mut key = self.key().await?;
        let (mut refreshed, mut before) = (false, None);
        let mut tries = Tries::new(RETRIES, Backoff::REMOTE);
        loop {
            // What cannot be sent is this side's fault, and no failure of the provider's.
            let request = self.request(&body, key.as_ref()).await?;
            let pass = match self.breaker.admit() {
                Ok(pass) => pass,
                // What a first try met says more than that there is no second one.
                Err(open) => return Err(before.unwrap_or(Fault::Resting { retry_after: open.retry_after })),
            };
            let time = budget.left();
            let fault = match self.fetch.send(request, time, MAX_REPLY_BYTES).await {
                Ok(got) => match self.read(&got) {
                    Ok(reply) => {
                        pass.succeeded();
                        return Ok(reply);
                    }
                    Err(fault) => fault,
                },
                Err(FetchError::Timeout(_)) => Fault::Timeout,
                Err(FetchError::TooLarge(most)) => Fault::Form(format!("it is larger than {most} bytes")),
                Err(why) => Fault::Failed(why.to_string()),
            };
            match fault {
                Fault::Timeout if time < FAIR => pass.learnt_nothing(),
                _ => settle(pass, &fault),
            }
            match &fault {
                Fault::Key if !refreshed => {
                    refreshed = true;
                    let Some(another) = self.another_key(key.as_ref()).await? else { return Err(fault) };
                    key = Some(another);
                }
                Fault::Busy { retry_after } if tries.again(*retry_after, budget).await => {}
                Fault::Failed(_) if tries.again(None, budget).await => {}
                _ => return Err(fault),
            }
            before = Some(fault);
        }
    }

    async fn request(&self, body: &[u8], key: Option<&SecretString>) -> Result<Request<Vec<u8>>, Fault> {
        let body = body.to_vec();
        match &self.wire {
            Wire::Anthropic(wire) => wire.request(body, key),
            Wire::OpenAi(wire) => wire.request(body, key),
            Wire::Bedrock(wire) => wire.request(body, self.clock.now()).await,
        }
    }

    fn read(&self, got: &Fetched) -> Result<Reply, Fault> {
        let now = self.clock.now();
        match &self.wire {
            Wire::Anthropic(_) => anthropic::read(got, now),
            Wire::OpenAi(_) => openai::read(got, now),
            Wire::Bedrock(_) => bedrock::read(got, now),
        }
    }

    async fn key(&self) -> Result<Option<SecretString>, Fault> {
        let Some(key) = &self.key else { return Ok(None) };
        match key.secrets.get(key.name).await {
            Ok(secret) if is_key(&secret) => Ok(Some(secret)),
            Ok(secret) if !secret.expose().trim().is_empty() => {
                Err(Fault::Failed(format!("the secret {} is no key: no header may carry its characters", key.name)))
            }
            Ok(_) | Err(SecretError::NoSuchKey(_)) if key.optional => Ok(None),
            Ok(_) => Err(Fault::Failed(format!("the secret {} is empty", key.name))),
            Err(why) => Err(Fault::Failed(why.to_string())),
        }
    }

    /// Another key than the one that was refused, where there is one by now.
    async fn another_key(&self, refused: Option<&SecretString>) -> Result<Option<SecretString>, Fault> {
        let (Some(key), Some(refused)) = (&self.key, refused) else { return Ok(None) };
        // Where Secrets Manager fails as well, the refusal is what is known of the provider.
        Ok(key.secrets.refresh_after_refusal(key.name, refused).await.unwrap_or(None))
    }
}

/// Whether a secret can be sent, without the space around it that copying leaves.
fn is_key(secret: &SecretString) -> bool {
    let key = secret.expose().trim();
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Tells the breaker how a call ended.
fn settle(pass: Pass, fault: &Fault) {
    match fault {
        Fault::Stopped(_) => pass.succeeded(),
        Fault::Key | Fault::Refused(_) | Fault::Resting { .. } => pass.refused(),
        Fault::Timeout | Fault::Busy { .. } | Fault::Failed(_) | Fault::Form(_) => pass.failed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_have_space_around_it_and_none_within() {
        let is_key = |text: &str| is_key(&SecretString::from(text.to_owned()));
        for good in ["sk-1", "sk-1\n", " sk-1\r\n"] {
            assert!(is_key(good), "{good:?}");
        }
        for bad in ["", " \n", "sk-1\nsk-2", "sk 1", "schlüssel", "sk\u{0}"] {
            assert!(!is_key(bad), "{bad:?}");
        }
    }
}
