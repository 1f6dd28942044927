//! Gives the router to Lambda.

use shared::{aws::Aws, clock::Clock, config::Env, telemetry, web};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), web::lambda::Error> {
    telemetry::init("routing");
    let config = routing::Config::read(Env::process())?;
    web::lambda::run(routing::router(routing::App::new(config, &Aws::from_env(), Clock::system()))).await
}
