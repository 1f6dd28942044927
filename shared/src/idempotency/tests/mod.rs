//! Idempotency over the embedded DynamoDB: [`rules`] branch by branch, [`crashes`] at every point, [`model`] in any order.

mod crashes;
mod model;
mod rules;

use super::{Idempotency, Step};
use crate::{
    auth::{
        Caller, EvenSuspended, Keys, Verifier,
        testing::{ISSUER, PROJECT, now},
    },
    clock::Clock,
    table::testing::Store,
    web::{self, Routes, extract::Raw},
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{FromRef, FromRequest, Request, State},
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tower::ServiceExt;

type Act = Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>;

#[derive(Clone, FromRef)]
struct App {
    idempotency: Idempotency,
    verifier: Verifier,
    act: Act,
}

/// A function with unsafe routes that all do `act`.
fn site(store: &Store, clock: &Clock, act: Act) -> Router {
    watched(store, clock, act, |_| {})
}

/// The same, every step of which is told to `watch`; what panics there is killed there.
fn watched(store: &Store, clock: &Clock, act: Act, watch: impl Fn(Step) + Send + Sync + 'static) -> Router {
    let verifier = Verifier::new(Keys::fixed(ISSUER.keys()), PROJECT, &Clock::frozen(now()));
    let mut idempotency = Idempotency::new(store.table(), clock.clone());
    idempotency.watch = Arc::new(watch);
    let handler = async |State(app): State<App>, _: Caller, request: Request| (app.act)(request).await;
    let admitting = async |State(app): State<App>, _: EvenSuspended, request: Request| (app.act)(request).await;
    let routes = Routes::new()
        .on(Method::POST, "/things", handler)
        .on(Method::PUT, "/things", handler)
        .on(Method::GET, "/things", handler)
        .on(Method::POST, "/things/{id}", handler)
        .on_even_suspended(Method::POST, "/appeals", admitting)
        .on_up_to(5_500_000, Method::POST, "/files", handler);
    web::wrap(routes.with_state(App { idempotency, verifier, act }), Default::default())
}

/// An act that counts how often it is done and answers by `answer`.
fn counted<R: IntoResponse>(done: &Arc<AtomicUsize>, answer: impl Fn(usize) -> R + Send + Sync + 'static) -> Act {
    let (done, answer) = (done.clone(), Arc::new(answer));
    Arc::new(move |request| {
        let (done, answer) = (done.clone(), answer.clone());
        Box::pin(async move {
            // Taken as handlers take it, within the route's limit.
            match Raw::from_request(request, &()).await {
                Ok(_) => answer(done.fetch_add(1, Ordering::SeqCst) + 1).into_response(),
                Err(refusal) => refusal.into_response(),
            }
        })
    })
}

/// A request to be sent.
#[derive(Clone)]
struct Ask {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

/// What came back.
#[derive(Clone, Debug)]
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

/// A POST by ada of acme with this key.
fn post(path: &str, key: &str) -> Ask {
    let ask = Ask { method: Method::POST, path: path.to_owned(), headers: Vec::new(), body: Bytes::from("one") };
    ask.by("ada", Some("acme")).with("content-type", "text/plain").with("idempotency-key", key)
}

fn thing(key: &str) -> Ask {
    post("/things", key)
}

impl Ask {
    fn by(self, person: &str, tenant: Option<&str>) -> Self {
        self.claiming(json!({"sub": person, "user_id": person, "tenant_id": tenant}))
    }

    /// The same by whom a token with these claims names.
    fn claiming(self, claims: Value) -> Self {
        self.with("authorization", &format!("Bearer {}", ISSUER.token(claims)))
    }

    /// The same with this header, in place of another of its name.
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    fn without(mut self, name: &'static str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self
    }

    fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    fn request(&self) -> Request {
        let mut request = Request::builder().method(self.method.clone()).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request.body(Body::from(self.body.clone())).unwrap()
    }

    async fn to(&self, site: &Router) -> Reply {
        reply(site, self.request()).await
    }
}

async fn reply(site: &Router, request: Request) -> Reply {
    let (parts, body) = site.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply { status: parts.status.as_u16(), headers: parts.headers, body }
}

impl Reply {
    fn code(&self) -> String {
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        problem["error_code"].as_str().unwrap_or_default().to_owned()
    }

    fn is(&self, status: u16, code: &str) -> bool {
        (self.status, self.code().as_str()) == (status, code)
    }

    fn replayed(&self) -> bool {
        self.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
    }

    fn retry_after(&self) -> u32 {
        self.headers["retry-after"].to_str().unwrap().parse().unwrap()
    }

    /// Asserts that this repeats `first` byte for byte, and says so.
    fn repeats(&self, first: &Self) {
        assert_eq!((self.status, &self.body), (first.status, &first.body));
        assert!(self.replayed(), "{self:?}");
    }
}
