//! What the function needs to be told.

use shared::{
    auth::Verifier,
    clock::Clock,
    config::{ConfigError, Env},
    routes::Environment,
    secrets::SecretsConfig,
    web::{context::Labs, cors::AllowedOrigins},
};

/// The settings of `routing`; [`Config::read`] says where they come from.
#[derive(Clone, Debug)]
pub struct Config {
    /// The table of routes: `TABLE_NAME`.
    pub table: String,
    /// Browser origins that may call: `CORS_ALLOW_ORIGINS`.
    pub cors: AllowedOrigins,
    /// The environment's secret, for the key of cursors: `SECRET_ID` and the times it is kept.
    pub secrets: SecretsConfig,
    /// The stack's own environment: `DEPLOY_ENV`.
    pub environment: Environment,
    /// Which tenants are labs: `ALLOW_LAB_MODE`, `LAB_TENANTS`.
    pub labs: Labs,
    env: Env,
}

impl Config {
    /// Reads the settings from `env`, where each field's doc names its variable.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names everything that is missing or out of range at once.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let table = env.required("TABLE_NAME");
        let cors = AllowedOrigins::parse(&env.optional("CORS_ALLOW_ORIGINS").unwrap_or_default());
        let secrets = SecretsConfig::from_env(&mut env);
        let (environment, labs) = (Environment::from_env(&mut env), Labs::from_env(&mut env));
        Verifier::from_env(&mut env, &Clock::system());
        env.checked()?;
        Ok(Self { table, cors, secrets, environment, labs, env })
    }

    /// The verifier that these settings describe, on `clock`.
    pub(crate) fn verifier(&self, clock: &Clock) -> Verifier {
        Verifier::from_env(&mut self.env.clone(), clock)
    }
}
