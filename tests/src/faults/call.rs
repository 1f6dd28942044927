//! A call of a store as the door reads it off the wire.

use super::keys::{self, Touched};
use bytes::Bytes;
use http::request::Parts;
use local::template::Table;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Which store is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// DynamoDB.
    DynamoDb,
    /// S3.
    S3,
    /// Secrets Manager.
    SecretsManager,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not ended yet.
    UnderWay,
    /// The store answered with this status, and the function was told so.
    Answered(u16),
    /// A rule with this name stood in the way. Some let the effect happen all the same: `lose_reply`, `cut`, `truncate`, `alter`.
    Faulted(&'static str),
}

/// A call that went through a door.
#[derive(Clone, Debug)]
pub struct Call {
    /// The binary of the function that called.
    pub function: String,
    /// The store.
    pub service: Service,
    /// `PutItem`, `GetObject`, `GetSecretValue`, ….
    pub operation: String,
    /// Table, bucket or secret; the first where there are several.
    pub target: String,
    /// The index, where one is read.
    pub index: Option<String>,
    /// The leading key of every row, or the object keys. Empty for what has none, such as a scan.
    pub keys: Vec<String>,
    /// For DynamoDB's transactions: what each part does (`Put`, `Update`, …).
    pub parts: Vec<String>,
    /// The id that the SDK gives all tries of one call.
    pub invocation: Option<String>,
    /// The request that is worked on, where the caller says so in `x-request-id`.
    pub request_id: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What is asked of a store.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) service: Service,
    pub(super) operation: String,
    pub(super) target: String,
    pub(super) index: Option<String>,
    pub(super) keys: Vec<String>,
    pub(super) parts: Vec<String>,
    /// The body where it is JSON.
    pub(super) document: Value,
}

impl Asked {
    pub(super) fn read(parts: &Parts, body: &Bytes, tables: &[Table]) -> Self {
        let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (protocol, operation) = target.split_once('.').unwrap_or_default();
        let document = serde_json::from_slice(body).unwrap_or_default();
        if protocol.starts_with("DynamoDB_") {
            return Self::rows(operation, document, tables);
        }
        if protocol == "secretsmanager" {
            let secret = document["SecretId"].as_str().unwrap_or_default().to_owned();
            return Self::of(Service::SecretsManager, operation, secret, document);
        }
        Self::objects(parts, body)
    }

    fn of(service: Service, operation: &str, target: String, document: Value) -> Self {
        let operation = operation.to_owned();
        Self { service, operation, target, index: None, keys: Vec::new(), parts: Vec::new(), document }
    }

    fn rows(operation: &str, document: Value, tables: &[Table]) -> Self {
        let Touched { table, index, keys, parts } = keys::touched(operation, &document, tables);
        Self { index, keys, parts, ..Self::of(Service::DynamoDb, operation, table, document) }
    }

    fn objects(parts: &Parts, body: &Bytes) -> Self {
        let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy().into_owned();
        let path = path.trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let query = parts.uri.query().unwrap_or_default();
        let says = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
        let copies = parts.headers.contains_key("x-amz-copy-source");
        let operation = match (parts.method.as_str(), key.is_empty()) {
            ("GET", true) if bucket.is_empty() => "ListBuckets",
            ("GET", true) => "ListObjectsV2",
            ("HEAD", true) => "HeadBucket",
            ("PUT", true) => "CreateBucket",
            ("DELETE", true) => "DeleteBucket",
            ("POST", true) if says("delete") => "DeleteObjects",
            ("GET", false) => "GetObject",
            ("HEAD", false) => "HeadObject",
            ("PUT", false) if says("partNumber") => "UploadPart",
            ("PUT", false) if copies => "CopyObject",
            ("PUT", false) => "PutObject",
            ("DELETE", false) if says("uploadId") => "AbortMultipartUpload",
            ("DELETE", false) => "DeleteObject",
            ("POST", false) if says("uploads") => "CreateMultipartUpload",
            ("POST", false) if says("uploadId") => "CompleteMultipartUpload",
            _ => "?",
        };
        let keys = match operation {
            "DeleteObjects" => keys::listed_in_xml(body),
            "ListObjectsV2" => keys::prefix(query).into_iter().collect(),
            _ => Some(key.to_owned()).filter(|key| !key.is_empty()).into_iter().collect(),
        };
        Self { keys, ..Self::of(Service::S3, operation, bucket.to_owned(), Value::Null) }
    }

    /// The call as the log has it.
    pub(super) fn call(&self, function: &str, parts: &Parts) -> Call {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Call {
            function: function.to_owned(),
            service: self.service,
            operation: self.operation.clone(),
            target: self.target.clone(),
            index: self.index.clone(),
            keys: self.keys.clone(),
            parts: self.parts.clone(),
            invocation: header("amz-sdk-invocation-id"),
            request_id: header("x-request-id"),
            outcome: Outcome::UnderWay,
        }
    }
}
