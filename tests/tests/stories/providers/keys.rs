//! Keys of providers: wrong, rotated, slow to come, or not to be had.

use super::*;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::faults::Faults;

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_sent_once_and_told_to_nobody() {
    for kind in MODELS {
        let vendor = Vendor::start(kind).await;
        let bundle = with(&vendor, kind).await;
        vendor.wants_key("another");
        for _ in 0..8 {
            let answer = in_time(&bundle.shopper("ada")).await;
            assert!(is_fallback(&answer), "{answer}");
            assert!(!answer.to_string().contains(right(kind)), "{answer}");
        }
        assert_eq!(
            (vendor.refused_keys(), vendor.requests()),
            (8, 8),
            "{kind:?}: a wrong key says nothing of its health"
        );
    }
}

/// Puts another value for `key` into the environment's secret.
async fn rotate(bundle: &Bundle, key: &str, value: &str) {
    let (client, id) = (bundle.aws().secrets_manager(), "smartstore-ai/dev");
    let current = client.get_secret_value().secret_id(id).send().await.unwrap();
    let mut secret: Value = serde_json::from_str(current.secret_string().unwrap()).unwrap();
    secret[key] = value.into();
    client.put_secret_value().secret_id(id).secret_string(secret.to_string()).send().await.unwrap();
}

/// How many ask at once while a key is rotated.
const ASKERS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_rotated_under_requests_in_flight_fails_none_and_is_fetched_once() {
    for (kind, key) in [(Kind::Anthropic, "ANTHROPIC_API_KEY"), (Kind::OpenAi, "OPENAI_API_KEY")] {
        let vendor = Vendor::start(kind).await;
        vendor.wants_key("right").always(Step::CallThenSay(vec![oat_milk()], PLACED.to_owned()));
        let faults = Faults::new();
        let options = options(kind, &vendor.url()).variable("ASK_DEADLINE_MS", "20000");
        let bundle = Bundle::start_with(faults.before(options)).await;
        let done = AtomicBool::new(false);
        let asking = (0..ASKERS).map(|number| {
            let (person, done) = (bundle.shopper(&format!("person-{number}")), &done);
            async move {
                let mut spans = Vec::new();
                while !done.load(Ordering::SeqCst) {
                    let begun = Instant::now();
                    let response = ask(&person, QUESTION).await;
                    spans.push((begun, Instant::now()));
                    let by = &response.body["answered_by"];
                    assert_eq!((response.status, by), (200, &json!(name(kind))), "{kind:?}: {}", response.body);
                    assert_eq!(cited(&response.body).len(), 1, "{}", response.body);
                }
                spans
            }
        });
        let heard = async |count: usize| {
            while vendor.heard().len() < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let rotating = async {
            heard(3 * ASKERS).await;
            assert_eq!(faults.log().by("ask").of("GetSecretValue").len(), 1, "no stampede at the start");
            rotate(&bundle, key, "fresh").await;
            vendor.wants_key("fresh");
            let rotated = Instant::now();
            heard(vendor.heard().len() + 6 * ASKERS).await;
            done.store(true, Ordering::SeqCst);
            rotated
        };
        let (spans, rotated) = futures::future::join(futures::future::join_all(asking), rotating).await;
        let across = spans.concat().iter().filter(|(begun, ended)| *begun < rotated && rotated < *ended).count();
        assert_eq!(across, ASKERS, "every asker's request was in flight when the old key was refused");
        assert_eq!(faults.log().by("ask").of("GetSecretValue").len(), 2, "{kind:?}: one forced refresh");
        let refused = vendor.refused_keys();
        assert!((1..=ASKERS).contains(&refused), "{kind:?}: the old key was sent {refused} times after it was refused");
        assert_eq!(vendor.wrongs(), [""; 0], "{kind:?}");
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
