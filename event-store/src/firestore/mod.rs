//! The events of a collection of Firestore.
//!
//! | document, below the route's collection | field | holds |
//! | --- | --- | --- |
//! | `<tenant>/analytics_events/<CRC-32 of the event id>#<event id>` | `event` | the event as JSON |
//! | | `fingerprint` | what tells it from another of its name |
//! | | `event_time` | its time and its name, as the table of DynamoDB has them: one text that sorts |
//! | | each dimension, `user_id` and `session_id` | the digest of its value, where it has one |
//!
//! A tenant's events are a collection of their own, which every call names: no query reaches another's. An event is created under its
//! name and by nothing else, so that one that is sent again is found; each of a batch stands or falls for itself. What is asked for is found by
//! the server, through the indexes of `firestore.indexes.json`: the store asks for no index until a query needs it and then refuses the
//! query, and its emulator never does, so that a test here holds every query to that file.
//!
//! Calls go through the client that [`FirestoreDb`] has made, and not through its own methods: those tell the code of a refusal as text,
//! and write that text, with tenants' names in it, into the log.

mod credentials;
mod document;
mod read;
mod refusal;

use crate::{
    Deleted, Event, EventId, EventPage, EventQuery, EventStore, Position, PutOutcome, StoreError, store::ToPut,
};
use async_trait::async_trait;
use document::Collection;
use firestore::{FirestoreDb, FirestoreDbOptions};
use futures::{StreamExt, stream};
use gcloud_sdk::{
    GoogleAuthHeaders, GoogleAuthMiddleware, RequestTimeouts,
    google::firestore::v1::{
        BatchGetDocumentsRequest, BatchWriteRequest, Document, DocumentMask, Write,
        batch_get_documents_response::Result as Found, firestore_client::FirestoreClient,
    },
    prost::Message,
};
use refusal::{cut, garbled, refusal, refusal_of, unreachable};
use shared::{routes, secrets::SecretString, tenant::TenantScope};
use std::{collections::HashMap, fmt, time::Duration};
use tokio::time::{sleep, timeout};
use tonic::{Code, Request, Response, Status};

/// The database of a project that has one.
pub const DEFAULT_DATABASE: &str = "(default)";
/// Google's own address.
const GOOGLE: &str = "https://firestore.googleapis.com";
/// How long a call may take unless said, and the first connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a call is made that fails for the moment. What it does is done once, however often it is made.
const TRIES: u32 = 2;
/// How long it waits before it is made again.
const PAUSE: Duration = Duration::from_millis(100);
/// The most events that one call puts.
const MOST_WRITES: usize = 500;
/// The most bytes of them: a call may have 10 MiB in all, and one to the emulator 4.
const MOST_BYTES: usize = 3 * 1024 * 1024;
/// How many such calls are made at once.
const AT_ONCE: usize = 4;

/// Where events lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The project.
    pub project_id: String,
    /// The database: [`DEFAULT_DATABASE`] where the route names none.
    pub database: String,
    /// The collection: an odd number of names between `/`.
    pub collection_path: String,
    /// The host and port of an emulator, in place of Google.
    pub emulator: Option<String>,
}

impl Place {
    /// Where a route leads. `emulator` is the host and port of the stack's emulator, which a route with `use_emulator` is to.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadConfig`] where the stack has none.
    pub fn of(route: &routes::Firestore, emulator: Option<&str>) -> Result<Self, StoreError> {
        let emulator = match (route.use_emulator, emulator) {
            (false, _) => None,
            (true, Some(host)) => Some(host.to_owned()),
            (true, None) => return Err(StoreError::BadConfig("the stack has no emulator of Firestore")),
        };
        Ok(Self {
            project_id: route.project_id.clone(),
            database: route.database.clone().unwrap_or_else(|| DEFAULT_DATABASE.to_owned()),
            collection_path: route.collection_path.clone(),
            emulator,
        })
    }
}

/// With what the store is asked.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// The key of a service account, as the JSON that Google hands out.
    ServiceAccount(SecretString),
    /// What an emulator takes its owner by.
    Emulator,
}

/// The events of a collection of Firestore; cheap to clone.
#[derive(Clone)]
pub struct Firestore {
    db: FirestoreDb,
    collection_path: String,
    patience: Duration,
}

impl fmt::Debug for Firestore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = (self.db.get_database_path(), &self.collection_path);
        f.debug_tuple("Firestore").field(&at).finish()
    }
}

type Client = FirestoreClient<GoogleAuthMiddleware>;

impl Firestore {
    /// Connects to the store at `place`.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadConfig`] where the key is not of its form, or is one for an emulator; [`StoreError::Unavailable`] where nothing
    /// answers.
    pub async fn open(place: &Place, credentials: Credentials) -> Result<Self, StoreError> {
        let (auth, url) = match (&place.emulator, credentials) {
            (None, Credentials::ServiceAccount(key)) => (credentials::of_key(&key).await?, GOOGLE.to_owned()),
            (Some(host), Credentials::Emulator) => (credentials::of_emulator(), format!("http://{host}")),
            (None, Credentials::Emulator) => return Err(StoreError::BadConfig("key_secret names no key")),
            (Some(_), Credentials::ServiceAccount(_)) => {
                return Err(StoreError::BadConfig("an emulator is shown no key"));
            }
        };
        Self::connect(place, url, auth).await
    }

    async fn connect(place: &Place, url: String, auth: GoogleAuthHeaders) -> Result<Self, StoreError> {
        // The address is said here, since the crate would else take one from the environment.
        let options = FirestoreDbOptions::new(place.project_id.clone())
            .with_database_id(place.database.clone())
            .with_firebase_api_url(url);
        let connected = timeout(PATIENCE, FirestoreDb::with_options_auth(options, auth)).await;
        let db = connected.map_err(unreachable)?.map_err(unreachable)?;
        Ok(Self { db, collection_path: place.collection_path.clone(), patience: PATIENCE })
    }

    /// The same store, each of whose calls may take so long in place of five seconds.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    fn collection(&self, tenant: &TenantScope) -> Collection {
        Collection::of(self.db.get_documents_path(), &self.collection_path, tenant)
    }

    /// Makes a call, and once more where it fails for the moment.
    async fn ask<M: Clone, T, F>(&self, message: M, send: impl Fn(Client, Request<M>) -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let mut tries = 1;
        loop {
            let mut request = Request::new(message.clone());
            request.extensions_mut().insert(RequestTimeouts::new().with_total(self.patience));
            match send(self.db.client().get(), request).await {
                Err(status) if tries < TRIES && refusal::passes(&status) => sleep(PAUSE).await,
                done => return done,
            }
            tries += 1;
        }
    }

    /// Makes writes, each for itself, and once more those that failed for the moment: the code with which each ended, in their order.
    async fn write(&self, writes: Vec<Write>) -> Result<Vec<(Code, String)>, Status> {
        let mut ended = self.write_once(writes.clone()).await?;
        let failed: Vec<usize> = (0..ended.len()).filter(|place| refusal::passes_of(ended[*place].0)).collect();
        if !failed.is_empty() {
            sleep(PAUSE).await;
            let again = failed.iter().map(|place| writes[*place].clone()).collect();
            // Where this fails as a whole, what was told before still holds.
            for (place, end) in failed.into_iter().zip(self.write_once(again).await.unwrap_or_default()) {
                ended[place] = end;
            }
        }
        Ok(ended)
    }

    async fn write_once(&self, writes: Vec<Write>) -> Result<Vec<(Code, String)>, Status> {
        let count = writes.len();
        let request = BatchWriteRequest { database: self.db.get_database_path().clone(), writes, ..Default::default() };
        let answer =
            self.ask(request, |mut client, request| async move {
                client.batch_write(request).await.map(Response::into_inner)
            })
            .await?;
        if answer.status.len() != count || answer.write_results.len() != count {
            return Err(garbled("an answer tells of another number of writes than were made"));
        }
        Ok(answer.status.into_iter().map(|status| (Code::from(status.code), status.message)).collect())
    }

    /// The documents of these names, or of each that there is none.
    async fn read(
        &self,
        names: Vec<String>,
        fields: Option<&str>,
    ) -> Result<HashMap<String, Option<Document>>, Status> {
        let mask = fields.map(|field| DocumentMask { field_paths: vec![field.to_owned()] });
        let request = BatchGetDocumentsRequest {
            database: self.db.get_database_path().clone(),
            documents: names.clone(),
            mask,
            ..Default::default()
        };
        let found = self
            .ask(request, |mut client, request| async move {
                let mut answers = client.batch_get_documents(request).await?.into_inner();
                let mut found = HashMap::new();
                while let Some(answer) = answers.message().await? {
                    match answer.result {
                        Some(Found::Found(document)) => found.insert(document.name.clone(), Some(document)),
                        Some(Found::Missing(name)) => found.insert(name, None),
                        None => None,
                    };
                }
                Ok(found)
            })
            .await?;
        let whole = found.len() == names.len() && names.iter().all(|name| found.contains_key(name));
        if whole { Ok(found) } else { Err(garbled("an answer tells of other documents than were asked for")) }
    }

    /// Puts events in one call; what became of each, in their order.
    async fn put_some(&self, some: Vec<(&ToPut, Write)>) -> Vec<Result<PutOutcome, StoreError>> {
        let (puts, writes): (Vec<&ToPut>, Vec<Write>) = some.into_iter().unzip();
        let names: Vec<String> = writes.iter().filter_map(document::name).collect();
        let ended = match self.write(writes).await {
            Ok(ended) => ended,
            Err(status) => return puts.iter().map(|_| Err(refusal(&status))).collect(),
        };
        let stand =
            |(name, (code, _)): (&String, &(Code, String))| (*code == Code::AlreadyExists).then(|| name.clone());
        let standing: Vec<String> = names.iter().zip(&ended).filter_map(stand).collect();
        let standing = match standing.is_empty() {
            true => Ok(HashMap::new()),
            false => self.read(standing, Some(document::FINGERPRINT)).await,
        };
        let outcome = |((put, name), (code, said)): ((&ToPut, &String), &(Code, String))| match code {
            Code::Ok => Ok(PutOutcome::Stored),
            Code::AlreadyExists => match standing.as_ref().map_err(refusal)?.get(name).and_then(Option::as_ref) {
                Some(stands) if document::fingerprint(stands)? == put.fingerprint => Ok(PutOutcome::Duplicate),
                Some(_) => Ok(PutOutcome::Conflict),
                None => Err(cut("an event that was there is gone since")),
            },
            code => Err(refusal_of(*code, said)),
        };
        puts.into_iter().zip(&names).zip(&ended).map(outcome).collect()
    }
}

#[async_trait]
impl EventStore for Firestore {
    async fn put(&self, tenant: &TenantScope, events: &[ToPut]) -> Vec<Result<PutOutcome, StoreError>> {
        let collection = self.collection(tenant);
        let mut calls: Vec<Vec<(&ToPut, Write)>> = vec![];
        let mut unwritten = HashMap::new();
        let mut bytes = 0;
        for (place, put) in events.iter().enumerate() {
            let write = match collection.create(put) {
                Ok(write) => write,
                Err(error) => {
                    unwritten.insert(place, error);
                    continue;
                }
            };
            bytes += write.encoded_len();
            match calls.last_mut() {
                Some(call) if call.len() < MOST_WRITES && bytes <= MOST_BYTES => call.push((put, write)),
                _ => {
                    bytes = write.encoded_len();
                    calls.push(vec![(put, write)]);
                }
            }
        }
        let calls: Vec<_> = calls.into_iter().map(|some| self.put_some(some)).collect();
        let mut done = stream::iter(calls).buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter().flatten();
        let outcome = |place| match unwritten.remove(&place) {
            Some(error) => Err(error),
            None => done.next().unwrap_or_else(|| Err(cut("nothing is told of an event"))),
        };
        (0..events.len()).map(outcome).collect()
    }

    async fn query(
        &self,
        tenant: &TenantScope,
        query: &EventQuery,
        limit: usize,
        after: Option<&Position>,
    ) -> Result<EventPage, StoreError> {
        read::page(self, &self.collection(tenant), query, limit, after).await
    }

    async fn get(&self, tenant: &TenantScope, id: &EventId) -> Result<Option<Event>, StoreError> {
        let collection = self.collection(tenant);
        let found = self.read(vec![collection.name(id)], None).await.map_err(|status| refusal(&status))?;
        found.into_values().flatten().next().map(|document| collection.event(&document)).transpose()
    }

    async fn delete(&self, tenant: &TenantScope, id: &EventId) -> Result<Deleted, StoreError> {
        // A batch of one: there, and only there, "no such document" is told apart from "no such database".
        let ended = self.write(vec![self.collection(tenant).delete(id)]).await.map_err(|status| refusal(&status))?;
        match ended.as_slice() {
            [(Code::Ok, _)] => Ok(Deleted::Gone),
            [(Code::NotFound, _)] => Ok(Deleted::NotThere),
            [(code, said)] => Err(refusal_of(*code, said)),
            _ => Err(cut("nothing is told of a deletion")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tokio::{io::AsyncReadExt, net::TcpListener};

    #[tokio::test]
    async fn google_is_greeted_over_tls() {
        assert!(GOOGLE.starts_with("https://"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let heard = tokio::spawn(async move {
            let mut begin = [0; 2];
            listener.accept().await.unwrap().0.read_exact(&mut begin).await.unwrap();
            begin
        });
        let place = Place {
            project_id: "acme".to_owned(),
            database: DEFAULT_DATABASE.to_owned(),
            collection_path: "a".to_owned(),
            emulator: None,
        };
        let hung_up = Firestore::connect(&place, url, credentials::of_emulator()).await.unwrap_err();
        assert!(matches!(hung_up, StoreError::Unavailable(_)), "{hung_up:?}");
        assert_eq!(heard.await.unwrap(), [22, 3], "a handshake of TLS");
    }

    #[test]
    fn a_route_leads_to_its_place_and_to_an_emulator_only_where_it_says_so() {
        let place = |config: serde_json::Value, emulator| {
            let config = config.as_object().unwrap();
            let kind = routes::ResourceKind::AnalyticsStore;
            match routes::Backend::parse(kind, "firestore", config).unwrap() {
                routes::Backend::Firestore(route) => Place::of(&route, emulator),
                other => panic!("{other:?}"),
            }
        };
        let live = json!({"project_id": "acme", "collection_path": "a/b/c", "key_secret": "stores#firestore"});
        let due = |database: &str, emulator: Option<&str>| Place {
            project_id: "acme".to_owned(),
            database: database.to_owned(),
            collection_path: "a/b/c".to_owned(),
            emulator: emulator.map(ToOwned::to_owned),
        };
        assert_eq!(place(live, Some("127.0.0.1:8080")).unwrap(), due("(default)", None));
        let there =
            json!({"project_id": "acme", "collection_path": "a/b/c", "use_emulator": true, "database": "events"});
        assert_eq!(place(there.clone(), Some("127.0.0.1:8080")).unwrap(), due("events", Some("127.0.0.1:8080")));
        assert!(matches!(place(there, None), Err(StoreError::BadConfig(_))));
    }
}
