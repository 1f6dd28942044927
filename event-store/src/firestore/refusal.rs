//! What an answer of Firestore means that is no success.

use crate::StoreError;
use shared::problem::chain;
use std::{error::Error, fmt, io, time::Duration};
use tonic::{Code, Status};

/// When to come again to a store that is asked too much.
const REST: Duration = Duration::from_secs(1);
/// The most characters of what an answer says that are repeated.
const SAID: usize = 300;

/// An answer of Firestore that is no success. It repeats no name of a document: tenants' names are part of those.
struct Refused {
    code: Code,
    said: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Firestore answered {:?}: {}", self.code, self.said)
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Refused {}

/// Whether it may go well at once when it is tried again. A store that is asked too much is left alone, and a call that took all its time
/// is not given as much again.
pub(super) fn passes(status: &Status) -> bool {
    passes_of(garbled_with(status).map_or(status.code(), code_of_web))
}

/// Whether what ended with this code may go well at once.
pub(super) fn passes_of(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::Aborted | Code::Cancelled | Code::Internal | Code::Unknown)
}

/// What the failure of a call means.
pub(super) fn refusal(status: &Status) -> StoreError {
    match (garbled_with(status), status.code()) {
        (Some(web), _) => refusal_of(code_of_web(web), &said(status)),
        // Of a call, and not of one of its writes, it says so of what all of them are in.
        (None, Code::NotFound) => StoreError::BadConfig("there is no database of this name in the project"),
        (None, code) => refusal_of(code, &said(status)),
    }
}

/// What a failure says, with what is behind it: of a broken connection, why it broke.
fn said(status: &Status) -> String {
    match status.source() {
        Some(cause) => format!("{}: {}", status.message(), chain(cause)),
        None => status.message().to_owned(),
    }
}

/// What the failure of a call, or of one of its writes, means.
pub(super) fn refusal_of(code: Code, said: &str) -> StoreError {
    match code {
        Code::Unauthenticated | Code::PermissionDenied => StoreError::AuthRefused,
        Code::ResourceExhausted => StoreError::Throttled { retry_after: REST },
        Code::FailedPrecondition if said.contains("index") => {
            StoreError::BadConfig("an index of firestore.indexes.json is not there, or is still being built")
        }
        Code::FailedPrecondition => StoreError::BadConfig("the database is not one of Firestore in native mode"),
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::Cancelled
        | Code::Internal
        | Code::Unknown => StoreError::Unavailable(refused(code, said).into()),
        Code::Ok
        | Code::AlreadyExists
        | Code::NotFound
        | Code::InvalidArgument
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::DataLoss => StoreError::Form(refused(code, said).into()),
    }
}

fn refused(code: Code, said: &str) -> Refused {
    let word = |word: &str| match word.contains("/documents") {
        true => "<a document>".to_owned(),
        false => word.to_owned(),
    };
    let said = said.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    Refused { code, said: said.chars().take(SAID).collect() }
}

/// The status on the web of what was no answer of this protocol: of a proxy's page, mostly. The client calls that internal, as it does a
/// fault of the server, and has the status in its text alone.
fn garbled_with(status: &Status) -> Option<u16> {
    let marks = ["protocol error", "failed to decode Protobuf", "Missing response message"];
    let said = status.message();
    if status.code() != Code::Internal || !marks.iter().any(|mark| said.contains(mark)) {
        return None;
    }
    let web = said.split_once("with status: ").and_then(|(_, web)| web.get(..3)?.parse().ok());
    Some(web.unwrap_or(200))
}

/// What such a page's status comes to.
fn code_of_web(status: u16) -> Code {
    match status {
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        429 => Code::ResourceExhausted,
        500.. => Code::Unavailable,
        _ => Code::DataLoss,
    }
}

/// The status of an answer that is whole and cannot be right.
pub(super) fn garbled(what: &'static str) -> Status {
    Status::data_loss(what)
}

/// An answer that lacks what every whole one has.
pub(super) fn cut(what: &'static str) -> StoreError {
    StoreError::Unavailable(io::Error::other(what).into())
}

/// Nothing answers at the store's address.
pub(super) fn unreachable(error: impl Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_of_a_refusal_names_no_document() {
        let said =
            "No document to update: projects/p/databases/(default)/documents/analytics/t_acme/analytics_events/1#a";
        let error = refusal_of(Code::Internal, said);
        let StoreError::Unavailable(cause) = &error else { panic!("{error:?}") };
        assert_eq!(cause.to_string(), "Firestore answered Internal: No document to update: <a document>");
        assert!(!format!("{error:?}").contains("t_acme"));
        let StoreError::Unavailable(cause) = refusal_of(Code::Internal, &"x".repeat(5_000)) else { panic!() };
        assert!(cause.to_string().len() < 400);
    }

    #[test]
    fn what_may_go_well_at_once_is_tried_again_and_nothing_else_is() {
        for code in [Code::Unavailable, Code::Aborted, Code::Internal, Code::Unknown] {
            assert!(passes(&Status::new(code, "")), "{code:?}");
        }
        for code in
            [Code::ResourceExhausted, Code::DeadlineExceeded, Code::Unauthenticated, Code::NotFound, Code::DataLoss]
        {
            assert!(!passes(&Status::new(code, "")), "{code:?}");
        }
        assert!(!passes(&Status::internal("protocol error: received message with invalid compression flag")));
    }
}
