//! The functions and jobs of the bundle: the one list to extend when a crate joins it.

use anyhow::{Context, Result, bail};
use axum::Router;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::Deserialize;
use shared::{aws::Aws, clock::Clock, config::Env, job::Report, web::Route};
use std::{collections::BTreeMap, sync::Arc};

/// What the bundle runs.
#[derive(Default)]
pub struct Functions {
    /// What answers requests.
    pub http: Vec<Function>,
    /// What runs by the clock.
    pub jobs: Vec<Job>,
}

/// A function that answers requests.
pub struct Function {
    /// Its Cargo binary, as the template names it.
    pub binary: &'static str,
    /// Every route that it answers.
    pub routes: Vec<Route>,
    /// What answers them.
    pub router: Router,
}

/// A function that runs by the clock.
#[derive(Clone)]
pub struct Job {
    /// Its Cargo binary, as the template names it.
    pub binary: &'static str,
    /// Runs it as of the time handed in; what it reports, for people.
    pub run: Run,
}

/// A job's work.
pub type Run = Arc<dyn Fn(Timestamp) -> BoxFuture<'static, Result<String>> + Send + Sync>;

impl Job {
    /// Runs the job for an event of its schedule, at the event's own time, as on Lambda.
    pub(crate) async fn handle(&self, event: &str) -> Result<String> {
        #[derive(Deserialize)]
        struct Event {
            scheduled_time: Timestamp,
        }
        let event: Event = serde_json::from_str(event).context("the schedule's input has no scheduled_time")?;
        (self.run)(event.scheduled_time).await
    }
}

/// What a function is put together from.
pub struct Parts<'a> {
    /// The bundle's time.
    pub clock: &'a Clock,
    pub(crate) clients: BTreeMap<String, Aws>,
    pub(crate) env: BTreeMap<String, BTreeMap<String, String>>,
}

impl Parts<'_> {
    /// The way to the embedded stores of the function whose binary this is.
    ///
    /// # Errors
    ///
    /// No such function in the template.
    pub fn aws(&self, binary: &str) -> Result<&Aws> {
        self.clients.get(binary).with_context(|| format!("template.yaml has no function with the binary {binary}"))
    }

    /// The variables of the function whose binary this is: the template's, less what the laptop says otherwise.
    ///
    /// # Errors
    ///
    /// No such function in the template.
    pub fn env(&self, binary: &str) -> Result<Env> {
        match self.env.get(binary) {
            Some(env) => Ok(env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()),
            None => bail!("template.yaml has no function with the binary {binary}"),
        }
    }
}

/// Puts functions together.
pub type Assemble = fn(&Parts<'_>) -> Result<Functions>;

/// A run's report, for people; an error where the run would be a failed one on Lambda.
fn told(report: &impl Report) -> Result<String> {
    let told = serde_json::to_string(report)?;
    if report.is_clean() { Ok(told) } else { bail!("the run is incomplete: {told}") }
}

/// Every function and job of the bundle.
///
/// # Errors
///
/// A configuration that one of them refuses.
pub fn bundle(parts: &Parts<'_>) -> Result<Functions> {
    let appealing =
        appeals::App::new(appeals::Config::read(parts.env("appeals")?)?, parts.aws("appeals")?, parts.clock.clone());
    let asking = ask::App::new(ask::Config::read(parts.env("ask")?)?, parts.aws("ask")?, parts.clock.clone());
    let cataloguing =
        catalog::App::new(catalog::Config::read(parts.env("catalog")?)?, parts.aws("catalog")?, parts.clock.clone());
    let notifying = notifications::App::new(
        notifications::Config::read(parts.env("notifications")?)?,
        parts.aws("notifications")?,
        parts.clock.clone(),
    );
    let telling = notifications::Telling::read(parts.env("notification-deferrals")?)?;
    let deferrals = notifications::Deferrals::new(&telling, parts.aws("notification-deferrals")?, parts.clock);
    let defer: Run = Arc::new(move |due| {
        let deferrals = deferrals.clone();
        Box::pin(async move { told(&notifications::run(&deferrals, due).await?) })
    });
    let operating = operations::App::new(
        operations::Config::read(parts.env("operations")?)?,
        parts.aws("operations")?,
        parts.clock.clone(),
    );
    let routes =
        routing::App::new(routing::Config::read(parts.env("routing")?)?, parts.aws("routing")?, parts.clock.clone());
    let taking =
        ingest::App::new(ingest::Config::read(parts.env("ingest")?)?, parts.aws("ingest")?, parts.clock.clone());
    let counting = ingest::rollup::Config::read(parts.env("analytics-rollup")?)?;
    let rollups = ingest::rollup::Rollups::new(&counting, parts.aws("analytics-rollup")?, parts.clock);
    let roll_up: Run = Arc::new(move |due| {
        let rollups = rollups.clone();
        Box::pin(async move { told(&ingest::rollup::run(&rollups, due, ingest::rollup::Asked::default()).await?) })
    });
    let places = catalog::Places::read(parts.env("catalog-publish")?)?;
    let publisher = catalog::publisher(places, parts.aws("catalog-publish")?, parts.clock.clone());
    let publish: Run = Arc::new(move |due| {
        let publisher = publisher.clone();
        Box::pin(async move { told(&catalog::run(&publisher, due).await?) })
    });
    let signing = audit_checkpoint::App::new(
        audit_checkpoint::Config::read(parts.env("audit-checkpoint")?)?,
        parts.aws("audit-checkpoint")?,
        parts.clock.clone(),
    );
    let sign: Run = Arc::new(move |due| {
        let signing = signing.clone();
        Box::pin(async move { told(&audit_checkpoint::run(&signing, due).await?) })
    });
    let config = outbox_drain::Config::read(parts.env("outbox-drain")?)?;
    let draining = outbox_drain::App::new(config, parts.aws("outbox-drain")?, parts.clock.clone());
    let drain: Run = Arc::new(move |due| {
        let draining = draining.clone();
        Box::pin(async move { told(&outbox_drain::run(&draining, due).await?) })
    });
    Ok(Functions {
        http: vec![
            Function {
                binary: "appeals",
                routes: appeals::routes().list().to_vec(),
                router: appeals::router(appealing),
            },
            Function { binary: "ask", routes: ask::routes().list().to_vec(), router: ask::router(asking) },
            Function {
                binary: "catalog",
                routes: catalog::routes().list().to_vec(),
                router: catalog::router(cataloguing),
            },
            Function {
                binary: "notifications",
                routes: notifications::routes().list().to_vec(),
                router: notifications::router(notifying),
            },
            Function {
                binary: "operations",
                routes: operations::routes().list().to_vec(),
                router: operations::router(operating),
            },
            Function { binary: "ingest", routes: ingest::routes().list().to_vec(), router: ingest::router(taking) },
            Function { binary: "routing", routes: routing::routes().list().to_vec(), router: routing::router(routes) },
        ],
        jobs: vec![
            Job { binary: "analytics-rollup", run: roll_up },
            Job { binary: "audit-checkpoint", run: sign },
            Job { binary: "catalog-publish", run: publish },
            Job { binary: "notification-deferrals", run: defer },
            Job { binary: "outbox-drain", run: drain },
        ],
    })
}
