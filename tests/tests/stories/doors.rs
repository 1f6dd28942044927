//! Who gets in, and how far.

use super::*;
use local::Claims;

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_turned_away_alike_whatever_is_wrong_with_the_token() {
    let bundle = Bundle::start().await;
    let missing = ask(&bundle.stranger(), "milk?").await;
    assert_problem(&missing, 401, "auth.missing_token");
    assert_eq!(missing.header("www-authenticate"), "Bearer");
    let good = bundle.shopper("ada").token().unwrap();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    for token in ["x", "a.b.c", &forged, &format!("{good}x"), &"a".repeat(9_000)] {
        let refused = ask(&bundle.stranger().with_token(token), "milk?").await;
        assert_problem(&refused, 401, "auth.invalid_token");
        assert_eq!(refused.body["message"], "Invalid or expired token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_outside_the_token_is_out_of_reach_whether_or_not_it_exists() {
    let bundle = Bundle::start().await;
    let ada = bundle.shopper("ada");
    let mut refusals = Vec::new();
    for store in ["main", "nowhere"] {
        let body = json!({"question": "where is the oat milk?", "store_id": store});
        let mut refused = ada.with_header("x-request-id", "same").post("/ask", body).await;
        assert_problem(&refused, 403, "tenant.store_out_of_scope");
        for own in ["date", "traceparent"] {
            refused.headers.remove(own);
        }
        refusals.push((refused.body, refused.headers));
    }
    assert_eq!(refusals[0], refusals[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenants_store_of_the_same_name_is_not_anothers() {
    let bundle = Bundle::start().await;
    let mallory = Claims::of("mallory").role("admin").tenant("t_corner").stores([DOWNTOWN]);
    let mallory = bundle.person(mallory);
    assert_problem(&ask(&mallory, "where is the oat milk?").await, 404, "catalog.no_such_store");
    assert_eq!(mallory.get(&product_path("any")).await.status, 404);
    assert_eq!(mallory.get(&format!("/catalog/stores/{DOWNTOWN}/products")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_or_a_body_that_names_somebody_else_grants_nothing() {
    let bundle = Bundle::start().await;
    let ada = bundle.shopper("ada");
    let foreign = ask(&ada.with_header("x-tenant-id", "t_corner"), "milk?").await;
    assert_problem(&foreign, 403, "tenant.forbidden");
    for member in ["user_id", "userId"] {
        let body = json!({"question": "where is the oat milk?", "store_id": DOWNTOWN, member: "grace"});
        assert_problem(&ada.post("/ask", body).await, 403, "identity.user_mismatch");
        let read = ada.get(&format!("/catalog/stores/{DOWNTOWN}?{member}=grace")).await;
        assert_problem(&read, 403, "identity.user_mismatch");
    }
    let own = json!({"question": "where is the oat milk?", "store_id": DOWNTOWN, "user_id": "ada"});
    assert_eq!(ada.post("/ask", own).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_what_its_row_says_and_no_more() {
    let bundle = Bundle::start().await;
    let unknown = bundle.person(Claims::of("eve").role("superuser").tenant("t_greenleaf").stores([DOWNTOWN]));
    let people = [
        ("shopper", bundle.shopper("ada")),
        ("employee", bundle.employee("emil")),
        ("admin", bundle.admin("root")),
        ("unknown", unknown),
    ];
    for (role, person) in &people {
        let put = person.put(&product_path(&format!("fig-{role}")), fig_spread(1)).await.status;
        let expected = if matches!(*role, "employee" | "admin") { 201 } else { 403 };
        assert_eq!(put, expected, "{role} puts a product");
    }
    for (role, person) in &people {
        let delete = person.delete(&product_path("fig-admin")).await.status;
        assert_eq!(delete, if *role == "admin" { 204 } else { 403 }, "{role} deletes a product");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_good_for_a_minute_and_no_longer() {
    let bundle = Bundle::start().await;
    let ada = bundle.shopper("ada");
    let token = ada.token().unwrap();
    let stale = bundle.stranger().with_token(&token);
    bundle.clock().advance(jiff::SignedDuration::from_secs(3_600 + 59));
    assert_eq!(ask(&stale, "when do you close?").await.status, 200);
    bundle.clock().advance(jiff::SignedDuration::from_secs(2));
    assert_problem(&ask(&stale, "when do you close?").await, 401, "auth.invalid_token");
}
