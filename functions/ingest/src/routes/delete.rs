//! Deleting an event.

use super::service_or;
use crate::{App, Error};
use axum::extract::State;
use event_store::{Deleted, EventId};
use http::StatusCode;
use serde::Deserialize;
use shared::{
    auth::Scope,
    web::{
        Path, Query,
        answers::{Guarded, OfOne},
        context::{Context, ContextHeaders},
    },
};

/// An event, by its name.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OfPath {
    /// Its name, with `%23` for the `#`.
    #[param(example = "req-abc123#default")]
    event_id: String,
}

/// An event, by its name.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfQuery {
    /// Its name, with `%23` for the `#`.
    #[param(example = "req-abc123#default")]
    event_id: String,
}

/// Deletes an event. Once this is answered, no query finds it.
#[utoipa::path(
    delete,
    path = "/analytics/event/{event_id}",
    tag = "analytics",
    params(
        OfPath,
        ContextHeaders,
    ),
    responses((status = 204, description = "It is gone."), OfOne, Guarded)
)]
pub(super) async fn one(
    State(app): State<App>,
    context: Context,
    Path(OfPath { event_id }): Path<OfPath>,
) -> Result<StatusCode, Error> {
    deleted(&app, &context, &event_id).await
}

/// Deletes the event that the query names, for clients that cannot write a `#` into a path.
#[utoipa::path(
    delete,
    path = "/analytics/event",
    tag = "analytics",
    params(
        OfQuery,
        ContextHeaders,
    ),
    responses((status = 204, description = "It is gone."), OfOne, Guarded)
)]
pub(super) async fn named(
    State(app): State<App>,
    context: Context,
    Query(OfQuery { event_id }): Query<OfQuery>,
) -> Result<StatusCode, Error> {
    deleted(&app, &context, &event_id).await
}

async fn deleted(app: &App, context: &Context, event_id: &str) -> Result<StatusCode, Error> {
    service_or(&context.caller, Scope::AdminWrite).await?;
    let id: EventId = event_id.parse().map_err(Error::BadEventId)?;
    let store = app.stores.of(context).await?.ok_or(Error::NoSuchEvent)?;
    match store.delete(&context.tenant, &id).await.map_err(Error::of_query)? {
        Deleted::Gone => Ok(StatusCode::NO_CONTENT),
        Deleted::NotThere => Err(Error::NoSuchEvent),
    }
}
