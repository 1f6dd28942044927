//! One way in and out for every function: routes that know themselves, request ids, limits, faults as problems.

pub mod answers;
pub mod context;
pub mod cors;
pub mod etag;
pub mod extract;
mod fault;
#[cfg(feature = "table")]
mod front;
#[cfg(feature = "lambda")]
pub mod lambda;
pub mod request;
mod routes;

pub use extract::{Json, Limit, Path, Query};
pub use fault::Fault;
#[cfg(feature = "table")]
pub use front::{Front, FrontConfig};
pub use routes::{Route, Routes};

use crate::{
    problem::Problem,
    telemetry::{self, traces},
    tenant,
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use http::{HeaderValue, Method, StatusCode, header};
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
    let mut context = RequestContext::of(request.headers());
    let span = context.span();
    let trace = traces::open(&span, &mut context, traces::Kind::Server);
    let asked = trace.is_some().then(|| Asked::of(&request));
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
    let mut response = answered.instrument(span.clone()).await;
    let headers = response.headers_mut();
    cors.mark(origin.as_ref(), headers);
    context.mark(headers);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Once the answer is out of hand, Lambda stops the process: what is to be sent goes now.
    if let (Some(trace), Some(asked)) = (trace, asked) {
        asked.tell(&trace, response.status());
        trace.end(response.status().is_server_error()).instrument(span).await;
    }
    response
}

/// What a trace says of its request: the route and not the path, which may name what is nobody else's business.
struct Asked {
    method: Method,
    route: Option<String>,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
        // Any other is of the caller's own making.
        let known =
            [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS];
        let method = known.into_iter().find(|known| known == request.method());
        Self { method: method.unwrap_or(Method::TRACE), route }
    }

    fn tell(self, trace: &traces::Trace, status: StatusCode) {
        let Self { method, route } = self;
        let method = if method == Method::TRACE { "_OTHER" } else { method.as_str() };
        let mut attributes = vec![
            ("http.request.method".into(), traces::Value::Text(method.to_owned())),
            ("http.response.status_code".into(), traces::Value::Whole(status.as_u16().into())),
        ];
        let name = match &route {
            Some(route) => format!("{method} {route}"),
            None => method.to_owned(),
        };
        attributes.extend(route.map(|route| ("http.route".into(), traces::Value::Text(route))));
        trace.with(|spans| {
            spans.name(name);
            spans.add(0, attributes);
        });
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Problem {
    let said = telemetry::panic_message(panic);
    Problem::internal(&std::io::Error::other(format!("panic: {said}")))
}
