//! A decision has one appeal, whichever notices tell of it, alone or among others.

use super::{decided::messages, *};
use std::collections::{BTreeMap, BTreeSet};
use tests::faults::Faults;

fn named(person: &str, category: &str, name: Option<&str>) -> Value {
    let artifact = format!("art-of-{}", name.unwrap_or("nothing"));
    let mut body = json!({"userId": person, "category": category, "context": {"artifact_id": artifact}});
    body.as_object_mut().unwrap().extend(name.map(|name| ("decision_ref".to_owned(), json!(name))));
    body
}

/// Tells a person of a decision by itself; the notice's name.
async fn alone(bundle: &Bundle, person: &str, category: &str, name: &str) -> String {
    let told = service(bundle).post(NOTICES, named(person, category, Some(name))).await.success().unwrap();
    assert_eq!(told.body["count"], 1, "{}", told.body);
    told.body["id"].as_str().unwrap().to_owned()
}

/// Tells a person of these decisions by one notice, twelve hours after another one of the category; the notice's name.
pub(super) async fn summary(bundle: &Bundle, person: &str, category: &str, names: &[Option<&str>]) -> String {
    let first = tell(&service(bundle), person, category).await;
    for name in names {
        let put_off = service(bundle).post(NOTICES, named(person, category, *name)).await;
        assert_eq!(put_off.status, 429, "{}", put_off.body);
        bundle.clock().advance(SignedDuration::from_millis(5));
    }
    // A schedule's event names its time in whole seconds.
    bundle.clock().advance(hours(12) + SignedDuration::from_secs(1));
    bundle.run_schedule("notification-deferrals").await.unwrap();
    let listed = bundle.shopper(person).get(&format!("{NOTICES}?category={category}&limit=1")).await;
    let notice = &listed.body["notifications"][0];
    assert_eq!(
        (&notice["count"], listed.body["notifications"][0]["id"] != first),
        (&json!(names.len()), true),
        "{}",
        listed.body
    );
    notice["id"].as_str().unwrap().to_owned()
}

/// The names of the decisions that an appeal is about, as staff see them, and how many those are with those without a name.
async fn about(staff: &Client, appeal: &str) -> (BTreeSet<String>, u64) {
    let notice = staff.get(&format!("{STAFF}/{appeal}")).await.success().unwrap().body["notice"].clone();
    let decisions = notice["decisions"].as_array().unwrap().iter();
    let names = decisions.filter_map(|decision| decision["decision_ref"].as_str().map(str::to_owned));
    (names.collect(), notice["count"].as_u64().unwrap())
}

async fn open(bundle: &Bundle, person: &str, notice: &str) -> Value {
    bundle.clock().advance(SignedDuration::from_millis(5));
    let opened = click(&bundle.shopper(person), notice).await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    opened.body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_is_told_alone_and_among_others_has_one_appeal() {
    let bundle = Bundle::start().await;
    let single = alone(&bundle, "ada", "content_violation", "case-1").await;
    let both = summary(&bundle, "ada", "account_warning", &[Some("case-2"), None, Some("case-1")]).await;
    let again = summary(&bundle, "ada", "temporary_restriction", &[Some("case-2"), Some("case-1")]).await;
    let first = open(&bundle, "ada", &single).await;
    assert_eq!(first["context"]["count"], 1);
    assert!(first["context"].get("appealed_elsewhere").is_none(), "{first}");
    let second = open(&bundle, "ada", &both).await;
    let (first, context) = (first["appeal_id"].as_str().unwrap(), &second["context"]);
    assert_eq!((&context["count"], &context["appealed_elsewhere"]), (&json!(2), &json!([first])), "{context}");
    let second = second["appeal_id"].as_str().unwrap();
    let (rhea, sol) = (reviewer(&bundle, "rhea").await, reviewer(&bundle, "sol").await);
    assert_eq!(about(&rhea, second).await, (BTreeSet::from(["case-2".to_owned()]), 2));
    let ada = bundle.shopper("ada");
    for (notice, appeal) in [(&single, first), (&both, second)] {
        let refused = click(&ada, notice).await;
        assert_problem(&refused, 409, "appeal.already_open");
        assert_eq!((&refused.body["appeal_id"], refused.body.get("appeal_ids")), (&json!(appeal), None));
    }
    let refused = click(&ada, &again).await;
    assert_problem(&refused, 409, "appeal.already_open");
    assert_eq!((&refused.body["appeal_id"], &refused.body["appeal_ids"]), (&json!(second), &json!([second, first])));
    // What the notice came with was case-1's: it says nothing of what is to be restored here.
    let decided = settle(&rhea, second, "overturned").await;
    assert_eq!((&decided.body["notice"]["context"], messages(&bundle).await.len()), (&json!({}), 1));
    let undo = &messages(&bundle).await[0]["payload"];
    assert_eq!((&undo["decision_refs"], &undo["artifact_id"]), (&json!(["case-2"]), &Value::Null), "{undo}");
    let refused = click(&ada, &again).await;
    assert_problem(&refused, 409, "appeal.already_open");
    assert_eq!((&refused.body["appeal_id"], &refused.body["appeal_ids"]), (&json!(first), &json!([first, second])));
    settle(&sol, first, "upheld").await;
    let refused = click(&ada, &again).await;
    assert_problem(&refused, 409, "appeal.already_decided");
    assert_eq!((&refused.body["appeal_id"], &refused.body["state"]), (&json!(second), &json!("overturned")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_was_appealed_among_others_is_not_appealed_alone_and_somebody_elses_of_its_name_is() {
    let bundle = Bundle::start().await;
    let both = summary(&bundle, "ada", "account_warning", &[Some("case-1"), Some("case-2")]).await;
    let single = alone(&bundle, "ada", "content_violation", "case-1").await;
    let theirs = alone(&bundle, "bea", "content_violation", "case-1").await;
    let appeal = open(&bundle, "ada", &both).await;
    let refused = click(&bundle.shopper("ada"), &single).await;
    assert_problem(&refused, 409, "appeal.already_open");
    assert_eq!(refused.body["appeal_id"], appeal["appeal_id"]);
    open(&bundle, "bea", &theirs).await;
    assert_eq!(messages(&bundle).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_click_at_once_on_notices_that_share_decisions_each_has_one_appeal() {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    let rhea = reviewer(&bundle, "rhea").await;
    let names: Vec<String> = (0..16).map(|n| format!("case-{n}")).collect();
    let some = |of: std::ops::Range<usize>| names[of].iter().map(|name| Some(name.as_str()));
    for (person, fault) in [("ada", ""), ("bea", "lost"), ("cyd", "conflict")] {
        let mut notices = Vec::new();
        for name in &names[..6] {
            notices.push(alone(&bundle, person, "content_violation", name).await);
            bundle.clock().advance(hours(12));
        }
        let first: Vec<Option<&str>> = some(0..12).collect();
        notices.push(summary(&bundle, person, "account_warning", &first).await);
        let second: Vec<Option<&str>> = some(3..16).chain([None]).collect();
        notices.push(summary(&bundle, person, "temporary_restriction", &second).await);
        match fault {
            "lost" => faults.clear().on("TransactWriteItems").by("appeals").every(3).lose_reply(),
            "conflict" => faults.clear().on("TransactWriteItems").by("appeals").every(3).conflict(),
            _ => faults.clear(),
        };
        // Those alone and those together by turns, six times each.
        let clicks = (0..6 * notices.len()).map(|n| {
            let client = bundle.shopper(person).with_header("idempotency-key", &format!("click-{n}"));
            let notice = notices[n * 3 % notices.len()].clone();
            async move { click(&client, &notice).await }
        });
        let clicks = futures::future::join_all(clicks).await;
        faults.clear();
        let mut opened = BTreeSet::new();
        for reply in clicks {
            match reply.status {
                201 => assert!(opened.insert(reply.body["appeal_id"].as_str().unwrap().to_owned()), "{}", reply.body),
                _ => assert_problem(&reply, 409, "appeal.already_open"),
            }
        }
        let listed = bundle.shopper(person).get(OWN).await.body;
        let listed = listed["appeals"].as_array().unwrap().iter().map(|appeal| appeal["appeal_id"].as_str().unwrap());
        assert_eq!(listed.map(str::to_owned).collect::<BTreeSet<_>>(), opened, "{person}");
        let (mut appeals, mut all) = (BTreeMap::<String, usize>::new(), 0);
        for appeal in &opened {
            let (names, count) = about(&rhea, appeal).await;
            all += count;
            for name in names {
                *appeals.entry(name).or_default() += 1;
            }
        }
        assert!(appeals.len() == names.len() && appeals.values().all(|count| *count == 1), "{person}: {appeals:?}");
        assert_eq!(all, names.len() as u64 + 1, "{person}: the one without a name too");
    }
}
