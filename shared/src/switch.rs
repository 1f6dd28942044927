//! The switch that stops all notices.

use crate::config::Env;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether people are told anything: `TRUST_SAFETY_NOTIFICATIONS`, on unless it is `off`. Clones share it.
#[derive(Clone, Debug)]
pub struct KillSwitch(Arc<AtomicBool>);

impl KillSwitch {
    /// As the environment says. Whatever is not `off` is on, so that a slip of the pen silences nothing.
    pub fn from_env(env: &Env) -> Self {
        let off =
            env.optional("TRUST_SAFETY_NOTIFICATIONS").is_some_and(|said| said.trim().eq_ignore_ascii_case("off"));
        Self(Arc::new(AtomicBool::new(!off)))
    }

    /// Whether people are told.
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Switches it, for every clone.
    pub fn set(&self, on: bool) {
        self.0.store(on, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_off_is_off() {
        let on =
            |said: &str| KillSwitch::from_env(&[("TRUST_SAFETY_NOTIFICATIONS", said)].into_iter().collect()).is_on();
        assert!(["", "on", "0", "false", "no", "offf"].iter().all(|said| on(said)));
        assert!(!on("off") && !on("OFF") && !on(" off "));
        assert!(KillSwitch::from_env(&Env::default()).is_on());
    }
}
