//! Lambda's Invoke, so that one function can ask another on the laptop too.
//!
//! Protocol: AWS Lambda API Reference, Invoke (version 2015-03-31); synchronous calls alone.

use crate::stop::Stopped;
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::json;
use shared::web::lambda::{self, Deadline};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// By name: the router, and how long the function may take.
type Functions = Arc<BTreeMap<String, (Router, Duration)>>;

/// Serves the functions on `listener` until the bundle stops.
pub(crate) fn serve(
    listener: TcpListener,
    functions: BTreeMap<String, (Router, Duration)>,
    stopped: Stopped,
) -> JoinHandle<()> {
    let path = "/2015-03-31/functions/{name}/invocations";
    let router = Router::new().route(path, post(invoke)).with_state(Functions::new(functions));
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(stopped.wait());
        if let Err(error) = served.await {
            tracing::error!("the functions cannot be asked any more: {error}");
        }
    })
}

async fn invoke(State(functions): State<Functions>, Path(name): Path<String>, event: Bytes) -> Response {
    let refused = |status, kind: &str, message: String| {
        (status, [("x-amzn-errortype", kind.to_owned())], axum::Json(json!({"Message": message}))).into_response()
    };
    // An alias of a function is the function: the laptop has one version of each.
    let plain = name.split_once(':').map_or(name.as_str(), |(plain, _)| plain);
    let Some((router, timeout)) = functions.get(plain) else {
        let message = format!("Function not found: {name}");
        return refused(StatusCode::NOT_FOUND, "ResourceNotFoundException", message);
    };
    let Ok(event) = std::str::from_utf8(&event) else {
        let message = "Could not parse request body into json".to_owned();
        return refused(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message);
    };
    let deadline = Deadline(SystemTime::now() + *timeout);
    match tokio::time::timeout(*timeout, lambda::answer(router, event, Some(deadline))).await {
        Ok(answer) => axum::Json(answer).into_response(),
        Err(_) => {
            let failed = json!({"errorMessage": format!("Task timed out after {} seconds", timeout.as_secs())});
            ([("x-amz-function-error", "Unhandled")], axum::Json(failed)).into_response()
        }
    }
}
