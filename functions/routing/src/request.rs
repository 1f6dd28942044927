//! What is asked for: a route as a caller describes it, held to the rules.

use crate::Error;
use serde::Deserialize;
use serde_json::{Map, Value};
use shared::{
    ids::TenantId,
    routes::{Backend, Environment, ResourceKind, Route, RouteKey, plaintext},
    tenant::SYSTEM,
    web::context::{Labs, Mode},
};

/// The most characters of a member's path that a refusal repeats.
const MAX_PATH: usize = 100;

/// A route to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRoute {
    resource_kind: ResourceKind,
    tenant_id: TenantId,
    env: Environment,
    /// For an analytics store `firestore`, `dynamodb` or `cosmos`; for other kinds a name of their own.
    #[schema(min_length = 1, max_length = 32, example = "dynamodb")]
    backend_type: String,
    /// How the backend is reached, at most 8 KiB. For an analytics store:
    /// firestore `{project_id, collection_path, use_emulator, key_secret?, database?}`, dynamodb `{region, table_name, use_local}`,
    /// cosmos `{endpoint, database_id, container_id}` with `key_secret` or with `entra_tenant`, `entra_client` and `entra_secret`. Secrets are named: `key_secret: "<secret id>#<json key>"`.
    #[schema(value_type = Object, example = json!({"region": "eu-central-1", "table_name": "events", "use_local": false}))]
    config: Map<String, Value>,
    /// Whether the bundle is not well without this route; `GET /healthz?deep=1` says so where it is missing.
    #[serde(default)]
    required: bool,
    /// Whether tenants without a route of their own follow this one. Only the tenant `t_system` has such routes.
    #[serde(default)]
    inherit: bool,
}

/// A route that holds to the rules, and what is to be said of it all the same.
#[derive(Debug)]
pub(crate) struct Sound {
    pub(crate) key: RouteKey,
    pub(crate) warnings: Vec<String>,
    body: CreateRoute,
}

impl CreateRoute {
    /// Holds it to the rules of a request in `mode` to the stack of `own`, some of whose tenants are `labs`.
    pub(crate) fn sound(self, mode: Mode, labs: &Labs, own: &Environment) -> Result<Sound, Error> {
        let mut warnings = Vec::new();
        if let Some(path) = plaintext(&self.config) {
            let path: String = path.chars().take(MAX_PATH).collect();
            if mode != Mode::Lab || !labs.admit(&self.tenant_id) {
                return Err(Error::PlaintextSecret(path));
            }
            warnings.push(format!(
                "route.plaintext_secret: config.{path} is stored as it is, since this is a lab. Name a secret elsewhere."
            ));
        }
        let backend = Backend::parse(self.resource_kind, &self.backend_type, &self.config);
        let backend = backend.map_err(Error::BadBackend)?;
        if backend.stands_in() && (own.is_production() || self.env.is_production()) {
            return Err(Error::StandsIn);
        }
        if self.inherit && self.tenant_id.as_str() != SYSTEM {
            return Err(Error::BadInherit);
        }
        if self.env != *own {
            let env = &self.env;
            warnings.push(format!("route.other_env: This stack's env is {own}. It follows no route of env {env}."));
        }
        let key =
            RouteKey { resource_kind: self.resource_kind, tenant_id: self.tenant_id.clone(), env: self.env.clone() };
        Ok(Sound { key, warnings, body: self })
    }
}

impl Sound {
    /// Whether `route` is what is asked for.
    pub(crate) fn is(&self, route: &Route) -> bool {
        let Self { key, body, .. } = self;
        route.route_id == *key
            && (&route.backend_type, &route.config) == (&body.backend_type, &body.config)
            && (route.required, route.inherit) == (body.required, body.inherit)
    }

    /// The row, by who writes it and when, in the place of `old` where that stands.
    pub(crate) fn row(&self, old: Option<&Route>, writing: Writing) -> Route {
        let Writing { by, at, version, request } = writing;
        Route {
            route_id: self.key.clone(),
            backend_type: self.body.backend_type.clone(),
            config: self.body.config.clone(),
            required: self.body.required,
            inherit: self.body.inherit,
            version,
            created_at: old.map_or(at, |old| old.created_at),
            updated_at: at,
            by,
            request,
            removed_at: None,
        }
    }
}

/// A writing of a row.
pub(crate) struct Writing {
    pub(crate) by: shared::ids::PersonId,
    pub(crate) at: jiff::Timestamp,
    pub(crate) version: String,
    pub(crate) request: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shared::config::Env;

    fn labs() -> Labs {
        Labs::from_env(&mut Env::from_iter([("ALLOW_LAB_MODE", "true"), ("LAB_TENANTS", "t_system,t_lab")]))
    }

    fn sound(mode: Mode, own: &str, changed: Value) -> Result<Sound, String> {
        let mut body = json!({
            "resource_kind": "analytics_store", "tenant_id": "acme", "env": "staging", "backend_type": "cosmos",
            "config": {"endpoint": "https://x.documents.azure.com", "key_secret": "s#k", "database_id": "d", "container_id": "c"},
        });
        body.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        let body: CreateRoute = serde_json::from_value(body).map_err(|why| why.to_string())?;
        let sound = body.sound(mode, &labs(), &own.parse().unwrap());
        sound.map_err(|error| shared::problem::Problem::from(error).code().to_owned())
    }

    #[test]
    fn a_secret_stands_as_it_is_only_in_the_route_of_a_lab_that_a_lab_asks_for() {
        let config = json!({"endpoint": "https://x.documents.azure.com", "key": "s3cret", "database_id": "d", "container_id": "c"});
        let with = |mode, tenant: &str| sound(mode, "staging", json!({"config": config, "tenant_id": tenant}));
        for (mode, tenant) in
            [(Mode::System, "t_lab"), (Mode::Saas, "t_lab"), (Mode::Enterprise, "t_system"), (Mode::Lab, "acme")]
        {
            assert_eq!(with(mode, tenant).unwrap_err(), "route.plaintext_secret", "{mode} {tenant}");
        }
        let taken = with(Mode::Lab, "t_lab").unwrap();
        assert!(taken.warnings[0].contains("config.key") && taken.warnings.len() == 1, "{:?}", taken.warnings);
        // It is refused as a secret before anything else is said of it.
        let odd = json!({"config": {"Auth": [{"PassWord": "x"}]}, "backend_type": "none"});
        assert_eq!(sound(Mode::System, "staging", odd).unwrap_err(), "route.plaintext_secret");
    }

    #[test]
    fn nothing_that_stands_in_for_a_store_serves_production() {
        let local = |own: &str, env: &str| {
            let config = json!({"region": "eu-central-1", "table_name": "events", "use_local": true});
            sound(Mode::System, own, json!({"backend_type": "dynamodb", "config": config, "env": env})).map(drop)
        };
        assert_eq!(local("development", "development"), Ok(()));
        for (own, env) in [("production", "production"), ("staging", "production"), ("production", "staging")] {
            assert_eq!(local(own, env), Err("route.bad_backend".to_owned()), "{own} {env}");
        }
    }

    #[test]
    fn only_the_systems_route_is_for_everybody_and_a_route_of_another_env_is_told_of() {
        let inherit = |tenant: &str| sound(Mode::System, "staging", json!({"inherit": true, "tenant_id": tenant}));
        assert_eq!(inherit("acme").unwrap_err(), "route.bad_inherit");
        assert!(inherit("t_system").unwrap().warnings.is_empty());
        let elsewhere = sound(Mode::System, "production", json!({})).unwrap();
        assert!(elsewhere.warnings[0].contains("staging"), "{:?}", elsewhere.warnings);
    }

    #[test]
    fn a_body_is_of_one_form() {
        for bad in [
            json!({"resource_kind": "events"}),
            json!({"resource_kind": "Analytics_store"}),
            json!({"tenant_id": "a#b"}),
            json!({"env": "Production"}),
            json!({"config": []}),
            json!({"config": null}),
            json!({"required": "true"}),
            json!({"requierd": true}),
        ] {
            assert!(sound(Mode::System, "staging", bad.clone()).is_err(), "{bad}");
        }
    }
}
