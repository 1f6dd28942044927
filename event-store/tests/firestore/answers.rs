//! Answers that are whole, and right or odd in what they say.

use super::{
    server::{Asked, Reply, Server, whole},
    *,
};
use gcloud_sdk::{
    google::{
        firestore::v1::{
            BatchGetDocumentsRequest, BatchGetDocumentsResponse, BatchWriteRequest, BatchWriteResponse, Document,
            RunQueryResponse, Value, batch_get_documents_response::Result as Found, value::ValueType, write::Operation,
        },
        rpc::Status,
    },
    prost::Message,
};

/// The outcome of writes: a code for each.
fn written(codes: &[i32]) -> Reply {
    let status = |code: &i32| Status { code: *code, message: "said".to_owned(), details: vec![] };
    whole([BatchWriteResponse {
        write_results: codes.iter().map(|_| Default::default()).collect(),
        status: codes.iter().map(status).collect(),
    }])
}

fn found(document: Document) -> Reply {
    whole([BatchGetDocumentsResponse { result: Some(Found::Found(document)), ..Default::default() }])
}

fn missing(name: &str) -> Reply {
    whole([BatchGetDocumentsResponse { result: Some(Found::Missing(name.to_owned())), ..Default::default() }])
}

fn page(documents: impl IntoIterator<Item = Document>) -> Reply {
    let one = |document| RunQueryResponse { document: Some(document), ..Default::default() };
    whole(documents.into_iter().map(one).chain([RunQueryResponse::default()]))
}

fn text(text: &str) -> Value {
    Value { value_type: Some(ValueType::StringValue(text.to_owned())) }
}

/// The documents that an adapter writes for these events.
async fn documents(events: &[ToPut]) -> Vec<Document> {
    let server = Server::start(|asked| written(&vec![0; writes(asked).len()])).await;
    open(&server).await.put(&tenant(), events).await;
    server.asked().iter().flat_map(writes).collect()
}

fn writes(asked: &Asked) -> Vec<Document> {
    let request = BatchWriteRequest::decode(asked.message.clone()).unwrap();
    let document = |operation| match operation {
        Some(Operation::Update(document)) => Some(document),
        _ => None,
    };
    request.writes.into_iter().filter_map(|write| document(write.operation)).collect()
}

/// The events that a call writes.
fn names(asked: &Asked) -> Vec<String> {
    writes(asked).iter().map(|document| document.name.split_once('#').unwrap().1.to_owned()).collect()
}

fn names_of<'a>(events: impl IntoIterator<Item = &'a ToPut>) -> Vec<String> {
    events.into_iter().map(|put| put.event.event_id.to_string()).collect()
}

async fn document() -> Document {
    documents(&[event(0, "")]).await.remove(0)
}

#[tokio::test]
async fn each_event_of_a_batch_is_told_its_own_end() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "BatchWrite" => written(&[0, 7, 8, 14, 10, 3, 13, 5, 9]),
        method => panic!("{method}"),
    })
    .await;
    let events: Vec<ToPut> = (0..9).map(|n| event(n, "")).collect();
    let ended = open(&server).await.put(&tenant(), &events).await;
    assert!(matches!(
        ended.as_slice(),
        [
            Ok(PutOutcome::Stored),
            Err(StoreError::AuthRefused),
            Err(StoreError::Throttled { .. }),
            Err(StoreError::Unavailable(_)),
            Err(StoreError::Unavailable(_)),
            Err(StoreError::Form(_)),
            Err(StoreError::Unavailable(_)),
            Err(StoreError::Form(_)),
            Err(StoreError::BadConfig(_)),
        ]
    ));
}

#[tokio::test]
async fn of_a_batch_what_failed_for_the_moment_is_written_again_and_nothing_else() {
    let there = documents(&[event(3, "")]).await.remove(0);
    let server = Server::start(move |asked| match (asked.method.as_str(), asked.before) {
        ("BatchWrite", 0) => written(&[0, 10, 8, 14, 14]),
        ("BatchWrite", _) => written(&[0, 6, 14]),
        _ => found(there.clone()),
    })
    .await;
    let events: Vec<ToPut> = (0..5).map(|n| event(n, "")).collect();
    let ended = open(&server).await.put(&tenant(), &events).await;
    assert!(matches!(
        ended.as_slice(),
        [
            Ok(PutOutcome::Stored),
            Ok(PutOutcome::Stored),
            Err(StoreError::Throttled { .. }),
            Ok(PutOutcome::Duplicate),
            Err(StoreError::Unavailable(_)),
        ]
    ));
    let calls: Vec<Vec<String>> =
        server.asked().iter().filter(|asked| asked.method == "BatchWrite").map(names).collect();
    assert_eq!(calls, [names_of(&events), names_of([&events[1], &events[3], &events[4]])]);
}

#[tokio::test]
async fn an_event_that_is_there_is_compared_and_never_guessed() {
    let there = document().await;
    let put_over = async |read: Box<dyn Fn() -> Reply + Send + Sync>| {
        let server = Server::start(move |asked| match asked.method.as_str() {
            "BatchWrite" => written(&[6]),
            _ => read(),
        })
        .await;
        put(&open(&server).await).await
    };
    let other = |change: &dyn Fn(&mut Document)| {
        let mut document = there.clone();
        change(&mut document);
        document
    };
    let same = there.clone();
    assert_eq!(put_over(Box::new(move || found(same.clone()))).await.unwrap(), PutOutcome::Duplicate);
    let print = other(&|document| drop(document.fields.insert("fingerprint".to_owned(), text(&"0".repeat(64)))));
    assert_eq!(put_over(Box::new(move || found(print.clone()))).await.unwrap(), PutOutcome::Conflict);
    let name = there.name.clone();
    let gone = put_over(Box::new(move || missing(&name))).await;
    assert!(matches!(gone, Err(StoreError::Unavailable(_))), "{gone:?}");
    let (odd, bare, elsewhere) = (
        other(&|document| drop(document.fields.insert("fingerprint".to_owned(), text("odd")))),
        other(&|document| document.fields.clear()),
        other(&|document| document.name.push('x')),
    );
    for document in [odd, bare, elsewhere] {
        let told = put_over(Box::new(move || found(document.clone()))).await;
        assert!(matches!(told, Err(StoreError::Form(_))), "{told:?}");
    }
    let refused = put_over(Box::new(|| Reply::Refused(7, "no"))).await;
    assert!(matches!(refused, Err(StoreError::AuthRefused)), "{refused:?}");
    let nothing = put_over(Box::new(|| whole([BatchGetDocumentsResponse::default()]))).await;
    assert!(matches!(nothing, Err(StoreError::Form(_))), "{nothing:?}");
}

#[tokio::test]
async fn a_deletion_is_told_only_by_who_was_asked_for_it() {
    let deleted = async |reply: fn() -> Reply| {
        let server = Server::start(move |_| reply()).await;
        delete(&open(&server).await).await
    };
    assert_eq!(deleted(|| written(&[0])).await.unwrap(), Deleted::Gone);
    assert_eq!(deleted(|| written(&[5])).await.unwrap(), Deleted::NotThere);
    for odd in [|| written(&[]), || written(&[0, 0]), || whole([BatchWriteResponse::default()])] {
        let told = deleted(odd).await;
        assert!(matches!(told, Err(StoreError::Form(_))), "{told:?}");
    }
    assert!(matches!(deleted(|| written(&[14])).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(deleted(|| written(&[7])).await, Err(StoreError::AuthRefused)));
    let half = || whole([BatchWriteResponse { status: vec![Status::default()], write_results: vec![] }]);
    assert!(matches!(deleted(half).await, Err(StoreError::Form(_))));
}

#[tokio::test]
async fn an_event_is_missing_only_where_the_store_says_so_of_it() {
    let there = document().await;
    let read = async |reply: Box<dyn Fn() -> Reply + Send + Sync>| {
        let server = Server::start(move |_| reply()).await;
        get(&open(&server).await).await
    };
    let (whole_one, name) = (there.clone(), there.name.clone());
    let found_one = read(Box::new(move || found(whole_one.clone()))).await.unwrap().unwrap();
    assert_eq!(found_one.event_id, id());
    assert!(read(Box::new(move || missing(&name))).await.unwrap().is_none());
    let mut of_another = there.clone();
    of_another.name = of_another.name.replace("t_acme", "t_other");
    let (of_another_name, mut bare) = (of_another.name.clone(), there.clone());
    bare.fields.remove("event");
    let mut broken = there.clone();
    broken.fields.insert("event".to_owned(), text("{\"event_id\": \"req-0#default\""));
    let odd: [Box<dyn Fn() -> Reply + Send + Sync>; 6] = [
        Box::new(|| whole::<BatchGetDocumentsResponse>([])),
        Box::new(|| whole([BatchGetDocumentsResponse::default()])),
        Box::new(move || missing(&of_another_name)),
        Box::new(move || found(of_another.clone())),
        Box::new(move || found(bare.clone())),
        Box::new(move || found(broken.clone())),
    ];
    for (n, odd) in odd.into_iter().enumerate() {
        let told = read(odd).await;
        assert!(matches!(told, Err(StoreError::Form(_))), "{n}: {told:?}");
    }
}

#[tokio::test]
async fn a_page_has_only_what_lies_where_it_was_asked_for() {
    let there = document().await;
    let read = async |documents: Vec<Document>| {
        let server = Server::start(move |_| page(documents.clone())).await;
        query(&open(&server).await).await
    };
    let one = read(vec![there.clone()]).await.unwrap();
    assert_eq!((one.events.len(), one.next), (1, None));
    assert!(read(vec![]).await.unwrap().events.is_empty());
    let mut of_another = there.clone();
    of_another.name = of_another.name.replace("t_acme", "t_other");
    let mut renamed = there.clone();
    renamed.name.push('0');
    for odd in [of_another, renamed, Document { name: there.name.clone(), ..Default::default() }] {
        let told = read(vec![there.clone(), odd]).await;
        assert!(matches!(told, Err(StoreError::Form(_))), "{told:?}");
    }
}

#[tokio::test]
async fn a_page_ends_where_it_is_heavy_and_says_where_it_goes_on() {
    let text = "x".repeat(64 * 1024);
    let heavy = documents(&(0..200).map(|n| event(n, &text)).collect::<Vec<_>>()).await;
    let server = Server::start(move |_| page(heavy.clone())).await;
    let range = Range { from: "2026-03-01T00:00:00Z".parse().unwrap(), to: "2026-03-02T00:00:00Z".parse().unwrap() };
    let query = EventQuery { range, filters: Filters::default(), order: Order::NewestFirst };
    let page = open(&server).await.query(&tenant(), &query, 1_000, None).await.unwrap();
    assert!((100..199).contains(&page.events.len()), "{}", page.events.len());
    assert_eq!(page.next.unwrap().event_id, page.events.last().unwrap().event_id);
}

#[tokio::test]
async fn no_call_is_greater_than_the_store_takes() {
    let server = Server::start(|asked| written(&vec![0; writes(asked).len()])).await;
    let store = open(&server).await;
    let text = "x".repeat(64 * 1024);
    let events: Vec<ToPut> = (0..1_300).map(|n| event(n, if n < 200 { &text } else { "" })).collect();
    let ended = store.put(&tenant(), &events).await;
    assert!(ended.len() == 1_300 && ended.iter().all(|end| matches!(end, Ok(PutOutcome::Stored))));
    let calls = server.asked();
    assert!(calls.iter().all(|call| call.message.len() < 4 * 1024 * 1024 && writes(call).len() <= 500));
    let mut names: Vec<String> = calls.iter().flat_map(writes).map(|document| document.name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 1_300);
    assert!(store.put(&tenant(), &[]).await.is_empty());
}

#[tokio::test]
async fn of_an_event_that_stands_the_fingerprint_alone_is_read() {
    let there = document().await;
    let server = Server::start(move |asked| match asked.method.as_str() {
        "BatchWrite" => written(&[6]),
        _ => found(there.clone()),
    })
    .await;
    put(&open(&server).await).await.unwrap();
    let asked = server.asked().pop().unwrap();
    let read = BatchGetDocumentsRequest::decode(asked.message).unwrap();
    assert_eq!(read.mask.unwrap().field_paths, ["fingerprint"]);
}
