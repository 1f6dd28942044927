//! The bundle that a command works with: the one that runs, or one for as long as the command takes.

use crate::{
    Options,
    bundle::Bundle,
    claims::Claims,
    client::Client,
    env_file,
    issuer::{Issuer, PROJECT_ID},
    options::TEMPLATE,
    ports::{Addresses, Ports},
    seed,
    stores::{ACCESS_KEY, SECRET_KEY},
    template::Template,
};
use anyhow::{Context, Result, bail};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use shared::{
    aws::{Aws, Endpoints},
    clock::Clock,
    outbox::Outbox,
    table::Table,
    telemetry::{self, Service},
};
use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// How long a bundle may take to say that it is there.
const THERE: Duration = Duration::from_secs(2);
/// A log beyond this begins anew, with the old one kept beside it.
const MAX_LOG_BYTES: u64 = 20_000_000;

/// A bundle to work with.
pub(super) struct Session {
    pub(super) addresses: Addresses,
    issuer: Issuer,
    clock: Clock,
    own: Option<Bundle>,
}

impl Session {
    /// Finds the bundle that runs on `state`, or starts one.
    pub(super) async fn open(state: &Path) -> Result<Self> {
        if let Some((addresses, clock)) = running(state).await {
            return Ok(Self { addresses, clock, issuer: Issuer::existing(state)?, own: None });
        }
        let options = Options { ports: Ports::ANY, ticking: false, ..laptop(state, 0)? };
        log_to(state)?;
        let bundle = Bundle::open(options).await?;
        if !seed::is_planted(state) {
            seed::plant(&bundle).await?;
        }
        Ok(Self {
            addresses: bundle.addresses().clone(),
            issuer: bundle.issuer().clone(),
            clock: bundle.clock().clone(),
            own: Some(bundle),
        })
    }

    pub(super) fn person(&self, claims: Claims) -> Client {
        Client::person(&self.addresses.gateway, &self.issuer, &self.clock, claims)
    }

    /// The clients' way to the stores.
    pub(super) fn aws(&self) -> Aws {
        let Addresses { dynamodb, s3, secrets_manager, .. } = self.addresses.clone();
        let (dynamodb, s3, secrets_manager) = (Some(dynamodb), Some(s3), Some(secrets_manager));
        let endpoints = Endpoints { dynamodb, s3, secrets_manager, ..Endpoints::default() };
        Aws::local(endpoints, ACCESS_KEY, SECRET_KEY)
    }

    /// The time of the bundle.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Runs a schedule; what it reports.
    pub(super) async fn run_schedule(&self, name: &str) -> Result<String> {
        let laptop = Client::stranger(&self.addresses.gateway);
        let ran = laptop.send(Method::POST, &format!("/local/schedules/{name}"), None).await?.success()?;
        Ok(ran.body["report"].as_str().unwrap_or_default().to_owned())
    }

    /// Moves the time of the bundle.
    pub(super) async fn advance(&self, seconds: i64) -> Result<()> {
        let laptop = Client::stranger(&self.addresses.gateway);
        let body = serde_json::json!({"advance_seconds": seconds}).to_string();
        let body = Some(("application/json", body.into()));
        laptop.send(Method::POST, "/local/clock", body).await?.success().map(drop)
    }

    /// Every tenant's outbox in the bundle's table.
    pub(super) fn outbox(&self) -> Result<Outbox> {
        let template = Template::parse(TEMPLATE, &[("Stage", "dev"), ("ProjectId", PROJECT_ID)])?;
        let table = template.tables.first().context("the template has no table")?;
        Ok(Outbox::new(Table::new(&self.aws(), &table.name), self.clock.clone()))
    }

    pub(super) async fn close(self) {
        if let Some(bundle) = self.own {
            bundle.close().await;
        }
    }
}

/// Where the bundle that runs on `state` answers, and its time; `None` where none runs.
pub(super) async fn running(state: &Path) -> Option<(Addresses, Clock)> {
    let addresses = Addresses::read(state)?;
    let laptop = Client::stranger(&addresses.gateway);
    let asked = tokio::time::timeout(THERE, laptop.send(Method::GET, "/local/clock", None)).await;
    let now: Timestamp = asked.ok()?.ok()?.body["now"].as_str()?.parse().ok()?;
    let clock = Clock::movable();
    clock.advance(now.duration_since(Timestamp::now()));
    Some((addresses, clock))
}

/// The options of a laptop's bundle: `.env` and the shell may say other than the template.
pub(super) fn laptop(state: &Path, port: u16) -> Result<Options> {
    Ok(Options {
        env_file: env_file::read(Path::new(".env"))?,
        variables: std::env::vars().collect::<BTreeMap<_, _>>(),
        ..Options::for_laptop(state.to_owned(), port)
    })
}

/// Sends the functions' logs and metrics to a file of the state folder; its path.
pub(super) fn log_to(state: &Path) -> Result<PathBuf> {
    fs::create_dir_all(state).with_context(|| format!("{} cannot be made", state.display()))?;
    let path = state.join("log.jsonl");
    if fs::metadata(&path).is_ok_and(|about| about.len() > MAX_LOG_BYTES) {
        fs::rename(&path, state.join("log.old.jsonl"))?;
    }
    let file = File::options().create(true).append(true).open(&path)?;
    telemetry::init_to(Service::from_env("local"), telemetry::level(), Box::new(Told(file)));
    Ok(path)
}

/// A log without what the embedded DynamoDB says of refused conditions: they are how writers take turns, and no news.
struct Told(File);

impl Write for Told {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let refused = [&b"\"event\":\"dynoxide::server\""[..], b"400 Bad Request"];
        if refused.iter().all(|part| line.windows(part.len()).any(|window| window == *part)) {
            return Ok(line.len());
        }
        self.0.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Removes a state folder that no bundle uses.
pub(super) fn forget(state: &Path) -> Result<()> {
    if !state.exists() {
        return Ok(());
    }
    let known = ["lock", "dynamodb.sqlite", "issuer.pem"].iter().any(|name| state.join(name).exists());
    if !known && fs::read_dir(state)?.next().is_some() {
        bail!("{} does not look like a state folder, so it is left alone", state.display());
    }
    if let Ok(lock) = File::open(state.join("lock"))
        && let Err(TryLockError::WouldBlock) = lock.try_lock()
    {
        bail!("a bundle runs on {}: stop it first", state.display());
    }
    fs::remove_dir_all(state).with_context(|| state.display().to_string())
}

/// How long from now a token is to be good: `90s`, `15m`, `12h`, `7d`.
pub(super) fn lifetime(text: &str) -> Result<SignedDuration, String> {
    let form = || format!("{text:?} is not a number of s, m, h or d, such as 12h");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(form)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(form()),
    };
    let number: i64 = number.parse().map_err(|_| form())?;
    number.checked_mul(seconds).map(SignedDuration::from_secs).ok_or_else(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_a_number_and_a_unit() {
        assert_eq!(lifetime("90s"), Ok(SignedDuration::from_secs(90)));
        assert_eq!(lifetime("12h"), Ok(SignedDuration::from_hours(12)));
        assert_eq!(lifetime("-1m"), Ok(SignedDuration::from_mins(-1)));
        for bad in ["", "h", "12", "1w", "9223372036854775807d", "é"] {
            assert!(lifetime(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_a_state_folder_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.txt"), "").unwrap();
        assert!(forget(folder.path()).is_err());
        fs::write(folder.path().join("issuer.pem"), "").unwrap();
        forget(folder.path()).unwrap();
        assert!(!folder.path().exists());
        forget(folder.path()).unwrap();
    }
}
