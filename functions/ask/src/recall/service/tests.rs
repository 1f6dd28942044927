use super::*;
use http::HeaderMap;

fn reply(status: u16, kind: &'static str, body: &str) -> Fetched {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, http::HeaderValue::from_static(kind))]);
    Fetched { status, headers, body: body.to_owned().into() }
}

fn json(body: &str) -> Result<Vec<External>, Fault> {
    read(&reply(200, "application/json; charset=utf-8", body), 3)
}

#[test]
fn a_reply_of_the_form_is_read_and_what_it_has_beside_is_left() {
    let found = json(
        r#"{"results": [{"id": "p1", "text": "Oat milk", "similarity": 0.9, "category": "milk",
            "updated_at": "2026-03-01T09:00:00Z", "score": {}}, {"id": "p2", "similarity": 1}], "took_ms": 3}"#,
    );
    let found = found.unwrap();
    assert_eq!((found[0].id.as_str(), found[0].similarity, found[1].similarity), ("p1", 0.9, 1.0));
    assert!(found[0].updated_at.is_some() && found[1].category.is_none());
    assert!(json(r#"{"results": []}"#).unwrap().is_empty());
}

#[test]
fn an_odd_reply_is_an_error_and_never_an_empty_result() {
    for odd in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"results": null}"#,
        r#"{"hits": []}"#,
        r#"{"results": [{"id": "p1"}]}"#,
        r#"{"results": [{"id": "p1", "similarity": "0.9"}]}"#,
        r#"{"results": [{"id": "p1", "similarity": 1.01}]}"#,
        r#"{"results": [{"id": "p1", "similarity": -0.1}]}"#,
        r#"{"results": [{"id": "p1", "similarity": 1e400}]}"#,
        r#"{"results": [{"id": "", "similarity": 0.5}]}"#,
        r#"{"results": [{"id": "p1", "similarity": 0.5}, {"id": "p1", "similarity": 0.4}]}"#,
        r#"{"results": [{"id": "p1", "similarity": 0.5, "updated_at": "yesterday"}]}"#,
        r#"{"results": [{"id": "p1", "similarity": 0.5}"#,
        r#"{"results": []} {"results": []}"#,
    ] {
        assert!(matches!(json(odd), Err(Fault::Form(_))), "{odd}");
    }
    let four: Vec<_> = (0..4).map(|n| format!(r#"{{"id": "p{n}", "similarity": 0.5}}"#)).collect();
    assert!(json(&format!(r#"{{"results": [{}]}}"#, four.join(","))).is_err());
    let html = reply(200, "text/html", r#"{"results": []}"#);
    assert!(matches!(read(&html, 3), Err(Fault::Form(_))));
}

#[test]
fn only_what_may_pass_is_tried_again_and_only_what_is_our_fault_is_not_counted() {
    for (fault, passes, refusal) in [
        (Fault::Timeout, true, false),
        (Fault::Connection(String::new()), true, false),
        (Fault::Status(500), true, false),
        (Fault::Status(503), true, false),
        (Fault::Status(429), false, false),
        (Fault::Status(400), false, true),
        (Fault::Status(404), false, true),
        (Fault::Status(307), false, false),
        (Fault::Form("odd"), false, false),
    ] {
        assert_eq!((fault.passes(), fault.is_refusal()), (passes, refusal), "{fault:?}");
    }
}
