//! What a function says of itself: structured logs, metrics within a label budget, spans.

pub mod logs;
pub mod metrics;

pub use logs::Logs;
pub use metrics::{Metric, Outcome, Unit};

use std::{
    io::Write,
    sync::{Mutex, OnceLock},
};

/// Where lines go: standard output in Lambda, what the laptop chooses there.
static SINK: OnceLock<Mutex<Box<dyn Write + Send>>> = OnceLock::new();
static SERVICE: OnceLock<Service> = OnceLock::new();

/// What names a process in every line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The function's name, such as `ask`.
    pub name: String,
    /// `DEPLOY_ENV`.
    pub environment: String,
    /// `AWS_REGION`.
    pub region: String,
}

impl Service {
    /// Reads environment and region from the process's variables.
    pub fn from_env(name: &str) -> Self {
        let var = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
        Self {
            name: name.to_owned(),
            environment: var("DEPLOY_ENV", "development"),
            region: var("AWS_REGION", "local"),
        }
    }
}

/// Sends this process's logs and metrics to standard output, at the level that `LOG_LEVEL` names (default `WARN`).
pub fn init(name: &str) {
    init_to(Service::from_env(name), level(), Box::new(std::io::stdout()));
}

/// The level that `LOG_LEVEL` names, `WARN` where it names none.
pub fn level() -> tracing::level_filters::LevelFilter {
    let named = std::env::var("LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    named.unwrap_or(tracing::level_filters::LevelFilter::WARN)
}

/// Sends this process's logs and metrics to `sink`. Only the first call of a process has an effect.
pub fn init_to(service: Service, level: tracing::level_filters::LevelFilter, sink: Box<dyn Write + Send>) {
    use tracing_subscriber::layer::SubscriberExt;
    let first = SINK.set(Mutex::new(sink)).is_ok() && SERVICE.set(service.clone()).is_ok();
    if first {
        let logs = Logs::new(service, Box::new(write_line));
        let subscriber = tracing_subscriber::registry().with(logs).with(level);
        // Fails only where a test has set its own subscriber, which then is the one to see the events.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }
}

fn service() -> Option<&'static Service> {
    SERVICE.get()
}

/// Writes one whole line; a sink that fails costs the line and nothing else.
fn write_line(line: &str) {
    let Some(sink) = SINK.get() else { return };
    let mut sink = sink.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let _ = sink.write_all(format!("{line}\n").as_bytes());
    let _ = sink.flush();
}
