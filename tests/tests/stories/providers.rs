//! Providers of models and the retrieval service: each in its own format, and none that can keep an answer from its asker.

use super::*;
use local::Options;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use tests::{
    faults::Faults,
    vendors::{Fault, Kind, Step, Vendor},
};

const MODELS: [Kind; 3] = [Kind::Anthropic, Kind::OpenAi, Kind::Bedrock];
const QUESTION: &str = "where is the oat milk?";
const DEADLINE_MS: u64 = 1_500;

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Anthropic => "anthropic",
        Kind::OpenAi => "openai",
        Kind::Bedrock => "bedrock",
        Kind::Rag => "extractive",
    }
}

/// A bundle that asks the model at `url` with the key "right", within [`DEADLINE_MS`].
fn options(kind: Kind, url: &str) -> Options {
    let deadline = DEADLINE_MS.to_string();
    let mut options = Options::for_tests().variable("ANSWER_PROVIDER", name(kind)).variable("ANSWER_API_URL", url);
    options = options.variable("ASK_DEADLINE_MS", &deadline).variable("ASK_GENERATION_RESERVE_MS", "500");
    for key in ["ANTHROPIC_API_KEY", "OPENAI_API_KEY"] {
        options.env_file.insert(key.to_owned(), "right".to_owned());
    }
    options
}

async fn with(vendor: &Vendor, kind: Kind) -> Bundle {
    vendor.wants_key(if kind == Kind::Bedrock { "smartstore-local-secret" } else { "right" });
    Bundle::start_with(options(kind, &vendor.url())).await
}

/// A model that looks up oat milk and cites what it found.
fn looks_it_up() -> [Step; 2] {
    let wish = json!({"query": "oat milk"});
    [Step::Call(vec![("get_product_location", wish)]), Step::Say("The oat milk is on its shelf [{}].".to_owned())]
}

/// Asks, and returns the answer with what was measured; never later than the deadline and a moment.
async fn in_time(person: &Client) -> Value {
    let begun = Instant::now();
    let response = ask(person, QUESTION).await;
    assert!(begun.elapsed() < Duration::from_millis(DEADLINE_MS + 500), "{:?}", begun.elapsed());
    assert_eq!(response.status, 200, "{}", response.body);
    assert!(!cited(&response.body).is_empty(), "{}", response.body);
    response.body
}

fn is_fallback(answer: &Value) -> bool {
    answer["answered_by"] == "extractive" && answer["fallback_reason"].is_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_provider_answers_through_a_tool_call_in_its_own_format() {
    for kind in MODELS {
        let vendor = Vendor::start(kind).await;
        let bundle = with(&vendor, kind).await;
        vendor.then(looks_it_up());
        let answer = in_time(&bundle.shopper("ada")).await;
        assert_eq!(vendor.wrongs(), [""; 0], "{kind:?}");
        assert_eq!((vendor.heard().len(), vendor.refused_keys()), (2, 0), "{kind:?}: {answer}");
        assert_eq!((&answer["answered_by"], &answer["usage"]["tokens_used"]), (&json!(name(kind)), &json!(20)));
        assert_eq!(text(&answer), "The oat milk is on its shelf.", "{answer}");
    }
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
            let retried = matches!(fault, Fault::Broken | Fault::Overloaded | Fault::Cut | Fault::Resets);
            assert_eq!(tries, if retried { 3 } else { 1 }, "{kind:?} {fault:?}");
        }
        assert_eq!(vendor.wrongs(), [""; 0], "{kind:?}");
        let bundle = Bundle::start_with(options(kind, &Vendor::nobody().await)).await;
        assert!(is_fallback(&in_time(&bundle.shopper("ada")).await), "{kind:?} at nobody's address");
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
async fn a_wrong_key_is_sent_once_and_told_to_nobody() {
    for kind in [Kind::Anthropic, Kind::OpenAi] {
        let vendor = Vendor::start(kind).await;
        let bundle = with(&vendor, kind).await;
        vendor.wants_key("another");
        for _ in 0..8 {
            let answer = in_time(&bundle.shopper("ada")).await;
            assert!(is_fallback(&answer) && !answer.to_string().contains("right"), "{answer}");
        }
        assert_eq!((vendor.refused_keys(), vendor.heard().len()), (8, 0), "a wrong key says nothing of its health");
    }
}

/// Puts another value for `key` into the environment's secret.
async fn rotate(bundle: &Bundle, key: &str, value: &str) {
    let (client, id) = (bundle.aws().secrets_manager(), bundle.template().secrets[0].name.clone());
    let current = client.get_secret_value().secret_id(&id).send().await.unwrap();
    let mut secret: Value = serde_json::from_str(current.secret_string().unwrap()).unwrap();
    secret[key] = value.into();
    client.put_secret_value().secret_id(&id).secret_string(secret.to_string()).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_rotated_in_mid_load_fails_nobody_and_is_fetched_once() {
    for (kind, key) in [(Kind::Anthropic, "ANTHROPIC_API_KEY"), (Kind::OpenAi, "OPENAI_API_KEY")] {
        let vendor = Vendor::start(kind).await;
        vendor.wants_key("right").always(Step::Say("It closes when the tools say so.".to_owned()));
        let faults = Faults::new();
        let options = options(kind, &vendor.url()).variable("ASK_DEADLINE_MS", "20000");
        let bundle = Bundle::start_with(faults.before(options)).await;
        let ada = bundle.shopper("ada");
        let asks = |count: usize| {
            let asking = (0..count).map(|_| ask(&ada, QUESTION));
            async { futures::future::join_all(asking).await.iter().filter(|got| got.status != 200).count() }
        };
        assert_eq!(asks(10).await, 0);
        assert_eq!(faults.log().by("ask").of("GetSecretValue").len(), 1, "no stampede at the start");
        rotate(&bundle, key, "fresh").await;
        vendor.wants_key("fresh");
        let heard = vendor.heard().len();
        assert_eq!(asks(20).await, 0);
        assert_eq!(vendor.heard().len() - heard, 20, "each was heard with the fresh key");
        assert_eq!(faults.log().by("ask").of("GetSecretValue").len(), 2, "one forced refresh");
        assert!(vendor.refused_keys() >= 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_no_provider_is_asked_and_the_answer_comes_all_the_same() {
    let kind = Kind::Anthropic;
    let vendor = Vendor::start(kind).await;
    vendor.always(Step::Say("hello".to_owned()));
    for (what, most) in [("throttled", 3), ("down", 3), ("slow", 1), ("without the key", 1)] {
        let (faults, mut options) = (Faults::new(), options(kind, &vendor.url()));
        match what {
            "throttled" => drop(faults.on("GetSecretValue").throttle()),
            "down" => drop(faults.on("GetSecretValue").reset()),
            "slow" => drop(faults.on("GetSecretValue").delay(Duration::from_secs(30))),
            _ => options.env_file.clear(),
        }
        let bundle = Bundle::start_with(faults.before(options)).await;
        let ada = bundle.shopper("ada");
        let asking = (0..10).map(|_| in_time(&ada));
        for answer in futures::future::join_all(asking).await {
            assert!(is_fallback(&answer), "{what}: {answer}");
        }
        let loads = faults.log().by("ask").of("GetSecretValue").len();
        assert!(loads <= most, "{what}: {loads} calls; the SDK tries a load up to three times");
    }
    assert_eq!(vendor.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_secrets_manager_does_not_hold_up_what_the_known_key_can_do() {
    let vendor = Vendor::start(Kind::Anthropic).await;
    vendor.wants_key("right").always(Step::Say("hello".to_owned()));
    let faults = Faults::new();
    let options = options(Kind::Anthropic, &vendor.url()).variable("ASK_DEADLINE_MS", "10000");
    let bundle = Bundle::start_with(faults.before(options)).await;
    ask(&bundle.shopper("ada"), QUESTION).await;
    assert_eq!(vendor.requests(), 1);
    faults.on("GetSecretValue").delay(Duration::from_secs(30));
    bundle.clock().advance(jiff::SignedDuration::from_secs(301));
    let (ada, begun) = (bundle.shopper("ada"), Instant::now());
    let got = futures::future::join_all((0..10).map(|_| ask(&ada, QUESTION))).await;
    assert!(got.iter().all(|got| got.status == 200));
    assert_eq!(vendor.requests(), 11, "each was asked with the key that was known");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

async fn retrieving(url: &str) -> Bundle {
    let options = options(Kind::Rag, "").variable("RAG_API_URL", url).variable("RAG_TIMEOUT_MS", "300");
    Bundle::start_with(options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_retrieval_service_is_asked_as_its_contract_says_and_its_products_are_told() {
    let vendor = Vendor::start(Kind::Rag).await;
    let embedded = Bundle::start_with(options(Kind::Rag, "")).await;
    let known = answer(&embedded.shopper("ada"), QUESTION).await;
    vendor.always(Step::Say(cited(&known)[0].to_owned()));
    let bundle = retrieving(&vendor.url()).await;
    let answer = in_time(&bundle.shopper("ada")).await;
    assert_eq!(vendor.wrongs(), [""; 0]);
    assert_eq!((&answer["rag"]["available"], &answer["rag"]["average_similarity"]), (&json!(true), &json!(0.9)));
    assert_eq!(cited(&answer)[0], cited(&known)[0]);
    assert_eq!(vendor.heard()[0]["filters"]["store_id"], DOWNTOWN);
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
