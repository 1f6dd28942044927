//! Appeals: asking for a decision to be looked at again by somebody who did not take it.
//!
//! Whoever was told of a decision appeals with one click, within `APPEAL_WINDOW_DAYS` of the notice, and follows what happens. A
//! decision that a notice lists has at most one appeal; staff reopen it where there are new facts. [`appeal`] has the rules, [`table`] what is kept.
//! Everything works while notices are switched off, and for those whose account is suspended.
//!
//! | route | does | for |
//! | --- | --- | --- |
//! | `POST /api/user-notifications/{id}/appeal` | opens an appeal, 201; its body may be empty | whom the notice is for |
//! | `POST /api/user-notifications/appeal` | the same, the notice named in the body | the same |
//! | `GET /api/user-notifications/appeals` | lists a person's appeals, newest first | that person; `admin:read` |
//! | `GET /api/user-notifications/appeals/{appeal_id}` | shows one, with its history and decision | the same |
//! | `PATCH /api/user-notifications/appeals/{appeal_id}` | adds a statement, or withdraws it | that person; `admin:write` |
//! | `GET /api/admin/appeals` | the queue, oldest first | `admin:read` |
//! | `GET /api/admin/appeals/stats` | how appeals ended, and how long that took | `admin:read` |
//! | `GET /api/admin/appeals/{appeal_id}` | shows everything of one | `admin:read` |
//! | `POST /api/admin/appeals/{appeal_id}/review` | takes it up | `admin:write`, a human, another one |
//! | `POST /api/admin/appeals/{appeal_id}/decision` | decides it | the same |
//! | `POST /api/admin/appeals/{appeal_id}/reopen` | puts it before reviewers once more | `admin:write`, a human |

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod appeal;
mod config;
mod error;
mod request;
mod routes;
pub mod stats;
mod table;
mod view;

pub use config::Config;
pub use error::Error;
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
use table::AppealTable;

/// What this function holds: made once per cold start, cheap to clone, shared by every request.
#[derive(Clone, FromRef)]
pub struct App {
    config: Arc<Config>,
    appeals: AppealTable,
    notices: Notices<Words>,
    cursors: Cursors,
    verifier: Verifier,
    idempotency: Idempotency,
    clock: Clock,
}

impl App {
    /// Makes the clients; connects to nothing yet.
    pub fn new(config: Config, aws: &Aws, clock: Clock) -> Self {
        let table = Table::new(aws, &config.table);
        let secrets = Secrets::new(aws.secrets_manager(), config.secrets.clone(), &clock);
        let Front { verifier, idempotency, .. } = Front::new(&config.front, &table, &clock);
        let (switch, words, channels) = (config.switch.clone(), config.words.clone(), Arc::new(config.channels));
        Self {
            appeals: AppealTable::new(table.clone(), &clock),
            notices: Notices::new(table, clock.clone(), switch, words, channels),
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
