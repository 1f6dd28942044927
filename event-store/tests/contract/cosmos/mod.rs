//! Cosmos DB, by Microsoft's emulator in memory, over HTTP on loopback.

mod faults;
mod host;

use event_store::{
    StoreError,
    cosmos::{Cosmos, Credentials, Place},
};
use host::Host;
use shared::secrets::SecretString;
use std::sync::OnceLock;

/// The store of all cases.
fn account() -> &'static Host {
    static ACCOUNT: OnceLock<Host> = OnceLock::new();
    ACCOUNT.get_or_init(Host::start)
}

fn key(text: &str) -> Credentials {
    Credentials::Key(SecretString::from(text.to_owned()))
}

async fn open(endpoint: &str) -> Result<Cosmos, StoreError> {
    let place = Place {
        endpoint: endpoint.to_owned(),
        database_id: host::DATABASE.to_owned(),
        container_id: host::CONTAINER.to_owned(),
    };
    Cosmos::open(&place, key("c2VjcmV0")).await
}

async fn start() -> Cosmos {
    faults::opened(account()).await
}

crate::keeps_the_contract!(start);
