//! What the function needs to be told.

use shared::{
    config::{ConfigError, Env},
    routes::Environment,
    secrets::SecretsConfig,
    web::{FrontConfig, context::Labs},
};

/// The settings of `routing`; [`Config::read`] says where they come from.
#[derive(Clone, Debug)]
pub struct Config {
    /// The table of routes: `TABLE_NAME`.
    pub table: String,
    /// Which pages may call, and whose tokens hold.
    pub front: FrontConfig,
    /// The environment's secret, for the key of cursors: `SECRET_ID` and the times it is kept.
    pub secrets: SecretsConfig,
    /// The stack's own environment: `DEPLOY_ENV`.
    pub environment: Environment,
    /// Which tenants are labs: `ALLOW_LAB_MODE`, `LAB_TENANTS`.
    pub labs: Labs,
    /// The function that tries backends: `PROBE_FUNCTION`, its name; a dry run tries none where there is none.
    pub prober: Option<String>,
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
            secrets: SecretsConfig::from_env(&mut env),
            environment: Environment::from_env(&mut env),
            labs: Labs::from_env(&mut env),
            prober: env.optional("PROBE_FUNCTION").filter(|name| !name.is_empty()),
            front: FrontConfig::from_env(&mut env),
        };
        env.finish(config)
    }
}
