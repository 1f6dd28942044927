//! Personal data in payloads: found by the names of members, and refused, made unreadable or let through.

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use shared::{digest::Digest, ids::TenantId};
use std::{fmt, str::FromStr};

/// The names of members that hold personal data, whatever their case.
const NAMES: [&str; 6] = ["email", "name", "ip", "phone", "password", "token"];

/// What becomes of personal data in a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The event is refused.
    Reject,
    /// The value is replaced by a digest that is the tenant's own: equal values stay equal, and none can be read.
    #[default]
    Hash,
    /// It is kept as it is.
    Allow,
}

/// A text that names no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a policy is reject, hash or allow")]
pub struct NoPolicy;

impl FromStr for Policy {
    type Err = NoPolicy;
    fn from_str(text: &str) -> Result<Self, NoPolicy> {
        match text {
            "reject" => Ok(Self::Reject),
            "hash" => Ok(Self::Hash),
            "allow" => Ok(Self::Allow),
            _ => Err(NoPolicy),
        }
    }
}

fn is_personal(name: &str) -> bool {
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether a payload has a member with personal data, at any depth. Nothing is kept of what is read.
pub(crate) fn is_in(payload: &RawValue) -> bool {
    if !may_name(payload.get().as_bytes()) {
        return false;
    }
    let mut reader = serde_json::Deserializer::from_str(payload.get());
    // What ends the reading early is a finding: of a payload that was read once, nothing else does.
    Finding.deserialize(&mut reader).is_err()
}

/// Whether JSON may have a member with a personal name: one stands before a colon, or something is escaped and may be spelled otherwise.
fn may_name(json: &[u8]) -> bool {
    let names = |at| {
        let before = json[..at].trim_ascii_end();
        let Some(before) = before.strip_suffix(b"\"") else { return false };
        NAMES.iter().any(|name| {
            let begins = before.len().checked_sub(name.len());
            begins.is_some_and(|begins| {
                before[begins..].eq_ignore_ascii_case(name.as_bytes()) && before[..begins].ends_with(b"\"")
            })
        })
    };
    memchr::memchr(b'\\', json).is_some() || memchr::memchr_iter(b':', json).any(names)
}

/// Reads on until a personal member comes.
struct Finding;

impl<'de> DeserializeSeed<'de> for Finding {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

/// Whether a name is personal, without keeping it.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }
    fn visit_str<E: Error>(self, name: &str) -> Result<bool, E> {
        Ok(is_personal(name))
    }
}

impl<'de> Visitor<'de> for Finding {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Finding)?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(personal) = members.next_key_seed(Name)? {
            if personal {
                members.next_value::<IgnoredAny>()?;
                return Err(A::Error::custom("found"));
            }
            members.next_value_seed(Finding)?;
        }
        Ok(())
    }
}

/// The path of the first personal member, for who is to take it out.
pub(crate) fn first(payload: &Value) -> Option<String> {
    match payload {
        Value::Object(members) => members.iter().find_map(|(name, value)| match is_personal(name) {
            true => Some(name.clone()),
            false => first(value).map(|path| format!("{name}.{path}")),
        }),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(at, item)| first(item).map(|path| format!("{at}.{path}")))
        }
        _ => None,
    }
}

/// Whether somebody has looked through a payload before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen<'a> {
    /// Nobody has: whatever looks like a digest is what its sender wrote.
    Never,
    /// We have looked through this text: digests that stand in it are taken for ours, and any other is what its sender wrote.
    As(&'a str),
}

impl Seen<'_> {
    /// Whether a personal value is a digest of ours.
    fn is_ours(self, value: &Value) -> bool {
        match (self, value.as_str()) {
            (Self::As(text), Some(digest)) => is_digest(digest) && text.contains(digest),
            _ => false,
        }
    }
}

/// The payload with a digest in the place of each personal value; `null` stays, and so do digests of ours.
pub(crate) fn hashed(payload: Value, tenant: &TenantId, seen: Seen<'_>) -> Value {
    match payload {
        Value::Object(members) => {
            let member = |(name, value): (String, Value)| {
                let value = match value {
                    Value::Null => Value::Null,
                    value if is_personal(&name) && seen.is_ours(&value) => value,
                    value if is_personal(&name) => digest(&value, tenant),
                    value => hashed(value, tenant, seen),
                };
                (name, value)
            };
            Value::Object(members.into_iter().map(member).collect())
        }
        Value::Array(items) => items.into_iter().map(|item| hashed(item, tenant, seen)).collect(),
        other => other,
    }
}

/// What digests begin with.
const DIGEST: &str = "sha256:";

fn digest(value: &Value, tenant: &TenantId) -> Value {
    let said = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    format!("{DIGEST}{}", Digest::of(format!("{tenant}\0{said}").as_bytes())).into()
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix(DIGEST).is_some_and(|digits| digits.parse::<Digest>().is_ok())
}

/// Whether bytes that are no JSON could hold personal data: the name of such a member stands in them as a word, or there may be one
/// that is spelled in a way that hides it.
pub(crate) fn may_be_in(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return true };
    let hidden = ["\\u", "\\U", "\0"].iter().any(|hidden| text.contains(hidden));
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    hidden || words.any(is_personal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn raw(value: &Value) -> Box<RawValue> {
        RawValue::from_string(value.to_string()).unwrap()
    }

    #[test]
    fn personal_members_are_found_in_whatever_case_and_depth_and_no_others() {
        for personal in [
            json!({"email": "a"}),
            json!({"EMail": 1}),
            json!({"a": [{"b": {"Token": null}}]}),
            json!({"IP": []}),
            json!({"x": 1, "phone": {}}),
        ] {
            assert!(is_in(&raw(&personal)), "{personal}");
            assert!(first(&personal).is_some(), "{personal}");
        }
        for other in
            [json!({}), json!({"emails": 1, "username": "email", "a": ["name"], "zip": {"n": null}}), json!([[]])]
        {
            assert!(!is_in(&raw(&other)) && first(&other).is_none(), "{other}");
        }
        assert_eq!(first(&json!({"a": [0, {"b": {"name": 1}}]})).as_deref(), Some("a.1.b.name"));
        for spelled in [r#"{"\u0065mail": 1}"#, "{\"a\" : [{\"EMAIL\" \n\t: 1}]}", r#"{"a\\": {"i\u0070":1}}"#] {
            assert!(is_in(&RawValue::from_string(spelled.to_owned()).unwrap()), "{spelled}");
        }
        assert!(!may_name(br#"{"said": "email: name: ip:", "emails": ["email"], "url": "http://ip:80"}"#));
    }

    #[test]
    fn a_digest_is_the_tenants_own_and_hides_what_it_is_of() {
        let (acme, beta): (TenantId, TenantId) = ("acme".parse().unwrap(), "beta".parse().unwrap());
        let payload = json!({"email": "ada@example.com", "n": 1, "of": [{"name": {"first": "Ada"}, "ip": null}]});
        let hashed = |tenant| super::hashed(payload.clone(), tenant, Seen::Never);
        let told = hashed(&acme);
        assert!(!told.to_string().contains("ada") && !told.to_string().contains("Ada"), "{told}");
        assert_eq!((&told["n"], &told["of"][0]["ip"]), (&json!(1), &Value::Null));
        assert_eq!(told, hashed(&acme));
        assert_ne!(told["email"], hashed(&beta)["email"]);
    }

    #[test]
    fn what_was_looked_through_before_keeps_its_digests_and_a_senders_are_hashed() {
        let acme: TenantId = "acme".parse().unwrap();
        let once = hashed(json!({"email": "ada@example.com", "n": [{"ip": 7}]}), &acme, Seen::Never);
        let seen = once.to_string();
        let seen = Seen::As(&seen);
        assert_eq!(hashed(once.clone(), &acme, seen), once);
        assert_ne!(hashed(once.clone(), &acme, Seen::Never), once);
        for no_digest in [json!("sha256:abc"), json!({"sha256": 1}), json!("ada@example.com")] {
            let told = hashed(json!({"email": no_digest}), &acme, seen);
            assert_ne!(told["email"], no_digest);
        }
        // Whoever mends it may take digests over, and writes no other.
        let mended = json!({"phone": once["email"], "email": format!("{DIGEST}{}", Digest::of(b"anything"))});
        let told = hashed(mended.clone(), &acme, seen);
        assert!(told["phone"] == mended["phone"] && told["email"] != mended["email"], "{told}");
    }

    #[test]
    fn bytes_that_are_no_json_are_suspected_by_the_words_in_them() {
        for odd in [
            "{\"email\": \"a",
            "{email: 1}",
            "{'Name': 1}",
            "ip=1.2.3.4",
            "\"\\u0065mail\":1",
            "user-token",
            "a\0b",
            "_name_",
        ] {
            assert!(may_be_in(odd.as_bytes()), "{odd}");
        }
        assert!(may_be_in(b"\xff"), "who knows what it says");
        for good in ["", "{\"event_type\": \"pageview\", \"payload\": {", "emails usernames zip"] {
            assert!(!may_be_in(good.as_bytes()), "{good}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let name = prop_oneof![
                Just("Ip".to_owned()),
                ".{0,4}",
                Just("email".to_owned()),
                Just("NAME".to_owned()),
                Just("a\\u0065".to_owned())
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(name, inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn both_ways_of_looking_find_the_same(payload in any_json()) {
            prop_assert_eq!(is_in(&raw(&payload)), first(&payload).is_some());
            let spaced = RawValue::from_string(serde_json::to_string_pretty(&payload).unwrap()).unwrap();
            prop_assert_eq!(is_in(&spaced), first(&payload).is_some());
        }
    }
}
