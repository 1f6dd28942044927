//! Told once, in their language: notices of decisions, and what the limit makes of them.

use super::*;
use jiff::SignedDuration;
use local::{Claims, Options};

mod crashes;
mod feed;
mod hostile;
mod languages;
mod put_off;
mod told;

const ALL: &str = "/api/user-notifications";

/// A service that may tell people things.
pub(super) fn service(bundle: &Bundle) -> Client {
    bundle.person(Claims::of("moderation").tenant(local::seed::TENANT).scope("service:write"))
}

/// A decision of this category about a person.
pub(super) fn decision(person: &str, category: &str) -> Value {
    json!({"userId": person, "category": category, "context": {"item": "Rainy day soup", "item_kind": "review"}})
}

/// Tells a person of a decision; the notice's id.
pub(super) async fn tell(service: &Client, person: &str, category: &str) -> String {
    let told = service.post(ALL, decision(person, category)).await;
    assert_eq!(told.status, 201, "{}", told.body);
    assert_eq!(told.body["created"], true);
    told.body["id"].as_str().unwrap().to_owned()
}

fn one(id: &str) -> String {
    format!("{ALL}/{id}")
}

/// The ids of a page.
fn ids(page: &Response) -> Vec<&str> {
    assert_eq!(page.status, 200, "{}", page.body);
    page.body["notifications"].as_array().unwrap().iter().map(|notice| notice["id"].as_str().unwrap()).collect()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// A row of the table, as the store has it.
pub(super) type Row = std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>;

/// Writes rows into the table, past all functions.
pub(super) async fn put(bundle: &Bundle, rows: Vec<Row>) {
    use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
    let (client, table) = (bundle.aws().administrator().dynamodb(), &bundle.template().tables[0].name);
    for chunk in rows.chunks(25) {
        let put = |row: &Row| PutRequest::builder().set_item(Some(row.clone())).build().unwrap();
        let writes = chunk.iter().map(|row| WriteRequest::builder().put_request(put(row)).build()).collect();
        let done = client.batch_write_item().request_items(table, writes).send().await.unwrap();
        assert!(done.unprocessed_items.is_none_or(|left| left.is_empty()));
    }
}

/// Every row of the table, past all functions.
pub(super) async fn rows(bundle: &Bundle) -> Vec<Row> {
    let table = &bundle.template().tables[0].name;
    let scan = bundle.aws().administrator().dynamodb().scan().table_name(table).into_paginator().items().send();
    scan.collect::<Result<Vec<_>, _>>().await.unwrap()
}

/// How many rows there are whose partition and sort key begin so, within the sample tenant.
async fn count(bundle: &Bundle, partition: &str, sort: &str) -> usize {
    let partition = format!("T#{}#{partition}", local::seed::TENANT);
    let begins =
        |row: &Row| row["pk"].as_s().unwrap().starts_with(&partition) && row["sk"].as_s().unwrap().starts_with(sort);
    rows(bundle).await.iter().filter(|row| begins(row)).count()
}
