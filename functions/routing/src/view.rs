//! What is shown of a route: everything but secrets.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use shared::{
    ids::{PersonId, TenantId},
    routes::{Environment, ResourceKind, Route, RouteKey, redacted},
};

/// A route.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RouteView {
    /// Its id: `<resource_kind>.<tenant_id>.<env>`.
    #[schema(value_type = String, example = "analytics_store.t_greenleaf.production")]
    route_id: RouteKey,
    resource_kind: ResourceKind,
    tenant_id: TenantId,
    env: Environment,
    /// Which backend it leads to.
    backend_type: String,
    /// How that is reached; `***` in the place of each secret.
    #[schema(value_type = Object)]
    config: Map<String, Value>,
    /// Whether the bundle is not well without it.
    required: bool,
    /// Whether tenants without a route of their own follow it.
    inherit: bool,
    /// Another text after each change, as in the ETag.
    version: String,
    /// When it was first made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Who changed it last.
    updated_by: PersonId,
}

/// A route that was made, and what is to be said of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Made {
    #[serde(flatten)]
    pub(crate) route: RouteView,
    /// What is to be said of it all the same, each beginning with a stable code; absent where there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
}

/// What would be written.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct DryRun {
    /// Always true: nothing was written.
    pub(crate) dry_run: bool,
    /// Whether the route would be new; else it would take the place of another.
    pub(crate) new: bool,
    /// The route as it would be.
    pub(crate) route: RouteView,
    /// Whether the backend was tried: a record was written, read and deleted.
    pub(crate) probed: bool,
    /// Why not, where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_probed_because: Option<&'static str>,
    /// What is to be said of it all the same; absent where there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
}

impl From<&Route> for RouteView {
    fn from(route: &Route) -> Self {
        let key = &route.route_id;
        Self {
            route_id: key.clone(),
            resource_kind: key.resource_kind,
            tenant_id: key.tenant_id.clone(),
            env: key.env.clone(),
            backend_type: route.backend_type.clone(),
            config: redacted(&route.config),
            required: route.required,
            inherit: route.inherit,
            version: route.version.clone(),
            created_at: route.created_at,
            updated_at: route.updated_at,
            updated_by: route.by.clone(),
        }
    }
}

/// What the audit log says of a route: nothing of people, and no secret.
pub(crate) fn audited(route: Option<&Route>) -> Value {
    route.map_or(Value::Null, |route| {
        json!({
            "backend_type": route.backend_type, "config": redacted(&route.config), "required": route.required,
            "inherit": route.inherit, "version": route.version,
        })
    })
}
