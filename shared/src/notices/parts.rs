//! What is written of a telling: the parts of its transaction.

use super::{
    limit::latest_us,
    row::{FOLDED, NoticeRow, Once, PutOff, last_key, once_key, put_off_key},
    standing::{Limit, TAKEN_UP},
    tell::{Plan, Told},
    telling::{Origin, Telling},
};
use crate::{
    ids::PersonId,
    notices::Category,
    table::{TableError, TenantTable, new_part, sortable, update_part},
};
use aws_sdk_dynamodb::types::{AttributeValue, Delete, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem};
use jiff::Timestamp;

/// The most messages of one notice.
const MESSAGES: usize = 2;
/// The most parts of a plan: the guard and the notice, its origin, two for each occurrence that it takes up, and its messages.
pub const MAX_PARTS: usize = 3 + 2 * TAKEN_UP + MESSAGES;
/// What a transaction holds.
const TRANSACTION: usize = 100;
// The audit log's two, and as many as callers have room for: an appeal's decision adds its row and a message.
const _: () = assert!(MAX_PARTS + 2 + 10 <= TRANSACTION);

/// How long it is remembered that a decision was told of, in seconds: thirty days. Whoever sends it again until then hears so.
const DECISION_KEPT_S: i64 = 30 * 86_400;
/// The same for what has no name but a request's key, which means its request for a day.
const REQUEST_KEPT_S: i64 = 2 * 86_400;
/// The same for what was folded into another occurrence, which may wait long while notices are switched off.
const FOLDED_KEPT_S: i64 = 2 * 365 * 86_400;

/// The writing of an occurrence that must wait; of nothing where it waits already.
pub(super) fn put_off(
    rows: &TenantTable,
    telling: &Telling,
    (limit, known): (&Limit, bool),
    until: Timestamp,
    now: Timestamp,
) -> Result<Plan, TableError> {
    let origin = telling.origin.as_str().to_owned();
    let waiting = limit.waiting().iter().map(|row| row.count).sum::<u64>() + u64::from(!known);
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
        involved: telling.involved().cloned().collect(),
        at: now,
        deferral_due: Some(sortable(until)),
    };
    Ok(Plan { parts: waits(rows, &row, now)?, told })
}

/// The writing of `row` as one that waits, if nothing of its origin waits or was told.
pub(super) fn waits(rows: &TenantTable, row: &PutOff, now: Timestamp) -> Result<Vec<TransactWriteItem>, TableError> {
    let key = put_off_key(&row.person, row.category, &row.origin);
    let mut parts = vec![new_part(rows.part_put(rows.item(&key, row)?))?];
    if Origin::is_found_again(&row.origin) {
        let once = Once { origin: row.origin.clone(), told_in: None, waited: true, expires_at: None };
        parts.push(once_part(rows, (&row.person, row.category), &once, now)?);
    }
    Ok(parts)
}

/// Moves the limit to a notice that is told now, if the one before is far enough back.
pub(super) fn moved(
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

/// Remembers that the origin of `telling` is told at once in `notice`, if nothing of it waits or was told.
pub(super) fn told_at_once(
    rows: &TenantTable,
    telling: &Telling,
    notice: &NoticeRow,
    now: Timestamp,
) -> Result<TransactWriteItem, TableError> {
    let origin = telling.origin.as_str().to_owned();
    let (told_in, expires_at) = (Some(notice.id.clone()), Some(kept_until(&origin, &notice.id, now)));
    let once = Once { origin, told_in, waited: false, expires_at };
    once_part(rows, (&telling.person, telling.category), &once, now)
}

/// The writing of what is known of an origin, if nothing is, or nothing any more at `now`: the table deletes late.
fn once_part(
    rows: &TenantTable,
    (person, category): (&PersonId, Category),
    once: &Once,
    now: Timestamp,
) -> Result<TransactWriteItem, TableError> {
    let put = rows.part_put(rows.item(&once_key(person, category, &once.origin), once)?);
    let put = put.condition_expression("attribute_not_exists(pk) OR expires_at <= :now");
    let put = put.expression_attribute_values(":now", AttributeValue::N(now.as_second().to_string()));
    let put = put.return_values_on_condition_check_failure(AllOld).build().map_err(TableError::unavailable)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// When it may be forgotten that `origin` was told of at `now` in `told_in`, in seconds since 1970. Decisions that were folded are found
/// by what they were folded into, which is told of later than that.
fn kept_until(origin: &str, told_in: &str, now: Timestamp) -> i64 {
    let long = Origin::names_a_decision(origin) || origin.starts_with(FOLDED);
    now.as_second().saturating_add(match long {
        _ if told_in.starts_with(FOLDED) => FOLDED_KEPT_S,
        true => DECISION_KEPT_S,
        false => REQUEST_KEPT_S,
    })
}

/// Takes an occurrence away that is told in `told_in`, if it waits still, and remembers where: whoever sends the same again is told so.
pub(super) fn take_up(
    rows: &TenantTable,
    row: &PutOff,
    told_in: &str,
    now: Timestamp,
) -> Result<Vec<TransactWriteItem>, TableError> {
    let origin = row.origin.clone();
    let delete = rows.part_delete(&put_off_key(&row.person, row.category, &origin));
    let delete = delete.condition_expression("attribute_exists(pk)").return_values_on_condition_check_failure(AllOld);
    let delete: Delete = delete.build().map_err(TableError::unavailable)?;
    let mut parts = vec![TransactWriteItem::builder().delete(delete).build()];
    if Origin::is_found_again(&origin) {
        let key = once_key(&row.person, row.category, &origin);
        let expires_at = Some(kept_until(&origin, told_in, now));
        let once = Once { origin, told_in: Some(told_in.to_owned()), waited: true, expires_at };
        let put = rows.part_put(rows.item(&key, &once)?).build().map_err(TableError::unavailable)?;
        parts.push(TransactWriteItem::builder().put(put).build());
    }
    Ok(parts)
}
