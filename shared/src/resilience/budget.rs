//! What is left of a deadline.

use std::time::Duration;
use tokio::time::Instant;

/// A moment by which something must be over, on tokio's clock, so that tests can let time pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    end: Instant,
}

impl Budget {
    /// `time` from now.
    pub fn of(time: Duration) -> Self {
        let now = Instant::now();
        // A time past all calendars is as good as a year.
        let year = Duration::from_secs(365 * 86_400);
        Self { end: now.checked_add(time).unwrap_or(now + year) }
    }

    /// What is left; zero once it is over.
    pub fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// What a call may take that by itself is given `most`.
    pub fn at_most(&self, most: Duration) -> Duration {
        self.left().min(most)
    }

    /// Whether a pause of `time` leaves something of it.
    pub fn outlasts(&self, time: Duration) -> bool {
        time < self.left()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_budget_shrinks_with_time_and_never_below_nothing() {
        let budget = Budget::of(Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(budget.left(), Duration::from_secs(6));
        assert_eq!(budget.at_most(Duration::from_secs(2)), Duration::from_secs(2));
        assert_eq!(budget.at_most(Duration::from_secs(20)), Duration::from_secs(6));
        assert!(budget.outlasts(Duration::from_secs(5)) && !budget.outlasts(Duration::from_secs(6)));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(budget.left(), Duration::ZERO);
        assert!(!budget.outlasts(Duration::ZERO));
    }

    #[tokio::test]
    async fn a_time_past_all_calendars_is_only_a_long_one() {
        assert!(Budget::of(Duration::MAX).left() > Duration::from_secs(86_400));
    }
}
