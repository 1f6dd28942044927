//! What senders send: an event as it comes, and what is made of it.

use crate::pii::{self, Policy, Seen};
use event_store::{
    Event, EventId,
    event::{DEFAULT_STEP, Dimensions},
    store::ToPut,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::ids::{PersonId, TenantId};

/// The most bytes of a payload's JSON.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 64 * 1024;
/// The most characters of a dimension's value.
pub(crate) const MAX_VALUE_CHARS: usize = 256;
/// The most characters of the name of a run, a session or a kind of event.
pub(crate) const MAX_NAME_CHARS: usize = 128;
/// How far ahead of our clock an event may be.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// An event, as it is sent.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SentEvent {
    /// What happened: 1 to 128 of letters, digits, `_`, `-`, `.` and `:`.
    #[schema(min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_.:-]+$", example = "pageview")]
    event_type: String,
    /// What comes with it: an object of at most 64 KiB.
    #[schema(value_type = Object, example = json!({"path": "/aisle/7"}))]
    payload: Box<RawValue>,
    /// Where the visit came from.
    #[schema(max_length = 256)]
    utm_source: Option<String>,
    /// By what means.
    #[schema(max_length = 256)]
    utm_medium: Option<String>,
    /// Out of which campaign.
    #[schema(max_length = 256)]
    utm_campaign: Option<String>,
    /// By which of its links.
    #[schema(max_length = 256)]
    utm_content: Option<String>,
    /// For which term.
    #[schema(max_length = 256)]
    utm_term: Option<String>,
    /// The app.
    #[schema(max_length = 256, example = "shop")]
    app: Option<String>,
    /// The part of it.
    #[schema(max_length = 256, example = "home")]
    surface: Option<String>,
    /// What it runs on.
    #[schema(max_length = 256, example = "ios")]
    platform: Option<String>,
    /// The session that it belongs to.
    #[schema(max_length = 128)]
    session_id: Option<String>,
    /// When it happened, RFC 3339; when it came in, unless said. At most a day ahead of the stack's clock.
    #[schema(value_type = Option<String>, format = DateTime)]
    timestamp: Option<Timestamp>,
    /// The person whom it is about: the caller's own, unless that is a service.
    #[schema(max_length = 128)]
    user_id: Option<String>,
    /// The run that it belongs to.
    #[schema(max_length = 128)]
    run_id: Option<String>,
    /// The step: the last part of the event's name.
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9._-]+$")]
    step_id: Option<String>,
}

/// What of an event is not what it must be. It repeats no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEvent {
    /// A member is not of its form.
    #[error("{0}")]
    Form(&'static str),
    /// The payload has personal data, which the policy refuses.
    #[error("payload.{0} holds personal data, which this stack does not take: leave it out")]
    Personal(String),
}

/// Who sends, and in what.
#[derive(Clone, Debug)]
pub(crate) struct Sender<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) project: &'a str,
    pub(crate) request_id: &'a str,
    /// Whom an event is about that names nobody; nobody where a service sends it.
    pub(crate) person: Option<&'a PersonId>,
    /// When it came in: earlier than now where it was refused then.
    pub(crate) received_at: Timestamp,
    pub(crate) now: Timestamp,
    pub(crate) pii: Policy,
    pub(crate) seen: Seen,
}

impl SentEvent {
    /// Whom it names.
    pub(crate) fn user_id(&self) -> Option<&str> {
        self.user_id.as_deref()
    }

    /// Its name, the `at`th of its request where that has several.
    pub(crate) fn id(&self, request_id: &str, at: Option<usize>) -> Result<EventId, BadEvent> {
        let bad = |_| BadEvent::Form("step_id is 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'.");
        match (&self.step_id, at) {
            (Some(step), _) => EventId::of(request_id, step),
            (None, Some(at)) => EventId::of(request_id, &at.to_string()),
            (None, None) => EventId::of(request_id, DEFAULT_STEP),
        }
        .map_err(bad)
    }

    /// The event that is kept.
    ///
    /// # Errors
    ///
    /// [`BadEvent`].
    pub(crate) fn read(self, id: EventId, by: &Sender<'_>) -> Result<ToPut, BadEvent> {
        let form = |good: bool, form| if good { Ok(()) } else { Err(BadEvent::Form(form)) };
        let kind = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        form(
            (1..=MAX_NAME_CHARS).contains(&self.event_type.len()) && self.event_type.chars().all(kind),
            "event_type is 1 to 128 of A-Z, a-z, 0-9, '_', '-', '.' and ':'.",
        )?;
        form(self.payload.get().starts_with('{'), "payload is an object; it may be {}.")?;
        form(self.payload.get().len() <= MAX_PAYLOAD_BYTES, "payload has at most 65,536 bytes.")?;
        let dimensions = Dimensions {
            utm_source: self.utm_source,
            utm_medium: self.utm_medium,
            utm_campaign: self.utm_campaign,
            utm_content: self.utm_content,
            utm_term: self.utm_term,
            app: self.app,
            surface: self.surface,
            platform: self.platform,
        };
        form(
            dimensions.all().all(|value| is_text(value, MAX_VALUE_CHARS)),
            "a dimension has 1 to 256 characters, none of them a control.",
        )?;
        let names = [&self.session_id, &self.run_id, &self.user_id];
        form(
            names.into_iter().flatten().all(|name| is_text(name, MAX_NAME_CHARS)),
            "session_id, run_id and user_id have 1 to 128 characters, none of them a control.",
        )?;
        let ahead = |time: &Timestamp| time.duration_since(by.now) <= AHEAD;
        form(self.timestamp.as_ref().is_none_or(ahead), "timestamp is more than 24 hours ahead of our clock.")?;
        let event = Event {
            event_id: id,
            event_type: self.event_type,
            project_id: by.project.to_owned(),
            request_id: by.request_id.to_owned(),
            user_id: self.user_id.or_else(|| by.person.map(|person| person.as_str().to_owned())),
            run_id: self.run_id,
            step_id: Some(self.step_id.unwrap_or_else(|| DEFAULT_STEP.to_owned())),
            session_id: self.session_id,
            dimensions,
            payload: screened(self.payload, by)?,
            timestamp: self.timestamp.unwrap_or(by.received_at),
            received_at: by.received_at,
        };
        Ok(ToPut { fingerprint: event.fingerprint(self.timestamp), event })
    }
}

/// Whether a text has 1 to `most` characters, none of them a control.
pub(crate) fn is_text(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// The payload as the policy lets it be kept.
fn screened(payload: Box<RawValue>, by: &Sender<'_>) -> Result<Box<RawValue>, BadEvent> {
    if by.pii == Policy::Allow || !pii::is_in(&payload) {
        return Ok(payload);
    }
    let unread = |_| BadEvent::Form("payload could not be read.");
    let read: serde_json::Value = serde_json::from_str(payload.get()).map_err(unread)?;
    if by.pii == Policy::Reject {
        return Err(BadEvent::Personal(pii::first(&read).unwrap_or_default()));
    }
    serde_json::value::to_raw_value(&pii::hashed(read, by.tenant, by.seen)).map_err(unread)
}
