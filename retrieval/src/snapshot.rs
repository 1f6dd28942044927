//! A snapshot that is open: verified once, then read in place.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use tantivy::columnar::{Column, StrColumn};
use tantivy::directory::{Directory, MmapDirectory};
use tantivy::fieldnorm::FieldNormReader;
use tantivy::schema::Value;
use tantivy::store::StoreReader;
use tantivy::{Index, InvertedIndexReader, SegmentReader, TantivyDocument};

use crate::document::Document;
use crate::fields::{self, Fields};
use crate::hash::Hash;
use crate::ids::{self, Ids};
use crate::manifest::{MANIFEST, Manifest, SCHEMA_VERSION};

/// Blocks of stored documents that stay decompressed (16 KB each).
const STORE_CACHE_BLOCKS: usize = 16;

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file is not there.
    #[error("the snapshot's file {file} is missing")]
    Missing {
        /// Its name.
        file: String,
    },
    /// A file is not what the manifest (or, for the manifest, the snapshot's name) says.
    #[error("the snapshot's file {file} is damaged")]
    Damaged {
        /// Its name.
        file: String,
    },
    /// The manifest is of another layout.
    #[error("the snapshot has layout {0}, this code reads {SCHEMA_VERSION}")]
    Layout(u32),
    /// The manifest names a file that is no plain name.
    #[error("the manifest names a file {0:?}")]
    FileName(String),
    /// Reading failed.
    #[error("reading the snapshot's file {file}: {source}")]
    Io {
        /// The file's name.
        file: String,
        /// What happened.
        source: std::io::Error,
    },
    /// The index inside does not open although its bytes are right.
    #[error("the snapshot's index: {0}")]
    Index(#[from] tantivy::TantivyError),
}

/// An indexed field, ready to be read.
#[derive(Clone)]
pub(crate) struct Indexed {
    pub(crate) field: tantivy::schema::Field,
    pub(crate) postings: Arc<InvertedIndexReader>,
    pub(crate) norms: FieldNormReader,
    /// Terms in all documents together over the number of documents.
    pub(crate) mean_length: f32,
}

/// A snapshot that is open. Cheap to share behind an [`Arc`]; all its methods take `&self`.
pub struct Snapshot {
    hash: Hash,
    manifest: Manifest,
    pub(crate) ids: Ids,
    pub(crate) all: Indexed,
    pub(crate) name: Indexed,
    pub(crate) kind: Indexed,
    pub(crate) extra: Indexed,
    pub(crate) price: Option<Column<i64>>,
    pub(crate) updated: Option<Column<i64>>,
    pub(crate) acl: Option<Column<u64>>,
    pub(crate) category: Labels,
    pub(crate) department: Labels,
    pub(crate) aisle: Labels,
    store: StoreReader,
    document: tantivy::schema::Field,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("hash", &self.hash)
            .field("scope", &self.manifest.scope)
            .finish_non_exhaustive()
    }
}

impl Manifest {
    /// Reads the manifest of the snapshot `expected` from its bytes.
    ///
    /// # Errors
    ///
    /// [`OpenError::Damaged`] when they are not that manifest, [`OpenError::Layout`] when it is of another layout,
    /// [`OpenError::FileName`] when it names a file outside its folder.
    pub fn parse(bytes: &[u8], expected: &Hash) -> Result<Self, OpenError> {
        #[derive(serde::Deserialize)]
        struct Layout {
            schema: u32,
        }
        let damaged = || OpenError::Damaged { file: MANIFEST.to_owned() };
        if Hash::of(bytes) != *expected {
            return Err(damaged());
        }
        let layout: Layout = serde_json::from_slice(bytes).map_err(|_| damaged())?;
        if layout.schema != SCHEMA_VERSION {
            return Err(OpenError::Layout(layout.schema));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|_| damaged())?;
        let plain = |name: &str| {
            let first = name.bytes().next();
            first.is_some_and(|byte| byte.is_ascii_alphanumeric())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        match manifest.files.keys().find(|name| !plain(name)) {
            Some(name) => Err(OpenError::FileName(name.clone())),
            None => Ok(manifest),
        }
    }
}

/// Checks every file of the snapshot `expected` in `dir` and returns its manifest. Reads every byte once.
///
/// # Errors
///
/// [`OpenError`], which names the first file that is missing or damaged.
pub fn verify(dir: &Path, expected: &Hash) -> Result<Manifest, OpenError> {
    let read_error = |file: &str, source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => OpenError::Missing { file: file.to_owned() },
        _ => OpenError::Io { file: file.to_owned(), source },
    };
    let bytes = std::fs::read(dir.join(MANIFEST)).map_err(|e| read_error(MANIFEST, e))?;
    let manifest = Manifest::parse(&bytes, expected)?;
    for (name, entry) in &manifest.files {
        let file = File::open(dir.join(name)).map_err(|e| read_error(name, e))?;
        let length = file.metadata().map_err(|e| read_error(name, e))?.len();
        if length != entry.bytes
            || Hash::of_reader(file).map_err(|e| read_error(name, e))? != (entry.sha256, entry.bytes)
        {
            return Err(OpenError::Damaged { file: name.clone() });
        }
    }
    Ok(manifest)
}

impl Snapshot {
    /// Opens the snapshot `expected` in `dir` after checking length and SHA-256 of every file.
    ///
    /// Nothing is written: the folder may be read-only.
    ///
    /// # Errors
    ///
    /// [`OpenError`], which names the first file that is missing or damaged.
    pub fn open(dir: &Path, expected: &Hash) -> Result<Self, OpenError> {
        let manifest = verify(dir, expected)?;
        Self::open_verified(dir, manifest)
    }

    /// Opens the snapshot in `dir` whose files [`verify`] has just checked.
    ///
    /// # Errors
    ///
    /// [`OpenError::Index`] and [`OpenError::Damaged`] when the files are not a snapshot's.
    pub fn open_verified(dir: &Path, manifest: Manifest) -> Result<Self, OpenError> {
        let damaged = |file: &str| OpenError::Damaged { file: file.to_owned() };
        let directory = MmapDirectory::open(dir).map_err(tantivy::TantivyError::from)?;
        let ids = directory.open_read(Path::new(ids::FILE)).map_err(|_| damaged(ids::FILE))?;
        let ids = ids.read_bytes().ok().and_then(Ids::new).ok_or_else(|| damaged(ids::FILE))?;
        let index = Index::open(directory)?;
        let fields = Fields::of(&index.schema()).ok_or_else(|| damaged("meta.json"))?;
        let mut segments = index.searchable_segments()?;
        let segment = segments.pop().filter(|_| segments.is_empty()).ok_or_else(|| damaged("meta.json"))?;
        let reader = SegmentReader::open(&segment)?;
        if ids.len() != reader.max_doc() as usize || manifest.documents != u64::from(reader.max_doc()) {
            return Err(damaged(ids::FILE));
        }
        let columns = reader.fast_fields();
        let indexed = |field| Indexed::open(&reader, field);
        Ok(Self {
            hash: manifest.hash(),
            all: indexed(fields.all)?,
            name: indexed(fields.name)?,
            kind: indexed(fields.kind)?,
            extra: indexed(fields.extra)?,
            price: columns.column_opt(fields::PRICE)?,
            updated: columns.column_opt(fields::UPDATED)?,
            acl: columns.column_opt(fields::ACL)?,
            category: Labels::new(columns.str(fields::CATEGORY)?),
            department: Labels::new(columns.str(fields::DEPARTMENT)?),
            aisle: Labels::new(columns.str(fields::AISLE)?),
            store: reader
                .get_store_reader(STORE_CACHE_BLOCKS)
                .map_err(|e| OpenError::Io { file: "store".to_owned(), source: e })?,
            document: fields.document,
            ids,
            manifest,
        })
    }

    /// The snapshot's name.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// What it is made of.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// How many documents it holds.
    pub fn len(&self) -> u32 {
        self.ids.len() as u32
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The document of `row`, whoever may see it: `row` comes from a search, which has asked for the caller's roles.
    pub fn document(&self, row: u32) -> Option<Document> {
        if row >= self.len() {
            return None;
        }
        let stored: TantivyDocument = self.store.get(row).ok()?;
        serde_json::from_slice(stored.get_first(self.document)?.as_bytes()?).ok()
    }

    /// The row of the document `id`.
    pub fn row(&self, id: &str) -> Option<u32> {
        self.ids.row(id)
    }

    /// The categories of its documents, in order.
    pub fn categories(&self) -> &[String] {
        self.category.names()
    }

    /// The departments of its documents, in order.
    pub fn departments(&self) -> &[String] {
        self.department.names()
    }

    /// The aisles of its documents, in order.
    pub fn aisles(&self) -> &[String] {
        self.aisle.names()
    }
}

impl Indexed {
    fn open(reader: &SegmentReader, field: tantivy::schema::Field) -> Result<Self, OpenError> {
        let postings = reader.inverted_index(field)?;
        let documents = reader.max_doc().max(1) as f32;
        let mean_length = (postings.total_num_tokens() as f32 / documents).max(f32::MIN_POSITIVE);
        Ok(Self { field, norms: reader.get_fieldnorms_reader(field)?, postings, mean_length })
    }
}

/// Values in order, and their numbers by the name they compare under.
type Names = (Vec<String>, BTreeMap<String, Vec<u64>>);

/// A column of text with few different values, and the values in order.
pub(crate) struct Labels {
    column: Option<StrColumn>,
    names: OnceLock<Names>,
}

impl Labels {
    fn new(column: Option<StrColumn>) -> Self {
        Self { column, names: OnceLock::new() }
    }

    fn read(&self) -> &Names {
        self.names.get_or_init(|| {
            let mut names = Vec::new();
            let mut by_name = BTreeMap::<String, Vec<u64>>::new();
            if let Some(column) = &self.column
                && let Ok(mut stream) = column.dictionary().stream()
            {
                while stream.advance() {
                    let name = String::from_utf8_lossy(stream.key()).into_owned();
                    by_name.entry(crate::text::normalised(&name)).or_default().push(names.len() as u64);
                    names.push(name);
                }
            }
            (names, by_name)
        })
    }

    /// The values in order; a value's place is its number in the column.
    pub(crate) fn names(&self) -> &[String] {
        &self.read().0
    }

    /// The numbers of the values that read as `name`, case and marks aside.
    pub(crate) fn numbers(&self, name: &str) -> &[u64] {
        self.read().1.get(&crate::text::normalised(name)).map_or(&[], Vec::as_slice)
    }

    /// The number of the value of `row`.
    pub(crate) fn of(&self, row: u32) -> Option<u64> {
        self.column.as_ref()?.ords().first(row)
    }

    /// The value of `row`.
    pub(crate) fn name_of(&self, row: u32) -> Option<&str> {
        self.names().get(self.of(row)? as usize).map(String::as_str)
    }
}
