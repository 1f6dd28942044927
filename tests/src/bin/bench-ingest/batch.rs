//! Batches of 100 over HTTP, beside bare conditional puts of items that weigh the same into the same table by the same client.

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use local::Bundle;
use serde_json::{Map, Value};
use shared::{
    table::{Key, Table, TenantTable},
    tenant::{Sweep, TenantScope},
};
use std::{
    ops::Range,
    time::{Duration, Instant},
};
use tests::events::{SENDERS, bundle, send, service};

const OF_A_BATCH: usize = 100;
/// How many bare puts are: as many as the batches make.
const PUTS: usize = 128;
/// In how many slices both are done in turn, so that both meet the same machine.
const SLICES: usize = 8;
/// The least part of the bare rate.
const SHARE: f64 = 0.6;

/// One item as the function wrote it, and the table's rows for a tenant of its own.
async fn like(bundle: &Bundle, bare: &TenantScope) -> Result<(TenantTable, Map<String, Value>)> {
    let table = &bundle.template().tables.iter().find(|table| table.name.ends_with("EventsTable"));
    let table = table.context("the template has an EventsTable")?.name.clone();
    let all = bundle.aws().administrator().dynamodb().scan().table_name(&table).send().await?;
    let item = all.items().iter().find(|item| item.contains_key("event_time")).context("an event is there")?;
    let members = item.iter().filter(|(name, _)| !matches!(name.as_str(), "pk" | "sk"));
    let members =
        members.filter_map(|(name, value)| Some((name.clone(), Value::from(value.as_s().ok()?.clone())))).collect();
    Ok((Table::new(bundle.aws(), &table).of(bare), members))
}

async fn put(rows: &TenantTable, members: &Map<String, Value>, numbers: Range<usize>) -> Result<()> {
    let one = |n: usize| async move {
        let mut members = members.clone();
        for index in ["event_time", "event_user"] {
            if let Some(Value::String(key)) = members.get_mut(index) {
                *key = format!("{key}{n}");
            }
        }
        let item = rows.item(&Key::new(format!("EVENT#{}", n % 8), format!("bare-{n}")), &members)?;
        rows.put(item).condition_expression("attribute_not_exists(pk)").send().await?;
        Ok(())
    };
    stream::iter(numbers.map(one)).buffer_unordered(PUTS).try_collect().await
}

/// Prints both rates; whether the target is met.
pub(crate) async fn measure(events: usize) -> Result<bool> {
    let bundle = bundle(None, None).await?;
    let (client, to, whole) = (service(&bundle), Timestamp::now(), events + 1_000);
    // Connections are opened, and the store has pages.
    send(&client, 0..1_000, whole, to, OF_A_BATCH, "warm", |_| {}).await?;
    let bare_tenant = TenantScope::for_job(Sweep::NotificationDeferrals, "t_bare".parse()?);
    let (rows, members) = like(&bundle, &bare_tenant).await?;
    bare_tenant.act(put(&rows, &members, 0..1_000)).await?;
    let (mut ours, mut bare) = (Duration::ZERO, Duration::ZERO);
    for slice in 0..SLICES {
        let of = 1_000 + events * slice / SLICES..1_000 + events * (slice + 1) / SLICES;
        let begun = Instant::now();
        bare_tenant.act(put(&rows, &members, of.clone())).await?;
        bare += begun.elapsed();
        let begun = Instant::now();
        send(&client, of, whole, to, OF_A_BATCH, &format!("slice-{slice}"), |_| {}).await?;
        ours += begun.elapsed();
    }
    bundle.close().await;
    let rate = |took: Duration| events as f64 / took.as_secs_f64();
    let share = rate(ours) / rate(bare);
    println!("bare conditional puts        {:>8.0}/s  {PUTS} at once", rate(bare));
    println!(
        "batches of {OF_A_BATCH} over HTTP      {:>8.0}/s  {SENDERS} at once, {:.0} % of the bare rate",
        rate(ours),
        share * 1e2
    );
    if share < SHARE {
        println!("MISSED: less than {:.0} % of the bare rate", SHARE * 1e2);
    }
    Ok(share >= SHARE)
}
