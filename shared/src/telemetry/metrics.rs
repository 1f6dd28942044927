//! Metrics in CloudWatch's embedded metric format: a line of JSON on standard output, no call on the way.
//!
//! Format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
//! Past some 2,000 label sets a metric loses its labels and alarms on them go blind, so that the budget is a matter of being
//! right: there are five labels, and no function takes another one.

use super::{Service, redact, service, write_line};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// How an attempt ended: the only label whose value the code chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It did what was asked.
    Ok,
    /// It was right to refuse, or there was nothing to give.
    Declined,
    /// It failed.
    Failed,
}

impl Outcome {
    fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Declined => "declined",
            Self::Failed => "failed",
        }
    }
}

/// What a metric's value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Occurrences.
    Count,
    /// Time, in milliseconds.
    Milliseconds,
    /// Time, in seconds.
    Seconds,
}

impl Unit {
    fn label(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Seconds => "Seconds",
        }
    }
}

/// A value of a metric, on its way out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// The metric, such as `ask_answers_total`.
    pub name: &'static str,
    /// What the value counts.
    pub unit: Unit,
    /// The value.
    pub value: f64,
}

impl Metric {
    /// One more of `name`.
    pub const fn one(name: &'static str) -> Self {
        Self { name, unit: Unit::Count, value: 1.0 }
    }

    /// `count` of `name`.
    #[expect(clippy::cast_precision_loss, reason = "a count is far below 2^53")]
    pub const fn count(name: &'static str, count: u64) -> Self {
        Self { name, unit: Unit::Count, value: count as f64 }
    }

    /// How long it took, in milliseconds.
    pub fn took(name: &'static str, time: std::time::Duration) -> Self {
        Self { name, unit: Unit::Milliseconds, value: time.as_secs_f64() * 1000.0 }
    }

    /// The same in seconds, for metrics whose name says so.
    pub const fn seconds(name: &'static str, time: std::time::Duration) -> Self {
        Self { name, unit: Unit::Seconds, value: time.as_secs_f64() }
    }
}

/// Writes `metrics` in one line, in a namespace of this stage, labelled with this process's service, environment and region, the job if one runs, and how it
/// ended. Before [`super::init`] it writes nothing.
pub fn emit(job: Option<&'static str>, outcome: Outcome, metrics: &[Metric]) {
    if let Some(service) = service() {
        write_line(&line(service, job, outcome, metrics, Timestamp::now()).to_string());
    }
}

fn line(service: &Service, job: Option<&str>, outcome: Outcome, metrics: &[Metric], at: Timestamp) -> Value {
    let mut labels = vec![
        ("service.name", service.name.as_str()),
        ("deployment.environment", &service.environment),
        ("region", &service.region),
        ("status", outcome.label()),
    ];
    labels.extend(job.map(|job| ("job", job)));
    let names: Vec<&str> = labels.iter().map(|(name, _)| *name).collect();
    let listed: Vec<Value> = metrics.iter().map(|m| json!({"Name": m.name, "Unit": m.unit.label()})).collect();
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": at.as_millisecond(),
            "CloudWatchMetrics": [{"Namespace": format!("SmartStore/{}", service.environment), "Dimensions": [names], "Metrics": listed}],
        }),
    );
    line.extend(labels.into_iter().map(|(name, value)| (name.to_owned(), redact(value).into())));
    line.extend(metrics.iter().map(|metric| (metric.name.to_owned(), metric.value.into())));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_its_metrics_and_no_label_outside_the_budget() {
        let service = Service { name: "ask".into(), environment: "test".into(), region: "eu-central-1".into() };
        let metrics = [Metric::one("ask_answers_total"), Metric::took("ask_ms", std::time::Duration::from_millis(12))];
        let line = line(&service, Some("catalog_publish"), Outcome::Declined, &metrics, Timestamp::UNIX_EPOCH);
        insta::assert_json_snapshot!(line);
        let budget = ["service.name", "deployment.environment", "region", "job", "queue", "status"];
        let labels = line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0].as_array().unwrap();
        assert!(labels.iter().all(|label| budget.contains(&label.as_str().unwrap())));
    }
}
