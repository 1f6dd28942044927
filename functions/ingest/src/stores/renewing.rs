//! A store whose credentials may be changed while it is in use.

use super::open::{Guarded, NotOpened, Opener};
use async_trait::async_trait;
use event_store::{
    Deleted, Event, EventId, EventPage, EventQuery, EventStore, Position, PutOutcome, StoreError, store::ToPut,
};
use shared::{secrets::SecretString, tenant::TenantScope};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// A store that is asked once more, by the credentials that came in the place of those that it refuses.
pub(super) struct Renewing {
    opener: Opener,
    guarded: Guarded,
    secret: SecretString,
    store: Arc<dyn EventStore>,
    /// The same by other credentials, once those of `secret` were refused.
    renewed: OnceLock<Arc<dyn EventStore>>,
}

impl Renewing {
    pub(super) fn new(opener: Opener, guarded: Guarded, secret: SecretString, store: Arc<dyn EventStore>) -> Self {
        Self { opener, guarded, secret, store, renewed: OnceLock::new() }
    }

    fn store(&self) -> &dyn EventStore {
        &**self.renewed.get().unwrap_or(&self.store)
    }

    /// The same store by the credentials that came in the place of those that it refused.
    ///
    /// # Errors
    ///
    /// [`StoreError::AuthRefused`] where they are the same as before; else why there are none, or why they open nothing.
    async fn renewed(&self) -> Result<Arc<dyn EventStore>, StoreError> {
        match self.opener.renewed(&self.guarded, &self.secret).await {
            Ok(Some(store)) => {
                let _kept_before = self.renewed.set(store.clone());
                Ok(store)
            }
            Ok(None) => Err(StoreError::AuthRefused),
            Err(NotOpened::Because(why)) => Err(StoreError::BadConfig(why)),
            Err(NotOpened::Unready(error)) => Err(error),
            Err(NotOpened::Unknown(error)) => Err(StoreError::Unavailable(error.into())),
        }
    }
}

#[async_trait]
impl EventStore for Renewing {
    async fn put(&self, tenant: &TenantScope, events: &[ToPut]) -> Vec<Result<PutOutcome, StoreError>> {
        let mut outcomes = self.store().put(tenant, events).await;
        let is_refused = |outcome: &Result<_, _>| matches!(outcome, Err(StoreError::AuthRefused));
        let refused: Vec<usize> = (0..outcomes.len()).filter(|at| is_refused(&outcomes[*at])).collect();
        if refused.is_empty() {
            return outcomes;
        }
        let store = match self.renewed().await {
            Ok(store) => store,
            Err(why) => {
                for at in refused {
                    outcomes[at] = Err(why.again());
                }
                return outcomes;
            }
        };
        let again: Vec<ToPut> = refused.iter().filter_map(|at| events.get(*at).cloned()).collect();
        for (at, outcome) in refused.into_iter().zip(store.put(tenant, &again).await) {
            outcomes[at] = outcome;
        }
        outcomes
    }

    async fn query(
        &self,
        tenant: &TenantScope,
        query: &EventQuery,
        limit: usize,
        after: Option<&Position>,
    ) -> Result<EventPage, StoreError> {
        match self.store().query(tenant, query, limit, after).await {
            Err(StoreError::AuthRefused) => self.renewed().await?.query(tenant, query, limit, after).await,
            answered => answered,
        }
    }

    async fn get(&self, tenant: &TenantScope, id: &EventId) -> Result<Option<Event>, StoreError> {
        match self.store().get(tenant, id).await {
            Err(StoreError::AuthRefused) => self.renewed().await?.get(tenant, id).await,
            answered => answered,
        }
    }

    async fn delete(&self, tenant: &TenantScope, id: &EventId) -> Result<Deleted, StoreError> {
        match self.store().delete(tenant, id).await {
            Err(StoreError::AuthRefused) => self.renewed().await?.delete(tenant, id).await,
            answered => answered,
        }
    }

    fn settles_within(&self) -> Duration {
        self.store().settles_within()
    }
}
