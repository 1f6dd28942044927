//! The index: which keys there are, and what each holds. SQLite, one writer at a time.
//!
//! | table | key | holds |
//! | --- | --- | --- |
//! | `buckets` | `name` | `created` (seconds since 1970) |
//! | `objects` | `bucket`, `key` | `body` (a file's name), `size` (bytes), `etag`, `modified` (seconds), `about` (JSON) |
//! | `uploads` | `id` | `bucket`, `key`, `about` (JSON: what the object will be) |
//! | `parts` | `upload`, `number` | `body`, `size`, `etag`, `md5`, `modified`, `sums` (JSON) |
//!
//! Keys are blobs: SQLite compares those byte by byte, which is the order in which S3 lists UTF-8.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};
use s3s::dto::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bodies::{Bodies, Draft};
use crate::checksums::{Algorithm, Checksums};
use crate::store::StoreError;

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// The version of the tables, in SQLite's `user_version`.
const VERSION: i64 = 1;

const TABLES: &str = "
    CREATE TABLE buckets (name TEXT PRIMARY KEY, created INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE objects (
        bucket TEXT NOT NULL, key BLOB NOT NULL, body TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
        modified INTEGER NOT NULL, about TEXT NOT NULL, PRIMARY KEY (bucket, key)) WITHOUT ROWID;
    CREATE TABLE uploads (
        id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, about TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE parts (
        upload TEXT NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
        md5 BLOB NOT NULL, modified INTEGER NOT NULL, sums TEXT NOT NULL, PRIMARY KEY (upload, number)) WITHOUT ROWID;
";

/// What a key holds.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) body: String,
    pub(crate) size: u64,
    /// Without quotes.
    pub(crate) etag: String,
    /// Seconds since 1970: S3 keeps no finer time either.
    pub(crate) modified: i64,
    pub(crate) about: About,
}

/// What the sender said about an object, and its checksums.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) content_type: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) sums: Checksums,
    /// Whether `sums` are checksums of the parts' checksums.
    pub(crate) composite: bool,
}

/// An upload in parts that has not been completed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Upload {
    pub(crate) about: About,
    /// The checksum that the object will have.
    pub(crate) algorithm: Algorithm,
    /// Whether it is one of the parts' checksums, rather than of all the bytes.
    pub(crate) composite: bool,
}

/// One part of an upload.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) number: i32,
    pub(crate) body: String,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) md5: [u8; 16],
    pub(crate) modified: i64,
    pub(crate) sums: Checksums,
}

/// Makes the tables, or refuses those of a later version.
pub(crate) fn prepare(connection: &mut Connection) -> Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.set_prepared_statement_cache_capacity(64);
    let work = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match work.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? {
        VERSION => {}
        0 => {
            work.execute_batch(TABLES)?;
            work.pragma_update(None, "user_version", VERSION)?;
        }
        newer => return Err(StoreError::Version(newer)),
    }
    Ok(work.commit()?)
}

/// One transaction on the index, together with the files that it brings in or lets go.
///
/// Files follow the rows: what it adopts is removed again unless it commits, and what it lets go stays until it has.
pub(crate) struct Index<'a> {
    work: Transaction<'a>,
    bodies: &'a Bodies,
    adopted: RefCell<Vec<Draft>>,
    doomed: RefCell<Vec<String>>,
}

impl<'a> Index<'a> {
    /// Begins; no other transaction runs until this one ends.
    pub(crate) fn begin(connection: &'a mut Connection, bodies: &'a Bodies) -> Result<Self> {
        let work = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        Ok(Self { work, bodies, adopted: RefCell::default(), doomed: RefCell::default() })
    }

    /// Makes all of it true.
    pub(crate) fn commit(self) -> Result<()> {
        self.work.commit()?;
        self.adopted.into_inner().into_iter().for_each(Draft::settle);
        for body in self.doomed.into_inner() {
            // What cannot be removed is an orphan for the next sweep; the object itself is gone.
            let _ = std::fs::remove_file(self.bodies.path(&body));
        }
        Ok(())
    }

    /// Takes a body over, so that a row may name it.
    fn adopt(&self, mut draft: Draft) -> Result<String> {
        draft.keep(self.bodies)?;
        let name = draft.name.clone();
        self.adopted.borrow_mut().push(draft);
        Ok(name)
    }

    fn doom(&self, body: String) {
        self.doomed.borrow_mut().push(body);
    }

    /// Adds a bucket; `false` when it is there already.
    pub(crate) fn add_bucket(&self, name: &str) -> Result<bool> {
        let mut add = self.work.prepare_cached("INSERT INTO buckets VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
        Ok(add.execute(params![name, now()])? == 1)
    }

    /// Whether there is such a bucket.
    pub(crate) fn has_bucket(&self, name: &str) -> Result<bool> {
        Ok(self.work.prepare_cached("SELECT 1 FROM buckets WHERE name = ?1")?.exists([name])?)
    }

    /// Every bucket by name, with the second in which it was made.
    pub(crate) fn buckets(&self) -> Result<Vec<(String, i64)>> {
        let mut all = self.work.prepare_cached("SELECT name, created FROM buckets ORDER BY name")?;
        Ok(all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
    }

    /// What a key holds.
    pub(crate) fn object(&self, bucket: &str, key: &str) -> Result<Option<Object>> {
        let mut find = self
            .work
            .prepare_cached("SELECT body, size, etag, modified, about FROM objects WHERE bucket = ?1 AND key = ?2")?;
        Ok(find.query_row(params![bucket, key.as_bytes()], object_at::<0>).optional()?)
    }

    /// The first object at or after `from` and, if `end` is given, before it.
    pub(crate) fn next_object(
        &self,
        bucket: &str,
        from: &[u8],
        end: Option<&[u8]>,
    ) -> Result<Option<(String, Object)>> {
        let mut find = self.work.prepare_cached(
            "SELECT key, body, size, etag, modified, about FROM objects
             WHERE bucket = ?1 AND key >= ?2 AND (?3 IS NULL OR key < ?3) ORDER BY key LIMIT 1",
        )?;
        let found = find.query_row(params![bucket, from, end], |row| Ok((text_at(row, 0)?, object_at::<1>(row)?)));
        Ok(found.optional()?)
    }

    /// Puts a body under a key, in place of what the key held.
    pub(crate) fn put(&self, bucket: &str, key: &str, etag: String, about: About, draft: Draft) -> Result<Object> {
        if let Some(old) = self.object(bucket, key)? {
            self.doom(old.body);
        }
        let size = draft.size;
        let object = Object { body: self.adopt(draft)?, size, etag, modified: now(), about };
        self.work.prepare_cached("INSERT OR REPLACE INTO objects VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(
            params![
                bucket,
                key.as_bytes(),
                object.body,
                object.size as i64,
                object.etag,
                object.modified,
                json(&object.about)?
            ],
        )?;
        Ok(object)
    }

    /// Empties a key, which may be empty already.
    pub(crate) fn delete(&self, bucket: &str, key: &str) -> Result<()> {
        let mut delete =
            self.work.prepare_cached("DELETE FROM objects WHERE bucket = ?1 AND key = ?2 RETURNING body")?;
        let body: Option<String> = delete.query_row(params![bucket, key.as_bytes()], |row| row.get(0)).optional()?;
        body.into_iter().for_each(|body| self.doom(body));
        Ok(())
    }

    /// Begins an upload in parts.
    pub(crate) fn add_upload(&self, id: &str, bucket: &str, key: &str, upload: &Upload) -> Result<()> {
        let mut add = self.work.prepare_cached("INSERT INTO uploads VALUES (?1, ?2, ?3, ?4)")?;
        add.execute(params![id, bucket, key.as_bytes(), json(upload)?])?;
        Ok(())
    }

    /// The upload of that id, if it is one for this key.
    pub(crate) fn upload(&self, id: &str, bucket: &str, key: &str) -> Result<Option<Upload>> {
        let mut find =
            self.work.prepare_cached("SELECT about FROM uploads WHERE id = ?1 AND bucket = ?2 AND key = ?3")?;
        Ok(find.query_row(params![id, bucket, key.as_bytes()], |row| json_at(row, 0)).optional()?)
    }

    /// Forgets an upload and all its parts.
    pub(crate) fn drop_upload(&self, id: &str) -> Result<()> {
        let mut parts = self.work.prepare_cached("DELETE FROM parts WHERE upload = ?1 RETURNING body")?;
        for body in parts.query_map([id], |row| row.get(0))? {
            self.doom(body?);
        }
        self.work.prepare_cached("DELETE FROM uploads WHERE id = ?1")?.execute([id])?;
        Ok(())
    }

    /// Puts a body as one part of an upload, in place of an earlier try.
    pub(crate) fn put_part(&self, upload: &str, number: i32, draft: Draft) -> Result<()> {
        let mut find = self.work.prepare_cached("SELECT body FROM parts WHERE upload = ?1 AND number = ?2")?;
        let old: Option<String> = find.query_row(params![upload, number], |row| row.get(0)).optional()?;
        old.into_iter().for_each(|body| self.doom(body));
        let (size, digest) = (draft.size, draft.digest.clone());
        let body = self.adopt(draft)?;
        let mut put =
            self.work.prepare_cached("INSERT OR REPLACE INTO parts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
        let etag = hex::encode(digest.md5);
        put.execute(params![upload, number, body, size as i64, etag, digest.md5, now(), json(&digest.sums)?])?;
        Ok(())
    }

    /// The parts of an upload, by number.
    pub(crate) fn parts(&self, upload: &str) -> Result<Vec<Part>> {
        let mut find = self.work.prepare_cached(
            "SELECT number, body, size, etag, md5, modified, sums FROM parts WHERE upload = ?1 ORDER BY number",
        )?;
        let parts = find.query_map([upload], |row| {
            Ok(Part {
                number: row.get(0)?,
                body: row.get(1)?,
                size: row.get::<_, i64>(2)? as u64,
                etag: row.get(3)?,
                md5: row.get(4)?,
                modified: row.get(5)?,
                sums: json_at(row, 6)?,
            })
        })?;
        Ok(parts.collect::<Result<_, _>>()?)
    }

    /// The name of every body that some row names.
    pub(crate) fn bodies(&self) -> Result<HashSet<String>> {
        let mut all = self.work.prepare("SELECT body FROM objects UNION ALL SELECT body FROM parts")?;
        Ok(all.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs() as i64)
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| StoreError::Index(rusqlite::Error::ToSqlConversionFailure(Box::new(e))))
}

fn json_at<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(e)))
}

fn text_at(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    String::from_utf8(row.get(column)?)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, Box::new(e)))
}

/// Reads `body, size, etag, modified, about`, of which the first is column `FIRST`.
fn object_at<const FIRST: usize>(row: &Row<'_>) -> rusqlite::Result<Object> {
    Ok(Object {
        body: row.get(FIRST)?,
        size: row.get::<_, i64>(FIRST + 1)? as u64,
        etag: row.get(FIRST + 2)?,
        modified: row.get(FIRST + 3)?,
        about: json_at(row, FIRST + 4)?,
    })
}
