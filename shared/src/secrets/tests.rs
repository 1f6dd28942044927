use super::*;
use crate::{
    auth::testing::{Answer, Loopback, now},
    aws::{Aws, Endpoints},
};
use futures::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Stage {
    server: Loopback,
    clock: Clock,
    secrets: Secrets,
}

fn holding(value: &str) -> Answer {
    let body = json!({"Name": "smartstore-ai/test", "SecretString": value});
    Answer::ok(body.to_string()).with("content-type", "application/x-amz-json-1.1")
}

fn refusing() -> Answer {
    let body = json!({"__type": "InvalidRequestException", "Message": "no"}).to_string();
    Answer { body: body.into_bytes(), ..Answer::status(400) }
}

impl Stage {
    async fn with(answer: Answer) -> Self {
        let server = Loopback::answering(answer).await;
        let endpoints = Endpoints { secrets_manager: Some(server.url.clone()), ..Endpoints::default() };
        let client = Aws::local(endpoints, "test", "test").secrets_manager();
        let mut env: Env = [("SECRET_ID", "smartstore-ai/test")].into_iter().collect();
        let (config, clock) = (SecretsConfig::from_env(&mut env), Clock::frozen(now()));
        let secrets = Secrets::new(client, config, &clock);
        Self { server, clock, secrets }
    }

    async fn get(&self, key: &str) -> Result<String, SecretError> {
        self.secrets.get(key).await.map(|secret| secret.expose().to_owned())
    }

    fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }
}

#[test]
fn a_secret_shows_itself_to_nobody() {
    assert_eq!(format!("{:?}", SecretString::from("hunter2".to_owned())), "[redacted]");
}

#[tokio::test]
async fn a_value_is_loaded_once_and_kept_for_its_time() {
    let stage = Stage::with(holding(r#"{"KEY":"one"}"#)).await;
    let gets = join_all((0..100).map(|_| stage.get("KEY"))).await;
    assert!(gets.iter().all(|value| value.as_deref() == Ok("one")), "{gets:?}");
    stage.pass(299);
    assert_eq!(stage.get("OTHER").await, Err(SecretError::NoSuchKey("OTHER".to_owned())));
    assert_eq!(stage.server.asked(), 1);
    stage.server.answer(holding(r#"{"KEY":"two"}"#));
    stage.pass(1);
    assert_eq!(stage.get("KEY").await.as_deref(), Ok("two"));
    assert_eq!(stage.server.asked(), 2);
}

#[tokio::test]
async fn a_refused_value_is_replaced_by_one_refresh_for_all_who_were_refused() {
    let stage = Stage::with(holding(r#"{"KEY":"one"}"#)).await;
    let old = stage.secrets.get("KEY").await.unwrap();
    stage.server.answer(holding(r#"{"KEY":"two"}"#));
    let refreshed = join_all((0..50).map(|_| stage.secrets.refresh_after_refusal("KEY", &old))).await;
    assert!(refreshed.iter().all(|value| value.as_ref().unwrap().as_ref().unwrap().expose() == "two"));
    assert_eq!(stage.server.asked(), 2);
}

#[tokio::test]
async fn a_value_that_is_refused_and_current_is_asked_for_once_only() {
    let stage = Stage::with(holding(r#"{"KEY":"one"}"#)).await;
    let old = stage.secrets.get("KEY").await.unwrap();
    for _ in 0..20 {
        assert_eq!(stage.secrets.refresh_after_refusal("KEY", &old).await, Ok(None));
    }
    assert_eq!(stage.server.asked(), 2);
    stage.server.answer(holding(r#"{"KEY":"two"}"#));
    stage.pass(300);
    assert_eq!(stage.get("KEY").await.as_deref(), Ok("two"), "the end of its time still brings the new value");
}

#[tokio::test]
async fn whether_a_refused_value_was_changed_is_not_known_while_nobody_says() {
    let stage = Stage::with(holding(r#"{"KEY":"one"}"#)).await;
    let old = stage.secrets.get("KEY").await.unwrap();
    stage.server.answer(refusing());
    for _ in 0..3 {
        assert_eq!(stage.secrets.refresh_after_refusal("KEY", &old).await, Err(SecretError::Unavailable));
    }
    assert_eq!(stage.server.asked(), 2, "who failed is left alone for a while");
    stage.server.answer(holding(r#"{"KEY":"two"}"#));
    stage.pass(5);
    let new = stage.secrets.refresh_after_refusal("KEY", &old).await.unwrap();
    assert_eq!(new.unwrap().expose(), "two");
}

#[tokio::test]
async fn an_outage_is_bridged_for_a_stated_time_and_not_hammered() {
    let stage = Stage::with(holding(r#"{"KEY":"one"}"#)).await;
    stage.get("KEY").await.unwrap();
    stage.server.answer(refusing());
    stage.pass(300);
    for _ in 0..20 {
        assert_eq!(stage.get("KEY").await.as_deref(), Ok("one"));
    }
    assert_eq!(stage.server.asked(), 2);
    stage.pass(899);
    assert_eq!(stage.get("KEY").await.as_deref(), Ok("one"));
    stage.pass(1);
    assert_eq!(stage.get("KEY").await, Err(SecretError::Unavailable));
    stage.server.answer(holding(r#"{"KEY":"two"}"#));
    stage.pass(5);
    assert_eq!(stage.get("KEY").await.as_deref(), Ok("two"));
}

#[tokio::test]
async fn a_cold_start_without_secrets_is_an_error_and_never_a_default() {
    let stage = Stage::with(refusing()).await;
    let gets = join_all((0..20).map(|_| stage.get("KEY"))).await;
    assert!(gets.iter().all(|value| *value == Err(SecretError::Unavailable)));
    assert_eq!(stage.server.asked(), 1);
    let problem = Problem::from(SecretError::Unavailable);
    assert_eq!((problem.status().as_u16(), problem.code()), (503, "secrets.unavailable"));
}

#[tokio::test]
async fn a_malformed_secret_is_an_error() {
    for bad in ["", "x", "[]", "\"x\"", r#"{"KEY":1}"#, r#"{"KEY":null}"#, r#"{"KEY":"a","KEY":"b"}"#, r#"{"KEY":"a""#]
    {
        let stage = Stage::with(holding(bad)).await;
        assert_eq!(stage.get("KEY").await, Err(SecretError::Malformed), "{bad}");
    }
    let binary = json!({"Name": "x", "SecretBinary": "eyJLRVkiOiJhIn0="}).to_string();
    assert_eq!(Stage::with(Answer::ok(binary)).await.get("KEY").await, Err(SecretError::Malformed));
}

/// A Secrets Manager that gives each `SecretId` an object of its own, and knows no others.
async fn keyed(objects: &'static [(&str, &str)]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            // The body is the request's end, and an object.
            while !request.ends_with(b"}") && stream.read_buf(&mut request).await.unwrap_or(0) > 0 {}
            let asked = String::from_utf8(request).unwrap();
            let asked: Value = serde_json::from_str(asked.split("\r\n\r\n").nth(1).unwrap_or("null")).unwrap();
            let (status, body) = match objects.iter().find(|(id, _)| asked["SecretId"] == *id) {
                Some((id, text)) => (200, json!({"Name": id, "SecretString": text})),
                None => (400, json!({"__type": "ResourceNotFoundException"})),
            };
            let (media, body) = ("application/x-amz-json-1.1", body.to_string());
            let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-type: {media}\r\n");
            let reply = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn the_same_code_reads_the_secret_of_whichever_environment_its_variable_names() {
    let url =
        keyed(&[("smartstore-ai/dev", r#"{"KEY":"of dev"}"#), ("smartstore-ai/prod", r#"{"KEY":"of prod"}"#)]).await;
    for (id, value) in [
        ("smartstore-ai/dev", Ok("of dev".to_owned())),
        ("smartstore-ai/prod", Ok("of prod".to_owned())),
        ("smartstore-ai/elsewhere", Err(SecretError::NotThere)),
    ] {
        let endpoints = Endpoints { secrets_manager: Some(url.clone()), ..Endpoints::default() };
        let client = Aws::local(endpoints, "test", "test").secrets_manager();
        let config = SecretsConfig::from_env(&mut [("SECRET_ID", id)].into_iter().collect());
        let secrets = Secrets::new(client, config, &Clock::frozen(now()));
        assert_eq!(secrets.get("KEY").await.map(|secret| secret.expose().to_owned()), value, "{id}");
    }
}
