//! What the function and its job need to be told.

use shared::{
    config::{ConfigError, Env},
    notices::{AppealWindow, Channels, KillSwitch, Words},
    secrets::SecretsConfig,
    web::FrontConfig,
};

/// The settings of `notifications`; [`Config::read`] says where they come from.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which pages may call, and whose tokens hold.
    pub front: FrontConfig,
    /// The environment's secret, for the key of cursors: `SECRET_ID` and the times it is kept.
    pub secrets: SecretsConfig,
    /// How people are told.
    pub telling: Telling,
    /// How long a notice can be appealed: `APPEAL_WINDOW_DAYS`.
    pub window: AppealWindow,
}

/// What telling people takes, for the function and for its job.
#[derive(Clone, Debug)]
pub struct Telling {
    /// The table: `TABLE_NAME`.
    pub table: String,
    /// Whether anybody is told anything: `TRUST_SAFETY_NOTIFICATIONS`, on unless it is `off`.
    pub switch: KillSwitch,
    /// The texts; `INTERNAL_CODES` never stand in them, and with `DEPLOY_ENV=production` all are approved.
    pub words: Words,
    /// Where notices go besides the feed: `EMAIL_FROM`, `WEBHOOK_URL`.
    pub channels: Channels,
}

impl Telling {
    /// Reads the settings from `env`, where each field's doc names its variables.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names everything that is missing or out of range at once.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let telling = Self::from_env(&mut env);
        env.finish(telling)
    }

    fn from_env(env: &mut Env) -> Self {
        Self {
            table: env.required("TABLE_NAME"),
            switch: KillSwitch::from_env(env),
            words: Words::from_env(env),
            channels: Channels::from_env(env),
        }
    }
}

impl Config {
    /// Reads the settings from `env`, where each field's doc names its variable.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names everything that is missing or out of range at once.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let secrets = SecretsConfig::from_env(&mut env);
        let telling = Telling::from_env(&mut env);
        let front = FrontConfig::from_env(&mut env);
        let window = AppealWindow::from_env(&mut env);
        env.finish(Self { front, secrets, telling, window })
    }
}
