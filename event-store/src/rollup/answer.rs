//! Questions answered from roll-ups, and from events where none holds.

use super::{
    Day, Hour, Ledger, Mark, Part, Piece, Slot,
    chunk::{self, Chunk},
    pack::{self, Rolled},
    plan::{Live, Plan},
    tally::Combination,
    time,
};
use crate::{
    Aggregate, AggregateQuery, Dimension, Event, EventQuery, EventStore, Filters, Measure, Order, StoreError,
    aggregate::{self, Answer, PAGE_VIEW},
};
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use shared::tenant::TenantScope;
use std::collections::{BTreeMap, BTreeSet};

/// How often a question is asked again whose marks have changed meanwhile. Then the answer counts, whose hours are each exact for themselves.
const ATTEMPTS: usize = 3;
/// How many queries of roll-ups are under way at once.
const AT_ONCE: usize = 8;
/// How many ranges of events are read at once, each of all partitions of the store.
const LIVE_AT_ONCE: usize = 4;

/// Counts: from roll-ups where the store has them and the question allows it, and by reading events for the rest.
///
/// Days and hours that are whole in the range come from their roll-ups. Events are read where none holds: of hours that were written to a
/// moment ago, and of an hour that the range cuts. That is within the budget, newest first; beyond, the answer is
/// [`Truncated`](crate::Exactness::Truncated).
///
/// A write that the index of times has before the question is asked is in the answer. Of writes that arrive meanwhile, those that come from roll-ups are
/// of one moment, which is not after the one at which events are read.
///
/// # Errors
///
/// Those of the store.
pub async fn aggregate(
    store: &dyn EventStore,
    tenant: &TenantScope,
    asked: &AggregateQuery,
) -> Result<Aggregate, StoreError> {
    let part = match asked.measure {
        Measure::Events => Part::Counts,
        Measure::UniqueUsers => Part::Users,
        Measure::UniqueSessions | Measure::BounceRate => Part::Sessions,
        Measure::Sum(_) => Part::Sums,
    };
    let of_one = asked.filters.user_id.is_some() || asked.filters.session_id.is_some();
    let part = if asked.is_of_types() { part.by_type() } else { part };
    let (Some(ledger), false) = (store.rollups(), of_one) else {
        return aggregate::fold(store, tenant, asked).await;
    };
    let Some((first, last)) = time::hours(asked.range) else {
        return Ok(Answer::to(tenant, asked).told(None));
    };
    let days = first.day()..=last.day();
    let mut marks = ledger.marks(tenant, days.clone()).await?;
    let mut attempt = 1;
    loop {
        let (mut answer, live) = rolled(ledger, tenant, asked, part, &marks).await?;
        let truncated = read_live(store, tenant, asked, &live, &mut answer).await?;
        let after = ledger.marks(tenant, days.clone()).await?;
        if attempt == ATTEMPTS || !moved(&marks, &after, &live) {
            return Ok(answer.told(truncated));
        }
        (marks, attempt) = (after, attempt + 1);
    }
}

/// Reads the events of these ranges, the newest first; how many were read, where that is not all.
async fn read_live(
    store: &dyn EventStore,
    tenant: &TenantScope,
    asked: &AggregateQuery,
    live: &[Live],
    answer: &mut Answer<'_>,
) -> Result<Option<usize>, StoreError> {
    // What is looked at costs, wanted or not: so the store filters nothing, and everything counts.
    let query = |live: &Live| EventQuery { range: live.range, filters: Filters::default(), order: Order::NewestFirst };
    let mut take = |event: &Event| {
        if asked.wants(&Combination::of(event)) {
            answer.take(event);
        }
    };
    // Of many ranges most have a few events. Each has a share of the budget, and those that have more go on one after the other.
    let share = (asked.budget / live.len().max(1)).clamp(1, aggregate::PAGE);
    let begun = live.iter().rev().map(|live| {
        let query = query(live);
        async move { store.query(tenant, &query, share, None).await.map(|page| (query, page)) }
    });
    let begun: Vec<_> = stream::iter(begun.collect::<Vec<_>>()).buffered(LIVE_AT_ONCE).try_collect().await?;
    let (mut read, mut rest) = (0, vec![]);
    for (query, page) in begun {
        read += page.events.len();
        page.events.iter().for_each(&mut take);
        rest.extend(page.next.map(|after| (query, after)));
    }
    for (query, after) in rest {
        let left = asked.budget.saturating_sub(read);
        let (some, all) = aggregate::walk(store, tenant, &query, Some(after), left, &mut take).await?;
        read += some;
        if !all {
            return Ok(Some(read));
        }
    }
    Ok(None)
}

/// The parts of days that together say in brief what is asked for; none for counts, and for what is of several types or of other dimensions.
fn in_brief(asked: &AggregateQuery, part: Part) -> Vec<Part> {
    let filters = &asked.filters.dimensions;
    let dimensions: BTreeSet<Dimension> = filters.keys().chain(&asked.group_by).copied().collect();
    let dimensions: Vec<Dimension> = dimensions.into_iter().collect();
    let slots = match (&*dimensions, filters.get(&Dimension::EventType).map(String::as_str)) {
        _ if !asked.types.is_empty() => vec![],
        ([], _) => vec![Slot::Whole],
        ([Dimension::EventType], Some(kind)) => vec![Slot::of_type(kind)],
        ([Dimension::EventType], None) => Slot::of_types().collect(),
        ([dimension], _) => vec![Slot::By(*dimension)],
        ([Dimension::EventType, dimension], Some(PAGE_VIEW)) => vec![Slot::PagesBy(*dimension)],
        _ => vec![],
    };
    slots.into_iter().filter_map(|slot| part.in_brief(slot)).collect()
}

/// A part of days, of each if it holds by what its mark says.
async fn of_days(
    ledger: &dyn Ledger,
    tenant: &TenantScope,
    part: Part,
    days: &[(Day, Mark)],
) -> Result<Vec<(Day, Option<Rolled>)>, StoreError> {
    // Of one query a megabyte comes after the other: so many days have about one.
    let of_one = match part {
        Part::Users | Part::Sessions => 3,
        Part::Sums | Part::UsersInBrief(Slot::By(_)) | Part::SessionsInBrief(Slot::By(_) | Slot::PagesBy(_)) => 8,
        _ => usize::MAX,
    };
    let read = days.chunks(of_one).map(|days| async move {
        let (Some((first, _)), Some((last, _))) = (days.first(), days.last()) else { return Ok(BTreeMap::new()) };
        ledger.chunks(tenant, part, Piece::Day(*first)..=Piece::Day(*last)).await
    });
    let read: Vec<_> = stream::iter(read.collect::<Vec<_>>()).buffered(AT_ONCE).try_collect().await?;
    let mut found: BTreeMap<String, Vec<Chunk>> = read.into_iter().flatten().collect();
    let of_day = |(day, mark): &(Day, Mark)| (*day, held(&mut found, Piece::Day(*day), part, mark.version).flatten());
    Ok(days.iter().map(of_day).collect())
}

/// What the roll-ups of days say, and those days of which none holds.
///
/// Days say in brief who came, in a part of the bytes. That is enough where all of a group is known one by one, or they are surely more than are
/// counted one by one.
async fn of_whole_days<'a>(
    ledger: &dyn Ledger,
    tenant: &'a TenantScope,
    asked: &'a AggregateQuery,
    part: Part,
    days: &[(Day, Mark)],
) -> Result<(Answer<'a>, Vec<Day>), StoreError> {
    let mut answer = Answer::to(tenant, asked);
    let brief = in_brief(asked, part);
    if !brief.is_empty() {
        let found = try_join_all(brief.into_iter().map(|part| of_days(ledger, tenant, part, days))).await?;
        let mut found = found.into_iter().flatten();
        if found.all(|(_, rollup)| rollup.is_some_and(|rollup| answer.take_all(&rollup))) && answer.is_told_in_brief() {
            return Ok((answer, vec![]));
        }
        answer = Answer::to(tenant, asked);
    }
    let mut missing = vec![];
    for (day, rollup) in of_days(ledger, tenant, part, days).await? {
        if !rollup.is_some_and(|rollup| answer.take_all(&rollup)) {
            missing.push(day);
        }
    }
    Ok((answer, missing))
}

/// What the roll-ups say that hold for a range, and what has to be read from events.
async fn rolled<'a>(
    ledger: &dyn Ledger,
    tenant: &'a TenantScope,
    asked: &'a AggregateQuery,
    part: Part,
    marks: &BTreeMap<Day, Mark>,
) -> Result<(Answer<'a>, Vec<Live>), StoreError> {
    let (range, mut plan) = (asked.range, Plan::of(asked.range, marks));
    let planned: BTreeMap<Piece, u64> = plan.pieces(marks).collect();
    let kept = ledger.kept().map(|kept| (kept, kept.asked(tenant, asked, &planned)));
    if let Some((kept, question)) = &kept
        && let Some(groups) = kept.get(question).await
    {
        return Ok((Answer::going_on(tenant, asked, groups), plan.joined(&planned.into_keys().collect())));
    }
    let mut pieces = BTreeSet::new();
    let days = std::mem::take(&mut plan.days).into_iter();
    let days: Vec<(Day, Mark)> = days.filter_map(|day| Some((day, *marks.get(&day)?))).collect();
    let (mut answer, missing) = of_whole_days(ledger, tenant, asked, part, &days).await?;
    for (day, mark) in &days {
        match missing.contains(day) {
            true => plan.hours_of(*day, mark, range),
            false => _ = pieces.insert(Piece::Day(*day)),
        }
    }
    let mut by_day: BTreeMap<Day, Vec<Hour>> = BTreeMap::new();
    plan.hours.iter().for_each(|hour| by_day.entry(hour.day()).or_default().push(*hour));
    let read = by_day.into_iter().map(|(day, hours)| async move {
        let (Some(first), Some(last)) = (hours.first(), hours.last()) else { return Ok((day, hours, BTreeMap::new())) };
        let found = ledger.chunks(tenant, part, Piece::Hour(*first)..=Piece::Hour(*last)).await?;
        Ok::<_, StoreError>((day, hours, found))
    });
    let read: Vec<_> = stream::iter(read.collect::<Vec<_>>()).buffered(AT_ONCE).try_collect().await?;
    for (day, hours, mut found) in read {
        let Some(mark) = marks.get(&day) else { continue };
        for hour in hours {
            match held(&mut found, Piece::Hour(hour), part, mark.of(hour).version).flatten() {
                Some(rollup) if answer.take_all(&rollup) => _ = pieces.insert(Piece::Hour(hour)),
                _ => plan.live(hour, range),
            }
        }
    }
    if let Some((kept, question)) = kept
        && pieces.iter().eq(planned.keys())
    {
        kept.put(question, &answer).await;
    }
    Ok((answer, plan.joined(&pieces)))
}

/// A part of a roll-up, if one lies there that holds under this version; in it nothing, where that says that it is too wide. What cannot be read holds as little as what is not there.
pub(super) fn held(
    found: &mut BTreeMap<String, Vec<Chunk>>,
    piece: Piece,
    part: Part,
    version: u64,
) -> Option<Option<Rolled>> {
    let bytes = chunk::joined(found.remove(&piece.name())?, version)?;
    pack::unpack(&bytes, part).ok()
}

/// Whether an hour was marked meanwhile that was not read from events.
fn moved(before: &BTreeMap<Day, Mark>, after: &BTreeMap<Day, Mark>, live: &[Live]) -> bool {
    let none = Mark::default();
    let is_live = |hour: Hour| live.iter().any(|live| (live.first..=live.last).contains(&hour));
    after.iter().any(|(day, now)| {
        let then = before.get(day).unwrap_or(&none);
        now.version != then.version
            && day.hours().any(|hour| now.of(hour).version != then.of(hour).version && !is_live(hour))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollup::plan::tests::{hour, mark};

    #[test]
    fn what_was_marked_meanwhile_matters_where_it_was_not_read_from_events() {
        let day = Day::named("2026-03-01").unwrap();
        let marks = |hours: &[(usize, u64, u64)]| BTreeMap::from([(day, mark(hours, 0))]);
        let nine = hour("2026-03-01T09:00:00Z");
        let live = [Live { first: nine, last: nine, range: nine.range() }];
        let before = marks(&[(8, 1, 1), (9, 1, 0)]);
        assert!(!moved(&before, &before, &live));
        assert!(!moved(&before, &marks(&[(8, 1, 1), (9, 2, 0)]), &live));
        assert!(moved(&before, &marks(&[(8, 2, 1), (9, 1, 0)]), &live));
        assert!(moved(&before, &marks(&[(8, 1, 1), (9, 1, 0), (11, 1, 0)]), &live), "it had none before");
        assert!(moved(&BTreeMap::new(), &before, &[]));
    }
}
