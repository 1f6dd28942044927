//! Who may ask: only those who sign with the secret, and a signed URL says no more than what was signed.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::PresigningConfig;

use crate::support::*;

fn minutes(n: u64) -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_secs(60 * n)).unwrap()
}

/// What follows the host in a URL.
fn target(url: &str) -> String {
    format!("/{}", url.split_once("//").unwrap().1.split_once('/').unwrap().1)
}

#[tokio::test]
async fn strangers_and_wrong_secrets_are_turned_away() {
    let shop = Shop::open().await;
    shop.put("k", b"hello").send().await.unwrap();
    let wrong_secret = client(shop.address, ACCESS, "guess");
    let wrong_name = client(shop.address, "someone", SECRET);
    for stranger in [wrong_secret, wrong_name] {
        assert_eq!(refused(stranger.get_object().bucket(BUCKET).key("k").send().await).0, 403);
        assert_eq!(refused(stranger.list_objects_v2().bucket(BUCKET).send().await).0, 403);
        assert_eq!(refused(stranger.delete_object().bucket(BUCKET).key("k").send().await).0, 403);
        let put = stranger.put_object().bucket(BUCKET).key("k").body(b"theirs".to_vec().into());
        assert_eq!(refused(put.send().await).0, 403);
    }
    for (method, target) in
        [("GET", "/shelf/k"), ("PUT", "/shelf/k"), ("DELETE", "/shelf/k"), ("GET", "/"), ("GET", "/shelf?list-type=2")]
    {
        let (status, body) = shop.raw(method, target, b"").await;
        assert_eq!(status, 403, "{method} {target}: {body}");
        assert!(!body.contains("hello"));
    }
    assert_eq!(shop.bytes("k").await.unwrap(), b"hello");
}

#[tokio::test]
async fn a_signed_url_gets_and_puts_without_a_client() {
    let shop = Shop::open().await;
    for key in ["k", "a b/../é+%2f", "//x"] {
        let put = shop.client.put_object().bucket(BUCKET).key(key).presigned(minutes(5)).await.unwrap();
        let (status, told) = shop.raw("PUT", &target(put.uri()), b"by url").await;
        assert_eq!(status, 200, "{key:?}: {told}");
        assert_eq!(shop.bytes(key).await.unwrap(), b"by url");
        let get = shop.client.get_object().bucket(BUCKET).key(key).presigned(minutes(5)).await.unwrap();
        assert_eq!(shop.raw("GET", &target(get.uri()), b"").await, (200, "by url".to_owned()), "{key:?}");
    }
}

#[tokio::test]
async fn a_signed_url_is_good_for_what_was_signed_and_for_so_long() {
    let shop = Shop::open().await;
    shop.put("k", b"hello").send().await.unwrap();
    shop.put("other", b"secret").send().await.unwrap();
    let get = shop.client.get_object().bucket(BUCKET).key("k");
    let url = target(get.clone().presigned(minutes(5)).await.unwrap().uri());
    assert_eq!(shop.raw("GET", &url, b"").await.0, 200);

    let flipped = match url.strip_suffix('0') {
        Some(start) => format!("{start}1"),
        None => format!("{}0", &url[..url.len() - 1]),
    };
    let tampered = [
        ("GET", url.replace("/shelf/k", "/shelf/other")),
        ("GET", url.replace("X-Amz-Expires=300", "X-Amz-Expires=86400")),
        ("GET", url.replace("/us-east-1/", "/eu-west-1/")),
        ("GET", url.replace("us-east-1", "eu-west-1")),
        ("GET", flipped),
        ("GET", format!("{url}&response-content-type=text%2Fhtml")),
        ("PUT", url.clone()),
        ("DELETE", url.clone()),
    ];
    for (method, changed) in tampered {
        if changed == url && method == "GET" {
            continue;
        }
        let (status, told) = shop.raw(method, &changed, b"").await;
        assert_eq!(status, 403, "{method} {changed}: {told}");
    }
    let unsigned = url.split_once("&X-Amz-Signature").unwrap().0;
    assert!(matches!(shop.raw("GET", unsigned, b"").await.0, 400 | 403));

    let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let expired =
        PresigningConfig::builder().start_time(an_hour_ago).expires_in(Duration::from_secs(60)).build().unwrap();
    let url = get.clone().presigned(expired).await.unwrap();
    let (status, told) = shop.raw("GET", &target(url.uri()), b"").await;
    assert_eq!(status, 403, "{told}");
    assert!(!told.contains("hello"));
    assert_eq!(shop.bytes("k").await.unwrap(), b"hello");
    assert_eq!(shop.bytes("other").await.unwrap(), b"secret");
}
