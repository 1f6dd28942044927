//! Runs the job when the schedule's event comes.

use audit_checkpoint::{App, Config};
use shared::{aws::Aws, clock::Clock, config::Env, job, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), job::Error> {
    telemetry::init("audit-checkpoint");
    let clock = Clock::system();
    let app = App::new(Config::read(Env::process())?, &Aws::from_env(), clock.clone());
    job::serve("audit_checkpoint", &clock, async |due| audit_checkpoint::run(&app, due).await).await
}
