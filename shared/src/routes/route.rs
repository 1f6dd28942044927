//! A route: for what, for whom, where to.

use super::{Backend, BadBackend, redacted};
use crate::{
    config::Env,
    ids::{PersonId, TenantId},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{fmt, str::FromStr};

/// What a route leads to. The list is closed: a kind that nobody reads would be a route that does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// Where analytics events are stored.
    AnalyticsStore,
    /// Where questions find their sources.
    RagIndex,
    /// Where artifacts are kept.
    ArtifactStore,
    /// What runs questions that became SQL.
    SqlEngine,
    /// Where the use of the product is counted.
    ProductAnalytics,
}

impl ResourceKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::AnalyticsStore, Self::RagIndex, Self::ArtifactStore, Self::SqlEngine, Self::ProductAnalytics];

    /// The kind as it stands in keys and bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AnalyticsStore => "analytics_store",
            Self::RagIndex => "rag_index",
            Self::ArtifactStore => "artifact_store",
            Self::SqlEngine => "sql_engine",
            Self::ProductAnalytics => "product_analytics",
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ResourceKind {
    type Err = BadRouteName;
    fn from_str(text: &str) -> Result<Self, BadRouteName> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(BadRouteName::Kind)
    }
}

/// A text that names no route, or no part of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRouteName {
    /// No kind of resource.
    #[error("resource_kind is analytics_store, rag_index, artifact_store, sql_engine or product_analytics")]
    Kind,
    /// No environment.
    #[error("an environment is 1 to 32 of a-z, 0-9, '_' and '-', beginning with a letter")]
    Environment,
    /// No name of a route.
    #[error("the id of a route is <resource_kind>.<tenant_id>.<env>")]
    Id,
}

/// Names an environment, as a stack's `DEPLOY_ENV` does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 1, max_length = 32, pattern = "^[a-z][a-z0-9_-]*$", example = "production")]
pub struct Environment(String);

impl Environment {
    /// The stack's own: `DEPLOY_ENV`, `development` unless said.
    pub fn from_env(env: &mut Env) -> Self {
        env.parsed("DEPLOY_ENV", Self("development".to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether real customers are served here, so that nothing that only stands in for a store will do.
    pub fn is_production(&self) -> bool {
        self.0 == "production"
    }
}

impl FromStr for Environment {
    type Err = BadRouteName;
    fn from_str(text: &str) -> Result<Self, BadRouteName> {
        let good = text.len() <= 32
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'));
        good.then(|| Self(text.to_owned())).ok_or(BadRouteName::Environment)
    }
}

impl TryFrom<String> for Environment {
    type Error = BadRouteName;
    fn try_from(text: String) -> Result<Self, BadRouteName> {
        text.parse()
    }
}

impl From<Environment> for String {
    fn from(name: Environment) -> Self {
        name.0
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What there is at most one route for. Its text is the route's id: `<resource_kind>.<tenant_id>.<env>`, none of which holds a dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RouteKey {
    /// What the route leads to.
    pub resource_kind: ResourceKind,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Where it counts.
    pub env: Environment,
}

impl RouteKey {
    /// The key as it stands in the registry's rows.
    pub(super) fn sort(&self) -> String {
        format!("{}#{}#{}", self.resource_kind, self.tenant_id, self.env)
    }
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.resource_kind, self.tenant_id, self.env)
    }
}

impl FromStr for RouteKey {
    type Err = BadRouteName;
    fn from_str(text: &str) -> Result<Self, BadRouteName> {
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(BadRouteName::Id);
        let resource_kind = part()?.parse()?;
        let tenant_id = part()?.parse().map_err(|_| BadRouteName::Id)?;
        let env = part()?.parse()?;
        match parts.next() {
            None => Ok(Self { resource_kind, tenant_id, env }),
            Some(_) => Err(BadRouteName::Id),
        }
    }
}

impl TryFrom<String> for RouteKey {
    type Error = BadRouteName;
    fn try_from(text: String) -> Result<Self, BadRouteName> {
        text.parse()
    }
}

impl From<RouteKey> for String {
    fn from(key: RouteKey) -> Self {
        key.to_string()
    }
}

/// A route, as the rows hold it. Its `Debug` shows no secret that its config may hold.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// What it is for, and its id.
    pub route_id: RouteKey,
    /// Which backend it leads to.
    pub backend_type: String,
    /// How that is reached: of the form that [`Backend`] checks.
    #[serde(with = "as_text")]
    pub config: Map<String, Value>,
    /// Whether the bundle is not well without it.
    pub required: bool,
    /// Whether tenants without a route of their own follow it. Only the system tenant's can say so.
    pub inherit: bool,
    /// Another text after each change.
    pub version: String,
    /// When it was first made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who changed it last.
    pub by: PersonId,
    /// The request that changed it last, where it came under an `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// When it was removed. Such a route leads nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<Timestamp>,
}

impl Route {
    /// The backend that it leads to.
    ///
    /// # Errors
    ///
    /// [`BadBackend`] where its config is not of the form that this build knows.
    pub fn backend(&self) -> Result<Backend, BadBackend> {
        Backend::parse(self.route_id.resource_kind, &self.backend_type, &self.config)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("route_id", &self.route_id.to_string())
            .field("backend_type", &self.backend_type)
            .field("config", &redacted(&self.config))
            .field("version", &self.version)
            .field("removed_at", &self.removed_at)
            .finish_non_exhaustive()
    }
}

/// A config as the text of its JSON, so that it comes back as it was sent.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de, ser};
    use serde_json::{Map, Value};

    pub(super) fn serialize<S: Serializer>(config: &Map<String, Value>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&serde_json::to_string(config).map_err(ser::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Map<String, Value>, D::Error> {
        let text = String::deserialize(from)?;
        serde_json::from_str(&text).map_err(|_| de::Error::custom("a config is the text of a JSON object"))
    }
}
