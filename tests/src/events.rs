//! Sending many events over HTTP to a bundle that keeps them.

use crate::faults::Faults;
use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use local::{Bundle, Claims, Client, Options, seed::event};
use serde_json::{Value, json};
use shared::clock::Clock;
use std::{ops::Range, path::Path};

/// The tenant that has a route.
pub const TENANT: &str = "t_greenleaf";
/// How many requests are under way at once.
pub const SENDERS: usize = 4;
/// Over how long events are spread.
const SPAN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A bundle with the sample in it, on `state` or on a folder of its own, behind `faults` where there are any; its clock goes.
///
/// # Errors
///
/// Where it does not start, or the sample cannot be loaded.
pub async fn bundle(state: Option<&Path>, faults: Option<&Faults>) -> Result<Bundle> {
    let state = state.map(ToOwned::to_owned);
    let options = Options { clock: Clock::system(), state, shared_issuer: false, ..Options::for_tests() };
    let options = match faults {
        Some(faults) => faults.before(options),
        None => options,
    };
    let bundle = Bundle::open(options).await?;
    local::seed::plant(&bundle).await?;
    Ok(bundle)
}

/// A service of the tenant that has a route: it sends and asks.
pub fn service(bundle: &Bundle) -> Client {
    let client = bundle.person(Claims::of("app").tenant(TENANT).scope("service:write"));
    let headers = [("x-tenant-id", TENANT), ("x-project-id", "web"), ("x-mode", "saas")];
    headers.iter().fold(client, |client, (name, value)| client.with_header(name, value))
}

/// Sends the events with these numbers of `of`, spread over the thirty days before `to`, so many in a request. `run` names the requests; `heard`
/// is told how many were stored, request by request.
///
/// # Errors
///
/// Where an event is not stored.
pub async fn send(
    client: &Client,
    numbers: Range<usize>,
    of: usize,
    to: Timestamp,
    of_a_request: usize,
    run: &str,
    heard: impl Fn(usize),
) -> Result<()> {
    let from = to - SPAN;
    let end = numbers.end;
    let one = |first: usize| {
        let client = client.with_header("x-request-id", &format!("{run}-{first}"));
        let batch = first..(first + of_a_request).min(end);
        let heard = &heard;
        async move {
            let wanted = batch.len();
            let sent: Vec<Value> = batch.map(|n| event(n, of, from, to)).collect();
            let told = client.post("/analytics/ingest/batch", json!({ "events": sent })).await.success()?;
            ensure!(told.body["stored"] == wanted, "{}", told.body);
            heard(wanted);
            Ok(())
        }
    };
    stream::iter(numbers.step_by(of_a_request).map(one)).buffer_unordered(SENDERS).try_collect().await
}
