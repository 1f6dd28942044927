//! Roles: each names the actions and the keys that its function uses, and nothing more.

use crate::fault::{Faults, entries, items, of_type, referred};
use local::template::with_globals;
use serde_json::{Value, json};

pub(crate) fn check(whole: &Value, faults: &mut Faults) {
    for (role, resource) in of_type(whole, "AWS::IAM::Role") {
        let properties = &resource["Properties"];
        let managed = &properties["ManagedPolicyArns"];
        faults.unless(managed.is_null(), "iam.managed_policy", role, managed);
        trust(whole, role, &properties["AssumeRolePolicyDocument"], faults);
        for policy in items(&properties["Policies"]) {
            allows(whole, role, &policy["PolicyDocument"], faults);
        }
    }
    for kind in ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::UserPolicy", "AWS::IAM::GroupPolicy"] {
        let other = of_type(whole, kind).next().map_or("", |(id, _)| id);
        faults.unless(other.is_empty(), "iam.managed_policy", other, kind);
    }
    for (id, attached) in of_type(whole, "AWS::IAM::RolePolicy") {
        let role = referred(&attached["Properties"]["RoleName"]).map_or(id, |(role, _)| role);
        allows(whole, role, &attached["Properties"]["PolicyDocument"], faults);
    }
    for (id, function) in of_type(whole, "AWS::Serverless::Function") {
        let role = referred(&function["Properties"]["Role"]).map(|(role, _)| role);
        let own = role.is_some_and(|role| whole["Resources"][role]["Type"] == "AWS::IAM::Role");
        faults.unless(own, "iam.own_role", id, &function["Properties"]["Role"]);
        let shared = of_type(whole, "AWS::Serverless::Function")
            .filter(|(other, f)| *other != id && referred(&f["Properties"]["Role"]).map(|(role, _)| role) == role)
            .count();
        faults.unless(shared == 0, "iam.own_role", id, "shares its role");
        faults.unless(
            function["Properties"]["Policies"].is_null(),
            "iam.own_role",
            id,
            "Policies beside a role are ignored",
        );
        let whose =
            referred(&with_globals(whole, &function["Properties"])["Environment"]["Variables"]["TENANT_ROLE_ARN"])
                .and_then(|(tenant, _)| trusted(&whole["Resources"][tenant]["Properties"]["AssumeRolePolicyDocument"]));
        faults.unless(
            whose.is_some() && whose == role,
            "iam.tenant_role",
            id,
            "TENANT_ROLE_ARN is not a role of its own",
        );
    }
}

/// The one role that a trust policy lets in.
fn trusted(document: &Value) -> Option<&str> {
    let [statement] = items(&document["Statement"])[..] else { return None };
    referred(&statement["Principal"]["AWS"]).map(|(role, _)| role)
}

/// A role is Lambda's to take on, or one function's for the tenant that it tags the session with.
fn trust(whole: &Value, role: &str, document: &Value, faults: &mut Faults) {
    let statements = items(&document["Statement"]);
    let lambdas = matches!(statements[..], [only] if only["Principal"] == json!({"Service": "lambda.amazonaws.com"})
        && only["Action"] == "sts:AssumeRole");
    let another = trusted(document).is_some_and(|other| serves(whole, other).is_some());
    let one = statements.len() == 1 && entries(&statements[0]["Principal"]).count() == 1;
    faults.unless(lambdas || one && another, "iam.trust", role, document);
    for statement in statements.into_iter().filter(|_| !lambdas) {
        let condition = &statement["Condition"];
        let tagged = condition["StringLike"]["aws:RequestTag/tenant"] == "?*"
            && !condition["StringNotLike"]["aws:RequestTag/tenant"].is_null()
            && condition["ForAllValues:StringEquals"]["aws:TagKeys"] == json!(["tenant"]);
        faults.unless(tagged, "iam.trust_without_tenant", role, condition);
    }
}

/// The function whose role this is.
fn serves<'a>(whole: &'a Value, role: &str) -> Option<&'a str> {
    of_type(whole, "AWS::Serverless::Function")
        .find(|(_, function)| referred(&function["Properties"]["Role"]).is_some_and(|(name, _)| name == role))
        .map(|(id, _)| id)
}

fn allows(whole: &Value, role: &str, document: &Value, faults: &mut Faults) {
    for statement in items(&document["Statement"]) {
        let place = format!("{role}.{}", statement["Sid"].as_str().unwrap_or("?"));
        if statement["Effect"] == "Allow" {
            allow(whole, &place, role, statement, faults);
        }
    }
}

fn allow(whole: &Value, place: &str, role: &str, statement: &Value, faults: &mut Faults) {
    let actions: Vec<&str> = items(&statement["Action"]).into_iter().filter_map(Value::as_str).collect();
    let wild = actions.is_empty() || actions.iter().any(|action| action.contains('*'));
    faults.unless(!wild, "iam.wildcard_action", place, &statement["Action"]);
    faults.unless(statement["NotAction"].is_null(), "iam.wildcard_action", place, "NotAction");
    faults.unless(statement["NotResource"].is_null(), "iam.wildcard_resource", place, "NotResource");
    let resources = items(&statement["Resource"]);
    faults.unless(!resources.is_empty(), "iam.wildcard_resource", place, "no resource");
    let uses = |service: &str| actions.iter().any(|action| action.starts_with(service));
    for resource in &resources {
        if uses("bedrock:") {
            faults.unless(model(whole, resource), "iam.model_not_named", place, resource);
            continue;
        }
        if uses("ses:") {
            faults.unless(identity(whole, resource), "iam.identity_not_named", place, resource);
            let from = &statement["Condition"]["StringEquals"]["ses:FromAddress"];
            faults.unless(*from == json!({"Ref": "EmailFrom"}), "iam.sender_not_named", place, from);
            continue;
        }
        if uses("lambda:") {
            faults.unless(
                role == "RoutingRole" && resource["Fn::Sub"] == PROBER,
                "iam.function_not_named",
                place,
                resource,
            );
            continue;
        }
        if uses("secretsmanager:") && role == "IngestRole" && resource["Fn::Sub"] == BACKENDS {
            continue;
        }
        let ours = referred(resource).filter(|(name, _)| !whole["Resources"][*name].is_null());
        faults.unless(ours.is_some(), "iam.wildcard_resource", place, resource);
        let (name, rest) = ours.unwrap_or_default();
        if uses("secretsmanager:") {
            let one = whole["Resources"][name]["Type"] == "AWS::SecretsManager::Secret" && rest.is_empty();
            faults.unless(one, "iam.secret_too_wide", place, resource);
        }
        if uses("s3:") {
            let tenants = ["/${!aws:PrincipalTag/tenant}/", "/uploads/${!aws:PrincipalTag/tenant}/"];
            let own = tenants.iter().any(|folder| rest.starts_with(folder));
            faults.unless(own, "iam.bucket_too_wide", place, resource);
        }
        if uses("sts:") {
            let back = trusted(&whole["Resources"][name]["Properties"]["AssumeRolePolicyDocument"]) == Some(role);
            faults.unless(back && rest.is_empty(), "iam.assume", place, resource);
        }
        if uses("dynamodb:") {
            let index = rest.strip_prefix("/index/");
            let named = rest.is_empty() || index.is_some_and(|name| !name.contains('*'));
            faults.unless(named, "iam.index_not_named", place, resource);
        }
    }
    if uses("dynamodb:") {
        rows(whole, place, role, statement, &actions, &resources, faults);
    }
}

/// A model or inference profile by the name that a parameter gives it, in which no star can stand.
fn model(whole: &Value, resource: &Value) -> bool {
    let arn = resource["Fn::Sub"].as_str().unwrap_or_default();
    let name = arn.rsplit_once("/${").and_then(|(_, name)| name.strip_suffix('}')).unwrap_or_default();
    let kinds = ["::foundation-model/", ":${AWS::AccountId}:inference-profile/"];
    arn.starts_with("arn:${AWS::Partition}:bedrock:")
        && !arn.contains('*')
        && kinds.iter().any(|kind| arn.contains(kind))
        && whole["Parameters"][name]["AllowedPattern"] == "^[A-Za-z0-9.:-]+$"
}

/// An identity of SES by the name that a parameter gives it, in which no star can stand.
fn identity(whole: &Value, resource: &Value) -> bool {
    let own = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/${EmailIdentity}";
    resource["Fn::Sub"] == own && whole["Parameters"]["EmailIdentity"]["AllowedPattern"] == "^[A-Za-z0-9.@_+-]*$"
}

/// The one function that another may ask: whoever keeps routes has backends tried by it.
const PROBER: &str =
    "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:smartstore-${Stage}-ingest:live";
/// The folder of the secrets that routes to other clouds name.
const BACKENDS: &str =
    "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:smartstore-ai/${Stage}/analytics/*";

/// The keys of the routes that a tenant follows: its own, and the system tenant's, which may be everybody's.
const FOLLOWED: [&str; 2] = ["T#t_system#ROUTE#${aws:PrincipalTag/tenant}", "T#t_system#ROUTE#t_system"];

/// Rows are reached by keys that begin with a tenant; only a scheduled job may scan, and only an index.
fn rows(
    whole: &Value,
    place: &str,
    role: &str,
    statement: &Value,
    actions: &[&str],
    on: &[&Value],
    faults: &mut Faults,
) {
    if actions.contains(&"dynamodb:Scan") {
        let alone = actions.len() == 1;
        let index = on.iter().all(|resource| referred(resource).is_some_and(|(_, rest)| rest.starts_with("/index/")));
        faults.unless(alone && index && !serves_http(whole, role), "iam.scan", place, statement);
        return;
    }
    let condition = &statement["Condition"];
    let keys = items(&condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]);
    let own = |key: &str| key.starts_with("T#${aws:PrincipalTag/tenant}#");
    // The routes that a tenant follows lie among the system tenant's rows, to be got one by one.
    let gets = actions == ["dynamodb:GetItem"];
    let follows = |key: &str| gets && FOLLOWED.contains(&key);
    let within = |key: &str| own(key) || follows(key);
    let tenants = !keys.is_empty() && keys.iter().all(|key| key.as_str().is_some_and(within));
    faults.unless(tenants, "iam.leading_keys", place, condition);
    let not_null = condition["Null"]["dynamodb:LeadingKeys"] == "false";
    faults.unless(not_null, "iam.leading_keys_may_be_absent", place, condition);
}

fn serves_http(whole: &Value, role: &str) -> bool {
    of_type(whole, "AWS::Serverless::Function")
        .filter(|(_, function)| referred(&function["Properties"]["Role"]).is_some_and(|(name, _)| name == role))
        .any(|(_, function)| entries(&function["Properties"]["Events"]).any(|(_, event)| event["Type"] == "HttpApi"))
}
