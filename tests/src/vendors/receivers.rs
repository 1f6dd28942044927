//! What the outbox sends to, scripted on loopback: Amazon SES and a receiver of webhooks, each of which holds what comes to its own form
//! and signature, and answers what a test tells it to.

use super::{
    Fault,
    anthropic::only,
    sigv4,
    wire::{self, Heard, Reply},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};

/// Who receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receives {
    /// Amazon SES, version 2, for an account with this secret in which the domain `example.com` is verified.
    Mail {
        /// The secret access key.
        secret: String,
    },
    /// Webhooks, signed with this key.
    Webhooks {
        /// The key that the receiver holds.
        key: Vec<u8>,
    },
}

/// What a receiver does with a right request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Takes it.
    Takes,
    /// Answers with this status, and by this name where it is SES.
    Says(u16, &'static str),
    /// The same, to be asked again after so many seconds.
    Later(u16, u32),
    /// Sends the caller elsewhere.
    Redirects(String),
    /// Takes it, in an answer of so many bytes.
    Huge(usize),
    /// Fails.
    Fails(Fault),
}

/// A receiver that is listening until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    url: String,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

/// A request that was right.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// The message's id: of a webhook its header's, of a mail the tag's.
    pub id: String,
    /// The body.
    pub body: Value,
    /// Headers by their names in lower case.
    pub headers: BTreeMap<String, String>,
}

#[derive(Debug)]
struct State {
    receives: Receives,
    told: Mutex<Told>,
    heard: Notify,
}

#[derive(Debug, Default)]
struct Told {
    script: VecDeque<Answer>,
    standing: Option<Answer>,
    /// How long it thinks before it answers.
    thinks: Duration,
    received: Vec<Received>,
    wrongs: Vec<String>,
    under_way: BTreeMap<String, usize>,
    most_at_once: usize,
}

impl Receiver {
    /// Starts one that takes everything that is right.
    ///
    /// # Panics
    ///
    /// Where loopback has no port left.
    pub async fn start(receives: Receives) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let state = Arc::new(State { receives, told: Mutex::default(), heard: Notify::new() });
        let serving = tokio::spawn(serve(listener, state.clone()));
        Self { url, state, serving }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it does with the next requests; then what stands.
    pub fn then(&self, answers: impl IntoIterator<Item = Answer>) -> &Self {
        self.state.told().script.extend(answers);
        self
    }

    /// What it does when the script is over.
    pub fn always(&self, answer: Answer) -> &Self {
        self.state.told().standing = Some(answer);
        self
    }

    /// How long it thinks before each answer.
    pub fn thinks(&self, time: Duration) -> &Self {
        self.state.told().thinks = time;
        self
    }

    /// The requests that were right, in order, whatever they were answered.
    pub fn received(&self) -> Vec<Received> {
        self.state.told().received.clone()
    }

    /// What was wrong with the others.
    pub fn wrongs(&self) -> Vec<String> {
        self.state.told().wrongs.clone()
    }

    /// How many requests with one id were under way at once, at most.
    pub fn most_at_once(&self) -> usize {
        self.state.told().most_at_once
    }

    /// Waits for the next right request.
    pub async fn hears(&self) {
        self.state.heard.notified().await;
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl State {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reply(&self, heard: &Heard) -> Reply {
        let received = match &self.receives {
            Receives::Mail { secret } => mail(heard, secret),
            Receives::Webhooks { key } => webhook(heard, key).map_err(|why| (401, "", why)),
        };
        let received = match received {
            Ok(received) => received,
            Err((status, kind, why)) => {
                self.told().wrongs.push(why);
                return self.refusal(status, kind);
            }
        };
        let id = received.id.clone();
        let (answer, thinks) = {
            let mut told = self.told();
            told.received.push(received);
            let now = told.under_way.entry(id.clone()).or_default();
            *now += 1;
            let now = *now;
            told.most_at_once = told.most_at_once.max(now);
            (told.script.pop_front().or_else(|| told.standing.clone()).unwrap_or(Answer::Takes), told.thinks)
        };
        self.heard.notify_one();
        tokio::time::sleep(thinks).await;
        if let Some(now) = self.told().under_way.get_mut(&id) {
            *now -= 1;
        }
        self.answer(&answer)
    }

    fn answer(&self, answer: &Answer) -> Reply {
        let whole = || match self.receives {
            Receives::Mail { .. } => Reply::json(200, &json!({"MessageId": "0100019a-example"})),
            Receives::Webhooks { .. } => Reply::text(204, "text/plain", ""),
        };
        match answer {
            Answer::Takes => whole(),
            Answer::Says(status, kind) => self.refusal(*status, kind),
            Answer::Later(status, seconds) => {
                self.refusal(*status, "TooManyRequestsException").with("retry-after", &seconds.to_string())
            }
            Answer::Redirects(to) => Reply::text(307, "text/plain", "").with("location", to),
            Answer::Huge(bytes) => Reply::text(200, "text/plain", &"x".repeat(*bytes)),
            Answer::Fails(fault) => match fault {
                Fault::Broken | Fault::Echoes => self.refusal(500, "InternalServiceErrorException"),
                Fault::Limited(seconds) => self.answer(&Answer::Later(429, *seconds)),
                Fault::Overloaded => self.refusal(503, "ServiceUnavailableException"),
                Fault::Hangs => Reply::Silence,
                Fault::Cut => Reply::json(200, &json!({"MessageId": "0100019a-example"})).cut(),
                Fault::Empty => Reply::text(200, "application/json", ""),
                Fault::Html => Reply::text(200, "text/html", "<html><body>Please sign in</body></html>"),
                Fault::Foreign => Reply::json(200, &json!({"status": "ok", "data": [1, 2, 3]})),
                Fault::Resets => Reply::HangUp,
                Fault::Drips(ms) => {
                    Reply::json(200, &json!({"MessageId": "x".repeat(200)})).slowly(Duration::from_millis(*ms))
                }
            },
        }
    }

    fn refusal(&self, status: u16, kind: &str) -> Reply {
        match self.receives {
            Receives::Mail { .. } if kind.is_empty() => Reply::text(status, "text/plain", "no"),
            Receives::Mail { .. } => Reply::json(status, &json!({"message": "it quotes ada@example.com"}))
                .with("x-amzn-errortype", &format!("{kind}:http://internal.amazon.com/")),
            Receives::Webhooks { .. } => Reply::text(status, "text/plain", "no"),
        }
    }
}

/// Holds a request to what SES takes; what it would answer, otherwise.
fn mail(heard: &Heard, secret: &str) -> Result<Received, (u16, &'static str, String)> {
    sigv4::check(heard, secret, "ses").map_err(|why| (403, "SignatureDoesNotMatch", why))?;
    let bad = |why: String| (400, "BadRequestException", why);
    let body = heard.posted("/v2/email/outbound-emails").map_err(bad)?;
    let form = |value: &Value, names: &[&str]| only(value, names).map_err(bad);
    form(&body, &["FromEmailAddress", "Destination", "Content", "EmailTags"])?;
    form(&body["Destination"], &["ToAddresses"])?;
    form(&body["Content"], &["Simple"])?;
    let simple = &body["Content"]["Simple"];
    form(simple, &["Subject", "Body", "Headers"])?;
    form(&simple["Body"], &["Text"])?;
    for text in [&simple["Subject"], &simple["Body"]["Text"]] {
        form(text, &["Data", "Charset"])?;
        if text["Data"].as_str().is_none_or(str::is_empty) || text["Charset"] != "UTF-8" {
            return Err(bad("a part of the mail is empty".to_owned()));
        }
    }
    if simple["Subject"]["Data"].as_str().is_some_and(|text| text.contains(['\r', '\n'])) {
        return Err(bad("the subject has more than one line".to_owned()));
    }
    for header in simple["Headers"].as_array().into_iter().flatten() {
        form(header, &["Name", "Value"])?;
        let name = |text: &str| {
            (1..=126).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'!'..=b'9' | b';'..=b'~'))
        };
        let value = |text: &str| (1..=870).contains(&text.len()) && text.bytes().all(|b| matches!(b, b' '..=b'~'));
        if !header["Name"].as_str().is_some_and(name) || !header["Value"].as_str().is_some_and(value) {
            return Err(bad("a header is not of its form".to_owned()));
        }
    }
    let tag = |text: &str| {
        (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.@".contains(&b))
    };
    let id = body["EmailTags"][0]["Value"]
        .as_str()
        .filter(|text| tag(text))
        .ok_or_else(|| bad("a tag is none".to_owned()))?;
    let to = body["Destination"]["ToAddresses"].as_array().filter(|to| to.len() == 1);
    if to.is_none_or(|to| !to[0].as_str().is_some_and(|to| to.contains('@'))) {
        return Err(bad("Missing final '@domain'".to_owned()));
    }
    if !body["FromEmailAddress"].as_str().is_some_and(|from| from.ends_with("@example.com")) {
        return Err((400, "MessageRejected", "Email address is not verified".to_owned()));
    }
    Ok(Received { id: id.to_owned(), body: body.clone(), headers: heard.headers.iter().cloned().collect() })
}

/// Verifies a webhook the way of its form: id, time and body, signed by any of the signatures.
fn webhook(heard: &Heard, key: &[u8]) -> Result<Received, String> {
    let body = heard.posted("/hook")?;
    let header = |name: &str| heard.header(name).ok_or_else(|| format!("{name} is missing"));
    let (id, time, signatures) = (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
    time.parse::<i64>().map_err(|_| "the time is none".to_owned())?;
    only(&body, &["type", "id", "tenant", "timestamp", "data"])?;
    if id != format!("{}:{}", body["tenant"].as_str().unwrap_or(""), body["id"].as_str().unwrap_or("")) {
        return Err("the id is another in the header".to_owned());
    }
    let signed = [format!("{id}.{time}.").as_bytes(), &heard.body].concat();
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let good = |text: &str| {
        let tag = text.strip_prefix("v1,").and_then(|tag| STANDARD.decode(tag).ok());
        tag.is_some_and(|tag| hmac::verify(&key, &signed, &tag).is_ok())
    };
    if !signatures.split(' ').any(good) {
        return Err("no signature is right".to_owned());
    }
    Ok(Received { id: id.to_owned(), body, headers: heard.headers.iter().cloned().collect() })
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(talk(stream, state.clone()));
    }
}

async fn talk(mut stream: TcpStream, state: Arc<State>) {
    while let Some(heard) = wire::hear(&mut stream).await {
        let reply = state.reply(&heard).await;
        if !wire::reply(&mut stream, reply).await {
            return;
        }
    }
}
