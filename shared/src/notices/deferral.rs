//! What was put off, told when its time has come.

use super::{
    Category,
    limit::{Verdict, verdict},
    parts::{take_up, waits},
    row::{DEFERRAL_DUE, PutOff, put_off_key},
    standing::{Limit, TAKEN_UP},
    taken::{Room, Taken, fitting, summed},
    tell::{Notices, PLANS, Plan, TellError, Told},
    telling::{Compose, Origin},
};
use crate::{
    audit::{Actor, Entry},
    ids::PersonId,
    table::{TableError, TenantTable, sortable},
    tenant::TenantScope,
};
use aws_sdk_dynamodb::{error::ProvideErrorMetadata, types::AttributeValue};
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeSet;

/// The name by which the audit log knows the schedule.
const JOB: &str = "notification-deferrals";
/// The most rounds of folding in one run: some 40,000 occurrences of one category for one person.
pub(super) const FOLDS: u32 = 1_000;

/// What became of what waited for a person in a category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// It was told of by one notice.
    Told {
        /// The notice.
        notice: String,
        /// How many decisions it tells of.
        count: u64,
    },
    /// Its time has not come.
    NotYet(Timestamp),
    /// Nothing waited.
    Nothing,
    /// Notices are switched off: it goes on waiting.
    Off,
}

impl<C: Compose> Notices<C> {
    /// Tells a person by one notice of all that waits for them in a category, if its time has come. What more people took part in than a
    /// notice can name waits for the next one.
    ///
    /// # Errors
    ///
    /// [`TellError`]; whatever was not told goes on waiting.
    pub async fn flush(
        &self,
        tenant: &TenantScope,
        person: &PersonId,
        category: Category,
    ) -> Result<Flushed, TellError<C::Refusal>> {
        let (table, audit, clock) = self.parts_of();
        let (rows, log) = (table.of(tenant), audit.of(tenant));
        let mut plans = 0;
        for _ in 0..FOLDS {
            if !self.switch().is_on() {
                return Ok(Flushed::Off);
            }
            let limit = Limit::read(&rows, person, category).await?;
            let waiting = limit.waiting();
            if waiting.is_empty() {
                return Ok(Flushed::Nothing);
            }
            let now = clock.now();
            // No origin is told of twice here: what was told is marked in the transaction that told it.
            if let Verdict::Until(until) = verdict(limit.last.as_ref(), "", now) {
                postpone(&rows, &waiting, until).await?;
                return Ok(Flushed::NotYet(until));
            }
            if waiting.len() > TAKEN_UP && fold(&rows, &waiting, now).await? {
                continue;
            }
            let waiting = fitting(waiting, BTreeSet::new(), Room::NOTICE);
            let Plan { parts, told } = self.now(tenant, &rows, &Taken { newest: None, waiting: &waiting }, now)?;
            let Told::Now(notice) = told else { return Ok(Flushed::Nothing) };
            let detail = json!({"category": category.as_str(), "count": notice.count, "decisions": notice.decisions});
            let entry = Entry::draft("notification.summarised", Actor::Job(JOB.to_owned())).of(notice.id.clone());
            match log.commit(&entry.about(person).detail(detail).ready()?, parts).await {
                Ok(_) => return Ok(Flushed::Told { notice: notice.id, count: notice.count }),
                // Somebody was quicker: what stands now decides.
                Err(TableError::Condition(_)) if plans < PLANS => plans += 1,
                Err(error) => return Err(error.into()),
            }
        }
        Err(too_much().into())
    }

    /// What waits for a person in a category: how many decisions, since when, until when, and what the newest came with.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn waiting(
        &self,
        tenant: &TenantScope,
        person: &PersonId,
        category: Category,
    ) -> Result<Vec<PutOff>, TableError> {
        let limit = Limit::read(&self.parts_of().0.of(tenant), person, category).await?;
        Ok(limit.waiting().into_iter().cloned().collect())
    }
}

/// Folds as many as [`TAKEN_UP`] occurrences into one that stands for all of them, so that a notice of any number of decisions fits a
/// transaction. If somebody tells of one of them meanwhile, nothing is folded.
///
/// Those go first that name the fewest people, and only such go together as leave room in a notice for whoever takes part in what it is
/// told for. Where no two do, nothing can be folded: false.
pub(super) async fn fold(rows: &TenantTable, waiting: &[&PutOff], now: Timestamp) -> Result<bool, TableError> {
    let mut fewest_first = waiting.to_vec();
    fewest_first.sort_by_key(|row| row.involved.len());
    let folding = fitting(fewest_first, BTreeSet::new(), Room::FOLD);
    let Some(newest) = folding.iter().max_by_key(|row| row.at).filter(|_| folding.len() > 1) else { return Ok(false) };
    let (count, decisions) = summed(folding.iter().map(|row| (row.count, row.decisions.clone())));
    let folded = PutOff {
        origin: Origin::folded(),
        count,
        decisions,
        appealable: folding.iter().any(|row| row.appealable),
        involved: folding.iter().flat_map(|row| row.involved.clone()).collect(),
        ..(*newest).clone()
    };
    let mut parts = waits(rows, &folded, now)?;
    for row in folding {
        parts.extend(take_up(rows, row, &folded.origin, now)?);
    }
    match rows.transact(parts).await {
        Ok(()) | Err(TableError::Condition(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

/// That more waits than can be folded at once.
pub(super) fn too_much() -> TableError {
    TableError::unavailable(std::io::Error::other("more was put off than can be told of at once"))
}

/// Says of what waits when it can be told now, where another notice has moved that.
async fn postpone(rows: &TenantTable, waiting: &[&PutOff], until: Timestamp) -> Result<(), TableError> {
    let due = sortable(until);
    for row in waiting.iter().filter(|row| row.deferral_due.as_deref() != Some(due.as_str())) {
        let update = rows.update(&put_off_key(&row.person, row.category, &row.origin));
        let update = update.update_expression("SET #due = :due").expression_attribute_names("#due", DEFERRAL_DUE);
        let update = update.condition_expression("attribute_exists(pk)");
        match update.expression_attribute_values(":due", AttributeValue::S(due.clone())).send().await {
            Ok(_) => {}
            // It was told of meanwhile.
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {}
            Err(error) => return Err(TableError::unavailable(error)),
        }
    }
    Ok(())
}
