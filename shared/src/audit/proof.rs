//! Proofs that a leaf is in a log and that one head extends another, in a form that third parties check without our code.

use super::{
    note::{Head, NoteError},
    tree::{Error, Hash, Tree},
};
use crate::digest::Digest;
use std::fmt::Write as _;
use tlog_tiles::{HashReader, check_record, check_tree, prove_record, prove_tree};

/// The first line of a proof (c2sp.org/tlog-proof).
const FORM: &str = "c2sp.org/tlog-proof@v1";
/// The largest tree that a proof can be about.
const MAX_SIZE: u64 = 1 << 62;
/// The most hashes of a proof about such a tree.
const MAX_HASHES: usize = 64;

/// A proof that a leaf stands at a place of the log that a head covers.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// The leaf's place.
    pub index: u64,
    /// The hashes beside the way from the leaf to the root.
    pub path: Vec<Hash>,
    /// The signed head.
    pub note: String,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotProven {
    /// It is of another form.
    #[error("this is no proof of the form {FORM}")]
    Form,
    /// Its head is not signed by the key.
    #[error(transparent)]
    Head(#[from] NoteError),
    /// Its hashes do not lead from the leaf to the root.
    #[error("the hashes do not lead from the leaf to the root")]
    Path,
}

impl Proof {
    /// Proves that the tree's leaf `index` is among those that `head` covers.
    ///
    /// # Errors
    ///
    /// [`Error`] where it is not, or the tree lacks a hash.
    pub fn of(tree: &impl HashReader, head: &Head, index: u64) -> Result<Self, Error> {
        if index >= head.size {
            return Err(Error::IndexesNotInTree);
        }
        Ok(Self { index, path: prove_record(head.size, index, tree)?, note: head.note.clone() })
    }

    /// Checks the proof for a leaf by its hash; the head that it leads to.
    ///
    /// # Errors
    ///
    /// [`NotProven`].
    pub fn check(&self, leaf: &Digest, verifier: &str) -> Result<Head, NotProven> {
        let head = Head::open(&self.note, verifier)?;
        let leads = includes(self.index, head.size, &head.root, &super::tree::hash(leaf), &self.path);
        if leads { Ok(head) } else { Err(NotProven::Path) }
    }

    /// Reads a proof as it is printed.
    ///
    /// # Errors
    ///
    /// [`NotProven::Form`].
    pub fn parse(text: &str) -> Result<Self, NotProven> {
        let (proof, note) = text.split_once("\n\n").ok_or(NotProven::Form)?;
        let mut lines = proof.lines();
        let index = (lines.next() == Some(FORM)).then(|| lines.next()).flatten();
        let index = index.and_then(|line| line.strip_prefix("index ")).and_then(|index| index.parse().ok());
        let path = lines.map(|line| Hash::parse_hash(line).ok()).collect::<Option<Vec<_>>>();
        match (index, path) {
            (Some(index), Some(path)) => Ok(Self { index, path, note: note.to_owned() }),
            _ => Err(NotProven::Form),
        }
    }
}

impl std::fmt::Display for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{FORM}\nindex {}\n", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        f.write_char('\n')?;
        f.write_str(&self.note)
    }
}

/// Proves that the tree of `size` leaves is the beginning of this one.
///
/// # Errors
///
/// [`Error`].
pub fn extension(tree: &Tree, size: u64) -> Result<Vec<Hash>, Error> {
    match size {
        0 => Ok(Vec::new()),
        _ => prove_tree(tree.size(), size, tree),
    }
}

/// Whether `path` leads from the leaf at `index` to the root of a tree of `size` leaves (RFC 6962 §2.1.1).
pub fn includes(index: u64, size: u64, root: &Hash, leaf: &Hash, path: &[Hash]) -> bool {
    size <= MAX_SIZE && path.len() <= MAX_HASHES && check_record(&path.to_vec(), size, *root, index, *leaf).is_ok()
}

/// Whether `path` shows that the tree of `from` leaves is the beginning of that of `to` (RFC 6962 §2.1.2). Every tree extends the
/// empty one, and by nothing that would have to be shown.
pub fn extends(from: u64, to: u64, from_root: &Hash, to_root: &Hash, path: &[Hash]) -> bool {
    if to > MAX_SIZE || path.len() > MAX_HASHES {
        return false;
    }
    match (from, to) {
        (from, to) if from == to => path.is_empty() && from_root == to_root,
        (0, _) => path.is_empty(),
        _ => check_tree(&path.to_vec(), to, *to_root, from, *from_root).is_ok(),
    }
}
