//! `load-events`: analytics events of thirty days, sent as an app sends them, counted by the schedule, and asked for.

use super::{say, session::Session};
use crate::{claims::Claims, client::Client, issuer::PROJECT_ID, options::TEMPLATE, seed, template::Template};
use anyhow::{Context, Result, ensure};
use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use http::Method;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use serde_json::{Value, json};
use shared::tenant::SYSTEM;
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// How many events a request has: as many as it may.
const BATCH: usize = 500;
/// How many requests are under way at once.
const AT_ONCE: usize = 4;
/// How often each question is asked again.
const ROUNDS: usize = 31;
/// How often it is asked before, of other hours each time, which nobody has asked for.
const ANEW: i64 = 7;
/// Over how long the events are spread.
const SPAN: SignedDuration = SignedDuration::from_hours(30 * 24);
/// After so long every write to an hour is over, and it is counted.
const LEASE_S: i64 = 26 * 60;

/// What is asked once all is counted.
const QUESTIONS: [&str; 13] = [
    "/analytics/aggregate?metric=pageviews",
    "/analytics/aggregate?metric=pageviews&group_by=utm_source,surface",
    "/analytics/aggregate?metric=unique_users",
    "/analytics/aggregate?metric=bounce_rate",
    "/analytics/aggregate?metric=unique_users&group_by=event_type",
    "/analytics/aggregate?metric=unique_users&group_by=surface",
    "/analytics/aggregate?metric=bounce_rate&group_by=utm_source",
    "/analytics/aggregate?metric=unique_users&group_by=utm_campaign",
    "/analytics/aggregate?metric=unique_users&group_by=surface,platform",
    "/analytics/aggregate?metric=sum:payload.price_cents",
    "/analytics/aggregate?metric=sum:payload.price_cents&group_by=utm_source,surface",
    "/analytics/query?limit=100",
    "/analytics/query?limit=100&surface=basket",
];

#[derive(Debug, Args)]
pub(super) struct Load {
    /// How many events
    #[arg(default_value_t = 10_000)]
    events: usize,
    /// Whose they are
    #[arg(long, default_value = seed::TENANT)]
    tenant: String,
}

pub(super) async fn run(state: &Path, load: &Load) -> Result<()> {
    let session = Session::open(state).await?;
    let done = Box::pin(in_session(&session, load)).await;
    session.close().await;
    done
}

async fn in_session(session: &Session, load: &Load) -> Result<()> {
    route(session, &load.tenant).await?;
    let sender = within(session.person(Claims::of("loader").tenant(&load.tenant).scope("service:write")), &load.tenant);
    let begun = Instant::now();
    let now = session.clock().now();
    let bar = ProgressBar::new(load.events as u64).with_style(
        ProgressStyle::with_template("Sending {bar:30} {pos}/{len} events {per_sec} {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let run = now.as_millisecond();
    let batches = (0..load.events.div_ceil(BATCH)).map(|batch| {
        let (sender, bar) = (sender.with_header("x-request-id", &format!("load-{run}-{batch}")), bar.clone());
        let numbers = batch * BATCH..load.events.min((batch + 1) * BATCH);
        async move {
            let many = numbers.len() as u64;
            let events: Vec<Value> = numbers.map(|n| seed::event(n, load.events, now - SPAN, now)).collect();
            let body = json!({"events": events}).to_string();
            let body = Some(("application/json", body.into()));
            let taken = sender.send(Method::POST, "/analytics/ingest/batch", body).await?.success()?;
            bar.inc(many);
            // A put whose reply was late is sent again, and then finds what it wrote itself.
            let results = taken.body["results"].as_array().context("a batch has no results")?;
            let is_kept = |result: &&Value| matches!(result["status"].as_str(), Some("stored" | "duplicate"));
            let refused = results.iter().find(|result| !is_kept(result));
            ensure!(refused.is_none() && results.len() as u64 == many, "not all {many} were kept: {refused:?}");
            Ok(())
        }
    });
    stream::iter(batches).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    bar.finish_and_clear();
    let took = begun.elapsed().as_secs_f64();
    say(format!("{} events in {took:.1} s, {:.0} a second.", load.events, load.events as f64 / took));
    count(session).await?;
    measure(&sender, now).await
}

fn within(client: Client, tenant: &str) -> Client {
    let mode = if tenant == SYSTEM { "system" } else { "saas" };
    let project = if tenant == SYSTEM { "proj-system" } else { "web" };
    let headers = [("x-tenant-id", tenant), ("x-project-id", project), ("x-mode", mode)];
    headers.iter().fold(client, |client, (name, value)| client.with_header(name, value))
}

/// Leads the tenant's events to the bundle's own table, if they are led nowhere yet.
async fn route(session: &Session, tenant: &str) -> Result<()> {
    let template = Template::parse(TEMPLATE, &[("Stage", "dev"), ("ProjectId", PROJECT_ID)])?;
    let job = template.functions.iter().find(|function| function.binary == "analytics-rollup");
    let table =
        job.and_then(|job| job.env.get("EVENTS_TABLE_NAME")).context("the template names no table of events")?;
    let keeper = session.person(Claims::of(seed::ADMINISTRATOR).tenant(SYSTEM).scope("admin:super"));
    let route = json!({
        "resource_kind": "analytics_store", "tenant_id": tenant, "env": "development", "backend_type": "dynamodb",
        "config": {"region": "us-east-1", "table_name": table, "use_local": true},
    });
    let body = Some(("application/json", route.to_string().into()));
    let made = within(keeper, SYSTEM).send(Method::POST, "/routing/routes", body).await?;
    if made.status == 409 { Ok(()) } else { made.success().map(drop) }
}

/// Lets every lease end, and runs the schedule until nothing is left.
async fn count(session: &Session) -> Result<()> {
    session.advance(LEASE_S).await?;
    let begun = Instant::now();
    let (mut hours, mut days) = (0, 0);
    loop {
        let report: Value = serde_json::from_str(&session.run_schedule("analytics-rollup").await?)?;
        let of = |name: &str| report[name].as_u64().unwrap_or_default();
        (hours, days) = (hours + of("hours"), days + of("days"));
        if of("unfinished") + of("postponed") == 0 {
            say(format!("{hours} hours and {days} days counted in {:.1} s.", begun.elapsed().as_secs_f64()));
            return Ok(());
        }
    }
}

/// Asks each question, of thirty days until `now`.
async fn measure(sender: &Client, now: Timestamp) -> Result<()> {
    // Whole hours: of one that is cut, events are read.
    let whole = TimestampRound::new().smallest(Unit::Hour).mode(RoundMode::Trunc);
    let begin = (now - SPAN).round(whole)?;
    for question in QUESTIONS {
        let ask = async |question: String| {
            let begun = Instant::now();
            let told = sender.send(Method::GET, &question, None).await?.success()?.body;
            Ok::<_, anyhow::Error>((begun.elapsed(), told))
        };
        let (mut anew, mut again, mut told) = (vec![], vec![], Value::Null);
        for hours in 1..=ANEW {
            let from = begin + SignedDuration::from_hours(hours);
            anew.push(ask(format!("{question}&start_time={from}")).await?.0);
        }
        for _ in 0..ROUNDS {
            let (time, body) = ask(question.to_owned()).await?;
            again.push(time);
            told = body;
        }
        let exact = told["exactness"].as_str().unwrap_or(if told["total_is_exact"] == true { "exact" } else { "cut" });
        say(format!(
            "{question:79} anew {:6.1} ms  p50 {:6.1} ms  p95 {:6.1} ms  total {} {exact}",
            ms_at(&mut anew, 50),
            ms_at(&mut again, 50),
            ms_at(&mut again, 95),
            told["total"]
        ));
    }
    Ok(())
}

/// The milliseconds within which this many in a hundred were.
fn ms_at(times: &mut [Duration], percent: usize) -> f64 {
    times.sort();
    times.get(times.len().saturating_sub(1) * percent / 100).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}
