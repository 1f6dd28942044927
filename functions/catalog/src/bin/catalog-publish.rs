//! Runs the job when the schedule's event comes.

use catalog::Places;
use shared::{aws::Aws, clock::Clock, config::Env, job, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), job::Error> {
    telemetry::init("catalog-publish");
    let clock = Clock::system();
    let publisher = catalog::publisher(Places::read(Env::process())?, &Aws::from_env(), clock.clone());
    job::serve("catalog_publish", &clock, async |due| catalog::run(&publisher, due).await).await
}
