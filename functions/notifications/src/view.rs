//! What of a notice is shown to whom.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    audit::Actor,
    ids::PersonId,
    notices::{AppealWindow, Category, Decision, NoticeRow, PutOff, Status, Words},
    outbox::MessageRow,
};

/// A notice, in the reader's language.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Notification {
    /// Its name; those of later ones sort after it.
    #[schema(example = "ntf_01kz3v7m2c8q4r6t9w0x1y2z3a")]
    id: String,
    /// Whose it is.
    #[serde(rename = "userId")]
    user_id: PersonId,
    /// What it is about.
    category: Category,
    /// One line.
    title: String,
    /// What happened, and what can be done.
    body: String,
    /// The language of title and body.
    #[schema(example = "es")]
    language: String,
    /// How many decisions it tells of.
    count: u64,
    /// Whether it has been read.
    read: bool,
    /// When it was told.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When anything of it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// When it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    read_at: Option<Timestamp>,
    /// `POST` here appeals; absent where it cannot be appealed, or no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/api/user-notifications/ntf_01kz3v7m2c8q4r6t9w0x1y2z3a/appeal")]
    appeal_link: Option<String>,
    /// Until when it can be appealed; absent where it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    appeal_deadline: Option<Timestamp>,
    /// What staff see.
    #[serde(skip_serializing_if = "Option::is_none")]
    staff: Option<Staff>,
}

/// What only those see who may administer: it may hold codes and names.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Staff {
    /// What the newest decision came with.
    #[schema(value_type = Object)]
    context: Map<String, Value>,
    /// The decisions, newest first.
    #[schema(value_type = Vec<Object>)]
    decisions: Vec<Decision>,
    /// Who asked for it to be told.
    #[schema(value_type = Object)]
    by: Actor,
    /// The version of the templates.
    text_version: u32,
    /// What became of it on other ways than the feed; only where one notice is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    deliveries: Option<Vec<Delivery>>,
}

/// How far a message has come.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Delivery {
    /// `email` or `webhook`.
    #[schema(value_type = String)]
    channel: shared::outbox::Target,
    /// `waiting`, `sent`, `skipped` or `dead`.
    #[schema(value_type = String)]
    state: shared::outbox::State,
    /// How often it was tried.
    attempts: u32,
    /// When it was last tried or settled.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Why the last try failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

impl From<MessageRow> for Delivery {
    fn from(row: MessageRow) -> Self {
        Self {
            channel: row.message.target,
            state: row.state,
            attempts: row.attempts,
            updated_at: row.updated_at,
            last_error: row.last_error,
        }
    }
}

/// Who reads, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    /// The languages that they want, best first.
    pub(crate) wanted: &'a [String],
    /// Whether they see what staff see.
    pub(crate) staff: bool,
    pub(crate) window: AppealWindow,
    pub(crate) now: Timestamp,
}

impl Notification {
    /// The notice as `reader` sees it.
    pub(crate) fn of(row: NoticeRow, reader: Reader<'_>) -> Self {
        let (language, text) = Words::choose(&row.texts, reader.wanted);
        let (title, body) = text.map(|text| (text.title.clone(), text.body.clone())).unwrap_or_default();
        let deadline = row.appealable.then(|| reader.window.closes(row.created_at));
        let open = deadline.is_some_and(|deadline| reader.now <= deadline);
        Self {
            appeal_link: open.then(|| format!("/api/user-notifications/{}/appeal", row.id)),
            appeal_deadline: deadline,
            user_id: row.person,
            category: row.category,
            title,
            body,
            language,
            count: row.count,
            read: row.status == Status::Read,
            created_at: row.created_at,
            updated_at: row.updated_at,
            read_at: row.read_at,
            staff: reader.staff.then_some(Staff {
                context: row.context,
                decisions: row.decisions,
                by: row.by,
                text_version: row.text_version,
                deliveries: None,
            }),
            id: row.id,
        }
    }

    /// With what became of it on other ways than the feed.
    pub(crate) fn delivered(mut self, messages: Vec<MessageRow>) -> Self {
        if let Some(staff) = &mut self.staff {
            staff.deliveries = Some(messages.into_iter().map(Delivery::from).collect());
        }
        self
    }

    /// The language of its texts.
    pub(crate) fn language(&self) -> &str {
        &self.language
    }
}

/// What waits for a person in a category.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Deferred {
    /// Which.
    category: Category,
    /// How many decisions; where they are very many, at least so many.
    count: u64,
    /// Since when the first waits.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// When they are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// What the newest came with.
    #[schema(value_type = Object)]
    latest_context: Map<String, Value>,
    /// The decisions, newest first.
    #[schema(value_type = Vec<Object>)]
    decisions: Vec<Decision>,
}

impl Deferred {
    /// All that waits in one category; `None` where nothing does.
    pub(crate) fn of(waiting: Vec<PutOff>) -> Option<Self> {
        let since = waiting.iter().map(|row| row.at).min()?;
        let newest = waiting.iter().max_by_key(|row| row.at)?.clone();
        let mut decisions: Vec<Decision> = waiting.iter().flat_map(|row| row.decisions.clone()).collect();
        decisions.sort_by_key(|decision| std::cmp::Reverse(decision.at));
        decisions.truncate(shared::notices::MAX_DECISIONS);
        Some(Self {
            category: newest.category,
            count: waiting.iter().map(|row| row.count).sum(),
            since,
            until: newest.deferral_due,
            latest_context: newest.context,
            decisions,
        })
    }
}
