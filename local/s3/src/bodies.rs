//! Bodies: the bytes of objects, in files whose names are drawn at random and say nothing about a key.
//!
//! A body is written under `tmp/`, judged, renamed into `bodies/`, and only then named by a row of the index. What
//! a crash leaves at worst is a file that no row names, and [`Bodies::sweep`] removes those.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use http::StatusCode;
use s3s::dto::StreamingBlob;
use s3s::stream::{ByteStream, RemainingLength};
use s3s::{S3Error, S3ErrorCode, S3Result, StdError, s3_error};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

use crate::checksums::{Algorithm, Digest, Hasher};

/// How much of a body is in memory at once when it is read: 64 KiB.
const CHUNK: usize = 64 * 1024;

/// The two folders of body files.
#[derive(Debug)]
pub(crate) struct Bodies {
    drafts: PathBuf,
    kept: PathBuf,
}

impl Bodies {
    /// Opens the folders under `root`, making them where they are missing.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let bodies = Self { drafts: root.join("tmp"), kept: root.join("bodies") };
        fs::create_dir_all(&bodies.drafts)?;
        fs::create_dir_all(&bodies.kept)?;
        Ok(bodies)
    }

    /// Where the body of that name lies.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.kept.join(name)
    }

    /// Removes every draft, and every body that is not among `named`; says how many files went.
    ///
    /// Only right while nobody writes: [`crate::Store::open`] holds the lock on the root when it calls this.
    pub(crate) fn sweep(&self, named: &HashSet<String>) -> io::Result<usize> {
        let mut gone = 0;
        for folder in [&self.drafts, &self.kept] {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let kept = folder == &self.kept && entry.file_name().to_str().is_some_and(|name| named.contains(name));
                if !kept && entry.file_type()?.is_file() {
                    fs::remove_file(entry.path())?;
                    gone += 1;
                }
            }
        }
        Ok(gone)
    }

    /// Starts a new body, whose chosen checksums are computed while it is written.
    pub(crate) async fn draft(&self, algorithms: &BTreeSet<Algorithm>) -> S3Result<Sink> {
        let name = format!("{:032x}", rand::random::<u128>());
        let place = Place { path: self.drafts.join(&name), settled: false };
        let file = tokio::fs::File::create_new(&place.path).await.map_err(S3Error::internal_error)?;
        Ok(Sink { file, size: 0, hasher: Hasher::new(algorithms), name, place })
    }
}

/// A file that goes when this does, until it is settled.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    settled: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.settled {
            // A file that cannot be removed now is an orphan, which the next sweep takes.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A body being written.
pub(crate) struct Sink {
    file: tokio::fs::File,
    size: u64,
    hasher: Hasher,
    name: String,
    place: Place,
}

impl Sink {
    /// Appends bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        self.file.write_all(bytes).await
    }

    /// Appends all of a request's body.
    ///
    /// # Errors
    ///
    /// `XAmzContentSHA256Mismatch` and `IncompleteBody` when the bytes are not those that were signed or promised.
    pub(crate) async fn receive(&mut self, mut body: StreamingBlob) -> S3Result<()> {
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(broken_body)?;
            self.write(&chunk).await.map_err(S3Error::internal_error)?;
        }
        Ok(())
    }

    /// Appends all of a file.
    pub(crate) async fn append(&mut self, mut file: tokio::fs::File) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        loop {
            match file.read(&mut chunk).await? {
                0 => return Ok(()),
                read => self.write(&chunk[..read]).await?,
            }
        }
    }

    /// Ends the body: all of it is in the hands of the operating system when this returns.
    pub(crate) async fn finish(mut self) -> S3Result<Draft> {
        self.file.flush().await.map_err(S3Error::internal_error)?;
        Ok(Draft { name: self.name, size: self.size, digest: self.hasher.finish(), place: self.place })
    }
}

/// `s3s` hides the types of the errors inside a body's stream, so their words must tell them apart.
fn broken_body(error: StdError) -> S3Error {
    let words = error.to_string();
    let mut refusal = if words.contains("Sha256Mismatch") {
        let Ok(code) = "XAmzContentSHA256Mismatch".parse::<S3ErrorCode>();
        let mut refusal = S3Error::with_message(code, "The 'x-amz-content-sha256' header does not match the body.");
        refusal.set_status_code(StatusCode::BAD_REQUEST);
        refusal
    } else if words.contains("SignatureMismatch") {
        s3_error!(SignatureDoesNotMatch)
    } else {
        s3_error!(IncompleteBody, "The request's body ended early or could not be read.")
    };
    refusal.set_source(error);
    refusal
}

/// A whole body that no row names yet; its file goes with it unless it is settled.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) digest: Digest,
    place: Place,
}

impl Draft {
    /// Moves the file from `tmp/` to `bodies/`, where a row may name it.
    pub(crate) fn keep(&mut self, bodies: &Bodies) -> io::Result<()> {
        let kept = bodies.path(&self.name);
        fs::rename(&self.place.path, &kept)?;
        self.place.path = kept;
        Ok(())
    }

    /// Leaves the file where it is: a committed row names it.
    pub(crate) fn settle(mut self) {
        self.place.settled = true;
    }
}

/// The bytes `start..end` of a body, read as they are asked for.
pub(crate) async fn read(file: fs::File, start: u64, end: u64) -> io::Result<StreamingBlob> {
    let mut file = tokio::fs::File::from_std(file);
    if start > 0 {
        file.seek(io::SeekFrom::Start(start)).await?;
    }
    let left = end - start;
    let chunks = futures::stream::try_unfold((file, left), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut chunk = vec![0; left.min(CHUNK as u64) as usize];
        file.read_exact(&mut chunk).await?;
        let left = left - chunk.len() as u64;
        Ok(Some((Bytes::from(chunk), (file, left))))
    });
    let chunks = Box::pin(chunks.map_err(|error: io::Error| Box::new(error) as StdError));
    Ok(StreamingBlob::new(Measured { chunks, left: left as usize }))
}

/// A stream that knows how many bytes are left, so that hyper can say so.
struct Measured<S> {
    chunks: std::pin::Pin<Box<S>>,
    left: usize,
}

impl<S: Stream<Item = Result<Bytes, StdError>>> Stream for Measured<S> {
    type Item = Result<Bytes, StdError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let polled = self.chunks.poll_next_unpin(cx);
        if let std::task::Poll::Ready(Some(Ok(chunk))) = &polled {
            self.left -= chunk.len();
        }
        polled
    }
}

impl<S: Stream<Item = Result<Bytes, StdError>>> ByteStream for Measured<S> {
    fn remaining_length(&self) -> RemainingLength {
        RemainingLength::new_exact(self.left)
    }
}
