//! From a store's rows to its current snapshot.
//!
//! **Why no change is ever missed.** Whoever changes a row raises `changed` and marks the store as pending: a single change in
//! the same transaction, an import before it writes rows and again after the last one. A publish reads `changed` first and the
//! rows after it, so that what it builds holds every change up to that number, and perhaps some later ones. It becomes current
//! only if nothing of a later number is (`published < changed`), and the store stops being pending only if the number still
//! stands and no import was writing when the rows were read. So of two publishes at once the later one stays, whoever ends first,
//! and a change that came too late for both leaves the store pending for the next run.
//!
//! An import that is killed leaves rows written and its last mark unset. For that, it says beforehand until when it may write
//! (`unsettled_until_ms`); the store stays pending until that has passed and its rows were read once more.
//!
//! **Why a kill is harmless.** Files have the digest of their bytes as names and are created, never changed; the manifest comes
//! last, the pointer after it. Killed before the switch, the old snapshot serves and the store is still pending. The same rows
//! give the same bytes, so that the next run finds what this one has left.

use crate::table::{CatalogTable, StateRow, StoreTable, Switch};
use futures::{StreamExt, TryStreamExt, stream};
use retrieval::{Audience, BuildError, Built, Document, SnapshotScope};
use shared::{
    aws::Aws,
    blob::{BlobError, Blobs, TenantBlobs},
    catalog::Product,
    clock::Clock,
    digest::Digest,
    table::TableError,
    tenant::StoreScope,
    web::request::random_hex,
};
use std::path::{Path, PathBuf};

/// How many files go up at once.
const UPLOADS: usize = 4;
/// How many rows are read at once.
const PAGE: u32 = 1_000;

/// Publishes snapshots.
#[derive(Clone, Debug)]
pub struct Publisher {
    /// The stores' rows.
    pub table: CatalogTable,
    /// The snapshots' files.
    pub blobs: Blobs,
    /// Where snapshots are built.
    pub folder: PathBuf,
    /// The time.
    pub clock: Clock,
}

/// A point between two steps of a publish, at which it may be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The number of changes is read, no row is.
    Counted,
    /// The files are built on this machine.
    Built,
    /// One more file is in the bucket.
    FileUp,
    /// The manifest is in the bucket, the pointer is where it was.
    ManifestUp,
    /// The pointer is moved.
    Switched,
}

/// A publish was killed between two steps, as only a test does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("killed at {0:?}")]
pub struct Killed(pub Step);

/// Hears of every step and may end the publish there.
pub type Watch<'a> = &'a (dyn Fn(Step) -> Result<(), Killed> + Send + Sync);

/// Lets every step pass.
pub fn unwatched(_: Step) -> Result<(), Killed> {
    Ok(())
}

/// How a publish ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The store has a new current snapshot.
    Published(Digest),
    /// The rows gave the snapshot that is current.
    Unchanged(Digest),
    /// Another publish, begun later, was quicker.
    Superseded,
    /// Nothing has changed since the last one.
    Current(Option<Digest>),
    /// Nothing has changed, except perhaps by an import that may still be writing: to be looked at again.
    Waiting,
}

/// Why there is no new snapshot.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The bucket failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The snapshot could not be built.
    #[error("the snapshot could not be built")]
    Build(#[from] BuildError),
    /// A file changed between being built and being sent.
    #[error("the file {0} is not what was built")]
    Altered(String),
    /// The thread that builds ended.
    #[error("the building of the snapshot was cut off")]
    Thread(#[from] tokio::task::JoinError),
    /// A folder could not be made.
    #[error("the folder of the snapshot could not be made")]
    Folder(#[from] std::io::Error),
    /// A test killed it.
    #[error(transparent)]
    Killed(#[from] Killed),
}

impl Publisher {
    /// Publishes into `bucket` what the table holds, building under `folder`.
    pub fn new(aws: &Aws, table: CatalogTable, bucket: &str, folder: PathBuf, clock: Clock) -> Self {
        Self { table, blobs: Blobs::new(aws, bucket), folder, clock }
    }

    /// Brings the store's snapshot up to what its rows are now.
    ///
    /// # Errors
    ///
    /// [`PublishError`]: the snapshot that was current still is, and the store stays pending.
    pub async fn publish(&self, scope: &StoreScope, watch: Watch<'_>) -> Result<Outcome, PublishError> {
        let table = self.table.of(scope);
        let Some((began, before)) = self.due(&table).await? else { return Ok(Outcome::Superseded) };
        if before.state.changed <= before.state.published {
            let waits = before.state.pending_since.is_some();
            return Ok(if waits { Outcome::Waiting } else { Outcome::Current(before.state.current) });
        }
        watch(Step::Counted)?;
        let folder = Folder::new(&self.folder)?;
        let built = self.build(&table, scope, &folder.0).await?;
        watch(Step::Built)?;
        let digest = digest(&built.hash);
        let known = before.state.current == Some(digest);
        if !known {
            upload(&self.blobs.of(scope.tenant_scope()), &built, &folder.0, watch).await?;
        }
        let to = Switch { changed: before.state.changed, began, digest, documents: built.manifest.documents };
        let switched = table.switch(&to, &before.state, self.clock.now()).await?;
        watch(Step::Switched)?;
        Ok(match (switched, known) {
            (false, _) => Outcome::Superseded,
            (true, true) => Outcome::Unchanged(digest),
            (true, false) => Outcome::Published(digest),
        })
    }

    /// The state to publish from, read before any row is; `None` where another publish is quicker.
    async fn due(&self, table: &StoreTable) -> Result<Option<(jiff::Timestamp, StateRow)>, TableError> {
        let began = self.clock.now();
        let row = table.state().await?;
        let state = &row.state;
        let left_behind = state.pending_since.is_some() && state.changed <= state.published && !row.unsettled(began);
        if !left_behind {
            return Ok(Some((began, row)));
        }
        if !table.take_over(&row).await? {
            return Ok(None);
        }
        Ok(Some((began, table.state().await?)))
    }

    /// Builds the snapshot in `folder`: rows are read page by page on this task and indexed on a thread of their own.
    async fn build(&self, table: &StoreTable, scope: &StoreScope, folder: &Path) -> Result<Built, PublishError> {
        let (hand_over, mut taken) = tokio::sync::mpsc::channel::<Document>(PAGE as usize);
        let named = SnapshotScope { tenant: scope.tenant().to_string(), store: scope.store().to_string() };
        let folder = folder.to_owned();
        let building = tokio::task::spawn_blocking(move || {
            retrieval::build(named, std::iter::from_fn(|| taken.blocking_recv()), &folder, &mut |_| {})
        });
        let read = async {
            let mut after: Option<String> = None;
            loop {
                let page = table.page(PAGE, after.as_deref()).await?;
                for product in page.rows {
                    if hand_over.send(document(product)).await.is_err() {
                        // The builder has ended before its time, and says itself why.
                        return Ok(());
                    }
                }
                after = page.after;
                if after.is_none() {
                    return Ok::<(), TableError>(());
                }
            }
        };
        let read = read.await;
        drop(hand_over);
        let built = building.await?;
        // Of rows that were not all read, what was built is not the store.
        read?;
        Ok(built?)
    }
}

/// A product as everybody may find it. There is no place in it for the internal fields; stock is read when it is asked for.
pub fn document(product: Product) -> Document {
    Document {
        id: product.product_id.into(),
        name: product.name,
        brand: product.brand,
        description: product.description,
        category: product.category,
        department: product.department,
        aisle: product.aisle,
        bay: product.bay,
        price_minor: Some(product.price.hundredths()),
        attributes: product.attributes,
        updated_at: Some(product.updated_at),
        audience: Audience::PUBLIC,
    }
}

/// Puts every file into the bucket, and then the manifest.
async fn upload(blobs: &TenantBlobs, built: &Built, folder: &Path, watch: Watch<'_>) -> Result<(), PublishError> {
    let files = built.manifest.files.clone();
    let files = stream::iter(files).map(|(name, entry)| async move {
        let sent = blobs.put_file(&folder.join(&name)).await?;
        if sent != digest(&entry.sha256) {
            return Err(PublishError::Altered(name));
        }
        Ok(watch(Step::FileUp)?)
    });
    files.buffer_unordered(UPLOADS).try_collect::<()>().await?;
    let sent = blobs.put(built.manifest.to_bytes().into()).await?;
    if sent != digest(&built.hash) {
        return Err(PublishError::Altered(retrieval::MANIFEST.to_owned()));
    }
    Ok(watch(Step::ManifestUp)?)
}

fn digest(hash: &retrieval::Hash) -> Digest {
    hash.to_string().parse().expect("a hash's text is a digest's text")
}

/// A folder of its own for one snapshot, removed when done with.
struct Folder(PathBuf);

impl Folder {
    fn new(under: &Path) -> std::io::Result<Self> {
        let folder = under.join(format!("publish-{}", random_hex::<8>()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
