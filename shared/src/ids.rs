//! The names of tenants, stores, products and people, as types: text becomes one at the edge, once.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A text that is not a name of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a {kind} is {form}")]
pub struct BadName {
    kind: &'static str,
    form: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $form:literal, $max:tt, $extra:literal, $pattern:tt, $example:tt $(, not $taken:literal)?) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, min_length = 1, max_length = $max, pattern = $pattern, example = $example)]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                let good = well_formed(text, $max, $extra) $(&& text != $taken)?;
                good.then(|| Self(text.to_owned())).ok_or(BadName { kind: $kind, form: $form })
            }
        }

        impl TryFrom<String> for $type {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// Names a tenant. It stands in keys between `#` and in object names between `/`: neither may occur in it. `uploads` is
    /// none: all tenants' uploads stand under that name.
    TenantId, "tenant id", "1 to 64 of a-z, A-Z, 0-9, '_' and '-', beginning with a letter or digit, but not uploads", 64, b"_-",
    "^[A-Za-z0-9][A-Za-z0-9_-]*$", "t_greenleaf", not "uploads"
}
name! {
    /// Names a store of a tenant.
    StoreId, "store id", "1 to 64 of a-z, A-Z, 0-9, '_' and '-', beginning with a letter or digit", 64, b"_-",
    "^[A-Za-z0-9][A-Za-z0-9_-]*$", "downtown"
}
name! {
    /// Names a product of a store; may look like a stock number: `SKU-12.5`, `4006381333931`.
    ProductId, "product id", "1 to 128 of a-z, A-Z, 0-9, '_', '-', '.' and ':', beginning with a letter or digit", 128, b"_-.:",
    "^[A-Za-z0-9][A-Za-z0-9_.:-]*$", "GL-1061"
}

fn well_formed(text: &str, max: usize, extra: &[u8]) -> bool {
    let bytes = text.as_bytes();
    let first = bytes.first().is_some_and(u8::is_ascii_alphanumeric);
    first && bytes.len() <= max && bytes.iter().all(|b| b.is_ascii_alphanumeric() || extra.contains(b))
}

/// Names a person: the verified token's `sub`, 1 to 128 characters, none of them a control.
///
/// Whoever issues tokens chooses the form, and it may be an address: logs, metrics and spans say [`PersonId::hashed`], and so does `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 1, max_length = 128, example = "grace")]
pub struct PersonId(String);

impl TryFrom<String> for PersonId {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        let form = "1 to 128 characters, none of them a control";
        Self::from_subject(&text).ok_or(BadName { kind: "person id", form })
    }
}

impl From<PersonId> for String {
    fn from(name: PersonId) -> String {
        name.0
    }
}

impl PersonId {
    /// Takes a verified subject, or `None` where its form is not that of a subject.
    pub fn from_subject(subject: &str) -> Option<Self> {
        let length = subject.chars().count();
        let good = (1..=128).contains(&length) && !subject.chars().any(char::is_control);
        good.then(|| Self(subject.to_owned()))
    }

    /// The subject as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The person as logs, metrics and traces name them: 12 hex digits, from [`crate::private::hashed`].
    pub fn hashed(&self) -> String {
        crate::private::hashed(&self.0)
    }
}

impl fmt::Debug for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonId({})", self.hashed())
    }
}

/// A new name in the order of time: 26 characters of lower-case letters and digits, those of a later millisecond sorting after those of
/// an earlier one, and none the same as another.
///
/// Form: a ULID (github.com/ulid/spec), in lower case.
///
/// # Panics
///
/// Where the system gives no random numbers.
#[cfg(feature = "table")]
pub fn timed(now: jiff::Timestamp) -> String {
    let mut random = [0; 16];
    let system = ring::rand::SystemRandom::new();
    ring::rand::SecureRandom::fill(&system, &mut random).expect("the system gives random numbers");
    let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
    ulid::Ulid::from_parts(millis, u128::from_be_bytes(random)).to_string().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_would_reach_outside_their_place_are_refused() {
        for bad in ["", "a#b", "a/b", "*", "a\0b", "../x", "-a", "ａ", "a b", "a%23", &"a".repeat(65)] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad:?}");
            assert!(bad.parse::<StoreId>().is_err(), "{bad:?}");
        }
        assert!("uploads".parse::<TenantId>().is_err() && "Uploads".parse::<TenantId>().is_ok());
        assert!("SKU-12.5:x".parse::<ProductId>().is_ok());
        assert!("a#b".parse::<ProductId>().is_err());
    }

    #[cfg(feature = "table")]
    #[test]
    fn timed_names_sort_by_time() {
        let at = |text: &str| timed(text.parse().unwrap());
        let names = ["2026-03-01T09:00:00Z", "2026-03-01T09:00:00.001Z", "2031-01-01T00:00:00Z"].map(at);
        assert!(names.is_sorted() && names.iter().all(|name| name.len() == 26));
        assert_ne!(at("2026-03-01T09:00:00Z"), at("2026-03-01T09:00:00Z"));
    }

    proptest! {
        #[test]
        fn a_name_round_trips_with_its_text(text in "[A-Za-z0-9][A-Za-z0-9_-]{0,63}") {
            prop_assume!(text != "uploads");
            prop_assert_eq!(text.parse::<TenantId>().unwrap().to_string(), text);
        }
    }
}
