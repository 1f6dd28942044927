//! Runs the job when the schedule's event comes.

use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use notifications::{Deferrals, Telling};
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
    telemetry::init("notification-deferrals");
    let clock = Clock::system();
    let deferrals = Deferrals::new(&Telling::read(Env::process())?, &Aws::from_env(), &clock);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Due>| {
        let due = event.payload.scheduled_time.unwrap_or_else(|| clock.now());
        let deferrals = deferrals.clone();
        async move { run(&deferrals, due).await }
    }))
    .await
}

async fn run(deferrals: &Deferrals, due: Timestamp) -> Result<notifications::Report, Diagnostic> {
    let failed = |kind: &str, message: String| Diagnostic { error_type: kind.to_owned(), error_message: message };
    let report = notifications::run(deferrals, due)
        .await
        .map_err(|error| failed("notification_deferrals.not_listed", shared::problem::chain(&error)))?;
    match report.is_clean() {
        true => Ok(report),
        false => Err(failed("notification_deferrals.incomplete", format!("{report:?}"))),
    }
}
