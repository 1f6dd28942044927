//! Ask: a shopper's question in, an answer with its sources out.
//!
//! The store's current snapshot finds the products, the table says their stock and price of this minute, and the answerer
//! composes sentences from those facts alone. What the caller's role may not see is not read for it. Without retrieval
//! (switched off, slow, damaged) the same route answers what needs none, and says so in `rag`. Where `ANSWER_PROVIDER` names a
//! language model, that one looks things up and words the answer, and the answer from the facts alone stands by: see [`agent`].
//!
//! | route | does | for |
//! | --- | --- | --- |
//! | `POST /ask` | answers a question about a store, 200 | a verified person with that store |

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod agent;
pub mod answer;
mod budget;
mod config;
mod error;
mod facts;
pub mod model;
mod recall;
mod routes;

pub use agent::FallbackReason;
pub use config::{Answering, Config, Provider, Rag, Source};
pub use error::Error;
pub use recall::NoRecall;
pub use routes::{AskRequest, AskResponse, RagReport, Usage};

use axum::{Router, extract::FromRef};
use http::Method;
use shared::{
    auth::Verifier,
    aws::Aws,
    blob::Blobs,
    clock::Clock,
    idempotency::Idempotency,
    table::Table,
    web::{self, Front, Routes},
};
use std::sync::Arc;

/// What this function holds: made once per cold start, cheap to clone, shared by every request.
#[derive(Clone, FromRef)]
pub struct App {
    config: Arc<Config>,
    table: Table,
    recall: recall::Recall,
    model: Option<model::Model>,
    verifier: Verifier,
    idempotency: Idempotency,
    clock: Clock,
}

impl App {
    /// Makes the clients; connects to nothing yet.
    pub fn new(config: Config, aws: &Aws, clock: Clock) -> Self {
        let table = Table::new(aws, &config.table);
        let blobs = Blobs::new(aws, &config.bucket);
        let recall = recall::Recall::new(&config, table.clone(), blobs, &clock);
        let Front { verifier, idempotency, .. } = Front::new(&config.front, &table, &clock);
        let model = model::Model::from_config(&config.answering, config.secrets.as_ref(), aws, &clock);
        Self { config: Arc::new(config), table, recall, model, verifier, idempotency, clock }
    }
}

/// Every route of this function, under the paths the public sees.
pub fn routes() -> Routes<App> {
    Routes::new().on(Method::POST, "/ask", routes::ask)
}

/// The routes as one service.
pub fn router(app: App) -> Router {
    let cors = app.config.front.cors.clone();
    web::wrap(routes().with_state(app), cors)
}

/// What the routes take and give, for the bundle's OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(routes::ask))]
    struct Document;
    <Document as utoipa::OpenApi>::openapi()
}
