//! Telling: a notice now, or later.

use super::{
    Category, KillSwitch,
    limit::{Last, Verdict, latest_us, verdict},
    row::{
        DEFERRAL_DUE, Decision, LimitRow, MAX_DECISIONS, NoticeRow, PutOff, Status, ToldText, last_key, limit_of,
        notice_key, put_off_key,
    },
};
use crate::{
    audit::{Actor, Audit, Draft, Entry},
    clock::Clock,
    digest::Digest,
    idempotency::Token,
    ids::PersonId,
    outbox::{self, Message, Outbox},
    table::{Item, Listing, Table, TableError, TenantTable, new_part, update_part},
    tenant::TenantScope,
    web::request::random_hex,
};
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The most occurrences that one notice takes up in its transaction.
pub(super) const TAKEN_UP: usize = 40;
/// How many items of a limit are read at once: the last notice, and occurrences that wait or were told of lately.
const READ: u32 = 500;
/// How long an occurrence is kept that was told of, in seconds: two days.
const KEPT_S: i64 = 2 * 86_400;
/// How often a plan is made anew because others were quicker.
pub const PLANS: u32 = 6;

/// What a notice is told for. The same origin is told of once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// A decision by its own name, else a request by its idempotency key, else something that has no name and is new each time.
    pub fn of(decision_ref: Option<&str>, token: Option<&Token>) -> Self {
        Self(match (decision_ref, token) {
            (Some(name), _) => format!("ref-{}", Digest::of(name.as_bytes())),
            (None, Some(token)) => format!("key-{token}"),
            (None, None) => format!("new-{}", random_hex::<16>()),
        })
    }

    /// The origin as keys write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is to be told.
#[derive(Clone, Debug)]
pub struct Telling {
    /// To whom.
    pub person: PersonId,
    /// Of what kind.
    pub category: Category,
    /// What it is told for.
    pub origin: Origin,
    /// The decision.
    pub decision: Decision,
    /// What came with it, for staff.
    pub context: Map<String, Value>,
    /// Whether it can be appealed.
    pub appealable: bool,
    /// Who asks for it.
    pub by: Actor,
}

/// What is said, in every language, and what of it goes out by other ways than the feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Composed {
    /// By language tag.
    pub texts: BTreeMap<String, ToldText>,
    /// The version of the templates.
    pub version: u32,
}

/// Puts a notice that tells of `count` decisions into words; `Err` says why it cannot be.
pub trait Compose: Sync {
    /// What cannot be said.
    type Refusal: Send;

    /// The words, with what came with the newest decision.
    ///
    /// # Errors
    ///
    /// Why it cannot be said.
    fn compose(&self, context: &Map<String, Value>, decision: &Decision, count: u64)
    -> Result<Composed, Self::Refusal>;
}

/// What else goes out of a notice that is told: messages for the outbox, whose ids begin with the notice's.
pub trait Announce: Send + Sync {
    /// The messages of `notice` of `tenant`.
    fn messages(&self, tenant: &TenantScope, notice: &NoticeRow) -> Vec<Message>;
}

/// What becomes of a telling.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The notice.
    Now(Box<NoticeRow>),
    /// It was told before: the notice's id.
    Before(String),
    /// It waits.
    PutOff {
        /// Its name.
        origin: String,
        /// When it can be told.
        until: Timestamp,
        /// How many decisions wait to be told by then, it among them; of more than some five hundred occurrences, at least so many.
        waiting: u64,
    },
    /// Notices are switched off: nothing was written.
    Off,
}

/// What keeps something from being told.
#[derive(Debug, thiserror::Error)]
pub enum TellError<R> {
    /// It cannot be put into words.
    #[error("it cannot be put into words")]
    Refused(R),
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// What there is to write for a telling, and what it then is.
#[derive(Clone, Debug)]
pub struct Plan {
    /// To be joined to a transaction; empty where nothing is to be written.
    pub parts: Vec<TransactWriteItem>,
    /// What the telling is once that transaction stands.
    pub told: Told,
}

/// Tells people things, at most once in [`super::WINDOW`] for a category.
#[derive(Clone)]
pub struct Notices<C> {
    table: Table,
    audit: Audit,
    outbox: Outbox,
    switch: KillSwitch,
    clock: Clock,
    announce: std::sync::Arc<dyn Announce>,
    pub(super) words: C,
}

impl<C: Compose> Notices<C> {
    /// Tells by `words`, which `announce` sends to other places too, unless `switch` is off.
    pub fn new(
        table: Table,
        clock: Clock,
        switch: KillSwitch,
        words: C,
        announce: std::sync::Arc<dyn Announce>,
    ) -> Self {
        Self {
            audit: Audit::new(table.clone(), clock.clone()),
            outbox: Outbox::new(table.clone(), clock.clone()),
            table,
            switch,
            clock,
            announce,
            words,
        }
    }

    /// Whether anything is told.
    pub fn switch(&self) -> &KillSwitch {
        &self.switch
    }

    /// Tells it now or puts it off; what became of it. Whatever is written has its entry in the audit log.
    ///
    /// # Errors
    ///
    /// [`TellError`]. After [`TableError::Unavailable`] nothing was written, or, rarely, the table could not say: told again for the
    /// same origin, it is told once.
    pub async fn tell(&self, tenant: &TenantScope, telling: &Telling) -> Result<Told, TellError<C::Refusal>> {
        let log = self.audit.of(tenant);
        for _ in 0..PLANS {
            let plan = self.plan(tenant, telling).await?;
            if plan.parts.is_empty() {
                return Ok(plan.told);
            }
            match log.commit(&entry(telling, &plan.told).ready()?, plan.parts).await {
                Ok(_) => return Ok(plan.told),
                // Somebody was quicker: what stands now decides.
                Err(TableError::Condition(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(TableError::unavailable(std::io::Error::other("others were quicker each time")).into())
    }

    /// What telling it takes, by what stands in the table now. Where the transaction that it is joined to is refused for one of its parts,
    /// others were quicker, and a new plan is to be made.
    ///
    /// # Errors
    ///
    /// [`TellError`].
    pub async fn plan(&self, tenant: &TenantScope, telling: &Telling) -> Result<Plan, TellError<C::Refusal>> {
        if !self.switch.is_on() {
            return Ok(Plan { parts: vec![], told: Told::Off });
        }
        let rows = self.table.of(tenant);
        let limit = Limit::read(&rows, &telling.person, telling.category).await?;
        let now = self.clock.now();
        let known = limit.known(&rows, telling).await?;
        if let Some(told_in) = known.as_ref().and_then(|row| row.told_in.clone()) {
            return Ok(Plan { parts: vec![], told: Told::Before(told_in) });
        }
        match verdict(limit.last.as_ref(), &telling.origin.0, now) {
            Verdict::Told => {
                let id = limit.last.map(|last| last.last_id).unwrap_or_default();
                Ok(Plan { parts: vec![], told: Told::Before(id) })
            }
            Verdict::Until(until) => {
                // What cannot be said is refused at once, and not when its time has come.
                self.words.compose(&telling.context, &telling.decision, 1).map_err(TellError::Refused)?;
                put_off(&rows, telling, (&limit, known.is_some()), until, now).map_err(TellError::Table)
            }
            Verdict::Free => {
                let waiting: Vec<&PutOff> = limit.waiting().filter(|row| row.origin != telling.origin.0).collect();
                let taken = Taken { newest: Some(telling), waiting: &waiting[..waiting.len().min(TAKEN_UP)] };
                // It waited itself, and its time has come.
                let own = known.as_ref().map(|row| put_off_key(&row.person, row.category, &row.origin));
                let mut plan = self.now(tenant, &rows, &taken, now)?;
                if let (Some(key), Told::Now(notice)) = (own, &plan.told) {
                    plan.parts.push(take_up(&rows, &key, &notice.id, now)?);
                }
                Ok(plan)
            }
        }
    }

    /// The writing of a notice that tells of all that is `taken`.
    pub(super) fn now(
        &self,
        tenant: &TenantScope,
        rows: &TenantTable,
        taken: &Taken<'_>,
        now: Timestamp,
    ) -> Result<Plan, TellError<C::Refusal>> {
        let Some(notice) = self.notice(taken, now)? else { return Ok(Plan { parts: vec![], told: Told::Off }) };
        let mut parts = vec![moved(rows, &notice, taken.origin(), now)?];
        parts.push(new_part(rows.part_put(rows.item(&notice_key(&notice.person, &notice.id), &notice)?))?);
        for row in taken.waiting {
            parts.push(take_up(rows, &put_off_key(&row.person, row.category, &row.origin), &notice.id, now)?);
        }
        let outbox = self.outbox.of(tenant);
        for message in self.announce.messages(tenant, &notice) {
            parts.push(outbox.part(message)?);
        }
        Ok(Plan { parts, told: Told::Now(Box::new(notice)) })
    }

    /// The notice of what is `taken`; `None` where nothing is.
    fn notice(&self, taken: &Taken<'_>, now: Timestamp) -> Result<Option<NoticeRow>, TellError<C::Refusal>> {
        let Some((person, category, by, context)) = taken.about() else { return Ok(None) };
        let (count, decisions) = taken.decisions();
        let Some(newest) = decisions.first() else { return Ok(None) };
        let Composed { texts, version } = self.words.compose(context, newest, count).map_err(TellError::Refused)?;
        let id = notice_id(now);
        let (unread_cat_created, user_status_created) = NoticeRow::indexed(category, Status::Unread, &id);
        Ok(Some(NoticeRow {
            id,
            person: person.clone(),
            category,
            texts,
            text_version: version,
            count,
            decisions,
            context: context.clone(),
            appealable: category.appealable() && taken.appealable(),
            by: by.clone(),
            created_at: now,
            updated_at: now,
            status: Status::Unread,
            read_at: None,
            unread_cat_created,
            user_status_created,
        }))
    }

    pub(super) fn parts_of(&self) -> (&Table, &Audit, &Clock) {
        (&self.table, &self.audit, &self.clock)
    }
}

/// What a notice tells of: what is told now, if anything, and what waited.
pub(super) struct Taken<'a> {
    pub(super) newest: Option<&'a Telling>,
    pub(super) waiting: &'a [&'a PutOff],
}

impl Taken<'_> {
    fn latest(&self) -> Option<&PutOff> {
        self.waiting.iter().copied().max_by_key(|row| row.at)
    }

    fn about(&self) -> Option<(&PersonId, Category, &Actor, &Map<String, Value>)> {
        match (self.newest, self.latest()) {
            (Some(now), _) => Some((&now.person, now.category, &now.by, &now.context)),
            (None, Some(row)) => Some((&row.person, row.category, &row.by, &row.context)),
            (None, None) => None,
        }
    }

    /// What the notice is known by.
    fn origin(&self) -> &str {
        let latest = self.latest().map(|row| row.origin.as_str());
        self.newest.map(|telling| telling.origin.as_str()).or(latest).unwrap_or_default()
    }

    fn appealable(&self) -> bool {
        self.newest.is_some_and(|telling| telling.appealable) || self.waiting.iter().any(|row| row.appealable)
    }

    fn decisions(&self) -> (u64, Vec<Decision>) {
        let newest = self.newest.map(|telling| (1, vec![telling.decision.clone()]));
        let waiting = self.waiting.iter().map(|row| (row.count, row.decisions.clone()));
        summed(newest.into_iter().chain(waiting))
    }
}

/// Counts added up, and decisions put together, newest first and at most [`MAX_DECISIONS`].
pub(super) fn summed(of: impl IntoIterator<Item = (u64, Vec<Decision>)>) -> (u64, Vec<Decision>) {
    let (mut count, mut decisions) = (0_u64, Vec::new());
    for (more, of) in of {
        count = count.saturating_add(more);
        decisions.extend(of);
    }
    decisions.sort_by_key(|decision: &Decision| std::cmp::Reverse(decision.at));
    decisions.truncate(MAX_DECISIONS);
    (count, decisions)
}

/// What stands of a limit.
pub(super) struct Limit {
    pub(super) last: Option<Last>,
    pub(super) put_off: Vec<PutOff>,
    /// Whether that is all that was put off.
    whole: bool,
}

impl Limit {
    /// Reads it, strongly consistent: a read that is behind would decide wrongly.
    pub(super) async fn read(rows: &TenantTable, person: &PersonId, category: Category) -> Result<Self, TableError> {
        let partition = limit_of(person, category);
        let (mut limit, mut after) = (Self { last: None, put_off: vec![], whole: false }, None);
        loop {
            let page = rows.list::<LimitRow>(Listing::of(&partition, READ).after(after)).await?;
            for row in page.rows {
                match row {
                    LimitRow::Last(last) => limit.last = Some(last),
                    LimitRow::PutOff(row) => limit.put_off.push(*row),
                }
            }
            after = page.after;
            // The last notice stands before what was put off. Of that, a page is enough for one notice; the schedule takes up the rest.
            limit.whole = after.is_none();
            if limit.whole || limit.waiting().count() >= TAKEN_UP {
                return Ok(limit);
            }
        }
    }

    /// What was put off for the origin of `telling`, told of or not.
    async fn known(&self, rows: &TenantTable, telling: &Telling) -> Result<Option<PutOff>, TableError> {
        match self.put_off.iter().find(|row| row.origin == telling.origin.0) {
            Some(row) => Ok(Some(row.clone())),
            None if self.whole => Ok(None),
            None => rows.get(&put_off_key(&telling.person, telling.category, &telling.origin.0)).await,
        }
    }

    /// What waits to be told.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &PutOff> {
        self.put_off.iter().filter(|row| row.told_in.is_none())
    }
}

/// The writing of an occurrence that must wait; of nothing where it waits already.
fn put_off(
    rows: &TenantTable,
    telling: &Telling,
    (limit, known): (&Limit, bool),
    until: Timestamp,
    now: Timestamp,
) -> Result<Plan, TableError> {
    let origin = telling.origin.0.clone();
    let waiting = limit.waiting().map(|row| row.count).sum::<u64>() + u64::from(!known);
    let told = Told::PutOff { origin: origin.clone(), until, waiting };
    if known {
        return Ok(Plan { parts: vec![], told });
    }
    let row = PutOff {
        origin,
        person: telling.person.clone(),
        category: telling.category,
        count: 1,
        decisions: vec![telling.decision.clone()],
        context: telling.context.clone(),
        appealable: telling.appealable,
        by: telling.by.clone(),
        at: now,
        told_in: None,
        deferral_due: Some(outbox::due(until)),
    };
    let key = put_off_key(&row.person, row.category, &row.origin);
    Ok(Plan { parts: vec![new_part(rows.part_put(rows.item(&key, &row)?))?], told })
}

/// Moves the limit to a notice that is told now, if the one before is far enough back.
fn moved(
    rows: &TenantTable,
    notice: &NoticeRow,
    origin: &str,
    now: Timestamp,
) -> Result<TransactWriteItem, TableError> {
    let update = rows.part_update(&last_key(&notice.person, notice.category));
    let update = update.update_expression("SET last_at_us = :now, last_id = :id, last_origin = :origin");
    let update = update.condition_expression("attribute_not_exists(last_at_us) OR last_at_us <= :latest");
    let number = |value: i64| AttributeValue::N(value.to_string());
    let update = update.expression_attribute_values(":now", number(now.as_microsecond()));
    let update = update.expression_attribute_values(":latest", number(latest_us(now)));
    let update = update.expression_attribute_values(":id", AttributeValue::S(notice.id.clone()));
    update_part(update.expression_attribute_values(":origin", AttributeValue::S(origin.to_owned())))
}

/// Marks an occurrence as told in `told_in`, if nobody has told of it yet. It is kept for two days more: whoever sends the
/// same again is told where it stands.
pub(super) fn take_up(
    rows: &TenantTable,
    key: &crate::table::Key,
    told_in: &str,
    now: Timestamp,
) -> Result<TransactWriteItem, TableError> {
    let update = rows.part_update(key);
    let update = update.update_expression("SET told_in = :told_in, expires_at = :expires REMOVE #due");
    let kept_until = now.as_second().saturating_add(KEPT_S).to_string();
    let update = update.expression_attribute_values(":expires", AttributeValue::N(kept_until));
    let update = update.condition_expression("attribute_exists(pk) AND attribute_not_exists(told_in)");
    let update = update.expression_attribute_names("#due", DEFERRAL_DUE);
    update_part(update.expression_attribute_values(":told_in", AttributeValue::S(told_in.to_owned())))
}

/// The name of a notice that is told at `now`: later ones sort after it.
fn notice_id(now: Timestamp) -> String {
    format!("ntf_{}", crate::ids::timed(now))
}

/// The entry of a telling.
fn entry(telling: &Telling, told: &Told) -> Draft {
    let (kind, of, count) = match told {
        Told::Now(notice) => ("notification.created", notice.id.clone(), notice.count),
        _ => ("notification.put_off", telling.origin.0.clone(), 1),
    };
    let detail = json!({
        "category": telling.category.as_str(), "count": count, "decision": telling.decision,
        "context": telling.context,
    });
    Entry::new(kind, telling.by.clone()).of(of).about(&telling.person).detail(detail)
}

/// Whether `item` is a limit that somebody else has moved. For callers that join a plan to parts of their own.
pub fn is_limit(item: &Item) -> bool {
    item.contains_key("last_at_us")
}
