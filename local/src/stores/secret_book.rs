//! What Secrets Manager keeps: secrets, their versions and the stages that name them, in one file.

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::web::request::random_hex;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

pub(crate) const CURRENT: &str = "AWSCURRENT";
pub(crate) const PREVIOUS: &str = "AWSPREVIOUS";

/// Every secret by its name, and the file in which they stand.
#[derive(Debug)]
pub(crate) struct Book {
    file: PathBuf,
    secrets: BTreeMap<String, Secret>,
}

/// A secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Secret {
    pub(crate) arn: String,
    pub(crate) created_at: Timestamp,
    pub(crate) changed_at: Timestamp,
    pub(crate) versions: BTreeMap<String, Version>,
}

/// A value that a secret has or had.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) value: String,
    pub(crate) created_at: Timestamp,
    pub(crate) stages: BTreeSet<String>,
}

/// Why a value was not put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotPut {
    /// There is no such secret.
    NoSuchSecret,
    /// The version's id names another value already.
    OtherValue,
}

impl Book {
    /// Reads the book in `file`, an empty one where there is none.
    pub(crate) fn open(file: PathBuf) -> Result<Self> {
        let secrets = match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", file.display()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| file.display().to_string()),
        };
        Ok(Self { file, secrets })
    }

    /// The secret that `id` names: by its name, its ARN, or its ARN without the six random characters.
    pub(crate) fn find(&self, id: &str) -> Option<(&str, &Secret)> {
        let named = |(name, secret): &(&String, &Secret)| {
            let partial = secret.arn.rsplit_once('-').map(|(arn, _)| arn);
            *name == id || secret.arn == id || partial == Some(id)
        };
        self.secrets.iter().find(named).map(|(name, secret)| (name.as_str(), secret))
    }

    /// Makes the secret `name`, with no value yet. `false` where there is one of that name.
    pub(crate) fn create(&mut self, name: &str, now: Timestamp) -> bool {
        if self.secrets.contains_key(name) {
            return false;
        }
        let arn = format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}-{}", random_hex::<3>());
        let secret = Secret { arn, created_at: now, changed_at: now, versions: BTreeMap::new() };
        self.secrets.insert(name.to_owned(), secret);
        true
    }

    /// Gives the secret `id` a value as `version`, named by `stages`; the version that was current becomes the previous one.
    /// The same value under the same version changes nothing.
    pub(crate) fn put(
        &mut self,
        id: &str,
        version: &str,
        value: &str,
        stages: &[String],
        now: Timestamp,
    ) -> Result<(), NotPut> {
        let name = self.find(id).map(|(name, _)| name.to_owned()).ok_or(NotPut::NoSuchSecret)?;
        let secret = self.secrets.get_mut(&name).ok_or(NotPut::NoSuchSecret)?;
        if let Some(there) = secret.versions.get(version) {
            return if there.value == value { Ok(()) } else { Err(NotPut::OtherValue) };
        }
        for stage in stages {
            let mut before = None;
            for (id, version) in &mut secret.versions {
                if version.stages.remove(stage) {
                    before = Some(id.clone());
                }
            }
            if stage == CURRENT
                && let Some(before) = before
            {
                for (id, version) in &mut secret.versions {
                    version.stages.remove(PREVIOUS);
                    if *id == before {
                        version.stages.insert(PREVIOUS.to_owned());
                    }
                }
            }
        }
        let new = Version { value: value.to_owned(), created_at: now, stages: stages.iter().cloned().collect() };
        secret.versions.insert(version.to_owned(), new);
        secret.versions.retain(|id, kept| id == version || !kept.stages.is_empty());
        secret.changed_at = now;
        Ok(())
    }

    /// Writes the book down: whole or not at all, whenever the process ends.
    pub(crate) fn save(&self) -> Result<()> {
        let beside = self.file.with_extension("new");
        let mut file = private(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(&self.secrets)?)?;
        file.sync_all()?;
        fs::rename(&beside, &self.file)?;
        Ok(())
    }
}

impl Secret {
    /// The version that `stage` names, with its id.
    pub(crate) fn at(&self, stage: &str) -> Option<(&String, &Version)> {
        self.versions.iter().find(|(_, version)| version.stages.contains(stage))
    }
}

/// Creates a file that only its owner may read.
pub(crate) fn private(path: &Path) -> Result<fs::File> {
    let mut options = fs::File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).with_context(|| format!("{} could not be written", path.display()))
}
