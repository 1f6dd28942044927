//! What stands before a function's routes: which pages may call, whose tokens hold, what was sent before.

use super::cors::AllowedOrigins;
use crate::{
    auth::{People, Verifier},
    clock::Clock,
    config::Env,
    idempotency::Idempotency,
    table::Table,
};

/// The settings of what stands before the routes; part of a function's `Config`.
#[derive(Clone, Debug)]
pub struct FrontConfig {
    /// Browser origins that may call: `CORS_ALLOW_ORIGINS`.
    pub cors: AllowedOrigins,
    env: Env,
}

impl FrontConfig {
    /// Reads `CORS_ALLOW_ORIGINS` and what [`Verifier::from_env`] reads, and names the same faults.
    pub fn from_env(env: &mut Env) -> Self {
        let cors = AllowedOrigins::parse(&env.optional("CORS_ALLOW_ORIGINS").unwrap_or_default());
        Verifier::from_env(env, &Clock::system());
        Self { cors, env: env.clone() }
    }
}

/// What stands before the routes. A function's `App` holds the parts one by one, since extractors ask it for each.
#[derive(Clone)]
pub struct Front {
    /// The records of people, in `table`.
    pub people: People,
    /// Who verifies callers, with those records.
    pub verifier: Verifier,
    /// Who knows what was sent before.
    pub idempotency: Idempotency,
}

impl Front {
    /// What `config` describes, over `table` and on `clock`; connects to nothing yet.
    pub fn new(config: &FrontConfig, table: &Table, clock: &Clock) -> Self {
        let people = People::new(table.clone(), clock);
        let verifier = Verifier::from_env(&mut config.env.clone(), clock).with_people(people.clone());
        Self { people, verifier, idempotency: Idempotency::new(table.clone(), clock.clone()) }
    }
}
