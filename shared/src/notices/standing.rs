//! What stands of a limit in the table.

use super::{
    Category,
    limit::Last,
    row::{LimitRow, PutOff, limit_of, put_off_key},
    tell::Telling,
};
use crate::{
    ids::PersonId,
    table::{Listing, TableError, TenantTable},
};

/// The most occurrences that one notice takes up in its transaction.
pub(super) const TAKEN_UP: usize = 40;
/// How many items of a limit are read at once: the last notice, and occurrences that wait or were told of lately.
const READ: u32 = 500;

/// What stands of a limit.
pub(super) struct Limit {
    pub(super) last: Option<Last>,
    pub(super) put_off: Vec<PutOff>,
    /// Whether that is all that was put off.
    whole: bool,
}

impl Limit {
    /// Reads it, strongly consistent: a read that is behind would decide wrongly.
    pub(super) async fn read(rows: &TenantTable, person: &PersonId, category: Category) -> Result<Self, TableError> {
        let partition = limit_of(person, category);
        let (mut limit, mut after) = (Self { last: None, put_off: vec![], whole: false }, None);
        loop {
            let page = rows.list::<LimitRow>(Listing::of(&partition, READ).after(after)).await?;
            for row in page.rows {
                match row {
                    LimitRow::Last(last) => limit.last = Some(last),
                    LimitRow::PutOff(row) => limit.put_off.push(*row),
                }
            }
            after = page.after;
            // The last notice stands before what was put off. Of that, a page is enough for one notice; the schedule takes up the rest.
            limit.whole = after.is_none();
            if limit.whole || limit.waiting().count() >= TAKEN_UP {
                return Ok(limit);
            }
        }
    }

    /// What was put off for the origin of `telling`, told of or not.
    pub(super) async fn known(&self, rows: &TenantTable, telling: &Telling) -> Result<Option<PutOff>, TableError> {
        match self.put_off.iter().find(|row| row.origin == telling.origin.as_str()) {
            Some(row) => Ok(Some(row.clone())),
            None if self.whole => Ok(None),
            None => rows.get(&put_off_key(&telling.person, telling.category, &telling.origin.as_str())).await,
        }
    }

    /// What waits to be told.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &PutOff> {
        self.put_off.iter().filter(|row| row.told_in.is_none())
    }
}
