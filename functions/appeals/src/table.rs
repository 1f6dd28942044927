//! Appeals in DynamoDB.
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | appeal | `T#<tenant>#APPEALS` | its id | [`Appeal`] |
//! | guard | `T#<tenant>#APPEALS#<person>` | `NTF#<notice>`, or `REF#<digest>` of a decision's name | `appeal_id` |
//!
//! Guards are what a decision has at most one appeal by: an appeal has one for its notice, and one for each named decision that it is
//! about, [`MAX_GUARDS`] at most. None is ever removed. An appeal points to its notice, and never the other way. Each write of an appeal
//! holds to the version that was read, and has its entry in the audit log in the same transaction.
//!
//! | index | holds |
//! | --- | --- |
//! | `appeals_by_person` | `<person>#<id>`: a person's appeals by time |
//! | `appeals_by_state` | `<state>#<time>#<id>`: open ones by when their round began, others by when they were settled |

mod finding;
mod guards;

pub(crate) use finding::{MOST, Mark, Wanted};
pub(crate) use guards::{Against, MAX_GUARDS, Unappealed};

use crate::appeal::Appeal;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use http::HeaderMap;
use jiff::Timestamp;
use shared::{
    audit::{Audit, Entry, Log, Places},
    clock::Clock,
    ids::{self, PersonId},
    notices::{NoticeRow, notice_key},
    outbox::{Message, MessageRow, Outbox, TenantOutbox},
    preferences::{PreferencesTable, TenantPreferences},
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
    preferences: PreferencesTable,
}

/// The same for one tenant and one request.
pub(crate) struct TenantAppeals {
    rows: TenantTable,
    log: Log,
    outbox: TenantOutbox,
    preferences: TenantPreferences,
}

/// Whether something was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It was.
    Done,
    /// Somebody else was quicker: what stands now decides.
    Overtaken,
}

impl AppealTable {
    /// Appeals in `table`.
    pub(crate) fn new(table: Table, clock: &Clock) -> Self {
        let (audit, outbox) = (Audit::new(table.clone(), clock.clone()), Outbox::new(table.clone(), clock.clone()));
        Self { preferences: PreferencesTable::new(table.clone()), table, audit, outbox }
    }

    /// Those of a tenant.
    pub(crate) fn of(&self, tenant: &TenantScope) -> TenantAppeals {
        TenantAppeals {
            rows: self.table.of(tenant),
            log: self.audit.of(tenant),
            outbox: self.outbox.of(tenant),
            preferences: self.preferences.of(tenant),
        }
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

impl TenantAppeals {
    /// A person's notice; `None` where they have none of this name.
    pub(crate) async fn notice(&self, person: &PersonId, id: &str) -> Result<Option<NoticeRow>, TableError> {
        if could_name("ntf_", id) { self.rows.get(&notice_key(person, id)).await } else { Ok(None) }
    }

    /// The languages that a person wants, best first.
    pub(crate) async fn wanted(
        &self,
        person: &PersonId,
        headers: &HeaderMap,
        token: Option<&str>,
    ) -> Result<Vec<String>, TableError> {
        self.preferences.wanted(person, headers, token).await
    }

    /// The appeal `id`.
    pub(crate) async fn appeal(&self, id: &str) -> Result<Option<Appeal>, TableError> {
        if could_name(PREFIX, id) { self.rows.get(&appeal_key(id)).await } else { Ok(None) }
    }

    /// Writes a new appeal, if there is none yet about anything of what it is `of`.
    pub(crate) async fn open(&self, appeal: &Appeal, of: &Unappealed, entry: &Entry) -> Result<Written, TableError> {
        let mut parts = self.guard_parts(appeal, of)?;
        parts.push(new_part(self.rows.part_put(self.rows.item(&appeal_key(&appeal.id), appeal)?))?);
        self.commit(entry, parts).await
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

    #[test]
    fn what_is_no_name_is_not_looked_for() {
        let good = appeal_id(Timestamp::UNIX_EPOCH);
        assert!(could_name(PREFIX, &good) && !could_name("ntf_", &good));
        for bad in ["", "apl_", "apl_#", &good.to_uppercase(), &format!("{good}x"), &good[..29], "x"] {
            assert!(!could_name(PREFIX, bad), "{bad:?}");
        }
    }
}
