//! Runs the job when the schedule's event comes, or that of somebody who asks for more.

use ingest::rollup;
use shared::{aws::Aws, clock::Clock, config::Env, job, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), job::Error> {
    telemetry::init("analytics-rollup");
    let clock = Clock::system();
    let rollups = rollup::Rollups::new(&rollup::Config::read(Env::process())?, &Aws::from_env(), &clock);
    job::serve_asked("analytics_rollup", &clock, async |due, asked| rollup::run(&rollups, due, asked).await).await
}
