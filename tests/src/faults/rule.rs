//! Rules: which calls, how often, and what becomes of them.

use super::{Faults, call::Asked, replies::Reply};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// A rule that is being written. It counts from the moment when its last word says what happens.
#[must_use = "a rule without an effect does nothing"]
pub struct Rule {
    faults: Faults,
    which: Which,
    when: When,
}

#[derive(Clone, Debug, Default)]
struct Which {
    operation: Option<String>,
    target: Option<String>,
    function: Option<String>,
    key: Option<String>,
}

#[derive(Clone, Debug)]
enum When {
    Always,
    Nth(u64),
    First(u64),
    From(u64),
    Every(u64),
    Chance(f64, Box<StdRng>),
}

/// What becomes of a call.
#[derive(Clone)]
pub(super) enum Act {
    /// The function is told this; the store hears nothing.
    Tell(&'static str, fn(&Asked) -> Reply),
    /// The same with a reply that the test wrote.
    Answer(Reply),
    /// The connection ends before the store hears anything.
    Reset,
    /// The store does it, and the connection ends before the function hears of it.
    LoseReply,
    /// The store does it, and the connection ends in the middle of its body.
    Cut,
    /// The store does it, and half of its body arrives as if it were whole.
    Truncate,
    /// The store does it, and its JSON arrives changed.
    Alter(Arc<dyn Fn(&mut Value) + Send + Sync>),
    /// It waits, and then passes.
    Delay(Duration),
    /// The test does something first; then it passes.
    Before(Arc<dyn Fn() + Send + Sync>),
    /// It passes; when the store has done it and the function has not yet heard of it, the test does something.
    After(Arc<dyn Fn() + Send + Sync>),
}

impl Act {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Tell(name, _) => name,
            Self::Answer(_) => "answer",
            Self::Reset => "reset",
            Self::LoseReply => "lose_reply",
            Self::Cut => "cut",
            Self::Truncate => "truncate",
            Self::Alter(_) => "alter",
            Self::Delay(_) => "delay",
            Self::Before(_) => "before",
            Self::After(_) => "after",
        }
    }
}

impl Rule {
    pub(super) fn new(faults: Faults, operation: &str) -> Self {
        let operation = Some(operation.to_owned()).filter(|operation| operation != "*");
        Self { faults, which: Which { operation, ..Which::default() }, when: When::Always }
    }

    /// Only on this table, bucket or secret.
    pub fn of(mut self, target: &str) -> Self {
        self.which.target = Some(target.to_owned());
        self
    }

    /// Only when this function calls, by its binary.
    pub fn by(mut self, function: &str) -> Self {
        self.which.function = Some(function.to_owned());
        self
    }

    /// Only where one of the keys contains this.
    pub fn touching(mut self, part: &str) -> Self {
        self.which.key = Some(part.to_owned());
        self
    }

    /// Only the `n`th of these calls, counted from 1 and from now. The SDK's own second tries count too.
    pub fn nth(mut self, n: u64) -> Self {
        self.when = When::Nth(n);
        self
    }

    /// Only the next one of these calls.
    pub fn once(self) -> Self {
        self.nth(1)
    }

    /// Only the first `n` of these calls.
    pub fn first(mut self, n: u64) -> Self {
        self.when = When::First(n);
        self
    }

    /// Only the `n`th of these calls and all after it: as if the function died there.
    pub fn from(mut self, n: u64) -> Self {
        self.when = When::From(n);
        self
    }

    /// Every `n`th of these calls.
    pub fn every(mut self, n: u64) -> Self {
        self.when = When::Every(n);
        self
    }

    /// Each of these calls with this probability, drawn from a generator with this seed.
    pub fn chance(mut self, probability: f64, seed: u64) -> Self {
        self.when = When::Chance(probability, Box::new(StdRng::seed_from_u64(seed)));
        self
    }

    /// The store says that it is asked too much, in its own words, and does nothing.
    pub fn throttle(self) -> Faults {
        self.then(Act::Tell("throttle", Reply::throttled))
    }

    /// The store says that another transaction is in the way, and does nothing.
    pub fn conflict(self) -> Faults {
        self.then(Act::Tell("conflict", Reply::conflicting))
    }

    /// The store breaks with 500, and does nothing.
    pub fn fail(self) -> Faults {
        self.then(Act::Tell("fail", |asked| Reply::failed(asked, 500)))
    }

    /// The store is not available, 503, and does nothing.
    pub fn unavailable(self) -> Faults {
        self.then(Act::Tell("unavailable", |asked| Reply::failed(asked, 503)))
    }

    /// A batch comes back undone, every part of it unprocessed.
    pub fn put_off(self) -> Faults {
        self.then(Act::Tell("put_off", Reply::put_off))
    }

    /// The function is told this, and the store hears nothing.
    pub fn answer(self, reply: Reply) -> Faults {
        self.then(Act::Answer(reply))
    }

    /// The connection ends before the store hears anything.
    pub fn reset(self) -> Faults {
        self.then(Act::Reset)
    }

    /// The store does it, and the function never hears of it: the connection ends.
    pub fn lose_reply(self) -> Faults {
        self.then(Act::LoseReply)
    }

    /// The store does it, and the connection ends in the middle of the body.
    pub fn cut(self) -> Faults {
        self.then(Act::Cut)
    }

    /// The store does it, and half of its body arrives as if that were all.
    pub fn truncate(self) -> Faults {
        self.then(Act::Truncate)
    }

    /// The store does it, and its JSON document arrives changed: as an older or a newer format, for example.
    pub fn alter(self, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Faults {
        self.then(Act::Alter(Arc::new(change)))
    }

    /// It takes this much longer.
    pub fn delay(self, time: Duration) -> Faults {
        self.then(Act::Delay(time))
    }

    /// `run` runs before the store hears of it.
    pub fn before(self, run: impl Fn() + Send + Sync + 'static) -> Faults {
        self.then(Act::Before(Arc::new(run)))
    }

    /// `run` runs when the store has done it, before the function hears of it: to kill or to meddle in between.
    pub fn after(self, run: impl Fn() + Send + Sync + 'static) -> Faults {
        self.then(Act::After(Arc::new(run)))
    }

    fn then(self, act: Act) -> Faults {
        self.faults.arm(Armed { which: self.which, when: self.when, act, seen: 0 });
        self.faults
    }
}

/// A rule that counts.
pub(super) struct Armed {
    which: Which,
    when: When,
    act: Act,
    seen: u64,
}

impl Armed {
    /// Counts a call that fits; what becomes of it where the rule is due.
    pub(super) fn due(&mut self, function: &str, asked: &Asked) -> Option<Act> {
        if !self.which.fits(function, asked) {
            return None;
        }
        self.seen += 1;
        let due = match &mut self.when {
            When::Always => true,
            When::Nth(n) => self.seen == *n,
            When::First(n) => self.seen <= *n,
            When::From(n) => self.seen >= *n,
            When::Every(n) => self.seen.is_multiple_of(*n),
            When::Chance(probability, random) => random.gen_bool(*probability),
        };
        due.then(|| self.act.clone())
    }
}

impl Which {
    fn fits(&self, function: &str, asked: &Asked) -> bool {
        let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        let key = self.key.as_deref();
        same(&self.operation, &asked.operation)
            && same(&self.target, &asked.target)
            && same(&self.function, function)
            && key.is_none_or(|part| asked.keys.iter().any(|key| key.contains(part)))
    }
}
