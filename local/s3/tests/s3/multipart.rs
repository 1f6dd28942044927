//! Uploads in parts.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart};

use crate::support::*;

const PART: usize = 5 * 1024 * 1024;

impl Shop {
    async fn begin(&self, algorithm: Option<ChecksumAlgorithm>) -> String {
        let create = self.client.create_multipart_upload().bucket(BUCKET).key("k").content_type("text/x");
        let create = create.metadata("colour", "red").set_checksum_algorithm(algorithm);
        create.send().await.unwrap().upload_id.unwrap()
    }

    async fn part(&self, id: &str, number: i32, bytes: Vec<u8>, algorithm: Option<ChecksumAlgorithm>) -> CompletedPart {
        let part = self.client.upload_part().bucket(BUCKET).key("k").upload_id(id).part_number(number);
        let part = part.set_checksum_algorithm(algorithm).body(bytes.into()).send().await.unwrap();
        CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.e_tag)
            .set_checksum_sha256(part.checksum_sha256)
            .build()
    }

    async fn complete(&self, id: &str, parts: Vec<CompletedPart>) -> Result<String, (u16, String)> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete = self.client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(id);
        let told = complete.multipart_upload(parts).send().await.map_err(|error| refusal(&error))?;
        Ok(told.e_tag.unwrap())
    }
}

#[tokio::test]
async fn parts_become_one_object_in_the_order_of_their_numbers() {
    let shop = Shop::open().await;
    let id = shop.begin(None).await;
    let last = shop.part(&id, 7, b"the end".to_vec(), None).await;
    shop.part(&id, 2, vec![9; PART], None).await;
    let first = shop.part(&id, 2, vec![1; PART], None).await;
    assert_eq!(shop.keys().await, [""; 0], "nothing is seen before it is complete");

    let list = || shop.client.list_parts().bucket(BUCKET).key("k").upload_id(&id);
    let listed = list().send().await.unwrap();
    let told: Vec<_> = listed.parts().iter().map(|part| (part.part_number().unwrap(), part.size().unwrap())).collect();
    assert_eq!(told, [(2, PART as i64), (7, 7)]);
    let page = list().max_parts(1).send().await.unwrap();
    assert_eq!((page.is_truncated(), page.next_part_number_marker()), (Some(true), Some("2")));
    let page = list().max_parts(1).part_number_marker("2").send().await.unwrap();
    assert_eq!((page.is_truncated(), page.parts()[0].part_number()), (Some(false), Some(7)));

    let etag = shop.complete(&id, vec![first, last]).await.unwrap();
    assert!(etag.ends_with("-2\""), "{etag}");
    let got = shop.client.get_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!((got.content_type(), got.e_tag()), (Some("text/x"), Some(etag.as_str())));
    assert_eq!(got.metadata().unwrap()["colour"], "red");
    let bytes = body(got).await;
    assert!(bytes.len() == PART + 7 && bytes[..PART].iter().all(|&b| b == 1) && bytes.ends_with(b"the end"));
    assert_eq!(refused(list().send().await), no(404, "NoSuchUpload"));
    assert_eq!((shop.files("bodies").len(), shop.files("tmp").len()), (1, 0), "the parts have gone");

    let copy = shop.client.copy_object().bucket(BUCKET).key("copy").copy_source("shelf/k").send().await.unwrap();
    let copied = copy.copy_object_result.unwrap().e_tag.unwrap();
    assert_eq!(copied.len(), 34, "a copy is one piece again: {copied}");
}

#[tokio::test]
async fn the_etag_of_parts_is_the_md5_of_their_md5s() {
    let shop = Shop::open().await;
    let id = shop.begin(None).await;
    let part = shop.part(&id, 1, b"hello".to_vec(), None).await;
    assert_eq!(part.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    let etag = shop.complete(&id, vec![part]).await.unwrap();
    // printf 5d41402abc4b2a76b9719d911017c592 | xxd -r -p | md5sum
    assert_eq!(etag, "\"62109206880d38a4010a98e11243924a-1\"");
}

#[tokio::test]
async fn checksums_of_parts_are_held_to_and_told_as_composite() {
    let shop = Shop::open().await;
    let sha256 = Some(ChecksumAlgorithm::Sha256);
    let id = shop.begin(sha256.clone()).await;
    let one = shop.part(&id, 1, vec![1; PART], sha256.clone()).await;
    let two = shop.part(&id, 2, b"two".to_vec(), sha256).await;
    let wrong = CompletedPart::builder()
        .part_number(2)
        .set_e_tag(two.e_tag.clone())
        .set_checksum_sha256(one.checksum_sha256.clone());
    assert_eq!(shop.complete(&id, vec![one.clone(), wrong.build()]).await, Err(no(400, "InvalidPart")));
    shop.complete(&id, vec![one, two]).await.unwrap();
    let head =
        shop.client.head_object().bucket(BUCKET).key("k").checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!(head.checksum_type(), Some(&ChecksumType::Composite));
    assert!(head.checksum_sha256().unwrap().ends_with("-2"));
    assert_eq!(shop.bytes("k").await.unwrap().len(), PART + 3);
}

#[tokio::test]
async fn a_completion_that_does_not_fit_its_parts_changes_nothing() {
    let shop = Shop::open().await;
    shop.put("k", b"before").send().await.unwrap();
    let id = shop.begin(None).await;
    let one = shop.part(&id, 1, b"too small".to_vec(), None).await;
    let two = shop.part(&id, 2, b"last".to_vec(), None).await;
    let named = |number: i32, etag: &str| CompletedPart::builder().part_number(number).e_tag(etag).build();
    for (parts, status, code) in [
        (vec![one.clone(), two.clone()], 400, "EntityTooSmall"),
        (vec![two.clone(), one.clone()], 400, "InvalidPartOrder"),
        (vec![one.clone(), one.clone()], 400, "InvalidPartOrder"),
        (vec![named(3, two.e_tag().unwrap())], 400, "InvalidPart"),
        (vec![named(2, "\"other\"")], 400, "InvalidPart"),
        (vec![], 400, "MalformedXML"),
    ] {
        assert_eq!(shop.complete(&id, parts).await, Err(no(status, code)));
    }
    assert_eq!(shop.complete("unknown", vec![two.clone()]).await, Err(no(404, "NoSuchUpload")));
    let bad = shop.client.upload_part().bucket(BUCKET).key("k").upload_id(&id).part_number(2);
    let bad = bad.checksum_sha256("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=").body(b"jello".to_vec().into());
    assert_eq!(refused(bad.send().await), no(400, "BadDigest"));
    assert_eq!(shop.bytes("k").await.unwrap(), b"before");
    shop.complete(&id, vec![two]).await.unwrap();
    assert_eq!(shop.bytes("k").await.unwrap(), b"last", "only the named parts count");
    assert_eq!(shop.files("bodies").len(), 1);
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let shop = Shop::open().await;
    let id = shop.begin(None).await;
    let part = shop.part(&id, 1, b"part".to_vec(), None).await;
    let shop = shop.restart(|_| {}).await;
    assert_eq!(shop.files("bodies").len(), 1, "a restart keeps the parts of an upload under way");
    let abort = || shop.client.abort_multipart_upload().bucket(BUCKET).key("k").upload_id(&id).send();
    abort().await.unwrap();
    assert_eq!(refused(abort().await), no(404, "NoSuchUpload"));
    assert_eq!(shop.complete(&id, vec![part]).await, Err(no(404, "NoSuchUpload")));
    assert!(shop.files("bodies").is_empty());
    let late = shop.client.upload_part().bucket(BUCKET).key("k").upload_id(&id).part_number(1);
    assert_eq!(refused(late.body(b"x".to_vec().into()).send().await), no(404, "NoSuchUpload"));
    let odd = shop.client.upload_part().bucket(BUCKET).key("k").upload_id(&id).part_number(10_001);
    assert_eq!(refused(odd.body(b"x".to_vec().into()).send().await), no(400, "InvalidArgument"));
}
