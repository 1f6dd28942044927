//! The log over the embedded DynamoDB: appending and erasing here, tampering in [`tampering`].

#[cfg(feature = "audit-tree")]
mod tampering;

use super::*;
use crate::{
    ids::PersonId,
    table::testing::{Store, Trouble},
    tenant::Sweep,
};
use jiff::Timestamp;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

fn tenant() -> TenantScope {
    TenantScope::for_job(Sweep::AuditCheckpoint, "acme".parse().unwrap())
}

fn person(name: &str) -> PersonId {
    PersonId::from_subject(name).unwrap()
}

struct Site {
    store: Store,
    audit: Audit,
    rows: TenantTable,
    clock: Clock,
}

impl Site {
    async fn start() -> Self {
        let store = Store::with_indexes(&[TEXTS_ABOUT]).await;
        let clock = Clock::frozen("2026-03-01T09:00:00Z".parse::<Timestamp>().unwrap());
        let (table, scope) = (store.table(), tenant());
        Self { audit: Audit::new(table.clone(), clock.clone()), rows: table.of(&scope), store, clock }
    }

    fn log(&self) -> Log {
        self.audit.of(&tenant())
    }

    /// The making of a row that can be made once.
    fn effect(&self, name: &str) -> Vec<TransactWriteItem> {
        let row = std::collections::BTreeMap::from([("made", true)]);
        let item = self.rows.item(&Key::new("EFFECT", name), &row).unwrap();
        vec![new_part(self.rows.part_put(item)).unwrap()]
    }

    async fn effects(&self) -> usize {
        tenant().act(self.rows.clone().all_of("EFFECT")).await
    }

    /// What stands at each place, and at which places there are texts.
    async fn whole(&self) -> (Vec<Leaf>, BTreeSet<u64>) {
        let log = self.log();
        tenant()
            .act(async move {
                let leaves = log.leaves(0, 100_000).await.unwrap().rows;
                let texts = log.texts(0, 100_000).await.unwrap().rows;
                let places: Vec<u64> = leaves.iter().map(|(seq, _)| *seq).collect();
                assert!(places.is_sorted(), "{places:?}");
                let leaves = leaves.into_iter().map(|(seq, row)| {
                    let leaf = row.parsed().unwrap();
                    assert_eq!((leaf.seq, leaf_hash(row.leaf.as_bytes())), (seq, row.leaf_hash));
                    leaf
                });
                (leaves.collect(), texts.into_iter().map(|(seq, _)| seq).collect())
            })
            .await
    }
}

impl TenantTable {
    async fn all_of(self, partition: &str) -> usize {
        let mut after = None;
        let mut count = 0;
        loop {
            let page = self.list::<Key2>(crate::table::Listing::of(partition, 1_000).after(after)).await.unwrap();
            count += page.rows.len();
            after = page.after;
            if after.is_none() {
                return count;
            }
        }
    }
}

#[derive(serde::Deserialize)]
struct Key2 {}

fn entry() -> Entry {
    Entry::draft("test.done", Actor::Job("test".to_owned())).ready().unwrap()
}

fn about(name: &str) -> Entry {
    Entry::draft("test.done", Actor::Job("test".to_owned())).about(&person(name)).ready().unwrap()
}

/// How much each of 64 appenders does: `AUDIT_EACH`, or four acts. 158 make it ten thousand entries.
fn each() -> usize {
    std::env::var("AUDIT_EACH").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_leave_a_sequence_without_gap_or_repeat_and_lose_nothing() {
    let site = Arc::new(Site::start().await);
    let (appenders, each) = (64, each());
    assert!(each > 3, "one act of each is refused");
    let one = |n: usize| {
        let site = site.clone();
        tokio::spawn(tenant().act(async move {
            let mut places = Vec::new();
            for k in 0..each {
                // The fourth act of each but one is refused, since its row is there: it must leave no trace.
                let log = site.log();
                let name = if k == 3 { "once".to_owned() } else { format!("{n}-{k}") };
                match log.commit(&entry(), site.effect(&name)).await {
                    Ok(seq) => places.push(seq),
                    Err(TableError::Condition(old)) => assert_eq!((old.len(), name.as_str()), (1, "once")),
                    Err(error) => panic!("{error:?}"),
                }
            }
            places
        }))
    };
    let running: Vec<_> = (0..appenders).map(one).collect();
    let mut told = BTreeSet::new();
    for done in running {
        for seq in done.await.unwrap() {
            assert!(told.insert(seq), "the place {seq} was told twice");
        }
    }
    assert_eq!(told.len(), appenders * (each - 1) + 1);
    assert_eq!(site.effects().await, told.len(), "an effect for each entry, and an entry for each effect");
    let log = site.log();
    let filled = tenant()
        .act(async move {
            let next = log.counter().await.unwrap().unwrap().next;
            for seq in 0..next {
                log.fill(seq).await.unwrap();
            }
            next
        })
        .await;
    let (leaves, texts) = site.whole().await;
    assert!(leaves.iter().map(|leaf| leaf.seq).eq(0..filled), "no gap, no repeat");
    let acts: BTreeSet<u64> = leaves.iter().filter(|leaf| leaf.kind != VOID).map(|leaf| leaf.seq).collect();
    assert_eq!((&acts, &texts), (&told, &told));
    eprintln!("{} entries by {appenders} at once in {filled} places", told.len());
}

#[tokio::test]
async fn a_lost_reply_leaves_one_entry_and_one_effect() {
    let site = Site::start().await;
    let log = site.log();
    site.store.trouble("TransactWriteItems", Trouble::LoseOneReply);
    let (effect, entry) = (site.effect("a"), entry());
    let seq = tenant().act(async move { log.commit(&entry, effect).await }).await.unwrap();
    let (leaves, texts) = site.whole().await;
    assert_eq!((leaves.len(), texts, site.effects().await), (1, BTreeSet::from([seq]), 1));
}

#[tokio::test]
async fn a_refused_effect_leaves_nothing_and_its_place_is_the_next_acts() {
    let site = Site::start().await;
    let (log, first, again, other) = (site.log(), site.effect("a"), site.effect("a"), site.effect("b"));
    tenant()
        .act(async move {
            assert_eq!(log.commit(&entry(), first).await.unwrap(), 0);
            let refused = log.commit(&entry(), again).await.unwrap_err();
            let TableError::Condition(old) = refused else { panic!("{refused:?}") };
            assert!(old.len() == 1 && old[0].as_ref().is_some_and(|item| item.contains_key("made")));
            assert_eq!(log.commit(&entry(), other).await.unwrap(), 1, "the place is used again");
        })
        .await;
    let (leaves, texts) = site.whole().await;
    assert_eq!((leaves.len(), texts.len(), site.effects().await), (2, 2, 2));
}

#[tokio::test]
async fn an_act_that_comes_too_late_for_its_place_takes_another() {
    let site = Site::start().await;
    let (log, other, effect, again) = (site.log(), site.log(), site.effect("a"), site.effect("a"));
    let seq = tenant()
        .act(async move {
            assert_eq!(log.next().await.unwrap(), 0);
            log.keep(0);
            assert!(other.fill(0).await.unwrap().is_none());
            assert!(other.fill(0).await.unwrap().is_some(), "a place is filled once");
            let seq = log.commit(&entry(), effect).await.unwrap();
            assert!(log.commit(&entry(), again).await.is_err());
            seq
        })
        .await;
    let (leaves, texts) = site.whole().await;
    assert_eq!((seq, leaves[0].kind.as_str(), leaves.len()), (1, VOID, 2));
    assert_eq!(texts, BTreeSet::from([1]));
}

#[tokio::test]
async fn a_transaction_that_hangs_is_settled_and_never_done_later() {
    let site = Site::start().await;
    site.store.trouble("TransactWriteItems", Trouble::Hang);
    let (log, effect) = (site.log(), site.effect("a"));
    let started = std::time::Instant::now();
    let failed = tenant().act(async move { log.commit(&entry(), effect).await }).await;
    assert!(matches!(failed, Err(TableError::Unavailable(_))), "{failed:?}");
    assert!(started.elapsed() < Duration::from_secs(60));
    site.store.mend();
    let (leaves, texts) = site.whole().await;
    assert!(!leaves.is_empty() && leaves.iter().all(|leaf| leaf.kind == VOID), "its places can never be used");
    assert_eq!((texts.len(), site.effects().await), (0, 0));
}

#[tokio::test]
async fn where_even_the_outcome_cannot_be_asked_the_act_is_not_said_to_be_done() {
    let site = Site::start().await;
    site.store.trouble("TransactWriteItems", Trouble::Shut);
    site.store.trouble("PutItem", Trouble::Shut);
    let (log, effect) = (site.log(), site.effect("a"));
    let failed = tenant().act(async move { log.commit(&entry(), effect).await }).await;
    assert!(matches!(failed, Err(TableError::Unavailable(_))), "{failed:?}");
    site.store.mend();
    assert_eq!(site.whole().await.0.len(), 0);
}

#[tokio::test]
async fn a_persons_texts_are_erased_and_nobody_elses() {
    let site = Site::start().await;
    let log = site.log();
    let (one, many) = tenant()
        .act(async move {
            // 150 texts are more than one transaction takes.
            for n in 0..150 {
                log.commit(&about("ada"), Vec::new()).await.unwrap();
                if n < 3 {
                    log.commit(&about("ada#00000000000000000007"), Vec::new()).await.unwrap();
                    log.commit(&about("adam"), Vec::new()).await.unwrap();
                    log.commit(&entry(), Vec::new()).await.unwrap();
                }
            }
            let by = Actor::Person(person("root"));
            let many = log.erase(&person("ada"), &by).await.unwrap();
            assert_eq!(log.erase(&person("ada"), &by).await.unwrap(), Erased::default());
            (log.erase(&person("adam"), &by).await.unwrap(), many)
        })
        .await;
    assert_eq!((many.places.len(), many.told_at.len(), one.places.len(), one.told_at.len()), (150, 2, 3, 1));
    let (leaves, texts) = site.whole().await;
    assert_eq!((leaves.len(), texts.len()), (162, 162 - 153), "every leaf stays");
    let listed: BTreeSet<u64> = leaves
        .iter()
        .filter(|leaf| leaf.kind == ERASED)
        .flat_map(|leaf| places(leaf.of.as_deref().unwrap()))
        .flatten()
        .collect();
    let went: BTreeSet<u64> = many.places.iter().chain(&one.places).copied().collect();
    assert_eq!(listed, went);
    assert!(texts.is_disjoint(&went));
}

#[tokio::test]
async fn entries_are_found_by_whom_they_are_about_and_said_to_be_erased_where_they_were() {
    let site = Site::start().await;
    let (log, clock, began) = (site.log(), site.clock.clone(), site.clock.now());
    let of = |name: &str, of: &str| {
        Entry::draft("test.done", Actor::Job("test".to_owned())).of(of).about(&person(name)).ready().unwrap()
    };
    let entries = [of("ada", "apl_1"), of("ada", "apl_2"), of("ada#1", "apl_1"), of("ada", "apl_1")];
    tenant()
        .act(async move {
            for entry in &entries {
                log.commit(entry, Vec::new()).await.unwrap();
            }
            let found = async |at| {
                let places = log.places_of(&person("ada"), "apl_1", 9).await.unwrap();
                entries.each_ref().map(|entry| places.of(entry.id(), at))
            };
            let unknown = Standing::Unknown;
            assert_eq!(found(began).await, [Standing::At(0), unknown, unknown, Standing::At(3)]);
            log.erase(&person("ada"), &Actor::Job("test".to_owned())).await.unwrap();
            assert_eq!(found(began).await, [unknown; 4], "they may be too new for the index");
            clock.advance(jiff::SignedDuration::from_secs(61));
            assert_eq!(found(began).await[0], Standing::Erased);
            assert_eq!(found(clock.now()).await[0], unknown);
        })
        .await;
}

#[tokio::test]
async fn the_counter_says_since_when_leaves_wait_and_when_the_last_place_was_given() {
    let site = Site::start().await;
    let (log, clock) = (site.log(), site.clock.clone());
    let (first, second) = tenant()
        .act(async move {
            log.commit(&entry(), Vec::new()).await.unwrap();
            let first = log.counter().await.unwrap().unwrap();
            clock.advance(jiff::SignedDuration::from_secs(5));
            log.commit(&entry(), Vec::new()).await.unwrap();
            (first, log.counter().await.unwrap().unwrap())
        })
        .await;
    assert_eq!((first.next, second.next), (1, 2));
    assert_eq!(first.audit_pending, second.audit_pending);
    let later = second.given_at.unwrap().duration_since(first.given_at.unwrap());
    assert_eq!((later.as_secs(), first.audit_pending), (5, first.given_at));
}
