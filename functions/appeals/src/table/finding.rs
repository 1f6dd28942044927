//! Lists of appeals: by person, by state, and where their audit entries lie.

use super::{APPEALS, BY_PERSON, BY_STATE, PREFIX, TenantAppeals, appeal_key};
use crate::appeal::{Appeal, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    audit::{LEAVES, LeafRow, TEXTS, TEXTS_ABOUT},
    ids::PersonId,
    notices::Category,
    table::{Key, Listing, Place, TableError, sortable},
};
use std::collections::{BTreeMap, BTreeSet};

/// How many keys a count reads at once.
const PAGE: u32 = 1_000;
/// The most keys that a list reads for one answer, and a count of one state.
pub(crate) const MOST: usize = 10_000;
/// The most of a person's entries in the audit log that are looked through for those of an appeal.
const MOST_ENTRIES: usize = 1_000;

/// What the index by state holds of an appeal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// When its round began or it was settled, with nine digits of a second.
    pub(crate) at: String,
    /// Its name.
    pub(crate) id: String,
}

/// Which appeals, of which states.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) states: &'a [State],
    pub(crate) category: Option<Category>,
    /// Those alone whose time is not after this.
    pub(crate) until: Option<Timestamp>,
}

#[derive(Deserialize)]
struct ByState {
    sk: String,
    appeals_by_state: String,
}

#[derive(Deserialize)]
struct ByPerson {
    sk: String,
    appeals_by_person: String,
}

#[derive(Deserialize)]
struct TextKey {
    sk: String,
    texts_about: String,
}

impl Mark {
    /// The mark of which an attribute of the index is made.
    fn of(state: State, value: &str, id: String) -> Option<Self> {
        let at = value.strip_prefix(state.as_str())?.strip_prefix('#')?.strip_suffix(&id)?.strip_suffix('#')?;
        Some(Self { at: at.to_owned(), id })
    }

    fn place(&self, state: State) -> Place {
        Place::in_index(&self.id, format!("{}#{}#{}", state.as_str(), self.at, self.id))
    }

    /// Whether it is not after `time`.
    pub(crate) fn is_by(&self, time: Timestamp) -> bool {
        self.at.as_str() <= sortable(time).as_str()
    }
}

impl TenantAppeals {
    /// The names of a person's appeals, newest first, of up to `limit` rows of the index after `after`.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub(crate) async fn names_of(
        &self,
        person: &PersonId,
        limit: u32,
        after: Option<Place>,
    ) -> Result<(Vec<String>, Option<Place>), TableError> {
        let prefix = format!("{}#{PREFIX}", person.as_str());
        let listing = Listing::of(APPEALS, limit).by(BY_PERSON).beginning(&prefix).newest_first().after(after);
        let page = self.rows.list::<ByPerson>(listing).await?;
        // Somebody else's name may begin with this person's and what follows it here.
        let own =
            page.rows.into_iter().filter(|row| row.appeals_by_person == format!("{}#{}", person.as_str(), row.sk));
        Ok((own.map(|row| row.sk).collect(), page.after))
    }

    /// A person's appeals in some states, newest first: up to `limit` after the one named `after`, and after which the next begin.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub(crate) async fn of_person(
        &self,
        person: &PersonId,
        states: &[State],
        limit: u32,
        after: Option<String>,
    ) -> Result<(Vec<Appeal>, Option<String>), TableError> {
        let mut place = after.map(|id| Place::in_index(&*id, format!("{}#{id}", person.as_str())));
        // A mark names an appeal of this person's, and nobody whose name only begins like theirs.
        let (mut found, mut last, mut read) = (Vec::new(), None, 0);
        loop {
            let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
            let (names, next) = self.names_of(person, left, place).await?;
            read += left as usize;
            let rows = self.all_of(&names).await?;
            found.extend(rows.into_iter().filter(|row| row.person == *person && states.contains(&row.state)));
            last = names.into_iter().next_back().or(last);
            place = next;
            if place.is_none() || found.len() >= limit as usize || read >= MOST {
                return Ok((found, place.and(last)));
            }
        }
    }

    /// Appeals of some states, the oldest first: up to `limit` after the mark `after`, and after which the next begin.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub(crate) async fn queue(
        &self,
        wanted: &Wanted<'_>,
        limit: u32,
        after: Option<Mark>,
    ) -> Result<(Vec<Appeal>, Option<Mark>), TableError> {
        let (mut found, mut after, mut read) = (Vec::new(), after, 0);
        loop {
            let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
            let (marks, more) = self.merged(wanted, left, after.as_ref()).await?;
            read += left as usize;
            after = marks.last().map(|(_, mark)| mark.clone()).filter(|_| more);
            let names: Vec<String> = marks.iter().map(|(_, mark)| mark.id.clone()).collect();
            let rows = self.all_of(&names).await?.into_iter().zip(&marks);
            // The index may be a moment behind: what has moved on since stands elsewhere in it.
            let fits = |row: &Appeal, (state, mark): &(State, Mark)| {
                row.appeals_by_state == format!("{}#{}#{}", state.as_str(), mark.at, mark.id)
                    && wanted.category.is_none_or(|category| row.about.category == category)
            };
            found.extend(rows.filter(|(row, mark)| fits(row, mark)).map(|(row, _)| row));
            if after.is_none() || found.len() >= limit as usize || read >= MOST {
                return Ok((found, after));
            }
        }
    }

    /// The first `limit` marks of several states together, and whether there are more.
    async fn merged(
        &self,
        wanted: &Wanted<'_>,
        limit: u32,
        after: Option<&Mark>,
    ) -> Result<(Vec<(State, Mark)>, bool), TableError> {
        let mut all = Vec::new();
        for &state in wanted.states {
            // One more than is asked for says whether there are more.
            let (marks, _) = self.marks(state, limit.saturating_add(1), after.map(|mark| mark.place(state))).await?;
            let fits = |mark: &Mark| wanted.until.is_none_or(|until| mark.is_by(until));
            all.extend(marks.into_iter().take_while(fits).map(|mark| (state, mark)));
        }
        all.sort_by(|(_, one), (_, other)| one.cmp(other));
        let more = all.len() > limit as usize;
        all.truncate(limit as usize);
        Ok((all, more))
    }

    async fn marks(
        &self,
        state: State,
        limit: u32,
        after: Option<Place>,
    ) -> Result<(Vec<Mark>, Option<Place>), TableError> {
        let prefix = format!("{}#", state.as_str());
        let listing = Listing::of(APPEALS, limit).by(BY_STATE).beginning(&prefix).after(after);
        let page = self.rows.list::<ByState>(listing).await?;
        let marks = page.rows.into_iter().filter_map(|row| Mark::of(state, &row.appeals_by_state, row.sk));
        Ok((marks.collect(), page.after))
    }

    /// The marks of a state with times from `from` to before `to`, up to [`MOST`] of them, and whether those are all.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub(crate) async fn between(
        &self,
        state: State,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Result<(Vec<Mark>, bool), TableError> {
        let before = |from| Place::in_index("-", format!("{}#{}", state.as_str(), sortable(from)));
        let (mut found, mut after) = (Vec::new(), from.map(before));
        loop {
            let (marks, next) = self.marks(state, PAGE, after).await?;
            let end = marks.iter().position(|mark| to.is_some_and(|to| mark.at >= sortable(to)));
            found.extend(marks.into_iter().take(end.unwrap_or(usize::MAX)));
            after = next;
            if end.is_some() || after.is_none() {
                return Ok((found, true));
            }
            if found.len() >= MOST {
                return Ok((found, false));
            }
        }
    }

    /// The appeals of these names, in their order.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub(crate) async fn all_of(&self, names: &[String]) -> Result<Vec<Appeal>, TableError> {
        // While an appeal changes its state, an index may name it twice.
        let once: BTreeSet<&String> = names.iter().collect();
        let keys: Vec<Key> = once.into_iter().map(|id| appeal_key(id)).collect();
        let rows = self.rows.get_all::<Appeal>(&keys).await?;
        let by_name: BTreeMap<String, Appeal> = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        let found: Vec<Appeal> = names.iter().filter_map(|id| by_name.get(id).cloned()).collect();
        if found.len() == names.len() {
            return Ok(found);
        }
        // No appeal is ever removed.
        Err(TableError::unavailable(std::io::Error::other("an index names an appeal that is not there")))
    }

    /// Where the entries of an appeal lie in the audit log, by their names. One whose text was erased, or that lies behind more of the
    /// person's entries than are looked through, is left out.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub(crate) async fn places(&self, appeal: &Appeal) -> Result<BTreeMap<String, u64>, TableError> {
        let prefix = format!("{}#", appeal.person.as_str());
        let (mut places, mut after, mut read) = (BTreeMap::new(), None, 0);
        loop {
            let listing = Listing::of(TEXTS, 100).by(TEXTS_ABOUT).beginning(&prefix).newest_first().after(after);
            let page = self.rows.list::<TextKey>(listing).await?;
            read += page.rows.len();
            let own = page.rows.iter().filter(|row| row.texts_about == format!("{prefix}{}", row.sk));
            let keys: Vec<Key> = own.map(|row| Key::new(LEAVES, row.sk.clone())).collect();
            for row in self.rows.get_all::<LeafRow>(&keys).await? {
                if let Ok(leaf) = row.parsed()
                    && leaf.of.as_deref() == Some(appeal.id.as_str())
                {
                    places.insert(leaf.id, leaf.seq);
                }
            }
            after = page.after;
            if after.is_none() || read >= MOST_ENTRIES || places.len() >= appeal.history.len() {
                return Ok(places);
            }
        }
    }
}
