//! Secrets Manager, by the real SDK and by the functions' own reader.

use crate::harness::small;
use local::{Bundle, Options};
use serde_json::Value;
use std::collections::BTreeMap;

fn with_env(pairs: &[(&str, &str)]) -> Options {
    let env_file: BTreeMap<String, String> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Options { env_file, ..small() }
}

#[tokio::test]
async fn the_templates_secret_holds_the_generated_key_and_what_env_says_but_no_setting() {
    let bundle = Bundle::open(with_env(&[("API_KEY", "k-1"), ("GREETING", "hola")])).await.unwrap();
    let got = bundle.aws().secrets_manager().get_secret_value().secret_id("keys/dev").send().await.unwrap();
    let values: Value = serde_json::from_str(got.secret_string().unwrap()).unwrap();
    assert_eq!(values["API_KEY"], "k-1");
    assert_eq!(values["CURSOR_KEY"].as_str().unwrap().len(), 64);
    assert_eq!(values.get("GREETING"), None, "a variable of the template is a setting");
    assert_eq!(got.version_stages(), ["AWSCURRENT"]);
    assert_eq!(bundle.stranger().get("/hello").await.body, "hola");
}

#[tokio::test]
async fn a_new_value_is_current_and_the_old_one_previous() {
    let bundle = Bundle::open(small()).await.unwrap();
    let client = bundle.aws().secrets_manager();
    let first = client.create_secret().name("a/b").secret_string("one").send().await.unwrap();
    let second = client.put_secret_value().secret_id("a/b").secret_string("two").send().await.unwrap();
    let stage = |stage: &'static str| client.get_secret_value().secret_id("a/b").version_stage(stage).send();
    assert_eq!(stage("AWSCURRENT").await.unwrap().secret_string(), Some("two"));
    assert_eq!(stage("AWSPREVIOUS").await.unwrap().secret_string(), Some("one"));
    client.put_secret_value().secret_id(first.arn().unwrap()).secret_string("three").send().await.unwrap();
    assert_eq!(stage("AWSPREVIOUS").await.unwrap().secret_string(), Some("two"));
    let by_id =
        client.get_secret_value().secret_id("a/b").version_id(second.version_id().unwrap()).send().await.unwrap();
    assert_eq!((by_id.secret_string(), by_id.version_stages()), (Some("two"), &["AWSPREVIOUS".to_owned()][..]));
    let gone = client.get_secret_value().secret_id("a/b").version_id(first.version_id().unwrap()).send().await;
    assert!(gone.unwrap_err().into_service_error().is_resource_not_found_exception());
    let about = client.describe_secret().secret_id("a/b").send().await.unwrap();
    assert_eq!(about.version_ids_to_stages().unwrap().len(), 2);
}

#[tokio::test]
async fn a_retried_put_is_one_version_and_a_version_has_one_value() {
    let bundle = Bundle::open(small()).await.unwrap();
    let client = bundle.aws().secrets_manager();
    client.create_secret().name("a").secret_string("one").send().await.unwrap();
    let token = "0123456789abcdef0123456789abcdef";
    let put = |value: &'static str| {
        client.put_secret_value().secret_id("a").client_request_token(token).secret_string(value).send()
    };
    put("two").await.unwrap();
    put("two").await.unwrap();
    let previous = client.get_secret_value().secret_id("a").version_stage("AWSPREVIOUS").send().await.unwrap();
    assert_eq!(previous.secret_string(), Some("one"));
    assert!(put("three").await.unwrap_err().into_service_error().is_resource_exists_exception());
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_what_is_there_is_not_made_again() {
    let bundle = Bundle::open(small()).await.unwrap();
    let client = bundle.aws().secrets_manager();
    let missing = client.get_secret_value().secret_id("nothing").send().await.unwrap_err();
    assert!(missing.into_service_error().is_resource_not_found_exception());
    let put = client.put_secret_value().secret_id("nothing").secret_string("x").send().await.unwrap_err();
    assert!(put.into_service_error().is_resource_not_found_exception());
    let again = client.create_secret().name("keys/dev").secret_string("x").send().await.unwrap_err();
    assert!(again.into_service_error().is_resource_exists_exception());
}
