//! Objects at paths that both sides know: made once, read, and replaced where nobody else was quicker.

use super::{BlobError, Condition, Origin, TenantBlobs};
use crate::digest::Digest;
use bytes::Bytes;

/// What became of a create-only put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// The object is new.
    New,
    /// There was one of this name, and it is as it was: its bytes.
    Already(Vec<u8>),
}

/// An object and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The ETag, as the store writes it.
    pub etag: String,
}

impl TenantBlobs {
    fn at(&self, path: &str) -> String {
        format!("{}/{path}", self.tenant)
    }

    /// Stores `bytes` at `path` where nothing is; at most `max_bytes` are read of what is there already.
    ///
    /// # Errors
    ///
    /// [`BlobError`].
    pub async fn create_at(&self, path: &str, bytes: Bytes, max_bytes: u64) -> Result<Created, BlobError> {
        if self.put_at(path, &bytes, Condition::Absent).await? {
            return Ok(Created::New);
        }
        let found = self.read_at(path, max_bytes).await?.ok_or_else(|| BlobError::Missing(self.at(path)))?;
        Ok(Created::Already(found.bytes))
    }

    /// Reads the object at `path`; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`BlobError`]; over `max_bytes` it is [`BlobError::TooLarge`].
    pub async fn read_at(&self, path: &str, max_bytes: u64) -> Result<Option<Versioned>, BlobError> {
        let mut bytes = Vec::new();
        let take = |chunk: &[u8]| {
            bytes.extend_from_slice(chunk);
            Ok(())
        };
        match self.stream(&self.at(path), max_bytes, take).await {
            Ok((_, etag)) => Ok(Some(Versioned { bytes, etag })),
            Err(BlobError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stores `bytes` at `path` if the version there is still `etag`, or if nothing is there and `etag` is none; whether it did,
    /// or found these bytes there.
    ///
    /// # Errors
    ///
    /// [`BlobError`].
    pub async fn replace_at(&self, path: &str, bytes: Bytes, etag: Option<&str>) -> Result<bool, BlobError> {
        if self.put_at(path, &bytes, etag.map_or(Condition::Absent, Condition::Version)).await? {
            return Ok(true);
        }
        // The reply to a first try may have been lost, and this was the second.
        Ok(self
            .read_at(path, bytes.len() as u64)
            .await
            .is_ok_and(|found| found.is_some_and(|found| found.bytes == bytes)))
    }

    /// Puts an object on a condition; whether it held.
    async fn put_at(&self, path: &str, bytes: &Bytes, condition: Condition<'_>) -> Result<bool, BlobError> {
        self.put_object(self.at(path), &Digest::of(bytes), Origin::Bytes(bytes), condition).await
    }
}
