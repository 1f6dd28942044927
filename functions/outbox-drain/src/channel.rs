//! What every way out has in common: a request made of a message, one call within bounds, and a breaker before it.

use http::{HeaderMap, Request, header};
use jiff::{Timestamp, fmt::rfc2822};
use shared::{
    fetch::{Fetch, FetchError, Fetched},
    outbox::{MessageRow, PAUSES, Verdict},
    resilience::Breaker,
    tenant::TenantScope,
};
use std::{future::Future, time::Duration};

/// How long one call may take.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer that is read.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// How long a message waits whose target cannot be used until somebody changes a setting or an account.
pub const UNUSABLE: Duration = Duration::from_secs(15 * 60);
/// How long a message waits that a setting keeps here.
pub const OFF: Duration = Duration::from_secs(3_600);

/// A way out.
pub trait Channel {
    /// What is to go out for a message, or what comes of it without.
    fn request(
        &self,
        tenant: &TenantScope,
        row: &MessageRow,
        now: Timestamp,
    ) -> impl Future<Output = Result<Request<Vec<u8>>, Outcome>> + Send;

    /// What the target's whole answer means.
    fn read(&self, got: &Fetched, now: Timestamp) -> Outcome;

    /// What sends.
    fn fetch(&self) -> &Fetch;

    /// What leaves the target alone that fails again and again.
    fn breaker(&self) -> &Breaker;
}

/// What came of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The target has taken it.
    Sent,
    /// There is nobody to send it to.
    Skipped(&'static str),
    /// The target failed: no answer, none of its form, or one of trouble.
    Failed {
        /// Why, without what was sent or to whom.
        why: String,
        /// When to come again, where it says so.
        retry_after: Option<Duration>,
    },
    /// The target refuses, and may not for ever.
    Refused(String),
    /// The target takes nothing until a person has changed a setting or an account. The message is not to blame.
    Unusable(String),
    /// A setting keeps it here: which one, and how it is set.
    Off(&'static str),
    /// Something of ours that is needed to send cannot be had at present.
    NotReady(String),
    /// The target fails and is left alone.
    Open(Duration),
    /// The target is gone.
    Gone(String),
    /// The message is never taken.
    Hopeless(String),
}

impl Outcome {
    /// What the outbox is told.
    pub fn verdict(&self) -> Verdict {
        match self.clone() {
            Self::Sent => Verdict::Sent,
            Self::Skipped(why) => Verdict::Skipped(why.to_owned()),
            Self::Failed { why, retry_after } => Verdict::Failed { why, retry_after },
            Self::Refused(why) => Verdict::Failed { why, retry_after: None },
            Self::Unusable(why) => Verdict::Waits { why, pause: UNUSABLE },
            Self::Off(why) => Verdict::Waits { why: why.to_owned(), pause: OFF },
            Self::NotReady(why) => Verdict::Waits { why, pause: PAUSES.ceiling(1) },
            // Not all at the same moment.
            Self::Open(rest) => Verdict::Waits {
                why: "the target failed too often of late and is left alone for a while".to_owned(),
                pause: rest + PAUSES.pause(1),
            },
            Self::Gone(why) | Self::Hopeless(why) => Verdict::Dead(why),
        }
    }
}

/// Sends a message through `channel`: one call, within [`TIMEOUT`] and [`MAX_ANSWER_BYTES`].
pub async fn deliver(channel: &impl Channel, tenant: &TenantScope, row: &MessageRow, now: Timestamp) -> Outcome {
    let request = match channel.request(tenant, row, now).await {
        Ok(request) => request,
        Err(outcome) => return outcome,
    };
    let pass = match channel.breaker().admit() {
        Ok(pass) => pass,
        Err(open) => return Outcome::Open(open.retry_after),
    };
    let failed = |why: String| Outcome::Failed { why, retry_after: None };
    let outcome = match channel.fetch().send(request, TIMEOUT, MAX_ANSWER_BYTES).await {
        Ok(got) => channel.read(&got, now),
        // The sentence may name the address that was called, and that is the operator's own.
        Err(FetchError::Connection(_)) => failed("the connection failed".to_owned()),
        Err(why) => failed(why.to_string()),
    };
    match &outcome {
        Outcome::Sent => pass.succeeded(),
        Outcome::Failed { .. } => pass.failed(),
        _ => pass.refused(),
    }
    outcome
}

/// When to come again (RFC 9110 §10.2.3): seconds or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let told = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = told.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let at = rfc2822::parse(told).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_says_when_to_come_again_in_seconds_or_by_a_date() {
        let now = "2026-03-01T09:00:00Z".parse().unwrap();
        let told = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(told("120"), Some(Duration::from_secs(120)));
        assert_eq!(told("Sun, 01 Mar 2026 09:02:00 GMT"), Some(Duration::from_secs(120)));
        assert_eq!(told("Sun, 01 Mar 2026 08:00:00 GMT"), Some(Duration::ZERO));
        for odd in ["-1", "soon", "1.5", "99999999999999999999"] {
            assert_eq!(told(odd), None, "{odd}");
        }
    }
}
