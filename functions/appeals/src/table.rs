//! Appeals in DynamoDB.
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | appeal | `T#<tenant>#APPEALS` | its id | [`Appeal`] |
//! | guard | `T#<tenant>#APPEALS#<person>` | `REF#<digest>` or `NTF#<id>` | `appeal_id` |
//!
//! The guard is what a decision has at most one appeal by: it is named by the decision where the notice tells of one with a name, else
//! by the notice. An appeal points to its notice, and never the other way. Each write of an appeal holds to the version that was read,
//! and has its entry in the audit log in the same transaction.
//!
//! | index | holds |
//! | --- | --- |
//! | `appeals_by_person` | `<person>#<id>`: a person's appeals by time |
//! | `appeals_by_state` | `<state>#<time>#<id>`: open ones by when their round began, others by when they were settled |

mod finding;

pub(crate) use finding::{Mark, Wanted};

use crate::appeal::{About, Appeal};
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    audit::{Audit, Entry, Log, Places},
    clock::Clock,
    digest::Digest,
    ids::{self, PersonId},
    notices::{NoticeRow, notice_key},
    outbox::{Message, MessageRow, Outbox, TenantOutbox},
    table::{Key, Table, TableError, TenantTable, new_part},
    tenant::TenantScope,
};

/// The partition of a tenant's appeals.
pub(crate) const APPEALS: &str = "APPEALS";
/// The index of a person's appeals, and the attribute that puts an appeal there.
const BY_PERSON: &str = "appeals_by_person";
/// The index of appeals by state, and the attribute that puts an appeal there.
const BY_STATE: &str = "appeals_by_state";
/// What the names of appeals begin with.
const PREFIX: &str = "apl_";

/// The table, as this function uses it.
#[derive(Clone)]
pub(crate) struct AppealTable {
    table: Table,
    audit: Audit,
    outbox: Outbox,
}

/// The same for one tenant and one request.
pub(crate) struct TenantAppeals {
    rows: TenantTable,
    log: Log,
    outbox: TenantOutbox,
}

/// Whether something was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It was.
    Done,
    /// Somebody else was quicker: what stands now decides.
    Overtaken,
}

/// What a decision has at most one appeal by.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Guard {
    appeal_id: String,
}

impl AppealTable {
    /// Appeals in `table`.
    pub(crate) fn new(table: Table, clock: &Clock) -> Self {
        let (audit, outbox) = (Audit::new(table.clone(), clock.clone()), Outbox::new(table.clone(), clock.clone()));
        Self { table, audit, outbox }
    }

    /// Those of a tenant.
    pub(crate) fn of(&self, tenant: &TenantScope) -> TenantAppeals {
        TenantAppeals { rows: self.table.of(tenant), log: self.audit.of(tenant), outbox: self.outbox.of(tenant) }
    }
}

/// A new name for an appeal that is opened at `now`.
pub(crate) fn appeal_id(now: Timestamp) -> String {
    format!("{PREFIX}{}", ids::timed(now))
}

/// Whether `text` could name a thing whose names begin with `prefix`. What could not is not looked for.
fn could_name(prefix: &str, text: &str) -> bool {
    let rest = text.strip_prefix(prefix).unwrap_or_default();
    rest.len() == 26 && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn appeal_key(id: &str) -> Key {
    Key::new(APPEALS, id)
}

/// Where the guard of an appeal about `notice` lies. No two people share a partition: what follows the prefix is the name alone.
fn guard_key(person: &PersonId, notice: &NoticeRow) -> Key {
    let partition = format!("{APPEALS}#{}", person.as_str());
    match &notice.decisions[..] {
        [only] if notice.count == 1 && only.decision_ref.is_some() => {
            let name = only.decision_ref.as_deref().unwrap_or_default();
            Key::new(partition, format!("REF#{}", Digest::of(name.as_bytes())))
        }
        _ => Key::new(partition, format!("NTF#{}", notice.id)),
    }
}

impl About {
    /// What an appeal against `notice` is about.
    pub(crate) fn of(notice: NoticeRow, locale: shared::locale::Locale, prior: Vec<String>) -> Self {
        let NoticeRow { id, category, created_at, count, decisions, context, by, involved, .. } = notice;
        let told_at = created_at;
        Self { notification_id: id, category, told_at, count, decisions, context, by, involved, locale, prior }
    }
}

impl TenantAppeals {
    /// A person's notice; `None` where they have none of this name.
    pub(crate) async fn notice(&self, person: &PersonId, id: &str) -> Result<Option<NoticeRow>, TableError> {
        if could_name("ntf_", id) { self.rows.get(&notice_key(person, id)).await } else { Ok(None) }
    }

    /// The appeal that there is against what `notice` tells of.
    pub(crate) async fn against(&self, person: &PersonId, notice: &NoticeRow) -> Result<Option<Appeal>, TableError> {
        let guard: Option<Guard> = self.rows.get(&guard_key(person, notice)).await?;
        let Some(Guard { appeal_id }) = guard else { return Ok(None) };
        let appeal = self.appeal(&appeal_id).await?;
        let lost = || TableError::unavailable(std::io::Error::other("a guard names an appeal that is not there"));
        appeal.ok_or_else(lost).map(Some)
    }

    /// The appeal `id`.
    pub(crate) async fn appeal(&self, id: &str) -> Result<Option<Appeal>, TableError> {
        if could_name(PREFIX, id) { self.rows.get(&appeal_key(id)).await } else { Ok(None) }
    }

    /// Writes a new appeal, if there is none yet against what `notice` tells of.
    pub(crate) async fn open(&self, appeal: &Appeal, notice: &NoticeRow, entry: &Entry) -> Result<Written, TableError> {
        let guard = Guard { appeal_id: appeal.id.clone() };
        let guard = self.rows.item(&guard_key(&appeal.person, notice), &guard)?;
        let row = self.rows.item(&appeal_key(&appeal.id), appeal)?;
        self.commit(entry, vec![new_part(self.rows.part_put(guard))?, new_part(self.rows.part_put(row))?]).await
    }

    /// Writes an appeal in place of the version `seen`, and `more` with it.
    pub(crate) async fn change(
        &self,
        appeal: &Appeal,
        seen: u64,
        entry: &Entry,
        more: Vec<TransactWriteItem>,
    ) -> Result<Written, TableError> {
        let put = self.rows.part_put(self.rows.item(&appeal_key(&appeal.id), appeal)?);
        let put = put.condition_expression("#version = :seen").expression_attribute_names("#version", "version");
        let put = put.expression_attribute_values(":seen", AttributeValue::N(seen.to_string()));
        let put = put.build().map_err(TableError::unavailable)?;
        let mut parts = vec![TransactWriteItem::builder().put(put).build()];
        parts.extend(more);
        self.commit(entry, parts).await
    }

    async fn commit(&self, entry: &Entry, parts: Vec<TransactWriteItem>) -> Result<Written, TableError> {
        match self.log.commit(entry, parts).await {
            Ok(_) => Ok(Written::Done),
            Err(TableError::Condition(_)) => Ok(Written::Overtaken),
            Err(error) => Err(error),
        }
    }

    /// Where the entries of an appeal lie in the audit log.
    pub(crate) async fn places(&self, appeal: &Appeal) -> Result<Places, TableError> {
        self.log.places_of(&appeal.person, &appeal.id, appeal.history.len()).await
    }

    /// The writing of a message.
    pub(crate) fn message_part(&self, message: Message) -> Result<TransactWriteItem, TableError> {
        self.outbox.part(message)
    }

    /// The message `id`.
    pub(crate) async fn message(&self, id: &str) -> Result<Option<MessageRow>, TableError> {
        self.outbox.message(id).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::{
        audit::Actor,
        notices::{Category, Decision, Status},
    };

    fn notice(id: &str, count: u64, refs: &[Option<&str>]) -> NoticeRow {
        let at = Timestamp::UNIX_EPOCH;
        let decision = |name: &Option<&str>| Decision { decision_ref: name.map(str::to_owned), at, decided_by: None };
        NoticeRow {
            id: id.to_owned(),
            person: person("ada"),
            category: Category::AccountWarning,
            texts: Default::default(),
            text_version: 1,
            count,
            decisions: refs.iter().map(decision).collect(),
            context: Default::default(),
            appealable: true,
            by: Actor::Job("test".to_owned()),
            involved: Default::default(),
            created_at: at,
            updated_at: at,
            changed_in: None,
            status: Status::Unread,
            read_at: None,
            unread_cat_created: None,
            user_status_created: String::new(),
        }
    }

    fn person(name: &str) -> PersonId {
        PersonId::from_subject(name).unwrap()
    }

    #[test]
    fn a_decision_with_a_name_of_its_own_is_guarded_by_it_and_any_other_by_the_notice() {
        let of = |id: &str, count, refs: &[Option<&str>]| guard_key(&person("ada"), &notice(id, count, refs)).sort;
        assert_eq!(of("ntf_a", 1, &[Some("case-1")]), of("ntf_b", 1, &[Some("case-1")]));
        assert_ne!(of("ntf_a", 1, &[Some("case-1")]), of("ntf_a", 1, &[Some("case-2")]));
        for (count, refs) in
            [(1, &[None][..]), (2, &[Some("case-1"), Some("case-2")]), (60, &[Some("case-1")]), (1, &[])]
        {
            assert_eq!(of("ntf_a", count, refs), "NTF#ntf_a", "{count} {refs:?}");
        }
    }

    #[test]
    fn no_two_people_share_a_guard() {
        let of = |name: &str| guard_key(&person(name), &notice("ntf_a", 1, &[]));
        let keys = ["ada", "ada#NTF", "ada#NTF#ntf_a", "APPEALS"].map(of);
        assert!((0..4).all(|a| (0..a).all(|b| keys[a] != keys[b])));
    }

    #[test]
    fn what_is_no_name_is_not_looked_for() {
        let good = appeal_id(Timestamp::UNIX_EPOCH);
        assert!(could_name(PREFIX, &good) && !could_name("ntf_", &good));
        for bad in ["", "apl_", "apl_#", &good.to_uppercase(), &format!("{good}x"), &good[..29], "x"] {
            assert!(!could_name(PREFIX, bad), "{bad:?}");
        }
    }
}
