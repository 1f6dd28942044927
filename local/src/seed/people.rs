//! People as the table holds them, written past the functions: an administrator must come from somewhere.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use shared::{
    auth::people::{PARTITION, PREFIX},
    aws::Aws,
};

/// The administrator of each sample tenant, and who `cargo run -- token` says that it is where nobody is named.
pub const ADMINISTRATOR: &str = "laptop";

/// Writes the record of a person who may administer as far as `scope` says: admin of the tenant's sample stores.
pub(crate) async fn administer(aws: &Aws, table: &str, tenant: &str, person: &str, scope: &str) -> Result<()> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let list = |texts: Vec<&str>| AttributeValue::L(texts.into_iter().map(text).collect());
    let put = aws.administrator().dynamodb().put_item().table_name(table).set_item(Some(
        [
            ("pk", text(&format!("T#{tenant}#{PARTITION}"))),
            ("sk", text(&format!("{PREFIX}{person}"))),
            ("person_id", text(person)),
            ("role", text("admin")),
            ("stores", list(super::stores_of(tenant))),
            ("scopes", list(scope.split_whitespace().collect())),
            ("suspended", AttributeValue::Bool(false)),
            ("updated_at", text("2026-11-20T09:00:00Z")),
            ("version", text("0000000000000001")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
    ));
    put.send().await.with_context(|| format!("the administrator {person} of {tenant} could not be written"))?;
    Ok(())
}
