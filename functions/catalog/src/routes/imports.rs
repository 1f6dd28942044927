//! Files of products: in one request, or uploaded and then worked on by the job.

use super::{Guarded, InStore, enter};
use crate::{
    App,
    error::Error,
    import::{Format, Rows, Tally},
    job,
    load::Loading,
    publish::{Outcome, unwatched},
    table::imports::{ImportId, ImportRow, ImportState},
};
use axum::{Extension, body::Bytes, extract::State};
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use shared::{
    auth::{Caller, Permission},
    aws::SESSION_LASTS,
    digest::Digest,
    idempotency::Token,
    ids::StoreId,
    tenant::StoreScope,
    web::{self, Json, Path, answers::WithBody, extract::Raw, request::random_hex},
};

/// How long an upload URL is good. It is good no longer than the session that signs it.
const UPLOAD_TIME: SignedDuration = SignedDuration::from_mins(15);
const _: () =
    assert!(UPLOAD_TIME.as_secs() < SESSION_LASTS.as_secs(), "a URL must not outlive the session that signs it");
/// Up to how many products a store is published in the request that changed it; a larger one by the job.
const MAX_PUBLISHED_AT_ONCE: u64 = 50_000;

/// What became of a file.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ImportReport {
    #[serde(flatten)]
    tally: Tally,
    /// Whether the store has a new searchable snapshot by it.
    published: bool,
    /// Whether the change waits for the next run of the job, within a minute.
    pending: bool,
    /// The store's current snapshot, where this import has looked at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<Digest>,
}

/// A file to be uploaded.
#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct NewImport {
    /// Its form: `text/csv`, `text/tab-separated-values`, `application/json` or `application/x-ndjson`.
    #[schema(example = "text/csv")]
    content_type: String,
}

/// Where to upload a file.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct UploadTicket {
    /// Names the import from here on.
    import_id: ImportId,
    /// PUT the file to this URL.
    upload_url: String,
    /// With this `Content-Type`.
    content_type: Format,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// How far an import is.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ImportStatus {
    import_id: ImportId,
    state: ImportState,
    content_type: Format,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[serde(flatten)]
    tally: Tally,
    /// The store's snapshot that holds it; absent until it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<Digest>,
    /// Why it failed, and how to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<ImportRow> for ImportStatus {
    fn from(row: ImportRow) -> Self {
        let ImportRow { import_id, state, format, created_at, updated_at, tally, snapshot, reason, .. } = row;
        Self { import_id, state, content_type: format, created_at, updated_at, tally, snapshot, reason }
    }
}

/// The path of one import.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OfImport {
    /// One of the token's stores.
    #[param(value_type = String, max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    store_id: StoreId,
    /// The import.
    #[param(value_type = String, pattern = "^imp-[0-9a-f]{32}$")]
    import_id: ImportId,
}

/// Takes a file of products: a verdict on each row, and a new snapshot if anything changed. The same file again changes
/// nothing. Bad rows do not stop the others; products that the file does not name stay as they are.
#[utoipa::path(
    post,
    path = "/catalog/stores/{store_id}/import",
    tag = "catalog",
    params(InStore),
    request_body(content(
        (Vec<super::products::PutProduct> = "application/json"),
        (String = "application/x-ndjson"),
        (String = "text/csv"),
        (String = "text/tab-separated-values"),
    ), description = "The file; columns are named as docs/import.md says."),
    responses(
        (status = 200, description = "What became of each row.", body = ImportReport),
        (status = 422, description = "The first line names no id, name or price.",
            body = shared::problem::ProblemDocument, content_type = "application/problem+json"),
        Guarded,
        WithBody,
    )
)]
pub(super) async fn import(
    State(app): State<App>,
    caller: Caller,
    Path(InStore { store_id }): Path<InStore>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Json<ImportReport>, Error> {
    let entered = enter(&app, &caller, &store_id, Permission::UpdateInventory)?;
    let format = Format::of(&web::extract::media_type(&headers))?;
    entered.store().await?;
    let mut rows: Rows<&[u8]> = Rows::open(format, &body[..])?;
    let (mut tally, writer) = (Tally::default(), format!("request-{}", random_hex::<8>()));
    let mut loading = Loading::new(&entered.table, &app.clock, &writer, false);
    while loading.chunk(&mut rows, &mut tally).await? > 0 {}
    let wrote = loading.settle().await?;
    drop::<Bytes>(body);
    let (published, pending, snapshot) =
        if wrote { Box::pin(publish(&app, &entered.scope)).await? } else { (false, false, None) };
    Ok(Json(ImportReport { tally, published, pending, snapshot }))
}

/// Publishes at once what can be; the rows are stored either way, and the job does the rest.
async fn publish(app: &App, scope: &StoreScope) -> Result<(bool, bool, Option<Digest>), Error> {
    if app.table().of(scope).state().await?.state.documents > MAX_PUBLISHED_AT_ONCE {
        return Ok((false, true, None));
    }
    Ok(match app.publisher.publish(scope, &unwatched).await {
        Ok(Outcome::Published(digest)) => (true, false, Some(digest)),
        Ok(Outcome::Unchanged(digest)) => (false, false, Some(digest)),
        Ok(Outcome::Current(digest)) => (false, false, digest),
        Ok(Outcome::Superseded | Outcome::Waiting) => (false, true, None),
        Err(error) => {
            let causes = shared::problem::chain(&error);
            tracing::error!(event = "publish_failed", error = causes, "publishing after an import failed: {causes}");
            (false, true, None)
        }
    })
}

/// Begins an import of any size: PUT the file to the URL within 15 minutes, then start it.
#[utoipa::path(
    post,
    path = "/catalog/stores/{store_id}/imports",
    tag = "catalog",
    params(InStore),
    request_body = NewImport,
    responses((status = 201, description = "Where to upload it.", body = UploadTicket), Guarded, WithBody)
)]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(InStore { store_id }): Path<InStore>,
    token: Option<Extension<Token>>,
    Json(body): Json<NewImport>,
) -> Result<(StatusCode, Json<UploadTicket>), Error> {
    let entered = enter(&app, &caller, &store_id, Permission::UpdateInventory)?;
    let format = Format::of(&body.content_type.trim().to_ascii_lowercase())?;
    entered.store().await?;
    let now = app.clock.now();
    // A run that follows one that was killed makes the same import, and not a second.
    let id = token.map_or_else(ImportId::new, |Extension(token)| ImportId::of(&entered.scope, &token));
    let row = entered.table.create_import(id, format, now).await?;
    let upload = job::upload_name(&entered.scope, &row.import_id);
    let blobs = app.blobs().of(entered.scope.tenant_scope());
    let valid = UPLOAD_TIME.unsigned_abs();
    let upload_url = blobs.upload_url(&upload, format.media_type(), valid).await?;
    let ticket =
        UploadTicket { import_id: row.import_id, upload_url, content_type: format, expires_at: now + UPLOAD_TIME };
    Ok((StatusCode::CREATED, Json(ticket)))
}

/// Queues an import whose file is uploaded. One that is queued, running or done already stays as it is.
#[utoipa::path(
    post,
    path = "/catalog/stores/{store_id}/imports/{import_id}/start",
    tag = "catalog",
    params(OfImport),
    responses((status = 202, description = "It is queued, or further on.", body = ImportStatus), Guarded)
)]
pub(super) async fn start(
    State(app): State<App>,
    caller: Caller,
    Path(OfImport { store_id, import_id }): Path<OfImport>,
) -> Result<(StatusCode, Json<ImportStatus>), Error> {
    let entered = enter(&app, &caller, &store_id, Permission::UpdateInventory)?;
    match entered.table.start_import(&import_id, app.clock.now()).await? {
        Some(row) => Ok((StatusCode::ACCEPTED, Json(row.into()))),
        None => Err(Error::NoSuchImport(import_id)),
    }
}

/// Says how far an import is, and what became of its rows.
#[utoipa::path(
    get,
    path = "/catalog/stores/{store_id}/imports/{import_id}",
    tag = "catalog",
    params(OfImport),
    responses((status = 200, description = "How far it is.", body = ImportStatus), Guarded)
)]
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(OfImport { store_id, import_id }): Path<OfImport>,
) -> Result<Json<ImportStatus>, Error> {
    let entered = enter(&app, &caller, &store_id, Permission::UpdateInventory)?;
    match entered.table.import(&import_id).await? {
        Some(row) => Ok(Json(row.into())),
        None => Err(Error::NoSuchImport(import_id)),
    }
}
