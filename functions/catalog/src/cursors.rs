//! Page marks of one store's lists.

use serde::{Serialize, de::DeserializeOwned};
use shared::{
    cursor::{self, CursorError},
    secrets::Secrets,
    tenant::StoreScope,
};

/// Seals and opens page marks of one store's lists.
#[derive(Clone, Debug)]
pub(crate) struct Cursors(cursor::Cursors);

impl Cursors {
    /// With the key that `secrets` holds.
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self(cursor::Cursors::new(secrets))
    }

    /// A cursor of the list `list`, good in this store alone.
    pub(crate) async fn seal<T: Serialize>(
        &self,
        scope: &StoreScope,
        list: [&str; 2],
        mark: &T,
    ) -> Result<String, CursorError> {
        self.0.seal(&context(scope, list), mark).await
    }

    /// The mark in a cursor of the list `list` of this store.
    pub(crate) async fn open<T: DeserializeOwned>(
        &self,
        scope: &StoreScope,
        list: [&str; 2],
        cursor: &str,
    ) -> Result<T, CursorError> {
        self.0.open(&context(scope, list), cursor).await
    }
}

fn context<'a>(scope: &'a StoreScope, [route, filters]: [&'a str; 2]) -> [&'a str; 4] {
    [scope.tenant().as_str(), scope.store().as_str(), route, filters]
}
