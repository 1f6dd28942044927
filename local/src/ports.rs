//! Where the bundle's servers listen: loopback, at the port asked for or the next that is free.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};
use tokio::net::TcpListener;

/// How many ports after the one asked for are tried.
const TRIES: u16 = 200;

/// The ports asked for. Zero stands for any free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The gateway.
    pub gateway: u16,
    /// DynamoDB.
    pub dynamodb: u16,
    /// S3.
    pub s3: u16,
    /// Secrets Manager.
    pub secrets_manager: u16,
    /// The issuer's keys.
    pub issuer: u16,
    /// Lambda's own API, by which functions ask each other.
    pub lambda: u16,
}

impl Ports {
    /// Any free port for each.
    pub const ANY: Self = Self { gateway: 0, dynamodb: 0, s3: 0, secrets_manager: 0, issuer: 0, lambda: 0 };

    /// The gateway at `first`, and the stores and the rest at the five ports after it.
    pub fn from(first: u16) -> Self {
        let port = |offset: u16| first.checked_add(offset).unwrap_or(0);
        Self {
            gateway: first,
            dynamodb: port(1),
            s3: port(2),
            secrets_manager: port(3),
            issuer: port(4),
            lambda: port(5),
        }
    }
}

/// Listens on loopback at `port`, or at the next free one after it; at any free one for zero.
///
/// # Errors
///
/// When the 200 ports after it are taken too, or the system refuses for another reason.
pub async fn bind(port: u16) -> Result<TcpListener> {
    for candidate in port..=port.saturating_add(if port == 0 { 0 } else { TRIES }) {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, candidate)).await {
            Ok(listener) => return Ok(listener),
            Err(error) if matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bail!("no port from {port} to {} is free", port.saturating_add(TRIES))
}

/// Where a running bundle answers: `.smartstore/endpoints.json`, for the commands of a second shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// `http://127.0.0.1:9000`
    pub gateway: String,
    /// DynamoDB's endpoint.
    pub dynamodb: String,
    /// S3's endpoint.
    pub s3: String,
    /// Secrets Manager's endpoint.
    pub secrets_manager: String,
    /// The issuer; its keys are at `/x509`.
    pub issuer: String,
    /// Lambda's endpoint.
    pub lambda: String,
}

impl Addresses {
    const FILE: &str = "endpoints.json";

    /// The URL of the issuer's keys: `FIREBASE_KEYS_URL`.
    pub fn keys_url(&self) -> String {
        format!("{}/x509", self.issuer)
    }

    /// What the bundle that runs on the folder `state` wrote down; `None` where none did.
    ///
    /// A bundle that was killed leaves the file behind: only who is answered at the address knows that one runs.
    pub fn read(state: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(state.join(Self::FILE)).ok()?).ok()
    }

    pub(crate) fn write(&self, state: &Path) -> Result<()> {
        Ok(fs::write(state.join(Self::FILE), serde_json::to_vec_pretty(self)?)?)
    }

    pub(crate) fn forget(state: &Path) {
        // Gone already is as good.
        let _ = fs::remove_file(state.join(Self::FILE));
    }
}

pub(crate) fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}
