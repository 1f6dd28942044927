//! Roles: each names the actions and the keys that its function uses, and nothing more.

use crate::fault::{Faults, entries, items, of_type, referred};
use serde_json::Value;

pub(crate) fn check(whole: &Value, faults: &mut Faults) {
    for (role, resource) in of_type(whole, "AWS::IAM::Role") {
        let properties = &resource["Properties"];
        let managed = &properties["ManagedPolicyArns"];
        faults.unless(managed.is_null(), "iam.managed_policy", role, managed);
        for policy in items(&properties["Policies"]) {
            for statement in items(&policy["PolicyDocument"]["Statement"]) {
                let place = format!("{role}.{}", statement["Sid"].as_str().unwrap_or("?"));
                if statement["Effect"] == "Allow" {
                    allow(whole, &place, role, statement, faults);
                }
            }
        }
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
        let ours = referred(resource).filter(|(name, _)| !whole["Resources"][*name].is_null());
        faults.unless(ours.is_some(), "iam.wildcard_resource", place, resource);
        let (name, rest) = ours.unwrap_or_default();
        if uses("secretsmanager:") {
            let one = whole["Resources"][name]["Type"] == "AWS::SecretsManager::Secret" && rest.is_empty();
            faults.unless(one, "iam.secret_too_wide", place, resource);
        }
        if uses("s3:") {
            let part = rest.trim_start_matches('/').trim_matches('*');
            // Listing is a right on the bucket as a whole; S3 wants it to say that an object is missing.
            let listing = actions == ["s3:ListBucket"] && rest.is_empty();
            faults.unless(part.len() > 1 || listing, "iam.bucket_too_wide", place, resource);
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
    let tenants = !keys.is_empty() && keys.iter().all(|key| key.as_str().is_some_and(|key| key.starts_with("T#")));
    faults.unless(tenants, "iam.leading_keys", place, condition);
    let not_null = condition["Null"]["dynamodb:LeadingKeys"] == "false";
    faults.unless(not_null, "iam.leading_keys_may_be_absent", place, condition);
}

fn serves_http(whole: &Value, role: &str) -> bool {
    of_type(whole, "AWS::Serverless::Function")
        .filter(|(_, function)| referred(&function["Properties"]["Role"]).is_some_and(|(name, _)| name == role))
        .any(|(_, function)| entries(&function["Properties"]["Events"]).any(|(_, event)| event["Type"] == "HttpApi"))
}
