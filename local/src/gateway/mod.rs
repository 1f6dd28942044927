//! The gateway: every function behind one address, each called with the events that API Gateway would send it.
//!
//! Between the socket and a function's router lies what lies there in AWS: the route is chosen by the template, the request
//! becomes an event, the event becomes a request again by the code that runs on Lambda. So what API Gateway does to a path, a
//! header or a body happens on the laptop too, and so do its limits.
//!
//! | limit | answer |
//! | --- | --- |
//! | request line and headers together 10,240 bytes | 431 |
//! | body 10 MB; the event that carries it 6 MB, which is Lambda's own limit | 413 |
//! | 30 s until the answer, or less where the function's own timeout is shorter | 503 |
//!
//! There is no authorizer here: it is the outer ring, and every function verifies the token again. What the gateway itself
//! refuses is told as a problem document, as the functions tell theirs.

mod event;
mod laptop;
mod table;

pub(crate) use laptop::Laptop;
pub(crate) use table::RouteTable;

use crate::stop::Stopped;
use axum::{
    Router,
    body::{Body, Bytes},
    response::IntoResponse,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use shared::{
    problem::Problem,
    web::{self, lambda, request},
};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::net::TcpListener;

/// What request line and headers may take together.
const MAX_HEAD_BYTES: usize = 10_240;
/// What a body may take.
const MAX_BODY_BYTES: usize = 10_000_000;
/// What an event may take: Lambda's limit of a synchronous call.
const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;
/// How long API Gateway waits for a function.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests that are under way at the end may take.
const GRACE: Duration = Duration::from_secs(5);

/// What the gateway leads to.
pub(crate) struct Gateway {
    pub(crate) table: RouteTable,
    /// By binary: the router, and how long the function may take.
    pub(crate) functions: BTreeMap<String, (Router, Duration)>,
    /// What only the laptop has, under `/local/`.
    pub(crate) laptop: Laptop,
    /// For paths that no function has.
    nowhere: Router,
}

impl Gateway {
    pub(crate) fn new(table: RouteTable, functions: BTreeMap<String, (Router, Duration)>, laptop: Laptop) -> Self {
        Self { table, functions, laptop, nowhere: web::wrap(Router::new(), web::cors::AllowedOrigins::default()) }
    }

    /// Serves on `listener` until `stopped`, then for up to five seconds what is under way.
    pub(crate) async fn serve(self, listener: TcpListener, stopped: Stopped) {
        let gateway = Arc::new(self);
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
        let connections = GracefulShutdown::new();
        let mut stopped = pin!(stopped.wait());
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut stopped => break,
            };
            let Ok((socket, from)) = accepted else {
                // Out of file handles, most likely: some come back when connections end.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let _ = socket.set_nodelay(true);
            let gateway = gateway.clone();
            let service = service_fn(move |request| {
                let gateway = gateway.clone();
                async move { Ok::<_, Infallible>(gateway.answer(request, from).await) }
            });
            let connection = connections.watch(server.serve_connection(TokioIo::new(socket), service));
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!("a connection to the gateway broke: {error}");
                }
            });
        }
        drop(listener);
        if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
            tracing::warn!("requests were still under way at the end");
        }
    }

    async fn answer(&self, request: Request<Incoming>, from: SocketAddr) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let context = request::RequestContext::of(&parts.headers);
        let (id, headers) = (context.request_id.clone(), parts.headers.clone());
        let answered = request::scope(context, async {
            match self.pass(parts, body, from).await {
                Ok(response) => response,
                Err(problem) => refused(problem, &id),
            }
        });
        let mut response = answered.await;
        if headers.contains_key(http::header::EXPECT) || response.status() == StatusCode::PAYLOAD_TOO_LARGE {
            // What is left of the body would be read as the next request.
            response.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    async fn pass(&self, parts: Parts, body: Incoming, from: SocketAddr) -> Result<Response<Body>, Problem> {
        if head_bytes(&parts) > MAX_HEAD_BYTES {
            return Err(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "http.headers_too_large")
                .detail("Request line and headers take more than 10,240 bytes together."));
        }
        let path = event::decoded_path(parts.uri.path())
            .ok_or_else(|| Problem::bad_request("http.bad_path").detail("The path, percent-decoded, is not UTF-8."))?;
        let body = collect(body).await?;
        if let Some(answered) = self.laptop.answer(&parts, &path, &body).await {
            return answered;
        }
        let found = self.table.find(parts.method.as_str(), &path);
        let function = found.as_ref().and_then(|found| self.functions.get(found.binary));
        let (router, limit) = function.map_or((&self.nowhere, TIMEOUT), |(router, limit)| (router, *limit));
        let event = event::event(&parts, &path, &body, found.as_ref(), from, self.laptop.clock.now());
        if event.len() > MAX_EVENT_BYTES {
            return Err(too_large());
        }
        invoke(router.clone(), event, limit.min(TIMEOUT)).await
    }
}

/// Calls a function with an event. Like Lambda it works on when the client has gone.
async fn invoke(router: Router, event: String, limit: Duration) -> Result<Response<Body>, Problem> {
    let deadline = lambda::Deadline(SystemTime::now() + limit);
    let work = tokio::spawn(async move { lambda::answer(&router, &event, Some(deadline)).await });
    let abort = work.abort_handle();
    let answer = match tokio::time::timeout(limit, work).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(Problem::internal(&error)),
        Err(_) => {
            abort.abort();
            let detail = "The function did not answer in time.";
            return Err(Problem::unavailable("gateway.timeout").detail(detail));
        }
    };
    let mut response = Response::new(answer.body.map_or_else(Body::empty, |body| Body::from(body.to_vec())));
    *response.status_mut() = u16::try_from(answer.status_code)
        .ok()
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::BAD_GATEWAY);
    *response.headers_mut() = answer.headers;
    for cookie in answer.cookies {
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(http::header::SET_COOKIE, cookie);
        }
    }
    Ok(response)
}

async fn collect(body: Incoming) -> Result<Bytes, Problem> {
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => Err(Problem::bad_request("http.bad_request").detail("The body could not be read to its end.")),
    }
}

fn too_large() -> Problem {
    Problem::too_large("http.body_too_large")
        .detail("The gateway takes bodies up to 10 MB, and what Lambda is handed may have 6 MB. Send less at a time.")
}

fn head_bytes(parts: &Parts) -> usize {
    let uri = parts.uri.path_and_query().map_or(1, |uri| uri.as_str().len());
    let headers =
        |headers: &HeaderMap| headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>();
    parts.method.as_str().len() + uri + 12 + headers(&parts.headers)
}

fn refused(problem: Problem, id: &str) -> Response<Body> {
    let mut response = problem.into_response();
    response.headers_mut().extend(HeaderValue::from_str(id).ok().map(|id| (request::REQUEST_ID, id)));
    response
}
