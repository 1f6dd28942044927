//! Routing: where each tenant's data lives.
//!
//! A route names the backend of one kind of resource for one tenant in one environment. Those who run the bundle keep the routes; who
//! stores or reads what is routed follows them through `shared::routes`, and sees a change within ten seconds, without a restart.
//! There is at most one route for a kind, tenant and environment; another takes its place only where the caller says so. Credentials
//! are named and never stored, except in a lab. Each change stands in the audit log of the system tenant, before and after.
//!
//! | route | does | for |
//! | --- | --- | --- |
//! | `POST /routing/routes` | makes a route, 201; with `replace=true` or `If-Match` puts it in the place of another, 200 | `admin:write` of the system tenant |
//! | `POST /routing/routes?dry_run=true` | says what that would write, and probes the backend | the same |
//! | `GET /routing/routes` | lists routes, page by page | `admin:read` of the system tenant |
//! | `GET /routing/routes/{route_id}` | shows one, its version as ETag | the same |
//! | `DELETE /routing/routes/{route_id}` | removes one, 204 | `admin:write` of the system tenant |

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod config;
mod error;
mod probe;
mod request;
mod routes;
mod table;
mod view;

pub use config::Config;
pub use error::Error;
pub use probe::ProbeError;

use axum::{Router, extract::FromRef};
use http::Method;
use probe::Prober;
use shared::{
    auth::Verifier,
    aws::Aws,
    clock::Clock,
    cursor::Cursors,
    idempotency::Idempotency,
    secrets::Secrets,
    table::Table,
    web::{self, Front, Routes, context::Labs},
};
use std::sync::Arc;
use table::RouteTable;

/// What this function holds: made once per cold start, cheap to clone, shared by every request.
#[derive(Clone, FromRef)]
pub struct App {
    config: Arc<Config>,
    table: RouteTable,
    prober: Prober,
    labs: Labs,
    cursors: Cursors,
    verifier: Verifier,
    idempotency: Idempotency,
    clock: Clock,
}

impl App {
    /// Makes the clients; connects to nothing yet.
    pub fn new(config: Config, aws: &Aws, clock: Clock) -> Self {
        let table = Table::new(aws, &config.table);
        let Front { verifier, idempotency, .. } = Front::new(&config.front, &table, &clock);
        Self {
            table: RouteTable::new(table, &clock),
            prober: Prober::new(aws, config.prober.as_deref()),
            labs: config.labs.clone(),
            cursors: Cursors::new(Secrets::new(aws.secrets_manager(), config.secrets.clone(), &clock)),
            verifier,
            idempotency,
            config: Arc::new(config),
            clock,
        }
    }
}

/// Every route of this function, under the paths the public sees.
pub fn routes() -> Routes<App> {
    const ALL: &str = "/routing/routes";
    const ONE: &str = "/routing/routes/{route_id}";
    Routes::new()
        .on(Method::POST, ALL, routes::create)
        .on(Method::GET, ALL, routes::list)
        .on(Method::GET, ONE, routes::get)
        .on(Method::DELETE, ONE, routes::delete)
}

/// The routes as one service.
pub fn router(app: App) -> Router {
    let cors = app.config.front.cors.clone();
    web::wrap(routes().with_state(app), cors)
}

/// What the routes take and give, for the bundle's OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(routes::create, routes::list, routes::get, routes::delete))]
    struct Document;
    <Document as utoipa::OpenApi>::openapi()
}
