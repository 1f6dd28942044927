//! The issuer's tokens, verified as on Lambda: over the key URL, by the functions' own verifier.

use crate::harness::small;
use jiff::SignedDuration;
use local::{Bundle, Claims};
use serde_json::{Value, json};

#[tokio::test]
async fn a_person_is_known_by_their_token_and_a_stranger_is_not() {
    let bundle = Bundle::open(small()).await.unwrap();
    assert_eq!(bundle.shopper("ada").get("/me").await.body, "ada shopper");
    assert_eq!(bundle.employee("eve").get("/me").await.body, "eve store_employee");
    assert_eq!(bundle.admin("ann").get("/me").await.body, "ann admin");
    assert_eq!(bundle.person(Claims::of("bob").role("pirate")).get("/me").await.body, "bob unknown");
    let nobody = bundle.stranger().get("/me").await;
    assert_eq!((nobody.status, &nobody.body["error_code"]), (401, &json!("auth.missing_token")));
    assert_eq!(nobody.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn tokens_that_no_issuer_should_make_are_refused() {
    let bundle = Bundle::open(small()).await.unwrap();
    let me = |claims: Claims| async move { claims };
    for (claim, value) in [
        ("aud", json!("another-project")),
        ("iss", json!("https://securetoken.google.com/another-project")),
        ("exp", json!(1)),
        ("sub", json!("")),
        ("iat", Value::Null),
    ] {
        let claims = me(Claims::of("ada").with(claim, value)).await;
        assert_eq!(bundle.person(claims).get("/me").await.status, 401, "{claim}");
    }
    let token = bundle.shopper("ada").token().unwrap();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = bundle.stranger().with_token(&format!("{signed}.{}", "A".repeat(342)));
    assert_eq!(forged.get("/me").await.status, 401);
}

#[tokio::test]
async fn a_token_expires_by_the_bundles_clock_and_a_person_gets_a_new_one() {
    let bundle = Bundle::open(small()).await.unwrap();
    let ada = bundle.shopper("ada");
    let kept = bundle.stranger().with_token(&ada.token().unwrap());
    assert_eq!(kept.get("/me").await.status, 200);
    bundle.clock().advance(SignedDuration::from_hours(2));
    assert_eq!(kept.get("/me").await.status, 401);
    assert_eq!(ada.get("/me").await.status, 200);
}
