//! What the function needs to be told.

mod answering;
mod rag;

pub(crate) use answering::is_openai;
pub use answering::{Answering, Provider};
pub use rag::{Rag, Source};

use shared::{
    config::{ConfigError, Env},
    secrets::SecretsConfig,
    web::FrontConfig,
};
use std::{path::PathBuf, time::Duration};

/// The settings of `ask`; [`Config::read`] says where they come from.
#[derive(Clone, Debug)]
pub struct Config {
    /// The table of stores and products: `TABLE_NAME`.
    pub table: String,
    /// The bucket of snapshots: `ARTIFACT_BUCKET`.
    pub bucket: String,
    /// Which pages may call, and whose tokens hold.
    pub front: FrontConfig,
    /// How products are found.
    pub rag: Rag,
    /// Who writes answers, and within which bounds.
    pub answering: Answering,
    /// Where the provider's key is kept: `SECRET_ID`; `None` where nobody is asked who wants one.
    pub secrets: Option<SecretsConfig>,
    /// How long a request may take in all: `ASK_DEADLINE_MS`.
    pub deadline: Duration,
    /// How often the store's pointer is looked at: `SNAPSHOT_CHECK_SECONDS`.
    pub snapshot_check: Duration,
    /// Where snapshots are kept open: `SNAPSHOT_FOLDER`, by default under the system's temporary folder.
    pub snapshot_folder: PathBuf,
}

impl Config {
    /// Reads the settings from `env`, where each field's doc names its variable.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names everything that is missing or out of range at once.
    pub fn read(mut env: Env) -> Result<Self, ConfigError> {
        let table = env.required("TABLE_NAME");
        let bucket = env.required("ARTIFACT_BUCKET");
        let rag = Rag::read(&mut env);
        let deadline = Duration::from_millis(env.within("ASK_DEADLINE_MS", 25_000, 1_000..=27_000));
        let snapshot_check = Duration::from_secs(env.within("SNAPSHOT_CHECK_SECONDS", 5, 0..=3_600));
        let folder = env.optional("SNAPSHOT_FOLDER").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let snapshot_folder = folder.unwrap_or_else(|| std::env::temp_dir().join("smartstore-ask"));
        let answering = Answering::read(&mut env);
        let secrets = answering.wants_secrets(&env).then(|| SecretsConfig::from_env(&mut env));
        let front = FrontConfig::from_env(&mut env);
        env.finish(Self { table, bucket, front, rag, answering, secrets, deadline, snapshot_check, snapshot_folder })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrieval::Weights;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let base = [("TABLE_NAME", "t"), ("ARTIFACT_BUCKET", "b"), ("FIREBASE_PROJECT_ID", "demo")];
        Config::read(base.iter().chain(pairs).map(|(name, value)| (*name, *value)).collect())
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let config = read(&[]).unwrap();
        assert_eq!(config.rag.source, Source::Embedded);
        assert_eq!(config.rag.weights, Weights::new(0.5, 0.2, 0.2).unwrap());
        assert_eq!((config.rag.threshold, config.rag.half_life_days), (0.65, 30.0));
        assert_eq!((config.rag.timeout.as_millis(), config.deadline.as_millis()), (10_000, 25_000));
    }

    #[test]
    fn an_empty_url_and_off_both_switch_retrieval_off() {
        for off in ["", "off", "OFF"] {
            assert_eq!(read(&[("RAG_API_URL", off)]).unwrap().rag.source, Source::Off);
        }
        assert!(read(&[("RAG_API_URL", "localhost:8000")]).is_err());
    }

    #[test]
    fn a_setting_out_of_range_is_refused_by_its_name() {
        for (name, value) in [
            ("RAG_SIMILARITY_THRESHOLD", "1.5"),
            ("RAG_SIMILARITY_WEIGHT", "-0.1"),
            ("RAG_TIMEOUT_MS", "0"),
            ("RAG_RETRY_ATTEMPTS", "6"),
            ("ASK_DEADLINE_MS", "soon"),
            ("ANSWER_PROVIDER", "oracle"),
            ("ANSWER_MAX_TOKENS", "0"),
            ("ASK_MAX_TOOL_CALLS", "21"),
            ("ASK_GENERATION_RESERVE_MS", "a while"),
        ] {
            let ConfigError(faults) = read(&[(name, value)]).unwrap_err();
            assert!(faults.iter().any(|fault| fault.contains(name)), "{name}: {faults:?}");
        }
    }
}
