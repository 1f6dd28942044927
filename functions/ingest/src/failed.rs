//! Events that were refused for what they are, as they are kept until somebody mends them or lets them go.

use crate::{
    pii::{self, Policy, Seen},
    sent::MAX_NAME_CHARS,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use shared::{
    digest::Digest,
    ids::{PersonId, TenantId},
    problem::Problem,
};

/// The most bytes of what was sent that are kept: as large as an event that would be taken can be.
pub(crate) const MAX_TEXT_BYTES: usize = 72 * 1024;
/// The most bytes of the words with which it was refused.
const MAX_DETAIL_BYTES: usize = 500;
/// How long it is kept.
pub(crate) const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// What the ids begin with.
const PREFIX: &str = "fld_";

/// For what an event is refused: the code of the refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) enum Reason {
    /// It cannot be read, or has members that no event has.
    #[serde(rename = "http.bad_request")]
    Unreadable,
    /// It is larger than the route takes.
    #[serde(rename = "http.body_too_large")]
    TooLarge,
    /// A member is not what it must be, or is too large, or its time is more than a day ahead.
    #[serde(rename = "analytics.bad_event")]
    BadEvent,
    /// It has personal data, which the stack does not take.
    #[serde(rename = "analytics.personal_data")]
    Personal,
    /// Another event has its name.
    #[serde(rename = "analytics.event_id_conflict")]
    Conflict,
}

impl Reason {
    const ALL: [Self; 5] = [Self::Unreadable, Self::TooLarge, Self::BadEvent, Self::Personal, Self::Conflict];

    /// The reason that a refusal tells; none where it is about something else than the event.
    pub(crate) fn of(refusal: &Problem) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == refusal.code())
    }

    /// The code of the refusal.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "http.bad_request",
            Self::TooLarge => "http.body_too_large",
            Self::BadEvent => "analytics.bad_event",
            Self::Personal => "analytics.personal_data",
            Self::Conflict => "analytics.event_id_conflict",
        }
    }
}

/// Who sent it, and in what.
#[derive(Clone, Debug)]
pub(crate) struct Sent<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) project: &'a str,
    pub(crate) request_id: &'a str,
    /// The person who sent it; nobody where a service did.
    pub(crate) person: Option<&'a PersonId>,
    pub(crate) now: Timestamp,
    pub(crate) pii: Policy,
    /// What the ids of the request's events have in common: a name in the order of time.
    pub(crate) name: String,
}

/// What is known of a refused event. What was sent lies apart from it: [`Text`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failed {
    pub(crate) failed_id: String,
    pub(crate) reason: Reason,
    /// The refusal for people.
    pub(crate) detail: String,
    /// When it came in.
    pub(crate) received_at: Timestamp,
    pub(crate) project_id: String,
    pub(crate) request_id: String,
    /// Its place in its request, where that had several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<usize>,
    /// The person who sent it; nobody where a service did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sent_by: Option<PersonId>,
    /// The person whom it is about, as far as that can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<String>,
    /// Whether it is of another form, so that it may name whomever, wherever.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unread: bool,
    /// How many bytes were sent; 0 where they were not even read.
    pub(crate) bytes: usize,
    /// Whether only the beginning is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) truncated: bool,
    /// Whether nothing of it is kept, since it may hold personal data and cannot be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) withheld: bool,
    /// How often it was tried again.
    pub(crate) tries: u32,
    /// When that was last done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tried_at: Option<Timestamp>,
    /// By what it is known again when it is sent again.
    pub(crate) digest: Digest,
    /// When it goes, in seconds.
    pub(crate) expires_at: i64,
}

/// What was sent, as it is kept: nothing where it is withheld or was not read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Text {
    pub(crate) failed_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    pub(crate) expires_at: i64,
}

/// The person whom an event names.
#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    user_id: Option<String>,
}

impl Sent<'_> {
    /// What is kept of `bytes`, which were refused, the `at`th event of the request where that had several.
    pub(crate) fn failed(&self, bytes: &[u8], at: Option<usize>, refusal: &Problem, reason: Reason) -> (Failed, Text) {
        let named: Result<Named, _> = serde_json::from_slice(bytes);
        let own = self.person.map(|person| person.as_str().to_owned());
        let unread = (named.is_err() || reason == Reason::Unreadable) && !bytes.is_empty();
        let (text, truncated) = self.kept(bytes);
        // Those of one request stand in their order.
        let failed_id = match at {
            Some(at) => format!("{PREFIX}{}_{at:03}", self.name),
            None => format!("{PREFIX}{}", self.name),
        };
        let expires_at = self.now.saturating_add(KEPT).unwrap_or(Timestamp::MAX).as_second();
        let failed = Failed {
            failed_id: failed_id.clone(),
            reason,
            detail: detail(refusal.message()),
            received_at: self.now,
            project_id: self.project.to_owned(),
            request_id: self.request_id.to_owned(),
            at,
            sent_by: self.person.cloned(),
            user_id: named.ok().and_then(|named| named.user_id).map(named_in_short).or(own),
            unread,
            bytes: bytes.len(),
            truncated: truncated || bytes.is_empty(),
            withheld: text.is_none() && !bytes.is_empty(),
            tries: 0,
            tried_at: None,
            digest: self.digest(bytes, at),
            expires_at,
        };
        (failed, Text { failed_id, text, expires_at })
    }

    /// The same for the same event of the same request.
    fn digest(&self, bytes: &[u8], at: Option<usize>) -> Digest {
        let person = self.person.map_or("", PersonId::as_str);
        let of = format!("{}\0{}\0{}\0{at:?}\0{person}\0", self.tenant, self.request_id, self.project);
        Digest::of(&[of.as_bytes(), bytes].concat())
    }

    /// What is kept of `bytes`, without personal data unless the stack keeps it, and whether some was cut off.
    fn kept(&self, bytes: &[u8]) -> (Option<String>, bool) {
        if bytes.is_empty() {
            return (None, false);
        }
        let clear = self.pii == Policy::Allow;
        let (text, whole) = match serde_json::from_slice::<&RawValue>(bytes) {
            Ok(read) if clear || !pii::is_in(read) => (read.get().to_owned(), true),
            Ok(read) => match serde_json::from_str::<Value>(read.get()) {
                Ok(read) => (pii::hashed(read, self.tenant, Seen::Never).to_string(), true),
                Err(_) => return (None, false),
            },
            Err(_) if !clear && pii::may_be_in(bytes) => return (None, false),
            Err(_) => (String::from_utf8_lossy(bytes).into_owned(), std::str::from_utf8(bytes).is_ok()),
        };
        let kept = cut(&text, MAX_TEXT_BYTES);
        (Some(kept.to_owned()), !whole || kept.len() < text.len())
    }
}

impl Failed {
    /// Whether it is still kept: the table drops it some time after.
    pub(crate) fn is_kept(&self, now: Timestamp) -> bool {
        now.as_second() < self.expires_at
    }

    /// Whether what was sent is kept as a whole, so that it can be sent again as it is.
    pub(crate) fn is_whole(&self) -> bool {
        !self.truncated && !self.withheld
    }

    /// Whether it is about `person`, or was sent by them; `None` where the text has to say so.
    pub(crate) fn is_of(&self, person: &str) -> Option<bool> {
        let own =
            self.user_id.as_deref() == Some(person) || self.sent_by.as_ref().is_some_and(|by| by.as_str() == person);
        if own || !self.unread { Some(own) } else { None }
    }
}

/// Whether a text that nobody can read names `person`.
pub(crate) fn names(text: &str, person: &str) -> bool {
    let quoted = serde_json::to_string(person).unwrap_or_default();
    text.contains(&quoted) || text.contains(&format!("'{person}'"))
}

/// The words of a refusal, as they are kept.
pub(crate) fn detail(words: &str) -> String {
    cut(words, MAX_DETAIL_BYTES).to_owned()
}

/// Whom an event names, as it is kept: what is too long to be a person's name is cut, and becomes none that is short enough.
fn named_in_short(user_id: String) -> String {
    match user_id.char_indices().nth(MAX_NAME_CHARS) {
        Some((end, _)) => format!("{}…", &user_id[..end]),
        None => user_id,
    }
}

/// The beginning of `text`, of at most so many bytes.
fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn failed(bytes: &[u8], pii: Policy, person: Option<&str>) -> (Failed, Text) {
        let (tenant, person) = ("acme".parse().unwrap(), person.and_then(PersonId::from_subject));
        let sent = Sent {
            tenant: &tenant,
            project: "web",
            request_id: "req-1",
            person: person.as_ref(),
            now: "2026-03-01T09:00:00Z".parse().unwrap(),
            pii,
            name: "01jc0000000000000000000000".to_owned(),
        };
        sent.failed(bytes, None, &Problem::bad_request("analytics.bad_event").detail("é".repeat(400)), Reason::BadEvent)
    }

    #[test]
    fn a_reason_is_written_as_its_code() {
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.code());
        }
    }

    #[test]
    fn what_can_be_read_is_kept_to_the_letter_and_without_personal_data() {
        let plain = br#" {"event_type": "a b", "payload": {"n": 1.50, "big": 9007199254740993}} "#;
        let (kept, text) = failed(plain, Policy::Hash, None);
        assert_eq!(text.text.as_deref(), std::str::from_utf8(plain).ok().map(str::trim));
        assert!(kept.is_whole() && !kept.unread && kept.bytes == plain.len() && kept.detail.len() == MAX_DETAIL_BYTES);
        let personal = json!({"event_type": "a b", "email": "ada@example.com", "payload": {"of": [{"Name": "Ada"}]}});
        for policy in [Policy::Hash, Policy::Reject] {
            let (kept, text) = failed(personal.to_string().as_bytes(), policy, None);
            let text = text.text.unwrap();
            assert!(kept.is_whole() && !text.contains("ada@") && !text.contains("Ada") && text.contains("sha256:"));
        }
        let (_, text) = failed(personal.to_string().as_bytes(), Policy::Allow, None);
        assert_eq!(text.text, Some(personal.to_string()));
    }

    #[test]
    fn what_cannot_be_read_is_kept_unless_it_may_hold_personal_data() {
        let (kept, text) = failed(b"{\"event_type\": \"a\"", Policy::Reject, None);
        assert!(kept.is_whole() && kept.unread && text.text.is_some());
        let deep = |within: &str| format!("{{\"payload\": {}{within}{}}}", "[".repeat(500), "]".repeat(500));
        assert!(failed(deep("").as_bytes(), Policy::Hash, None).0.is_whole(), "no member has a personal name");
        let deep = deep("{\"ip\": 1}");
        for personal in [b"{\"email\": \"ada@example.com\"".as_slice(), b"\xff{\"a\": 1}", deep.as_bytes()] {
            let (kept, text) = failed(personal, Policy::Hash, None);
            assert!(kept.withheld && !kept.is_whole() && text.text.is_none(), "{personal:?}");
        }
        let (kept, text) = failed(b"\xff{\"email\": 1}", Policy::Allow, None);
        assert!(kept.truncated && text.text.is_some_and(|text| text.contains("email")), "it is not what was sent");
        let (kept, text) = failed(b"", Policy::Allow, None);
        assert!(kept.truncated && !kept.withheld && text.text.is_none());
    }

    #[test]
    fn what_is_too_large_is_cut_between_characters() {
        let large = json!({"payload": {"x": "é".repeat(MAX_TEXT_BYTES)}}).to_string();
        let (kept, text) = failed(large.as_bytes(), Policy::Hash, None);
        let text = text.text.unwrap();
        assert!(
            kept.truncated && (MAX_TEXT_BYTES - 1..=MAX_TEXT_BYTES).contains(&text.len()) && large.starts_with(&text)
        );
        // The largest event that could be taken is whole.
        let values: serde_json::Map<String, Value> =
            ["utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "app", "surface", "platform"]
                .map(|name| (name.to_owned(), "x".repeat(256).into()))
                .into_iter()
                .collect();
        let mut event = Value::Object(values);
        event["payload"] = json!({"x": "y".repeat(64 * 1024 - 8)});
        assert!(failed(event.to_string().as_bytes(), Policy::Hash, None).0.is_whole());
    }

    #[test]
    fn it_is_known_whose_it_is_or_that_nobody_knows() {
        let of = |text: &str, person: Option<&str>| failed(text.as_bytes(), Policy::Hash, person).0;
        assert_eq!(of(r#"{"user_id": "ada"}"#, None).is_of("ada"), Some(true));
        assert_eq!(of(r#"{"user_id": "ada"}"#, None).is_of("ad"), Some(false));
        assert_eq!(of("{}", Some("ada")).is_of("ada"), Some(true));
        let both = of(r#"{"user_id": "grace"}"#, Some("ada"));
        assert_eq!((both.is_of("ada"), both.is_of("grace")), (Some(true), Some(true)));
        assert_eq!((of("{", Some("ada")).is_of("ada"), of("{", Some("ada")).is_of("grace")), (Some(true), None));
        for nobody_knows in ["{", r#"{"user_id": 7}"#, r#"{"user_id": "ada", "user_id": "grace"}"#] {
            assert_eq!(of(nobody_knows, None).is_of("ada"), None, "{nobody_knows}");
        }
        assert!(names(r#"{"user_id": "a\"b", "#, "a\"b") && names("{'user_id': 'ada'", "ada"));
        assert!(!names(r#"{"user_id": "adam""#, "ada"));
    }

    #[test]
    fn what_is_too_long_for_a_name_is_cut_and_is_nobodys_name() {
        let of = |user: &str| failed(json!({"user_id": user}).to_string().as_bytes(), Policy::Hash, None).0;
        let longest = "é".repeat(128);
        assert_eq!(of(&longest).user_id.as_deref(), Some(longest.as_str()));
        let kept = of(&"é".repeat(300_000));
        assert!(kept.user_id.as_ref().is_some_and(|user| user.chars().count() == 129), "{:?}", kept.user_id);
        assert_eq!((kept.is_of(&longest), kept.unread), (Some(false), false));
    }

    #[test]
    fn the_same_is_known_again_and_what_differs_is_not() {
        let digest = |text: &str, person| failed(text.as_bytes(), Policy::Hash, person).0.digest;
        assert_eq!(digest("{}", Some("ada")), digest("{}", Some("ada")));
        assert!(digest("{}", Some("ada")) != digest("{}", None) && digest("{}", None) != digest("{ }", None));
    }
}
