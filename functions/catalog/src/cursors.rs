//! The key that seals page marks, out of the environment's secret.

use crate::error::Error;
use serde::{Serialize, de::DeserializeOwned};
use shared::{cursor::Sealer, secrets::Secrets, tenant::StoreScope};

/// The member of the secret: 32 random bytes or more, as text.
const KEY: &str = "CURSOR_KEY";

/// Seals and opens page marks of one store's lists.
#[derive(Clone, Debug)]
pub(crate) struct Cursors(Secrets);

impl Cursors {
    /// With the key that `secrets` holds.
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self(secrets)
    }

    /// A cursor of the list `list`, good in this store alone.
    pub(crate) async fn seal<T: Serialize>(
        &self,
        scope: &StoreScope,
        list: [&str; 2],
        mark: &T,
    ) -> Result<String, Error> {
        Ok(self.sealer().await?.seal(&context(scope, list), mark))
    }

    /// The mark in a cursor of the list `list` of this store.
    pub(crate) async fn open<T: DeserializeOwned>(
        &self,
        scope: &StoreScope,
        list: [&str; 2],
        cursor: &str,
    ) -> Result<T, Error> {
        Ok(self.sealer().await?.open(&context(scope, list), cursor)?)
    }

    async fn sealer(&self) -> Result<Sealer, Error> {
        let key = self.0.get(KEY).await?;
        Ok(Sealer::new(key.expose().as_bytes())?)
    }
}

fn context<'a>(scope: &'a StoreScope, [route, filters]: [&'a str; 2]) -> [&'a str; 4] {
    [scope.tenant().as_str(), scope.store().as_str(), route, filters]
}
