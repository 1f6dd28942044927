//! Starting, restarting, and refusing to start.

use crate::harness::{TEMPLATE, small};
use aws_sdk_dynamodb::types::AttributeValue;
use http::Method;
use local::{
    Bundle, Options,
    options::TEMPLATE as WHOLE,
    ports::{Addresses, Ports},
};
use std::path::Path;

fn on(state: &Path) -> Options {
    Options { state: Some(state.to_owned()), shared_issuer: false, ..small() }
}

async fn refusal(options: Options) -> String {
    match Bundle::open(options).await {
        Ok(_) => panic!("it started"),
        Err(error) => format!("{error:#}"),
    }
}

#[tokio::test]
async fn what_the_stores_and_the_issuer_hold_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = Bundle::open(on(folder.path())).await.unwrap();
    let table = "smartstore-dev-Things";
    let text = |text: &str| AttributeValue::S(text.to_owned());
    first.aws().administrator().dynamodb().put_item().table_name(table).item("pk", text("a")).send().await.unwrap();
    let body = aws_sdk_s3::primitives::ByteStream::from_static(b"bytes");
    first
        .aws()
        .administrator()
        .s3()
        .put_object()
        .bucket("smartstore-dev-files")
        .key("k")
        .body(body)
        .send()
        .await
        .unwrap();
    first.aws().secrets_manager().create_secret().name("s").secret_string("v").send().await.unwrap();
    let secret = |bundle: &Bundle| bundle.aws().secrets_manager().get_secret_value().secret_id("keys/dev").send();
    let generated = secret(&first).await.unwrap().secret_string;
    let keys = first.issuer().keys();
    assert!(Addresses::read(folder.path()).is_some());
    first.close().await;
    assert_eq!(Addresses::read(folder.path()), None, "a bundle that ended takes its addresses with it");

    let second = Bundle::open(on(folder.path())).await.unwrap();
    let item =
        second.aws().administrator().dynamodb().get_item().table_name(table).key("pk", text("a")).send().await.unwrap();
    assert!(item.item.is_some());
    let object =
        second.aws().administrator().s3().get_object().bucket("smartstore-dev-files").key("k").send().await.unwrap();
    assert_eq!(object.body.collect().await.unwrap().to_vec(), b"bytes");
    let got = second.aws().secrets_manager().get_secret_value().secret_id("s").send().await.unwrap();
    assert_eq!(got.secret_string(), Some("v"));
    assert_eq!(secret(&second).await.unwrap().secret_string, generated, "a generated key is generated once");
    assert_eq!(second.issuer().keys(), keys);
    second.close().await;
}

#[tokio::test]
async fn a_bundle_that_ended_lets_go_of_its_state() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let bundle = Bundle::open(on(folder.path())).await.unwrap();
        assert_eq!(bundle.stranger().get("/echo/a").await.status, 200);
        bundle.close().await;
    }
}

#[tokio::test]
async fn a_second_bundle_on_the_same_state_is_refused_and_told_where_the_first_answers() {
    let folder = tempfile::tempdir().unwrap();
    let first = Bundle::open(on(folder.path())).await.unwrap();
    let says = refusal(on(folder.path())).await;
    assert!(says.contains("another bundle runs on") && says.contains(&first.addresses().gateway), "{says}");
}

#[tokio::test]
async fn a_port_that_is_taken_moves_to_the_next_free_one() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let ports = Ports { gateway: port, ..Ports::ANY };
    let bundle = Bundle::open(Options { ports, ..small() }).await.unwrap();
    let found: u16 = bundle.addresses().gateway.rsplit(':').next().unwrap().parse().unwrap();
    assert!(found > port, "{found}");
    assert_eq!(bundle.stranger().get("/echo/a").await.status, 200);
}

#[tokio::test]
async fn a_template_that_differs_from_the_code_is_refused_with_each_difference() {
    let template = TEMPLATE.replace("/slow", "/fast").replace("Binary: sweep", "Binary: mop");
    let says = refusal(Options { template, ..small() }).await;
    for line in [
        "GET /fast stands in template.yaml (Echo), and no router answers it",
        "the router answers GET /slow",
        "mop: the schedule Sweep.Often",
        "sweep: the code has it",
    ] {
        assert!(says.contains(line), "{line}\n{says}");
    }
    let template = TEMPLATE.replace("rate(1 minute)", "cron(0 3 L * ? *)");
    let says = refusal(Options { template, ..small() }).await;
    assert!(says.contains("Sweep.Often") && says.contains("not understood"), "{says}");
}

#[tokio::test]
async fn a_table_of_another_template_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    Bundle::open(on(folder.path())).await.unwrap().close().await;
    let template = TEMPLATE.replace("IndexName: pending", "IndexName: waiting");
    let says = refusal(Options { template, ..on(folder.path()) }).await;
    assert!(says.contains("--fresh"), "{says}");
}

#[tokio::test]
async fn a_function_that_refuses_its_configuration_keeps_the_bundle_from_starting() {
    let says = refusal(small().variable("GREETING", "")).await;
    assert!(says.contains("GREETING is not set"), "{says}");
}

#[tokio::test]
async fn variables_replace_the_templates_but_not_the_names_of_resources() {
    let options = small().variable("GREETING", "salut").variable("TABLE_NAME", "elsewhere").variable("NEW", "x");
    let bundle = Bundle::open(options).await.unwrap();
    let hello = bundle.stranger().send(Method::GET, "/hello", None).await.unwrap();
    assert_eq!(hello.body, "salut");
}

#[test]
fn the_bundles_own_template_can_be_read() {
    local::template::Template::parse(WHOLE, &[("ProjectId", "smartstore-local")]).unwrap();
}
