//! One way in and out for every function: routes that know themselves, request ids, limits, faults as problems.

pub mod cors;
pub mod extract;
#[cfg(feature = "lambda")]
pub mod lambda;
pub mod request;
mod routes;

pub use extract::{Json, Path, Query};
pub use routes::{Route, Routes};

use crate::{problem::Problem, tenant};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use http::{HeaderValue, header};
use request::RequestContext;
use std::panic::AssertUnwindSafe;
use tracing::Instrument;

/// The largest body that a route takes unless it says otherwise: 256 KiB.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// Puts around `routes` what every function has: the request's context and span, CORS, the body limit, and an answer in one
/// form for unknown routes, wrong methods and panics.
///
/// A release aborts on a panic (its profile says why): there Lambda answers 500 for the one request and starts anew.
pub fn wrap(routes: Router, cors: cors::AllowedOrigins) -> Router {
    routes
        .fallback(no_such_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            let cors = cors.clone();
            async move { tenant::acting::scope(in_context(&cors, request, next)).await }
        }))
}

/// Answers a path that no route has.
pub async fn no_such_route() -> Problem {
    Problem::not_found("http.not_found").detail("There is no such route. GET /openapi.json lists them.")
}

async fn wrong_method() -> Problem {
    Problem::method_not_allowed("http.method_not_allowed")
        .detail("This route does not take that method. The Allow header lists those it takes.")
}

async fn in_context(cors: &cors::AllowedOrigins, request: Request, next: Next) -> Response {
    let context = RequestContext::of(request.headers());
    let origin = request.headers().get(header::ORIGIN).cloned();
    let answered = request::scope(context.clone(), async {
        if let Some(preflight) = cors.preflight(&request) {
            return preflight;
        }
        match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) => response,
            Err(panic) => panicked(panic.as_ref()).into_response(),
        }
    });
    let mut response = answered.instrument(context.span()).await;
    let headers = response.headers_mut();
    cors.mark(origin.as_ref(), headers);
    context.mark(headers);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Problem {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    Problem::internal(&std::io::Error::other(format!("panic: {said}")))
}
