//! Invocations of which little time is left.

use super::*;
use local::Options;
use std::time::{Duration, Instant};
use tests::vendors::{Fault, Kind, Step, Vendor};

/// What an answer leaves of an invocation's time, where there is that much.
const LEFT_OVER: Duration = Duration::from_millis(200);

/// How an invocation with this much time left was answered, and how long that took.
async fn within(bundle: &Bundle, event: &str, ms: u64) -> (u64, i64, Duration) {
    let begun = Instant::now();
    let status = bundle.deliver_within(event, Duration::from_millis(ms)).await.unwrap();
    (ms, status, begun.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn however_little_time_is_left_a_question_is_answered_before_it_is_over_while_the_model_hangs() {
    let vendor = Vendor::start(Kind::Anthropic).await;
    vendor.wants_key("right").always(Step::Fail(Fault::Hangs));
    let options = Options::for_tests().variable("ANSWER_PROVIDER", "anthropic");
    let mut options = options.variable("ANSWER_API_URL", &vendor.url());
    options.env_file.insert("ANTHROPIC_API_KEY".to_owned(), "right".to_owned());
    let bundle = Bundle::start_with(options).await;
    let event = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../events/ask.json")).unwrap();
    let mut event: Value = serde_json::from_str(&event).unwrap();
    event["headers"]["authorization"] = format!("Bearer {}", bundle.shopper("ada").token().unwrap()).into();
    let event = event.to_string();
    // What the first one opens is there for the others.
    within(&bundle, &event, 3_000).await;
    let times = [50, 100, 200, 350, 500, 700, 1_000, 1_500, 2_500, 5_000, 10_000, 15_000, 29_000];
    // All at once: each asks a model that nobody has given up on yet.
    let answers = futures::future::join_all(times.map(|ms| within(&bundle, &event, ms))).await;
    for (ms, status, took) in answers {
        eprintln!("{ms} ms left: {status} after {took:?}");
        assert!(matches!(status, 200 | 503), "{ms} ms left: {status}");
        // Where there is not that much, at once; a busy machine has a second for that.
        let most = Duration::from_millis(ms).saturating_sub(LEFT_OVER).max(Duration::from_secs(1));
        assert!(took <= most, "{ms} ms left: answered after {took:?}");
        assert!(ms < 2_500 || status == 200, "{ms} ms left: there was time for the answer that needs no model");
    }
    assert!(vendor.requests() >= 5, "the model was asked: {}", vendor.requests());
}
