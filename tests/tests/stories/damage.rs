//! A snapshot whose bytes are not what its name says is never answered from.

use super::*;
use aws_sdk_s3::primitives::ByteStream;
use retrieval::{Hash, Manifest};

/// The objects of the store's current snapshot: its manifest, then every file of it.
async fn objects(bundle: &Bundle) -> Vec<String> {
    let s3 = bundle.aws().administrator().s3();
    let bucket = &bundle.template().buckets[0].name;
    let listed = s3.list_objects_v2().bucket(bucket).prefix("t_greenleaf/sha256/").send().await.unwrap();
    for object in listed.contents() {
        let key = object.key().unwrap();
        let body = s3.get_object().bucket(bucket).key(key).send().await.unwrap().body.collect().await.unwrap().to_vec();
        let hash: Hash = key.trim_start_matches("t_greenleaf/sha256/").replace('/', "").parse().unwrap();
        let Ok(manifest) = Manifest::parse(&body, &hash) else { continue };
        if manifest.scope.store == DOWNTOWN {
            let name = |hash: &Hash| {
                let hex = hash.to_string();
                format!("t_greenleaf/sha256/{}/{}", &hex[..2], &hex[2..])
            };
            let files = manifest.files.values().map(|file| name(&file.sha256));
            return std::iter::once(name(&hash)).chain(files).collect();
        }
    }
    panic!("the store has no snapshot");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_flipped_in_any_file_is_noticed_and_the_rest_still_answered() {
    let count = objects(&Bundle::start().await).await.len();
    assert!(count > 4, "{count}");
    for flipped in 0..count {
        let bundle = Bundle::start().await;
        let (s3, bucket) = (bundle.aws().administrator().s3(), &bundle.template().buckets[0].name);
        let key = &objects(&bundle).await[flipped];
        let mut bytes =
            s3.get_object().bucket(bucket).key(key).send().await.unwrap().body.collect().await.unwrap().to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        s3.put_object().bucket(bucket).key(key).body(ByteStream::from(bytes)).send().await.unwrap();
        let ada = bundle.shopper("ada");
        let milk = answer(&ada, "where is the oat milk?").await;
        assert_eq!(
            (&milk["answer_found"], &milk["rag"]["reason"]),
            (&json!(false), &json!("snapshot_damaged")),
            "{key}: {milk}"
        );
        assert!(text(&milk).contains("cannot look products up"), "{milk}");
        let hours = answer(&ada, "when do you close today?").await;
        assert_eq!(hours["answer_found"], true, "{hours}");
        let search = ada.get(&format!("/catalog/stores/{DOWNTOWN}/search?q=milk")).await;
        assert_problem(&search, 503, "catalog.snapshot_unavailable");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_is_damage_too() {
    let bundle = Bundle::start().await;
    let (s3, bucket) = (bundle.aws().administrator().s3(), &bundle.template().buckets[0].name);
    let key = &objects(&bundle).await[1];
    s3.delete_object().bucket(bucket).key(key).send().await.unwrap();
    let milk = answer(&bundle.shopper("ada"), "where is the oat milk?").await;
    assert_eq!(milk["rag"]["reason"], "snapshot_damaged", "{milk}");
}
