//! What every scheduled job has: a report of its run, and its end in Lambda.
//!
//! A job is a library with `run(app, now)`, where `now` is when the run was due: so a late run is still a right one. [`serve`] takes
//! that time from the schedule's event, `local` from its clock.

use crate::ids::TenantId;
use jiff::Timestamp;
use serde::Serialize;
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
};

/// What a run of a job did.
pub trait Report: fmt::Debug + Serialize {
    /// Whether everything that was tried was done. A run that is not clean is a failed one, so that alarms hear of it.
    fn is_clean(&self) -> bool;

    /// How a run that is not clean failed, in one word for alarms.
    fn fault(&self) -> &'static str {
        "incomplete"
    }
}

/// How long something had waited since `since` when the run was due, in whole seconds.
pub fn waited_s(since: Timestamp, due: Timestamp) -> u64 {
    u64::try_from(due.duration_since(since).as_secs()).unwrap_or(0)
}

/// What waits, with the tenants taking turns, so that a tenant with much costs the others nothing; each tenant's in the order it had.
pub fn by_turns<T>(waiting: Vec<T>, tenant: impl Fn(&T) -> &TenantId) -> Vec<T> {
    let mut tenants: BTreeMap<TenantId, VecDeque<T>> = BTreeMap::new();
    for one in waiting {
        tenants.entry(tenant(&one).clone()).or_default().push_back(one);
    }
    let mut ordered = Vec::new();
    while !tenants.is_empty() {
        tenants.retain(|_, waiting| {
            ordered.extend(waiting.pop_front());
            !waiting.is_empty()
        });
    }
    ordered
}

#[cfg(feature = "job")]
mod lambda;
#[cfg(feature = "job")]
pub use lambda::{Error, serve, serve_asked};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_take_turns_and_each_ones_longest_waiting_comes_first() {
        let many = [("big", 1), ("big", 2), ("small", 3), ("big", 4), ("other", 5), ("small", 6)];
        let many = many.map(|(tenant, n)| (tenant.parse::<TenantId>().unwrap(), n));
        let ordered: Vec<_> = by_turns(many.into(), |(tenant, _)| tenant).into_iter().map(|(_, n)| n).collect();
        assert_eq!(ordered, [1, 5, 3, 2, 6, 4]);
    }
}
