//! Scopes: what a token allows beyond a role. Administration asks for these, never for "is an admin".

use crate::problem::Problem;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// One right that a route can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Reading what administrators see.
    AdminRead,
    /// Changing what administrators change; includes [`Scope::AdminRead`].
    AdminWrite,
    /// Acting in an emergency; includes [`Scope::AdminWrite`].
    AdminBreakglass,
    /// Everything of administration.
    AdminSuper,
    /// Writing as a service, such as an indexer; stands beside the hierarchy of administration.
    ServiceWrite,
}

/// The scopes that a caller holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    /// How far up the hierarchy, 0 for not at all.
    admin: u8,
    service_write: bool,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] =
        [Self::AdminRead, Self::AdminWrite, Self::AdminBreakglass, Self::AdminSuper, Self::ServiceWrite];

    /// The scope as tokens write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AdminRead => "admin:read",
            Self::AdminWrite => "admin:write",
            Self::AdminBreakglass => "admin:breakglass",
            Self::AdminSuper => "admin:super",
            Self::ServiceWrite => "service:write",
        }
    }

    /// The scope of this name, exactly as [`Scope::as_str`] spells it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }

    /// Whether it belongs to the hierarchy of administration.
    pub fn is_of_administration(self) -> bool {
        self.admin_rank().is_some()
    }

    /// The place in the hierarchy of administration, from 1, or `None` for a scope beside it.
    fn admin_rank(self) -> Option<u8> {
        match self {
            Self::AdminRead => Some(1),
            Self::AdminWrite => Some(2),
            Self::AdminBreakglass => Some(3),
            Self::AdminSuper => Some(4),
            Self::ServiceWrite => None,
        }
    }
}

impl Scopes {
    /// Reads a `scope` claim: scopes with spaces between them (RFC 8693 §4.2). Unknown ones grant nothing.
    pub fn parse(claim: &str) -> Self {
        claim.split(' ').filter_map(Scope::named).collect()
    }

    /// Whether these scopes include `scope`: by name, or by a higher one of administration.
    pub fn allow(self, scope: Scope) -> bool {
        scope.admin_rank().map_or(self.service_write, |rank| self.admin >= rank)
    }

    /// What both have.
    pub fn within(self, other: Self) -> Self {
        Self { admin: self.admin.min(other.admin), service_write: self.service_write && other.service_write }
    }

    /// The scopes by name: the highest one of administration, and the one beside them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let highest = Scope::ALL.into_iter().filter(move |scope| scope.admin_rank() == Some(self.admin));
        let beside = Scope::ALL.into_iter().filter(move |scope| scope.admin_rank().is_none() && self.allow(*scope));
        highest.chain(beside).map(Scope::as_str)
    }

    /// Asks for `scope`.
    ///
    /// # Errors
    ///
    /// 403 `admin.insufficient_scope` with `required_scope`.
    pub(super) fn require(self, scope: Scope) -> Result<(), Problem> {
        if self.allow(scope) { Ok(()) } else { Err(lacking(scope)) }
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Self::default(), |scopes, scope| match scope.admin_rank() {
            Some(rank) => Self { admin: scopes.admin.max(rank), ..scopes },
            None => Self { service_write: true, ..scopes },
        })
    }
}

/// Written as a list of names.
impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.names())
    }
}

/// Read from a list of names; one that is no scope is an error, as who wrote it meant something.
impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(from)?;
        let scope = |name: &String| Scope::named(name).ok_or_else(|| D::Error::custom("a name that is no scope's"));
        names.iter().map(scope).collect()
    }
}

/// The refusal of who lacks `scope`.
pub(super) fn lacking(scope: Scope) -> Problem {
    let required = scope.as_str();
    let detail = format!("This needs the scope {required}, in your token and in your record at the tenant.");
    Problem::forbidden("admin.insufficient_scope").with("required_scope", required).detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_scope_of_administration_satisfies_a_lower_one_and_no_other_does() {
        let row = |claim: &str| Scope::ALL.map(|scope| Scopes::parse(claim).allow(scope));
        assert_eq!(row("admin:read"), [true, false, false, false, false]);
        assert_eq!(row("admin:write"), [true, true, false, false, false]);
        assert_eq!(row("admin:breakglass"), [true, true, true, false, false]);
        assert_eq!(row("admin:super"), [true, true, true, true, false]);
        assert_eq!(row("service:write"), [false, false, false, false, true]);
        assert_eq!(row("service:write openid admin:read"), [true, false, false, false, true]);
        for none in
            ["", " ", "admin", "admin:*", "ADMIN:READ", "admin:reader", "admin:read,admin:super", "admin:read\tx"]
        {
            assert_eq!(row(none), [false; 5], "{none:?}");
        }
    }

    #[test]
    fn two_lists_of_scopes_have_in_common_the_lower_of_each() {
        for (a, b, both) in [
            ("admin:super", "admin:read", vec!["admin:read"]),
            ("admin:read", "admin:super", vec!["admin:read"]),
            ("admin:write service:write", "admin:breakglass", vec!["admin:write"]),
            ("admin:write service:write", "service:write", vec!["service:write"]),
            ("admin:super", "", vec![]),
        ] {
            assert_eq!(Scopes::parse(a).within(Scopes::parse(b)).names().collect::<Vec<_>>(), both, "{a} and {b}");
        }
    }

    #[test]
    fn scopes_round_trip_as_a_list_and_no_unknown_name_is_passed_over() {
        for claim in ["", "admin:read", "admin:super service:write", "service:write"] {
            let scopes = Scopes::parse(claim);
            let text = serde_json::to_string(&scopes).unwrap();
            assert_eq!(serde_json::from_str::<Scopes>(&text).unwrap(), scopes, "{text}");
        }
        for odd in [r#"["admin"]"#, r#"["admin:read",""]"#, r#""admin:read""#, "null", "[1]", "{}"] {
            assert!(serde_json::from_str::<Scopes>(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_missing_scope_is_named() {
        let problem = Scopes::parse("admin:read").require(Scope::AdminWrite).unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.code()), (403, "admin.insufficient_scope"));
        assert!(format!("{problem:?}").contains("admin:write"));
    }
}
