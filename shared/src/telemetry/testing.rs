//! A collector of traces for tests: in memory, on loopback, as well or badly behaved as asked.

use serde_json::Value;
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// How a collector answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// With 200, at once.
    Well,
    /// With 200, after a while.
    Late(Duration),
    /// With this status.
    Status(u16),
    /// By cutting the connection once it has read the request.
    Cut,
}

/// A collector. It takes what comes until it is dropped and the runtime ends.
#[derive(Clone, Debug)]
pub struct Collector {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    manner: Manner,
    bodies: Vec<Value>,
    heads: Vec<String>,
}

impl Collector {
    /// A collector on a free port, which begins at once.
    ///
    /// # Errors
    ///
    /// No port to be had.
    pub async fn start(manner: Manner) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/v1/traces", listener.local_addr()?);
        let state = Arc::new(Mutex::new(State { manner, bodies: Vec::new(), heads: Vec::new() }));
        let collector = Self { url, state };
        let taking = collector.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let collector = taking.clone();
                // A client that goes away in the middle is no news here.
                tokio::spawn(async move { drop(collector.serve(socket).await) });
            }
        });
        Ok(collector)
    }

    /// The address for traces.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on answers otherwise.
    pub fn behave(&self, manner: Manner) {
        self.with(|state| state.manner = manner);
    }

    /// How many requests have come.
    pub fn count(&self) -> usize {
        self.with(|state| state.bodies.len())
    }

    /// The head lines of each request, in lower case.
    pub fn heads(&self) -> Vec<String> {
        self.with(|state| state.heads.clone())
    }

    /// Every body that has come, as JSON.
    pub fn bodies(&self) -> Vec<Value> {
        self.with(|state| state.bodies.clone())
    }

    /// Every trace that has come: its spans, root first.
    pub fn traces(&self) -> Vec<Vec<Value>> {
        let spans = |body: &Value| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().cloned();
        self.bodies().iter().filter_map(spans).collect()
    }

    async fn serve(&self, socket: TcpStream) -> io::Result<()> {
        let mut socket = BufReader::new(socket);
        loop {
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let from = head.len();
                if socket.read_line(&mut head).await? == 0 {
                    return Ok(());
                }
                let line = head[from..].to_ascii_lowercase();
                if line.trim().is_empty() {
                    break;
                }
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap_or(0);
                }
            }
            let mut body = vec![0; length];
            socket.read_exact(&mut body).await?;
            let manner = self.with(|state| {
                state.bodies.push(serde_json::from_slice(&body).unwrap_or_default());
                state.heads.push(head.to_ascii_lowercase());
                state.manner
            });
            let status = match manner {
                Manner::Cut => return Ok(()),
                Manner::Status(status) => status,
                Manner::Well => 200,
                Manner::Late(time) => {
                    tokio::time::sleep(time).await;
                    200
                }
            };
            let answer =
                format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}");
            socket.write_all(answer.as_bytes()).await?;
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
