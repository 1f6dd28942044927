//! What only the laptop has, under `/local/`; the deployed bundle has none of it.
//!
//! | route | does |
//! | --- | --- |
//! | `GET /local/clock` | the bundle's time: `{"now": "2026-03-01T09:00:00Z"}` |
//! | `POST /local/clock` | moves it: `{"advance_seconds": 3600}`, negative for back |
//! | `GET /local/schedules` | the schedules that can be run, by their function's binary |
//! | `POST /local/schedules/{name}` | runs one now and answers with its report |
//!
//! The gateway listens on loopback alone. A web page could still have a browser send requests there: those that carry an
//! `Origin`, or whose `Host` is not this machine's, are refused.

use crate::schedules::Schedules;
use axum::{
    body::{Body, Bytes},
    response::IntoResponse,
};
use http::{Method, Response, StatusCode, header, request::Parts};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{clock::Clock, problem::Problem, web};

/// The farthest that the clock is moved at once: ten years.
const FARTHEST_SECONDS: u64 = 10 * 366 * 86_400;

/// The laptop's own routes.
pub(crate) struct Laptop {
    pub(crate) clock: Clock,
    pub(crate) schedules: Schedules,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    advance_seconds: i64,
}

impl Laptop {
    /// Answers a request under `/local/`; `None` for any other.
    pub(crate) async fn answer(
        &self,
        parts: &Parts,
        path: &str,
        body: &Bytes,
    ) -> Option<Result<Response<Body>, Problem>> {
        let path = path.strip_prefix("/local/")?;
        Some(self.own(parts, path, body).await.map(|value| web::Json(value).into_response()))
    }

    async fn own(&self, parts: &Parts, path: &str, body: &Bytes) -> Result<Value, Problem> {
        if !from_this_machine(parts) {
            return Err(Problem::forbidden("local.foreign").detail("These routes are for this machine's own commands."));
        }
        match (&parts.method, path, path.strip_prefix("schedules/")) {
            (&Method::GET, "clock", _) => Ok(self.time()),
            (&Method::POST, "clock", _) => {
                let Move { advance_seconds } = serde_json::from_slice(body).map_err(|why| {
                    Problem::bad_request("local.bad_request").detail(format!("Send {{\"advance_seconds\": n}}: {why}"))
                })?;
                if advance_seconds.abs_diff(0) > FARTHEST_SECONDS {
                    return Err(
                        Problem::bad_request("local.bad_request").detail("Move the clock by ten years at most.")
                    );
                }
                self.clock.advance(SignedDuration::from_secs(advance_seconds));
                Ok(self.time())
            }
            (&Method::GET, "schedules", _) => Ok(json!({"schedules": self.schedules.names()})),
            (&Method::POST, _, Some(name)) => match self.schedules.run(name, self.clock.now()).await {
                None => {
                    let names = self.schedules.names().join(", ");
                    Err(Problem::not_found("local.no_such_schedule").detail(format!("The schedules are: {names}.")))
                }
                Some(Ok(report)) => Ok(json!({"schedule": name, "report": report})),
                Some(Err(error)) => {
                    let failed = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "local.schedule_failed");
                    Err(failed.detail(format!("{error:#}")))
                }
            },
            (_, "clock" | "schedules", _) | (_, _, Some(_)) => {
                Err(Problem::method_not_allowed("http.method_not_allowed")
                    .header(header::ALLOW, http::HeaderValue::from_static("GET,POST")))
            }
            _ => Err(web::no_such_route().await),
        }
    }

    fn time(&self) -> Value {
        json!({"now": self.clock.now().to_string()})
    }
}

fn from_this_machine(parts: &Parts) -> bool {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    !parts.headers.contains_key(header::ORIGIN) && ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}
