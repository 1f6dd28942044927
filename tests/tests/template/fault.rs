//! What a rule finds, and the ways in which rules look at a template.

use serde_json::Value;
use std::fmt;

/// A rule broken at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The rule: `iam.wildcard_action`.
    pub(crate) rule: &'static str,
    /// The resource, and where in it.
    pub(crate) place: String,
    /// What stands there.
    pub(crate) found: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.rule, self.place, self.found)
    }
}

/// The faults found so far.
#[derive(Default)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl Faults {
    /// Notes a fault unless `holds`.
    pub(crate) fn unless(&mut self, holds: bool, rule: &'static str, place: impl Into<String>, found: impl ToString) {
        if !holds {
            self.0.push(Fault { rule, place: place.into(), found: found.to_string() });
        }
    }
}

/// Every resource of a type, by its name in the template.
pub(crate) fn of_type<'a>(whole: &'a Value, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    entries(&whole["Resources"]).filter(move |(_, resource)| resource["Type"] == kind)
}

/// A map's entries; none where there is no map.
pub(crate) fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// A list's items, or the one item that stands in its place.
pub(crate) fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => vec![],
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

/// Calls `see` with every text in `value` and the path that leads to it.
pub(crate) fn texts(value: &Value, path: &str, see: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) => see(path, text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, path, see)),
        Value::Object(object) => object.iter().for_each(|(key, value)| texts(value, &format!("{path}.{key}"), see)),
        _ => {}
    }
}

/// The resource that `{"Ref": …}`, `{"Fn::GetAtt": […, …]}` or `{"Fn::Sub": "${….Arn}…"}` leads to, and what follows it.
pub(crate) fn referred(value: &Value) -> Option<(&str, &str)> {
    if let Some(name) = value["Ref"].as_str() {
        return Some((name, ""));
    }
    if let Some(name) = value["Fn::GetAtt"][0].as_str() {
        return Some((name, ""));
    }
    let (name, rest) = value["Fn::Sub"].as_str()?.strip_prefix("${")?.split_once('}')?;
    Some((name.strip_suffix(".Arn").unwrap_or(name), rest))
}
