//! A request that is sent again under its `Idempotency-Key`, as a client does that has not heard the answer.

use super::*;
use jiff::SignedDuration;

const ROWS: &str = "product_id,name,price,aisle,stock\nfig-1,Zanzibar Fig Spread,6.35,17,9\nbad,,1.00,1,1\n";

fn import_path() -> String {
    format!("/catalog/stores/{DOWNTOWN}/import")
}

fn under(person: &Client, key: &str) -> Client {
    person.with_header("idempotency-key", key)
}

fn assert_repeats(again: &Response, first: &Response) {
    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes), "{} {}", again.body, first.body);
    assert_eq!((again.header("idempotency-replayed"), first.header("idempotency-replayed")), ("true", ""));
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_sent_again_under_its_key_answers_as_it_did_and_with_another_file_not_at_all() {
    let bundle = Bundle::start().await;
    let emil = under(&bundle.employee("emil"), "\"monday\"");
    let first = emil.post_bytes(&import_path(), "text/csv", ROWS).await;
    assert_eq!((first.status, &first.body["created"], &first.body["published"]), (200, &json!(1), &json!(true)));
    assert_repeats(&emil.post_bytes(&import_path(), "text/csv", ROWS).await, &first);
    let other = emil.post_bytes(&import_path(), "text/csv", ROWS.replace("6.35", "7.35")).await;
    assert_problem(&other, 409, "idempotency.key_reused");
    let price = emil.get(&product_path("fig-1")).await;
    assert_eq!(price.body["price"], json!(6.35), "{}", price.body);
    let anew = under(&emil, "tuesday").post_bytes(&import_path(), "text/csv", ROWS).await;
    assert_eq!(
        (&anew.body["created"], &anew.body["unchanged"]),
        (&json!(0), &json!(1)),
        "another key is another request"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_answer_comes_again_whatever_has_changed_since_for_a_day() {
    let bundle = Bundle::start().await;
    let (emil, root) = (bundle.employee("emil"), bundle.admin("root"));
    let keyed = under(&emil, "a1");
    let first = keyed.put(&product_path("fig-1"), fig_spread(9)).await;
    assert_eq!((first.status, first.header("etag").is_empty()), (201, false), "{}", first.body);
    let changed = emil.put(&product_path("fig-1"), fig_spread(0)).await;
    assert_eq!(changed.status, 200);
    let again = keyed.put(&product_path("fig-1"), fig_spread(9)).await;
    assert_repeats(&again, &first);
    assert_eq!(again.header("etag"), first.header("etag"));
    assert_eq!(emil.get(&product_path("fig-1")).await.body["stock"], json!(0), "and nothing was done again");
    assert_eq!(under(&root, "a1").delete(&product_path("fig-1")).await.status, 204);
    let gone = under(&root, "a1").delete(&product_path("fig-1")).await;
    assert_eq!((gone.status, gone.header("idempotency-replayed"), gone.bytes.len()), (204, "true", 0));
    bundle.clock().advance(SignedDuration::from_hours(24));
    assert_eq!(keyed.put(&product_path("fig-1"), fig_spread(9)).await.status, 201, "a day later it is a new request");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_know_less_by_now_is_not_told_again_what_they_were_told() {
    let bundle = Bundle::start().await;
    let (employee, shopper) = (under(&bundle.employee("emil"), "a1"), under(&bundle.shopper("emil"), "a1"));
    let spread = json!({"name": "Fig Spread", "price": 6.35, "cost_price": 3.21, "supplier": "Zanzibar Foods"});
    let first = employee.put(&product_path("fig-1"), spread.clone()).await;
    assert_eq!((first.status, &first.body["cost_price"]), (201, &json!(3.21)), "{}", first.body);
    let told = shopper.put(&product_path("fig-1"), spread.clone()).await;
    assert_problem(&told, 403, "idempotency.rights_changed");
    assert!(!told.body.to_string().contains("3.21"), "{}", told.body);
    assert_repeats(&employee.put(&product_path("fig-1"), spread).await, &first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_its_persons_and_tenants_own() {
    let bundle = Bundle::start().await;
    let path = "/catalog/stores/corner/imports";
    let body = json!({"content_type": "text/csv"});
    let of = |tenant: &str, person: &str| {
        let claims = local::Claims::of(person).role("store_employee").tenant(tenant).stores(["corner"]);
        under(&bundle.person(claims), "same-key")
    };
    let mut tickets = std::collections::BTreeSet::new();
    for (tenant, person) in [("t_one", "emil"), ("t_one", "eva"), ("t_two", "emil")] {
        let employee = of(tenant, person);
        let shop = json!({"name": "Corner", "time_zone": "Europe/Berlin", "currency": "EUR"});
        let made = employee.put("/catalog/stores/corner", shop).await;
        assert!(matches!(made.status, 200 | 201), "{}", made.body);
        let first = employee.post(path, body.clone()).await;
        assert_eq!((first.status, first.header("idempotency-replayed")), (201, ""), "{}", first.body);
        assert_repeats(&employee.post(path, body.clone()).await, &first);
        tickets.insert(first.body["import_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(tickets.len(), 3, "each has an import of their own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_asked_again_is_answered_once_and_a_refusal_is_not_kept() {
    let bundle = Bundle::start().await;
    let question = json!({"question": "where is the oat milk?", "store_id": DOWNTOWN});
    let ada = under(&bundle.shopper("ada"), "q1");
    let first = ada.post("/ask", question.clone()).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let again = ada.post("/ask", question.clone()).await;
    assert_repeats(&again, &first);
    assert_eq!(again.header("content-language"), first.header("content-language"));
    let cost = json!({"question": "what does the oat milk cost us?", "store_id": DOWNTOWN});
    for _ in 0..2 {
        let refused = under(&ada, "q2").post("/ask", cost.clone()).await;
        assert_eq!((refused.status, refused.header("idempotency-replayed")), (403, ""), "{}", refused.body);
    }
    let malformed = under(&ada, "q 3").post("/ask", question.clone()).await;
    assert_problem(&malformed, 400, "idempotency.bad_key");
    assert_problem(&under(&bundle.stranger(), "q1").post("/ask", question).await, 401, "auth.missing_token");
}
