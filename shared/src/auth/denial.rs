//! The one place where a refusal is written down: who was refused what, where and why, without saying who in person.
//!
//! The caller hears little; this line is where the precise cause stands. Every field is always there, `none` where
//! there is nothing to say, so that a query over the log needs no case for what is missing.
//!
//! | field | holds |
//! | --- | --- |
//! | `event` | `access_denied` |
//! | `cause` | the precise cause: `expired`, `wrong_audience`, `admin.insufficient_scope` … |
//! | `required_scope` | the scope, role or tool that was lacking |
//! | `route` | the route's template, never the path that was asked for |
//! | `tenant` | the first 12 hex digits of the tenant's SHA-256 |
//! | `person` | the first 12 hex digits of a SHA-256 over tenant and subject |

use super::Claims;
use crate::tenant;
use axum::extract::MatchedPath;
use http::Extensions;
use ring::digest::{Context, SHA256};

/// Stands where a field has nothing to say.
const NONE: &str = "none";

/// What is known of a request for the security log.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    route: Option<MatchedPath>,
    tenant: Option<String>,
    person: Option<String>,
}

impl Trail {
    /// The trail of a request whose caller is not known yet.
    pub(super) fn of(extensions: &Extensions) -> Self {
        Self { route: extensions.get().cloned(), ..Self::default() }
    }

    /// The same trail with a verified person at its beginning.
    pub(super) fn walked_by(self, claims: &Claims) -> Self {
        let tenant = claims.tenant().map(tenant::hash);
        Self { tenant, person: Some(person_hash(claims)), ..self }
    }

    /// Writes down a refusal.
    pub(super) fn denied(&self, cause: &str, required: Option<&str>) {
        let (route, tenant, person) = self.parts();
        tracing::warn!(
            event = "access_denied",
            cause,
            required_scope = required.unwrap_or(NONE),
            route,
            tenant,
            person,
            "refused a request: {cause}"
        );
    }

    /// Writes down that an emergency's right was used, and why in how many words: the words may name people.
    pub(super) fn broke_glass(&self, reason_chars: usize) {
        let (route, tenant, person) = self.parts();
        tracing::warn!(
            event = "breakglass_used",
            cause = "breakglass",
            required_scope = "admin:breakglass",
            route,
            tenant,
            person,
            reason_chars,
            "an emergency's right was used"
        );
    }

    fn parts(&self) -> (&str, &str, &str) {
        (
            self.route.as_ref().map_or(NONE, MatchedPath::as_str),
            self.tenant.as_deref().unwrap_or(NONE),
            self.person.as_deref().unwrap_or(NONE),
        )
    }
}

/// A person as logs name them. The tenant is part of it, so that nobody is followed from one tenant to another by it.
fn person_hash(claims: &Claims) -> String {
    let mut digest = Context::new(&SHA256);
    digest.update(b"person\0");
    digest.update(claims.tenant().map_or("", |tenant| tenant.as_str()).as_bytes());
    digest.update(b"\0");
    digest.update(claims.person().as_str().as_bytes());
    hex::encode(&digest.finish().as_ref()[..6])
}
