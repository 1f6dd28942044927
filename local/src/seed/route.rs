//! Where the sample tenant's analytics go.

use super::ADMINISTRATOR;
use crate::{bundle::Bundle, claims::Claims};
use anyhow::{Context, Result};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use shared::tenant::SYSTEM;

/// The headers of those who keep the routes.
pub(crate) const KEEPER: [(&str, &str); 3] =
    [("X-Tenant-ID", SYSTEM), ("X-Project-ID", "proj-system"), ("X-Mode", "system")];

/// Who keeps the routes.
pub(crate) fn keeper() -> Claims {
    Claims::of(ADMINISTRATOR).role("admin").tenant(SYSTEM).scope("admin:super")
}

/// A route that leads the events of `tenant` to the bundle's own table.
///
/// # Errors
///
/// A template without `ingest` or its table.
pub(crate) fn of(bundle: &Bundle, tenant: &str) -> Result<Value> {
    let template = bundle.template();
    let ingest = template.functions.iter().find(|function| function.binary == "ingest");
    let environment = ingest.and_then(|ingest| ingest.env.get("DEPLOY_ENV")).context("ingest has no DEPLOY_ENV")?;
    let table = template.tables.iter().find(|table| table.name.ends_with("EventsTable"));
    let table = &table.context("the template has no EventsTable")?.name;
    Ok(json!({
        "resource_kind": "analytics_store", "tenant_id": tenant, "env": environment, "backend_type": "dynamodb",
        "config": {"region": bundle.aws().region(), "table_name": table, "use_local": true},
    }))
}

/// Routes the events of `tenant` to the bundle's own table, unless they have a route.
pub(super) async fn create(bundle: &Bundle, tenant: &str) -> Result<()> {
    let with = |client: crate::client::Client, (name, value): (&str, &str)| client.with_header(name, value);
    let keeper = KEEPER.into_iter().fold(bundle.person(keeper()), with);
    let body = Some(("application/json", of(bundle, tenant)?.to_string().into()));
    let answer = keeper.send(Method::POST, "/routing/routes", body).await?;
    if answer.status == StatusCode::CONFLICT {
        return Ok(());
    }
    answer.success().with_context(|| format!("the events of {tenant} could not be routed"))?;
    Ok(())
}
