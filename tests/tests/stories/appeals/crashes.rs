//! Functions that die between any two of their calls: the same request, sent again under its key, is done once.

use super::{super::notices::rows, decided::plain, guards::summary, *};
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::BTreeMap;
use tests::faults::Faults;

/// What somebody does with an appeal.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Open,
    /// Where some of the decisions are appealed already.
    OpenRest,
    State,
    Withdraw,
    Review,
    Decide(&'static str),
    /// Where the person was told of another appeal just now.
    DecideLater,
    Reopen,
}

/// How a function ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// It dies before the table hears of the call.
    Before,
    /// It dies when the table has done the call.
    After,
    /// It lives, and does not hear of the call.
    ReplyLost,
}

/// A request.
struct Asked {
    client: Client,
    method: Method,
    path: String,
    body: Value,
}

/// What stands of a person's appeals.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stands {
    /// Of each appeal its state and events, in the order of time.
    appeals: Vec<String>,
    /// How many decisions, statements and rulings they have.
    parts: [usize; 3],
    guards: usize,
    /// The kinds of the entries in the audit log that are about them.
    entries: BTreeMap<String, usize>,
    /// Notices of decisions on appeals, and those that wait.
    notices: [usize; 2],
    undos: usize,
}

impl Asked {
    async fn send(&self) -> Response {
        let body = self.body.to_string();
        self.client.send(self.method.clone(), &self.path, Some(("application/json", body.into()))).await.unwrap()
    }
}

/// Brings a person's appeal to where `deed` can be done; the request that does it.
async fn before(bundle: &Bundle, deed: Deed, person: &str) -> Asked {
    let notice = match deed {
        Deed::OpenRest => {
            let names = [Some("case-1"), Some("case-2"), Some("case-3"), None];
            let all = summary(bundle, person, "account_warning", &names).await;
            let other = summary(bundle, person, "content_violation", &names[1..2]).await;
            assert_eq!(click(&bundle.shopper(person), &other).await.status, 201);
            all
        }
        _ => tell(&service(bundle), person, "account_warning").await,
    };
    let ask = |client: Client, method, path: String, body| {
        let client = client.with_header("idempotency-key", &format!("key-of-{person}"));
        Asked { client, method, path, body }
    };
    let own_client = bundle.shopper(person);
    if matches!(deed, Deed::Open | Deed::OpenRest) {
        return ask(own_client, Method::POST, format!("{NOTICES}/{notice}/appeal"), json!({"statement": "Why?"}));
    }
    let opened = click(&own_client, &notice).await;
    let appeal = opened.body["appeal_id"].as_str().unwrap();
    let staff = format!("{STAFF}/{appeal}");
    let (rhea, sol) = (reviewer(bundle, "rhea").await, reviewer(bundle, "sol").await);
    match deed {
        Deed::Decide(_) => assert_eq!(review(&sol, appeal).await.status, 200),
        Deed::DecideLater => {
            assert_eq!(review(&sol, appeal).await.status, 200);
            tell(&service(bundle), person, "appeal_update").await;
        }
        Deed::Reopen => _ = settle(&rhea, appeal, "upheld").await,
        _ => {}
    }
    let reason = "It keeps to the guidelines.";
    match deed {
        Deed::State => ask(own_client, Method::PATCH, own(appeal), json!({"statement": "Since."})),
        Deed::Withdraw => ask(own_client, Method::PATCH, own(appeal), json!({"state": "withdrawn"})),
        Deed::Review => ask(sol, Method::POST, format!("{staff}/review"), json!({})),
        Deed::Reopen => ask(sol, Method::POST, format!("{staff}/reopen"), json!({"reason": reason})),
        Deed::Decide(outcome) => {
            ask(sol, Method::POST, format!("{staff}/decision"), json!({"outcome": outcome, "reason": reason}))
        }
        _ => ask(sol, Method::POST, format!("{staff}/decision"), json!({"outcome": "overturned", "reason": reason})),
    }
}

/// What stands of `person`, read past all functions.
async fn stands(bundle: &Bundle, person: &str) -> Stands {
    let rows: Vec<Value> = rows(bundle).await.into_iter().map(|row| plain(&AttributeValue::M(row))).collect();
    let tenant = format!("T#{}#", local::seed::TENANT);
    let of = |partition: &str, sort: &str| {
        let partition = format!("{tenant}{partition}");
        rows.iter()
            .filter(|row| row["pk"] == partition && row["sk"].as_str().unwrap().starts_with(sort))
            .collect::<Vec<_>>()
    };
    let appeals: Vec<&Value> = of("APPEALS", "apl_").into_iter().filter(|row| row["person"] == person).collect();
    let mut all = Stands { guards: of(&format!("APPEALS#{person}"), "").len(), ..Stands::default() };
    let mut told: Vec<(&str, String)> = Vec::new();
    for appeal in &appeals {
        let deeds: Vec<_> = appeal["history"].as_array().unwrap().iter().map(|event| &event["deed"]["deed"]).collect();
        let about = json!([appeal["state"], appeal["version"], appeal["round"], deeds]);
        told.push((appeal["id"].as_str().unwrap(), about.to_string()));
        let lists = [&appeal["about"]["decisions"], &appeal["statements"], &appeal["rulings"]];
        for (part, list) in all.parts.iter_mut().zip(lists) {
            *part += list.as_array().unwrap().len();
        }
    }
    told.sort();
    for leaf in of("AUDIT", "").iter().filter_map(|row| row["leaf"].as_str()) {
        let leaf: Value = serde_json::from_str(leaf).unwrap();
        if told.iter().any(|(id, _)| leaf["of"] == *id) {
            *all.entries.entry(leaf["kind"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    all.appeals = told.into_iter().map(|(_, about)| about).collect();
    let updates = of(&format!("NOTICE#{person}"), "").into_iter().filter(|row| row["category"] == "appeal_update");
    let waiting = of(&format!("RATE#{person}#appeal_update"), "OFF#").into_iter();
    all.notices = [updates.count(), waiting.filter(|row| row["deferral_due"].is_string()).count()];
    let asks = |row: &&Value| row["topic"] == "artifact.undo_requested" && row["payload"]["userId"] == person;
    all.undos = of("OUTBOX", "").into_iter().filter(asks).count();
    all
}

/// Does `deed` undisturbed, and then with every end at every call; each time it stands once.
async fn dies_anywhere(deed: Deed, once: impl Fn(&Stands) -> bool) {
    let faults = Faults::new();
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    let undisturbed = before(&bundle, deed, "nobody").await;
    let mark = faults.mark();
    let right = undisturbed.send().await;
    let calls = faults.since(mark).by("appeals").len() as u64;
    let whole = stands(&bundle, "nobody").await;
    assert!(right.status < 300 && calls >= 5 && once(&whole), "{deed:?}: {} {whole:#?}", right.body);
    for nth in 1..=calls {
        for end in [End::Before, End::After, End::ReplyLost] {
            let person = format!("{end:?}-{nth}");
            let asked = before(&bundle, deed, &person).await;
            let of_it = || faults.on("*").by("appeals");
            match end {
                End::Before => _ = of_it().from(nth).reset(),
                End::After => {
                    of_it().nth(nth).lose_reply();
                    of_it().from(nth + 1).reset();
                }
                End::ReplyLost => _ = of_it().nth(nth).lose_reply(),
            }
            let first = asked.send().await;
            faults.clear();
            let good = first.status == right.status || first.status >= 500;
            assert!(good, "{deed:?} {person}: {} {}", first.status, first.body);
            // A run that could not give its key back holds it for the rest of its lease.
            bundle.clock().advance(SignedDuration::from_mins(1));
            let again = asked.send().await;
            assert_eq!(again.status, right.status, "{deed:?} {person}: {}", again.body);
            assert_eq!(stands(&bundle, &person).await, whole, "{deed:?} {person}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_that_dies_anywhere_is_one_appeal() {
    dies_anywhere(Deed::Open, |all| all.appeals.len() == 1 && all.guards == 1 && all.entries["appeal.opened"] == 1)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_about_the_rest_that_dies_anywhere_is_one_appeal() {
    // Two notices and three names have guards; the appeals are about one decision, and the three that were left.
    dies_anywhere(Deed::OpenRest, |all| all.appeals.len() == 2 && all.guards == 5 && all.parts[0] == 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_dies_anywhere_is_added_once() {
    dies_anywhere(Deed::State, |all| all.parts[1] == 1 && all.entries["appeal.statement_added"] == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_that_dies_anywhere_is_one() {
    dies_anywhere(Deed::Withdraw, |all| all.entries["appeal.withdrawn"] == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_that_dies_anywhere_begins_once() {
    dies_anywhere(Deed::Review, |all| all.entries["appeal.taken"] == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reopening_that_dies_anywhere_is_one_round() {
    dies_anywhere(Deed::Reopen, |all| all.entries["appeal.reopened"] == 1).await;
}

fn decided(all: &Stands, notices: [usize; 2], undos: usize) -> bool {
    all.parts[2] == 1 && all.entries["appeal.decided"] == 1 && (all.notices, all.undos) == (notices, undos)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_to_uphold_that_dies_anywhere_is_told_once() {
    dies_anywhere(Deed::Decide("upheld"), |all| decided(all, [1, 0], 0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_to_overturn_that_dies_anywhere_is_told_once_and_asks_once_for_what_is_to_be_undone() {
    dies_anywhere(Deed::Decide("overturned"), |all| decided(all, [1, 0], 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_to_overturn_a_part_that_dies_anywhere_is_told_once_and_asks_once() {
    dies_anywhere(Deed::Decide("partially_overturned"), |all| decided(all, [1, 0], 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_dies_anywhere_while_its_notice_must_wait_waits_once() {
    dies_anywhere(Deed::DecideLater, |all| decided(all, [1, 1], 1)).await;
}
