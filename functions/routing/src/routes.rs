//! Handlers: requests in, answers out.

use crate::{
    App, Error,
    request::{CreateRoute, Sound, Writing},
    table::{Registry, Written},
    view::{DryRun, Made, RouteView, audited},
};
use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    audit::{Actor, Entry},
    auth::{Caller, Scope},
    idempotency::Token,
    ids::{self, TenantId},
    problem::{Problem, ProblemDocument},
    routes::{ResourceKind, Route, RouteKey},
    table::TableError,
    web::{
        Json, Path, Query,
        answers::{Guarded, OfOne, WithBody},
        context::{Context, ContextHeaders},
        etag,
    },
};

const LIST: &str = "GET /routing/routes";
/// How often a change that others were quicker than is decided anew.
const ATTEMPTS: u32 = 5;

/// What making a route may answer besides.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "the variants describe answers and are never made")]
enum Creating {
    /// There is such a route, and the caller does not say that this one takes its place.
    #[response(status = 409, content_type = "application/problem+json")]
    Exists(ProblemDocument),
    /// The backend was tried and failed: `step` says where.
    #[response(status = 422, content_type = "application/problem+json")]
    ProbeFailed(ProblemDocument),
}

/// What a change may answer besides.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "the variants describe answers and are never made")]
enum Changing {
    /// The route is another version than If-Match names.
    #[response(status = 412, content_type = "application/problem+json")]
    ChangedMeanwhile(ProblemDocument),
}

/// The path of one route.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfRoute {
    /// Its id: `<resource_kind>.<tenant_id>.<env>`.
    #[param(example = "analytics_store.t_greenleaf.production")]
    route_id: String,
}

/// How a route is made.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CreateQuery {
    /// Whether it takes the place of the one that there is.
    #[serde(default)]
    replace: bool,
    /// Whether nothing is written: the answer says what would be.
    #[serde(default)]
    dry_run: bool,
}

/// Which page of which routes.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only routes of this kind.
    resource_kind: Option<ResourceKind>,
    /// Only routes of this tenant.
    #[param(value_type = Option<String>)]
    tenant_id: Option<TenantId>,
    /// How many routes at most; 100 unless said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The mark of the page before: its `next_cursor`.
    cursor: Option<String>,
}

/// A page of routes in the order of kind, tenant and environment.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct RoutesPage {
    /// The routes.
    routes: Vec<RouteView>,
    /// The mark of the next page; absent after the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Makes a route, or with `replace=true` or the other one's ETag in `If-Match` puts it in the place of another.
///
/// Once this answers, whoever asks the table finds the route; instances that have asked before follow it within ten seconds.
#[utoipa::path(
    post,
    path = "/routing/routes",
    tag = "routing",
    params(
        CreateQuery,
        ContextHeaders,
        ("If-Match" = Option<String>, Header, description = "Only in the place of this version: an ETag of a GET."),
    ),
    request_body = CreateRoute,
    responses(
        (status = 200, description = "The route has taken the place of another; or what a dry run found.", body = Made),
        (status = 201, description = "The route is new.", body = Made),
        Creating,
        Changing,
        Guarded,
        WithBody,
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    context: Context,
    Query(query): Query<CreateQuery>,
    token: Option<Extension<Token>>,
    headers: HeaderMap,
    Json(body): Json<CreateRoute>,
) -> Result<Response, Error> {
    let registry = enter(&app, &caller, &context, Scope::AdminWrite).await?;
    let seen = etag::if_match::<String>(&headers)?;
    let request = token.as_deref().map(ToString::to_string);
    let sound = body.sound(context.mode, &app.labs, &app.config.environment)?;
    for _ in 0..ATTEMPTS {
        let old = registry.route(&sound.key).await?;
        // What this very request has written before its answer was lost.
        if let Some(old) = old.as_ref().filter(|old| request.is_some() && old.request == request && sound.is(old)) {
            let status = if old.created_at == old.updated_at { StatusCode::CREATED } else { StatusCode::OK };
            return Ok(made(status, old, sound.warnings));
        }
        match (&old, &seen) {
            (old, Some(seen)) if !seen.is(old.as_ref().map(|old| old.version.as_str())) => {
                return Err(Error::ChangedMeanwhile);
            }
            (Some(old), None) if !query.replace => return Err(Error::Exists(old.route_id.clone())),
            _ => {}
        }
        let at = app.clock.now();
        let writing = Writing { by: caller.person().clone(), at, version: ids::timed(at), request: request.clone() };
        let new = sound.row(old.as_ref(), writing);
        if query.dry_run {
            return rehearse(&app, &headers, old.is_none(), &new, sound).await;
        }
        let kind = if old.is_some() { "route.replaced" } else { "route.created" };
        let entry = entry(kind, &caller, old.as_ref(), Some(&new), &new.route_id)?;
        if registry.put(&new, old.as_ref(), &entry).await? == Written::Done {
            registry.served(&new.route_id).await?;
            if sound.warnings.iter().any(|warning| warning.starts_with("route.plaintext_secret")) {
                tracing::warn!(event = "route_plaintext_secret", "a lab's route holds a secret as it is");
            }
            let status = if old.is_some() { StatusCode::OK } else { StatusCode::CREATED };
            return Ok(made(status, &new, sound.warnings));
        }
    }
    Err(crowded())
}

/// Lists routes in the order of kind, tenant and environment, without secrets.
#[utoipa::path(
    get,
    path = "/routing/routes",
    tag = "routing",
    params(
        ListQuery,
        ContextHeaders,
    ),
    responses((status = 200, description = "A page of routes.", body = RoutesPage), Guarded)
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    context: Context,
    Query(query): Query<ListQuery>,
) -> Result<Json<RoutesPage>, Error> {
    let registry = enter(&app, &caller, &context, Scope::AdminRead).await?;
    let limit = query.limit.unwrap_or(100);
    if !(1..=1_000).contains(&limit) {
        return Err(Error::BadQuery("limit lies between 1 and 1000."));
    }
    let of_tenant = query.tenant_id.as_ref().map(TenantId::as_str).unwrap_or_default();
    let kind = query.resource_kind.map(ResourceKind::as_str).unwrap_or_default();
    let place = [context.tenant.tenant().as_str(), LIST, kind, of_tenant];
    let after: Option<String> = app.cursors.after(&place, query.cursor.as_deref()).await?;
    let (rows, after) = match &query.tenant_id {
        None => {
            let page = registry.page(query.resource_kind, limit, after.as_deref()).await?;
            (page.rows, page.after)
        }
        Some(tenant) => few(registry.of_tenant(tenant, query.resource_kind).await?, limit, after.as_deref()),
    };
    let next_cursor = app.cursors.next(&place, after.as_ref()).await?;
    Ok(Json(RoutesPage { routes: rows.iter().map(RouteView::from).collect(), next_cursor }))
}

/// Shows a route, without secrets.
#[utoipa::path(
    get,
    path = "/routing/routes/{route_id}",
    tag = "routing",
    params(
        OfRoute,
        ContextHeaders,
    ),
    responses((status = 200, description = "The route; its version is the ETag.", body = RouteView), OfOne, Guarded)
)]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    context: Context,
    Path(OfRoute { route_id }): Path<OfRoute>,
) -> Result<Response, Error> {
    let registry = enter(&app, &caller, &context, Scope::AdminRead).await?;
    let route = registry.route(&named(&route_id)?).await?.ok_or(Error::NoSuchRoute)?;
    Ok(versioned(StatusCode::OK, &route.version, RouteView::from(&route)))
}

/// Removes a route: nothing is stored or read by it from then on, and what is stored stays where it is.
///
/// A required route is missed until it is made again: `GET /healthz?deep=1` says so.
#[utoipa::path(
    delete,
    path = "/routing/routes/{route_id}",
    tag = "routing",
    params(
        OfRoute,
        ContextHeaders,
        ("If-Match" = Option<String>, Header, description = "Only this version: an ETag of a GET."),
    ),
    responses((status = 204, description = "The route is gone."), OfOne, Changing, Guarded)
)]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    context: Context,
    Path(OfRoute { route_id }): Path<OfRoute>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    let registry = enter(&app, &caller, &context, Scope::AdminWrite).await?;
    let (key, seen) = (named(&route_id)?, etag::if_match::<String>(&headers)?);
    for _ in 0..ATTEMPTS {
        let old = registry.route(&key).await?.ok_or(Error::NoSuchRoute)?;
        if seen.as_ref().is_some_and(|seen| !seen.is(Some(&old.version))) {
            return Err(Error::ChangedMeanwhile);
        }
        let entry = entry("route.removed", &caller, Some(&old), None, &key)?;
        if registry.remove(&old, app.clock.now(), &entry).await? == Written::Done {
            registry.served(&key).await?;
            return Ok(StatusCode::NO_CONTENT);
        }
    }
    Err(crowded())
}

/// The registry, for a caller of the tenant that keeps it who has `scope`.
async fn enter(app: &App, caller: &Caller, context: &Context, scope: Scope) -> Result<Registry, Error> {
    caller.require(scope).await?;
    if context.tenant.is_system() {
        return Ok(app.table.of(&context.tenant));
    }
    let problem = Problem::from(Error::NotTheSystem);
    caller.denied(&problem, Some(scope.as_str()));
    Err(problem.into())
}

/// Says what a route would be, once its backend was tried.
async fn rehearse(app: &App, headers: &HeaderMap, new: bool, route: &Route, sound: Sound) -> Result<Response, Error> {
    let is_store = route.route_id.resource_kind == ResourceKind::AnalyticsStore;
    let probed = is_store && app.prober.probe(route, headers, app.clock.now()).await.map_err(Error::Probe)?;
    let why = match is_store {
        true => "This stack has no PROBE_FUNCTION to try backends with.",
        false => "Nothing is known of how a resource of this kind is tried.",
    };
    let not_probed_because = (!probed).then_some(why);
    let (route, warnings) = (route.into(), sound.warnings);
    Ok(Json(DryRun { dry_run: true, new, route, probed, not_probed_because, warnings }).into_response())
}

/// A page of routes that were read as a whole, in their order.
fn few(rows: Vec<Route>, limit: u32, after: Option<&str>) -> (Vec<Route>, Option<String>) {
    let id = |route: &Route| route.route_id.to_string();
    let mut rows: Vec<Route> =
        rows.into_iter().filter(|row| after.is_none_or(|after| id(row).as_str() > after)).collect();
    rows.sort_by_key(id);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let after = rows.last().filter(|_| more).map(id);
    (rows, after)
}

/// What could name no route names none that is there.
fn named(id: &str) -> Result<RouteKey, Error> {
    id.parse().map_err(|_| Error::NoSuchRoute)
}

fn entry(
    kind: &'static str,
    caller: &Caller,
    before: Option<&Route>,
    after: Option<&Route>,
    key: &RouteKey,
) -> Result<Entry, TableError> {
    let draft = Entry::draft(kind, Actor::Person(caller.person().clone())).of(key.to_string());
    draft.detail(json!({"before": audited(before), "after": audited(after)})).ready()
}

fn made(status: StatusCode, route: &Route, warnings: Vec<String>) -> Response {
    versioned(status, &route.version, Made { route: route.into(), warnings })
}

/// An answer with a route's version as ETag.
fn versioned(status: StatusCode, version: &String, view: impl Serialize) -> Response {
    (status, [(header::ETAG, etag::of(version))], Json(view)).into_response()
}

fn crowded() -> Error {
    TableError::unavailable(std::io::Error::other("others kept changing the route")).into()
}
