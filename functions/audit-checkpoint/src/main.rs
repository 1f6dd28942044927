//! Runs the job when the schedule's event comes.

use audit_checkpoint::{App, Config, Report};
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
    telemetry::init("audit-checkpoint");
    let clock = Clock::system();
    let app = App::new(Config::read(Env::process())?, &Aws::from_env(), clock.clone());
    lambda_runtime::run(service_fn(|event: LambdaEvent<Due>| {
        let due = event.payload.scheduled_time.unwrap_or_else(|| clock.now());
        let app = app.clone();
        async move { run(&app, due).await }
    }))
    .await
}

async fn run(app: &App, due: Timestamp) -> Result<Report, Diagnostic> {
    let failed = |kind: &str, message: String| Diagnostic { error_type: kind.to_owned(), error_message: message };
    let ran = audit_checkpoint::run(app, due).await;
    let report = ran.map_err(|error| failed("audit_checkpoint.not_listed", shared::problem::chain(&error)))?;
    match report {
        report if report.is_clean() => Ok(report),
        Report { altered: 1.., .. } => Err(failed("audit_checkpoint.altered", format!("{report:?}"))),
        report => Err(failed("audit_checkpoint.incomplete", format!("{report:?}"))),
    }
}
