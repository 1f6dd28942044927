//! Stores that answer with what is no answer, and objects that cannot be had: what is said of them is held against the truth.

use super::*;
use http::Method;
use local::Options;
use std::time::Duration;
use tests::faults::{Faults, Log, Reply};

async fn behind(faults: &Faults) -> Bundle {
    Bundle::start_with(faults.before(Options::for_tests())).await
}

fn pass(bundle: &Bundle, seconds: i64) {
    bundle.clock().advance(jiff::SignedDuration::from_secs(seconds));
}

/// Replies that are none: the name, and what makes the door give them.
type Lie = (&'static str, fn(&Faults, &str));

const LIES: [Lie; 8] = [
    ("cut", |faults, operation| drop(faults.on(operation).cut())),
    ("truncated", |faults, operation| drop(faults.on(operation).truncate())),
    ("empty", |faults, operation| drop(faults.on(operation).answer(Reply::empty()))),
    ("a page to log in", |faults, operation| drop(faults.on(operation).answer(Reply::foreign()))),
    ("another's JSON", |faults, operation| {
        drop(faults.on(operation).answer(Reply::json(200, &json!({"hello": "world", "status": "ok"}))))
    }),
    ("a list", |faults, operation| drop(faults.on(operation).answer(Reply::json(200, &json!([1, 2, 3]))))),
    ("null", |faults, operation| drop(faults.on(operation).answer(Reply::json(200, &json!(null))))),
    (LACKING, |faults, operation| {
        drop(faults.on(operation).answer(Reply::json(200, &json!({"Note": "members are missing"})).checked()))
    }),
];

/// The one lie that a write cannot tell from the truth: a document of DynamoDB's own with its checksum and without members is what a
/// write that was done is answered with.
const LACKING: &str = "a document of its own kind that lacks everything";

/// Requests that read each kind of thing, with what makes a good answer of one that holds what the store has.
type Reading = (Method, String, Option<Value>, fn(&Value) -> bool);

fn readings() -> [Reading; 6] {
    let store = format!("/catalog/stores/{DOWNTOWN}");
    let question = json!({"question": "where is the oat milk?", "store_id": DOWNTOWN});
    let two = |body: &Value| body["products"].as_array().is_some_and(|products| products.len() == 2);
    let own_page = |body: &Value| body["people"].as_array().is_some_and(|people| !people.is_empty());
    [
        (Method::GET, store.clone(), None, |body| body["store_id"] == DOWNTOWN && body["currency"] == "USD"),
        (Method::GET, format!("{store}/products?limit=2"), None, two),
        (Method::GET, format!("{store}/products/GL-1001"), None, |body| body["product_id"] == "GL-1001"),
        (Method::GET, format!("{store}/search?q=milk&limit=2"), None, two),
        // Retrieval may fail under an answer, which then says so.
        (Method::POST, "/ask".to_owned(), Some(question), |body| {
            body["answer_found"] == true && !cited(body).is_empty() || body["rag"]["available"] == false
        }),
        (Method::GET, "/api/admin/people?limit=1".to_owned(), None, own_page),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_whose_reply_is_none_is_an_error_and_never_a_thing_that_is_not_there() {
    let faults = Faults::new();
    let bundle = behind(&faults).await;
    let root = bundle.administrator("root", "admin:read").await;
    let (mut wrong, mut number) = (Vec::new(), 0);
    for (lie, tell) in LIES {
        for operation in ["GetItem", "BatchGetItem", "Query", "GetObject", "GetSecretValue"] {
            faults.clear();
            number += 1;
            if operation == "GetObject" {
                // Only a snapshot that nobody has opened is fetched.
                let put = root.put(&product_path("lie-read"), fig_spread(number)).await;
                assert!(put.status < 300, "{}", put.body);
                bundle.run_schedule("catalog-publish").await.unwrap();
            }
            // What is known is known for a while; after that the stores are asked again.
            pass(&bundle, 3_600);
            tell(&faults, operation);
            let mark = faults.mark();
            let asking = readings().map(|(method, path, body, is_whole)| {
                let (root, body) = (&root, body.map(|body| ("application/json", body.to_string().into())));
                async move { (root.send(method, &path, body).await.unwrap(), path, is_whole) }
            });
            for (response, path, is_whole) in futures::future::join_all(asking).await {
                if response.status < 500 && !(response.status < 300 && is_whole(&response.body)) {
                    let body = response.body.to_string();
                    wrong.push(format!("{operation} {lie}, {path}: {} {body:.200}", response.status));
                }
            }
            assert!(!faults.since(mark).of(operation).faulted().is_empty(), "{operation} {lie} met no request");
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_reply_is_none_is_never_told_as_done_unless_it_is_and_is_done_when_sent_again() {
    let faults = Faults::new();
    let bundle = behind(&faults).await;
    let root = bundle.admin("root");
    let path = product_path("lie-write");
    let stock = async || root.get(&path).await.body["stock"].clone();
    let mut number = 0;
    assert_eq!(root.put(&path, fig_spread(number)).await.status, 201);
    for (lie, tell) in LIES.into_iter().filter(|(lie, _)| *lie != LACKING) {
        for operation in ["PutItem", "UpdateItem", "TransactWriteItems"] {
            let case = format!("{operation} {lie}");
            number += 1;
            let keyed = root.with_header("idempotency-key", &format!("lie-{number}"));
            let mark = faults.mark();
            tell(&faults.clear(), operation);
            let put = keyed.put(&path, fig_spread(number)).await;
            assert!(!faults.since(mark).of(operation).faulted().is_empty(), "{case} met no request");
            faults.clear();
            let (was, is) = (json!(number - 1), stock().await);
            match put.status {
                200..300 => assert_eq!(is, json!(number), "{case} was told as done: {}", put.body),
                500.. => assert!(is == was || is == json!(number), "{case}: {is}"),
                other => panic!("{case}: {other} {}", put.body),
            }
            // When whatever the first try left behind is over.
            pass(&bundle, 120);
            let again = keyed.put(&path, fig_spread(number)).await;
            assert!(again.status < 300, "{case}, sent again: {} {}", again.status, again.body);
            assert_eq!(stock().await, json!(number), "{case}, sent again");
        }
    }
}

/// What a store of objects may do to whoever asks it.
const OBJECTS: [&str; 6] =
    ["GetObject", "HeadObject", "PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"];

fn troubled(faults: &Faults, way: &str) {
    for operation in OBJECTS {
        let rule = faults.on(operation);
        match way {
            "dead" => rule.reset(),
            "throttled" => rule.throttle(),
            "broken" => rule.fail(),
            _ => rule.delay(Duration::from_millis(300)),
        };
    }
}

fn objects(log: &Log) -> usize {
    log.faulted().only(|call| OBJECTS.contains(&call.operation.as_str())).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_objects_cannot_be_had_the_last_snapshot_serves_and_afterwards_the_new_one() {
    let faults = Faults::new();
    let bundle = behind(&faults).await;
    let emil = bundle.employee("emil");
    let search = format!("/catalog/stores/{DOWNTOWN}/search?q=zanzibar&limit=1");
    let matches = async || {
        let found = emil.get(&search).await;
        assert_eq!(found.status, 200, "{}", found.body);
        found.body["matches"].as_u64().unwrap()
    };
    let ask_for_it = async || ask(&emil, "how much is the Zanzibar fig spread?").await;
    let mut there = matches().await;
    for way in ["dead", "throttled", "broken", "slow"] {
        let put = async |name: &str| emil.put(&product_path(&format!("{way}-{name}")), fig_spread(1)).await.status;
        // The publisher meets it.
        assert_eq!(put("publish").await, 201);
        let mark = faults.mark();
        troubled(&faults.clear(), way);
        let published = bundle.run_schedule("catalog-publish").await;
        assert!(objects(&faults.since(mark)) > 0, "{way}: the publisher met it");
        pass(&bundle, 6);
        let (now, failed) = (matches().await, published.is_err());
        assert!(now == there || way == "slow" && now == there + 1, "{way}: {now} of {there}");
        faults.clear();
        bundle.run_schedule("catalog-publish").await.unwrap();
        pass(&bundle, 60);
        assert_eq!(matches().await, there + 1, "{way} is over");
        // Whoever searches and answers meets it.
        assert_eq!(put("ask").await, 201);
        bundle.run_schedule("catalog-publish").await.unwrap();
        pass(&bundle, 60);
        let mark = faults.mark();
        troubled(&faults.clear(), way);
        let answer = ask_for_it().await;
        assert_eq!(answer.status, 200, "{way}: {}", answer.body);
        let sourced = text(&answer.body).contains("6.35") && !cited(&answer.body).is_empty();
        assert!(sourced || answer.body["rag"]["available"] == false, "{way}: {}", answer.body);
        let now = matches().await;
        assert!((there + 1..=there + 2).contains(&now), "{way}: {now} of {there}");
        assert!(objects(&faults.since(mark)) > 0, "{way}: the readers met it");
        faults.clear();
        pass(&bundle, 60);
        assert_eq!(matches().await, there + 2, "{way} is over");
        let answer = ask_for_it().await;
        assert!(text(&answer.body).contains("6.35") && !cited(&answer.body).is_empty(), "{way}: {}", answer.body);
        eprintln!("{way}: publishing {}", if failed { "failed and was made good" } else { "went on" });
        there += 2;
    }
}
