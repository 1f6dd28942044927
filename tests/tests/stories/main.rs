//! What the bundle does for the people who use it, told over HTTP, each story on its own stores.
#![allow(clippy::unwrap_used, missing_docs)]

mod analytics;
mod answers;
mod appeals;
mod audit;
mod changes;
mod damage;
mod deadlines;
mod doors;
mod faults;
mod hostile;
mod lies;
mod malformed;
mod matrix;
mod notices;
mod outbox;
mod providers;
mod repeats;
mod routing;
mod secrets_of_the_trade;
mod service;
mod spans;
mod storms;
mod traffic;
mod whole;
mod worlds;

use local::{Bundle, Client, Response};
use serde_json::{Value, json};

/// The sample store that most stories happen in.
const DOWNTOWN: &str = "downtown";

/// Asks a question in [`DOWNTOWN`].
async fn ask(person: &Client, question: &str) -> Response {
    person.post("/ask", json!({"question": question, "store_id": DOWNTOWN})).await
}

/// Asks a question that must be answered with 200, and returns the answer.
async fn answer(person: &Client, question: &str) -> Value {
    let response = ask(person, question).await;
    assert_eq!(response.status, 200, "{question}: {}", response.body);
    response.body
}

fn text(answer: &Value) -> &str {
    answer["answer"].as_str().unwrap()
}

fn cited(answer: &Value) -> Vec<&str> {
    answer["citations"].as_array().unwrap().iter().map(|citation| citation["id"].as_str().unwrap()).collect()
}

fn product_path(product: &str) -> String {
    format!("/catalog/stores/{DOWNTOWN}/products/{product}")
}

/// Asserts that a response is a problem document with this status and code, complete and consistent.
fn assert_problem(response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.body["error_code"].as_str()), (status, Some(code)), "{}", response.body);
    assert_eq!(response.header("content-type"), "application/problem+json");
    assert_eq!(response.body["status"], status);
    assert_eq!(response.body["status_code"], status);
    assert_eq!(response.body["message"], response.body["detail"]);
    assert!(response.body["type"].as_str().unwrap().ends_with(code));
    assert_eq!(response.body["request_id"], response.header("x-request-id"));
    assert!(response.body["instance"].as_str().unwrap().ends_with(response.header("x-request-id")));
}

/// A product that no sample store has.
fn fig_spread(stock: u32) -> Value {
    json!({
        "name": "Zanzibar Fig Spread 250 g",
        "brand": "Zanzibar",
        "category": "Fig spread",
        "department": "Pantry",
        "aisle": "17",
        "bay": "4",
        "price": 6.35,
        "stock": stock,
        "cost_price": 3.21,
        "supplier": "Stone Town Traders"
    })
}
