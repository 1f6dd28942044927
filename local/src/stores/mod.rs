//! The embedded stores, each a server on loopback that speaks AWS's own protocol.

pub(crate) mod dynamo;
pub(crate) mod functions;
pub(crate) mod objects;
mod secret_book;
pub(crate) mod secrets;

pub(crate) use secret_book::private;

/// The credentials that the laptop's stores know. They open nothing but those.
pub const ACCESS_KEY: &str = "smartstore-local";
/// The secret of [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "smartstore-local-secret";
/// The region that requests to the laptop's stores are signed for.
pub const REGION: &str = "us-east-1";
