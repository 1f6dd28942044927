//! Analytics events: taken in, asked for, counted and deleted, in the store that the tenant's route names.
//!
//! Without a route everything is refused with the call that mends it, and nothing is kept anywhere: no memory, no other store. Only in a
//! lab is an event let through, and then the answer says that it is not stored. An event is kept once under its name, however
//! often it is sent; what is not kept is said to be not kept.
//!
//! | route | does | for |
//! | --- | --- | --- |
//! | `POST /analytics/ingest` | takes an event | its person; `service:write` |
//! | `POST /analytics/ingest/batch` | takes up to 500, each for itself | the same |
//! | `GET /analytics/query` | lists events, newest first | `service:write`, `admin:read` |
//! | `GET /analytics/aggregate` | counts events, by up to three dimensions | the same |
//! | `DELETE /analytics/event/{event_id}` | deletes one, its `#` written `%23` | `service:write`, `admin:write` |
//! | `DELETE /analytics/event?event_id=` | the same | the same |
//! | `POST /analytics/probe` | tries a backend | `admin:write` of the system tenant |
//! | `GET /analytics/failed` | lists events that were refused for what they are | `admin:read` |
//! | `GET /analytics/failed/{failed_id}` | shows one, with what was sent | `admin:read` |
//! | `POST /analytics/failed/{failed_id}/replay` | takes one in after all, as it was sent or mended | `admin:write` |
//! | `DELETE /analytics/failed/{failed_id}` | lets one go | `admin:write` |
//! | `DELETE /analytics/events?user_id=` | deletes all of a person's, page by page, with a receipt | `admin:write` |
//! | `GET /api/analytics/export` | hands events out as a sheet, a list or lines | `admin:read` |
//! | `GET /analytics/erasures/{receipt_id}` | shows what such an erasure did | `admin:read` |
//!
//! The job [`rollup`] counts what has changed, so that counting does not read events.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod config;
mod erasure;
mod error;
mod failed;
mod pii;
pub mod rollup;
mod routes;
pub mod sent;
mod sheet;
mod stores;
mod table;

pub use config::Config;
pub use error::Error;
pub use pii::{Policy, Seen};
pub use routes::{openapi, routes};

use axum::{Router, extract::FromRef};
use shared::{
    auth::Verifier,
    aws::Aws,
    clock::Clock,
    cursor::Cursors,
    idempotency::Idempotency,
    secrets::Secrets,
    table::Table,
    web::{self, Front, context::Labs},
};
use std::sync::Arc;
use stores::Stores;
use table::{ErasureTable, FailedTable};

/// What this function holds: made once per cold start, cheap to clone, shared by every request.
#[derive(Clone, FromRef)]
pub struct App {
    config: Arc<Config>,
    stores: Stores,
    failed: FailedTable,
    erasures: ErasureTable,
    labs: Labs,
    cursors: Cursors,
    verifier: Verifier,
    idempotency: Idempotency,
    clock: Clock,
}

impl App {
    /// Makes the clients that every request needs; a store's are made when a route first leads there.
    pub fn new(config: Config, aws: &Aws, clock: Clock) -> Self {
        let table = Table::new(aws, &config.table);
        let secrets = Secrets::new(aws.secrets_manager(), config.secrets.clone(), &clock);
        let Front { verifier, idempotency, .. } = Front::new(&config.front, &table, &clock);
        Self {
            failed: FailedTable::new(table.clone(), config.most_failed),
            erasures: ErasureTable::new(table.clone(), &clock),
            stores: Stores::new(&config, aws, table, &clock),
            labs: config.labs.clone(),
            cursors: Cursors::new(secrets),
            verifier,
            idempotency,
            config: Arc::new(config),
            clock,
        }
    }
}

/// The routes as one service.
pub fn router(app: App) -> Router {
    let cors = app.config.front.cors.clone();
    web::wrap(routes().with_state(app), cors)
}
