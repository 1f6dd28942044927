//! A verified person, as handlers receive one.

use super::{
    Claims, Permission, Role, Scope, Scopes, Verifier,
    breakglass::{self, Reason},
    denial::Trail,
    scope,
};
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
///
/// A request is verified once: who is verified stands in its extensions, and is taken from there from then on.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Verified>);

/// A verified person who may name another: the opt-in of the routes that take a `userId`. The query and the body may
/// then hold one; it means nothing until the handler has put it to [`Caller::subject`].
#[derive(Clone, Debug)]
pub struct Behalf(pub Caller);

/// A verified person whose account may be suspended: the opt-in of the routes by which people appeal. Like [`Behalf`], it lets the
/// query and the body name another; who is suspended acts for nobody else.
#[derive(Clone, Debug)]
pub struct EvenSuspended(pub Caller);

/// Stands in a request's extensions where nobody was verified: whoever asks next is told the same, and the log once.
#[derive(Clone)]
struct Refused(Problem);

/// Stands there where somebody was verified who is suspended: most who ask refuse them.
#[derive(Clone)]
struct Suspended(Caller);

#[derive(Debug)]
struct Verified {
    claims: Claims,
    verifier: Verifier,
    trail: Trail,
    reason: Option<Reason>,
}

/// What a route does with what is somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Shows it.
    Read,
    /// Changes it.
    Write,
}

impl Access {
    /// The scope that it takes to do so with what is somebody else's.
    pub fn for_others(self) -> Scope {
        match self {
            Self::Read => Scope::AdminRead,
            Self::Write => Scope::AdminWrite,
        }
    }
}

/// A scope that was asked for and is held. Whoever writes down what was done by it finds the reason of an emergency here.
#[derive(Clone, Debug)]
pub struct Grant {
    scope: Scope,
    reason: Option<Reason>,
}

impl Grant {
    /// What was asked for.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Why, where it is [`Scope::AdminBreakglass`].
    pub fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }
}

impl Caller {
    /// Who calls, without holding to them whom the request names: for layers that stand before a route, whose own extractor
    /// does that.
    ///
    /// # Errors
    ///
    /// Those of the extractor, but `identity.user_mismatch`.
    pub async fn verified(parts: &mut Parts, verifier: &Verifier) -> Result<Self, Problem> {
        let caller = Self::even_suspended(parts, verifier).await?;
        if !caller.claims().suspended() {
            return Ok(caller);
        }
        let problem = suspended();
        caller.denied(&problem, None);
        parts.extensions.insert(Refused(problem.clone()));
        Err(problem)
    }

    /// Who calls, even where their account is suspended: for what stands before the routes of appeals.
    ///
    /// # Errors
    ///
    /// Those of [`Caller::verified`], but `auth.suspended`.
    pub async fn even_suspended(parts: &mut Parts, verifier: &Verifier) -> Result<Self, Problem> {
        if let Some(Refused(problem)) = parts.extensions.get() {
            return Err(problem.clone());
        }
        let known = parts.extensions.get::<Self>().or(parts.extensions.get().map(|Suspended(caller)| caller));
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let verified = Self::verify(parts, verifier).await;
        match &verified {
            Ok(caller) if caller.claims().suspended() => _ = parts.extensions.insert(Suspended(caller.clone())),
            Ok(caller) => _ = parts.extensions.insert(caller.clone()),
            Err(problem) => _ = parts.extensions.insert(Refused(problem.clone())),
        }
        verified
    }

    async fn verify(parts: &Parts, verifier: &Verifier) -> Result<Self, Problem> {
        let trail = Trail::of(&parts.extensions);
        let claims = verifier.authenticate(&parts.headers).await.map_err(|fault| {
            trail.denied(fault.cause(), None);
            Problem::from(fault)
        })?;
        let trail = trail.walked_by(&claims);
        let refuse = |problem: Problem| {
            trail.denied(problem.code(), None);
            problem
        };
        if let Some(tenant) = claims.tenant() {
            tracing::Span::current().record("tenant", tenant::hash(tenant));
            // A slot that is settled for another tenant stays so: the guard refuses what this caller would touch.
            tenant::acting::settle(tenant).map_err(|_| refuse(tenant::forbidden()))?;
        }
        if !tenant_agrees(&claims, &parts.headers) {
            return Err(refuse(tenant::forbidden()));
        }
        let claims = verifier.as_recorded(claims).await?;
        let reason = Reason::of(&parts.headers);
        Ok(Self(Arc::new(Verified { claims, verifier: verifier.clone(), trail, reason })))
    }

    /// Who calls.
    pub fn person(&self) -> &PersonId {
        self.0.claims.person()
    }

    /// The role, which counts in the caller's own stores: ask [`Caller::store`] too.
    pub fn role(&self) -> Role {
        self.0.claims.role()
    }

    /// The language that the token names, where it is one that is served.
    pub fn locale(&self) -> Option<Locale> {
        self.0.claims.locale()
    }

    /// Everything that is known of the person.
    pub fn claims(&self) -> &Claims {
        &self.0.claims
    }

    /// The caller's tenant.
    ///
    /// # Errors
    ///
    /// 403 `tenant.forbidden` where the token names none.
    pub fn tenant(&self) -> Result<TenantScope, Problem> {
        TenantScope::of(&self.0.claims).inspect_err(|problem| self.denied(problem, None))
    }

    /// A store in which the caller's role counts.
    ///
    /// # Errors
    ///
    /// 403 `tenant.store_out_of_scope` where it is not one of theirs, 403 `tenant.forbidden` where the token names no tenant.
    pub fn store(&self, store: &StoreId) -> Result<StoreScope, Problem> {
        StoreScope::of(&self.0.claims, store).inspect_err(|problem| self.denied(problem, None))
    }

    /// Asks for a tool, by the caller's role.
    ///
    /// # Errors
    ///
    /// 403 `rbac.forbidden`: `Role '<role>' cannot use '<tool>'`.
    pub fn may(&self, permission: Permission) -> Result<(), Problem> {
        self.role().may(permission).inspect_err(|problem| self.denied(problem, Some(permission.tool())))
    }

    /// The scopes that count: those of administration as far as the token and the person's record both have them,
    /// others as the token has them. The record is read when this is asked, and only where the token claims anything.
    ///
    /// # Errors
    ///
    /// 403 `auth.suspended` where the record says so; 503 `auth.person_unavailable`, 500 where the record cannot be had.
    pub async fn scopes(&self) -> Result<Scopes, Problem> {
        self.standing().await?.ok_or_else(|| {
            let problem = suspended();
            self.denied(&problem, None);
            problem
        })
    }

    /// The scopes that count; `None` for who is suspended, by token or record, and for whom none does.
    pub(crate) async fn standing(&self) -> Result<Option<Scopes>, Problem> {
        let Verified { claims, verifier, .. } = &*self.0;
        if claims.suspended() {
            return Ok(None);
        }
        let claimed = claims.claimed_scopes();
        if !claimed.allow(Scope::AdminRead) {
            return Ok(Some(claimed));
        }
        let Some(allowed) = verifier.recorded_scopes(claims).await? else { return Ok(None) };
        // What stands beside administration is the token's alone.
        let beside = Scope::ALL.into_iter().filter(|scope| !scope.is_of_administration() && claimed.allow(*scope));
        let counts = claimed.within(allowed);
        let of_administration =
            Scope::ALL.into_iter().filter(|scope| scope.is_of_administration() && counts.allow(*scope));
        Ok(Some(of_administration.chain(beside).collect()))
    }

    /// Asks for a scope, to be asked where the act is, each time. `admin:breakglass` also takes a reason in
    /// [`breakglass::REASON`]; its use is told to the security log and alarms.
    ///
    /// # Errors
    ///
    /// 403 `admin.insufficient_scope` with `required_scope`; 400 `admin.breakglass_reason_required`; those of
    /// [`Caller::scopes`].
    pub async fn require(&self, scope: Scope) -> Result<Grant, Problem> {
        let held = self.scopes().await?;
        held.require(scope).inspect_err(|problem| self.denied(problem, Some(scope.as_str())))?;
        if scope != Scope::AdminBreakglass {
            return Ok(Grant { scope, reason: None });
        }
        let Some(reason) = self.0.reason.clone() else {
            let problem = breakglass::unexplained();
            self.denied(&problem, Some(scope.as_str()));
            return Err(problem);
        };
        breakglass::used(&self.0.trail, &reason);
        Ok(Grant { scope, reason: Some(reason) })
    }

    /// Whose things a request is about: the caller's where it names nobody; whomever it names, where that is the caller
    /// or the caller may administer what others have.
    ///
    /// # Errors
    ///
    /// 403 `identity.user_mismatch` with the `required_scope` that is lacking; those of [`Caller::scopes`].
    pub async fn subject(&self, named: Option<&str>, access: Access) -> Result<PersonId, Problem> {
        let Some(named) = named.filter(|named| *named != self.person().as_str()) else {
            return Ok(self.person().clone());
        };
        let scope = access.for_others();
        if self.scopes().await?.allow(scope)
            && let Some(person) = PersonId::from_subject(named)
        {
            return Ok(person);
        }
        let problem = mismatch().with("required_scope", scope.as_str());
        self.denied(&problem, Some(scope.as_str()));
        Err(problem)
    }

    /// Refuses an act for want of `scope`, as a rule beyond [`Caller::require`] found it wanting.
    pub fn lacks(&self, scope: Scope) -> Problem {
        let problem = scope::lacking(scope);
        self.denied(&problem, Some(scope.as_str()));
        problem
    }

    /// Writes a refusal of this caller into the security log, for rules of a function's own.
    pub fn denied(&self, problem: &Problem, required: Option<&str>) {
        self.0.trail.denied(problem.code(), required);
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Self::verified(parts, &Verifier::from_ref(state)).await?;
        if !query_agrees(caller.person(), &parts.uri) {
            let problem = mismatch();
            caller.denied(&problem, None);
            return Err(problem);
        }
        parts.extensions.insert(caller.person().clone());
        Ok(caller)
    }
}

impl<S> FromRequestParts<S> for Behalf
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::verified(parts, &Verifier::from_ref(state)).await?;
        // `web::Json` holds a body to the person whom it finds here.
        parts.extensions.remove::<PersonId>();
        Ok(Self(caller))
    }
}

impl<S> FromRequestParts<S> for EvenSuspended
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::even_suspended(parts, &Verifier::from_ref(state)).await?;
        // `web::Json` holds a body to the person whom it finds here.
        parts.extensions.remove::<PersonId>();
        Ok(Self(caller))
    }
}

fn suspended() -> Problem {
    Problem::forbidden("auth.suspended").detail("This account is suspended. Appeals stay open to it.")
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

#[cfg(all(test, feature = "table"))]
mod matrix;
#[cfg(all(test, feature = "table"))]
mod rights;
#[cfg(test)]
mod tests;
