//! As whom an account is asked.

use crate::StoreError;
use azure_core::{
    credentials::{Secret, TokenCredential},
    http::{RetryOptions, Transport},
};
use azure_data_cosmos::{AccountEndpoint, AccountReference};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use shared::secrets::SecretString;
use std::sync::Arc;

/// As whom an account is asked.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Whoever holds the account's key, which may do anything.
    Key(SecretString),
    /// An application that Microsoft Entra knows, with the roles that it has there.
    ClientSecret {
        /// The directory.
        tenant: String,
        /// The application.
        client: String,
        /// The application's secret.
        secret: SecretString,
    },
}

impl Credentials {
    pub(super) fn of(self, endpoint: AccountEndpoint) -> Result<AccountReference, StoreError> {
        match self {
            Self::Key(key) => {
                let whole = azure_core::base64::decode(key.expose()).is_ok_and(|bytes| !bytes.is_empty());
                if !whole {
                    return Err(StoreError::BadConfig("the account's key is no key: it is Base64"));
                }
                Ok(AccountReference::with_authentication_key(endpoint, Secret::new(key.expose().to_owned())))
            }
            Self::ClientSecret { tenant, client, secret } => {
                Ok(AccountReference::with_credential(endpoint, application(&tenant, client, &secret, None)?))
            }
        }
    }
}

/// An application of Entra. A token is asked for once: whoever waits for it asks again.
pub(super) fn application(
    tenant: &str,
    client: String,
    secret: &SecretString,
    over: Option<Transport>,
) -> Result<Arc<dyn TokenCredential>, StoreError> {
    super::name_crypto();
    let mut options = ClientSecretCredentialOptions::default();
    options.client_options.retry = RetryOptions::none();
    options.client_options.transport = over;
    let application =
        ClientSecretCredential::new(tenant, client, Secret::new(secret.expose().to_owned()), Some(options));
    application.map(|found| found as Arc<dyn TokenCredential>).map_err(|_| {
        StoreError::BadConfig("the application of Entra is named by a directory, a client id and a secret")
    })
}
