//! What is answered, branch by branch.

use super::*;
use crate::table::testing::Trouble;
use crate::{
    idempotency::{KEPT, MARGIN, UNLIMITED},
    problem::Problem,
};
use http::StatusCode;
use jiff::SignedDuration;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

fn clock() -> Clock {
    Clock::frozen(now())
}

fn calls(of: &[(&str, usize)]) -> Vec<(String, usize)> {
    of.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

/// A store, a site that numbers what it does, and that number.
async fn numbering() -> (Store, Router, Arc<AtomicUsize>, Clock) {
    let (store, clock, done) = (Store::start().await, clock(), Arc::default());
    let site = site(&store, &clock, counted(&done, |number| format!("number {number}")));
    (store, site, done, clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_a_request_passes_and_nothing_is_written() {
    let (store, site, done, _) = numbering().await;
    for number in 1..=2 {
        let reply = thing("").without("idempotency-key").to(&site).await;
        assert_eq!((reply.status, &reply.body[..]), (200, format!("number {number}").as_bytes()));
    }
    assert_eq!((done.load(Ordering::SeqCst), store.calls()), (2, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_takes_two_writes_and_no_read_and_the_next_one_refused_write() {
    let (store, site, done, _) = numbering().await;
    let first = thing("a").to(&site).await;
    assert_eq!((first.status, &first.body[..], first.replayed()), (200, &b"number 1"[..], false));
    assert_eq!(store.calls(), calls(&[("putitem", 1), ("updateitem", 1)]));
    for again in [thing("a"), thing("\"a\"")] {
        let again = again.to(&site).await;
        again.repeats(&first);
        assert_eq!(again.headers["content-type"], first.headers["content-type"]);
        assert_ne!(again.headers["x-request-id"], first.headers["x-request-id"], "each request has its own id");
        assert_eq!(store.calls(), calls(&[("putitem", 1)]));
    }
    assert_eq!(done.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_payload_under_the_same_key_is_refused_until_the_key_is_free() {
    let (_store, site, done, clock) = numbering().await;
    assert_eq!(thing("a").to(&site).await.status, 200);
    let others = [
        thing("a").body("two"),
        thing("a").body(""),
        thing("a").with("content-type", "text/csv"),
        thing("a").without("content-type"),
        thing("a").with("if-match", "\"1\""),
        thing("a").with("x-mode", "test"),
    ];
    for other in &others {
        let reply = other.to(&site).await;
        assert!(reply.is(409, "idempotency.key_reused") && !reply.replayed(), "{reply:?}");
    }
    assert_eq!(done.load(Ordering::SeqCst), 1);
    clock.advance(KEPT);
    assert_eq!(others[0].to(&site).await.body, "number 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_means_something_else_for_another_person_tenant_route_query_or_method() {
    let (_store, site, done, _) = numbering().await;
    let all = [
        thing("a"),
        thing("b"),
        thing("a").by("bob", Some("acme")),
        thing("a").by("ada", Some("beta")),
        post("/things/1", "a"),
        post("/things/2", "a"),
        post("/things?x=1", "a"),
        Ask { method: Method::PUT, ..thing("a") },
    ];
    let mut firsts = Vec::new();
    for ask in &all {
        firsts.push(ask.to(&site).await);
    }
    assert_eq!(done.load(Ordering::SeqCst), all.len());
    for (ask, first) in all.iter().zip(&firsts) {
        ask.to(&site).await.repeats(first);
    }
    assert_eq!(done.load(Ordering::SeqCst), all.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_told_again_to_the_rights_that_it_was_given_to_and_to_no_others() {
    let (_store, site, done, clock) = numbering().await;
    let rights = |role: &str, stores: &[&str], scope: &str| {
        thing("a").claiming(json!({
            "sub": "ada", "user_id": "ada", "tenant_id": "acme", "role": role, "stores": stores, "scope": scope,
        }))
    };
    let ask = rights("store_employee", &["north", "south"], "service:write");
    let first = ask.to(&site).await;
    for same in [ask, rights("store_employee", &["south", "north"], "service:write")] {
        same.to(&site).await.repeats(&first);
    }
    let others = [
        rights("shopper", &["north", "south"], "service:write"),
        rights("admin", &["north", "south"], "service:write"),
        rights("store_employee", &["north"], "service:write"),
        rights("store_employee", &[], "service:write"),
        rights("store_employee", &["north", "south"], ""),
    ];
    for other in &others {
        let told = other.to(&site).await;
        assert!(told.is(403, "idempotency.rights_changed") && !told.replayed(), "{told:?}");
        let text = String::from_utf8_lossy(&told.body).into_owned();
        assert!(text.contains("new key") && !text.contains("number"), "{text}");
    }
    assert_eq!(done.load(Ordering::SeqCst), 1);
    clock.advance(KEPT);
    assert_eq!(others[0].to(&site).await.body, "number 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_first_is_under_way_the_next_is_told_when_to_come_again() {
    let (store, clock, go) = (Store::start().await, clock(), Arc::new(Notify::new()));
    let (begun, gate) = (Arc::new(Notify::new()), go.clone());
    let started = begun.clone();
    let act: Act = Arc::new(move |_| {
        let (started, gate) = (started.clone(), gate.clone());
        Box::pin(async move {
            started.notify_one();
            gate.notified().await;
            "done".into_response()
        })
    });
    let site = site(&store, &clock, act);
    let first = tokio::spawn({
        let site = site.clone();
        async move { thing("a").to(&site).await }
    });
    begun.notified().await;
    let lease = u32::try_from((UNLIMITED + MARGIN).as_secs()).unwrap();
    for (passed, left) in [(0, lease), (1, lease), (1_500, lease - 1)] {
        clock.advance(SignedDuration::from_millis(passed));
        let reply = thing("a").to(&site).await;
        assert!(reply.is(409, "idempotency.in_progress"), "{reply:?}");
        assert_eq!(reply.retry_after(), left, "rounded up");
    }
    assert!(thing("a").body("two").to(&site).await.is(409, "idempotency.key_reused"));
    go.notify_one();
    let first = first.await.unwrap();
    thing("a").to(&site).await.repeats(&first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_key_is_the_callers_fault_and_a_stranger_is_refused_by_the_handler() {
    let (store, site, done, _) = numbering().await;
    for bad in ["", "a b", "a,b", "\"a", &"k".repeat(256)] {
        assert!(thing(bad).to(&site).await.is(400, "idempotency.bad_key"), "{bad}");
    }
    let mut twice = thing("a").request();
    twice.headers_mut().append("idempotency-key", "b".parse().unwrap());
    assert!(reply(&site, twice).await.is(400, "idempotency.bad_key"));
    assert!(thing("a b").without("authorization").to(&site).await.is(401, "auth.missing_token"));
    assert!(thing("a").with("authorization", "Bearer x").to(&site).await.is(401, "auth.invalid_token"));
    assert!(thing("a").with("x-tenant-id", "beta").to(&site).await.is(403, "tenant.forbidden"));
    assert_eq!((done.load(Ordering::SeqCst), store.calls()), (0, vec![]));
    // A person without a tenant has no place for a record; what the handler does for them is its own affair.
    assert_eq!(thing("a").by("ada", None).to(&site).await.status, 200);
    assert_eq!(store.calls(), vec![]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_settles_comes_again_with_its_headers_and_any_other_gives_the_key_back() {
    let (store, clock) = (Store::start().await, clock());
    for status in
        [200, 201, 202, 204, 303, 400, 404, 409, 410, 412, 415, 422, 401, 403, 408, 413, 425, 429, 500, 502, 503]
    {
        let (done, settled) = (Arc::default(), super::super::settles(StatusCode::from_u16(status).unwrap()));
        let site = site(
            &store,
            &clock,
            counted(&done, move |number| {
                let headers = [
                    ("etag", format!("\"{number}\"")),
                    ("location", "/there".to_owned()),
                    ("content-language", "fr".to_owned()),
                    ("retry-after", "7".to_owned()),
                    ("date", "Sun, 01 Mar 2026 09:00:00 GMT".to_owned()),
                    ("x-request-id", "mine".to_owned()),
                ];
                let body = if status == 204 { String::new() } else { format!("number {number}") };
                (StatusCode::from_u16(status).unwrap(), headers, body)
            }),
        );
        let ask = thing(&status.to_string());
        let (first, again) = (ask.to(&site).await, ask.to(&site).await);
        assert_eq!((first.status, again.status), (status, status));
        assert_eq!(again.replayed(), settled, "{status}");
        assert_eq!(done.load(Ordering::SeqCst), if settled { 1 } else { 2 }, "{status}");
        if settled {
            again.repeats(&first);
            for kept in ["etag", "location", "content-language", "retry-after", "content-type"] {
                assert_eq!(again.headers.get(kept), first.headers.get(kept), "{status} {kept}");
            }
            assert!(!again.headers.contains_key("date"), "{status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_larger_than_an_item_comes_again_whole() {
    let (store, clock, done) = (Store::start().await, clock(), Arc::default());
    // 6 MB without a pattern that a wrong order would keep.
    let large: Vec<u8> = (0..6_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let site = site(&store, &clock, counted(&done, move |_| large.clone()));
    let first = thing("a").to(&site).await;
    let chunks = first.body.len().div_ceil(super::super::record::CHUNK_BYTES);
    assert_eq!(store.calls(), calls(&[("putitem", 1 + chunks), ("updateitem", 1)]));
    thing("a").to(&site).await.repeats(&first);
    assert_eq!(store.calls(), calls(&[("batchgetitem", 1), ("putitem", 1)]));
    assert_eq!(done.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_a_body_is_the_routes_own_with_a_key_and_without() {
    let (store, site, done, _) = numbering().await;
    let large = Bytes::from(vec![b'x'; 300 * 1024]);
    for ask in [thing("a"), thing("a").without("idempotency-key")] {
        assert!(ask.body(large.clone()).to(&site).await.is(413, "http.body_too_large"));
    }
    assert_eq!((done.load(Ordering::SeqCst), store.calls()), (0, vec![]));
    let file = post("/files", "a").body(vec![b'x'; 5_500_000]);
    let first = file.to(&site).await;
    assert_eq!(first.status, 200);
    file.to(&site).await.repeats(&first);
    assert!(post("/files", "b").body(vec![b'x'; 5_500_001]).to(&site).await.is(413, "http.body_too_large"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_safe_request_is_answered_anew_whatever_key_it_has() {
    let (store, site, done, _) = numbering().await;
    for _ in 0..2 {
        assert_eq!(Ask { method: Method::GET, ..thing("a") }.to(&site).await.status, 200);
    }
    assert_eq!((done.load(Ordering::SeqCst), store.calls()), (2, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_where_the_key_cannot_be_taken() {
    let (store, site, done, _) = numbering().await;
    store.trouble("PutItem", Trouble::Shut);
    let refused = thing("a").to(&site).await;
    assert!(refused.is(503, "table.unavailable") && refused.headers.contains_key("retry-after"), "{refused:?}");
    assert_eq!(done.load(Ordering::SeqCst), 0);
    store.mend();
    assert_eq!(thing("a").to(&site).await.body, "number 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_stored_goes_out_and_its_key_is_free_after_the_lease() {
    let (store, site, done, clock) = numbering().await;
    store.trouble("UpdateItem", Trouble::Shut);
    let first = thing("a").to(&site).await;
    assert_eq!((first.status, &first.body[..]), (200, &b"number 1"[..]));
    store.mend();
    assert!(thing("a").to(&site).await.is(409, "idempotency.in_progress"));
    clock.advance(UNLIMITED + MARGIN);
    assert_eq!(thing("a").to(&site).await.body, "number 2");
    assert_eq!(done.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_of_the_store_is_not_taken_for_somebody_else() {
    let (store, site, done, _) = numbering().await;
    for (number, operation) in ["PutItem", "UpdateItem"].into_iter().enumerate() {
        store.trouble(operation, Trouble::LoseOneReply);
        let first = thing(operation).to(&site).await;
        assert_eq!((first.status, done.load(Ordering::SeqCst)), (200, number + 1), "{operation}: {first:?}");
        thing(operation).to(&site).await.repeats(&first);
    }
    let (refusals, tried) = (Arc::default(), clock());
    let refusing = super::site(&store, &tried, counted(&refusals, |_| Problem::unavailable("x.down")));
    store.trouble("DeleteItem", Trouble::LoseOneReply);
    for _ in 0..2 {
        assert!(thing("given-back").to(&refusing).await.is(503, "x.down"));
    }
    assert_eq!(refusals.load(Ordering::SeqCst), 2);
}

#[cfg(feature = "lambda")]
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_what_is_left_of_the_invocation_and_the_margin() {
    use crate::web::lambda::Deadline;
    let (store, clock) = (Store::start().await, clock());
    let site = site(&store, &clock, Arc::new(|_| Box::pin(std::future::pending())));
    let mut request = thing("a").request();
    request.extensions_mut().insert(Deadline(std::time::SystemTime::now() + std::time::Duration::from_secs(5)));
    let ended = tokio::time::timeout(std::time::Duration::from_millis(300), reply(&site, request)).await;
    assert!(ended.is_err(), "it is cut off by its time");
    let told = thing("a").to(&site).await;
    assert!(told.is(409, "idempotency.in_progress"), "{told:?}");
    assert_eq!(i64::from(told.retry_after()), 5 + MARGIN.as_secs());
    clock.advance(SignedDuration::from_secs(told.retry_after().into()));
    let taken = tokio::time::timeout(std::time::Duration::from_millis(300), thing("a").to(&site)).await;
    assert!(taken.is_err(), "it runs again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_hangs_keeps_no_answer_back_and_lets_nothing_begin() {
    let (store, site, done, clock) = numbering().await;
    store.trouble("UpdateItem", Trouble::Hang);
    let begun = Instant::now();
    let first = thing("a").to(&site).await;
    assert_eq!((first.status, &first.body[..]), (200, &b"number 1"[..]));
    assert!(begun.elapsed() < Duration::from_millis(1_900), "{:?}", begun.elapsed());
    store.mend();
    assert!(thing("a").to(&site).await.is(409, "idempotency.in_progress"), "the lease runs out by itself");
    let refusing = super::site(&store, &clock, counted(&Arc::default(), |_| Problem::unavailable("x.down")));
    store.trouble("DeleteItem", Trouble::Hang);
    let begun = Instant::now();
    assert!(thing("given-back").to(&refusing).await.is(503, "x.down"));
    assert!(begun.elapsed() < Duration::from_millis(1_900), "{:?}", begun.elapsed());
    store.trouble("PutItem", Trouble::Hang);
    let begun = Instant::now();
    let told = thing("b").to(&site).await;
    assert!(told.is(503, "table.unavailable") && told.retry_after() > 0, "{told:?}");
    assert!(begun.elapsed() < Duration::from_millis(4_500), "{:?}", begun.elapsed());
    assert_eq!(done.load(Ordering::SeqCst), 1);
}

#[cfg(feature = "lambda")]
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_at_the_end_of_the_invocation_goes_out_before_it_ends() {
    use crate::web::lambda::Deadline;
    let (store, site, _, _) = numbering().await;
    store.trouble("UpdateItem", Trouble::Hang);
    let mut request = thing("a").request();
    request.extensions_mut().insert(Deadline(std::time::SystemTime::now() + Duration::from_millis(700)));
    let told = tokio::time::timeout(Duration::from_millis(700), reply(&site, request)).await;
    assert_eq!(told.expect("it is told in time").status, 200);
}

#[tokio::test]
async fn who_is_suspended_repeats_an_appeal_and_hears_no_other_answer() {
    let (_store, site, done, _) = numbering().await;
    let who = |ask: Ask, suspended: bool| {
        ask.claiming(json!({"sub": "ada", "user_id": "ada", "tenant_id": "acme", "suspended": suspended}))
    };
    // An answer from before is not told to somebody who may not come in any more, and nothing runs.
    assert_eq!(who(thing("k"), false).to(&site).await.status, 200);
    let shut = who(thing("k"), true).to(&site).await;
    assert_eq!((shut.status, shut.headers.contains_key("idempotency-replayed")), (403, false));
    assert!(String::from_utf8_lossy(&shut.body).contains("auth.suspended"));
    assert_eq!(done.load(Ordering::SeqCst), 1);
    for _ in 0..3 {
        assert_eq!(who(post("/appeals", "k"), true).to(&site).await.status, 200);
    }
    assert_eq!(done.load(Ordering::SeqCst), 2, "the appeal was made once");
    let other = who(post("/appeals", "k"), false).to(&site).await;
    assert_eq!(other.status, 403, "whoever is free again has other rights");
}
