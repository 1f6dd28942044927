//! Sending traces: one post for each, bounded, and left alone for a while after a failure.

use super::config::Config;
use crate::{fetch::Fetch, telemetry::Service};
use http::{Request, header};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// The longest that a request waits for the collector, connecting included.
pub(crate) const LIMIT: Duration = Duration::from_millis(500);
/// How long the collector is left alone after it failed. Then one trace tries, and if it arrives, all go again.
const PAUSE: Duration = Duration::from_secs(30);
/// How often a failure is told.
const TOLD_EVERY: Duration = Duration::from_secs(60);
/// The largest answer that a collector may give.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Where traces go.
#[derive(Debug)]
pub(crate) struct Exporter {
    service: Service,
    config: Config,
    fetch: Fetch,
    begun: Instant,
    /// Until when nothing is sent, and until when no failure is told: milliseconds since `begun`.
    paused_until: AtomicU64,
    silent_until: AtomicU64,
}

impl Exporter {
    pub(crate) fn new(service: Service, config: Config) -> Self {
        let fetch = Fetch::anywhere();
        let (paused_until, silent_until) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { service, config, fetch, begun: Instant::now(), paused_until, silent_until }
    }

    pub(crate) fn service(&self) -> &Service {
        &self.service
    }

    pub(crate) fn ratio(&self) -> f64 {
        self.config.ratio
    }

    /// Whether the collector is left alone. After the pause the first to ask hears no, and the others yes until it is known how that one
    /// fared.
    pub(crate) fn pauses(&self) -> bool {
        let (now, until) = (self.now(), self.paused_until.load(Ordering::Relaxed));
        if until == 0 {
            return false;
        }
        let next = now + as_ms(PAUSE);
        let won = || self.paused_until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        now < until || !won()
    }

    /// Sends one trace. What goes wrong is told in the log, at most once a minute, and costs nothing but the trace.
    pub(crate) async fn send(&self, body: Vec<u8>) {
        let mut request = Request::post(&self.config.url).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in &self.config.headers {
            request = request.header(name, value);
        }
        let Ok(request) = request.body(body) else { return };
        let why = match self.fetch.send(request, LIMIT, MAX_ANSWER_BYTES).await {
            Ok(answer) if (200..300).contains(&answer.status) => {
                self.paused_until.store(0, Ordering::Relaxed);
                return;
            }
            Ok(answer) => format!("it answered {}", answer.status),
            Err(error) => error.to_string(),
        };
        let now = self.now();
        self.paused_until.store(now + as_ms(PAUSE), Ordering::Relaxed);
        let silent = self.silent_until.load(Ordering::Relaxed);
        let next = now + as_ms(TOLD_EVERY);
        if now >= silent
            && self.silent_until.compare_exchange(silent, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            tracing::warn!(event = "trace_not_exported", "the collector of traces is left alone for a while: {why}");
        }
    }

    /// Milliseconds since this exporter was made.
    fn now(&self) -> u64 {
        as_ms(self.begun.elapsed())
    }

    /// As if the pause, or what is left of it, had gone by.
    #[cfg(test)]
    pub(crate) fn skip_pause(&self) {
        self.paused_until.fetch_min(self.now().max(1), Ordering::Relaxed);
    }
}

fn as_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
