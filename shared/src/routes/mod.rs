//! Where a tenant's data lives: the shape in which the routing registry and those who follow a route meet.
//!
//! A route says for one kind of resource, one tenant and one environment which backend it is. The system tenant
//! ([`tenant::SYSTEM`]) keeps them, and its rows hold each route twice, written in one transaction:
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | listed | `T#t_system#ROUTES` | `<kind>#<tenant>#<env>` | [`Route`]: what the registry lists and changes |
//! | served | `T#t_system#ROUTE#<tenant>` | `<kind>#<env>` | the same: what a tenant's request follows |
//! | missing | `T#t_system#MISSINGROUTES` | `<kind>#<tenant>#<env>` | [`Route`] with `removed_at`: a required route that was removed |
//!
//! A tenant's session may get the served rows of its own and those of the system tenant, and nothing else of the system tenant's: the
//! guard and the roles both say so. A required route that was removed stays as a served row with `removed_at`, without its config, which
//! is as good as none and tells the tenant's administrators what they lack.
//!
//! Looking up is exact. Where the tenant has no route, the system tenant's own counts if, and only if, it says `inherit`.

mod backend;
mod plain;
mod probe;
mod reader;
mod route;
#[cfg(test)]
mod tests;

pub use backend::{Backend, BadBackend, Cosmos, DynamoDb, Firestore, MAX_CONFIG_BYTES, SecretRef};
pub use plain::{MASK, plaintext, redacted};
pub use probe::{PROBE_PATH, Probed, Step, ToProbe};
pub use reader::{CacheTime, Routes};
pub use route::{BadRouteName, Environment, ResourceKind, Route, RouteKey};

use crate::{ids::TenantId, table::Key};

/// The partition of the routes that the registry lists.
pub const LISTED: &str = "ROUTES";
/// The partition of required routes that were removed.
pub const MISSING: &str = "MISSINGROUTES";
/// What the partition of a tenant's served routes begins with.
pub const SERVED: &str = "ROUTE#";

/// Where the registry lists a route.
pub fn listed(key: &RouteKey) -> Key {
    Key::new(LISTED, key.sort())
}

/// Where a tenant's request finds its route.
pub fn served(key: &RouteKey) -> Key {
    served_to(&key.tenant_id, key.resource_kind, &key.env)
}

/// Where a required route stands while it is missing.
pub fn missing(key: &RouteKey) -> Key {
    Key::new(MISSING, key.sort())
}

fn served_to(tenant: &TenantId, kind: ResourceKind, env: &Environment) -> Key {
    Key::new(format!("{SERVED}{tenant}"), format!("{kind}#{env}"))
}
