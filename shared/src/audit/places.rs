//! Where the entries about one thing lie in the log, as the texts about a person tell.

use super::{LEAVES, LeafRow, Log, TEXTS, TEXTS_ABOUT};
use crate::{
    ids::PersonId,
    table::{Key, Listing, TableError},
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The most of a person's texts that are looked through for those about one thing.
const MOST: usize = 1_000;
/// How long an entry may stand before the index of texts is sure to name it.
const BEHIND: SignedDuration = SignedDuration::from_mins(1);

/// Where an entry lies, as far as that can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// At this place.
    At(u64),
    /// Its text was erased, and with it the way to find its place. The leaf is still there.
    Erased,
    /// Not among what was looked through, or too new to be found.
    Unknown,
}

/// Where entries about one thing lie.
#[derive(Clone, Debug, Default)]
pub struct Places {
    found: BTreeMap<String, u64>,
    /// Every text of before this time was looked through; none where there were too many.
    whole_before: Option<Timestamp>,
}

impl Places {
    /// Where the entry of this name lies, which was written at `at`.
    pub fn of(&self, entry: &str, at: Timestamp) -> Standing {
        match self.found.get(entry) {
            Some(seq) => Standing::At(*seq),
            None if self.whole_before.is_some_and(|before| at < before) => Standing::Erased,
            None => Standing::Unknown,
        }
    }
}

impl Log {
    /// Where the entries about `person` and done to `of` lie, of which there are `entries`.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn places_of(&self, person: &PersonId, of: &str, entries: usize) -> Result<Places, TableError> {
        #[derive(Deserialize)]
        struct Found {
            sk: String,
            texts_about: String,
        }
        let prefix = format!("{}#", person.as_str());
        let looked = self.clock.now().checked_sub(BEHIND).unwrap_or(Timestamp::MIN);
        let (mut places, mut after, mut read) = (Places::default(), None, 0);
        loop {
            let listing = Listing::of(TEXTS, 100).by(TEXTS_ABOUT).beginning(&prefix).newest_first().after(after);
            let page = self.rows.list::<Found>(listing).await?;
            read += page.rows.len();
            // Another person's name may begin with this one's and a `#`: only the whole value tells them apart.
            let own = page.rows.iter().filter(|found| found.texts_about == format!("{prefix}{}", found.sk));
            let keys: Vec<Key> = own.map(|found| Key::new(LEAVES, found.sk.clone())).collect();
            for row in self.rows.get_all::<LeafRow>(&keys).await? {
                if let Ok(leaf) = row.parsed()
                    && leaf.of.as_deref() == Some(of)
                {
                    places.found.insert(leaf.id, leaf.seq);
                }
            }
            after = page.after;
            if after.is_none() {
                places.whole_before = Some(looked);
                return Ok(places);
            }
            if read >= MOST || places.found.len() >= entries {
                return Ok(places);
            }
        }
    }
}
