//! What the function needs to be told.

use jiff::SignedDuration;
use shared::{
    auth::Verifier,
    clock::Clock,
    config::{ConfigError, Env},
    notices::{AppealWindow, Channels, KillSwitch, Words},
    secrets::SecretsConfig,
    web::cors::AllowedOrigins,
};

/// The settings of `appeals`; [`Config::read`] says where they come from.
#[derive(Clone, Debug)]
pub struct Config {
    /// The table of appeals and notices: `TABLE_NAME`.
    pub table: String,
    /// Browser origins that may call: `CORS_ALLOW_ORIGINS`.
    pub cors: AllowedOrigins,
    /// The environment's secret, for the key of cursors: `SECRET_ID` and the times it is kept.
    pub secrets: SecretsConfig,
    /// How long a notice can be appealed: `APPEAL_WINDOW_DAYS`.
    pub window: AppealWindow,
    /// How long an appeal may wait for its decision: `APPEAL_SLA_HOURS`, 72 unless said.
    pub patience: SignedDuration,
    /// Whether people are told of decisions: `TRUST_SAFETY_NOTIFICATIONS`, on unless it is `off`. Appeals go on without.
    pub switch: KillSwitch,
    /// The texts; `INTERNAL_CODES` never stand in them, nor in a reviewer's reason.
    pub words: Words,
    /// Where notices go besides the feed: `EMAIL_FROM`, `WEBHOOK_URL`.
    pub channels: Channels,
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
        let window = AppealWindow::from_env(&mut env);
        let patience = SignedDuration::from_hours(env.within("APPEAL_SLA_HOURS", 72, 1..=8_760));
        let (switch, words, channels) =
            (KillSwitch::from_env(&env), Words::from_env(&mut env), Channels::from_env(&env));
        Verifier::from_env(&mut env, &Clock::system());
        env.checked()?;
        Ok(Self { table, cors, secrets, window, patience, switch, words, channels, env })
    }

    /// The verifier that these settings describe, on `clock`.
    pub(crate) fn verifier(&self, clock: &Clock) -> Verifier {
        Verifier::from_env(&mut self.env.clone(), clock)
    }
}
