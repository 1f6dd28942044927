//! A HyperLogLog sketch: how many different people or sessions there were, of whom none is kept.
//!
//! A digest falls on one of [`REGISTERS`] registers by its last bits; the register has the largest rank of those that fell on it, and a rank is one
//! more than the zeros that a digest begins with ([Flajolet and others,
//! 2007](https://algo.inria.fr/flajolet/Publications/FlFuGaMe07.pdf)). So the sketch of several crowds has the largest of each register, and
//! is the same however people came to it.
//!
//! What the registers come to is said by the crate `datasketches`, which takes them in a form that is published. They are joined here: a
//! question about a month joins hundreds of sketches and asks once how many that are, where the crate gets ready to say so after each.

use bytes::Bytes;
use datasketches::hll::HllSketch;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, mem, ops::Range};

/// The logarithm of the number of registers.
const PRECISION: u8 = 14;
/// How many registers there are; hence a standard error of 1.04 / 128, some 0.8 %.
pub(super) const REGISTERS: usize = 1 << PRECISION;
/// The largest rank: that of a digest whose bits are all zeros, but for those that say its register.
const LARGEST: u8 = 64 - PRECISION + 1;
/// The most that half a byte says.
const HALF: u8 = 15;
/// The largest that each register may be said to have at least: what lies half a byte above it is still a rank.
const MOST_LEAST: u8 = LARGEST - HALF;

/// Up to how many registers have a value while they are few.
const FEW: usize = 512;

/// A sketch that grows. Of few people it takes few bytes, as a roll-up may have very many of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sketch {
    /// The registers that have a value, while they are no more than [`FEW`]; after that none.
    few: BTreeMap<u16, u8>,
    /// All of them after that.
    all: Option<Box<[u8; REGISTERS]>>,
}

/// A sketch as it is stored, in the shorter of two forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Registers {
    /// For each register that has a value, how many without one lie before it, in bytes of seven bits, the lowest first, of which all but the last
    /// have the eighth bit too; and the value.
    Few(Bytes),
    /// For each register how much more than the least it has, or 15 where that is more, in half a byte, the first of two in the lower one.
    All {
        /// What each has at least.
        least: u8,
        /// The halves.
        halves: Bytes,
        /// The registers that have more than halves of bytes say, and what they have.
        beyond: Vec<(u16, u8)>,
    },
}

impl Sketch {
    /// Somebody came.
    pub(super) fn saw(&mut self, digest: u64) {
        let at = digest as usize % REGISTERS;
        // The last bits, which say where, are none of those that are counted.
        self.raise(at, (digest | (REGISTERS as u64 - 1)).leading_zeros() as u8 + 1);
    }

    fn raise(&mut self, at: usize, rank: u8) {
        if let Some(all) = &mut self.all {
            all[at] = all[at].max(rank);
            return;
        }
        let before = self.few.entry(at as u16).or_default();
        *before = rank.max(*before);
        if self.few.len() > FEW {
            self.all();
        }
    }

    /// All registers, as which it is kept from now on.
    fn all(&mut self) -> &mut [u8; REGISTERS] {
        self.all.get_or_insert_with(|| {
            let mut all = Box::new([0; REGISTERS]);
            mem::take(&mut self.few).into_iter().for_each(|(at, rank)| all[usize::from(at)] = rank);
            all
        })
    }

    /// The registers that have a value, in their order.
    fn each(&self) -> impl Iterator<Item = (usize, u8)> {
        let few = self.few.iter().map(|(at, rank)| (usize::from(*at), *rank));
        let all = self.all.iter().flat_map(|all| all.iter().copied().enumerate());
        few.chain(all.filter(|(_, rank)| *rank > 0))
    }

    /// All of `other` came too.
    pub(super) fn join(&mut self, other: &Self) {
        match &other.all {
            None => other.each().for_each(|(at, rank)| self.raise(at, rank)),
            Some(other) => self.all().iter_mut().zip(&**other).for_each(|(rank, more)| *rank = (*rank).max(*more)),
        }
    }

    /// All of a sketch that was stored came too.
    pub(super) fn join_stored(&mut self, other: &Registers) {
        match other {
            Registers::Few(bytes) => _ = each(bytes, |at, rank| self.raise(at, rank)),
            Registers::All { least, halves, beyond } => {
                for (two, half) in self.all().as_chunks_mut().0.iter_mut().zip(halves) {
                    let [even, odd]: &mut [u8; 2] = two;
                    (*even, *odd) = ((*even).max(least + (half & 0xf)), (*odd).max(least + (half >> 4)));
                }
                beyond.iter().for_each(|(at, rank)| self.raise(usize::from(*at), *rank));
            }
        }
    }

    /// How many bytes it takes, about.
    pub(super) fn bytes(&self) -> usize {
        8 * self.few.len() + if self.all.is_some() { REGISTERS } else { 0 }
    }

    /// How many came, about.
    pub(super) fn estimate(&self) -> f64 {
        let (mut registers, mut of_rank) = ([0; REGISTERS], [0_u32; 1 + LARGEST as usize]);
        self.each().for_each(|(at, rank)| registers[at] = rank);
        registers.iter().for_each(|rank| of_rank[usize::from(*rank)] += 1);
        // The form parts at 32 the sum of a half to the power of each.
        let sum = |ranks: Range<usize>| ranks.map(|rank| f64::from(of_rank[rank]) * 0.5_f64.powi(rank as i32)).sum();
        // Apache DataSketches, HLL, a preamble of ten integers: version, family, precision, how it came about, and eight bits a register.
        let mut bytes = vec![10, 1, 7, PRECISION, 0, 16, 0, 2 | 2 << 2];
        for number in [0.0, sum(0..32), sum(32..of_rank.len())] {
            bytes.extend_from_slice(&f64::to_le_bytes(number));
        }
        bytes.extend_from_slice(&of_rank[0].to_le_bytes());
        bytes.extend_from_slice(&0_u32.to_le_bytes());
        bytes.extend_from_slice(&registers);
        HllSketch::deserialize(&bytes).expect("registers have the form that was written").estimate()
    }

    /// It as it is stored.
    pub(super) fn store(&self) -> Registers {
        let (mut few, mut next) = (vec![], 0);
        for (at, rank) in self.each() {
            let mut zeros = at - next;
            while zeros > 0x7f {
                few.push(zeros as u8 | 0x80);
                zeros >>= 7;
            }
            few.extend([zeros as u8, rank]);
            next = at + 1;
        }
        let Some(all) = self.all.as_ref().filter(|_| few.len() > REGISTERS / 2) else {
            return Registers::Few(few.into());
        };
        let least = all.iter().copied().min().unwrap_or_default().min(MOST_LEAST);
        let half = |rank: u8| (rank - least).min(HALF);
        let halves = all.as_chunks().0.iter().map(|[even, odd]| half(*even) | half(*odd) << 4).collect();
        let beyond = (0_u16..).zip(&**all).filter(|(_, rank)| **rank - least > HALF);
        Registers::All { least, halves, beyond: beyond.map(|(at, rank)| (at, *rank)).collect() }
    }
}

fn is_of(at: usize, rank: u8) -> bool {
    at < REGISTERS && (1..=LARGEST).contains(&rank)
}

/// Each register that has a value, and the value; `None` where the bytes are not of their form, as far as that goes.
fn each(few: &[u8], mut take: impl FnMut(usize, u8)) -> Option<()> {
    let (mut bytes, mut at) = (few.iter(), 0_usize);
    while let Some(mut byte) = bytes.next() {
        let (mut zeros, mut bits) = (usize::from(*byte & 0x7f), 7);
        while *byte & 0x80 != 0 && bits < 21 {
            byte = bytes.next()?;
            zeros |= usize::from(*byte & 0x7f) << bits;
            bits += 7;
        }
        let rank = *bytes.next()?;
        if !is_of(at + zeros, rank) {
            return None;
        }
        take(at + zeros, rank);
        at += zeros + 1;
    }
    Some(())
}

impl Registers {
    /// Whether it is of its form.
    pub(super) fn is_sound(&self) -> bool {
        match self {
            Self::Few(bytes) => each(bytes, |_, _| ()).is_some(),
            Self::All { least, halves, beyond } => {
                let fits = halves.len() == REGISTERS / 2 && *least <= MOST_LEAST;
                fits && beyond.iter().all(|(at, rank)| is_of(usize::from(*at), *rank))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollup::crowd::spread;
    use datasketches::hll::{HllType, HllUnion};
    use proptest::prelude::*;

    fn sketch(digests: impl IntoIterator<Item = u64>) -> Sketch {
        let mut sketch = Sketch::default();
        digests.into_iter().for_each(|digest| sketch.saw(digest));
        sketch
    }

    #[test]
    fn an_estimate_keeps_within_three_of_its_standard_errors() {
        for many in [1_u64, 10, 400, 2_000, 10_000, 41_000, 200_000, 1_000_000] {
            let off = (sketch((0..many).map(spread)).estimate() - many as f64).abs() / many as f64;
            assert!(off < 3.0 * 1.04 / 128.0, "{many}: {off}");
        }
        assert_eq!(Sketch::default().estimate(), 0.0);
    }

    /// The crate's own, when it joined what it was told in this form, says what is said here of the same registers.
    #[test]
    fn registers_come_to_what_the_crate_says_of_its_own() {
        for many in [3_000_u64, 30_000, 300_000] {
            let mut union = HllUnion::new(PRECISION).unwrap();
            (0..many).for_each(|n| union.update_value(n));
            let own = union.to_sketch(HllType::Hll8);
            union.update(&own);
            let bytes = union.to_sketch(HllType::Hll8).serialize();
            assert_eq!(bytes.len(), 40 + REGISTERS);
            let mut sketch = Sketch::default();
            (0..).zip(&bytes[40..]).filter(|(_, rank)| **rank > 0).for_each(|(at, rank)| sketch.raise(at, *rank));
            assert_eq!(sketch.estimate(), union.estimate(), "{many}");
        }
    }

    #[test]
    fn ranks_and_registers_are_of_different_bits() {
        let ranks = |digest| sketch([digest]).each().collect::<Vec<_>>();
        assert_eq!(ranks(u64::MAX), [(REGISTERS - 1, 1)]);
        assert_eq!(ranks(0), [(0, LARGEST)]);
        assert_eq!(ranks(REGISTERS as u64 - 1), [(REGISTERS - 1, LARGEST)]);
        assert_eq!(ranks(1 << 14), [(0, LARGEST - 1)]);
        assert_eq!(ranks(1 << 62 | 5), [(5, 2)]);
    }

    #[test]
    fn bytes_that_are_no_sketch_are_known_as_such() {
        let halves = Bytes::from(vec![0x11; REGISTERS / 2]);
        let all = |least, beyond| Registers::All { least, halves: halves.clone(), beyond };
        for sound in
            [Registers::Few(vec![].into()), Registers::Few(vec![5, 1, 0, LARGEST].into()), all(3, vec![(7, 20)])]
        {
            assert!(sound.is_sound(), "{sound:?}");
        }
        for bad in [
            Registers::Few(vec![5].into()),
            Registers::Few(vec![5, 0].into()),
            Registers::Few(vec![5, LARGEST + 1].into()),
            Registers::Few(vec![0x80].into()),
            Registers::Few(vec![0xff, 0xff, 0xff, 0xff, 1].into()),
            Registers::Few(vec![0x80, 0x80, 1, 1].into()),
            all(MOST_LEAST + 1, vec![]),
            all(255, vec![]),
            all(1, vec![(u16::MAX, 20)]),
            all(1, vec![(7, 0)]),
            Registers::All { least: 1, halves: halves.slice(1..), beyond: vec![] },
        ] {
            assert!(!bad.is_sound(), "{bad:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_is_packed_comes_back_however_many_they_are(
            many in prop_oneof![0..50_u64, 0..5_000_u64, 5_000..60_000_u64], from in any::<u32>(), rare in prop::collection::vec(0..1_u64 << 40, 0..9),
        ) {
            let from = u64::from(from);
            let one = sketch((from..from + many).map(spread).chain(rare));
            let stored = one.store();
            prop_assert!(stored.is_sound());
            let mut back = Sketch::default();
            back.join_stored(&stored);
            prop_assert_eq!(&back, &one);
            let length = postcard::to_allocvec(&stored).unwrap().len();
            prop_assert!(length <= (REGISTERS / 2 + 64).min(3 * many as usize + 64), "{} of {}", length, many);
            let other = sketch((from + many / 2..from + 2 * many).map(spread));
            let mut joined = one.clone();
            joined.join(&other);
            let mut told = one;
            told.join_stored(&other.store());
            prop_assert_eq!(&joined, &told);
        }

        #[test]
        fn no_bytes_make_it_fall_over(bytes in prop::collection::vec(any::<u8>(), 1..60), least in any::<u8>(), beyond in any::<[(u16, u8); 2]>()) {
            let halves = bytes.iter().copied().cycle().take(REGISTERS / 2).collect();
            for stored in [Registers::Few(bytes.into()), Registers::All { least, halves, beyond: beyond.into() }] {
                if stored.is_sound() {
                    let mut sketch = Sketch::default();
                    sketch.join_stored(&stored);
                    prop_assert!(sketch.estimate().is_finite());
                }
            }
        }
    }
}
