//! An account of Cosmos DB on loopback: Microsoft's emulator in memory behind a server of HTTP, which answers otherwise where a test says so.

use azure_core::http::{
    Method, Request, Url,
    headers::{HeaderName, HeaderValue},
};
use azure_data_cosmos_driver::in_memory_emulator::{
    ConsistencyLevel, ContainerConfig, InMemoryEmulatorHttpClient, VirtualAccountConfig, VirtualRegion,
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    future,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    thread,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
};

pub(crate) const DATABASE: &str = "analytics";
pub(crate) const CONTAINER: &str = "events of all";

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Put,
    Query,
    Get,
    Delete,
    /// Of the account, the database and the container.
    Opening,
}

impl Call {
    pub(crate) fn deed(&self) -> Deed {
        let query = self.headers.contains_key("x-ms-documentdb-isquery");
        match self.method.as_str() {
            _ if !self.path.contains("/docs") => Deed::Opening,
            "POST" if query => Deed::Query,
            "POST" => Deed::Put,
            "DELETE" => Deed::Delete,
            _ => Deed::Get,
        }
    }
}

/// How a call is answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// By the emulator.
    Emulated,
    /// With this status, these headers and this body.
    Told(u16, Vec<(&'static str, &'static str)>, &'static str),
    /// With a body that ends before it should.
    Cut(u16),
    /// Not at all.
    Never,
}

type Rule = Box<dyn Fn(&Call) -> Answer + Send>;

struct Account {
    emulator: InMemoryEmulatorHttpClient,
    rule: Mutex<Rule>,
    calls: Mutex<Vec<Call>>,
}

/// An account, served on a thread of its own for as long as the tests run.
pub(crate) struct Host {
    url: String,
    account: Arc<Account>,
}

impl Host {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let account = Arc::new(Account {
            emulator: emulator(&url),
            rule: Mutex::new(Box::new(|_| Answer::Emulated)),
            calls: Mutex::default(),
        });
        let serving = account.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let account = serving.clone();
                    tokio::spawn(async move { account.serve(BufStream::new(stream)).await });
                }
            });
        });
        Self { url, account }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// From now on calls are answered as `rule` says.
    pub(crate) fn answer(&self, rule: impl Fn(&Call) -> Answer + Send + 'static) {
        *self.account.rule.lock().unwrap() = Box::new(rule);
    }

    /// What was asked for since this was last called.
    pub(crate) fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.account.calls.lock().unwrap())
    }
}

fn emulator(url: &str) -> InMemoryEmulatorHttpClient {
    let region = VirtualRegion::new("West Europe", Url::parse(url).unwrap());
    let config = VirtualAccountConfig::new(vec![region]).unwrap().with_consistency(ConsistencyLevel::Session);
    let emulator = InMemoryEmulatorHttpClient::new(config);
    let partitioned = serde_json::from_value(json!({"paths": ["/pk"], "kind": "Hash", "version": 2})).unwrap();
    emulator.store().create_database(DATABASE);
    let container = ContainerConfig::new().with_partition_count(3).build().unwrap();
    emulator.store().create_container_with_config(DATABASE, CONTAINER, partitioned, container);
    emulator
}

impl Account {
    /// Answers one connection's calls until it ends; what is odd ends it.
    async fn serve(&self, mut stream: BufStream<TcpStream>) -> Option<()> {
        loop {
            let call = read(&mut stream).await?;
            self.calls.lock().unwrap().push(call.clone());
            let answer = (self.rule.lock().unwrap())(&call);
            let (status, headers, body) = match answer {
                Answer::Emulated => self.emulated(&call).await,
                Answer::Told(status, headers, body) => {
                    let owned = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
                    (status, owned.collect(), body.as_bytes().to_vec())
                }
                Answer::Cut(status) => {
                    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: 1000\r\n\r\n{{\"id\": \"r");
                    stream.write_all(head.as_bytes()).await.ok()?;
                    return stream.flush().await.ok();
                }
                Answer::Never => future::pending().await,
            };
            let mut head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers.iter().filter(|(name, _)| name != "content-length") {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str("\r\n");
            stream.write_all(head.as_bytes()).await.ok()?;
            // A 204 has no body, and no length of one that it has not.
            stream.write_all(&body).await.ok()?;
            stream.flush().await.ok()?;
        }
    }

    async fn emulated(&self, call: &Call) -> (u16, Vec<(String, String)>, Vec<u8>) {
        let url = Url::parse(&format!("http://{}{}", call.headers["host"], call.path)).unwrap();
        let mut request = Request::new(url, call.method.parse::<Method>().unwrap());
        for (name, value) in &call.headers {
            request.headers_mut().insert(HeaderName::from(name.clone()), HeaderValue::from(value.clone()));
        }
        request.set_body(call.body.clone().into_bytes());
        let answer = self.emulator.execute_request(&request).await.unwrap().try_into_raw_response().await.unwrap();
        let headers =
            answer.headers().iter().map(|(name, value)| (name.as_str().to_owned(), value.as_str().to_owned()));
        (answer.status().into(), headers.collect(), answer.body().as_ref().to_vec())
    }
}

async fn read(stream: &mut BufStream<TcpStream>) -> Option<Call> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Call { method, path, headers, body: String::from_utf8(body).ok()? })
}
