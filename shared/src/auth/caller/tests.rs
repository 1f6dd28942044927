use super::*;
use crate::{
    auth::{
        Keys,
        testing::{Answer, ISSUER, Loopback, NOW, PROJECT, STRANGER, now},
    },
    clock::Clock,
    config::Env,
    web,
};
use axum::{
    Router,
    body::{Body, to_bytes},
    routing::post,
};
use http::{Request, Response, header};
use serde_json::{Value, json};
use tower::ServiceExt;

fn verifier() -> Verifier {
    Verifier::new(Keys::fixed(ISSUER.keys()), PROJECT, &Clock::frozen(now()))
}

async fn told(caller: Caller) -> Result<String, Problem> {
    let store: Result<StoreId, _> = "north".parse();
    let store = caller.store(&store.unwrap()).map(|scope| scope.store().to_string());
    let store = store.unwrap_or_else(|problem| problem.code().to_owned());
    let tenant = caller.tenant().map(|scope| scope.tenant().to_string());
    let tenant = tenant.unwrap_or_else(|problem| problem.code().to_owned());
    Ok(format!("{} {} {tenant} {store}", caller.person().as_str(), caller.role()))
}

async fn send_to(verifier: Verifier, request: Request<Body>) -> Response<Body> {
    let echo = |caller: Caller, web::Json(_): web::Json<Value>| told(caller);
    web::wrap(Router::new().route("/", post(echo)).with_state(verifier), Default::default())
        .oneshot(request)
        .await
        .unwrap()
}

/// Sends a request with these headers, and gives status, `error_code` or text, and the whole document without its ids.
async fn send(path: &str, headers: &[(&str, &str)], body: Value) -> (u16, String, Value) {
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = send_to(verifier(), request.body(body.to_string().into()).unwrap()).await;
    let status = response.status().as_u16();
    if status == 401 {
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let Ok(mut document) = serde_json::from_slice::<Value>(&bytes) else {
        return (status, String::from_utf8(bytes.to_vec()).unwrap(), Value::Null);
    };
    for id in ["request_id", "instance"] {
        document.as_object_mut().unwrap().remove(id);
    }
    (status, document["error_code"].as_str().unwrap().to_owned(), document)
}

fn bearer(extra: Value) -> String {
    format!("Bearer {}", ISSUER.token(extra))
}

fn staff() -> Value {
    json!({"role": "store_employee", "tenant_id": "acme", "stores": ["north"]})
}

async fn code(path: &str, headers: &[(&str, &str)], body: Value) -> (u16, String) {
    let (status, code, _) = send(path, headers, body).await;
    (status, code)
}

#[tokio::test]
async fn a_verified_person_gets_in_with_what_the_token_says() {
    let token = bearer(staff());
    assert_eq!(
        code("/", &[("authorization", &token)], json!({})).await,
        (200, "ada store_employee acme north".to_owned())
    );
    for scheme in ["bearer", "BEARER", "Bearer  "] {
        let header = token.replacen("Bearer", scheme, 1);
        assert_eq!(code("/", &[("authorization", &header)], json!({})).await.0, 200, "{scheme}");
    }
}

#[tokio::test]
async fn every_refused_token_is_told_alike() {
    let good = bearer(json!({}));
    let refused = [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer x".to_owned(),
        "Basic YWRhOmFkYQ==".to_owned(),
        good.replacen("Bearer ", "", 1),
        good.replacen("Bearer ", "Bearer\t", 1),
        good.replacen("Bearer", "Bearer Bearer", 1),
        format!("{good}, {good}"),
        format!("{good} x"),
        good.replacen('.', "..", 1),
        format!("Bearer {}", STRANGER.token(json!({}))),
        bearer(json!({"exp": NOW - 61})),
        bearer(json!({"aud": "other"})),
        bearer(json!({"sub": ""})),
        format!("Bearer {}", "A".repeat(9000)),
    ];
    let (_, _, first) = send("/", &[("authorization", &refused[0])], json!({})).await;
    assert_eq!(first["message"], "Invalid or expired token");
    for header in &refused {
        let (status, code, document) = send("/", &[("authorization", header)], json!({})).await;
        assert_eq!((status, code.as_str(), &document), (401, "auth.invalid_token", &first), "{header}");
    }
    let two = [("authorization", good.as_str()), ("authorization", good.as_str())];
    assert_eq!(send("/", &two, json!({})).await, (401, "auth.invalid_token".to_owned(), first));
}

#[tokio::test]
async fn a_request_without_a_token_is_told_to_bring_one() {
    assert_eq!(code("/", &[], json!({})).await, (401, "auth.missing_token".to_owned()));
    assert_eq!(code("/?access_token=x", &[("x-forwarded-user", "ada")], json!({})).await.0, 401);
}

#[tokio::test]
async fn another_persons_id_in_query_or_body_is_refused_and_ones_own_is_not() {
    let token = bearer(staff());
    let ada = [("authorization", token.as_str())];
    for good in ["/?user_id=ada", "/?userId=ada&x=victim", "/?user_id=ad%61", "/?USER_ID=victim", "/"] {
        assert_eq!(code(good, &ada, json!({"user_id": "ada"})).await.0, 200, "{good}");
    }
    for bad in [
        "/?user_id=victim",
        "/?userId=victim",
        "/?user_id=ada&user_id=victim",
        "/?user%5Fid=victim",
        "/?user_id=",
        "/?user_id=Ada",
    ] {
        assert_eq!(code(bad, &ada, json!({})).await, (403, "identity.user_mismatch".to_owned()), "{bad}");
    }
    for body in [json!({"user_id": "victim"}), json!({"userId": "victim"})] {
        assert_eq!(code("/", &ada, body).await, (403, "identity.user_mismatch".to_owned()));
    }
}

#[tokio::test]
async fn a_tenant_header_may_only_repeat_the_token() {
    let token = bearer(staff());
    let with = |tenant: &'static str| [("authorization", token.clone()), ("x-tenant-id", tenant.to_owned())];
    for (tenant, expected) in [("acme", 200), ("globex", 403), ("ACME", 403), ("", 403), ("acme,globex", 403)] {
        let headers = with(tenant);
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(code("/", &headers, json!({})).await.0, expected, "{tenant:?}");
    }
    let two = [("authorization", token.as_str()), ("x-tenant-id", "acme"), ("x-tenant-id", "globex")];
    assert_eq!(code("/", &two, json!({})).await, (403, "tenant.forbidden".to_owned()));
    let stateless = bearer(json!({}));
    let headers = [("authorization", stateless.as_str()), ("x-tenant-id", "acme")];
    assert_eq!(code("/", &headers, json!({})).await, (403, "tenant.forbidden".to_owned()));
}

#[tokio::test]
async fn a_role_counts_in_the_listed_stores_of_the_tokens_tenant_only() {
    let told = |claims: Value| async move {
        let token = bearer(claims);
        code("/", &[("authorization", token.as_str())], json!({})).await.1
    };
    let elsewhere = json!({"role": "admin", "tenant_id": "acme", "stores": ["south"]});
    assert_eq!(told(elsewhere).await, "ada admin acme tenant.store_out_of_scope");
    assert_eq!(
        told(json!({"role": "admin", "stores": ["north"]})).await,
        "ada admin tenant.forbidden tenant.forbidden"
    );
    assert_eq!(
        told(json!({"role": "janitor", "tenant_id": "acme"})).await,
        "ada unknown acme tenant.store_out_of_scope"
    );
}

#[tokio::test]
async fn a_suspended_person_is_refused() {
    let token = bearer(json!({"suspended": true}));
    assert_eq!(code("/", &[("authorization", &token)], json!({})).await, (403, "auth.suspended".to_owned()));
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_our_fault_and_not_the_tokens() {
    let server = Loopback::answering(Answer::status(500)).await;
    let keys = Keys::published_at(&server.url, &Clock::frozen(now())).unwrap();
    let verifier = Verifier::new(keys, PROJECT, &Clock::frozen(now()));
    let request = Request::post("/").header("authorization", bearer(json!({}))).body(Body::empty()).unwrap();
    let response = send_to(verifier.clone(), request).await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()[header::RETRY_AFTER], "60");
    let malformed = Request::post("/").header("authorization", "Bearer x").body(Body::empty()).unwrap();
    assert_eq!(send_to(verifier, malformed).await.status(), 401, "what is malformed needs no key to be refused");
}

#[test]
fn a_configuration_that_would_weaken_verification_does_not_start() {
    let faults = |pairs: &[(&str, &str)]| {
        let mut env: Env = pairs.iter().copied().collect();
        drop(Verifier::from_env(&mut env, &Clock::system()));
        env.finish(()).map_err(|error| error.0.len())
    };
    assert_eq!(faults(&[("FIREBASE_PROJECT_ID", "smartstore")]), Ok(()));
    assert_eq!(faults(&[("FIREBASE_PROJECT_ID", "a"), ("FIREBASE_KEYS_URL", "http://127.0.0.1:9000/keys")]), Ok(()));
    assert_eq!(faults(&[]), Err(1));
    assert_eq!(faults(&[("FIREBASE_PROJECT_ID", "a/b")]), Err(1));
    assert_eq!(faults(&[("FIREBASE_PROJECT_ID", "a"), ("FIREBASE_KEYS_URL", "http://example.com/keys")]), Err(1));
    assert_eq!(faults(&[("FIREBASE_PROJECT_ID", "a"), ("FIREBASE_AUTH_EMULATOR_HOST", "localhost:9099")]), Err(1));
}

/// What was logged while `work` ran: each event's fields, and the `tenant` recorded on a span.
#[derive(Clone, Default)]
struct Seen(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Seen {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        let mut line = event.metadata().level().to_string();
        event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            line.push_str(&format!(" {field}={value:?}"));
        });
        self.0.lock().unwrap().push(line);
    }

    fn on_record(
        &self,
        _: &tracing::span::Id,
        values: &tracing::span::Record<'_>,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        values.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            self.0.lock().unwrap().push(format!("span {field}={value:?}"));
        });
    }
}

#[tokio::test]
async fn a_refusal_is_logged_once_with_its_cause_and_nothing_of_the_token() {
    use tracing_subscriber::layer::SubscriberExt;
    let seen = Seen::default();
    // While there is only one subscriber, tracing asks the thread that first meets an event whether anybody wants it, and
    // that may be another test's thread, which has none. With a second one it asks them all.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(seen.clone()));
    let logged = |headers: Vec<(&'static str, String)>| {
        let seen = seen.clone();
        async move {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            send("/", &headers, json!({})).await;
            std::mem::take(&mut *seen.0.lock().unwrap())
        }
    };
    let cases = [
        (Vec::new(), "missing_token"),
        (vec![("authorization", bearer(json!({"exp": NOW - 61, "email": "ada@example.com"})))], "expired"),
        (vec![("authorization", bearer(json!({"aud": "victim-project"})))], "wrong_audience"),
        (vec![("authorization", bearer(json!({"nbf": NOW + 61})))], "not_yet_valid"),
        (vec![("authorization", bearer(json!({}))), ("x-tenant-id", "globex".to_owned())], "tenant.forbidden"),
    ];
    for (headers, cause) in cases {
        let lines = logged(headers).await;
        let refusals: Vec<_> = lines.iter().filter(|line| line.contains("auth_refused")).collect();
        assert_eq!(refusals.len(), 1, "{lines:?}");
        assert!(refusals[0].starts_with("WARN") && refusals[0].contains(&format!("cause=\"{cause}\"")), "{lines:?}");
        for private in ["eyJ", "example.com", "victim", "ada", "globex"] {
            assert!(!lines.iter().any(|line| line.contains(private)), "{private} in {lines:?}");
        }
    }
    let accepted = logged(vec![("authorization", bearer(staff()))]).await;
    assert_eq!(accepted, ["span tenant=\"822b33ad87c1\""]);
}
