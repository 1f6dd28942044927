//! Gives the router to Lambda.

use shared::{aws::Aws, clock::Clock, config::Env, telemetry, web};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), web::lambda::Error> {
    telemetry::init("ask");
    let config = ask::Config::read(Env::process())?;
    web::lambda::run(ask::router(ask::App::new(config, &Aws::from_env(), Clock::system()))).await
}
