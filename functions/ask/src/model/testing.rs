//! A conversation and replies for the tests of each format.

use super::{Call, CallResult, Fault, Message, Reply, ToolSpec, Turn};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use shared::fetch::Fetched;
use std::time::Duration;

pub(super) fn tools() -> Vec<ToolSpec> {
    let parameters = json!({"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]});
    vec![ToolSpec { name: "search_products", description: "Finds products.", parameters }]
}

/// Asked, called twice (one of them in vain), answered.
pub(super) fn conversation() -> Vec<Message> {
    let call = |id: &str, query: &str| Call {
        id: id.to_owned(),
        name: "search_products".to_owned(),
        arguments: json!({"query": query}),
    };
    let result = |id: &str, content: Value, is_error| CallResult {
        id: id.to_owned(),
        name: "search_products".to_owned(),
        content,
        is_error,
    };
    vec![
        Message::Person("where is the oat milk?".to_owned()),
        Message::Model { text: "I look.".to_owned(), calls: vec![call("c1", "oat milk"), call("c2", "")] },
        Message::Results(vec![
            result("c1", json!({"products": [{"id": "p1", "aisle": "7"}]}), false),
            result("c2", json!({"error": "no words"}), true),
        ]),
    ]
}

pub(super) fn turn<'a>(tools: &'a [ToolSpec], messages: &'a [Message]) -> Turn<'a> {
    Turn { system: "You are a clerk.", tools, messages, max_tokens: 600, time: Duration::from_secs(5) }
}

pub(super) fn now() -> jiff::Timestamp {
    "2026-03-01T09:00:00Z".parse().unwrap()
}

pub(super) fn got(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Fetched {
    let mut all = HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    for (name, value) in headers {
        all.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Fetched { status, headers: all, body: body.to_owned().into() }
}

/// What a 200 is read as.
pub(super) type Read = fn(&Fetched, jiff::Timestamp) -> Result<Reply, Fault>;

/// What no format takes for a reply, whatever its shape.
pub(super) fn refuses_what_is_no_reply(read: Read, reply: &str) {
    let whole = got(200, &[], reply);
    assert!(read(&whole, now()).is_ok(), "{reply}");
    for end in 0..reply.trim_end().len() {
        let cut = read(&got(200, &[], &reply[..end]), now());
        assert!(matches!(cut, Err(Fault::Form(_))), "cut after {end} bytes: {cut:?}");
    }
    for odd in ["null", "[]", "{}", "\"hello\"", "<html>Sign in</html>", r#"{"results": []}"#, r#"{"error": {}}"#] {
        let read = read(&got(200, &[], odd), now());
        assert!(matches!(read, Err(Fault::Form(_))), "{odd}: {read:?}");
    }
    for kind in ["text/html", "text/event-stream", ""] {
        let read = read(&got(200, &[("content-type", kind)], reply), now());
        assert!(matches!(read, Err(Fault::Form(_))), "{kind}: {read:?}");
    }
    for status in [204, 301, 302, 307] {
        let read = read(&got(status, &[], reply), now());
        assert!(matches!(read, Err(Fault::Form(_))), "{status}: {read:?}");
    }
}

/// What every format takes a status for; the provider's sentences are never told.
pub(super) fn tells_statuses_apart(read: Read, body: &str) {
    assert!(body.contains("sk-secret"), "the sentence quotes a key, as providers do");
    for status in [400, 401, 402, 403, 404, 408, 409, 413, 424, 429, 500, 502, 503, 504, 529] {
        let fault = read(&got(status, &[("retry-after", "7")], body), now()).unwrap_err();
        let fits = match status {
            401 | 403 => fault == Fault::Key,
            429 | 529 => fault == Fault::Busy { retry_after: Some(Duration::from_secs(7)) },
            408 | 409 | 424 | 500.. => matches!(fault, Fault::Failed(_)),
            _ => matches!(fault, Fault::Refused(_)),
        };
        assert!(fits, "{status}: {fault:?}");
        assert!(!format!("{fault} {fault:?}").contains("sk-secret"), "{fault:?}");
    }
    let date = got(429, &[("retry-after", "Sun, 01 Mar 2026 09:00:09 GMT")], body);
    assert_eq!(read(&date, now()), Err(Fault::Busy { retry_after: Some(Duration::from_secs(9)) }));
    let fine = got(429, &[("retry-after", "1"), ("retry-after-ms", "250")], body);
    assert_eq!(read(&fine, now()), Err(Fault::Busy { retry_after: Some(Duration::from_millis(250)) }));
    for nonsense in ["soon", "-1", ""] {
        let nonsense = got(429, &[("retry-after", nonsense)], body);
        assert_eq!(read(&nonsense, now()), Err(Fault::Busy { retry_after: None }));
    }
}
