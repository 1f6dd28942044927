//! `cargo run`: starts the bundle, says what to try, and ends it on Ctrl-C.

use super::{say, session, what_to_try};
use crate::{bundle::Bundle, ports::Ports, seed};
use anyhow::Result;
use std::{path::Path, time::Instant};

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
    say(what_to_try::lines(&bundle)?);
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
