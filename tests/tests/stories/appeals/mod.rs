//! Asking for a decision to be looked at again: one click, a reviewer who did not take it, an outcome that is told.

use super::{
    notices::{service, tell},
    *,
};
use http::Method;
use jiff::SignedDuration;
use local::{Claims, Options};

mod crashes;
mod decided;
mod doors;
mod faults;
mod guards;
mod languages;
mod opened;
mod queue;

const NOTICES: &str = "/api/user-notifications";
const OWN: &str = "/api/user-notifications/appeals";
const STAFF: &str = "/api/admin/appeals";

/// Appeals by one click: nothing in the body, and no type declared.
async fn click(person: &Client, notice: &str) -> Response {
    person.send(Method::POST, &format!("{NOTICES}/{notice}/appeal"), None).await.unwrap()
}

/// Tells ada of a decision and has her appeal; the appeal's name.
async fn appealed(bundle: &Bundle, category: &str) -> String {
    let notice = tell(&service(bundle), "ada", category).await;
    let opened = click(&bundle.shopper("ada"), &notice).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    opened.body["appeal_id"].as_str().unwrap().to_owned()
}

async fn reviewer(bundle: &Bundle, name: &str) -> Client {
    bundle.administrator(name, "admin:write").await
}

async fn review(staff: &Client, appeal: &str) -> Response {
    staff.send(Method::POST, &format!("{STAFF}/{appeal}/review"), None).await.unwrap()
}

async fn decide(staff: &Client, appeal: &str, outcome: &str) -> Response {
    let body = json!({"outcome": outcome, "reason": "It keeps to the guidelines."});
    staff.post(&format!("{STAFF}/{appeal}/decision"), body).await
}

/// Takes an appeal up and decides it.
async fn settle(staff: &Client, appeal: &str, outcome: &str) -> Response {
    let taken = review(staff, appeal).await;
    assert_eq!((taken.status, &taken.body["state"]), (200, &json!("in_review")), "{}", taken.body);
    let decided = decide(staff, appeal, outcome).await;
    assert_eq!((decided.status, &decided.body["state"]), (200, &json!(outcome)), "{}", decided.body);
    decided
}

async fn reopen(staff: &Client, appeal: &str) -> Response {
    staff.post(&format!("{STAFF}/{appeal}/reopen"), json!({"reason": "There is a new picture."})).await
}

fn own(appeal: &str) -> String {
    format!("{OWN}/{appeal}")
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

fn events(appeal: &Value) -> Vec<&str> {
    appeal["history"].as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect()
}
