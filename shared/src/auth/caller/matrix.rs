//! What a token claims, what the record allows, what a route asks for, for whom and when the token was made: all together.

use super::rights::{Stage, bearer, nothing, record, routes};
use crate::auth::{RoleSource, testing::NOW};
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

/// How far up the hierarchy each claim reaches.
const CLAIMED: [(&str, u8); 7] = [
    ("", 0),
    ("admin:read", 1),
    ("admin:write", 2),
    ("admin:breakglass", 3),
    ("admin:super", 4),
    ("admin:all", 0),
    ("service:write", 0),
];
const ASKED: [(&str, u8); 4] = [("admin:read", 1), ("admin:write", 2), ("admin:breakglass", 3), ("admin:super", 4)];
/// A claim of time, how far from now it lies, and whether the token counts.
const TIMES: [(&str, i64, bool); 15] = [
    ("exp", 3_000, true),
    ("exp", 59, true),
    ("exp", -59, true),
    ("exp", -60, true),
    ("exp", -61, false),
    ("iat", -61, true),
    ("iat", 59, true),
    ("iat", 60, true),
    ("iat", 61, false),
    ("auth_time", 59, true),
    ("auth_time", 60, true),
    ("auth_time", 61, false),
    ("nbf", 59, true),
    ("nbf", 60, true),
    ("nbf", 61, false),
];

#[tokio::test]
async fn a_right_is_had_by_a_good_token_that_claims_it_and_a_record_that_allows_it_and_in_no_other_way() {
    let mut tried = 0;
    for (recorded, allows) in
        [None].into_iter().chain(CLAIMED[1..5].iter().map(Some)).map(|it| it.map_or(("", 0), |it| *it))
    {
        let answer = match recorded {
            "" => nothing(),
            name => record(json!({"scopes": {"L": [{"S": name}]}})),
        };
        let stage = Stage::with(RoleSource::Token, answer).await;
        let routes = routes(stage.verifier.clone());
        for (claimed, claims) in CLAIMED {
            for audience in [None, Some("another-project")] {
                for (time, ahead, in_time) in TIMES {
                    let mut payload: Value =
                        json!({"role": "admin", "tenant_id": "acme", "scope": claimed, time: NOW + ahead});
                    payload.as_object_mut().unwrap().extend(audience.map(|aud| ("aud".to_owned(), aud.into())));
                    let token = bearer(payload);
                    for (asked, needs) in ASKED {
                        let request = Request::get(format!("/need/{asked}")).header("authorization", &token);
                        let request = request.header("x-breakglass-reason", "the till is on fire");
                        let request = request.body(Body::empty()).unwrap();
                        let status = routes.clone().oneshot(request).await.unwrap().status().as_u16();
                        let expected = match (audience, in_time, claims.min(allows) >= needs) {
                            (None, true, true) => 200,
                            (None, true, false) => 403,
                            _ => 401,
                        };
                        assert_eq!(status, expected, "{claimed:?} {recorded:?} {asked} {audience:?} {time} {ahead:+}");
                        tried += 1;
                    }
                }
            }
        }
        assert_eq!(stage.table.asked(), 1, "read once, for the first who claims any scope");
    }
    assert_eq!(tried, 5 * 7 * 2 * 15 * 4);
}
