//! Roll-ups: what was counted of the events of an hour or a day, so that a question about a month reads no events.
//!
//! A roll-up is a cache. It holds by a rule and is never added to, so that it cannot drift: it says what the events of its hour came to when
//! they were counted, and under which version of the hour's mark. Before an event of an hour is put or deleted, the hour is marked, which
//! makes its version another one ([`Ledger::mark`]); so the roll-up of a version that still stands was counted after the last write.
//! What has no roll-up that holds is read from the events, within a budget.
//!
//! | module | offers |
//! | --- | --- |
//! | [`time`] | hours and days of UTC |
//! | `sketch` | how many different people there are, about |
//! | [`crowd`] | how many different people there are, exactly or by sketch and sample |
//! | [`sums`] | what numbers in payloads add up to |
//! | [`tally`] | what a roll-up holds |
//! | [`pack`] | it as bytes |
//! | [`chunk`] | the bytes as items |
//! | `plan` | of what roll-ups a question is answered, and what is read from events |
//! | [`answer`] | questions answered from roll-ups and from events |
//! | [`seal`] | counting what is marked, checking what was counted, counting it anew |
//! | [`begun`] | how far the counting of an hour has come that takes several runs |
//! | [`kept`] | what an instance was asked and answered |
//!
//! **A mark** is of a day, with a version for each of its hours, and a time for each until when writes under it may still arrive. A writer marks
//! the hours that it is about to touch and remembers that for [`FRESH`]. Its lease ends [`LEASE`] after the mark, when the last request that was
//! signed under it is refused for its age. Only then the hour is counted. The version of a day is the number of all its marks.

pub mod answer;
pub mod begun;
pub mod chunk;
pub mod crowd;
pub mod kept;
pub mod pack;
mod plan;
pub mod seal;
mod sketch;
pub mod sums;
pub mod tally;
pub mod time;

use crate::{Dimension, StoreError, aggregate::PAGE_VIEW};
use async_trait::async_trait;
use chunk::Chunk;
use jiff::{SignedDuration, Timestamp};
use kept::Kept;
use shared::{digest::Digest, tenant::TenantScope};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};
use tally::Combination;
pub use time::{Day, Hour, Piece};

/// How long a writer writes under one mark.
pub const FRESH: SignedDuration = SignedDuration::from_mins(5);
/// A write that ended so long after its mark is marked once more: its process has slept, or somebody has moved the clock.
pub const OVERDUE: SignedDuration = SignedDuration::from_mins(10);
/// How long after a mark its hour is not counted: [`FRESH`], the fifteen minutes after which no service of AWS takes a signature, and five more
/// for clocks that differ and for an index that lags behind.
pub const LEASE: SignedDuration = SignedDuration::from_mins(25);

/// What is packed apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// How many events there are of each combination of values.
    Counts,
    /// Which people the events of each combination are about.
    Users,
    /// To which sessions they belong.
    Sessions,
    /// What the numbers in their payloads add up to.
    Sums,
    /// Which people the events of each type are about: who asks for no other values reads each person a few times and not in each combination.
    UsersByType,
    /// To which sessions they belong.
    SessionsByType,
    /// The same people in brief, for whoever asks how many they are and they are many.
    UsersInBrief(Slot),
    /// The same sessions in brief.
    SessionsInBrief(Slot),
}

/// Which crowds a part in brief has, so that a question reads few others than those it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// One, of all events.
    Whole,
    /// One for each type whose digest falls on this number, below [`Slot::OF_TYPES`].
    Types(u8),
    /// One for each value of this dimension, and one of the events that have none.
    By(Dimension),
    /// The same of page views alone: of sessions, as it is asked which of them bounced.
    PagesBy(Dimension),
}

impl Slot {
    /// How many slots the types share.
    pub const OF_TYPES: u8 = 4;

    /// The slot of a type of events.
    pub fn of_type(kind: &str) -> Self {
        let first = Digest::of(kind.as_bytes()).as_bytes().first().copied().unwrap_or_default();
        Self::Types(first % Self::OF_TYPES)
    }

    /// Those that the types share.
    pub(crate) fn of_types() -> impl Iterator<Item = Self> {
        (0..Self::OF_TYPES).map(Self::Types)
    }

    fn all() -> impl Iterator<Item = Self> {
        let dimensions = Dimension::ALL.into_iter().filter(|dimension| *dimension != Dimension::EventType);
        let of_dimensions = dimensions.flat_map(|dimension| [Self::By(dimension), Self::PagesBy(dimension)]);
        [Self::Whole].into_iter().chain(Self::of_types()).chain(of_dimensions)
    }

    /// Under which values it has the events of a combination, if it has them.
    fn values(self, combination: &Combination) -> Option<Combination> {
        match self {
            Self::Whole => Some(Combination::default()),
            Self::By(dimension) => Some(combination.only(&[dimension])),
            Self::PagesBy(dimension) => {
                let is_page = combination.value(Dimension::EventType) == Some(PAGE_VIEW);
                is_page.then(|| combination.only(&[Dimension::EventType, dimension]))
            }
            Self::Types(_) => {
                let kind = combination.value(Dimension::EventType).unwrap_or_default();
                (Self::of_type(kind) == self).then(|| combination.only(&[Dimension::EventType]))
            }
        }
    }
}

impl Part {
    /// Those that say of each combination what it has. All else follows from them.
    pub const BY_COMBINATION: [Self; 4] = [Self::Counts, Self::Users, Self::Sessions, Self::Sums];

    /// Those that a roll-up of this piece has. In brief it is said of days alone: few hours are read for a question.
    pub fn of(piece: Piece) -> Vec<Self> {
        let mut parts = Self::BY_COMBINATION.to_vec();
        parts.extend([Self::UsersByType, Self::SessionsByType]);
        if let Piece::Day(_) = piece {
            let of_slot =
                |slot| [Self::Users, Self::Sessions].into_iter().filter_map(move |part: Self| part.in_brief(slot));
            parts.extend(Slot::all().flat_map(of_slot));
        }
        parts
    }

    /// The part that says the same of each type of events.
    pub const fn by_type(self) -> Self {
        match self {
            Self::Users => Self::UsersByType,
            Self::Sessions => Self::SessionsByType,
            other => other,
        }
    }

    /// The part that says in brief which people or sessions are in a slot, if there is one.
    pub const fn in_brief(self, slot: Slot) -> Option<Self> {
        match self {
            Self::Users | Self::UsersByType | Self::UsersInBrief(_) => match slot {
                Slot::PagesBy(_) => None,
                Slot::Whole | Slot::Types(_) | Slot::By(_) => Some(Self::UsersInBrief(slot)),
            },
            Self::Sessions | Self::SessionsByType | Self::SessionsInBrief(_) => Some(Self::SessionsInBrief(slot)),
            Self::Counts | Self::Sums => None,
        }
    }
}

/// What the mark of a day says of an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HourMark {
    /// How often it was marked. An hour that never was has no events.
    pub version: u64,
    /// Until when writes under its marks may arrive.
    pub until: Option<Timestamp>,
    /// The version that was counted last, as far as whoever counted it came to say so.
    pub sealed: u64,
}

/// The mark of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// How often any of its hours was marked.
    pub version: u64,
    /// The hours.
    pub hours: [HourMark; 24],
    /// The version whose hours were put together last, as far as whoever did it came to say so.
    pub sealed: u64,
}

impl Mark {
    /// What it says of an hour of its day.
    pub fn of(&self, hour: Hour) -> &HourMark {
        &self.hours[hour.of_day()]
    }
}

/// Where marks and roll-ups lie.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Says that events of these hours are about to be put or deleted. Once this has said so, no roll-up of before holds.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: some of the hours may have been marked.
    async fn mark(&self, tenant: &TenantScope, hours: &BTreeSet<Hour>) -> Result<(), StoreError>;

    /// The marks of these days, as they are when it is asked: those days that have one.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn marks(&self, tenant: &TenantScope, days: RangeInclusive<Day>) -> Result<BTreeMap<Day, Mark>, StoreError>;

    /// What lies of a part of these hours, or of these days: whole or not, of whatever version.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn chunks(
        &self,
        tenant: &TenantScope,
        part: Part,
        pieces: RangeInclusive<Piece>,
    ) -> Result<BTreeMap<String, Vec<Chunk>>, StoreError>;

    /// Writes a part of a roll-up in the place of an older one; `false` where a newer one lies there, which stays.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: some of the chunks may have been written.
    async fn write(
        &self,
        tenant: &TenantScope,
        part: Part,
        piece: Piece,
        chunks: Vec<Chunk>,
    ) -> Result<bool, StoreError>;

    /// What lies of an hour whose counting was begun: whole or not, of whatever version.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn begun(&self, tenant: &TenantScope, hour: Hour) -> Result<Vec<Chunk>, StoreError>;

    /// Writes how far the counting of an hour has come in the place of what was written of it before; of no chunks nothing is left.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: some of the chunks may have been written.
    async fn keep_begun(&self, tenant: &TenantScope, hour: Hour, chunks: Vec<Chunk>) -> Result<(), StoreError>;

    /// Notes on the mark that a piece was counted, if its version is still that one.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn note(&self, tenant: &TenantScope, piece: Piece, version: u64) -> Result<(), StoreError>;

    /// Notes on the mark of a day that nothing of it waits to be counted, if its version is still that one.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn settle(&self, tenant: &TenantScope, day: Day, version: u64) -> Result<(), StoreError>;

    /// What was answered from roll-ups, where that is kept.
    fn kept(&self) -> Option<&Kept>;
}
