//! The S3 of the laptop: `s3s` speaks the protocol, SQLite keeps the keys, and files keep the bytes.
//!
//! An object is a row (bucket, key, ETag, what was said about it) that names a body, a file with a random name. A
//! write takes four steps: the body goes into a file under `tmp/`; its length, signature and checksums are judged;
//! the file moves to `bodies/`; and one transaction looks at the conditions and puts the row. Transactions run one
//! after the other, so that of many writers with `If-None-Match: *` exactly one wins. Before the transaction nobody
//! sees anything, after it the object survives `kill -9`, and what a crash leaves between the two is a file without
//! a row, which the next [`Store::open`] removes. Power loss is another matter: nothing here waits for the disk.
//!
//! Keys are never paths: a key is bytes in a column, and `../other/secret` is a name like any other.
//!
//! | under the root | is |
//! | --- | --- |
//! | `index.sqlite` (and `-wal`, `-shm`) | the rows |
//! | `bodies/` | the bodies that rows name |
//! | `tmp/` | bodies being written |
//! | `lock` | held by the one process that has the store open |
//!
//! Operations: `CreateBucket`, `HeadBucket`, `ListBuckets`; `PutObject`, `GetObject`, `HeadObject`, `DeleteObject`,
//! `DeleteObjects`, `CopyObject`; `ListObjectsV2`; uploads in parts (create, upload, list, complete, abort); URLs
//! signed in advance. All others, and headers whose meaning would be lost, are `NotImplemented`.

mod bodies;
mod buckets;
mod checksums;
mod conditions;
mod index;
mod listing;
mod multipart;
mod objects;
mod serve;
mod store;

pub use serve::serve;
pub use store::{Store, StoreError};
