//! Who may see and do what with an appeal, and who may not even know of it.

use super::*;

/// An answer without what names its request.
fn told(response: &Response) -> (u16, Value) {
    let mut body = response.body.clone();
    for id in ["request_id", "instance"] {
        body.as_object_mut().unwrap().remove(id);
    }
    (response.status, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_somebody_elses_is_told_apart_from_nothing_by_nothing() {
    let bundle = Bundle::start().await;
    let notice = tell(&service(&bundle), "ada", "account_warning").await;
    let appeal = appealed(&bundle, "content_violation").await;
    let (no_notice, no_appeal) = ("ntf_00000000000000000000000000", "apl_00000000000000000000000000");
    let ada_elsewhere = bundle.person(Claims::of("ada").tenant("t_else"));
    for stranger in [bundle.shopper("bea"), ada_elsewhere.clone()] {
        let (theirs, none) = (click(&stranger, &notice).await, click(&stranger, no_notice).await);
        assert_problem(&theirs, 404, "notification.not_found");
        assert_eq!(told(&theirs), told(&none));
        let (theirs, none) = (stranger.get(&own(&appeal)).await, stranger.get(&own(no_appeal)).await);
        assert_problem(&theirs, 404, "appeal.not_found");
        assert_eq!((told(&theirs), theirs.header("etag")), (told(&none), ""));
        for body in [json!({"state": "withdrawn"}), json!({"statement": "x"})] {
            let (theirs, none) =
                (stranger.patch(&own(&appeal), body.clone()).await, stranger.patch(&own(no_appeal), body).await);
            assert_eq!((theirs.status, told(&theirs)), (404, told(&none)));
        }
        assert_eq!(stranger.get(OWN).await.body["appeals"], json!([]));
    }
    for bad in ["x", "apl_", "apl_%00", "APL_00000000000000000000000000"] {
        assert_eq!(bundle.shopper("ada").get(&own(bad)).await.status, 404, "{bad}");
    }
    bundle.administer("t_else", "tess", "admin:super").await.unwrap();
    let tess = bundle.person(Claims::of("tess").tenant("t_else").scope("admin:super"));
    assert_problem(&tess.get(&format!("{STAFF}/{appeal}")).await, 404, "appeal.not_found");
    assert_problem(&review(&tess, &appeal).await, 404, "appeal.not_found");
    assert_eq!(tess.get(STAFF).await.body["appeals"], json!([]));
    let page = bundle.administrator("rhea", "admin:read").await.get(&format!("{STAFF}?limit=1")).await.body;
    assert!(page["next_cursor"].is_null(), "{page}");
    assert_eq!(bundle.shopper("ada").get(&own(&appeal)).await.body["state"], "submitted", "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_acts_for_another_has_the_right_to_it() {
    let bundle = Bundle::start().await;
    let notice = tell(&service(&bundle), "ada", "account_warning").await;
    let path = format!("{NOTICES}/{notice}/appeal");
    let for_ada = json!({"userId": "ada"});
    let reader = bundle.administrator("reader", "admin:read").await;
    for stranger in [bundle.shopper("bea"), bundle.admin("root"), reader.clone()] {
        assert_problem(&stranger.post(&path, for_ada.clone()).await, 403, "identity.user_mismatch");
    }
    let helper = reviewer(&bundle, "helper").await;
    let opened = helper.post(&path, for_ada).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    let appeal = opened.body["appeal_id"].as_str().unwrap();
    assert_problem(&review(&helper, appeal).await, 403, "appeal.own_appeal");
    assert_eq!(reader.get(&format!("{}?userId=ada", own(appeal))).await.status, 200);
    assert_eq!(reader.get(&format!("{OWN}?userId=ada")).await.body["appeals"].as_array().unwrap().len(), 1);
    assert_problem(&reader.get(&own(appeal)).await, 404, "appeal.not_found");
    let seen = bundle.shopper("ada").get(&own(appeal)).await.body;
    assert!(!seen.to_string().contains("helper"), "{seen}");
    let staff = reader.get(&format!("{STAFF}/{appeal}")).await.success().unwrap().body;
    assert_eq!(staff["history"][0]["person"], "helper");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_suspended_appeals_and_does_nothing_else() {
    let bundle = Bundle::start().await;
    let notice = tell(&service(&bundle), "ada", "account_warning").await;
    bundle.administer(local::seed::TENANT, "ada", "admin:super").await.unwrap();
    let claims = local::seed::claims("ada", "admin").scope("admin:super").with("suspended", true);
    let ada = bundle.person(claims).with_header("idempotency-key", "once");
    let opened = click(&ada, &notice).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    let again = click(&ada, &notice).await;
    assert_eq!((again.bytes == opened.bytes, again.header("idempotency-replayed")), (true, "true"));
    let appeal = opened.body["appeal_id"].as_str().unwrap();
    assert_eq!(ada.get(&own(appeal)).await.status, 200);
    assert_eq!(ada.get(OWN).await.body["appeals"].as_array().unwrap().len(), 1);
    assert_eq!(ada.patch(&own(appeal), json!({"statement": "It was a joke."})).await.status, 200);
    assert_problem(&ada.get(&format!("{OWN}?userId=bea")).await, 403, "auth.suspended");
    for path in [NOTICES, STAFF, &format!("{STAFF}/{appeal}"), &format!("{STAFF}/stats"), "/api/admin/people"] {
        assert_problem(&ada.get(path).await, 403, "auth.suspended");
    }
    assert_problem(&review(&ada, appeal).await, 403, "auth.suspended");
    assert_problem(&ask(&ada, "where is the oat milk?").await, 403, "auth.suspended");
}
