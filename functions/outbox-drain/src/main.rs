//! Runs the job when the schedule's event comes.

use outbox_drain::{App, Config};
use shared::{aws::Aws, clock::Clock, config::Env, job, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), job::Error> {
    telemetry::init("outbox-drain");
    let clock = Clock::system();
    let app = App::new(Config::read(Env::process())?, &Aws::from_env(), clock.clone());
    job::serve("outbox_drain", &clock, async |due| outbox_drain::run(&app, due).await).await
}
