#![allow(clippy::unwrap_used)]

use super::*;

const OURS: &str = include_str!("../../../template.yaml");

fn ours(parameters: &[(&str, &str)]) -> Template {
    Template::parse(OURS, &[&[("ProjectId", "smartstore-local")], parameters].concat()).unwrap()
}

fn function<'a>(template: &'a Template, binary: &str) -> &'a Function {
    template.functions.iter().find(|function| function.binary == binary).unwrap()
}

#[test]
fn the_template_says_which_binaries_run_and_when() {
    let template = ours(&[]);
    let binaries: Vec<_> = template.functions.iter().map(|f| (f.name.as_str(), f.binary.as_str())).collect();
    assert_eq!(
        binaries,
        [
            ("smartstore-dev-analytics-rollup", "analytics-rollup"),
            ("smartstore-dev-appeals", "appeals"),
            ("smartstore-dev-ask", "ask"),
            ("smartstore-dev-audit-checkpoint", "audit-checkpoint"),
            ("smartstore-dev-catalog", "catalog"),
            ("smartstore-dev-catalog-publish", "catalog-publish"),
            ("smartstore-dev-ingest", "ingest"),
            ("smartstore-dev-notification-deferrals", "notification-deferrals"),
            ("smartstore-dev-notifications", "notifications"),
            ("smartstore-dev-operations", "operations"),
            ("smartstore-dev-outbox-drain", "outbox-drain"),
            ("smartstore-dev-routing", "routing"),
        ]
    );
    let publish = function(&template, "catalog-publish");
    assert_eq!(publish.schedules[0].rhythm, Rhythm::Every(Duration::from_secs(60)));
    assert_eq!(
        publish.schedules[0].event("2026-11-20T09:00:00.25Z".parse().unwrap()),
        r#"{"job":"catalog_publish","scheduled_time":"2026-11-20T09:00:00Z"}"#
    );
}

#[test]
fn variables_stand_resolved_with_those_of_globals_beneath() {
    let template = ours(&[("CorsAllowOrigins", "https://shop.example")]);
    let env = &function(&template, "ask").env;
    let get = |name: &str| env.get(name).map(String::as_str);
    assert_eq!(get("TABLE_NAME"), Some("smartstore-dev-CatalogTable"));
    assert_eq!(get("ARTIFACT_BUCKET"), Some("smartstore-dev-artifactbucket"));
    assert_eq!(get("DEPLOY_ENV"), Some("development"));
    assert_eq!(get("FIREBASE_PROJECT_ID"), Some("smartstore-local"));
    assert_eq!(get("RAG_SIMILARITY_THRESHOLD"), Some("0.65"));
    assert_eq!(get("ASK_DEADLINE_MS"), Some("25000"));
    assert_eq!(get("CORS_ALLOW_ORIGINS"), Some("https://shop.example"));
    assert_eq!(get("SECRET_ID"), Some("smartstore-ai/dev"));
    assert_eq!(get("ANSWER_PROVIDER"), Some("extractive"));
    assert_eq!(function(&template, "audit-checkpoint").env["SECRET_ID"], "smartstore-ai/dev/audit");
    assert_eq!(function(&template, "catalog").env["SECRET_ID"], "smartstore-ai/dev");
}

#[test]
fn the_laptop_has_no_role_to_assume_for_a_tenant() {
    assert!(OURS.contains("TENANT_ROLE_ARN: "), "the functions in AWS are told of theirs");
    assert!(ours(&[]).functions.iter().all(|function| !function.env.contains_key("TENANT_ROLE_ARN")));
}

#[test]
fn rendered_resources_hold_no_reference_and_none_whose_condition_fails() {
    let whole = long_form(OURS).unwrap();
    let render = |email: &str| rendered(&whole, &[("ProjectId", "smartstore-local"), ("AlertEmail", email)]).unwrap();
    let resources = render("");
    assert!(!resources.contains_key("AlertSubscription"));
    assert!(render("ops@shop.example").contains_key("AlertSubscription"));
    let policy = serde_json::to_string(&resources["AskTenantRole"]).unwrap();
    assert!(!policy.contains("Fn::") && !policy.contains("Ref\""), "{policy}");
    assert!(
        policy.contains("arn:aws:s3:::smartstore-dev-artifactbucket/${aws:PrincipalTag/tenant}/sha256/*"),
        "{policy}"
    );
    assert!(policy.contains("arn:aws:iam::000000000000:role/smartstore-dev-AskRole"), "{policy}");
}

#[test]
fn a_stage_names_its_own_resources() {
    let template = ours(&[("Stage", "prod")]);
    let ask = function(&template, "ask");
    assert_eq!(ask.name, "smartstore-prod-ask");
    assert_eq!(ask.env["DEPLOY_ENV"], "production");
    let secrets: Vec<_> = template.secrets.iter().map(|secret| secret.name.as_str()).collect();
    assert_eq!(secrets, ["smartstore-ai/prod/audit", "smartstore-ai/prod"]);
}

#[test]
fn the_openapi_document_and_the_sign_of_life_are_the_only_public_routes() {
    let template = ours(&[]);
    let public: Vec<String> = template.routes().filter(|(_, r)| r.public).map(|(_, r)| r.to_string()).collect();
    assert_eq!(public, ["GET /openapi.json", "GET /healthz"]);
    assert_eq!(template.routes().count(), 59);
}

#[test]
fn tables_come_with_keys_indexes_and_the_attribute_that_lets_go() {
    let template = ours(&[]);
    let [table, events] = template.tables.as_slice() else { panic!("{:?}", template.tables) };
    assert_eq!(
        (table.name.as_str(), events.name.as_str()),
        ("smartstore-dev-CatalogTable", "smartstore-dev-EventsTable")
    );
    assert_eq!((events.ttl.as_deref(), events.indexes.len()), (Some("expires_at"), 3));
    assert_eq!(table.key, Key { hash: "pk".into(), range: Some("sk".into()) });
    assert_eq!(table.ttl.as_deref(), Some("expires_at"));
    assert_eq!(table.indexes[0].name, "pending");
    assert_eq!(table.indexes[0].key, Key { hash: "pk".into(), range: Some("pending_since".into()) });
    assert_eq!(table.attributes["pending_since"], "S");
}

#[test]
fn rates_are_as_strict_as_eventbridge() {
    let every = |text: &str| text.parse::<Rhythm>();
    assert_eq!(every("rate(1 minute)").unwrap(), Rhythm::Every(Duration::from_secs(60)));
    assert_eq!(every("rate(2 hours)").unwrap(), Rhythm::Every(Duration::from_secs(7_200)));
    assert_eq!(every("cron(0 3 * * ? *)").unwrap(), Rhythm::Cron("0 3 * * ? *".into()));
    for bad in
        ["rate(1 minutes)", "rate(5 minute)", "rate(5 minutos)", "rate(0 minutes)", "cron(0 3 * * *)", "1 minute"]
    {
        assert!(every(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_refers_to_nothing_is_named() {
    let broken = OURS.replace("!Ref CatalogTable", "!Ref CatalogTabel");
    let why = format!("{:#}", Template::parse(&broken, &[("ProjectId", "p")]).unwrap_err());
    assert!(why.contains("CatalogTabel"), "{why}");
    assert!(Template::parse(OURS, &[("Stages", "dev")]).is_err(), "an unknown parameter");
    assert!(Template::parse(OURS, &[]).is_err(), "ProjectId has no default");
}
