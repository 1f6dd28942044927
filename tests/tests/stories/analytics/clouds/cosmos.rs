//! Cosmos DB, by Microsoft's emulator in memory behind a server that holds every call to the account's key.

#[path = "../../../../../event-store/tests/contract/cosmos/host.rs"]
#[allow(dead_code, reason = "the contract's own tests need the rest of it")]
mod host;

use super::*;
use base64::{Engine, engine::general_purpose::STANDARD};
use host::{Answer, CONTAINER, Call, DATABASE, Deed, Host};
use percent_encoding::percent_decode_str;
use ring::hmac;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tests::faults::Faults;

/// The `n`th key of the account.
fn key(n: u8) -> String {
    STANDARD.encode([n; 64])
}

fn text(percent_encoded: &str) -> String {
    percent_decode_str(percent_encoded).decode_utf8().unwrap().into_owned()
}

/// Whether a call is signed with the key, by the rules of Cosmos DB: the verb, the kind of what is asked for, its link and the date.
fn is_signed(call: &Call, key: &str) -> bool {
    let path = text(call.path.split('?').next().unwrap());
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    let (kind, link) = match names.len() {
        0 => ("", String::new()),
        // A list of what lies under the link, or something to be put there.
        many if many % 2 == 1 => (names[many - 1], names[..many - 1].join("/")),
        many => (names[many - 2], names.join("/")),
    };
    let date = call.headers.get("x-ms-date").map(|date| date.to_lowercase()).unwrap_or_default();
    let signed = format!("{}\n{kind}\n{link}\n{date}\n\n", call.method.to_lowercase());
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(key).unwrap()), signed.as_bytes());
    let wanted = format!("type=master&ver=1.0&sig={}", STANDARD.encode(signature.as_ref()));
    call.headers.get("authorization").is_some_and(|told| text(told) == wanted)
}

fn told(status: u16, headers: Vec<(&'static str, &'static str)>) -> Answer {
    Answer::Told(status, headers, r#"{"code": "Refused", "message": "no"}"#)
}

/// An account that takes one key at a time.
struct Account {
    host: Host,
    refused: Arc<AtomicUsize>,
}

impl Account {
    fn start() -> Self {
        let account = Self { host: Host::start(), refused: Arc::default() };
        account.takes(1);
        account
    }

    /// From now on it takes its `n`th key and no other.
    fn takes(&self, n: u8) {
        let (key, refused) = (key(n), self.refused.clone());
        self.host.answer(move |call| {
            if is_signed(call, &key) {
                return Answer::Emulated;
            }
            refused.fetch_add(1, Ordering::SeqCst);
            told(401, vec![])
        });
    }

    /// How many calls it refused.
    fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }

    fn config(&self) -> Value {
        json!({
            "endpoint": self.host.url(), "key_secret": format!("{SECRET}#key"), "database_id": DATABASE,
            "container_id": CONTAINER, "use_emulator": true,
        })
    }
}

/// Puts another value into the secret of the account's key.
async fn keep(bundle: &Bundle, secret: Value) {
    let client = bundle.aws().secrets_manager();
    client.put_secret_value().secret_id(SECRET).secret_string(secret.to_string()).send().await.unwrap();
}

/// A bundle whose sample tenant is led to an account, with its first key in the secret.
async fn led(options: Options) -> (Bundle, Account) {
    let (bundle, account) = (Bundle::start_with(options).await, Account::start());
    let secret = json!({"key": key(1)}).to_string();
    bundle.aws().secrets_manager().create_secret().name(SECRET).secret_string(secret).send().await.unwrap();
    leads_to(&bundle, "t_greenleaf", "cosmos", account.config()).await;
    (bundle, account)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_to_cosmos_db_leads_there() {
    let (bundle, account) = led(Options::for_tests()).await;
    let cursors = does_all(&bundle).await;
    assert_eq!(account.refused(), 0);
    // With another key it is the same store, and so it is by another spelling of its address.
    account.takes(2);
    keep(&bundle, json!({"key": key(2)})).await;
    takes(&bundle, &cursors).await;
    let mut spelled = account.config();
    spelled["endpoint"] = format!("{}/", account.host.url()).into();
    leads_to(&bundle, "t_greenleaf", "cosmos", spelled).await;
    takes(&bundle, &cursors).await;
    route_again(&bundle).await;
    refuses(&bundle, &cursors).await;
    leads_to(&bundle, "t_greenleaf", "cosmos", account.config()).await;
    takes(&bundle, &cursors).await;
}

/// Leads the sample tenant to the bundle's own table.
async fn route_again(bundle: &Bundle) {
    let config = leads(bundle, "t_greenleaf")["config"].clone();
    leads_to(bundle, "t_greenleaf", "dynamodb", config).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_changed_while_it_is_used_fails_no_request() {
    let (bundle, account) = led(Options::for_tests()).await;
    let (service, administrator) = (service(&bundle), administrator(&bundle).await);
    let send = async |n: u8| {
        let mut event = event("pageview");
        event["user_id"] = "ada".into();
        let client = service.with_header("x-request-id", &format!("req-{n}"));
        patiently(async || client.post(BATCH, json!({"events": [event, event]})).await).await
    };
    assert_eq!(send(1).await.body["stored"], 2);
    let mut before = account.refused();
    for n in 2..=7 {
        account.takes(n);
        keep(&bundle, json!({"key": key(n)})).await;
        account.host.calls();
        // Whatever comes first finds the old key refused, and goes on with the new one.
        let answered = match n {
            2 => send(n).await,
            3 => patiently(async || service.get(QUERY).await).await,
            4 => patiently(async || service.get("/analytics/aggregate?metric=pageviews").await).await,
            5 => patiently(async || service.delete("/analytics/event/req-1%230").await).await,
            6 => patiently(async || administrator.get("/api/analytics/export?format=csv").await).await,
            _ => patiently(async || administrator.delete("/analytics/events?user_id=ada").await).await,
        };
        assert!(matches!(answered.status, 200 | 204), "{n}: {}", answered.body);
        let refused = account.refused();
        assert!(refused > before, "{n}: the old key was tried");
        let deletions = account.host.calls().iter().filter(|call| call.deed() == Deed::Delete).count();
        // What the query of an erasure found out is not found out again by each deletion. A deletion of its own is tried with either key.
        assert_eq!(
            deletions,
            match n {
                5 => 2,
                7 => 3,
                _ => 0,
            },
            "{n}"
        );
        assert_eq!(patiently(async || service.get(QUERY).await).await.status, 200);
        assert_eq!(account.refused(), refused, "{n}: and is not tried again");
        before = refused;
    }
    assert!(ids(&service.get(QUERY).await).is_empty(), "all of it is erased");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_new_key_away_is_told_as_what_it_is() {
    let faults = Faults::new();
    let (bundle, account) = led(faults.before(Options::for_tests())).await;
    let service = service(&bundle);
    let requests = async || {
        let sent = service.post(INGEST, event("pageview")).await;
        let batch = service.post(BATCH, json!({"events": [event("a"), event("b")]})).await;
        [sent, batch, service.get(QUERY).await]
    };
    let works =
        async || assert_eq!(patiently(async || service.post(INGEST, event("pageview")).await).await.status, 200);
    works().await;
    // Secrets Manager does not say: come again.
    account.takes(2);
    keep(&bundle, json!({"key": key(2)})).await;
    faults.on("GetSecretValue").by("ingest").unavailable();
    for refused in requests().await {
        assert_problem(&refused, 500, "analytics_store.backend_error");
        assert_eq!(refused.header("retry-after"), "1", "{}", refused.body);
    }
    faults.clear();
    bundle.clock().advance(SignedDuration::from_secs(5));
    works().await;
    // The secret has the same key as before: nothing says when there will be another.
    account.takes(3);
    for refused in requests().await {
        assert_problem(&refused, 500, "analytics_store.backend_error");
        assert!(refused.header("retry-after").is_empty(), "{:?}", refused.headers);
    }
    keep(&bundle, json!({"key": key(3)})).await;
    bundle.clock().advance(SignedDuration::from_secs(300));
    works().await;
    // The secret no longer has the member that the route names.
    account.takes(4);
    keep(&bundle, json!({"other": "x"})).await;
    for refused in requests().await {
        assert_problem(&refused, 500, "analytics_store.adapter_init_failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_opened_for_the_moment_says_when_to_come_again() {
    let (bundle, account) = led(Options::for_tests()).await;
    let service = service(&bundle);
    for status in [429, 503] {
        account.host.answer(move |_| told(status, vec![]));
        for refused in [service.post(INGEST, event("pageview")).await, service.get(QUERY).await] {
            assert_problem(&refused, 500, "analytics_store.backend_error");
            assert_eq!(refused.header("retry-after"), "1", "{status}: {}", refused.body);
        }
    }
    account.takes(1);
    assert_eq!(patiently(async || service.post(INGEST, event("pageview")).await).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_of_a_batch_is_told_why_it_is_not_kept_as_a_single_one_is() {
    let (bundle, account) = led(Options::for_tests()).await;
    let service = service(&bundle);
    let batch = json!({"events": (0..6).map(|_| event("pageview")).collect::<Vec<_>>()});
    assert_eq!(patiently(async || service.post(BATCH, batch.clone()).await).await.status, 200);
    let full = |call: &Call| {
        call.deed() == Deed::Put && ["~1\"", "~3\"", "~default\""].iter().any(|end| call.body.contains(end))
    };
    let throttled = |call: &Call| call.deed() == Deed::Put && call.body.contains("~5\"");
    account.host.answer(move |call| match call {
        call if full(call) => told(403, vec![("x-ms-substatus", "1014")]),
        call if throttled(call) => told(429, vec![]),
        _ => Answer::Emulated,
    });
    let one = service.post(INGEST, event("pageview")).await;
    assert_problem(&one, 500, "analytics_store.adapter_init_failed");
    let taken = service.with_header("x-request-id", "req-b").post(BATCH, batch).await;
    assert_eq!((taken.status, &taken.body["stored"]), (200, &json!(3)), "{}", taken.body);
    for (at, reason) in [(1, "adapter_init_failed"), (3, "adapter_init_failed"), (5, "backend_error")] {
        let told = &taken.body["results"][at];
        assert_eq!((&told["status"], &told["reason"]), (&json!("failed"), &json!(format!("analytics_store.{reason}"))));
        if at < 5 {
            assert_eq!(told["detail"], one.body["detail"]);
        }
    }
}
