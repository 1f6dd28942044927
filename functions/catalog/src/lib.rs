//! Catalog: stores and products in, searchable snapshots out.
//!
//! Staff keep the products of their stores, one by one or by file; everybody of the store reads and searches them. A change
//! is in the table at once, and in the store's searchable snapshot within a minute: a file's at the end of its own request,
//! any other by the next run of the job `catalog-publish` ([`run`]). [`publish`] says why no change is missed on that way.
//!
//! | route | does | for |
//! | --- | --- | --- |
//! | `PUT /catalog/stores/{store_id}` | makes the store, 201, or changes it, 200 | staff |
//! | `GET /catalog/stores/{store_id}` | shows it with its hours | the store's people |
//! | `PUT …/products/{product_id}` | makes a product, 201, or changes it, 200 | staff |
//! | `GET …/products/{product_id}` | shows it; staff see what it costs the store | the store's people |
//! | `DELETE …/products/{product_id}` | removes it, 204 | admins |
//! | `GET …/products` | lists them in the order of their ids | the store's people |
//! | `POST …/import` | takes a file in one request, with a verdict on each row, and publishes | staff |
//! | `POST …/imports` | gives a URL for a file of any size, 201 | staff |
//! | `POST …/imports/{import_id}/start` | queues it, 202 | staff |
//! | `GET …/imports/{import_id}` | says how far it is | staff |
//! | `GET …/search` | finds products, with facets | the store's people |
//! | `GET /openapi.json` | the contract of the whole bundle | everybody |
//!
//! A row's way: [`import::Rows`] finds it in a file, [`columns`] names its cells, [`facts`] checks them and decides whether they
//! change anything, [`table`] keeps what does.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod columns;
mod config;
mod error;
pub mod facts;
pub mod import;
pub mod job;
pub mod load;
pub mod publish;
mod routes;
pub mod search;
pub mod table;
mod view;

pub use config::{Config, Places};
pub use error::Error;
pub use job::{JobError, Report, run};
pub use routes::{openapi, routes};

use axum::{Router, extract::FromRef};
use publish::Publisher;
use retrieval::Warm;
use shared::{
    auth::Verifier,
    aws::Aws,
    blob::Blobs,
    clock::Clock,
    cursor::Cursors,
    idempotency::Idempotency,
    secrets::Secrets,
    web::{self, Front, cors::AllowedOrigins},
};
use table::CatalogTable;

/// What this function holds: made once per cold start, cheap to clone, shared by every request.
#[derive(Clone, FromRef)]
pub struct App {
    publisher: Publisher,
    warm: Warm,
    cursors: Cursors,
    verifier: Verifier,
    idempotency: Idempotency,
    cors: AllowedOrigins,
    clock: Clock,
}

impl App {
    /// Makes the clients; connects to nothing yet.
    pub fn new(config: Config, aws: &Aws, clock: Clock) -> Self {
        let publisher = publisher(config.places.clone(), aws, clock.clone());
        let kept = config.places.folder.join("open");
        let table = publisher.table.table().clone();
        let Front { verifier, idempotency, .. } = Front::new(&config.front, &table, &clock);
        let warm = Warm::new(table, publisher.blobs.clone(), kept, config.snapshot_check, clock.clone());
        let cursors = Cursors::new(Secrets::new(aws.secrets_manager(), config.secrets, &clock));
        Self { publisher, warm, cursors, verifier, idempotency, cors: config.front.cors, clock }
    }

    fn table(&self) -> &CatalogTable {
        &self.publisher.table
    }

    fn blobs(&self) -> &Blobs {
        &self.publisher.blobs
    }
}

impl AsRef<Publisher> for App {
    fn as_ref(&self) -> &Publisher {
        &self.publisher
    }
}

impl AsRef<Publisher> for Publisher {
    fn as_ref(&self) -> &Publisher {
        self
    }
}

/// What the job holds.
pub fn publisher(places: Places, aws: &Aws, clock: Clock) -> Publisher {
    let table = CatalogTable::new(aws, &places.table);
    Publisher::new(aws, table, &places.bucket, places.folder.join("work"), clock)
}

/// The routes as one service.
pub fn router(app: App) -> Router {
    let cors = app.cors.clone();
    web::wrap(routes().with_state(app), cors)
}
