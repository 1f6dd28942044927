//! Faults between the functions and their stores: a proxy on loopback that knows what it passes on.
//!
//! Every function of a bundle gets a door of its own to DynamoDB, S3 and Secrets Manager. What goes through is written down
//! (which function, operation, table, keys, outcome), and rules say what becomes of it: a throttle, a reply that is lost after its
//! effect, a body that is cut. What the bundle itself and the test do with the stores goes past the doors.
//!
//! ```no_run
//! # async fn story() {
//! use tests::faults::Faults;
//! let faults = Faults::new().on("PutItem").nth(2).lose_reply();
//! let bundle = local::Bundle::start_with(faults.before(local::Options::for_tests())).await;
//! // … requests …
//! assert!(faults.log().keys().iter().all(|key| key.starts_with("T#t_greenleaf#")));
//! faults.clear().on("*").by("ask").unavailable();
//! # }
//! ```
//!
//! Operations have their names in AWS's protocols: `TransactWriteItems`, `GetObject`, `GetSecretValue`.

mod call;
mod door;
mod keys;
mod log;
mod replies;
mod rule;
mod units;

pub use call::{Call, Outcome, Service};
pub use log::Log;
pub use replies::Reply;
pub use rule::Rule;
pub use units::Units;

use call::Asked;
use local::{
    Options,
    options::Between,
    ports::Addresses,
    template::{Table, Template},
};
use rule::{Act, Armed};
use shared::aws::Endpoints;
use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::net::TcpListener;

/// The faults of one bundle: rules to add at any time, and the log. Clones share both.
#[derive(Clone, Default)]
pub struct Faults(Arc<Inner>);

#[derive(Default)]
struct Inner {
    rules: Mutex<Vec<Armed>>,
    calls: Mutex<Vec<Call>>,
    /// What was taken, once somebody wants to know.
    units: Mutex<Option<Units>>,
}

fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    // A test that failed while it held the lock has left nothing half done.
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Faults {
    /// No faults yet: everything passes, and is written down.
    pub fn new() -> Self {
        Self::default()
    }

    /// `options` with a door before each function of the template. The doors open when the bundle starts.
    ///
    /// # Panics
    ///
    /// Where the template of `options` cannot be read.
    pub fn before(&self, options: Options) -> Options {
        let parameters = [("Stage", "dev"), ("ProjectId", local::PROJECT_ID)];
        let template = Template::parse(&options.template, &parameters).expect("the template is read");
        let tables: Arc<[Table]> = template.tables.into();
        let faults = self.clone();
        let between = Between::new(move |function, stores| faults.open(function, stores, tables.clone()));
        Options { between: Some(between), ..options }
    }

    /// A door for what is no function of the template, such as a client of the test's own; `name` stands for it in the log.
    pub fn door(&self, name: &str, stores: &Addresses) -> Endpoints {
        self.open(name, stores, Arc::new([]))
    }

    /// Begins a rule for an operation; `*` stands for every one.
    pub fn on(&self, operation: &str) -> Rule {
        Rule::new(self.clone(), operation)
    }

    /// Takes all rules away.
    pub fn clear(&self) -> Self {
        hold(&self.0.rules).clear();
        self.clone()
    }

    /// Every call so far.
    pub fn log(&self) -> Log {
        self.since(0)
    }

    /// How many calls there were so far: what [`Faults::since`] takes.
    pub fn mark(&self) -> usize {
        hold(&self.0.calls).len()
    }

    /// Every call after a mark.
    pub fn since(&self, mark: usize) -> Log {
        Log(hold(&self.0.calls).iter().skip(mark).cloned().collect())
    }

    /// Has the tables count the capacity that they are asked for from now on: what [`Faults::units`] tells.
    pub fn counting(self) -> Self {
        *hold(&self.0.units) = Some(Units::default());
        self
    }

    /// What was taken since this was last asked; nothing where nobody counts.
    pub fn units(&self) -> Units {
        hold(&self.0.units).as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn counts(&self) -> bool {
        hold(&self.0.units).is_some()
    }

    fn count(&self, operation: &str, reply: &serde_json::Value) {
        if let Some(units) = hold(&self.0.units).as_mut() {
            units.add(operation, reply);
        }
    }

    fn open(&self, function: &str, stores: &Addresses, tables: Arc<[Table]>) -> Endpoints {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        listener.set_nonblocking(true).expect("a socket can be non-blocking");
        let address = listener.local_addr().expect("a bound socket has an address");
        let listener = TcpListener::from_std(listener).expect("a runtime takes the socket");
        let door = door::Door::new(self.clone(), function, stores, tables);
        tokio::spawn(Arc::new(door).serve(listener));
        let url = format!("http://{address}");
        Endpoints {
            dynamodb: Some(url.clone()),
            s3: Some(url.clone()),
            secrets_manager: Some(url),
            sesv2: None,
            lambda: Some(stores.lambda.clone()),
        }
    }

    fn arm(&self, rule: Armed) {
        hold(&self.0.rules).push(rule);
    }

    /// What is to become of a call. Every rule that fits it counts it; the first of those that are due has its way.
    fn verdict(&self, function: &str, asked: &Asked) -> Option<Act> {
        let mut rules = hold(&self.0.rules);
        let due: Vec<Act> = rules.iter_mut().filter_map(|rule| rule.due(function, asked)).collect();
        due.into_iter().next()
    }

    /// Writes a call down as under way; its place in the log.
    fn begin(&self, call: Call) -> usize {
        let mut calls = hold(&self.0.calls);
        calls.push(call);
        calls.len() - 1
    }

    fn end(&self, place: usize, outcome: Outcome) {
        if let Some(call) = hold(&self.0.calls).get_mut(place) {
            call.outcome = outcome;
        }
    }
}
