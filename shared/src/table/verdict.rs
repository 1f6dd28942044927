//! What a transaction was refused for.

use super::Item;
use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
};

/// Why a transaction was refused.
pub(super) enum Verdict {
    /// A condition did not hold; for each part the item that stands there, where it was asked for.
    Condition(Vec<Option<Item>>),
    /// Another one was in the way, or the table was asked too much: it may be tried again.
    Conflict,
    /// Anything else.
    Other,
}

/// What a refused transaction was refused for: a condition wins over a conflict, since trying again would not mend it.
pub(super) fn verdict<R>(error: &SdkError<TransactWriteItemsError, R>) -> Verdict {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
        let code = error.code().unwrap_or_default();
        return if code == "TransactionInProgressException" { Verdict::Conflict } else { Verdict::Other };
    };
    let reasons = canceled.cancellation_reasons();
    let any = |code: &str| reasons.iter().any(|reason| reason.code() == Some(code));
    if any("ConditionalCheckFailed") {
        Verdict::Condition(reasons.iter().map(|reason| reason.item().cloned()).collect())
    } else if any("TransactionConflict") || any("ThrottlingError") || any("ProvisionedThroughputExceeded") {
        Verdict::Conflict
    } else {
        Verdict::Other
    }
}
