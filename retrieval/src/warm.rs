//! Snapshots that this environment keeps open: fetched by digest, proven, and replaced when a store publishes a new one.

use crate::{Hash, MANIFEST, Manifest, OpenError, Snapshot};
use futures::{FutureExt, future::Shared};
use jiff::Timestamp;
use shared::{
    blob::{BlobError, Blobs, TenantBlobs},
    clock::Clock,
    digest::Digest,
    ids::{StoreId, TenantId},
    snapshots::{State, state_key},
    table::{Table, TableError},
    tenant::{StoreScope, acting},
};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How many stores' snapshots stay open; the one longest unused makes room.
const MAX_OPEN: usize = 32;
/// The largest manifest that is read.
const MAX_MANIFEST_BYTES: u64 = 1024 * 1024;
/// How long a request waits for a new snapshot before it takes the old one.
const PATIENCE: Duration = Duration::from_millis(400);

/// Why there is no snapshot to search.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unavailable {
    /// The store has published none.
    #[error("this store has published no products yet")]
    Unpublished,
    /// A file of the current one is missing or holds other bytes than its name says.
    #[error("the store's snapshot {digest} is damaged")]
    Damaged {
        /// The snapshot.
        digest: Digest,
        /// Which file, and how.
        #[source]
        why: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The table or the bucket did not answer.
    #[error("the store's snapshot could not be fetched")]
    Unreachable(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

type Loading = Shared<Pin<Box<dyn Future<Output = Result<Arc<Snapshot>, Unavailable>> + Send>>>;

/// The stores' places by whose they are.
type Slots = HashMap<(TenantId, StoreId), Arc<Slot>>;

/// The snapshots that this environment keeps open. Clones share them.
#[derive(Clone)]
pub struct Warm {
    table: Table,
    blobs: Blobs,
    folder: PathBuf,
    check: Duration,
    clock: Clock,
    slots: Arc<Mutex<Slots>>,
}

/// A store's place; its lock makes checks and loads single-flight.
#[derive(Default)]
struct Slot(tokio::sync::Mutex<Held>);

#[derive(Default)]
struct Held {
    open: Option<Arc<Snapshot>>,
    loading: Option<(Digest, Loading)>,
    failed: Option<Unavailable>,
    checked: Option<Timestamp>,
}

impl Warm {
    /// Snapshots kept under `folder`, the pointer looked at again after `check`.
    pub fn new(table: Table, blobs: Blobs, folder: PathBuf, check: Duration, clock: Clock) -> Self {
        Self { table, blobs, folder, check, clock, slots: Arc::default() }
    }

    /// The store's current snapshot. A new one that takes long to load, or that does not open, leaves the old one serving.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] where there is no snapshot that could serve.
    pub async fn current(&self, scope: &StoreScope) -> Result<Arc<Snapshot>, Unavailable> {
        let slot = self.slot(scope);
        let mut held = slot.0.lock().await;
        if !self.is_due(&held) {
            return held.answer();
        }
        let state = match self.table.of(scope.tenant_scope()).get::<State>(&state_key(scope.store())).await {
            Ok(state) => state.unwrap_or_default(),
            Err(error) => return held.fall_back(unreachable(error)),
        };
        held.checked = Some(self.clock.now());
        let Some(wanted) = state.current else { return Err(Unavailable::Unpublished) };
        if held.open.as_ref().is_some_and(|open| digest(&open.hash()) == wanted) {
            held.loading = None;
            held.failed = None;
            return held.answer();
        }
        let loading = match &held.loading {
            Some((digest, loading)) if *digest == wanted => loading.clone(),
            _ => self.load(scope, wanted),
        };
        // Noted before it is awaited: a caller who gives up leaves a load that the next one goes on with.
        held.loading = Some((wanted, loading.clone()));
        let patience = if held.open.is_some() { PATIENCE } else { Duration::MAX };
        match tokio::time::timeout(patience, loading).await {
            Err(_) => {}
            Ok(Ok(snapshot)) => {
                let old = held.open.replace(snapshot);
                (held.loading, held.failed) = (None, None);
                self.forget(old);
            }
            Ok(Err(why)) => {
                held.loading = None;
                return held.fall_back(why);
            }
        }
        held.answer()
    }

    fn is_due(&self, held: &Held) -> bool {
        let due = |checked: Timestamp| self.clock.now().duration_since(checked).unsigned_abs() >= self.check;
        held.loading.is_some() || (held.open.is_none() && held.failed.is_none()) || held.checked.is_none_or(due)
    }

    fn slot(&self, scope: &StoreScope) -> Arc<Slot> {
        let key = (scope.tenant().clone(), scope.store().clone());
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_OPEN && !slots.contains_key(&key) {
            let idle = slots.iter().filter(|(_, slot)| Arc::strong_count(slot) == 1);
            let checked = |slot: &Arc<Slot>| slot.0.try_lock().ok().and_then(|held| held.checked);
            let oldest = idle.min_by_key(|(_, slot)| checked(slot)).map(|(key, _)| key.clone());
            if let Some(slot) = oldest.and_then(|key| slots.remove(&key)) {
                self.forget(slot.0.try_lock().ok().and_then(|mut held| held.open.take()));
            }
        }
        slots.entry(key).or_default().clone()
    }

    /// Removes a snapshot's files. What still reads them keeps them until it ends: they are mapped.
    fn forget(&self, snapshot: Option<Arc<Snapshot>>) {
        if let Some(snapshot) = snapshot {
            let _ = std::fs::remove_dir_all(self.folder.join(snapshot.hash().to_string()));
        }
    }

    /// Starts to load `wanted`; it goes on when the request that began it is gone.
    fn load(&self, scope: &StoreScope, wanted: Digest) -> Loading {
        let blobs = self.blobs.of(scope.tenant_scope());
        let folder = self.folder.clone();
        let task = tokio::spawn(acting::carry(async move { fetch(&blobs, &folder, wanted).await }));
        let loading = async move { task.await.unwrap_or_else(|error| Err(unreachable(error))) };
        let loading: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(loading);
        loading.shared()
    }
}

impl Held {
    fn answer(&self) -> Result<Arc<Snapshot>, Unavailable> {
        match (&self.open, &self.failed) {
            (Some(open), _) => Ok(open.clone()),
            (None, Some(failed)) => Err(failed.clone()),
            (None, None) => Err(Unavailable::Unpublished),
        }
    }

    /// Serves the old snapshot where there is one, and remembers why the new one could not.
    fn fall_back(&mut self, why: Unavailable) -> Result<Arc<Snapshot>, Unavailable> {
        let cause = shared::problem::chain(&why);
        let event =
            if matches!(why, Unavailable::Damaged { .. }) { "snapshot_damaged" } else { "snapshot_unreachable" };
        tracing::error!(
            event,
            error = cause,
            serving_old = self.open.is_some(),
            "a snapshot could not be opened: {cause}"
        );
        self.failed = Some(why);
        self.answer()
    }
}

/// Brings the snapshot into `folder` and opens it: from there if an earlier start left it whole, else from the bucket.
async fn fetch(blobs: &TenantBlobs, folder: &Path, wanted: Digest) -> Result<Arc<Snapshot>, Unavailable> {
    let name = wanted.to_string();
    let hash: Hash = name.parse().expect("a digest's text is a hash's text");
    let (home, work) =
        (folder.join(&name), folder.join(format!("{name}.part-{}", shared::web::request::random_hex::<4>())));
    if let Ok(snapshot) = Snapshot::open(&home, &hash) {
        return Ok(Arc::new(snapshot));
    }
    let fetched = bring(blobs, &work, wanted, &hash).await;
    let manifest = match fetched {
        Ok(manifest) => manifest,
        Err(why) => {
            let _ = std::fs::remove_dir_all(&work);
            return Err(why);
        }
    };
    let _ = std::fs::remove_dir_all(&home);
    let moved = std::fs::rename(&work, &home).is_ok();
    let place = if moved { &home } else { &work };
    Snapshot::open_verified(place, manifest).map(Arc::new).map_err(|why| damaged(wanted, why))
}

async fn bring(blobs: &TenantBlobs, work: &Path, wanted: Digest, hash: &Hash) -> Result<Manifest, Unavailable> {
    let file = |error: std::io::Error| unreachable(error);
    std::fs::create_dir_all(work).map_err(file)?;
    let bytes = blobs.get(&wanted, MAX_MANIFEST_BYTES).await.map_err(|why| blob(wanted, why))?;
    let manifest = Manifest::parse(&bytes, hash).map_err(|why| damaged(wanted, why))?;
    std::fs::write(work.join(MANIFEST), &bytes).map_err(file)?;
    let files = manifest.files.iter().map(|(name, entry)| async move {
        let path = work.join(name);
        let brought = blobs.get_file(&digest(&entry.sha256), &path, entry.bytes).await;
        brought.map_err(|why| blob(wanted, why))
    });
    futures::future::try_join_all(files).await?;
    Ok(manifest)
}

fn digest(hash: &Hash) -> Digest {
    hash.to_string().parse().expect("a hash's text is a digest's text")
}

fn blob(digest: Digest, error: BlobError) -> Unavailable {
    match error {
        BlobError::Missing(_) | BlobError::Damaged(_) | BlobError::TooLarge(..) => {
            Unavailable::Damaged { digest, why: Arc::new(error) }
        }
        other => unreachable(other),
    }
}

fn damaged(digest: Digest, why: OpenError) -> Unavailable {
    Unavailable::Damaged { digest, why: Arc::new(why) }
}

fn unreachable(error: impl std::error::Error + Send + Sync + 'static) -> Unavailable {
    Unavailable::Unreachable(Arc::new(error))
}

impl From<TableError> for Unavailable {
    fn from(error: TableError) -> Self {
        unreachable(error)
    }
}
