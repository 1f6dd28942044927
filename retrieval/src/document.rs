//! What is searched: products, whose they are, and who may see them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One product as the public of its [`Audience`] sees it.
///
/// There is no place here for internal fields (cost price, supplier): what cannot enter cannot leak, neither by text nor by score.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The product's id, unique within a snapshot.
    pub id: String,
    /// Its name, or full title.
    pub name: String,
    /// Its maker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// What is said about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What kind of thing it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The part of the store that keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// The aisle it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aisle: Option<String>,
    /// The bay of that aisle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bay: Option<String>,
    /// Its price in the currency's minor unit (cents).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_minor: Option<i64>,
    /// Further facts by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// When it last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Who may find it.
    #[serde(default, skip_serializing_if = "Audience::is_public")]
    pub audience: Audience,
}

/// Who may find a document: everybody, or those who hold one of its role bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Audience(u64);

impl Audience {
    /// Everybody.
    pub const PUBLIC: Self = Self(1);

    /// Those only who hold one of `roles`; with no roles, nobody.
    pub fn only(roles: Roles) -> Self {
        Self(roles.0 & !Self::PUBLIC.0)
    }

    /// Whether everybody may find the document.
    pub fn is_public(&self) -> bool {
        self.0 & Self::PUBLIC.0 != 0
    }

    /// Whether somebody with `roles` may find the document.
    pub fn admits(self, roles: Roles) -> bool {
        self.0 & (roles.0 | Self::PUBLIC.0) != 0
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    #[cfg(feature = "build")]
    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

impl Default for Audience {
    fn default() -> Self {
        Self::PUBLIC
    }
}

/// The roles that somebody holds, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(u64);

impl Roles {
    /// No role beyond the public's: a shopper, and everybody whose role is unknown.
    pub const NONE: Self = Self(0);
    /// Those who work in the store.
    pub const STORE_EMPLOYEE: Self = Self(1 << 1);
    /// Those who run it; an administrator sees what an employee sees.
    pub const ADMIN: Self = Self(1 << 1 | 1 << 2);

    /// Reads the names of roles; a name that is not known adds nothing.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().fold(Self::NONE, |held, name| match name {
            "store_employee" => held.and(Self::STORE_EMPLOYEE),
            "admin" => held.and(Self::ADMIN),
            _ => held,
        })
    }

    /// These roles and `others`.
    pub fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

/// Whose snapshot it is: one store of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SnapshotScope {
    /// The tenant.
    pub tenant: String,
    /// The store.
    pub store: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_public_unless_it_says_otherwise() {
        assert!(Document::default().audience.admits(Roles::NONE));
    }

    #[test]
    fn an_internal_document_admits_its_roles_and_nobody_else() {
        let internal = Audience::only(Roles::STORE_EMPLOYEE);
        assert!(!internal.admits(Roles::NONE));
        assert!(internal.admits(Roles::STORE_EMPLOYEE));
        assert!(internal.admits(Roles::ADMIN));
        assert!(!Audience::only(Roles::NONE).admits(Roles::ADMIN));
    }

    #[test]
    fn an_unknown_role_sees_what_the_public_sees() {
        assert_eq!(Roles::from_names(["shopper", "root", ""]), Roles::NONE);
        assert_eq!(Roles::from_names(["root", "admin"]), Roles::ADMIN);
    }
}
