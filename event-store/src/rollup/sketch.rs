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
use std::ops::Range;

/// The logarithm of the number of registers.
const PRECISION: u8 = 14;
/// How many registers there are; hence a standard error of 1.04 / 128, some 0.8 %.
pub(super) const REGISTERS: usize = 1 << PRECISION;
/// The largest rank: that of a digest whose bits are all zeros, but for those that say its register.
const LARGEST: u8 = 64 - PRECISION + 1;
/// The most that half a byte says.
const HALF: u8 = 15;
/// The largest value above which halves of bytes are still values.
const MOST_LEAST: u8 = LARGEST - HALF;

/// A sketch that grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sketch(Box<[u8]>);

/// A sketch as it is stored, in the shorter of two forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Packed {
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

impl Default for Sketch {
    fn default() -> Self {
        Self(vec![0; REGISTERS].into())
    }
}

impl Sketch {
    /// Somebody came.
    pub(super) fn saw(&mut self, digest: u64) {
        let at = digest as usize % REGISTERS;
        // The last bits, which say where, are none of those that are counted.
        self.raise(at, (digest | (REGISTERS as u64 - 1)).leading_zeros() as u8 + 1);
    }

    fn raise(&mut self, at: usize, rank: u8) {
        self.0[at] = self.0[at].max(rank);
    }

    /// All of `other` came too.
    pub(super) fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(rank, other)| *rank = (*rank).max(*other));
    }

    /// All of a sketch that was stored came too.
    pub(super) fn join_packed(&mut self, other: &Packed) {
        match other {
            Packed::Few(bytes) => _ = each(bytes, |at, rank| self.raise(at, rank)),
            Packed::All { least, halves, beyond } => {
                for (two, half) in self.0.as_chunks_mut().0.iter_mut().zip(halves) {
                    let [even, odd]: &mut [u8; 2] = two;
                    (*even, *odd) = ((*even).max(least + (half & 0xf)), (*odd).max(least + (half >> 4)));
                }
                beyond.iter().for_each(|(at, rank)| self.raise(usize::from(*at), *rank));
            }
        }
    }

    /// How many came, about.
    pub(super) fn estimate(&self) -> f64 {
        let mut of_rank = [0_u32; 1 + LARGEST as usize];
        self.0.iter().for_each(|rank| of_rank[usize::from(*rank)] += 1);
        // The form parts at 32 the sum of a half to the power of each.
        let sum = |ranks: Range<usize>| ranks.map(|rank| f64::from(of_rank[rank]) * 0.5_f64.powi(rank as i32)).sum();
        // Apache DataSketches, HLL, a preamble of ten integers: version, family, precision, how it came about, and eight bits a register.
        let mut bytes = vec![10, 1, 7, PRECISION, 0, 16, 0, 2 | 2 << 2];
        for number in [0.0, sum(0..32), sum(32..of_rank.len())] {
            bytes.extend_from_slice(&f64::to_le_bytes(number));
        }
        bytes.extend_from_slice(&of_rank[0].to_le_bytes());
        bytes.extend_from_slice(&0_u32.to_le_bytes());
        bytes.extend_from_slice(&self.0);
        HllSketch::deserialize(&bytes).map_or(f64::NAN, |sketch| sketch.estimate())
    }

    /// It as it is stored.
    pub(super) fn pack(&self) -> Packed {
        let (mut few, mut zeros) = (vec![], 0_usize);
        for rank in &self.0 {
            if *rank == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 0x7f {
                few.push(zeros as u8 | 0x80);
                zeros >>= 7;
            }
            few.extend([zeros as u8, *rank]);
            zeros = 0;
        }
        if few.len() <= REGISTERS / 2 {
            return Packed::Few(few.into());
        }
        let least = self.0.iter().copied().min().unwrap_or_default().min(MOST_LEAST);
        let half = |rank: u8| (rank - least).min(HALF);
        let halves = self.0.as_chunks().0.iter().map(|[even, odd]| half(*even) | half(*odd) << 4).collect();
        let beyond = (0_u16..).zip(&*self.0).filter(|(_, rank)| **rank - least > HALF);
        Packed::All { least, halves, beyond: beyond.map(|(at, rank)| (at, *rank)).collect() }
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

impl Packed {
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
            let sketch = Sketch(bytes[40..].into());
            assert_eq!(sketch.estimate(), union.estimate(), "{many}");
        }
    }

    #[test]
    fn ranks_and_registers_are_of_different_bits() {
        let ranks = |digest| {
            let sketch = sketch([digest]);
            (0..).zip(sketch.0).filter(|(_, rank)| *rank > 0).collect::<Vec<(usize, u8)>>()
        };
        assert_eq!(ranks(u64::MAX), [(REGISTERS - 1, 1)]);
        assert_eq!(ranks(0), [(0, LARGEST)]);
        assert_eq!(ranks(REGISTERS as u64 - 1), [(REGISTERS - 1, LARGEST)]);
        assert_eq!(ranks(1 << 14), [(0, LARGEST - 1)]);
        assert_eq!(ranks(1 << 62 | 5), [(5, 2)]);
    }

    #[test]
    fn bytes_that_are_no_sketch_are_known_as_such() {
        let halves = Bytes::from(vec![0x11; REGISTERS / 2]);
        let all = |least, beyond| Packed::All { least, halves: halves.clone(), beyond };
        for sound in [Packed::Few(vec![].into()), Packed::Few(vec![5, 1, 0, LARGEST].into()), all(3, vec![(7, 20)])] {
            assert!(sound.is_sound(), "{sound:?}");
        }
        for bad in [
            Packed::Few(vec![5].into()),
            Packed::Few(vec![5, 0].into()),
            Packed::Few(vec![5, LARGEST + 1].into()),
            Packed::Few(vec![0x80].into()),
            Packed::Few(vec![0xff, 0xff, 0xff, 0xff, 1].into()),
            Packed::Few(vec![0x80, 0x80, 1, 1].into()),
            all(MOST_LEAST + 1, vec![]),
            all(255, vec![]),
            all(1, vec![(u16::MAX, 20)]),
            all(1, vec![(7, 0)]),
            Packed::All { least: 1, halves: halves.slice(1..), beyond: vec![] },
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
            let packed = one.pack();
            prop_assert!(packed.is_sound());
            let mut back = Sketch::default();
            back.join_packed(&packed);
            prop_assert_eq!(&back, &one);
            let length = postcard::to_allocvec(&packed).unwrap().len();
            prop_assert!(length <= (REGISTERS / 2 + 64).min(3 * many as usize + 64), "{} of {}", length, many);
            let other = sketch((from + many / 2..from + 2 * many).map(spread));
            let mut joined = one.clone();
            joined.join(&other);
            let mut told = one;
            told.join_packed(&other.pack());
            prop_assert_eq!(&joined, &told);
        }

        #[test]
        fn no_bytes_make_it_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..60), least in any::<u8>()) {
            _ = Packed::Few(bytes.clone().into()).is_sound();
            let halves = bytes.iter().copied().cycle().take(if bytes.is_empty() { 0 } else { REGISTERS / 2 }).collect();
            _ = Packed::All { least, halves, beyond: vec![] }.is_sound();
        }
    }
}
