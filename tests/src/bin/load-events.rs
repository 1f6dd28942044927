//! Loads many events into a bundle through its own route, has them rolled up, and says how long questions take then. `scripts/load-events`
//! calls it, and `scripts/bench-aggregate` at two sizes.
//!
//! `load-events [EVENTS] [STATE]`; default 1,000,000 and a folder that is gone afterwards. The last line is one of JSON.
#![allow(clippy::print_stdout)]

use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};
use local::{Bundle, Client};
use serde_json::json;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use tests::events::sending::{bundle, send, service};

/// As many as a batch takes.
const OF_A_REQUEST: usize = 500;
/// How often each question is asked.
const TIMES: usize = 41;
/// Long enough that no hour of events is written to any more.
const LATER: SignedDuration = SignedDuration::from_hours(2);
/// The most runs of the schedule that all hours take.
const RUNS: usize = 200;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let events = arguments.next().map(|text| text.replace([',', '_'], "").parse::<usize>()).transpose()?;
    let (events, state) = (events.unwrap_or(1_000_000), arguments.next().map(PathBuf::from));
    let bundle = bundle(state.as_deref(), None).await?;
    let (client, to) = (service(&bundle), Timestamp::now());
    let bar = ProgressBar::new(u64::try_from(events)?);
    bar.set_style(ProgressStyle::with_template("{msg} {wide_bar} {human_pos} of {human_len}, {per_sec}, {eta} left")?);
    bar.set_message("events");
    let begun = Instant::now();
    send(&client, 0..events, events, to, OF_A_REQUEST, &format!("load-{}", to.as_second()), |some| bar.inc(some as u64)).await?;
    bar.finish();
    println!("{events} events in {:.0} s, {:.0}/s", begun.elapsed().as_secs_f64(), events as f64 / begun.elapsed().as_secs_f64());

    bundle.clock().advance(LATER);
    let begun = Instant::now();
    rolled_up(&bundle).await?;
    println!("rolled up in {:.0} s", begun.elapsed().as_secs_f64());

    let (from, until) = (to - SignedDuration::from_hours(30 * 24), to + SignedDuration::from_hours(1));
    let range = format!("start_time={from}&end_time={until}");
    let counted = client.get(&format!("/analytics/aggregate?metric=pageviews&{range}")).await.success()?;
    ensure!(counted.body["exactness"] == "exact", "{}", counted.body);
    let aggregate = median(&client, &format!("/analytics/aggregate?metric=pageviews&group_by=utm_source,surface&{range}")).await?;
    let users = median(&client, &format!("/analytics/aggregate?metric=unique_users&{range}")).await?;
    let query = median(&client, &format!("/analytics/query?limit=100&{range}")).await?;
    bundle.close().await;
    let ms = |time: Duration| (time.as_secs_f64() * 1e5).round() / 1e2;
    println!(
        "{}",
        json!({"events": events, "aggregate_ms": ms(aggregate), "unique_users_ms": ms(users), "query_ms": ms(query)})
    );
    Ok(())
}

/// Runs the schedule until it finds nothing left.
async fn rolled_up(bundle: &Bundle) -> Result<()> {
    for _ in 0..RUNS {
        let report = bundle.run_schedule("analytics-rollup").await?;
        let report: serde_json::Value = serde_json::from_str(&report).context("the job reports in JSON")?;
        if report["done"] == 0 {
            return Ok(());
        }
    }
    anyhow::bail!("after {RUNS} runs there is still something to roll up")
}

async fn median(client: &Client, path: &str) -> Result<Duration> {
    let mut times = vec![];
    for _ in 0..TIMES {
        let begun = Instant::now();
        client.get(path).await.success()?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times[TIMES / 2])
}
