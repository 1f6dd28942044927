//! Whatever is done to a bucket, it stays what a sorted map would be.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::Client;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::support::*;

#[derive(Clone, Debug)]
enum Step {
    Put(String, u8),
    Delete(String),
    Copy(String, String),
    List(Listing),
}

#[derive(Clone, Debug)]
struct Listing {
    prefix: String,
    delimiter: Option<String>,
    start_after: Option<String>,
    max_keys: i32,
}

/// A few letters around the delimiters, so that keys meet and nest.
fn key() -> impl Strategy<Value = String> {
    "[ab/é.]{1,5}"
}

fn step() -> impl Strategy<Value = Step> {
    let listing = ("[ab/é.]{0,3}", prop::option::of("[/é]|ab|//"), prop::option::of(key()), 1..5);
    prop_oneof![
        5 => (key(), any::<u8>()).prop_map(|(key, byte)| Step::Put(key, byte)),
        1 => key().prop_map(Step::Delete),
        1 => (key(), key()).prop_map(|(from, to)| Step::Copy(from, to)),
        2 => listing.prop_map(|(prefix, delimiter, start_after, max_keys)| {
            Step::List(Listing { prefix, delimiter, start_after, max_keys })
        }),
    ]
}

/// What a listing shows: keys, and prefixes that stand for keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Line {
    Key(String, u8),
    Prefix(String),
}

impl Line {
    fn text(&self) -> &str {
        match self {
            Self::Key(text, _) | Self::Prefix(text) => text,
        }
    }
}

fn expected(model: &BTreeMap<String, u8>, listing: &Listing) -> Vec<Line> {
    let after = listing.start_after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let mut lines: Vec<Line> = Vec::new();
    for (key, byte) in model.range::<String, _>((after, Bound::Unbounded)) {
        let Some(rest) = key.strip_prefix(&listing.prefix) else { continue };
        let line = match listing.delimiter.as_ref().and_then(|delimiter| rest.split_once(delimiter)) {
            Some((start, _)) => {
                Line::Prefix(format!("{}{start}{}", listing.prefix, listing.delimiter.as_ref().unwrap()))
            }
            None => Line::Key(key.clone(), *byte),
        };
        if lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines
}

async fn listed(client: &Client, bucket: &str, listing: &Listing) -> Vec<Line> {
    let (mut lines, mut token, mut truncated) = (Vec::new(), None, true);
    while truncated {
        let list = client.list_objects_v2().bucket(bucket).prefix(&listing.prefix).max_keys(listing.max_keys);
        let list = list.set_delimiter(listing.delimiter.clone()).set_start_after(listing.start_after.clone());
        let page = list.set_continuation_token(token).send().await.unwrap();
        let mut shown: Vec<Line> = (page.contents().iter())
            .map(|object| Line::Key(object.key().unwrap().to_owned(), object.size().unwrap() as u8))
            .chain(page.common_prefixes().iter().map(|common| Line::Prefix(common.prefix().unwrap().to_owned())))
            .collect();
        shown.sort_by(|one, other| one.text().cmp(other.text()));
        assert_eq!(page.key_count(), Some(shown.len() as i32));
        truncated = page.is_truncated().unwrap();
        assert!(if truncated {
            shown.len() == listing.max_keys as usize
        } else {
            shown.len() <= listing.max_keys as usize
        });
        token = page.next_continuation_token().map(str::to_owned);
        assert_eq!(token.is_some(), truncated);
        lines.extend(shown);
    }
    lines
}

/// Plays the steps on a bucket and on a map. A body is as long as its byte says, so that a listing tells it.
async fn play(client: &Client, bucket: &str, steps: &[Step]) {
    client.create_bucket().bucket(bucket).send().await.unwrap();
    let mut model: BTreeMap<String, u8> = BTreeMap::new();
    for step in steps {
        match step {
            Step::Put(key, byte) => {
                let body = vec![*byte; usize::from(*byte)];
                client.put_object().bucket(bucket).key(key).body(body.into()).send().await.unwrap();
                model.insert(key.clone(), *byte);
            }
            Step::Delete(key) => {
                client.delete_object().bucket(bucket).key(key).send().await.unwrap();
                model.remove(key);
            }
            Step::Copy(from, to) => {
                let escaped: String = from.bytes().map(|byte| format!("%{byte:02X}")).collect();
                let copy = client.copy_object().bucket(bucket).key(to).copy_source(format!("{bucket}/{escaped}"));
                let outcome = copy.send().await;
                match model.get(from).copied() {
                    _ if from == to => assert_eq!(refused(outcome), no(400, "InvalidRequest")),
                    None => assert_eq!(refused(outcome), no(404, "NoSuchKey")),
                    Some(byte) => {
                        outcome.unwrap();
                        model.insert(to.clone(), byte);
                    }
                }
            }
            Step::List(listing) => {
                assert_eq!(listed(client, bucket, listing).await, expected(&model, listing), "{listing:?}")
            }
        }
    }
    for (key, byte) in &model {
        let got = client.get_object().bucket(bucket).key(key).send().await.unwrap();
        assert_eq!(body(got).await, vec![*byte; usize::from(*byte)], "{key:?}");
    }
}

#[test]
fn a_bucket_is_a_sorted_map() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let shop = runtime.block_on(Shop::open());
    let cases = AtomicUsize::new(0);
    let config = ProptestConfig { cases: 96, max_shrink_iters: 200, failure_persistence: None, ..Default::default() };
    let outcome = TestRunner::new(config).run(&prop::collection::vec(step(), 1..40), |steps| {
        let bucket = format!("case-{}", cases.fetch_add(1, Ordering::Relaxed));
        // Shrinking needs an error where the client's `unwrap`s and the comparisons panic.
        let played = catch_unwind(AssertUnwindSafe(|| runtime.block_on(play(&shop.client, &bucket, &steps))));
        played.map_err(|_| TestCaseError::fail("the bucket and the map differ"))
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[tokio::test]
async fn a_thousand_keys_come_in_pages_of_any_size() {
    let shop = Shop::open().await;
    let keys: Vec<String> = (0..1100).map(|i| format!("k{i:04}")).collect();
    for some in keys.chunks(50) {
        futures::future::join_all(some.iter().map(|key| shop.put(key, b"x").send())).await;
    }
    assert_eq!(shop.keys().await, keys);
    let page = shop.client.list_objects_v2().bucket(BUCKET).max_keys(5000).send().await.unwrap();
    assert_eq!((page.contents().len(), page.is_truncated()), (1000, Some(true)), "1,000 at most, as on S3");
    let none = shop.client.list_objects_v2().bucket(BUCKET).max_keys(0).send().await.unwrap();
    assert_eq!((none.contents().len(), none.is_truncated()), (0, Some(false)));
    let bad = shop.client.list_objects_v2().bucket(BUCKET).continuation_token("what?").send().await;
    assert_eq!(refused(bad), no(400, "InvalidArgument"));
}

#[tokio::test]
async fn a_listing_can_be_had_in_percents() {
    let shop = Shop::open().await;
    shop.put("a b/c+d", b"x").send().await.unwrap();
    shop.put("é", b"x").send().await.unwrap();
    let list = shop.client.list_objects_v2().bucket(BUCKET).encoding_type(aws_sdk_s3::types::EncodingType::Url);
    let told = list.delimiter("/").send().await.unwrap();
    assert_eq!(told.common_prefixes()[0].prefix(), Some("a%20b/"));
    assert_eq!(told.contents()[0].key(), Some("%C3%A9"));
}
