//! The capacity that events take, as the store counts it, and what it costs.

use anyhow::Result;
use jiff::Timestamp;
use tests::{
    events::{bundle, send, service},
    faults::Faults,
};

/// Dollars for a million write units on demand in us-east-1, since November 2024 (aws.amazon.com/dynamodb/pricing/on-demand).
const WRITES: f64 = 0.625;
/// The same for read units.
const READS: f64 = 0.125;
/// Dollars for a million requests of an HTTP API, of up to 512 KB each.
const GATEWAY: f64 = 1.0;
/// Dollars for a million invocations.
const INVOKE: f64 = 0.2;
/// How many events are sent each way.
const EVENTS: usize = 2_000;

/// Prints the units and the dollars of a million events, by how many a request has.
pub(crate) async fn measure() -> Result<()> {
    println!("a million events, by events a request: units that the embedded store counted, dollars by list price");
    println!(
        "{:>9} {:>12} {:>12} {:>10} {:>10} {:>10} {:>10}",
        "a request", "write units", "read units", "store", "gateway", "invokes", "together"
    );
    for of_a_request in [1, 25, 100] {
        let faults = Faults::new().counting();
        let bundle = bundle(None, Some(&faults)).await?;
        let (client, to, whole) = (service(&bundle), Timestamp::now(), EVENTS + 100);
        send(&client, 0..100, whole, to, of_a_request, "warm", |_| {}).await?;
        faults.units();
        send(&client, 100..whole, whole, to, of_a_request, "counted", |_| {}).await?;
        let units = faults.units();
        bundle.close().await;
        let million = |count: f64| count / EVENTS as f64 * 1e6;
        let (written, read) = (million(units.written()), million(units.read()).abs());
        let requests = 1e6 / of_a_request as f64;
        let store = (written * WRITES + read * READS) / 1e6;
        let (gateway, invokes) = (requests * GATEWAY / 1e6, requests * INVOKE / 1e6);
        println!(
            "{of_a_request:>9} {written:>12.0} {read:>12.0} {store:>10.3} {gateway:>10.3} {invokes:>10.3} {:>10.3}",
            store + gateway + invokes
        );
        for (operation, to, units) in units.parts() {
            println!("{:>9} {operation} {to}: {:.2} an event", "", units / EVENTS as f64);
        }
    }
    Ok(())
}
