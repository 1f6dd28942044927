//! Handlers: requests in, answers out.

mod feed;
mod marks;
mod preferences;
mod tell;

use crate::{App, error::Error, table::Feed, view::Reader};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, header};
use serde::{Deserialize, Serialize};
use shared::{
    auth::{Access, Behalf, Caller},
    ids::PersonId,
    problem::ProblemDocument,
    tenant::TenantScope,
    web::{Json, Routes},
};

/// Every route of this function, under the paths the public sees.
pub fn routes() -> Routes<App> {
    const ALL: &str = "/api/user-notifications";
    const ONE: &str = "/api/user-notifications/{id}";
    const PREFERENCES: &str = "/api/user-notifications/preferences";
    Routes::new()
        .on(Method::POST, ALL, tell::create)
        .get(ALL, feed::list)
        .get("/api/user-notifications/unread-count", feed::unread_count)
        .get("/api/user-notifications/deferred", feed::deferred)
        .get("/api/user-notifications/health", feed::health)
        .get(PREFERENCES, preferences::get)
        .on(Method::PUT, PREFERENCES, preferences::put)
        .on(Method::POST, "/api/user-notifications/read-all", marks::read_all)
        .on(Method::POST, "/api/user-notifications/mark-read", marks::mark_read)
        .get(ONE, feed::get)
        .on(Method::PATCH, ONE, marks::patch)
        .on(Method::DELETE, ONE, marks::dismiss)
}

/// What the routes take and give, for the bundle's OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(
        paths(
            tell::create,
            feed::list,
            feed::unread_count,
            feed::deferred,
            feed::health,
            preferences::get,
            preferences::put,
            marks::read_all,
            marks::mark_read,
            feed::get,
            marks::patch,
            marks::dismiss,
        ),
        components(schemas(ProblemDocument, shared::notices::Category))
    )]
    struct Document;
    <Document as utoipa::OpenApi>::openapi()
}

/// The path of one notice.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
struct OfNotice {
    /// The notice.
    #[param(example = "ntf_01kz3v7m2c8q4r6t9w0x1y2z3a")]
    id: String,
}

/// Whose feed a request is about, and who asks.
struct Entered {
    tenant: TenantScope,
    caller: Caller,
    feed: Feed,
    person: PersonId,
}

impl Entered {
    /// The feed of whom the request names, if the caller may have it so.
    async fn of(app: &App, behalf: Behalf, named: Option<&str>, access: Access) -> Result<Self, Error> {
        let Behalf(caller) = behalf;
        let tenant = caller.tenant()?;
        let person = caller.subject(named, access).await?;
        let feed = app.feed.of(&tenant, person.clone());
        Ok(Self { tenant, caller, feed, person })
    }

    /// Who acts for the person, where that is not the person.
    fn for_them(&self) -> Option<&PersonId> {
        let caller = self.caller.person();
        (*caller != self.person).then_some(caller)
    }

    /// The languages that the reader wants, best first: what the header says, what they have chosen, what their token says.
    async fn wanted(&self, headers: &HeaderMap) -> Result<Vec<String>, Error> {
        Ok(self.feed.wanted(headers, self.caller.claims().language()).await?)
    }

    fn reader<'a>(&self, app: &App, wanted: &'a [String]) -> Reader<'a> {
        Reader { wanted, staff: self.for_them().is_some(), window: app.config.window, now: app.clock.now() }
    }
}

/// The name of a notice, where a text can be one: none other is looked for.
fn notice_id(text: &str) -> Result<&str, Error> {
    let rest = text.strip_prefix("ntf_").ok_or(Error::NoSuchNotice)?;
    let good = rest.len() == 26 && rest.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    if good { Ok(text) } else { Err(Error::NoSuchNotice) }
}

/// An answer in a language.
fn told<T: Serialize>(language: &str, body: T) -> Response {
    let mut response = Json(body).into_response();
    if let Ok(language) = HeaderValue::from_str(language) {
        response.headers_mut().insert(header::CONTENT_LANGUAGE, language);
    }
    response
}
