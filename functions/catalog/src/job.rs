//! The scheduled job: publishes every store that has changed, and finishes imports of uploaded files.
//!
//! Stores come first, since a large file may take several runs. A store or an import that fails costs itself and no other: it
//! stays pending, and the next run tries again. An import is tried [`MAX_ATTEMPTS`] times. Leases and marks follow the clock;
//! the time handed in says when the run was due, so that the report tells how far behind it is.

use crate::{
    import::{BadFile, Rows},
    load::{LoadError, Loading},
    publish::{Outcome, PublishError, Publisher, unwatched},
    table::{
        Pending, StoreTable,
        imports::{Ending, ImportId, ImportRow},
    },
};
use jiff::Timestamp;
use serde::Serialize;
use shared::{
    blob::BlobError,
    job::{self, Report as _},
    table::TableError,
    telemetry::{self, Metric, Outcome as Ended, metrics},
    tenant::{StoreScope, Sweep},
    web::request::random_hex,
};
use std::{io::BufReader, path::Path};

/// The largest file that is imported, in bytes.
pub const MAX_UPLOAD_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// How often an import is tried.
pub const MAX_ATTEMPTS: u32 = 10;

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Stores with a new snapshot.
    pub published: u64,
    /// Stores whose rows gave the snapshot they had.
    pub unchanged: u64,
    /// Stores that are another run's, or wait for an import to end.
    pub passed_over: u64,
    /// Stores that could not be published.
    pub failed: u64,
    /// Imports that were finished.
    pub imports_done: u64,
    /// Imports whose file cannot be imported.
    pub imports_refused: u64,
    /// Imports that were cut off and wait for the next run.
    pub imports_cut_off: u64,
    /// Rows of imports that were read.
    pub rows: u64,
    /// How long the store that waited longest had waited when the run was due, in seconds.
    pub longest_wait_s: u64,
}

/// Why a run did nothing at all.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// What waits could not be listed.
    #[error("the pending stores could not be listed")]
    Pending(#[source] TableError),
}

impl job::Report for Report {
    fn is_clean(&self) -> bool {
        self.failed == 0 && self.imports_cut_off == 0
    }
}

/// Does what waits; `now` is when the run was due.
///
/// # Errors
///
/// [`JobError`]. What fails for one store is counted in the report.
pub async fn run(app: &impl AsRef<Publisher>, now: Timestamp) -> Result<Report, JobError> {
    telemetry::job("catalog_publish", publish_what_waits(app.as_ref(), now)).await
}

async fn publish_what_waits(publisher: &Publisher, now: Timestamp) -> Result<Report, JobError> {
    let pending = publisher.table.pending(Sweep::CatalogPublish).await.map_err(JobError::Pending)?;
    let mut report = Report::default();
    if let Some((since, _)) = pending.first() {
        report.longest_wait_s = job::waited_s(*since, now);
    }
    for (_, what) in &pending {
        if let Pending::Snapshot(scope) = what {
            let outcome = scope.tenant_scope().act(publisher.publish(scope, &unwatched)).await;
            report.count(scope, outcome);
        }
    }
    for (_, what) in pending {
        if let Pending::Import(scope, id) = what {
            scope.tenant_scope().act(import(publisher, &scope, &id, &mut report)).await;
        }
    }
    let ended = if report.is_clean() { Ended::Ok } else { Ended::Failed };
    if report != Report::default() {
        let published = Metric::count("catalog_published_total", report.published);
        let failed = Metric::count("catalog_publish_failed_total", report.failed);
        metrics::emit(Some("catalog_publish"), ended, &[published, failed]);
    }
    Ok(report)
}

impl Report {
    fn count(&mut self, scope: &StoreScope, outcome: Result<Outcome, PublishError>) {
        match outcome {
            Ok(Outcome::Published(_)) => self.published += 1,
            Ok(Outcome::Unchanged(_) | Outcome::Current(_)) => self.unchanged += 1,
            Ok(Outcome::Superseded | Outcome::Waiting) => self.passed_over += 1,
            Err(error) => {
                self.failed += 1;
                let causes = shared::problem::chain(&error);
                let (tenant, store) = (scope.tenant_hash(), scope.store().as_str());
                tracing::error!(
                    event = "publish_failed",
                    tenant,
                    store,
                    error = causes,
                    "publishing {store} failed: {causes}"
                );
            }
        }
    }
}

/// Why an import is not finished in this run.
#[derive(Debug, thiserror::Error)]
enum CutOff {
    /// The file cannot be imported, whoever tries: what to say of it.
    #[error("{0}")]
    Refused(String),
    /// Another run has taken over.
    #[error("another run has taken over")]
    Lost,
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Blob(BlobError),
    #[error(transparent)]
    File(#[from] std::io::Error),
}

async fn import(publisher: &Publisher, scope: &StoreScope, id: &ImportId, report: &mut Report) {
    let owner = format!("run-{}", random_hex::<8>());
    let table = publisher.table.of(scope);
    let mut row = match table.claim_import(id, &owner, publisher.clock.now()).await {
        Ok(Some(row)) => row,
        Ok(None) => return,
        Err(error) => return cut_off(scope, &error, report),
    };
    let before = row.position;
    // A run that was killed has said nothing: it counts by having been begun.
    let loaded = match row.attempts > MAX_ATTEMPTS {
        true => Err(CutOff::Refused(format!(
            "It was begun {MAX_ATTEMPTS} times and cut off each time. Send smaller files."
        ))),
        false => load(publisher, scope, &table, &mut row, &owner).await,
    };
    report.rows += row.position - before;
    let now = publisher.clock.now();
    let whole = loaded.is_ok();
    let ended = match loaded {
        Ok(wrote) => {
            let snapshot = if wrote { after_import(publisher, scope, report).await } else { None };
            table.end_import(&row, &owner, &Ending::Done(snapshot), publisher.clock.now()).await
        }
        Err(CutOff::Lost) => return,
        Err(CutOff::Refused(reason)) => {
            report.imports_refused += 1;
            table.end_import(&row, &owner, &Ending::Failed(reason), now).await
        }
        Err(error) if row.attempts >= MAX_ATTEMPTS => {
            cut_off(scope, &error, report);
            let reason = format!(
                "It was tried {MAX_ATTEMPTS} times and cut off each time. Start it again, or send smaller files."
            );
            table.end_import(&row, &owner, &Ending::Failed(reason), now).await
        }
        Err(error) => {
            cut_off(scope, &error, report);
            table.release_import(&row, &owner, now).await
        }
    };
    match ended {
        Ok(own) => report.imports_done += u64::from(own && whole),
        Err(error) => cut_off(scope, &error, report),
    }
}

async fn after_import(
    publisher: &Publisher,
    scope: &StoreScope,
    report: &mut Report,
) -> Option<shared::digest::Digest> {
    let outcome = Box::pin(publisher.publish(scope, &unwatched)).await;
    let snapshot = match &outcome {
        Ok(Outcome::Published(digest) | Outcome::Unchanged(digest)) => Some(*digest),
        _ => None,
    };
    report.count(scope, outcome);
    snapshot
}

fn cut_off(scope: &StoreScope, error: &dyn std::error::Error, report: &mut Report) {
    report.imports_cut_off += 1;
    let causes = shared::problem::chain(error);
    let (tenant, store) = (scope.tenant_hash(), scope.store().as_str());
    tracing::error!(
        event = "import_cut_off",
        tenant,
        store,
        error = causes,
        "an import of {store} was cut off: {causes}"
    );
}

/// Brings the uploaded file here and loads it from where an earlier run has stopped; returns whether rows were written.
async fn load(
    publisher: &Publisher,
    scope: &StoreScope,
    table: &StoreTable,
    row: &mut ImportRow,
    owner: &str,
) -> Result<bool, CutOff> {
    std::fs::create_dir_all(&publisher.folder)?;
    let file = File(publisher.folder.join(format!("import-{}", random_hex::<8>())).into_boxed_path());
    let upload = upload_name(scope, &row.import_id);
    let fetched = publisher.blobs.of(scope.tenant_scope()).get_upload(&upload, &file.0, MAX_UPLOAD_BYTES).await;
    fetched.map_err(|error| match error {
        BlobError::Missing(_) => CutOff::Refused(
            "No file was uploaded. PUT it to the upload URL, or begin a new import for a new URL, then start it again."
                .to_owned(),
        ),
        BlobError::TooLarge(_, most) => {
            CutOff::Refused(format!("The file is larger than {most} bytes. Split it, and import the parts."))
        }
        other => CutOff::Blob(other),
    })?;
    let reader = BufReader::with_capacity(256 * 1024, std::fs::File::open(&file.0)?);
    let mut rows = Rows::open(row.format, reader).map_err(|bad| match bad {
        BadFile::Io(error) => CutOff::File(error),
        told => CutOff::Refused(told.to_string()),
    })?;
    // Rows that are done with are read once more all the same: an id that stood in them must not be taken for a first one.
    for _ in 0..row.position {
        rows.next_row()?;
    }
    let mut loading = Loading::new(table, &publisher.clock, owner, row.attempts > 1);
    loop {
        let count = loading.chunk(&mut rows, &mut row.tally).await.map_err(|error| match error {
            LoadError::Table(error) => CutOff::Table(error),
            LoadError::File(error) => CutOff::File(error),
        })?;
        row.position += count;
        if !table.advance_import(row, owner, publisher.clock.now()).await? {
            return Err(CutOff::Lost);
        }
        if count == 0 {
            return Ok(loading.settle().await?);
        }
    }
}

/// The name of an import's upload within its tenant.
pub fn upload_name(scope: &StoreScope, id: &ImportId) -> String {
    format!("{}/{id}", scope.store())
}

/// A file that is removed when done with.
struct File(Box<Path>);

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
