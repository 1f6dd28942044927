//! Senders in processes of their own, over HTTP, which can be killed like any process.

use super::{
    history::{Answer, Subject},
    store::Store,
    words,
};
use anyhow::{Context, Result};
use futures::{StreamExt, stream::FuturesUnordered};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    clock::Clock,
    notices::{Origin, Told},
};
use std::{
    io::{BufRead, BufReader, Write},
    net::Ipv4Addr,
    process::{Child, ChildStdout, Command, Stdio},
    time::Instant,
};
use tokio::io::AsyncBufReadExt;

/// What a process is told to send, all at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Burst {
    /// The tenant.
    pub tenant: String,
    /// The person.
    pub person: String,
    /// The category.
    pub category: String,
    /// The decisions.
    pub occurrences: Vec<String>,
    /// The time by its clock.
    pub now: Timestamp,
}

/// What a process says of one sending.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Said {
    /// It is told, by this notice of this time in microseconds.
    Told(String, i64),
    /// It waits until this time.
    PutOff(i64),
    /// It was told before, by this notice.
    Before(String),
    /// Something else.
    Error(String),
}

/// A line of a process: what it sent, what it heard, and after how many microseconds; nothing once all is heard.
pub type Line = Option<(String, Said, u64)>;

/// Works by the lines of the standard input until it ends.
///
/// # Errors
///
/// Where a line is none, or the output is gone.
pub async fn work(url: &str) -> Result<()> {
    let clock = Clock::frozen(Timestamp::UNIX_EPOCH);
    let (notices, _) = words::notices(&words::clients(url), clock.clone());
    let mut lines = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let burst: Burst = serde_json::from_str(&line)?;
        clock.advance(burst.now.duration_since(clock.now()));
        let (tenant, category) = (words::tenant(&burst.tenant), burst.category.parse()?);
        let one = |occurrence: String| {
            let telling =
                words::telling(&burst.person, category, &occurrence, Origin::of(Some(&occurrence), None), burst.now);
            let (tenant, notices) = (&tenant, &notices);
            async move {
                let start = Instant::now();
                let said = match tenant.act(notices.tell(tenant, &telling)).await {
                    Ok(Told::Now(notice)) => Said::Told(notice.id, notice.created_at.as_microsecond()),
                    Ok(Told::PutOff { until, .. }) => Said::PutOff(until.as_microsecond()),
                    Ok(Told::Before(id)) => Said::Before(id),
                    other => Said::Error(format!("{other:?}")),
                };
                (occurrence, said, u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX))
            }
        };
        let mut under_way: FuturesUnordered<_> = burst.occurrences.iter().cloned().map(one).collect();
        while let Some(heard) = under_way.next().await {
            say(&Some(heard))?;
        }
        say(&None)?;
    }
    Ok(())
}

fn say(line: &Line) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(line)?)?;
    Ok(out.flush()?)
}

/// A process that sends.
pub struct Process {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Process {
    /// Starts `program` over the store at `url`.
    ///
    /// # Errors
    ///
    /// Where it does not start.
    pub fn start(program: &str, url: &str) -> Result<Self> {
        let mut child = Command::new(program).arg(url).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let out = BufReader::new(child.stdout.take().context("it has an output")?);
        Ok(Self { child, out })
    }

    /// Tells it to send.
    ///
    /// # Errors
    ///
    /// Where it is gone.
    pub fn send(&mut self, burst: &Burst) -> Result<()> {
        let input = self.child.stdin.as_mut().context("it has an input")?;
        writeln!(input, "{}", serde_json::to_string(burst)?)?;
        Ok(input.flush()?)
    }

    /// What it heard until it is through or dead.
    pub fn heard(&mut self) -> Vec<(String, Said, u64)> {
        let mut heard = vec![];
        let mut line = String::new();
        while self.out.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            match serde_json::from_str::<Line>(&line) {
                Ok(Some(one)) => heard.push(one),
                // The end, or half a line of a process that was killed.
                Ok(None) | Err(_) => break,
            }
            line.clear();
        }
        heard
    }

    /// Kills it with SIGKILL, wherever it is.
    ///
    /// # Errors
    ///
    /// Where it is gone already.
    pub fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves `store` over HTTP on a thread of its own; its address.
///
/// # Errors
///
/// Where there is no port or no runtime.
pub fn serve(store: &Store) -> Result<String> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}", listener.local_addr()?);
    let database = store.database();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
            dynoxide::server::serve_on(listener, database).await;
        });
    });
    Ok(url)
}

impl From<Said> for Answer {
    fn from(said: Said) -> Self {
        match said {
            Said::Told(id, at) => Self::Told(id, at),
            Said::PutOff(until) => Self::PutOff(until),
            Said::Before(id) => Self::Before(id),
            Said::Error(error) => Self::Error(error),
        }
    }
}

impl Burst {
    /// To whom, and of what kind.
    pub fn subject(&self) -> Subject {
        Subject { tenant: self.tenant.clone(), person: self.person.clone(), category: self.category.clone() }
    }
}
