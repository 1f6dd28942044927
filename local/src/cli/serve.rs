//! `cargo run`: starts the bundle, says what to try, and ends it on Ctrl-C.

use super::{say, session};
use crate::{bundle::Bundle, claims::Claims, ports::Ports, seed};
use anyhow::Result;
use jiff::SignedDuration;
use serde_json::json;
use std::{path::Path, time::Instant};

/// How long the printed tokens are good: a working day.
const LIFETIME: SignedDuration = SignedDuration::from_hours(12);

pub(super) async fn serve(state: &Path, port: u16) -> Result<()> {
    let begun = Instant::now();
    let options = session::laptop(state, port)?;
    let log = session::log_to(state)?;
    let wanted = options.ports;
    let bundle = Bundle::open(options).await?;
    say(format!("SmartStore answers at {} ({} ms)", bundle.addresses().gateway, begun.elapsed().as_millis()));
    if !bundle.addresses().gateway.ends_with(&format!(":{}", wanted.gateway)) && wanted != Ports::ANY {
        say(format!("  (port {} is taken; this is the next free one)", wanted.gateway));
    }
    say(what_to_try(&bundle));
    say(format!("State: {}  Logs and metrics: {}", state.display(), log.display()));
    let ended = ctrl_c();
    tokio::pin!(ended);
    if !seed::is_planted(state) {
        say("Loading the sample stores …");
        let begun = Instant::now();
        tokio::select! {
            planted = seed::plant(&bundle) => {
                planted?;
                let products: usize = seed::SAMPLES.iter().map(|sample| sample.products.lines().count() - 1).sum();
                let (stores, took) = (seed::SAMPLES.len(), begun.elapsed().as_secs_f64());
                say(format!("Loaded {stores} stores with {products} products in {took:.1} s. Ready. Ctrl-C ends it."));
            }
            () = &mut ended => {
                bundle.close().await;
                return Ok(());
            }
        }
    } else {
        say("Ready. Ctrl-C ends it.");
    }
    ended.await;
    say("\nStopping …");
    bundle.close().await;
    Ok(())
}

async fn ctrl_c() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// Three lines to paste, each with a token that is good for twelve hours.
fn what_to_try(bundle: &Bundle) -> String {
    let gateway = &bundle.addresses().gateway;
    let line = |title: &str, role: &str, question: &str| {
        let claims: Claims = seed::claims("laptop", role);
        let token = bundle.issuer().token(&claims, bundle.clock().now(), LIFETIME);
        let body = json!({"store_id": "downtown", "question": question});
        let headers = format!("-H 'content-type: application/json' -H 'authorization: Bearer {token}'");
        format!("\n# {title}\ncurl -s '{gateway}/ask' -d '{body}' {headers}; echo")
    };
    [
        line("A shopper is told the aisle, with the source", "shopper", "where is the oat milk?"),
        line(
            "An employee learns a cost price; with the shopper's token the same question is refused",
            "store_employee",
            "what is the cost price of the oat milk?",
        ),
        line("An admin too is told plainly what the store does not carry", "admin", "do you have snow chains?"),
        "\n# The same in short, and more: cargo run -- --help\ncargo run -q -- ask downtown \"are you open on Sunday at 8?\"\n"
            .to_owned(),
    ]
    .join("\n")
}
