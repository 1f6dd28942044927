//! What an instance remembers of its marks, so that many writes to an hour cost one.

use crate::rollup::{FRESH, Hour, OVERDUE};
use jiff::Timestamp;
use shared::{ids::TenantId, tenant::TenantScope};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The most marks that are remembered.
const MOST: usize = 20_000;

/// When this instance marked which hours last; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Marked(Arc<Mutex<HashMap<(TenantId, Hour), Timestamp>>>);

impl Marked {
    fn known(&self) -> MutexGuard<'_, HashMap<(TenantId, Hour), Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of `hours` whose mark no longer serves. A clock that was set back makes it old.
    pub(super) fn stale(&self, tenant: &TenantScope, hours: &BTreeSet<Hour>, now: Timestamp) -> BTreeSet<Hour> {
        let known = self.known();
        let serves = |at: &Timestamp| *at <= now && now.duration_since(*at) < FRESH;
        let is_stale = |hour: &&Hour| !known.get(&(tenant.tenant().clone(), **hour)).is_some_and(serves);
        hours.iter().filter(is_stale).copied().collect()
    }

    /// Remembers a mark that was made no earlier than `at`.
    pub(super) fn remember(&self, tenant: &TenantScope, hours: &BTreeSet<Hour>, at: Timestamp) {
        let mut known = self.known();
        if known.len() + hours.len() > MOST {
            known.clear();
        }
        known.extend(hours.iter().map(|hour| ((tenant.tenant().clone(), *hour), at)));
    }

    /// Those of `hours` under whose mark a write that ends at `now`, and began at `began`, may have come too late.
    pub(super) fn overdue(began: Timestamp, now: Timestamp) -> bool {
        now < began || now.duration_since(began) > OVERDUE - FRESH
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use shared::tenant::Sweep;

    #[test]
    fn a_mark_serves_for_a_while_and_for_its_tenant() {
        let tenant = |name: &str| TenantScope::for_job(Sweep::AnalyticsRollup, name.parse().unwrap());
        let (acme, now): (_, Timestamp) = (tenant("acme"), "2026-03-01T09:00:00Z".parse().unwrap());
        let (marked, hours) = (Marked::default(), BTreeSet::from([Hour::of(now)]));
        assert_eq!(marked.stale(&acme, &hours, now), hours);
        marked.remember(&acme, &hours, now);
        assert!(marked.stale(&acme, &hours, now + SignedDuration::from_secs(299)).is_empty());
        assert_eq!(marked.stale(&acme, &hours, now + FRESH), hours);
        assert_eq!(marked.stale(&acme, &hours, now - SignedDuration::from_secs(1)), hours, "the clock was set back");
        assert_eq!(marked.stale(&tenant("beta"), &hours, now), hours);
        let other = BTreeSet::from([Hour::of(now + SignedDuration::from_hours(1))]);
        assert_eq!(marked.stale(&acme, &other, now), other);
    }
}
