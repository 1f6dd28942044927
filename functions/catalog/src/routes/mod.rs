//! Handlers: requests in, answers out.

mod imports;
mod products;
mod search;
mod stores;

use crate::{App, error::Error, table::StoreTable};
use axum::response::IntoResponse;
use http::{Method, header};
use serde::Deserialize;
use shared::{
    auth::{Caller, Permission},
    catalog::Store,
    ids::StoreId,
    problem::ProblemDocument,
    tenant::StoreScope,
    web::Routes,
};

/// The largest file that one request may bring: Lambda's 6 MB for the whole event, less its envelope. The gateway counts the event,
/// in which each quote and line end of the file takes two bytes: a file of JSON is over at some 4.5 MB, and belongs in an upload.
const MAX_IMPORT_BYTES: usize = 5_500_000;
/// The contract of the whole bundle, written by `cargo run -- openapi` and held to the code by a test.
const OPENAPI: &[u8] = include_bytes!("../../../../docs/openapi.json");

/// Every route of this function, under the paths the public sees.
pub fn routes() -> Routes<App> {
    const STORE: &str = "/catalog/stores/{store_id}";
    const PRODUCTS: &str = "/catalog/stores/{store_id}/products";
    const PRODUCT: &str = "/catalog/stores/{store_id}/products/{product_id}";
    const IMPORT: &str = "/catalog/stores/{store_id}/import";
    const IMPORTS: &str = "/catalog/stores/{store_id}/imports";
    const ONE_IMPORT: &str = "/catalog/stores/{store_id}/imports/{import_id}";
    const START: &str = "/catalog/stores/{store_id}/imports/{import_id}/start";
    const SEARCH: &str = "/catalog/stores/{store_id}/search";
    Routes::new()
        .get("/openapi.json", contract)
        .on(Method::PUT, STORE, stores::put)
        .get(STORE, stores::get)
        .get(PRODUCTS, products::list)
        .on(Method::PUT, PRODUCT, products::put)
        .get(PRODUCT, products::get)
        .on(Method::DELETE, PRODUCT, products::delete)
        .on_up_to(MAX_IMPORT_BYTES, Method::POST, IMPORT, imports::import)
        .on(Method::POST, IMPORTS, imports::create)
        .on(Method::POST, START, imports::start)
        .get(ONE_IMPORT, imports::get)
        .get(SEARCH, search::search)
}

/// What the routes take and give, for the bundle's OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(
        paths(
            contract,
            stores::put,
            stores::get,
            products::list,
            products::put,
            products::get,
            products::delete,
            imports::import,
            imports::create,
            imports::start,
            imports::get,
            search::search,
        ),
        components(schemas(ProblemDocument))
    )]
    struct Document;
    <Document as utoipa::OpenApi>::openapi()
}

/// The contract of every route of the bundle, as OpenAPI 3.1.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "catalog",
    security(()),
    responses((status = 200, description = "The document.", body = serde_json::Value))
)]
async fn contract() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")], OPENAPI)
}

/// What every route that needs a token may answer.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "the variants describe answers and are never made")]
enum Guarded {
    /// A parameter, header or body is malformed.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(ProblemDocument),
    /// No token, or one that does not hold.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(ProblemDocument),
    /// The store is not among the caller's, or their role does not allow it.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemDocument),
    /// There is no such thing in the store, or no such store.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemDocument),
    /// Something failed on our side.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(ProblemDocument),
    /// A service behind this one did not answer; `Retry-After` says when to come again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemDocument),
}

/// The path of what is a store's own.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
struct InStore {
    /// One of the token's stores.
    #[param(value_type = String, max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    store_id: StoreId,
}

/// A store in which the caller may do what they ask for.
struct Entered {
    scope: StoreScope,
    table: StoreTable,
}

/// Asks whether the caller may do this, and in this store.
fn enter(app: &App, caller: &Caller, store: &StoreId, permission: Permission) -> Result<Entered, Error> {
    let scope = caller.store(store)?;
    caller.may(permission)?;
    let table = app.table().of(&scope);
    Ok(Entered { scope, table })
}

impl Entered {
    /// What a cursor of the list `route` belongs to, `filters` applied: this store alone.
    fn place<'a>(&'a self, route: &'a str, filters: &'a str) -> [&'a str; 4] {
        [self.scope.tenant().as_str(), self.scope.store().as_str(), route, filters]
    }

    /// The store, which must be there.
    async fn store(&self) -> Result<Store, Error> {
        self.table.store().await?.ok_or_else(|| Error::NoSuchStore(self.scope.store().clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_contract_names_every_route_and_no_other() {
        let document = serde_json::to_value(openapi()).unwrap();
        let mut told = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                told.insert(format!("{} {path}", method.to_uppercase()));
                let answers = operation["responses"].as_object().unwrap();
                let guarded = ["400", "401", "403", "404", "500", "503"];
                let open = path == "/openapi.json";
                assert!(open || guarded.iter().all(|status| answers.contains_key(*status)), "{method} {path}");
                let body = operation.get("requestBody").is_some();
                assert_eq!(body, answers.contains_key("413") && answers.contains_key("415"), "{method} {path}");
            }
        }
        let routed: BTreeSet<String> = routes().list().iter().map(ToString::to_string).collect();
        assert_eq!(told, routed);
    }
}
