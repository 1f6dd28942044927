//! HTTP/1.1 by hand: a vendor must be able to answer what no server library lets it.

use serde_json::Value;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The largest request that is read.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A request.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) method: String,
    pub(super) path: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Heard {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body of a `POST` of JSON to `path`.
    pub(super) fn posted(&self, path: &str) -> Result<Value, String> {
        if (self.method.as_str(), self.path.as_str()) != ("POST", path) {
            return Err(format!("{} {} is not POST {path}", self.method, self.path));
        }
        if self.header("content-type") != Some("application/json") {
            return Err("the content type is not application/json".to_owned());
        }
        serde_json::from_slice(&self.body).map_err(|why| format!("the body is not JSON: {why}"))
    }
}

/// What goes back.
#[derive(Debug)]
pub(super) enum Reply {
    Bytes { head: String, body: Vec<u8>, promised: usize, pause: Duration },
    Silence,
    HangUp,
}

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", &body.to_string())
    }

    pub(super) fn text(status: u16, kind: &str, body: &str) -> Self {
        let head = format!("HTTP/1.1 {status} Scripted\r\ncontent-type: {kind}\r\n");
        Self::Bytes { head, body: body.as_bytes().to_vec(), promised: body.len(), pause: Duration::ZERO }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Bytes { head, .. } = &mut self {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self
    }

    /// The same, cut in the middle.
    pub(super) fn cut(mut self) -> Self {
        if let Self::Bytes { body, .. } = &mut self {
            body.truncate(body.len() / 2);
        }
        self
    }

    /// The same, a byte at a time.
    pub(super) fn slowly(mut self, each: Duration) -> Self {
        if let Self::Bytes { pause, .. } = &mut self {
            *pause = each;
        }
        self
    }
}

/// Reads a request; `None` at the end of the connection, or where it is none.
pub(super) async fn hear(stream: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        read_some(stream, &mut bytes).await?;
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    let headers: Vec<_> = lines.filter_map(header).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(Ok(0), |(_, text)| text.parse());
    let length: usize = length.ok().filter(|length| *length <= MAX_BYTES)?;
    while bytes.len() < end + 4 + length {
        read_some(stream, &mut bytes).await?;
    }
    Some(Heard { method, path, headers, body: bytes[end + 4..end + 4 + length].to_vec() })
}

async fn read_some(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut some = vec![0; 16 * 1024];
    let read = stream.read(&mut some).await.ok().filter(|read| *read > 0)?;
    bytes.extend_from_slice(&some[..read]);
    (bytes.len() <= MAX_BYTES + 64 * 1024).then_some(())
}

/// Sends a reply, and says whether the connection goes on.
pub(super) async fn reply(stream: &mut TcpStream, reply: Reply) -> bool {
    match reply {
        Reply::HangUp => {
            // Without a word left unread, dropping would be a polite end.
            let _ = stream.set_zero_linger();
            false
        }
        Reply::Silence => {
            // Until the other side gives up.
            let _ = stream.read(&mut [0; 1]).await;
            false
        }
        Reply::Bytes { head, body, promised, pause } => {
            let head = format!("{head}content-length: {promised}\r\n\r\n");
            if stream.write_all(head.as_bytes()).await.is_err() {
                return false;
            }
            if pause.is_zero() {
                return stream.write_all(&body).await.is_ok() && body.len() == promised;
            }
            for byte in body {
                tokio::time::sleep(pause).await;
                if stream.write_all(&[byte]).await.is_err() {
                    return false;
                }
            }
            true
        }
    }
}
