//! Secrets Manager: `GetSecretValue`, `PutSecretValue`, `CreateSecret` and `DescribeSecret` in AWS's JSON 1.1 protocol.
//!
//! The secrets of the template are there from the start: each holds the keys of `.env` and the one that AWS would generate.

use super::secret_book::{Book, CURRENT, NotPut, Secret, Version};
use crate::{stop::Stopped, template};
use anyhow::{Context, Result};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use rand::{Rng, distributions::Alphanumeric};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// The length of a generated key, as the template asks AWS for it.
const GENERATED_CHARS: usize = 64;

/// Opens the secrets in `file`, brings those of the template up to date, and serves them on `listener` until `stopped`.
///
/// A key of `env` that changed makes a new version, as a rotation would; a generated key stays once it is there.
pub(crate) fn serve(
    listener: TcpListener,
    file: PathBuf,
    wanted: &[template::Secret],
    env: &BTreeMap<String, String>,
    stopped: Stopped,
) -> Result<JoinHandle<()>> {
    let mut book = Book::open(file)?;
    for secret in wanted {
        // What one secret generates stands in no other.
        let others =
            wanted.iter().filter(|other| other.name != secret.name).filter_map(|other| other.generated.as_ref());
        let others: Vec<&String> = others.collect();
        let own = env.iter().filter(|(key, _)| !others.contains(key));
        bring_up_to_date(&mut book, secret, &own.map(|(key, value)| (key.clone(), value.clone())).collect())?;
    }
    let app = Router::new().fallback(answer).with_state(Arc::new(Mutex::new(book)));
    Ok(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stopped.wait()).await {
            tracing::error!("Secrets Manager ended: {error}");
        }
    }))
}

fn bring_up_to_date(book: &mut Book, wanted: &template::Secret, env: &BTreeMap<String, String>) -> Result<()> {
    let now = Timestamp::now();
    let current = book.find(&wanted.name).and_then(|(_, secret)| secret.at(CURRENT)).map(|(_, version)| version);
    let mut values: Map<String, Value> = match current {
        Some(version) => serde_json::from_str(&version.value).with_context(|| format!("{} is damaged", wanted.name))?,
        None => Map::new(),
    };
    let before = current.is_some().then(|| values.clone());
    values.extend(env.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))));
    if let Some(key) = &wanted.generated {
        let generate = || rand::thread_rng().sample_iter(&Alphanumeric).take(GENERATED_CHARS).map(char::from).collect();
        values.entry(key.clone()).or_insert_with(|| Value::String(generate()));
    }
    if before.as_ref() == Some(&values) {
        return Ok(());
    }
    book.create(&wanted.name, now);
    let value = Value::Object(values).to_string();
    let put = book.put(&wanted.name, &version_id(), &value, &[CURRENT.to_owned()], now);
    put.map_err(|why| anyhow::anyhow!("{} could not be written: {why:?}", wanted.name))?;
    book.save()
}

fn version_id() -> String {
    let hex = shared::web::request::random_hex::<16>();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A fault as the protocol names it.
struct Fault(&'static str, String);

fn not_found() -> Fault {
    Fault("ResourceNotFoundException", "Secrets Manager can't find the specified secret.".to_owned())
}

fn failed(error: &dyn std::fmt::Display) -> Fault {
    tracing::error!("Secrets Manager failed: {error}");
    Fault("InternalServiceError", "The secret could not be kept.".to_owned())
}

async fn answer(State(book): State<Arc<Mutex<Book>>>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signed = text(header::AUTHORIZATION.as_str()).starts_with("AWS4-HMAC-SHA256");
    let target = text("x-amz-target").strip_prefix("secretsmanager.").unwrap_or_default();
    let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
    let answered = match (signed, target) {
        (false, _) => Err(Fault("MissingAuthenticationTokenException", "The request is not signed.".to_owned())),
        (_, "GetSecretValue") => read(&body).and_then(|request| get(&book, &request)),
        (_, "DescribeSecret") => read(&body).and_then(|request| describe(&book, &request)),
        (_, "PutSecretValue") => read(&body).and_then(|request| put(&mut book, &request)),
        (_, "CreateSecret") => read(&body).and_then(|request| create(&mut book, &request)),
        (_, other) => Err(Fault("InvalidRequestException", format!("The laptop has no operation {other:?}."))),
    };
    let (status, document) = match answered {
        Ok(document) => (StatusCode::OK, document),
        Err(Fault(kind, message)) => {
            let status = if kind == "InternalServiceError" { 500 } else { 400 };
            (StatusCode::from_u16(status).unwrap_or_default(), json!({"__type": kind, "message": message}))
        }
    };
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], document.to_string()).into_response()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    secret_id: Option<String>,
    name: Option<String>,
    secret_string: Option<String>,
    version_id: Option<String>,
    version_stage: Option<String>,
    version_stages: Option<Vec<String>>,
    client_request_token: Option<String>,
}

impl Request {
    fn secret_id(&self) -> Result<&str, Fault> {
        self.secret_id.as_deref().ok_or_else(|| Fault("InvalidParameterException", "SecretId is missing.".to_owned()))
    }
}

fn read(body: &[u8]) -> Result<Request, Fault> {
    serde_json::from_slice(body)
        .map_err(|why| Fault("InvalidParameterException", format!("The body is malformed: {why}")))
}

fn seconds(at: Timestamp) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 stay below 2^53")]
    let seconds = at.as_millisecond() as f64 / 1000.0;
    seconds.into()
}

fn get(book: &Book, request: &Request) -> Result<Value, Fault> {
    let (name, secret) = book.find(request.secret_id()?).ok_or_else(not_found)?;
    let found = match (&request.version_id, &request.version_stage) {
        (Some(id), stage) => secret
            .versions
            .get_key_value(id)
            .filter(|(_, version)| stage.as_ref().is_none_or(|stage| version.stages.contains(stage))),
        (None, stage) => secret.at(stage.as_deref().unwrap_or(CURRENT)),
    };
    let (id, version) = found.ok_or_else(not_found)?;
    Ok(json!({
        "ARN": secret.arn,
        "Name": name,
        "VersionId": id,
        "SecretString": version.value,
        "VersionStages": version.stages,
        "CreatedDate": seconds(version.created_at),
    }))
}

fn describe(book: &Book, request: &Request) -> Result<Value, Fault> {
    let (name, secret) = book.find(request.secret_id()?).ok_or_else(not_found)?;
    let stages = |(id, version): (&String, &Version)| (id.clone(), json!(version.stages));
    Ok(json!({
        "ARN": secret.arn,
        "Name": name,
        "CreatedDate": seconds(secret.created_at),
        "LastChangedDate": seconds(secret.changed_at),
        "VersionIdsToStages": secret.versions.iter().map(stages).collect::<Map<String, Value>>(),
    }))
}

fn put(book: &mut Book, request: &Request) -> Result<Value, Fault> {
    let id = request.secret_id()?;
    let value = request.secret_string.as_deref();
    let value = value.ok_or_else(|| Fault("InvalidParameterException", "SecretString is missing.".to_owned()))?;
    let version = request.client_request_token.clone().unwrap_or_else(version_id);
    let stages = request.version_stages.clone().unwrap_or_else(|| vec![CURRENT.to_owned()]);
    book.put(id, &version, value, &stages, Timestamp::now()).map_err(|why| match why {
        NotPut::NoSuchSecret => not_found(),
        NotPut::OtherValue => Fault("ResourceExistsException", "That version has another value.".to_owned()),
    })?;
    book.save().map_err(|error| failed(&error))?;
    let (name, secret) = book.find(id).ok_or_else(not_found)?;
    Ok(told(name, secret, &version))
}

fn create(book: &mut Book, request: &Request) -> Result<Value, Fault> {
    let name = request.name.as_deref();
    let name = name.ok_or_else(|| Fault("InvalidParameterException", "Name is missing.".to_owned()))?;
    if !book.create(name, Timestamp::now()) {
        return Err(Fault("ResourceExistsException", format!("The secret {name} exists already.")));
    }
    let version = request.client_request_token.clone().unwrap_or_else(version_id);
    if let Some(value) = &request.secret_string {
        let put = book.put(name, &version, value, &[CURRENT.to_owned()], Timestamp::now());
        put.map_err(|_| not_found())?;
    }
    book.save().map_err(|error| failed(&error))?;
    let (name, secret) = book.find(name).ok_or_else(not_found)?;
    Ok(told(name, secret, &version))
}

fn told(name: &str, secret: &Secret, version: &str) -> Value {
    let stages = secret.versions.get(version).map(|version| &version.stages);
    json!({"ARN": secret.arn, "Name": name, "VersionId": version, "VersionStages": stages})
}
