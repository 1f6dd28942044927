//! The calls at the doors of roles, and what else a role could reach for.

use super::{
    calls::{BUCKET, BY_KEY, INDEX, INDEXES, NEVER, TABLE, add, keyed},
    cases::{Case, Setting, TENANTS, Tenant, Who, secret},
    evaluate::Context,
    roles::arn,
};

pub(super) fn doors(tenant: &Tenant, cases: &mut Vec<Case>) {
    let role = tenant.role;
    let tagged = |tags: &[(&str, &str)]| {
        let keys: Vec<&str> = tags.iter().map(|(key, _)| *key).collect();
        let named: Vec<_> = tags.iter().map(|(key, value)| (format!("aws:RequestTag/{key}"), [*value])).collect();
        let mut known: Vec<(&str, &[&str])> = vec![];
        known.extend(named.iter().map(|(key, value)| (key.as_str(), value.as_slice())));
        if !keys.is_empty() {
            known.push(("aws:TagKeys", &keys));
        }
        Context::of(&known)
    };
    let mut door = |who: &str, tags: &[(&str, &str)], passes, about: &str| {
        for action in ["sts:AssumeRole", "sts:TagSession"] {
            let who = Who::AtTheDoor(role, who.to_owned());
            add(cases, who, action, &arn(role), tagged(tags), passes, about);
        }
    };
    let own = arn(tenant.function);
    for id in ["acme", "t_greenleaf", "A-1", &"a".repeat(64)] {
        door(&own, &[("tenant", id)], true, &format!("for the tenant {id}"));
    }
    door(&own, &[], false, "for no tenant");
    door(&own, &[("tenant", "")], false, "for a tenant without a name");
    for bad in ["acme/sha256", "../acme", "a b", "a:b", "a=b", "a+b", "a@b", "uploads"] {
        door(&own, &[("tenant", bad)], false, &format!("for what is no tenant id: {bad:?}"));
    }
    door(&own, &[("store", "acme")], false, "by another tag");
    door(&own, &[("tenant", "acme"), ("role", "admin")], false, "with a second tag");
    for other in TENANTS.iter().filter(|other| other.role != role) {
        door(&arn(other.function), &[("tenant", "acme")], false, "for another function");
        door(&arn(other.role), &[("tenant", "acme")], false, "from another tenant role");
    }
    door(&arn(role), &[("tenant", "globex")], false, "from itself, for another tenant");
    door("arn:aws:iam::000000000000:user/mallory", &[("tenant", "acme")], false, "for a user of the account");
    door("arn:aws:iam::999999999999:role/other", &[("tenant", "acme")], false, "for another account");
}

pub(super) fn functions_own(tenant: &Tenant, cases: &mut Vec<Case>) {
    let own = Who::Holder(tenant.function);
    let mut call = |action, on: &str, keys: Option<&[&str]>, passes, about: &str| {
        add(cases, own.clone(), action, on, keyed(None, keys), passes, about);
    };
    for action in ["sts:AssumeRole", "sts:TagSession"] {
        for other in &TENANTS {
            call(action, &arn(other.role), None, other.role == tenant.role, other.role);
        }
        call(action, "arn:aws:iam::000000000000:role/Admin", None, false, "an administrator");
    }
    for action in BY_KEY {
        call(action, TABLE, Some(&["T#acme#S#north"]), false, "a row, without a tenant's role");
        call(action, TABLE, None, false, "without key and role");
    }
    for (action, on) in NEVER {
        call(action, on, None, false, "at all");
    }
    for index in INDEXES {
        let (on, sweeps) = (INDEX.replace("pending", index), tenant.sweeps == Some(index));
        call("dynamodb:Scan", &on, None, sweeps, &format!("the index {index}"));
        call("dynamodb:Query", &on, Some(&["T#acme#S#north"]), false, &format!("the index {index}"));
    }
    call("dynamodb:Scan", &INDEX.replace("pending", "people"), None, false, "an index that nobody has");
    for index in ["event_time", "event_user", "rollup_due"] {
        let on = INDEX.replace("Catalog", "Events").replace("pending", index);
        call("dynamodb:Scan", &on, None, tenant.sweeps == Some(index), &format!("the index {index} of events"));
    }
    for action in ["s3:GetObject", "s3:PutObject"] {
        call(action, &format!("{BUCKET}/acme/sha256/ab/cd"), None, false, "a snapshot, without a tenant's role");
        call(action, &format!("{BUCKET}/uploads/acme/imp_1"), None, false, "an upload, without a tenant's role");
    }
    call("s3:ListBucket", BUCKET, None, false, "the bucket");
    for action in ["iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:PassRole"] {
        call(action, &arn(tenant.role), None, false, "to widen its own rights");
    }
}

pub(super) fn secrets_and_logs(setting: &Setting, cases: &mut Vec<Case>) {
    let ours = secret("smartstore-ai/dev");
    let functions = [
        ("AnalyticsRollupRole", "analytics-rollup", false),
        ("AskRole", "ask", setting.asks_with_key),
        ("AuditCheckpointRole", "audit-checkpoint", false),
        ("CatalogRole", "catalog", true),
        ("CatalogPublishRole", "catalog-publish", false),
        ("AppealsRole", "appeals", true),
        ("NotificationsRole", "notifications", true),
        ("NotificationDeferralsRole", "notification-deferrals", false),
        ("OutboxDrainRole", "outbox-drain", setting.signs_webhooks),
        ("IngestRole", "ingest", true),
        ("OperationsRole", "operations", true),
        ("RoutingRole", "routing", true),
    ];
    for (function, name, reads) in functions {
        let none = Context::default;
        let mut call = |action, on: &str, passes, about: &str| {
            add(cases, Who::Holder(function), action, on, none(), passes, about);
        };
        call("secretsmanager:GetSecretValue", &ours, reads, "this stage's secret");
        let signs = function == "AuditCheckpointRole";
        call("secretsmanager:GetSecretValue", &secret("smartstore-ai/dev/audit"), signs, "the key of the audit logs");
        let follows = function == "IngestRole";
        let backends = secret("smartstore-ai/dev/analytics/firestore");
        call("secretsmanager:GetSecretValue", &backends, follows, "the key of a tenant's backend");
        for other in ["smartstore-ai/prod", "smartstore-ai/prod/analytics/firestore"] {
            call("secretsmanager:GetSecretValue", &secret(other), false, &format!("another stage's secret, {other}"));
        }
        call("secretsmanager:PutSecretValue", &ours, false, "this stage's secret");
        let stream = |name: &str| {
            format!("arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/smartstore-dev-{name}:log-stream:a")
        };
        call("logs:PutLogEvents", &stream(name), true, "into its own log");
        let other = if name == "ask" { "catalog" } else { "ask" };
        call("logs:PutLogEvents", &stream(other), false, "into another's log");
        call("logs:DeleteLogStream", &stream(name), false, "from its own log");
    }
    for tenant in &TENANTS {
        let read = "secretsmanager:GetSecretValue";
        add(cases, Who::Holder(tenant.role), read, &ours, keyed(Some("acme"), None), false, "the secret");
        let stream = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/smartstore-dev-ask:log-stream:a";
        add(cases, Who::Holder(tenant.role), "logs:PutLogEvents", stream, keyed(Some("acme"), None), false, "a log");
    }
}

/// Who may ask another function: the one that keeps routes has backends tried, and nobody else asks anybody.
pub(super) fn functions(cases: &mut Vec<Case>) {
    const LAMBDA: &str = "arn:aws:lambda:us-east-1:000000000000:function:smartstore";
    for tenant in &TENANTS {
        let mut call = |role, action, on: &str, passes, about: &str| {
            add(cases, Who::Holder(role), action, &format!("{LAMBDA}-{on}"), Context::default(), passes, about);
        };
        let (asks, invoke) = (tenant.function == "RoutingRole", "lambda:InvokeFunction");
        call(tenant.function, invoke, "dev-ingest:live", asks, "to try a backend");
        for other in ["dev-ingest", "dev-ingest:7", "dev-catalog:live", "prod-ingest:live"] {
            call(tenant.function, invoke, other, false, &format!("another function or version, {other}"));
        }
        call(tenant.function, "lambda:UpdateFunctionCode", "dev-ingest:live", false, "to change what it does");
        call(tenant.role, invoke, "dev-ingest:live", false, "to try a backend");
    }
}

pub(super) fn models(setting: &Setting, cases: &mut Vec<Case>) {
    const MODEL: &str = "foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0";
    const HERE: &str = "arn:aws:bedrock:us-east-1:000000000000:inference-profile";
    let own = [
        format!("{HERE}/global.anthropic.claude-haiku-4-5-20251001-v1:0"),
        format!("arn:aws:bedrock:us-east-1::{MODEL}"),
        format!("arn:aws:bedrock:::{MODEL}"),
    ];
    let others = [
        format!("{HERE}/global.anthropic.claude-opus-4-5-20251101-v1:0"),
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0".to_owned(),
        format!("arn:aws:bedrock:eu-central-1::{MODEL}"),
    ];
    for tenant in &TENANTS {
        let asks = setting.asks_bedrock && tenant.function == "AskRole";
        for (arns, passes) in [(&own, asks), (&others, false)] {
            for arn in arns {
                let mut call = |role, action, passes| {
                    add(cases, Who::Holder(role), action, arn, keyed(Some("acme"), None), passes, arn);
                };
                call(tenant.function, "bedrock:InvokeModel", passes);
                call(tenant.function, "bedrock:InvokeModelWithResponseStream", false);
                call(tenant.role, "bedrock:InvokeModel", false);
            }
        }
    }
}

pub(super) fn mail(setting: &Setting, cases: &mut Vec<Case>) {
    const OWN: &str = "arn:aws:ses:us-east-1:000000000000:identity/example.com";
    for tenant in &TENANTS {
        let sends = setting.sends_email && tenant.function == "OutboxDrainRole";
        let mut call = |role, action, on: &str, from: &str, passes, about: &str| {
            let context = Context::of(&[("ses:FromAddress", &[from])]);
            add(cases, Who::Holder(role), action, on, context, passes, about);
        };
        let ours = "store@example.com";
        call(tenant.function, "ses:SendEmail", OWN, ours, sends, "from the stack's address");
        call(tenant.function, "ses:SendEmail", OWN, "boss@example.com", false, "from another address of the domain");
        call(tenant.function, "ses:SendEmail", OWN.trim_end_matches("example.com"), "", false, "as nobody");
        let other = OWN.replace("example.com", "example.org");
        call(tenant.function, "ses:SendEmail", &other, ours, false, "as another identity");
        call(tenant.function, "ses:SendRawEmail", OWN, ours, false, "in a form of its own");
        call(tenant.function, "ses:DeleteEmailIdentity", OWN, ours, false, "and ends the identity");
        call(tenant.role, "ses:SendEmail", OWN, ours, false, "from the stack's address");
    }
}
