//! On whose behalf the running task works: written once where a person or a job is known, read by the guard at every call.
//!
//! A request begins with an empty slot ([`scope`]) and fills it when its token is verified ([`settle`]); a job works for one
//! tenant at a time ([`TenantScope::act`]) or sweeps what the list of [`Sweep`] lets it. Once filled, a slot stays as it is:
//! whatever runs inside cannot change for whom it works. A task that is spawned has no slot, and may touch nothing, unless
//! [`carry`] hands it the one of the task that spawned it.

use super::{Sweep, TenantScope};
use crate::ids::TenantId;
use std::{
    future::Future,
    sync::{Arc, OnceLock},
};

tokio::task_local! {
    static ACTING: Slot;
}

/// Where a task's [`Acting`] stands, shared with the tasks that it is carried to.
type Slot = Arc<OnceLock<Acting>>;

/// On whose behalf a task works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acting {
    /// Of one tenant.
    Tenant(TenantId),
    /// Of none: it lists what waits in every tenant, as this sweep may.
    Sweep(Sweep),
}

/// The task works for somebody else already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this task works for another tenant already")]
pub struct Settled;

/// Runs `work`, the work of one request, for nobody yet. Inside a task that works for somebody, it goes on for them.
pub(crate) async fn scope<F: Future>(work: F) -> F::Output {
    match slot() {
        Some(_) => work.await,
        None => ACTING.scope(Slot::default(), work).await,
    }
}

/// Says for whom the running task works: the tenant of a verified token. Outside of [`scope`] nothing is noted, and the guard
/// refuses what follows.
///
/// # Errors
///
/// [`Settled`] where the task works for another tenant or sweeps.
pub(crate) fn settle(tenant: &TenantId) -> Result<(), Settled> {
    let Some(slot) = slot() else { return Ok(()) };
    match slot.get_or_init(|| Acting::Tenant(tenant.clone())) {
        Acting::Tenant(acting) if acting == tenant => Ok(()),
        _ => Err(Settled),
    }
}

/// For whom the running task works, if that is known.
pub fn current() -> Option<Acting> {
    with(|acting| acting.cloned())
}

/// The tenant for whom the running task works, if it is one.
pub fn tenant() -> Option<TenantId> {
    with(|acting| match acting {
        Some(Acting::Tenant(tenant)) => Some(tenant.clone()),
        _ => None,
    })
}

/// `work`, to be run by a spawned task for whom the task that spawns it works.
pub fn carry<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let slot = slot().unwrap_or_default();
    ACTING.scope(slot, work)
}

/// Looks at for whom the running task works, without a copy of it.
pub(crate) fn with<T>(look: impl FnOnce(Option<&Acting>) -> T) -> T {
    let slot = slot();
    look(slot.as_deref().and_then(OnceLock::get))
}

fn slot() -> Option<Slot> {
    ACTING.try_with(Arc::clone).ok()
}

/// The work stands in a box of its own: a job's is large, and its type many layers deep.
fn act<F: Future>(acting: Acting, work: F) -> impl Future<Output = F::Output> {
    let work = Box::pin(work);
    async move {
        match slot() {
            // Whoever acts already goes on as who they are; where that is another, the guard refuses what `work` tries.
            Some(slot) => {
                slot.get_or_init(|| acting);
                work.await
            }
            None => ACTING.scope(Arc::new(OnceLock::from(acting)), work).await,
        }
    }
}

impl TenantScope {
    /// Runs `work` on behalf of this tenant, as a job does. Inside a task that works for somebody already, it stays theirs.
    pub fn act<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        act(Acting::Tenant(self.tenant().clone()), work)
    }
}

impl Sweep {
    /// Runs `work` as this sweep: it may read the index that [`Sweep::index`] names, and nothing else.
    pub fn act<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        act(Acting::Sweep(self), work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> TenantId {
        text.parse().unwrap()
    }

    fn job(tenant: &str) -> TenantScope {
        TenantScope::for_job(Sweep::CatalogPublish, id(tenant))
    }

    #[tokio::test]
    async fn a_request_works_for_nobody_until_its_token_is_known_and_then_for_one() {
        scope(async {
            assert_eq!(current(), None);
            assert_eq!(settle(&id("acme")), Ok(()));
            assert_eq!(settle(&id("acme")), Ok(()), "the same again changes nothing");
            assert_eq!(settle(&id("beta")), Err(Settled));
            assert_eq!(tenant(), Some(id("acme")));
        })
        .await;
        assert_eq!(current(), None);
    }

    #[tokio::test]
    async fn nothing_inside_changes_for_whom_a_task_works() {
        scope(async {
            settle(&id("acme")).unwrap();
            job("beta").act(async { assert_eq!(tenant(), Some(id("acme"))) }).await;
            Sweep::CatalogPublish.act(async { assert_eq!(tenant(), Some(id("acme"))) }).await;
            scope(async { assert_eq!(settle(&id("beta")), Err(Settled)) }).await;
        })
        .await;
        Sweep::CatalogPublish.act(async { assert_eq!(settle(&id("acme")), Err(Settled)) }).await;
    }

    #[tokio::test]
    async fn a_job_works_for_one_tenant_after_the_other() {
        for tenant_id in ["acme", "beta"] {
            job(tenant_id).act(async { assert_eq!(tenant(), Some(id(tenant_id))) }).await;
        }
        Sweep::CatalogPublish.act(async { assert_eq!(current(), Some(Acting::Sweep(Sweep::CatalogPublish))) }).await;
        assert_eq!(settle(&id("acme")), Ok(()), "outside of a slot nothing is noted");
        assert_eq!(current(), None);
    }

    #[tokio::test]
    async fn a_spawned_task_works_for_nobody_unless_it_is_carried() {
        job("acme")
            .act(async {
                assert_eq!(tokio::spawn(async { current() }).await.unwrap(), None);
                assert_eq!(tokio::spawn(carry(async { tenant() })).await.unwrap(), Some(id("acme")));
            })
            .await;
        assert_eq!(tokio::spawn(carry(async { current() })).await.unwrap(), None);
    }
}
