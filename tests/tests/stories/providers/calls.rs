//! Calls of tools in each provider's format: the last turn, two at once, and one that is refused.

use super::*;

/// What the vendor is told of the calls of the last turn, each as it came: whether it is an error, and its text.
fn results(kind: Kind, asked: &Value) -> Vec<(bool, String)> {
    let messages = asked["messages"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let blocks = || messages.last().unwrap()["content"].as_array().unwrap().iter();
    match kind {
        Kind::OpenAi => {
            let last = messages.iter().rev().take_while(|message| message["role"] == "tool").collect::<Vec<_>>();
            let told = last.into_iter().rev().map(|message| text(&message["content"]));
            // The format has no mark for an error: its content says so.
            told.map(|content| (content.starts_with("{\"error\""), content)).collect()
        }
        Kind::Bedrock => {
            let result = |block: &Value| block["toolResult"].clone();
            blocks().map(result).map(|got| (got["status"] == "error", text(&got["content"][0]["text"]))).collect()
        }
        _ => blocks().map(|block| (block["is_error"] == true, text(&block["content"]))).collect(),
    }
}

/// Whether a model that is asked so may call a tool.
fn may_call(kind: Kind, asked: &Value) -> bool {
    match kind {
        Kind::Bedrock => asked.get("toolConfig").is_some(),
        _ => asked.get("tools").is_some() && asked["tool_choice"]["type"] != "none",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_has_called_as_often_as_it_may_must_answer_and_is_not_believed_if_it_calls_again() {
    for kind in MODELS {
        let vendor = Vendor::start(kind).await;
        vendor.wants_key(right(kind));
        let bundle = Bundle::start_with(options(kind, &vendor.url()).variable("ASK_MAX_TOOL_CALLS", "1")).await;
        let ada = bundle.shopper("ada");
        vendor.then(looks_it_up());
        let answer = in_time(&ada).await;
        assert_eq!(answer["answered_by"], name(kind), "{answer}");
        vendor.always(Step::Call(vec![oat_milk()]));
        let answer = in_time(&ada).await;
        assert!(is_fallback(&answer) && answer["fallback_reason"] == "tool_limit", "{kind:?}: {answer}");
        let may: Vec<bool> = vendor.heard().iter().map(|asked| may_call(kind, asked)).collect();
        assert_eq!(may, [true, false, true, false], "{kind:?}");
        assert_eq!(vendor.wrongs(), [""; 0], "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_calls_of_one_reply_are_both_run_and_both_told() {
    for kind in MODELS {
        let vendor = Vendor::start(kind).await;
        let bundle = with(&vendor, kind).await;
        let both = vec![oat_milk(), ("check_store_hours", json!({}))];
        vendor.then([Step::Call(both), Step::Say(PLACED.to_owned())]);
        let answer = in_time(&bundle.shopper("ada")).await;
        assert_eq!(answer["answered_by"], name(kind), "{answer}");
        assert_eq!(answer["tools_used"], json!(["get_product_location", "check_store_hours"]), "{answer}");
        let told = results(kind, &vendor.heard()[1]);
        let [(false, products), (false, hours)] = &told[..] else { panic!("{kind:?}: {told:?}") };
        assert!(products.contains("\"aisle\"") && hours.contains("\"open_now\""), "{kind:?}: {told:?}");
        assert_eq!(vendor.wrongs(), [""; 0], "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_the_person_has_no_right_to_is_refused_in_words_and_no_cost_price_leaves() {
    for kind in MODELS {
        let vendor = Vendor::start(kind).await;
        let bundle = with(&vendor, kind).await;
        let mut canary = fig_spread(3);
        (canary["name"], canary["cost_price"]) = (json!("Canary Cordial"), json!(48151.62));
        canary["supplier"] = json!("Quartzfinch Imports");
        assert_eq!(bundle.employee("emil").put(&product_path("canary"), canary).await.status, 201);
        bundle.run_schedule("catalog-publish").await.unwrap();
        bundle.clock().advance(jiff::SignedDuration::from_secs(6));
        let asks = |what: &'static str| Step::Call(vec![(what, json!({"query": "canary cordial"}))]);
        let say = || Step::Say("The cordial costs {price} [{id}].".to_owned());
        let question = "how much is the canary cordial?";
        vendor.then([asks("get_cost_price"), asks("get_product_location"), say()]);
        let answer = answer(&bundle.shopper("ada"), question).await;
        assert_eq!(vendor.wrongs(), [""; 0], "{kind:?}");
        assert_eq!((&answer["answered_by"], text(&answer)), (&json!(name(kind)), "The cordial costs $6.35."));
        assert_eq!(answer["tools_used"], json!(["get_product_location"]), "{answer}");
        let heard = vendor.heard();
        let refusal = json!({"error": "Role 'shopper' cannot use 'get_cost_price'"}).to_string();
        assert_eq!(results(kind, &heard[1]), [(true, refusal)], "{kind:?}");
        for seen in heard.iter().chain([&answer]).map(|seen| seen.to_string().to_lowercase()) {
            assert!(!seen.contains("quartzfinch") && !seen.contains("48151") && !seen.contains("48,151"), "{seen}");
        }
        // The same call of someone who may: what was kept from the shopper is there to be had.
        vendor.then([asks("get_cost_price"), say()]);
        ask(&bundle.employee("emil"), question).await;
        let told = results(kind, vendor.heard().last().unwrap());
        assert!(!told[0].0 && told[0].1.contains("48,151.62"), "{kind:?}: {told:?}");
    }
}
