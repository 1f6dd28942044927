//! What the function needs to be told.

use crate::Policy;
use shared::{
    config::{ConfigError, Env},
    routes::{CacheTime, Environment},
    secrets::SecretsConfig,
    web::{FrontConfig, context::Labs},
};

/// The settings of `ingest`; [`Config::read`] says where they come from.
#[derive(Clone, Debug)]
pub struct Config {
    /// The table of routes: `TABLE_NAME`.
    pub table: String,
    /// Which pages may call, and whose tokens hold.
    pub front: FrontConfig,
    /// The environment's secret, for the key of cursors: `SECRET_ID` and the times it is kept.
    pub secrets: SecretsConfig,
    /// The stack's own environment, whose routes count: `DEPLOY_ENV`.
    pub environment: Environment,
    /// Which tenants are labs: `ALLOW_LAB_MODE`, `LAB_TENANTS`.
    pub labs: Labs,
    /// How long what was read of a route serves: `ROUTE_CACHE_SECONDS`.
    pub routes_for: CacheTime,
    /// What becomes of personal data in payloads: `ANALYTICS_PII`, `hash` unless it says `reject` or `allow`.
    pub pii: Policy,
    /// Where routes with `use_emulator` lead: `FIRESTORE_EMULATOR_HOST`, a host and port, as Google's own clients read it.
    pub firestore_emulator: Option<String>,
    /// How many refused events are kept for a tenant: `ANALYTICS_FAILED_MAX`, 10,000 unless said.
    pub most_failed: u32,
}

impl Config {
    /// Reads the settings from `env`, where each field's doc names its variable.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names everything that is missing or out of range at once.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let config = Self {
            table: env.required("TABLE_NAME"),
            front: FrontConfig::from_env(&mut env),
            secrets: SecretsConfig::from_env(&mut env),
            environment: Environment::from_env(&mut env),
            labs: Labs::from_env(&mut env),
            routes_for: CacheTime::from_env(&mut env),
            pii: env.parsed("ANALYTICS_PII", Policy::Hash),
            firestore_emulator: env.optional("FIRESTORE_EMULATOR_HOST").filter(|host| !host.is_empty()),
            most_failed: env.within("ANALYTICS_FAILED_MAX", 10_000, 0..=100_000),
        };
        env.finish(config)
    }
}
