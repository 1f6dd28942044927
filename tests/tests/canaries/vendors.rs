//! Through a model provider and a retrieval service: what they are sent, and what they say back.

use super::{API_KEY, Caught, SPOKEN, WORDS, person};
use jiff::SignedDuration;
use local::{Bundle, Options};
use serde_json::json;
use std::time::Duration;
use tests::vendors::{Fault, Step, Vendor};

/// A bundle whose answers are worded by one vendor from what another one finds.
pub(super) async fn bundle(model: &Vendor, retrieval: &Vendor) -> Bundle {
    let mut options = Options::for_tests();
    for (name, value) in [
        ("ANSWER_PROVIDER", "anthropic"),
        ("ANSWER_API_URL", &model.url()),
        ("RAG_API_URL", &retrieval.url()),
        ("RAG_TIMEOUT_MS", "200"),
        ("ASK_DEADLINE_MS", "1000"),
        ("ASK_GENERATION_RESERVE_MS", "500"),
    ] {
        options = options.variable(name, value);
    }
    options.env_file.insert("ANTHROPIC_API_KEY".to_owned(), API_KEY.to_owned());
    Bundle::start_with(options).await
}

/// Asks as staff and as a shopper, with personal things in the question.
async fn asks(bundle: &Bundle, what: &str, caught: &mut Caught) {
    // Whoever was given up on has rested.
    bundle.clock().advance(SignedDuration::from_secs(31));
    let said = format!("I am {}, {}, {}: where is the {WORDS}?", SPOKEN[0].1, SPOKEN[1].1, SPOKEN[2].1);
    for role in ["admin", "shopper"] {
        let client = person(bundle, role);
        let response = client.post("/ask", json!({"question": said, "store_id": "downtown"})).await;
        assert_eq!(response.status, 200, "{what}: {}", response.body);
        caught.take(role == "admin", what, &response);
    }
}

/// Both vendors good, each failing in each way, repeating what they were sent, and refusing the key.
pub(super) async fn through(model: &Vendor, retrieval: &Vendor, bundle: &Bundle, caught: &mut Caught) {
    let wish = json!({"query": WORDS});
    let good = || model.then([Step::Call(vec![("get_product_location", wish.clone())])]);
    let (says, finds) = (Step::Say("It is on its shelf [{}].".to_owned()), Step::Say("GL-1001".to_owned()));
    model.wants_key(API_KEY).always(says.clone());
    retrieval.always(finds.clone());
    good();
    asks(bundle, "good vendors", caught).await;
    assert_eq!(model.wrongs(), [""; 0]);
    for fault in Fault::ALL.into_iter().chain([Fault::Echoes]) {
        model.always(Step::Fail(fault));
        asks(bundle, &format!("a model that {fault:?}"), caught).await;
        model.always(says.clone());
        retrieval.always(Step::Fail(fault));
        asks(bundle, &format!("a retrieval service that {fault:?}"), caught).await;
        retrieval.always(finds.clone());
    }
    model.wants_key("another key");
    asks(bundle, "a model that refuses the key", caught).await;
    assert!(model.refused_keys() > 0 && model.heard().len() > 11 && retrieval.heard().len() > 11);
    // What is still under way of those that were given up on says what it has to say.
    tokio::time::sleep(Duration::from_millis(300)).await;
}
