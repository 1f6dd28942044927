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
    say(format!("State: {}  Logs and metrics: {}  Other shells: cargo run -- --help", state.display(), log.display()));
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
    let line = |title: &str, role: &str, path: &str, body: Option<serde_json::Value>| {
        let claims: Claims = seed::claims("laptop", role);
        let token = bundle.issuer().token(&claims, bundle.clock().now(), LIFETIME);
        let body = body.map(|body| format!(" -H 'content-type: application/json' -d '{body}'")).unwrap_or_default();
        format!("\n# {title}\ncurl -s '{gateway}{path}'{body} -H 'authorization: Bearer {token}'; echo")
    };
    let ask = |question: &str| Some(json!({"store_id": "downtown", "question": question}));
    [
        line(
            "A shopper asks; ask for something unknown, such as snow chains, and the store says so",
            "shopper",
            "/ask",
            ask("where is the oat milk?"),
        ),
        line(
            "An employee sees a cost price. With the shopper's token the same question is refused",
            "store_employee",
            "/ask",
            ask("what is the cost price of the oat milk?"),
        ),
        line(
            "An admin sees a product as the store keeps it",
            "admin",
            "/catalog/stores/downtown/products?limit=1",
            None,
        ),
        "\n# The same in short\ncargo run -q -- ask downtown \"do you have snow chains?\"\n".to_owned(),
    ]
    .join("\n")
}
