//! Signing a log's head and exporting its tree, step by step, so that a run that dies anywhere leaves what the next one completes.
//!
//! What was signed is in the bucket and nowhere else: a step begins at the latest head, proves the right edge of the exported tree
//! by it, adds the leaves that came since and writes, in this order: tiles and bundles, `next/<size before>`, `checkpoint/<size>`,
//! `checkpoint`. All but the last are made once and never changed.
//!
//! **One line of heads.** A head is born as `next/<size before>`. Of two runs only one can make that object, and whoever finds it
//! there makes no other head but completes this one. So each head has one successor, which extends it, whoever dies or races, and
//! also where somebody puts an older `checkpoint` back.
//!
//! **Altered logs.** Where the stored rows no longer give what was signed, nothing is signed any more. A step looks again at the
//! leaves of the last bundle, and at those of one earlier bundle in turn: [`super::verify`] looks at all. Steps are taken for logs that
//! grew alone: what was altered in a quiet one is found with its next entry, or by [`super::verify`].

use super::{
    Audit, Leaf, LeafRow, Log,
    note::{Head, LogKey, NoteError, origin},
    tiles::{self, Exported, LATEST, MAX_BUNDLE_BYTES, MAX_NOTE_BYTES, TilesError, WIDTH},
    tree::{self, Error, Hash},
};
use crate::{
    blob::{BlobError, Blobs, Created, TenantBlobs},
    clock::Clock,
    secrets::{SecretError, Secrets},
    table::{Table, TableError},
    tenant::TenantScope,
};
use jiff::SignedDuration;
use tlog_tiles::EMPTY_HASH;

/// The secret from which the keys of all logs are derived.
pub const AUDIT_KEY: &str = "AUDIT_KEY";
/// The most leaves that one step covers.
pub const STEP: u64 = 4_096;
/// How old what stands after a gap must be, for whoever left it to be given up.
const GIVEN_UP: SignedDuration = SignedDuration::from_secs(10);
/// The most rows that are read at a time.
const PAGE: u32 = 1_000;

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// How many leaves the latest head covers now.
    pub size: u64,
    /// How many of them are new.
    pub leaves: u64,
    /// How many places were filled because nobody used them.
    pub voided: u64,
    /// Whether there is more to be covered at once.
    pub more: bool,
}

/// What keeps a head from being signed.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// What is stored is not what was signed. Somebody has to look: nothing is signed for this log any more.
    #[error("the log is not the one that was signed: {0}")]
    Altered(String),
    /// The table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The bucket.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The key or a note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The tree.
    #[error("the tree could not be grown: {0}")]
    Tree(#[from] Error),
}

impl From<TilesError> for CheckpointError {
    fn from(error: TilesError) -> Self {
        match error {
            TilesError::Altered(what) => Self::Altered(what),
            TilesError::Blob(error) => Self::Blob(error),
        }
    }
}

/// The heads of every tenant's log.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    audit: Audit,
    blobs: Blobs,
    secrets: Secrets,
    environment: String,
    clock: Clock,
}

/// The latest head, and the version of the object that holds it.
struct Latest {
    head: Head,
    etag: Option<String>,
}

/// The leaves that a step adds.
#[derive(Default)]
struct Added {
    rows: Vec<LeafRow>,
    voided: u64,
    more: bool,
}

impl Checkpoints {
    /// The heads of the logs in `table`, in `blobs`, signed by keys of the secret for this environment.
    pub fn new(table: Table, blobs: Blobs, secrets: Secrets, environment: impl Into<String>, clock: Clock) -> Self {
        let audit = Audit::new(table, clock.clone());
        Self { audit, blobs, secrets, environment: environment.into(), clock }
    }

    /// The key of a tenant's log.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Secret`], [`CheckpointError::Note`].
    pub async fn key(&self, tenant: &TenantScope) -> Result<LogKey, CheckpointError> {
        let secret = self.secrets.get(AUDIT_KEY).await?;
        Ok(LogKey::derive(&secret, &origin(&self.environment, tenant.tenant()))?)
    }

    /// Brings the latest head of a tenant's log a step further: completes one that an earlier run has left, or signs the next one.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`].
    pub async fn step(&self, tenant: &TenantScope) -> Result<Step, CheckpointError> {
        let key = self.key(tenant).await?;
        let (log, files) = (self.audit.of(tenant), self.blobs.of(tenant));
        let latest = latest(&files, &key).await?;
        let from = latest.head.size;
        let begun = match files.read_at(&tiles::next_path(from), MAX_NOTE_BYTES).await? {
            Some(found) => Some(opened(&found.bytes, &key, "the head that follows the latest")?),
            None => None,
        };
        if begun.as_ref().is_some_and(|begun| begun.size <= from) {
            return Err(CheckpointError::Altered("a head is followed by one that covers no more".to_owned()));
        }
        let mut exported = Exported::new(&files, &latest.head);
        let mut tree = exported.edge().await?;
        let last = from - from % WIDTH;
        let kept = self.recheck(&log, &mut exported, last, from - last).await?;
        let most = begun.as_ref().map_or(STEP, |begun| begun.size - from);
        let added = self.added(&log, from, most, begun.is_some()).await?;
        for row in &added.rows {
            tree.push(&row.leaf_hash)?;
        }
        let size = tree.size();
        let done = Step { size, leaves: size - from, voided: added.voided, more: added.more || begun.is_some() };
        if size == from {
            self.covered(&log, size).await?;
            return Ok(done);
        }
        let root = tree.root()?;
        if begun.as_ref().is_some_and(|begun| (begun.size, begun.root) != (size, root)) {
            return Err(CheckpointError::Altered("the leaves do not give the head that was begun".to_owned()));
        }
        let head = key.sign(size, root)?;
        for (tile, bytes) in tiles::new_tiles(&tree, from, size)? {
            create(&files, &tiles::path(&tile), bytes).await?;
        }
        let leaves: Vec<&str> = kept.iter().chain(&added.rows).map(|row| row.leaf.as_str()).collect();
        for (path, first, count) in tiles::bundles(from, size) {
            let at = |place: u64| usize::try_from(place - last).unwrap_or(usize::MAX);
            let leaves = leaves.get(at(first)..at(first + count)).unwrap_or_default();
            let bytes = tiles::bundle(leaves.iter().copied());
            let bytes = bytes.ok_or_else(|| CheckpointError::Altered(format!("a leaf of {path} is too long")))?;
            create(&files, &path, bytes).await?;
        }
        let note = head.note.clone().into_bytes();
        match files.create_at(&tiles::next_path(from), note.clone().into(), MAX_NOTE_BYTES).await? {
            Created::Already(found) if found != note => {
                // Another run was first, with another number of leaves: the next step completes its head.
                return Ok(Step { size: from, leaves: 0, more: true, ..done });
            }
            _ => {}
        }
        create(&files, &tiles::head_path(size), note.clone()).await?;
        if !files.replace_at(LATEST, note.into(), latest.etag.as_deref()).await? {
            return Ok(Step { more: true, ..done });
        }
        if !done.more {
            self.covered(&log, size).await?;
        }
        Ok(done)
    }

    /// The latest head that is published for a tenant's log; `None` before the first.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`].
    pub async fn latest(&self, tenant: &TenantScope) -> Result<Option<Head>, CheckpointError> {
        let head = latest(&self.blobs.of(tenant), &self.key(tenant).await?).await?.head;
        Ok((head.size > 0).then_some(head))
    }

    /// Every head that was signed up to `last`, in rising order, as far as the line of heads leads.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`].
    pub async fn heads(&self, tenant: &TenantScope) -> Result<Vec<Head>, CheckpointError> {
        let (files, key) = (self.blobs.of(tenant), self.key(tenant).await?);
        let mut heads: Vec<Head> = Vec::new();
        loop {
            let size = heads.last().map_or(0, |head| head.size);
            let Some(found) = files.read_at(&tiles::next_path(size), MAX_NOTE_BYTES).await? else { return Ok(heads) };
            let head = opened(&found.bytes, &key, "a head in the line of heads")?;
            if head.size <= size {
                return Err(CheckpointError::Altered("a head is followed by one that covers no more".to_owned()));
            }
            heads.push(head);
        }
    }

    /// A tenant's exported objects.
    pub fn files(&self, tenant: &TenantScope) -> TenantBlobs {
        self.blobs.of(tenant)
    }

    /// A tenant's log.
    pub fn log(&self, tenant: &TenantScope) -> Log {
        self.audit.of(tenant)
    }

    /// Holds stored leaves against what was signed: those from `last` on, whose rows come back, and those of an earlier bundle,
    /// another one each minute.
    async fn recheck(
        &self,
        log: &Log,
        exported: &mut Exported<'_>,
        last: u64,
        count: u64,
    ) -> Result<Vec<LeafRow>, CheckpointError> {
        if let Some(turn) =
            u64::try_from(self.clock.now().as_second() / 60).ok().and_then(|m| m.checked_rem(last / WIDTH))
        {
            unaltered(log, exported, turn * WIDTH, WIDTH).await?;
        }
        unaltered(log, exported, last, count).await
    }

    /// Up to `most` leaves from the place `from` on, up to the first gap that somebody may yet fill.
    async fn added(&self, log: &Log, from: u64, most: u64, begun: bool) -> Result<Added, CheckpointError> {
        let counter = log.counter().await?;
        let next = counter.as_ref().map_or(0, |counter| counter.next);
        if next < from {
            return Err(CheckpointError::Altered(format!("{from} leaves were signed, and {next} places given out")));
        }
        let now = self.clock.now();
        let idle = counter.and_then(|counter| counter.given_at).is_some_and(|at| now.duration_since(at) > GIVEN_UP);
        let (mut added, mut place) = (Added::default(), from);
        loop {
            let page = log.leaves(place, PAGE).await?;
            for (seq, row) in page.rows {
                let leaf = sound(seq, &row)?;
                if seq >= next {
                    return Err(CheckpointError::Altered(format!("the place {seq} is taken and was never given out")));
                }
                let given_up = idle || now.duration_since(leaf.at) > GIVEN_UP;
                while place < seq && added.len() < most {
                    if begun {
                        return Err(CheckpointError::Altered(format!("the leaf {place} is missing")));
                    }
                    if !given_up {
                        return Ok(added);
                    }
                    added.fill(log, place).await?;
                    place += 1;
                }
                if added.len() == most {
                    added.more = true;
                    return Ok(added);
                }
                added.rows.push(row);
                place += 1;
            }
            if !page.more {
                break;
            }
        }
        while idle && place < next {
            if added.len() == most {
                added.more = true;
                return Ok(added);
            }
            added.fill(log, place).await?;
            place += 1;
        }
        Ok(added)
    }

    /// Takes the log out of the index of those that wait, if no place was given out beyond `size`.
    async fn covered(&self, log: &Log, size: u64) -> Result<(), CheckpointError> {
        match log.covered(size).await {
            Ok(()) | Err(TableError::Condition(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Added {
    fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Fills a place that nobody used, and takes what stands there then.
    async fn fill(&mut self, log: &Log, place: u64) -> Result<(), CheckpointError> {
        self.voided += u64::from(log.fill(place).await?.is_none());
        let row = log.leaf(place).await?;
        let row = row.ok_or_else(|| CheckpointError::Altered(format!("the leaf {place} is gone")))?;
        sound(place, &row)?;
        self.rows.push(row);
        Ok(())
    }
}

async fn latest(files: &TenantBlobs, key: &LogKey) -> Result<Latest, CheckpointError> {
    Ok(match files.read_at(LATEST, MAX_NOTE_BYTES).await? {
        Some(found) => Latest { head: opened(&found.bytes, key, "the latest head")?, etag: Some(found.etag) },
        None => {
            let (origin, note) = (String::new(), String::new());
            Latest { head: Head { origin, size: 0, root: EMPTY_HASH, note }, etag: None }
        }
    })
}

fn opened(note: &[u8], key: &LogKey, which: &str) -> Result<Head, CheckpointError> {
    let note = std::str::from_utf8(note).map_err(|_| NoteError::Form);
    let head = note.and_then(|note| Head::open(note, key.verifier()));
    head.map_err(|why| CheckpointError::Altered(format!("{which} is of no use: {why}")))
}

/// The leaf of a row that was never signed, if it is what it says.
fn sound(seq: u64, row: &LeafRow) -> Result<Leaf, CheckpointError> {
    let odd = |what: &str| CheckpointError::Altered(format!("the leaf {seq} {what}"));
    if super::leaf_hash(row.leaf.as_bytes()) != row.leaf_hash {
        return Err(odd("has another hash than is stored with it"));
    }
    let leaf = row.parsed().map_err(|_| odd("is none"))?;
    if leaf.seq != seq {
        return Err(odd("says that its place is another"));
    }
    Ok(leaf)
}

/// The rows of `count` leaves from `from` on, if they are those that were signed.
async fn unaltered(
    log: &Log,
    exported: &mut Exported<'_>,
    from: u64,
    count: u64,
) -> Result<Vec<LeafRow>, CheckpointError> {
    let signed: Vec<Hash> = exported.leaves(from, count).await?;
    let found = log.leaves(from, u32::try_from(count).unwrap_or(0)).await?.rows;
    for (n, hash) in signed.iter().enumerate() {
        let place = from + n as u64;
        let row = found.get(n).filter(|(seq, _)| *seq == place);
        let (_, row) = row.ok_or_else(|| CheckpointError::Altered(format!("the leaf {place} is gone")))?;
        if tree::hash(&super::leaf_hash(row.leaf.as_bytes())) != *hash {
            return Err(CheckpointError::Altered(format!("the leaf {place} was changed")));
        }
    }
    Ok(found.into_iter().map(|(_, row)| row).collect())
}

async fn create(files: &TenantBlobs, path: &str, bytes: Vec<u8>) -> Result<(), CheckpointError> {
    match files.create_at(path, bytes.clone().into(), MAX_BUNDLE_BYTES).await? {
        Created::Already(found) if found != bytes => {
            Err(CheckpointError::Altered(format!("{path} was exported before, with other bytes")))
        }
        _ => Ok(()),
    }
}
