//! Whether the function is there, and whether what it stands on is.

use crate::{App, error::Error};
use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use serde::{Deserialize, Serialize};
use shared::{
    auth::{Caller, Scope},
    cursor,
    problem::chain,
    routes::RouteKey,
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
    /// `1` looks at the table, the secret and the routes too, for who has `admin:read`.
    #[param(minimum = 0, maximum = 1)]
    deep: Option<u8>,
}

/// How the bundle is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Health {
    /// `ok`; `degraded` where something is lacking that not everything needs.
    status: Standing,
    /// Routes that are required and were removed: those of the caller's tenant, or everybody's for the tenant `t_system`. Absent where
    /// none is missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, example = json!(["analytics_store.t_greenleaf.production"]))]
    missing_routes: Vec<RouteKey>,
}

/// How well that is.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// All of it.
    Ok,
    /// Not all of it.
    Degraded,
}

/// Says that the function is there, or with `deep=1` that what it stands on is.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operations",
    params(HealthQuery),
    security((), ("firebase" = [])),
    responses((status = 200, description = "It is there; deep, all that it stands on answers.", body = Health), Guarded)
)]
pub(crate) async fn healthz(
    State(app): State<App>,
    Query(query): Query<HealthQuery>,
    mut parts: Parts,
) -> Result<Json<Health>, Error> {
    let missing_routes = match query.deep {
        None | Some(0) => Vec::new(),
        Some(1) => {
            let caller = Caller::from_request_parts(&mut parts, &app).await?;
            let tenant = caller.tenant()?;
            caller.require(Scope::AdminRead).await?;
            Box::pin(look(&app, &caller, &tenant)).await?
        }
        Some(_) => return Err(Error::BadQuery("deep is 0 or 1.".to_owned())),
    };
    let status = if missing_routes.is_empty() { Standing::Ok } else { Standing::Degraded };
    Ok(Json(Health { status, missing_routes }))
}

/// Reads from each store what is sure to be there or not, at the same time; the routes that are missing.
async fn look(app: &App, caller: &Caller, tenant: &TenantScope) -> Result<Vec<RouteKey>, Error> {
    let rows = app.table.of(tenant);
    let table = in_time("table", async { rows.record(caller.person()).await.map(drop) });
    let secret = in_time("secret", async { app.secrets.get(cursor::KEY).await.map(drop) });
    let mut missing = Vec::new();
    let routes = in_time("routes", async {
        app.registry.missing(tenant, &app.config.environment).await.map(|found| missing = found)
    });
    let (table, secret, routes) = tokio::join!(table, secret, routes);
    let unwell: Vec<&str> = [table, secret, routes].into_iter().flatten().collect();
    if unwell.is_empty() { Ok(missing) } else { Err(Error::Unwell(unwell.join(", "))) }
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
