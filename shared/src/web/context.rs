//! In what context a request is made: for which tenant and project, in which mode.
//!
//! Three headers say so on the routes that store what apps send and on those that say where. They are assertions: the tenant is held to
//! the token, and `lab`, in which what has no place to go is let through, to what the stack allows.

use crate::{
    auth::{Caller, Verifier},
    config::Env,
    ids::TenantId,
    problem::Problem,
    tenant::TenantScope,
};
use axum::extract::{FromRef, FromRequestParts};
use http::{HeaderMap, HeaderName, request::Parts};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};

const TENANT: &str = "X-Tenant-ID";
const PROJECT: &str = "X-Project-ID";
const MODE: &str = "X-Mode";
/// The most characters of a project's name.
const MAX_PROJECT: usize = 64;

/// What kind of use a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A tenant of the shared service.
    Saas,
    /// A tenant with a deployment of its own.
    Enterprise,
    /// Those who run the bundle.
    System,
    /// A trial, in which what has no route is let through and not stored.
    Lab,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::Saas, Self::Enterprise, Self::System, Self::Lab];

    /// The mode as the header spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Saas => "saas",
            Self::Enterprise => "enterprise",
            Self::System => "system",
            Self::Lab => "lab",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a mode is saas, enterprise, system or lab, in lower case")]
pub struct BadMode;

impl FromStr for Mode {
    type Err = BadMode;
    fn from_str(text: &str) -> Result<Self, BadMode> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text).ok_or(BadMode)
    }
}

/// Which tenants are labs: none, unless `ALLOW_LAB_MODE` is `true`, and then those of `LAB_TENANTS`. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Labs(Arc<BTreeSet<TenantId>>);

impl Labs {
    /// Reads the two variables. A name in the list that is none of a tenant's is a fault, and so is anything but `true` or `false`.
    pub fn from_env(env: &mut Env) -> Self {
        let allowed = env.parsed("ALLOW_LAB_MODE", false);
        let mut tenants = BTreeSet::new();
        for name in env.optional("LAB_TENANTS").unwrap_or_default().split(',').map(str::trim) {
            match name.parse() {
                Ok(tenant) => _ = tenants.insert(tenant),
                Err(_) if name.is_empty() => {}
                Err(why) => env.fault(format!("LAB_TENANTS names {name:?}: {why}")),
            }
        }
        Self(Arc::new(if allowed { tenants } else { BTreeSet::new() }))
    }

    /// Whether `tenant` is one.
    pub fn admit(&self, tenant: &TenantId) -> bool {
        self.0.contains(tenant)
    }
}

/// The three headers, as the bundle's OpenAPI document tells them.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "the fields describe headers and are never read")]
pub struct ContextHeaders {
    /// The token's tenant.
    #[param(rename = "X-Tenant-ID", example = "t_greenleaf")]
    tenant: String,
    /// The project that sends or asks.
    #[param(rename = "X-Project-ID", max_length = 64)]
    project: String,
    /// The kind of use; `lab` where the stack lets the tenant.
    #[param(rename = "X-Mode", inline)]
    mode: Mode,
}

/// The context of a request, whose caller is verified and of this tenant. A handler that takes one is not entered without.
///
/// Whom a body or query names beside the caller is the handler's to judge, unless it takes a [`Caller`] too.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who calls.
    pub caller: Caller,
    /// The tenant, which is that of the token.
    pub tenant: TenantScope,
    /// The project, as the client names it.
    pub project: String,
    /// The mode, which the tenant may use.
    pub mode: Mode,
}

impl<S> FromRequestParts<S> for Context
where
    S: Send + Sync,
    Verifier: FromRef<S>,
    Labs: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::verified(parts, &Verifier::from_ref(state)).await?;
        let [_, project, mode] = headers(&parts.headers)?;
        let tenant = caller.tenant()?;
        let project = named(project)?.to_owned();
        let mode: Mode = mode.parse().map_err(invalid_mode)?;
        if mode == Mode::Lab && !Labs::from_ref(state).admit(tenant.tenant()) {
            let problem = not_allowed();
            caller.denied(&problem, None);
            return Err(problem);
        }
        Ok(Self { caller, tenant, project, mode })
    }
}

/// The three headers, each once. That the tenant is the token's, [`Caller`] has found already.
fn headers(headers: &HeaderMap) -> Result<[&str; 3], Problem> {
    let read = |name: &'static str| {
        let lower = HeaderName::from_bytes(name.as_bytes()).map_err(|error| Problem::internal(&error))?;
        let mut lines = headers.get_all(lower).iter();
        match (lines.next(), lines.next()) {
            (Some(line), None) if !line.is_empty() => Ok(line.to_str().unwrap_or_default()),
            (Some(_), Some(_)) => Err(Problem::bad_request("context.repeated_header")
                .detail(format!("The header {name} is sent more than once. Send it once."))
                .with("header", name)),
            _ => Err(Problem::bad_request("context.missing_header")
                .detail(format!("The header {name} is missing. Send {TENANT}, {PROJECT} and {MODE}."))
                .with("header", name)),
        }
    };
    Ok([read(TENANT)?, read(PROJECT)?, read(MODE)?])
}

fn named(project: &str) -> Result<&str, Problem> {
    let good = (1..=MAX_PROJECT).contains(&project.len())
        && project.starts_with(|c: char| c.is_ascii_alphanumeric())
        && project.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if good {
        return Ok(project);
    }
    let detail =
        format!("{PROJECT} is 1 to {MAX_PROJECT} letters, digits, '_', '-' and '.', beginning with a letter or digit.");
    Err(Problem::bad_request("context.invalid_project").detail(detail))
}

fn invalid_mode(_: BadMode) -> Problem {
    Problem::bad_request("context.invalid_mode")
        .detail(format!("{MODE} is saas, enterprise, system or lab, in lower case."))
}

fn not_allowed() -> Problem {
    Problem::forbidden("context.mode_not_allowed")
        .detail(format!("This tenant is no lab of this stack. Send {MODE}: saas, enterprise or system."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::{
            Keys,
            testing::{ISSUER, PROJECT as FIREBASE, now},
        },
        clock::Clock,
        web,
    };
    use axum::{
        Router,
        body::{Body, to_bytes},
        routing::get,
    };
    use http::Request;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    #[derive(Clone, FromRef)]
    struct Site {
        verifier: Verifier,
        labs: Labs,
    }

    fn labs(pairs: &[(&str, &str)]) -> Labs {
        let mut env: Env = pairs.iter().copied().collect();
        let labs = Labs::from_env(&mut env);
        env.checked().unwrap();
        labs
    }

    /// Sends a request with these headers: status and what was told.
    async fn send(labs: Labs, headers: &[(&str, &str)]) -> (u16, Value) {
        let verifier = Verifier::new(Keys::fixed(ISSUER.keys()), FIREBASE, &Clock::frozen(now()));
        let told = |context: Context| async move {
            web::Json(json!([context.tenant.tenant(), context.project, context.mode]))
        };
        let site =
            web::wrap(Router::new().route("/", get(told)).with_state(Site { verifier, labs }), Default::default());
        let token = format!("Bearer {}", ISSUER.token(json!({"tenant_id": "acme"})));
        let mut request = Request::get("/").header("authorization", token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = site.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap())
    }

    const GOOD: [(&str, &str); 3] = [("X-Tenant-ID", "acme"), ("x-project-id", "proj-1"), ("X-MODE", "saas")];

    fn with(name: &str, value: &'static str) -> Vec<(&'static str, &'static str)> {
        let same = |header: &str| header.eq_ignore_ascii_case(name);
        GOOD.iter().map(|(header, held)| (*header, if same(header) { value } else { *held })).collect()
    }

    async fn code(headers: &[(&str, &str)]) -> (u16, String) {
        let (status, document) = send(Labs::default(), headers).await;
        (status, document["error_code"].as_str().unwrap_or_default().to_owned())
    }

    #[tokio::test]
    async fn each_header_is_needed_and_the_refusal_names_it() {
        assert_eq!(send(Labs::default(), &GOOD).await, (200, json!(["acme", "proj-1", "saas"])));
        for (at, name) in ["X-Tenant-ID", "X-Project-ID", "X-Mode"].into_iter().enumerate() {
            let mut without = GOOD.to_vec();
            without.remove(at);
            // An empty tenant is not the token's, and refused as that.
            for headers in [without, if at == 0 { vec![] } else { with(name, "") }] {
                let (status, document) = send(Labs::default(), &headers).await;
                assert_eq!((status, &document["error_code"]), (400, &"context.missing_header".into()), "{name}");
                assert_eq!(document["header"], name);
                assert!(document["message"].as_str().unwrap().contains(name), "{document}");
            }
            let twice = [&GOOD[..], &[GOOD[at]]].concat();
            assert_eq!(code(&twice).await, (400, "context.repeated_header".to_owned()), "{name}");
        }
    }

    #[tokio::test]
    async fn the_tenant_is_that_of_the_token() {
        for other in ["beta", "Acme", "acme ", "", "acme,beta"] {
            assert_eq!(code(&with("X-Tenant-ID", other)).await, (403, "tenant.forbidden".to_owned()), "{other:?}");
        }
    }

    #[tokio::test]
    async fn a_mode_is_spelled_in_one_way() {
        for mode in ["saas", "enterprise", "system"] {
            assert_eq!(code(&with("X-Mode", mode)).await, (200, String::new()), "{mode}");
        }
        for odd in ["Lab", "LAB", "labs", "lab,saas", "saas ", " lab", "prod", "0", "l\u{e4}b", "\"lab\"", "lab;q=1"] {
            let (status, told) = code(&with("X-Mode", odd)).await;
            // A header's line comes without the blanks around it.
            let expected = match odd.trim() {
                "saas" => (200, ""),
                "lab" => (403, "context.mode_not_allowed"),
                _ => (400, "context.invalid_mode"),
            };
            assert!(
                (status, told.as_str()) == expected || odd != odd.trim() && status == 400,
                "{odd:?}: {status} {told}"
            );
        }
        for odd in ["a b", "a/b", "-a", "a#b", "\u{e4}"] {
            assert_eq!(code(&with("X-Project-ID", odd)).await, (400, "context.invalid_project".to_owned()), "{odd:?}");
        }
    }

    #[tokio::test]
    async fn a_lab_is_one_where_the_stack_says_so_twice() {
        for (allowed, listed, expected) in [
            ("true", "acme", 200),
            ("true", "beta, acme", 200),
            ("true", "beta", 403),
            ("true", "", 403),
            ("false", "acme", 403),
            ("", "acme", 403),
        ] {
            let labs = labs(&[("ALLOW_LAB_MODE", allowed), ("LAB_TENANTS", listed)]);
            let (status, document) = send(labs, &with("X-Mode", "lab")).await;
            assert_eq!(status, expected, "{allowed} {listed}");
            if status == 403 {
                assert_eq!(document["error_code"], "context.mode_not_allowed");
            }
        }
        for bad in
            [("ALLOW_LAB_MODE", "TRUE"), ("ALLOW_LAB_MODE", "1"), ("LAB_TENANTS", "acme;beta"), ("LAB_TENANTS", "a#b")]
        {
            let mut env: Env = [bad].into_iter().collect();
            Labs::from_env(&mut env);
            assert!(env.checked().is_err(), "{bad:?}");
        }
    }
}
