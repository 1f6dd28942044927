//! What the function and its job need to be told.

use shared::{
    config::{ConfigError, Env},
    secrets::SecretsConfig,
    web::FrontConfig,
};
use std::{path::PathBuf, time::Duration};

/// Where the catalog is kept: all that the job needs.
#[derive(Clone, Debug)]
pub struct Places {
    /// The table: `TABLE_NAME`.
    pub table: String,
    /// The bucket of snapshots and uploads: `ARTIFACT_BUCKET`.
    pub bucket: String,
    /// Where snapshots are built and kept open: `SNAPSHOT_FOLDER`, by default under the system's temporary folder.
    pub folder: PathBuf,
}

/// The settings of `catalog`; [`Config::read`] says where they come from.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the catalog is kept.
    pub places: Places,
    /// Which pages may call, and whose tokens hold.
    pub front: FrontConfig,
    /// The environment's secret, for the key of cursors: `SECRET_ID` and the times it is kept.
    pub secrets: SecretsConfig,
    /// How often a store's pointer is looked at: `SNAPSHOT_CHECK_SECONDS`.
    pub snapshot_check: Duration,
}

impl Places {
    /// Reads the settings of the job from `env`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names everything that is missing at once.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let places = Self::of(&mut env);
        env.finish(places)
    }

    fn of(env: &mut Env) -> Self {
        let folder = env.optional("SNAPSHOT_FOLDER").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        Self {
            table: env.required("TABLE_NAME"),
            bucket: env.required("ARTIFACT_BUCKET"),
            folder: folder.unwrap_or_else(|| std::env::temp_dir().join("smartstore-catalog")),
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
        let places = Places::of(&mut env);
        let secrets = SecretsConfig::from_env(&mut env);
        let snapshot_check = Duration::from_secs(env.within("SNAPSHOT_CHECK_SECONDS", 5, 0..=3_600));
        let front = FrontConfig::from_env(&mut env);
        env.finish(Self { places, front, secrets, snapshot_check })
    }
}
