//! What each role must be able to do, and what it must not: the calls that the code makes, and those that a forgotten filter, a
//! stolen credential or a careless edit would make.

use super::{
    calls,
    evaluate::Context,
    reaches,
    roles::{Stack, arn},
};
use serde_json::{Value, json};

/// The ARN of a secret of this name; what follows the name is AWS's own addition.
pub(crate) fn secret(name: &str) -> String {
    format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}-a1b2c3")
}

/// One call and its verdict.
pub(crate) struct Case {
    /// What it is about.
    pub(crate) name: String,
    pub(super) who: Who,
    pub(super) action: &'static str,
    pub(super) resource: String,
    pub(super) context: Context,
    /// Whether it must pass.
    pub(crate) passes: bool,
}

#[derive(Clone)]
pub(super) enum Who {
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
            Who::Holder(role) => (arn(role), stack.policies(role).to_vec(), Value::Null),
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

/// What a function may do in a place of the table of events, which holds nothing else: role, place, actions.
pub(super) const EVENTS: [(&str, &str, &[&str]); 6] = [
    (KEEPS_EVENTS, "EVENT#3", &["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"]),
    (KEEPS_EVENTS, "MARKS", &["dynamodb:Query", "dynamodb:UpdateItem"]),
    (KEEPS_EVENTS, "ROLLUP", &["dynamodb:Query"]),
    (COUNTS_EVENTS, "EVENT#3", &["dynamodb:BatchGetItem"]),
    (COUNTS_EVENTS, "MARKS", &["dynamodb:Query", "dynamodb:UpdateItem"]),
    (COUNTS_EVENTS, "ROLLUP", &["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem"]),
];
/// The role whose function keeps events.
pub(super) const KEEPS_EVENTS: &str = "IngestTenantRole";
/// The role whose function counts them.
pub(super) const COUNTS_EVENTS: &str = "AnalyticsRollupTenantRole";

/// A tenant's role of a function, acting for `acme`.
pub(super) struct Tenant {
    pub(super) function: &'static str,
    pub(super) role: &'static str,
    /// Where in the tenant's rows it does what.
    pub(super) rows: &'static [(&'static str, &'static [&'static str])],
    /// What of S3 it may do with its own snapshots, and with its own uploads.
    pub(super) snapshots: &'static [&'static str],
    pub(super) uploads: &'static [&'static str],
    /// The index that the function itself may read whole, as a job does that looks for what waits.
    pub(super) sweeps: Option<&'static str>,
    /// The indexes that it may query, each with a place whose rows are in it.
    pub(super) queries: &'static [(&'static str, &'static str)],
}

/// What telling people takes.
const LIMIT: (&str, &[&str]) = (
    "RATE#grace#account_warning",
    &["dynamodb:Query", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
);
/// The same of what has been put off.
const LATER: (&str, &[&str]) = (
    "RATE#grace#account_warning",
    &["dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
);
const LEAVES: (&str, &[&str]) = ("AUDIT", &["dynamodb:PutItem"]);
const TEXTS: (&str, &[&str]) = ("AUDITTEXT", &["dynamodb:PutItem"]);
const PLACES: (&str, &[&str]) = ("AUDITSEQ", &["dynamodb:UpdateItem"]);

pub(super) const STORE: &str = "S#north";
pub(super) const REPEATS: (&str, &[&str]) =
    ("IDEMPOTENCY#4f2d", &["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]);
pub(super) const RIGHTS: (&str, &[&str]) = ("PEOPLE", &["dynamodb:GetItem"]);

/// The roles whose functions follow routes, which lie among the rows of the system tenant.
pub(super) const FOLLOW_ROUTES: [&str; 2] = ["OperationsTenantRole", KEEPS_EVENTS];

/// The leaves of the audit log, the texts that go with them and the counter of their places.
pub(super) const LOG: [&str; 3] = ["AUDIT", "AUDITTEXT", "AUDITSEQ"];

pub(super) const TENANTS: [Tenant; 12] = [
    Tenant {
        function: "AnalyticsRollupRole",
        role: COUNTS_EVENTS,
        rows: &[],
        snapshots: &[],
        uploads: &[],
        sweeps: Some("rollup_due"),
        queries: &[],
    },
    Tenant {
        function: "AskRole",
        role: "AskTenantRole",
        rows: &[(STORE, &["dynamodb:GetItem", "dynamodb:BatchGetItem"]), RIGHTS, REPEATS],
        snapshots: &["s3:GetObject"],
        uploads: &[],
        sweeps: None,
        queries: &[],
    },
    Tenant {
        function: "AuditCheckpointRole",
        role: "AuditCheckpointTenantRole",
        rows: &[
            (LOG[0], &["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"]),
            (LOG[2], &["dynamodb:GetItem", "dynamodb:UpdateItem"]),
        ],
        snapshots: &[],
        uploads: &[],
        sweeps: Some("audit_pending"),
        queries: &[],
    },
    Tenant {
        function: "CatalogRole",
        role: "CatalogTenantRole",
        rows: &[
            (
                STORE,
                &[
                    "dynamodb:GetItem",
                    "dynamodb:BatchGetItem",
                    "dynamodb:Query",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem",
                    "dynamodb:DeleteItem",
                    "dynamodb:BatchWriteItem",
                ],
            ),
            RIGHTS,
            REPEATS,
        ],
        snapshots: &["s3:GetObject", "s3:PutObject"],
        uploads: &["s3:PutObject"],
        sweeps: None,
        queries: &[],
    },
    Tenant {
        function: "CatalogPublishRole",
        role: "CatalogPublishTenantRole",
        rows: &[(
            STORE,
            &[
                "dynamodb:GetItem",
                "dynamodb:BatchGetItem",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
                "dynamodb:BatchWriteItem",
            ],
        )],
        snapshots: &["s3:PutObject"],
        uploads: &["s3:GetObject"],
        sweeps: Some("pending"),
        queries: &[],
    },
    Tenant {
        function: "NotificationsRole",
        role: "NotificationsTenantRole",
        rows: &[
            (
                "NOTICE#grace",
                &[
                    "dynamodb:GetItem",
                    "dynamodb:BatchGetItem",
                    "dynamodb:Query",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem",
                ],
            ),
            LIMIT,
            LEAVES,
            TEXTS,
            PLACES,
            ("OUTBOX", &["dynamodb:GetItem", "dynamodb:PutItem"]),
            ("PREFERENCES", &["dynamodb:GetItem", "dynamodb:PutItem"]),
            RIGHTS,
            REPEATS,
        ],
        snapshots: &[],
        uploads: &[],
        sweeps: None,
        queries: &[("NOTICE#grace", "unread_cat_created"), ("NOTICE#grace", "user_status_created")],
    },
    Tenant {
        function: "NotificationDeferralsRole",
        role: "NotificationDeferralsTenantRole",
        rows: &[
            LATER,
            LEAVES,
            TEXTS,
            PLACES,
            ("NOTICE#grace", &["dynamodb:PutItem"]),
            ("OUTBOX", &["dynamodb:PutItem"]),
        ],
        snapshots: &[],
        uploads: &[],
        sweeps: Some("deferral_due"),
        queries: &[],
    },
    Tenant {
        function: "OutboxDrainRole",
        role: "OutboxDrainTenantRole",
        rows: &[
            ("OUTBOX", &["dynamodb:UpdateItem"]),
            ("OUTBOXDEAD", &["dynamodb:PutItem"]),
            ("PREFERENCES", &["dynamodb:GetItem"]),
        ],
        snapshots: &[],
        uploads: &[],
        sweeps: Some("outbox_due"),
        queries: &[],
    },
    Tenant {
        function: "AppealsRole",
        role: "AppealsTenantRole",
        rows: &[
            ("APPEALS", &["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem"]),
            ("APPEALS#grace", &["dynamodb:BatchGetItem", "dynamodb:PutItem"]),
            ("PREFERENCES", &["dynamodb:GetItem"]),
            ("NOTICE#grace", &["dynamodb:GetItem", "dynamodb:PutItem"]),
            LIMIT,
            ("AUDIT", &["dynamodb:PutItem", "dynamodb:BatchGetItem"]),
            TEXTS,
            PLACES,
            ("OUTBOX", &["dynamodb:GetItem", "dynamodb:PutItem"]),
            RIGHTS,
            REPEATS,
        ],
        snapshots: &[],
        uploads: &[],
        sweeps: None,
        queries: &[("APPEALS", "appeals_by_person"), ("APPEALS", "appeals_by_state"), ("AUDITTEXT", "texts_about")],
    },
    Tenant {
        function: "OperationsRole",
        role: "OperationsTenantRole",
        rows: &[
            ("PEOPLE", &["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem"]),
            ("BREAKGLASS", &["dynamodb:GetItem", "dynamodb:PutItem"]),
            ("MISSINGROUTES", &["dynamodb:Query"]),
            REPEATS,
        ],
        snapshots: &[],
        uploads: &[],
        sweeps: None,
        queries: &[],
    },
    Tenant {
        function: "IngestRole",
        role: KEEPS_EVENTS,
        rows: &[
            (
                "FAILED",
                &[
                    "dynamodb:GetItem",
                    "dynamodb:Query",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem",
                    "dynamodb:DeleteItem",
                ],
            ),
            ("FAILEDTEXT", &["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"]),
            ("FAILEDCOUNT", &["dynamodb:GetItem", "dynamodb:UpdateItem"]),
            ("ERASURES", &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]),
            ("AUDIT", &["dynamodb:PutItem", "dynamodb:BatchGetItem"]),
            TEXTS,
            PLACES,
            RIGHTS,
            REPEATS,
        ],
        snapshots: &[],
        uploads: &[],
        sweeps: None,
        queries: &[("AUDITTEXT", "texts_about")],
    },
    Tenant {
        function: "RoutingRole",
        role: "RoutingTenantRole",
        rows: &[
            ("ROUTES", &["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem"]),
            ("ROUTE#initech", &["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem"]),
            ("MISSINGROUTES", &["dynamodb:PutItem", "dynamodb:DeleteItem"]),
            LEAVES,
            TEXTS,
            PLACES,
            RIGHTS,
            REPEATS,
        ],
        snapshots: &[],
        uploads: &[],
        sweeps: None,
        queries: &[],
    },
];

/// A stack as somebody may set it up.
pub(crate) struct Setting {
    pub(crate) parameters: &'static [(&'static str, &'static str)],
    /// Whether `ask` needs a provider's key, and whether it calls Bedrock's models.
    pub(super) asks_with_key: bool,
    pub(super) asks_bedrock: bool,
    /// Whether `outbox-drain` sends mail, and whether it signs webhooks.
    pub(super) sends_email: bool,
    pub(super) signs_webhooks: bool,
}

/// A stack that sends nothing, whose answers are written without a model.
const PLAIN: Setting =
    Setting { parameters: &[], asks_with_key: false, asks_bedrock: false, sends_email: false, signs_webhooks: false };

/// One stack for each provider of answers, and for each way out.
pub(crate) const SETTINGS: [Setting; 6] = [
    PLAIN,
    Setting { parameters: &[("AnswerProvider", "anthropic")], asks_with_key: true, ..PLAIN },
    Setting { parameters: &[("AnswerProvider", "openai")], asks_with_key: true, ..PLAIN },
    Setting { parameters: &[("AnswerProvider", "bedrock")], asks_bedrock: true, ..PLAIN },
    Setting {
        parameters: &[("EmailFrom", "store@example.com"), ("EmailIdentity", "example.com")],
        sends_email: true,
        ..PLAIN
    },
    Setting { parameters: &[("WebhookUrl", "https://hooks.example.com/in")], signs_webhooks: true, ..PLAIN },
];

/// Every case, of every function.
pub(crate) fn all(setting: &Setting) -> Vec<Case> {
    let mut cases = Vec::new();
    for tenant in &TENANTS {
        calls::rows(tenant, &mut cases);
        calls::routes(tenant, &mut cases);
        calls::events(tenant, &mut cases);
        calls::objects(tenant, &mut cases);
        calls::heads(tenant, &mut cases);
        reaches::doors(tenant, &mut cases);
        reaches::functions_own(tenant, &mut cases);
    }
    reaches::secrets_and_logs(setting, &mut cases);
    reaches::functions(&mut cases);
    reaches::models(setting, &mut cases);
    reaches::mail(setting, &mut cases);
    cases
}
