//! A circuit breaker: what fails again and again is left alone for a while.
//!
//! | state | a call | becomes |
//! | --- | --- | --- |
//! | closed | goes out | open after [`IN_A_ROW`] failures in a row, or more than half of the last [`CALLS`] calls, all of them within [`WINDOW`] |
//! | open | is refused at once | half open after [`REST`] |
//! | half open | one goes out, the others are refused | closed when that one is answered, open when it fails |
//!
//! A call fails unless it is said to have succeeded or to have been refused: so one whose future is dropped, as a timeout does,
//! has failed. A refusal that is the caller's own fault is not counted, though an answer it is, and a half-open breaker closes by
//! it. A call that began before the state last changed says nothing about the state it ends in. State is one execution
//! environment's, and a clock that was set back ends a rest and not a window: it is better to call once too often.

use crate::{
    clock::Clock,
    telemetry::{Metric, Outcome, metrics},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// So many failures in a row open it.
pub const IN_A_ROW: u32 = 5;
/// Of so many calls more than half must fail.
pub const CALLS: usize = 20;
/// Those calls lie within this time.
pub const WINDOW: SignedDuration = SignedDuration::from_secs(30);
/// How long it stays open.
pub const REST: SignedDuration = SignedDuration::from_secs(15);

/// A breaker for one dependency. Clones share its state.
#[derive(Clone, Debug)]
pub struct Breaker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dependency: &'static str,
    clock: Clock,
    circuit: Mutex<Circuit>,
}

#[derive(Debug, Default)]
struct Circuit {
    state: State,
    /// Counts the changes of `state`.
    generation: u64,
    in_a_row: u32,
    /// The last calls: when each ended and whether it failed.
    ended: VecDeque<(Timestamp, bool)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Open {
        since: Timestamp,
    },
    HalfOpen {
        probing: bool,
    },
}

/// The dependency is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{dependency} failed too often of late and is left alone for {retry_after:?}")]
pub struct Open {
    /// Its name.
    pub dependency: &'static str,
    /// When it may be called again; at least a second.
    pub retry_after: Duration,
}

/// The right to make one call. Dropped without a word, the call has failed.
#[derive(Debug)]
#[must_use = "a call whose end is not told has failed"]
pub struct Pass {
    breaker: Breaker,
    generation: u64,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Succeeded,
    Refused,
    Failed,
    Unknown,
}

impl Breaker {
    /// A closed breaker for `dependency`.
    pub fn new(dependency: &'static str, clock: &Clock) -> Self {
        Self(Arc::new(Inner { dependency, clock: clock.clone(), circuit: Mutex::default() }))
    }

    /// Lets one call go out.
    ///
    /// # Errors
    ///
    /// [`Open`] where it may not.
    pub fn admit(&self) -> Result<Pass, Open> {
        let now = self.0.clock.now();
        let mut circuit = self.circuit();
        if let State::Open { since } = circuit.state
            && !(since <= now && now.duration_since(since) < REST)
        {
            circuit.turn(State::HalfOpen { probing: false });
        }
        let open = |rest: SignedDuration| {
            let retry_after = Duration::try_from(rest).unwrap_or_default().max(Duration::from_secs(1));
            Open { dependency: self.0.dependency, retry_after }
        };
        match &mut circuit.state {
            State::Closed => {}
            State::Open { since } => return Err(open(REST - now.duration_since(*since))),
            State::HalfOpen { probing: true } => return Err(open(SignedDuration::ZERO)),
            State::HalfOpen { probing } => *probing = true,
        }
        Ok(Pass { breaker: self.clone(), generation: circuit.generation, end: End::Failed })
    }

    fn ended(&self, generation: u64, end: End) {
        let now = self.0.clock.now();
        let mut circuit = self.circuit();
        let before = circuit.state;
        if circuit.generation == generation {
            circuit.count(now, end);
        }
        let after = circuit.state;
        drop(circuit);
        if before != after {
            self.tell(after);
        }
    }

    /// Says that it opened or closed. Labels of metrics are few (spec OBS): which dependency it is stands in the log.
    fn tell(&self, state: State) {
        let dependency = self.0.dependency;
        match state {
            State::Open { .. } => {
                tracing::error!(
                    event = "breaker_opened",
                    dependency,
                    "{dependency} fails: it is left alone for {} s",
                    REST.as_secs()
                );
                metrics::emit(None, Outcome::Failed, &[Metric::one("breaker_opened_total")]);
            }
            State::Closed => {
                tracing::warn!(event = "breaker_closed", dependency, "{dependency} answers again");
                metrics::emit(None, Outcome::Ok, &[Metric::one("breaker_closed_total")]);
            }
            State::HalfOpen { .. } => {}
        }
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.0.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Circuit {
    fn turn(&mut self, state: State) {
        *self = Self { state, generation: self.generation + 1, ..Self::default() };
    }

    fn count(&mut self, now: Timestamp, end: End) {
        if end == End::Unknown {
            if let State::HalfOpen { probing } = &mut self.state {
                *probing = false;
            }
            return;
        }
        if let State::HalfOpen { .. } = self.state {
            self.turn(if end == End::Failed { State::Open { since: now } } else { State::Closed });
            return;
        }
        if end == End::Refused {
            return;
        }
        let failed = end == End::Failed;
        self.in_a_row = if failed { self.in_a_row + 1 } else { 0 };
        if self.ended.len() == CALLS {
            self.ended.pop_front();
        }
        self.ended.push_back((now, failed));
        if self.in_a_row >= IN_A_ROW || self.more_than_half(now) {
            self.turn(State::Open { since: now });
        }
    }

    fn more_than_half(&self, now: Timestamp) -> bool {
        let recent = |at: Timestamp| now.duration_since(at) <= WINDOW;
        let failed = self.ended.iter().filter(|(_, failed)| *failed).count();
        self.ended.len() == CALLS && self.ended.iter().all(|(at, _)| recent(*at)) && failed * 2 > CALLS
    }
}

impl Pass {
    /// The call was answered as it should be.
    pub fn succeeded(mut self) {
        self.end = End::Succeeded;
    }

    /// The call was refused, and rightly: a 4xx that is the caller's own fault.
    pub fn refused(mut self) {
        self.end = End::Refused;
    }

    /// The call's end says nothing: it had too little time. A half-open breaker lets another one go out.
    pub fn learnt_nothing(mut self) {
        self.end = End::Unknown;
    }

    /// The call failed.
    pub fn failed(self) {}
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.breaker.ended(self.generation, self.end);
    }
}

#[cfg(test)]
mod tests;
