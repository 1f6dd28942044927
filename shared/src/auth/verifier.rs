//! The way from a header to verified claims.

#[cfg(feature = "table")]
use super::people::People;
use super::{
    Claims, Keys, Scopes,
    key::KeySet,
    keys::{FIREBASE_KEYS_URL, NoKey},
    people::RoleSource,
    token::{Refused, Unverified},
};
#[cfg(feature = "table")]
use crate::tenant::TenantScope;
use crate::{clock::Clock, config::Env, problem::Problem};
use http::{HeaderMap, HeaderValue, header};
use std::sync::Arc;

/// Switches by which other programs are told not to verify. Nothing here reads them; but who set one believes that it works.
const SWITCHES: [&str; 6] =
    ["AUTH_DISABLED", "DISABLE_AUTH", "SKIP_AUTH", "AUTH_DEBUG", "FIREBASE_AUTH_DEBUG", "INSECURE_TOKENS"];

/// Verifies who calls: one for each instance, cheap to clone; part of a function's `App`.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: Keys,
    project_id: Arc<str>,
    clock: Clock,
    role_source: RoleSource,
    #[cfg(feature = "table")]
    people: Option<People>,
}

/// Why nobody was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthFault {
    /// No `Authorization` at all.
    #[error("the request has no Authorization header")]
    Missing,
    /// More than one `Authorization`, or one that is not `Bearer` and a token.
    #[error("the Authorization header is not one bearer token")]
    Header,
    /// A token that does not hold.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Nobody can say, as the issuer's keys cannot be had.
    #[error("the issuer's keys cannot be had")]
    KeysUnavailable {
        /// When to ask again, in seconds.
        retry_after_s: u32,
    },
}

impl Verifier {
    /// A verifier of ID tokens of the Firebase project `project_id`.
    pub fn new(keys: Keys, project_id: &str, clock: &Clock) -> Self {
        Self {
            keys,
            project_id: project_id.into(),
            clock: clock.clone(),
            role_source: RoleSource::Token,
            #[cfg(feature = "table")]
            people: None,
        }
    }

    /// The same verifier, which finds people's records in `people`. Without, nobody has a scope of administration, and with
    /// `ROLE_SOURCE=table` nobody is let in.
    #[cfg(feature = "table")]
    pub fn with_people(self, people: People) -> Self {
        Self { people: Some(people), ..self }
    }

    /// The same verifier, which takes role, stores and suspension from `source`.
    pub fn with_roles_from(self, source: RoleSource) -> Self {
        Self { role_source: source, ..self }
    }

    /// Reads `FIREBASE_PROJECT_ID` (required), `FIREBASE_KEYS_URL` (Firebase's own where absent) and `ROLE_SOURCE` (`token` or
    /// `table`). Names as faults a key URL that is not safe, one that is not Firebase's own in production (`DEPLOY_ENV`), and
    /// every switch that people know as leave not to verify.
    pub fn from_env(env: &mut Env, clock: &Clock) -> Self {
        let project_id = env.required("FIREBASE_PROJECT_ID");
        if !project_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte)) {
            env.fault(format!("FIREBASE_PROJECT_ID={project_id:?} is no project's id"));
        }
        if env.optional("FIREBASE_AUTH_EMULATOR_HOST").is_some_and(|host| !host.is_empty()) {
            env.fault("FIREBASE_AUTH_EMULATOR_HOST is set: the emulator's tokens are unsigned, and no token is taken unsigned");
        }
        for switch in SWITCHES {
            if env.optional(switch).is_some_and(|value| !value.is_empty()) {
                env.fault(format!("{switch} is set: nothing turns the verification of tokens off. Take it away"));
            }
        }
        let url = env.optional("FIREBASE_KEYS_URL").filter(|url| !url.is_empty());
        let url = url.as_deref().unwrap_or(FIREBASE_KEYS_URL);
        if url != FIREBASE_KEYS_URL && env.optional("DEPLOY_ENV").as_deref() == Some("production") {
            env.fault(format!("FIREBASE_KEYS_URL={url:?}: in production keys are Firebase's own"));
        }
        let keys = Keys::published_at(url, clock).unwrap_or_else(|why| {
            env.fault(format!("FIREBASE_KEYS_URL={url:?}: {why}"));
            Keys::fixed(KeySet::default())
        });
        let source = env.parsed("ROLE_SOURCE", RoleSource::Token);
        Self::new(keys, &project_id, clock).with_roles_from(source)
    }

    /// Verifies the bearer token of a request.
    ///
    /// # Errors
    ///
    /// [`AuthFault`].
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Claims, AuthFault> {
        self.verify(bearer(headers)?).await
    }

    /// Verifies a token at the time of this verifier's clock.
    ///
    /// # Errors
    ///
    /// [`AuthFault`].
    pub async fn verify(&self, token: &str) -> Result<Claims, AuthFault> {
        let token = Unverified::parse(token)?;
        let key = self.keys.find(token.kid()).await.map_err(|none| match none {
            NoKey::Unknown => AuthFault::Refused(Refused::UnknownKey),
            NoKey::Unavailable { retry_after_s } => AuthFault::KeysUnavailable { retry_after_s },
        })?;
        Ok(token.verify(&key, &self.project_id, self.clock.now())?)
    }
}

/// What the claims come to with the person's record.
impl Verifier {
    /// The person as this verifier's source of roles knows them.
    ///
    /// # Errors
    ///
    /// 503 `auth.person_unavailable`, 500 where the record cannot be had: the token's role does not stand in for it.
    pub(super) async fn as_recorded(&self, claims: Claims) -> Result<Claims, Problem> {
        if self.role_source == RoleSource::Token {
            return Ok(claims);
        }
        #[cfg(feature = "table")]
        if let Some(people) = &self.people {
            let record = match TenantScope::of(&claims) {
                Ok(tenant) => people.record(&tenant, claims.person()).await?,
                Err(_) => None,
            };
            return Ok(claims.bounded_by(record.as_deref()));
        }
        drop(claims);
        Err(Problem::unavailable("auth.person_unavailable").detail("Roles cannot be looked up here.").retry_after(60))
    }

    /// The scopes in the person's record; none without a record, `None` for who is suspended by it.
    ///
    /// # Errors
    ///
    /// 503 `auth.person_unavailable`, 500 where the record cannot be had.
    pub(super) async fn recorded_scopes(&self, claims: &Claims) -> Result<Option<Scopes>, Problem> {
        #[cfg(feature = "table")]
        if let (Some(people), Ok(tenant)) = (&self.people, TenantScope::of(claims)) {
            let record = people.record(&tenant, claims.person()).await?;
            return Ok(match record {
                Some(record) if record.suspended => None,
                Some(record) => Some(record.scopes),
                None => Some(Scopes::default()),
            });
        }
        let _ = claims;
        Ok(Some(Scopes::default()))
    }
}

/// The token of the one `Authorization` header. The scheme's case does not count (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Result<&str, AuthFault> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let line = lines.next().ok_or(AuthFault::Missing)?;
    let (scheme, token) = line.to_str().ok().and_then(|line| line.split_once(' ')).ok_or(AuthFault::Header)?;
    if lines.next().is_some() || !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(AuthFault::Header);
    }
    Ok(token.trim_start_matches(' '))
}

impl AuthFault {
    /// The cause as the security log names it.
    pub fn cause(self) -> &'static str {
        match self {
            Self::Missing => "missing_token",
            Self::Header => "authorization_header",
            Self::Refused(refused) => refused.cause(),
            Self::KeysUnavailable { .. } => "keys_unavailable",
        }
    }
}

impl From<AuthFault> for Problem {
    fn from(fault: AuthFault) -> Self {
        let challenge = (header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        match fault {
            AuthFault::Missing => Self::unauthorized("auth.missing_token")
                .detail("This route needs a Firebase ID token. Send it as `Authorization: Bearer <token>`.")
                .header(challenge.0, challenge.1),
            AuthFault::Header | AuthFault::Refused(_) => Self::unauthorized("auth.invalid_token")
                .detail("Invalid or expired token")
                .header(challenge.0, challenge.1),
            AuthFault::KeysUnavailable { retry_after_s } => Self::unavailable("auth.keys_unavailable")
                .detail("Tokens cannot be verified right now. Retry after the seconds in Retry-After.")
                .retry_after(retry_after_s),
        }
    }
}
