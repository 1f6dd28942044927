//! How a bundle is to start.

use crate::{
    functions::{self, Assemble},
    ports::{Addresses, Ports},
};
use jiff::Timestamp;
use shared::{aws::Endpoints, clock::Clock};
use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

/// The template that the whole bundle is built from.
pub const TEMPLATE: &str = include_str!("../../template.yaml");

/// Where the clock of tests stands until they move it: a Tuesday, 10 in the morning in New York, 16 in Paris and Madrid.
pub fn test_time() -> Timestamp {
    "2026-11-10T15:00:00Z".parse().expect("it is a time")
}

/// How a bundle is to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of its state; `None` for a temporary one that goes with the bundle.
    pub state: Option<PathBuf>,
    /// A folder whose state the temporary one begins with.
    pub beginning: Option<PathBuf>,
    /// Whether it takes the issuer's key that all bundles of this process's tests share, or one from its state folder.
    pub shared_issuer: bool,
    /// Where its servers listen.
    pub ports: Ports,
    /// Its time.
    pub clock: Clock,
    /// Whether schedules run by that clock, or only when asked.
    pub ticking: bool,
    /// The text of the template.
    pub template: String,
    /// Puts the functions together.
    pub functions: Assemble,
    /// Variables in place of the template's. Only those that a function has in the template count.
    pub variables: BTreeMap<String, String>,
    /// What `.env` says: variables as above; all else are secrets.
    pub env_file: BTreeMap<String, String>,
    /// Where functions find the stores, if not where they are: a test puts something between them here.
    pub between: Option<Between>,
}

/// By a function's binary and the addresses of the stores: where that function is to look for them. What the bundle itself
/// does with its stores, such as making tables, goes straight to them.
#[derive(Clone)]
pub struct Between(Arc<Choose>);

/// Chooses a function's endpoints by its binary's name and where the stores are.
type Choose = dyn Fn(&str, &Addresses) -> Endpoints + Send + Sync;

impl Between {
    /// Functions look where `leads` says.
    pub fn new(leads: impl Fn(&str, &Addresses) -> Endpoints + Send + Sync + 'static) -> Self {
        Self(Arc::new(leads))
    }

    pub(crate) fn endpoints(&self, binary: &str, stores: &Addresses) -> Endpoints {
        (self.0)(binary, stores)
    }
}

impl fmt::Debug for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Between")
    }
}

impl Options {
    /// For tests: temporary state, any ports, a clock that stands still, schedules by hand.
    pub fn for_tests() -> Self {
        Self {
            state: None,
            beginning: None,
            shared_issuer: true,
            ports: Ports::ANY,
            clock: Clock::frozen(test_time()),
            ticking: false,
            template: TEMPLATE.to_owned(),
            functions: functions::bundle,
            variables: BTreeMap::new(),
            env_file: BTreeMap::new(),
            between: None,
        }
    }

    /// For a laptop: state in a folder, fixed ports where they are free, real time that can be moved, ticking schedules.
    pub fn for_laptop(state: PathBuf, port: u16) -> Self {
        Self {
            state: Some(state),
            shared_issuer: false,
            ports: Ports::from(port),
            clock: Clock::movable(),
            ticking: true,
            ..Self::for_tests()
        }
    }

    /// The same with a variable in place of the template's.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }
}
