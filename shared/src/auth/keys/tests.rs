use super::*;
use crate::auth::testing::{Answer, ISSUER, KID, Loopback, STRANGER, now};
use futures::future::join_all;
use serde_json::json;

struct Stage {
    server: Loopback,
    clock: Clock,
    keys: Keys,
}

impl Stage {
    async fn with(answer: Answer) -> Self {
        let (server, clock) = (Loopback::answering(answer).await, Clock::frozen(now()));
        let keys = Keys::published_at(&server.url, &clock).unwrap();
        Self { server, clock, keys }
    }

    /// Warm: one fetch has brought [`KID`], fresh for `max_age` seconds.
    async fn warm(max_age: i64) -> Self {
        let stage =
            Self::with(published().with("cache-control", &format!("public, max-age={max_age}, must-revalidate"))).await;
        assert_eq!(stage.find(KID).await, Ok(()));
        stage
    }

    async fn find(&self, kid: &str) -> Result<(), NoKey> {
        self.keys.find(kid).await.map(drop)
    }

    fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }
}

fn published() -> Answer {
    Answer::ok(ISSUER.document())
}

fn is_unavailable(verdict: &Result<(), NoKey>) -> bool {
    matches!(verdict, Err(NoKey::Unavailable { retry_after_s: 1..=60 }))
}

#[tokio::test]
async fn a_hundred_at_once_on_a_cold_cache_are_one_fetch() {
    let stage = Stage::with(published().after(Duration::from_millis(100))).await;
    let found = join_all((0..100).map(|_| stage.find(KID))).await;
    assert!(found.iter().all(Result::is_ok));
    assert_eq!(stage.server.asked(), 1);
}

#[tokio::test]
async fn keys_are_kept_as_long_as_max_age_says() {
    let stage = Stage::warm(3000).await;
    stage.pass(2999);
    assert_eq!((stage.find(KID).await, stage.server.asked()), (Ok(()), 1));
    stage.pass(1);
    assert_eq!((stage.find(KID).await, stage.server.asked()), (Ok(()), 2));
}

#[tokio::test]
async fn ten_thousand_unknown_names_are_one_fetch_a_minute() {
    let stage = Stage::warm(86_400).await;
    stage.pass(60);
    for n in 0..10_000 {
        assert_eq!(stage.find(&format!("random-{n}")).await, Err(NoKey::Unknown));
    }
    assert_eq!(stage.server.asked(), 2);
    stage.pass(59);
    assert_eq!(stage.find("random").await, Err(NoKey::Unknown));
    assert_eq!(stage.server.asked(), 2);
    stage.pass(1);
    assert_eq!(stage.find("random").await, Err(NoKey::Unknown));
    assert_eq!(stage.server.asked(), 3);
}

#[tokio::test]
async fn a_new_name_is_found_by_one_fetch_and_a_withdrawn_one_is_lost_with_it() {
    let stage = Stage::warm(86_400).await;
    stage.server.answer(Answer::ok(STRANGER.document_as("key-2")));
    stage.pass(60);
    let found = join_all((0..50).map(|_| stage.find("key-2"))).await;
    assert!(found.iter().all(Result::is_ok));
    assert_eq!(stage.server.asked(), 2);
    assert_eq!(stage.find(KID).await, Err(NoKey::Unknown));
}

#[tokio::test]
async fn an_outage_is_bridged_for_a_day_past_max_age_and_then_told_as_one() {
    for outage in [
        Answer::status(500),
        Answer::status(301).with("location", "/elsewhere"),
        Answer::ok("<html>sign in to the airport</html>"),
        Answer::ok(json!({KID: "no certificate"}).to_string()),
        Answer::ok("{}"),
        Answer::ok(vec![b' '; 10 << 20]),
        Answer::ok(ISSUER.document()[..500].to_owned()),
    ] {
        let stage = Stage::warm(3600).await;
        stage.server.answer(outage);
        stage.pass(3600);
        for _ in 0..50 {
            assert_eq!(stage.find(KID).await, Ok(()));
        }
        assert_eq!(stage.server.asked(), 2, "asked once and then left alone");
        assert!(is_unavailable(&stage.find("key-2").await), "nobody can say that there is no such key");
        stage.pass(STALE_FOR.as_secs() - 1);
        assert_eq!(stage.find(KID).await, Ok(()));
        stage.pass(1);
        assert!(is_unavailable(&stage.find(KID).await));
        stage.server.answer(published());
        stage.pass(60);
        assert_eq!(stage.find(KID).await, Ok(()));
    }
}

#[tokio::test]
async fn a_cold_cache_without_its_source_is_unavailable_and_says_when_to_return() {
    let stage = Stage::with(Answer::status(503)).await;
    let found = join_all((0..100).map(|_| stage.find(KID))).await;
    assert!(found.iter().all(is_unavailable));
    assert_eq!(stage.server.asked(), 1);
    assert_eq!(stage.find(KID).await, Err(NoKey::Unavailable { retry_after_s: 60 }));
    stage.pass(45);
    assert_eq!(stage.find(KID).await, Err(NoKey::Unavailable { retry_after_s: 15 }));
    stage.server.answer(published());
    stage.pass(15);
    assert_eq!((stage.find(KID).await, stage.server.asked()), (Ok(()), 2));
}

#[tokio::test]
async fn nobody_listening_is_an_outage_too() {
    let keys = Keys::published_at("http://127.0.0.1:1/keys", &Clock::frozen(now())).unwrap();
    assert!(is_unavailable(&keys.find(KID).await.map(drop)));
}

#[tokio::test]
async fn while_one_request_fetches_slowly_the_others_use_what_is_known() {
    let stage = Stage::warm(60).await;
    stage.server.answer(published().after(Duration::from_millis(500)));
    stage.pass(60);
    let slow = stage.find(KID);
    let quick = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let begun = std::time::Instant::now();
        assert!(stage.find(KID).await.is_ok());
        begun.elapsed()
    };
    let (slow, quick) = tokio::join!(slow, quick);
    assert!(slow.is_ok() && quick < Duration::from_millis(200), "{quick:?}");
    assert_eq!(stage.server.asked(), 2);
}

#[tokio::test]
async fn a_source_that_never_answers_costs_three_seconds_once() {
    let stage = Stage::warm(60).await;
    stage.server.answer(published().after(Duration::from_secs(30)));
    stage.pass(60);
    let begun = std::time::Instant::now();
    for _ in 0..10 {
        assert_eq!(stage.find(KID).await, Ok(()));
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_request_given_up_in_the_middle_leaves_the_next_try_its_time() {
    let stage = Stage::with(published().after(Duration::from_millis(500))).await;
    assert!(tokio::time::timeout(Duration::from_millis(50), stage.find(KID)).await.is_err());
    assert!(is_unavailable(&stage.find(KID).await));
    stage.pass(60);
    assert_eq!(stage.find(KID).await, Ok(()));
}

#[tokio::test]
async fn a_clock_that_is_set_back_neither_freshens_keys_nor_blocks_fetches() {
    let stage = Stage::warm(3600).await;
    stage.pass(-86_400);
    assert_eq!((stage.find(KID).await, stage.server.asked()), (Ok(()), 2));
}

#[test]
fn max_age_is_held_within_bounds() {
    let of = |lines: &[&str], age: Option<&str>| {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::CACHE_CONTROL, line.parse().unwrap());
        }
        if let Some(age) = age {
            headers.insert(header::AGE, age.parse().unwrap());
        }
        max_age(&headers).as_secs()
    };
    assert_eq!(of(&["public, max-age=19000, must-revalidate"], None), 19_000);
    assert_eq!(of(&["public", "Max-Age=\"19000\""], None), 19_000);
    assert_eq!(of(&["max-age=19000"], Some("18000")), 1_000);
    assert_eq!(of(&["max-age=100"], Some("18000")), 60);
    assert_eq!(of(&["max-age=19000"], Some("-5")), 19_000);
    assert_eq!(of(&["max-age=0"], None), 60);
    assert_eq!(of(&["max-age=19000, no-store"], None), 60);
    assert_eq!(of(&["max-age=99999999999999999999"], None), 3_600);
    assert_eq!(of(&["max-age=31536000"], None), 86_400);
    assert_eq!(of(&["max-age=soon"], None), 3_600);
    assert_eq!(of(&[], None), 3_600);
}

#[test]
fn only_https_or_this_machine_is_asked_for_keys() {
    let good = |url: &str| Keys::published_at(url, &Clock::system()).is_ok();
    for url in [
        FIREBASE_KEYS_URL,
        "http://127.0.0.1:9000/keys",
        "http://127.8.8.8/keys",
        "http://[::1]:9000/keys",
        "http://localhost:1/",
    ] {
        assert!(good(url), "{url}");
    }
    for url in [
        "",
        "keys",
        "/keys",
        "http://example.com/keys",
        "http://127.0.0.1@example.com/",
        "http://127.0.0.1.example.com/",
        "http://localhost.example.com/",
        "http://10.0.0.1/",
        "http://169.254.169.254/",
        "http://[::2]/",
        "http://0.0.0.0/",
        "ftp://127.0.0.1/",
        "file:///etc/keys",
        "https://user@example.com/",
        "http://2130706433/",
        "http://[::ffff:10.0.0.1]/",
    ] {
        assert!(!good(url), "{url}");
    }
}
