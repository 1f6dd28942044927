//! The events of a container of Cosmos DB, whose partition key is `/pk`.
//!
//! | `pk` | `id` | `event_time` | `person`, `session_id`, dimensions | `event`, `fingerprint` |
//! | --- | --- | --- | --- | --- |
//! | `<tenant>#<shard>` | the event's name with `~` for `#` | time and name | what is filtered by, where the event has it | the event as JSON |
//!
//! An event lies under its name alone, spread as in DynamoDB over [`SHARDS`](crate::SHARDS) partitions, so that what is put twice is a conflict
//! of ids, and a deletion names one item. An id may hold no `#`; `~` is in no event's name, so that the spelling can be turned back. One
//! member holds time and name together: sorting by it needs no index beyond those that every container has.
//!
//! Every query names its partition in the text and beside it, and has neither `GROUP BY` nor `OFFSET`. Reads ask for the latest version that
//! is committed: what was deleted is found by no instance from that moment on, as long as one region is read and written.

mod credentials;
mod fault;
mod read;

pub use credentials::Credentials;

use crate::{
    Deleted, Event, EventId, EventPage, EventQuery, EventStore, Position, PutOutcome, StoreError,
    dimension::Dimension,
    keys::{person, shard, time_key},
    store::ToPut,
};
use async_trait::async_trait;
use azure_core::http::StatusCode;
use azure_data_cosmos::{
    AccountEndpoint, AccountReference, ContainerClient, CosmosClient, CosmosRuntime, RoutingStrategy,
    options::{
        AvailabilityStrategy, BinaryEncodingOptions, ConnectionPoolOptions, EndToEndOperationLatencyPolicy,
        OperationOptions, OperationOptionsBuilder, ReadConsistencyStrategy, ThrottlingRetryOptionsBuilder,
    },
};
use fault::{absent, conflicts, odd, refusal, within};
use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{digest::Digest, fetch::Transport, tenant::TenantScope};
use std::{fmt, time::Duration};

/// How many events are put at once.
const AT_ONCE: usize = 32;
/// How long one call may take with all its tries.
const CALL: Duration = Duration::from_secs(5);
/// How long a container may take to be found: what is asked before a first call.
const OPEN: Duration = Duration::from_secs(8);
/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(2);
/// How long one try may take.
const ATTEMPT: Duration = Duration::from_secs(3);
/// How often what is refused as too much is tried again, and for how long together.
const THROTTLED_TRIES: u32 = 2;
const THROTTLED_WAIT: Duration = Duration::from_secs(1);

/// Where a container is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The account's address: HTTPS, or plain HTTP to an emulator of this machine.
    pub endpoint: String,
    /// The database.
    pub database_id: String,
    /// The container.
    pub container_id: String,
}

/// The events of a container of Cosmos DB; cheap to clone.
#[derive(Clone)]
pub struct Cosmos(ContainerClient);

impl fmt::Debug for Cosmos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cosmos")
    }
}

impl Cosmos {
    /// Finds a container, which costs some four calls: keep what comes of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadConfig`] where the address or the credentials are of no use, or there is no such container, and whatever stands in the
    /// way of asking.
    pub async fn open(place: &Place, credentials: Credentials) -> Result<Self, StoreError> {
        let (endpoint, transport) = address(&place.endpoint)?;
        Self::find(place, credentials.of(endpoint)?, transport).await
    }

    async fn find(place: &Place, account: AccountReference, transport: Transport) -> Result<Self, StoreError> {
        name_crypto();
        let opening = async {
            let runtime = CosmosRuntime::builder().with_connection_pool(connections(transport)?).build().await?;
            let client = CosmosClient::builder()
                .with_runtime(runtime)
                .with_default_operation_options(operations())
                .with_binary_encoding_options(BinaryEncodingOptions::new().with_enabled(false))
                .build(account, RoutingStrategy::PreferredRegions(vec![]))
                .await?;
            client.database_client(place.database_id.clone()).container_client(place.container_id.clone(), None).await
        };
        within(OPEN, opening).await?.map(Self).map_err(|error| refusal(&error))
    }

    async fn put_one(&self, tenant: &TenantScope, put: &ToPut) -> Result<PutOutcome, StoreError> {
        let (pk, id) = place_of(tenant, &put.event.event_id);
        let item = Item::of(&pk, &id, put)?;
        // What stands may be deleted before it can be read: then there is room, once more.
        for _ in 0..2 {
            match within(CALL, self.0.create_item(pk.clone(), &id, &item, None)).await? {
                Ok(told) if told.status() == StatusCode::Created => return Ok(PutOutcome::Stored),
                Ok(_) => return Err(StoreError::Form(odd("an event was put, and nothing created"))),
                Err(error) if conflicts(&error) => {}
                Err(error) => return Err(refusal(&error)),
            }
            if let Some(stands) = self.item(tenant, &put.event.event_id).await? {
                let same = stands.fingerprint == put.fingerprint;
                return Ok(if same { PutOutcome::Duplicate } else { PutOutcome::Conflict });
            }
        }
        Err(StoreError::Unavailable(odd("there is an event of this name, and none")))
    }

    async fn item(&self, tenant: &TenantScope, event_id: &EventId) -> Result<Option<Item>, StoreError> {
        let (pk, id) = place_of(tenant, event_id);
        let found = match within(CALL, self.0.read_item(pk.clone(), &id, None)).await? {
            Ok(found) => found.into_model::<Item>().map_err(|error| refusal(&error))?,
            Err(error) if absent(&error) => return Ok(None),
            Err(error) => return Err(refusal(&error)),
        };
        if found.pk != pk || found.id != id {
            return Err(StoreError::Form(odd("the answer is another item than the one that was asked for")));
        }
        Ok(Some(found))
    }
}

/// Names the crypto library to who asks for the process's own: the client's choice would be a second one. It may have been named before.
fn name_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// An event as the container holds it.
#[derive(Debug, Serialize, Deserialize)]
struct Item {
    id: String,
    pk: String,
    event_time: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    /// As one text, which comes back to the letter, whatever numbers a payload has.
    event: String,
    fingerprint: Digest,
    /// The dimensions that the event has; read back with what Cosmos DB adds.
    #[serde(flatten)]
    dimensions: Map<String, Value>,
}

impl Item {
    fn of(pk: &str, id: &str, put: &ToPut) -> Result<Self, StoreError> {
        let event = &put.event;
        let dimension = |of: Dimension| event.dimension(of).map(|value| (of.to_string(), value.into()));
        Ok(Self {
            id: id.to_owned(),
            pk: pk.to_owned(),
            event_time: time_key(event.timestamp, Some(&event.event_id)),
            person: event.user_id.as_deref().map(person),
            session_id: event.session_id.clone(),
            event: serde_json::to_string(event).map_err(|error| StoreError::Form(error.into()))?,
            fingerprint: put.fingerprint,
            dimensions: Dimension::ALL.into_iter().filter_map(dimension).collect(),
        })
    }
}

/// The partition and the id of an event.
fn place_of(tenant: &TenantScope, event_id: &EventId) -> (String, String) {
    (partition(tenant, shard(event_id)), event_id.as_str().replace('#', "~"))
}

fn partition(tenant: &TenantScope, shard: u32) -> String {
    format!("{}#{shard}", tenant.tenant())
}

/// An event out of its text.
fn event(text: &str) -> Result<Event, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Form(error.into()))
}

/// An account's address, and how it is reached.
fn address(endpoint: &str) -> Result<(AccountEndpoint, Transport), StoreError> {
    let bad = || StoreError::BadConfig("its endpoint is no address of an account of Cosmos DB");
    let uri: http::Uri = endpoint.parse().map_err(|_| bad())?;
    let bare = matches!(uri.path(), "" | "/") && uri.query().is_none() && !endpoint.contains('#');
    let transport = Transport::of(&uri).filter(|_| bare).ok_or_else(bad)?;
    Ok((endpoint.parse().map_err(|_| bad())?, transport))
}

fn connections(transport: Transport) -> azure_data_cosmos::Result<ConnectionPoolOptions> {
    ConnectionPoolOptions::builder()
        .with_max_connect_timeout(CONNECT)
        .with_max_dataplane_request_timeout(ATTEMPT)
        .with_max_metadata_request_timeout(ATTEMPT)
        // An emulator speaks HTTP/1.1.
        .with_is_http2_allowed(transport == Transport::Tls)
        // The one gateway that emulators have, so that what is tested is what is used.
        .with_gateway_v2_disabled(true)
        .build()
}

/// What holds for every call: a request of ours is over long before the client's own bounds.
fn operations() -> OperationOptions {
    let throttled = ThrottlingRetryOptionsBuilder::new()
        .with_max_retry_count(THROTTLED_TRIES)
        .with_max_retry_wait_time(THROTTLED_WAIT)
        .build();
    OperationOptionsBuilder::new()
        .with_read_consistency_strategy(ReadConsistencyStrategy::LatestCommitted)
        // A second region may be behind.
        .with_availability_strategy(AvailabilityStrategy::Disabled)
        .with_end_to_end_latency_policy(EndToEndOperationLatencyPolicy::new(CALL))
        .with_throttling_retry_options(throttled)
        .with_max_failover_retry_count(1)
        .with_max_session_retry_count(1)
        .build()
}

#[async_trait]
impl EventStore for Cosmos {
    async fn put(&self, tenant: &TenantScope, events: &[ToPut]) -> Vec<Result<PutOutcome, StoreError>> {
        let calls: Vec<_> = events.iter().map(|put| Box::pin(self.put_one(tenant, put))).collect();
        stream::iter(calls).buffered(AT_ONCE).collect().await
    }

    async fn query(
        &self,
        tenant: &TenantScope,
        query: &EventQuery,
        limit: usize,
        after: Option<&Position>,
    ) -> Result<EventPage, StoreError> {
        read::page(&self.0, tenant, query, limit, after).await
    }

    async fn get(&self, tenant: &TenantScope, id: &EventId) -> Result<Option<Event>, StoreError> {
        self.item(tenant, id).await?.map(|item| event(&item.event)).transpose()
    }

    async fn delete(&self, tenant: &TenantScope, id: &EventId) -> Result<Deleted, StoreError> {
        let (pk, id) = place_of(tenant, id);
        match within(CALL, self.0.delete_item(pk, &id, None)).await? {
            Ok(told) if told.status() == StatusCode::NoContent => Ok(Deleted::Gone),
            Ok(_) => Err(StoreError::Form(odd("an event was deleted, and the answer says something else"))),
            Err(error) if absent(&error) => Ok(Deleted::NotThere),
            Err(error) => Err(refusal(&error)),
        }
    }
}

#[cfg(test)]
mod tests;
