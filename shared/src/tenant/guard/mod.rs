//! The guard below all code that reads or writes: it sees every call to DynamoDB and S3 before it is written down for the wire,
//! and lets pass only what lies within the tenant on whose behalf the task works ([`super::acting`]).
//!
//! It takes nobody's word: not the handle's through which the call was made, nor the function's that made it. So a filter that
//! was forgotten, or a handle of another tenant, ends here. It denies by default: an operation that it does not know, a key
//! that it does not find, a task that works for nobody.
//!
//! It reads the typed input, in the last hook before the SDK serialises it, when nobody can change it any more. To read the
//! bytes instead would cost a second parse of each body (a batch of 25 items: some 25 KB) and show nothing else: what could
//! still change them, `customize`, is kept out of the functions by a test.

#[cfg(feature = "table")]
mod condition;
#[cfg(feature = "table")]
mod dynamodb;
#[cfg(feature = "blob")]
mod s3;

use super::acting::{self, Acting};
use crate::{
    ids::TenantId,
    telemetry::{Metric, Outcome, metrics},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept, SharedInterceptor,
            context::{BeforeSerializationInterceptorContextRef, Input},
            dyn_dispatch_hint,
        },
        orchestrator::Metadata,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

/// Why the guard stopped a call. It names no key, since that may be another tenant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The task works for nobody.
    #[error("the task works for no tenant")]
    Nobody,
    /// A key of the call lies outside the tenant.
    #[error("a key lies outside the tenant")]
    Outside,
    /// The call names no key where one belongs.
    #[error("the call names no leading key")]
    Unkeyed,
    /// The operation is none that the guard lets pass.
    #[error("the operation is none that a tenant may use")]
    Operation,
}

impl Refusal {
    fn code(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Outside => "outside",
            Self::Unkeyed => "unkeyed",
            Self::Operation => "operation",
        }
    }
}

/// A call that the guard stopped before it left the process: nothing was read and nothing written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the guard stopped {operation}: {refusal}")]
pub struct Refused {
    /// The operation, such as `GetItem`.
    pub operation: String,
    /// Why.
    pub refusal: Refusal,
}

impl Refused {
    /// The guard's word in the causes of `error`, if it is among them.
    pub fn among<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        std::iter::successors(Some(error), |error| error.source()).find_map(|error| error.downcast_ref())
    }
}

/// What a service's calls are held to.
type Check = fn(&Input, &Acting) -> Result<(), Refusal>;

/// The guard of one service's clients.
#[derive(Clone, Copy, Debug)]
struct Guard(Check);

/// The guard of clients of DynamoDB. It cannot be switched off by a call.
#[cfg(feature = "table")]
pub(crate) fn of_dynamodb() -> SharedInterceptor {
    SharedInterceptor::permanent(Guard(dynamodb::check))
}

/// The guard of clients of S3. It cannot be switched off by a call.
#[cfg(feature = "blob")]
pub(crate) fn of_s3() -> SharedInterceptor {
    SharedInterceptor::permanent(Guard(s3::check))
}

#[dyn_dispatch_hint]
impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "TenantGuard"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        verdict(self.0, context.input()).map_err(|refusal| {
            let operation = config.load::<Metadata>().map_or("unnamed", Metadata::name);
            report(operation, refusal);
            Refused { operation: operation.to_owned(), refusal }.into()
        })
    }
}

/// Holds a call to what the running task may do.
fn verdict(check: Check, input: &Input) -> Result<(), Refusal> {
    acting::with(|acting| check(input, acting.ok_or(Refusal::Nobody)?))
}

/// What the guard says of a call of DynamoDB, without making it: for measuring what that costs.
///
/// # Errors
///
/// [`Refusal`].
#[cfg(all(feature = "table", feature = "administrator"))]
pub fn verdict_on_dynamodb(input: &Input) -> Result<(), Refusal> {
    verdict(dynamodb::check, input)
}

/// Tells of a call that was stopped: it is a fault of this bundle, and somebody should look.
fn report(operation: &str, refusal: Refusal) {
    let cause = refusal.code();
    tracing::error!(event = "tenant_guard_refused", operation, cause, "the guard stopped {operation}: {refusal}");
    metrics::emit(None, Outcome::Failed, &[Metric::one("tenant_guard_refused_total")]);
}

/// Whether `text` begins with `lead`, the tenant, and then `end`.
fn within(text: &str, lead: &str, tenant: &TenantId, end: char) -> bool {
    let rest = text.strip_prefix(lead).and_then(|rest| rest.strip_prefix(tenant.as_str()));
    rest.is_some_and(|rest| rest.starts_with(end))
}

#[cfg(test)]
mod tests;
