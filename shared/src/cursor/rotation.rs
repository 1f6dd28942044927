//! What becomes of cursors while their key is changed.

use super::*;
use crate::{
    auth::testing::{Answer, Loopback, now},
    aws::{Aws, Endpoints},
    clock::Clock,
    config::Env,
    secrets::SecretsConfig,
};
use futures::future::join_all;
use serde_json::{Value, json};

const PLACE: [&str; 2] = ["acme", "GET /api/admin/people"];
const OLD: &str = "old-old-old-old-old-old-old-old-";
const NEW: &str = "new-new-new-new-new-new-new-new-";

fn holding(secret: Value) -> Answer {
    let body = json!({"Name": "smartstore-ai/test", "SecretString": secret.to_string()});
    Answer::ok(body.to_string()).with("content-type", "application/x-amz-json-1.1")
}

/// One instance that has loaded what `server` holds.
async fn instance(server: &Loopback) -> Cursors {
    let endpoints = Endpoints { secrets_manager: Some(server.url.clone()), ..Endpoints::default() };
    let mut env: Env = [("SECRET_ID", "smartstore-ai/test")].into_iter().collect();
    let config = SecretsConfig::from_env(&mut env);
    let client = Aws::local(endpoints, "test", "test").secrets_manager();
    let cursors = Cursors::new(Secrets::new(client, config, &Clock::frozen(now())));
    cursors.seal(&PLACE, &0).await.unwrap();
    cursors
}

fn sealed_with(key: &str) -> String {
    Sealer::new(key.as_bytes()).unwrap().seal(&PLACE, &7)
}

async fn opens(cursors: &Cursors, cursor: &str) -> bool {
    match cursors.open::<u32>(&PLACE, cursor).await {
        Ok(mark) => mark == 7,
        Err(CursorError::Bad(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn while_the_key_is_changed_every_instance_opens_what_any_has_sealed() {
    let server = Loopback::answering(holding(json!({KEY: OLD}))).await;
    let (before, unaware) = (instance(&server).await, sealed_with(OLD));
    server.answer(holding(json!({KEY: NEW, PREVIOUS: OLD})));
    let after = instance(&server).await;
    assert!(opens(&after, &unaware).await, "sealed by one that has not seen the change");
    assert_eq!(after.seal(&PLACE, &7).await.unwrap(), sealed_with(NEW));
    assert!(opens(&before, &sealed_with(NEW)).await, "sealed by one that has");
    assert!(opens(&before, &unaware).await);
    assert_eq!(before.seal(&PLACE, &7).await.unwrap(), sealed_with(NEW));
}

#[tokio::test]
async fn what_no_key_has_sealed_is_refused_and_asks_for_the_secret_once() {
    for secret in [json!({KEY: NEW}), json!({KEY: NEW, PREVIOUS: OLD}), json!({KEY: NEW, PREVIOUS: ""})] {
        let server = Loopback::answering(holding(secret.clone())).await;
        let cursors = instance(&server).await;
        for junk in ["", "x", "AAAA", &"A".repeat(5_000)] {
            assert!(!opens(&cursors, junk).await, "{junk}");
        }
        assert_eq!(server.asked(), 1, "what is no cursor's form costs nothing");
        let hostile: Vec<_> = (0..200).map(|n| sealed_with(&format!("{n:0>32}"))).collect();
        let told = join_all(hostile.iter().map(|cursor| opens(&cursors, cursor))).await;
        assert!(told.iter().all(|opened| !opened));
        assert_eq!(server.asked(), 2, "{secret}");
    }
}

#[tokio::test]
async fn a_key_before_that_could_be_guessed_opens_nothing() {
    let server = Loopback::answering(holding(json!({KEY: NEW, PREVIOUS: "short"}))).await;
    let cursors = instance(&server).await;
    assert!(opens(&cursors, &sealed_with(NEW)).await);
    let refused = cursors.open::<u32>(&PLACE, &sealed_with(OLD)).await;
    assert!(matches!(refused, Err(CursorError::Weak(_))), "{refused:?}");
}

#[tokio::test]
async fn a_secrets_manager_that_fails_makes_no_fault_of_ours_out_of_a_bad_cursor() {
    let server = Loopback::answering(holding(json!({KEY: NEW}))).await;
    let cursors = instance(&server).await;
    server.answer(Answer::status(400));
    assert!(!opens(&cursors, &sealed_with(OLD)).await);
    assert!(opens(&cursors, &sealed_with(NEW)).await);
}
