//! Routes that can be listed, so that the template, the OpenAPI document and the routers can be held to each other, and whose
//! unsafe ones can be repeated: what does not compile cannot be forgotten.

#[cfg(feature = "table")]
use crate::{
    auth::Verifier,
    idempotency::{self, Door, Idempotency},
};
use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, MethodRouter, on},
};
#[cfg(feature = "table")]
use axum::{
    extract::{DefaultBodyLimit, FromRef, Request},
    response::Response,
};
#[cfg(feature = "table")]
use futures::future::BoxFuture;
use http::Method;
use std::fmt;

/// A method and a path with its parameters in braces, as `template.yaml` writes them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// `GET`, `POST` …
    pub method: String,
    /// `/catalog/stores/{store_id}`
    pub path: String,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// A router under construction that remembers what was put into it.
pub struct Routes<S> {
    router: Router<S>,
    list: Vec<Route>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet.
    #[expect(clippy::new_without_default, reason = "an empty set of routes is only ever a beginning")]
    pub fn new() -> Self {
        Self { router: Router::new(), list: Vec::new() }
    }

    /// Adds a route for GET and HEAD: it changes nothing, so that its state need not keep idempotency keys.
    pub fn get<H, T>(self, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let route = on(filter(&Method::GET), handler);
        self.add(Method::GET, path, route)
    }

    fn add(mut self, method: Method, path: &str, route: MethodRouter<S>) -> Self {
        self.list.push(Route { method: method.to_string(), path: path.to_owned() });
        Self { router: self.router.route(path, route), list: self.list }
    }

    /// What was put in, in order.
    pub fn list(&self) -> &[Route] {
        &self.list
    }

    /// The router, its state handed in.
    pub fn with_state(self, state: S) -> Router {
        self.router.with_state(state)
    }
}

#[cfg(feature = "table")]
impl<S> Routes<S>
where
    S: Clone + Send + Sync + 'static,
    Idempotency: FromRef<S>,
    Verifier: FromRef<S>,
{
    /// Adds a route whose body may have up to [`super::MAX_BODY_BYTES`]; if its method is unsafe, behind [`Idempotency`].
    pub fn on<H, T>(self, method: Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let route = on(filter(&method), Repeatable(handler, Door::Shut));
        self.add(method, path, route)
    }

    /// Adds a route that lets in who is suspended too, as its handler's [`crate::auth::EvenSuspended`] does; otherwise like
    /// [`Routes::on`].
    pub fn on_even_suspended<H, T>(self, method: Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let route = on(filter(&method), Repeatable(handler, Door::EvenSuspended));
        self.add(method, path, route)
    }

    /// Adds a route with a body limit of its own, in bytes; if its method is unsafe, behind [`Idempotency`].
    pub fn on_up_to<H, T>(self, limit: usize, method: Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let route = on(filter(&method), Repeatable(handler, Door::Shut)).layer(DefaultBodyLimit::max(limit));
        self.add(method, path, route)
    }
}

/// A handler behind [`Idempotency`]. It is no layer around the route, because it must stand within the route's body limit.
#[cfg(feature = "table")]
#[derive(Clone)]
struct Repeatable<H>(H, Door);

#[cfg(feature = "table")]
impl<H, T, S> Handler<T, S> for Repeatable<H>
where
    H: Handler<T, S>,
    S: Clone + Send + Sync + 'static,
    Idempotency: FromRef<S>,
    Verifier: FromRef<S>,
{
    type Future = BoxFuture<'static, Response>;

    fn call(self, request: Request, state: S) -> Self::Future {
        let Self(handler, door) = self;
        if request.method().is_safe() || !request.headers().contains_key(idempotency::HEADER) {
            return Box::pin(handler.call(request, state));
        }
        let (idempotency, verifier) = (Idempotency::from_ref(&state), Verifier::from_ref(&state));
        let run = Box::new(move |request| -> BoxFuture<'static, Response> { Box::pin(handler.call(request, state)) });
        Box::pin(idempotency.once(verifier, door, request, run))
    }
}

fn filter(method: &Method) -> MethodFilter {
    MethodFilter::try_from(method.clone()).expect("routes use the methods of HTTP that axum knows")
}
