//! What the store holds at the end of a history, in plain values.

use super::history::Subject;
use serde_json::{Map, Value};

/// A notice.
#[derive(Clone, Debug)]
pub struct Notice {
    /// To whom, and of what kind.
    pub subject: Subject,
    /// Its id.
    pub id: String,
    /// Its stamp, in microseconds.
    pub at: i64,
    /// How many decisions it says it tells of.
    pub count: u64,
    /// What it tells of.
    pub occurrences: Vec<String>,
}

/// What was put off.
#[derive(Clone, Debug)]
pub struct PutOff {
    /// To whom, and of what kind.
    pub subject: Subject,
    /// Its name in the store.
    pub name: String,
    /// What it stands for, while it waits.
    pub occurrences: Vec<String>,
    /// Whether it waits still.
    pub waits: bool,
}

/// An entry of the audit log that is not a void.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The tenant whose log it is in.
    pub tenant: String,
    /// What was done.
    pub kind: String,
    /// To what.
    pub of: String,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The notices.
    pub notices: Vec<Notice>,
    /// What was put off, told of by now or not.
    pub put_off: Vec<PutOff>,
    /// The entries of the logs.
    pub entries: Vec<Entry>,
    /// How many texts go with entries.
    pub texts: usize,
    /// The messages to the outside, by tenant and id.
    pub messages: Vec<(String, String)>,
}

fn text<'a>(item: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    item.get(name)?.get("S")?.as_str()
}

fn number(item: &Map<String, Value>, name: &str) -> u64 {
    item.get(name).and_then(|value| value["N"].as_str()).and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn occurrences(item: &Map<String, Value>) -> Vec<String> {
    let decisions = item.get("decisions").and_then(|list| list["L"].as_array());
    let name = |decision: &Value| decision["M"]["decision_ref"]["S"].as_str().map(ToOwned::to_owned);
    decisions.into_iter().flatten().filter_map(name).collect()
}

impl State {
    /// Reads items as DynamoDB writes them.
    ///
    /// # Panics
    ///
    /// Where a row is not of its form: that is a finding too.
    pub fn read(items: &[Map<String, Value>]) -> Self {
        let mut state = Self::default();
        for item in items {
            let (pk, sk) = (text(item, "pk").expect("a key"), text(item, "sk").expect("a key"));
            let (tenant, partition) =
                pk.strip_prefix("T#").and_then(|rest| rest.split_once('#')).expect("a tenant's key");
            let subject = |person: &str, category: &str| Subject {
                tenant: tenant.to_owned(),
                person: person.to_owned(),
                category: category.to_owned(),
            };
            let count = number(item, "count");
            if let Some(person) = partition.strip_prefix("NOTICE#") {
                let at: jiff::Timestamp = text(item, "created_at").expect("a time").parse().expect("a time");
                state.notices.push(Notice {
                    subject: subject(person, text(item, "category").expect("a category")),
                    id: sk.to_owned(),
                    at: at.as_microsecond(),
                    count,
                    occurrences: occurrences(item),
                });
            } else if let Some(of) = partition.strip_prefix("RATE#") {
                let (person, category) = of.rsplit_once('#').expect("a person and a category");
                let told = |_: &&str| {
                    item.contains_key("told_in") && item.get("waited").is_some_and(|waited| waited["BOOL"] == true)
                };
                let (waits, was_told) = (sk.strip_prefix("OFF#"), sk.strip_prefix("ONCE#").filter(told));
                if let Some(name) = waits.or(was_told) {
                    state.put_off.push(PutOff {
                        subject: subject(person, category),
                        name: name.to_owned(),
                        occurrences: occurrences(item),
                        waits: waits.is_some(),
                    });
                }
            } else if partition == "AUDIT" {
                let leaf: Value = serde_json::from_str(text(item, "leaf").expect("a leaf")).expect("a leaf is JSON");
                let said = |name: &str| leaf[name].as_str().unwrap_or_default().to_owned();
                if said("kind") != "void" {
                    state.entries.push(Entry { tenant: tenant.to_owned(), kind: said("kind"), of: said("of") });
                }
            } else if partition == "AUDITTEXT" {
                state.texts += 1;
            } else if partition == "OUTBOX" {
                state.messages.push((tenant.to_owned(), sk.to_owned()));
            }
        }
        state
    }
}
