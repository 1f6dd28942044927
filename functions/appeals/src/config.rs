//! What the function needs to be told.

use jiff::SignedDuration;
use shared::{
    config::{ConfigError, Env},
    notices::{AppealWindow, Channels, KillSwitch, Words},
    secrets::SecretsConfig,
    web::FrontConfig,
};

/// The settings of `appeals`; [`Config::read`] says where they come from.
#[derive(Clone, Debug)]
pub struct Config {
    /// The table of appeals and notices: `TABLE_NAME`.
    pub table: String,
    /// Which pages may call, and whose tokens hold.
    pub front: FrontConfig,
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
}

impl Config {
    /// Reads the settings from `env`, where each field's doc names its variable.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names everything that is missing or out of range at once.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let table = env.required("TABLE_NAME");
        let secrets = SecretsConfig::from_env(&mut env);
        let window = AppealWindow::from_env(&mut env);
        let patience = SignedDuration::from_hours(env.within("APPEAL_SLA_HOURS", 72, 1..=8_760));
        let (switch, words, channels) =
            (KillSwitch::from_env(&env), Words::from_env(&mut env), Channels::from_env(&env));
        let front = FrontConfig::from_env(&mut env);
        env.finish(Self { table, front, secrets, window, patience, switch, words, channels })
    }
}
