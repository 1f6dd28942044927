//! Firestore, by Google's emulator.

mod emulator;

use emulator::{PATIENCE, emulator};
use event_store::firestore::{Credentials, DEFAULT_DATABASE, Firestore, Place};
use std::sync::atomic::{AtomicU32, Ordering};

/// A store in a project of its own.
async fn start() -> Option<Firestore> {
    static PROJECTS: AtomicU32 = AtomicU32::new(0);
    let emulator = emulator()?;
    let place = Place {
        project_id: format!("case-{}", PROJECTS.fetch_add(1, Ordering::Relaxed)),
        database: DEFAULT_DATABASE.to_owned(),
        collection_path: "analytics/v1/tenants".to_owned(),
        emulator: Some(emulator.address.to_string()),
    };
    // The emulator shares the machine with whatever else is tested.
    Some(Firestore::open(&place, Credentials::Emulator).await.unwrap().with_patience(PATIENCE))
}

crate::keeps_the_contract!(start, where it is there);
