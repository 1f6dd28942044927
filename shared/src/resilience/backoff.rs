//! Pauses between tries.

use super::Budget;
use std::time::Duration;

/// Pauses with full jitter: evenly between nothing and a ceiling that doubles with each try.
///
/// Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog (2015).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The ceiling before the second try.
    pub first: Duration,
    /// The highest ceiling.
    pub most: Duration,
}

impl Backoff {
    /// For another machine's service: up to 100 ms, then 200 ms, at most 2 s.
    pub const REMOTE: Self = Self { first: Duration::from_millis(100), most: Duration::from_secs(2) };

    /// The ceiling of the pause after the failed try number `tried`, counted from 0.
    pub fn ceiling(&self, tried: u32) -> Duration {
        let factor = 1_u32.checked_shl(tried).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.most)
    }

    /// The pause after the failed try number `tried`, counted from 0.
    pub fn pause(&self, tried: u32) -> Duration {
        let mut random = [0; 8];
        // Without the system's randomness the pause is the shortest, which is no reason to fail.
        let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut random);
        let micros = u64::try_from(self.ceiling(tried).as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(u64::from_le_bytes(random) % micros)
    }
}

/// The tries of one call: how many are left, and the pauses between them.
#[derive(Debug)]
pub struct Tries {
    left: u32,
    tried: u32,
    backoff: Backoff,
}

impl Tries {
    /// `retries` tries after the first.
    pub fn new(retries: u32, backoff: Backoff) -> Self {
        Self { left: retries, tried: 0, backoff }
    }

    /// Pauses before the next try; `false` at once where there is none, or no time for it within `budget`.
    ///
    /// The pause is at least `told`, what the callee asked for.
    pub async fn again(&mut self, told: Option<Duration>, budget: Budget) -> bool {
        let pause = told.unwrap_or_default().saturating_add(self.backoff.pause(self.tried));
        if self.left == 0 || !budget.outlasts(pause) {
            return false;
        }
        (self.left, self.tried) = (self.left - 1, self.tried + 1);
        tokio::time::sleep(pause).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[test]
    fn the_ceiling_doubles_up_to_the_highest() {
        let backoff = Backoff { first: Duration::from_millis(25), most: Duration::from_millis(1_600) };
        let ceilings: Vec<_> = [0, 1, 5, 6, 7, 40].map(|tried| backoff.ceiling(tried).as_millis()).into();
        assert_eq!(ceilings, [25, 50, 800, 1_600, 1_600, 1_600]);
    }

    #[test]
    fn pauses_spread_over_the_whole_range() {
        let pauses: Vec<_> = (0..500).map(|_| Backoff::REMOTE.pause(1)).collect();
        let ceiling = Backoff::REMOTE.ceiling(1);
        assert!(pauses.iter().all(|pause| *pause < ceiling));
        for quarter in 0..4 {
            let range = ceiling * quarter / 4..ceiling * (quarter + 1) / 4;
            assert!(pauses.iter().filter(|pause| range.contains(*pause)).count() > 50, "{range:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_as_many_tries_as_were_given_and_no_more() {
        let mut tries = Tries::new(2, Backoff::REMOTE);
        let budget = Budget::of(Duration::from_secs(60));
        assert!(tries.again(None, budget).await && tries.again(None, budget).await);
        assert!(!tries.again(None, budget).await);
        assert!(!Tries::new(0, Backoff::REMOTE).again(None, budget).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_as_long_as_was_asked_for_or_it_is_none() {
        let (began, budget) = (Instant::now(), Budget::of(Duration::from_secs(10)));
        assert!(Tries::new(1, Backoff::REMOTE).again(Some(Duration::from_secs(4)), budget).await);
        assert!(began.elapsed() >= Duration::from_secs(4));
        let began = Instant::now();
        assert!(!Tries::new(1, Backoff::REMOTE).again(Some(Duration::from_secs(6)), budget).await);
        assert!(!Tries::new(1, Backoff::REMOTE).again(Some(Duration::MAX), budget).await);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
