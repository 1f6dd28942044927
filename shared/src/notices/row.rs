//! What the table holds of notices.

use super::{Category, limit::Last};
use crate::{audit::Actor, ids::PersonId, table::Key};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The index of a person's unread notices by category and time, and the attribute that puts a notice there.
pub const UNREAD_CAT_CREATED: &str = "unread_cat_created";
/// The index of a person's notices by status and time, and the attribute that puts a notice there.
pub const USER_STATUS_CREATED: &str = "user_status_created";
/// The index of what was put off, and the attribute that puts it there.
pub const DEFERRAL_DUE: &str = "deferral_due";
/// The sort key of the item that the limit stands on.
pub(super) const LAST: &str = "LAST";
/// What the sort keys of occurrences that were put off begin with.
const PUT_OFF: &str = "OFF#";
/// After the sort key of the last notice and of whatever was put off, and before those of [`Once`].
pub(super) const AFTER_PUT_OFF: &str = "OFF$";
/// What the sort keys of what is told of once begin with.
const ONCE: &str = "ONCE#";
/// What the names of occurrences begin with that others were folded into.
pub(super) const FOLDED: &str = "all-";
/// The most decisions that a notice names one by one; it counts all.
pub const MAX_DECISIONS: usize = 50;
/// The most people who took part in what one notice tells of. It names all of them, since none may decide an appeal: what more people
/// than these took part in is told of by several notices.
pub const MAX_INVOLVED: usize = 500;
/// The most bytes of their names together: an appeal holds them beside the longest statements and reasons, in one item.
pub const MAX_INVOLVED_BYTES: usize = 24 * 1024;

/// What a person has done with a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing yet.
    Unread,
    /// It has been read.
    Read,
    /// It was put away and is listed no more.
    Dismissed,
}

impl Status {
    /// The status as keys and answers write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Read => "read",
            Self::Dismissed => "dismissed",
        }
    }
}

/// A text in one language, as it was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldText {
    /// One line.
    pub title: String,
    /// What happened, and what the person can do.
    pub body: String,
}

/// A decision that a notice tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The caller's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_ref: Option<String>,
    /// When it was told to us.
    pub at: Timestamp,
    /// Who took it, where that was a person who was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<PersonId>,
}

/// A notice. Its texts are stored as they were told: a later change of the templates changes no notice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoticeRow {
    /// Its name, in the order of time: `ntf_` and 26 characters.
    pub id: String,
    /// To whom.
    pub person: PersonId,
    /// Of what kind.
    pub category: Category,
    /// The texts, by language tag.
    pub texts: BTreeMap<String, ToldText>,
    /// The version of the templates they were made by.
    pub text_version: u32,
    /// How many decisions it tells of.
    pub count: u64,
    /// The first [`MAX_DECISIONS`] of them, newest first.
    pub decisions: Vec<Decision>,
    /// What the newest decision came with. Staff see it, the person does not: it may hold codes.
    pub context: Map<String, Value>,
    /// Whether it can be appealed.
    pub appealable: bool,
    /// Who asked for it to be told.
    pub by: Actor,
    /// Everybody who took one of the decisions or asked for it to be told, at most [`MAX_INVOLVED`]: none of them decides an appeal.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub involved: BTreeSet<PersonId>,
    /// When it was told.
    pub created_at: Timestamp,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
    /// The name of the change that changed its status last, by which a change whose reply was lost knows itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_in: Option<String>,
    /// What the person has done with it.
    pub status: Status,
    /// When it was read, where its status is [`Status::Read`] or was before it was put away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// `<category>#<id>` while it is unread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread_cat_created: Option<String>,
    /// `<status>#<id>`.
    pub user_status_created: String,
}

/// An occurrence that the limit put off: a decision to be told of later, or many that were folded into one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PutOff {
    /// Its name: what it was to be told for.
    pub origin: String,
    /// To whom.
    pub person: PersonId,
    /// Of what kind.
    pub category: Category,
    /// How many decisions it stands for.
    pub count: u64,
    /// The first [`MAX_DECISIONS`] of them, newest first.
    pub decisions: Vec<Decision>,
    /// What the newest came with.
    pub context: Map<String, Value>,
    /// Whether one of them can be appealed.
    pub appealable: bool,
    /// Who asked for it to be told.
    pub by: Actor,
    /// When it was put off.
    pub at: Timestamp,
    /// Everybody who took one of the decisions or asked for it to be told.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub involved: BTreeSet<PersonId>,
    /// When it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deferral_due: Option<String>,
}

/// The last notice, or an occurrence that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum LimitRow {
    Last(Last),
    PutOff(Box<PutOff>),
}

/// That an origin is known, so that it is told of once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Once {
    /// What is told of once.
    pub(super) origin: String,
    /// The notice that told of it, or the occurrence that it was folded into; none while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) told_in: Option<String>,
    /// Whether it waits or had to wait before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) waited: bool,
    /// When it may be forgotten, in seconds since 1970: never while it waits. From then on it is as if it were not there, whenever the
    /// table deletes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<i64>,
}

/// The partition of a person's notices.
pub fn notices_of(person: &PersonId) -> String {
    format!("NOTICE#{}", person.as_str())
}

/// Where a notice lies.
pub fn notice_key(person: &PersonId, id: &str) -> Key {
    Key::new(notices_of(person), id)
}

/// The partition of the limit of a person and category. No two of them share one: a category has no `#`.
pub fn limit_of(person: &PersonId, category: Category) -> String {
    format!("RATE#{}#{}", person.as_str(), category.as_str())
}

/// Where the last notice of a category to a person is remembered.
pub(super) fn last_key(person: &PersonId, category: Category) -> Key {
    Key::new(limit_of(person, category), LAST)
}

/// Where an occurrence lies that was put off.
pub(super) fn put_off_key(person: &PersonId, category: Category, origin: &str) -> Key {
    Key::new(limit_of(person, category), format!("{PUT_OFF}{origin}"))
}

/// Where it is remembered that an origin waits or was told of.
pub(super) fn once_key(person: &PersonId, category: Category, origin: &str) -> Key {
    Key::new(limit_of(person, category), format!("{ONCE}{origin}"))
}

/// Whose and which limit the partition `pk` is, tenant and all, of an item in the index of what waits.
pub fn limit_named(pk: &str) -> Option<(&str, PersonId, Category)> {
    let (tenant, rest) = pk.strip_prefix("T#")?.split_once('#')?;
    let (person, category) = rest.strip_prefix("RATE#")?.rsplit_once('#')?;
    Some((tenant, PersonId::from_subject(person)?, category.parse().ok()?))
}

impl Once {
    /// Whether it may be forgotten at `now`.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now.as_second())
    }
}

impl NoticeRow {
    /// The attributes of the indexes that go with a status.
    pub fn indexed(category: Category, status: Status, id: &str) -> (Option<String>, String) {
        let unread = (status == Status::Unread).then(|| format!("{}#{id}", category.as_str()));
        (unread, format!("{}#{id}", status.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_listed_with_the_last_notice_and_apart_from_what_is_told_once() {
        let (person, category) = (PersonId::from_subject("ada").unwrap(), Category::AccountWarning);
        for origin in ["all-0f", "key-0f", "new-0f", "ref-0f", "\u{10ffff}"] {
            let keys = [
                last_key(&person, category).sort,
                put_off_key(&person, category, origin).sort,
                AFTER_PUT_OFF.to_owned(),
                once_key(&person, category, "").sort,
            ];
            assert!(keys.is_sorted() && keys[0] == LAST, "{keys:?}");
        }
    }

    #[test]
    fn a_limit_is_found_again_whatever_the_person_is_called() {
        for name in ["ada", "a#b", "ada#account_warning", "T#x#RATE#y", "ü 1"] {
            let person = PersonId::from_subject(name).unwrap();
            let pk = format!("T#acme#{}", limit_of(&person, Category::ContentViolation));
            assert_eq!(limit_named(&pk), Some(("acme", person, Category::ContentViolation)), "{name}");
        }
        for odd in ["", "T#acme#NOTICE#ada", "T#acme#RATE#ada#bans", "RATE#ada#account_warning"] {
            assert_eq!(limit_named(odd), None, "{odd}");
        }
    }
}
