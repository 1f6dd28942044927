//! Counting what is marked, checking what was counted, counting it anew.
//!
//! An hour is counted once the lease of its mark is over, and a day that is past is put together once all its hours are counted. Of two who
//! count at once, or of one that was stopped for an hour and goes on, whatever they leave is either whole and of the version that stands, or it
//! is not taken.
//!
//! An hour that cannot be counted within the budget is gone on with by the next run: each counts a page of it at least.

use super::{
    Day, Hour, HourMark, Ledger, Mark, Part, Piece,
    answer::held,
    begun::Begun,
    chunk,
    pack::{self, Packer},
    tally::{Rollup, TooWide},
};
use crate::{EventQuery, EventStore, Filters, Order, Range, StoreError};
use jiff::Timestamp;
use serde::Serialize;
use shared::{resilience::Budget, tenant::TenantScope};
use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    ops::AddAssign,
    time::Duration,
};

/// How many events are read at a time.
const PAGE: usize = 5_000;

/// What was done for a day, or for several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sealed {
    /// Hours that were counted.
    pub hours: u64,
    /// Days that were put together.
    pub days: u64,
    /// Hours to which writes may still arrive.
    pub leased: u64,
    /// Hours and days for which there was no time, or not enough.
    pub unfinished: u64,
    /// Since when the first of them could have been counted.
    #[serde(skip)]
    pub waits_since: Option<Timestamp>,
    /// Hours and days with too many combinations of values to be counted.
    pub too_wide: u64,
    /// Others with too many paths, or too many sums, for what is in payloads to be added up: for events of a type, or of all.
    pub without_sums: u64,
    /// Events that were read.
    pub events: u64,
}

impl Sealed {
    /// Counts an hour, or a day, that could have been counted from `since` on.
    fn waits(&mut self, since: Option<Timestamp>) {
        *self += Self { unfinished: 1, waits_since: since, ..Self::default() };
    }

    /// Counts what an hour or a day leaves out.
    fn says(&mut self, counted: Option<&Rollup>) {
        match counted {
            None => self.too_wide += 1,
            Some(counted) => self.without_sums += u64::from(!counted.has_all_sums()),
        }
    }
}

impl AddAssign for Sealed {
    fn add_assign(&mut self, more: Self) {
        self.hours += more.hours;
        self.days += more.days;
        self.leased += more.leased;
        self.unfinished += more.unfinished;
        self.waits_since = self.waits_since.into_iter().chain(more.waits_since).min();
        self.too_wide += more.too_wide;
        self.without_sums += more.without_sums;
        self.events += more.events;
    }
}

/// Whoever counts, for one tenant.
#[derive(Clone, Copy)]
pub struct Sealer<'a> {
    store: &'a dyn EventStore,
    ledger: &'a dyn Ledger,
    tenant: &'a TenantScope,
    now: Timestamp,
    budget: Budget,
}

/// What is known of an hour or a day; nothing where it is too wide.
type Counted = Option<Rollup>;

impl<'a> Sealer<'a> {
    /// Counts in a store that has roll-ups, for as long as the budget lasts. A lease that is not over at `now` is none of those that are counted.
    pub fn of(store: &'a dyn EventStore, tenant: &'a TenantScope, now: Timestamp, budget: Budget) -> Option<Self> {
        Some(Self { store, ledger: store.rollups()?, tenant, now, budget })
    }

    /// Counts the hours of a day that were marked since they were counted last, and puts the day together where it is past.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. What was counted before stays.
    pub async fn seal(&self, day: Day) -> Result<Sealed, StoreError> {
        self.seal_again(day, false).await
    }

    async fn seal_again(&self, day: Day, anew: bool) -> Result<Sealed, StoreError> {
        let mut sealed = Sealed::default();
        let Some(mark) = self.mark(day).await? else { return Ok(sealed) };
        for hour in day.hours().filter(|hour| mark.of(*hour).version > 0) {
            let HourMark { version, sealed: before, .. } = *mark.of(hour);
            if before == version && !anew {
                continue;
            }
            if self.is_leased(mark.of(hour)) {
                sealed.leased += 1;
                continue;
            }
            // What is used up lasts for a page of one hour, so that every run comes further.
            let is_over = self.budget.left() == Duration::ZERO && sealed.hours + sealed.unfinished > 0;
            let counted = match (is_over, anew) {
                (true, _) => None,
                (false, true) => self.anew(hour, &mut sealed.events).await?,
                (false, false) => self.go_on(hour, version, &mut sealed.events).await?,
            };
            match counted {
                None => sealed.waits(mark.of(hour).until),
                Some(counted) => {
                    sealed.says(counted.as_ref());
                    sealed.hours += u64::from(self.write(Piece::Hour(hour), version, counted.as_ref()).await?);
                }
            }
        }
        let complete = sealed.leased + sealed.unfinished == 0;
        if !complete || self.now < day.range().to {
            return Ok(sealed);
        }
        if mark.sealed != mark.version || anew {
            match self.put_together(day, &mark, &mut sealed.events).await? {
                None => {
                    sealed.waits(mark.hours.iter().filter_map(|hour| hour.until).chain([day.range().to]).max());
                    return Ok(sealed);
                }
                Some(counted) => {
                    sealed.says(counted.as_ref());
                    sealed.days += u64::from(self.write(Piece::Day(day), mark.version, counted.as_ref()).await?);
                }
            }
        }
        self.ledger.settle(self.tenant, day, mark.version).await?;
        Ok(sealed)
    }

    async fn mark(&self, day: Day) -> Result<Option<Mark>, StoreError> {
        Ok(self.ledger.marks(self.tenant, day..=day).await?.remove(&day))
    }

    fn is_leased(&self, mark: &HourMark) -> bool {
        mark.until.is_some_and(|until| self.now <= until)
    }

    /// Since when the hour has waited that waits longest of a day: which could be counted, and was not.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn waits_since(&self, day: Day) -> Result<Option<Timestamp>, StoreError> {
        let mark = self.mark(day).await?.unwrap_or_default();
        let waits = |hour: &&HourMark| hour.version != hour.sealed && !self.is_leased(hour);
        Ok(mark.hours.iter().filter(waits).filter_map(|hour| hour.until).min())
    }

    /// Counts the events of an hour whatever was counted of it before, also where that was not all.
    async fn anew(&self, hour: Hour, events: &mut u64) -> Result<Option<Counted>, StoreError> {
        let counted = self.recount(hour, events).await?;
        if counted.is_some() && !self.ledger.begun(self.tenant, hour).await?.is_empty() {
            self.ledger.keep_begun(self.tenant, hour, vec![]).await?;
        }
        Ok(counted)
    }

    /// Counts the events of an hour from its beginning; nothing where the budget was used up before its end.
    async fn recount(&self, hour: Hour, events: &mut u64) -> Result<Option<Counted>, StoreError> {
        if self.budget.left() == Duration::ZERO {
            return Ok(None);
        }
        self.read_on(hour, &mut Begun::default(), events).await
    }

    /// Counts the events of an hour from where the run before came to. Where the budget is used up before its end, it keeps how far it came.
    async fn go_on(&self, hour: Hour, version: u64, events: &mut u64) -> Result<Option<Counted>, StoreError> {
        let kept = self.ledger.begun(self.tenant, hour).await?;
        let was_begun = !kept.is_empty();
        let mut begun = Begun::of(kept, version).unwrap_or_default();
        let counted = self.read_on(hour, &mut begun, events).await?;
        match counted {
            None => self.ledger.keep_begun(self.tenant, hour, begun.chunks(version)?).await?,
            Some(_) if was_begun => self.ledger.keep_begun(self.tenant, hour, vec![]).await?,
            Some(_) => {}
        }
        Ok(counted)
    }

    /// Counts on, a page at least; nothing where the budget was used up before the hour's end.
    async fn read_on(&self, hour: Hour, begun: &mut Begun, events: &mut u64) -> Result<Option<Counted>, StoreError> {
        let query = EventQuery { range: hour.range(), filters: Filters::default(), order: Order::OldestFirst };
        loop {
            let page = self.store.query(self.tenant, &query, PAGE, begun.after.as_ref()).await?;
            *events += page.events.len() as u64;
            let counted: Result<(), TooWide> =
                page.events.iter().try_for_each(|event| begun.rollup.take(self.tenant, event));
            if counted.is_err() {
                return Ok(Some(None));
            }
            if page.next.is_none() {
                let mut rollup = mem::take(&mut begun.rollup);
                rollup.fit();
                return Ok(Some(Some(rollup)));
            }
            begun.after = page.next;
            if self.budget.left() == Duration::ZERO {
                return Ok(None);
            }
        }
    }

    /// Puts a day together from its hours. One that does not lie there as it should is counted once more.
    async fn put_together(&self, day: Day, mark: &Mark, events: &mut u64) -> Result<Option<Counted>, StoreError> {
        let hours: Vec<Hour> = day.hours().filter(|hour| mark.of(*hour).version > 0).collect();
        let (Some(first), Some(last)) = (hours.first(), hours.last()) else { return Ok(Some(Some(Rollup::default()))) };
        let mut parts = BTreeMap::new();
        for part in Part::BY_COMBINATION {
            parts.insert(part, self.ledger.chunks(self.tenant, part, Piece::Hour(*first)..=Piece::Hour(*last)).await?);
        }
        let mut whole = Rollup::default();
        for hour in hours {
            let version = mark.of(hour).version;
            let part = |(part, found): (&Part, &mut _)| {
                held(found, Piece::Hour(hour), *part, version).map(|found| pack::whole(*part, found))
            };
            let found: Option<Vec<Counted>> = parts.iter_mut().map(part).collect();
            let found = match found.map(|found| found.into_iter().collect::<Option<Vec<Rollup>>>()) {
                Some(Some(found)) => found,
                // What is too wide in an hour is so in its day.
                Some(None) => return Ok(Some(None)),
                None => match self.go_on(hour, version, events).await? {
                    None => return Ok(None),
                    Some(None) => return Ok(Some(None)),
                    Some(Some(counted)) => {
                        self.write(Piece::Hour(hour), version, Some(&counted)).await?;
                        vec![counted]
                    }
                },
            };
            if found.iter().try_for_each(|found| whole.join(found)).is_err() {
                return Ok(Some(None));
            }
        }
        whole.fit();
        Ok(Some(Some(whole)))
    }

    /// Writes what was counted under a version, and says so on the mark; `false` where a newer one lies there.
    async fn write(&self, piece: Piece, version: u64, counted: Option<&Rollup>) -> Result<bool, StoreError> {
        let mut packer = Packer::of(counted);
        for part in Part::of(piece) {
            let chunks = chunk::cut(packer.pack(part)?, version);
            if !self.ledger.write(self.tenant, part, piece, chunks).await? {
                return Ok(false);
            }
        }
        self.ledger.note(self.tenant, piece, version).await?;
        Ok(true)
    }
}

/// What is wrong with what was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// It says something else than the events.
    Differs,
    /// There are events that no mark tells of.
    Unmarked,
}

/// What was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Hours and days whose roll-up says what the events say.
    pub right: u64,
    /// Hours and days without a roll-up that holds: they are read from the events.
    pub live: u64,
    /// The others, by their names.
    pub wrong: BTreeMap<String, Wrong>,
    /// Whether the budget was used up before all were checked.
    pub unfinished: bool,
}

impl Sealer<'_> {
    /// Counts every hour of the days of a range, whatever was counted before, and the days. Hours whose events no mark tells of are marked: they
    /// are counted by a later run, when the lease of that is over.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn rebuild(&self, range: Range) -> Result<Sealed, StoreError> {
        let (days, unmarked) = self.days(range).await?;
        if !unmarked.is_empty() {
            self.ledger.mark(self.tenant, &unmarked).await?;
        }
        let mut sealed = Sealed::default();
        for day in days {
            sealed += self.seal_again(day, true).await?;
        }
        Ok(sealed)
    }

    /// Compares each roll-up of the days of a range that holds with the events.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn verify(&self, range: Range) -> Result<Verified, StoreError> {
        let (days, unmarked) = self.days(range).await?;
        let mut verified = Verified::default();
        verified.wrong.extend(unmarked.into_iter().map(|hour| (hour.name(), Wrong::Unmarked)));
        for day in days {
            let Some(mark) = self.mark(day).await? else { continue };
            let mut whole = Some(Rollup::default());
            for hour in day.hours().filter(|hour| mark.of(*hour).version > 0) {
                let Some(counted) = self.recount(hour, &mut 0).await? else {
                    verified.unfinished = true;
                    return Ok(verified);
                };
                self.check(Piece::Hour(hour), mark.of(hour).version, counted.as_ref(), &mut verified).await?;
                whole = whole.zip(counted).and_then(|(mut whole, hour)| whole.join(&hour).is_ok().then_some(whole));
            }
            whole.iter_mut().for_each(Rollup::fit);
            self.check(Piece::Day(day), mark.version, whole.as_ref(), &mut verified).await?;
        }
        Ok(verified)
    }

    async fn check(
        &self,
        piece: Piece,
        version: u64,
        counted: Option<&Rollup>,
        verified: &mut Verified,
    ) -> Result<(), StoreError> {
        let mut holds = true;
        let (mut differs, mut packer) = (false, Packer::of(counted));
        for part in Part::of(piece) {
            let found = self.ledger.chunks(self.tenant, part, piece..=piece).await?.remove(&piece.name());
            let bytes = found.and_then(|chunks| chunk::joined(chunks, version));
            holds &= bytes.is_some();
            if let Some(bytes) = bytes {
                differs |= bytes != packer.pack(part)?;
            }
        }
        match (holds, differs) {
            (_, true) => _ = verified.wrong.insert(piece.name(), Wrong::Differs),
            (true, false) => verified.right += 1,
            (false, false) => verified.live += 1,
        }
        Ok(())
    }

    /// The days of a range that have a mark or events, and the hours that have events and no mark.
    async fn days(&self, range: Range) -> Result<(BTreeSet<Day>, BTreeSet<Hour>), StoreError> {
        let Some((first, last)) = super::time::hours(range) else { return Ok(Default::default()) };
        let (first, last) = (first.day(), last.day());
        let marks = self.ledger.marks(self.tenant, first..=last).await?;
        let (mut days, mut unmarked): (BTreeSet<Day>, _) = (marks.keys().copied().collect(), BTreeSet::new());
        // From each event that is found, the search goes on behind its hour: it reads one event of each hour.
        let mut range = Range { from: first.range().from, to: last.range().to };
        while range.from < range.to {
            let query = EventQuery { range, filters: Filters::default(), order: Order::OldestFirst };
            let page = self.store.query(self.tenant, &query, 1, None).await?;
            let Some(hour) = page.events.first().map(|event| Hour::of(event.timestamp)) else { break };
            if marks.get(&hour.day()).is_none_or(|mark| mark.of(hour).version == 0) {
                unmarked.insert(hour);
            }
            days.insert(hour.day());
            range.from = hour.range().to;
        }
        Ok((days, unmarked))
    }
}
