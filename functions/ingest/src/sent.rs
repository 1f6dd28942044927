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
use std::borrow::Cow;

/// The most bytes of a payload's JSON.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 64 * 1024;
/// The most characters of a dimension's value.
pub(crate) const MAX_VALUE_CHARS: usize = 256;
/// The most characters of the name of a run, a session or a kind of event.
pub(crate) const MAX_NAME_CHARS: usize = 128;
/// How far ahead of our clock an event may be.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// A text as the body has it, or unescaped.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Text<'_> {
    fn own(text: Option<Self>) -> Option<String> {
        text.map(|text| text.0.into_owned())
    }
}

/// Events, at most 500.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SentBatch<'a> {
    /// The events. One without a `step_id` is named by its place.
    #[schema(min_items = 1, max_items = 500)]
    #[serde(borrow)]
    pub events: Vec<SentEvent<'a>>,
}

/// An event, as it is sent: a view of the body, which owns nothing but texts that had to be unescaped.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SentEvent<'a> {
    /// What happened: 1 to 128 of letters, digits, `_`, `-`, `.` and `:`.
    #[schema(value_type = String, min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_.:-]+$", example = "pageview")]
    #[serde(borrow)]
    event_type: Text<'a>,
    /// What comes with it: an object of at most 64 KiB.
    #[schema(value_type = Object, example = json!({"path": "/aisle/7"}))]
    #[serde(borrow)]
    payload: &'a RawValue,
    /// Where the visit came from.
    #[schema(value_type = Option<String>, max_length = 256)]
    #[serde(borrow)]
    utm_source: Option<Text<'a>>,
    /// By what means.
    #[schema(value_type = Option<String>, max_length = 256)]
    #[serde(borrow)]
    utm_medium: Option<Text<'a>>,
    /// Out of which campaign.
    #[schema(value_type = Option<String>, max_length = 256)]
    #[serde(borrow)]
    utm_campaign: Option<Text<'a>>,
    /// By which of its links.
    #[schema(value_type = Option<String>, max_length = 256)]
    #[serde(borrow)]
    utm_content: Option<Text<'a>>,
    /// For which term.
    #[schema(value_type = Option<String>, max_length = 256)]
    #[serde(borrow)]
    utm_term: Option<Text<'a>>,
    /// The app.
    #[schema(value_type = Option<String>, max_length = 256, example = "shop")]
    #[serde(borrow)]
    app: Option<Text<'a>>,
    /// The part of it.
    #[schema(value_type = Option<String>, max_length = 256, example = "home")]
    #[serde(borrow)]
    surface: Option<Text<'a>>,
    /// What it runs on.
    #[schema(value_type = Option<String>, max_length = 256, example = "ios")]
    #[serde(borrow)]
    platform: Option<Text<'a>>,
    /// The session that it belongs to.
    #[schema(value_type = Option<String>, max_length = 128)]
    #[serde(borrow)]
    session_id: Option<Text<'a>>,
    /// When it happened, RFC 3339; when it came in, unless said. At most a day ahead of the stack's clock.
    #[schema(value_type = Option<String>, format = DateTime)]
    timestamp: Option<Timestamp>,
    /// The person whom it is about: the caller's own, unless that is a service.
    #[schema(value_type = Option<String>, max_length = 128)]
    #[serde(borrow)]
    user_id: Option<Text<'a>>,
    /// The run that it belongs to.
    #[schema(value_type = Option<String>, max_length = 128)]
    #[serde(borrow)]
    run_id: Option<Text<'a>>,
    /// The step: the last part of the event's name.
    #[schema(value_type = Option<String>, max_length = 64, pattern = "^[A-Za-z0-9._-]+$")]
    #[serde(borrow)]
    step_id: Option<Text<'a>>,
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
pub struct Sender<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The project.
    pub project: &'a str,
    /// The request, which names the event.
    pub request_id: &'a str,
    /// Whom an event is about that names nobody; nobody where a service sends it.
    pub person: Option<&'a PersonId>,
    /// When it came in: earlier than now where it was refused then.
    pub received_at: Timestamp,
    /// The time.
    pub now: Timestamp,
    /// What becomes of personal data.
    pub pii: Policy,
    /// Whether it was looked through before.
    pub seen: Seen<'a>,
}

impl SentEvent<'_> {
    /// Whom it names.
    pub(crate) fn user_id(&self) -> Option<&str> {
        self.user_id.as_ref().map(|user| &*user.0)
    }

    /// Its name, the `at`th of its request where that has several.
    pub(crate) fn id(&self, request_id: &str, at: Option<usize>) -> Result<EventId, BadEvent> {
        let bad = |_| BadEvent::Form("step_id is 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'.");
        match (&self.step_id, at) {
            (Some(step), _) => EventId::of(request_id, &step.0),
            (None, Some(at)) => EventId::of(request_id, &at.to_string()),
            (None, None) => EventId::of(request_id, DEFAULT_STEP),
        }
        .map_err(bad)
    }

    /// Looks at each member but the name, and keeps nothing.
    ///
    /// # Errors
    ///
    /// [`BadEvent::Form`].
    pub fn check(&self, now: Timestamp) -> Result<(), BadEvent> {
        let form = |good: bool, form| if good { Ok(()) } else { Err(BadEvent::Form(form)) };
        let kind = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
        let event_type = &*self.event_type.0;
        form(
            (1..=MAX_NAME_CHARS).contains(&event_type.len()) && event_type.bytes().all(kind),
            "event_type is 1 to 128 of A-Z, a-z, 0-9, '_', '-', '.' and ':'.",
        )?;
        form(self.payload.get().starts_with('{'), "payload is an object; it may be {}.")?;
        form(self.payload.get().len() <= MAX_PAYLOAD_BYTES, "payload has at most 65,536 bytes.")?;
        let are_texts =
            |texts: &[&Option<Text<'_>>], most| texts.iter().copied().flatten().all(|text| is_text(&text.0, most));
        let dimensions = [
            &self.utm_source,
            &self.utm_medium,
            &self.utm_campaign,
            &self.utm_content,
            &self.utm_term,
            &self.app,
            &self.surface,
            &self.platform,
        ];
        form(are_texts(&dimensions, MAX_VALUE_CHARS), "a dimension has 1 to 256 characters, none of them a control.")?;
        form(
            are_texts(&[&self.session_id, &self.run_id, &self.user_id], MAX_NAME_CHARS),
            "session_id, run_id and user_id have 1 to 128 characters, none of them a control.",
        )?;
        let ahead = |time: &Timestamp| time.duration_since(now) <= AHEAD;
        form(self.timestamp.as_ref().is_none_or(ahead), "timestamp is more than 24 hours ahead of our clock.")
    }

    /// Whether its payload has personal data.
    pub fn is_personal(&self) -> bool {
        pii::is_in(self.payload)
    }

    /// The event that is kept.
    ///
    /// # Errors
    ///
    /// [`BadEvent`].
    pub fn read(self, id: EventId, by: &Sender<'_>) -> Result<ToPut, BadEvent> {
        self.check(by.now)?;
        let own = Text::own;
        let event = Event {
            event_id: id,
            event_type: self.event_type.0.into_owned(),
            project_id: by.project.to_owned(),
            request_id: by.request_id.to_owned(),
            user_id: own(self.user_id).or_else(|| by.person.map(|person| person.as_str().to_owned())),
            run_id: own(self.run_id),
            step_id: Some(own(self.step_id).unwrap_or_else(|| DEFAULT_STEP.to_owned())),
            session_id: own(self.session_id),
            dimensions: Dimensions {
                utm_source: own(self.utm_source),
                utm_medium: own(self.utm_medium),
                utm_campaign: own(self.utm_campaign),
                utm_content: own(self.utm_content),
                utm_term: own(self.utm_term),
                app: own(self.app),
                surface: own(self.surface),
                platform: own(self.platform),
            },
            payload: screened(self.payload, by)?,
            timestamp: self.timestamp.unwrap_or(by.received_at),
            received_at: by.received_at,
        };
        Ok(ToPut { fingerprint: event.fingerprint(self.timestamp), event })
    }
}

/// Whether a text has 1 to `most` characters, none of them a control.
pub(crate) fn is_text(text: &str, most: usize) -> bool {
    if text.len() <= most && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return !text.is_empty();
    }
    (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// The payload as the policy lets it be kept.
fn screened(payload: &RawValue, by: &Sender<'_>) -> Result<Box<RawValue>, BadEvent> {
    if by.pii == Policy::Allow || !pii::is_in(payload) {
        return Ok(payload.to_owned());
    }
    let unread = |_| BadEvent::Form("payload could not be read.");
    let read: serde_json::Value = serde_json::from_str(payload.get()).map_err(unread)?;
    if by.pii == Policy::Reject {
        return Err(BadEvent::Personal(pii::first(&read).unwrap_or_default()));
    }
    serde_json::value::to_raw_value(&pii::hashed(read, by.tenant, by.seen)).map_err(unread)
}
