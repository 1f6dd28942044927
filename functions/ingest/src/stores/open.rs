//! From where a route leads to a client that is there.

use super::renewing::Renewing;
use crate::Config;
use event_store::{
    EventStore, StoreError,
    cosmos::{self, Cosmos},
    dynamodb::DynamoDb,
    firestore::{self, Firestore},
    rollup::kept::Kept,
};
use moka::future::Cache;
use shared::{
    aws::Aws,
    clock::Clock,
    digest::Digest,
    problem::chain,
    routes::{Backend, SecretRef},
    secrets::{SecretError, SecretString, Secrets, SecretsConfig},
    table::Table,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The most stores whose clients one instance keeps.
const MOST: u64 = 32;
/// How long a client is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(600);

/// Opens stores, and keeps what it opened; clones share it. A client that no route leads to is never made.
#[derive(Clone)]
pub(super) struct Opener(Arc<Inner>);

struct Inner {
    aws: Aws,
    clock: Clock,
    secrets: SecretsConfig,
    firestore_emulator: Option<String>,
    /// By the names of secrets.
    known: Mutex<HashMap<String, Secrets>>,
    /// Tenants whose routes lead to one place share its client. Credentials that are changed make it another place.
    stores: Cache<Key, Arc<dyn EventStore>>,
    /// Of all tables together, so that they have one bound.
    answers: Kept,
}

/// What makes a store another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    /// The backend and all that its place is named by.
    place: String,
    /// The digest of the credentials, where there are any.
    credentials: Option<Digest>,
}

/// Where a route of another cloud leads, without the credentials.
#[derive(Clone, Debug)]
enum Place {
    Firestore(firestore::Place),
    Cosmos(cosmos::Place),
    /// A container that is asked as an application of Microsoft Entra, by its directory and its name there.
    OfEntra(cosmos::Place, String, String),
}

/// A place, and by which secret one gets there.
#[derive(Clone, Debug)]
pub(super) struct Guarded {
    place: Place,
    reference: SecretRef,
}

/// Why a store is not open.
#[derive(Debug)]
pub(crate) enum NotOpened {
    /// For this reason, which holds no secret.
    Because(&'static str),
    /// For the moment: the store is asked too much, or cannot be reached.
    Unready(StoreError),
    /// Secrets Manager does not say how.
    Unknown(SecretError),
}

impl From<StoreError> for NotOpened {
    fn from(error: StoreError) -> Self {
        let why = match error {
            // Whoever tells of it logs it.
            StoreError::Throttled { .. } | StoreError::Unavailable(_) => return Self::Unready(error),
            StoreError::BadConfig(why) => why,
            StoreError::AuthRefused => "the store refuses the credentials",
            StoreError::Form(_) => "the store's answer is none of its own form",
        };
        tracing::warn!(event = "analytics_store_not_opened", error = chain(&error));
        Self::Because(why)
    }
}

impl From<SecretError> for NotOpened {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Unavailable => Self::Unknown(error),
            SecretError::NotThere => Self::Because("its secret is not there, or may not be read"),
            SecretError::Malformed => Self::Because("its secret is not a JSON object of texts"),
            SecretError::NoSuchKey(_) => Self::Because("its secret has no such member"),
        }
    }
}

impl Opener {
    pub(super) fn new(config: &Config, aws: &Aws, clock: &Clock) -> Self {
        Self(Arc::new(Inner {
            aws: aws.clone(),
            clock: clock.clone(),
            secrets: config.secrets.clone(),
            firestore_emulator: config.firestore_emulator.clone(),
            known: Mutex::default(),
            stores: Cache::builder().max_capacity(MOST).time_to_idle(IDLE).build(),
            answers: Kept::default(),
        }))
    }

    /// The store at `backend`.
    ///
    /// # Errors
    ///
    /// [`NotOpened`].
    pub(super) async fn open(&self, backend: Backend) -> Result<Arc<dyn EventStore>, NotOpened> {
        let (place, reference, plain) = match backend {
            Backend::DynamoDb(at) if at.region == self.0.aws.region() => return Ok(self.table(at.table_name).await),
            Backend::DynamoDb(_) => return Err(NotOpened::Because("its table is in another region than this stack")),
            Backend::Firestore(at) => {
                let place = firestore::Place::of(&at, self.0.firestore_emulator.as_deref())?;
                (Place::Firestore(place), at.key_secret, None)
            }
            Backend::Cosmos(at) => {
                let (endpoint, database_id, container_id) = (at.endpoint, at.database_id, at.container_id);
                let place = cosmos::Place { endpoint, database_id, container_id };
                match (at.entra_tenant, at.entra_client, at.entra_secret) {
                    (Some(tenant), Some(client), Some(secret)) => {
                        (Place::OfEntra(place, tenant, client), Some(secret), None)
                    }
                    _ => {
                        let plain = at.key.map(|key| SecretString::from(key.expose().clone()));
                        (Place::Cosmos(place), at.key_secret, plain)
                    }
                }
            }
            Backend::Other => return Err(NotOpened::Because("it leads to no store of events")),
        };
        let Some(reference) = reference else {
            return Ok(self.reach(&place, plain.as_ref()).await?);
        };
        let guarded = Guarded { place, reference };
        let secret = self.secrets(&guarded.reference).get(&guarded.reference.json_key).await?;
        let store = match self.reach(&guarded.place, Some(&secret)).await {
            // A key that was changed a moment ago.
            Err(StoreError::AuthRefused) => match self.renewed(&guarded, &secret).await? {
                Some(store) => store,
                None => return Err(StoreError::AuthRefused.into()),
            },
            reached => reached?,
        };
        Ok(Arc::new(Renewing::new(self.clone(), guarded, secret, store)))
    }

    async fn table(&self, name: String) -> Arc<dyn EventStore> {
        let key = Key { place: format!("dynamodb {name}"), credentials: None };
        let open = async {
            let kept = self.0.answers.of(&name);
            let store = DynamoDb::new(Table::new(&self.0.aws, name), &self.0.clock).keeping_answers(kept);
            Arc::new(store) as Arc<dyn EventStore>
        };
        self.0.stores.get_with(key, open).await
    }

    /// The client that leads to `place`, made where there is none; what fails is not kept.
    async fn reach(&self, place: &Place, secret: Option<&SecretString>) -> Result<Arc<dyn EventStore>, StoreError> {
        let credentials = secret.map(|secret| Digest::of(secret.expose().as_bytes()));
        let key = Key { place: format!("{place:?}"), credentials };
        let opened = self.0.stores.try_get_with(key, Box::pin(place.open(secret))).await;
        // Those who waited for one that failed share its error, which is told as its first one is.
        opened.map_err(|error| Arc::try_unwrap(error).unwrap_or_else(|shared| shared.again()))
    }

    /// The client by the credentials that took the place of `refused`, if they were changed.
    ///
    /// # Errors
    ///
    /// [`NotOpened`].
    pub(super) async fn renewed(
        &self,
        guarded: &Guarded,
        refused: &SecretString,
    ) -> Result<Option<Arc<dyn EventStore>>, NotOpened> {
        let secrets = self.secrets(&guarded.reference);
        let renewed = secrets.refresh_after_refusal(&guarded.reference.json_key, refused).await?;
        let Some(secret) = renewed else { return Ok(None) };
        Ok(Some(self.reach(&guarded.place, Some(&secret)).await?))
    }

    fn secrets(&self, at: &SecretRef) -> Secrets {
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let config = || SecretsConfig { secret_id: at.secret_id.clone(), ..self.0.secrets.clone() };
        let new = || Secrets::new(self.0.aws.secrets_manager(), config(), &self.0.clock);
        known.entry(at.secret_id.clone()).or_insert_with(new).clone()
    }
}

impl Place {
    async fn open(&self, secret: Option<&SecretString>) -> Result<Arc<dyn EventStore>, StoreError> {
        let unnamed = StoreError::BadConfig("key_secret names no key");
        match self {
            Self::Firestore(place) => {
                let credentials = match (secret, &place.emulator) {
                    (_, Some(_)) => firestore::Credentials::Emulator,
                    (Some(key), None) => firestore::Credentials::ServiceAccount(key.clone()),
                    (None, None) => return Err(unnamed),
                };
                Ok(Arc::new(Firestore::open(place, credentials).await?))
            }
            Self::Cosmos(place) => {
                let key = secret.ok_or(unnamed)?.clone();
                Ok(Arc::new(Cosmos::open(place, cosmos::Credentials::Key(key)).await?))
            }
            Self::OfEntra(place, tenant, client) => {
                let (tenant, client, secret) = (tenant.clone(), client.clone(), secret.ok_or(unnamed)?.clone());
                let credentials = cosmos::Credentials::ClientSecret { tenant, client, secret };
                Ok(Arc::new(Cosmos::open(place, credentials).await?))
            }
        }
    }
}
