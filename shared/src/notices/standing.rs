//! What stands of a limit in the table.

use super::{
    Category,
    limit::Last,
    row::{AFTER_PUT_OFF, FOLDED, LAST, LimitRow, Once, PutOff, limit_of, once_key, put_off_key},
    telling::Telling,
};
use crate::{
    ids::PersonId,
    table::{Listing, TableError, TenantTable},
};
use jiff::Timestamp;

/// The most occurrences that one notice takes up in its transaction, two items each.
pub(super) const TAKEN_UP: usize = 40;
/// How many items of a limit are read at once: the last notice, and occurrences that wait. Whoever is put off where many wait reads no
/// more than that.
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
}

impl Limit {
    /// Reads it, strongly consistent: a read that is behind would decide wrongly. What was told costs nothing here: it lies apart.
    pub(super) async fn read(rows: &TenantTable, person: &PersonId, category: Category) -> Result<Self, TableError> {
        let partition = limit_of(person, category);
        let (mut limit, mut after) = (Self { last: None, put_off: vec![] }, None);
        loop {
            let listing = Listing::of(&partition, READ).between(LAST, AFTER_PUT_OFF).after(after);
            let page = rows.list::<LimitRow>(listing).await?;
            for row in page.rows {
                match row {
                    LimitRow::Last(last) => limit.last = Some(last),
                    LimitRow::PutOff(row) => limit.put_off.push(*row),
                }
            }
            after = page.after;
            // The last notice stands before what was put off, and of that no more is needed than shows whether it is to be folded.
            if after.is_none() || limit.put_off.len() > TAKEN_UP {
                return Ok(limit);
            }
        }
    }

    /// What has become of the origin of `telling` by `now`. Where it was folded into another occurrence, that one says.
    ///
    /// It is read after the list, and what it points to after it: nothing that moved in between is taken for what is not there. Whatever
    /// moves after that, the transaction's conditions find.
    pub(super) async fn known(
        &self,
        rows: &TenantTable,
        telling: &Telling,
        now: Timestamp,
    ) -> Result<Known, TableError> {
        if !telling.origin.recurs() {
            return Ok(Known::New);
        }
        let (person, category) = (&telling.person, telling.category);
        let mut origin = telling.origin.as_str().to_owned();
        for _ in 0..HOPS {
            if let Some(row) = self.listed(&origin) {
                return Ok(Known::Waits(Box::new(row.clone())));
            }
            let once: Option<Once> = rows.get(&once_key(person, category, &origin)).await?;
            match once.filter(|once| !once.is_over(now)) {
                None if origin == telling.origin.as_str() => return Ok(Known::New),
                // What it was folded into was told of so long ago that it is forgotten.
                None => return Ok(Known::Told(origin)),
                Some(Once { told_in: Some(told_in), .. }) if told_in.starts_with(FOLDED) => origin = told_in,
                Some(Once { told_in: Some(told_in), .. }) => return Ok(Known::Told(told_in)),
                // It waits, further down than was listed or since then; if not there, it was just told.
                Some(Once { told_in: None, .. }) => {
                    if let Some(row) = rows.get(&put_off_key(person, category, &origin)).await? {
                        return Ok(Known::Waits(row));
                    }
                }
            }
        }
        Err(TableError::unavailable(std::io::Error::other("it was folded too often to be found")))
    }

    /// The same as far as the list says: what is not in it is taken for new, which it may not be.
    pub(super) fn known_here(&self, telling: &Telling) -> Known {
        let row = self.listed(telling.origin.as_str()).filter(|_| telling.origin.recurs());
        row.map_or(Known::New, |row| Known::Waits(Box::new(row.clone())))
    }

    fn listed(&self, origin: &str) -> Option<&PutOff> {
        self.put_off.iter().find(|row| row.origin == origin)
    }

    /// What waits to be told, those first that wait longest.
    pub(super) fn waiting(&self) -> Vec<&PutOff> {
        let mut waiting: Vec<&PutOff> = self.put_off.iter().collect();
        waiting.sort_by_key(|row| row.at);
        waiting
    }
}
