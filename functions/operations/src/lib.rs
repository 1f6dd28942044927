//! Operations: who may do what in a tenant, and whether the bundle is well.
//!
//! A tenant's administrators keep a record of each person who works for it: role, stores, scopes of administration, and
//! whether the person is shut out. The record bounds what a token says (`shared::auth::people`): a scope counts only where
//! token and record both have it. Nobody changes their own record, nor that of somebody who stands above them; who has or gets
//! the right to break glass is changed only by breaking it, with a reason.
//!
//! The first administrator of a tenant is named where the stack is deployed (`FIRST_ADMIN_TENANT`, `FIRST_ADMIN_PERSON`): the
//! first time that this person comes with a scope of administration in their token, their record is written. It is written
//! once for each tenant and never again, also not where somebody has removed it since.
//!
//! | route | does | for |
//! | --- | --- | --- |
//! | `GET /healthz` | says that it is there; with `deep=1` whether table and secret are, and which routes are missing | everybody; `admin:read` |
//! | `GET /api/admin/people` | lists the tenant's records, page by page | `admin:read` |
//! | `GET /api/admin/people/{person_id}` | shows a record, its version as ETag | `admin:read` |
//! | `PUT /api/admin/people/{person_id}` | makes a record, or changes it as a whole | `admin:write`, see [`person::needed`] |
//! | `DELETE /api/admin/people/{person_id}` | removes a record | the same |

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod config;
mod emergency;
mod error;
mod health;
pub mod person;
mod routes;
mod table;

pub use config::{Config, FirstAdmin};
pub use error::Error;

use axum::{Router, extract::FromRef};
use http::Method;
use shared::{
    auth::{People, Verifier},
    aws::Aws,
    clock::Clock,
    cursor::Cursors,
    idempotency::Idempotency,
    routes::{CacheTime, Routes as Registry},
    secrets::Secrets,
    table::Table,
    web::{self, Front, Routes},
};
use std::sync::Arc;
use table::PeopleTable;

/// What this function holds: made once per cold start, cheap to clone, shared by every request.
#[derive(Clone, FromRef)]
pub struct App {
    config: Arc<Config>,
    table: PeopleTable,
    people: People,
    secrets: Secrets,
    registry: Registry,
    cursors: Cursors,
    verifier: Verifier,
    idempotency: Idempotency,
    clock: Clock,
}

impl App {
    /// Makes the clients; connects to nothing yet.
    pub fn new(config: Config, aws: &Aws, clock: Clock) -> Self {
        let table = Table::new(aws, &config.table);
        let Front { people, verifier, idempotency } = Front::new(&config.front, &table, &clock);
        let secrets = Secrets::new(aws.secrets_manager(), config.secrets.clone(), &clock);
        Self {
            table: PeopleTable::new(table.clone()),
            people,
            registry: Registry::new(table, &clock, CacheTime::default()),
            cursors: Cursors::new(secrets.clone()),
            secrets,
            verifier,
            idempotency,
            config: Arc::new(config),
            clock,
        }
    }
}

/// Every route of this function, under the paths the public sees.
pub fn routes() -> Routes<App> {
    const PERSON: &str = "/api/admin/people/{person_id}";
    Routes::new()
        .on(Method::GET, "/healthz", health::healthz)
        .on(Method::GET, "/api/admin/people", routes::list)
        .on(Method::GET, PERSON, routes::get)
        .on(Method::PUT, PERSON, routes::put)
        .on(Method::DELETE, PERSON, routes::delete)
}

/// The routes as one service.
pub fn router(app: App) -> Router {
    let cors = app.config.front.cors.clone();
    web::wrap(routes().with_state(app), cors)
}

/// What the routes take and give, for the bundle's OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(health::healthz, routes::list, routes::get, routes::put, routes::delete))]
    struct Document;
    <Document as utoipa::OpenApi>::openapi()
}
