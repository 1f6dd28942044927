//! `import`: a file of products into a store, through the catalog's own routes: an upload URL, then the job that reads it.

mod file;

use super::{say, session::Session};
use crate::{
    claims::Claims,
    client::{self, Client, Response, exchange},
    seed,
};
use anyhow::{Context, Result, bail};
use clap::Args;
use file::Upload;
use futures::stream;
use http::{Method, Request, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tokio::io::AsyncReadExt;

const COLUMNS: &str = "\
The first line of a .csv or .tsv names the columns; .json is an array of objects, .ndjson an object on each line.
Names compare without case, and a space or hyphen in them is an underscore.

  product_id    product_id, sku, id or ean; 1 to 128 of letters, digits, _ - . :
  name          title or name
  price         price; at most two decimals
  category      category, derived_type or type
  cost_price    cost_price or cost; staff only, as is supplier
  stock         stock or quantity
  updated_at    updated_at or date_released; a time of RFC 3339, or a day
  brand, description, department, aisle, bay, supplier
  attributes    name: value | name: value, or a JSON object
  anything else becomes an attribute of its own name

product_id, name and price are needed. A bad row costs itself: it is named by its line, with the reason. The same file again
changes nothing. Products that the file does not name stay as they are.";

/// How often progress is asked for.
const POLL: Duration = Duration::from_millis(200);
/// How much of the file is read at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// After so long without an end the import is left to itself.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

#[derive(Debug, Args)]
#[command(after_help = COLUMNS)]
pub(super) struct Import {
    /// The store; made where there is none
    store: String,
    /// The file: .csv, .tsv, .json or .ndjson, or one of these with .gz after it
    file: PathBuf,
    /// The store's tenant
    #[arg(long, default_value = seed::TENANT)]
    tenant: String,
    /// The time zone of a new store
    #[arg(long, default_value = "America/New_York")]
    time_zone: String,
    /// The currency of a new store's prices
    #[arg(long, default_value = "USD")]
    currency: String,
    /// The language of a new store's shelves: en, es or fr
    #[arg(long, default_value = "en")]
    locale: String,
}

pub(super) async fn run(state: &Path, import: &Import) -> Result<()> {
    let path = import.file.clone();
    let upload = tokio::task::spawn_blocking(move || Upload::open(&path)).await??;
    let session = Session::open(state).await?;
    let done = load(&session, import, &upload).await;
    session.close().await;
    done
}

async fn load(session: &Session, import: &Import, upload: &Upload) -> Result<()> {
    let begun = Instant::now();
    let claims = Claims::of("laptop").role("admin").tenant(&import.tenant).stores([&import.store]);
    let admin = session.person(claims);
    let store = format!("/catalog/stores/{}", import.store);
    ensure_store(&admin, &store, import).await?;
    let ticket = post(&admin, &format!("{store}/imports"), &json!({"content_type": upload.media_type})).await?.body;
    let text = |name: &str| ticket[name].as_str().unwrap_or_default().to_owned();
    send(upload, &text("upload_url"), &text("content_type")).await.context("the upload failed")?;
    let path = format!("{store}/imports/{}", text("import_id"));
    post(&admin, &format!("{path}/start"), &json!({})).await?;
    let status = finish(session, &admin, &path, upload).await?;
    tell(&status, begun.elapsed());
    match status["state"].as_str() {
        Some("done") => Ok(()),
        _ => bail!("{}", status["reason"].as_str().unwrap_or("the import failed")),
    }
}

async fn ensure_store(admin: &Client, path: &str, import: &Import) -> Result<()> {
    let found = admin.send(Method::GET, path, None).await?;
    if found.status != 404 {
        return found.success().map(drop);
    }
    let store = json!({
        "name": import.store,
        "time_zone": import.time_zone,
        "currency": import.currency,
        "locale": import.locale,
    });
    let body = ("application/json", store.to_string().into());
    admin.send(Method::PUT, path, Some(body)).await?.success().context("the store could not be made")?;
    say(format!("Made the store {} of {}.", import.store, import.tenant));
    Ok(())
}

async fn post(client: &Client, path: &str, body: &Value) -> Result<Response> {
    client.send(Method::POST, path, Some(("application/json", body.to_string().into()))).await?.success()
}

/// Puts the file to its URL.
async fn send(upload: &Upload, url: &str, media_type: &str) -> Result<()> {
    let bar = bar(upload.bytes, "Uploading {bar:30} {bytes}/{total_bytes} {bytes_per_sec}");
    let file = tokio::fs::File::open(upload.path()).await?;
    let counted = bar.clone();
    let chunks = stream::unfold(Some(file), move |file| {
        let counted = counted.clone();
        async move {
            let mut file = file?;
            let mut chunk = vec![0; CHUNK_BYTES];
            match file.read(&mut chunk).await {
                Ok(0) => None,
                Ok(read) => {
                    chunk.truncate(read);
                    counted.inc(read as u64);
                    Some((Ok(Frame::data(chunk.into())), Some(file)))
                }
                Err(error) => Some((Err(error), None)),
            }
        }
    });
    let request = Request::put(url)
        .header(header::CONTENT_TYPE, media_type)
        .header(header::CONTENT_LENGTH, upload.bytes)
        .body(StreamBody::new(chunks).boxed())?;
    let put = exchange(&client::connections(), request).await;
    bar.finish_and_clear();
    put?.success().map(drop)
}

/// Runs the job at once, and follows the import to its end.
async fn finish(session: &Session, admin: &Client, path: &str, upload: &Upload) -> Result<Value> {
    let bar = match upload.rows {
        Some(rows) => bar(rows, "Importing {bar:30} {pos}/{len} rows {per_sec}"),
        None => ProgressBar::new_spinner().with_style(style("Importing {spinner} {pos} rows")),
    };
    let begun = Instant::now();
    loop {
        let running = session.run_schedule("catalog-publish");
        tokio::pin!(running);
        let mut ran = None;
        loop {
            tokio::select! {
                outcome = &mut running, if ran.is_none() => ran = Some(outcome),
                () = tokio::time::sleep(POLL) => {}
            }
            let status = admin.send(Method::GET, path, None).await?.success()?.body;
            bar.set_position(status["rows"].as_u64().unwrap_or(0));
            match (status["state"].as_str().unwrap_or_default(), &ran) {
                ("done" | "failed", _) => {
                    bar.finish_and_clear();
                    return Ok(status);
                }
                // The run ended before it came to this one.
                ("queued", Some(Ok(_))) => break,
                (_, Some(Err(error))) => bail!("catalog-publish failed: {error:#}"),
                _ if begun.elapsed() > PATIENCE => bail!("the import goes on by itself; ask GET {path} how far it is"),
                _ => {}
            }
        }
    }
}

fn tell(status: &Value, took: Duration) {
    let count = |name: &str| status[name].as_u64().unwrap_or(0);
    say(format!(
        "{} rows in {:.1} s: {} new, {} changed, {} as they were, {} refused.",
        count("rows"),
        took.as_secs_f64(),
        count("created"),
        count("updated"),
        count("unchanged"),
        count("rejected"),
    ));
    for fault in status["faults"].as_array().into_iter().flatten() {
        let id = fault["product_id"].as_str().map(|id| format!(" ({id})")).unwrap_or_default();
        say(format!("  line {}{id}: {}", fault["line"], fault["reason"].as_str().unwrap_or_default()));
    }
}

fn bar(length: u64, template: &str) -> ProgressBar {
    ProgressBar::new(length).with_style(style(template))
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
