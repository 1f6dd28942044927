//! How appeals are shown. Members that name staff, or come from the context, are filled for staff alone.

use crate::appeal::{Appeal, Deed, Event, Notified, Outcome, Ruling, Side, State, Statement, overdue};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    audit::{Actor, Places, Standing},
    ids::PersonId,
    notices::Category,
    outbox,
};
use std::collections::{BTreeMap, BTreeSet};

/// What an appeal is about.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Context {
    /// The notice.
    notification_id: String,
    /// What it was about.
    category: Category,
    /// When it was told.
    #[schema(value_type = String, format = DateTime)]
    told_at: Timestamp,
    /// The app's own names for the decisions that it is about. They may hold codes: staff see them, the person does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_refs: Option<Vec<String>>,
    /// How many of the decisions that the notice told of it is about; the others have appeals of their own.
    count: u64,
    /// The person's language when they appealed, as a tag.
    #[schema(example = "es")]
    locale: String,
    /// Their latest appeals before this one, newest first, at most 20.
    prior_appeals: Vec<String>,
    /// The appeals about the other decisions that the notice told of; absent where there are none.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    appealed_elsewhere: BTreeSet<String>,
}

/// An appeal in short.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Summary {
    /// Its name.
    appeal_id: String,
    /// How far it has come.
    state: State,
    /// How often it was put before reviewers.
    round: u32,
    /// What it is about.
    context: Context,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
    /// When this round began.
    #[schema(value_type = String, format = DateTime)]
    submitted_at: Timestamp,
    /// When anything of it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// The decision that stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<DecisionView>,
}

/// A decision on an appeal.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct DecisionView {
    outcome: Outcome,
    /// Why.
    reason: String,
    #[schema(value_type = String, format = DateTime)]
    decided_at: Timestamp,
    /// In which round.
    round: u32,
    /// By whom. For staff alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<PersonId>,
    /// What became of its notice. For staff alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<Notified>,
    /// What was asked to be undone. For staff alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    undo_request: Option<UndoView>,
}

/// What the app's systems were asked to undo.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct UndoView {
    /// The message.
    id: String,
    /// What is to be restored, where that is known.
    artifact_id: Option<String>,
    /// How far the message has come: `waiting`, `sent`, `skipped`, `dead`.
    #[schema(value_type = Option<String>)]
    state: Option<outbox::State>,
}

/// What was done.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct EventView {
    /// Its place, from 1.
    seq: u32,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `opened`, `statement_added`, `taken`, `decided`, `withdrawn` or `reopened`.
    event: &'static str,
    /// By whom.
    by: Side,
    /// How it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    /// Why it was reopened.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Who it was. For staff alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<PersonId>,
    /// The place of its entry in the audit log. For staff alone; none where it is not found.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_seq: Option<u64>,
    /// Whether it is not found because the text of the entry was erased on the person's demand. For staff alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    audit_erased: bool,
}

/// An appeal with all that its person sees.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AppealView {
    #[serde(flatten)]
    summary: Summary,
    /// What the person said, in order.
    statements: Vec<Statement>,
    /// The decisions of earlier rounds.
    earlier_decisions: Vec<DecisionView>,
    /// What was done, in order.
    history: Vec<EventView>,
}

/// How long an appeal has waited.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Waiting {
    /// Whose it is.
    #[serde(rename = "userId")]
    user_id: PersonId,
    /// Whole seconds since this round began; for those that are settled, until then.
    age_seconds: i64,
    /// Until when it is to be decided.
    #[schema(value_type = String, format = DateTime)]
    due_at: Timestamp,
    /// Whether it is open, and that time is over.
    overdue: bool,
    /// Who has taken it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    reviewer: Option<PersonId>,
}

/// An appeal in the queue.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct QueuedView {
    #[serde(flatten)]
    summary: Summary,
    #[serde(flatten)]
    waiting: Waiting,
}

/// An appeal with all that there is to know.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct StaffView {
    #[serde(flatten)]
    appeal: AppealView,
    #[serde(flatten)]
    waiting: Waiting,
    /// What the notice came with.
    notice: NoticeView,
}

/// What the notice came with.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct NoticeView {
    /// How many of its decisions the appeal is about.
    count: u64,
    /// Those of them that it names, newest first.
    decisions: Vec<OriginalView>,
    /// What came with the newest of them; empty where the appeal is not about all that the notice told of.
    #[schema(value_type = Object)]
    context: Map<String, Value>,
    /// Who asked for it to be told: a person, or a job.
    #[schema(value_type = Object)]
    by: Actor,
}

/// A decision that a notice tells of.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct OriginalView {
    /// The app's own name for it.
    decision_ref: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who took it, where that was said.
    decided_by: Option<PersonId>,
}

/// What staff may know besides.
pub(crate) struct Known {
    /// Where its entries lie in the audit log.
    pub(crate) places: Places,
    /// The states of messages, by their names.
    pub(crate) messages: BTreeMap<String, outbox::State>,
}

/// Who looks.
pub(crate) enum Viewer<'a> {
    /// The person, or somebody for them.
    Person,
    /// The staff.
    Staff(&'a Known),
}

impl Summary {
    pub(crate) fn of(appeal: &Appeal, viewer: &Viewer<'_>) -> Self {
        let about = &appeal.about;
        let context = Context {
            notification_id: about.notification_id.clone(),
            category: about.category,
            told_at: about.told_at,
            decision_refs: match viewer {
                Viewer::Person => None,
                Viewer::Staff(_) => Some(about.decision_refs()),
            },
            count: about.count,
            locale: about.locale.clone(),
            prior_appeals: about.prior.clone(),
            appealed_elsewhere: about.elsewhere.clone(),
        };
        Self {
            appeal_id: appeal.id.clone(),
            state: appeal.state,
            round: appeal.round,
            context,
            opened_at: appeal.opened_at,
            submitted_at: appeal.submitted_at,
            updated_at: appeal.updated_at,
            decision: appeal.ruling().map(|ruling| DecisionView::of(ruling, viewer)),
        }
    }
}

impl DecisionView {
    fn of(ruling: &Ruling, viewer: &Viewer<'_>) -> Self {
        let known = match viewer {
            Viewer::Person => None,
            Viewer::Staff(known) => Some(known),
        };
        let undo = |known: &&Known| {
            let id = ruling.undo.clone()?;
            let state = known.messages.get(&id).copied();
            Some(UndoView { id, artifact_id: ruling.artifact_id.clone(), state })
        };
        Self {
            outcome: ruling.outcome,
            reason: ruling.reason.clone(),
            decided_at: ruling.at,
            round: ruling.round,
            decided_by: known.map(|_| ruling.by.clone()),
            notice: known.map(|_| ruling.notified.clone()),
            undo_request: known.and_then(undo),
        }
    }
}

impl EventView {
    fn of(event: &Event, viewer: &Viewer<'_>) -> Self {
        let (outcome, reason) = match &event.deed {
            Deed::Decided { outcome } => (Some(*outcome), None),
            Deed::Reopened { reason } => (None, Some(reason.clone())),
            Deed::Opened | Deed::StatementAdded | Deed::Taken | Deed::Withdrawn => (None, None),
        };
        let (person, standing) = match viewer {
            Viewer::Person => (None, Standing::Unknown),
            Viewer::Staff(known) => (Some(event.by.clone()), known.places.of(&event.audit, event.at)),
        };
        let (audit_seq, audit_erased) = match standing {
            Standing::At(seq) => (Some(seq), false),
            Standing::Erased => (None, true),
            Standing::Unknown => (None, false),
        };
        let (event, by, seq, at) = (event.deed.name(), event.deed.side(), event.seq, event.at);
        Self { seq, at, event, by, outcome, reason, person, audit_seq, audit_erased }
    }
}

impl AppealView {
    pub(crate) fn of(appeal: &Appeal, viewer: &Viewer<'_>) -> Self {
        let standing = usize::from(appeal.ruling().is_some());
        let earlier = &appeal.rulings[..appeal.rulings.len() - standing];
        Self {
            summary: Summary::of(appeal, viewer),
            statements: appeal.statements.clone(),
            earlier_decisions: earlier.iter().map(|ruling| DecisionView::of(ruling, viewer)).collect(),
            history: appeal.history.iter().map(|event| EventView::of(event, viewer)).collect(),
        }
    }
}

impl Waiting {
    fn of(appeal: &Appeal, patience: SignedDuration, now: Timestamp) -> Self {
        let until = appeal.settled_at.unwrap_or(now);
        Self {
            user_id: appeal.person.clone(),
            age_seconds: until.duration_since(appeal.submitted_at).as_secs(),
            due_at: appeal.submitted_at.checked_add(patience).unwrap_or(Timestamp::MAX),
            overdue: appeal.state.is_open() && overdue(appeal.submitted_at, patience, now),
            reviewer: appeal.reviewer().cloned(),
        }
    }
}

impl QueuedView {
    pub(crate) fn of(appeal: &Appeal, known: &Known, patience: SignedDuration, now: Timestamp) -> Self {
        let summary = Summary::of(appeal, &Viewer::Staff(known));
        Self { summary, waiting: Waiting::of(appeal, patience, now) }
    }
}

impl StaffView {
    pub(crate) fn of(appeal: &Appeal, known: &Known, patience: SignedDuration, now: Timestamp) -> Self {
        let about = &appeal.about;
        let decisions = about.decisions.iter().map(|decision| OriginalView {
            decision_ref: decision.decision_ref.clone(),
            at: decision.at,
            decided_by: decision.decided_by.clone(),
        });
        let notice = NoticeView {
            count: about.count,
            decisions: decisions.collect(),
            context: about.context.clone(),
            by: about.by.clone(),
        };
        let view = AppealView::of(appeal, &Viewer::Staff(known));
        Self { appeal: view, waiting: Waiting::of(appeal, patience, now), notice }
    }
}
