//! A scripted STS and a scripted DynamoDB on one server: who asked for which session, and by whose key each call was signed.

use crate::{
    aws::{Aws, Endpoints, sts},
    clock::Clock,
    table::{Key, Table, TableError},
    tenant::{self, Sweep, TenantScope},
};
use http::Request;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const ROLE: &str = "arn:aws:iam::123456789012:role/smartstore-tenant";

/// DynamoDB's word that nothing is there, whatever was asked.
const NOTHING: &str = r#"{"ConsumedCapacity":{"TableName":"t","CapacityUnits":0.5},"Items":[],"Count":0}"#;

/// What a call was: where to, by whose key, with which body.
#[derive(Clone, Debug)]
struct Call {
    head: String,
    body: String,
}

impl Call {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn signed_by(&self) -> String {
        let (_, rest) = self.header("authorization").unwrap().split_once("Credential=").unwrap();
        rest.split('/').next().unwrap().to_owned()
    }

    fn is_sts(&self) -> bool {
        self.body.starts_with("Action=AssumeRole&")
    }
}

struct Stage {
    aws: Aws,
    /// One client for all, as in a function: what it keeps, it keeps for every tenant.
    table: Table,
    clock: Clock,
    calls: Arc<Mutex<Vec<Call>>>,
    sts: Arc<Mutex<Sts>>,
    url: String,
}

/// How STS answers.
#[derive(Clone, Copy, Debug)]
enum Sts {
    /// With credentials that last so long.
    Lasting(SignedDuration),
    /// With this status.
    Refusing(u16),
}

fn scope(tenant: &str) -> TenantScope {
    TenantScope::for_job(Sweep::CatalogPublish, tenant.parse().unwrap())
}

impl Stage {
    async fn start() -> Self {
        let clock = Clock::frozen(Timestamp::from_second(Timestamp::now().as_second()).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (calls, sts) =
            (Arc::<Mutex<Vec<Call>>>::default(), Arc::new(Mutex::new(Sts::Lasting(SignedDuration::from_hours(1)))));
        let (seen, script, time) = (calls.clone(), sts.clone(), clock.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (seen, script, time) = (seen.clone(), script.clone(), time.clone());
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    let call = loop {
                        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                            return;
                        }
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                        let call = Call { head: head.to_owned(), body: body.to_owned() };
                        let length = call.header("content-length").map_or(0, |length| length.parse().unwrap());
                        if body.len() >= length {
                            break call;
                        }
                    };
                    let is_sts = call.is_sts();
                    let (status, body) = if is_sts {
                        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
                        reply(&call, *script.lock().unwrap(), time.now())
                    } else {
                        (200, NOTHING.to_owned())
                    };
                    seen.lock().unwrap().push(call);
                    let checksum = crc32fast::hash(body.as_bytes());
                    let length = body.len();
                    let reply = format!(
                        "HTTP/1.1 {status} X\r\nconnection: close\r\nx-amz-crc32: {checksum}\r\ncontent-length: {length}\r\n\r\n{body}"
                    );
                    let _ = stream.write_all(reply.as_bytes()).await;
                });
            }
        });
        let endpoints = Endpoints { dynamodb: Some(url.clone()), s3: Some(url.clone()), ..Endpoints::default() };
        let aws = Aws::local(endpoints, "AKIDFUNCTION", "secret");
        let aws = aws.with_tenant_role(ROLE, Some(url.clone()), clock.clone());
        Self { table: Table::new(&aws, "t"), aws, clock, calls, sts, url }
    }

    async fn get(&self, tenant: &str) -> Result<Option<Value>, TableError> {
        let scope = scope(tenant);
        scope.act(self.table.of(&scope).get(&Key::new("S#a", "x"))).await
    }

    fn script(&self, sts: Sts) {
        *self.sts.lock().unwrap() = sts;
    }

    fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn asked(&self) -> usize {
        self.take().iter().filter(|call| call.is_sts()).count()
    }
}

fn reply(call: &Call, script: Sts, now: Timestamp) -> (u16, String) {
    let field = |name: &str| {
        let mut pairs = call.body.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned()).unwrap()
    };
    match script {
        Sts::Refusing(status) => (status, "<ErrorResponse/>".to_owned()),
        Sts::Lasting(time) => {
            let key = format!("ASIA{}", field("Tags.member.1.Value").to_uppercase());
            (200, sts::tests::answer(&field("RoleSessionName"), &key, &(now + time).to_string()))
        }
    }
}

#[tokio::test]
async fn sts_is_asked_for_the_tenants_session_in_a_signed_form() {
    let stage = Stage::start().await;
    stage.get("acme").await.unwrap();
    let call = stage.take().into_iter().find(Call::is_sts).unwrap();
    let session = format!("tenant-{}", tenant::hash(&"acme".parse().unwrap()));
    assert_eq!(
        call.body,
        format!(
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fsmartstore-tenant&\
             RoleSessionName={session}&DurationSeconds=3600&Tags.member.1.Key=tenant&Tags.member.1.Value=acme"
        )
    );
    assert!(!session.contains("acme"));
    assert_eq!((call.signed_by().as_str(), call.head.lines().next().unwrap()), ("AKIDFUNCTION", "POST / HTTP/1.1"));
    // Signed anew over what came in, the signature is the same: it covers the whole form.
    let signer = Aws::local(Endpoints::default(), "AKIDFUNCTION", "secret").signer("sts");
    let request = Request::post(format!("{}/", stage.url)).header("content-type", call.header("content-type").unwrap());
    let again = signer.sign(request.body(call.body.clone().into_bytes()).unwrap(), stage.clock.now()).await.unwrap();
    assert_eq!(again.headers()["authorization"].to_str().unwrap(), call.header("authorization").unwrap());
}

#[tokio::test]
async fn each_call_is_signed_by_its_own_tenant_however_they_interleave() {
    let stage = Stage::start().await;
    let calls = (0..60).map(|n| stage.get(["acme", "beta", "gamma"][n % 3]));
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
    let seen = stage.take();
    let (sts, rows): (Vec<_>, Vec<_>) = seen.into_iter().partition(Call::is_sts);
    assert_eq!((sts.len(), rows.len()), (3, 60), "one session for each, shared by all that wait");
    for call in rows {
        let tenant = call.signed_by().strip_prefix("ASIA").unwrap().to_lowercase();
        assert!(call.body.contains(&format!("T#{tenant}#")), "{call:?}");
        assert_eq!(
            call.header("x-amz-security-token"),
            Some(format!("token/of+ASIA{}==", tenant.to_uppercase()).as_str())
        );
    }
}

#[cfg(feature = "blob")]
#[tokio::test]
async fn what_is_signed_close_to_a_sessions_end_is_signed_by_a_session_that_lasts() {
    let stage = Stage::start().await;
    let (scope, blobs) = (scope("acme"), crate::blob::Blobs::new(&stage.aws, "b"));
    let quarter = std::time::Duration::from_secs(15 * 60);
    let mut begun = None;
    for minute in 0..150_i64 {
        let url = scope.act(blobs.of(&scope).upload_url("u", "text/csv", quarter)).await.unwrap();
        assert!(url.contains("ASIAACME") && url.contains("X-Amz-Expires=900"), "{url}");
        if stage.asked() > 0 {
            begun = Some(minute);
        }
        let left = begun.unwrap() + 60 - minute;
        assert!(left > 15, "at minute {minute} the session has {left} minutes left");
        stage.clock.advance(SignedDuration::from_mins(1));
    }
}

#[tokio::test]
async fn a_session_serves_until_twenty_minutes_before_its_end() {
    let stage = Stage::start().await;
    stage.get("acme").await.unwrap();
    stage.clock.advance(SignedDuration::from_secs(40 * 60 - 1));
    stage.get("acme").await.unwrap();
    assert_eq!(stage.asked(), 1);
    stage.clock.advance(SignedDuration::from_secs(1));
    stage.get("acme").await.unwrap();
    assert_eq!(stage.asked(), 1, "renewed");
    stage.script(Sts::Refusing(500));
    stage.clock.advance(SignedDuration::from_secs(59 * 60));
    stage.get("acme").await.unwrap();
    assert_eq!(stage.asked(), 2, "what still holds serves while it cannot be renewed");
    stage.clock.advance(SignedDuration::from_secs(31));
    assert!(matches!(stage.get("acme").await, Err(TableError::Unavailable(_))), "and no longer");
}

#[tokio::test]
async fn without_a_session_there_is_no_call_neither_as_the_function_nor_as_another() {
    for status in [403, 500] {
        let stage = Stage::start().await;
        stage.get("beta").await.unwrap();
        stage.take();
        stage.script(Sts::Refusing(status));
        let answers = futures::future::join_all((0..20).map(|_| stage.get("acme"))).await;
        for answer in answers {
            let error = answer.unwrap_err();
            assert!(matches!(error, TableError::Unavailable(_)), "{error:?}");
            assert_eq!(crate::problem::Problem::from(error).status().as_u16(), 503);
        }
        let seen = stage.take();
        assert!(seen.iter().all(Call::is_sts), "nothing went to the table");
        assert!(seen.len() <= 2, "one asked for all: {}", seen.len());
        stage.clock.advance(SignedDuration::from_secs(1));
        stage.script(Sts::Lasting(SignedDuration::from_hours(1)));
        stage.get("acme").await.unwrap();
    }
}

#[tokio::test]
async fn a_sweep_signs_as_the_function() {
    let stage = Stage::start().await;
    let rows = Table::new(&stage.aws, "t").sweep(Sweep::CatalogPublish, Some::<Value>).await.unwrap();
    assert_eq!(rows.len(), 0);
    let seen = stage.take();
    assert_eq!(seen.iter().map(Call::signed_by).collect::<Vec<_>>(), ["AKIDFUNCTION"]);
    assert!(!seen[0].is_sts());
}

#[tokio::test]
async fn a_bounded_number_of_sessions_is_kept() {
    let stage = Stage::start().await;
    let vending = stage.aws.tenants.clone().unwrap();
    for n in 0..super::MOST + 10 {
        vending.slot(&format!("t{n}").parse().unwrap());
        stage.clock.advance(SignedDuration::from_secs(1));
    }
    let kept = vending.0.tenants.lock().unwrap();
    assert_eq!(kept.len(), super::MOST);
    assert!(!kept.contains_key(&"t0".parse().unwrap()) && kept.contains_key(&"t265".parse().unwrap()));
}
