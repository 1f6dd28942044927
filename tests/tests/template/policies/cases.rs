//! What each role must be able to do, and what it must not: the calls that the code makes, and those that a forgotten filter, a
//! stolen credential or a careless edit would make.

use super::{
    evaluate::Context,
    roles::{Stack, arn},
};
use serde_json::{Value, json};

const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/smartstore-dev-CatalogTable";
const INDEX: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/smartstore-dev-CatalogTable/index/pending";
const STREAM: &str =
    "arn:aws:dynamodb:us-east-1:000000000000:table/smartstore-dev-CatalogTable/stream/2026-01-01T00:00:00.000";
const BUCKET: &str = "arn:aws:s3:::smartstore-dev-artifactbucket";

/// The ARN of a secret of this name; what follows the name is AWS's own addition.
pub(crate) fn secret(name: &str) -> String {
    format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}-a1b2c3")
}

/// One call and its verdict.
pub(crate) struct Case {
    /// What it is about.
    pub(crate) name: String,
    who: Who,
    action: &'static str,
    resource: String,
    context: Context,
    /// Whether it must pass.
    pub(crate) passes: bool,
}

#[derive(Clone)]
enum Who {
    /// The holder of a role, by what its policies say.
    Holder(&'static str),
    /// This ARN at a role's door, by what its trust policy says.
    AtTheDoor(&'static str, String),
}

impl Case {
    /// Whether the stack's policies say what they must.
    pub(crate) fn holds(&self, stack: &Stack) -> bool {
        self.verdict(stack) == self.passes
    }

    fn verdict(&self, stack: &Stack) -> bool {
        match &self.who {
            Who::Holder(role) => stack.may(role, self.action, &self.resource, &self.context),
            Who::AtTheDoor(role, who) => stack.trusts(role, who, self.action, &self.context),
        }
    }

    /// The case for another evaluator: the call, the policies that decide it, and our verdict.
    pub(crate) fn json(&self, stack: &Stack) -> Value {
        let (principal, identity, trust) = match &self.who {
            Who::Holder(role) => (arn(role), stack.policies(role), Value::Null),
            Who::AtTheDoor(role, who) => {
                // The door alone is asked: whoever stands before it has every right on their own side.
                let all = json!({"Effect": "Allow", "Action": self.action, "Resource": self.resource});
                let all = json!({"Version": "2012-10-17", "Statement": [all]});
                (who.clone(), vec![all], stack.trust(role).clone())
            }
        };
        json!({
            "name": self.name, "principal": principal, "action": self.action, "resource": self.resource,
            "context": self.context.json(), "identity": identity, "trust": trust, "passes": self.verdict(stack),
        })
    }
}

/// A tenant's role of a function, acting for `acme`.
struct Tenant {
    function: &'static str,
    role: &'static str,
    /// What it does with rows, all of which it may do with its own.
    rows: &'static [&'static str],
    /// What of S3 it may do with its own snapshots, and with its own uploads.
    snapshots: &'static [&'static str],
    uploads: &'static [&'static str],
}

const TENANTS: [Tenant; 3] = [
    Tenant {
        function: "AskRole",
        role: "AskTenantRole",
        rows: &["dynamodb:GetItem", "dynamodb:BatchGetItem"],
        snapshots: &["s3:GetObject"],
        uploads: &[],
    },
    Tenant {
        function: "CatalogRole",
        role: "CatalogTenantRole",
        rows: &[
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:BatchWriteItem",
        ],
        snapshots: &["s3:GetObject", "s3:PutObject"],
        uploads: &["s3:PutObject"],
    },
    Tenant {
        function: "CatalogPublishRole",
        role: "CatalogPublishTenantRole",
        rows: &[
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
            "dynamodb:BatchWriteItem",
        ],
        snapshots: &["s3:GetObject", "s3:PutObject"],
        uploads: &["s3:GetObject"],
    },
];

/// What nobody may do with the table, by whatever keys.
const NEVER: [(&str, &str); 12] = [
    ("dynamodb:Scan", TABLE),
    ("dynamodb:PartiQLSelect", TABLE),
    ("dynamodb:PartiQLUpdate", TABLE),
    ("dynamodb:PartiQLDelete", TABLE),
    ("dynamodb:GetRecords", STREAM),
    ("dynamodb:GetShardIterator", STREAM),
    ("dynamodb:DeleteTable", TABLE),
    ("dynamodb:UpdateTable", TABLE),
    ("dynamodb:UpdateTimeToLive", TABLE),
    ("dynamodb:CreateBackup", TABLE),
    ("dynamodb:ExportTableToPointInTime", TABLE),
    ("dynamodb:PutResourcePolicy", TABLE),
];

/// Every case, of every function.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for tenant in &TENANTS {
        rows(tenant, &mut cases);
        objects(tenant, &mut cases);
        doors(tenant, &mut cases);
        functions_own(tenant, &mut cases);
    }
    secrets_and_logs(&mut cases);
    cases
}

fn add(cases: &mut Vec<Case>, who: Who, action: &'static str, on: &str, context: Context, passes: bool, about: &str) {
    let subject = match &who {
        Who::Holder(role) => (*role).to_owned(),
        Who::AtTheDoor(role, who) => format!("{} to {role}", who.rsplit('/').next().unwrap_or(who)),
    };
    let verb = if passes { "may" } else { "may not" };
    let name = format!("{subject} {verb} {action} {about}");
    cases.push(Case { name, who, action, resource: on.to_owned(), context, passes });
}

/// The context of a holder with the tenant `tag`, for a call with these leading keys.
fn keyed(tag: Option<&str>, keys: Option<&[&str]>) -> Context {
    let mut known: Vec<(&str, &[&str])> = Vec::new();
    let tag = tag.map(|tag| [tag]);
    known.extend(tag.as_ref().map(|tag| ("aws:PrincipalTag/tenant", tag.as_slice())));
    known.extend(keys.map(|keys| ("dynamodb:LeadingKeys", keys)));
    Context::of(&known)
}

fn rows(tenant: &Tenant, cases: &mut Vec<Case>) {
    const OWN: &str = "T#acme#S#north";
    const FOREIGN: &str = "T#globex#S#north";
    let mut row = |action, on: &str, tag, keys: Option<&[&str]>, passes, about: &str| {
        add(cases, Who::Holder(tenant.role), action, on, keyed(tag, keys), passes, about);
    };
    for action in tenant.rows {
        row(action, TABLE, Some("acme"), Some(&[OWN]), true, "its own row");
        row(action, TABLE, Some("acme"), Some(&[FOREIGN]), false, "another's row");
        row(action, TABLE, Some("acme"), None, false, "without a key");
        row(action, TABLE, Some("globex"), Some(&[OWN]), false, "by another's tag");
        row(action, TABLE, None, Some(&[OWN]), false, "without a tag");
        row(action, TABLE, Some("acme"), Some(&[OWN, "T#acme#S#south"]), true, "several of its own rows");
        row(action, TABLE, Some("acme"), Some(&[OWN, FOREIGN]), false, "a foreign row among its own");
        row(action, TABLE, Some("acme"), Some(&["T#acme-2#S#north"]), false, "where its name is another's beginning");
        row(action, TABLE, Some("acme"), Some(&["T#ACME#S#north"]), false, "in another case");
        row(action, TABLE, Some("acme"), Some(&["T#acme"]), false, "a key that ends with the tenant");
        row(action, TABLE, Some("acme"), Some(&["P#T#acme#S#north"]), false, "a key that only holds the tenant");
        row(action, INDEX, Some("acme"), Some(&[OWN]), false, "through the index");
        row(action, &TABLE.replace("Catalog", "Ledger"), Some("acme"), Some(&[OWN]), false, "in another table");
        row(action, TABLE, Some("*"), Some(&[OWN]), false, "by a star for a tag");
    }
    for (action, on) in NEVER {
        row(action, on, Some("acme"), None, false, "at all");
        row(action, on, Some("acme"), Some(&[OWN]), false, "even by its own key");
    }
    row("dynamodb:Scan", INDEX, Some("acme"), None, false, "the index");
    let all = ["GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "ConditionCheckItem"];
    for action in all.map(|action| match action {
        "GetItem" => "dynamodb:GetItem",
        "Query" => "dynamodb:Query",
        "PutItem" => "dynamodb:PutItem",
        "UpdateItem" => "dynamodb:UpdateItem",
        "DeleteItem" => "dynamodb:DeleteItem",
        "BatchWriteItem" => "dynamodb:BatchWriteItem",
        _ => "dynamodb:ConditionCheckItem",
    }) {
        if !tenant.rows.contains(&action) {
            row(action, TABLE, Some("acme"), Some(&[OWN]), false, "which its function never does");
        }
    }
}

fn objects(tenant: &Tenant, cases: &mut Vec<Case>) {
    const NAME: &str = "sha256/ab/cdef0123";
    let mut object = |action, key: &str, tag, passes, about: &str| {
        add(cases, Who::Holder(tenant.role), action, &format!("{BUCKET}/{key}"), keyed(tag, None), passes, about);
    };
    for action in ["s3:GetObject", "s3:PutObject"] {
        let (snapshot, upload) = (tenant.snapshots.contains(&action), tenant.uploads.contains(&action));
        object(action, &format!("acme/{NAME}"), Some("acme"), snapshot, "its own snapshot");
        object(action, "uploads/acme/imp_1", Some("acme"), upload, "its own upload");
        object(action, &format!("globex/{NAME}"), Some("acme"), false, "another's snapshot");
        object(action, "uploads/globex/imp_1", Some("acme"), false, "another's upload");
        object(action, &format!("acme-2/{NAME}"), Some("acme"), false, "where its name is another's beginning");
        object(action, "uploads/acme-2/imp_1", Some("acme"), false, "an upload where its name is another's beginning");
        object(action, &format!("acme/{NAME}"), None, false, "a snapshot without a tag");
        object(action, "uploads/acme/imp_1", None, false, "an upload without a tag");
        object(action, &format!("globex/acme/{NAME}"), Some("acme"), false, "its name in another's folder");
        object(action, "acme", Some("acme"), false, "an object of its name");
        object(action, "acme/notes.txt", Some("acme"), false, "an object that no digest names");
    }
    for action in ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObjectVersion", "s3:PutObjectAcl"] {
        object(action, &format!("acme/{NAME}"), Some("acme"), false, "even its own snapshot");
    }
    for action in ["s3:ListBucket", "s3:ListBucketVersions", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration"] {
        add(cases, Who::Holder(tenant.role), action, BUCKET, keyed(Some("acme"), None), false, "the bucket");
    }
}

fn doors(tenant: &Tenant, cases: &mut Vec<Case>) {
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

fn functions_own(tenant: &Tenant, cases: &mut Vec<Case>) {
    let own = Who::Holder(tenant.function);
    let sweeps = tenant.function == "CatalogPublishRole";
    let mut call = |action, on: &str, keys: Option<&[&str]>, passes, about: &str| {
        add(cases, own.clone(), action, on, keyed(None, keys), passes, about);
    };
    for action in ["sts:AssumeRole", "sts:TagSession"] {
        for other in &TENANTS {
            call(action, &arn(other.role), None, other.role == tenant.role, other.role);
        }
        call(action, "arn:aws:iam::000000000000:role/Admin", None, false, "an administrator");
    }
    for action in TENANTS[1].rows {
        call(action, TABLE, Some(&["T#acme#S#north"]), false, "a row, without a tenant's role");
        call(action, TABLE, None, false, "without key and role");
    }
    for (action, on) in NEVER {
        call(action, on, None, false, "at all");
    }
    call("dynamodb:Scan", INDEX, None, sweeps, "the index of what waits");
    call("dynamodb:Scan", &INDEX.replace("pending", "people"), None, false, "another index");
    call("dynamodb:Query", INDEX, Some(&["T#acme#S#north"]), false, "the index");
    for action in ["s3:GetObject", "s3:PutObject"] {
        call(action, &format!("{BUCKET}/acme/sha256/ab/cd"), None, false, "a snapshot, without a tenant's role");
        call(action, &format!("{BUCKET}/uploads/acme/imp_1"), None, false, "an upload, without a tenant's role");
    }
    call("s3:ListBucket", BUCKET, None, false, "the bucket");
    for action in ["iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:PassRole"] {
        call(action, &arn(tenant.role), None, false, "to widen its own rights");
    }
}

fn secrets_and_logs(cases: &mut Vec<Case>) {
    let ours = secret("smartstore-ai/dev");
    for (function, reads) in [("AskRole", false), ("CatalogRole", true), ("CatalogPublishRole", false)] {
        let none = Context::default;
        let mut call = |action, on: &str, passes, about: &str| {
            add(cases, Who::Holder(function), action, on, none(), passes, about);
        };
        call("secretsmanager:GetSecretValue", &ours, reads, "this stage's secret");
        call("secretsmanager:GetSecretValue", &secret("smartstore-ai/prod"), false, "another stage's secret");
        call("secretsmanager:PutSecretValue", &ours, false, "this stage's secret");
        let name = match function {
            "AskRole" => "ask",
            "CatalogRole" => "catalog",
            _ => "catalog-publish",
        };
        let stream = |name: &str| {
            format!("arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/smartstore-dev-{name}:log-stream:a")
        };
        call("logs:PutLogEvents", &stream(name), true, "into its own log");
        let other = if name == "ask" { "catalog" } else { "ask" };
        call("logs:PutLogEvents", &stream(other), false, "into another's log");
        call("logs:DeleteLogStream", &stream(name), false, "from its own log");
    }
    for tenant in &TENANTS {
        for action in ["secretsmanager:GetSecretValue"] {
            add(cases, Who::Holder(tenant.role), action, &ours, keyed(Some("acme"), None), false, "the secret");
        }
        let stream = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/smartstore-dev-ask:log-stream:a";
        add(cases, Who::Holder(tenant.role), "logs:PutLogEvents", stream, keyed(Some("acme"), None), false, "a log");
    }
}
