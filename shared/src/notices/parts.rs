//! What is written of a telling: the parts of its transaction.

use super::{
    limit::latest_us,
    row::{Mark, NoticeRow, PutOff, last_key, put_off_key},
    standing::Limit,
    tell::{Origin, Plan, Telling, Told},
};
use crate::table::{TableError, TenantTable, new_part, sortable, update_part};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use jiff::Timestamp;

/// How long it is remembered that a decision was told of, in seconds: thirty days. Whoever sends it again until then hears so.
const DECISION_KEPT_S: i64 = 30 * 86_400;
/// The same for what has no name but a request's key, which means its request for a day.
const REQUEST_KEPT_S: i64 = 2 * 86_400;

/// The writing of an occurrence that must wait; of nothing where it waits already.
pub(super) fn put_off(
    rows: &TenantTable,
    telling: &Telling,
    (limit, known): (&Limit, bool),
    until: Timestamp,
    now: Timestamp,
) -> Result<Plan, TableError> {
    let origin = telling.origin.as_str().to_owned();
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
        involved: telling.involved().cloned().collect(),
        at: now,
        deferral_due: Some(sortable(until)),
    };
    let key = put_off_key(&row.person, row.category, &row.origin);
    Ok(Plan { parts: vec![new_part(rows.part_put(rows.item(&key, &row)?))?], told })
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

/// Marks the origin of `telling` as told at once in `notice`, if nothing of it was put off or told.
pub(super) fn mark(
    rows: &TenantTable,
    telling: &Telling,
    notice: &NoticeRow,
    now: Timestamp,
) -> Result<TransactWriteItem, TableError> {
    let origin = telling.origin.as_str().to_owned();
    let key = put_off_key(&telling.person, telling.category, &origin);
    let mark = Mark { expires_at: kept_until(&origin, now), origin, told_in: notice.id.clone(), waited: false };
    new_part(rows.part_put(rows.item(&key, &mark)?))
}

/// When it may be forgotten that `origin` was told of at `now`, in seconds since 1970.
fn kept_until(origin: &str, now: Timestamp) -> i64 {
    now.as_second().saturating_add(if Origin::names_a_decision(origin) { DECISION_KEPT_S } else { REQUEST_KEPT_S })
}

/// Puts a mark in the place of an occurrence that is told in `told_in`, if nobody has told of it yet: whoever sends the same again is
/// told where it stands, and nobody reads again what came with it.
pub(super) fn take_up(
    rows: &TenantTable,
    row: &PutOff,
    told_in: &str,
    now: Timestamp,
) -> Result<TransactWriteItem, TableError> {
    let origin = row.origin.clone();
    let key = put_off_key(&row.person, row.category, &origin);
    let mark = Mark { expires_at: kept_until(&origin, now), origin, told_in: told_in.to_owned(), waited: true };
    let put = rows.part_put(rows.item(&key, &mark)?);
    let put = put.condition_expression("attribute_exists(pk) AND attribute_not_exists(told_in)");
    let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    Ok(TransactWriteItem::builder().put(put.build().map_err(TableError::unavailable)?).build())
}
