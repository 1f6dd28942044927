//! Tables, buckets, logs: kept, encrypted, closed to the public, and each key beginning with a tenant.

use crate::fault::{Faults, items, of_type, referred};
use serde_json::Value;

pub(crate) fn check(whole: &Value, faults: &mut Faults) {
    for (id, resource) in of_type(whole, "AWS::DynamoDB::Table") {
        kept(id, resource, faults);
        table(id, &resource["Properties"], faults);
    }
    for (id, resource) in of_type(whole, "AWS::S3::Bucket") {
        kept(id, resource, faults);
        bucket(id, &resource["Properties"], faults);
        let closed = of_type(whole, "AWS::S3::BucketPolicy").any(|(_, policy)| tls_only(id, &policy["Properties"]));
        faults.unless(closed, "bucket.tls_only", id, "no policy denies plain HTTP to the bucket and its objects");
    }
    for (id, policy) in of_type(whole, "AWS::S3::BucketPolicy") {
        let statements = items(&policy["Properties"]["PolicyDocument"]["Statement"]);
        let opens = statements
            .iter()
            .any(|s| s["Effect"] == "Allow" && (s["Principal"] == "*" || s["Principal"]["AWS"] == "*"));
        faults.unless(!opens, "bucket.public", id, "allows anyone");
    }
    for (id, function) in of_type(whole, "AWS::Serverless::Function") {
        let heads = &function["Properties"]["Environment"]["Variables"]["AUDIT_BUCKET"];
        if let Some((name, _)) = referred(heads) {
            locked(name, &whole["Resources"][name]["Properties"], faults);
        } else {
            faults.unless(!id.contains("AuditCheckpoint"), "bucket.lock", id, "its heads have no bucket");
        }
    }
    for (id, resource) in of_type(whole, "AWS::Logs::LogGroup") {
        let days = &resource["Properties"]["RetentionInDays"];
        faults.unless(!days.is_null(), "logs.retention", id, "lines would be kept for ever");
    }
    for (id, resource) in of_type(whole, "AWS::SecretsManager::Secret") {
        kept(id, resource, faults);
        let literal = &resource["Properties"]["SecretString"];
        faults.unless(literal.is_null(), "secret.literal", id, "a secret's value stands in the template");
    }
}

fn kept(id: &str, resource: &Value, faults: &mut Faults) {
    let kept = resource["DeletionPolicy"] == "Retain" && resource["UpdateReplacePolicy"] == "Retain";
    faults.unless(kept, "store.kept", id, "would go with the stack");
}

fn table(id: &str, properties: &Value, faults: &mut Faults) {
    let on = |value: &Value| value.as_bool() == Some(true);
    let recovers = on(&properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]);
    faults.unless(recovers, "table.recovery", id, &properties["PointInTimeRecoverySpecification"]);
    let protected = on(&properties["DeletionProtectionEnabled"]);
    faults.unless(protected, "table.deletion_protection", id, &properties["DeletionProtectionEnabled"]);
    faults.unless(
        on(&properties["SSESpecification"]["SSEEnabled"]),
        "table.encryption",
        id,
        &properties["SSESpecification"],
    );
    let on_demand = properties["BillingMode"] == "PAY_PER_REQUEST";
    faults.unless(on_demand, "table.billing", id, &properties["BillingMode"]);
    let schemas = items(&properties["GlobalSecondaryIndexes"]).into_iter().chain([properties]);
    for schema in schemas {
        let place = format!("{id}.{}", schema["IndexName"].as_str().unwrap_or("key"));
        let hash = items(&schema["KeySchema"]).into_iter().find(|part| part["KeyType"] == "HASH");
        let tenant = hash.is_some_and(|part| part["AttributeName"] == "pk");
        faults.unless(tenant, "table.tenant_key", place, &schema["KeySchema"]);
    }
}

fn bucket(id: &str, properties: &Value, faults: &mut Faults) {
    let block = &properties["PublicAccessBlockConfiguration"];
    let sides = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
    let closed = sides.iter().all(|side| block[*side].as_bool() == Some(true)) && properties["AccessControl"].is_null();
    faults.unless(closed, "bucket.public", id, block);
    let versioned = properties["VersioningConfiguration"]["Status"] == "Enabled";
    faults.unless(versioned, "bucket.versions", id, &properties["VersioningConfiguration"]);
    let encryption = &properties["BucketEncryption"]["ServerSideEncryptionConfiguration"];
    faults.unless(!items(encryption).is_empty(), "bucket.encryption", id, encryption);
    let rules = items(&properties["LifecycleConfiguration"]["Rules"]);
    let running = |rule: &&&Value, what: &str| rule["Status"] == "Enabled" && !rule[what].is_null();
    let halves = rules.iter().any(|rule| running(&rule, "AbortIncompleteMultipartUpload"));
    faults.unless(halves, "bucket.lifecycle", id, "halves of uploads are kept for ever");
    // Snapshots are named by content and referred to for as long as an answer is: only uploads may expire by age.
    let wide = rules.iter().any(|rule| running(&rule, "ExpirationInDays") && rule["Prefix"] != "uploads/");
    faults.unless(!wide, "bucket.lifecycle", id, "snapshots would expire");
}

/// What proves the audit log cannot be changed or removed for two years, by nobody.
fn locked(id: &str, properties: &Value, faults: &mut Faults) {
    let on = properties["ObjectLockEnabled"].as_bool() == Some(true);
    let lock = &properties["ObjectLockConfiguration"];
    let retention = &lock["Rule"]["DefaultRetention"];
    let whole = on && lock["ObjectLockEnabled"] == "Enabled" && retention["Mode"] == "COMPLIANCE";
    let days = retention["Days"].as_u64().unwrap_or(0);
    faults.unless(whole && days >= 730, "bucket.lock", id, lock);
}

fn tls_only(bucket: &str, policy: &Value) -> bool {
    let this = referred(&policy["Bucket"]).is_some_and(|(name, _)| name == bucket);
    let denies = |statement: &&Value| {
        let resources = items(&statement["Resource"]);
        let whole = resources.iter().any(|r| referred(r) == Some((bucket, "")));
        let objects = resources.iter().any(|r| referred(r) == Some((bucket, "/*")));
        let everyone = statement["Principal"] == "*" && statement["Action"] == "s3:*";
        let plain = statement["Condition"]["Bool"]["aws:SecureTransport"] == "false";
        statement["Effect"] == "Deny" && everyone && plain && whole && objects
    };
    this && items(&policy["PolicyDocument"]["Statement"]).iter().any(denies)
}
