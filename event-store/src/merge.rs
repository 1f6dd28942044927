//! Partitions read side by side, as one row of keys.

use crate::{StoreError, keys::SHARDS};
use futures::future::try_join_all;
use std::{collections::VecDeque, future::Future};

/// What one read of a partition found.
pub(crate) struct Part<I, P> {
    /// What is next there, in order, each with the key that it is sorted by.
    pub(crate) found: Vec<(String, I)>,
    /// Where the next read begins; `None` at the end.
    pub(crate) next: Option<P>,
}

/// Something that lies in [`SHARDS`] partitions, each of which can be read in order.
pub(crate) trait Parts: Sync {
    type Item: Send;
    type Place: Clone + Send;

    /// Reads on in a partition, `count` at most, and perhaps nothing though there is more.
    fn read(
        &self,
        shard: u32,
        after: Option<Self::Place>,
        count: usize,
    ) -> impl Future<Output = Result<Part<Self::Item, Self::Place>, StoreError>> + Send;
}

/// One partition on the way.
struct Lane<I, P> {
    shard: u32,
    /// What was read and not yet taken.
    ready: VecDeque<(String, I)>,
    /// Where the next read begins.
    after: Option<P>,
    /// Whether there is no more to read.
    done: bool,
}

/// All partitions as one.
pub(crate) struct Merge<S: Parts> {
    parts: S,
    lanes: Vec<Lane<S::Item, S::Place>>,
    newest_first: bool,
}

impl<S: Parts> Merge<S> {
    /// From `after` on, which is a place in every partition.
    pub(crate) fn new(parts: S, after: Option<S::Place>, newest_first: bool) -> Self {
        let lane = |shard| Lane { shard, ready: VecDeque::new(), after: after.clone(), done: false };
        Self { lanes: (0..SHARDS).map(lane).collect(), parts, newest_first }
    }

    /// Whether there may be more than what was taken.
    pub(crate) fn more(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.done || !lane.ready.is_empty())
    }

    /// The next `count` of all partitions together, or fewer at the end.
    pub(crate) async fn next(&mut self, count: usize) -> Result<Vec<(String, S::Item)>, StoreError> {
        let mut taken = Vec::with_capacity(count);
        // Names are spread evenly: a share of each partition, and some more, mostly does.
        let share = (count / SHARDS as usize * 5 / 4 + 8).min(1_000);
        while taken.len() < count {
            let parts = &self.parts;
            let empty = self.lanes.iter_mut().filter(|lane| lane.ready.is_empty() && !lane.done);
            try_join_all(empty.map(async |lane| {
                let part = parts.read(lane.shard, lane.after.take(), share).await?;
                (lane.ready, lane.done, lane.after) = (part.found.into(), part.next.is_none(), part.next);
                Ok::<_, StoreError>(())
            }))
            .await?;
            if self.lanes.iter().any(|lane| lane.ready.is_empty() && !lane.done) {
                continue;
            }
            let key = |lane: &&mut Lane<S::Item, S::Place>| lane.ready.front().map(|(key, _)| key.clone());
            let first = self.lanes.iter_mut().filter(|lane| !lane.ready.is_empty());
            let first = if self.newest_first { first.max_by_key(key) } else { first.min_by_key(key) };
            let Some(next) = first.and_then(|lane| lane.ready.pop_front()) else { break };
            taken.push(next);
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Numbers in partitions, of which a read gives two at most.
    struct Numbers(Vec<Vec<u32>>);

    impl Parts for Numbers {
        type Item = u32;
        type Place = usize;

        async fn read(&self, shard: u32, after: Option<usize>, count: usize) -> Result<Part<u32, usize>, StoreError> {
            let (all, from) = (&self.0[shard as usize], after.unwrap_or_default());
            let to = (from + count.min(2)).min(all.len());
            let found = all[from..to].iter().map(|n| (format!("{n:05}"), *n)).collect();
            Ok(Part { found, next: (to < all.len()).then_some(to) })
        }
    }

    #[tokio::test]
    async fn an_error_of_one_partition_is_the_error_of_all() {
        struct Broken;
        impl Parts for Broken {
            type Item = ();
            type Place = ();
            async fn read(&self, shard: u32, _: Option<()>, _: usize) -> Result<Part<(), ()>, StoreError> {
                if shard == 5 { Err(StoreError::AuthRefused) } else { Ok(Part { found: vec![], next: None }) }
            }
        }
        let mut merge = Merge::new(Broken, None, true);
        assert!(matches!(merge.next(3).await, Err(StoreError::AuthRefused)));
    }

    proptest! {
        #[test]
        fn partitions_come_as_one_row(numbers in proptest::collection::btree_map(0_u32..90_000, 0..SHARDS, 0..60), newest in any::<bool>(), step in 1_usize..9) {
            let mut all: Vec<u32> = numbers.keys().copied().collect();
            let mut parts = vec![vec![]; SHARDS as usize];
            if newest {
                all.reverse();
            }
            for n in &all {
                parts[numbers[n] as usize].push(*n);
            }
            let found = futures::executor::block_on(async {
                let (mut merge, mut found) = (Merge::new(Numbers(parts), None, newest), vec![]);
                loop {
                    let some = merge.next(step).await.unwrap();
                    assert!(some.len() == step || !merge.more());
                    if some.is_empty() {
                        return found;
                    }
                    found.extend(some.into_iter().map(|(_, n)| n));
                }
            });
            prop_assert_eq!(found, all);
        }
    }
}
