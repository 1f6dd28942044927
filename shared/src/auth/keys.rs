//! The issuer's published keys, fetched when needed and kept as long as its `Cache-Control` says.
//!
//! Keys change every few days, tokens come every moment, and the key URL is somebody else's: so it is asked seldom, by one
//! request at a time, and known keys outlive an outage.
//!
//! | when | then |
//! | --- | --- |
//! | the key is known and fresh | it is used, without a lock that anyone waits for |
//! | it is known, and older than `max-age` | one request fetches; the others meanwhile use what is known |
//! | it is unknown | one request fetches and the others wait, at most once in [`FETCH_EVERY`] |
//! | the URL fails | keys serve for [`STALE_FOR`] past their `max-age`; then 503, not 401: nobody was found at fault |

use super::key::{BadKeySet, KeySet, PublicKey};
use crate::{
    clock::Clock,
    fetch::{Fetch, FetchError, Transport},
};
use http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};
use std::{
    sync::{Arc, RwLock},
    time::Duration,
};
use tokio::sync::Mutex;

/// Where Firebase publishes the keys of its ID tokens.
pub const FIREBASE_KEYS_URL: &str =
    "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com";

/// The least time between two fetches of one instance, whatever comes in and however they end.
pub const FETCH_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// How long keys serve past their `max-age` when the key URL fails. Long enough for an outage to be noticed and mended; short
/// against the days for which Firebase keeps a retired key published.
pub const STALE_FOR: SignedDuration = SignedDuration::from_hours(24);

/// `max-age` is held within these bounds, in seconds, and is an hour where the answer does not say.
const MAX_AGE: std::ops::RangeInclusive<i64> = 60..=86_400;
const MAX_AGE_UNSAID: i64 = 3_600;
/// Firebase answers with some 3 KiB.
const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
const TIMEOUT: Duration = Duration::from_secs(3);

/// The keys that tokens are checked with; clones share them.
#[derive(Clone, Debug)]
pub struct Keys(Arc<Source>);

#[derive(Debug)]
enum Source {
    Fixed(KeySet),
    Published(Published),
}

#[derive(Debug)]
struct Published {
    url: String,
    fetch: Fetch,
    clock: Clock,
    state: RwLock<State>,
    /// Held by the request that fetches.
    fetching: Mutex<()>,
}

#[derive(Clone, Debug, Default)]
struct State {
    keys: Arc<KeySet>,
    /// From when until when the keys are fresh; `None` before the first.
    fresh: Option<(Timestamp, Timestamp)>,
    last_try: Option<Timestamp>,
    /// Whether the last try brought nothing; true also while it runs, and when its request was given up.
    failed: bool,
}

/// Why there is no key to check a token with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoKey {
    /// The issuer publishes no such key.
    Unknown,
    /// The key URL fails, so nobody can say; it is asked again after so many seconds.
    Unavailable {
        /// Seconds, 1 to 60.
        retry_after_s: u32,
    },
}

/// A key URL that may not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key URL must be https, or http on this machine's loopback, without user name")]
pub struct BadKeyUrl;

#[derive(Debug, thiserror::Error)]
enum FetchFault {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the key URL answered {0}")]
    Status(u16),
    #[error(transparent)]
    Document(#[from] BadKeySet),
}

impl Keys {
    /// Keys that never change.
    pub fn fixed(keys: KeySet) -> Self {
        Self(Arc::new(Source::Fixed(keys)))
    }

    /// The keys published at `url` in Firebase's form, a JSON object from `kid` to certificate. Nothing is fetched yet.
    ///
    /// # Errors
    ///
    /// [`BadKeyUrl`]: who can change an answer on its way would sign tokens, so plain HTTP stays on this machine.
    pub fn published_at(url: &str, clock: &Clock) -> Result<Self, BadKeyUrl> {
        let fetch = match url.parse().ok().as_ref().and_then(Transport::of) {
            Some(Transport::Tls) => Fetch::default(),
            Some(Transport::Loopback) => Fetch::plain(),
            None => return Err(BadKeyUrl),
        };
        let (url, clock) = (url.to_owned(), clock.clone());
        Ok(Self(Arc::new(Source::Published(Published {
            url,
            fetch,
            clock,
            state: RwLock::default(),
            fetching: Mutex::default(),
        }))))
    }

    /// The key named `kid`, fetched if it must be.
    ///
    /// # Errors
    ///
    /// [`NoKey`].
    pub async fn find(&self, kid: &str) -> Result<Arc<PublicKey>, NoKey> {
        match &*self.0 {
            Source::Fixed(keys) => keys.get(kid).cloned().ok_or(NoKey::Unknown),
            Source::Published(published) => published.find(kid).await,
        }
    }
}

impl Published {
    async fn find(&self, kid: &str) -> Result<Arc<PublicKey>, NoKey> {
        let state = self.state();
        let known = state.usable(self.clock.now()).and_then(|keys| keys.get(kid));
        if let Some(key) = known {
            if state.is_fresh(self.clock.now()) {
                return Ok(key.clone());
            }
            let Ok(_turn) = self.fetching.try_lock() else { return Ok(key.clone()) };
            self.refresh().await;
        } else {
            let _turn = self.fetching.lock().await;
            self.refresh().await;
        }
        let (state, now) = (self.state(), self.clock.now());
        match state.usable(now).and_then(|keys| keys.get(kid)) {
            Some(key) => Ok(key.clone()),
            None if state.failed => Err(NoKey::Unavailable { retry_after_s: state.seconds_to_next_try(now).max(1) }),
            None => Err(NoKey::Unknown),
        }
    }

    /// Fetches unless it is too early, as it is right after another request has. The caller holds `fetching`.
    async fn refresh(&self) {
        let now = self.clock.now();
        if self.state().seconds_to_next_try(now) > 0 {
            return;
        }
        self.change(|state| (state.last_try, state.failed) = (Some(now), true));
        match self.fetch().await {
            Ok((keys, max_age)) => self.change(|state| {
                (state.keys, state.failed) = (Arc::new(keys), false);
                state.fresh = Some((now, now.saturating_add(max_age).unwrap_or(Timestamp::MAX)));
            }),
            Err(fault) => {
                tracing::warn!(event = "auth_keys_not_fetched", "the issuer's keys could not be fetched: {fault}")
            }
        }
    }

    async fn fetch(&self) -> Result<(KeySet, SignedDuration), FetchFault> {
        let answer = self.fetch.get(&self.url, TIMEOUT, MAX_DOCUMENT_BYTES).await?;
        if answer.status != 200 {
            return Err(FetchFault::Status(answer.status));
        }
        Ok((KeySet::from_x509(&answer.body)?, max_age(&answer.headers)))
    }

    fn state(&self) -> State {
        self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl State {
    /// The keys, while they may be used at all.
    fn usable(&self, now: Timestamp) -> Option<&KeySet> {
        let (_, until) = self.fresh?;
        let until = until.saturating_add(STALE_FOR).unwrap_or(Timestamp::MAX);
        (now < until).then_some(&*self.keys)
    }

    /// Whether the keys need no refresh. A clock that was set back before the fetch makes them old.
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.fresh.is_some_and(|(from, until)| from <= now && now < until)
    }

    /// 0 when a fetch is allowed. A clock that was set back does not hold the next one up.
    fn seconds_to_next_try(&self, now: Timestamp) -> u32 {
        let Some(last) = self.last_try.filter(|last| *last <= now) else { return 0 };
        let wait = FETCH_EVERY - now.duration_since(last);
        let rounded_up = wait.as_secs() + i64::from(wait.subsec_nanos() > 0);
        u32::try_from(rounded_up).unwrap_or(0)
    }
}

/// How long an answer stays fresh (RFC 9111 §4.2): `max-age` less `Age`, within [`MAX_AGE`].
fn max_age(headers: &HeaderMap) -> SignedDuration {
    let lines = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
    let directives: Vec<String> =
        lines.flat_map(|line| line.split(',')).map(|word| word.trim().to_ascii_lowercase()).collect();
    let said = directives.iter().find_map(|word| word.strip_prefix("max-age=")?.trim_matches('"').parse().ok());
    let forbidden = directives.iter().any(|word| word == "no-store" || word == "no-cache");
    let age = headers.get(header::AGE).and_then(|age| age.to_str().ok()?.parse().ok()).unwrap_or(0_i64).max(0);
    let seconds = if forbidden { 0 } else { said.unwrap_or(MAX_AGE_UNSAID).saturating_sub(age) };
    SignedDuration::from_secs(seconds.clamp(*MAX_AGE.start(), *MAX_AGE.end()))
}

#[cfg(test)]
mod tests;
