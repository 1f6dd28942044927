//! What a snapshot is made of, and the numbers that give its scores their meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::document::SnapshotScope;
use crate::hash::Hash;
use crate::rank::Ranking;

/// The manifest's file, written last: a folder without it is no snapshot.
pub const MANIFEST: &str = "manifest.json";

/// The layout that this code writes and reads.
pub const SCHEMA_VERSION: u32 = 2;

/// Describes a snapshot; its SHA-256 is the snapshot's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The layout: [`SCHEMA_VERSION`].
    pub schema: u32,
    /// Whose products these are.
    pub scope: SnapshotScope,
    /// How many documents.
    pub documents: u64,
    /// How many different terms they use.
    pub terms: u64,
    /// Every other file of the folder by name.
    pub files: BTreeMap<String, FileEntry>,
    /// Fusion, calibration and scales: what its scores mean.
    pub ranking: Ranking,
    /// The vectors' model and shape; none yet.
    pub vectors: Option<Vectors>,
}

/// A file's length and digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Length in bytes.
    pub bytes: u64,
    /// The digest of its content.
    pub sha256: Hash,
}

/// Vectors of a snapshot: the place is kept, nothing writes them yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vectors {
    /// What made them; a question's vector must come from the same.
    pub model: String,
    /// Their length.
    pub dimensions: u32,
}

impl Manifest {
    /// The bytes that are written and hashed: keys in a fixed order, no white space.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a manifest has text keys and finite numbers")
    }

    /// The snapshot's name.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.to_bytes())
    }

    /// The bytes of all files together, the manifest's aside.
    pub fn size_bytes(&self) -> u64 {
        self.files.values().map(|file| file.bytes).sum()
    }
}
