//! A person's feed in DynamoDB: [`shared::notices`] says which items there are.
//!
//! A list is read from an index where one orders what is asked for, else from the person's partition. An index holds keys alone
//! and may be a moment behind, so each row is read again, and left out where it is no longer what was asked for.

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError::ConditionalCheckFailedException,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld},
};
use futures::future;
use http::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use shared::{
    audit::{Actor, Audit, Entry},
    clock::Clock,
    ids::{self, PersonId},
    notices::{
        Category, NoticeRow, Status, UNREAD_CAT_CREATED, USER_STATUS_CREATED, channels::message_id, notice_key,
        notices_of,
    },
    outbox::{MessageRow, Outbox, Target, TenantOutbox},
    preferences::{Preferences, PreferencesTable, TenantPreferences},
    table::{Listed, Listing, Place, Table, TableError, TenantTable, row as row_of, update_part},
    tenant::TenantScope,
};
use std::collections::{HashMap, HashSet};

/// The most unread notices that are counted one by one.
pub(crate) const COUNTED: u64 = 1_000;
/// The most notices that one request marks read.
pub(crate) const MARKED_AT_ONCE: usize = 500;
/// How many are marked at the same time.
const MARKING: usize = 8;
/// The most rows that are read for one page of a list, where many of them are not what was asked for.
const READ_FOR_A_PAGE: usize = 5_000;
/// How many rows are read at once, at least, after the first ones were not enough for a page.
const CHUNK: u32 = 100;

/// The feeds of every tenant.
#[derive(Clone, Debug)]
pub(crate) struct FeedTable {
    table: Table,
    audit: Audit,
    outbox: Outbox,
    clock: Clock,
}

/// The feed of one person.
pub(crate) struct Feed {
    rows: TenantTable,
    tenant: TenantScope,
    audit: Audit,
    outbox: TenantOutbox,
    preferences: TenantPreferences,
    person: PersonId,
    clock: Clock,
}

/// Which notices of a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Unread ones alone, or read ones.
    pub(crate) unread: Option<bool>,
    /// Of one category.
    pub(crate) category: Option<Category>,
}

impl Filter {
    fn takes(self, row: &NoticeRow) -> bool {
        let status = match self.unread {
            None => row.status != Status::Dismissed,
            Some(unread) => row.status == if unread { Status::Unread } else { Status::Read },
        };
        status && self.category.is_none_or(|category| category == row.category)
    }

    /// Where the notice `id` lies in the list.
    fn place(self, id: &str) -> Place {
        match self.index() {
            None => Place::of(id),
            Some((_, prefix)) => Place::in_index(id, format!("{prefix}{id}")),
        }
    }

    /// The index that orders what is asked for, and what its attribute begins with.
    fn index(self) -> Option<(&'static str, String)> {
        match (self.unread, self.category) {
            (Some(true), Some(category)) => Some((UNREAD_CAT_CREATED, format!("{}#", category.as_str()))),
            (Some(unread), _) => {
                let status = if unread { Status::Unread } else { Status::Read };
                Some((USER_STATUS_CREATED, format!("{}#", status.as_str())))
            }
            (None, _) => None,
        }
    }
}

#[derive(Deserialize)]
struct Keys {
    sk: String,
}

impl FeedTable {
    pub(crate) fn new(table: Table, clock: &Clock) -> Self {
        Self {
            audit: Audit::new(table.clone(), clock.clone()),
            outbox: Outbox::new(table.clone(), clock.clone()),
            table,
            clock: clock.clone(),
        }
    }

    /// The feed of a person of `tenant`.
    pub(crate) fn of(&self, tenant: &TenantScope, person: PersonId) -> Feed {
        Feed {
            rows: self.table.of(tenant),
            tenant: tenant.clone(),
            audit: self.audit.clone(),
            outbox: self.outbox.of(tenant),
            preferences: PreferencesTable::new(self.table.clone()).of(tenant),
            person,
            clock: self.clock.clone(),
        }
    }
}

impl Feed {
    /// The notice `id`; `None` where there is none, or it was put away.
    pub(crate) async fn notice(&self, id: &str) -> Result<Option<NoticeRow>, TableError> {
        let row: Option<NoticeRow> = self.rows.get(&notice_key(&self.person, id)).await?;
        Ok(row.filter(|row| row.status != Status::Dismissed))
    }

    /// A page of at most `limit` notices, newest first.
    pub(crate) async fn page(
        &self,
        filter: Filter,
        limit: u32,
        after: Option<Place>,
    ) -> Result<Listed<NoticeRow>, TableError> {
        let partition = notices_of(&self.person);
        let (mut rows, mut after, mut read): (Vec<NoticeRow>, _, _) = (Vec::new(), after, 0);
        let mut chunk = limit;
        loop {
            let listing = Listing::of(&partition, chunk).newest_first().after(after);
            let (found, next) = match filter.index() {
                None => {
                    let page = self.rows.list::<NoticeRow>(listing).await?;
                    read += page.rows.len();
                    (page.rows, page.after)
                }
                Some((index, prefix)) => {
                    let page = self.rows.list::<Keys>(listing.by(index).beginning(&prefix)).await?;
                    read += page.rows.len();
                    (self.in_order(page.rows).await?, page.after)
                }
            };
            for row in found.into_iter().filter(|row| filter.takes(row)) {
                if rows.len() == limit as usize {
                    let after = rows.last().map(|last| filter.place(&last.id));
                    return Ok(Listed { rows, after });
                }
                rows.push(row);
            }
            after = next;
            if after.is_none() || rows.len() >= limit as usize || read >= READ_FOR_A_PAGE {
                return Ok(Listed { rows, after });
            }
            // What is looked for is rare: one call for each row that is missing would be as many calls as rows.
            chunk = limit.max(CHUNK);
        }
    }

    /// The rows of these keys, in their order.
    async fn in_order(&self, keys: Vec<Keys>) -> Result<Vec<NoticeRow>, TableError> {
        let wanted: Vec<_> = keys.iter().map(|keys| notice_key(&self.person, &keys.sk)).collect();
        let found: Vec<NoticeRow> = self.rows.get_all(&wanted).await?;
        let mut found: HashMap<String, NoticeRow> = found.into_iter().map(|row| (row.id.clone(), row)).collect();
        Ok(keys.into_iter().filter_map(|keys| found.remove(&keys.sk)).collect())
    }

    /// How many notices are unread, up to [`COUNTED`].
    pub(crate) async fn unread(&self) -> Result<u64, TableError> {
        let partition = notices_of(&self.person);
        let (mut count, mut after) = (0, None);
        loop {
            let listing = Listing::of(&partition, 1_000).by(USER_STATUS_CREATED).beginning("unread#").after(after);
            let page = self.rows.list::<Keys>(listing).await?;
            count += page.rows.len() as u64;
            after = page.after;
            if after.is_none() || count >= COUNTED {
                return Ok(count.min(COUNTED));
            }
        }
    }

    /// Gives a notice a status; the notice then, or `None` where there is none. Who does it for somebody else is written down.
    pub(crate) async fn mark(
        &self,
        id: &str,
        to: Status,
        for_them: Option<&PersonId>,
    ) -> Result<Option<NoticeRow>, TableError> {
        let Some(row) = self.notice(id).await? else { return Ok(None) };
        if row.status == to {
            return Ok(Some(row));
        }
        self.change(&row, to, While::Standing, for_them).await
    }

    /// Gives a notice a status while it is what `only` says; the notice then, or `None` where it is otherwise.
    async fn change(
        &self,
        row: &NoticeRow,
        to: Status,
        only: While,
        for_them: Option<&PersonId>,
    ) -> Result<Option<NoticeRow>, TableError> {
        let change = Change::of(row, to, only, self.clock.now());
        match for_them {
            None => self.change_own(row, change).await,
            Some(by) => self.change_for(row, change, by).await,
        }
    }

    async fn change_own(&self, row: &NoticeRow, change: Change) -> Result<Option<NoticeRow>, TableError> {
        let Change { to, id, condition, expression, values, names } = change;
        let update = self.rows.update(&notice_key(&self.person, &row.id)).update_expression(expression);
        let update = update.set_expression_attribute_values(Some(values)).set_expression_attribute_names(Some(names));
        let update = update.condition_expression(condition).return_values(ReturnValue::AllNew);
        match update.return_values_on_condition_check_failure(AllOld).send().await {
            Ok(done) => match done.attributes {
                Some(item) => Ok(Some(row_of(item)?)),
                None => Err(TableError::unavailable(std::io::Error::other("the reply names no item"))),
            },
            Err(error) => match error.into_service_error() {
                ConditionalCheckFailedException(failed) => {
                    let stands = failed.item.map(row_of::<NoticeRow>).transpose()?;
                    // It was changed meanwhile: by this very call, where its reply was lost and it was sent again.
                    let ours = |row: &NoticeRow| row.status == to && row.changed_in.as_ref() == Some(&id);
                    Ok(stands.filter(ours))
                }
                other => Err(TableError::unavailable(other)),
            },
        }
    }

    async fn change_for(
        &self,
        row: &NoticeRow,
        change: Change,
        by: &PersonId,
    ) -> Result<Option<NoticeRow>, TableError> {
        let Change { to, condition, expression, values, names, .. } = change;
        let update = self.rows.part_update(&notice_key(&self.person, &row.id)).update_expression(expression);
        let update = update.set_expression_attribute_values(Some(values)).set_expression_attribute_names(Some(names));
        let part = update_part(update.condition_expression(condition))?;
        let entry = Entry::draft("notification.marked", Actor::Person(by.clone())).of(row.id.clone());
        let entry = entry.about(&self.person).detail(json!({"from": row.status.as_str(), "to": to.as_str()}));
        match self.audit.of(&self.tenant).commit(&entry.ready()?, vec![part]).await {
            Ok(_) if to == Status::Dismissed => Ok(Some(row.clone())),
            Ok(_) => self.notice(&row.id).await,
            Err(TableError::Condition(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Marks up to [`MARKED_AT_ONCE`] unread notices read; how many this call did, and whether more are left. Of calls at once, each counts
    /// its own.
    pub(crate) async fn mark_all(
        &self,
        category: Option<Category>,
        for_them: Option<&PersonId>,
    ) -> Result<(usize, bool), TableError> {
        let filter = Filter { unread: Some(true), category };
        let page = self.page(filter, u32::try_from(MARKED_AT_ONCE).unwrap_or(u32::MAX), None).await?;
        let mut updated = 0;
        for chunk in page.rows.chunks(MARKING) {
            let marks = chunk.iter().map(|row| self.change(row, Status::Read, While::Unread, for_them));
            updated += future::try_join_all(marks).await?.iter().flatten().count();
        }
        Ok((updated, page.after.is_some()))
    }

    /// Marks these notices read; how many are, and which there are none of.
    pub(crate) async fn mark_each(
        &self,
        ids: Vec<String>,
        for_them: Option<&PersonId>,
    ) -> Result<(usize, Vec<String>), TableError> {
        let (mut updated, mut missing) = (0, Vec::new());
        let mut named = HashSet::new();
        let ids: Vec<String> = ids.into_iter().filter(|id| named.insert(id.clone())).collect();
        for chunk in ids.chunks(MARKING) {
            let marks = chunk.iter().map(|id| self.mark(id, Status::Read, for_them));
            for (id, marked) in chunk.iter().zip(future::try_join_all(marks).await?) {
                match marked {
                    Some(_) => updated += 1,
                    None => missing.push(id.clone()),
                }
            }
        }
        Ok((updated, missing))
    }

    /// What became of a notice's messages, by target; none where it goes nowhere but to the feed.
    pub(crate) async fn deliveries(&self, id: &str) -> Result<Vec<MessageRow>, TableError> {
        let mut found = Vec::new();
        for target in [Target::Email, Target::Webhook] {
            found.extend(self.outbox.message(&message_id(id, target)).await?);
        }
        Ok(found)
    }

    /// What the person has chosen; `None` where nothing.
    pub(crate) async fn preferences(&self) -> Result<Option<Preferences>, TableError> {
        self.preferences.get(&self.person).await
    }

    /// The languages that the person wants, best first.
    pub(crate) async fn wanted(&self, headers: &HeaderMap, token: Option<&str>) -> Result<Vec<String>, TableError> {
        self.preferences.wanted(&self.person, headers, token).await
    }

    /// Keeps what the person chooses.
    pub(crate) async fn prefer(&self, chosen: &Preferences) -> Result<(), TableError> {
        self.preferences.put(chosen).await
    }
}

/// What a notice must be for a change of it.
#[derive(Clone, Copy)]
enum While {
    /// It stands, and nobody has put it away.
    Standing,
    /// Nobody has read it, or has put it away.
    Unread,
}

impl While {
    /// The condition, and the status that it is about.
    fn condition(self) -> (&'static str, Status) {
        match self {
            Self::Standing => ("attribute_exists(pk) AND #status <> :from", Status::Dismissed),
            Self::Unread => ("#status = :from", Status::Unread),
        }
    }
}

/// An update of a notice's status with all that goes with it.
struct Change {
    to: Status,
    /// Its name.
    id: String,
    condition: &'static str,
    expression: &'static str,
    values: HashMap<String, AttributeValue>,
    names: HashMap<String, String>,
}

impl Change {
    fn of(row: &NoticeRow, to: Status, only: While, now: Timestamp) -> Self {
        let (condition, from) = only.condition();
        let (text, id) = (|text: &str| AttributeValue::S(text.to_owned()), ids::timed(now));
        let (unread, by_status) = NoticeRow::indexed(row.category, to, &row.id);
        let mut values = HashMap::from([
            (":status".to_owned(), text(to.as_str())),
            (":from".to_owned(), text(from.as_str())),
            (":by_status".to_owned(), text(&by_status)),
            (":now".to_owned(), text(&now.to_string())),
            (":id".to_owned(), text(&id)),
        ]);
        let names = [("#status", "status"), ("#by_status", USER_STATUS_CREATED), ("#unread", UNREAD_CAT_CREATED)];
        let names = names.map(|(name, attribute)| (name.to_owned(), attribute.to_owned())).into();
        let expression = match to {
            Status::Unread => {
                values.insert(":unread".to_owned(), text(&unread.unwrap_or_default()));
                "SET #status = :status, #by_status = :by_status, #unread = :unread, updated_at = :now, changed_in = :id REMOVE read_at"
            }
            Status::Read => {
                "SET #status = :status, #by_status = :by_status, updated_at = :now, changed_in = :id, read_at = if_not_exists(read_at, :now) \
                 REMOVE #unread"
            }
            Status::Dismissed => {
                "SET #status = :status, #by_status = :by_status, updated_at = :now, changed_in = :id REMOVE #unread"
            }
        };
        Self { to, id, condition, expression, values, names }
    }
}
