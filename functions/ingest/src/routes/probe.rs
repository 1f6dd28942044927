//! Trying a backend before traffic depends on it.

use crate::{App, Error, stores::NotOpened};
use axum::extract::State;
use event_store::{
    Deleted, Event, EventId, EventStore, PutOutcome, StoreError,
    event::{DEFAULT_STEP, Dimensions},
    store::ToPut,
};
use jiff::Timestamp;
use serde_json::value::RawValue;
use shared::{
    auth::Scope,
    problem::Problem,
    routes::{Backend, Probed, ResourceKind, Step, ToProbe},
    tenant::TenantScope,
    web::{
        Json,
        answers::{Guarded, WithBody},
        context::{Context, ContextHeaders},
        request::random_hex,
    },
};

/// Tries a backend that no route need lead to: a record of the system tenant's is written, read back and deleted.
///
/// `POST /routing/routes?dry_run=true` asks this of the backend that it is sent.
#[utoipa::path(
    post,
    path = "/analytics/probe",
    tag = "analytics",
    params(ContextHeaders),
    request_body = ToProbe,
    responses((status = 200, description = "The backend did what it was asked.", body = Probed), Guarded, WithBody)
)]
pub(super) async fn probe(
    State(app): State<App>,
    context: Context,
    Json(asked): Json<ToProbe>,
) -> Result<Json<Probed>, Error> {
    context.caller.require(Scope::AdminWrite).await?;
    if !context.tenant.is_system() {
        let problem = Problem::from(Error::NotTheSystem);
        context.caller.denied(&problem, Some(Scope::AdminWrite.as_str()));
        return Err(problem.into());
    }
    let backend = Backend::parse(ResourceKind::AnalyticsStore, &asked.backend_type, &asked.config);
    let store = match app.stores.at(backend.map_err(Error::BadBackend)?).await {
        Ok(store) => store,
        Err(NotOpened::Because(why)) => return Err(failed(Step::Connect, why)),
        Err(NotOpened::Unready(error)) => return Err(failed(Step::Connect, error.to_string())),
        Err(NotOpened::Unknown(error)) => return Err(Problem::from(error).into()),
    };
    tried(&*store, &context.tenant, app.clock.now()).await?;
    Ok(Json(Probed { probed: true }))
}

fn failed(step: Step, why: impl Into<String>) -> Error {
    Error::Probe { step, why: why.into() }
}

/// Why a step failed, for an administrator: what a store says itself is in the log.
fn because(step: Step) -> impl Fn(StoreError) -> Error {
    move |error| {
        let causes = shared::problem::chain(&error);
        tracing::warn!(event = "analytics_probe_failed", step = step.as_str(), error = causes, "a probe failed");
        let why = match error {
            StoreError::BadConfig(why) => why.to_owned(),
            other => other.to_string(),
        };
        failed(step, why)
    }
}

async fn tried(store: &dyn EventStore, tenant: &TenantScope, now: Timestamp) -> Result<(), Error> {
    let put = record(now).map_err(because(Step::Write))?;
    let id = put.event.event_id.clone();
    let written = store.put(tenant, &[put]).await.pop();
    let written = written.unwrap_or(Err(StoreError::Unavailable("the store said nothing".into())));
    match written.map_err(because(Step::Write))? {
        PutOutcome::Stored => {}
        // The call was made twice by the client, its first answer being lost: its record is there.
        PutOutcome::Duplicate => {}
        PutOutcome::Conflict => return Err(failed(Step::Write, "it keeps another record under a new name")),
    }
    let read = match store.get(tenant, &id).await {
        Ok(Some(read)) if read.payload.get() == PAYLOAD && read.timestamp == now => Ok(()),
        Ok(Some(_)) => Err(failed(Step::Read, "what is read is not what was written")),
        Ok(None) => Err(failed(Step::Read, "what was written is not there")),
        Err(error) => Err(because(Step::Read)(error)),
    };
    // Whatever the reading said, nothing is left behind that can be taken away.
    let deleted = store.delete(tenant, &id).await.map_err(because(Step::Delete));
    read?;
    match deleted? {
        Deleted::Gone => {}
        Deleted::NotThere => return Err(failed(Step::Delete, "what was written is not there to be deleted")),
    }
    match store.get(tenant, &id).await.map_err(because(Step::Delete))? {
        None => Ok(()),
        Some(_) => Err(failed(Step::Delete, "what was deleted is still there")),
    }
}

const PAYLOAD: &str = r#"{"probe":true}"#;

fn record(now: Timestamp) -> Result<ToPut, StoreError> {
    let form = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Form(error);
    let request_id = format!("probe-{}", random_hex::<12>());
    let event = Event {
        event_id: EventId::of(&request_id, DEFAULT_STEP).map_err(|error| form(error.into()))?,
        event_type: "smartstore.probe".to_owned(),
        project_id: "proj-system".to_owned(),
        request_id,
        user_id: None,
        run_id: None,
        step_id: Some(DEFAULT_STEP.to_owned()),
        session_id: None,
        dimensions: Dimensions::default(),
        payload: RawValue::from_string(PAYLOAD.to_owned()).map_err(|error| form(error.into()))?,
        timestamp: now,
        received_at: now,
    };
    Ok(ToPut { fingerprint: event.fingerprint(Some(now)), event })
}
