use super::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const SOON: Duration = Duration::from_secs(5);

/// Answers every connection with `answer` and hangs up; the head of what it was sent comes out of the channel.
async fn server(answer: &'static str) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, heads) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let read = stream.read(&mut head).await.unwrap_or(0);
            let _ = sender.send(String::from_utf8_lossy(&head[..read]).into_owned());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, heads)
}

async fn get(answer: &'static str) -> Result<Fetched, FetchError> {
    let (url, _heads) = server(answer).await;
    Fetch::plain().get(&url, SOON, 64).await
}

#[tokio::test]
async fn a_whole_answer_comes_back_with_its_status_and_headers() {
    let got = get("HTTP/1.1 429 Too Many\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\nbusy").await.unwrap();
    assert_eq!((got.status, &got.body[..]), (429, &b"busy"[..]));
    assert_eq!(got.headers["retry-after"], "7");
}

#[tokio::test]
async fn a_body_that_ends_early_is_no_answer() {
    for cut in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"a\":",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "",
    ] {
        let got = get(cut).await;
        assert!(matches!(got, Err(FetchError::Connection(_))), "{cut:?}: {got:?}");
    }
}

#[tokio::test]
async fn a_body_past_the_limit_is_refused_by_its_promise_and_by_its_length() {
    for large in [
        "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nx",
        "HTTP/1.1 200 OK\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123456789",
    ] {
        let got = get(large).await;
        assert!(matches!(got, Err(FetchError::TooLarge(64))), "{got:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let (elsewhere, mut heads) = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let answer = format!("HTTP/1.1 307 Moved\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(get(answer.leak()).await.unwrap().status, 307);
    assert!(heads.try_recv().is_err());
}

#[tokio::test]
async fn a_request_goes_out_with_its_method_headers_and_body() {
    let (url, mut heads) = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let request = Request::put(format!("{url}/a?b=c")).header("x-api-key", "k").body(b"{}".to_vec()).unwrap();
    Fetch::anywhere().send(request, SOON, 64).await.unwrap();
    let head = heads.recv().await.unwrap();
    assert!(head.starts_with("PUT /a?b=c HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("x-api-key: k\r\n") && head.contains("content-length: 2\r\n"), "{head}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let got = Fetch::plain().get(&url, Duration::from_millis(50), 64).await;
    assert!(matches!(got, Err(FetchError::Timeout(_))), "{got:?}");
}

#[tokio::test]
async fn plain_http_reaches_this_machine_alone_and_other_schemes_nothing() {
    for url in [
        "http://example.com/",
        "http://127.0.0.1.example.com/",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost@example.com/",
        "https://user@example.com/",
        "ftp://localhost/",
        "file:///etc/passwd",
        "/search",
        "",
    ] {
        for fetch in [Fetch::default(), Fetch::anywhere(), Fetch::plain()] {
            let got = fetch.get(url, Duration::ZERO, 64).await;
            assert!(matches!(got, Err(FetchError::Url(_))), "{url}: {got:?}");
        }
    }
    let got = Fetch::plain().get("https://example.com/", Duration::ZERO, 64).await;
    assert!(matches!(got, Err(FetchError::Url(_))), "{got:?}");
}

#[tokio::test]
async fn of_an_address_that_is_refused_the_scheme_and_the_host_are_told_and_nothing_that_may_be_a_key() {
    // Put together here, since an address with a password in it must not stand in the sources.
    let with_password = format!("http://ada:{}@example.com/k3y?api=k3y", "k3y");
    for url in [with_password.as_str(), "http://example.com/k3y?k3y#k3y", "http://exa mple.com/k3y", "k3y"] {
        let told = Fetch::anywhere().get(url, Duration::ZERO, 64).await.unwrap_err().to_string();
        assert!(!told.contains("k3y") && !told.contains("ada"), "{told}");
        assert_eq!(told.contains("http://example.com is"), url.contains("example.com"), "{told}");
    }
}

#[test]
fn the_platforms_roots_are_read_by_the_first_call_and_not_before() {
    let fetch = Fetch::anywhere();
    assert!(fetch.0.tls.get().is_none());
    assert!(fetch.0.connector(&"https://example.com/".parse().unwrap()).is_ok());
    assert!(fetch.0.tls.get().is_some());
}
