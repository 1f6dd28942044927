//! What a route leads to, and how it is reached. A value of these types is of the right form; whether it answers is another question.

use super::ResourceKind;
use crate::{fetch::Transport, private::Private, web::extract::unquoted};
use http::Uri;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::{fmt, net::IpAddr, str::FromStr};

/// The most bytes of a config's JSON.
pub const MAX_CONFIG_BYTES: usize = 8 * 1024;
/// How deep a config of a kind without a form of its own may be.
const MAX_DEPTH: usize = 8;

/// A backend or config that is not of its form. It repeats no value of what was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadBackend(String);

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A collection of Firestore.
    Firestore(Firestore),
    /// A table of DynamoDB.
    DynamoDb(DynamoDb),
    /// A container of Cosmos DB.
    Cosmos(Cosmos),
    /// A resource other than an analytics store: its config is for its reader alone.
    Other,
}

/// A collection of Firestore.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firestore {
    /// The project.
    pub project_id: String,
    /// The collection: an odd number of names between `/`.
    pub collection_path: String,
    /// Whether it is the emulator's.
    #[serde(default)]
    pub use_emulator: bool,
    /// The service account's key.
    #[serde(default)]
    pub key_secret: Option<SecretRef>,
    /// The database; `(default)` unless said.
    #[serde(default)]
    pub database: Option<String>,
}

/// A table of DynamoDB.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DynamoDb {
    /// The region.
    pub region: String,
    /// The table.
    pub table_name: String,
    /// Whether it is that of the laptop.
    #[serde(default)]
    pub use_local: bool,
}

/// A container of Cosmos DB, asked as one of three: with the account's key by `key_secret` or `key`, or as an application of Microsoft Entra by
/// the three members that begin with `entra_`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cosmos {
    /// The account's address: HTTPS, or an emulator's on this machine.
    pub endpoint: String,
    /// Where the account's key is.
    #[serde(default)]
    pub key_secret: Option<SecretRef>,
    /// The account's key itself, as only a lab takes it.
    #[serde(default)]
    pub key: Option<Private<String>>,
    /// The directory of Entra in which the application is.
    #[serde(default)]
    pub entra_tenant: Option<String>,
    /// The application's id there.
    #[serde(default)]
    pub entra_client: Option<String>,
    /// Where the application's secret is.
    #[serde(default)]
    pub entra_secret: Option<SecretRef>,
    /// The database.
    pub database_id: String,
    /// The container.
    pub container_id: String,
    /// Whether it is the emulator's.
    #[serde(default)]
    pub use_emulator: bool,
}

/// Where a secret is: `<secret id>#<json key>`, a name or ARN in Secrets Manager and a member of the JSON object there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct SecretRef {
    /// The secret's name or ARN.
    pub secret_id: String,
    /// The member.
    pub json_key: String,
}

impl FromStr for SecretRef {
    type Err = BadBackend;
    fn from_str(text: &str) -> Result<Self, BadBackend> {
        let form = "a reference to a secret is <secret id>#<json key>";
        let (secret_id, json_key) = text.split_once('#').ok_or_else(|| bad(form))?;
        if !is_made_of(secret_id, 512, "/_+=.@:-") || !is_made_of(json_key, 128, "_.-") {
            return Err(bad(form));
        }
        Ok(Self { secret_id: secret_id.to_owned(), json_key: json_key.to_owned() })
    }
}

impl TryFrom<String> for SecretRef {
    type Error = BadBackend;
    fn try_from(text: String) -> Result<Self, BadBackend> {
        text.parse()
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.secret_id, self.json_key)
    }
}

impl Backend {
    /// The backend that `config` describes.
    ///
    /// # Errors
    ///
    /// [`BadBackend`].
    pub fn parse(kind: ResourceKind, backend_type: &str, config: &Map<String, Value>) -> Result<Self, BadBackend> {
        let bytes = serde_json::to_vec(config).map_err(|why| BadBackend(unquoted(&why)))?.len();
        if bytes > MAX_CONFIG_BYTES {
            return Err(bad(&format!("a config has at most {MAX_CONFIG_BYTES} bytes")));
        }
        match (kind, backend_type) {
            (ResourceKind::AnalyticsStore, "firestore") => read(config, Firestore::checked).map(Self::Firestore),
            (ResourceKind::AnalyticsStore, "dynamodb") => read(config, DynamoDb::checked).map(Self::DynamoDb),
            (ResourceKind::AnalyticsStore, "cosmos") => read(config, Cosmos::checked).map(Self::Cosmos),
            (ResourceKind::AnalyticsStore, _) => Err(bad("backend_type is firestore, dynamodb or cosmos")),
            (_, other) if !other.starts_with(|c: char| c.is_ascii_lowercase()) || !is_made_of(other, 32, "_-") => {
                Err(bad("backend_type is 1 to 32 of a-z, 0-9, '_' and '-', beginning with a letter"))
            }
            _ => {
                if config.values().any(|value| depth(value) >= MAX_DEPTH) {
                    return Err(bad(&format!("a config is at most {MAX_DEPTH} deep")));
                }
                references(config).map(|()| Self::Other)
            }
        }
    }

    /// Whether it only stands in for a store: an emulator, or what a laptop embeds.
    pub fn stands_in(&self) -> bool {
        match self {
            Self::Firestore(at) => at.use_emulator,
            Self::DynamoDb(at) => at.use_local,
            Self::Cosmos(at) => at.use_emulator,
            Self::Other => false,
        }
    }
}

impl Firestore {
    fn checked(&self) -> Result<(), BadBackend> {
        need(is_lower(&self.project_id, 63), "project_id is 1 to 63 of a-z, 0-9 and '-', beginning with a letter")?;
        let names: Vec<&str> = self.collection_path.split('/').collect();
        let good = |name: &&str| {
            is_made_of(name, 255, "_.-")
                && !matches!(*name, "." | "..")
                && !(name.starts_with("__") && name.ends_with("__"))
        };
        let whole = self.collection_path.len() <= 1_024 && names.len() % 2 == 1 && names.iter().all(good);
        need(
            whole,
            "collection_path is an odd number of names of letters, digits, '_', '.' and '-', with '/' between them",
        )?;
        let database = self.database.as_deref().unwrap_or("(default)");
        need(database == "(default)" || is_lower(database, 63), "database is (default), or 1 to 63 of a-z, 0-9 and '-'")
    }
}

impl DynamoDb {
    fn checked(&self) -> Result<(), BadBackend> {
        let region = is_lower(&self.region, 32) && self.region.contains('-');
        need(region, "region is that of AWS, as eu-central-1 is")?;
        let table = self.table_name.len() >= 3 && is_made_of(&self.table_name, 255, "_.-");
        need(table, "table_name is 3 to 255 letters, digits, '_', '.' and '-'")
    }
}

impl Cosmos {
    fn checked(&self) -> Result<(), BadBackend> {
        let form = "endpoint is https://<account>.documents.azure.com, or with use_emulator an address of this machine";
        need(self.endpoint.len() <= 512 && is_endpoint(&self.endpoint, self.use_emulator), form)?;
        need(is_cosmos_name(&self.database_id), "database_id is 1 to 255 characters without / \\ # ? and controls")?;
        need(is_cosmos_name(&self.container_id), "container_id is 1 to 255 characters without / \\ # ? and controls")?;
        let plain = self.key.as_ref().is_none_or(|key| (1..=512).contains(&key.expose().len()));
        need(plain, "the account's key has 1 to 512 bytes")?;
        let named = |text: &Option<String>| text.as_ref().is_none_or(|text| is_made_of(text, 253, ".-"));
        let form = "entra_tenant and entra_client are each 1 to 253 letters, digits, '.' and '-'";
        need(named(&self.entra_tenant) && named(&self.entra_client), form)?;
        let entra = [self.entra_tenant.is_some(), self.entra_client.is_some(), self.entra_secret.is_some()];
        let ways = [self.key_secret.is_some(), self.key.is_some(), entra.contains(&true)];
        let whole = !entra.contains(&true) || !entra.contains(&false);
        let form =
            "credentials are key_secret: <secret id>#<json key>, or else entra_tenant, entra_client and entra_secret";
        need(whole && ways.into_iter().filter(|way| *way).count() == 1, form)
    }
}

/// Whether an account may be there. A name is asked for, since an address of numbers is one of somebody's inner network more often than
/// an account; what a name leads to is held to its certificate.
fn is_endpoint(text: &str, emulator: bool) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let bare = uri.query().is_none() && matches!(uri.path(), "" | "/") && !text.contains('#');
    let host = uri.host().unwrap_or_default();
    let local = host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let named = || {
        let last = host.rsplit('.').next().unwrap_or_default();
        host.contains('.') && last.len() >= 2 && last.starts_with(|c: char| c.is_ascii_alphabetic())
    };
    bare && match Transport::of(&uri) {
        Some(Transport::Tls) => {
            if emulator {
                local
            } else {
                named()
            }
        }
        Some(Transport::Loopback) => emulator,
        None => false,
    }
}

fn is_cosmos_name(name: &str) -> bool {
    let odd = |c: char| c.is_control() || matches!(c, '/' | '\\' | '#' | '?');
    (1..=255).contains(&name.chars().count()) && name.trim() == name && !name.contains(odd)
}

/// Whether a text is 1 to `max` letters, digits and characters of `extra`.
fn is_made_of(text: &str, max: usize, extra: &str) -> bool {
    (1..=max).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
}

fn is_lower(text: &str, max: usize) -> bool {
    let plain = is_made_of(text, max, "-") && !text.contains(|c: char| c.is_ascii_uppercase());
    plain && text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-')
}

/// Holds every member whose name ends with `_secret` to the form of a reference, at any depth.
fn references(config: &Map<String, Value>) -> Result<(), BadBackend> {
    config.iter().try_for_each(|(name, value)| match value {
        Value::Null => Ok(()),
        Value::String(text) if name.ends_with("_secret") => text.parse::<SecretRef>().map(drop),
        _ if name.ends_with("_secret") => Err(bad("a reference to a secret is <secret id>#<json key>")),
        value => within(value),
    })
}

fn within(value: &Value) -> Result<(), BadBackend> {
    match value {
        Value::Object(members) => references(members),
        Value::Array(items) => items.iter().try_for_each(within),
        _ => Ok(()),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn read<T: DeserializeOwned>(
    config: &Map<String, Value>,
    check: impl Fn(&T) -> Result<(), BadBackend>,
) -> Result<T, BadBackend> {
    let read: T = serde_json::from_value(Value::Object(config.clone())).map_err(|why| BadBackend(unquoted(&why)))?;
    check(&read).map(|()| read)
}

fn need(holds: bool, form: &str) -> Result<(), BadBackend> {
    if holds { Ok(()) } else { Err(bad(form)) }
}

fn bad(form: &str) -> BadBackend {
    BadBackend(form.to_owned())
}
