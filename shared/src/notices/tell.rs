//! Telling: a notice now, or later.

use super::{
    KillSwitch,
    deferral::{FOLDS, fold, too_much},
    limit::{Verdict, verdict},
    parts::{moved, put_off, take_up, told_at_once},
    row::{NoticeRow, Status, notice_key},
    standing::{Known, Limit, TAKEN_UP},
    taken::{Room, Taken, fitting},
    telling::{Announce, Compose, Composed, Telling, ToSay},
};
use crate::{
    audit::{Audit, Draft, Entry},
    clock::Clock,
    outbox::Outbox,
    table::{Item, Table, TableError, TenantTable, new_part},
    tenant::TenantScope,
};
use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use serde_json::json;

/// The member of a context that holds free text.
const NAME: &str = "item";
/// How often a plan is made anew because others were quicker.
pub const PLANS: u32 = 6;

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
        let mut ask = Ask::First;
        for _ in 0..PLANS {
            let plan = self.plan_by(tenant, telling, ask).await?;
            if plan.parts.is_empty() {
                return Ok(plan.told);
            }
            match log.commit(&entry(telling, &plan.told).ready()?, plan.parts).await {
                Ok(_) => return Ok(plan.told),
                // Somebody was quicker: what stands now decides.
                Err(TableError::Condition(found)) => ask = Ask::after(&found),
                Err(error) => return Err(error.into()),
            }
        }
        Err(TableError::unavailable(std::io::Error::other("others were quicker each time")).into())
    }

    /// What telling it takes, by what stands in the table now. Where the transaction that it is joined to is refused for one of its parts,
    /// others were quicker, and a new plan is to be made. More that waits than a notice can take up is folded first. A plan has at most
    /// [`super::MAX_PARTS`] parts.
    ///
    /// # Errors
    ///
    /// [`TellError`].
    pub async fn plan(&self, tenant: &TenantScope, telling: &Telling) -> Result<Plan, TellError<C::Refusal>> {
        self.plan_by(tenant, telling, Ask::First).await
    }

    async fn plan_by(&self, tenant: &TenantScope, telling: &Telling, ask: Ask) -> Result<Plan, TellError<C::Refusal>> {
        let rows = self.table.of(tenant);
        for _ in 0..FOLDS {
            if !self.switch.is_on() {
                return Ok(Plan { parts: vec![], told: Told::Off });
            }
            let limit = Limit::read(&rows, &telling.person, telling.category).await?;
            let now = self.clock.now();
            let waiting = limit.waiting();
            let free = verdict(limit.last.as_ref(), telling.origin.as_str(), now) == Verdict::Free;
            let folded = free && waiting.len() > TAKEN_UP && fold(&rows, &waiting, now).await?;
            if !folded {
                return self.planned(tenant, &rows, telling, (limit, ask), now).await;
            }
        }
        Err(too_much().into())
    }

    async fn planned(
        &self,
        tenant: &TenantScope,
        rows: &TenantTable,
        telling: &Telling,
        (limit, ask): (Limit, Ask),
        now: Timestamp,
    ) -> Result<Plan, TellError<C::Refusal>> {
        let known = match ask {
            Ask::First => limit.known(rows, telling, now).await?,
            Ask::Later => limit.known_here(telling),
        };
        let waits = match known {
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
                let rest = limit.waiting().into_iter();
                let rest = rest.filter(|row| first.is_none_or(|first| first.origin != row.origin));
                let newest = waits.is_none().then_some(telling);
                let take_part = newest.into_iter().flat_map(Telling::involved).collect();
                let waiting = fitting(first.into_iter().chain(rest), take_part, Room::NOTICE);
                let mut plan = self.now(tenant, rows, &Taken { newest, waiting: &waiting }, now)?;
                if let (None, Told::Now(notice), true) = (&waits, &plan.told, telling.origin.recurs()) {
                    plan.parts.push(told_at_once(rows, telling, notice, now)?);
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
            parts.extend(take_up(rows, row, &notice.id, now)?);
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

/// Whether the table is asked what has become of an origin before something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    /// It is.
    First,
    /// It was, a moment ago, and what is not seen to wait is taken for new: the transaction has that as a condition.
    Later,
}

impl Ask {
    /// What is done after a transaction was refused that found these items: a limit that somebody else has moved says nothing of the origin.
    fn after(found: &[Option<Item>]) -> Self {
        let mut found = found.iter().flatten().peekable();
        if found.peek().is_some() && found.all(is_limit) { Self::Later } else { Self::First }
    }
}

/// The entry of a telling.
fn entry(telling: &Telling, told: &Told) -> Draft {
    let (kind, of, count) = match told {
        Told::Now(notice) => ("notification.created", notice.id.clone(), notice.count),
        _ => ("notification.put_off", telling.origin.as_str().to_owned(), 1),
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

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::AttributeValue;

    #[test]
    fn an_origin_is_looked_up_again_unless_the_limit_alone_was_moved() {
        let item = |name: &str| Some(Item::from([(name.to_owned(), AttributeValue::Bool(true))]));
        let (limit, once) = (item("last_at_us"), item("told_in"));
        assert_eq!(Ask::after(&[None, limit.clone(), None]), Ask::Later);
        for found in [vec![], vec![None], vec![once.clone()], vec![limit, None, once]] {
            assert_eq!(Ask::after(&found), Ask::First, "{found:?}");
        }
    }
}
