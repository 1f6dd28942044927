//! The Merkle tree over a log's leaves (RFC 6962 §2.1): grown leaf by leaf, whole or from the right edge of a signed one.

use crate::digest::Digest;
use std::collections::HashMap;
pub use tlog_tiles::{Error, Hash};
use tlog_tiles::{HashReader, stored_hash_count, stored_hashes_for_record_hash, tree_hash};

/// A tree, with every hash that it was grown by.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    size: u64,
    /// What is known of the tree that it was grown from, by index of storage.
    known: HashMap<u64, Hash>,
    /// The index of storage of the first of `added`.
    base: u64,
    added: Vec<Hash>,
}

impl Tree {
    /// A tree of `size` leaves, of which these hashes are known: at least those of the complete subtrees on its right edge.
    pub(super) fn from_edge(size: u64, known: HashMap<u64, Hash>) -> Self {
        Self { size, known, base: stored_hash_count(size), added: Vec::new() }
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf by its hash.
    ///
    /// # Errors
    ///
    /// [`Error`] where the edge that it was grown from lacks a hash.
    pub fn push(&mut self, leaf: &Digest) -> Result<(), Error> {
        let hashes = stored_hashes_for_record_hash(self.size, hash(leaf), self)?;
        self.added.extend(hashes);
        self.size += 1;
        Ok(())
    }

    /// The root.
    ///
    /// # Errors
    ///
    /// As [`Tree::push`].
    pub fn root(&self) -> Result<Hash, Error> {
        tree_hash(self.size, self)
    }

    /// The root when there were `size` leaves.
    ///
    /// # Errors
    ///
    /// [`Error`] where there were never so many, or an edge lacks a hash.
    pub fn root_at(&self, size: u64) -> Result<Hash, Error> {
        if size > self.size {
            return Err(Error::IndexesNotInTree);
        }
        tree_hash(size, self)
    }
}

impl HashReader for Tree {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let one = |index: &u64| match index.checked_sub(self.base) {
            Some(at) => usize::try_from(at).ok().and_then(|at| self.added.get(at)).copied(),
            None => self.known.get(index).copied(),
        };
        indexes.iter().map(|index| one(index).ok_or(Error::IndexesNotInTree)).collect()
    }
}

/// A digest as a hash of the tree.
pub fn hash(digest: &Digest) -> Hash {
    Hash(*digest.as_bytes())
}
