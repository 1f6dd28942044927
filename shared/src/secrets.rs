//! Secrets from AWS Secrets Manager: one JSON object of texts for each environment, named by `SECRET_ID`.
//!
//! The object is kept in memory for `SECRETS_TTL_SECONDS`. When the service that a secret opens refuses it, the value has
//! probably been rotated: [`Secrets::refresh_after_refusal`] fetches it anew at once, and at most once for each refused
//! value. When Secrets Manager fails, what is known serves for `SECRETS_STALE_MAX_SECONDS` more. No secret ever has a default.

use crate::{
    auth::strict_json_object,
    clock::Clock,
    config::Env,
    problem::{Problem, chain},
};
use aws_sdk_secretsmanager::{Client, error::ProvideErrorMetadata};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// How long a load may take, the client's own retries included. What is known serves after it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long Secrets Manager is left alone after it failed.
const PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// A text that no log and no answer shows: its `Debug` hides it, it has no `Display` and no `Serialize`, and its memory is
/// overwritten when it goes.
///
/// ```compile_fail,E0277
/// fn log(key: shared::secrets::SecretString) { println!("{key}"); }
/// ```
/// ```compile_fail,E0277
/// fn answer(key: shared::secrets::SecretString) { serde_json::to_string(&key); }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SecretString(Zeroizing<String>);

impl SecretString {
    /// The text, for the one who must send it on.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretString {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Why a secret cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager did not answer, or refused.
    #[error("Secrets Manager could not be read")]
    Unavailable,
    /// There is no such secret, or it may not be read.
    #[error("there is no such secret, or it may not be read")]
    NotThere,
    /// The secret is not a JSON object of texts.
    #[error("the environment's secret is not a JSON object of texts")]
    Malformed,
    /// The object has no such member.
    #[error("the environment's secret has no member {0}")]
    NoSuchKey(String),
}

impl From<SecretError> for Problem {
    fn from(error: SecretError) -> Self {
        Problem::upstream("secrets.unavailable", &error, PAUSE.as_secs() as u32)
    }
}

/// The environment's secrets; clones share what is known.
#[derive(Clone, Debug)]
pub struct Secrets(Arc<Inner>);

/// What of the environment names the secret, and for how long it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretsConfig {
    /// `SECRET_ID`, a name or an ARN.
    pub secret_id: String,
    /// `SECRETS_TTL_SECONDS`, 300 unless said.
    pub ttl: SignedDuration,
    /// `SECRETS_STALE_MAX_SECONDS`, counted from the end of `ttl`; 900 unless said.
    pub stale_max: SignedDuration,
}

impl SecretsConfig {
    /// Reads the three variables.
    pub fn from_env(env: &mut Env) -> Self {
        Self {
            secret_id: env.required("SECRET_ID"),
            ttl: SignedDuration::from_secs(env.within("SECRETS_TTL_SECONDS", 300, 1..=3600)),
            stale_max: SignedDuration::from_secs(env.within("SECRETS_STALE_MAX_SECONDS", 900, 0..=86_400)),
        }
    }
}

#[derive(Debug)]
struct Inner {
    client: Client,
    config: SecretsConfig,
    clock: Clock,
    state: RwLock<State>,
    /// Held by the request that loads.
    loading: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    values: BTreeMap<String, SecretString>,
    loaded: Option<Timestamp>,
    /// When and why the last load failed; `None` after one that did not.
    failed: Option<(Timestamp, SecretError)>,
    /// For each key the last value that was refused and proved to be the current one.
    refused: BTreeMap<String, SecretString>,
}

impl Secrets {
    /// The secrets that `config` names. Nothing is loaded yet.
    pub fn new(client: Client, config: SecretsConfig, clock: &Clock) -> Self {
        let (state, loading) = (RwLock::default(), Mutex::default());
        Self(Arc::new(Inner { client, config, clock: clock.clone(), state, loading }))
    }

    /// The secret `key`, loaded if none is known that is fresh.
    ///
    /// # Errors
    ///
    /// [`SecretError`].
    pub async fn get(&self, key: &str) -> Result<SecretString, SecretError> {
        let inner = &*self.0;
        if inner.is_fresh() {
            return inner.pick(key);
        }
        // While one request loads, the others use what is known, and wait only where nothing is.
        let turn = if inner.is_usable() { inner.loading.try_lock().ok() } else { Some(inner.loading.lock().await) };
        if turn.is_some() && !inner.is_fresh() && !inner.pauses() {
            inner.load().await;
        }
        inner.pick(key)
    }

    /// After the service behind `key` refused the value `refused`: another value if there is one by now, else `None`.
    ///
    /// Loads at most once for each refused value, however many requests were refused with it.
    ///
    /// # Errors
    ///
    /// [`SecretError`]; also where Secrets Manager does not say whether there is another value, though the refused one is known.
    pub async fn refresh_after_refusal(
        &self,
        key: &str,
        refused: &SecretString,
    ) -> Result<Option<SecretString>, SecretError> {
        let inner = &*self.0;
        let _turn = inner.loading.lock().await;
        let known = inner.is_usable() && inner.pick(key).as_ref() == Ok(refused);
        let asked_before = inner.read(|state| state.refused.get(key) == Some(refused));
        if known && !asked_before && !inner.pauses() {
            inner.load().await;
            let current = inner.pick(key);
            if inner.read(|state| state.failed.is_none()) && current.as_ref() == Ok(refused) {
                inner.change(|state| drop(state.refused.insert(key.to_owned(), refused.clone())));
            }
        }
        let current = inner.pick(key)?;
        if current != *refused {
            return Ok(Some(current));
        }
        // Whether it was changed is not known where it could not be asked for.
        match inner.read(|state| state.failed.clone()) {
            Some((_, why)) if !asked_before => Err(why),
            _ => Ok(None),
        }
    }
}

impl Inner {
    async fn load(&self) {
        let now = self.clock.now();
        // Stands if this request is given up in the middle.
        self.change(|state| state.failed = Some((now, SecretError::Unavailable)));
        let loading = self.client.get_secret_value().secret_id(&self.config.secret_id).send();
        let values = match tokio::time::timeout(PATIENCE, loading).await {
            Ok(Ok(found)) => found.secret_string().and_then(values_of).ok_or(SecretError::Malformed),
            Err(_) => Err(SecretError::Unavailable),
            Ok(Err(error)) => {
                tracing::error!(event = "secrets_not_loaded", "Secrets Manager failed: {}", chain(&error));
                let not_there = ["ResourceNotFoundException", "AccessDeniedException"];
                Err(match error.code() {
                    Some(code) if not_there.contains(&code) => SecretError::NotThere,
                    _ => SecretError::Unavailable,
                })
            }
        };
        match values {
            Ok(values) => self.change(|state| {
                (state.values, state.loaded, state.failed) = (values, Some(now), None);
            }),
            Err(why) => {
                tracing::error!(event = "secrets_not_loaded", "no secrets were loaded: {why}");
                self.change(|state| state.failed = Some((now, why)));
            }
        }
    }

    /// The member `key` of what is known and may still serve.
    fn pick(&self, key: &str) -> Result<SecretString, SecretError> {
        if !self.is_usable() {
            let why = self.read(|state| state.failed.as_ref().map(|(_, why)| why.clone()));
            return Err(why.unwrap_or(SecretError::Unavailable));
        }
        self.read(|state| state.values.get(key).cloned()).ok_or_else(|| SecretError::NoSuchKey(key.to_owned()))
    }

    fn is_fresh(&self) -> bool {
        self.within(self.config.ttl)
    }

    fn is_usable(&self) -> bool {
        self.within(self.config.ttl.saturating_add(self.config.stale_max))
    }

    /// Whether the values were loaded less than `age` ago, and not after a clock that was set back.
    fn within(&self, age: SignedDuration) -> bool {
        let (loaded, now) = (self.read(|state| state.loaded), self.clock.now());
        loaded.is_some_and(|loaded| loaded <= now && now.duration_since(loaded) < age)
    }

    fn pauses(&self) -> bool {
        let (failed, now) = (self.read(|state| state.failed.as_ref().map(|(at, _)| *at)), self.clock.now());
        failed.is_some_and(|at| at <= now && now.duration_since(at) < PAUSE)
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }
}

fn values_of(text: &str) -> Option<BTreeMap<String, SecretString>> {
    let members = strict_json_object(text.as_bytes())?;
    let secret = |value| match value {
        Value::String(text) => Some(SecretString::from(text)),
        _ => None,
    };
    members.into_iter().map(|(key, value)| Some((key, secret(value)?))).collect()
}

#[cfg(test)]
mod tests;
