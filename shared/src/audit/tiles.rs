//! A log's tree as objects, in the layout of C2SP tlog-tiles, and reading it back so that every hash is proven by a head.
//!
//! | object, under `<tenant>/` | holds |
//! | --- | --- |
//! | `tile/<level>/<n>`, `.p/<width>` while it is not full | up to 256 hashes of the tree |
//! | `tile/entries/<n>`, the same | the leaves of a tile of level 0, each after its length in two bytes |
//! | `checkpoint/<size, 20 digits>` | each signed head |
//! | `next/<size, 20 digits>` | the one signed head that follows the head of this size |
//! | `checkpoint` | the latest head |

use super::{
    note::Head,
    tree::{Error, Hash, Tree},
};
use crate::blob::{BlobError, TenantBlobs};
use std::{cell::RefCell, collections::HashMap};
use tlog_tiles::{HashReader, Tile, TileHashReader, TileReader, stored_hash_index, sub_tree_index};

/// The latest head.
pub const LATEST: &str = "checkpoint";
/// The hashes of a full tile, and the leaves of a full bundle.
pub const WIDTH: u64 = 256;
/// The logarithm of [`WIDTH`].
const HEIGHT: u8 = 8;
/// The most bytes of a tile.
const MAX_TILE_BYTES: u64 = WIDTH * 32;
/// The most bytes of a signed head.
pub(super) const MAX_NOTE_BYTES: u64 = 4 * 1024;
/// The most bytes of a bundle of leaves: each has its length in two bytes.
pub(super) const MAX_BUNDLE_BYTES: u64 = WIDTH * (2 + u16::MAX as u64);

/// What keeps a log's tree from being read.
#[derive(Debug, thiserror::Error)]
pub enum TilesError {
    /// The tiles are not those of the head.
    #[error("the exported tree is not the one that was signed: {0}")]
    Altered(String),
    /// The store.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// Where the signed head of this size is kept.
pub fn head_path(size: u64) -> String {
    format!("checkpoint/{size:020}")
}

/// Where the head that follows the one of this size is kept.
pub fn next_path(size: u64) -> String {
    format!("next/{size:020}")
}

/// Where a tile is kept.
pub(super) fn path(tile: &Tile) -> String {
    let path = tile.path();
    let rest = path.strip_prefix("tile/8/").unwrap_or(&path);
    rest.strip_prefix("data/").map_or_else(|| format!("tile/{rest}"), |rest| format!("tile/entries/{rest}"))
}

/// The tiles that a tree of `to` leaves has and one of `from` leaves has not, with their bytes.
pub(super) fn new_tiles(tree: &Tree, from: u64, to: u64) -> Result<Vec<(Tile, Vec<u8>)>, Error> {
    let tiles = Tile::new_tiles(HEIGHT, from, to).into_iter();
    tiles.map(|tile| Ok((tile, tile.read_data(tree)?))).collect()
}

/// The bundles that hold the leaves from `from` to `to`: where each is kept, its first place and how many leaves it has.
pub fn bundles(from: u64, to: u64) -> Vec<(String, u64, u64)> {
    let first = from / WIDTH;
    let last = to.div_ceil(WIDTH);
    let one = |n: u64| {
        let width = WIDTH.min(to - n * WIDTH);
        let tile = Tile::new(HEIGHT, 0, n, u32::try_from(width).unwrap_or(0), true);
        (path(&tile), n * WIDTH, width)
    };
    if from >= to { Vec::new() } else { (first..last).map(one).collect() }
}

/// Leaves as a bundle holds them; none where one is too long.
pub fn bundle<'a>(leaves: impl IntoIterator<Item = &'a str>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for leaf in leaves {
        bytes.extend(u16::try_from(leaf.len()).ok()?.to_be_bytes());
        bytes.extend(leaf.as_bytes());
    }
    Some(bytes)
}

/// The leaves of a bundle; none where it is cut or not text.
pub fn unbundled(mut bytes: &[u8]) -> Option<Vec<String>> {
    let mut leaves = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (leaf, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        leaves.push(String::from_utf8(leaf.to_vec()).ok()?);
        bytes = rest;
    }
    Some(leaves)
}

/// The exported tree that a head covers. No hash comes out of it that the head does not prove.
pub struct Exported<'a> {
    files: &'a TenantBlobs,
    head: &'a Head,
    tiles: HashMap<Tile, Vec<u8>>,
}

impl<'a> Exported<'a> {
    /// The tree that `head` covers, in `files`.
    pub fn new(files: &'a TenantBlobs, head: &'a Head) -> Self {
        Self { files, head, tiles: HashMap::new() }
    }

    /// The hashes at these indexes of storage.
    ///
    /// # Errors
    ///
    /// [`TilesError`].
    pub async fn hashes(&mut self, indexes: &[u64]) -> Result<Vec<Hash>, TilesError> {
        // The reader says which tiles it lacks, and begins again when it has them.
        loop {
            let fetched = Fetched { tiles: &self.tiles, lacks: RefCell::default() };
            let read = TileHashReader::new(self.head.size, self.head.root, &fetched).read_hashes(indexes);
            let lacks = fetched.lacks.into_inner();
            match read {
                Ok(hashes) => return Ok(hashes),
                Err(error) if lacks.is_empty() => return Err(TilesError::Altered(error.to_string())),
                Err(_) => {}
            }
            for tile in lacks {
                let found = self.files.read_at(&path(&tile), MAX_TILE_BYTES).await?;
                let bytes = found.map(|found| found.bytes).filter(|bytes| bytes.len() == tile.width() as usize * 32);
                let bytes = bytes.ok_or_else(|| TilesError::Altered(format!("{} is missing or cut", path(&tile))))?;
                self.tiles.insert(tile, bytes);
            }
        }
    }

    /// The hashes of up to `count` leaves from the place `from` on.
    ///
    /// # Errors
    ///
    /// [`TilesError`].
    pub async fn leaves(&mut self, from: u64, count: u64) -> Result<Vec<Hash>, TilesError> {
        let to = from.saturating_add(count).min(self.head.size);
        let indexes: Vec<u64> = (from..to).map(|place| stored_hash_index(0, place)).collect();
        if indexes.is_empty() { Ok(Vec::new()) } else { self.hashes(&indexes).await }
    }

    /// The tree, to be grown from its right edge.
    ///
    /// # Errors
    ///
    /// [`TilesError`].
    pub async fn edge(&mut self) -> Result<Tree, TilesError> {
        if self.head.size == 0 {
            return Ok(Tree::default());
        }
        let mut indexes = sub_tree_index(0, self.head.size, Vec::new());
        self.hashes(&indexes).await?;
        for tile in self.tiles.keys() {
            let (level, first) = (tile.level() * HEIGHT, tile.level_index() << HEIGHT);
            indexes.extend((first..first + u64::from(tile.width())).map(|n| stored_hash_index(level, n)));
        }
        let hashes = self.hashes(&indexes).await?;
        Ok(Tree::from_edge(self.head.size, indexes.into_iter().zip(hashes).collect()))
    }
}

/// What was fetched, and what was asked for and was not.
struct Fetched<'a> {
    tiles: &'a HashMap<Tile, Vec<u8>>,
    lacks: RefCell<Vec<Tile>>,
}

impl TileReader for Fetched<'_> {
    fn height(&self) -> u8 {
        HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        self.lacks.borrow_mut().extend(tiles.iter().filter(|tile| !self.tiles.contains_key(tile)));
        tiles.iter().map(|tile| self.tiles.get(tile).cloned().ok_or(Error::InvalidTile)).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_published_layout() {
        let at = |level, n, width, entries| path(&Tile::new(HEIGHT, level, n, width, entries));
        assert_eq!(at(0, 1_234_067, 256, false), "tile/0/x001/x234/067");
        assert_eq!(at(2, 0, 1, false), "tile/2/000.p/1");
        assert_eq!(at(0, 5, 17, true), "tile/entries/005.p/17");
        assert_eq!(head_path(70), "checkpoint/00000000000000000070");
        assert_eq!(bundles(250, 515).iter().map(|b| (b.1, b.2)).collect::<Vec<_>>(), [(0, 256), (256, 256), (512, 3)]);
        assert!(bundles(7, 7).is_empty());
    }

    #[test]
    fn a_bundle_gives_its_leaves_back_and_a_cut_one_none() {
        let bytes = bundle(["", "a", "é\n"]).unwrap();
        assert_eq!(bytes, b"\0\0\0\x01a\0\x03\xc3\xa9\n");
        assert_eq!(unbundled(&bytes).unwrap(), ["", "a", "é\n"]);
        assert_eq!(unbundled(&bytes[..bytes.len() - 1]), None);
        assert_eq!(unbundled(&bytes[..3]).map(|leaves| leaves.len()), None);
        assert_eq!(bundle([&*"x".repeat(65_536)]), None);
    }
}
