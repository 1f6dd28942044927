//! One object at a time: what is put is what is got, and what is asked for is what is told.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, Delete, MetadataDirective, ObjectIdentifier, ServerSideEncryption,
};

use crate::support::*;

#[tokio::test]
async fn buckets_are_made_once_found_and_listed() {
    let shop = Shop::open().await;
    let create = || shop.client.create_bucket().bucket("second").send();
    create().await.unwrap();
    assert_eq!(refused(create().await), no(409, "BucketAlreadyOwnedByYou"));
    shop.client.head_bucket().bucket("second").send().await.unwrap();
    assert_eq!(refused(shop.client.head_bucket().bucket("third").send().await).0, 404);
    let listed = shop.client.list_buckets().send().await.unwrap();
    let names: Vec<_> = listed.buckets().iter().map(|bucket| bucket.name().unwrap()).collect();
    assert_eq!(names, ["second", BUCKET]);
    assert_eq!(refused(shop.client.create_bucket().bucket("No_Name").send().await), no(400, "InvalidBucketName"));
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_sent_with_all_that_was_said_of_it() {
    let shop = Shop::open().await;
    let put = shop
        .put("a/b.txt", b"hello")
        .content_type("text/plain; charset=utf-8")
        .cache_control("max-age=60")
        .content_disposition("inline")
        .content_language("en")
        .content_encoding("identity")
        .expires(DateTime::from_secs(2_000_000_000))
        .metadata("colour", "red")
        .metadata("stock", "12")
        .server_side_encryption(ServerSideEncryption::Aes256)
        .send()
        .await
        .unwrap();
    assert_eq!(put.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    let head = shop.client.head_object().bucket(BUCKET).key("a/b.txt").send().await.unwrap();
    let get = shop.client.get_object().bucket(BUCKET).key("a/b.txt").send().await.unwrap();
    macro_rules! said {
        ($told:expr) => {
            assert_eq!($told.e_tag(), put.e_tag());
            assert_eq!($told.content_length(), Some(5));
            assert_eq!($told.content_type(), Some("text/plain; charset=utf-8"));
            assert_eq!($told.cache_control(), Some("max-age=60"));
            assert_eq!($told.content_disposition(), Some("inline"));
            assert_eq!($told.content_language(), Some("en"));
            assert_eq!($told.content_encoding(), Some("identity"));
            assert_eq!($told.expires_string(), Some("Wed, 18 May 2033 03:33:20 GMT"));
            assert_eq!($told.accept_ranges(), Some("bytes"));
            assert_eq!($told.metadata().unwrap().len(), 2);
            assert_eq!($told.metadata().unwrap()["colour"], "red");
            let age = SystemTime::now().duration_since((*$told.last_modified().unwrap()).try_into().unwrap()).unwrap();
            assert!(age < Duration::from_secs(60), "{age:?}");
        };
    }
    said!(head);
    said!(get);
    assert_eq!(body(get).await, b"hello");
}

#[tokio::test]
async fn empty_large_and_overwritten_bodies_are_whole() {
    let shop = Shop::open().await;
    let large: Vec<u8> = (0..9_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for bytes in [&b""[..], &large, b"small"] {
        shop.put("k", bytes).send().await.unwrap();
        assert!(shop.bytes("k").await.unwrap() == bytes, "{} bytes", bytes.len());
    }
    assert_eq!(shop.files("bodies").len(), 1, "what is overwritten leaves");
    assert_eq!(shop.files("tmp").len(), 0);
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let shop = Shop::open().await;
    let client = &shop.client;
    assert_eq!(refused(client.get_object().bucket(BUCKET).key("k").send().await), no(404, "NoSuchKey"));
    assert_eq!(refused(client.head_object().bucket(BUCKET).key("k").send().await).0, 404);
    let elsewhere = client.put_object().bucket("nowhere").key("k").body(b"x".to_vec().into());
    assert_eq!(refused(elsewhere.send().await), no(404, "NoSuchBucket"));
    assert_eq!(refused(client.get_object().bucket("nowhere").key("k").send().await), no(404, "NoSuchBucket"));
    assert_eq!(refused(client.delete_object().bucket("nowhere").key("k").send().await), no(404, "NoSuchBucket"));
    assert_eq!(refused(client.list_objects_v2().bucket("nowhere").send().await), no(404, "NoSuchBucket"));
    let copy = client.copy_object().bucket(BUCKET).key("to").copy_source("shelf/k");
    assert_eq!(refused(copy.send().await), no(404, "NoSuchKey"));
    client.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(shop.files("bodies").len() + shop.files("tmp").len(), 0, "refused bodies leave");
}

#[tokio::test]
async fn ranges_are_the_bytes_they_name() {
    let shop = Shop::open().await;
    shop.put("k", b"0123456789").send().await.unwrap();
    shop.put("empty", b"").send().await.unwrap();
    let get = |key: &str, range: &str| shop.client.get_object().bucket(BUCKET).key(key).range(range).send();
    for (range, bytes, told) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-99", "0123456789", "bytes 0-9/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
    ] {
        let output = get("k", range).await.unwrap();
        assert_eq!(output.content_range(), Some(told), "{range}");
        assert_eq!(output.content_length(), Some(bytes.len() as i64), "{range}");
        assert_eq!(body(output).await, bytes.as_bytes(), "{range}");
    }
    for (key, range) in
        [("k", "bytes=10-"), ("k", "bytes=10-20"), ("k", "bytes=-0"), ("empty", "bytes=0-"), ("empty", "bytes=-1")]
    {
        assert_eq!(refused(get(key, range).await), no(416, "InvalidRange"), "{key} {range}");
    }
    let head = shop.client.head_object().bucket(BUCKET).key("k").range("bytes=2-4").send().await.unwrap();
    assert_eq!((head.content_length(), head.content_range()), (Some(3), Some("bytes 2-4/10")));
}

#[tokio::test]
async fn reads_are_held_to_their_conditions() {
    let shop = Shop::open().await;
    let etag = shop.put("k", b"hello").send().await.unwrap().e_tag.unwrap();
    let get = || shop.client.get_object().bucket(BUCKET).key("k");
    let head = || shop.client.head_object().bucket(BUCKET).key("k");
    let hour = Duration::from_secs(3600);
    let (before, later) = (DateTime::from(SystemTime::now() - hour), DateTime::from(SystemTime::now() + hour));

    assert!(get().if_match(&etag).send().await.is_ok());
    assert!(get().if_none_match("\"other\"").send().await.is_ok());
    assert!(get().if_modified_since(before).send().await.is_ok());
    assert!(get().if_unmodified_since(later).send().await.is_ok());
    assert!(get().if_match(&etag).if_unmodified_since(before).send().await.is_ok());

    assert_eq!(refused(get().if_match("\"other\"").send().await), no(412, "PreconditionFailed"));
    assert_eq!(refused(get().if_unmodified_since(before).send().await), no(412, "PreconditionFailed"));
    assert_eq!(refused(get().if_modified_since(later).send().await).0, 304);
    assert_eq!(refused(head().if_none_match(&etag).send().await).0, 304);
    assert_eq!(refused(head().if_match("\"other\"").send().await).0, 412);
    let known = get().if_none_match(&etag).send().await.unwrap_err();
    let answer = known.raw_response().unwrap();
    assert_eq!(answer.status().as_u16(), 304);
    assert_eq!(answer.headers().get("etag"), Some(etag.as_str()));
    assert!(answer.headers().get("last-modified").is_some());
    assert_eq!(answer.body().bytes(), Some(&b""[..]));
}

#[tokio::test]
async fn writes_are_held_to_their_conditions() {
    let shop = Shop::open().await;
    let first = shop.put("k", b"one").if_none_match("*").send().await.unwrap().e_tag.unwrap();
    assert_eq!(refused(shop.put("k", b"two").if_none_match("*").send().await), no(412, "PreconditionFailed"));
    assert_eq!(refused(shop.put("k", b"two").if_match("\"other\"").send().await), no(412, "PreconditionFailed"));
    assert_eq!(refused(shop.put("gone", b"two").if_match(&first).send().await), no(404, "NoSuchKey"));
    assert_eq!(refused(shop.put("k", b"two").if_none_match(&first).send().await), no(501, "NotImplemented"));
    assert_eq!(shop.bytes("k").await.unwrap(), b"one");
    shop.put("k", b"two").if_match(&first).send().await.unwrap();
    assert_eq!(shop.bytes("k").await.unwrap(), b"two");

    let delete = |key: &str, etag: &str| shop.client.delete_object().bucket(BUCKET).key(key).if_match(etag).send();
    assert_eq!(refused(delete("k", &first).await), no(412, "PreconditionFailed"));
    assert_eq!(refused(delete("gone", "*").await), no(404, "NoSuchKey"));
    delete("k", "*").await.unwrap();
    assert_eq!(shop.keys().await, [""; 0]);
    assert_eq!(shop.files("bodies").len() + shop.files("tmp").len(), 0, "losers and the deleted leave");
}

#[tokio::test]
async fn the_checksum_that_is_sent_comes_back() {
    let shop = Shop::open().await;
    for algorithm in ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] {
        let put = shop.put(algorithm, b"hello").checksum_algorithm(ChecksumAlgorithm::from(algorithm));
        let put = put.send().await.unwrap();
        let get = shop.client.get_object().bucket(BUCKET).key(algorithm).checksum_mode(ChecksumMode::Enabled);
        let get = get.send().await.unwrap();
        let head = shop.client.head_object().bucket(BUCKET).key(algorithm).checksum_mode(ChecksumMode::Enabled);
        let head = head.send().await.unwrap();
        macro_rules! sums {
            ($told:expr) => {{
                let told = &$told;
                [
                    told.checksum_crc32(),
                    told.checksum_crc32_c(),
                    told.checksum_crc64_nvme(),
                    told.checksum_sha1(),
                    told.checksum_sha256(),
                ]
                .map(|sum| sum.map(str::to_owned))
            }};
        }
        let sums = sums!(put);
        assert_eq!(sums.iter().flatten().count(), 1, "{algorithm}: {sums:?}");
        assert_eq!(sums!(get), sums);
        assert_eq!(sums!(head), sums);
        assert_eq!(get.checksum_type(), Some(&ChecksumType::FullObject));
        assert_eq!(body(get).await, b"hello", "the SDK compares the checksum on the way");
    }
    let known = shop.client.head_object().bucket(BUCKET).key("SHA256").checksum_mode(ChecksumMode::Enabled);
    let known = known.send().await.unwrap();
    assert_eq!(known.checksum_sha256(), Some("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="));
    let ranged = shop.client.get_object().bucket(BUCKET).key("SHA256").range("bytes=0-1");
    let ranged = ranged.checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!(ranged.checksum_sha256(), None, "a range has not the checksum of the whole");
}

#[tokio::test]
async fn a_body_that_is_not_what_its_checksum_says_is_never_seen() {
    let shop = Shop::open().await;
    let sha256 = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
    let md5 = "XUFAKrxLKna5cZ2REBfFkg==";
    shop.put("k", b"hello").checksum_sha256(sha256).content_md5(md5).send().await.unwrap();
    let bad = [
        shop.put("k", b"jello").checksum_sha256(sha256),
        shop.put("k", b"jello").content_md5(md5),
        shop.put("k", b"jello").checksum_crc32("NhCmhg=="),
        shop.put("k", b"jello").checksum_crc32_c("mnG7TA=="),
        shop.put("k", b"jello").checksum_sha1("qvTGHdzF6KLavt4PO0gs2a6pQ00="),
        shop.put("new", b"jello").checksum_sha256(sha256),
    ];
    for put in bad {
        assert_eq!(refused(put.send().await), no(400, "BadDigest"));
    }
    assert_eq!(refused(shop.put("k", b"x").checksum_sha256("nonsense").send().await), no(400, "InvalidRequest"));
    assert_eq!(refused(shop.put("k", b"x").content_md5("nonsense").send().await), no(400, "InvalidDigest"));
    assert_eq!(shop.bytes("k").await.unwrap(), b"hello");
    assert_eq!(shop.keys().await, ["k"]);
    assert_eq!((shop.files("bodies").len(), shop.files("tmp").len()), (1, 0), "nothing of it is stored");
}

#[tokio::test]
async fn a_body_that_ends_early_is_never_seen() {
    let shop = Shop::open().await;
    let url = shop.client.put_object().bucket(BUCKET).key("cut");
    let config = aws_sdk_s3::presigning::PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let url = url.presigned(config).await.unwrap().uri().to_owned();
    let target = url.split_once("//").unwrap().1.split_once('/').unwrap().1.to_owned();
    let head = format!("PUT /{target} HTTP/1.1\r\nhost: {}\r\ncontent-length: 1000\r\n\r\n0123456789", shop.address);
    let mut socket = tokio::net::TcpStream::connect(shop.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut socket, head.as_bytes()).await.unwrap();
    let drafts_become = async |count: usize| {
        let waiting = async {
            while shop.files("tmp").len() != count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap();
    };
    drafts_become(1).await;
    drop(socket);
    drafts_become(0).await;
    assert_eq!(shop.keys().await, [""; 0]);
    assert!(shop.files("bodies").is_empty());
}

#[tokio::test]
async fn a_copy_has_the_bytes_and_what_was_said_of_them() {
    let shop = Shop::open().await;
    let etag = shop.put("from", b"hello").metadata("colour", "red").send().await.unwrap().e_tag.unwrap();
    let copy = |to: &str| shop.client.copy_object().bucket(BUCKET).key(to).copy_source("shelf/from");
    let told = copy("to").send().await.unwrap().copy_object_result.unwrap();
    assert_eq!(told.e_tag(), Some(etag.as_str()));
    shop.client.delete_object().bucket(BUCKET).key("from").send().await.unwrap();
    let got = shop.client.get_object().bucket(BUCKET).key("to").send().await.unwrap();
    assert_eq!(got.metadata().unwrap()["colour"], "red");
    assert_eq!(body(got).await, b"hello", "a copy outlives its source");

    shop.put("from", b"hello").metadata("colour", "red").send().await.unwrap();
    assert_eq!(refused(copy("from").send().await), no(400, "InvalidRequest"));
    let replaced = copy("from").metadata_directive(MetadataDirective::Replace).metadata("colour", "blue");
    replaced.send().await.unwrap();
    let head = shop.client.head_object().bucket(BUCKET).key("from").send().await.unwrap();
    assert_eq!(head.metadata().unwrap()["colour"], "blue");

    let failed = no(412, "PreconditionFailed");
    assert_eq!(refused(copy("to").copy_source_if_match("\"other\"").send().await), failed);
    assert_eq!(refused(copy("to").copy_source_if_none_match(&etag).send().await), failed);
    assert_eq!(refused(copy("to").if_none_match("*").send().await), failed);
    copy("third").copy_source_if_match(&etag).if_none_match("*").send().await.unwrap();
    assert_eq!(shop.keys().await, ["from", "third", "to"]);
}

#[tokio::test]
async fn many_keys_are_deleted_at_once() {
    let shop = Shop::open().await;
    let mut delete = Delete::builder();
    for i in 0..20 {
        let key = format!("<&\"'{i}>");
        shop.put(&key, b"x").send().await.unwrap();
        delete = delete.objects(ObjectIdentifier::builder().key(key).build().unwrap());
    }
    let etag = shop.put("kept", b"x").send().await.unwrap().e_tag.unwrap();
    let other = ObjectIdentifier::builder().key("kept").e_tag("\"other\"").build().unwrap();
    let absent = ObjectIdentifier::builder().key("absent").build().unwrap();
    let long = ObjectIdentifier::builder().key("x".repeat(1025)).build().unwrap();
    let delete = delete.objects(other).objects(absent).objects(long).build().unwrap();
    let told = shop.client.delete_objects().bucket(BUCKET).delete(delete).send().await.unwrap();
    assert_eq!(told.deleted().len(), 21, "a key that holds nothing counts as deleted");
    let codes: Vec<_> = told.errors().iter().map(|error| error.code().unwrap()).collect();
    assert_eq!(codes, ["PreconditionFailed", "KeyTooLongError"]);
    assert_eq!(shop.keys().await, ["kept"]);
    let same = ObjectIdentifier::builder().key("kept").e_tag(etag).build().unwrap();
    let quiet = Delete::builder().objects(same).quiet(true).build().unwrap();
    let told = shop.client.delete_objects().bucket(BUCKET).delete(quiet).send().await.unwrap();
    assert_eq!(told.deleted().len() + told.errors().len(), 0);
    assert!(shop.files("bodies").is_empty());
}

#[tokio::test]
async fn what_this_store_would_lose_is_refused() {
    let shop = Shop::open().await;
    assert_eq!(refused(shop.put("k", b"x").tagging("a=b").send().await), no(501, "NotImplemented"));
    assert_eq!(refused(shop.put("k", b"x").website_redirect_location("/a").send().await), no(501, "NotImplemented"));
    let get = shop.client.get_object().bucket(BUCKET).key("k");
    assert_eq!(refused(get.version_id("v1").send().await), no(400, "InvalidArgument"));
    let versions = shop.client.list_object_versions().bucket(BUCKET).send().await;
    assert_eq!(refused(versions), no(501, "NotImplemented"));
    let big = shop.put("k", b"x").metadata("big", "x".repeat(3000)).send().await;
    assert_eq!(refused(big), no(400, "MetadataTooLarge"));
    assert_eq!(shop.keys().await, [""; 0]);
}
