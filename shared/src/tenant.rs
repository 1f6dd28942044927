//! What belongs to whom: handles that only a verified person has, and the one door for scheduled jobs.
//!
//! Whatever reads or writes a tenant's data asks for a [`TenantScope`] or a [`StoreScope`]. Neither can be made from text:
//! they come from [`Claims`], which only a verified token yields, or from a [`Sweep`], the written list of the jobs that
//! work on every tenant. So code that forgets to ask whose data it touches does not compile.
//!
//! Not from text, not from nothing, and not out of another one:
//!
//! ```compile_fail,E0451
//! let mine = shared::tenant::TenantScope { tenant: "acme".parse().unwrap(), hash: String::new() };
//! ```
//! ```compile_fail,E0277
//! let mine: shared::tenant::TenantScope = "acme".parse().unwrap();
//! ```
//! ```compile_fail,E0277
//! let mine: shared::tenant::TenantScope = serde_json::from_str("\"acme\"").unwrap();
//! ```
//! ```compile_fail,E0599
//! let mine = shared::tenant::TenantScope::default();
//! ```
//! ```compile_fail,E0616
//! fn other(mine: &shared::tenant::TenantScope) -> shared::tenant::TenantScope {
//!     let mut other = mine.clone();
//!     other.tenant = "beta".parse().unwrap();
//!     other
//! }
//! ```
//! ```compile_fail,E0624
//! let mine = shared::tenant::TenantScope::new("acme".parse().unwrap());
//! ```
//! ```compile_fail,E0603
//! let _ = shared::tenant::acting::settle(&"acme".parse().unwrap());
//! ```

pub mod acting;
#[cfg(any(feature = "table", feature = "blob"))]
pub mod guard;

use crate::{
    auth::Claims,
    ids::{StoreId, TenantId},
    problem::Problem,
};
use ring::digest::{SHA256, digest};

/// The right to act within one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TenantScope {
    tenant: TenantId,
    hash: String,
}

/// The right to act within one store of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoreScope {
    tenant: TenantScope,
    store: StoreId,
}

/// The scheduled jobs that act in every tenant, because no person asks for what they do. The list is the review: a job that
/// is not on it has no way to a tenant's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sweep {
    /// Builds a store's snapshot from its items and moves the store to it.
    CatalogPublish,
    /// Signs the head of each audit log that has grown.
    AuditCheckpoint,
    /// Sends what waits in the outbox.
    OutboxDrain,
    /// Tells people what the limit on notices has put off.
    NotificationDeferrals,
    /// Counts the hours whose analytics events have changed.
    AnalyticsRollup,
}

/// The tenant of those who run the bundle: what counts for every tenant is kept among its rows.
pub const SYSTEM: &str = "t_system";

/// The name of the tenant [`SYSTEM`].
pub(crate) fn system() -> TenantId {
    SYSTEM.parse().expect("the system's tenant has a name of its form")
}

impl Sweep {
    /// The sparse index that the job may read whole; where it works for one of the tenants found there, it acts for that one.
    pub const fn index(self) -> &'static str {
        match self {
            Self::CatalogPublish => "pending",
            Self::AuditCheckpoint => "audit_pending",
            Self::OutboxDrain => "outbox_due",
            Self::NotificationDeferrals => "deferral_due",
            Self::AnalyticsRollup => "rollup_due",
        }
    }
}

impl TenantScope {
    /// The scope of a verified person's tenant.
    ///
    /// # Errors
    ///
    /// 403 `tenant.forbidden` where the person belongs to none.
    pub fn of(claims: &Claims) -> Result<Self, Problem> {
        claims.tenant().cloned().map(Self::new).ok_or_else(forbidden)
    }

    /// The scope of a job that works on every tenant.
    pub fn for_job(_: Sweep, tenant: TenantId) -> Self {
        Self::new(tenant)
    }

    fn new(tenant: TenantId) -> Self {
        let hash = hash(&tenant);
        Self { tenant, hash }
    }

    /// The tenant.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Whether it is [`SYSTEM`].
    pub fn is_system(&self) -> bool {
        self.tenant.as_str() == SYSTEM
    }

    /// The tenant as logs and metrics name it: the first 12 hex digits of its SHA-256.
    pub fn tenant_hash(&self) -> &str {
        &self.hash
    }
}

impl StoreScope {
    /// The scope of a store in which a verified person's role counts.
    ///
    /// # Errors
    ///
    /// 403 `tenant.forbidden` where the person belongs to no tenant; 403 `tenant.store_out_of_scope` where the store
    /// is not among theirs, told alike whether or not there is such a store.
    pub fn of(claims: &Claims, store: &StoreId) -> Result<Self, Problem> {
        let tenant = TenantScope::of(claims)?;
        if claims.stores().contains(store) {
            return Ok(Self { tenant, store: store.clone() });
        }
        Err(Problem::forbidden("tenant.store_out_of_scope")
            .detail("This store is not among yours. Name one of the stores that your token lists."))
    }

    /// The scope of a job that works on every store.
    pub fn for_job(job: Sweep, tenant: TenantId, store: StoreId) -> Self {
        Self { tenant: TenantScope::for_job(job, tenant), store }
    }

    /// The store's tenant, as a right of its own.
    pub fn tenant_scope(&self) -> &TenantScope {
        &self.tenant
    }

    /// The store's tenant.
    pub fn tenant(&self) -> &TenantId {
        self.tenant.tenant()
    }

    /// The store.
    pub fn store(&self) -> &StoreId {
        &self.store
    }

    /// The tenant as logs and metrics name it: the first 12 hex digits of its SHA-256.
    pub fn tenant_hash(&self) -> &str {
        self.tenant.tenant_hash()
    }
}

/// The name that a tenant has in logs: the first 12 hex digits of its SHA-256.
pub fn hash(tenant: &TenantId) -> String {
    hex::encode(&digest(&SHA256, tenant.as_str().as_bytes()).as_ref()[..6])
}

/// The refusal of a tenant that is not the caller's.
pub fn forbidden() -> Problem {
    Problem::forbidden("tenant.forbidden")
        .detail("Your token does not belong to this tenant. Leave X-Tenant-ID out, or send the tenant of your token.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_on_the_list_gets_the_tenant_it_names() {
        let store = StoreScope::for_job(Sweep::CatalogPublish, "acme".parse().unwrap(), "north".parse().unwrap());
        assert_eq!((store.tenant().as_str(), store.store().as_str()), ("acme", "north"));
        assert_eq!(store.tenant_scope().tenant(), store.tenant());
    }

    #[test]
    fn logs_name_a_tenant_by_a_short_digest() {
        let scope = TenantScope::for_job(Sweep::CatalogPublish, "abc".parse().unwrap());
        assert_eq!(scope.tenant_hash(), "ba7816bf8f01", "FIPS 180-2, appendix B.1");
    }
}
