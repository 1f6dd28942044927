//! Time, handed in: the system's in Lambda, one that tests and the laptop can set.

use jiff::{SignedDuration, Timestamp};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// Tells the time. Clones share it, so that moving one moves all.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    /// The system's clock.
    #[default]
    System,
    /// The system's clock, moved by so many microseconds.
    Moved(Arc<AtomicI64>),
    /// A clock that stands still, in microseconds since 1970.
    Frozen(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// The system's clock until [`Clock::advance`] moves it; what `local` runs on.
    pub fn movable() -> Self {
        Self(Source::Moved(Arc::default()))
    }

    /// A clock that shows `at` until it is set or advanced.
    pub fn frozen(at: Timestamp) -> Self {
        Self(Source::Frozen(Arc::new(AtomicI64::new(at.as_microsecond()))))
    }

    /// The time now, to the microsecond.
    pub fn now(&self) -> Timestamp {
        let micros = match &self.0 {
            Source::System => Timestamp::now().as_microsecond(),
            Source::Moved(by) => Timestamp::now().as_microsecond().saturating_add(by.load(Ordering::SeqCst)),
            Source::Frozen(at) => at.load(Ordering::SeqCst),
        };
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock by `by`, forward or back. The system's own clock cannot be moved: it stays.
    pub fn advance(&self, by: SignedDuration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        if let Source::Moved(at) | Source::Frozen(at) = &self.0 {
            at.fetch_add(micros, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_when_told_and_for_every_clone() {
        let clock = Clock::frozen("2026-03-01T09:00:00Z".parse().unwrap());
        let other = clock.clone();
        other.advance(SignedDuration::from_hours(12));
        assert_eq!(clock.now(), "2026-03-01T21:00:00Z".parse().unwrap());
    }

    #[test]
    fn the_system_clock_cannot_be_moved() {
        let clock = Clock::system();
        clock.advance(SignedDuration::from_hours(12));
        assert!(clock.now() < Timestamp::now() + SignedDuration::from_hours(1));
    }
}
