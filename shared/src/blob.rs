//! Content-addressed objects in S3, by tenant: a name is the SHA-256 of the bytes, and bytes of another digest never come out.
//!
//! | object | holds |
//! | --- | --- |
//! | `<tenant>/sha256/ab/cdef…` | the bytes whose digest is `abcdef…`; written once, never over |
//! | `uploads/<tenant>/<id>` | what a presigned upload brought, for some days |
//! | `<tenant>/<path>` | what a path names that both sides know: `create_at`, `read_at`, `replace_at` |
//!
//! The name stands inside the tenant: two tenants with the same bytes share nothing and learn nothing of each other.

mod paths;

use crate::{
    aws::Aws,
    digest::Hasher,
    problem::Problem,
    tenant::{TenantScope, guard::Refused},
};

pub use crate::digest::Digest;
use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::{get_object::GetObjectError, put_object::PutObjectError},
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::ChecksumAlgorithm,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
pub use paths::{Created, Versioned};
use std::{io, io::Write as _, path::Path, time::Duration};

/// The object's name within its tenant.
fn name(digest: &Digest) -> String {
    let hex = digest.to_string();
    format!("sha256/{}/{}", &hex[..2], &hex[2..])
}

/// How often an object is put while somebody else is putting the same one.
const CREATES: u32 = 5;

/// What keeps an object from being read or written.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// No object of this name.
    #[error("there is no object {0}")]
    Missing(String),
    /// Bytes of another digest or length under this name.
    #[error("the object {0} holds other bytes than its name says")]
    Damaged(String),
    /// More bytes than the caller takes.
    #[error("the object {0} is larger than {1} bytes")]
    TooLarge(String, u64),
    /// The store throttled, timed out or broke.
    #[error("the object store could not be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The tenant guard stopped the call: nothing was read or written.
    #[error("the call was stopped")]
    Refused(#[source] Refused),
    /// The local file could not be written or read.
    #[error("a local file could not be written or read")]
    File(#[from] io::Error),
}

impl From<BlobError> for Problem {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Unavailable(_) => Problem::upstream("blob.unavailable", &error, 1),
            other => Problem::internal(&other),
        }
    }
}

/// A bucket of the bundle.
#[derive(Clone, Debug)]
pub struct Blobs {
    client: Client,
    bucket: String,
}

/// A bucket as one tenant sees it.
#[derive(Clone, Debug)]
pub struct TenantBlobs {
    client: Client,
    bucket: String,
    tenant: String,
}

impl Blobs {
    /// The bucket `bucket`.
    pub fn new(aws: &Aws, bucket: impl Into<String>) -> Self {
        Self { client: aws.s3(), bucket: bucket.into() }
    }

    /// The bucket as `tenant` sees it.
    pub fn of(&self, tenant: &TenantScope) -> TenantBlobs {
        TenantBlobs { client: self.client.clone(), bucket: self.bucket.clone(), tenant: tenant.tenant().to_string() }
    }
}

impl TenantBlobs {
    fn object(&self, digest: &Digest) -> String {
        format!("{}/{}", self.tenant, name(digest))
    }

    fn upload(&self, id: &str) -> String {
        format!("uploads/{}/{id}", self.tenant)
    }

    /// Stores `bytes` under their digest. Bytes that are there already are left as they are.
    ///
    /// # Errors
    ///
    /// [`BlobError::Unavailable`].
    pub async fn put(&self, bytes: Bytes) -> Result<Digest, BlobError> {
        let digest = Digest::of(&bytes);
        self.put_object(self.object(&digest), &digest, Origin::Bytes(&bytes), Condition::Absent).await?;
        Ok(digest)
    }

    /// Stores the file at `path` under its digest, without holding it in memory.
    ///
    /// # Errors
    ///
    /// [`BlobError::File`], [`BlobError::Unavailable`].
    pub async fn put_file(&self, path: &Path) -> Result<Digest, BlobError> {
        let digest = Digest::of_file(path)?;
        self.put_object(self.object(&digest), &digest, Origin::File(path), Condition::Absent).await?;
        Ok(digest)
    }

    /// Puts the bytes whose digest is `digest` on a condition; whether it held.
    async fn put_object(
        &self,
        key: String,
        digest: &Digest,
        from: Origin<'_>,
        condition: Condition<'_>,
    ) -> Result<bool, BlobError> {
        let checksum = STANDARD.encode(digest.as_bytes());
        for attempt in 1..=CREATES {
            let put = self.client.put_object().bucket(&self.bucket).key(&key).body(from.stream().await?);
            let put = match condition {
                Condition::Absent => put.if_none_match("*"),
                Condition::Version(etag) => put.if_match(etag),
            };
            let put = put.checksum_algorithm(ChecksumAlgorithm::Sha256).checksum_sha256(&checksum);
            match put.send().await {
                Err(error) if status(&error) == Some(412) => return Ok(false),
                // Somebody else is writing the same object, and may yet fail.
                Err(error) if status(&error) == Some(409) && attempt < CREATES => {
                    tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
                }
                // Whoever has stored something names its version. Anybody else has not.
                Ok(stored) if stored.e_tag().is_none() => {
                    return Err(unavailable(io::Error::other("no word of what was stored")));
                }
                other => return other.map(|_| true).map_err(unavailable),
            }
        }
        Ok(false)
    }

    /// Reads the object whose digest is `digest`, whole, and proves it.
    ///
    /// # Errors
    ///
    /// [`BlobError`]; over `max_bytes` it is [`BlobError::TooLarge`].
    pub async fn get(&self, digest: &Digest, max_bytes: u64) -> Result<Vec<u8>, BlobError> {
        let (object, mut bytes) = (self.object(digest), Vec::new());
        let take = |chunk: &[u8]| {
            bytes.extend_from_slice(chunk);
            Ok(())
        };
        let (found, _) = self.stream(&object, max_bytes, take).await?;
        if found == *digest { Ok(bytes) } else { Err(BlobError::Damaged(object)) }
    }

    /// Brings the object whose digest is `digest` into the file at `path`, chunk by chunk, and proves it. A file of other bytes
    /// is left behind for the caller to remove.
    ///
    /// # Errors
    ///
    /// [`BlobError`]; over `max_bytes` it is [`BlobError::TooLarge`].
    pub async fn get_file(&self, digest: &Digest, path: &Path, max_bytes: u64) -> Result<(), BlobError> {
        let (object, mut file) = (self.object(digest), std::fs::File::create(path)?);
        let (found, _) = self.stream(&object, max_bytes, |chunk| file.write_all(chunk)).await?;
        if found == *digest { Ok(()) } else { Err(BlobError::Damaged(object)) }
    }

    /// Brings the upload `id` into the file at `path` and returns its digest.
    ///
    /// # Errors
    ///
    /// [`BlobError`]; over `max_bytes` it is [`BlobError::TooLarge`].
    pub async fn get_upload(&self, id: &str, path: &Path, max_bytes: u64) -> Result<Digest, BlobError> {
        let mut file = std::fs::File::create(path)?;
        Ok(self.stream(&self.upload(id), max_bytes, |chunk| file.write_all(chunk)).await?.0)
    }

    /// The URL at which the upload `id` may be put for `valid`, with this content type.
    ///
    /// # Errors
    ///
    /// [`BlobError::Unavailable`].
    pub async fn upload_url(&self, id: &str, content_type: &str, valid: Duration) -> Result<String, BlobError> {
        let put = self.client.put_object().bucket(&self.bucket).key(self.upload(id)).content_type(content_type);
        let config = PresigningConfig::expires_in(valid).map_err(unavailable)?;
        Ok(put.presigned(config).await.map_err(unavailable)?.uri().to_owned())
    }

    async fn stream(
        &self,
        key: &str,
        max_bytes: u64,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(Digest, String), BlobError> {
        let got = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(got) => got,
            Err(SdkError::ServiceError(error)) if absent(error.err()) => {
                return Err(BlobError::Missing(key.to_owned()));
            }
            Err(error) => return Err(unavailable(error)),
        };
        let Some(etag) = got.e_tag().map(ToOwned::to_owned) else {
            return Err(unavailable(io::Error::other("the reply is none of an object store")));
        };
        let announced = got.content_length.and_then(|length| u64::try_from(length).ok());
        let (mut body, mut length, mut hasher) = (got.body, 0, Hasher::default());
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(unavailable)?;
            length += chunk.len() as u64;
            if length > max_bytes {
                return Err(BlobError::TooLarge(key.to_owned(), max_bytes));
            }
            hasher.update(&chunk);
            take(&chunk)?;
        }
        if announced.is_some_and(|announced| announced != length) {
            return Err(unavailable(io::Error::new(io::ErrorKind::UnexpectedEof, "the body was cut")));
        }
        Ok((hasher.finish(), etag))
    }
}

/// On what an object is put.
#[derive(Clone, Copy)]
enum Condition<'a> {
    /// That nothing is there.
    Absent,
    /// That this version is.
    Version(&'a str),
}

/// Where an object's bytes come from, as often as they are sent.
#[derive(Clone, Copy)]
enum Origin<'a> {
    Bytes(&'a Bytes),
    File(&'a Path),
}

impl Origin<'_> {
    async fn stream(self) -> Result<ByteStream, BlobError> {
        match self {
            Self::Bytes(bytes) => Ok(ByteStream::from(bytes.clone())),
            Self::File(path) => ByteStream::from_path(path).await.map_err(unavailable),
        }
    }
}

/// The HTTP status of a refusal: 412 where a create-only put found its name taken, 409 where it is being taken.
fn status(error: &SdkError<PutObjectError>) -> Option<u16> {
    match error {
        SdkError::ServiceError(error) => Some(error.raw().status().as_u16()),
        _ => None,
    }
}

/// Whether S3 says that there is no such object: in so many words, or by a denial of `s3:ListBucket`, which is what it says in their
/// place to who may not list the bucket. The roles in `template.yaml` may not, since the names in it are other tenants'. A denial of
/// anything else, as of the object or of its key at KMS, says nothing of what is there.
fn absent(error: &GetObjectError) -> bool {
    let unlisted = || error.message().is_some_and(|message| message.contains("s3:ListBucket"));
    matches!(error, GetObjectError::NoSuchKey(_)) || error.code() == Some("AccessDenied") && unlisted()
}

pub(crate) fn unavailable<E: std::error::Error + Send + Sync + 'static>(error: E) -> BlobError {
    match Refused::among(&error) {
        Some(refused) => BlobError::Refused(refused.clone()),
        None => BlobError::Unavailable(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_says_that_an_object_is_missing_only_where_it_is_of_listing() {
        let said = |code: &str, message: &str| {
            let said = aws_sdk_s3::error::ErrorMetadata::builder().code(code).message(message).build();
            absent(&GetObjectError::generic(said))
        };
        let denied = |action: &str, on: &str| {
            let role = "arn:aws:sts::123456789012:assumed-role/smartstore-catalog/session";
            format!(
                "User: {role} is not authorized to perform: {action} on resource: \"{on}\" because no identity-based policy \
                 allows the {action} action"
            )
        };
        assert!(said("AccessDenied", &denied("s3:ListBucket", "arn:aws:s3:::bucket")));
        for (action, on) in [
            ("s3:GetObject", "arn:aws:s3:::bucket/acme/sha256/ab/cd"),
            ("kms:Decrypt", "arn:aws:kms:us-east-1:123456789012:key/1"),
        ] {
            assert!(!said("AccessDenied", &denied(action, on)), "{action}");
        }
        assert!(!said("AccessDenied", "Access Denied") && !said("AccessDenied", ""));
        assert!(!said("SlowDown", "s3:ListBucket") && !said("InternalError", ""));
    }

    #[test]
    fn a_name_is_the_digest_split_for_listing() {
        assert_eq!(
            name(&Digest::of(b"abc")),
            "sha256/ba/7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
