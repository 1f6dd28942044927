//! Lists of appeals: by person, and by state.

use super::{APPEALS, BY_PERSON, BY_STATE, PREFIX, TenantAppeals, appeal_key};
use crate::appeal::{Appeal, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    ids::PersonId,
    notices::Category,
    table::{Key, Listing, Place, TableError, sortable},
};
use std::collections::{BTreeMap, BTreeSet};

/// How many keys a count reads at once.
const PAGE: u32 = 1_000;
/// The most keys that a list reads for one answer, and the statistics of one state.
pub(crate) const MOST: usize = 10_000;
/// How many rows are read at once, at least, after the first ones were not enough for a list.
const CHUNK: u32 = 100;

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

impl Wanted<'_> {
    /// Whether an appeal is taken that the index named at `mark`. It may have moved on since: then it is met again, later in the
    /// list, if there is `more` of it.
    fn takes(&self, appeal: &Appeal, mark: &Mark, more: bool) -> bool {
        let now = Mark::of(appeal.state, &appeal.appeals_by_state, appeal.id.clone());
        now.is_some_and(|now| (now <= *mark || !more) && self.until.is_none_or(|until| now.is_by(until)))
            && self.states.contains(&appeal.state)
            && self.category.is_none_or(|category| appeal.about.category == category)
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
        let (mut found, mut last, mut read): (Vec<Appeal>, _, _) = (Vec::new(), None, 0);
        let mut chunk = limit;
        loop {
            let (names, next) = self.names_of(person, chunk, place).await?;
            read += chunk as usize;
            let rows = self.all_of(&names).await?.into_iter();
            for row in rows.filter(|row| row.person == *person && states.contains(&row.state)) {
                if found.len() == limit as usize {
                    let last = found.last().map(|last| last.id.clone());
                    return Ok((found, last));
                }
                found.push(row);
            }
            last = names.into_iter().next_back().or(last);
            place = next;
            if place.is_none() || found.len() >= limit as usize || read >= MOST {
                return Ok((found, place.and(last)));
            }
            // What is looked for is rare: one call for each row that is missing would be as many calls as rows.
            chunk = limit.max(CHUNK);
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
        let (mut named, mut last, mut chunk) = (BTreeSet::new(), None, limit);
        loop {
            let (marks, more) = self.merged(wanted, chunk, after.as_ref()).await?;
            read += marks.len();
            after = marks.last().map(|(_, mark)| mark.clone()).filter(|_| more);
            let names: Vec<String> = marks.iter().map(|(_, mark)| mark.id.clone()).collect();
            for (row, (_, mark)) in self.all_of(&names).await?.into_iter().zip(marks) {
                // While an appeal changes its state, an index may name it twice.
                if !wanted.takes(&row, &mark, more) || !named.insert(row.id.clone()) {
                    continue;
                }
                if found.len() == limit as usize {
                    return Ok((found, last));
                }
                found.push(row);
                last = Some(mark);
            }
            if after.is_none() || found.len() >= limit as usize || read >= MOST {
                return Ok((found, after));
            }
            chunk = limit.max(CHUNK);
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

    /// The marks of a state with times from `from` to before `to`, some `most` of them, and whether those are all.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub(crate) async fn between(
        &self,
        state: State,
        (from, to): (Option<Timestamp>, Option<Timestamp>),
        most: usize,
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
            if found.len() >= most {
                return Ok((found, false));
            }
        }
    }

    /// How many appeals are submitted and how many in review whose round began before `before`, some `most` of each, and whether those are
    /// all.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub(crate) async fn count_open(
        &self,
        before: Option<Timestamp>,
        most: usize,
    ) -> Result<((u64, u64), bool), TableError> {
        let (submitted, all_submitted) = self.between(State::Submitted, (None, before), most).await?;
        let (in_review, all_in_review) = self.between(State::InReview, (None, before), most).await?;
        // Who is taken up between the two readings is in both, and counts once.
        let taken: BTreeSet<&Mark> = in_review.iter().collect();
        let submitted = submitted.iter().filter(|mark| !taken.contains(mark)).count() as u64;
        Ok(((submitted, in_review.len() as u64), all_submitted && all_in_review))
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
}
