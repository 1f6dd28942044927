//! Replies that the stores give in bad times, as they have them on the wire.
//!
//! Source: Amazon DynamoDB Developer Guide, "Error handling with DynamoDB"; API reference of `TransactWriteItems`; Amazon S3 API
//! reference, "Error responses"; AWS Secrets Manager API reference, "Common errors".

use super::call::{Asked, Service};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use serde_json::{Value, json};
use std::convert::Infallible;

/// A reply that the function is told in place of the store's.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// `content-type`.
    pub media: &'static str,
    /// The body.
    pub body: Bytes,
    /// Whether it carries the CRC-32 of its body, as every reply of DynamoDB's own does.
    pub checked: bool,
}

impl Reply {
    /// A reply with a JSON document, as DynamoDB and Secrets Manager speak.
    pub fn json(status: u16, document: &Value) -> Self {
        Self { status, media: "application/x-amz-json-1.0", body: document.to_string().into(), checked: false }
    }

    /// A good reply without a body.
    pub fn empty() -> Self {
        Self { status: 200, media: "application/x-amz-json-1.0", body: Bytes::new(), checked: false }
    }

    /// A good reply of somebody else: a page that asks to log in, as hotels' networks put before everything.
    pub fn foreign() -> Self {
        let page = "<!DOCTYPE html><title>Log in</title><h1>Welcome</h1>";
        Self { status: 200, media: "text/html", body: page.into(), checked: false }
    }

    /// The same with the CRC-32 of its body, so that it passes for DynamoDB's own.
    pub fn checked(self) -> Self {
        Self { checked: true, ..self }
    }

    /// The store is asked too much.
    pub(super) fn throttled(asked: &Asked) -> Self {
        match (asked.service, asked.operation.as_str()) {
            (Service::DynamoDb, "TransactWriteItems" | "TransactGetItems") => {
                canceled(asked, "ThrottlingError", "Throughput exceeds the current capacity of your table or index.")
            }
            (Service::DynamoDb, _) => fault(
                400,
                "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.",
            ),
            (Service::S3, _) => xml(503, "SlowDown", "Please reduce your request rate."),
            (Service::SecretsManager, _) => fault(400, "ThrottlingException", "Rate exceeded"),
        }
    }

    /// Another transaction is in the way.
    pub(super) fn conflicting(asked: &Asked) -> Self {
        match (asked.service, asked.operation.as_str()) {
            (Service::DynamoDb, "TransactWriteItems" | "TransactGetItems") => {
                canceled(asked, "TransactionConflict", "Transaction is ongoing for the item")
            }
            (Service::S3, _) => xml(
                409,
                "ConditionalRequestConflict",
                "The conditional request cannot succeed due to a conflicting operation against this resource.",
            ),
            _ => fault(
                400,
                "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
                "Transaction is ongoing for the item",
            ),
        }
    }

    /// The store broke.
    pub(super) fn failed(asked: &Asked, status: u16) -> Self {
        let unavailable = status == 503;
        match asked.service {
            Service::S3 if unavailable => xml(503, "ServiceUnavailable", "Service is unable to handle request."),
            Service::S3 => xml(status, "InternalError", "We encountered an internal error. Please try again."),
            Service::DynamoDb if unavailable => {
                fault(503, "com.amazonaws.dynamodb.v20120810#ServiceUnavailable", "The service is unavailable.")
            }
            Service::DynamoDb => fault(
                status,
                "com.amazonaws.dynamodb.v20120810#InternalServerError",
                "The request processing has failed.",
            ),
            Service::SecretsManager => fault(status, "InternalServiceError", "An error occurred on the server side."),
        }
    }

    /// A batch of which nothing was done: it comes back as unprocessed.
    pub(super) fn put_off(asked: &Asked) -> Self {
        let items = &asked.document["RequestItems"];
        match asked.operation.as_str() {
            "BatchGetItem" => Self::json(200, &json!({"Responses": {}, "UnprocessedKeys": items})).checked(),
            _ => Self::json(200, &json!({"UnprocessedItems": items})).checked(),
        }
    }

    pub(super) fn into_response(self) -> http::Response<BoxBody<Bytes, std::io::Error>> {
        let checksum = self.checked.then(|| checksum(&self.body));
        let body = Full::new(self.body).map_err(|never: Infallible| match never {}).boxed();
        let mut response = http::Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media));
        headers.extend(checksum.map(|checksum| (CHECKSUM, checksum)));
        headers.insert(
            "x-amzn-requestid",
            HeaderValue::from_static("FAULT0000000000000000000000000000000000000000000000"),
        );
        response
    }
}

/// The header by which a reply of DynamoDB proves its body.
pub(super) const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-crc32");

/// What [`CHECKSUM`] says of a body.
pub(super) fn checksum(body: &[u8]) -> HeaderValue {
    let mut crc = flate2::Crc::new();
    crc.update(body);
    HeaderValue::from(crc.sum())
}

fn fault(status: u16, kind: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"__type": kind, "message": message})).checked()
}

/// A transaction that was given up: every part has its reason, and the last one is to blame.
fn canceled(asked: &Asked, code: &str, message: &str) -> Reply {
    let blamed = asked.parts.len().saturating_sub(1);
    let reason = |place| match place == blamed {
        true => json!({"Code": code, "Message": message}),
        false => json!({"Code": "None"}),
    };
    let reasons: Vec<Value> = (0..asked.parts.len()).map(reason).collect();
    let codes: Vec<&str> = reasons.iter().filter_map(|reason| reason["Code"].as_str()).collect();
    let told =
        format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes.join(", "));
    Reply::json(
        400,
        &json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": told,
            "CancellationReasons": reasons,
        }),
    )
    .checked()
}

fn xml(status: u16, code: &str, message: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message><RequestId>FAULT</RequestId></Error>"
    );
    Reply { status, media: "application/xml", body: body.into(), checked: false }
}
