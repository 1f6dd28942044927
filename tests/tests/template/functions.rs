//! Functions: how they are built, what bounds them, who is told when they fail, and what may stand in their variables.

use crate::fault::{Faults, entries, items, of_type, referred, texts};
use local::template::with_globals;
use serde_json::{Value, json};

pub(crate) fn check(whole: &Value, faults: &mut Faults) {
    let mut binaries = Vec::new();
    for (id, resource) in of_type(whole, "AWS::Serverless::Function") {
        let properties = &with_globals(whole, &resource["Properties"]);
        let binary = resource["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap_or_default();
        let built = resource["Metadata"]["BuildMethod"] == "rust-cargolambda" && properties["Handler"] == "bootstrap";
        faults.unless(built && !binary.is_empty(), "function.build", id, &resource["Metadata"]);
        faults.unless(!binaries.contains(&binary), "function.build", id, format!("{binary} runs twice"));
        binaries.push(binary);
        let arm = items(&properties["Architectures"]) == ["arm64"] && properties["Runtime"] == "provided.al2023";
        faults.unless(arm, "function.architecture", id, &properties["Architectures"]);
        let concurrency = &properties["ReservedConcurrentExecutions"];
        faults.unless(!concurrency.is_null(), "function.concurrency", id, "not bounded");
        let address = &properties["FunctionUrlConfig"];
        faults.unless(address.is_null(), "function.public_url", id, address);
        let log = referred(&properties["LoggingConfig"]["LogGroup"]).map(|(name, _)| name);
        let kept = log.is_some_and(|name| whole["Resources"][name]["Type"] == "AWS::Logs::LogGroup");
        faults.unless(kept, "function.log_group", id, &properties["LoggingConfig"]);
        if entries(&properties["Events"]).any(|(_, event)| event["Type"] == "HttpApi") {
            serving(whole, id, properties, faults);
        } else {
            let failed = &properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"];
            faults.unless(!failed.is_null(), "function.failed_runs", id, "are forgotten");
        }
        for metric in ["Errors", "Duration", "Throttles"] {
            let told = of_type(whole, "AWS::CloudWatch::Alarm").any(|(_, alarm)| watches(alarm, id, metric));
            faults.unless(told, "function.alarm", id, metric);
        }
        for (variable, value) in entries(&properties["Environment"]["Variables"]) {
            secretless(&format!("{id}.{variable}"), variable, value, faults);
        }
    }
    first_administrator(whole, faults);
    for (asked, expected) in [(None, json!(null)), (Some("PER_TENANT"), json!("PER_TENANT"))] {
        let found = isolation(whole, asked);
        faults.unless(found == expected, "function.isolation", "AskFunction", format!("{asked:?} gives {found}"));
    }
}

/// The first administrator comes from parameters that name nobody unless somebody does.
fn first_administrator(whole: &Value, faults: &mut Faults) {
    for (variable, parameter) in
        [("FIRST_ADMIN_TENANT", "FirstAdminTenant"), ("FIRST_ADMIN_PERSON", "FirstAdminPerson")]
    {
        let mut functions = of_type(whole, "AWS::Serverless::Function");
        let told = functions.any(|(_, f)| f["Properties"]["Environment"]["Variables"][variable]["Ref"] == parameter);
        let nobody = whole["Parameters"][parameter]["Default"] == "";
        faults.unless(told && nobody, "function.first_admin", parameter, &whole["Parameters"][parameter]);
    }
}

/// What answers people shifts its traffic slowly and answers before the gateway's 30 seconds are over.
fn serving(whole: &Value, id: &str, properties: &Value, faults: &mut Faults) {
    let timeout = properties["Timeout"].as_u64().unwrap_or(u64::MAX);
    faults.unless(timeout < 30, "function.timeout", id, timeout);
    let shift = &properties["DeploymentPreference"];
    let alarms = items(&shift["Alarms"]);
    let real = |alarm: &&Value| referred(alarm).is_some_and(|(name, _)| !whole["Resources"][name].is_null());
    let watched = !alarms.is_empty() && alarms.iter().all(real);
    let slow =
        shift["Type"]["Ref"] == "Rollout" && whole["Parameters"]["Rollout"]["Default"] == "Canary10Percent5Minutes";
    let slow = slow && properties["AutoPublishAlias"].is_string();
    faults.unless(slow && watched, "function.canary", id, shift);
}

/// How `ask` isolates tenants where the parameter is left alone, or has this value.
fn isolation(whole: &Value, asked: Option<&str>) -> Value {
    let mode = asked.map(|mode| ("TenantIsolation", mode));
    let parameters: Vec<_> = [("ProjectId", "smartstore-local")].into_iter().chain(mode).collect();
    let resources = local::template::rendered(whole, &parameters).unwrap_or_default();
    resources
        .get("AskFunction")
        .map_or(json!(null), |ask| ask["Properties"]["TenancyConfig"]["TenantIsolationMode"].clone())
}

fn watches(alarm: &Value, function: &str, metric: &str) -> bool {
    let properties = &alarm["Properties"];
    let named =
        items(&properties["Dimensions"]).iter().any(|d| d["Name"] == "FunctionName" && d["Value"]["Ref"] == function);
    properties["Namespace"] == "AWS/Lambda" && properties["MetricName"] == metric && named
}

/// Variables say where a secret is, never what it is.
fn secretless(place: &str, variable: &str, value: &Value, faults: &mut Faults) {
    let secretive = ["_KEY", "TOKEN", "PASSWORD", "SECRET", "CREDENTIAL", "DATABASE_URL"];
    let about_secrets = ["SECRET_ID", "SECRETS_TTL_SECONDS", "SECRETS_STALE_MAX_SECONDS", "ANSWER_MAX_TOKENS"];
    let named = secretive.iter().any(|part| variable.contains(part)) && !about_secrets.contains(&variable);
    faults.unless(!named, "env.secret", place, "named like a secret");
    texts(value, place, &mut |place, text| {
        faults.unless(!looks_secret(text), "env.secret", place, "looks like a secret")
    });
}

/// Known prefixes of keys, addresses with a password, dynamic references that would put the value into the variable, and
/// long texts of letters and digits mixed.
fn looks_secret(text: &str) -> bool {
    let known = ["AKIA", "ASIA", "sk-", "xoxb-", "ghp_", "-----BEGIN", "{{resolve:"];
    let password = text.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    let word = |text: &str| text.len() >= 24 && text.chars().all(|c| c.is_ascii_alphanumeric() || "+/=_-".contains(c));
    let digits = text.chars().filter(char::is_ascii_digit).count();
    known.iter().any(|prefix| text.contains(prefix)) || password || (word(text) && digits >= 4)
}
