//! Scripted vendors on loopback: model providers and a retrieval service that hold each request to their own format and answer
//! what a test tells them to.
//!
//! A request that is wrong is refused with 400 in the vendor's own form, and [`Vendor::wrongs`] says why; a wrong key gets its
//! 401 or 403. A right one takes the next [`Step`] of the script, or the standing one after the last.

mod anthropic;
mod bedrock;
mod openai;
mod rag;
mod receivers;
mod sigv4;
mod wire;

pub use receivers::{Answer, Received, Receiver, Receives};

use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use wire::{Heard, Reply};

/// A vendor's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Anthropic's Messages API.
    Anthropic,
    /// OpenAI's Chat Completions API.
    OpenAi,
    /// Bedrock's Converse API.
    Bedrock,
    /// A retrieval service, as `docs/rag-service.md` lays it down.
    Rag,
}

/// What a vendor does with a right request.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Says this; where it holds `{id}`, the first text of that name in what the tools gave last stands there, and so for any name;
    /// `{}` is the id's as well.
    Say(String),
    /// Calls these tools with these arguments, all at once.
    Call(Vec<(&'static str, Value)>),
    /// Calls these tools where nothing was called in the conversation yet, and else says this: for conversations side by side.
    CallThenSay(Vec<(&'static str, Value)>, String),
    /// Answers with this document as it stands; what a retrieval service finds, say.
    Document(Value),
    /// Fails.
    Fail(Fault),
}

/// A way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// 500, in the vendor's form.
    Broken,
    /// 429 with `retry-after` in seconds.
    Limited(u32),
    /// 529 or 503: too busy.
    Overloaded,
    /// Takes the request and says nothing.
    Hangs,
    /// A 200 whose body ends before its length.
    Cut,
    /// A 200 without a body.
    Empty,
    /// A 200 that is a page for people.
    Html,
    /// A 200 of somebody else's JSON.
    Foreign,
    /// Hangs up without a word.
    Resets,
    /// A whole reply, a byte every so many milliseconds.
    Drips(u64),
    /// 500, and its sentence repeats the key and the whole request.
    Echoes,
}

impl Fault {
    /// One of each but [`Fault::Echoes`], which fails as [`Fault::Broken`] does; those that ask for time ask for more than a short
    /// deadline has.
    pub const ALL: [Self; 10] = [
        Self::Broken,
        Self::Limited(30),
        Self::Overloaded,
        Self::Hangs,
        Self::Cut,
        Self::Empty,
        Self::Html,
        Self::Foreign,
        Self::Resets,
        Self::Drips(50),
    ];
}

/// A vendor that is listening until it is dropped. Clones are not to be had: it is one.
#[derive(Debug)]
pub struct Vendor {
    url: String,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    kind: Kind,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    script: VecDeque<Step>,
    standing: Option<Step>,
    /// The key that is right; `None` for any or none.
    key: Option<String>,
    heard: Vec<Value>,
    wrongs: Vec<String>,
    refused_keys: usize,
    connections: usize,
}

impl Vendor {
    /// Starts one that has nothing to say yet.
    ///
    /// # Panics
    ///
    /// Where loopback has no port left.
    pub async fn start(kind: Kind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let state = Arc::new(State { kind, told: Mutex::default() });
        let serving = tokio::spawn(serve(listener, state.clone()));
        Self { url, state, serving }
    }

    /// An address of loopback at which nobody listens.
    ///
    /// # Panics
    ///
    /// Where loopback has no port left.
    pub async fn nobody() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a port");
        format!("http://{}", listener.local_addr().expect("it is bound"))
    }

    /// Its base URL, as settings name it.
    pub fn url(&self) -> String {
        if self.state.kind == Kind::OpenAi { format!("{}/v1", self.url) } else { self.url.clone() }
    }

    /// Adds steps to the script.
    pub fn then(&self, steps: impl IntoIterator<Item = Step>) -> &Self {
        self.state.told().script.extend(steps);
        self
    }

    /// What it does when the script is over.
    pub fn always(&self, step: Step) -> &Self {
        self.state.told().standing = Some(step);
        self
    }

    /// From now on this key alone is right; for [`Kind::Bedrock`] the secret that signs.
    pub fn wants_key(&self, key: &str) -> &Self {
        self.state.told().key = Some(key.to_owned());
        self
    }

    /// The bodies of the right requests, in order.
    pub fn heard(&self) -> Vec<Value> {
        self.state.told().heard.clone()
    }

    /// How many requests came, of any kind.
    pub fn requests(&self) -> usize {
        let told = self.state.told();
        told.heard.len() + told.wrongs.len() + told.refused_keys
    }

    /// What was wrong with requests; a test that is not about that wants it empty.
    pub fn wrongs(&self) -> Vec<String> {
        self.state.told().wrongs.clone()
    }

    /// How many requests came with a wrong key.
    pub fn refused_keys(&self) -> usize {
        self.state.told().refused_keys
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.state.told().connections
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl State {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply(&self, heard: &Heard) -> Reply {
        let mut told = self.told();
        let key = told.key.clone();
        if !self.kind.knows(heard, key.as_deref()) {
            told.refused_keys += 1;
            return self.kind.refusal(if self.kind == Kind::Bedrock { 403 } else { 401 }, "the key is not right");
        }
        let body = match self.kind.check(heard) {
            Ok(body) => body,
            Err(why) => {
                let reply = self.kind.refusal(400, &why);
                told.wrongs.push(why);
                return reply;
            }
        };
        told.heard.push(body.clone());
        let turn = told.heard.len();
        match told.script.pop_front().or_else(|| told.standing.clone()) {
            Some(Step::Fail(Fault::Echoes)) => self.kind.refusal(500, &echo(heard, &body)),
            Some(step) => self.kind.answer(&step, &body, turn),
            None => self.kind.refusal(400, "the script is over"),
        }
    }
}

impl Kind {
    fn knows(self, heard: &Heard, key: Option<&str>) -> bool {
        let Some(key) = key else { return true };
        match self {
            Self::Anthropic => heard.header("x-api-key") == Some(key),
            Self::OpenAi => heard.header("authorization") == Some(&format!("Bearer {key}")),
            Self::Bedrock => sigv4::check(heard, key, "bedrock").is_ok(),
            Self::Rag => true,
        }
    }

    /// The body of a request that is right.
    fn check(self, heard: &Heard) -> Result<Value, String> {
        match self {
            Self::Anthropic => anthropic::check(heard),
            Self::OpenAi => openai::check(heard),
            Self::Bedrock => bedrock::check(heard),
            Self::Rag => rag::check(heard),
        }
    }

    fn answer(self, step: &Step, asked: &Value, turn: usize) -> Reply {
        let said = match step {
            Step::Document(document) => document.clone(),
            Step::Say(text) => self.say(&filled(text, asked)),
            Step::Call(calls) => self.call(calls, turn),
            Step::CallThenSay(calls, _) if !messages(asked).iter().any(is_assistants) => self.call(calls, turn),
            Step::CallThenSay(_, text) => self.say(&filled(text, asked)),
            Step::Fail(fault) => return self.fail(*fault),
        };
        Reply::json(200, &said)
    }

    fn say(self, text: &str) -> Value {
        match self {
            Self::Anthropic => anthropic::says(text),
            Self::OpenAi => openai::says(text),
            Self::Bedrock => bedrock::says(text),
            Self::Rag => rag::finds(text),
        }
    }

    fn call(self, calls: &[(&str, Value)], turn: usize) -> Value {
        match self {
            Self::Anthropic => anthropic::calls(calls, turn),
            Self::OpenAi => openai::calls(calls, turn),
            Self::Bedrock => bedrock::calls(calls, turn),
            Self::Rag => rag::finds(""),
        }
    }

    fn fail(self, fault: Fault) -> Reply {
        let whole = self.say("It is here.");
        match fault {
            Fault::Broken | Fault::Echoes => self.refusal(500, "something broke"),
            Fault::Limited(seconds) => self.refusal(429, "too many").with("retry-after", &seconds.to_string()),
            Fault::Overloaded => self.refusal(if self == Self::Anthropic { 529 } else { 503 }, "too busy"),
            Fault::Hangs => Reply::Silence,
            Fault::Cut => Reply::json(200, &whole).cut(),
            Fault::Empty => Reply::text(200, "application/json", ""),
            Fault::Html => Reply::text(200, "text/html", "<html><body>Please sign in</body></html>"),
            Fault::Foreign => Reply::json(200, &serde_json::json!({"status": "ok", "data": [1, 2, 3]})),
            Fault::Resets => Reply::HangUp,
            Fault::Drips(ms) => Reply::json(200, &whole).slowly(Duration::from_millis(ms)),
        }
    }

    /// An error in the vendor's own form; its sentence quotes what it should not, as theirs do.
    fn refusal(self, status: u16, why: &str) -> Reply {
        match self {
            Self::Anthropic => anthropic::error(status, why),
            Self::OpenAi => openai::error(status, why),
            Self::Bedrock => bedrock::error(status, why),
            Self::Rag => rag::error(status, why),
        }
    }
}

/// The sentence of a vendor that repeats what it was sent.
fn echo(heard: &Heard, body: &Value) -> String {
    let key = ["x-api-key", "authorization"].into_iter().find_map(|name| heard.header(name)).unwrap_or_default();
    format!("with the key {key} it cannot serve {body}")
}

fn messages(asked: &Value) -> &[Value] {
    asked["messages"].as_array().map_or(&[], Vec::as_slice)
}

fn is_assistants(message: &Value) -> bool {
    message["role"] == "assistant"
}

/// Puts the first text of a name that the tools gave last in place of each `{name}`; `nothing` where they gave none.
fn filled(text: &str, asked: &Value) -> String {
    let messages = messages(asked);
    let since = messages.iter().rposition(is_assistants).map_or(0, |last| last + 1);
    // Results are JSON within JSON: quotes stand there with a backslash or two.
    let given = messages[since..].iter().map(Value::to_string).collect::<String>().replace('\\', "");
    let first = |name: &str| given.split(&format!("\"{name}\":\"")).nth(1).and_then(|rest| rest.split('"').next());
    let mut parts = text.split('{');
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        let name = if name.is_empty() { "id" } else { name };
        told.push_str(first(name).unwrap_or("nothing"));
        told.push_str(rest);
    }
    told
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        state.told().connections += 1;
        tokio::spawn(talk(stream, state.clone()));
    }
}

async fn talk(mut stream: TcpStream, state: Arc<State>) {
    while let Some(heard) = wire::hear(&mut stream).await {
        let reply = state.reply(&heard);
        if !wire::reply(&mut stream, reply).await {
            return;
        }
    }
}
