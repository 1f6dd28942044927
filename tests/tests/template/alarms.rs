//! Alarms: somebody is told of each, and of every event in the functions' logs that a person has to know of.

use crate::fault::{Faults, entries, items, of_type, referred};
use serde_json::Value;

/// The events, as the functions' log lines name them.
const EVENTS: [&str; 16] = [
    "analytics_adapter_failed",
    "analytics_ingest_failed",
    "analytics_query_failed",
    "analytics_store.missing_route",
    "answer_fell_back",
    "audit_log_altered",
    "breaker_opened",
    "first_admin_made",
    "idempotency_unsettled",
    "outbox_dead_letter",
    "outbox_target_unusable",
    "snapshot_damaged",
    "sweep_malformed",
    "telemetry_misconfigured",
    "tenant_guard_refused",
    "trace_not_exported",
];

pub(crate) fn check(whole: &Value, faults: &mut Faults) {
    for (id, alarm) in of_type(whole, "AWS::CloudWatch::Alarm") {
        let told = !items(&alarm["Properties"]["AlarmActions"]).is_empty();
        faults.unless(told, "alarm.nobody_told", id, "no AlarmActions");
    }
    for event in EVENTS {
        let told = of_type(whole, "AWS::CloudWatch::Alarm").any(|(_, alarm)| {
            let alarm = &alarm["Properties"];
            let about = items(&alarm["Dimensions"]).iter().any(|d| d["Name"] == "event" && d["Value"] == event);
            about && alarm["MetricName"] == "log_event_total"
        });
        faults.unless(told, "alarm.event", event, "has no alarm");
        for (id, function) in of_type(whole, "AWS::Serverless::Function") {
            let log = referred(&function["Properties"]["LoggingConfig"]["LogGroup"]).map(|(name, _)| name);
            let counted = of_type(whole, "AWS::Logs::MetricFilter").any(|(_, filter)| counts(filter, log, event));
            faults.unless(counted, "alarm.uncounted_event", id, event);
        }
    }
    // Breakglass is counted by a metric of its own, which is there whatever the level of the log.
    let broken = of_type(whole, "AWS::CloudWatch::Alarm")
        .any(|(_, alarm)| alarm["Properties"]["MetricName"] == "admin_breakglass_total");
    faults.unless(broken, "alarm.breakglass", "operations", "nobody is told of its use");
    let levels = items(&whole["Parameters"]["LogLevel"]["AllowedValues"]);
    let silent = levels.is_empty() || levels.iter().any(|level| *level == "ERROR" || *level == "OFF");
    faults.unless(!silent, "alarm.log_level", "LogLevel", "warnings that alarms stand on could be left out");
}

fn counts(filter: &Value, log: Option<&str>, event: &str) -> bool {
    let filter = &filter["Properties"];
    let pattern = filter["FilterPattern"].as_str().unwrap_or_default();
    let counted = items(&filter["MetricTransformations"]).iter().any(|metric| {
        let named = entries(&metric["Dimensions"]).count() == 0
            && items(&metric["Dimensions"]).iter().any(|d| d["Key"] == "event" && d["Value"] == "$.event");
        metric["MetricName"] == "log_event_total" && named
    });
    referred(&filter["LogGroupName"]).map(|(name, _)| name) == log
        && pattern.contains(&format!("$.event = \"{event}\""))
        && counted
}

#[test]
fn the_code_logs_every_event_that_an_alarm_waits_for() {
    fn read(folder: &std::path::Path, sources: &mut String) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                read(&path, sources);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut sources = String::new();
    for folder in ["shared/src", "retrieval/src", "functions"] {
        read(&root.join(folder), &mut sources);
    }
    let silent: Vec<_> = EVENTS.iter().filter(|event| !sources.contains(&format!("\"{event}\""))).collect();
    assert_eq!(silent, Vec::<&&str>::new());
}
