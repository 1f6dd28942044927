//! Every kind of call through real clients: what lies inside passes, what lies outside never reaches the server.

mod routes;

use super::{Refusal, Refused, within};
use crate::{
    auth::testing::{Answer, Loopback, Seen},
    aws::{Aws, Endpoints},
    ids::TenantId,
    tenant::{Sweep, TenantScope},
};
use aws_sdk_dynamodb::{
    Client as DynamoDb,
    error::SdkError,
    types::{
        AttributeValue, ConditionCheck, Delete, DeleteRequest, Get, KeysAndAttributes, Put, PutRequest,
        TransactGetItem, TransactWriteItem, Update, WriteRequest,
    },
};
use aws_sdk_s3::{
    Client as S3,
    presigning::PresigningConfig,
    types::{Delete as Deletes, ObjectIdentifier},
};
use std::{collections::HashMap, time::Duration};

type Outcome = Result<(), Refused>;

fn scope(tenant: &str) -> TenantScope {
    TenantScope::for_job(Sweep::CatalogPublish, tenant.parse().unwrap())
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn key(pk: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text("x"))])
}

fn told<T, E, R>(result: Result<T, SdkError<E, R>>) -> Outcome
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match result {
        Ok(_) => Ok(()),
        Err(error) => match Refused::among(&error) {
            Some(refused) => Err(refused.clone()),
            None => Ok(()),
        },
    }
}

struct Stage {
    server: Loopback,
    aws: Aws,
}

impl Stage {
    async fn start() -> Self {
        let server = Loopback::answering(Answer::of_dynamodb("{}")).await;
        let url = Some(server.url.clone());
        let aws = Aws::local(Endpoints { dynamodb: url.clone(), s3: url, ..Endpoints::default() }, "a", "b");
        Self { server, aws }
    }
}

/// The operations that a tenant may use, each naming the leading key `pk` once, in its last place where it has several.
const KEYED: [&str; 17] = [
    "get",
    "put",
    "update",
    "delete",
    "query",
    "query by name",
    "query of an index",
    "query from a mark",
    "batch get",
    "batch put",
    "batch delete",
    "batch of two tables",
    "transaction put",
    "transaction update",
    "transaction delete",
    "transaction check",
    "transaction get",
];

async fn call(client: &DynamoDb, what: &str, pk: &str) -> Outcome {
    let own = "T#acme#S#a";
    let query = client.query().table_name("t").key_condition_expression("pk = :pk AND begins_with(sk, :sk)");
    let query = query.expression_attribute_values(":pk", text(pk)).expression_attribute_values(":sk", text("x"));
    let put_own = || WriteRequest::builder().put_request(put_request(own)).build();
    let transaction = |part: TransactWriteItem| {
        let first = TransactWriteItem::builder().put(put(own)).build();
        client.transact_write_items().transact_items(first).transact_items(part).send()
    };
    let part = TransactWriteItem::builder();
    match what {
        "get" => told(client.get_item().table_name("t").set_key(Some(key(pk))).send().await),
        "put" => told(client.put_item().table_name("t").set_item(Some(key(pk))).send().await),
        "update" => told(client.update_item().table_name("t").set_key(Some(key(pk))).send().await),
        "delete" => told(client.delete_item().table_name("t").set_key(Some(key(pk))).send().await),
        "query" => told(query.send().await),
        "query by name" => {
            let query = query.key_condition_expression("#k = :pk").expression_attribute_names("#k", "pk");
            told(query.send().await)
        }
        "query of an index" => told(query.index_name("pending").send().await),
        "query from a mark" => {
            let query = query.expression_attribute_values(":pk", text(own)).set_exclusive_start_key(Some(key(pk)));
            told(query.send().await)
        }
        "batch get" => {
            let keys = KeysAndAttributes::builder().keys(key(own)).keys(key(pk)).build().unwrap();
            told(client.batch_get_item().request_items("t", keys).send().await)
        }
        "batch put" => {
            let last = WriteRequest::builder().put_request(put_request(pk)).build();
            told(client.batch_write_item().request_items("t", vec![put_own(), last]).send().await)
        }
        "batch delete" => {
            let delete = DeleteRequest::builder().set_key(Some(key(pk))).build().unwrap();
            let last = WriteRequest::builder().delete_request(delete).build();
            told(client.batch_write_item().request_items("t", vec![put_own(), last]).send().await)
        }
        "batch of two tables" => {
            let last = WriteRequest::builder().put_request(put_request(pk)).build();
            let call = client.batch_write_item().request_items("t", vec![put_own()]);
            told(call.request_items("u", vec![last]).send().await)
        }
        "transaction put" => told(transaction(part.put(put(pk)).build()).await),
        "transaction update" => {
            let update = Update::builder().table_name("t").set_key(Some(key(pk))).update_expression("SET a = :a");
            told(transaction(part.update(update.build().unwrap()).build()).await)
        }
        "transaction delete" => {
            let delete = Delete::builder().table_name("t").set_key(Some(key(pk))).build().unwrap();
            told(transaction(part.delete(delete).build()).await)
        }
        "transaction check" => {
            let check = ConditionCheck::builder().table_name("t").set_key(Some(key(pk))).condition_expression("a = :a");
            told(transaction(part.condition_check(check.build().unwrap()).build()).await)
        }
        "transaction get" => {
            let get = |pk| {
                let get = Get::builder().table_name("t").set_key(Some(key(pk))).build().unwrap();
                TransactGetItem::builder().get(get).build()
            };
            told(client.transact_get_items().transact_items(get(own)).transact_items(get(pk)).send().await)
        }
        other => panic!("{other}"),
    }
}

fn put(pk: &str) -> Put {
    Put::builder().table_name("t").set_item(Some(key(pk))).build().unwrap()
}

fn put_request(pk: &str) -> PutRequest {
    PutRequest::builder().set_item(Some(key(pk))).build().unwrap()
}

#[tokio::test]
async fn a_call_with_a_key_outside_the_tenant_never_leaves_the_process_and_one_inside_does() {
    let stage = Stage::start().await;
    let client = stage.aws.dynamodb();
    for what in KEYED {
        let before = stage.server.asked();
        for outside in
            ["T#beta#S#a", "T#acme", "T#acme-2#S#a", "T#Acme#S#a", "t#acme#S#a", "acme", "", "T##S#a", "T#*#"]
        {
            let refused = scope("acme").act(call(&client, what, outside)).await;
            assert_eq!(refused.map_err(|refused| refused.refusal), Err(Refusal::Outside), "{what} of {outside:?}");
            let raw = call(&stage.aws.administrator().dynamodb(), what, outside).await;
            assert_eq!(raw, Ok(()), "without the guard {what} goes out");
        }
        let nobody = call(&client, what, "T#acme#S#a").await;
        assert_eq!(nobody.map_err(|refused| refused.refusal), Err(Refusal::Nobody), "{what}");
        let sweep = Sweep::CatalogPublish.act(call(&client, what, "T#acme#S#a")).await;
        assert_eq!(sweep.map_err(|refused| refused.refusal), Err(Refusal::Operation), "{what}");
        assert_eq!(stage.server.asked(), before + 9, "{what}: only the administrator's calls arrived");
        assert_eq!(scope("acme").act(call(&client, what, "T#acme#S#a")).await, Ok(()), "{what}");
        assert_eq!(stage.server.asked(), before + 10, "{what}: what lies inside arrives");
    }
}

#[tokio::test]
async fn what_names_no_key_or_is_not_known_is_refused_whoever_asks() {
    let stage = Stage::start().await;
    let client = stage.aws.dynamodb();
    let both = async |work: &dyn Fn() -> futures::future::BoxFuture<'static, Outcome>| {
        let tenant = scope("acme").act(work()).await;
        let sweep = Sweep::CatalogPublish.act(work()).await;
        [tenant, sweep].map(|told| told.unwrap_err().refusal)
    };
    let operation = [Refusal::Operation; 2];
    macro_rules! refused {
        ($expected:expr, $call:expr) => {{
            let client = client.clone();
            let call = move || -> futures::future::BoxFuture<'static, Outcome> {
                let client = client.clone();
                Box::pin(async move { told($call(client).send().await) })
            };
            assert_eq!(both(&call).await, $expected, stringify!($call));
        }};
    }
    refused!(operation, |c: DynamoDb| c.scan().table_name("t"));
    refused!(operation, |c: DynamoDb| c.scan().table_name("t").index_name("by_person"));
    refused!(operation, |c: DynamoDb| c.execute_statement().statement("SELECT * FROM t WHERE pk = 'T#acme#S#a'"));
    refused!(operation, |c: DynamoDb| c.batch_execute_statement());
    refused!(operation, |c: DynamoDb| c.execute_transaction());
    refused!(operation, |c: DynamoDb| c.describe_table().table_name("t"));
    refused!(operation, |c: DynamoDb| c.delete_table().table_name("t"));
    refused!(operation, |c: DynamoDb| c.list_tables());
    refused!(operation, |c: DynamoDb| c.export_table_to_point_in_time().table_arn("t").s3_bucket("b"));
    refused!([Refusal::Unkeyed, Refusal::Operation], |c: DynamoDb| c.get_item().table_name("t").key("sk", text("x")));
    refused!([Refusal::Unkeyed, Refusal::Operation], |c: DynamoDb| c.batch_get_item());
    refused!([Refusal::Unkeyed, Refusal::Operation], |c: DynamoDb| c.transact_write_items());
    refused!([Refusal::Unkeyed, Refusal::Operation], |c: DynamoDb| c
        .query()
        .table_name("t")
        .key_condition_expression("person = :p")
        .expression_attribute_values(":p", text("T#acme#")));
    refused!([Refusal::Outside, Refusal::Operation], |c: DynamoDb| c
        .get_item()
        .table_name("t")
        .key("pk", AttributeValue::B(b"T#acme#S#a".to_vec().into())));
    assert_eq!(stage.server.asked(), 0);
    let listed = client.scan().table_name("t").index_name(Sweep::CatalogPublish.index()).send();
    assert!(Sweep::CatalogPublish.act(listed).await.is_ok(), "the one that is listed");
    assert_eq!(stage.server.asked(), 1);
}

/// Calls of S3 with an object's name in its last place.
const OBJECTS: [&str; 9] =
    ["get", "put", "head", "delete", "delete several", "copy to", "copy from", "presigned put", "presigned get"];

async fn object(client: &S3, what: &str, key: &str) -> Outcome {
    let own = "acme/sha256/ab/c";
    let identifier = |key: &str| ObjectIdentifier::builder().key(key).build().unwrap();
    let valid = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    match what {
        "get" => told(client.get_object().bucket("b").key(key).send().await),
        "put" => told(client.put_object().bucket("b").key(key).send().await),
        "head" => told(client.head_object().bucket("b").key(key).send().await),
        "delete" => told(client.delete_object().bucket("b").key(key).send().await),
        "delete several" => {
            let all = Deletes::builder().objects(identifier(own)).objects(identifier(key)).build().unwrap();
            told(client.delete_objects().bucket("b").delete(all).send().await)
        }
        "copy to" => told(client.copy_object().bucket("b").key(key).copy_source(format!("b/{own}")).send().await),
        "copy from" => told(client.copy_object().bucket("b").key(own).copy_source(format!("b/{key}")).send().await),
        "presigned put" => told(client.put_object().bucket("b").key(key).presigned(valid).await),
        "presigned get" => told(client.get_object().bucket("b").key(key).presigned(valid).await),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_object_outside_the_tenant_is_neither_touched_nor_signed_for() {
    let stage = Stage::start().await;
    let client = stage.aws.s3();
    let outside = [
        "beta/sha256/ab/c",
        "uploads/beta/x",
        "uploads/acme-2/x",
        "acme-2/x",
        "Acme/x",
        "acme",
        "uploads",
        "uploads//acme/x",
        "acme/../beta/x",
        "acme//x",
        "acme/./x",
    ];
    for what in OBJECTS {
        for key in outside {
            let refused = scope("acme").act(object(&client, what, key)).await;
            assert_eq!(refused.map_err(|refused| refused.refusal), Err(Refusal::Outside), "{what} of {key:?}");
        }
        let nobody = object(&client, what, "acme/x").await;
        assert_eq!(nobody.map_err(|refused| refused.refusal), Err(Refusal::Nobody), "{what}");
        assert_eq!(stage.server.asked(), 0, "{what}");
        for key in ["acme/sha256/ab/c", "uploads/acme/north/imp-1"] {
            assert_eq!(scope("acme").act(object(&client, what, key)).await, Ok(()), "{what} of {key}");
        }
        // A URL is signed here: nothing goes out.
        assert_eq!(stage.server.asked() > 0, !what.starts_with("presigned"), "{what}");
        let asked = stage.server.asked();
        let _ = object(&stage.aws.administrator().s3(), what, "beta/x").await;
        assert_eq!(stage.server.asked() > asked, !what.starts_with("presigned"), "without the guard {what} goes out");
        stage.server.forget();
    }
}

#[tokio::test]
async fn objects_are_listed_inside_the_tenant_and_copied_inside_a_bucket() {
    let stage = Stage::start().await;
    let client = stage.aws.s3();
    let list = async |prefix: Option<&str>| {
        let list = client.list_objects_v2().bucket("b").set_prefix(prefix.map(str::to_owned));
        scope("acme").act(list.send()).await.map(drop).map_err(|error| Refused::among(&error).map(|r| r.refusal))
    };
    for (prefix, refusal) in [
        (None, Refusal::Unkeyed),
        (Some(""), Refusal::Outside),
        (Some("acme"), Refusal::Outside),
        (Some("uploads/"), Refusal::Outside),
        (Some("beta/"), Refusal::Outside),
    ] {
        assert_eq!(list(prefix).await, Err(Some(refusal)), "{prefix:?}");
    }
    assert_eq!(stage.server.asked(), 0);
    assert_ne!(list(Some("acme/")).await, Err(Some(Refusal::Outside)));
    assert_ne!(list(Some("uploads/acme/")).await, Err(Some(Refusal::Outside)));
    stage.server.forget();
    for source in ["other/acme/x", "/other/acme/x", "b/acme%2F..%2Fbeta", "b/beta%2Fx", "b", "arn:aws:s3:::b/acme/x"] {
        let copy = client.copy_object().bucket("b").key("acme/y").copy_source(source).send();
        assert!(told(scope("acme").act(copy).await).is_err(), "{source}");
    }
    let unknown = client.put_bucket_policy().bucket("b").policy("{}").send();
    assert_eq!(told(scope("acme").act(unknown).await).unwrap_err().refusal, Refusal::Operation);
    assert_eq!(told(scope("acme").act(client.list_buckets().send()).await).unwrap_err().refusal, Refusal::Operation);
    let sweep = Sweep::CatalogPublish.act(client.get_object().bucket("b").key("acme/x").send()).await;
    assert_eq!(told(sweep).unwrap_err().refusal, Refusal::Operation);
    assert_eq!(stage.server.asked(), 0);
}

#[tokio::test]
async fn a_refusal_is_told_without_the_key_and_answered_as_a_fault_of_ours() {
    let stage = Stage::start().await;
    let (seen, _listening) = Seen::listen();
    let error =
        scope("acme").act(stage.aws.dynamodb().get_item().table_name("t").set_key(Some(key("T#beta#S#a"))).send());
    let error = crate::table::TableError::unavailable(error.await.unwrap_err());
    let logged = seen.take().into_iter().find(|event| event["event"] == "tenant_guard_refused").unwrap();
    assert_eq!((&logged["operation"], &logged["cause"]), (&"GetItem".into(), &"outside".into()));
    assert!(!logged.to_string().contains("beta"), "{logged}");
    assert!(matches!(error, crate::table::TableError::Refused(_)), "{error:?}");
    let problem = crate::problem::Problem::from(error);
    assert_eq!((problem.status().as_u16(), problem.code()), (500, "internal"));
    let get = stage.aws.s3().get_object().bucket("b").key("beta/x").send();
    let error: crate::blob::BlobError = crate::blob::unavailable(scope("acme").act(get).await.unwrap_err());
    assert_eq!(crate::problem::Problem::from(error).status().as_u16(), 500);
}

#[test]
fn no_two_tenants_share_a_key_or_an_object() {
    use rand::{Rng, SeedableRng, seq::SliceRandom};
    // Look-alikes, prefixes of each other, words that stand in keys: what an id may hold, drawn so that neighbours are close.
    let pieces = ["a", "A", "ab", "acme", "T", "S", "uploads", "sha256", "0", "9", "_", "-", "acme-2", "ACME", "b_"];
    let odd = ["#", "/", "*", "?", "\0", "%23", "\u{0430}", "\u{ff41}", " ", ".", "..", "$", "\u{200b}", "é", ":"];
    let mut random = rand::rngs::StdRng::seed_from_u64(7);
    let draw = |random: &mut rand::rngs::StdRng| {
        let mut text = String::new();
        for _ in 0..random.gen_range(1..4) {
            let from = if random.gen_ratio(1, 12) { &odd } else { &pieces };
            text.push_str(from.choose(random).unwrap());
        }
        text
    };
    let (mut taken, mut refused) = (0, 0);
    while taken < 1_000_000 {
        let (a, b) = (draw(&mut random), draw(&mut random));
        let odd_in = |text: &str| odd.iter().any(|odd| text.contains(odd));
        let (Ok(one), Ok(two)) = (a.parse::<TenantId>(), b.parse::<TenantId>()) else {
            refused += 1;
            continue;
        };
        assert!(!odd_in(&a) && !odd_in(&b), "{a:?} {b:?}");
        taken += 1;
        if one == two {
            continue;
        }
        // What is the one's is not the other's: by row, by object, by upload.
        for (own, lead, end) in [
            (format!("T#{one}#S#x"), "T#", '#'),
            (format!("{one}/{two}/x"), "", '/'),
            (format!("uploads/{one}/x"), "uploads/", '/'),
        ] {
            assert!(within(&own, lead, &one, end) && !within(&own, lead, &two, end), "{one} {two}");
        }
        let objects = [format!("{one}/{two}/x"), format!("uploads/{one}/x")];
        assert!(objects.iter().all(|own| super::s3::owns(own, &one) && !super::s3::owns(own, &two)), "{one} {two}");
    }
    assert!(refused > 10_000, "the odd ones were drawn: {refused}");
}
