//! Turn by turn: what is offered, how often, for how long, and who answers in the end.

use super::shop::{Script, Shop, asking, budget, calls, finds, product, says, store, written};
use crate::{
    agent::{Asking, FallbackReason, Settled, write},
    answer::{Answer, Tool},
    error::Error,
    model::{Fault, Message, Reply},
};
use serde_json::json;
use shared::auth::Role;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;
use tracing::{
    Instrument, Subscriber,
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

const OAT: &str = "Oatly Oat Milk is in aisle 7, bay 2, at $2.49 [oat-1].";

fn draft(text: &str) -> Answer {
    Answer { text: text.to_owned(), found: true, ..Answer::default() }
}

#[tokio::test]
async fn a_product_is_found_by_a_call_and_told_with_its_source() {
    let shop = Shop::of(Role::Shopper, &[]);
    let model = Script::new([finds("oatly")], says(OAT));
    let written = written(&model, &shop, "where is the oat milk?").await;
    assert_eq!((written.tokens, written.invented, written.refused), (110, 0, 0));
    let Settled { answer, fallback } = written.settle(draft("draft"), true).unwrap();
    assert_eq!(fallback, None);
    assert_eq!(answer.text, "Oatly Oat Milk is in aisle 7, bay 2, at $2.49.");
    assert_eq!((answer.found, answer.tools_used), (true, vec![Tool::GetProductLocation]));
    let cited: Vec<_> = answer.citations.iter().map(|c| (c.id.as_str(), c.title.as_str(), c.similarity)).collect();
    assert_eq!(cited, [("oat-1", "Oatly Oat Milk", 0.9)]);
    let given = model.given();
    assert!(given[0].system.contains("role is shopper") && given[0].system.contains("Monday 2026-11-16 10:00"));
    assert!(given[0].system.contains("Harlem (x) Market"), "a store's name brings no mark of a citation");
    assert_eq!(given[0].messages, [Message::Person("where is the oat milk?".into())]);
    let (content, is_error) = &given[1].results()[0];
    assert!(!is_error);
    insta::assert_json_snapshot!(content);
}

#[tokio::test]
async fn opening_hours_are_told_by_day_and_cited_by_the_store() {
    let shop = Shop::of(Role::Shopper, &[]);
    let model = Script::new(
        [calls([("check_store_hours", json!({}))])],
        says("We are open until 9 pm today [store:harlem]. On Sunday it is 10:00 to 18:30 [store:harlem]."),
    );
    let written = written(&model, &shop, "when do you close?").await;
    let settled = written.settle(draft("draft"), true).unwrap();
    assert_eq!(settled.fallback, None, "{settled:?}");
    assert_eq!(settled.answer.citations[0].id, "store:harlem");
    assert_eq!(settled.answer.tools_used, [Tool::CheckStoreHours]);
    insta::assert_json_snapshot!(model.given()[1].results()[0].0);
}

#[tokio::test]
async fn what_staff_may_know_is_found_by_id_and_by_words() {
    let shop = Shop::of(Role::StoreEmployee, &[]);
    let by_id = ("get_cost_price", json!({"product_id": "oat-1"}));
    let by_words = ("get_cost_price", json!({"query": "barista"}));
    let reply =
        "We pay $48,151.62 to Quartzfinch Imports for Oatly Oat Milk [oat-1], and the same for the other [oat-2].";
    let model = Script::new([calls([by_id, by_words])], says(reply));
    let settled = written(&model, &shop, "cost?").await.settle(draft("draft"), true).unwrap();
    assert_eq!((settled.fallback, settled.answer.citations.len()), (None, 2), "{settled:?}");
    assert_eq!(*shop.looked_up(), ["id oat-1", "find barista"]);
}

#[tokio::test]
async fn a_model_that_only_calls_is_given_its_calls_and_then_one_last_turn_without_tools() {
    for (limit, in_one) in [(0, 1), (1, 1), (5, 1), (5, 2), (5, 9), (20, 3), (3, 1_000)] {
        let shop = Shop::of(Role::Shopper, &[]);
        // Each call is another one, so that none is answered from an earlier.
        let reply = |turn: usize| {
            calls((0..in_one).map(|i| ("get_product_location", json!({"query": format!("oat {turn} {i}")}))))
        };
        let model = Script::new((0..50).map(reply), says("never"));
        let store = store();
        let mut asking = asking(Role::Shopper, &store, "milk?");
        asking.max_tool_calls = limit;
        let written = write(&model, &shop, &asking, &budget()).await;
        assert_eq!(shop.looked_up().len(), limit, "{limit} calls, {in_one} in a turn");
        let given = model.given();
        assert_eq!(given.len(), limit.div_ceil(in_one) + 1);
        assert!(given.last().unwrap().tools.is_empty());
        assert!(given.iter().rev().skip(1).all(|turn| !turn.tools.is_empty()));
        let settled = written.settle(draft("the draft"), true).unwrap();
        assert_eq!((settled.fallback, &*settled.answer.text), (Some(FallbackReason::ToolLimit), "the draft"));
    }
}

#[tokio::test]
async fn every_call_that_is_kept_has_its_result_in_order() {
    let shop = Shop::of(Role::Shopper, &[]);
    let three = calls([
        ("get_product_location", json!({"query": "oatly"})),
        ("launch_rocket", json!({"to": "x".repeat(10_000)})),
        ("check_store_hours", json!([1])),
    ]);
    let model = Script::new([three], says(OAT));
    written(&model, &shop, "milk?").await;
    let given = model.given();
    let [_, Message::Model { calls, .. }, Message::Results(results)] = &*given[1].messages else { panic!("{given:?}") };
    let ids = |id: &str, name: &str| (id.to_owned(), name.to_owned());
    let expected = [ids("c0", "get_product_location"), ids("c1", "launch_rocket"), ids("c2", "check_store_hours")];
    assert_eq!(calls.iter().map(|call| ids(&call.id, &call.name)).collect::<Vec<_>>(), expected);
    assert_eq!(results.iter().map(|result| ids(&result.id, &result.name)).collect::<Vec<_>>(), expected);
    assert_eq!(results.iter().map(|result| result.is_error).collect::<Vec<_>>(), [false, true, true]);
    assert!(calls.iter().all(|call| call.arguments.is_object() && call.arguments.to_string().len() < 2_001));
}

#[tokio::test]
async fn a_call_that_is_repeated_is_answered_from_the_first_result() {
    let shop = Shop::of(Role::Shopper, &[]);
    let model = Script::new([finds("oatly"), finds(" oatly "), finds("barista"), finds("oatly")], says(OAT));
    written(&model, &shop, "milk?").await;
    assert_eq!(*shop.looked_up(), ["find oatly", "find barista"]);
    let given = model.given();
    assert_eq!(given[1].results(), given[4].results());
}

#[tokio::test]
async fn prices_and_stock_limit_what_is_found() {
    let shop = Shop::of(Role::Shopper, &[]);
    let ask = |arguments| calls([("get_product_location", arguments)]);
    let model = Script::new(
        [
            ask(json!({"query": "oat", "max_price": 2.49})),
            ask(json!({"query": "oat", "in_stock": true})),
            ask(json!({"query": "oat", "max_price": 1})),
        ],
        says("Nothing costs so little; the nearest is Oat Chocolate at $1.50 [choc]."),
    );
    let settled = written(&model, &shop, "oat under 1 dollar?").await.settle(draft("draft"), true).unwrap();
    let given = model.given();
    let ids = |turn: usize, member: &str| -> Vec<String> {
        let (content, _) = &given[turn].results()[0];
        content[member].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(1, "products"), ["oat-1", "choc"]);
    assert_eq!(ids(2, "products"), ["oat-1", "choc"]);
    assert_eq!((ids(3, "products"), ids(3, "nearest").len()), (vec![], 3));
    assert_eq!(settled.fallback, None, "{settled:?}");
    let model = Script::new([ask(json!({"query": "oatly", "max_price": 1}))], says("The nearest is $2.49 [oat-1]."));
    let settled = written(&model, &shop, "oat under 1 dollar?").await.settle(draft("draft"), true).unwrap();
    assert!(settled.fallback.is_none() && !settled.answer.found, "what is only near is no find: {settled:?}");
}

#[tokio::test]
async fn a_result_holds_a_few_products_and_says_that_there_are_more() {
    let many: Vec<_> = (0..30).map(|i| product(&format!("p-{i}"), "Oatly Other", 1.0, "3", json!(1))).collect();
    let model = Script::new([finds("oatly")], says(OAT));
    written(&model, &Shop::of(Role::Shopper, &many), "milk?").await;
    let (content, _) = &model.given()[1].results()[0];
    assert_eq!((content["products"].as_array().unwrap().len(), &content["more"]), (8, &json!(true)));
}

#[tokio::test]
async fn hours_are_told_of_days_within_some_four_hundred() {
    let on = |date: &str| ("check_store_hours", json!({"date": date}));
    let far = ["0001-01-01", "9999-12-31", "2028-01-01", "2025-10-01"];
    for date in far {
        let model = Script::new([calls([on(date)])], says("Closed [store:harlem]."));
        written(&model, &Shop::of(Role::Shopper, &[]), "open?").await;
        assert!(model.given()[1].results()[0].1, "{date}");
    }
    let model = Script::new([calls([on("2027-11-15")])], says("We open at 8 am [store:harlem]."));
    let written = written(&model, &Shop::of(Role::Shopper, &[]), "open?").await;
    assert_eq!(model.given()[1].results()[0].0["days"][0]["open"], json!(["08:00 to 21:00"]));
    assert_eq!(written.settle(draft("draft"), true).unwrap().fallback, None);
}

/// Every new span as `parent > name`.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let parent = span.parent().map_or("-", |parent| parent.name());
        self.0.lock().unwrap().push(format!("{parent} > {}", span.name()));
    }
}

#[tokio::test]
async fn each_granted_call_has_one_span_under_the_writing_and_a_refused_one_has_none() {
    let spans = Spans::default();
    let subscriber = tracing_subscriber::registry().with(spans.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let asked = calls([
        ("get_product_location", json!({"query": "oat"})),
        ("check_store_hours", json!({})),
        ("get_cost_price", json!({"query": "oat"})),
    ]);
    let shop = Shop::of(Role::Shopper, &[]);
    let writing = || async {
        let model = Script::new([asked.clone()], says(OAT));
        written(&model, &shop, "milk?").instrument(tracing::info_span!("llm_generation")).await;
    };
    // A span's place in the code that another test reaches first, at this very moment, may be taken for one that nobody listens
    // to: so each place is reached once, and asked again who listens, before it counts.
    writing().await;
    tracing::callsite::rebuild_interest_cache();
    spans.0.lock().unwrap().clear();
    writing().await;
    assert_eq!(
        *spans.0.lock().unwrap(),
        ["- > llm_generation", "llm_generation > tool_call", "llm_generation > tool_call"]
    );
}

#[tokio::test]
async fn shelves_that_fail_are_told_to_the_model_as_an_error() {
    let shop = Shop { broken: true, ..Shop::of(Role::Admin, &[]) };
    let cost = calls([("get_cost_price", json!({"query": "oat"})), ("get_cost_price", json!({"product_id": "oat-1"}))]);
    let model = Script::new([finds("oat"), cost], says("It is in aisle 7 [oat-1]."));
    let written = written(&model, &shop, "milk?").await;
    assert!(model.given()[1..].iter().all(|turn| turn.results().iter().all(|(_, is_error)| *is_error)));
    assert_eq!(written.invented, 1);
    assert_eq!(written.settle(draft("draft"), true).unwrap().fallback, Some(FallbackReason::Uncited));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_slow_is_cut_off_in_time_for_the_draft() {
    let shop = Shop::of(Role::Shopper, &[]);
    let begun = Instant::now();
    let model = Script { takes: Duration::from_secs(10), ..Script::new([finds("a"), finds("b")], says(OAT)) };
    let written = written(&model, &shop, "milk?").await;
    assert_eq!(begun.elapsed(), Duration::from_millis(24_750));
    let times: Vec<_> = model.given().iter().map(|given| given.time.as_millis()).collect();
    assert_eq!(times, [10_000, 10_000, 4_750]);
    assert_eq!(written.tokens, 200, "what was spent counts although it came to nothing");
    assert_eq!(written.settle(draft("draft"), true).unwrap().fallback, Some(FallbackReason::Timeout));
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_hangs_is_told_to_the_model_in_half_the_time_and_not_waited_for_again() {
    let shop = Shop { slow: Duration::from_secs(3_600), ..Shop::of(Role::Shopper, &[]) };
    let begun = Instant::now();
    let hours = calls([("check_store_hours", json!({}))]);
    let model = Script::new([finds("oat"), finds("milk"), hours], says("We are open until 9 pm [store:harlem]."));
    let written = written(&model, &shop, "milk?").await;
    assert_eq!(begun.elapsed(), Duration::from_millis(12_375));
    assert_eq!(*shop.looked_up(), ["find oat"]);
    let faults: Vec<_> = model.given()[1..].iter().map(|given| given.results()[0].1).collect();
    assert_eq!(faults, [true, true, false]);
    assert_eq!(written.settle(draft("draft"), true).unwrap().fallback, None, "what needs no retrieval is answered");
}

#[tokio::test(start_paused = true)]
async fn whether_retrieval_hangs_fails_or_is_off_the_caller_gets_an_answer_from_a_good_model_or_the_draft() {
    let hangs = Shop { slow: Duration::from_secs(3_600), ..Shop::of(Role::Shopper, &[]) };
    let fails = Shop { broken: true, ..Shop::of(Role::Shopper, &[]) };
    let off = Shop::of(Role::Shopper, &[]);
    for (shop, retrieves, looked_up) in [(hangs, true, 1), (fails, true, 1), (off, false, 0)] {
        let says_so = Script::new([finds("oat")], says("I cannot look that up right now."));
        let bad = Script::failing([finds("oat")], Fault::Failed("502".into()));
        for (model, reason) in [(says_so, FallbackReason::Uncited), (bad, FallbackReason::Unavailable)] {
            shop.looked_up().clear();
            let store = store();
            let asking = Asking { retrieves, ..asking(Role::Shopper, &store, "milk?") };
            let written = write(&model, &shop, &asking, &budget()).await;
            assert!(model.given()[1].results()[0].1, "the model is told that it cannot look");
            assert_eq!(shop.looked_up().len(), looked_up);
            let settled = written.settle(draft("draft"), true).unwrap();
            assert_eq!((settled.fallback, &*settled.answer.text), (Some(reason), "draft"));
        }
    }
}

#[tokio::test]
async fn each_fault_leads_to_the_draft_or_where_that_says_nothing_to_a_problem() {
    let busy = |seconds: u64| Fault::Busy { retry_after: Some(Duration::from_secs(seconds)) };
    let resting = Fault::Resting { retry_after: Duration::from_millis(14_001) };
    for (fault, reason, retry_after) in [
        (Fault::Timeout, FallbackReason::Timeout, 5),
        (busy(7), FallbackReason::Busy, 7),
        (busy(0), FallbackReason::Busy, 1),
        (busy(86_400), FallbackReason::Busy, 60),
        (busy(u64::MAX), FallbackReason::Busy, 60),
        (Fault::Busy { retry_after: None }, FallbackReason::Busy, 5),
        (Fault::Failed("502".into()), FallbackReason::Unavailable, 5),
        (Fault::Key, FallbackReason::Unavailable, 5),
        (Fault::Refused("no such model".into()), FallbackReason::Unavailable, 5),
        (Fault::Form("half a reply".into()), FallbackReason::Malformed, 5),
        (Fault::Stopped("max_tokens".into()), FallbackReason::CutOff, 5),
        (resting, FallbackReason::Unavailable, 15),
    ] {
        let shop = Shop::of(Role::Shopper, &[]);
        for before in [vec![], vec![finds("oat")]] {
            let run = || async { written(&Script::failing(before.clone(), fault.clone()), &shop, "milk?").await };
            let settled = run().await.settle(draft("the draft"), true).unwrap();
            assert_eq!((&*settled.answer.text, settled.fallback), ("the draft", Some(reason)), "{fault}");
            let none = run().await.settle(Answer::default(), false).unwrap_err();
            let Error::Model { fault: told, retry_after_s } = none else { panic!("{none}") };
            assert_eq!((told, retry_after_s), (fault.clone(), retry_after));
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_not_trusted_leads_to_the_draft_and_never_to_a_problem() {
    let shop = Shop::of(Role::Shopper, &[]);
    for (reply, reason) in [
        ("", FallbackReason::Malformed),
        ("[oat-1]", FallbackReason::Malformed),
        ("It is in aisle 7.", FallbackReason::Uncited),
        ("It is in aisle 9 [oat-1].", FallbackReason::Contradicted),
        ("See https://evil.example [oat-1]", FallbackReason::UnsafeText),
    ] {
        let run = || async { written(&Script::new([finds("oatly")], says(reply)), &shop, "milk?").await };
        assert_eq!(run().await.settle(draft("draft"), true).unwrap().fallback, Some(reason), "{reply}");
        assert_eq!(run().await.settle(Answer::default(), false).unwrap().fallback, Some(reason), "{reply}");
    }
}

#[tokio::test]
async fn an_id_that_was_never_shown_is_dropped_and_counted() {
    let shop = Shop::of(Role::Shopper, &[]);
    let reply = "Oatly is in aisle 7 [oat-1, oat-99], also [choc] [store:harlem] there.";
    let written = written(&Script::new([finds("oatly")], says(reply)), &shop, "milk?").await;
    assert_eq!(written.invented, 3, "choc and the hours are there, but no tool has shown them in this request");
    let answer = written.settle(draft("draft"), true).unwrap().answer;
    assert_eq!(answer.citations.iter().map(|citation| &*citation.id).collect::<Vec<_>>(), ["oat-1"]);
    assert_eq!(answer.text, "Oatly is in aisle 7, also there.");
}

#[tokio::test]
async fn tokens_are_counted_without_overflow() {
    let shop = Shop::of(Role::Shopper, &[]);
    let many = Reply { tokens: u64::MAX, ..finds("oat") };
    assert_eq!(written(&Script::new([many.clone(), many], says(OAT)), &shop, "milk?").await.tokens, u64::MAX);
}
