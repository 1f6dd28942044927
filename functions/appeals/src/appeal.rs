//! What an appeal is, what can become of it, and who may do it. Plain values; time comes in as an argument.
//!
//! ```text
//!              take             decide
//!  submitted ───────▶ in_review ──────▶ upheld, overturned, partially_overturned
//!      │ ▲                │                          │
//!      │ └── reopen ──────┼──────────────────────────┘
//!      └──── withdraw ────┴──▶ withdrawn ── reopen ──▶ submitted
//! ```
//!
//! Whoever decides took no part in the matter before: not in the action that the appeal is about, not in an earlier decision on the
//! appeal, and not on the side of the person who appeals.

mod parts;
#[cfg(test)]
mod tests;

pub use parts::{
    About, Act, Appeal, Deed, Event, MAX_ROUNDS, MAX_STATEMENT_CHARS, MAX_STATEMENTS, Move, Notified, Outcome, Ruling,
    Side, State, Statement,
};

use jiff::{SignedDuration, Timestamp};
use shared::{audit::Actor, ids::PersonId, table::sortable};

/// Why something cannot be done with an appeal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The state has no such move.
    #[error("An appeal that is {} cannot be {}. {}", .0.as_str(), .1.done(), .0.advice())]
    IllegalMove(State, Move),
    /// The reviewer took part in what they would decide on.
    #[error(
        "Whoever took the decision, or decided on this appeal before, does not decide on it now. Leave it to somebody else."
    )]
    SameReviewer,
    /// The appeal is the reviewer's own, or they acted in it for the person who appeals.
    #[error("Nobody decides on their own appeal, nor on one that they helped with. Leave it to somebody else.")]
    OwnAppeal,
    /// There are as many statements as can be.
    #[error("An appeal has at most {MAX_STATEMENTS} statements, and all of them are read.")]
    TooManyStatements,
    /// It has been reopened as often as can be.
    #[error("An appeal is reopened at most {} times.", MAX_ROUNDS - 1)]
    TooManyRounds,
}

impl State {
    /// The state after `mv`; `None` where there is no such move.
    pub fn after(self, mv: Move) -> Option<Self> {
        match (self, mv) {
            (Self::Submitted, Move::Take) => Some(Self::InReview),
            (Self::InReview, Move::Decide(outcome)) => Some(outcome.state()),
            (Self::Submitted | Self::InReview, Move::Withdraw) => Some(Self::Withdrawn),
            (Self::Submitted | Self::InReview, Move::AddStatement) => Some(self),
            (Self::Upheld | Self::Overturned | Self::PartiallyOverturned | Self::Withdrawn, Move::Reopen) => {
                Some(Self::Submitted)
            }
            _ => None,
        }
    }

    /// The moves that there are, by the names that answers tell.
    pub fn moves(self) -> &'static [&'static str] {
        match self {
            Self::Submitted => &["add_statement", "withdraw", "review"],
            Self::InReview => &["add_statement", "withdraw", "decision"],
            Self::Upheld | Self::Overturned | Self::PartiallyOverturned | Self::Withdrawn => &["reopen"],
        }
    }

    /// Whether somebody still has to act.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Submitted | Self::InReview)
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Submitted => "It can get another statement, be withdrawn, or be taken up by a reviewer.",
            Self::InReview => "It can get another statement, be withdrawn, or be decided.",
            Self::Upheld | Self::Overturned | Self::PartiallyOverturned | Self::Withdrawn => {
                "Staff can reopen it where there are new facts."
            }
        }
    }
}

/// Whether, at `now`, an appeal submitted at `submitted` has waited for longer than `patience`.
pub fn overdue(submitted: Timestamp, patience: SignedDuration, now: Timestamp) -> bool {
    now.duration_since(submitted) > patience
}

impl Appeal {
    /// A new appeal under the name `id`.
    pub fn open(id: String, person: PersonId, about: About, statement: Option<String>, act: &Act) -> Self {
        let statements = statement.map(|text| Statement { at: act.at, text }).into_iter().collect();
        let mut appeal = Self {
            id,
            person,
            about,
            state: State::Submitted,
            round: 1,
            version: 0,
            opened_at: act.at,
            submitted_at: act.at,
            updated_at: act.at,
            settled_at: None,
            statements,
            rulings: vec![],
            history: vec![],
            appeals_by_person: String::new(),
            appeals_by_state: String::new(),
        };
        appeal.note(Deed::Opened, act);
        appeal
    }

    /// Adds a statement; those before stay.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub fn add_statement(&mut self, text: String, act: &Act) -> Result<(), Refusal> {
        let state = self.next(Move::AddStatement)?;
        if self.statements.len() >= MAX_STATEMENTS {
            return Err(Refusal::TooManyStatements);
        }
        self.statements.push(Statement { at: act.at, text });
        self.state = state;
        self.note(Deed::StatementAdded, act);
        Ok(())
    }

    /// Takes it back.
    ///
    /// # Errors
    ///
    /// [`Refusal::IllegalMove`].
    pub fn withdraw(&mut self, act: &Act) -> Result<(), Refusal> {
        self.state = self.next(Move::Withdraw)?;
        self.settled_at = Some(act.at);
        self.note(Deed::Withdrawn, act);
        Ok(())
    }

    /// Begins the review.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub fn take(&mut self, act: &Act) -> Result<(), Refusal> {
        self.state = self.permits(Move::Take, &act.by)?;
        self.note(Deed::Taken, act);
        Ok(())
    }

    /// Decides it.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub fn decide(&mut self, ruling: Ruling, act: &Act) -> Result<(), Refusal> {
        self.state = self.permits(Move::Decide(ruling.outcome), &act.by)?;
        self.settled_at = Some(act.at);
        self.note(Deed::Decided { outcome: ruling.outcome }, act);
        self.rulings.push(ruling);
        Ok(())
    }

    /// Puts it before reviewers once more, since there are new facts. Its waiting begins anew.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub fn reopen(&mut self, reason: String, act: &Act) -> Result<(), Refusal> {
        let state = self.next(Move::Reopen)?;
        if self.sides_with_appellant(&act.by) {
            return Err(Refusal::OwnAppeal);
        }
        if self.round >= MAX_ROUNDS {
            return Err(Refusal::TooManyRounds);
        }
        (self.state, self.settled_at, self.submitted_at) = (state, None, act.at);
        self.round += 1;
        self.note(Deed::Reopened { reason }, act);
        Ok(())
    }

    /// The state after `mv`, if `reviewer` may make it.
    ///
    /// # Errors
    ///
    /// [`Refusal::OwnAppeal`], [`Refusal::SameReviewer`], [`Refusal::IllegalMove`].
    pub fn permits(&self, mv: Move, reviewer: &PersonId) -> Result<State, Refusal> {
        if self.sides_with_appellant(reviewer) {
            return Err(Refusal::OwnAppeal);
        }
        if self.took_part(reviewer) {
            return Err(Refusal::SameReviewer);
        }
        self.next(mv)
    }

    /// The decision that stands.
    pub fn ruling(&self) -> Option<&Ruling> {
        if self.state.is_open() { None } else { self.rulings.last().filter(|ruling| ruling.round == self.round) }
    }

    /// Who has taken it up in this round.
    pub fn reviewer(&self) -> Option<&PersonId> {
        let taken = self.history.iter().rev().take_while(|event| !matches!(event.deed, Deed::Reopened { .. }));
        taken.into_iter().find(|event| event.deed == Deed::Taken).map(|event| &event.by)
    }

    /// Whether something was done to it by the request that `token` names.
    pub fn done_under(&self, token: Option<&str>) -> bool {
        token.is_some() && self.history.iter().any(|event| event.token.as_deref() == token)
    }

    fn next(&self, mv: Move) -> Result<State, Refusal> {
        self.state.after(mv).ok_or(Refusal::IllegalMove(self.state, mv))
    }

    fn sides_with_appellant(&self, who: &PersonId) -> bool {
        *who == self.person || self.history.iter().any(|event| event.deed.side() == Side::Appellant && event.by == *who)
    }

    fn took_part(&self, who: &PersonId) -> bool {
        let decided = self.about.decisions.iter().any(|decision| decision.decided_by.as_ref() == Some(who));
        let told = self.about.by == Actor::Person(who.clone());
        let involved = self.about.involved.contains(who);
        decided || told || involved || self.rulings.iter().any(|ruling| ruling.by == *who)
    }

    /// Writes down what was done, and brings what follows from it up to date.
    fn note(&mut self, deed: Deed, act: &Act) {
        let seq = u32::try_from(self.history.len()).unwrap_or(u32::MAX).saturating_add(1);
        let Act { by, at, audit, token } = act.clone();
        self.history.push(Event { seq, at, deed, by, audit, token });
        self.updated_at = at;
        self.version += 1;
        self.appeals_by_person = format!("{}#{}", self.person.as_str(), self.id);
        let since = self.settled_at.unwrap_or(self.submitted_at);
        self.appeals_by_state = format!("{}#{}#{}", self.state.as_str(), sortable(since), self.id);
    }
}
