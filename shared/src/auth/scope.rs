//! Scopes: what a token allows beyond a role. Administration asks for these, never for "is an admin".

use crate::problem::Problem;

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
        let named = |name: &str| Scope::ALL.into_iter().find(|scope| scope.as_str() == name);
        claim.split(' ').filter_map(named).fold(Self::default(), |scopes, scope| match scope.admin_rank() {
            Some(rank) => Self { admin: scopes.admin.max(rank), ..scopes },
            None => Self { service_write: true, ..scopes },
        })
    }

    /// Whether these scopes include `scope`: by name, or by a higher one of administration.
    pub fn allow(self, scope: Scope) -> bool {
        scope.admin_rank().map_or(self.service_write, |rank| self.admin >= rank)
    }

    /// Asks for `scope`.
    ///
    /// # Errors
    ///
    /// 403 `admin.insufficient_scope` with `required_scope`.
    pub fn require(self, scope: Scope) -> Result<(), Problem> {
        if self.allow(scope) {
            return Ok(());
        }
        let required = scope.as_str();
        tracing::warn!(event = "scope_denied", required_scope = required, "the caller lacks {required}");
        let problem = Problem::forbidden("admin.insufficient_scope").with("required_scope", required);
        Err(problem.detail(format!("This needs a token with the scope {required}.")))
    }
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
    fn a_missing_scope_is_named() {
        let problem = Scopes::parse("admin:read").require(Scope::AdminWrite).unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.code()), (403, "admin.insufficient_scope"));
        assert!(format!("{problem:?}").contains("admin:write"));
    }
}
