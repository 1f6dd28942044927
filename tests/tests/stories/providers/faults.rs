//! Providers and the retrieval service that fail, in each way, at each point.

use super::*;
use std::collections::BTreeSet;
use tests::vendors::Fault;

/// Whether a model is asked again after it.
fn is_retried(fault: Fault) -> bool {
    matches!(fault, Fault::Broken | Fault::Overloaded | Fault::Cut | Fault::Resets)
}

#[tokio::test(flavor = "multi_thread")]
async fn however_a_provider_fails_a_sourced_answer_comes_in_time() {
    for kind in MODELS {
        let vendor = Vendor::start(kind).await;
        let bundle = with(&vendor, kind).await;
        for fault in Fault::ALL {
            // A good answer in between, so that each fault meets a provider that is trusted.
            bundle.clock().advance(jiff::SignedDuration::from_secs(16));
            vendor.then(looks_it_up());
            let ada = bundle.shopper("ada");
            assert!(!is_fallback(&in_time(&ada).await), "{kind:?} before {fault:?}");
            let before = vendor.requests();
            vendor.always(Step::Fail(fault));
            let answer = in_time(&ada).await;
            assert!(is_fallback(&answer), "{kind:?} {fault:?}: {answer}");
            let tries = vendor.requests() - before;
            assert_eq!(tries, if is_retried(fault) { 3 } else { 1 }, "{kind:?} {fault:?}");
        }
        assert_eq!(vendor.wrongs(), [""; 0], "{kind:?}");
        let bundle = Bundle::start_with(options(kind, &Vendor::nobody().await)).await;
        assert!(is_fallback(&in_time(&bundle.shopper("ada")).await), "{kind:?} at nobody's address");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_a_provider_fails_after_a_tool_call_what_was_understood_is_answered_and_the_rest_told_clearly() {
    for kind in MODELS {
        let vendor = Vendor::start(kind).await;
        let bundle = with(&vendor, kind).await;
        for fault in Fault::ALL {
            let ada = bundle.shopper("ada");
            let tries = if is_retried(fault) { 3 } else { 1 };
            let before = vendor.requests();
            vendor.then([Step::Call(vec![oat_milk()])]).always(Step::Fail(fault));
            let answer = in_time(&ada).await;
            assert!(is_fallback(&answer), "{kind:?} {fault:?}: {answer}");
            assert_eq!(vendor.requests() - before, 1 + tries, "{kind:?} {fault:?}: the call was one turn");
            bundle.clock().advance(jiff::SignedDuration::from_secs(16));
            vendor.then([Step::Call(vec![oat_milk()])]);
            let begun = Instant::now();
            let response = ask(&ada, "hello").await;
            assert!(begun.elapsed() < Duration::from_millis(DEADLINE_MS + 500), "{:?}", begun.elapsed());
            assert_problem(&response, 503, "llm.unavailable");
            assert!(!response.header("retry-after").is_empty(), "{kind:?} {fault:?}");
            bundle.clock().advance(jiff::SignedDuration::from_secs(16));
        }
        assert_eq!(vendor.wrongs(), [""; 0], "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_five_failures_in_a_row_the_provider_is_left_alone_until_it_has_rested() {
    for kind in MODELS {
        let vendor = Vendor::start(kind).await;
        let bundle = with(&vendor, kind).await;
        vendor.always(Step::Fail(Fault::Broken));
        for requests in [3, 5, 5, 5] {
            assert!(is_fallback(&in_time(&bundle.shopper("ada")).await));
            assert_eq!(vendor.requests(), requests, "{kind:?}");
        }
        bundle.clock().advance(jiff::SignedDuration::from_secs(15));
        vendor.then(looks_it_up());
        assert!(!is_fallback(&in_time(&bundle.shopper("ada")).await), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_the_retrieval_service_fails_it_is_told_why_and_left_alone_after_five() {
    for fault in Fault::ALL {
        let vendor = Vendor::start(Kind::Rag).await;
        vendor.always(Step::Fail(fault));
        let bundle = retrieving(&vendor.url()).await;
        let retried = !matches!(fault, Fault::Limited(_) | Fault::Empty | Fault::Html | Fault::Foreign);
        let late = matches!(fault, Fault::Hangs | Fault::Drips(_));
        let mut reasons = BTreeSet::new();
        for _ in 0..6 {
            let begun = Instant::now();
            let response = ask(&bundle.shopper("ada"), QUESTION).await;
            assert!(begun.elapsed() < Duration::from_millis(DEADLINE_MS + 500), "{fault:?}: {:?}", begun.elapsed());
            assert_eq!((response.status, &response.body["rag"]["available"]), (200, &json!(false)), "{fault:?}");
            reasons.insert(response.body["rag"]["reason"].as_str().unwrap().to_owned());
        }
        assert_eq!(vendor.requests(), 5, "{fault:?}: the sixth call is not made (retried: {retried})");
        let told = if late { BTreeSet::from(["error", "timeout"]) } else { BTreeSet::from(["error"]) };
        assert_eq!(reasons.iter().map(String::as_str).collect::<BTreeSet<_>>(), told, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_passes_is_hidden_by_one_retry() {
    let vendor = Vendor::start(Kind::Rag).await;
    let bundle = retrieving(&vendor.url()).await;
    for fault in [Fault::Broken, Fault::Resets, Fault::Cut, Fault::Hangs] {
        let before = vendor.requests();
        vendor.then([Step::Fail(fault), Step::Document(json!({"results": []}))]);
        let response = ask(&bundle.shopper("ada"), QUESTION).await;
        assert_eq!(response.body["rag"]["available"], true, "{fault:?}: {}", response.body);
        assert_eq!(vendor.requests() - before, 2, "{fault:?}");
    }
}
