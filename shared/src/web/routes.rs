//! Routes that can be listed, so that the template, the OpenAPI document and the routers can be held to each other.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    handler::Handler,
    routing::{MethodFilter, MethodRouter, on},
};
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

    /// Adds a route whose body may have up to [`super::MAX_BODY_BYTES`].
    pub fn on<H, T>(self, method: Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let route = on(filter(&method), handler);
        self.add(method, path, route)
    }

    /// Adds a route with a body limit of its own, in bytes.
    pub fn on_up_to<H, T>(self, limit: usize, method: Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let route = on(filter(&method), handler).layer(DefaultBodyLimit::max(limit));
        self.add(method, path, route)
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

fn filter(method: &Method) -> MethodFilter {
    MethodFilter::try_from(method.clone()).expect("routes use the methods of HTTP that axum knows")
}
