//! The way from a header to verified claims.

use super::{
    Claims, Keys,
    key::KeySet,
    keys::{FIREBASE_KEYS_URL, NoKey},
    token::{Refused, Unverified},
};
use crate::{clock::Clock, config::Env, problem::Problem};
use http::{HeaderMap, HeaderValue, header};
use std::sync::Arc;

/// Verifies who calls: one for each instance, cheap to clone; part of a function's `App`.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: Keys,
    project_id: Arc<str>,
    clock: Clock,
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
        Self { keys, project_id: project_id.into(), clock: clock.clone() }
    }

    /// Reads `FIREBASE_PROJECT_ID` (required) and `FIREBASE_KEYS_URL` (Firebase's own where absent), and names as faults a
    /// key URL that is not safe, and the emulator's switch, which SDKs take as leave not to verify.
    pub fn from_env(env: &mut Env, clock: &Clock) -> Self {
        let project_id = env.required("FIREBASE_PROJECT_ID");
        if !project_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte)) {
            env.fault(format!("FIREBASE_PROJECT_ID={project_id:?} is no project's id"));
        }
        if env.optional("FIREBASE_AUTH_EMULATOR_HOST").is_some_and(|host| !host.is_empty()) {
            env.fault("FIREBASE_AUTH_EMULATOR_HOST is set: the emulator's tokens are unsigned, and no token is taken unsigned");
        }
        let url = env.optional("FIREBASE_KEYS_URL").filter(|url| !url.is_empty());
        let url = url.as_deref().unwrap_or(FIREBASE_KEYS_URL);
        let keys = Keys::published_at(url, clock).unwrap_or_else(|why| {
            env.fault(format!("FIREBASE_KEYS_URL={url:?}: {why}"));
            Keys::fixed(KeySet::default())
        });
        Self::new(keys, &project_id, clock)
    }

    /// Verifies the bearer token of a request.
    ///
    /// # Errors
    ///
    /// [`AuthFault`], logged once here.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Claims, AuthFault> {
        let verified = async { self.verify(bearer(headers)?).await }.await;
        verified.inspect_err(|fault| {
            tracing::warn!(event = "auth_refused", cause = fault.cause(), "refused a request: {fault}");
        })
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
