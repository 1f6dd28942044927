//! Erasing what the log tells of a person: the texts go, the leaves stay, and a leaf of its own says which texts went.

use super::{Actor, Entry, Log, TEXTS, TEXTS_ABOUT, entry, text_key};
use crate::{
    ids::PersonId,
    table::{Listing, TableError},
};
use aws_sdk_dynamodb::types::TransactWriteItem;
use serde::Deserialize;

/// The kind of a leaf that says which texts were erased: the places stand in its `of`, as [`spelled`].
pub const ERASED: &str = "audit.erased";
/// The most texts of one transaction, beside the leaf that says so and its text.
const AT_ONCE: usize = 98;

/// What an erasure did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// The places whose texts went.
    pub places: Vec<u64>,
    /// The places of the leaves that say so.
    pub told_at: Vec<u64>,
}

impl Log {
    /// Erases every text about `person`, each in one transaction with the leaf that says so.
    ///
    /// The index by which they are found may be a moment behind: what was written about the person within the last second may
    /// stay. To erase again is harmless.
    ///
    /// # Errors
    ///
    /// [`TableError`]: what was erased before stays erased, and is told of.
    pub async fn erase(&self, person: &PersonId, by: &Actor) -> Result<Erased, TableError> {
        let mut done = Erased::default();
        let found = self.about(person).await?;
        for places in found.chunks(AT_ONCE) {
            let parts = places.iter().map(|seq| self.erasure(*seq)).collect::<Result<Vec<_>, _>>()?;
            let entry = Entry::draft(ERASED, by.clone()).of(spelled(places)).ready()?;
            done.told_at.push(self.commit(&entry, parts).await?);
            done.places.extend(places);
        }
        Ok(done)
    }

    /// The places of the texts about a person, in their order.
    async fn about(&self, person: &PersonId) -> Result<Vec<u64>, TableError> {
        #[derive(Deserialize)]
        struct Found {
            texts_about: String,
        }
        let prefix = format!("{}#", person.as_str());
        let (mut places, mut after) = (Vec::new(), None);
        loop {
            let listing = Listing::of(TEXTS, 1_000).by(TEXTS_ABOUT).beginning(&prefix).after(after);
            let page = self.rows.list::<Found>(listing).await?;
            for found in page.rows {
                // Another person's name may begin with this one's and a `#`: only the whole value tells them apart.
                let seq: Option<u64> = found.texts_about.strip_prefix(&prefix).and_then(|seq| seq.parse().ok());
                places.extend(seq.filter(|seq| entry::about(person, *seq) == found.texts_about));
            }
            after = page.after;
            if after.is_none() {
                places.sort_unstable();
                return Ok(places);
            }
        }
    }

    fn erasure(&self, seq: u64) -> Result<TransactWriteItem, TableError> {
        let delete = self.rows.part_delete(&text_key(seq)).build().map_err(TableError::unavailable)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

/// Places as a leaf lists them: `3,7-9`. They are in rising order.
pub fn spelled(places: &[u64]) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for place in places {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*place) => *last = *place,
            _ => runs.push((*place, *place)),
        }
    }
    let one = |(first, last): (u64, u64)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    runs.into_iter().map(one).collect::<Vec<_>>().join(",")
}

/// The runs of places that a leaf lists, first and last of each; none for a text of another form.
pub fn places(text: &str) -> Vec<std::ops::RangeInclusive<u64>> {
    let run = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
        (first <= last).then_some(first..=last)
    };
    text.split(',').map(run).collect::<Option<Vec<_>>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spelled_in_runs_and_read_back() {
        assert_eq!(spelled(&[3, 7, 8, 9, u64::MAX]), "3,7-9,18446744073709551615");
        assert_eq!(places("3,7-9"), [3..=3, 7..=9]);
        for odd in ["", "a", "9-7", "3,", "1-2-3", "-1"] {
            assert!(places(odd).is_empty(), "{odd}");
        }
        // As long as it can get in one transaction.
        let apart: Vec<u64> = (0..AT_ONCE as u64).map(|n| u64::MAX - 2 * n).rev().collect();
        assert!(spelled(&apart).len() <= crate::audit::MAX_OF_BYTES);
    }
}
