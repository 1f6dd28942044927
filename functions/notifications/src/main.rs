//! Gives the router to Lambda.

use shared::{aws::Aws, clock::Clock, config::Env, telemetry, web};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), web::lambda::Error> {
    telemetry::init("notifications");
    let config = notifications::Config::read(Env::process())?;
    let app = notifications::App::new(config, &Aws::from_env(), Clock::system());
    web::lambda::run(notifications::router(app)).await
}
