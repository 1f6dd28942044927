//! Notifications: what people are told of decisions about what is theirs, in neutral words and their language.
//!
//! A person is told at most once in twelve hours of each category ([`shared::notices`]). What the limit puts off is kept and told by the
//! next notice, or by the job when the time is over. A person sees their own notices and nobody else's; an administrator may act for
//! them. Nobody can change what a notice says: its texts are made when it is told, from approved templates, and stored.
//!
//! | route | does | for |
//! | --- | --- | --- |
//! | `POST /api/user-notifications` | tells somebody of a decision, 201, or puts it off, 429 | `service:write`, `admin:write` |
//! | `GET /api/user-notifications` | lists a person's notices, newest first | that person; `admin:read` |
//! | `GET /api/user-notifications/unread-count` | counts the unread ones | the same |
//! | `GET /api/user-notifications/deferred` | shows what waits to be told | `admin:read` |
//! | `GET`, `PUT /api/user-notifications/preferences` | a person's language, and whether they get mail | that person |
//! | `GET /api/user-notifications/health` | whether notices are told, and in which languages | everybody with a token |
//! | `GET /api/user-notifications/{id}` | shows one | that person; `admin:read` |
//! | `PATCH /api/user-notifications/{id}` | marks it read or unread | that person; `admin:write` |
//! | `DELETE /api/user-notifications/{id}` | puts it away | the same |
//! | `POST /api/user-notifications/read-all` | marks all read | the same |
//! | `POST /api/user-notifications/mark-read` | marks those that the body names | the same |
//!
//! `userId` in the query or body names whose notices are meant; without it they are the caller's own.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod config;
mod error;
pub mod job;
mod request;
mod routes;
mod table;
mod view;

pub use config::{Config, Telling};
pub use error::Error;
pub use job::{Deferrals, JobError, Report, run};
pub use routes::{openapi, routes};

use axum::{Router, extract::FromRef};
use shared::{
    auth::Verifier,
    aws::Aws,
    clock::Clock,
    cursor::Cursors,
    idempotency::Idempotency,
    notices::{Notices, Words},
    secrets::Secrets,
    table::Table,
    web::{self, Front},
};
use std::sync::Arc;
use table::FeedTable;

/// What this function holds: made once per cold start, cheap to clone, shared by every request.
#[derive(Clone, FromRef)]
pub struct App {
    config: Arc<Config>,
    notices: Notices<Words>,
    feed: FeedTable,
    cursors: Cursors,
    verifier: Verifier,
    idempotency: Idempotency,
    clock: Clock,
}

impl App {
    /// Makes the clients; connects to nothing yet.
    pub fn new(config: Config, aws: &Aws, clock: Clock) -> Self {
        let table = Table::new(aws, &config.telling.table);
        let secrets = Secrets::new(aws.secrets_manager(), config.secrets.clone(), &clock);
        let Front { verifier, idempotency, .. } = Front::new(&config.front, &table, &clock);
        Self {
            notices: config.telling.notices(table.clone(), &clock),
            feed: FeedTable::new(table, &clock),
            cursors: Cursors::new(secrets),
            verifier,
            idempotency,
            config: Arc::new(config),
            clock,
        }
    }
}

impl Telling {
    /// What tells people, over `table`.
    pub(crate) fn notices(&self, table: Table, clock: &Clock) -> Notices<Words> {
        Notices::new(table, clock.clone(), self.switch.clone(), self.words.clone(), Arc::new(self.channels))
    }
}

/// The routes as one service.
pub fn router(app: App) -> Router {
    let cors = app.config.front.cors.clone();
    web::wrap(routes().with_state(app), cors)
}
