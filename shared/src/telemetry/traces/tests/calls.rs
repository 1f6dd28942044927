//! Under whose name calls go out.

use super::*;

#[tokio::test]
async fn calls_are_made_in_the_name_of_the_span_that_makes_them() {
    let collector = Collector::start(Manner::Well).await.unwrap();
    let (guard, _) = exporting(collector.url(), 0.0);
    let (_, back, called) = ask(&app(), "/called", parent(true)).await;
    assert_eq!(back, called, "the request's own span");
    let (_, _, deep) = ask(&app(), "/deep", parent(true)).await;
    let span = named(&collector.traces()[1], "call")["spanId"].as_str().unwrap().to_owned();
    assert_eq!(deep, format!("00-{TRACE}-{span}-01"));
    drop(guard);
    let (_, back, deep) = ask(&app(), "/deep", parent(true)).await;
    assert_eq!(back, deep, "without an exporter the request's span stands for all");
    assert_eq!(traceparent(), None, "nothing is asked for");
}

#[tokio::test]
async fn what_is_fetched_elsewhere_is_asked_for_under_the_requests_trace() {
    let vendor = Collector::start(Manner::Well).await.unwrap();
    let url = vendor.url().to_owned();
    let asks = get(move || async move {
        let fetch = crate::fetch::Fetch::plain();
        let answer = fetch.post_json(&url, b"{}".to_vec(), Duration::from_secs(5), 1_000).await.unwrap();
        answer.status.to_string()
    });
    let app = wrap(Router::new().route("/asks", asks), AllowedOrigins::default());
    let (_, back, body) = ask(&app, "/asks", parent(true)).await;
    assert_eq!(body, "200");
    assert!(vendor.heads()[0].contains(&format!("traceparent: {back}\r\n")), "{}", vendor.heads()[0]);
}
