//! Calls that fail as a whole.

use super::{
    server::{Reply, Server},
    *,
};
use gcloud_sdk::google::firestore::v1::{BatchWriteResponse, RunQueryResponse};
use shared::secrets::SecretString;
use std::time::{Duration, Instant};

/// What each of the four calls says of a server that answers all of them with `reply`.
async fn told(reply: impl Fn() -> Reply + Send + Sync + 'static) -> [(&'static str, StoreError); 4] {
    let server = Server::start(move |_| reply()).await;
    failures(&open(&server).await).await
}

macro_rules! is {
    ($reply:expr => $due:pat) => {
        for (call, error) in told(|| $reply).await {
            assert!(matches!(error, $due), "{call} of {}: {error:?}", stringify!($reply));
        }
    };
}

#[tokio::test]
async fn each_status_is_told_as_what_it_is_and_none_as_nothing_there_or_there_before() {
    is!(Reply::Refused(16, "Request had invalid authentication credentials") => StoreError::AuthRefused);
    is!(Reply::Refused(7, "Missing or insufficient permissions.") => StoreError::AuthRefused);
    is!(Reply::Refused(8, "Quota exceeded.") => StoreError::Throttled { .. });
    is!(Reply::Refused(14, "The service is temporarily unavailable.") => StoreError::Unavailable(_));
    is!(Reply::Refused(13, "An internal error occurred.") => StoreError::Unavailable(_));
    is!(Reply::Refused(4, "Deadline expired before operation could complete.") => StoreError::Unavailable(_));
    is!(Reply::Refused(10, "Too much contention on these documents.") => StoreError::Unavailable(_));
    is!(Reply::Refused(1, "cancelled") => StoreError::Unavailable(_));
    is!(Reply::Refused(2, "unknown") => StoreError::Unavailable(_));
    is!(Reply::Refused(9, "The query requires an index.") => StoreError::BadConfig(_));
    is!(Reply::Refused(9, "not for a project in Datastore Mode") => StoreError::BadConfig(_));
    is!(Reply::Refused(5, "The database (default) does not exist for project acme") => StoreError::BadConfig(_));
    is!(Reply::Refused(6, "already exists") => StoreError::Form(_));
    is!(Reply::Refused(3, "invalid") => StoreError::Form(_));
    is!(Reply::Refused(12, "not implemented") => StoreError::Form(_));
    is!(Reply::Refused(99, "a status that there is not") => StoreError::Unavailable(_));
}

#[tokio::test]
async fn what_is_no_answer_is_never_read_as_one() {
    is!(Reply::Web(200, "text/html", "<html>Sign in to the guests' network</html>") => StoreError::Form(_));
    is!(Reply::Web(200, "application/grpc", "<html>") => StoreError::Form(_));
    is!(Reply::Web(404, "text/html", "nothing here") => StoreError::Form(_));
    is!(Reply::Web(401, "text/html", "who are you") => StoreError::AuthRefused);
    is!(Reply::Web(403, "text/html", "not you") => StoreError::AuthRefused);
    is!(Reply::Web(429, "text/html", "not so fast") => StoreError::Throttled { .. });
    is!(Reply::Web(503, "text/html", "come again") => StoreError::Unavailable(_));
    is!(Reply::Web(502, "text/html", "") => StoreError::Unavailable(_));
    is!(Reply::Whole(vec![vec![0xff; 9]], 0) => StoreError::Form(_));
    is!(Reply::Cut(vec![]) => StoreError::Unavailable(_) | StoreError::Form(_));
    is!(Reply::Whole(vec![], 14) => StoreError::Unavailable(_));
    is!(Reply::Whole(vec![], 16) => StoreError::AuthRefused);
}

#[tokio::test]
async fn a_page_that_ends_before_its_end_is_no_page() {
    let some = || vec![gcloud_sdk::prost::Message::encode_to_vec(&RunQueryResponse::default())];
    for (reply, what) in [(Reply::Cut(some()), "cut"), (Reply::Whole(some(), 13), "failed")] {
        let reply = std::sync::Mutex::new(Some(reply));
        let server = Server::start(move |asked| match asked.before {
            0 => reply.lock().unwrap().take().unwrap(),
            _ => Reply::Cut(vec![]),
        })
        .await;
        let error = query(&open(&server).await).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{what}: {error:?}");
    }
}

#[tokio::test]
async fn who_does_not_answer_is_not_waited_for_for_long() {
    let begun = Instant::now();
    is!(Reply::Silence => StoreError::Unavailable(_));
    // Five seconds, and what a busy machine adds.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let begun = Instant::now();
    let server = Server::start(|_| Reply::Silence).await;
    let hasty = open(&server).await.with_patience(Duration::from_millis(200));
    assert!(matches!(query(&hasty).await, Err(StoreError::Unavailable(_))));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_store_that_went_away_cannot_be_reached_and_one_that_came_back_can() {
    let server = Server::start(|_| Reply::Refused(16, "no")).await;
    let store = open(&server).await;
    assert!(matches!(query(&store).await, Err(StoreError::AuthRefused)));
    let address = server.stop().await;
    for (call, error) in failures(&store).await {
        let StoreError::Unavailable(why) = error else { panic!("{call}: {error:?}") };
        assert!(why.to_string().len() > 40, "it says what is behind it: {why}");
    }
    let _back = Server::start_at(address, |_| Reply::Refused(16, "no")).await;
    assert!(matches!(query(&store).await, Err(StoreError::AuthRefused)));
}

#[tokio::test]
async fn what_fails_for_the_moment_is_asked_twice_and_what_is_refused_once() {
    for (code, times) in [(14, 2), (10, 2), (8, 1), (16, 1), (9, 1), (5, 1)] {
        let server = Server::start(move |_| Reply::Refused(code, "no")).await;
        failures(&open(&server).await).await;
        assert_eq!(server.asked().iter().filter(|asked| asked.method == "RunQuery").count(), times, "{code}");
        // Of a put and of a deletion.
        assert_eq!(server.asked().iter().filter(|asked| asked.method == "BatchWrite").count(), 2 * times, "{code}");
    }
    let server = Server::start(|asked| match asked.before {
        0 => Reply::Refused(14, "not now"),
        _ => server::whole([BatchWriteResponse {
            write_results: vec![Default::default()],
            status: vec![Default::default()],
        }]),
    })
    .await;
    assert_eq!(put(&open(&server).await).await.unwrap(), PutOutcome::Stored);
    assert!(server.asked().iter().all(|asked| asked.authorization == "Bearer owner"));
}

#[tokio::test]
async fn an_address_where_nobody_is_and_credentials_that_do_not_fit_it_open_no_store() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let open = async |emulator: Option<&str>, credentials| {
        Firestore::open(&place(emulator.map(ToOwned::to_owned)), credentials).await.unwrap_err()
    };
    let nobody = open(Some(&gone.to_string()), Credentials::Emulator).await;
    assert!(matches!(nobody, StoreError::Unavailable(_)), "{nobody:?}");
    let odd = open(Some("not an address"), Credentials::Emulator).await;
    assert!(matches!(odd, StoreError::Unavailable(_) | StoreError::BadConfig(_)), "{odd:?}");
    assert!(matches!(open(None, Credentials::Emulator).await, StoreError::BadConfig(_)));
    let key = || Credentials::ServiceAccount(SecretString::from("s3cret".to_owned()));
    let shown = open(Some(&gone.to_string()), key()).await;
    assert!(matches!(shown, StoreError::BadConfig(_)), "{shown:?}");
    let bad = open(None, key()).await;
    assert!(matches!(bad, StoreError::BadConfig(_)), "{bad:?}");
    assert!(!format!("{bad} {bad:?} {:?}", key()).contains("s3cret"));
}
