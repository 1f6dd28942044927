//! The limit: at most one notice of a category to a person in twelve hours.
//!
//! One item for each person and category remembers the last notice. A notice is told by a transaction that moves this item to
//! now, on condition that it stands at least [`WINDOW`] back. Writes of one item come one after the other, so accepted ones form a
//! sequence, and each is at least a window after the one before: hence any two are. That is what an exclusion constraint over
//! half-open ranges holds, without its deadlocks.
//!
//! The window is by stamps: each instance stamps by its own clock, and two clocks that differ shorten or lengthen it by their
//! difference. Nothing here relies on an item's expiry, and no read that may be behind decides.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long after a notice none of its category is told to the same person. At its last moment one is.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(12);

/// The last notice of a category to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// When it was told, in microseconds since 1970: numbers compare by time, which texts of RFC 3339 do not.
    pub last_at_us: i64,
    /// The notice.
    pub last_id: String,
    /// What it was told for: [`super::Origin`].
    pub last_origin: String,
}

/// Whether a notice may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Free,
    /// Not before this time.
    Until(Timestamp),
    /// It has been told: the last notice is the one for this very origin.
    Told,
}

impl Last {
    /// That `id` is told for `origin` at `now`.
    pub fn at(now: Timestamp, id: &str, origin: &str) -> Self {
        Self { last_at_us: now.as_microsecond(), last_id: id.to_owned(), last_origin: origin.to_owned() }
    }

    /// When the next may be told.
    pub fn until(&self) -> Timestamp {
        let last = Timestamp::from_microsecond(self.last_at_us).unwrap_or(Timestamp::MAX);
        last.checked_add(WINDOW).unwrap_or(Timestamp::MAX)
    }
}

/// Whether a notice for `origin` may be told at `now`, after `last`.
pub fn verdict(last: Option<&Last>, origin: &str, now: Timestamp) -> Verdict {
    match last {
        None => Verdict::Free,
        Some(last) if last.last_origin == origin => Verdict::Told,
        Some(last) if last.until() <= now => Verdict::Free,
        Some(last) => Verdict::Until(last.until()),
    }
}

/// The latest stamp after which a notice may be told at `now`, as the condition of the write compares it.
pub(super) fn latest_us(now: Timestamp) -> i64 {
    now.checked_sub(WINDOW).unwrap_or(Timestamp::MIN).as_microsecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_window_holds_for_its_last_microsecond_and_no_longer() {
        let last = Last::at(at("2026-03-01T09:00:00Z"), "ntf_1", "a");
        let verdict = |now: &str| verdict(Some(&last), "b", at(now));
        let until = Verdict::Until(at("2026-03-01T21:00:00Z"));
        assert_eq!(verdict("2026-03-01T09:00:00Z"), until);
        assert_eq!(verdict("2026-03-01T20:59:59Z"), until);
        assert_eq!(verdict("2026-03-01T20:59:59.999999Z"), until);
        assert_eq!(verdict("2026-03-01T21:00:00Z"), Verdict::Free);
    }

    #[test]
    fn the_condition_of_the_write_says_what_the_verdict_says() {
        let last = Last::at(at("2026-03-01T09:00:00Z"), "ntf_1", "a");
        for now in ["2026-03-01T20:59:59.999999Z", "2026-03-01T21:00:00Z", "2026-03-01T21:00:00.000001Z"] {
            let free = verdict(Some(&last), "b", at(now)) == Verdict::Free;
            assert_eq!(last.last_at_us <= latest_us(at(now)), free, "{now}");
        }
    }

    #[test]
    fn summer_time_moves_nothing() {
        for day in ["2026-03-29T00:30:00Z", "2026-10-25T00:30:00Z"] {
            let last = Last::at(at(day), "ntf_1", "a");
            assert_eq!(last.until().duration_since(at(day)), WINDOW);
        }
    }

    #[test]
    fn what_was_told_is_not_told_again_and_a_clock_behind_stays_limited() {
        let last = Last::at(at("2026-03-01T09:00:00Z"), "ntf_1", "a");
        assert_eq!(verdict(Some(&last), "a", at("2026-03-03T09:00:00Z")), Verdict::Told);
        assert_eq!(verdict(Some(&last), "b", at("2026-02-01T09:00:00Z")), Verdict::Until(last.until()));
        assert_eq!(verdict(None, "a", at("2026-03-01T09:00:00Z")), Verdict::Free);
    }
}
