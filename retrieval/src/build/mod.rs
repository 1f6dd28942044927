//! Building a snapshot: the same documents give the same bytes, whatever their order.
//!
//! Documents are spooled to disk, indexed in the order of their ids by one thread into one segment, and the segment loses its
//! random name. Nothing of the time or the machine goes in, so the manifest's hash names the content.

mod files;
mod spool;

use std::collections::BTreeSet;
use std::path::Path;

use tantivy::directory::MmapDirectory;
use tantivy::store::Compressor;
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{Index, IndexSettings, TantivyDocument};

use crate::document::{Document, SnapshotScope};
use crate::fields::{self, END_TERM, Fields, HEAD_TERM};
use crate::hash::Hash;
use crate::manifest::{MANIFEST, Manifest, SCHEMA_VERSION};
use crate::rank::Ranking;
use crate::text;

use spool::Spool;

/// What the indexer may hold before it complains, in bytes; a single segment is written once, at the end.
const INDEX_MEMORY_BYTES: usize = 256 << 20;

/// How many documents lie between two reports of progress.
const PROGRESS_STEP: u64 = 500;

/// A snapshot that was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// Its name.
    pub hash: Hash,
    /// What it is made of.
    pub manifest: Manifest,
}

/// Why a snapshot could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The folder holds something already.
    #[error("{0} is not an empty folder")]
    NotEmpty(String),
    /// Two documents share an id.
    #[error("there are two documents with the id {0}")]
    DuplicateId(String),
    /// An id is empty or longer than 1,024 bytes.
    #[error("a document's id has 1 to 1,024 bytes: {0:?}")]
    BadId(String),
    /// There are more documents than an index can number.
    #[error("a snapshot holds fewer than 2^31 documents")]
    TooMany,
    /// Reading or writing a file failed.
    #[error("the snapshot's files: {0}")]
    Io(#[from] std::io::Error),
    /// The index refused.
    #[error("the index: {0}")]
    Index(#[from] tantivy::TantivyError),
}

/// Builds the snapshot of `documents` in `out_dir`, which is made when missing and must be empty; the manifest is written last.
///
/// `progress` hears now and then how many documents are indexed, and at the end the whole number.
///
/// # Errors
///
/// [`BuildError`]; the folder is then without a manifest.
pub fn build(
    scope: SnapshotScope,
    documents: impl Iterator<Item = Document>,
    out_dir: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<Built, BuildError> {
    std::fs::create_dir_all(out_dir)?;
    if std::fs::read_dir(out_dir)?.next().is_some() {
        return Err(BuildError::NotEmpty(out_dir.display().to_string()));
    }
    let work = out_dir.join(".building");
    std::fs::create_dir(&work)?;
    let spool = Spool::fill(&work.join("spool"), documents)?;
    let count = spool.len();
    files::write_ids(&out_dir.join(crate::ids::FILE), spool.ids())?;
    let index_dir = work.join("index");
    std::fs::create_dir(&index_dir)?;
    let terms = index(spool, &index_dir, progress)?;
    files::adopt_index(&index_dir, out_dir)?;
    std::fs::remove_dir_all(&work)?;
    let manifest = Manifest {
        schema: SCHEMA_VERSION,
        scope,
        documents: count,
        terms,
        files: files::entries(out_dir)?,
        ranking: Ranking::default(),
        vectors: None,
    };
    let bytes = manifest.to_bytes();
    std::fs::write(out_dir.join(MANIFEST), &bytes)?;
    Ok(Built { hash: Hash::of(&bytes), manifest })
}

/// Indexes the spooled documents in order; returns the number of different terms.
fn index(mut spool: Spool, dir: &Path, progress: &mut dyn FnMut(u64)) -> Result<u64, BuildError> {
    let settings = IndexSettings {
        docstore_compression: Compressor::Lz4,
        docstore_compress_dedicated_thread: false,
        ..IndexSettings::default()
    };
    let schema = fields::schema();
    let handles = Fields::of(&schema).expect("the schema is ours");
    let mut writer =
        Index::builder().schema(schema.clone()).settings(settings).single_segment_index_writer::<TantivyDocument>(
            MmapDirectory::open(dir).map_err(tantivy::TantivyError::from)?,
            INDEX_MEMORY_BYTES,
        )?;
    let heads = spool.take_heads();
    let mut done = 0;
    spool.drain(|json, document| {
        writer.add_document(row(&schema, handles, &heads, json, &document))?;
        done += 1;
        if done % PROGRESS_STEP == 0 {
            progress(done);
        }
        Ok(())
    })?;
    let index = writer.finalize()?;
    progress(done);
    let mut terms = 0;
    for segment in index.searchable_segments()? {
        let reader = tantivy::SegmentReader::open(&segment)?;
        terms += reader.inverted_index(handles.all)?.terms().num_terms() as u64;
    }
    Ok(terms)
}

/// A document as the index takes it.
fn row(
    schema: &tantivy::schema::Schema,
    handles: Fields,
    heads: &BTreeSet<String>,
    json: &[u8],
    document: &Document,
) -> TantivyDocument {
    let mut row = TantivyDocument::new();
    let named: Vec<&str> = [Some(document.name.as_str()), document.brand.as_deref()].into_iter().flatten().collect();
    let all = named.iter().copied().chain(document.description.as_deref());
    row.add_pre_tokenized_text(handles.all, tokens(all));
    row.add_pre_tokenized_text(
        handles.name,
        with_marks(tokens(named.iter().copied()), heads, text::words(&document.name).len()),
    );
    row.add_pre_tokenized_text(handles.kind, tokens(document.category.as_deref().into_iter()));
    let attributes = document.attributes.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let places = [&document.department, &document.aisle].into_iter().filter_map(|text| text.as_deref());
    row.add_pre_tokenized_text(handles.extra, tokens(attributes.chain(places)));
    row.add_bytes(handles.document, json);
    let field = |name| schema.get_field(name).expect("the schema is ours");
    if let Some(price) = document.price_minor {
        row.add_i64(field(fields::PRICE), price);
    }
    if let Some(updated) = document.updated_at {
        row.add_i64(field(fields::UPDATED), updated.as_second());
    }
    row.add_u64(field(fields::ACL), document.audience.bits());
    let texts = [
        (fields::CATEGORY, &document.category),
        (fields::DEPARTMENT, &document.department),
        (fields::AISLE, &document.aisle),
    ];
    for (name, value) in texts {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            row.add_text(field(name), value);
        }
    }
    row
}

/// What belongs to another thing, by its last noun; a catalog need not have a category for it.
const ACCESSORIES: &[&str] = &[
    "accessori",
    "adapt",
    "bag",
    "batteri",
    "bracket",
    "cabl",
    "cartridg",
    "case",
    "charger",
    "cleaner",
    "compon",
    "cord",
    "cover",
    "dock",
    "filter",
    "holder",
    "kit",
    "lamp",
    "mount",
    "protector",
    "refil",
    "replac",
    "sleev",
    "spare",
    "stand",
    "strap",
    "tool",
];

/// Whether `term` is an accessory, or is put together with one (`floorstand`).
fn accessory(term: &str) -> bool {
    ACCESSORIES.iter().any(|known| term == *known || known.len() >= 5 && term.ends_with(known))
}

/// Puts [`HEAD_TERM`] beside every one of `heads`, and [`END_TERM`] beside the last of the name's `words`, at the same places.
fn with_marks(mut text: PreTokenizedString, heads: &BTreeSet<String>, words: usize) -> PreTokenizedString {
    let marked = text.tokens.into_iter().flat_map(|token| {
        let mark = |on: bool, mark: &str| on.then(|| Token { text: mark.to_owned(), ..token.clone() });
        // A brand is no kind of thing, whatever its words: salt of the brand `Spice Quay` is no spice for salt.
        let head = token.position < words && (heads.contains(&token.text) || accessory(&token.text));
        let head = mark(head, HEAD_TERM);
        let end = mark(token.position + 1 == words, END_TERM);
        [Some(token), head, end].into_iter().flatten()
    });
    text.tokens = marked.collect();
    text
}

fn tokens<'a>(texts: impl Iterator<Item = &'a str>) -> PreTokenizedString {
    let mut tokens = Vec::new();
    for text in texts {
        for term in text::terms(text) {
            tokens.push(Token { position: tokens.len(), text: term, ..Token::default() });
        }
    }
    PreTokenizedString { text: String::new(), tokens }
}
