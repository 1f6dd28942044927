//! What a tenant may ask of DynamoDB: the leading key `pk`, of the table as of every index, is `T#<tenant>#…`.

use super::{Refusal, condition, within};
use crate::{
    ids::TenantId,
    tenant::{SYSTEM, acting::Acting},
};
use aws_sdk_dynamodb::{
    operation::{
        batch_get_item::BatchGetItemInput, batch_write_item::BatchWriteItemInput, delete_item::DeleteItemInput,
        get_item::GetItemInput, put_item::PutItemInput, query::QueryInput, scan::ScanInput,
        transact_get_items::TransactGetItemsInput, transact_write_items::TransactWriteItemsInput,
        update_item::UpdateItemInput,
    },
    types::{AttributeValue, TransactWriteItem, WriteRequest},
};
use aws_smithy_runtime_api::client::interceptors::context::Input;
use std::collections::HashMap;

/// The leading key of every table and index.
pub(super) const LEADING: &str = "pk";

type Item = HashMap<String, AttributeValue>;

/// Holds a call to what `acting` may do.
pub(super) fn check(input: &Input, acting: &Acting) -> Result<(), Refusal> {
    match acting {
        Acting::Tenant(tenant) => keyed(input, tenant),
        Acting::Sweep(sweep) => match input.downcast_ref::<ScanInput>() {
            Some(scan) if scan.index_name() == Some(sweep.index()) => Ok(()),
            _ => Err(Refusal::Operation),
        },
    }
}

/// Holds every leading key of a call to `tenant`. Operations that name none, or none in a form that is read here, do not pass.
fn keyed(input: &Input, tenant: &TenantId) -> Result<(), Refusal> {
    if let Some(get) = input.downcast_ref::<GetItemInput>() {
        return if is_route(get.key(), tenant) { Ok(()) } else { item(get.key(), tenant) };
    }
    if let Some(query) = input.downcast_ref::<QueryInput>() {
        return condition::check(query, tenant);
    }
    if let Some(update) = input.downcast_ref::<UpdateItemInput>() {
        return item(update.key(), tenant);
    }
    if let Some(put) = input.downcast_ref::<PutItemInput>() {
        return item(put.item(), tenant);
    }
    if let Some(delete) = input.downcast_ref::<DeleteItemInput>() {
        return item(delete.key(), tenant);
    }
    if let Some(batch) = input.downcast_ref::<BatchGetItemInput>() {
        let tables = batch.request_items().into_iter().flat_map(HashMap::values);
        return all(tables.flat_map(|table| table.keys()), |key| item(Some(key), tenant));
    }
    if let Some(batch) = input.downcast_ref::<BatchWriteItemInput>() {
        let tables = batch.request_items().into_iter().flat_map(HashMap::values);
        return all(tables.flatten(), |request| write(request, tenant));
    }
    if let Some(transaction) = input.downcast_ref::<TransactWriteItemsInput>() {
        return all(transaction.transact_items(), |part| self::part(part, tenant));
    }
    if let Some(transaction) = input.downcast_ref::<TransactGetItemsInput>() {
        return all(transaction.transact_items(), |part| item(part.get().map(|get| get.key()), tenant));
    }
    Err(Refusal::Operation)
}

/// Whether a key is one of the served routes that `tenant` follows: its own, or the system tenant's, which may be for everybody. They lie
/// among the system tenant's rows, and may be got one by one.
fn is_route(key: Option<&Item>, tenant: &TenantId) -> bool {
    let Some(AttributeValue::S(key)) = key.and_then(|key| key.get(LEADING)) else { return false };
    let served = key.strip_prefix("T#").and_then(|rest| rest.strip_prefix(SYSTEM)?.strip_prefix("#ROUTE#"));
    served.is_some_and(|served| served == tenant.as_str() || served == SYSTEM)
}

/// Whether the key or item has its leading key, and that lies within `tenant`.
pub(super) fn item(item: Option<&Item>, tenant: &TenantId) -> Result<(), Refusal> {
    leading(item.and_then(|item| item.get(LEADING)), tenant)
}

/// Whether a leading key is one, and lies within `tenant`.
pub(super) fn leading(key: Option<&AttributeValue>, tenant: &TenantId) -> Result<(), Refusal> {
    match key {
        Some(AttributeValue::S(key)) if within(key, "T#", tenant, '#') => Ok(()),
        Some(_) => Err(Refusal::Outside),
        None => Err(Refusal::Unkeyed),
    }
}

fn all<T>(parts: impl IntoIterator<Item = T>, check: impl Fn(T) -> Result<(), Refusal>) -> Result<(), Refusal> {
    let mut any = false;
    for part in parts {
        check(part)?;
        any = true;
    }
    if any { Ok(()) } else { Err(Refusal::Unkeyed) }
}

fn write(request: &WriteRequest, tenant: &TenantId) -> Result<(), Refusal> {
    let put = request.put_request().map(|put| put.item());
    let delete = request.delete_request().map(|delete| delete.key());
    all([put, delete].into_iter().flatten(), |found| item(Some(found), tenant))
}

fn part(part: &TransactWriteItem, tenant: &TenantId) -> Result<(), Refusal> {
    let keys = [
        part.condition_check().map(|check| check.key()),
        part.put().map(|put| put.item()),
        part.update().map(|update| update.key()),
        part.delete().map(|delete| delete.key()),
    ];
    all(keys.into_iter().flatten(), |found| item(Some(found), tenant))
}
