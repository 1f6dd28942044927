//! Opening, following, adding to and withdrawing an appeal.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn one_click_opens_an_appeal_with_its_context() {
    let bundle = Bundle::start().await;
    let decision = json!({"userId": "ada", "category": "content_violation", "decision_ref": "case-4711"});
    let told = service(&bundle).post(NOTICES, decision).await;
    let notice = told.body["id"].as_str().unwrap();
    let ada = bundle.shopper("ada").with_header("x-sheen-locale", "es-MX");
    let opened = click(&ada, notice).await;
    assert_eq!((opened.status, &opened.body["state"]), (201, &json!("submitted")), "{}", opened.body);
    let context = &opened.body["context"];
    assert_eq!(context["notification_id"], notice);
    assert_eq!(context["category"], "content_violation");
    assert!(context.get("decision_refs").is_none(), "what the app calls a decision may be a code: {context}");
    assert_eq!((&context["locale"], &context["prior_appeals"]), (&json!("es"), &json!([])));
    assert_eq!(context["told_at"], bundle.clock().now().to_string());
    assert_eq!((events(&opened.body), &opened.body["history"][0]["by"]), (vec!["opened"], &json!("appellant")));
    let appeal = opened.body["appeal_id"].as_str().unwrap();
    let shown = ada.get(&own(appeal)).await;
    assert_eq!((shown.status, &shown.body, shown.header("etag")), (200, &opened.body, opened.header("etag")));
    let again = click(&ada, notice).await;
    assert_problem(&again, 409, "appeal.already_open");
    assert_eq!(again.body["appeal_id"], appeal);
    let second = tell(&service(&bundle), "ada", "account_warning").await;
    let body = json!({"notificationId": second, "statement": "Please look again."});
    let other = ada.post("/api/user-notifications/appeal", body).await;
    assert_eq!((other.status, &other.body["context"]["prior_appeals"]), (201, &json!([appeal])), "{}", other.body);
    assert_eq!(other.body["statements"][0]["text"], "Please look again.");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_empty_body_is_declared_as_it_is_one_click() {
    let bundle = Bundle::start().await;
    let service = service(&bundle);
    for (person, media) in [("ada", "application/json"), ("bea", "application/x-www-form-urlencoded"), ("cyd", "")] {
        let notice = tell(&service, person, "account_warning").await;
        let path = format!("{NOTICES}/{notice}/appeal");
        let opened = bundle.shopper(person).post_bytes(&path, media, "").await;
        assert_eq!(opened.status, 201, "{media}: {}", opened.body);
    }
    let notice = tell(&service, "dan", "account_warning").await;
    let path = format!("{NOTICES}/{notice}/appeal");
    assert_problem(
        &bundle.shopper("dan").post_bytes(&path, "text/plain", "x").await,
        415,
        "http.unsupported_media_type",
    );
    assert_problem(&bundle.shopper("dan").post(&path, json!({"state": "upheld"})).await, 400, "http.bad_request");
    assert_eq!(bundle.shopper("dan").post(&path, json!({})).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_clicks_at_once_are_one_appeal() {
    let bundle = Bundle::start().await;
    let notice = tell(&service(&bundle), "ada", "account_warning").await;
    let ada = bundle.shopper("ada");
    let clicks = futures::future::join_all((0..32).map(|_| click(&ada, &notice))).await;
    let mut opened = clicks.iter().filter(|reply| reply.status == 201);
    let appeal = opened.next().unwrap().body["appeal_id"].clone();
    assert_eq!(opened.count(), 0, "one of them opens it");
    for other in clicks.iter().filter(|reply| reply.status != 201) {
        assert_problem(other, 409, "appeal.already_open");
        assert_eq!(other.body["appeal_id"], appeal);
    }
    let list = ada.get(OWN).await;
    assert_eq!(list.body["appeals"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_holds_for_its_last_moment_and_no_longer() {
    let bundle = Bundle::start().await;
    let service = service(&bundle);
    let (first, second) =
        (tell(&service, "ada", "account_warning").await, tell(&service, "ada", "content_violation").await);
    let told = bundle.clock().now();
    bundle.clock().advance(hours(184 * 24));
    assert_eq!(click(&bundle.shopper("ada"), &first).await.status, 201);
    bundle.clock().advance(SignedDuration::from_micros(1));
    let late = click(&bundle.shopper("ada"), &second).await;
    assert_problem(&late, 410, "appeal.window_closed");
    let closed: jiff::Timestamp = late.body["closed_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(closed, told + hours(184 * 24));
    let first = click(&bundle.shopper("ada"), &first).await;
    assert_problem(&first, 409, "appeal.already_open");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_appealed_says_so() {
    let bundle = Bundle::start().await;
    let service = service(&bundle);
    let update = tell(&service, "ada", "appeal_update").await;
    assert_problem(&click(&bundle.shopper("ada"), &update).await, 422, "appeal.not_appealable");
    let body = json!({"userId": "ada", "category": "account_warning", "appealable": false});
    let told = service.post(NOTICES, body).await;
    let notice = told.body["id"].as_str().unwrap();
    assert_problem(&click(&bundle.shopper("ada"), notice).await, 422, "appeal.not_appealable");
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_kept_in_any_script_up_to_their_limit() {
    let bundle = Bundle::start().await;
    let appeal = appealed(&bundle, "account_warning").await;
    let (ada, path) = (bundle.shopper("ada"), own(&appeal));
    let scripts = ["a", "é", "ع", "字", "😀"];
    for letter in scripts {
        let said = ada.patch(&path, json!({"statement": letter.repeat(5_000)})).await;
        assert_eq!(said.status, 200, "{letter}: {}", said.body);
        let long = ada.patch(&path, json!({"statement": letter.repeat(5_001)})).await;
        assert_problem(&long, 422, "appeal.bad_text");
    }
    for bad in ["", " \n", "a\u{0}", "a\u{1b}[0m"] {
        assert_problem(&ada.patch(&path, json!({"statement": bad})).await, 422, "appeal.bad_text");
    }
    let shown = ada.get(&path).await.body;
    let kept: Vec<&str> =
        shown["statements"].as_array().unwrap().iter().map(|statement| statement["text"].as_str().unwrap()).collect();
    assert_eq!(kept, scripts.map(|letter| letter.repeat(5_000)));
    for n in scripts.len()..10 {
        assert_eq!(ada.patch(&path, json!({"statement": n.to_string()})).await.status, 200);
    }
    assert_problem(&ada.patch(&path, json!({"statement": "x"})).await, 409, "appeal.too_many_statements");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appeal_that_was_taken_back_is_over_until_staff_reopen_it() {
    let bundle = Bundle::start().await;
    let notice = tell(&service(&bundle), "ada", "account_warning").await;
    let ada = bundle.shopper("ada");
    let appeal = click(&ada, &notice).await.body["appeal_id"].as_str().unwrap().to_owned();
    let path = own(&appeal);
    assert_problem(&ada.patch(&path, json!({"state": "upheld"})).await, 400, "http.bad_request");
    let stale = ada.with_header("if-match", "\"7\"").patch(&path, json!({"state": "withdrawn"})).await;
    assert_problem(&stale, 412, "appeal.changed_meanwhile");
    let withdrawn = ada.patch(&path, json!({"state": "withdrawn"})).await;
    assert_eq!((withdrawn.status, &withdrawn.body["state"]), (200, &json!("withdrawn")), "{}", withdrawn.body);
    let again = ada.patch(&path, json!({"state": "withdrawn"})).await;
    assert_problem(&again, 409, "appeal.illegal_move");
    assert_eq!((&again.body["state"], &again.body["moves"]), (&json!("withdrawn"), &json!(["reopen"])));
    let clicked = click(&ada, &notice).await;
    assert_problem(&clicked, 409, "appeal.already_decided");
    assert_eq!(clicked.body["appeal_id"], *appeal);
    let opened = reopen(&reviewer(&bundle, "rhea").await, &appeal).await;
    assert_eq!((opened.status, &opened.body["state"], &opened.body["round"]), (200, &json!("submitted"), &json!(2)));
    let shown = ada.get(&path).await.body;
    assert_eq!(events(&shown), ["opened", "withdrawn", "reopened"]);
    assert_eq!(shown["history"][2]["reason"], "There is a new picture.");
    assert!(!shown.to_string().contains("rhea"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_told_of_by_name_has_one_appeal_and_a_person_lists_their_own_page_by_page() {
    let bundle = Bundle::start().await;
    let service = service(&bundle);
    // Somebody whose name begins with ada's and what stands after it in the index.
    let odd = "ada#apl_00000000000000000000000000";
    let mut opened = Vec::new();
    for person in ["ada", odd] {
        let client = bundle.person(local::seed::claims(person, "shopper"));
        for category in ["account_warning", "content_violation", "temporary_restriction"] {
            let notice = tell(&service, person, category).await;
            opened.push(click(&client, &notice).await.body["appeal_id"].as_str().unwrap().to_owned());
            bundle.clock().advance(SignedDuration::from_millis(5));
        }
    }
    for (person, appeals) in [("ada", &opened[..3]), (odd, &opened[3..])] {
        let client = bundle.person(local::seed::claims(person, "shopper"));
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        for _ in 0..10 {
            let page = client.get(&format!("{OWN}?limit=2{cursor}")).await.success().unwrap().body;
            seen.extend(
                page["appeals"].as_array().unwrap().iter().map(|a| a["appeal_id"].as_str().unwrap().to_owned()),
            );
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert!(seen.iter().eq(appeals.iter().rev()), "{person}: {seen:?}");
        assert_eq!(client.get(&format!("{OWN}?state=upheld")).await.body["appeals"], json!([]));
        assert_problem(&client.get(&format!("{OWN}?limit=0")).await, 400, "http.bad_query");
        assert_problem(&client.get(&format!("{OWN}?cursor=x")).await, 400, "http.bad_cursor");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appeal_sent_again_under_its_key_is_told_again() {
    let bundle = Bundle::start().await;
    let notice = tell(&service(&bundle), "ada", "account_warning").await;
    let ada = bundle.shopper("ada").with_header("idempotency-key", "click-1");
    let first = click(&ada, &notice).await;
    let again = click(&ada, &notice).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
    assert_eq!(again.bytes, first.bytes);
}
