//! Keys are strings, never paths.

use std::collections::BTreeMap;

use crate::support::*;

/// Keys that a file system would confuse, refuse or follow somewhere.
fn corpus() -> Vec<String> {
    let mut keys: Vec<String> = [
        "a",
        "a/b",
        "a/b/c",
        "a/",
        "a//b",
        "a///b",
        "/a",
        "//a",
        "/",
        "//",
        "./a",
        "a/./b",
        ".",
        "..",
        "../a",
        "a/..",
        "../other/secret",
        "x/../../other/secret",
        "..%2fother",
        "%2e%2e/a",
        "a%2Fb",
        "a%b",
        "a+b",
        "a b",
        " a",
        "a ",
        "a?b",
        "a#b",
        "a&b=c",
        "a;b",
        "a:b",
        "a*b",
        "a|b",
        "a\\b",
        "C:\\a",
        "a\"b",
        "a'b",
        "<a>",
        "a,b",
        "a@b",
        "A",
        "é",
        "e\u{301}",
        "日本語/キー",
        "😀",
        "index.sqlite",
        "bodies",
        "tmp/x",
        "lock",
        "con",
        "nul.txt",
        "~",
        "~/a",
        "$HOME",
        "`id`",
        "null",
        "a\u{7f}b",
        "-rf",
        "a.",
        "a..b",
    ]
    .map(str::to_owned)
    .into();
    keys.push("k".repeat(900));
    keys.push("d/".repeat(450));
    keys.push("k".repeat(1024));
    keys.push("é".repeat(512));
    keys
}

#[tokio::test]
async fn keys_are_never_paths() {
    let shop = Shop::open().await;
    shop.client.create_bucket().bucket("other").send().await.unwrap();
    let secret = shop.client.put_object().bucket("other").key("secret").body(b"secret".to_vec().into());
    secret.send().await.unwrap();

    let mut model = BTreeMap::new();
    for (i, key) in corpus().into_iter().enumerate() {
        assert_eq!(shop.bytes(&key).await, None, "{key:?} is nobody's alias");
        shop.put(&key, format!("body {i}").as_bytes()).send().await.unwrap_or_else(|e| panic!("{key:?}: {e:?}"));
        model.insert(key, format!("body {i}").into_bytes());
    }
    for (key, bytes) in &model {
        assert_eq!(shop.bytes(key).await.as_ref(), Some(bytes), "{key:?}");
    }
    assert_eq!(shop.keys().await, model.keys().cloned().collect::<Vec<_>>(), "listed as they are, in byte order");
    let got = shop.client.get_object().bucket("other").key("secret").send().await.unwrap();
    assert_eq!(body(got).await, b"secret");
    assert_eq!(shop.files("bodies").len(), model.len() + 1, "each has a file, and no folder");

    let shop = shop.restart(|_| {}).await;
    for (key, bytes) in &model {
        assert_eq!(shop.bytes(key).await.as_ref(), Some(bytes), "{key:?} after a restart");
        shop.client.delete_object().bucket(BUCKET).key(key).send().await.unwrap();
        assert_eq!(shop.bytes(key).await, None, "{key:?}");
    }
    assert_eq!(shop.keys().await, [""; 0]);
    assert_eq!(shop.files("bodies").len(), 1);
}

#[tokio::test]
async fn keys_of_more_than_1024_bytes_are_refused() {
    let shop = Shop::open().await;
    for key in ["k".repeat(1025), "é".repeat(513)] {
        assert_eq!(refused(shop.put(&key, b"x").send().await), no(400, "KeyTooLongError"));
        let got = shop.client.get_object().bucket(BUCKET).key(&key).send().await;
        assert_eq!(refused(got), no(400, "KeyTooLongError"));
        let copy = shop.client.copy_object().bucket(BUCKET).key(&key).copy_source("shelf/k").send().await;
        assert_eq!(refused(copy), no(400, "KeyTooLongError"));
    }
}

#[tokio::test]
async fn any_key_can_be_the_source_of_a_copy() {
    let shop = Shop::open().await;
    for key in ["a/../b", "a b+c", "é/日本", "%2e%2e/a", "//a"] {
        shop.put(key, key.as_bytes()).send().await.unwrap();
        let escaped: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let copy = shop.client.copy_object().bucket(BUCKET).key("copy").copy_source(format!("shelf/{escaped}"));
        copy.send().await.unwrap_or_else(|e| panic!("{key:?}: {e:?}"));
        assert_eq!(shop.bytes("copy").await.unwrap(), key.as_bytes());
    }
}

#[tokio::test]
async fn keys_that_xml_cannot_say_are_listed_in_percents() {
    let shop = Shop::open().await;
    let keys = ["a\tb", "a\nb", "a\rb", "a\u{1}b", "\u{ffff}"];
    for key in keys {
        shop.put(key, key.as_bytes()).send().await.unwrap();
        assert_eq!(shop.bytes(key).await.unwrap(), key.as_bytes(), "{key:?}");
    }
    let list = shop.client.list_objects_v2().bucket(BUCKET).encoding_type(aws_sdk_s3::types::EncodingType::Url);
    let listed = list.send().await.unwrap();
    let listed: Vec<_> = listed.contents().iter().map(|object| object.key().unwrap()).collect();
    assert_eq!(listed, ["a%01b", "a%09b", "a%0Ab", "a%0Db", "%EF%BF%BF"]);
}
