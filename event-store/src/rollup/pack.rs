//! A roll-up as bytes, and back.
//!
//! Counts, people, sessions and sums are packed apart, so that whoever counts reads no people.

use super::{
    Part, Slot,
    crowd::{Crowd, Listed, Stored},
    sums::{Paths, Sum},
    tally::{Combination, Rollup},
};
use crate::{Dimension, StoreError};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, sync::Arc};

/// One part of a roll-up, as it is packed. Of forms that were released each keeps its variant, and a new one gets its own at the end.
#[derive(Debug, Serialize, Deserialize)]
enum Packed {
    /// There are too many combinations, or too many sums: events are read each time, or a part that says more.
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
        /// For each combination the numbers of paths, each of which is a text, and their sums: of sums alone.
        sums: Vec<Vec<(u32, Sum)>>,
        /// The types of events, each by the number of its text, that have too many paths for sums: of sums alone.
        left_out: Vec<u32>,
    },
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
            (Some(whole), Part::Sums) => Some(whole).filter(|whole| !whole.paths.is_too_wide()),
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
            let is_of_types = matches!(slot, Slot::Whole | Slot::Types(_));
            let from = if is_of_types { self.by_type(whole) } else { whole };
            self.in_brief = Some((slot, from.in_brief(slot)));
        }
        self.in_brief.as_ref()?.1.as_ref()
    }
}

/// Every text once, with its number, from 1.
#[derive(Default)]
struct Texts<'a> {
    texts: Vec<String>,
    known: HashMap<&'a str, u32>,
}

impl<'a> Texts<'a> {
    fn place(&mut self, text: &'a str) -> u32 {
        *self.known.entry(text).or_insert_with(|| {
            self.texts.push(text.to_owned());
            u32::try_from(self.texts.len()).unwrap_or(u32::MAX)
        })
    }
}

fn packed(rollup: Option<&Rollup>, part: Part) -> Result<Vec<u8>, StoreError> {
    let Some(rollup) = rollup else { return postcard::to_allocvec(&Packed::TooWide).map_err(bad) };
    let (mut texts, mut combinations) = (Texts::default(), Vec::new());
    let (mut events, mut crowds, mut sums) = (Vec::new(), Vec::new(), Vec::new());
    for (combination, tally) in &rollup.tallies {
        match part {
            Part::Counts => events.push(tally.events),
            // A group without people is one whose number of people is 0.
            Part::Users | Part::UsersByType | Part::UsersInBrief(_) => crowds.push(tally.users.store()),
            Part::Sessions | Part::SessionsByType | Part::SessionsInBrief(_) => crowds.push(tally.sessions.store()),
            Part::Sums => {
                let kind = combination.value(Dimension::EventType).unwrap_or_default();
                let found = tally.sums.iter().filter(|_| !rollup.paths.lacks(kind));
                sums.push(found.map(|(path, sum)| (texts.place(path), *sum)).collect());
            }
        }
        let mut place = Places::default();
        for (place, value) in place.iter_mut().zip(&combination.0) {
            *place = value.as_deref().map_or(0, |value| texts.place(value));
        }
        combinations.push(place);
    }
    let left_out = rollup.paths.left_out().filter(|_| part == Part::Sums);
    let left_out = left_out.map(|kind| texts.place(kind)).collect();
    let texts = texts.texts;
    postcard::to_allocvec(&Packed::First { texts, combinations, events, crowds, sums, left_out }).map_err(bad)
}

/// A part of a roll-up as it was packed, which names values by numbers.
#[derive(Debug)]
pub struct Rolled {
    part: Part,
    texts: Vec<String>,
    combinations: Vec<Places>,
    events: Vec<u64>,
    crowds: Vec<Listed>,
    sums: Vec<Vec<(u32, Sum)>>,
    left_out: Vec<u32>,
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

    /// What the numbers at a path, by its number, add up to of the combination at a place: of sums alone.
    pub(crate) fn sum(&self, at: usize, path: u32) -> Option<&Sum> {
        self.sums.get(at)?.iter().find(|(of, _)| *of == path).map(|(_, sum)| sum)
    }

    /// Whether the combination of these numbers is left out: its type has too many paths.
    pub(crate) fn is_left_out(&self, places: &Places) -> bool {
        self.left_out.contains(&places[Dimension::EventType as usize])
    }

    /// The roll-up, as far as this part says what is in it.
    pub fn whole(self) -> Rollup {
        // Of one value there are many combinations, which share it.
        let texts: Vec<Arc<str>> = self.texts.into_iter().map(Arc::from).collect();
        let text = |place: &u32| place.checked_sub(1).and_then(|at| texts.get(at as usize).cloned());
        let mut whole = Rollup::default();
        for (at, places) in self.combinations.iter().enumerate() {
            let tally = whole.tallies.entry(Combination(places.each_ref().map(text))).or_default();
            let crowd = || self.crowds.get(at).map(Crowd::restore).unwrap_or_default();
            match self.part {
                Part::Counts => tally.events = self.events.get(at).copied().unwrap_or_default(),
                Part::Users | Part::UsersByType | Part::UsersInBrief(_) => tally.users = crowd(),
                Part::Sessions | Part::SessionsByType | Part::SessionsInBrief(_) => tally.sessions = crowd(),
                Part::Sums => {
                    let kind = text(&places[Dimension::EventType as usize]).unwrap_or_default();
                    for (path, sum) in self.sums.get(at).into_iter().flatten() {
                        text(path).iter().for_each(|path| whole.paths.add(&kind, &mut tally.sums, path, sum));
                    }
                }
            }
        }
        self.left_out.iter().filter_map(text).for_each(|kind| whole.paths.leave_out(&kind));
        whole
    }
}

/// The roll-up, as far as a part says what is in it; `None` where there is none, as it is too wide.
pub fn whole(part: Part, found: Option<Rolled>) -> Option<Rollup> {
    match (part, found) {
        // All else may be there.
        (Part::Sums, None) => Some(Rollup { paths: Paths::too_wide(), ..Rollup::default() }),
        (_, found) => found.map(Rolled::whole),
    }
}

/// What bytes say, all of them: what has something behind it was written in another form.
///
/// # Errors
///
/// [`StoreError::Form`].
pub(super) fn whole_of<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, StoreError> {
    match postcard::take_from_bytes(bytes).map_err(bad)? {
        (found, []) => Ok(found),
        _ => Err(bad(std::io::Error::other("there is more than was said"))),
    }
}

/// What a part's bytes say; `None` where that is that it is too wide.
///
/// # Errors
///
/// [`StoreError::Form`].
pub fn unpack(bytes: &[u8], part: Part) -> Result<Option<Rolled>, StoreError> {
    let (texts, combinations, events, crowds, sums, left_out) = match whole_of(bytes)? {
        Packed::TooWide => return Ok(None),
        Packed::First { texts, combinations, events, crowds, sums, left_out } => {
            (texts, combinations, events, crowds, sums, left_out)
        }
    };
    let counted = match part {
        Part::Counts => events.len(),
        Part::Sums => sums.len(),
        _ => crowds.len(),
    };
    let fits = counted == combinations.len() && events.len() + crowds.len() + sums.len() == counted;
    let is_named = |place: u32| place as usize <= texts.len();
    let named = |places: &Places| places.iter().all(|place| is_named(*place));
    let summed = |sums: &Vec<(u32, Sum)>| sums.iter().all(|(path, sum)| is_named(*path) && sum.is_sound());
    let is_left_out = |place: &u32| *place > 0 && is_named(*place) && part == Part::Sums;
    if !fits || !combinations.iter().all(named) || !sums.iter().all(summed) || !left_out.iter().all(is_left_out) {
        return Err(bad(std::io::Error::other("a roll-up does not fit together")));
    }
    let crowds = crowds.into_iter().map(Stored::read).collect::<Result<_, _>>().map_err(bad)?;
    Ok(Some(Rolled { part, texts, combinations, events, crowds, sums, left_out }))
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
            // One path has the name of a value.
            let mut sum = Sum::default();
            sum.add(0.1 * n as f64);
            let numbers = ["cart.sum", "ios"].iter().take(n % 3);
            numbers.for_each(|path| rollup.paths.add("pageview", &mut tally.sums, path, &sum));
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
                let terms = [Slot::By(Dimension::UtmTerm), Slot::PagesBy(Dimension::UtmTerm)];
                let is_too_wide = many == 500 && terms.iter().any(|slot| part.in_brief(*slot) == Some(part));
                assert_eq!(back.is_none(), is_too_wide, "{part:?} {many}");
                assert!(back.is_none_or(|back| same(&whole, &back, part)), "{part:?} {many}");
            }
            let back = unpack(&pack(Some(&whole), Part::Users).unwrap(), Part::Users).unwrap().unwrap().whole();
            assert!(back.tallies.values().all(|tally| tally.events == 0 && tally.sessions.count() == 0));
        }
        assert!(unpack(&pack(None, Part::Counts).unwrap(), Part::Counts).unwrap().is_none());
        let mut narrow = rollup(3);
        narrow.paths.leave_out("pageview");
        let packed = pack(Some(&narrow), Part::Sums).unwrap();
        let back = unpack(&packed, Part::Sums).unwrap().unwrap();
        assert!(back.combinations().all(|(at, places)| back.is_left_out(places) && back.sum(at, 1).is_none()));
        assert!(back.whole().paths.lacks("pageview"));
        assert!(unpack(&[packed, vec![0]].concat(), Part::Sums).is_err(), "there is more");
        let mut too_wide = rollup(3);
        too_wide.paths = Paths::too_wide();
        let packed = |part| unpack(&pack(Some(&too_wide), part).unwrap(), part).unwrap();
        assert!(whole(Part::Sums, packed(Part::Sums)).unwrap().paths.is_too_wide());
        assert!(whole(Part::Counts, packed(Part::Counts)).is_some() && whole(Part::Counts, None).is_none());
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

    proptest! {
        #[test]
        fn no_bytes_make_it_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for part in parts() {
                let _ = unpack(&bytes, part).map(|found| whole(part, found));
            }
        }
    }
}
