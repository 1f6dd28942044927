//! What makes a Firebase ID token good. Plain rules over plain values; keys and time come in as arguments.
//!
//! Cheap checks come first: a token that is refused for its size, form, algorithm or key name has cost no arithmetic.
//!
//! | | rule |
//! | --- | --- |
//! | form | at most 8 KiB; three parts of unpadded base64url, each in its one spelling |
//! | header | a JSON object without repeats; `alg` RS256; `typ` absent or JWT; no `crit`, `b64`; no key or link to one |
//! | `kid` | names a published key |
//! | signature | RSASSA-PKCS1-v1_5 with SHA-256 |
//! | claims | a JSON object without repeats |
//! | `aud`, `iss` | the project; `https://securetoken.google.com/` and the project. Texts, never lists |
//! | `sub` | 1 to 128 characters, none of them a control |
//! | `exp`, `iat`, `auth_time`, `nbf` | whole seconds since 1970; see [`SKEW`]. Only `nbf` may be absent |
//!
//! Sources: Firebase, *Verify ID Tokens*, "using a third-party JWT library"; RFC 7519; RFC 8725.

use super::{
    Claims, Compact,
    key::{KeySet, PublicKey},
    strict_json,
};
use crate::ids::PersonId;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

/// How far the issuer's clock and ours may differ: 60 s, to the instant. A token that expired exactly 60 s ago
/// passes, and so does one that was issued exactly 60 s ahead; a microsecond more does not.
pub const SKEW: SignedDuration = SignedDuration::from_secs(60);

const ISSUER: &str = "https://securetoken.google.com/";

/// Why a token was refused. For the security log alone: the caller is told the same for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// Longer than 8 KiB.
    #[error("the token is too long")]
    TooLong,
    /// Not three parts with points between them.
    #[error("the token does not have three parts")]
    Form,
    /// A part that is not base64url in its one spelling.
    #[error("a part of the token is not base64url")]
    Base64,
    /// A header that is not one JSON object of distinct members.
    #[error("the header is not an object of distinct members")]
    Header,
    /// An `alg` other than RS256.
    #[error("the algorithm is not RS256")]
    Algorithm,
    /// A `typ` other than JWT.
    #[error("the type is not JWT")]
    Type,
    /// A `crit` or `b64`: an extension that is not understood.
    #[error("the header asks for an extension")]
    Extension,
    /// A `jku`, `x5u`, `jwk` or `x5c`.
    #[error("the header brings a key or names a place to fetch one")]
    CarriesKey,
    /// No `kid`, or one that is no text.
    #[error("the header names no key")]
    KeyId,
    /// A `kid` that is not among the published keys.
    #[error("the key is not a published one")]
    UnknownKey,
    /// A signature that the named key did not make.
    #[error("the signature does not hold")]
    Signature,
    /// A payload that is not one JSON object of distinct members.
    #[error("the claims are not an object of distinct members")]
    Claims,
    /// An `aud` that is not the project.
    #[error("the audience is another")]
    WrongAudience,
    /// An `iss` that is not the project's issuer of ID tokens.
    #[error("the issuer is another")]
    WrongIssuer,
    /// A `sub` that is no subject.
    #[error("the subject is missing or malformed")]
    Subject,
    /// A time that is missing or is not whole seconds since 1970.
    #[error("a time is missing or malformed")]
    Time,
    /// `exp` is past.
    #[error("the token has expired")]
    Expired,
    /// `iat`, `auth_time` or `nbf` is still to come.
    #[error("the token is from the future")]
    NotYetValid,
}

impl Refused {
    /// The cause as the security log names it.
    pub fn cause(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Form => "form",
            Self::Base64 => "base64",
            Self::Header => "header",
            Self::Algorithm => "algorithm",
            Self::Type => "type",
            Self::Extension => "extension",
            Self::CarriesKey => "carries_key",
            Self::KeyId => "key_id",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::WrongAudience => "wrong_audience",
            Self::WrongIssuer => "wrong_issuer",
            Self::Subject => "subject",
            Self::Time => "time",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
        }
    }
}

/// A token of good form, which names a key and is to be checked with it.
#[derive(Debug)]
pub struct Unverified<'a> {
    compact: Compact<'a>,
    kid: String,
}

/// Verifies `token` at `now` against the published `keys` of the Firebase project `project_id`.
///
/// # Errors
///
/// The [`Refused`] that is found first.
pub fn verify(token: &str, keys: &KeySet, project_id: &str, now: Timestamp) -> Result<Claims, Refused> {
    let token = Unverified::parse(token)?;
    let key = keys.get(token.kid()).ok_or(Refused::UnknownKey)?;
    token.verify(key, project_id, now)
}

impl<'a> Unverified<'a> {
    /// Checks form and header, which costs no arithmetic.
    ///
    /// # Errors
    ///
    /// The [`Refused`] that is found first.
    pub fn parse(token: &'a str) -> Result<Self, Refused> {
        let compact = Compact::parse(token)?;
        if compact.typ().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
            return Err(Refused::Type);
        }
        let kid = compact.kid().filter(|kid| !kid.is_empty()).ok_or(Refused::KeyId)?.to_owned();
        Ok(Self { compact, kid })
    }

    /// The name of the key that is said to have signed.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Checks signature and claims.
    ///
    /// # Errors
    ///
    /// The [`Refused`] that is found first.
    pub fn verify(&self, key: &PublicKey, project_id: &str, now: Timestamp) -> Result<Claims, Refused> {
        let payload = strict_json::object(self.compact.payload(key)?).ok_or(Refused::Claims)?;
        let text = |name: &str| payload.get(name).and_then(Value::as_str);
        if project_id.is_empty() || text("aud") != Some(project_id) {
            return Err(Refused::WrongAudience);
        }
        if text("iss").and_then(|issuer| issuer.strip_prefix(ISSUER)) != Some(project_id) {
            return Err(Refused::WrongIssuer);
        }
        let person = text("sub").and_then(PersonId::from_subject).ok_or(Refused::Subject)?;
        hold(&payload, now)?;
        Ok(Claims::read(person, &payload))
    }
}

/// Checks that `now` lies in the token's time, give or take [`SKEW`].
fn hold(payload: &Map<String, Value>, now: Timestamp) -> Result<(), Refused> {
    if seconds(payload, "exp")? < before(now) {
        return Err(Refused::Expired);
    }
    for name in ["iat", "auth_time", "nbf"] {
        if name == "nbf" && !payload.contains_key(name) {
            continue;
        }
        if seconds(payload, name)? > after(now) {
            return Err(Refused::NotYetValid);
        }
    }
    Ok(())
}

/// A claim in microseconds since 1970. It must be a JSON number without fraction or exponent, and not negative.
fn seconds(payload: &Map<String, Value>, name: &str) -> Result<i128, Refused> {
    let seconds = payload.get(name).and_then(Value::as_u64).ok_or(Refused::Time)?;
    Ok(i128::from(seconds) * 1_000_000)
}

fn before(now: Timestamp) -> i128 {
    i128::from(now.as_microsecond()) - SKEW.as_micros()
}

fn after(now: Timestamp) -> i128 {
    i128::from(now.as_microsecond()) + SKEW.as_micros()
}

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
