//! Bytes that change on the way: whatever the sender gave along to recognise them by must catch it.

use std::net::SocketAddr;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::*;

/// A hop that turns every `hello` on its way to `server` into `jello`.
async fn damaging(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut far = TcpStream::connect(server).await.unwrap();
                let (mut from_near, mut to_near) = near.split();
                let (mut from_far, mut to_far) = far.split();
                let there = async {
                    let mut chunk = vec![0; 65536];
                    while let Ok(read @ 1..) = from_near.read(&mut chunk).await {
                        let chunk = &mut chunk[..read];
                        if let Some(at) = chunk.windows(5).position(|word| word == b"hello") {
                            chunk[at] = b'j';
                        }
                        to_far.write_all(chunk).await.unwrap();
                    }
                };
                tokio::select! {
                    () = there => {}
                    _ = tokio::io::copy(&mut from_far, &mut to_near) => {}
                }
            });
        }
    });
    address
}

/// Puts `good day` and then `hello` over the damaging hop, and gives what the second was refused with.
async fn put_damaged(streamed: bool, signed: bool) -> (u16, String) {
    let shop = Shop::open().await;
    let client = Client::from_conf(config(damaging(shop.address).await, ACCESS, SECRET).build());
    let folder = TempDir::new().unwrap();
    let put = async |key: &str, text: &str| {
        let path = folder.path().join(key);
        std::fs::write(&path, text).unwrap();
        let body = match streamed {
            true => ByteStream::from_path(path).await.unwrap(),
            false => ByteStream::from(text.as_bytes().to_vec()),
        };
        let put = client.put_object().bucket(BUCKET).key(key).body(body).customize();
        if signed { put.send().await } else { put.disable_payload_signing().send().await }
    };
    put("fine", "good day").await.unwrap();
    let refusal = refused(put("damaged", "hello").await);
    assert_eq!(shop.keys().await, ["fine"]);
    assert_eq!(shop.bytes("fine").await.unwrap(), b"good day");
    assert_eq!((shop.files("bodies").len(), shop.files("tmp").len()), (1, 0));
    refusal
}

#[tokio::test]
async fn the_signature_of_a_body_catches_damage() {
    assert_eq!(put_damaged(false, true).await, no(400, "XAmzContentSHA256Mismatch"));
}

#[tokio::test]
async fn the_signatures_of_a_streamed_bodys_chunks_catch_damage() {
    assert_eq!(put_damaged(true, true).await, no(403, "SignatureDoesNotMatch"));
}

#[tokio::test]
async fn the_checksum_before_an_unsigned_body_catches_damage() {
    assert_eq!(put_damaged(false, false).await, no(400, "BadDigest"));
}
