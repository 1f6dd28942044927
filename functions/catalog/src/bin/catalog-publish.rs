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
    telemetry::init("catalog-publish");
    let clock = Clock::system();
    let publisher = catalog::publisher(catalog::Places::read(Env::process())?, &Aws::from_env(), clock.clone());
    lambda_runtime::run(service_fn(|event: LambdaEvent<Due>| {
        let due = event.payload.scheduled_time.unwrap_or_else(|| clock.now());
        let publisher = publisher.clone();
        async move { run(&publisher, due).await }
    }))
    .await
}

async fn run(publisher: &catalog::publish::Publisher, due: Timestamp) -> Result<catalog::Report, Diagnostic> {
    let failed = |kind: &str, message: String| Diagnostic { error_type: kind.to_owned(), error_message: message };
    let report = catalog::run(publisher, due)
        .await
        .map_err(|error| failed("catalog_publish.not_listed", shared::problem::chain(&error)))?;
    match report.is_clean() {
        true => Ok(report),
        false => Err(failed("catalog_publish.incomplete", format!("{report:?}"))),
    }
}
