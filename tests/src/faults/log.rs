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

    /// Only the calls that reach outside of `tenant`.
    pub fn outside(&self, tenant: &str) -> Self {
        self.only(|call| call.outside(tenant))
    }
}

impl Call {
    /// Whether the call reaches outside of `tenant`: to rows whose leading key is not the tenant's, to objects that are not in
    /// its folders, to rows or listings without a key. To get the routes that the tenant follows does not. What belongs to no tenant, such as the secret, is never outside.
    pub fn outside(&self, tenant: &str) -> bool {
        let (row, own, uploads) = (format!("T#{tenant}#"), format!("{tenant}/"), format!("uploads/{tenant}/"));
        let followed = [format!("T#t_system#ROUTE#{tenant}"), "T#t_system#ROUTE#t_system".to_owned()];
        let inside = |key: &String| match self.service {
            Service::DynamoDb => key.starts_with(&row) || self.operation == "GetItem" && followed.contains(key),
            Service::S3 => key.starts_with(&own) || key.starts_with(&uploads),
            Service::SecretsManager => true,
        };
        let needs_none = self.service == Service::SecretsManager;
        !(needs_none || !self.keys.is_empty() && self.keys.iter().all(inside))
    }
}
