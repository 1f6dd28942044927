//! What stands of a limit in the table.

use super::{
    Category,
    limit::Last,
    row::{FOLDED, LimitRow, Mark, PutOff, limit_of, put_off_key},
    tell::Telling,
};
use crate::{
    ids::PersonId,
    table::{Listing, TableError, TenantTable},
};

/// The most occurrences that one notice takes up in its transaction.
pub(super) const TAKEN_UP: usize = 40;
/// How many items of a limit are read at once: the last notice, and occurrences that wait or were told of. Whoever is put off where
/// many wait reads no more than that.
const READ: u32 = 60;

/// How often a fold is followed into the next: as often as one run folds.
const HOPS: u32 = 1_000;

/// What has become of an origin.
pub(super) enum Known {
    /// Nothing: it is told for the first time.
    New,
    /// It waits, alone or folded into others.
    Waits(Box<PutOff>),
    /// It was told, by this notice.
    Told(String),
}

/// What stands of a limit.
pub(super) struct Limit {
    pub(super) last: Option<Last>,
    put_off: Vec<PutOff>,
    told: Vec<Mark>,
    /// Whether that is all that was put off.
    whole: bool,
}

impl Limit {
    /// Reads it, strongly consistent: a read that is behind would decide wrongly.
    pub(super) async fn read(rows: &TenantTable, person: &PersonId, category: Category) -> Result<Self, TableError> {
        let partition = limit_of(person, category);
        let (mut limit, mut after) = (Self { last: None, put_off: vec![], told: vec![], whole: false }, None);
        loop {
            let page = rows.list::<LimitRow>(Listing::of(&partition, READ).after(after)).await?;
            for row in page.rows {
                match row {
                    LimitRow::Last(last) => limit.last = Some(last),
                    LimitRow::PutOff(row) => limit.put_off.push(*row),
                    LimitRow::Mark(mark) => limit.told.push(mark),
                }
            }
            after = page.after;
            // The last notice stands before what was put off, and of that no more is needed than shows whether it is to be folded.
            limit.whole = after.is_none();
            if limit.whole || limit.waiting().count() > TAKEN_UP {
                return Ok(limit);
            }
        }
    }

    /// What has become of the origin of `telling`. Where it was folded into another occurrence, that one says.
    pub(super) async fn known(&self, rows: &TenantTable, telling: &Telling) -> Result<Known, TableError> {
        let mut origin = telling.origin.as_str().to_owned();
        for _ in 0..HOPS {
            let told_in = match self.row(rows, telling, &origin).await? {
                None if origin == telling.origin.as_str() => return Ok(Known::New),
                // What it was folded into was told of so long ago that it is forgotten.
                None => return Ok(Known::Told(origin)),
                Some(LimitRow::PutOff(row)) => return Ok(Known::Waits(row)),
                Some(LimitRow::Mark(mark)) => mark.told_in,
                Some(LimitRow::Last(last)) => last.last_id,
            };
            if !told_in.starts_with(FOLDED) {
                return Ok(Known::Told(told_in));
            }
            origin = told_in;
        }
        Err(TableError::unavailable(std::io::Error::other("it was folded too often to be found")))
    }

    async fn row(&self, rows: &TenantTable, telling: &Telling, origin: &str) -> Result<Option<LimitRow>, TableError> {
        if let Some(row) = self.put_off.iter().find(|row| row.origin == origin) {
            return Ok(Some(LimitRow::PutOff(Box::new(row.clone()))));
        }
        if let Some(mark) = self.told.iter().find(|mark| mark.origin == origin) {
            return Ok(Some(LimitRow::Mark(mark.clone())));
        }
        if self.whole {
            return Ok(None);
        }
        rows.get(&put_off_key(&telling.person, telling.category, origin)).await
    }

    /// What waits to be told.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &PutOff> {
        self.put_off.iter()
    }
}
