//! Providers of models and the retrieval service: each in its own format, and none that can keep an answer from its asker.

mod calls;
mod faults;
mod keys;

use super::*;
use local::Options;
use std::time::{Duration, Instant};
use tests::vendors::{Kind, Step, Vendor};

const MODELS: [Kind; 3] = [Kind::Anthropic, Kind::OpenAi, Kind::Bedrock];
const QUESTION: &str = "where is the oat milk?";
/// What a model says that was shown a product, and what the person then reads of it.
const PLACED: &str = "The oat milk is in aisle {aisle} and costs {price} [{id}].";
const DEADLINE_MS: u64 = 1_500;

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Anthropic => "anthropic",
        Kind::OpenAi => "openai",
        Kind::Bedrock => "bedrock",
        Kind::Rag => "extractive",
    }
}

/// The key that a bundle of [`options`] has, or the secret that it signs with.
fn right(kind: Kind) -> &'static str {
    if kind == Kind::Bedrock { "smartstore-local-secret" } else { "right" }
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
    vendor.wants_key(right(kind));
    Bundle::start_with(options(kind, &vendor.url())).await
}

/// The call that finds oat milk.
fn oat_milk() -> (&'static str, Value) {
    ("get_product_location", json!({"query": "oat milk"}))
}

/// A model that looks up oat milk and cites what it found.
fn looks_it_up() -> [Step; 2] {
    [Step::Call(vec![oat_milk()]), Step::Say(PLACED.to_owned())]
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
        let product = bundle.shopper("ada").get(&product_path(cited(&answer)[0])).await.body;
        let (aisle, price) = (product["aisle"].as_str().unwrap(), product["price"].as_f64().unwrap());
        assert_eq!(text(&answer), format!("The oat milk is in aisle {aisle} and costs ${price:.2}."), "{answer}");
    }
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
