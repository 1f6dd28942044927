//! An HTTP request as API Gateway hands it to a function: an HTTP API event, payload format 2.0.
//!
//! Format: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>. The path
//! is percent-decoded, header names are in lower case with repeated values joined by commas, cookies stand apart, and a
//! body that is not declared as text is base64.

use super::table::Found;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, header, request::Parts};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, net::SocketAddr};

/// The path as API Gateway decodes it; `None` where that gives no UTF-8.
pub(crate) fn decoded_path(path: &str) -> Option<String> {
    percent_decode_str(path).decode_utf8().ok().map(Into::into)
}

/// Writes the event for a request, already decoded, whose body is `body`.
pub(crate) fn event(
    parts: &Parts,
    path: &str,
    body: &[u8],
    found: Option<&Found<'_>>,
    from: SocketAddr,
    now: Timestamp,
) -> String {
    let query = parts.uri.query().unwrap_or_default();
    let mut headers = joined(&parts.headers);
    let cookies = headers.remove("cookie");
    let cookies: Vec<&str> = cookies.iter().flat_map(|line| line.split(';')).map(str::trim).collect();
    headers.insert("x-forwarded-for".to_owned(), from.ip().to_string());
    headers.insert("x-forwarded-port".to_owned(), "443".to_owned());
    headers.insert("x-forwarded-proto".to_owned(), "https".to_owned());
    let key = found.map_or("$default", |found| found.key.as_str());
    let host = headers.get("host").cloned().unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": query,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": host,
            "domainPrefix": "local",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": from.ip().to_string(),
                "userAgent": headers.get("user-agent").cloned().unwrap_or_default(),
            },
            "requestId": shared::web::request::random_hex::<8>(),
            "routeKey": key,
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "headers": headers,
        "isBase64Encoded": false,
    });
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !query.is_empty() {
        event["queryStringParameters"] = Value::Object(query_parameters(query));
    }
    if let Some(found) = found.filter(|found| !found.parameters.is_empty()) {
        let parameters = found.parameters.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
        event["pathParameters"] = parameters.collect::<Map<_, _>>().into();
    }
    if !body.is_empty() {
        match std::str::from_utf8(body) {
            Ok(text) if is_text(&parts.headers) => event["body"] = text.into(),
            _ => {
                event["body"] = STANDARD.encode(body).into();
                event["isBase64Encoded"] = true.into();
            }
        }
    }
    event.to_string()
}

fn joined(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        // Cookies keep their own separator.
        let separator = if name == header::COOKIE { "; " } else { "," };
        let of_name = joined.entry(name.as_str().to_owned());
        of_name.and_modify(|all| *all = format!("{all}{separator}{value}")).or_insert_with(|| value.to_string());
    }
    joined
}

fn query_parameters(query: &str) -> Map<String, Value> {
    let mut joined = BTreeMap::<String, String>::new();
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value);
        joined.entry(decode(name)).and_modify(|all| *all = format!("{all},{value}")).or_insert(value);
    }
    joined.into_iter().map(|(name, value)| (name, value.into())).collect()
}

/// Whether API Gateway passes a body of this type on as text.
fn is_text(headers: &HeaderMap) -> bool {
    let media = shared::web::extract::media_type(headers);
    let texts = ["application/json", "application/xml", "application/javascript"];
    media.starts_with("text/") || texts.contains(&media.as_str()) || media.ends_with("+json") || media.ends_with("+xml")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn of(request: Request<()>, body: &[u8]) -> Value {
        let (parts, ()) = request.into_parts();
        let path = decoded_path(parts.uri.path()).unwrap();
        let from = "127.0.0.1:5".parse().unwrap();
        let found =
            Found { binary: "f", key: "GET /a/{id}".into(), parameters: vec![("id".into(), "x#default".into())] };
        let event = event(&parts, &path, body, Some(&found), from, "2026-03-01T09:05:07Z".parse().unwrap());
        serde_json::from_str(&event).unwrap()
    }

    #[test]
    fn a_request_becomes_the_event_that_the_gateway_would_send() {
        let request = Request::get("/a/x%23default?b=1&b=2&c=%20")
            .header("X-Two", "1")
            .header("X-Two", "2")
            .header("cookie", "k=v; l=w")
            .header("content-type", "application/json")
            .body(())
            .unwrap();
        let event = of(request, b"{}");
        for (pointer, value) in [
            ("/version", json!("2.0")),
            ("/rawPath", json!("/a/x#default")),
            ("/rawQueryString", json!("b=1&b=2&c=%20")),
            ("/queryStringParameters", json!({"b": "1,2", "c": " "})),
            ("/pathParameters", json!({"id": "x#default"})),
            ("/headers/x-two", json!("1,2")),
            ("/cookies", json!(["k=v", "l=w"])),
            ("/body", json!("{}")),
            ("/isBase64Encoded", json!(false)),
            ("/requestContext/http/method", json!("GET")),
            ("/requestContext/time", json!("01/Mar/2026:09:05:07 +0000")),
        ] {
            assert_eq!(event.pointer(pointer), Some(&value), "{pointer}");
        }
        assert!(event["headers"].get("cookie").is_none());
    }

    #[test]
    fn a_body_that_is_not_declared_as_text_or_is_none_travels_as_base64() {
        for (media, body, text) in [
            ("text/csv", &b"a,b"[..], Some("a,b")),
            ("application/problem+json", b"{}", Some("{}")),
            ("application/x-www-form-urlencoded", b"a=b", None),
            ("", b"a", None),
            ("text/csv", b"\xff", None),
        ] {
            let event = of(Request::post("/a/x%23default").header("content-type", media).body(()).unwrap(), body);
            let expected = text.map_or_else(|| STANDARD.encode(body), str::to_owned);
            assert_eq!(event["body"], expected, "{media}");
            assert_eq!(event["isBase64Encoded"], text.is_none(), "{media}");
        }
    }
}
