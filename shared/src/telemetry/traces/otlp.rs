//! OTLP as JSON: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>. Ids are hex, enums are numbers, 64-bit integers
//! are texts.

use super::buffer::{Attributes, Buffer, Kind, Trace, Value};
use crate::telemetry::Service;
use serde::Serialize;
use std::{borrow::Cow, time::Duration};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: Resource<'a>,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope,
    spans: Vec<Span<'a>>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span<'a> {
    trace_id: &'a str,
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<Cow<'a, str>>,
    name: &'a str,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<KeyValue<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<Event<'a>>,
    status: Status,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    time_unix_nano: String,
    name: &'a str,
    attributes: Vec<KeyValue<'a>>,
}

/// Without a code the status is unset, as it is to be where nothing failed.
#[derive(Serialize)]
struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u8>,
}

#[derive(Serialize)]
struct KeyValue<'a> {
    key: &'a str,
    value: AnyValue<'a>,
}

#[derive(Serialize)]
enum AnyValue<'a> {
    #[serde(rename = "stringValue")]
    Text(Cow<'a, str>),
    #[serde(rename = "intValue")]
    Int(String),
    #[serde(rename = "doubleValue")]
    Double(f64),
    #[serde(rename = "boolValue")]
    Bool(bool),
}

const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const STATUS_ERROR: u8 = 2;

/// The document that carries one trace.
pub(crate) fn encode(service: &Service, trace: &Trace, buffer: &Buffer) -> Vec<u8> {
    let spans = buffer.spans.iter().enumerate().map(|(place, span)| Span {
        trace_id: &trace.context.trace_id,
        span_id: trace.span_id(place),
        parent_span_id: match place {
            0 => trace.context.parent.as_ref().map(|parent| Cow::Borrowed(parent.span_id.as_str())),
            _ => Some(trace.span_id(span.parent).into()),
        },
        name: &span.name,
        kind: if place == 0 && trace.kind == Kind::Server { SERVER } else { INTERNAL },
        start_time_unix_nano: nanos(span.begun),
        end_time_unix_nano: nanos(span.ended.unwrap_or(span.begun)),
        attributes: key_values(&span.attributes),
        events: span.events.iter().map(event).collect(),
        status: Status { code: span.failed.then_some(STATUS_ERROR) },
    });
    let spans = spans.collect();
    let scope = Scope { name: "smartstore", version: env!("CARGO_PKG_VERSION") };
    let resource = Resource {
        attributes: vec![
            text("service.name", &service.name),
            text("deployment.environment", &service.environment),
            text("cloud.region", &service.region),
        ],
    };
    let request = Request { resource_spans: [ResourceSpans { resource, scope_spans: [ScopeSpans { scope, spans }] }] };
    serde_json::to_vec(&request).unwrap_or_default()
}

fn event(event: &super::buffer::Event) -> Event<'_> {
    Event { time_unix_nano: nanos(event.at), name: &event.name, attributes: key_values(&event.attributes) }
}

fn nanos(time: Duration) -> String {
    time.as_nanos().to_string()
}

fn text<'a>(key: &'a str, value: &'a str) -> KeyValue<'a> {
    KeyValue { key, value: AnyValue::Text(value.into()) }
}

fn key_values(attributes: &Attributes) -> Vec<KeyValue<'_>> {
    let value = |value| match value {
        &Value::Whole(number) => AnyValue::Int(number.to_string()),
        &Value::Fraction(number) if number.is_finite() => AnyValue::Double(number),
        &Value::Fraction(number) => AnyValue::Text(number.to_string().into()),
        &Value::Flag(flag) => AnyValue::Bool(flag),
        Value::Text(text) => AnyValue::Text(text.into()),
    };
    attributes.iter().map(|(name, held)| KeyValue { key: name, value: value(held) }).collect()
}
