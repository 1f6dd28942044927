//! A bundle that is killed in the middle of taking events, and started again on what it left.

use http::Method;
use local::{Client, ports::Addresses};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_smartstore");
/// How often it is killed.
const KILLS: u64 = 4;
const SENDERS: usize = 4;
const OF_A_BATCH: usize = 20;
/// An hour and a half: what is left of a lease on an hour of events is over by then.
const LATER: u64 = 5_400;

/// A bundle in a process of its own.
struct Running {
    child: Child,
    gateway: String,
}

impl Running {
    async fn start(state: &Path) -> Self {
        let _ = std::fs::remove_file(state.join("endpoints.json"));
        let port = (20_000 + std::process::id() % 20_000).to_string();
        let child = Command::new(PROGRAM)
            .args(["--state".as_ref(), state.as_os_str(), "--port".as_ref(), port.as_ref()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut running = Self { child, gateway: String::new() };
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not start");
            assert!(running.child.try_wait().unwrap().is_none(), "it ended");
            if let Some(addresses) = Addresses::read(state).filter(|_| state.join("seeded").exists()) {
                running.gateway = addresses.gateway;
                return running;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A service that sends events of the tenant with a route; its token is asked of the program, as a person at a terminal would.
    fn service(&self, state: &Path) -> Client {
        let token = Command::new(PROGRAM)
            .args(["--state".as_ref(), state.as_os_str()])
            .args(["token", "--subject", "app", "--scope", "service:write", "--expires-in", "12h"])
            .output()
            .unwrap();
        let client = Client::stranger(&self.gateway).with_token(String::from_utf8(token.stdout).unwrap().trim());
        let headers = [("x-tenant-id", "t_greenleaf"), ("x-project-id", "web"), ("x-mode", "saas")];
        headers.iter().fold(client, |client, (name, value)| client.with_header(name, value))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn body(request: &str) -> Value {
    let event =
        |at: usize| json!({"event_type": "pageview", "payload": {"of": request}, "surface": format!("s{}", at % 3)});
    json!({"events": (0..OF_A_BATCH).map(event).collect::<Vec<_>>()})
}

/// Sends batch after batch until nothing answers: what of each was heard, by its request.
async fn send(client: Client, round: u64, sender: usize) -> (Vec<String>, Option<String>) {
    let mut heard = vec![];
    for n in 0.. {
        let request = format!("kill-{round}-{sender}-{n}");
        let client = client.with_header("x-request-id", &request);
        let sent = Some(("application/json", body(&request).to_string().into()));
        match client.send(Method::POST, "/analytics/ingest/batch", sent).await {
            Ok(told) if told.status == 200 && told.body["stored"] == OF_A_BATCH => heard.push(request),
            _ => return (heard, Some(request)),
        }
    }
    (heard, None)
}

/// How often each event is there.
async fn kept(client: &Client) -> BTreeMap<String, u32> {
    let mut kept = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = client.get(&format!("/analytics/query?limit=1000{cursor}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        for record in page.body["records"].as_array().unwrap() {
            *kept.entry(record["event_id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return kept,
        }
    }
}

async fn counted(client: &Client) -> (u64, Value) {
    let told = client.get("/analytics/aggregate?metric=pageviews&group_by=surface").await;
    assert_eq!((told.status, &told.body["exactness"]), (200, &json!("exact")), "{}", told.body);
    (told.body["total"].as_f64().unwrap() as u64, told.body["groups"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_kill_is_there_once_and_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let (mut acknowledged, mut unheard) = (vec![], vec![]);
    for round in 0..KILLS {
        let mut bundle = Running::start(&state).await;
        let client = bundle.service(&state);
        let senders: Vec<_> = (0..SENDERS).map(|sender| tokio::spawn(send(client.clone(), round, sender))).collect();
        tokio::time::sleep(Duration::from_millis(150 + 130 * round)).await;
        bundle.kill();
        for sender in senders {
            let (heard, last) = sender.await.unwrap();
            acknowledged.extend(heard);
            unheard.extend(last);
        }
    }
    assert!(!acknowledged.is_empty() && !unheard.is_empty(), "nothing was under way");

    let bundle = Running::start(&state).await;
    let client = bundle.service(&state);
    let ids = |request: &String| (0..OF_A_BATCH).map(|at| format!("{request}#{at}")).collect::<Vec<_>>();
    let found = kept(&client).await;
    let sent: BTreeSet<String> = acknowledged.iter().chain(&unheard).flat_map(ids).collect();
    let missing: Vec<_> = acknowledged.iter().flat_map(ids).filter(|id| !found.contains_key(id)).collect();
    assert!(missing.is_empty(), "acknowledged and lost: {missing:?}");
    assert!(found.iter().all(|(id, times)| *times == 1 && sent.contains(id)), "there twice, or never sent");
    assert_eq!(counted(&client).await.0, found.len() as u64);

    for request in &unheard {
        let told = client.with_header("x-request-id", request).post("/analytics/ingest/batch", body(request)).await;
        assert_eq!(told.status, 200, "{}", told.body);
    }
    let before = counted(&client).await;
    assert_eq!((kept(&client).await.len(), before.0), (sent.len(), sent.len() as u64));
    let laptop = Client::stranger(&bundle.gateway);
    laptop.post("/local/clock", json!({"advance_seconds": LATER})).await.success().unwrap();
    laptop.send(Method::POST, "/local/schedules/analytics-rollup", None).await.unwrap().success().unwrap();
    assert_eq!(counted(&client).await, before, "roll-ups differ from a recount");
}
