//! What an answer of Cosmos DB that is no success means.

use crate::StoreError;
use azure_core::error::ErrorKind;
use azure_data_cosmos::{CosmosError, CosmosStatus};
use serde::Deserialize;
use std::{error::Error, future::Future, io, iter, time::Duration};

/// When to come again to an account that is asked too much and does not say when.
const REST: Duration = Duration::from_secs(1);

/// A 400 whose item says another partition than its call: the container's partition key is not `/pk`.
const OTHER_PARTITION: u16 = 1001;
/// A 404 for want of a database or a container.
const NO_CONTAINER: u16 = 1003;
/// A 403 for want of room: a partition holds 20 GB.
const FULL: u16 = 1014;
/// The client's own mark of an answer that it cannot read.
const UNREADABLE: u16 = 20_020;
/// The client's own mark of a request that it could not sign, and of a token that it was not given.
const UNSIGNED: u16 = 20_401;
const NO_TOKEN: u16 = 20_402;

/// What may be told of a refusal: its codes. The client's own error holds addresses, and a server's words what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("Cosmos DB: {0}")]
struct Refused(CosmosStatus);

type Cause = Box<dyn Error + Send + Sync>;

/// Something that a right answer never is.
pub(super) fn odd(what: &'static str) -> Cause {
    io::Error::other(what).into()
}

/// What a call comes to within its time.
pub(super) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = azure_data_cosmos::Result<T>> + Send,
) -> Result<azure_data_cosmos::Result<T>, StoreError> {
    // On the heap: the client's futures are large.
    let call = tokio::time::timeout(limit, Box::pin(call)).await;
    call.map_err(|_| StoreError::Unavailable(odd("Cosmos DB did not answer in time")))
}

/// What Cosmos DB says of itself in the body of a refusal.
#[derive(Deserialize)]
struct Said {
    code: String,
}

/// Whether the item that a call named is not there, by the word of Cosmos DB itself: a 404 of somebody between us is none.
pub(super) fn absent(error: &CosmosError) -> bool {
    let said = error.response().and_then(|response| response.body().clone().into_single::<Said>().ok());
    error.status().is_not_found() && said.is_some_and(|said| said.code == "NotFound")
}

/// Whether an item of this id is there.
pub(super) fn conflicts(error: &CosmosError) -> bool {
    error.status().is_conflict()
}

/// What any other refusal means.
pub(super) fn refusal(error: &CosmosError) -> StoreError {
    let status = error.status();
    let sub = status.sub_status().map(|sub| sub.value()).unwrap_or_default();
    let cause = || Cause::from(Refused(status));
    match (u16::from(status), sub) {
        (_, UNREADABLE) => StoreError::Form(cause()),
        (401, UNSIGNED | NO_TOKEN) if !is_refused(error) => StoreError::Unavailable(cause()),
        (403, FULL) => StoreError::BadConfig("a partition of the tenant is full"),
        (401 | 403, _) => StoreError::AuthRefused,
        (404, 0 | NO_CONTAINER) => StoreError::BadConfig("there is no database or container of this name"),
        (400, OTHER_PARTITION) => StoreError::BadConfig("the container's partition key is not /pk"),
        (429, _) => StoreError::Throttled { retry_after: rest(error) },
        (400 | 409 | 412 | 413 | 422, _) => StoreError::Form(cause()),
        _ => StoreError::Unavailable(cause()),
    }
}

/// When to come again, as the answer says.
fn rest(error: &CosmosError) -> Duration {
    let told = error.response().and_then(|response| response.headers().retry_after_ms);
    told.map_or(REST, Duration::from_millis)
}

/// Whether who gives out tokens has refused to, in place of not being reached, or being broken.
fn is_refused(error: &CosmosError) -> bool {
    let first: &(dyn Error + 'static) = error;
    let causes = iter::successors(Some(first), |error: &&(dyn Error + 'static)| (*error).source());
    let kinds = causes.filter_map(|cause| cause.downcast_ref::<azure_core::Error>()).map(azure_core::Error::kind);
    let mut broken = kinds.map(|kind| match kind {
        ErrorKind::HttpResponse { status, .. } => *status == 429 || status.is_server_error(),
        ErrorKind::Io | ErrorKind::Connection | ErrorKind::DataConversion => true,
        _ => false,
    });
    !broken.any(|broken| broken)
}
