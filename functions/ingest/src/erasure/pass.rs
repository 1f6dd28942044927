//! How far an erasure has come, and when it is over.
//!
//! Refused events are gone through first and events last, so that one that is taken in after all meanwhile is found there. Each pass
//! begins anew until it finds nothing; what came in behind it goes too, and what a crash left behind.
//!
//! A store may hide for a moment what it has acknowledged. So the last pass over the events begins no sooner than that moment after one over
//! the refused events found nothing: then what had been acknowledged before, and what had been taken in after all, is to be seen. The
//! first pass over the events does not wait, since it finds most of them, and after it the refused ones are looked at again.

use event_store::Position;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use shared::table::Place;
use std::time::Duration;

/// How far an erasure has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pass {
    at: At,
    /// Since when passes over the refused events have found none.
    quiet: Option<Timestamp>,
    /// Whether the events were gone through once.
    again: bool,
}

/// Where it stands: after a place among what it goes through, and whether this pass has found any.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum At {
    Refused(Option<Place>, bool),
    /// Before the events.
    Rest,
    /// Among the events, and whether the store hides nothing from this pass that was there before the refused events were none.
    Events(Option<Position>, bool, bool),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Looking at refused events after a place: [`Pass::refused`].
    Refused(Option<Place>),
    /// Waiting so long, perhaps not at all: [`Pass::rested`].
    Rest(Duration),
    /// Looking at events after a place: [`Pass::events`].
    Events(Option<Position>),
}

impl Pass {
    /// From the beginning.
    pub(crate) fn new() -> Self {
        Self { at: At::Refused(None, false), quiet: None, again: false }
    }

    /// To be gone on with by another call, whose clock may be another one: what was waited for before shows it nothing.
    pub(crate) fn resumed(self) -> Self {
        let at = match self.at {
            At::Rest => At::Refused(None, false),
            at => at,
        };
        Self { at, quiet: None, ..self }
    }

    /// What is to be done at `now`, in a store that settles within so long.
    pub(crate) fn step(&self, settles: Duration, now: Timestamp) -> Step {
        match &self.at {
            At::Refused(after, _) => Step::Refused(after.clone()),
            At::Rest if self.again => Step::Rest(self.left(settles, now)),
            At::Rest => Step::Rest(Duration::ZERO),
            At::Events(after, ..) => Step::Events(after.clone()),
        }
    }

    /// How long the store may still hide something.
    fn left(&self, settles: Duration, now: Timestamp) -> Duration {
        let passed = self.quiet.map_or(SignedDuration::ZERO, |quiet| now.duration_since(quiet));
        // A clock that was set back has shown nothing.
        settles.saturating_sub(Duration::try_from(passed).unwrap_or_default())
    }

    /// A page of refused events was gone through at `now`: where the next one begins, and whether there were any.
    pub(crate) fn refused(&mut self, next: Option<Place>, some: bool, now: Timestamp) {
        let At::Refused(_, found) = self.at else { return };
        let found = found || some;
        if found {
            self.quiet = None;
        }
        self.at = match next {
            Some(next) => At::Refused(Some(next), found),
            None if found => At::Refused(None, false),
            None => {
                self.quiet = self.quiet.or(Some(now));
                At::Rest
            }
        };
    }

    /// What was to be waited for is over at `now`.
    pub(crate) fn rested(&mut self, settles: Duration, now: Timestamp) {
        self.at = At::Events(None, false, self.left(settles, now).is_zero());
    }

    /// A page of events was gone through: where the next one begins, and whether there were any. Whether that is all.
    pub(crate) fn events(&mut self, next: Option<Position>, some: bool) -> bool {
        let At::Events(_, found, settled) = self.at else { return false };
        let found = found || some;
        if next.is_none() && !found && settled {
            return true;
        }
        self.again |= next.is_none();
        self.at = match next {
            Some(next) => At::Events(Some(next), found, settled),
            None => At::Refused(None, false),
        };
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLES: Duration = Duration::from_secs(2);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    fn begins_with(pass: &Pass, step: &Step, now: i64) {
        assert_eq!(pass.step(SETTLES, at(now)), *step);
    }

    #[test]
    fn a_store_that_hides_nothing_is_gone_through_once_where_there_is_nothing() {
        let mut pass = Pass::new();
        pass.refused(None, false, at(0));
        assert_eq!(pass.step(Duration::ZERO, at(0)), Step::Rest(Duration::ZERO));
        pass.rested(Duration::ZERO, at(0));
        assert!(pass.events(None, false));
    }

    #[test]
    fn it_is_over_by_a_pass_that_began_when_the_store_hid_nothing_more() {
        let mut pass = Pass::new();
        pass.refused(None, false, at(0));
        // The first pass over the events does not wait, and is none to rely on.
        begins_with(&pass, &Step::Rest(Duration::ZERO), 0);
        pass.rested(SETTLES, at(0));
        assert!(!pass.events(None, false));
        begins_with(&pass, &Step::Refused(None), 500);
        pass.refused(None, false, at(500));
        begins_with(&pass, &Step::Rest(Duration::from_millis(1_500)), 500);
        pass.rested(SETTLES, at(1_999));
        assert!(!pass.events(None, false), "it began too soon");
        pass.refused(None, false, at(1_999));
        pass.rested(SETTLES, at(2_000));
        assert!(pass.events(None, false));
    }

    #[test]
    fn refused_events_that_come_in_are_found_after_the_events_and_the_waiting_begins_anew() {
        let mut pass = Pass::new();
        pass.refused(None, false, at(0));
        pass.rested(SETTLES, at(0));
        assert!(!pass.events(None, true), "there were some");
        begins_with(&pass, &Step::Refused(None), 100);
        pass.refused(None, true, at(100));
        begins_with(&pass, &Step::Refused(None), 100);
        pass.refused(None, false, at(3_000));
        begins_with(&pass, &Step::Rest(SETTLES), 3_000);
        pass.rested(SETTLES, at(5_000));
        assert!(pass.events(None, false));
    }

    #[test]
    fn a_pass_that_found_any_on_any_page_begins_anew() {
        let (place, position) =
            (Place::of("fld_1"), Position { timestamp: at(0), event_id: "req-1#0".parse().unwrap() });
        let mut pass = Pass::new();
        pass.refused(Some(place.clone()), true, at(0));
        begins_with(&pass, &Step::Refused(Some(place)), 0);
        pass.refused(None, false, at(0));
        begins_with(&pass, &Step::Refused(None), 0);
        pass.refused(None, false, at(0));
        pass.rested(SETTLES, at(9_000));
        assert!(!pass.events(Some(position.clone()), true));
        begins_with(&pass, &Step::Events(Some(position)), 9_000);
        assert!(!pass.events(None, false));
        pass.refused(None, false, at(9_000));
        begins_with(&pass, &Step::Rest(Duration::ZERO), 9_000);
        pass.rested(SETTLES, at(9_000));
        assert!(pass.events(None, false));
    }

    #[test]
    fn a_clock_that_was_set_back_has_shown_nothing() {
        let mut pass = Pass::new();
        pass.refused(None, false, at(9_000));
        pass.rested(SETTLES, at(0));
        assert!(!pass.events(None, false));
        pass.refused(None, false, at(0));
        begins_with(&pass, &Step::Rest(SETTLES), 0);
    }

    #[test]
    fn another_call_waits_by_its_own_clock() {
        let mut pass = Pass::new();
        pass.refused(None, false, at(0));
        pass.rested(SETTLES, at(0));
        assert!(!pass.events(None, false));
        pass.refused(None, false, at(500));
        let mut pass = pass.resumed();
        begins_with(&pass, &Step::Refused(None), 9_000);
        pass.refused(None, false, at(9_000));
        begins_with(&pass, &Step::Rest(SETTLES), 9_000);
    }

    #[test]
    fn where_it_stands_is_written_down_and_read_again() {
        let mut pass = Pass::new();
        pass.refused(None, false, at(0));
        let read: Pass = serde_json::from_str(&serde_json::to_string(&pass).unwrap()).unwrap();
        assert_eq!(read, pass);
    }
}
