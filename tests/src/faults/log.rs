//! What went through the doors.

use super::call::{Call, Outcome, Service};
use std::{collections::BTreeSet, ops::Deref};

/// Calls in the order in which they began.
#[derive(Clone, Debug, Default)]
pub struct Log(pub(super) Vec<Call>);

impl Deref for Log {
    type Target = [Call];
    fn deref(&self) -> &[Call] {
        &self.0
    }
}

impl Log {
    /// Every leading key and object key, each once.
    pub fn keys(&self) -> BTreeSet<&str> {
        self.iter().flat_map(|call| &call.keys).map(String::as_str).collect()
    }

    /// Every operation, each once.
    pub fn operations(&self) -> BTreeSet<&str> {
        self.iter().map(|call| call.operation.as_str()).collect()
    }

    /// Only the calls of one operation.
    pub fn of(&self, operation: &str) -> Self {
        self.only(|call| call.operation == operation)
    }

    /// Only the calls of one function.
    pub fn by(&self, function: &str) -> Self {
        self.only(|call| call.function == function)
    }

    /// Only the calls that a rule stood in the way of.
    pub fn faulted(&self) -> Self {
        self.only(|call| matches!(call.outcome, Outcome::Faulted(_)))
    }

    /// Only the calls for which `fits` holds.
    pub fn only(&self, fits: impl Fn(&Call) -> bool) -> Self {
        Self(self.iter().filter(|call| fits(call)).cloned().collect())
    }

    /// The calls that reach outside of `tenant`: rows whose leading key is not the tenant's, objects that are not in its
    /// folders, rows and listings without a key. What belongs to no tenant, such as the secret, is not among them.
    pub fn outside(&self, tenant: &str) -> Self {
        let row = format!("T#{tenant}#");
        let objects = [format!("{tenant}/"), format!("uploads/{tenant}/")];
        self.only(|call| match call.service {
            Service::DynamoDb => call.keys.is_empty() || !call.keys.iter().all(|key| key.starts_with(&row)),
            Service::S3 => {
                call.keys.is_empty() || !call.keys.iter().all(|key| objects.iter().any(|own| key.starts_with(own)))
            }
            Service::SecretsManager => false,
        })
    }
}
