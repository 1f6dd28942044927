//! What counted days and hours came to that somebody asked for, kept by the instance that answered: who asks the same again reads marks, and what
//! is not counted yet.
//!
//! It is kept under the question and the versions of the marks, which are read each time. So it holds by the same rule as roll-ups do, until an hour
//! of the range is written to, or another is counted.

use super::Piece;
use crate::{
    AggregateQuery, Measure, Range,
    aggregate::{Answer, Groups},
};
use jiff::Timestamp;
use moka::future::Cache;
use shared::{ids::TenantId, tenant::TenantScope};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// For how long: what is counted anew by hand has the version of before.
const TIME: Duration = Duration::from_secs(300);
/// How many bytes, about.
const BYTES: usize = 16 << 20;
/// The most bytes of one answer, so that several have room.
const BYTES_OF_ONE: usize = BYTES / 4;

/// What is kept of all stores, as one of them sees it; clones share it.
#[derive(Clone, Debug)]
pub struct Kept {
    cache: Cache<Asked, Arc<Groups>>,
    store: Arc<str>,
}

/// What was asked of which days and hours, whatever else is in the range.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    store: Arc<str>,
    tenant: TenantId,
    question: AggregateQuery,
    pieces: BTreeMap<Piece, u64>,
}

impl Asked {
    fn bytes(&self) -> usize {
        let AggregateQuery { filters, types, measure, .. } = &self.question;
        let path = if let Measure::Sum(path) = measure { path.len() } else { 0 };
        let texts = filters.dimensions.values().chain(types).map(|text| 64 + text.len());
        256 + 40 * self.pieces.len() + texts.sum::<usize>() + path
    }
}

impl Kept {
    /// The same for a store of this name: what was answered from one is no other's answer.
    pub fn of(&self, store: &str) -> Self {
        Self { store: store.into(), ..self.clone() }
    }

    /// What is asked, as it is known here.
    pub(super) fn asked(&self, tenant: &TenantScope, asked: &AggregateQuery, pieces: &BTreeMap<Piece, u64>) -> Asked {
        let range = Range { from: Timestamp::MIN, to: Timestamp::MAX };
        Asked {
            store: self.store.clone(),
            tenant: tenant.tenant().clone(),
            question: AggregateQuery { range, budget: 0, ..asked.clone() },
            pieces: pieces.clone(),
        }
    }
}

impl Default for Kept {
    fn default() -> Self {
        let weigh =
            |asked: &Asked, groups: &Arc<Groups>| u32::try_from(asked.bytes() + groups.bytes()).unwrap_or(u32::MAX);
        let cache = Cache::builder().time_to_live(TIME).max_capacity(BYTES as u64).weigher(weigh).build();
        Self { cache, store: "".into() }
    }
}

impl Kept {
    /// What these pieces came to.
    pub(super) async fn get(&self, asked: &Asked) -> Option<Groups> {
        self.cache.get(asked).await.map(|groups| Groups::clone(&groups))
    }

    /// Keeps what these pieces came to, of each of which a roll-up held; nothing that is very large.
    pub(super) async fn put(&self, asked: Asked, answer: &Answer<'_>) {
        if answer.groups().bytes() <= BYTES_OF_ONE {
            self.cache.insert(asked, Arc::new(answer.groups().clone())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dimension, Filters};
    use shared::tenant::Sweep;

    #[tokio::test]
    async fn answers_of_nothing_take_room_too_and_make_room_for_others() {
        let tenant = TenantScope::for_job(Sweep::AnalyticsRollup, "acme".parse().unwrap());
        let range = Range { from: Timestamp::MIN, to: Timestamp::MAX };
        let kept = Kept::default();
        let of = |kept: &Kept, n: usize| {
            let value = format!("{n} {}", "x".repeat(9_000));
            let filters = Filters { dimensions: [(Dimension::App, value)].into(), ..Filters::default() };
            let (types, measure, group_by) = (Default::default(), Measure::UniqueUsers, vec![]);
            let question = AggregateQuery { range, filters, types, measure, group_by, budget: 7 };
            (kept.asked(&tenant, &question, &BTreeMap::new()), question)
        };
        for n in 0..3_000 {
            let (asked, question) = of(&kept, n);
            kept.put(asked, &Answer::to(&tenant, &question)).await;
        }
        kept.cache.run_pending_tasks().await;
        let (entries, bytes) = (kept.cache.entry_count(), kept.cache.weighted_size());
        assert!(entries > 1_000 && entries < 2_000 && bytes <= BYTES as u64, "{entries} of {bytes}");
        let held = (0..3_000).filter(|n| kept.cache.contains_key(&of(&kept, *n).0)).count();
        assert_eq!(held as u64, entries);
        let other = kept.of("another");
        assert!((0..3_000).all(|n| !kept.cache.contains_key(&of(&other, n).0)), "the other store's are its own");
    }
}
