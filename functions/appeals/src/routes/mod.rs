//! Handlers: requests in, answers out.

mod decide;
mod own;
mod staff;

use crate::{
    App, Error,
    appeal::{Act, Appeal},
    table::{TenantAppeals, Written},
};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use shared::{
    audit::{Actor, Draft, Entry},
    idempotency::Token,
    ids::PersonId,
    problem::ProblemDocument,
    table::TableError,
    web::{Json, Routes, etag},
};

/// How often a change that others were quicker than is decided anew.
const ATTEMPTS: u32 = 6;

/// Every route of this function, under the paths the public sees.
pub fn routes() -> Routes<App> {
    const OWN: &str = "/api/user-notifications/appeals";
    const ONE: &str = "/api/user-notifications/appeals/{appeal_id}";
    const STAFFS: &str = "/api/admin/appeals/{appeal_id}";
    Routes::new()
        .on_even_suspended(Method::POST, "/api/user-notifications/{id}/appeal", own::open)
        .on_even_suspended(Method::POST, "/api/user-notifications/appeal", own::open_against)
        .on_even_suspended(Method::GET, OWN, own::list)
        .on_even_suspended(Method::GET, ONE, own::get)
        .on_even_suspended(Method::PATCH, ONE, own::patch)
        .on(Method::GET, "/api/admin/appeals", staff::queue)
        .on(Method::GET, "/api/admin/appeals/stats", staff::stats)
        .on(Method::GET, STAFFS, staff::get)
        .on(Method::POST, "/api/admin/appeals/{appeal_id}/review", decide::review)
        .on(Method::POST, "/api/admin/appeals/{appeal_id}/decision", decide::decide)
        .on(Method::POST, "/api/admin/appeals/{appeal_id}/reopen", decide::reopen)
}

/// What the routes take and give, for the bundle's OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(
        own::open,
        own::open_against,
        own::list,
        own::get,
        own::patch,
        staff::queue,
        staff::stats,
        staff::get,
        decide::review,
        decide::decide,
        decide::reopen
    ))]
    struct Document;
    <Document as utoipa::OpenApi>::openapi()
}

/// What a change of an appeal may answer besides.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "the variants describe answers and are never made")]
enum Changing {
    /// The appeal's state has no such move: `state` says which it is in, `moves` what there is.
    #[response(status = 409, content_type = "application/problem+json")]
    IllegalMove(ProblemDocument),
    /// The appeal is another version than If-Match names.
    #[response(status = 412, content_type = "application/problem+json")]
    ChangedMeanwhile(ProblemDocument),
    /// A text is too long, or not what it must be.
    #[response(status = 422, content_type = "application/problem+json")]
    BadText(ProblemDocument),
}

/// The path of one appeal.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
struct OfAppeal {
    /// Its name.
    #[param(example = "apl_01kb3c5dtm0000000000000000")]
    appeal_id: String,
}

/// Who asks for a change, and by which request.
struct Asking {
    by: PersonId,
    token: Option<String>,
    seen: Option<etag::Seen<u64>>,
}

impl Asking {
    fn new(by: &PersonId, token: Option<&Token>, headers: &HeaderMap) -> Result<Self, Error> {
        let token = token.map(ToString::to_string);
        Ok(Self { by: by.clone(), token, seen: etag::if_match(headers)? })
    }

    fn actor(&self) -> Actor {
        Actor::Person(self.by.clone())
    }

    /// An entry of `kind` about an appeal and whom it is of.
    fn draft(&self, kind: &'static str, appeal: &Appeal) -> Draft {
        Entry::draft(kind, self.actor()).of(&*appeal.id).about(&appeal.person)
    }

    /// Holds an appeal to the version that the caller has seen; whether this very request has changed it already.
    fn done(&self, appeal: &Appeal) -> Result<bool, Error> {
        if appeal.done_under(self.token.as_deref()) {
            return Ok(true);
        }
        match &self.seen {
            Some(etag::Seen(seen)) if *seen != appeal.version => Err(Error::ChangedMeanwhile),
            _ => Ok(false),
        }
    }

    /// The entry of an act, and the act.
    fn act(&self, draft: Draft, app: &App) -> Result<(Entry, Act), Error> {
        let entry = draft.ready()?;
        let (by, token) = (self.by.clone(), self.token.clone());
        let act = Act { by, at: app.clock.now(), audit: entry.id().to_owned(), token };
        Ok((entry, act))
    }
}

/// An appeal that is there; where `person` is said, one of theirs.
async fn existing(appeals: &TenantAppeals, id: &str, person: Option<&PersonId>) -> Result<Appeal, Error> {
    let appeal = appeals.appeal(id).await?.filter(|appeal| person.is_none_or(|person| appeal.person == *person));
    appeal.ok_or(Error::NoSuchAppeal)
}

/// Takes `step` with an appeal that is there, and does so anew as often as others were quicker: the appeal as it is then. What this
/// very request has changed already stays as it is. The step changes the appeal and gives the entry of the act.
async fn change(
    appeals: &TenantAppeals,
    (id, person): (&str, Option<&PersonId>),
    asking: &Asking,
    step: impl Fn(&mut Appeal) -> Result<Entry, Error>,
) -> Result<Appeal, Error> {
    for _ in 0..ATTEMPTS {
        let mut appeal = existing(appeals, id, person).await?;
        let seen = appeal.version;
        if asking.done(&appeal)? {
            return Ok(appeal);
        }
        let entry = step(&mut appeal)?;
        if appeals.change(&appeal, seen, &entry, vec![]).await? == Written::Done {
            return Ok(appeal);
        }
    }
    Err(crowded())
}

/// An answer with the appeal's version as ETag.
fn versioned(status: StatusCode, appeal: &Appeal, view: impl Serialize) -> Response {
    (status, [(header::ETAG, etag::of(&appeal.version))], Json(view)).into_response()
}

fn crowded() -> Error {
    TableError::unavailable(std::io::Error::other("others kept changing the appeal")).into()
}
