//! Personal data that cannot be printed.
//!
//! An address, a name or a number that belongs to a person travels as a [`Private`]: it has no `Display` and no `Serialize`, and
//! its `Debug` hides it, so that no log line, span, problem or answer holds it unless somebody writes [`Private::expose`]. Where a
//! log must tell one person from another, it says [`hashed`].

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// Personal data: it can be compared, kept and read in, and comes out only by [`expose`](Self::expose).
///
/// ```
/// let email = shared::private::Private::new("ada@example.com".to_owned());
/// assert_eq!(format!("{email:?}"), "[redacted]");
/// assert_eq!(email.expose(), "ada@example.com");
/// ```
/// ```compile_fail,E0277
/// let email = shared::private::Private::new("ada@example.com".to_owned());
/// let line = format!("{email}");
/// ```
/// ```compile_fail,E0277
/// let email = shared::private::Private::new("ada@example.com".to_owned());
/// let body = serde_json::to_string(&email);
/// ```
/// ```compile_fail,E0277
/// let email = shared::private::Private::new("ada@example.com".to_owned());
/// tracing::info!(email, "a field of a log line");
/// ```
/// ```compile_fail,E0308
/// let email = shared::private::Private::new("ada@example.com".to_owned());
/// let text: &str = &email;
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Takes `value` as somebody's.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one who must send it on or store it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: AsRef<str>> Private<T> {
    /// The name that the value has in logs: [`hashed`].
    pub fn hashed(&self) -> String {
        hashed(self.0.as_ref())
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Private<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::deserialize(from).map(Self)
    }
}

/// The name that something of a person has in logs, metrics and traces: the first 12 hex digits of its SHA-256. Two lines about one person
/// can be told to be so; the person cannot be read from them.
pub fn hashed(text: &str) -> String {
    hex::encode(&digest(&SHA256, text.as_bytes()).as_ref()[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_private_stays_so_inside_of_what_holds_it() {
        #[derive(Debug, Deserialize)]
        struct Person {
            #[expect(dead_code, reason = "read by Debug alone")]
            email: Private<String>,
        }
        let person: Person = serde_json::from_str(r#"{"email":"ada@example.com"}"#).unwrap();
        assert_eq!(format!("{person:?}"), "Person { email: [redacted] }");
        assert_eq!(format!("{:?}", Some(vec![Private::new(7)])), "Some([[redacted]])");
    }

    #[test]
    fn logs_name_a_person_by_a_short_digest() {
        assert_eq!(hashed("abc"), "ba7816bf8f01", "FIPS 180-2, appendix B.1");
        assert_eq!(Private::new("abc").hashed(), hashed("abc"));
    }
}
