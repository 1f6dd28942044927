//! What an event is, and by what it is told from another of its name.

use crate::Dimension;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::digest::Digest;
use std::{fmt, str::FromStr};

/// The last part of the name of an event whose sender names no step.
pub const DEFAULT_STEP: &str = "default";
/// The longest name of a request and of a step.
const MAX_PART_CHARS: usize = 64;

/// The name of an event: `<request id>#<step id>`.
///
/// Both parts are 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`, so that the one `#` says where the one ends and the other begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "req-abc123#default")]
pub struct EventId(String);

/// A text that is no event's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an event id is <request id>#<step id>, each of 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'; in a path its # is written %23"
)]
pub struct BadEventId;

impl EventId {
    /// The event of a step of a request.
    ///
    /// # Errors
    ///
    /// [`BadEventId`] where one of the two is not of its form.
    pub fn of(request: &str, step: &str) -> Result<Self, BadEventId> {
        if is_part(request) && is_part(step) { Ok(Self(format!("{request}#{step}"))) } else { Err(BadEventId) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a text can be the name of a request or of a step.
pub fn is_part(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_PART_CHARS).contains(&text.len()) && text.bytes().all(good)
}

impl FromStr for EventId {
    type Err = BadEventId;
    fn from_str(text: &str) -> Result<Self, BadEventId> {
        let (request, step) = text.split_once('#').ok_or(BadEventId)?;
        Self::of(request, step)
    }
}

impl TryFrom<String> for EventId {
    type Error = BadEventId;
    fn try_from(text: String) -> Result<Self, BadEventId> {
        text.parse()
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An event as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Its name within the tenant.
    pub event_id: EventId,
    /// What happened.
    pub event_type: String,
    /// The project that sent it.
    pub project_id: String,
    /// The request that brought it.
    pub request_id: String,
    /// The person whom it is about, where one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The run that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The step of that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_id: Option<String>,
    /// The session that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// By what it is filtered and grouped.
    #[serde(flatten)]
    pub dimensions: Dimensions,
    /// What came with it: an object, as text.
    pub payload: Box<RawValue>,
    /// When it happened: as it was sent, else when it came in.
    pub timestamp: Timestamp,
    /// When it came in.
    pub received_at: Timestamp,
}

/// The dimensions of an event: each a text, or absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Dimensions {
    /// Where the visit came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utm_source: Option<String>,
    /// By what means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utm_medium: Option<String>,
    /// Out of which campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utm_campaign: Option<String>,
    /// By which of its links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utm_content: Option<String>,
    /// For which term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utm_term: Option<String>,
    /// The app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surface: Option<String>,
    /// What it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
}

impl Dimensions {
    /// The values that there are.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let Self { utm_source, utm_medium, utm_campaign, utm_content, utm_term, app, surface, platform } = self;
        let all = [utm_source, utm_medium, utm_campaign, utm_content, utm_term, app, surface, platform];
        all.into_iter().flatten().map(String::as_str)
    }
}

impl Event {
    /// The value of a dimension, where the event has one.
    pub fn dimension(&self, dimension: Dimension) -> Option<&str> {
        let of = &self.dimensions;
        let value = match dimension {
            Dimension::EventType => return Some(&self.event_type),
            Dimension::UtmSource => &of.utm_source,
            Dimension::UtmMedium => &of.utm_medium,
            Dimension::UtmCampaign => &of.utm_campaign,
            Dimension::UtmContent => &of.utm_content,
            Dimension::UtmTerm => &of.utm_term,
            Dimension::App => &of.app,
            Dimension::Surface => &of.surface,
            Dimension::Platform => &of.platform,
        };
        value.as_deref()
    }

    /// What tells it from another event of its name: the digest of all that its sender said. `sent_at` is the time that the sender gave,
    /// if any: the time of our own clock differs each time that an event is sent again.
    pub fn fingerprint(&self, sent_at: Option<Timestamp>) -> Digest {
        // A map of JSON is sorted by its names here, so that their order does not matter.
        let payload: serde_json::Value = serde_json::from_str(self.payload.get()).unwrap_or_default();
        let said = serde_json::json!([
            self.event_type,
            self.project_id,
            self.user_id,
            self.run_id,
            self.session_id,
            self.dimensions,
            payload,
            sent_at,
        ]);
        Digest::of(said.to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_named_by_its_request_and_its_step_and_by_nothing_cut_short() {
        let id: EventId = "req-abc123#default".parse().unwrap();
        assert_eq!(id.as_str(), "req-abc123#default");
        assert_eq!(EventId::of("req-abc123", DEFAULT_STEP).unwrap(), id);
        let long = "a".repeat(64);
        assert!(EventId::of(&long, &long).is_ok());
        for bad in [
            "",
            "#",
            "req-abc123",
            "req-abc123#",
            "#default",
            "a#b#c",
            "a %23b",
            "a%23b",
            "a b#c",
            "é#c",
            &format!("{long}a#b"),
        ] {
            assert_eq!(bad.parse::<EventId>(), Err(BadEventId), "{bad}");
        }
    }

    #[test]
    fn an_event_is_the_same_whatever_the_order_of_its_members_and_another_by_any_of_its_values() {
        let event = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut sent = serde_json::json!({
                "event_id": "r#default", "event_type": "pageview", "project_id": "web", "request_id": "r", "user_id": "u",
                "utm_source": "mail", "payload": {"a": 1, "b": {"c": 2, "d": 3}},
                "timestamp": "2026-03-01T09:00:00Z", "received_at": "2026-03-01T09:00:01Z",
            });
            change(&mut sent);
            serde_json::from_str::<Event>(&sent.to_string()).unwrap()
        };
        let print = |event: &Event| event.fingerprint(None);
        let one = event(&|_| {});
        let mut turned = one.clone();
        turned.payload = RawValue::from_string(r#"{"b": {"d":3,"c":2},  "a":1}"#.to_owned()).unwrap();
        assert_eq!(print(&one), print(&turned));
        assert_eq!(print(&one), print(&event(&|sent| sent["received_at"] = "2026-03-01T10:00:00Z".into())));
        for (member, value) in
            [("event_type", "click"), ("project_id", "app"), ("user_id", "v"), ("utm_source", "web"), ("app", "x")]
        {
            assert_ne!(print(&one), print(&event(&|sent| sent[member] = value.into())), "{member}");
        }
        assert_ne!(print(&one), print(&event(&|sent| sent["payload"]["b"]["c"] = 4.into())));
        assert_ne!(print(&one), one.fingerprint(Some(one.timestamp)));
    }
}
