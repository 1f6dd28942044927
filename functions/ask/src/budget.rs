//! One deadline for everything that an answer takes.
//!
//! Retrieval and writing share it: each try at retrieval ends early enough to leave the reserve for writing, and writing ends
//! early enough for the answer that needs no model to go out instead. Time is tokio's, so that tests can let it pass.

use std::time::Duration;
use tokio::time::Instant;

/// What is kept for sending what there is, when writing took too long.
const LAST: Duration = Duration::from_millis(250);

/// What is left of a request's time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    begun: Instant,
    end: Instant,
    reserve: Duration,
}

impl Budget {
    /// `time` from now, of which retrieval leaves `reserve`, though never more than half.
    pub(crate) fn new(time: Duration, reserve: Duration) -> Self {
        let begun = Instant::now();
        Self { begun, end: begun + time, reserve: reserve.min(time / 2) }
    }

    /// What retrieval may take from now on, all its tries together.
    pub(crate) fn for_retrieval(&self) -> Duration {
        self.left().saturating_sub(self.reserve)
    }

    /// What writing may take from now on, all its turns together.
    pub(crate) fn for_writing(&self) -> Duration {
        self.left().saturating_sub(LAST.min((self.end - self.begun) / 10))
    }

    /// What one look-up of a model's tool may take from now on: half, so that the model can still say that there was none.
    pub(crate) fn for_lookup(&self) -> Duration {
        self.for_writing() / 2
    }

    fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn retrieval_leaves_the_reserve_and_writing_leaves_time_to_send() {
        let budget = Budget::new(Duration::from_secs(25), Duration::from_secs(5));
        assert_eq!(budget.for_retrieval(), Duration::from_secs(20));
        assert_eq!(budget.for_writing(), Duration::from_millis(24_750));
        assert_eq!(budget.for_lookup(), Duration::from_millis(12_375));
        tokio::time::advance(Duration::from_secs(21)).await;
        assert_eq!(budget.for_retrieval(), Duration::ZERO);
        assert_eq!(budget.for_writing(), Duration::from_millis(3_750));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(budget.for_writing(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_deadline_leaves_something_for_each() {
        let budget = Budget::new(Duration::from_secs(1), Duration::from_secs(5));
        assert_eq!(budget.for_retrieval(), Duration::from_millis(500));
        assert_eq!(budget.for_writing(), Duration::from_millis(900));
    }
}
