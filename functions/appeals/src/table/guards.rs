//! What keeps a decision from having two appeals.
//!
//! Opening an appeal puts a guard for the notice, and one for each named decision that it is about, each on condition that there is none
//! yet. So whichever notices tell of a decision, alone or among others, and however many click at once, one appeal is about it. What a
//! notice tells of without a name is guarded by the notice alone.

use super::{APPEALS, TenantAppeals};
use crate::appeal::{About, Appeal};
use aws_sdk_dynamodb::types::TransactWriteItem;
use serde::{Deserialize, Serialize};
use shared::{
    digest::Digest,
    ids::PersonId,
    notices::{Decision, MAX_DECISIONS, NoticeRow},
    table::{Key, TableError, new_part},
};
use std::collections::{BTreeMap, BTreeSet};

/// The most guards of an appeal: one for each decision that a notice lists, and one for the notice.
pub(crate) const MAX_GUARDS: usize = MAX_DECISIONS + 1;

/// A guard: which appeal stands behind it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Guard {
    sk: String,
    appeal_id: String,
}

/// Guards that stand, by their names: the names of their appeals.
type Standing = BTreeMap<String, String>;

/// What there is to appeal of what a notice tells of.
#[derive(Debug)]
pub(crate) enum Against {
    /// This.
    Open(Box<Unappealed>),
    /// Nothing: these are the appeals, the newest of the open ones first.
    Appealed(Vec<Appeal>),
}

/// What of a notice has no appeal yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unappealed {
    /// The notice, as if it told of nothing else.
    notice: NoticeRow,
    /// The appeals about the rest.
    elsewhere: BTreeSet<String>,
}

fn of_notice(notice: &NoticeRow) -> String {
    format!("NTF#{}", notice.id)
}

fn of_decision(decision: &Decision) -> Option<String> {
    decision.decision_ref.as_ref().map(|name| format!("REF#{}", Digest::of(name.as_bytes())))
}

/// The names of the guards of all that `notice` tells of.
fn guards(notice: &NoticeRow) -> BTreeSet<String> {
    notice.decisions.iter().filter_map(of_decision).chain([of_notice(notice)]).collect()
}

/// Where a guard lies. No two people share a partition: what follows the prefix is the name alone.
fn guard_key(person: &PersonId, guard: &str) -> Key {
    Key::new(format!("{APPEALS}#{}", person.as_str()), guard)
}

/// What of `notice` is left where these guards stand; nothing where all of it is appealed.
fn left(mut notice: NoticeRow, standing: &Standing) -> Option<Unappealed> {
    if standing.contains_key(&of_notice(&notice)) {
        return None;
    }
    let listed = notice.decisions.len() as u64;
    // What a context came with: it was told last.
    let newest = notice.decisions.first().cloned();
    let mut elsewhere = BTreeSet::new();
    notice.decisions.retain(|decision| {
        let appeal = of_decision(decision).and_then(|guard| standing.get(&guard));
        elsewhere.extend(appeal.cloned());
        appeal.is_none()
    });
    let unlisted = notice.count.saturating_sub(listed);
    notice.count = unlisted.saturating_add(notice.decisions.len() as u64);
    if !elsewhere.is_empty() {
        if notice.count == 0 {
            return None;
        }
        if notice.decisions.first() != newest.as_ref() {
            notice.context.clear();
        }
    }
    Some(Unappealed { notice, elsewhere })
}

impl Unappealed {
    /// What an appeal against it is about.
    pub(crate) fn about(&self, language: String, prior: Vec<String>) -> About {
        let NoticeRow { id, category, created_at, count, decisions, context, by, involved, .. } = self.notice.clone();
        About {
            notification_id: id,
            category,
            told_at: created_at,
            count,
            decisions,
            context,
            by,
            involved,
            locale: language,
            prior,
            elsewhere: self.elsewhere.clone(),
        }
    }
}

impl TenantAppeals {
    /// What there is to appeal of what `notice` tells of.
    pub(crate) async fn against(&self, person: &PersonId, notice: &NoticeRow) -> Result<Against, TableError> {
        let keys: Vec<Key> = guards(notice).iter().map(|guard| guard_key(person, guard)).collect();
        let standing = self.rows.get_all::<Guard>(&keys).await?;
        let standing: Standing = standing.into_iter().map(|guard| (guard.sk, guard.appeal_id)).collect();
        if let Some(unappealed) = left(notice.clone(), &standing) {
            return Ok(Against::Open(Box::new(unappealed)));
        }
        let names: BTreeSet<String> = match standing.get(&of_notice(notice)) {
            Some(appeal) => BTreeSet::from([appeal.clone()]),
            None => standing.into_values().collect(),
        };
        let names: Vec<String> = names.into_iter().rev().collect();
        let mut appeals = self.all_of(&names).await?;
        appeals.sort_by_key(|appeal| !appeal.state.is_open());
        Ok(Against::Appealed(appeals))
    }

    /// The guards of a new appeal, as parts of the transaction that opens it.
    pub(super) fn guard_parts(&self, appeal: &Appeal, of: &Unappealed) -> Result<Vec<TransactWriteItem>, TableError> {
        let part = |guard: &String| {
            let row = Guard { sk: guard.clone(), appeal_id: appeal.id.clone() };
            new_part(self.rows.part_put(self.rows.item(&guard_key(&appeal.person, guard), &row)?))
        };
        guards(&of.notice).iter().map(part).collect()
    }
}

#[cfg(test)]
mod tests;
