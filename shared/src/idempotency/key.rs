//! The header, and what a request is known by.

use crate::{
    auth::{Claims, Scopes},
    digest::{Digest, Hasher},
    ids::PersonId,
    problem::Problem,
};
use http::{HeaderMap, HeaderName, Method, Uri, header};
use std::fmt;

/// The header.
pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// The headers that are part of the payload, beside the body: what it is, which version it is meant for, and in whose name.
pub static MEANING: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    HeaderName::from_static("x-mode"),
    HeaderName::from_static("x-project-id"),
];
/// The longest key.
pub(super) const MAX_LENGTH: usize = 255;

/// A key: 1 to 255 visible ASCII characters.
///
/// The header holds it as the draft says, a string of RFC 8941 in double quotes, or bare: `"a1"` and `a1` are one key. The gateway
/// joins repeated headers with a comma, and so a bare key has none.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// The header holds no key, or there are several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Idempotency-Key is one string of 1 to 255 visible ASCII characters, such as \"8e03978e-40d5-43e8-bc93-6894a57f9324\". \
     Send the header once."
)]
pub struct BadKey;

impl From<BadKey> for Problem {
    fn from(bad: BadKey) -> Self {
        Self::bad_request("idempotency.bad_key").detail(bad.to_string())
    }
}

impl IdempotencyKey {
    /// The key that a request's headers hold.
    ///
    /// # Errors
    ///
    /// [`BadKey`] where there is none, more than one, or one of another form.
    pub fn of(headers: &HeaderMap) -> Result<Self, BadKey> {
        let mut lines = headers.get_all(HEADER).iter();
        let line = lines.next().ok_or(BadKey)?;
        if lines.next().is_some() {
            return Err(BadKey);
        }
        // Whitespace around a value is no part of it (RFC 9110 §5.5).
        let text = line.to_str().map_err(|_| BadKey)?.trim_matches([' ', '\t']);
        let key = match text.strip_prefix('"') {
            Some(rest) => unquoted(rest)?,
            None if text.contains(['"', ',']) => return Err(BadKey),
            None => text.to_owned(),
        };
        let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=MAX_LENGTH).contains(&key.len()) { Ok(Self(key)) } else { Err(BadKey) }
    }
}

/// Reads on after the opening quote, up to the closing one, which must be the end (RFC 8941 §4.2.5).
fn unquoted(text: &str) -> Result<String, BadKey> {
    let (mut key, mut chars) = (String::new(), text.chars());
    loop {
        match chars.next().ok_or(BadKey)? {
            '"' if chars.as_str().is_empty() => return Ok(key),
            '"' => return Err(BadKey),
            '\\' => key.push(chars.next().filter(|next| matches!(next, '"' | '\\')).ok_or(BadKey)?),
            other => key.push(other),
        }
    }
}

/// Names a request by who sends what where under which key: the same for each time that it is sent and each run for it. Among the
/// extensions of a request that has a key is the token of its payload too, for an effect that must not happen twice to be written under:
/// effects may be remembered for longer than a key means its request, and then another request under that key is not taken for this one.
///
/// Unlike the key it tells nothing of itself: 64 hex digits, a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(Digest);

impl Token {
    /// The token of the key `key` of `person`'s requests with `method` to the path and query of `uri`.
    pub(super) fn of(person: &PersonId, method: &Method, uri: &Uri, key: &IdempotencyKey) -> Self {
        let query = uri.query().unwrap_or_default();
        Self(digest([person.as_str(), method.as_str(), uri.path(), query, &key.0].map(str::as_bytes)))
    }
}

impl Token {
    /// The token of this request with this payload.
    pub(super) fn with(&self, payload: &Digest) -> Self {
        Self(digest([self.0.as_bytes().as_slice(), payload.as_bytes()]))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a payload is known by.
pub(super) fn payload(headers: &HeaderMap, body: &[u8]) -> Digest {
    let mut hasher = Hasher::default();
    part(&mut hasher, body);
    for name in &MEANING {
        let values = headers.get_all(name);
        hasher.update(&(values.iter().count() as u64).to_be_bytes());
        values.iter().for_each(|value| part(&mut hasher, value.as_bytes()));
    }
    hasher.finish()
}

/// What a person's rights are known by: the role, the tenant, the stores, and those of the scopes that count; `None` of these for who
/// is suspended, which is other than having none.
pub(super) fn rights(claims: &Claims, scopes: Option<Scopes>) -> Digest {
    let tenant = claims.tenant().map(|tenant| tenant.as_str()).unwrap_or_default();
    let mut hasher = Hasher::default();
    part(&mut hasher, claims.role().as_str().as_bytes());
    part(&mut hasher, tenant.as_bytes());
    // In order, as a set is.
    claims.stores().iter().for_each(|store| part(&mut hasher, store.as_str().as_bytes()));
    // Names no store, and so ends them.
    part(&mut hasher, b"");
    match scopes {
        Some(scopes) => scopes.names().for_each(|scope| part(&mut hasher, scope.as_bytes())),
        None => part(&mut hasher, b"suspended"),
    }
    hasher.finish()
}

/// The digest of a list.
fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Digest {
    let mut hasher = Hasher::default();
    parts.into_iter().for_each(|bytes| part(&mut hasher, bytes));
    hasher.finish()
}

/// Takes in a part after its length, so that no two lists give the same bytes.
fn part(hasher: &mut Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn key(lines: &[&[u8]]) -> Option<String> {
        let lines = lines.iter().map(|line| (HEADER, HeaderValue::from_bytes(line).unwrap()));
        IdempotencyKey::of(&lines.collect()).ok().map(|key| key.0)
    }

    #[test]
    fn a_key_is_the_same_bare_and_in_quotes() {
        for (line, held) in [
            ("a", "a"),
            ("\"a\"", "a"),
            (" \"a\" ", "a"),
            ("8e03978e-40d5-43e8", "8e03978e-40d5-43e8"),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            ("\"a,b\"", "a,b"),
            (r"a\b", r"a\b"),
        ] {
            assert_eq!(key(&[line.as_bytes()]).as_deref(), Some(held), "{line}");
        }
    }

    #[test]
    fn what_is_no_one_key_is_refused() {
        for line in [
            "",
            "\"\"",
            "\"a",
            "a\"",
            "\"a\"b",
            "\"a\";x=1",
            "\"a\", \"b\"",
            "a,b",
            "a b",
            "\"a b\"",
            r#""\a""#,
            "\"\t\"",
        ] {
            assert_eq!(key(&[line.as_bytes()]), None, "{line}");
        }
        assert_eq!(key(&[b"a", b"a"]), None, "twice");
        assert_eq!(key(&[]), None, "not at all");
        assert_eq!(key(&["\u{e9}".as_bytes()]), None, "beyond ASCII");
        let long = "k".repeat(MAX_LENGTH);
        assert_eq!(key(&[long.as_bytes()]), Some(long.clone()));
        assert_eq!(key(&[format!("{long}k").as_bytes()]), None);
    }

    proptest! {
        #[test]
        fn every_visible_text_is_a_key_in_quotes(text in "[!-~]{1,255}") {
            let quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(key(&[quoted.as_bytes()]), Some(text));
        }

        #[test]
        fn no_two_requests_have_one_token(a in any::<[String; 2]>(), b in any::<[String; 2]>()) {
            let of = |parts: &[String; 2]| digest(parts.iter().map(String::as_bytes));
            prop_assert_eq!(of(&a) == of(&b), a == b);
        }
    }
}
