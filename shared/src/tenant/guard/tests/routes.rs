//! The one thing of another tenant's rows that a tenant may get: the routes that it follows.

use super::{KEYED, Refusal, Stage, call, scope, told};
use crate::tenant::Sweep;
use aws_sdk_dynamodb::types::AttributeValue;

#[tokio::test]
async fn of_the_system_tenants_rows_a_tenant_may_get_the_routes_that_it_follows_and_nothing_else() {
    let stage = Stage::start().await;
    let client = stage.aws.dynamodb();
    let refused = async |what: &str, pk: &str| {
        let told = scope("acme").act(call(&client, what, pk)).await;
        assert_eq!(told.map_err(|refused| refused.refusal), Err(Refusal::Outside), "{what} of {pk:?}");
    };
    let followed = ["T#t_system#ROUTE#acme", "T#t_system#ROUTE#t_system"];
    for what in KEYED.into_iter().filter(|what| *what != "get") {
        for pk in followed {
            refused(what, pk).await;
        }
    }
    for other in [
        "T#t_system#ROUTE#beta",
        "T#t_system#ROUTE#acme-2",
        "T#t_system#ROUTE#Acme",
        "T#t_system#ROUTE#acm",
        "T#t_system#ROUTE#acme#x",
        "T#t_system#ROUTE#t_system#x",
        "T#t_system#ROUTE#",
        "T#t_system#ROUTE",
        "T#t_system#ROUTES",
        "T#t_system#ROUTES#acme",
        "T#t_system#MISSINGROUTES",
        "T#t_system#PEOPLE",
        "T#t_system",
        "T#t_systems#ROUTE#acme",
        "t#t_system#ROUTE#acme",
        "T#beta#ROUTE#acme",
        "T#T#t_system#ROUTE#acme",
    ] {
        refused("get", other).await;
    }
    let bytes = client.get_item().table_name("t").key("pk", AttributeValue::B(followed[0].as_bytes().to_vec().into()));
    assert!(told(scope("acme").act(bytes.send()).await).is_err(), "a key is a text");
    let sweep = Sweep::CatalogPublish.act(call(&client, "get", followed[0])).await;
    assert_eq!(sweep.map_err(|refused| refused.refusal), Err(Refusal::Operation), "a sweep follows no routes");
    let nobody = call(&client, "get", followed[1]).await;
    assert_eq!(nobody.map_err(|refused| refused.refusal), Err(Refusal::Nobody));
    assert_eq!(stage.server.asked(), 0, "none of these left the process");
    for pk in followed {
        assert_eq!(scope("acme").act(call(&client, "get", pk)).await, Ok(()), "{pk}");
    }
    assert_eq!(stage.server.asked(), 2, "and these did");
    for pk in ["T#t_system#ROUTE#acme", "T#t_system#ROUTES", "T#t_system#MISSINGROUTES"] {
        assert_eq!(scope("t_system").act(call(&client, "put", pk)).await, Ok(()), "they are its own: {pk}");
    }
}
