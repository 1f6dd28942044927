//! What is to be told, and how it is put into words and sent on.

use super::{
    Category,
    row::{Decision, FOLDED, NoticeRow, ToldText},
};
use crate::{
    audit::Actor, digest::Digest, idempotency::Token, ids::PersonId, outbox::Message, tenant::TenantScope,
    web::request::random_hex,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What the origins begin with that nobody can name again.
const NAMELESS: &str = "new-";
/// What those of the outcomes of appeals begin with.
const OUTCOME: &str = "out-";
/// The most people who take part in what is told once: who decided, and who asks for it to be told.
pub(super) const TAKE_PART: usize = 2;
/// The most bytes of their names: 128 characters each.
pub(super) const TAKE_PART_BYTES: usize = TAKE_PART * 128 * 4;

/// What a notice is told for. The same origin is told of once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// A decision by its own name, else a request by its idempotency key, else something that has no name and is new each time.
    pub fn of(decision_ref: Option<&str>, token: Option<&Token>) -> Self {
        Self(match (decision_ref, token) {
            (Some(name), _) => format!("ref-{}", Digest::of(name.as_bytes())),
            (None, Some(token)) => format!("key-{token}"),
            (None, None) => format!("{NAMELESS}{}", random_hex::<16>()),
        })
    }

    /// The outcome of a round of an appeal. No caller's name is ever one.
    pub fn of_outcome(appeal: &str, round: u32) -> Self {
        Self(format!("{OUTCOME}{appeal}-{round}"))
    }

    /// Whether an origin, as keys write it, is a decision's own name.
    pub(super) fn names_a_decision(origin: &str) -> bool {
        origin.starts_with("ref-") || origin.starts_with(OUTCOME)
    }

    /// Whether anybody may look for an origin again, as keys write it: for what has no name nobody can.
    pub(super) fn is_found_again(origin: &str) -> bool {
        !origin.starts_with(NAMELESS)
    }

    /// Whether it can come again: what has no name of its own cannot.
    pub(super) fn recurs(&self) -> bool {
        Self::is_found_again(&self.0)
    }

    /// The name of an occurrence that others are folded into.
    pub(super) fn folded() -> String {
        format!("{FOLDED}{}", random_hex::<16>())
    }

    /// The origin as keys write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is to be told.
#[derive(Clone, Debug)]
pub struct Telling {
    /// To whom.
    pub person: PersonId,
    /// Of what kind.
    pub category: Category,
    /// What it is told for.
    pub origin: Origin,
    /// The decision.
    pub decision: Decision,
    /// What came with it, for staff.
    pub context: Map<String, Value>,
    /// Whether it can be appealed.
    pub appealable: bool,
    /// Who asks for it.
    pub by: Actor,
}

impl Telling {
    /// Who took the decision, and who asks for it to be told.
    pub(super) fn involved(&self) -> impl Iterator<Item = &PersonId> {
        let asks = match &self.by {
            Actor::Person(person) => Some(person),
            Actor::Job(_) => None,
        };
        asks.into_iter().chain(&self.decision.decided_by)
    }

    /// What a notice of this alone says.
    pub(super) fn to_say(&self) -> ToSay<'_> {
        ToSay {
            category: self.category,
            context: &self.context,
            decision: &self.decision,
            count: 1,
            appealable: self.appealable && self.category.appealable(),
        }
    }
}

/// What is said, in every language, and what of it goes out by other ways than the feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Composed {
    /// By language tag.
    pub texts: BTreeMap<String, ToldText>,
    /// The version of the templates.
    pub version: u32,
}

/// What a notice is to say.
#[derive(Clone, Copy, Debug)]
pub struct ToSay<'a> {
    /// Of what kind it is.
    pub category: Category,
    /// What came with the newest decision.
    pub context: &'a Map<String, Value>,
    /// The newest decision.
    pub decision: &'a Decision,
    /// How many decisions it tells of.
    pub count: u64,
    /// Whether it can be appealed.
    pub appealable: bool,
}

/// Puts notices into words.
pub trait Compose: Sync {
    /// What cannot be said.
    type Refusal: Send;

    /// The words.
    ///
    /// # Errors
    ///
    /// Why it cannot be said.
    fn compose(&self, to_say: &ToSay<'_>) -> Result<Composed, Self::Refusal>;
}

/// What else goes out of a notice that is told: messages for the outbox, whose ids begin with the notice's.
pub trait Announce: Send + Sync {
    /// The messages of `notice` of `tenant`, two at most.
    fn messages(&self, tenant: &TenantScope, notice: &NoticeRow) -> Vec<Message>;
}
