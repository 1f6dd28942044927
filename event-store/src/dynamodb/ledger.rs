//! Marks and roll-ups as the table has them.
//!
//! | item | `pk` after the tenant | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | mark | `MARKS` | day | `marked`: the version; for each hour `v07` its version, `u07` until when writes may arrive (in seconds since 1970), `s07` the version that was counted; `sealed` that of the day; `rollup_due` while something waits to be counted |
//! | roll-up | `ROLLUP` | kind and part, piece, chunk: `HU#2026-03-01T07#0` | `version`, `of`, `digest`, `data` |
//! | hour that is counted over several runs | `ROLLUP` | `HB`, hour, chunk: `HB#2026-03-01T07#0` | the same |
//!
//! Marks lie in a partition of their own, so that whoever writes events may mark, and can change nothing that was counted.

use super::{DynamoDb, cut, fault, refusal};
use crate::{
    StoreError,
    rollup::{Day, Hour, HourMark, LEASE, Ledger, Mark, Part, Piece, Slot, chunk::Chunk, kept::Kept},
};
use async_trait::async_trait;
use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    types::AttributeValue,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    digest::Digest,
    table::{Key, Listing, TenantTable, sortable},
    tenant::TenantScope,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    slice,
};

/// The partition of a tenant's marks.
pub const MARKS: &str = "MARKS";
/// The partition of a tenant's roll-ups.
const ROLLUP: &str = "ROLLUP";
/// How many marks are read at a time.
const PAGE: u32 = 1_000;
/// How many chunks are read at a time: a reply has at most 1 MiB, whatever is asked for.
const CHUNKS: u32 = 100;
/// The code of a write whose condition does not hold.
pub(super) const CONDITION: &str = "ConditionalCheckFailedException";

/// A chunk as the table holds it.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    sk: String,
    version: u64,
    of: u32,
    digest: Digest,
    data: bytes::Bytes,
}

/// An attribute of a mark.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Field {
    Number(i64),
    Text(String),
}

/// What a part of a piece is named by: `H` or `D`, what it has, and the piece.
fn name_of(piece: Piece, part: Part) -> String {
    let of = match piece {
        Piece::Hour(_) => "H",
        Piece::Day(_) => "D",
    };
    let slot = |slot: Slot| match slot {
        Slot::Whole => "W".to_owned(),
        Slot::Types(number) => number.to_string(),
        Slot::By(dimension) => format!("-{dimension}"),
        Slot::PagesBy(dimension) => format!("P-{dimension}"),
    };
    let has = match part {
        Part::Counts => "C".to_owned(),
        Part::Users => "U".to_owned(),
        Part::Sessions => "S".to_owned(),
        Part::Sums => "N".to_owned(),
        Part::UsersByType => "UT".to_owned(),
        Part::SessionsByType => "ST".to_owned(),
        Part::UsersInBrief(of) => format!("UB{}", slot(of)),
        Part::SessionsInBrief(of) => format!("SB{}", slot(of)),
    };
    format!("{of}{has}#{}", piece.name())
}

/// What is named by how far the counting of an hour has come.
fn name_of_begun(hour: Hour) -> String {
    format!("HB#{}", hour.name())
}

fn chunk_key(name: &str, at: u32) -> Key {
    Key::new(ROLLUP, format!("{name}#{at}"))
}

/// The piece and the chunk that a sort key names.
fn named(sk: &str) -> Option<(&str, u32)> {
    let mut parts = sk.splitn(3, '#').skip(1);
    Some((parts.next()?, parts.next()?.parse().ok()?))
}

fn mark_key(day: Day) -> Key {
    Key::new(MARKS, day.name())
}

fn mark(row: &BTreeMap<String, Field>) -> Result<(Day, Mark), StoreError> {
    let number = |name: &str| match row.get(name) {
        Some(Field::Number(number)) => Ok(*number),
        Some(Field::Text(_)) => Err(cut("a mark has a text for a number")),
        None => Ok(0),
    };
    let version = |name: &str| number(name).map(|number| u64::try_from(number).unwrap_or_default());
    let day = match row.get("sk") {
        Some(Field::Text(name)) => Day::named(name),
        _ => None,
    };
    let day = day.ok_or_else(|| cut("a mark is of no day"))?;
    let mut mark = Mark { version: version("marked")?, sealed: version("sealed")?, ..Mark::default() };
    for (at, hour) in mark.hours.iter_mut().enumerate() {
        let until = number(&format!("u{at:02}"))?;
        *hour = HourMark {
            version: version(&format!("v{at:02}"))?,
            until: Timestamp::from_second(until).ok().filter(|_| until != 0),
            sealed: version(&format!("s{at:02}"))?,
        };
    }
    Ok((day, mark))
}

/// Whether a write was done; a condition that does not hold is no fault.
fn done<T, E>(sent: Result<T, SdkError<E>>) -> Result<bool, StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match sent {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some(CONDITION) => Ok(false),
        Err(error) => Err(refusal(error)),
    }
}

fn number(of: impl ToString) -> AttributeValue {
    AttributeValue::N(of.to_string())
}

impl DynamoDb {
    /// Every row of a partition between two sort keys.
    async fn between<T: serde::de::DeserializeOwned>(
        rows: &TenantTable,
        partition: &str,
        (first, last): (&str, &str),
        limit: u32,
    ) -> Result<Vec<T>, StoreError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let listing = Listing::of(partition, limit).between(first, last).after(after);
            let page = rows.list(listing).await.map_err(fault)?;
            found.extend(page.rows);
            after = page.after;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// What lies under the names from `first` to `last`.
    async fn rows(&self, tenant: &TenantScope, first: &str, last: &str) -> Result<Vec<Row>, StoreError> {
        // `~` sorts behind the number of any chunk.
        let (first, last) = (format!("{first}#"), format!("{last}#~"));
        Self::between(&self.table.of(tenant), ROLLUP, (&first, &last), CHUNKS).await
    }

    /// Writes chunks of one version under a name; `false` where those of a newer one lie there, which stay.
    async fn write_chunks(&self, tenant: &TenantScope, name: &str, chunks: Vec<Chunk>) -> Result<bool, StoreError> {
        let rows = self.table.of(tenant);
        let before: Option<Row> = rows.get(&chunk_key(name, 0)).await.map_err(fault)?;
        let (Some(version), many) = (chunks.first().map(|chunk| chunk.version), chunks.len()) else { return Ok(true) };
        // What the older one has more goes first, and what the newer one has more comes last: so the first chunk always tells of all there are.
        for at in u32::try_from(many).unwrap_or(u32::MAX)..before.map_or(0, |before| before.of) {
            let call = rows.delete(&chunk_key(name, at)).condition_expression("#version <= :version");
            let call = call.expression_attribute_names("#version", "version");
            done(call.expression_attribute_values(":version", number(version)).send().await)?;
        }
        for Chunk { version, at, of, digest, data } in chunks {
            let key = chunk_key(name, at);
            let row = Row { sk: key.sort.clone(), version, of, digest, data };
            let call = rows.put(rows.item(&key, &row).map_err(fault)?);
            let call = call.condition_expression("attribute_not_exists(pk) OR #version <= :version");
            let call = call.expression_attribute_names("#version", "version");
            if !done(call.expression_attribute_values(":version", number(version)).send().await)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn mark_day(&self, rows: &TenantTable, day: Day, hours: &[Hour], now: Timestamp) -> Result<(), StoreError> {
        let until = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
        if self.mark_hours(rows, day, hours, until, true).await? {
            return Ok(());
        }
        // A lease only grows: one that another has made longer, by a clock that is ahead or by a call that came earlier, stays.
        for hour in hours.iter().map(slice::from_ref) {
            if !self.mark_hours(rows, day, hour, until, true).await? {
                self.mark_hours(rows, day, hour, until, false).await?;
            }
        }
        Ok(())
    }

    /// Marks hours of a day, and lets their leases end at `until` if `leased`; whether none of them ended later.
    async fn mark_hours(
        &self,
        rows: &TenantTable,
        day: Day,
        hours: &[Hour],
        until: Timestamp,
        leased: bool,
    ) -> Result<bool, StoreError> {
        let names = hours.iter().map(|hour| hour.of_day());
        let add: Vec<String> = names.clone().map(|at| format!("v{at:02} :one")).collect();
        let due = "rollup_due = if_not_exists(rollup_due, :due)".to_owned();
        let set = names.clone().filter(|_| leased).map(|at| format!("u{at:02} = :until")).chain([due]);
        let set: Vec<String> = set.collect();
        let call = rows
            .update(&mark_key(day))
            .update_expression(format!("ADD {}, marked :all SET {}", add.join(", "), set.join(", ")))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":all", number(hours.len()))
            .expression_attribute_values(":due", AttributeValue::S(sortable(until)));
        let call = if leased {
            let grows = names.map(|at| format!("(attribute_not_exists(u{at:02}) OR u{at:02} <= :until)"));
            // A second later, since the time of the lease has no fractions.
            call.condition_expression(grows.collect::<Vec<_>>().join(" AND "))
                .expression_attribute_values(":until", number(until.as_second() + 1))
        } else {
            call
        };
        match call.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some(CONDITION) => Ok(false),
            Err(error) => Err(refusal(error)),
        }
    }
}

#[async_trait]
impl Ledger for DynamoDb {
    async fn mark(&self, tenant: &TenantScope, hours: &BTreeSet<Hour>) -> Result<(), StoreError> {
        let (rows, now) = (self.table.of(tenant), self.clock.now());
        let hours: Vec<Hour> = hours.iter().copied().collect();
        let days = hours.chunk_by(|a, b| a.day() == b.day());
        let marks = days.filter_map(|hours| Some(self.mark_day(&rows, hours.first()?.day(), hours, now)));
        futures::future::try_join_all(marks).await.map(drop)
    }

    async fn marks(&self, tenant: &TenantScope, days: RangeInclusive<Day>) -> Result<BTreeMap<Day, Mark>, StoreError> {
        let (first, last) = (days.start().name(), days.end().name());
        let found = Self::between(&self.table.of(tenant), MARKS, (&first, &last), PAGE).await?;
        found.iter().map(mark).collect()
    }

    async fn chunks(
        &self,
        tenant: &TenantScope,
        part: Part,
        pieces: RangeInclusive<Piece>,
    ) -> Result<BTreeMap<String, Vec<Chunk>>, StoreError> {
        let (first, last) = pieces.into_inner();
        let found = self.rows(tenant, &name_of(first, part), &name_of(last, part)).await?;
        let mut pieces: BTreeMap<String, Vec<Chunk>> = BTreeMap::new();
        for Row { sk, version, of, digest, data } in found {
            let (piece, at) = named(&sk).ok_or_else(|| cut("a roll-up is of no piece"))?;
            pieces.entry(piece.to_owned()).or_default().push(Chunk { version, at, of, digest, data });
        }
        Ok(pieces)
    }

    async fn write(
        &self,
        tenant: &TenantScope,
        part: Part,
        piece: Piece,
        chunks: Vec<Chunk>,
    ) -> Result<bool, StoreError> {
        self.write_chunks(tenant, &name_of(piece, part), chunks).await
    }

    async fn begun(&self, tenant: &TenantScope, hour: Hour) -> Result<Vec<Chunk>, StoreError> {
        let name = name_of_begun(hour);
        let chunk = |Row { sk, version, of, digest, data }| {
            let (_, at) = named(&sk).ok_or_else(|| cut("a roll-up is of no piece"))?;
            Ok(Chunk { version, at, of, digest, data })
        };
        self.rows(tenant, &name, &name).await?.into_iter().map(chunk).collect()
    }

    async fn keep_begun(&self, tenant: &TenantScope, hour: Hour, chunks: Vec<Chunk>) -> Result<(), StoreError> {
        let name = name_of_begun(hour);
        if !chunks.is_empty() {
            return self.write_chunks(tenant, &name, chunks).await.map(drop);
        }
        let rows = self.table.of(tenant);
        // The first one last, as it tells of the others.
        for row in self.rows(tenant, &name, &name).await?.into_iter().rev() {
            let Some((_, at)) = named(&row.sk) else { continue };
            rows.delete(&chunk_key(&name, at)).send().await.map_err(refusal)?;
        }
        Ok(())
    }

    async fn note(&self, tenant: &TenantScope, piece: Piece, version: u64) -> Result<(), StoreError> {
        let (sealed, current) = match piece {
            Piece::Hour(hour) => (format!("s{:02}", hour.of_day()), format!("v{:02}", hour.of_day())),
            Piece::Day(_) => ("sealed".to_owned(), "marked".to_owned()),
        };
        let call = self.table.of(tenant).update(&mark_key(piece.day()));
        let call = call.update_expression(format!("SET {sealed} = :version"));
        let call = call.condition_expression(format!("{current} = :version"));
        done(call.expression_attribute_values(":version", number(version)).send().await).map(drop)
    }

    async fn settle(&self, tenant: &TenantScope, day: Day, version: u64) -> Result<(), StoreError> {
        let call = self.table.of(tenant).update(&mark_key(day)).update_expression("REMOVE rollup_due");
        let call = call.condition_expression("marked = :version AND sealed = :version");
        done(call.expression_attribute_values(":version", number(version)).send().await).map(drop)
    }

    fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_the_piece_and_the_chunk_that_it_is_of() {
        let hour = Hour::of("2026-03-01T07:10:00Z".parse().unwrap());
        let key = chunk_key(&name_of(Piece::Hour(hour), Part::Users), 12);
        assert_eq!((key.partition.as_str(), key.sort.as_str()), ("ROLLUP", "HU#2026-03-01T07#12"));
        assert_eq!(named(&key.sort), Some(("2026-03-01T07", 12)));
        assert_eq!(chunk_key(&name_of(Piece::Day(hour.day()), Part::Counts), 0).sort, "DC#2026-03-01#0");
        for bad in ["", "HU", "HU#x", "HU#x#y"] {
            assert_eq!(named(bad), None, "{bad}");
        }
    }
}
