//! Handlers: the records of people.

use crate::{
    App,
    emergency::{Act, Deed},
    error::Error,
    person::{self, Person, PutPerson, needed},
    table::{TenantPeople, Written},
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use shared::{
    auth::{Caller, Grant, PersonRecord, Role, Scope, Scopes},
    ids::PersonId,
    problem::{Problem, ProblemDocument},
    table::TableError,
    tenant::TenantScope,
    web::{
        Json, Path, Query,
        answers::{Guarded, OfOne, WithBody},
        etag,
    },
};

const LIST: &str = "GET /api/admin/people";
/// How often a change that others were quicker than is decided anew.
const ATTEMPTS: u32 = 5;

/// What a change may answer beside [`Guarded`].
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "the variants describe answers and are never made")]
enum Changing {
    /// The record is another version than If-Match names.
    #[response(status = 412, content_type = "application/problem+json")]
    ChangedMeanwhile(ProblemDocument),
}

/// The path of one record.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfPerson {
    /// The `sub` of the person's tokens.
    #[param(value_type = String, min_length = 1, max_length = 128)]
    person_id: PersonId,
}

/// Which page of the records.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// How many records at most; 100 unless said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The mark of the page before: its `next_cursor`.
    cursor: Option<String>,
}

/// A page of records in the order of their ids.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PeoplePage {
    /// The records.
    people: Vec<Person>,
    /// The mark of the next page; absent after the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Lists the records of the tenant's people in the order of their ids.
#[utoipa::path(
    get,
    path = "/api/admin/people",
    tag = "operations",
    params(ListQuery),
    responses((status = 200, description = "A page of records.", body = PeoplePage), Guarded)
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<PeoplePage>, Error> {
    let Entered { tenant, people } = enter(&app, &caller, Scope::AdminRead).await?;
    let limit = query.limit.unwrap_or(100);
    if !(1..=1_000).contains(&limit) {
        return Err(Error::BadQuery("limit lies between 1 and 1000.".to_owned()));
    }
    let place = [tenant.tenant().as_str(), LIST];
    let after: Option<String> = app.cursors.after(&place, query.cursor.as_deref()).await?;
    let page = people.page(limit, after.as_deref()).await?;
    let next_cursor = app.cursors.next(&place, page.after.as_ref()).await?;
    Ok(Json(PeoplePage { people: page.rows.into_iter().map(Person::from).collect(), next_cursor }))
}

/// Shows the record of a person.
#[utoipa::path(
    get,
    path = "/api/admin/people/{person_id}",
    tag = "operations",
    params(OfPerson),
    responses((status = 200, description = "The record; its version is the ETag.", body = Person), OfOne, Guarded)
)]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(OfPerson { person_id }): Path<OfPerson>,
) -> Result<Response, Error> {
    let entered = enter(&app, &caller, Scope::AdminRead).await?;
    let record = entered.people.record(&person_id).await?.ok_or(Error::NoSuchPerson)?;
    Ok(versioned(record).into_response())
}

/// Makes a person's record, or changes it as a whole. The same record again changes nothing.
///
/// It takes `admin:write`, and as much as the person has or gets. For `admin:breakglass` and `admin:super` the reason stands in
/// `x-breakglass-reason`. Nobody changes their own record.
#[utoipa::path(
    put,
    path = "/api/admin/people/{person_id}",
    tag = "operations",
    params(
        OfPerson,
        ("If-Match" = Option<String>, Header, description = "Only onto this version: an ETag of a GET."),
        ("x-breakglass-reason" = Option<String>, Header, description = "Why, in 10 to 500 characters."),
    ),
    request_body = PutPerson,
    responses(
        (status = 200, description = "The record stands as it was put.", body = Person),
        (status = 201, description = "The record is new.", body = Person),
        Changing,
        Guarded,
        WithBody,
    )
)]
pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(OfPerson { person_id }): Path<OfPerson>,
    headers: HeaderMap,
    Json(body): Json<PutPerson>,
) -> Result<Response, Error> {
    let entered = enter(&app, &caller, Scope::AdminWrite).await?;
    another(&caller, &person_id)?;
    let seen = etag::if_match::<String>(&headers)?;
    let new = body.record(person_id, app.clock.now()).map_err(Error::BadPerson)?;
    let mut ruled = None;
    for _ in 0..ATTEMPTS {
        let old = entered.people.record(&new.person_id).await?;
        let held = old.as_ref().map(|old| old.version.as_str());
        if seen.as_ref().is_some_and(|seen| !seen.is(held)) {
            return Err(Error::ChangedMeanwhile);
        }
        let scopes = [old.as_ref().map(|old| old.scopes).unwrap_or_default(), new.scopes];
        let grant = rule(&caller, &mut ruled, scopes).await?;
        if let Some(old) = old.as_ref().filter(|old| person::same(old, &new)) {
            return Ok(versioned(old.clone()).into_response());
        }
        let new = person::sealed(new.clone(), held);
        let act = grant.and_then(|grant| Act::of(&grant, &caller, new.updated_at, (&new.person_id, Deed::Put), scopes));
        if entered.people.put(&new, held, act.as_ref()).await? == Written::Done {
            app.people.forget(&entered.tenant, &new.person_id);
            let status = if old.is_none() { StatusCode::CREATED } else { StatusCode::OK };
            return Ok((status, versioned(new)).into_response());
        }
    }
    Err(crowded())
}

/// Removes a person's record: they administer nothing from then on, and with `ROLE_SOURCE=table` they are a shopper of no store.
///
/// It takes what a change of the record would.
#[utoipa::path(
    delete,
    path = "/api/admin/people/{person_id}",
    tag = "operations",
    params(
        OfPerson,
        ("If-Match" = Option<String>, Header, description = "Only this version: an ETag of a GET."),
        ("x-breakglass-reason" = Option<String>, Header, description = "Why, in 10 to 500 characters."),
    ),
    responses((status = 204, description = "The record is gone."), OfOne, Changing, Guarded)
)]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(OfPerson { person_id }): Path<OfPerson>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    let entered = enter(&app, &caller, Scope::AdminWrite).await?;
    another(&caller, &person_id)?;
    let seen = etag::if_match::<String>(&headers)?;
    let (now, mut ruled) = (app.clock.now(), None);
    for _ in 0..ATTEMPTS {
        let old = entered.people.record(&person_id).await?.ok_or(Error::NoSuchPerson)?;
        if seen.as_ref().is_some_and(|seen| !seen.is(Some(&old.version))) {
            return Err(Error::ChangedMeanwhile);
        }
        let scopes = [old.scopes, Scopes::default()];
        let grant = rule(&caller, &mut ruled, scopes).await?;
        let act = grant.and_then(|grant| Act::of(&grant, &caller, now, (&person_id, Deed::Delete), scopes));
        if entered.people.delete(&person_id, &old.version, act.as_ref()).await? == Written::Done {
            app.people.forget(&entered.tenant, &person_id);
            return Ok(StatusCode::NO_CONTENT);
        }
    }
    Err(crowded())
}

/// A tenant that the caller may administer.
struct Entered {
    tenant: TenantScope,
    people: TenantPeople,
}

/// Asks whether the caller has `scope` in their tenant.
async fn enter(app: &App, caller: &Caller, scope: Scope) -> Result<Entered, Error> {
    let tenant = caller.tenant()?;
    let people = app.table.of(&tenant);
    begin(app, caller, &tenant, &people).await?;
    caller.require(scope).await?;
    Ok(Entered { tenant, people })
}

/// Writes the record of the tenant's first administrator, if this is the one whom the stack names and their token claims to
/// administer.
async fn begin(app: &App, caller: &Caller, tenant: &TenantScope, people: &TenantPeople) -> Result<(), Error> {
    let Some(first) = &app.config.first_admin else { return Ok(()) };
    let claims = caller.claims();
    if first.tenant != *tenant.tenant() || first.person != *caller.person() {
        return Ok(());
    }
    if !claims.claimed_scopes().allow(Scope::AdminRead) || app.people.record(tenant, caller.person()).await?.is_some() {
        return Ok(());
    }
    let record = PersonRecord {
        person_id: caller.person().clone(),
        role: Role::Admin,
        stores: claims.stores().clone(),
        scopes: Scopes::from_iter([Scope::AdminSuper]),
        suspended: false,
        updated_at: app.clock.now(),
        version: String::new(),
    };
    if people.begin(&person::sealed(record, None)).await? {
        tracing::warn!(event = "first_admin_made", "the tenant has its first administrator");
    }
    app.people.forget(tenant, caller.person());
    Ok(())
}

/// Nobody changes their own record.
fn another(caller: &Caller, person: &PersonId) -> Result<(), Error> {
    if person != caller.person() {
        return Ok(());
    }
    let problem = Problem::from(Error::OwnRecord);
    caller.denied(&problem, None);
    Err(problem.into())
}

/// Asks whether the caller may change a record with the scopes `before` into one with `after`: by what grant, where it is an
/// emergency's act. What was `ruled` is not asked twice, so that breaking glass is told once.
async fn rule(
    caller: &Caller,
    ruled: &mut Option<(Scope, Grant)>,
    [before, after]: [Scopes; 2],
) -> Result<Option<Grant>, Problem> {
    let scope = needed(before, after);
    if scope == Scope::AdminWrite {
        return Ok(None);
    }
    if let Some((_, grant)) = ruled.as_ref().filter(|(known, _)| *known == scope) {
        return Ok(Some(grant.clone()));
    }
    if !caller.scopes().await?.allow(scope) {
        return Err(caller.lacks(scope));
    }
    let grant = caller.require(Scope::AdminBreakglass).await?;
    *ruled = Some((scope, grant.clone()));
    Ok(Some(grant))
}

/// A record with its version as ETag.
fn versioned(record: PersonRecord) -> impl IntoResponse {
    ([(header::ETAG, etag::of(&record.version))], Json(Person::from(record)))
}

fn crowded() -> Error {
    TableError::unavailable(std::io::Error::other("others kept changing the record")).into()
}
