//! The work of one call: as many steps of a pass as it has the time for.

use super::{
    Gone,
    pass::{Pass, Step},
};
use crate::{Error, failed::Failed, table::TenantFailed};
use event_store::{Deleted, EventId, EventQuery, EventStore, Filters, Order, Position, Range, StoreError};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use shared::{
    resilience::Budget,
    table::{Place, TableError},
    tenant::TenantScope,
};
use tokio::time::{Instant, sleep};

/// How many events go in one call at most.
const ROWS: u64 = 2_000;
/// How many are looked at together.
const PAGE: usize = 250;
/// How many are deleted at once.
const AT_ONCE: usize = 32;

/// The work of one call.
pub(crate) struct Work<'a> {
    pub(crate) store: &'a dyn EventStore,
    pub(crate) failed: &'a TenantFailed,
    pub(crate) tenant: &'a TenantScope,
    pub(crate) person: &'a str,
    pub(crate) budget: Budget,
    /// When it began.
    pub(crate) began: Timestamp,
    /// What has gone so far.
    pub(crate) gone: Gone,
}

impl Work<'_> {
    /// Goes on from `pass`; where it stopped, or `None` where there is nothing more.
    pub(crate) async fn go(&mut self, mut pass: Pass) -> Result<Option<Pass>, Error> {
        let (began, since, settles) = (self.began, Instant::now(), self.store.settles_within());
        let now = || began.saturating_add(since.elapsed()).unwrap_or(Timestamp::MAX);
        loop {
            let left = ROWS.saturating_sub(self.gone.all());
            if left == 0 || self.budget.left().is_zero() {
                return Ok(Some(pass));
            }
            let limit = PAGE.min(usize::try_from(left).unwrap_or(PAGE));
            match pass.step(settles, now()) {
                Step::Refused(after) => {
                    let (next, some) = self.refused(limit, after).await?;
                    pass.refused(next, some, now());
                }
                Step::Rest(time) if !self.budget.outlasts(time) => return Ok(Some(pass)),
                Step::Rest(time) => {
                    sleep(time).await;
                    pass.rested(settles, now());
                }
                Step::Events(after) => {
                    let (next, some) = self.events(limit, after).await?;
                    if pass.events(next, some) {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Deletes those of a page of refused events that are the person's; where the next one begins, and whether there were any.
    async fn refused(&mut self, limit: usize, after: Option<Place>) -> Result<(Option<Place>, bool), Error> {
        let page = self.failed.page(limit, after).await?;
        let (mut own, mut unread): (Vec<Failed>, Vec<Failed>) = (vec![], vec![]);
        for failed in page.rows {
            match failed.is_of(self.person) {
                Some(true) => own.push(failed),
                Some(false) => {}
                None => unread.push(failed),
            }
        }
        if !unread.is_empty() {
            own.extend(self.failed.naming(unread, self.person).await?);
        }
        let rows = self.failed;
        let calls: Vec<_> = own.iter().map(|failed| rows.remove(failed)).collect();
        let outcomes: Vec<Result<bool, TableError>> = stream::iter(calls).buffered(AT_ONCE).collect().await;
        let mut failed = None;
        for outcome in outcomes {
            match outcome {
                Ok(true) => self.gone.refused += 1,
                // Somebody has let it go, or taken it in after all.
                Ok(false) => self.gone.or_more = true,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(error.into()),
            None => Ok((page.after, !own.is_empty())),
        }
    }

    /// Deletes a page of events; where the next one begins, and whether there were any.
    async fn events(&mut self, limit: usize, after: Option<Position>) -> Result<(Option<Position>, bool), Error> {
        let query = EventQuery {
            range: Range { from: Timestamp::MIN, to: Timestamp::MAX },
            filters: Filters { user_id: Some(self.person.to_owned()), ..Filters::default() },
            order: Order::OldestFirst,
        };
        let page = self.store.query(self.tenant, &query, limit, after.as_ref()).await.map_err(Error::of_query)?;
        let ids: Vec<EventId> = page.events.into_iter().map(|event| event.event_id).collect();
        let (store, tenant) = (self.store, self.tenant);
        let calls: Vec<_> = ids.iter().map(|id| store.delete(tenant, id)).collect();
        let outcomes: Vec<Result<Deleted, StoreError>> = stream::iter(calls).buffered(AT_ONCE).collect().await;
        let mut failed = None;
        for outcome in outcomes {
            match outcome {
                Ok(Deleted::Gone) => self.gone.events += 1,
                Ok(Deleted::NotThere) => self.gone.or_more = true,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(Error::of_query(error)),
            None => Ok((page.next, !ids.is_empty())),
        }
    }
}
