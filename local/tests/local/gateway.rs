//! The gateway, by hostile bytes and by its limits.

use crate::harness::{functions, small};
use http::Method;
use local::{Bundle, Options};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends bytes as they are and returns the status of the answer; 0 where the connection was closed without one.
async fn raw(bundle: &Bundle, bytes: &[u8]) -> u16 {
    let address = bundle.addresses().gateway.trim_start_matches("http://").to_owned();
    let mut socket = TcpStream::connect(address).await.unwrap();
    // A server that refuses in the middle closes the connection, and writing on fails.
    let _ = socket.write_all(bytes).await;
    let _ = socket.shutdown().await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), socket.read_to_end(&mut answer)).await.unwrap();
    let text = String::from_utf8_lossy(&answer);
    text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn hostile_bytes_are_answered_or_dropped_and_the_next_request_is_served() {
    let bundle = Bundle::open(small()).await.unwrap();
    let get = |target: &str, headers: &str| {
        format!("GET {target} HTTP/1.1\r\nhost: x\r\n{headers}connection: close\r\n\r\n").into_bytes()
    };
    let long = |count: usize| "a".repeat(count);
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let mut wrong = Vec::new();
    for (bytes, statuses) in [
        (get("/echo/a", ""), &[200][..]),
        (get("/echo/req-abc123%23default", ""), &[200]),
        (get("/echo/%3Fx%25", ""), &[200]),
        (get("/echo/%zz", ""), &[200]),
        (get("/echo/%00", ""), &[200]),
        (get("/echo/%ff", ""), &[400]),
        (get("/echo/a%2Fb", ""), &[404]),
        (get("/echo/..%2F..%2Fetc", ""), &[404]),
        (get("/../../etc/passwd", ""), &[404]),
        (get("//", ""), &[404]),
        (get("http://[::1/echo/a", ""), &[400]),
        (get("http://elsewhere.example/echo/a", ""), &[200]),
        (get("/echo/a?%zz=&&=#", ""), &[200, 400]),
        (get("*", ""), &[400, 404]),
        (get("echo", ""), &[400, 404]),
        (get("/echo/a b", ""), &[400]),
        (get(&format!("/echo/{}", long(9_000)), ""), &[200]),
        (get(&format!("/echo/{}", long(11_000)), ""), &[431]),
        (get(&format!("/echo/{}", long(70_000)), ""), &[414]),
        (get("/echo/a", &format!("x: {}\r\n", long(11_000))), &[431]),
        (get("/echo/a", &format!("x: {}\r\n", long(600_000))), &[431]),
        (get("/echo/a", &many), &[431]),
        (get("/echo/a", "bad name: 1\r\n"), &[400]),
        (get("/echo/a", "x: \u{1}\r\n"), &[400]),
        (get("/echo/a", "x: \u{fc}\r\n"), &[200]),
        (get("/echo/a", "cookie: ;;=; a=b\r\ncookie: \r\n"), &[200]),
        (get("/echo/a", "content-length: -1\r\n"), &[400]),
        (get("/echo/a", "content-length: 5\r\ncontent-length: 6\r\n"), &[400]),
        (get("/echo/a", "host: [::1\r\n"), &[200, 400]),
        (get("/echo/a", "authorization: Bearer \u{0}\r\n"), &[400]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), &[0, 400]),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[0, 400, 505]),
        (b"GET /echo/a HTTP/9.9\r\n\r\n".to_vec(), &[0, 400, 505]),
        (b"\r\n\r\n\r\n".to_vec(), &[0, 400]),
        (b"\0\0\0\0".to_vec(), &[0, 400]),
        (b"POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec(), &[400]),
        (b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nshort".to_vec(), &[0, 400]),
        (b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n".to_vec(), &[404]),
        (b"B@D /echo/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_vec(), &[400]),
        (b"PURGE /echo/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_vec(), &[405]),
    ] {
        let status = raw(&bundle, &bytes).await;
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(100)]).into_owned();
        if !statuses.contains(&status) {
            wrong.push(format!("{shown:?} was answered with {status}"));
        }
        assert_eq!(raw(&bundle, &get("/echo/a", "")).await, 200, "after {shown:?}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_the_caller_had_encoded_stays_part_of_the_path() {
    let bundle = Bundle::open(small()).await.unwrap();
    let got = bundle.stranger().get("/echo/req-abc123%23default?x=1").await;
    assert_eq!((got.status, got.body), (200, json!("req-abc123#default")));
}

#[tokio::test]
async fn a_path_without_a_route_and_a_method_without_one_are_problems() {
    let bundle = Bundle::open(small()).await.unwrap();
    let nobody = bundle.stranger();
    let lost = nobody.get("/nowhere").await;
    assert_eq!((lost.status, &lost.body["error_code"]), (404, &json!("http.not_found")));
    assert!(lost.header("x-request-id").starts_with("req-"));
    let wrong = nobody.delete("/echo/a").await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, "GET,HEAD"));
}

#[tokio::test]
async fn bodies_and_times_end_where_the_deployed_ones_do() {
    let bundle = Bundle::open(small()).await.unwrap();
    let nobody = bundle.stranger();
    let post = |media: &'static str, size: usize| nobody.post_bytes("/echo", media, vec![b'a'; size]);
    assert_eq!(post("text/csv", 5_000_000).await.body, json!(5_000_000));
    assert_eq!(post("text/csv", 6_500_000).await.status, 413, "past Lambda's 6 MB");
    assert_eq!(post("application/octet-stream", 5_000_000).await.status, 413, "past it as base64");
    assert_eq!(post("text/csv", 11_000_000).await.status, 413, "past the gateway's 10 MB");

    let begun = Instant::now();
    let slow = nobody.get("/slow").await;
    assert_eq!((slow.status, &slow.body["error_code"]), (503, &json!("gateway.timeout")));
    assert!(begun.elapsed() < Duration::from_secs(5), "the function's own timeout is 2 s");

    let boom = nobody.get("/boom").await;
    assert_eq!((boom.status, &boom.body["error_code"]), (500, &json!("internal")));
}

#[tokio::test]
async fn the_clock_and_the_schedules_answer_this_machine_and_no_web_page() {
    let bundle = Bundle::open(small()).await.unwrap();
    let laptop = bundle.stranger();
    assert_eq!(laptop.get("/local/clock").await.body, json!({"now": "2026-11-10T15:00:00Z"}));
    let moved = laptop.post("/local/clock", json!({"advance_seconds": 90})).await;
    assert_eq!(moved.body, json!({"now": "2026-11-10T15:01:30Z"}));
    assert_eq!(laptop.post("/local/clock", json!({"advance": 1})).await.status, 400);
    assert_eq!(laptop.post("/local/clock", json!({"advance_seconds": i64::MAX})).await.status, 400);

    let ran = laptop.post("/local/schedules/sweep", json!({})).await;
    assert_eq!(ran.body, json!({"schedule": "sweep", "report": "swept at 2026-11-10T15:01:30Z"}));
    assert_eq!(bundle.run_schedule("sweep").await.unwrap(), "swept at 2026-11-10T15:01:30Z");
    let unknown = laptop.post("/local/schedules/mop", json!({})).await;
    assert_eq!(unknown.status, 404);
    assert!(bundle.run_schedule("mop").await.unwrap_err().to_string().contains("sweep"));

    let page = laptop.with_header("origin", "https://evil.example");
    assert_eq!(page.post("/local/clock", json!({"advance_seconds": 1})).await.status, 403);
    let rebound = laptop.with_header("host", "evil.example");
    assert_eq!(rebound.get("/local/clock").await.status, 403);
    assert_eq!(laptop.get("/local/elsewhere").await.status, 404);
    assert_eq!(laptop.delete("/local/clock").await.status, 405);
}

#[tokio::test]
async fn schedules_run_when_their_time_comes() {
    let ticking = Options { ticking: true, functions: counting, ..small() };
    let bundle = Bundle::open(ticking).await.unwrap();
    let runs = || RUNS.lock().unwrap().clone();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(runs(), Vec::<String>::new(), "the clock stands still");
    // A jump makes one run, for the last time that it passed.
    let laptop = bundle.stranger();
    laptop.post("/local/clock", json!({"advance_seconds": 185})).await;
    let begun = Instant::now();
    while runs().is_empty() && begun.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(runs(), ["2026-11-10T15:03:00Z"]);
}

static RUNS: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());

fn counting(parts: &local::functions::Parts<'_>) -> anyhow::Result<local::functions::Functions> {
    let mut functions = functions(parts)?;
    functions.jobs[0].run = std::sync::Arc::new(|now| {
        RUNS.lock().unwrap().push(now.to_string());
        Box::pin(async { Ok(String::new()) })
    });
    Ok(functions)
}

#[tokio::test]
async fn a_request_that_the_client_gives_up_is_worked_on() {
    let bundle = Bundle::open(small()).await.unwrap();
    let nobody = bundle.stranger();
    let given_up = tokio::time::timeout(Duration::from_millis(50), nobody.send(Method::GET, "/slow", None)).await;
    assert!(given_up.is_err());
    assert_eq!(nobody.get("/echo/a").await.status, 200);
}
