//! Which credentials a call is signed with: those of the tenant on whose behalf the task works.
//!
//! They are asked for once and kept until twenty minutes before they end; of callers at once, one asks and the others wait for
//! it. There is nothing to fall back to: a tenant without credentials is a call that fails, and never one that is made as
//! another tenant or as the function itself. Only a sweep, which works for no tenant, signs as the function.

use super::sts::{Sts, StsError};
use crate::{
    clock::Clock,
    ids::TenantId,
    tenant::{
        self,
        acting::{self, Acting},
    },
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// How long before their end credentials are renewed: what they sign, as a URL for an upload, holds no longer than they do.
pub(super) const AHEAD: SignedDuration = SignedDuration::from_mins(20);
/// How long before their end they serve where they cannot be renewed: longer than a call takes.
const LEAST: SignedDuration = SignedDuration::from_secs(30);
/// How long a failure is told to who asks next, so that STS in trouble is not asked by each request.
const FAILED_FOR: SignedDuration = SignedDuration::from_secs(1);
/// The most tenants whose credentials are kept; the one longest unused makes room.
const MOST: usize = 256;

/// Why a call cannot be signed.
#[derive(Clone, Debug, thiserror::Error)]
enum NoCredentials {
    #[error("the task works for no tenant")]
    Nobody,
    #[error("the tenant's credentials could not be had")]
    Sts(#[source] StsError),
}

/// The credentials of every tenant that was asked for. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Vending(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    sts: Sts,
    own: Option<SharedCredentialsProvider>,
    clock: Clock,
    tenants: Mutex<HashMap<TenantId, Place>>,
}

#[derive(Debug)]
struct Place {
    used: Timestamp,
    held: Slot,
}

/// Whoever asks STS holds its lock.
type Slot = Arc<tokio::sync::Mutex<Held>>;

#[derive(Debug, Default)]
struct Held {
    credentials: Option<Credentials>,
    failed: Option<(Timestamp, StsError)>,
}

impl Held {
    /// The credentials, where they are good for longer than `spare`.
    fn good(&self, now: Timestamp, spare: SignedDuration) -> Option<Credentials> {
        let ends = |held: &&Credentials| held.expiry().and_then(|end| Timestamp::try_from(end).ok());
        self.credentials.as_ref().filter(|held| ends(held).is_some_and(|end| end.duration_since(now) > spare)).cloned()
    }
}

impl Vending {
    /// Tenants' credentials come from `sts`; a sweep's are `own`, the function's.
    pub(super) fn new(sts: Sts, own: Option<SharedCredentialsProvider>, clock: Clock) -> Self {
        Self(Arc::new(Kept { sts, own, clock, tenants: Mutex::default() }))
    }

    async fn of(&self, tenant: &TenantId) -> Result<Credentials, StsError> {
        let slot = self.slot(tenant);
        let mut held = slot.lock().await;
        let now = self.0.clock.now();
        if let Some(good) = held.good(now, AHEAD) {
            return Ok(good);
        }
        let failed = match &held.failed {
            Some((at, error)) if now.duration_since(*at).abs() < FAILED_FOR => error.clone(),
            _ => match self.0.sts.assume(tenant, now).await {
                Ok(credentials) => {
                    *held = Held { credentials: Some(credentials.clone()), failed: None };
                    return Ok(credentials);
                }
                Err(error) => {
                    let tenant = tenant::hash(tenant);
                    tracing::error!(event = "tenant_credentials_failed", tenant, error = %error, "no session for a tenant: {error}");
                    held.failed = Some((self.0.clock.now(), error.clone()));
                    error
                }
            },
        };
        held.good(now, LEAST).ok_or(failed)
    }

    fn slot(&self, tenant: &TenantId) -> Slot {
        let now = self.0.clock.now();
        let mut tenants = self.0.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = tenants.get_mut(tenant) {
            place.used = now;
            return place.held.clone();
        }
        if tenants.len() >= MOST {
            let oldest = tenants.iter().min_by_key(|(_, place)| place.used).map(|(tenant, _)| tenant.clone());
            oldest.and_then(|oldest| tenants.remove(&oldest));
        }
        let held = Slot::default();
        tenants.insert(tenant.clone(), Place { used: now, held: held.clone() });
        held
    }
}

impl ProvideCredentials for Vending {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            match (acting::current(), &self.0.own) {
                (Some(Acting::Tenant(tenant)), _) => {
                    self.of(&tenant).await.map_err(|why| CredentialsError::provider_error(NoCredentials::Sts(why)))
                }
                (Some(Acting::Sweep(_)), Some(own)) => own.provide_credentials().await,
                _ => Err(CredentialsError::provider_error(NoCredentials::Nobody)),
            }
        })
    }
}

#[cfg(test)]
mod tests;
