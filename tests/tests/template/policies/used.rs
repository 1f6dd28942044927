//! What the functions do with their stores, call by call, held against what their roles grant.
//!
//! The bundle's own traffic is read off the wire, by function, while people and schedules use all of it. Every call must be one that
//! the function's role, or its tenant's role in a session of that tenant, allows; every right that no call has needed has its reason.

use super::{
    cases::secret,
    evaluate::{Call, Context, allowed},
    exercise::{exercise, notices},
    roles::{Stack, arn},
};
use crate::{OURS, fault::items};
use local::{Bundle, Options};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::faults::{self, Faults, Service};

/// Rights that no call of the exercise needs: role, statement, action, and why they are there.
const UNUSED: &[(&str, &str, &str, &str)] = &[
    ("*Role", "WriteItsLog", "logs:CreateLogStream", "Lambda writes what the function prints"),
    ("*Role", "WriteItsLog", "logs:PutLogEvents", "Lambda writes what the function prints"),
    ("*Role", "ActForATenant", "sts:AssumeRole", "there is no STS on a laptop, where TENANT_ROLE_ARN is unset"),
    ("*Role", "ActForATenant", "sts:TagSession", "there is no STS on a laptop, where TENANT_ROLE_ARN is unset"),
    ("*Role", "KeepFailedRuns", "sqs:SendMessage", "Lambda sends the run that failed"),
    (
        "IngestRole",
        "ReadBackendsSecrets",
        "secretsmanager:GetSecretValue",
        "routes to other clouds name the secrets, and the exercise has none",
    ),
    (
        "RoutingRole",
        "HaveBackendsTried",
        "lambda:InvokeFunction",
        "the doors stand before stores, and not before Lambda",
    ),
    (
        "*TenantRole",
        "KeepIdempotencyKeys",
        "dynamodb:BatchGetItem",
        "an answer larger than an item is replayed from chunks",
    ),
    (
        "OperationsTenantRole",
        "WriteDownEmergencies",
        "dynamodb:GetItem",
        "after a lost reply, whether the act is written down is looked up",
    ),
    (
        "IngestTenantRole",
        "KeepErasures",
        "dynamodb:UpdateItem",
        "what went so far is counted where an erasure takes more than one call",
    ),
    ("*TenantRole", "KeepIdempotencyKeys", "dynamodb:DeleteItem", "an answer that settles nothing gives its key back"),
];

/// Whether a role is the one that a reason is about; `*` stands for every function.
fn is_about(about: &str, role: &str) -> bool {
    about
        .strip_prefix('*')
        .map_or(about == role, |end| role.ends_with(end) && (end == "TenantRole" || !role.ends_with("TenantRole")))
}

/// The role's beginning for the function with this binary: `CatalogPublish` of `catalog-publish`.
fn of_function(binary: &str) -> String {
    binary.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

/// The actions that IAM asks for, with the key that each is about.
fn actions(call: &faults::Call) -> Vec<(String, Vec<&str>)> {
    let keys: Vec<&str> = call.keys.iter().map(String::as_str).collect();
    match (call.service, call.operation.as_str()) {
        (Service::DynamoDb, "TransactWriteItems") => {
            let part = |(part, key)| match part {
                "ConditionCheck" => ("dynamodb:ConditionCheckItem".to_owned(), vec![key]),
                part => (format!("dynamodb:{part}Item"), vec![key]),
            };
            call.parts.iter().map(String::as_str).zip(keys).map(part).collect()
        }
        (Service::DynamoDb, operation) => vec![(format!("dynamodb:{operation}"), keys)],
        (Service::S3, operation) => {
            let action = match operation {
                "HeadObject" => "GetObject",
                "ListObjectsV2" => "ListBucket",
                "CopyObject" | "UploadPart" | "CreateMultipartUpload" | "CompleteMultipartUpload" => "PutObject",
                other => other,
            };
            keys.iter().map(|key| (format!("s3:{action}"), vec![*key])).collect()
        }
        (Service::SecretsManager, operation) => vec![(format!("secretsmanager:{operation}"), keys)],
    }
}

fn resource(call: &faults::Call, key: Option<&&str>) -> String {
    match call.service {
        Service::DynamoDb => {
            let index = call.index.as_ref().map(|index| format!("/index/{index}")).unwrap_or_default();
            format!("arn:aws:dynamodb:us-east-1:000000000000:table/{}{index}", call.target)
        }
        Service::S3 => format!("arn:aws:s3:::{}/{}", call.target, key.unwrap_or(&"")),
        Service::SecretsManager => secret(&call.target),
    }
}

/// The tenant that a key belongs to.
fn tenant(key: &str) -> Option<&str> {
    let key = key.strip_prefix("T#").or_else(|| key.strip_prefix("uploads/")).unwrap_or(key);
    key.split(['#', '/']).next()
}

/// The tenants in whose sessions a key may be asked for: a route lies among the system tenant's rows, and is its tenant's to follow.
fn tenants(key: &str) -> Vec<&str> {
    key.strip_prefix("T#t_system#ROUTE#").into_iter().chain(tenant(key)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_used_is_granted_and_what_is_granted_is_used_or_has_its_reason() {
    let faults = Faults::new();
    let sending = Options::for_tests().variable("EMAIL_FROM", "store@example.com");
    let bundle = Bundle::start_with(faults.before(sending)).await;
    exercise(&bundle).await;
    // Where roles are read from the table, nobody here has any: that they are looked up is all.
    let strict = Options::for_tests().variable("ROLE_SOURCE", "table").variable("WEBHOOK_URL", "http://localhost:9/");
    let strict = faults.before(strict);
    let strict_bundle = Bundle::start_with(strict).await;
    strict_bundle.shopper("ada").get("/catalog/stores/downtown").await;
    strict_bundle.shopper("ada").post("/ask", json!({"question": "milk?", "store_id": "downtown"})).await;
    // There, notices go out by webhook too.
    notices(&strict_bundle).await;
    let stack = Stack::of(OURS, &[]).unwrap();
    let (mut denied, mut used) = (BTreeSet::new(), BTreeSet::new());
    for call in faults.log().iter() {
        let function = of_function(&call.function);
        for (action, keys) in actions(call) {
            let resource = resource(call, keys.first());
            let mut known: Vec<(&str, &[&str])> = Vec::new();
            if call.service == Service::DynamoDb && !keys.is_empty() {
                known.push(("dynamodb:LeadingKeys", &keys));
            }
            let own = Context::of(&known);
            let tags: Vec<[&str; 1]> =
                keys.first().map(|key| tenants(key)).unwrap_or_default().into_iter().map(|tag| [tag]).collect();
            let in_session = tags.iter().map(|tag| {
                let tagged = [&known[..], &[("aws:PrincipalTag/tenant", tag.as_slice())]].concat();
                (format!("{function}TenantRole"), Context::of(&tagged))
            });
            let mut let_in = false;
            for (role, context) in [(format!("{function}Role"), own)].into_iter().chain(in_session) {
                let principal = arn(&role);
                let asked = Call { action: &action, resource: &resource, principal: &principal, context: &context };
                for statement in statements(&stack, &role) {
                    if allowed([&json!({"Statement": [&statement]})], &asked) {
                        let_in = true;
                        used.insert((
                            role.clone(),
                            statement["Sid"].as_str().unwrap_or("?").to_owned(),
                            action.clone(),
                        ));
                    }
                }
            }
            if !let_in {
                denied.insert(format!("{} {action} on {resource} with {keys:?}", call.function));
            }
        }
    }
    assert!(denied.is_empty(), "used and not granted: {denied:#?}");
    let functions: BTreeSet<String> =
        bundle.template().functions.iter().map(|function| function.binary.clone()).collect();
    let mut idle = BTreeSet::new();
    for function in functions {
        for role in [format!("{}Role", of_function(&function)), format!("{}TenantRole", of_function(&function))] {
            for statement in statements(&stack, &role) {
                let sid = statement["Sid"].as_str().unwrap_or("?").to_owned();
                for action in items(&statement["Action"]).into_iter().filter_map(Value::as_str) {
                    if !used.contains(&(role.clone(), sid.clone(), action.to_owned())) {
                        idle.insert((role.clone(), sid.clone(), action.to_owned()));
                    }
                }
            }
        }
    }
    let fits = |(about, of, what, _): &&(&str, &str, &str, &str), (role, sid, action): &(String, String, String)| {
        is_about(about, role) && of == sid && what == action
    };
    let unexplained: Vec<_> = idle.iter().filter(|right| !UNUSED.iter().any(|reason| fits(&reason, right))).collect();
    assert!(unexplained.is_empty(), "granted and not used: {unexplained:#?}");
    let needless: Vec<_> = UNUSED.iter().filter(|reason| !idle.iter().any(|right| fits(reason, right))).collect();
    assert!(needless.is_empty(), "reasons for what is used, or not granted: {needless:#?}");
}

fn statements(stack: &Stack, role: &str) -> Vec<Value> {
    let policies = stack.policies(role);
    policies.iter().flat_map(|policy| items(&policy["Statement"])).cloned().collect()
}
