//! What a function says of itself: structured logs, metrics within a label budget, traces. None of them names a person or holds
//! a secret: [`redact`] is the last net.

mod job;
pub mod logs;
pub mod metrics;
mod panics;
mod redact;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod traces;

pub use job::job;
pub use logs::Logs;
pub use metrics::{Metric, Outcome, Unit};
pub use panics::log_panics;
pub(crate) use panics::message as panic_message;
pub use redact::{PRIVATE, redact};
pub use traces::Traces;

use std::{
    io::Write,
    sync::{Mutex, OnceLock},
};
use tracing::level_filters::LevelFilter;

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

/// Sends this process's logs and metrics to standard output, at the level that `LOG_LEVEL` names (default `WARN`), and its traces to
/// the collector that OpenTelemetry's variables name, if they do ([`traces::Config::read`]).
pub fn init(name: &str) {
    init_to(Service::from_env(name), level(), Box::new(std::io::stdout()));
    log_panics();
}

/// The level that `LOG_LEVEL` names, `WARN` where it names none.
pub fn level() -> LevelFilter {
    let named = std::env::var("LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    named.unwrap_or(LevelFilter::WARN)
}

/// As [`init`], with logs and metrics to `sink`, and panics left as they are. Only the first call of a process has an effect.
pub fn init_to(service: Service, level: LevelFilter, sink: Box<dyn Write + Send>) {
    let traces = traces::Config::read(&service.environment, |name| std::env::var(name).ok());
    let wrong = traces.as_ref().err().cloned();
    init_with(service, level, sink, traces.ok().flatten());
    if let Some(wrong) = wrong {
        tracing::error!(event = "telemetry_misconfigured", "traces are not exported: {wrong}");
    }
}

/// As [`init_to`], with traces as `traces` says, whatever the environment does.
pub fn init_with(service: Service, level: LevelFilter, sink: Box<dyn Write + Send>, traces: Option<traces::Config>) {
    use tracing_subscriber::layer::SubscriberExt;
    let first = SINK.set(Mutex::new(sink)).is_ok() && SERVICE.set(service.clone()).is_ok();
    if !first {
        return;
    }
    let logs = Logs::new(service.clone(), Box::new(write_line)).down_to(level);
    let logged = tracing_subscriber::registry().with(logs);
    // Fails only where a test has set its own subscriber, which then is the one to see the events.
    let _ = match traces {
        None => tracing::subscriber::set_global_default(logged.with(level)),
        // Traces hear of spans that logs at this level leave out.
        Some(config) => {
            let heard = logged.with(Traces::new(service, config)).with(level.max(LevelFilter::INFO));
            tracing::subscriber::set_global_default(heard)
        }
    };
}

/// The `traceparent` to send with a call to somebody else, so that what they do stands in this request's trace: `None` outside of
/// requests and jobs.
pub fn traceparent() -> Option<String> {
    traces::current_traceparent()
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
