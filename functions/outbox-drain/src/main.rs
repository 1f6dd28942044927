//! Runs the job when the schedule's event comes.

use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Deserialize;
use shared::{aws::Aws, clock::Clock, config::Env, telemetry};

/// The schedule's event. A run that is started by hand may leave the time out.
#[derive(Debug, Default, Deserialize)]
struct Due {
    #[serde(default)]
    scheduled_time: Option<Timestamp>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init("outbox-drain");
    let clock = Clock::system();
    let app = outbox_drain::App::new(outbox_drain::Config::read(Env::process())?, &Aws::from_env(), clock.clone());
    lambda_runtime::run(service_fn(|event: LambdaEvent<Due>| {
        let due = event.payload.scheduled_time.unwrap_or_else(|| clock.now());
        let app = app.clone();
        async move { run(&app, due).await }
    }))
    .await
}

async fn run(app: &outbox_drain::App, due: Timestamp) -> Result<outbox_drain::Report, Diagnostic> {
    let failed = |kind: &str, message: String| Diagnostic { error_type: kind.to_owned(), error_message: message };
    let report = outbox_drain::run(app, due)
        .await
        .map_err(|error| failed("outbox_drain.not_listed", shared::problem::chain(&error)))?;
    match report.is_clean() {
        true => Ok(report),
        false => Err(failed("outbox_drain.incomplete", format!("{report:?}"))),
    }
}
