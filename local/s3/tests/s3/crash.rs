//! What is acknowledged stays, and what a crash leaves over is harmless.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use local_s3::{Store, StoreError, serve};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::support::*;

#[tokio::test]
async fn a_restart_keeps_everything() {
    let shop = Shop::open().await;
    let etag = shop.put("k", b"hello").metadata("colour", "red").send().await.unwrap().e_tag;
    let before = shop.client.head_object().bucket(BUCKET).key("k").send().await.unwrap();
    let shop = shop.restart(|_| {}).await;
    let got = shop.client.get_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(got.e_tag, etag);
    assert_eq!(got.last_modified, before.last_modified);
    assert_eq!(got.metadata().unwrap()["colour"], "red");
    assert_eq!(body(got).await, b"hello");
}

#[tokio::test]
async fn what_a_crash_leaves_over_is_swept_and_nothing_else() {
    let shop = Shop::open().await;
    shop.put("k", b"hello").send().await.unwrap();
    let shop = shop
        .restart(|root| {
            fs::write(root.join("tmp/torn"), b"hel").unwrap();
            fs::write(root.join("bodies/0123456789abcdef0123456789abcdef"), b"no row names this").unwrap();
        })
        .await;
    assert_eq!((shop.files("bodies").len(), shop.files("tmp").len()), (1, 0));
    assert_eq!(shop.bytes("k").await.unwrap(), b"hello");
    assert_eq!(shop.keys().await, ["k"]);
}

#[tokio::test]
async fn a_damaged_body_is_an_error_and_not_an_object() {
    let shop = Shop::open().await;
    shop.put("cut", b"hello").send().await.unwrap();
    let cut = shop.files("bodies").remove(0);
    fs::write(&cut, b"hel").unwrap();
    let got = shop.client.get_object().bucket(BUCKET).key("cut").send().await;
    assert_eq!(refused(got), no(500, "InternalError"));
    fs::remove_file(&cut).unwrap();
    let got = shop.client.get_object().bucket(BUCKET).key("cut").send().await;
    assert_eq!(refused(got), no(500, "InternalError"), "lost is not the same as absent");
}

#[tokio::test]
async fn a_folder_is_held_by_one_store_at_a_time() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::InUse(_))));
    let clone = store.clone();
    drop(store);
    assert!(matches!(Store::open(folder.path()), Err(StoreError::InUse(_))));
    drop(clone);
    let store = Store::open(folder.path()).unwrap();
    store.create_bucket("once").unwrap();
    store.create_bucket("once").unwrap();
    assert!(matches!(store.create_bucket("../up"), Err(StoreError::BucketName(_))));
}

/// Tells a copy of this test program where to serve a store until it is killed.
const SERVE_IN: &str = "LOCAL_S3_TEST_SERVE_IN";

/// Not a test but the child of the next one: without its variable it has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_serves_until_it_is_killed() {
    let Some(root) = std::env::var_os(SERVE_IN).map(PathBuf::from) else { return };
    let store = Store::open(&root).unwrap();
    store.create_bucket(BUCKET).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    fs::write(root.join("port.new"), listener.local_addr().unwrap().to_string()).unwrap();
    fs::rename(root.join("port.new"), root.join("port")).unwrap();
    // A child whose parent went away ends by itself.
    let enough = tokio::time::sleep(Duration::from_secs(120));
    serve(listener, store, (ACCESS.to_owned(), SECRET.to_owned()), enough).await;
}

fn contents(writer: usize, n: usize) -> Vec<u8> {
    format!("writer {writer} object {n} ").repeat(200 + n % 50).into_bytes()
}

/// Serves in a child, writes from eight tasks until `after` puts are acknowledged, and kills the child.
/// Gives what each writer had acknowledged.
async fn written_until_killed(root: &Path, round: usize, after: usize) -> Vec<usize> {
    let _ = fs::remove_file(root.join("port"));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_that_serves_until_it_is_killed"])
        .env(SERVE_IN, root)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !root.join("port").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the child ended before it served");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let address = fs::read_to_string(root.join("port")).unwrap().parse().unwrap();
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let writers = (0..8).map(|writer| {
        let (client, acknowledged) = (client(address, ACCESS, SECRET), acknowledged.clone());
        tokio::spawn(async move {
            for n in 0.. {
                let put = client.put_object().bucket(BUCKET).key(format!("{round}/{writer}/{n}"));
                if put.body(contents(writer, n).into()).send().await.is_err() {
                    return n;
                }
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            unreachable!("the child is killed long before")
        })
    });
    let writers: Vec<_> = writers.collect();
    while acknowledged.load(Ordering::Relaxed) < after {
        assert!(!writers.iter().all(|writer| writer.is_finished()), "no put is acknowledged any more");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut counts = Vec::new();
    for writer in writers {
        counts.push(writer.await.unwrap());
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_loses_nothing_acknowledged() {
    let folder = TempDir::new().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        acknowledged.push(written_until_killed(folder.path(), round, 200 + 77 * round).await);
    }
    let shop = Shop::open_in(folder).await;
    let listed = shop.keys().await;
    let mut sum = 0;
    for (round, counts) in acknowledged.iter().enumerate() {
        for (writer, &count) in counts.iter().enumerate() {
            for n in 0..count {
                let bytes = shop.bytes(&format!("{round}/{writer}/{n}")).await;
                assert!(bytes == Some(contents(writer, n)), "{round}/{writer}/{n}");
            }
            // The put under way when the child died may have made it, and must then be whole.
            if let Some(bytes) = shop.bytes(&format!("{round}/{writer}/{count}")).await {
                assert!(bytes == contents(writer, count));
            }
            sum += count;
        }
    }
    assert!(sum >= 600, "{sum}");
    assert!((sum..=sum + 24).contains(&listed.len()), "{} of {sum}", listed.len());
    assert_eq!(shop.files("bodies").len(), listed.len(), "no body is without a row");
    assert!(shop.files("tmp").is_empty());
}
