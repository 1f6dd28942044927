//! Many writers at once: conditions hold as if they had come one after the other.

use std::collections::BTreeSet;

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use crate::support::*;

const WRITERS: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_100_writers_of_a_new_key_exactly_one_wins() {
    let shop = Shop::open().await;
    for round in 0..20 {
        let key = format!("round {round}");
        let writers = (0..WRITERS).map(|i| {
            let put = shop.put(&key, format!("writer {i}").as_bytes()).if_none_match("*");
            tokio::spawn(async move { (i, put.send().await) })
        });
        let mut winners = Vec::new();
        for writer in writers.collect::<Vec<_>>() {
            match writer.await.unwrap() {
                (i, Ok(_)) => winners.push(i),
                (_, Err(error)) => assert_eq!(refusal(&error), no(412, "PreconditionFailed")),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        assert_eq!(shop.bytes(&key).await.unwrap(), format!("writer {}", winners[0]).as_bytes());
    }
    assert_eq!((shop.files("bodies").len(), shop.files("tmp").len()), (20, 0), "losers leave nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_writers_that_read_the_same_etag_exactly_one_wins() {
    let shop = Shop::open().await;
    let mut etag = shop.put("k", b"start").send().await.unwrap().e_tag.unwrap();
    for round in 0..20 {
        let writers = (0..32).map(|i| {
            let put = shop.put("k", format!("round {round} writer {i}").as_bytes()).if_match(&etag);
            tokio::spawn(async move { put.send().await })
        });
        let mut winners = Vec::new();
        for writer in writers.collect::<Vec<_>>() {
            match writer.await.unwrap() {
                Ok(output) => winners.push(output.e_tag.unwrap()),
                Err(error) => assert_eq!(refusal(&error), no(412, "PreconditionFailed")),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        etag = winners.remove(0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_counter_kept_by_compare_and_swap_loses_no_step() {
    let shop = Shop::open().await;
    shop.put("n", b"0").send().await.unwrap();
    let workers = (0..8).map(|_| {
        let client = shop.client.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                loop {
                    let read = client.get_object().bucket(BUCKET).key("n").send().await.unwrap();
                    let etag = read.e_tag().unwrap().to_owned();
                    let n: u32 = String::from_utf8(body(read).await).unwrap().parse().unwrap();
                    let next = client.put_object().bucket(BUCKET).key("n").if_match(etag);
                    if next.body((n + 1).to_string().into_bytes().into()).send().await.is_ok() {
                        break;
                    }
                }
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    assert_eq!(shop.bytes("n").await.unwrap(), b"80");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_sees_one_write_whole_while_writers_replace_and_delete() {
    let shop = Shop::open().await;
    let writers = (0..4_u8).map(|i| {
        let client = shop.client.clone();
        tokio::spawn(async move {
            for round in 0..25_usize {
                let bytes = vec![i; 100_000 + round];
                client.put_object().bucket(BUCKET).key("k").body(bytes.into()).send().await.unwrap();
                if round % 5 == 4 {
                    client.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
                }
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut seen = 0;
    while !writers.iter().all(|writer| writer.is_finished()) {
        if let Some(bytes) = shop.bytes("k").await {
            assert_eq!(bytes.iter().collect::<BTreeSet<_>>().len(), 1, "bytes of two writers");
            seen += 1;
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(seen > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_uploads_completed_at_once_exactly_one_creates_the_key() {
    let shop = Shop::open().await;
    let mut completions = Vec::new();
    for i in 0..16 {
        let created = shop.client.create_multipart_upload().bucket(BUCKET).key("k").send().await.unwrap();
        let id = created.upload_id.unwrap();
        let part = shop.client.upload_part().bucket(BUCKET).key("k").upload_id(&id).part_number(1);
        let part = part.body(format!("upload {i}").into_bytes().into()).send().await.unwrap();
        let part = CompletedPart::builder().part_number(1).set_e_tag(part.e_tag).build();
        let parts = CompletedMultipartUpload::builder().parts(part).build();
        let complete = shop.client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(id);
        completions.push(complete.multipart_upload(parts).if_none_match("*"));
    }
    let completions: Vec<_> = completions.into_iter().map(|complete| tokio::spawn(complete.send())).collect();
    let mut won = 0;
    for completion in completions {
        match completion.await.unwrap() {
            Ok(_) => won += 1,
            Err(error) => assert_eq!(refusal(&error), no(412, "PreconditionFailed")),
        }
    }
    assert_eq!(won, 1);
}
