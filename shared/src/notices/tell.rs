//! Telling: a notice now, or later.

use super::{
    Category, KillSwitch,
    deferral::{FOLDS, fold, too_much},
    limit::{Verdict, verdict},
    parts::{mark, moved, put_off, take_up},
    row::{Decision, NoticeRow, PutOff, Status, ToldText, notice_key},
    standing::{Known, Limit, TAKEN_UP},
    taken::Taken,
};
use crate::{
    audit::{Actor, Audit, Draft, Entry},
    clock::Clock,
    digest::Digest,
    idempotency::Token,
    ids::PersonId,
    outbox::{Message, Outbox},
    table::{Item, Table, TableError, TenantTable, new_part},
    tenant::TenantScope,
    web::request::random_hex,
};
use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The member of a context that holds free text.
const NAME: &str = "item";
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

    /// Whether an origin, as keys write it, is a decision's own name.
    pub(super) fn names_a_decision(origin: &str) -> bool {
        origin.starts_with("ref-")
    }

    /// Whether it can come again: what has no name of its own cannot.
    pub(super) fn recurs(&self) -> bool {
        !self.0.starts_with("new-")
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

impl Telling {
    /// Who took the decision, and who asks for it to be told.
    pub(super) fn involved(&self) -> impl Iterator<Item = &PersonId> {
        let asks = match &self.by {
            Actor::Person(person) => Some(person),
            Actor::Job(_) => None,
        };
        asks.into_iter().chain(&self.decision.decided_by)
    }

    /// What a notice of this alone says.
    fn to_say(&self) -> ToSay<'_> {
        ToSay {
            category: self.category,
            context: &self.context,
            decision: &self.decision,
            count: 1,
            appealable: self.appealable && self.category.appealable(),
        }
    }
}

/// What is said, in every language, and what of it goes out by other ways than the feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Composed {
    /// By language tag.
    pub texts: BTreeMap<String, ToldText>,
    /// The version of the templates.
    pub version: u32,
}

/// What a notice is to say.
#[derive(Clone, Copy, Debug)]
pub struct ToSay<'a> {
    /// Of what kind it is.
    pub category: Category,
    /// What came with the newest decision.
    pub context: &'a Map<String, Value>,
    /// The newest decision.
    pub decision: &'a Decision,
    /// How many decisions it tells of.
    pub count: u64,
    /// Whether it can be appealed.
    pub appealable: bool,
}

/// Puts notices into words.
pub trait Compose: Sync {
    /// What cannot be said.
    type Refusal: Send;

    /// The words.
    ///
    /// # Errors
    ///
    /// Why it cannot be said.
    fn compose(&self, to_say: &ToSay<'_>) -> Result<Composed, Self::Refusal>;
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
        /// How many decisions wait to be told by then, it among them; where more than some forty occurrences do, at least so many.
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

    /// Tells it now or puts it off; what became of it. What is told or put off has its entry in the audit log; folding what waits has none.
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
    /// others were quicker, and a new plan is to be made. More that waits than a notice can take up is folded first.
    ///
    /// # Errors
    ///
    /// [`TellError`].
    pub async fn plan(&self, tenant: &TenantScope, telling: &Telling) -> Result<Plan, TellError<C::Refusal>> {
        let rows = self.table.of(tenant);
        for _ in 0..FOLDS {
            if !self.switch.is_on() {
                return Ok(Plan { parts: vec![], told: Told::Off });
            }
            let limit = Limit::read(&rows, &telling.person, telling.category).await?;
            let now = self.clock.now();
            let waiting: Vec<&PutOff> = limit.waiting().collect();
            let free = verdict(limit.last.as_ref(), telling.origin.as_str(), now) == Verdict::Free;
            if !free || waiting.len() <= TAKEN_UP {
                return self.planned(tenant, &rows, telling, limit, now).await;
            }
            fold(&rows, &waiting, now).await?;
        }
        Err(too_much().into())
    }

    async fn planned(
        &self,
        tenant: &TenantScope,
        rows: &TenantTable,
        telling: &Telling,
        limit: Limit,
        now: Timestamp,
    ) -> Result<Plan, TellError<C::Refusal>> {
        let waits = match limit.known(rows, telling).await? {
            Known::Told(told_in) => return Ok(Plan { parts: vec![], told: Told::Before(told_in) }),
            Known::Waits(row) => Some(row),
            Known::New => None,
        };
        match verdict(limit.last.as_ref(), telling.origin.as_str(), now) {
            Verdict::Told => {
                let id = limit.last.map(|last| last.last_id).unwrap_or_default();
                Ok(Plan { parts: vec![], told: Told::Before(id) })
            }
            Verdict::Until(until) => {
                // What cannot be said is refused at once, and not when its time has come.
                self.words.compose(&telling.to_say()).map_err(TellError::Refused)?;
                put_off(rows, telling, (&limit, waits.is_some()), until, now).map_err(TellError::Table)
            }
            Verdict::Free => {
                // It may have waited itself until now: then it is among what is taken up.
                let first = waits.as_deref();
                let rest = limit.waiting().filter(|row| first.is_none_or(|first| first.origin != row.origin));
                let waiting: Vec<&PutOff> = first.into_iter().chain(rest).take(TAKEN_UP).collect();
                let newest = waits.is_none().then_some(telling);
                let mut plan = self.now(tenant, rows, &Taken { newest, waiting: &waiting }, now)?;
                if let (None, Told::Now(notice), true) = (&waits, &plan.told, telling.origin.recurs()) {
                    plan.parts.push(mark(rows, telling, notice, now)?);
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
            parts.push(take_up(rows, row, &notice.id, now)?);
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
        let appealable = category.appealable() && taken.appealable();
        let to_say = ToSay { category, context, decision: newest, count, appealable };
        let Composed { texts, version } = match self.words.compose(&to_say) {
            Ok(composed) => composed,
            // What waited could be said when it came. It is told without the name that can be said no more, and nothing waits for ever.
            Err(_) if taken.newest.is_none() && context.contains_key(NAME) => {
                tracing::warn!(event = "notice_without_its_name", "what came with a notice can no longer be said");
                let context = context.iter().filter(|(name, _)| *name != NAME);
                let context = context.map(|(name, value)| (name.clone(), value.clone())).collect();
                self.words.compose(&ToSay { context: &context, ..to_say }).map_err(TellError::Refused)?
            }
            Err(refused) => return Err(TellError::Refused(refused)),
        };
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
            appealable,
            by: by.clone(),
            involved: taken.involved(),
            created_at: now,
            updated_at: now,
            changed_in: None,
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
    Entry::draft(kind, telling.by.clone()).of(of).about(&telling.person).detail(detail)
}

/// Whether `item` is a limit that somebody else has moved. For callers that join a plan to parts of their own.
pub fn is_limit(item: &Item) -> bool {
    item.contains_key("last_at_us")
}
