//! What every route owes its caller, whatever it does.

use super::*;
use http::Method;
use local::Options;

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_route_and_a_wrong_method_are_told_as_problems() {
    let bundle = Bundle::start().await;
    let ada = bundle.shopper("ada");
    assert_problem(&ada.get("/nothing/here").await, 404, "http.not_found");
    let wrong = ada.get("/ask").await;
    assert_problem(&wrong, 405, "http.method_not_allowed");
    assert!(wrong.header("allow").contains("POST"), "{:?}", wrong.headers);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_is_kept_or_made_and_comes_back_every_time() {
    let bundle = Bundle::start().await;
    let ada = bundle.shopper("ada");
    let kept = ask(&ada.with_header("x-request-id", "req-abc_1.2"), "when do you close?").await;
    assert_eq!((kept.header("x-request-id"), kept.body["request_id"].as_str()), ("req-abc_1.2", Some("req-abc_1.2")));
    let made = ask(&ada.with_header("x-request-id", "a b"), "when do you close?").await;
    assert!(made.header("x-request-id").starts_with("req-"), "{:?}", made.headers);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traced =
        ask(&ada.with_header("traceparent", &format!("00-{trace}-00f067aa0ba902b7-01")), "when do you close?").await;
    assert_eq!(traced.body["trace_id"], trace);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_have_a_size_and_a_form() {
    let bundle = Bundle::start().await;
    let ada = bundle.shopper("ada");
    let large = ada.post_bytes("/ask", "application/json", vec![b' '; 300 * 1024]).await;
    assert_problem(&large, 413, "http.body_too_large");
    assert_problem(&ada.post_bytes("/ask", "text/plain", "milk?").await, 415, "http.unsupported_media_type");
    for bytes in [
        &b"{"[..],
        b"\xff\xfe",
        b"",
        b"null",
        b"[[[[[[",
        b"{\"question\":\"x\",\"question\":\"y\",\"store_id\":\"downtown\"}",
    ] {
        assert_problem(&ada.post_bytes("/ask", "application/json", bytes.to_vec()).await, 400, "http.bad_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_of_listed_origins_may_call_and_no_others() {
    let bundle = Bundle::start_with(Options::for_tests().variable("CORS_ALLOW_ORIGINS", "https://shop.example")).await;
    for (origin, allowed) in [("https://shop.example", true), ("https://evil.example", false), ("null", false)] {
        let browser = bundle.shopper("ada").with_header("origin", origin);
        let preflight = browser.with_header("access-control-request-method", "POST");
        let preflight = preflight.send(Method::OPTIONS, "/ask", None).await.unwrap();
        assert_eq!(
            preflight.header("access-control-allow-origin") == origin,
            allowed,
            "{origin}: {:?}",
            preflight.headers
        );
        let answer = ask(&browser, "when do you close?").await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin") == origin), (200, allowed));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_paths_are_answered_as_the_gateway_delivers_them() {
    let bundle = Bundle::start().await;
    let ada = bundle.shopper("ada");
    for path in [
        "/catalog/stores/downtown/products/a%23b",
        "/catalog/stores/downtown/products/%2e%2e%2f%2e%2e",
        "/catalog/stores/%00/products/x",
        "/catalog/stores/downtown/products/%ff%fe",
        "/catalog/stores/downtown/products/a%3Fb",
        "/catalog/stores/..%5c..%5cwindows/products/x",
        "//catalog//stores//downtown",
        "/catalog/stores/downtown/search?limit=-1",
        "/catalog/stores/downtown/search?limit=99999999999999999999",
        "/catalog/stores/downtown/search?q=%ff",
        "/catalog/stores/downtown/search?q=a&q=b",
        "/catalog/stores/downtown/products?cursor=%25",
    ] {
        let response = ada.get(path).await;
        assert!(matches!(response.status, 400 | 404), "{path}: {} {}", response.status, response.body);
        assert_eq!(response.header("content-type"), "application/problem+json", "{path}");
    }
}
