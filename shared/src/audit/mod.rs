//! The audit log: what was done, by whom and to whom, written in one transaction with the act itself and proof against change.
//!
//! Each tenant has a log. One call joins an entry to whatever else is written:
//!
//! ```no_run
//! # use shared::{audit::{Actor, Audit, Entry}, table::TableError, tenant::TenantScope, auth::Caller};
//! # async fn example(audit: &Audit, tenant: &TenantScope, caller: &Caller, parts: Vec<aws_sdk_dynamodb::types::TransactWriteItem>) -> Result<(), TableError> {
//! let entry = Entry::draft("appeal.opened", Actor::Person(caller.person().clone())).of("apl_01").about(caller.person());
//! let seq = audit.of(tenant).commit(&entry.ready()?, parts).await?;
//! # Ok(()) }
//! ```
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | leaf | `T#<tenant>#AUDIT` | the place, 20 digits | [`LeafRow`]: bytes and hash; made once, never changed |
//! | text | `T#<tenant>#AUDITTEXT` | the same | [`TextRow`]: what tells of people; erased on demand |
//! | next place | `T#<tenant>#AUDITSEQ` | `NEXT` | [`CounterRow`] |
//!
//! **Leaf and text.** The leaf holds the digest of a salted text and names nobody. So a person's texts can be erased, and the log
//! still proves that there was one, and when ([`Leaf`]).
//!
//! **Places.** A counter gives out places before the transaction, outside of it: two acts of a tenant never wait for each other, as they
//! would if both wrote the head of a list. A place whose act is refused stays open; it is used by the next act of the same handle, or
//! filled by the next checkpoint with a leaf that says so ([`VOID`]). A leaf is put on condition that its place is free, so an
//! act that comes too late for its place takes another, and no place is ever filled twice.
//!
//! **Lost replies.** A leaf stands if and only if the whole transaction does. So after an unknown outcome the place itself says what
//! became of it: it holds this act's leaf, or it is filled with a void, after which the transaction can no longer succeed.
//!
//! **Proof.** The leaves are those of a Merkle tree (RFC 6962). A schedule signs its head and puts it, with the tree, where nobody
//! who can write to the table can change it ([`checkpoint`]); whoever holds a head can have the log shown to them against it
//! ([`verify`]). Until then, for a minute or two, a leaf is as safe as the table.

#[cfg(feature = "audit-tree")]
pub mod checkpoint;
mod entry;
mod erase;
#[cfg(feature = "audit-tree")]
pub mod note;
mod places;
#[cfg(feature = "audit-tree")]
pub mod proof;
mod read;
#[cfg(feature = "audit-tree")]
pub mod stored;
#[cfg(test)]
mod tests;
#[cfg(feature = "audit-tree")]
pub mod tiles;
#[cfg(feature = "audit-tree")]
pub mod tree;
#[cfg(feature = "audit-tree")]
pub mod verify;

pub use entry::{
    Actor, Draft, Entry, LEAVES, Leaf, LeafRow, MAX_OF_BYTES, MAX_TEXT_BYTES, TEXTS, Text, TextRow, VOID, leaf_hash,
    leaf_key, text_key,
};
pub use erase::{ERASED, Erased, places, spelled};
pub use places::{Places, Standing};
pub use read::{CounterRow, Rows};

use crate::{
    clock::Clock,
    table::{Item, Key, Table, TableError, TenantTable, new_part},
    tenant::TenantScope,
};
use aws_sdk_dynamodb::{
    operation::put_item::PutItemError::ConditionalCheckFailedException,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem},
};
use std::{sync::Mutex, time::Duration};

/// The partition of a log's counter.
pub const COUNTER: &str = "AUDITSEQ";
/// The sort key of a log's counter.
pub const NEXT: &str = "NEXT";
/// The index of logs with leaves that no checkpoint covers, and the attribute that puts a log there.
pub const AUDIT_PENDING: &str = "audit_pending";
/// The index of texts by the person whom they are about, and the attribute that puts them there.
pub const TEXTS_ABOUT: &str = "texts_about";
/// How often an act is tried whose place was taken or whose outcome was unknown and then known to be nothing.
const TRIES: u32 = 4;
/// How long is waited before it is asked again what became of an act.
const SETTLING: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(200)];

/// The logs of every tenant.
#[derive(Clone, Debug)]
pub struct Audit {
    table: Table,
    clock: Clock,
}

/// The log of one tenant, as one request or run writes to it.
#[derive(Debug)]
pub struct Log {
    rows: TenantTable,
    clock: Clock,
    /// A place that was given out and not used.
    spare: Mutex<Option<u64>>,
}

/// What became of a place after an outcome that was not heard.
enum Settled {
    /// The act stands.
    Done,
    /// It does not, and it never will.
    Never,
}

impl Audit {
    /// The logs in `table`, by the time of `clock`.
    pub fn new(table: Table, clock: Clock) -> Self {
        Self { table, clock }
    }

    /// The log of a tenant.
    pub fn of(&self, tenant: &TenantScope) -> Log {
        Log { rows: self.table.of(tenant), clock: self.clock.clone(), spare: Mutex::default() }
    }
}

impl Log {
    /// Does `effect` and writes `entry`, or does neither; the entry's place in the log.
    ///
    /// # Errors
    ///
    /// [`TableError::Condition`] where a condition of `effect` did not hold, with the items of its parts that asked for them;
    /// [`TableError::Unavailable`] where nothing was done, or the table cannot even be asked what was.
    pub async fn commit(&self, entry: &Entry, effect: Vec<TransactWriteItem>) -> Result<u64, TableError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let seq = self.place().await?;
            let error = match self.write(entry, seq, effect.clone()).await {
                Ok(()) => return Ok(seq),
                Err(error) => error,
            };
            match &error {
                TableError::Condition(old) => {
                    // The reply to a first try was lost, and this is the second: the leaf is there.
                    if old.get(effect.len()).is_some_and(|leaf| is_of(leaf.as_ref(), entry)) {
                        return Ok(seq);
                    }
                    let refused = old.get(effect.len()).is_some_and(Option::is_some);
                    if !refused {
                        self.keep(seq);
                        return Err(TableError::Condition(old.iter().take(effect.len()).cloned().collect()));
                    }
                    // A checkpoint filled the place meanwhile. Another one is as good.
                }
                TableError::Unavailable(_) => match self.settle(entry, seq).await {
                    Ok(Settled::Done) => return Ok(seq),
                    Ok(Settled::Never) => {}
                    Err(_) => return Err(error),
                },
                _ => return Err(error),
            }
            if tries >= TRIES {
                return Err(match error {
                    TableError::Condition(_) => {
                        TableError::unavailable(std::io::Error::other("every place was filled before it was used"))
                    }
                    other => other,
                });
            }
        }
    }

    /// A free place.
    async fn place(&self) -> Result<u64, TableError> {
        let spare = self.spare.lock().ok().and_then(|mut spare| spare.take());
        match spare {
            Some(seq) => Ok(seq),
            None => self.next().await,
        }
    }

    /// Keeps a place for the next act of this handle.
    fn keep(&self, seq: u64) {
        if let Ok(mut spare) = self.spare.lock() {
            *spare = Some(seq);
        }
    }

    /// Takes the next place from the counter.
    async fn next(&self) -> Result<u64, TableError> {
        let update = self.rows.update(&Key::new(COUNTER, NEXT));
        let update = update.update_expression("ADD #next :one SET #since = if_not_exists(#since, :now), #given = :now");
        let update =
            update.expression_attribute_names("#next", "next").expression_attribute_names("#since", AUDIT_PENDING);
        let update = update.expression_attribute_names("#given", "given_at");
        let update = update.expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        let update = update.expression_attribute_values(":now", AttributeValue::S(self.clock.now().to_string()));
        let done = update.return_values(ReturnValue::UpdatedNew).send().await.map_err(TableError::unavailable)?;
        let next = done.attributes.as_ref().and_then(|item| item.get("next")).and_then(|next| next.as_n().ok());
        let next: Option<u64> = next.and_then(|next| next.parse().ok());
        next.and_then(|next| next.checked_sub(1))
            .ok_or_else(|| TableError::unavailable(std::io::Error::other("the counter's reply names no place")))
    }

    /// Notes that a head covers every place, on condition that no more than `size` were given out.
    #[cfg(feature = "audit-tree")]
    async fn covered(&self, size: u64) -> Result<(), TableError> {
        let update = self.rows.update(&Key::new(COUNTER, NEXT)).update_expression("REMOVE #since");
        let update = update.condition_expression("#next = :size").expression_attribute_names("#next", "next");
        let update = update.expression_attribute_names("#since", AUDIT_PENDING);
        let update = update.expression_attribute_values(":size", AttributeValue::N(size.to_string()));
        match update.send().await.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
            Ok(_) => Ok(()),
            Err(error) if error.is_conditional_check_failed_exception() => Err(TableError::Condition(Vec::new())),
            Err(error) => Err(TableError::unavailable(error)),
        }
    }

    async fn write(&self, entry: &Entry, seq: u64, effect: Vec<TransactWriteItem>) -> Result<(), TableError> {
        let mut parts = effect;
        let leaf = entry.leaf(seq, self.clock.now()).row();
        parts.push(new_part(self.rows.part_put(self.rows.item(&leaf_key(seq), &leaf)?))?);
        let text = self.rows.part_put(self.rows.item(&text_key(seq), &entry.text(seq))?);
        parts.push(new_part(text)?);
        self.rows.transact(parts).await
    }

    /// What became of a transaction whose outcome was not heard. If it is not done by now, it never will be: its place is filled.
    async fn settle(&self, entry: &Entry, seq: u64) -> Result<Settled, TableError> {
        // The very transaction in question may still be in the way.
        let mut filled = self.fill(seq).await;
        for pause in SETTLING {
            if filled.is_ok() {
                break;
            }
            tokio::time::sleep(pause).await;
            filled = self.fill(seq).await;
        }
        let filled = filled?;
        Ok(if is_of(filled.as_ref(), entry) { Settled::Done } else { Settled::Never })
    }

    /// Fills a place with a void where nothing stands in it; what stood there already, otherwise.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn fill(&self, seq: u64) -> Result<Option<Item>, TableError> {
        let void = Leaf::void(seq, self.clock.now()).row();
        let put = self.rows.put(self.rows.item(&leaf_key(seq), &void)?);
        let put = put.condition_expression("attribute_not_exists(pk)").return_values_on_condition_check_failure(AllOld);
        match put.send().await {
            Ok(_) => Ok(None),
            Err(error) => match error.into_service_error() {
                ConditionalCheckFailedException(found) => Ok(found.item),
                other => Err(TableError::unavailable(other)),
            },
        }
    }
}

/// Whether an item is the leaf of `entry`.
fn is_of(item: Option<&Item>, entry: &Entry) -> bool {
    let leaf = item.and_then(|item| item.get("leaf")).and_then(|leaf| leaf.as_s().ok());
    let leaf: Option<Leaf> = leaf.and_then(|leaf| serde_json::from_str(leaf).ok());
    leaf.is_some_and(|leaf| leaf.id == entry.id())
}

fn row_of(partition: &str, seq: u64) -> Key {
    Key::new(partition, format!("{seq:020}"))
}
