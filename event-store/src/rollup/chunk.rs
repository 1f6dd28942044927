//! Bytes of a roll-up, cut into chunks that an item holds.
//!
//! Each has the version of the mark that was counted under, the number of chunks, and the digest of all. They are taken only where all are there and
//! fit together.

use bytes::Bytes;
use shared::digest::Digest;

/// The most bytes of a chunk: an item of DynamoDB has at most 400 KB, and of Cosmos DB and Firestore more.
pub const CHUNK_BYTES: usize = 350_000;

/// A piece of the bytes of a part, as an item holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The version of the mark that was counted under.
    pub version: u64,
    /// Which one it is, from 0.
    pub at: u32,
    /// How many there are.
    pub of: u32,
    /// The digest of all bytes.
    pub digest: Digest,
    /// Its bytes.
    pub data: Bytes,
}

/// Cuts a part's bytes into chunks, at least one.
pub fn cut(bytes: Vec<u8>, version: u64) -> Vec<Chunk> {
    let digest = Digest::of(&bytes);
    let bytes = Bytes::from(bytes);
    let of = bytes.len().div_ceil(CHUNK_BYTES).max(1);
    let chunk = |at: usize| Chunk {
        version,
        at: u32::try_from(at).unwrap_or(u32::MAX),
        of: u32::try_from(of).unwrap_or(u32::MAX),
        digest,
        data: bytes.slice(at * CHUNK_BYTES..bytes.len().min((at + 1) * CHUNK_BYTES)),
    };
    (0..of).map(chunk).collect()
}

/// The bytes of a part that was counted under `version`, if these are all of its chunks.
pub fn joined(mut chunks: Vec<Chunk>, version: u64) -> Option<Bytes> {
    chunks.sort_by_key(|chunk| chunk.at);
    let (of, digest) = chunks.first().map(|chunk| (chunk.of, chunk.digest))?;
    // What an earlier, longer one has left lies behind.
    chunks.truncate(of as usize);
    let fits = |(at, chunk): (usize, &Chunk)| {
        chunk.at as usize == at && chunk.of == of && chunk.digest == digest && chunk.version == version
    };
    let whole = chunks.len() == of as usize && chunks.iter().enumerate().all(fits);
    let bytes = match &*chunks {
        [one] => one.data.clone(),
        several => several.iter().map(|chunk| &*chunk.data).collect::<Vec<_>>().concat().into(),
    };
    (whole && Digest::of(&bytes) == digest).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_long_takes_several_chunks_which_are_taken_together_or_not_at_all() {
        let bytes: Vec<u8> = (0..900_000_u32).map(|n| n as u8).collect();
        let chunks = cut(bytes.clone(), 7);
        assert!(chunks.len() == 3 && chunks.iter().all(|chunk| chunk.data.len() <= CHUNK_BYTES));
        let mut turned = chunks.clone();
        turned.reverse();
        assert_eq!(joined(turned, 7).as_ref(), Some(&Bytes::from(bytes)));
        assert_eq!(joined(chunks.clone(), 6), None, "of another version");
        for at in 0..chunks.len() {
            let mut missing = chunks.clone();
            missing.remove(at);
            assert_eq!(joined(missing, 7), None, "without {at}");
            let mut older = chunks.clone();
            older[at].version = 6;
            assert_eq!(joined(older, 7), None, "{at} of an older version");
        }
        // What a longer one has left behind does not matter.
        let mut after = cut(vec![1, 2, 3], 8);
        after.extend(chunks.into_iter().skip(1));
        assert_eq!(joined(after, 8), Some(Bytes::from_static(&[1, 2, 3])));
        assert_eq!(joined(vec![], 0), None);
    }

    proptest! {
        #[test]
        fn a_chunk_that_was_changed_is_not_taken(bytes in prop::collection::vec(any::<u8>(), 1..300), at in 0..1_000_usize, bit in 0..8_u8) {
            let mut chunks = cut(bytes, 1);
            let mut data = chunks[0].data.to_vec();
            let at = at % data.len();
            data[at] ^= 1 << bit;
            chunks[0].data = data.into();
            prop_assert_eq!(joined(chunks, 1), None);
        }
    }
}
