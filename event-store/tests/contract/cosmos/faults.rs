//! What no emulator answers: refusals, rubbish, and nothing at all.

use super::{
    host::{Answer, Call, Deed, Host},
    key, open,
};
use crate::{at, day, event, noon, tenant, to_put};
use event_store::{
    Deleted, Dimension, EventId, EventQuery, EventStore, Filters, PutOutcome, Range, StoreError,
    cosmos::{Cosmos, Place},
};
use futures::future::join_all;
use serde_json::json;
use shared::tenant::TenantScope;
use std::time::{Duration, Instant};

/// How long a call may take: its own five seconds, and what a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(10);

fn whose() -> TenantScope {
    tenant("faults")
}

fn id() -> EventId {
    EventId::of("req-1", "default").unwrap()
}

/// What a call that must fail comes to, and how its error reads.
async fn failing(store: &Cosmos, deed: Deed) -> StoreError {
    let (tenant, begun) = (whose(), Instant::now());
    let told = match deed {
        Deed::Put => {
            store.put(&tenant, &[to_put(event("1", 0, json!({})))]).await.remove(0).map(|found| format!("{found:?}"))
        }
        Deed::Query => store.query(&tenant, &day(), 10, None).await.map(|found| format!("{found:?}")),
        Deed::Get => store.get(&tenant, &id()).await.map(|found| format!("{found:?}")),
        Deed::Delete => store.delete(&tenant, &id()).await.map(|found| format!("{found:?}")),
        Deed::Opening => unreachable!("a store is open"),
    };
    assert!(begun.elapsed() < PATIENCE, "{deed:?} took {:?}", begun.elapsed());
    match told {
        Ok(told) => panic!("{deed:?} was told {told}"),
        Err(error) => error,
    }
}

/// Every deed, with a store and an account of its own.
struct Each(Vec<(Deed, Host, Cosmos)>);

impl Each {
    async fn start() -> Self {
        let mut each = vec![];
        for deed in [Deed::Put, Deed::Query, Deed::Get, Deed::Delete] {
            let host = Host::start();
            let store = opened(&host).await;
            each.push((deed, host, store));
        }
        Self(each)
    }

    /// Answers each deed by `answer`; what each error is must be what `right` says.
    async fn told(&self, answer: Answer, right: impl Fn(&StoreError) -> bool) {
        let errors = join_all(self.0.iter().map(async |(deed, host, store)| {
            let (of, answer) = (*deed, answer.clone());
            // The account, its containers and their partitions are asked about again at times, and answer.
            host.answer(move |call| if call.deed() == of { answer.clone() } else { Answer::Emulated });
            (deed, failing(store, of).await)
        }));
        for (deed, error) in errors.await {
            assert!(right(&error), "{deed:?} after {answer:?}: {error:?}");
            let shown = format!("{error:?} {error} {}", shared::problem::chain(&error));
            assert!(!shown.contains("c2VjcmV0") && !shown.contains("req-1") && !shown.contains("127.0.0.1"), "{shown}");
        }
    }
}

/// The store of an account that answers, however busy the machine is.
pub(super) async fn opened(host: &Host) -> Cosmos {
    let begun = Instant::now();
    loop {
        match open(host.url()).await {
            Ok(store) => return store,
            Err(error) => assert!(is_unavailable(&error) && begun.elapsed() < Duration::from_secs(60), "{error:?}"),
        }
    }
}

fn told(status: u16, headers: Vec<(&'static str, &'static str)>, body: &'static str) -> Answer {
    Answer::Told(status, headers, body)
}

/// A refusal as the service words it.
fn refused(status: u16) -> Answer {
    told(status, vec![("content-type", "application/json")], r#"{"code": "Refused", "message": "no: c2VjcmV0"}"#)
}

fn is_unavailable(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(_))
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_refused_are_told_as_that() {
    let each = Each::start().await;
    for status in [401, 403] {
        each.told(refused(status), |error| matches!(error, StoreError::AuthRefused)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_full_is_no_want_of_rights() {
    let each = Each::start().await;
    let full =
        told(403, vec![("x-ms-substatus", "1014")], r#"{"code": "Forbidden", "message": "reached maximum size"}"#);
    each.told(full, |error| matches!(error, StoreError::BadConfig(_))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_asked_too_much_says_when_to_come_again() {
    let each = Each::start().await;
    let at = |wanted: Duration| move |error: &StoreError| matches!(error, StoreError::Throttled { retry_after } if *retry_after == wanted);
    let later = told(429, vec![("x-ms-retry-after-ms", "7000"), ("x-ms-substatus", "3200")], r#"{"code": "429"}"#);
    each.told(later, at(Duration::from_secs(7))).await;
    each.told(refused(429), at(Duration::from_secs(1))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_is_gone_is_no_event_that_is_not_there() {
    let each = Each::start().await;
    let gone = told(
        404,
        vec![("x-ms-substatus", "1003")],
        r#"{"code": "NotFound", "message": "Owner resource does not exist"}"#,
    );
    each.told(gone, |error| matches!(error, StoreError::BadConfig(_))).await;
    // Somebody between us and the account, who has never heard of it.
    each.told(told(404, vec![], "<html>no such page</html>"), |error| matches!(error, StoreError::BadConfig(_))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_broken_for_the_moment_is_told_as_that() {
    let each = Each::start().await;
    for status in [408, 410, 449, 500, 503] {
        each.told(refused(status), is_unavailable).await;
    }
    let behind = told(404, vec![("x-ms-substatus", "1002")], r#"{"code": "NotFound"}"#);
    each.told(behind, is_unavailable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_is_no_answer() {
    let each = Each::start().await;
    for body in ["<html>sign in</html>", "", "{}", "[]", r#"{"Documents": [{}]}"#, r#"{"id": "req-1~default"}"#] {
        each.told(told(200, vec![], body), |error| matches!(error, StoreError::Form(_))).await;
    }
    each.told(refused(400), |error| matches!(error, StoreError::Form(_))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_short_and_one_that_never_comes_are_none() {
    let each = Each::start().await;
    each.told(Answer::Cut(200), is_unavailable).await;
    each.told(Answer::Never, is_unavailable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_item_than_the_one_that_was_asked_for_is_none() {
    let host = Host::start();
    let (store, tenant) = (opened(&host).await, whose());
    // An item that is whole, of another name or of another partition.
    let put: Vec<_> = ["1", "2"].map(|n| to_put(event(n, 0, json!({})))).into();
    assert!(store.put(&tenant, &put).await.iter().all(Result::is_ok));
    let items = host.calls().into_iter().filter(|call| call.deed() == Deed::Put).map(|call| call.body);
    let [first, second]: [String; 2] = items.collect::<Vec<_>>().try_into().unwrap();
    let (first, second) = if first.contains("req-1~default") { (first, second) } else { (second, first) };
    for body in [second, first.replace(r#""pk":"faults#"#, r#""pk":"another#"#)] {
        let body: &'static str = body.leak();
        host.answer(move |call| if call.deed() == Deed::Get { told(200, vec![], body) } else { Answer::Emulated });
        assert!(matches!(store.get(&tenant, &id()).await, Err(StoreError::Form(_))), "{body}");
    }
    let body: &'static str = first.leak();
    host.answer(move |call| if call.deed() == Deed::Get { told(200, vec![], body) } else { Answer::Emulated });
    assert!(store.get(&tenant, &id()).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_of_a_put_is_read_before_it_is_judged() {
    let host = Host::start();
    let (store, tenant) = (opened(&host).await, whose());
    let put = async || store.put(&tenant, &[to_put(event("1", 0, json!({})))]).await.remove(0);
    assert_eq!(put().await.unwrap(), PutOutcome::Stored);
    assert_eq!(put().await.unwrap(), PutOutcome::Duplicate);
    // It cannot be read.
    host.answer(|call| if call.deed() == Deed::Get { refused(403) } else { Answer::Emulated });
    assert!(matches!(put().await, Err(StoreError::AuthRefused)));
    // It is there, and is not.
    let none = told(404, vec![], r#"{"code": "NotFound"}"#);
    host.answer(move |call| if call.deed() == Deed::Get { none.clone() } else { Answer::Emulated });
    assert!(matches!(put().await, Err(StoreError::Unavailable(_))));
    host.answer(|_| Answer::Emulated);
    assert_eq!(put().await.unwrap(), PutOutcome::Duplicate);
    assert_eq!(store.delete(&tenant, &id()).await.unwrap(), Deleted::Gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_partition_that_fails_fails_the_page() {
    let host = Host::start();
    let (store, tenant) = (opened(&host).await, whose());
    let events: Vec<_> = (0..40).map(|n| to_put(event(&n.to_string(), n, json!({})))).collect();
    assert!(store.put(&tenant, &events).await.iter().all(Result::is_ok));
    assert_eq!(store.query(&tenant, &day(), 100, None).await.unwrap().events.len(), 40);
    let one = |call: &Call| call.deed() == Deed::Query && call.body.contains("faults#5");
    host.answer(move |call| if one(call) { refused(403) } else { Answer::Emulated });
    assert!(matches!(store.query(&tenant, &day(), 100, None).await, Err(StoreError::AuthRefused)));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_names_its_partition_and_reads_what_is_committed() {
    let host = Host::start();
    let (store, tenant) = (opened(&host).await, whose());
    let opened = host.calls();
    assert!(opened.iter().all(|call| call.deed() == Deed::Opening), "{opened:#?}");
    store
        .put(&tenant, &[to_put(event("1", 0, json!({"user_id": "o'hara", "session_id": "s-1", "app": "x"})))])
        .await
        .remove(0)
        .unwrap();
    store.get(&tenant, &id()).await.unwrap().unwrap();
    let filters = Filters {
        user_id: Some("o'hara".to_owned()),
        session_id: Some("s-1".to_owned()),
        dimensions: [(Dimension::App, "x".to_owned())].into(),
    };
    assert_eq!(store.query(&tenant, &EventQuery { filters, ..day() }, 1, None).await.unwrap().events.len(), 1);
    store.delete(&tenant, &id()).await.unwrap();
    let calls = host.calls();
    let of = |deed: Deed| calls.iter().filter(move |call| call.deed() == deed);
    assert_eq!([Deed::Put, Deed::Query, Deed::Get, Deed::Delete].map(|deed| of(deed).count()), [1, 8, 1, 1]);
    for call in calls.iter().filter(|call| call.deed() != Deed::Opening) {
        assert!(call.headers["x-ms-documentdb-partitionkey"].starts_with(r#"["faults#"#), "{call:?}");
        let reads = matches!(call.deed(), Deed::Get | Deed::Query);
        let committed = call.headers.get("x-ms-cosmos-read-consistency-strategy");
        assert_eq!(committed.map(String::as_str), reads.then_some("LatestCommitted"), "{call:?}");
    }
    for call in of(Deed::Query) {
        let asked: serde_json::Value = serde_json::from_str(&call.body).unwrap();
        let text = asked["query"].as_str().unwrap();
        assert!(text.contains("WHERE c.pk = @p0 AND") && text.ends_with("ORDER BY c.event_time DESC"), "{text}");
        assert!(!text.contains("hara") && !text.contains("GROUP") && !text.contains("OFFSET"), "{text}");
        for held in ["c.person = @", "c.session_id = @", "c.app = @"] {
            assert!(text.contains(held), "{text}");
        }
        let pk = asked["parameters"][0]["value"].as_str().unwrap();
        assert_eq!(call.headers["x-ms-documentdb-partitionkey"], format!("[\"{pk}\"]"));
    }
    let item: serde_json::Value = serde_json::from_str(&of(Deed::Put).next().unwrap().body).unwrap();
    assert_eq!((item["id"].as_str(), item["app"].as_str()), (Some("req-1~default"), Some("x")));
    assert!(item["person"].as_str().unwrap().len() == 64 && item.get("user_id").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_instance_deletes_no_other_finds() {
    let host = Host::start();
    let (one, other, tenant) = (opened(&host).await, opened(&host).await, whose());
    for _ in 0..10 {
        assert_eq!(one.put(&tenant, &[to_put(event("1", 0, json!({})))]).await.remove(0).unwrap(), PutOutcome::Stored);
        assert_eq!(other.query(&tenant, &day(), 10, None).await.unwrap().events.len(), 1);
        assert_eq!(other.delete(&tenant, &id()).await.unwrap(), Deleted::Gone);
        assert!(one.get(&tenant, &id()).await.unwrap().is_none());
        assert!(one.query(&tenant, &day(), 10, None).await.unwrap().events.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_second_of_time_is_one_like_another() {
    let host = Host::start();
    let (store, tenant) = (opened(&host).await, whose());
    let mut odd = [event("1", 0, json!({})), event("2", 0, json!({})), event("3", 0, json!({}))];
    (odd[0].timestamp, odd[2].timestamp) = (at("-009999-01-02T01:59:59Z"), at("9999-12-30T22:00:00.999999999Z"));
    let put: Vec<_> = odd.into_iter().map(to_put).collect();
    assert!(store.put(&tenant, &put).await.iter().all(Result::is_ok));
    let all = EventQuery { range: Range { from: at("-009999-01-02T01:59:59Z"), to: noon() }, ..day() };
    assert_eq!(store.query(&tenant, &all, 10, None).await.unwrap().events.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_says_why() {
    let host = Host::start();
    opened(&host).await;
    let place = |endpoint: &str, container: &str| Place {
        endpoint: endpoint.to_owned(),
        database_id: super::host::DATABASE.to_owned(),
        container_id: container.to_owned(),
    };
    let refuses = async |endpoint: &str, container: &str, secret: &str| {
        let begun = Instant::now();
        let error = Cosmos::open(&place(endpoint, container), key(secret)).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
        let shown = format!("{error:?} {error} {}", shared::problem::chain(&error));
        assert!(!shown.contains(secret), "{shown}");
        error
    };
    // A busy machine may be late with any answer.
    let certain = async |endpoint: &str, container: &str, secret: &str| {
        let begun = Instant::now();
        loop {
            let error = refuses(endpoint, container, secret).await;
            if !is_unavailable(&error) || begun.elapsed() > Duration::from_secs(60) {
                return error;
            }
        }
    };
    let bad = |error: &StoreError| matches!(error, StoreError::BadConfig(_));
    for endpoint in [
        "",
        "x.documents.azure.com",
        "ftp://x.documents.azure.com",
        "http://x.documents.azure.com",
        concat!("https://u:p", "@x.documents.azure.com"),
        "https://x.documents.azure.com/a",
        "https://x.documents.azure.com/?a=b",
        "https://x.documents.azure.com#a",
        "https://",
    ] {
        assert!(bad(&refuses(endpoint, "c", "c2VjcmV0").await), "{endpoint}");
    }
    for secret in ["no Base64!", "c2VjcmV0c", "===="] {
        assert!(bad(&refuses(host.url(), "c", secret).await), "{secret}");
    }
    assert!(bad(&certain(host.url(), "another", "c2VjcmV0").await));
    assert!(is_unavailable(&refuses("http://127.0.0.1:9", "c", "c2VjcmV0").await));
    host.answer(|_| refused(401));
    assert!(matches!(certain(host.url(), super::host::CONTAINER, "c2VjcmV0").await, StoreError::AuthRefused));
    host.answer(|_| refused(503));
    assert!(is_unavailable(&refuses(host.url(), super::host::CONTAINER, "c2VjcmV0").await));
    host.answer(|_| Answer::Never);
    assert!(is_unavailable(&refuses(host.url(), super::host::CONTAINER, "c2VjcmV0").await));
    host.answer(|_| told(200, vec![], "<html>sign in</html>"));
    let rubbish = refuses(host.url(), super::host::CONTAINER, "c2VjcmV0").await;
    assert!(matches!(rubbish, StoreError::Form(_) | StoreError::Unavailable(_)), "{rubbish:?}");
}
