//! The store: a folder with an index and bodies in it, held by one process at a time.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use s3s::{S3Error, S3Result};

use crate::bodies::Bodies;
use crate::index::{self, Index};

/// A store of objects in one folder. Cheap to clone; the folder is free again when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    index: Mutex<Connection>,
    bodies: Bodies,
    /// Held, not read: the lock goes with the process, however that ends.
    _lock: File,
}

/// What can keep a store from opening or answering.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another store, most likely of another process, has this folder open.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The folder was written by a later version of this crate.
    #[error("the index has version {0}, which this program does not know")]
    Version(i64),
    /// S3 allows no bucket of this name.
    #[error("{0:?} cannot name a bucket")]
    BucketName(String),
    /// SQLite refused.
    #[error("the index failed: {0}")]
    Index(#[from] rusqlite::Error),
    /// The file system refused.
    #[error("a file failed: {0}")]
    File(#[from] io::Error),
}

impl From<StoreError> for S3Error {
    fn from(error: StoreError) -> Self {
        S3Error::internal_error(error)
    }
}

impl Store {
    /// Opens the store in the folder `root`, making it where it is missing, and removes what a crash left over.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] while another store has the folder open, [`StoreError::Version`] for a folder from the
    /// future, else what SQLite or the file system said.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let bodies = Bodies::open(root)?;
        let lock = File::options().create(true).truncate(false).write(true).open(root.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::InUse(root.to_owned()),
            TryLockError::Error(error) => StoreError::File(error),
        })?;
        let mut index = Connection::open(root.join("index.sqlite"))?;
        index::prepare(&mut index)?;
        let store = Self { inner: Arc::new(Inner { index: Mutex::new(index), bodies, _lock: lock }) };
        let swept = store.now(|index| Ok::<_, StoreError>(store.inner.bodies.sweep(&index.bodies()?)?))?;
        if swept > 0 {
            tracing::info!("swept {swept} files that a crash had left in {}", root.display());
        }
        Ok(store)
    }

    /// Makes a bucket; one that is there already stays as it is. Blocks for the one write that this takes.
    ///
    /// # Errors
    ///
    /// [`StoreError::BucketName`] for a name that S3 does not allow.
    pub fn create_bucket(&self, name: &str) -> Result<(), StoreError> {
        if !s3s::path::check_bucket_name(name) {
            return Err(StoreError::BucketName(name.to_owned()));
        }
        self.now(|index| index.add_bucket(name)).map(drop)
    }

    /// The body files.
    pub(crate) fn bodies(&self) -> &Bodies {
        &self.inner.bodies
    }

    /// Runs one transaction on the index, on this thread. An error undoes all of it.
    fn now<T, E: From<StoreError>>(&self, work: impl FnOnce(&Index<'_>) -> Result<T, E>) -> Result<T, E> {
        // A panic rolls its transaction back on the way out, so that a poisoned connection is as good as any.
        let mut connection = self.inner.index.lock().unwrap_or_else(PoisonError::into_inner);
        let index = Index::begin(&mut connection, &self.inner.bodies)?;
        let value = work(&index)?;
        index.commit()?;
        Ok(value)
    }

    /// Runs one transaction on the index, away from the threads of the async runtime.
    ///
    /// It runs to its end even if the caller stops waiting: a dropped connection never leaves half of it.
    pub(crate) async fn index<T, F>(&self, work: F) -> S3Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Index<'_>) -> S3Result<T> + Send + 'static,
    {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.now(work)).await.map_err(S3Error::internal_error)?
    }
}
