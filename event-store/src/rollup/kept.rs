//! What counted days and hours came to that somebody asked for, kept by the instance that answered: who asks the same again reads marks, and what
//! is not counted yet.
//!
//! It is kept under the question and the versions of the marks, which are read each time. So it holds by the same rule as roll-ups do.

use super::Piece;
use crate::{
    AggregateQuery, Range,
    aggregate::{Answer, Groups},
};
use jiff::Timestamp;
use moka::future::Cache;
use shared::{ids::TenantId, tenant::TenantScope};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// For how long: what is counted anew by hand has the version of before.
const TIME: Duration = Duration::from_secs(300);
/// How many bytes, about.
const BYTES: u64 = 16 << 20;

/// What is kept; clones share it.
#[derive(Clone, Debug)]
pub struct Kept(Cache<Asked, Arc<Groups>>);

/// What was asked of which days and hours, whatever else is in the range.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    tenant: TenantId,
    question: AggregateQuery,
    pieces: BTreeMap<Piece, u64>,
}

impl Asked {
    pub(super) fn of(tenant: &TenantScope, asked: &AggregateQuery, pieces: &BTreeMap<Piece, u64>) -> Self {
        let range = Range { from: Timestamp::MIN, to: Timestamp::MAX };
        Self {
            tenant: tenant.tenant().clone(),
            question: AggregateQuery { range, budget: 0, ..asked.clone() },
            pieces: pieces.clone(),
        }
    }
}

impl Default for Kept {
    fn default() -> Self {
        let weigh = |_: &Asked, groups: &Arc<Groups>| u32::try_from(groups.bytes()).unwrap_or(u32::MAX);
        Self(Cache::builder().time_to_live(TIME).max_capacity(BYTES).weigher(weigh).build())
    }
}

impl Kept {
    /// What these pieces came to.
    pub(super) async fn get(&self, asked: &Asked) -> Option<Groups> {
        self.0.get(asked).await.map(|groups| Groups::clone(&groups))
    }

    /// Keeps what these pieces came to, of each of which a roll-up held.
    pub(super) async fn put(&self, asked: Asked, answer: &Answer<'_>) {
        self.0.insert(asked, Arc::new(answer.groups().clone())).await;
    }
}
