//! How long a notice can be appealed.

use crate::config::Env;
use jiff::{SignedDuration, Timestamp};

/// Days of 24 hours from the notice in which it can be appealed: `APPEAL_WINDOW_DAYS`, 184 unless said, which are the longest six
/// months of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppealWindow(u32);

impl AppealWindow {
    /// As the environment says.
    pub fn from_env(env: &mut Env) -> Self {
        Self(env.within("APPEAL_WINDOW_DAYS", 184, 1..=3_650))
    }

    /// The last moment at which a notice of `told` can be appealed.
    pub fn closes(self, told: Timestamp) -> Timestamp {
        told.checked_add(SignedDuration::from_hours(i64::from(self.0) * 24)).unwrap_or(Timestamp::MAX)
    }

    /// Whether a notice of `told` can be appealed at `now`.
    pub fn is_open(self, told: Timestamp, now: Timestamp) -> bool {
        now <= self.closes(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_open_at_its_last_moment_and_no_longer() {
        let window = AppealWindow::from_env(&mut [("APPEAL_WINDOW_DAYS", "")].into_iter().collect());
        let told: Timestamp = "2026-03-01T09:00:00Z".parse().unwrap();
        assert_eq!(window.closes(told), "2026-09-01T09:00:00Z".parse().unwrap());
        assert!(window.is_open(told, "2026-09-01T09:00:00Z".parse().unwrap()));
        assert!(!window.is_open(told, "2026-09-01T09:00:00.000001Z".parse().unwrap()));
    }
}
