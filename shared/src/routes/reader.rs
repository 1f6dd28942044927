//! Finding a tenant's route: from the table, or from what was read of it a few seconds ago.

use super::{Environment, MISSING, ResourceKind, Route, RouteKey, served_to};
use crate::{
    clock::Clock,
    config::Env,
    table::{Table, TableError},
    tenant::{self, TenantScope},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The most look-ups that one instance remembers.
const MOST: usize = 1_000;

/// How long what was read of a route serves: `ROUTE_CACHE_SECONDS`, 10 unless said, and no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheTime(SignedDuration);

impl Default for CacheTime {
    /// Ten seconds.
    fn default() -> Self {
        Self(SignedDuration::from_secs(10))
    }
}

impl CacheTime {
    /// Reads the variable.
    pub fn from_env(env: &mut Env) -> Self {
        Self(SignedDuration::from_secs(env.within("ROUTE_CACHE_SECONDS", 10, 0..=10)))
    }
}

/// The routes of every tenant, as far as this instance has read of them; clones share it.
#[derive(Clone, Debug)]
pub struct Routes(Arc<Known>);

#[derive(Debug)]
struct Known {
    table: Table,
    clock: Clock,
    keep: SignedDuration,
    known: Mutex<HashMap<RouteKey, Read>>,
}

/// What a tenant's own rows said when they were read: a route, or that there is none.
#[derive(Clone, Debug)]
struct Read {
    at: Timestamp,
    found: Option<Arc<Route>>,
}

impl Read {
    /// A clock that was set back makes it old.
    fn serves(&self, now: Timestamp, keep: SignedDuration) -> bool {
        self.at <= now && now.duration_since(self.at) < keep
    }
}

impl Routes {
    /// The routes in `table`, each read again after `keep` by the time of `clock`. Nothing is read yet.
    pub fn new(table: Table, clock: &Clock, keep: CacheTime) -> Self {
        Self(Arc::new(Known { table, clock: clock.clone(), keep: keep.0, known: Mutex::default() }))
    }

    /// The route that a request of `tenant` follows: its own, or else the system tenant's if that says `inherit`; `None` where there
    /// is neither. It is as it was at most [`CacheTime`] ago.
    ///
    /// # Errors
    ///
    /// [`TableError`] where the table does not say. That is never kept, and never taken for "none".
    pub async fn find(
        &self,
        tenant: &TenantScope,
        kind: ResourceKind,
        env: &Environment,
    ) -> Result<Option<Arc<Route>>, TableError> {
        let key = RouteKey { resource_kind: kind, tenant_id: tenant.tenant().clone(), env: env.clone() };
        if let Some(own) = self.read(&key).await? {
            return Ok(Some(own));
        }
        if tenant.is_system() {
            return Ok(None);
        }
        let everyones = self.read(&RouteKey { tenant_id: tenant::system(), ..key }).await?;
        Ok(everyones.filter(|route| route.inherit))
    }

    /// The required routes that were removed and not made again: the tenant's own, or every tenant's for the system tenant. It asks
    /// the table each time.
    ///
    /// # Errors
    ///
    /// [`TableError`].
    pub async fn missing(&self, tenant: &TenantScope, env: &Environment) -> Result<Vec<RouteKey>, TableError> {
        if tenant.is_system() {
            let rows: Vec<Route> = self.0.table.of(tenant).all(MISSING, "").await?;
            return Ok(rows.into_iter().map(|row| row.route_id).filter(|key| key.env == *env).collect());
        }
        let rows = self.0.table.of_system();
        let keys = ResourceKind::ALL.map(|kind| served_to(tenant.tenant(), kind, env));
        let found = futures::future::try_join_all(keys.iter().map(|key| rows.get::<Route>(key))).await?;
        Ok(found.into_iter().flatten().filter(|row| row.removed_at.is_some()).map(|row| row.route_id).collect())
    }

    async fn read(&self, key: &RouteKey) -> Result<Option<Arc<Route>>, TableError> {
        let now = self.0.clock.now();
        if let Some(read) = self.known().get(key).filter(|read| read.serves(now, self.0.keep)) {
            return Ok(read.found.clone());
        }
        let place = served_to(&key.tenant_id, key.resource_kind, &key.env);
        let found: Option<Route> = self.0.table.of_system().get(&place).await?;
        if found.as_ref().is_some_and(|route| route.route_id != *key) {
            return Err(TableError::unavailable(std::io::Error::other("another route came back")));
        }
        let found = found.filter(|route| route.removed_at.is_none()).map(Arc::new);
        let mut known = self.known();
        if known.len() >= MOST {
            known.retain(|_, read| read.serves(now, self.0.keep));
        }
        if known.len() >= MOST {
            known.clear();
        }
        // Of two reads at once the one that was asked later tells what holds.
        let old = known.get(key).is_some_and(|read| read.at > now && read.serves(self.0.clock.now(), self.0.keep));
        if !old {
            known.insert(key.clone(), Read { at: now, found: found.clone() });
        }
        Ok(found)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<RouteKey, Read>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
