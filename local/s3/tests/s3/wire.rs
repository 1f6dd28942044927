//! Bytes that change on the way: whatever the sender gave along to recognise them by must catch it.

use std::net::SocketAddr;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::RequestChecksumCalculation;
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
async fn put_damaged(shop: &Shop, body: impl Fn(&str) -> ByteStream) -> (u16, String) {
    let hop = damaging(shop.address).await;
    let config = config(hop, ACCESS, SECRET).request_checksum_calculation(RequestChecksumCalculation::WhenSupported);
    let client = Client::from_conf(config.build());
    client.put_object().bucket(BUCKET).key("fine").body(body("good day")).send().await.unwrap();
    let refusal = refused(client.put_object().bucket(BUCKET).key("damaged").body(body("hello")).send().await);
    assert_eq!(shop.keys().await, ["fine"]);
    assert_eq!(shop.bytes("fine").await.unwrap(), b"good day");
    assert_eq!((shop.files("bodies").len(), shop.files("tmp").len()), (1, 0));
    refusal
}

#[tokio::test]
async fn the_signature_of_a_body_catches_damage() {
    let shop = Shop::open().await;
    let refusal = put_damaged(&shop, |text| ByteStream::from(text.as_bytes().to_vec())).await;
    assert_eq!(refusal, no(400, "XAmzContentSHA256Mismatch"));
}

#[tokio::test]
async fn the_trailing_checksum_of_a_streamed_body_catches_damage() {
    let shop = Shop::open().await;
    // A body that is read while it is sent is not signed: its checksum comes behind it.
    let folder = TempDir::new().unwrap();
    let mut bodies = Vec::new();
    for text in ["hello", "good day"] {
        let path = folder.path().join(text);
        std::fs::write(&path, text).unwrap();
        bodies.push(ByteStream::from_path(path).await.unwrap());
    }
    let bodies = std::cell::RefCell::new(bodies);
    let refusal = put_damaged(&shop, |_| bodies.borrow_mut().pop().unwrap()).await;
    assert_eq!(refusal, no(400, "BadDigest"));
}
