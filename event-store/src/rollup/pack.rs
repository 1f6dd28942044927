//! A roll-up as bytes, and the bytes as items.
//!
//! Counts, people and sessions are packed apart, so that whoever counts reads no people. Bytes are cut into chunks that an item holds, each
//! with the version of the mark that was counted under, the number of chunks, and the digest of all. They are taken only where all are there
//! and fit together.

use super::{
    Part, Slot,
    crowd::{Crowd, Listed, Stored},
    tally::{Combination, Rollup, Tally},
};
use crate::{Dimension, StoreError};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shared::digest::Digest;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// The most bytes of a chunk: an item of DynamoDB has at most 400 KB, and of Cosmos DB and Firestore more.
pub const CHUNK_BYTES: usize = 350_000;

/// One part of a roll-up, as it is packed. A form that is new gets a variant of its own at the end.
#[derive(Debug, Serialize, Deserialize)]
enum Packed {
    /// There are too many combinations: events are read each time, or a part that says more.
    TooWide,
    First {
        /// Every value, once.
        texts: Vec<String>,
        /// For each combination, for each dimension, which text it is, from 1; 0 for none.
        combinations: Vec<Places>,
        /// How many events each combination has: of counts alone.
        events: Vec<u64>,
        /// Who came: of people and sessions.
        crowds: Vec<Stored>,
    },
}

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

fn bad(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Form(Box::new(error))
}

/// What packs the parts of a roll-up, one after the other; `None` stands for what is too wide. Parts of one slot are packed beside each other.
#[derive(Debug)]
pub struct Packer<'a> {
    rollup: Option<&'a Rollup>,
    by_type: Option<Rollup>,
    /// Of the slot that was packed last: people and sessions of a slot are packed one after the other.
    in_brief: Option<(Slot, Option<Rollup>)>,
}

impl<'a> Packer<'a> {
    /// Packs this one.
    pub fn of(rollup: Option<&'a Rollup>) -> Self {
        Self { rollup, by_type: None, in_brief: None }
    }

    /// The bytes of a part.
    ///
    /// # Errors
    ///
    /// [`StoreError::Form`], which no roll-up gives.
    pub fn pack(&mut self, part: Part) -> Result<Vec<u8>, StoreError> {
        let found = match (self.rollup, part) {
            (None, _) => None,
            (Some(whole), Part::Counts | Part::Users | Part::Sessions) => Some(whole),
            (Some(whole), Part::UsersByType | Part::SessionsByType) => Some(self.by_type(whole)),
            (Some(whole), Part::UsersInBrief(slot) | Part::SessionsInBrief(slot)) => self.in_brief(whole, slot),
        };
        packed(found, part)
    }

    fn by_type(&mut self, whole: &Rollup) -> &Rollup {
        self.by_type.get_or_insert_with(|| whole.by_type())
    }

    fn in_brief(&mut self, whole: &Rollup, slot: Slot) -> Option<&Rollup> {
        if self.in_brief.as_ref().is_none_or(|(last, _)| *last != slot) {
            let from = if let Slot::By(_) = slot { whole } else { self.by_type(whole) };
            self.in_brief = Some((slot, from.in_brief(slot)));
        }
        self.in_brief.as_ref()?.1.as_ref()
    }
}

fn packed(rollup: Option<&Rollup>, part: Part) -> Result<Vec<u8>, StoreError> {
    let Some(rollup) = rollup else { return postcard::to_allocvec(&Packed::TooWide).map_err(bad) };
    let (mut texts, mut known) = (Vec::new(), HashMap::<&str, u32>::new());
    let (mut combinations, mut events, mut crowds) = (Vec::new(), Vec::new(), Vec::new());
    for (combination, tally) in &rollup.tallies {
        match part {
            Part::Counts => events.push(tally.events),
            // A group without people is one whose number of people is 0.
            Part::Users | Part::UsersByType | Part::UsersInBrief(_) => crowds.push(tally.users.store()),
            Part::Sessions | Part::SessionsByType | Part::SessionsInBrief(_) => crowds.push(tally.sessions.store()),
        }
        let mut place = Places::default();
        for (place, value) in place.iter_mut().zip(&combination.0) {
            let Some(value) = value.as_deref() else { continue };
            *place = *known.entry(value).or_insert_with(|| {
                texts.push(value.to_owned());
                u32::try_from(texts.len()).unwrap_or(u32::MAX)
            });
        }
        combinations.push(place);
    }
    postcard::to_allocvec(&Packed::First { texts, combinations, events, crowds }).map_err(bad)
}

/// A part of a roll-up as it was packed, which names values by numbers.
#[derive(Debug)]
pub struct Rolled {
    part: Part,
    texts: Vec<String>,
    combinations: Vec<Places>,
    events: Vec<u64>,
    crowds: Vec<Listed>,
}

/// For each dimension the number of its value, from 1; 0 where there is none.
pub(crate) type Places = [u32; Dimension::ALL.len()];

impl Rolled {
    /// The number of a text that some combination may have as a value.
    pub(crate) fn place(&self, text: &str) -> Option<u32> {
        let at = self.texts.iter().position(|known| known == text)?;
        u32::try_from(at + 1).ok()
    }

    /// The value of a dimension, by the numbers of a combination.
    pub(crate) fn value(&self, places: &Places, dimension: Dimension) -> Option<&str> {
        let at = places[dimension as usize].checked_sub(1)?;
        self.texts.get(at as usize).map(String::as_str)
    }

    /// The combinations, each with its place here.
    pub(crate) fn combinations(&self) -> impl Iterator<Item = (usize, &Places)> {
        self.combinations.iter().enumerate()
    }

    /// How many events the combination at a place has: of counts alone.
    pub(crate) fn events(&self, at: usize) -> u64 {
        self.events.get(at).copied().unwrap_or_default()
    }

    /// Who came with the combination at a place: of people and sessions.
    pub(crate) fn crowd(&self, at: usize) -> Option<&Listed> {
        self.crowds.get(at)
    }

    /// The roll-up, as far as this part says what is in it.
    pub fn whole(self) -> Rollup {
        // Of one value there are many combinations, which share it.
        let texts: Vec<Arc<str>> = self.texts.into_iter().map(Arc::from).collect();
        let text = |place: &u32| place.checked_sub(1).and_then(|at| texts.get(at as usize).cloned());
        let (mut events, mut crowds) = (self.events.into_iter(), self.crowds.iter());
        let mut tallies = BTreeMap::new();
        for places in &self.combinations {
            let mut crowd = || crowds.next().map(Crowd::restore).unwrap_or_default();
            let tally = match self.part {
                Part::Counts => Tally { events: events.next().unwrap_or_default(), ..Tally::default() },
                Part::Users | Part::UsersByType | Part::UsersInBrief(_) => Tally { users: crowd(), ..Tally::default() },
                Part::Sessions | Part::SessionsByType | Part::SessionsInBrief(_) => {
                    Tally { sessions: crowd(), ..Tally::default() }
                }
            };
            tallies.insert(Combination(places.each_ref().map(text)), tally);
        }
        Rollup { tallies }
    }
}

/// What a part's bytes say; `None` where that is that it is too wide.
///
/// # Errors
///
/// [`StoreError::Form`].
pub fn unpack(bytes: &[u8], part: Part) -> Result<Option<Rolled>, StoreError> {
    let (texts, combinations, events, crowds) = match postcard::from_bytes(bytes).map_err(bad)? {
        Packed::TooWide => return Ok(None),
        Packed::First { texts, combinations, events, crowds } => (texts, combinations, events, crowds),
    };
    let counted = if part == Part::Counts { events.len() } else { crowds.len() };
    let fits = counted == combinations.len() && events.len() + crowds.len() == counted;
    let named = |places: &Places| places.iter().all(|place| *place as usize <= texts.len());
    if !fits || !combinations.iter().all(named) {
        return Err(bad(std::io::Error::other("a roll-up does not fit together")));
    }
    let crowds = crowds.into_iter().map(Stored::read).collect::<Result<_, _>>().map_err(bad)?;
    Ok(Some(Rolled { part, texts, combinations, events, crowds }))
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
    use crate::rollup::{Day, Piece, crowd::spread};
    use proptest::prelude::*;

    /// Those of a day, which are all.
    fn parts() -> Vec<Part> {
        Part::of(Piece::Day(Day::named("2026-03-01").unwrap()))
    }

    fn pack(rollup: Option<&Rollup>, part: Part) -> Result<Vec<u8>, StoreError> {
        Packer::of(rollup).pack(part)
    }

    fn rollup(many: usize) -> Rollup {
        let mut rollup = Rollup::default();
        for n in 0..many {
            let mut combination = Combination::default();
            combination.0[0] = Some("pageview".into());
            combination.0[5] = Some(format!("term {n}").into());
            combination.0[8] = (n % 3 == 0).then(|| "ios".into());
            let tally = rollup.tallies.entry(combination).or_default();
            tally.events = n as u64 + 1;
            tally.users.saw(n as u64 * 7, 2);
            if n % 2 == 0 {
                tally.sessions.saw(n as u64, 1);
            }
        }
        rollup
    }

    fn same(a: &Rollup, b: &Rollup, part: Part) -> bool {
        pack(Some(a), part).unwrap() == pack(Some(b), part).unwrap()
    }

    #[test]
    fn each_part_comes_back_as_it_was_packed() {
        for many in [0, 1, 500] {
            let whole = rollup(many);
            for part in parts() {
                let back = unpack(&pack(Some(&whole), part).unwrap(), part).unwrap().map(Rolled::whole);
                // Each has a term of its own.
                let is_too_wide = many == 500 && part.in_brief(Slot::By(Dimension::UtmTerm)) == Some(part);
                assert_eq!(back.is_none(), is_too_wide, "{part:?} {many}");
                assert!(back.is_none_or(|back| same(&whole, &back, part)), "{part:?} {many}");
            }
            let back = unpack(&pack(Some(&whole), Part::Users).unwrap(), Part::Users).unwrap().unwrap().whole();
            assert!(back.tallies.values().all(|tally| tally.events == 0 && tally.sessions.count() == 0));
        }
        assert!(unpack(&pack(None, Part::Counts).unwrap(), Part::Counts).unwrap().is_none());
        let counts = pack(Some(&rollup(3)), Part::Counts).unwrap();
        assert!(unpack(&counts, Part::Users).is_err(), "one part is not taken for another");
    }

    #[test]
    fn types_that_share_a_slot_are_each_known_in_it() {
        let kinds = ["pageview", "cta_click", "search", "add_to_cart", "login", "share"];
        let mut rollup = Rollup::default();
        for (at, kind) in kinds.iter().enumerate() {
            let mut combination = Combination::default();
            combination.0[0] = Some((*kind).into());
            let tally = rollup.tallies.entry(combination).or_default();
            // Of some a sketch and a sample, of others each one.
            (0..400 * (at as u64 + 1)).for_each(|n| tally.users.saw(spread(n), 1));
        }
        let mut packer = Packer::of(Some(&rollup));
        for (at, kind) in kinds.iter().enumerate() {
            let part = Part::UsersInBrief(Slot::of_type(kind));
            let back = unpack(&packer.pack(part).unwrap(), part).unwrap().unwrap().whole();
            let users = &back.tallies.iter().find(|(found, _)| found.0[0].as_deref() == Some(*kind)).unwrap().1.users;
            let many = 400.0 * (at as f64 + 1.0);
            assert!((users.count() as f64 / many - 1.0).abs() < 0.03, "{kind}: {}", users.count());
            assert_eq!(users.is_exact(), at == 0, "{kind}");
        }
    }

    #[test]
    fn very_many_combinations_take_several_chunks_which_are_taken_together_or_not_at_all() {
        let bytes = pack(Some(&rollup(40_000)), Part::Counts).unwrap();
        let chunks = cut(bytes.clone(), 7);
        assert!(chunks.len() > 1 && chunks.iter().all(|chunk| chunk.data.len() <= CHUNK_BYTES));
        let mut turned = chunks.clone();
        turned.reverse();
        assert_eq!(joined(turned, 7).as_ref(), Some(&Bytes::from(bytes.clone())));
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
        fn no_bytes_make_it_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for part in parts() {
                let _ = unpack(&bytes, part);
            }
        }

        #[test]
        fn a_chunk_that_was_changed_is_not_taken(at in 0..1_000_usize, bit in 0..8_u8) {
            let mut chunks = cut(pack(Some(&rollup(50)), Part::Users).unwrap(), 1);
            let mut data = chunks[0].data.to_vec();
            let at = at % data.len();
            data[at] ^= 1 << bit;
            chunks[0].data = data.into();
            prop_assert_eq!(joined(chunks, 1), None);
        }
    }
}
