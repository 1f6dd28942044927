//! Erasures where a store hides for a moment what it has acknowledged, where the route comes to lead elsewhere, and where calls do not hear what
//! they did.

use super::{
    erased::{erase, keeper, left, send},
    *,
};
use aws_sdk_dynamodb::types::{AttributeValue, BillingMode, GlobalSecondaryIndex};
use std::time::{Duration, Instant};
use tests::faults::Faults;

async fn behind(faults: &Faults) -> (Bundle, Client, Client) {
    let bundle = Bundle::start_with(faults.before(Options::for_tests())).await;
    route(&bundle, "t_greenleaf").await;
    let (service, keeper) = (service(&bundle), keeper(&bundle, "t_greenleaf").await);
    (bundle, service, keeper)
}

async fn receipt(keeper: &Client, erased: &Response) -> Value {
    let id = erased.body["receipt_id"].as_str().unwrap_or_else(|| panic!("{}", erased.body));
    keeper.get(&format!("/analytics/erasures/{id}")).await.success().unwrap().body
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_index_hides_for_a_moment_is_gone_before_an_erasure_is_complete() {
    let faults = Faults::new();
    let (_bundle, service, keeper) = behind(&faults).await;
    send(&service, "ada", "ada", 12).await;
    let refused = service.post(INGEST, json!({"event_type": "a b", "payload": {}, "user_id": "ada"})).await;
    let waits = format!("/analytics/failed/{}/replay", refused.body["failed_id"].as_str().unwrap());
    let mended = json!({"event_type": "mended", "payload": {}, "user_id": "ada"});
    assert_eq!(keeper.post(&waits, mended).await.status, 200);
    // The indexes know nothing yet of what the table has acknowledged.
    let (since, behind) = (Instant::now(), Duration::from_millis(1_500));
    faults.on("Query").by("ingest").touching("#EVENT").alter(move |page| {
        if since.elapsed() < behind {
            page["Items"] = json!([]);
            page["Count"] = 0.into();
        }
    });
    let erased = erase(&keeper, "ada", None).await;
    assert!(since.elapsed() > behind, "it waited");
    faults.clear();
    assert_eq!((&erased.body["complete"], &erased.body["deleted"]), (&json!(true), &json!(13)), "{}", erased.body);
    assert_eq!(left(&service, "ada").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_has_no_time_to_wait_does_not_say_that_all_is_gone() {
    let (bundle, service) = started().await;
    let keeper = keeper(&bundle, "t_greenleaf").await;
    send(&service, "ada", "ada", 3).await;
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/ingest/erase.json");
    let event = std::fs::read_to_string(file).unwrap();
    let event = event.replace("Bearer TOKEN", &format!("Bearer {}", keeper.token().unwrap()));
    // A call leaves four seconds for telling what it did.
    assert_eq!(bundle.deliver_within(&event, Duration::from_secs(5)).await.unwrap(), 200);
    let last = erase(&keeper, "ada", None).await;
    let told = receipt(&keeper, &last).await;
    assert_eq!((&last.body["deleted"], &last.body["deleted_in_all"]), (&json!(0), &json!(3)), "{}", last.body);
    assert_eq!((&last.body["complete"], &told["deleted_is_exact"]), (&json!(true), &json!(true)), "{told}");
}

/// Another table of the form of the bundle's own, and the route that leads there.
async fn another_table(bundle: &Bundle, name: &str) -> Value {
    let dynamodb = bundle.aws().administrator().dynamodb();
    let form = dynamodb.describe_table().table_name(&bundle.template().tables[1].name).send().await.unwrap();
    let form = form.table.unwrap();
    let index = |index: &aws_sdk_dynamodb::types::GlobalSecondaryIndexDescription| {
        let made = GlobalSecondaryIndex::builder().index_name(index.index_name().unwrap());
        let made = made.set_key_schema(index.key_schema.clone()).set_projection(index.projection.clone());
        made.build().unwrap()
    };
    let indexes = form.global_secondary_indexes().iter().map(index).collect();
    let made = dynamodb.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    let made = made.set_key_schema(form.key_schema.clone()).set_global_secondary_indexes(Some(indexes));
    made.set_attribute_definitions(form.attribute_definitions.clone()).send().await.unwrap();
    let mut route = leads(bundle, "t_greenleaf");
    route["config"]["table_name"] = name.into();
    route
}

async fn lead(bundle: &Bundle, route: Value) {
    let keeper = super::super::routing::keeper(bundle).await;
    let made = keeper.post(&format!("{ROUTES}?replace=true"), route).await;
    assert!(matches!(made.status, 200 | 201), "{}", made.body);
    bundle.clock().advance(SignedDuration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_comes_to_another_store_begins_anew_there_and_names_both() {
    let (bundle, service) = started().await;
    let keeper = keeper(&bundle, "t_greenleaf").await;
    let (old, there) = (leads(&bundle, "t_greenleaf"), another_table(&bundle, "events-elsewhere").await);
    send(&service, "old", "ada", 2_100).await;
    lead(&bundle, there.clone()).await;
    send(&service, "new", "ada", 30).await;
    lead(&bundle, old.clone()).await;
    let first = erase(&keeper, "ada", None).await;
    assert_eq!((&first.body["deleted"], &first.body["complete"]), (&json!(2_000), &json!(false)), "{}", first.body);
    lead(&bundle, there).await;
    // The cursor stands among the events of the old store, after those of the new one.
    let second = erase(&keeper, "ada", first.body["cursor"].as_str()).await;
    assert_eq!(second.body["receipt_id"], first.body["receipt_id"]);
    assert_eq!((&second.body["deleted"], &second.body["cursor"]), (&json!(30), &Value::Null), "{}", second.body);
    assert_eq!(left(&service, "ada").await, 0);
    let table = &bundle.template().tables[1].name;
    let stores = json!([
        {"backend_type": "dynamodb", "place": table, "complete": false},
        {"backend_type": "dynamodb", "place": "events-elsewhere", "complete": true},
    ]);
    let told = receipt(&keeper, &first).await;
    for told in [&second.body, &told] {
        assert_eq!((&told["complete"], &told["stores"]), (&json!(false), &stores), "{told}");
    }
    assert_eq!((&told["events"], &told["log"][1]["kind"]), (&json!(2_030), &json!("analytics.erased")), "{told}");
    // By a route that leads to the old one, the rest goes too, under a receipt of its own.
    lead(&bundle, old).await;
    let rest = erase(&keeper, "ada", None).await;
    assert_ne!(rest.body["receipt_id"], first.body["receipt_id"]);
    assert_eq!((&rest.body["deleted"], &rest.body["complete"]), (&json!(100), &json!(true)), "{}", rest.body);
    assert_eq!(rest.body["stores"], json!([{"backend_type": "dynamodb", "place": table, "complete": true}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted_by_a_call_that_does_not_hear_of_it_is_counted_once() {
    let faults = Faults::new();
    let (_bundle, service, keeper) = behind(&faults).await;
    send(&service, "ada", "ada", 2_050).await;
    // The first is that it began.
    faults.on("TransactWriteItems").by("ingest").touching("#ERASURES").nth(2).lose_reply();
    faults.on("UpdateItem").by("ingest").touching("#ERASURES").once().lose_reply();
    let first = erase(&keeper, "ada", None).await;
    assert_eq!(first.body["deleted_in_all"], 2_000, "{}", first.body);
    let last = erase(&keeper, "ada", first.body["cursor"].as_str()).await;
    let told = receipt(&keeper, &last).await;
    assert_eq!((&told["events"], &told["deleted_is_exact"]), (&json!(2_050), &json!(true)), "{told}");
    assert_eq!(told["complete"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_leaves_something_out_never_becomes_exact_again() {
    let faults = Faults::new();
    let (bundle, service, keeper) = behind(&faults).await;
    send(&service, "ada", "ada", 2_050).await;
    let first = erase(&keeper, "ada", None).await;
    assert_eq!(first.body["deleted_is_exact"], true);
    // Between what the next call knows and what it writes, another one has begun, told, and found that the count is not exact.
    let (table, dynamodb) = (bundle.template().tables[0].name.clone(), bundle.aws().administrator().dynamodb());
    let receipt_id = first.body["receipt_id"].as_str().unwrap().to_owned();
    faults.on("UpdateItem").by("ingest").touching("#ERASURES").once().before(move || {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let update = dynamodb.update_item().table_name(&table).key("pk", text("T#t_greenleaf#ERASURES"));
        let update = update.key("sk", text(&receipt_id)).update_expression("SET #exact = :no");
        let update = update.expression_attribute_names("#exact", "exact");
        let update = update.expression_attribute_values(":no", AttributeValue::Bool(false));
        let done = async { update.send().await.unwrap() };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(done));
    });
    let last = erase(&keeper, "ada", first.body["cursor"].as_str()).await;
    assert_eq!((&last.body["deleted_in_all"], &last.body["complete"]), (&json!(2_050), &json!(true)), "{}", last.body);
    assert_eq!(last.body["deleted_is_exact"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_event_that_somebody_else_lets_go_meanwhile_is_not_counted() {
    let faults = Faults::new();
    let (bundle, service, keeper) = behind(&faults).await;
    let refused = service.post(INGEST, json!({"event_type": "a b", "payload": {}, "user_id": "ada"})).await;
    let failed_id = refused.body["failed_id"].as_str().unwrap().to_owned();
    let (table, dynamodb) = (bundle.template().tables[0].name.clone(), bundle.aws().administrator().dynamodb());
    // Between the page in which it stands and its removal.
    faults.on("TransactWriteItems").by("ingest").touching("#FAILED").once().before(move || {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let delete = dynamodb.delete_item().table_name(&table).key("pk", text("T#t_greenleaf#FAILED"));
        let done = async { delete.key("sk", text(&failed_id)).send().await.unwrap() };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(done));
    });
    let erased = erase(&keeper, "ada", None).await;
    assert_eq!((&erased.body["deleted"], &erased.body["complete"]), (&json!(0), &json!(true)), "{}", erased.body);
    assert_eq!(receipt(&keeper, &erased).await["deleted_is_exact"], false);
}
