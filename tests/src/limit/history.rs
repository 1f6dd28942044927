//! What was sent and what was answered.

use std::fmt;

/// What the limit is for: each is alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// The tenant.
    pub tenant: String,
    /// The person.
    pub person: String,
    /// The category.
    pub category: String,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tenant, self.person, self.category)
    }
}

/// What a sender heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is told, by this notice of this time in microseconds.
    Told(String, i64),
    /// It waits, and can be told at this time.
    PutOff(i64),
    /// It was told before, by this notice.
    Before(String),
    /// Notices are off.
    Off,
    /// It failed.
    Error(String),
    /// Nothing: the sender died or gave up waiting.
    Nothing,
}

/// One sending.
#[derive(Clone, Debug)]
pub struct Send {
    /// To whom, and of what kind.
    pub subject: Subject,
    /// What it tells of. The same is sent again where nothing good was heard.
    pub occurrence: String,
    /// The sender's clock when it began, in microseconds.
    pub before: i64,
    /// The sender's clock when it heard.
    pub after: i64,
    /// The place among all beginnings and ends.
    pub began: u64,
    /// The same, of its end.
    pub ended: u64,
    /// What it heard.
    pub answer: Answer,
}

/// One look for what waits.
#[derive(Clone, Debug)]
pub struct Look {
    /// For whom, and of what kind.
    pub subject: Subject,
    /// The place among all beginnings and ends.
    pub began: u64,
    /// The same, of its end.
    pub ended: u64,
    /// The notice that told of it, if one did and this was heard.
    pub told: Option<String>,
}

/// A history, whole.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Every sending.
    pub sends: Vec<Send>,
    /// Whether nothing went wrong on the way to the store: then no error has an excuse.
    pub calm: bool,
    /// The beginnings and ends between which notices were certainly off, by places.
    pub off: Vec<(u64, u64)>,
    /// Every look for what waits.
    pub looks: Vec<Look>,
    /// Those of them that failed.
    pub failed_flushes: Vec<String>,
}
