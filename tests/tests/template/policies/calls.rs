//! Every call on rows and objects that the cases are about.

use super::{
    cases::{COUNTS_EVENTS, Case, EVENTS, FOLLOW_ROUTES, KEEPS_EVENTS, LOG, REPEATS, RIGHTS, STORE, Tenant, Who},
    evaluate::Context,
};

pub(super) const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/smartstore-dev-CatalogTable";
pub(super) const INDEX: &str =
    "arn:aws:dynamodb:us-east-1:000000000000:table/smartstore-dev-CatalogTable/index/pending";
/// Every index of the table.
pub(super) const INDEXES: [&str; 9] = [
    "pending",
    "audit_pending",
    "outbox_due",
    "deferral_due",
    "texts_about",
    "unread_cat_created",
    "user_status_created",
    "appeals_by_person",
    "appeals_by_state",
];
const STREAM: &str =
    "arn:aws:dynamodb:us-east-1:000000000000:table/smartstore-dev-CatalogTable/stream/2026-01-01T00:00:00.000";
pub(super) const BUCKET: &str = "arn:aws:s3:::smartstore-dev-artifactbucket";
const HEADS: &str = "arn:aws:s3:::smartstore-dev-auditbucket";

/// What nobody may do with the table, by whatever keys.
pub(super) const NEVER: [(&str, &str); 12] = [
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

/// Every call that reaches rows by key.
pub(super) const BY_KEY: [&str; 8] = [
    "dynamodb:GetItem",
    "dynamodb:BatchGetItem",
    "dynamodb:Query",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
];

pub(super) fn add(
    cases: &mut Vec<Case>,
    who: Who,
    action: &'static str,
    on: &str,
    context: Context,
    passes: bool,
    about: &str,
) {
    let subject = match &who {
        Who::Holder(role) => (*role).to_owned(),
        Who::AtTheDoor(role, who) => format!("{} to {role}", who.rsplit('/').next().unwrap_or(who)),
    };
    let verb = if passes { "may" } else { "may not" };
    let name = format!("{subject} {verb} {action} {about}");
    cases.push(Case { name, who, action, resource: on.to_owned(), context, passes });
}

/// The context of a holder with the tenant `tag`, for a call with these leading keys.
pub(super) fn keyed(tag: Option<&str>, keys: Option<&[&str]>) -> Context {
    let mut known: Vec<(&str, &[&str])> = Vec::new();
    let tag = tag.map(|tag| [tag]);
    known.extend(tag.as_ref().map(|tag| ("aws:PrincipalTag/tenant", tag.as_slice())));
    known.extend(keys.map(|keys| ("dynamodb:LeadingKeys", keys)));
    Context::of(&known)
}

pub(super) fn rows(tenant: &Tenant, cases: &mut Vec<Case>) {
    let mut row = |action, on: &str, tag, keys: Option<&[&str]>, passes, about: &str| {
        add(cases, Who::Holder(tenant.role), action, on, keyed(tag, keys), passes, about);
    };
    for (place, actions) in tenant.rows {
        let own = &*format!("T#acme#{place}");
        let foreign = &*format!("T#globex#{place}");
        for action in *actions {
            row(action, TABLE, Some("acme"), Some(&[own]), true, &format!("its own {place}"));
            row(action, TABLE, Some("acme"), Some(&[own, own]), true, &format!("its own {place} twice"));
            let mut not = |on: &str, tag, keys: Option<&[&str]>, about: &str| {
                row(action, on, tag, keys, false, &format!("{place} {about}"));
            };
            not(TABLE, Some("acme"), Some(&[foreign]), "of another");
            not(TABLE, Some("acme"), None, "without a key");
            not(TABLE, Some("globex"), Some(&[own]), "by another's tag");
            not(TABLE, None, Some(&[own]), "without a tag");
            not(TABLE, Some("acme"), Some(&[own, foreign]), "of another among its own");
            not(TABLE, Some("acme"), Some(&[&format!("T#acme-2#{place}")]), "where its name is another's beginning");
            not(TABLE, Some("acme"), Some(&[&format!("T#ACME#{place}")]), "of its name in another case");
            not(TABLE, Some("acme"), Some(&["T#acme"]), "as a key that ends with the tenant");
            not(TABLE, Some("acme"), Some(&[&format!("P#{own}")]), "as a key that only holds the tenant");
            not(TABLE, Some("acme"), Some(&[&format!("T#acme#X#{place}")]), "under what nobody keeps");
            not(INDEX, Some("acme"), Some(&[own]), "through the index");
            not(&TABLE.replace("Catalog", "Ledger"), Some("acme"), Some(&[own]), "in another table");
            not(TABLE, Some("*"), Some(&[own]), "by a star for a tag");
        }
    }
    for place in [STORE, RIGHTS.0, REPEATS.0, "OUTBOX", "OUTBOXDEAD", "PREFERENCES"].into_iter().chain(LOG) {
        let granted = tenant.rows.iter().find(|(known, _)| *known == place).map_or(&[][..], |(_, actions)| *actions);
        for action in BY_KEY.into_iter().filter(|action| !granted.contains(action)) {
            let about = format!("{place}, which its function never does");
            row(action, TABLE, Some("acme"), Some(&[&format!("T#acme#{place}")]), false, &about);
        }
    }
    for (action, on) in NEVER {
        row(action, on, Some("acme"), None, false, "at all");
        for (place, _) in tenant.rows {
            row(
                action,
                on,
                Some("acme"),
                Some(&[&format!("T#acme#{place}")]),
                false,
                &format!("even {place} by its key"),
            );
        }
    }
    for index in INDEXES {
        let on = INDEX.replace("pending", index);
        row("dynamodb:Scan", &on, Some("acme"), None, false, &format!("the index {index}"));
        for (place, _) in tenant.rows {
            let passes = tenant.queries.contains(&(*place, index));
            let (own, foreign) = (format!("T#acme#{place}"), format!("T#globex#{place}"));
            row("dynamodb:Query", &on, Some("acme"), Some(&[&own]), passes, &format!("its own {place} by {index}"));
            row(
                "dynamodb:Query",
                &on,
                Some("acme"),
                Some(&[&foreign]),
                false,
                &format!("another's {place} by {index}"),
            );
            row("dynamodb:Query", &on, Some("acme"), None, false, &format!("{place} by {index} without a key"));
        }
    }
}

/// Of the system tenant's rows a session may get the routes that its tenant follows, if its function follows any.
pub(super) fn routes(tenant: &Tenant, cases: &mut Vec<Case>) {
    let mut row = |action, on: &str, tag, keys: &[&str], passes, about: &str| {
        add(cases, Who::Holder(tenant.role), action, on, keyed(tag, Some(keys)), passes, about);
    };
    let (own, everybodys) = ("T#t_system#ROUTE#acme", "T#t_system#ROUTE#t_system");
    let follows = FOLLOW_ROUTES.contains(&tenant.role);
    for (followed, about) in [(own, "the route of its tenant"), (everybodys, "the route of everybody")] {
        for action in BY_KEY {
            row(action, TABLE, Some("acme"), &[followed], follows && action == "dynamodb:GetItem", about);
        }
        row("dynamodb:GetItem", INDEX, Some("acme"), &[followed], false, &format!("{about} through an index"));
    }
    let get = "dynamodb:GetItem";
    row(get, TABLE, Some("globex"), &[own], false, "a route by another's tag");
    row(get, TABLE, None, &[own], false, "a route without a tag");
    row(get, TABLE, Some("acme"), &[own, "T#t_system#ROUTE#globex"], false, "another's route beside its own");
    for other in [
        "T#t_system#ROUTE#globex",
        "T#t_system#ROUTE#acme-2",
        "T#t_system#ROUTE#ACME",
        "T#t_system#ROUTE#acme#x",
        "T#t_system#ROUTE#",
        "T#t_system#ROUTES",
        "T#t_system#MISSINGROUTES",
        "T#t_system#PEOPLE",
        "T#t_system#AUDIT",
        "T#globex#ROUTE#acme",
    ] {
        for action in BY_KEY {
            row(action, TABLE, Some("acme"), &[other], false, &format!("of the system's rows {other}"));
        }
    }
}

/// The table of events: one function's, by key and by two indexes, and nobody else's.
pub(super) fn events(tenant: &Tenant, cases: &mut Vec<Case>) {
    let table = TABLE.replace("Catalog", "Events");
    let mut row = |action, on: &str, tag, keys: Option<&[&str]>, passes, about: &str| {
        add(cases, Who::Holder(tenant.role), action, on, keyed(tag, keys), passes, about);
    };
    for place in ["EVENT#3", "MARKS", "ROLLUP"] {
        let (own, foreign) = (&*format!("T#acme#{place}"), &*format!("T#globex#{place}"));
        let may = |(role, of, _): &&(&str, &str, &[&str])| *role == tenant.role && *of == place;
        let actions = EVENTS.iter().find(may).map_or(&[][..], |(_, _, actions)| *actions);
        for action in BY_KEY {
            let of = |what: &str| format!("{place} {what}");
            row(action, &table, Some("acme"), Some(&[own]), actions.contains(&action), &of("of its own"));
            row(action, &table, Some("acme"), Some(&[own, foreign]), false, &of("of another among its own"));
            row(action, &table, Some("acme"), Some(&[foreign]), false, &of("of another"));
            row(action, &table, Some("globex"), Some(&[own]), false, &of("by another's tag"));
            row(action, &table, None, Some(&[own]), false, &of("without a tag"));
            row(action, &table, Some("acme"), None, false, &of("without a key"));
            row(action, &table, Some("acme"), Some(&[&format!("T#acme#X#{place}")]), false, &of("by another name"));
            row(action, &table, Some("acme"), Some(&[&format!("T#acme-2#{place}")]), false, &of("of a namesake"));
            row(action, TABLE, Some("acme"), Some(&[own]), false, &of("in the catalog's table"));
        }
        for index in ["event_time", "event_user", "rollup_due"] {
            let on = format!("{table}/index/{index}");
            let reads = match index {
                "event_time" => tenant.role == KEEPS_EVENTS || tenant.role == COUNTS_EVENTS,
                "event_user" => tenant.role == KEEPS_EVENTS,
                _ => false,
            };
            let reads = reads && place == "EVENT#3";
            row("dynamodb:Query", &on, Some("acme"), Some(&[own]), reads, &format!("its own {place} by {index}"));
            row("dynamodb:Query", &on, Some("acme"), Some(&[foreign]), false, &format!("another's {place} by {index}"));
            row("dynamodb:Query", &on, Some("acme"), None, false, &format!("{place} by {index} without a key"));
        }
    }
    for index in ["event_time", "event_user", "rollup_due"] {
        let on = format!("{table}/index/{index}");
        row("dynamodb:Scan", &on, Some("acme"), None, false, &format!("all of {index}"));
    }
    let own = "T#acme#EVENT#3";
    row("dynamodb:Scan", &table, Some("acme"), None, false, "all events");
    row("dynamodb:DeleteTable", &table, Some("acme"), None, false, "the table of events");
    row("dynamodb:PartiQLSelect", &table, Some("acme"), Some(&[own]), false, "events by PartiQL");
}

pub(super) fn objects(tenant: &Tenant, cases: &mut Vec<Case>) {
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

/// The bucket of signed heads: the job adds to it, and nobody takes away from it, also not by its lock.
pub(super) fn heads(tenant: &Tenant, cases: &mut Vec<Case>) {
    let signs = tenant.role == "AuditCheckpointTenantRole";
    let mut head = |who: &'static str, action, key: &str, tag, passes, about: &str| {
        let on = if key.is_empty() { HEADS.to_owned() } else { format!("{HEADS}/{key}") };
        add(cases, Who::Holder(who), action, &on, keyed(tag, None), passes, about);
    };
    for action in ["s3:GetObject", "s3:PutObject"] {
        for key in ["checkpoint", "checkpoint/00000000000000000007", "tile/0/000.p/7"] {
            head(tenant.role, action, &format!("acme/{key}"), Some("acme"), signs, &format!("its own {key}"));
            head(tenant.role, action, &format!("globex/{key}"), Some("acme"), false, &format!("another's {key}"));
            head(tenant.role, action, &format!("acme-2/{key}"), Some("acme"), false, &format!("a namesake's {key}"));
            head(tenant.role, action, &format!("acme/{key}"), None, false, &format!("a {key} without a tag"));
            head(tenant.function, action, &format!("acme/{key}"), None, false, &format!("a {key} by itself"));
        }
    }
    for who in [tenant.role, tenant.function] {
        for action in [
            "s3:DeleteObject",
            "s3:DeleteObjectVersion",
            "s3:PutObjectRetention",
            "s3:PutObjectLegalHold",
            "s3:BypassGovernanceRetention",
        ] {
            head(who, action, "acme/checkpoint", Some("acme"), false, "a head that was signed");
        }
        for action in ["s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"]
        {
            head(who, action, "", Some("acme"), false, "the bucket of heads");
        }
    }
}
