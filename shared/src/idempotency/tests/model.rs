//! Claims, completions and releases in any order, by any run, at any time, held to what they should do written down plainly.

use crate::table::testing::Store;
use crate::{
    auth::testing::now,
    digest::Digest,
    idempotency::{
        KEPT, MARGIN,
        answer::Answer,
        key::{IdempotencyKey, Token},
        record::{Claim, Completion, Found, Lease, Records},
    },
    ids::PersonId,
    tenant::{Sweep, TenantScope},
};
use axum::body::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::time::Duration;

/// How long a run may take.
const TIME: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
enum Deed {
    /// A new run with one of two payloads tries to take the key.
    Claim(u8),
    /// One of the runs so far stores an answer of its own.
    Complete(usize),
    /// One of the runs so far gives the key back.
    Release(usize),
    /// Time goes by, in seconds.
    Wait(u32),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0..2_u8).prop_map(Deed::Claim),
        3 => any::<usize>().prop_map(Deed::Complete),
        2 => any::<usize>().prop_map(Deed::Release),
        3 => prop_oneof![Just(1), Just(29), Just(30), Just(31), Just(86_400), 0..100_u32].prop_map(Deed::Wait),
    ]
}

/// What should be stored.
#[derive(Clone, Debug)]
struct Kept {
    run: usize,
    payload: u8,
    lease_until: Timestamp,
    kept_until: Timestamp,
    answer: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Mine,
    OtherPayload,
    Running(Timestamp),
    Answered(String),
    Nothing,
}

fn seen(found: &Found) -> Seen {
    match found {
        Found::OtherPayload => Seen::OtherPayload,
        Found::Running { until } => Seen::Running(*until),
        Found::OtherRights => unreachable!("all have the same"),
        Found::Answered(_) => Seen::Answered(String::new()),
    }
}

fn expected(kept: &Kept, payload: u8) -> Seen {
    match &kept.answer {
        _ if kept.payload != payload => Seen::OtherPayload,
        None => Seen::Running(kept.lease_until),
        Some(answer) => Seen::Answered(answer.clone()),
    }
}

/// What is found, with its answer read.
async fn read(records: &Records, found: Found) -> Seen {
    match found {
        Found::Answered(kept) => {
            let answer = records.answer(kept).await.unwrap();
            Seen::Answered(String::from_utf8(answer.body.to_vec()).unwrap())
        }
        other => seen(&other),
    }
}

async fn hold(records: &Records, deeds: &[Deed]) {
    let mut at = now();
    let mut runs: Vec<(Lease, u8)> = Vec::new();
    let mut kept: Option<Kept> = None;
    for deed in deeds {
        match deed {
            Deed::Wait(seconds) => at += SignedDuration::from_secs((*seconds).into()),
            Deed::Claim(payload) => {
                let lease = Lease::new(Digest::of(&[*payload]), Digest::of(b"rights"), at, TIME);
                let free = kept.as_ref().is_none_or(|kept| {
                    let over = kept.answer.is_none() && kept.lease_until <= at && kept.payload == *payload;
                    kept.kept_until <= at || over
                });
                let claimed = match records.claim(&lease).await.unwrap() {
                    Claim::Mine => Seen::Mine,
                    Claim::Known(found) => read(records, *found).await,
                };
                let right = match &kept {
                    Some(kept) if !free => expected(kept, *payload),
                    _ => Seen::Mine,
                };
                assert_eq!(claimed, right, "{deed:?} of {deeds:?}");
                if free {
                    let (lease_until, kept_until) = (at + TIME + MARGIN, at + KEPT);
                    kept = Some(Kept { run: runs.len(), payload: *payload, lease_until, kept_until, answer: None });
                }
                runs.push((lease, *payload));
            }
            Deed::Complete(which) if !runs.is_empty() => {
                let which = which % runs.len();
                let text = format!("answer of {which}");
                let answer = Answer::of(StatusCode::OK, &HeaderMap::new(), Bytes::from(text.clone()));
                let (lease, payload) = &runs[which];
                let ended = match records.complete(lease, &answer, &|_| {}).await.unwrap() {
                    Completion::Done => Seen::Mine,
                    Completion::Overtaken(None) => Seen::Nothing,
                    Completion::Overtaken(Some(found)) => read(records, *found).await,
                };
                let right = match &mut kept {
                    Some(kept) if kept.run == which => {
                        kept.answer = Some(text);
                        Seen::Mine
                    }
                    Some(kept) => expected(kept, *payload),
                    None => Seen::Nothing,
                };
                assert_eq!(ended, right, "{deed:?} of {deeds:?}");
            }
            Deed::Release(which) if !runs.is_empty() => {
                let which = which % runs.len();
                records.release(&runs[which].0).await.unwrap();
                kept = kept.filter(|kept| kept.run != which);
            }
            Deed::Complete(_) | Deed::Release(_) => {}
        }
    }
}

#[test]
fn in_any_order_a_key_is_one_runs_and_an_answer_stays_what_it_is() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let store = runtime.block_on(Store::start());
    let acme = TenantScope::for_job(Sweep::CatalogPublish, "acme".parse().unwrap());
    let number = std::sync::atomic::AtomicUsize::new(0);
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(deeds in proptest::collection::vec(deed(), 1..24))| {
        let key = format!("k{}", number.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let headers = HeaderMap::from_iter([(super::super::HEADER, key.parse().unwrap())]);
        let key = IdempotencyKey::of(&headers).unwrap();
        let person = PersonId::from_subject("ada").unwrap();
        let token = Token::of(&person, &Method::POST, &Uri::from_static("/x"), &key);
        let records = Records::of(store.table().of(&acme), &token);
        runtime.block_on(acme.act(hold(&records, &deeds)));
    });
}
