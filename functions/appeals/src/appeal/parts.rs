//! What an appeal is made of.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{
    audit::Actor,
    ids::PersonId,
    notices::{Category, Decision},
};
use std::collections::BTreeSet;

/// The most characters of a statement, in any script.
pub const MAX_STATEMENT_CHARS: usize = 5_000;
/// The most statements of an appeal, so that it fits an item.
pub const MAX_STATEMENTS: usize = 10;
/// The most rounds of an appeal: it is opened, and then reopened.
pub const MAX_ROUNDS: u32 = 5;

macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$of:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $type {
            $($(#[$of])* $variant,)*
        }

        impl $type {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// As keys, requests and answers write it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

named! {
    /// How far an appeal has come.
    State {
        /// It waits for a reviewer.
        Submitted = "submitted",
        /// A reviewer looks at it.
        InReview = "in_review",
        /// The decision stays.
        Upheld = "upheld",
        /// The decision is reversed.
        Overturned = "overturned",
        /// A part of the decision is reversed.
        PartiallyOverturned = "partially_overturned",
        /// The person took it back.
        Withdrawn = "withdrawn",
    }
}

named! {
    /// How an appeal is decided.
    Outcome {
        /// The decision stays.
        Upheld = "upheld",
        /// The decision is reversed.
        Overturned = "overturned",
        /// A part of the decision is reversed.
        PartiallyOverturned = "partially_overturned",
    }
}

named! {
    /// On which side somebody acted.
    Side {
        /// The person who appeals, or somebody for them.
        Appellant = "appellant",
        /// The staff.
        Staff = "staff",
    }
}

impl Outcome {
    /// The state that it leads to.
    pub fn state(self) -> State {
        match self {
            Self::Upheld => State::Upheld,
            Self::Overturned => State::Overturned,
            Self::PartiallyOverturned => State::PartiallyOverturned,
        }
    }

    /// Whether something is to be undone.
    pub fn undoes(self) -> bool {
        self != Self::Upheld
    }
}

/// What can be done with an appeal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Move {
    /// A reviewer begins.
    Take,
    /// A reviewer decides.
    Decide(Outcome),
    /// The person says more.
    AddStatement,
    /// The person takes it back.
    Withdraw,
    /// Staff have new facts.
    Reopen,
}

impl Move {
    /// As what cannot be done is said.
    pub(super) fn done(self) -> &'static str {
        match self {
            Self::Take => "taken up",
            Self::Decide(_) => "decided",
            Self::AddStatement => "added to",
            Self::Withdraw => "withdrawn",
            Self::Reopen => "reopened",
        }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "deed")]
pub enum Deed {
    /// It was opened.
    Opened,
    /// The person said more.
    StatementAdded,
    /// A reviewer began.
    Taken,
    /// It was decided.
    Decided {
        /// How.
        outcome: Outcome,
    },
    /// The person took it back.
    Withdrawn,
    /// It was put before reviewers once more.
    Reopened {
        /// Why.
        reason: String,
    },
}

impl Deed {
    /// As answers and the audit log write it, the log after `appeal.`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::StatementAdded => "statement_added",
            Self::Taken => "taken",
            Self::Decided { .. } => "decided",
            Self::Withdrawn => "withdrawn",
            Self::Reopened { .. } => "reopened",
        }
    }

    /// Whose deed it is.
    pub fn side(&self) -> Side {
        match self {
            Self::Opened | Self::StatementAdded | Self::Withdrawn => Side::Appellant,
            Self::Taken | Self::Decided { .. } | Self::Reopened { .. } => Side::Staff,
        }
    }
}

/// Who does something, when, and how that is known again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Who.
    pub by: PersonId,
    /// When.
    pub at: Timestamp,
    /// The name of its entry in the audit log.
    pub audit: String,
    /// The request that did it, where it had an `Idempotency-Key`.
    pub token: Option<String>,
}

/// What was done, as the history keeps it: events are added and never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place, from 1.
    pub seq: u32,
    /// When.
    pub at: Timestamp,
    /// What.
    pub deed: Deed,
    /// Who.
    pub by: PersonId,
    /// The name of its entry in the audit log.
    pub audit: String,
    /// The request that did it, where it had an `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// What a person said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Statement {
    /// When they said it.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// In their own words.
    pub text: String,
}

/// What an appeal is about: of a notice, as it was when the appeal was opened, the decisions that had no appeal yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The notice.
    pub notification_id: String,
    /// What it was about.
    pub category: Category,
    /// When it was told.
    pub told_at: Timestamp,
    /// How many decisions of those that it told of; the others have appeals of their own.
    pub count: u64,
    /// Those that it names.
    pub decisions: Vec<Decision>,
    /// What came with the newest of them. Staff see it, the person does not. Nothing where the notice told of decisions that have appeals
    /// of their own, as it may have come with one of those.
    pub context: Map<String, Value>,
    /// Who asked for it to be told.
    pub by: Actor,
    /// Everybody who took one of the decisions or asked for it to be told.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub involved: BTreeSet<PersonId>,
    /// The person's language when they appealed, as a tag: one in which there are notices.
    pub locale: String,
    /// Their latest appeals before, newest first.
    pub prior: Vec<String>,
    /// The appeals about the other decisions that the notice told of.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub elsewhere: BTreeSet<String>,
}

impl About {
    /// The names of the decisions.
    pub fn decision_refs(&self) -> Vec<String> {
        self.decisions.iter().filter_map(|decision| decision.decision_ref.clone()).collect()
    }
}

/// What became of the notice of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Notified {
    /// The person was told.
    Told {
        /// By this notice.
        notification_id: String,
    },
    /// They are told later, as they were told of another appeal less than twelve hours before.
    PutOff {
        /// At this time at the earliest.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
    },
    /// Notices are switched off.
    Off,
}

/// A decision on an appeal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// How it was decided.
    pub outcome: Outcome,
    /// Why, in words for the person.
    pub reason: String,
    /// By whom.
    pub by: PersonId,
    /// When.
    pub at: Timestamp,
    /// In which round.
    pub round: u32,
    /// Seconds since the appeal was submitted in this round.
    pub took_s: i64,
    /// What became of its notice.
    pub notified: Notified,
    /// The message that asks for what was done to be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// What that message asks to restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_id: Option<String>,
}

/// An appeal, as the table keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Appeal {
    /// Its name: `apl_` and 26 characters, in the order of time.
    pub id: String,
    /// Who appeals.
    pub person: PersonId,
    /// Against what.
    pub about: About,
    /// How far it has come.
    pub state: State,
    /// How often it was put before reviewers.
    pub round: u32,
    /// One more with each change.
    pub version: u64,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When this round began.
    pub submitted_at: Timestamp,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
    /// When it was decided or withdrawn; none while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// What the person said, in order.
    pub statements: Vec<Statement>,
    /// How it was decided, round by round.
    pub rulings: Vec<Ruling>,
    /// What was done, in order.
    pub history: Vec<Event>,
    /// `<person>#<id>`.
    pub appeals_by_person: String,
    /// `<state>#<time>#<id>`, by when this round began, or the appeal was settled.
    pub appeals_by_state: String,
}
