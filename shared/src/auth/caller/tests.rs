use super::*;
use crate::{
    auth::{
        Keys,
        testing::{Answer, ISSUER, Loopback, NOW, PROJECT, STRANGER, Seen, now},
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

#[tokio::test]
async fn a_refusal_is_logged_once_with_its_cause_and_nothing_of_the_token() {
    let (seen, _listening) = Seen::listen();
    let logged = |headers: Vec<(&'static str, String)>| {
        let seen = seen.clone();
        async move {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            send("/", &headers, json!({})).await;
            seen.take()
        }
    };
    let cases = [
        (Vec::new(), "missing_token"),
        (vec![("authorization", bearer(json!({"exp": NOW - 61, "email": "lovelace@example.com"})))], "expired"),
        (vec![("authorization", bearer(json!({"aud": "victim-project"})))], "wrong_audience"),
        (vec![("authorization", bearer(json!({"nbf": NOW + 61})))], "not_yet_valid"),
        (vec![("authorization", bearer(json!({}))), ("x-tenant-id", "globex".to_owned())], "tenant.forbidden"),
    ];
    for (headers, cause) in cases {
        let events = logged(headers).await;
        let refusals: Vec<_> = events.iter().filter(|event| event["event"] == "access_denied").collect();
        assert_eq!(refusals.len(), 1, "{events:?}");
        assert_eq!((&refusals[0]["level"], &refusals[0]["cause"]), (&json!("WARN"), &json!(cause)), "{events:?}");
        let said = json!(events).to_string();
        for private in ["eyJ", "lovelace", "example.com", "victim", "\"ada\"", "globex"] {
            assert!(!said.contains(private), "{private} in {said}");
        }
    }
    assert_eq!(logged(vec![("authorization", bearer(staff()))]).await, [json!({"tenant": "822b33ad87c1"})]);
}

#[tokio::test]
async fn a_request_is_verified_once_and_every_further_look_finds_the_same_person() {
    let asks = |verifier: Verifier| async move {
        let request = Request::post("/").header("authorization", bearer(staff())).body(()).unwrap();
        let (mut parts, ()) = request.into_parts();
        let first = Caller::from_request_parts(&mut parts, &verifier).await.unwrap();
        // Neither a verifier that would refuse nor a header that has gone matters any more.
        parts.headers.clear();
        let other = Verifier::new(Keys::fixed(STRANGER.keys()), "another", &Clock::frozen(now()));
        let second = Caller::from_request_parts(&mut parts, &other).await.unwrap();
        assert!(Arc::ptr_eq(&first.0, &second.0));
        parts.uri = "/?user_id=victim".parse().unwrap();
        let third = Caller::from_request_parts(&mut parts, &verifier).await;
        assert_eq!(
            third.unwrap_err().code(),
            "identity.user_mismatch",
            "whom the request names is looked at each time"
        );
    };
    asks(verifier()).await;
}

#[test]
fn nothing_that_weakens_verification_starts_in_production() {
    let faults = |pairs: &[(&str, &str)]| {
        let base = [("DEPLOY_ENV", "production"), ("FIREBASE_PROJECT_ID", "smartstore")];
        let mut env: Env = base.iter().chain(pairs).copied().collect();
        drop(Verifier::from_env(&mut env, &Clock::system()));
        env.finish(()).map_err(|error| error.0.join("; "))
    };
    assert_eq!(faults(&[]), Ok(()));
    assert_eq!(faults(&[("FIREBASE_KEYS_URL", crate::auth::keys::FIREBASE_KEYS_URL)]), Ok(()));
    assert_eq!(faults(&[("ROLE_SOURCE", "table")]), Ok(()));
    for (name, value) in [
        ("FIREBASE_PROJECT_ID", ""),
        ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099"),
        ("FIREBASE_KEYS_URL", "http://127.0.0.1:9000/x509"),
        ("FIREBASE_KEYS_URL", "https://keys.example.com/x509"),
        ("ROLE_SOURCE", "Table"),
        ("AUTH_DISABLED", "true"),
        ("DISABLE_AUTH", "0"),
        ("SKIP_AUTH", "1"),
        ("AUTH_DEBUG", "1"),
        ("FIREBASE_AUTH_DEBUG", "on"),
        ("INSECURE_TOKENS", "yes"),
    ] {
        let told = faults(&[(name, value)]).unwrap_err();
        assert!(told.contains(name), "{name}={value}: {told}");
    }
}

#[cfg(feature = "lambda")]
#[tokio::test]
async fn an_invocation_past_the_gateway_with_what_an_authorizer_would_have_said_is_nobodys() {
    let echo = |caller: Caller| told(caller);
    let routes = web::wrap(Router::new().route("/", post(echo)).with_state(verifier()), Default::default());
    let event = |headers: Value, authorizer: Value| {
        json!({
            "version": "2.0", "routeKey": "POST /", "rawPath": "/", "rawQueryString": "", "headers": headers,
            "requestContext": {
                "accountId": "0", "apiId": "a", "authorizer": authorizer, "domainName": "x", "domainPrefix": "x",
                "http": {"method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "x"},
                "requestId": "r", "routeKey": "POST /", "stage": "$default", "time": "x", "timeEpoch": 0,
            },
            "isBase64Encoded": false,
        })
        .to_string()
    };
    let claims =
        json!({"jwt": {"claims": {"sub": "ada", "role": "admin", "tenant_id": "acme"}, "scopes": ["admin:super"]}});
    let good = json!({"authorization": bearer(staff())});
    let expired = json!({"authorization": bearer(json!({"exp": NOW - 61}))});
    for (headers, authorizer, status) in [
        (json!({}), Value::Null, 401),
        (json!({}), claims.clone(), 401),
        (expired.clone(), claims.clone(), 401),
        (expired, Value::Null, 401),
        (good.clone(), Value::Null, 200),
        (good, claims, 200),
    ] {
        let answer = web::lambda::answer(&routes, &event(headers.clone(), authorizer.clone()), None).await;
        assert_eq!(answer.status_code, status, "{headers} {authorizer}");
    }
}

#[tokio::test]
async fn a_token_counts_until_a_minute_past_its_end_and_no_longer() {
    for (past, status) in [(59, 200), (60, 200), (61, 401)] {
        let token = bearer(json!({"exp": NOW - past}));
        assert_eq!(code("/", &[("authorization", &token)], json!({})).await.0, status, "{past} s");
    }
}
