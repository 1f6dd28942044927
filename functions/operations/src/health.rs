//! Whether the function is there, and whether what it stands on is.

use crate::{App, error::Error};
use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use serde::{Deserialize, Serialize};
use shared::{
    auth::{Caller, Scope},
    cursor,
    problem::chain,
    tenant::TenantScope,
    web::{Json, Query, answers::Guarded},
};
use std::{error::Error as StdError, future::Future, time::Duration};

/// How long each of the things that are looked at may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How closely to look.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HealthQuery {
    /// `1` looks at the table and the secret too, for who has `admin:read`.
    #[param(minimum = 0, maximum = 1)]
    deep: Option<u8>,
}

/// All is well.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Says that the function is there, or with `deep=1` that what it stands on is.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operations",
    params(HealthQuery),
    security((), ("firebase" = [])),
    responses((status = 200, description = "All is well.", body = Health), Guarded)
)]
pub(crate) async fn healthz(
    State(app): State<App>,
    Query(query): Query<HealthQuery>,
    mut parts: Parts,
) -> Result<Json<Health>, Error> {
    match query.deep {
        None | Some(0) => {}
        Some(1) => {
            let caller = Caller::from_request_parts(&mut parts, &app).await?;
            let tenant = caller.tenant()?;
            caller.require(Scope::AdminRead).await?;
            Box::pin(look(&app, &caller, &tenant)).await?;
        }
        Some(_) => return Err(Error::BadQuery("deep is 0 or 1.".to_owned())),
    }
    Ok(Json(Health { status: "ok" }))
}

/// Reads from each store what is sure to be there or not, at the same time.
async fn look(app: &App, caller: &Caller, tenant: &TenantScope) -> Result<(), Error> {
    let rows = app.table.of(tenant);
    let table = in_time("table", async { rows.record(caller.person()).await.map(drop) });
    let secret = in_time("secret", async { app.secrets.get(cursor::KEY).await.map(drop) });
    let (table, secret) = tokio::join!(table, secret);
    let unwell: Vec<&str> = [table, secret].into_iter().flatten().collect();
    if unwell.is_empty() { Ok(()) } else { Err(Error::Unwell(unwell.join(", "))) }
}

/// `what`, where it fails or takes too long; the reason goes into the log.
async fn in_time<E: StdError>(what: &'static str, work: impl Future<Output = Result<(), E>>) -> Option<&'static str> {
    let failed = match tokio::time::timeout(PATIENCE, work).await {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => chain(&error),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    tracing::error!(event = "health_unwell", what, error = failed, "{what} is not well: {failed}");
    Some(what)
}
