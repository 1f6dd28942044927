//! Stores that throttle, lose replies, break and fall silent.

use super::*;
use futures::{StreamExt, stream};
use http::Method;
use local::Options;
use std::time::{Duration, Instant};
use tests::faults::{Faults, Outcome};

async fn behind(faults: &Faults) -> Bundle {
    Bundle::start_with(faults.before(Options::for_tests())).await
}

/// One in a hundred calls is throttled, one loses its reply after the effect, one is cut off before it.
fn drizzle(faults: &Faults, seed: u64) {
    faults.on("*").chance(0.01, seed).throttle();
    faults.on("*").chance(0.01, seed + 1).lose_reply();
    faults.on("*").chance(0.01, seed + 2).reset();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_put_is_lost_or_done_twice_while_the_stores_stumble() {
    let faults = Faults::new();
    let bundle = behind(&faults).await;
    let emil = bundle.employee("emil");
    drizzle(&faults, 1);
    let (begun, mark) = (Instant::now(), faults.mark());
    let puts = stream::iter(0..200_u32).map(|n| {
        let emil = emil.with_header("idempotency-key", &format!("put-{n}"));
        async move {
            let mut tries = 0;
            loop {
                tries += 1;
                let put = emil.put(&product_path(&format!("storm-{n}")), fig_spread(n)).await;
                // What a client does that is told to come again: the same request under the same key.
                if put.status < 300 || tries == 5 {
                    return (n, put.status, tries);
                }
            }
        }
    });
    let done: Vec<(u32, u16, u32)> = puts.buffer_unordered(6).collect().await;
    let (calls, faulted) = (faults.mark() - mark, faults.since(mark).faulted().len());
    let again = done.iter().filter(|(_, _, tries)| *tries > 1).count();
    eprintln!("200 puts, {calls} calls, {faulted} faults, {again} asked again, {:?}", begun.elapsed());
    faults.clear();
    for (n, status, tries) in done {
        assert!(matches!(status, 200 | 201), "put {n}: {status} after {tries} tries");
        let got = emil.get(&product_path(&format!("storm-{n}"))).await;
        assert_eq!((got.status, &got.body["stock"]), (200, &json!(n)), "{}", got.body);
    }
    assert!(faulted > 5, "there were faults");
    assert!(again <= 4, "of 200 puts {again} were not done at the first try");
    bundle.run_schedule("catalog-publish").await.unwrap();
    let search = emil.get(&format!("/catalog/stores/{DOWNTOWN}/search?q=zanzibar&limit=1")).await;
    assert_eq!(search.body["matches"], 200, "{}", search.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_whole_and_counted_once_while_the_stores_stumble() {
    let faults = Faults::new();
    let bundle = behind(&faults).await;
    let emil = bundle.employee("emil");
    let rows: String = (0..400).map(|n| format!("im-{n},Quokkaberry {n},2.50,{n}\n")).collect();
    let file = format!("product_id,name,price,stock\n{rows}");
    drizzle(&faults, 10);
    faults.on("BatchWriteItem").nth(2).put_off();
    faults.on("BatchWriteItem").nth(5).lose_reply();
    faults.on("PutObject").nth(2).lose_reply();
    faults.on("UpdateItem").nth(2).lose_reply();
    let path = format!("/catalog/stores/{DOWNTOWN}/import");
    let keyed = emil.with_header("idempotency-key", "the-import");
    let mut report = keyed.post_bytes(&path, "text/csv", file.clone()).await;
    for _ in 0..4 {
        if report.status < 500 {
            break;
        }
        report = keyed.post_bytes(&path, "text/csv", file.clone()).await;
    }
    faults.clear();
    assert_eq!(report.status, 200, "{}", report.body);
    let count = |name: &str| report.body[name].as_u64().unwrap_or_default();
    assert_eq!(count("created") + count("updated") + count("unchanged"), 400, "{}", report.body);
    let again = emil.post_bytes(&path, "text/csv", file).await;
    assert_eq!((again.status, &again.body["unchanged"]), (200, &json!(400)), "{}", again.body);
    bundle.run_schedule("catalog-publish").await.unwrap();
    let search = emil.get(&format!("/catalog/stores/{DOWNTOWN}/search?q=quokkaberry&limit=1")).await;
    assert_eq!(search.body["matches"], 400, "{}", search.body);
    let replayed = keyed.post_bytes(&path, "text/csv", "product_id,name,price\n").await;
    assert_eq!(replayed.status, 409, "the key belongs to the whole file: {}", replayed.body);
}

/// Requests that read or write each kind of thing, and succeed in good times.
fn probes() -> Vec<(Method, String, Option<Value>)> {
    let store = format!("/catalog/stores/{DOWNTOWN}");
    vec![
        (Method::GET, store.clone(), None),
        (Method::GET, format!("{store}/products?limit=2"), None),
        (Method::GET, format!("{store}/products/GL-1001"), None),
        (Method::GET, format!("{store}/search?q=milk&limit=2"), None),
        (Method::POST, "/ask".to_owned(), Some(json!({"question": "where is the oat milk?", "store_id": DOWNTOWN}))),
        (Method::PUT, format!("{store}/products/st-1"), Some(fig_spread(2))),
        (Method::DELETE, format!("{store}/products/GL-1002"), None),
        (Method::POST, format!("{store}/imports"), Some(json!({"content_type": "text/csv"}))),
    ]
}

async fn send(client: &Client, (method, path, body): &(Method, String, Option<Value>)) -> (Response, Duration) {
    let body = body.as_ref().map(|body| ("application/json", body.to_string().into()));
    let begun = Instant::now();
    (client.send(method.clone(), path, body).await.unwrap(), begun.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_table_is_down_every_route_says_when_to_come_again_and_works_when_it_is_back() {
    let faults = Faults::new();
    let bundle = behind(&faults).await;
    let root = bundle.admin("root");
    for way in ["unavailable", "reset", "throttle", "fail"] {
        let down = faults.clear().on("*");
        match way {
            "unavailable" => down.unavailable(),
            "reset" => down.reset(),
            "throttle" => down.throttle(),
            _ => down.fail(),
        };
        let mark = faults.mark();
        let probes = probes();
        let answers = futures::future::join_all(probes.iter().map(|probe| send(&root, probe))).await;
        for (probe, (response, took)) in probes.iter().zip(&answers) {
            assert_eq!(response.status, 503, "{way}, {probe:?}: {}", response.body);
            assert!(!response.header("retry-after").is_empty(), "{way}, {probe:?}: {:?}", response.headers);
            assert!(*took < Duration::from_secs(10), "{way}, {probe:?} took {took:?}");
        }
        let slowest = answers.iter().map(|(_, took)| *took).max().unwrap();
        eprintln!("{way}: {} calls for {} requests, the slowest {slowest:?}", faults.mark() - mark, probes.len());
        faults.clear();
        let begun = Instant::now();
        for probe in &probes[..6] {
            let (response, _) = send(&root, probe).await;
            assert!(response.status < 300, "{way} is over, {probe:?}: {} {}", response.status, response.body);
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_another_format_is_an_error_and_gives_nothing_a_default() {
    let faults = Faults::new();
    let bundle = behind(&faults).await;
    let root = bundle.admin("root");
    for (field, change) in [
        ("price", json!({"S": "cheap"})),
        ("name", json!({"N": "7"})),
        ("time_zone", json!({"S": "Mars/Base"})),
        ("product_id", json!({"NULL": true})),
    ] {
        faults.clear().on("GetItem").alter(move |reply| {
            if let Some(item) = reply["Item"].as_object_mut().filter(|item| item.contains_key(field)) {
                item.insert(field.to_owned(), change.clone());
            }
        });
        let path = if field == "time_zone" { format!("/catalog/stores/{DOWNTOWN}") } else { product_path("GL-1001") };
        assert_problem(&root.get(&path).await, 500, "internal");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_table_is_waited_for_within_the_deadline() {
    let faults = Faults::new();
    let bundle = behind(&faults).await;
    let ada = bundle.shopper("ada");
    faults.on("*").delay(Duration::from_millis(40));
    let begun = Instant::now();
    assert_eq!(ask(&ada, "where is the oat milk?").await.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(faults.log().iter().all(|call| call.outcome == Outcome::Faulted("delay")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_hangs_is_given_up_long_before_the_gateway_gives_up_the_request() {
    let faults = Faults::new();
    let bundle = behind(&faults).await;
    let root = bundle.administrator("root", "admin:super").await;
    let keyed = root.with_header("idempotency-key", "hung");
    // Longer than any invocation may take.
    faults.on("*").delay(Duration::from_secs(30));
    let probes = [
        (&root, (Method::GET, product_path("GL-1001"), None)),
        (&root, (Method::POST, "/ask".to_owned(), Some(json!({"question": "any milk?", "store_id": DOWNTOWN})))),
        (&root, (Method::GET, "/api/admin/people".to_owned(), None)),
        (&keyed, (Method::PUT, product_path("st-1"), Some(fig_spread(2)))),
    ];
    let answers = futures::future::join_all(probes.iter().map(|(who, probe)| send(who, probe))).await;
    for ((_, probe), (response, took)) in probes.iter().zip(&answers) {
        eprintln!("{} {} took {took:?}", probe.0, probe.1);
        assert_eq!(response.status, 503, "{probe:?}: {}", response.body);
        assert!(!response.header("retry-after").is_empty(), "{probe:?}: {:?}", response.headers);
        assert!(*took < Duration::from_secs(15), "{probe:?} took {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_made_once_though_a_reply_is_lost_and_though_its_answer_was_not_kept() {
    let faults = Faults::new();
    let bundle = behind(&faults).await;
    let emil = bundle.employee("emil").with_header("idempotency-key", "monday");
    let path = format!("/catalog/stores/{DOWNTOWN}/imports");
    faults.on("PutItem").touching("IMPORT#").once().lose_reply();
    faults.on("UpdateItem").touching("IDEMPOTENCY#").unavailable();
    let first = emil.post(&path, json!({"content_type": "text/csv"})).await;
    assert_eq!(first.status, 201, "{}", first.body);
    assert!(faults.log().faulted().len() > 1, "both happened");
    faults.clear();
    // As long as the first run, of which nothing is kept, might still be at work.
    bundle.clock().advance(jiff::SignedDuration::from_secs(60));
    let again = emil.post(&path, json!({"content_type": "text/csv"})).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, ""), "{}", again.body);
    assert_eq!(again.body["import_id"], first.body["import_id"]);
}
