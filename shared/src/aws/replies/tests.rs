use crate::{
    auth::testing::{Answer, Loopback},
    aws::{Aws, Endpoints},
    blob::{BlobError, Blobs},
    table::{Key, Table, TableError},
    tenant::{Sweep, TenantScope},
};
use serde_json::{Value, json};

const ITEM: &str = r#"{"Item":{"pk":{"S":"T#acme#S#a"},"sk":{"S":"x"},"price":{"N":"249"}}}"#;

fn scope() -> TenantScope {
    TenantScope::for_job(Sweep::CatalogPublish, "acme".parse().unwrap())
}

async fn server(answer: Answer) -> (Loopback, Aws) {
    let server = Loopback::answering(answer).await;
    let url = Some(server.url.clone());
    let aws = Aws::local(Endpoints { dynamodb: url.clone(), s3: url, ..Endpoints::default() }, "a", "b");
    (server, aws)
}

/// As DynamoDB would have answered with `whole`, were it not for what came instead.
fn instead(body: &str) -> Answer {
    Answer { body: body.into(), ..Answer::of_dynamodb(ITEM) }
}

#[tokio::test]
async fn a_reply_that_is_cut_emptied_or_anothers_is_no_word_of_what_is_there() {
    for (told, odd) in [
        ("cut", instead(&ITEM[..ITEM.len() / 2])),
        ("cut by one", instead(&ITEM[..ITEM.len() - 1])),
        ("emptied", instead("")),
        ("an empty document", instead("{}")),
        ("a changed price", instead(&ITEM.replace("249", "149"))),
        ("a sign-in page", Answer::ok("<html>sign in</html>").with("content-type", "text/html")),
        ("a foreign document", Answer::ok(r#"{"hello":"world"}"#)),
        ("an empty document without a checksum", Answer::ok("{}")),
        ("nothing without a checksum", Answer::ok("")),
        ("a checksum that is none", Answer::ok("{}").with("x-amz-crc32", "many")),
        ("a right checksum of a foreign page", Answer::of_dynamodb("<html></html>")),
    ] {
        let (_server, aws) = server(odd).await;
        let table = Table::new(&aws, "t").of(&scope());
        let key = Key::new("S#a", "x");
        let got = scope().act(table.get::<Value>(&key)).await;
        assert!(matches!(got, Err(TableError::Unavailable(_))), "{told}: {got:?}");
        let page = scope().act(table.page::<Value>("S#a", "", 10, None)).await;
        assert!(matches!(page, Err(TableError::Unavailable(_))), "{told}: {page:?}");
        let all = scope().act(table.get_all::<Value>(&[key])).await;
        assert!(matches!(all, Err(TableError::Unavailable(_))), "{told}: {all:?}");
    }
}

#[tokio::test]
async fn a_whole_reply_is_believed_also_where_it_says_that_nothing_is_there() {
    let (server, aws) = server(Answer::of_dynamodb(ITEM)).await;
    let table = Table::new(&aws, "t").of(&scope());
    let key = Key::new("S#a", "x");
    let got: Option<Value> = scope().act(table.get(&key)).await.unwrap();
    assert_eq!(got.unwrap()["price"], json!(249));
    assert_eq!(server.asked(), 1);
    server.answer(Answer::of_dynamodb(r#"{"ConsumedCapacity":{"TableName":"t","CapacityUnits":0.5}}"#));
    assert_eq!(scope().act(table.get::<Value>(&key)).await.unwrap(), None);
    server.answer(Answer { status: 400, ..Answer::ok(r#"{"__type":"x#ResourceNotFoundException"}"#) });
    let refused = scope().act(table.get::<Value>(&key)).await;
    assert!(matches!(refused, Err(TableError::Unavailable(_))), "a refusal needs no checksum");
}

#[tokio::test]
async fn what_no_object_store_says_is_neither_an_object_nor_a_stored_one() {
    for odd in [Answer::ok("<html>sign in</html>"), Answer::ok(""), Answer::ok("{}")] {
        let (_server, aws) = server(odd).await;
        let blobs = Blobs::new(&aws, "b").of(&scope());
        let put = scope().act(blobs.put(bytes::Bytes::from_static(b"abc"))).await;
        assert!(matches!(put, Err(BlobError::Unavailable(_))), "{put:?}");
        let folder = std::env::temp_dir().join(crate::web::request::random_hex::<8>());
        let got = scope().act(blobs.get_upload("x", &folder, 1_000)).await;
        assert!(matches!(got, Err(BlobError::Unavailable(_))), "{got:?}");
        std::fs::remove_file(folder).unwrap();
    }
}
