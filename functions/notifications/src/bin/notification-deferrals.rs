//! Runs the job when the schedule's event comes.

use notifications::{Deferrals, Telling};
use shared::{aws::Aws, clock::Clock, config::Env, job, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), job::Error> {
    telemetry::init("notification-deferrals");
    let clock = Clock::system();
    let deferrals = Deferrals::new(&Telling::read(Env::process())?, &Aws::from_env(), &clock);
    job::serve("notification_deferrals", &clock, async |due| notifications::run(&deferrals, due).await).await
}
