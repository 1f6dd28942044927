//! What a tenant's administrators have written down of a person, and how it is read.
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | person | `T#<tenant>#PEOPLE` | `PERSON#<subject>` | [`PersonRecord`] |
//!
//! A record bounds what a token says. Scopes of administration count as far as both have them. Role, stores and
//! suspension are the token's, or with `ROLE_SOURCE=table` the record's alone; who has no record then is a shopper of no store.

use super::{Role, Scopes};
use crate::ids::{PersonId, StoreId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, str::FromStr};

#[cfg(feature = "table")]
mod book;
#[cfg(feature = "table")]
pub use book::{KEPT_FOR, People};

/// The partition of a tenant's people.
pub const PARTITION: &str = "PEOPLE";
/// What the sort keys of people begin with.
pub const PREFIX: &str = "PERSON#";

/// Where a person's role, stores and suspension are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoleSource {
    /// In the token: a change is in force once the person has a new one, within the hour.
    #[default]
    Token,
    /// In the person's record: a change is in force within 60 seconds.
    Table,
}

impl FromStr for RoleSource {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "token" => Ok(Self::Token),
            "table" => Ok(Self::Table),
            _ => Err("is neither `token` nor `table`"),
        }
    }
}

/// What is written down of a person. A row that is not wholly of this form is an error and never a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRecord {
    /// Whose record it is.
    pub person_id: PersonId,
    /// What the person is in their stores.
    #[serde(with = "known_role")]
    pub role: Role,
    /// Where the role counts.
    pub stores: BTreeSet<StoreId>,
    /// How far the person may administer, if their token says so too.
    pub scopes: Scopes,
    /// Whether the person is shut out.
    pub suspended: bool,
    /// When the record was last changed.
    pub updated_at: Timestamp,
    /// Another text after each change.
    pub version: String,
}

/// A role by its name; a name that is none is an error.
mod known_role {
    use super::Role;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(role: &Role, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(role.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Role, D::Error> {
        match Role::named(&String::deserialize(from)?) {
            Role::Unknown => Err(D::Error::custom("no known role")),
            role => Ok(role),
        }
    }
}
