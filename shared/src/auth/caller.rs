//! A verified person, as handlers receive one.

use super::{Claims, Permission, Role, Scopes, Verifier};
use crate::{
    ids::{PersonId, StoreId},
    locale::Locale,
    problem::Problem,
    tenant::{self, StoreScope, TenantScope},
    web::extract::mismatch,
};
use axum::extract::{FromRef, FromRequestParts, Query};
use http::{HeaderMap, HeaderName, Uri, request::Parts};
use std::sync::Arc;

/// The header by which a client says which tenant it means. It is an assertion, held to the token; it selects nothing.
const TENANT_ID: HeaderName = HeaderName::from_static("x-tenant-id");

/// A verified person. A handler that takes one is not entered without: 401, 403 or 503 answer in its place.
///
/// Besides the token, the extractor holds what else names a person or tenant to it: a `user_id` or `userId` in the query
/// (403 `identity.user_mismatch`; a body's is `web::Json`'s part) and `X-Tenant-ID` (403 `tenant.forbidden`).
/// A suspended account is refused, 403 `auth.suspended`.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Claims>);

impl Caller {
    /// Who calls.
    pub fn person(&self) -> &PersonId {
        self.0.person()
    }

    /// The role, which counts in the caller's own stores: ask [`Caller::store`] too.
    pub fn role(&self) -> Role {
        self.0.role()
    }

    /// The rights beyond the role.
    pub fn scopes(&self) -> Scopes {
        self.0.scopes()
    }

    /// The language that the token names, where it is one that is served.
    pub fn locale(&self) -> Option<Locale> {
        self.0.locale()
    }

    /// Everything that the token says.
    pub fn claims(&self) -> &Claims {
        &self.0
    }

    /// The caller's tenant.
    ///
    /// # Errors
    ///
    /// 403 `tenant.forbidden` where the token names none.
    pub fn tenant(&self) -> Result<TenantScope, Problem> {
        TenantScope::of(&self.0)
    }

    /// A store in which the caller's role counts.
    ///
    /// # Errors
    ///
    /// 403 `tenant.store_out_of_scope` where the token does not list it, 403 `tenant.forbidden` where it names no tenant.
    pub fn store(&self, store: &StoreId) -> Result<StoreScope, Problem> {
        StoreScope::of(&self.0, store)
    }

    /// Asks for a tool, by the caller's role.
    ///
    /// # Errors
    ///
    /// 403 `rbac.forbidden`: `Role '<role>' cannot use '<tool>'`.
    pub fn may(&self, permission: Permission) -> Result<(), Problem> {
        self.role().may(permission)
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let claims = Verifier::from_ref(state).authenticate(&parts.headers).await?;
        if let Some(tenant) = claims.tenant() {
            tracing::Span::current().record("tenant", tenant::hash(tenant));
        }
        admit(&claims, parts).inspect_err(|problem| {
            tracing::warn!(
                event = "auth_refused",
                cause = problem.code(),
                "refused a verified caller: {}",
                problem.code()
            );
        })?;
        if let Some(tenant) = claims.tenant() {
            tenant::acting::settle(tenant).map_err(|_| tenant::forbidden())?;
        }
        parts.extensions.insert(claims.person().clone());
        Ok(Self(Arc::new(claims)))
    }
}

/// Holds what else the request says of person and tenant to the claims.
fn admit(claims: &Claims, parts: &Parts) -> Result<(), Problem> {
    if claims.suspended() {
        return Err(Problem::forbidden("auth.suspended").detail("This account is suspended. Appeals stay open to it."));
    }
    if !tenant_agrees(claims, &parts.headers) {
        return Err(tenant::forbidden());
    }
    if !query_agrees(claims.person(), &parts.uri) {
        return Err(mismatch());
    }
    Ok(())
}

fn tenant_agrees(claims: &Claims, headers: &HeaderMap) -> bool {
    let own = claims.tenant().map(|tenant| tenant.as_str().as_bytes());
    headers.get_all(TENANT_ID).iter().all(|named| Some(named.as_bytes()) == own)
}

/// Reads the query as handlers do, so that no spelling names one person here and another there.
fn query_agrees(person: &PersonId, uri: &Uri) -> bool {
    let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else { return false };
    let named = pairs.iter().filter(|(name, _)| name == "user_id" || name == "userId");
    named.into_iter().all(|(_, value)| value == person.as_str())
}

#[cfg(test)]
mod tests;
