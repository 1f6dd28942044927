//! The job that sends what waits in the outbox: mail through SES, signed webhooks to the systems of the app's team.
//!
//! Requests write a message in the transaction that makes it so (`shared::outbox`); each minute a run takes those that are due, of
//! all tenants by turns, and sends them. What fails is tried again later and later, and in the end lies among the dead letters.
//! A message is sent at least once, and never by two runs at the same time.
//!
//! A message's way: [`job`] claims it, its [`channel::Channel`] makes a request of it ([`email`], [`webhook`]), [`channel::deliver`]
//! sends that and has the answer read, and [`job`] writes down what came of it.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod channel;
mod config;
pub mod email;
pub mod job;
pub mod webhook;

pub use config::Config;
pub use job::{JobError, Report, run};

use email::Email;
use shared::{
    aws::Aws, clock::Clock, outbox::Outbox, preferences::PreferencesTable, secrets::Secrets, switch::KillSwitch,
    table::Table,
};
use std::sync::Arc;
use webhook::Webhook;

/// What the job holds: made once per cold start. Clones share connections and what is known of the targets' health.
#[derive(Clone, Debug)]
pub struct App {
    outbox: Outbox,
    email: Arc<Email>,
    webhook: Arc<Webhook>,
    switch: KillSwitch,
    clock: Clock,
}

impl App {
    /// Makes the clients; connects to nothing yet.
    pub fn new(config: Config, aws: &Aws, clock: Clock) -> Self {
        let table = Table::new(aws, &config.table);
        let secrets = Secrets::new(aws.secrets_manager(), config.secrets, &clock);
        let preferences = PreferencesTable::new(table.clone());
        Self {
            outbox: Outbox::new(table, clock.clone()),
            email: Arc::new(Email::new(config.email_from, preferences, aws, &clock)),
            webhook: Arc::new(Webhook::new(config.webhook_url, secrets, &clock)),
            switch: config.switch,
            clock,
        }
    }
}
