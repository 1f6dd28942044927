//! Wrong ways of holding the limit. Each is the right code on a wire that says something else than it was told, so that the mistake
//! stands exactly where somebody would make it.

use super::{
    checker::TWELVE_HOURS,
    store::{Reply, Store},
    words::TABLE,
};
use serde_json::{Value, json};
use shared::clock::Clock;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// Reads whether it is free, then writes without asking again.
    CheckThenPut,
    /// Windows that begin at noon and midnight instead of at the last notice.
    FixedWindow,
    /// The guard moves in a call of its own, before the rest is written.
    GuardOutside,
    /// The guard is free when it has been deleted, which happens late.
    ExpiryDecides,
    /// Milliseconds where microseconds are meant.
    Units,
    /// Each sender remembers what it told, and asks nobody.
    Cache,
    /// What failed is sent again as something new.
    BlindRetry,
    /// What is read may be two seconds old, and decides.
    StaleRead,
    /// `<` for `<=`.
    Strict,
    /// One guard for a person of every tenant.
    NoTenant,
    /// What is told is not asked whether it was put off or told meanwhile.
    ToldUnasked,
    /// What is put off is not asked that.
    PutOffUnasked,
}

impl Mistake {
    /// Every one.
    pub const ALL: [Self; 12] = [
        Self::CheckThenPut,
        Self::FixedWindow,
        Self::GuardOutside,
        Self::ExpiryDecides,
        Self::Units,
        Self::Cache,
        Self::BlindRetry,
        Self::StaleRead,
        Self::Strict,
        Self::NoTenant,
        Self::ToldUnasked,
        Self::PutOffUnasked,
    ];

    /// Whether it is made between the sender and the store, and not by the sender.
    pub(super) fn on_the_wire(self) -> bool {
        self != Self::BlindRetry
    }

    /// Until when a notice of before is far enough back, at `now`.
    fn latest(self, now: i64) -> i64 {
        match self {
            Self::FixedWindow => now - now.rem_euclid(TWELVE_HOURS) - 1,
            Self::Units => now - TWELVE_HOURS / 1_000,
            Self::Strict => now - TWELVE_HOURS - 1,
            _ => now - TWELVE_HOURS,
        }
    }
}

/// The way of one sender who makes a mistake.
pub(super) struct Mistaken {
    mistake: Mistake,
    store: Store,
    clock: Clock,
    remembered: Mutex<HashMap<String, (Instant, Value)>>,
}

impl Mistaken {
    pub(super) fn new(mistake: Mistake, store: Store, clock: Clock) -> Self {
        Self { mistake, store, clock, remembered: Mutex::default() }
    }

    pub(super) async fn done(&self, operation: &str, body: &str) -> Reply {
        let mut asked: Value = serde_json::from_str(body).unwrap_or_default();
        match operation {
            "Query" => self.read(&asked, body),
            "TransactWriteItems" => {
                let Some(parts) = asked["TransactItems"].as_array_mut() else {
                    return self.store.call(operation, body);
                };
                let unasked = if parts.iter().any(is_guard) { Mistake::ToldUnasked } else { Mistake::PutOffUnasked };
                for part in parts.iter_mut().filter(|part| self.mistake == unasked && is_name(part)) {
                    part["Put"]["ConditionExpression"] =
                        "attribute_not_exists(pk) OR attribute_exists(pk) OR expires_at <= :now".into();
                }
                let Some(guard) = parts.iter_mut().find(|part| is_guard(part)) else {
                    return self.store.call(operation, &asked.to_string());
                };
                self.bend(&mut guard["Update"]);
                let guard = guard["Update"].clone();
                let reply = match self.mistake {
                    Mistake::GuardOutside => self.in_two(asked).await,
                    _ => self.store.call(operation, &asked.to_string()),
                };
                if reply.0 == 200 {
                    self.remember(&guard);
                }
                reply
            }
            _ => self.store.call(operation, body),
        }
    }

    /// What it reads of a limit, as the mistake lets it see.
    fn read(&self, asked: &Value, body: &str) -> Reply {
        let of = asked["ExpressionAttributeValues"][":pk"]["S"].as_str().unwrap_or_default().to_owned();
        let (status, text) = self.store.call("Query", body);
        if !of.contains("#RATE#") || status != 200 {
            return (status, text);
        }
        let mut reply: Value = serde_json::from_str(&text).unwrap_or_default();
        let now = self.clock.now().as_microsecond();
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(items) = reply["Items"].as_array_mut() else { return (status, text) };
        let at = items.iter().position(|item| item["sk"]["S"] == "LAST");
        let last = at.map(|at| items.remove(at));
        let seen = match self.mistake {
            Mistake::FixedWindow | Mistake::Units => last.filter(|last| stamp(last) > self.mistake.latest(now)),
            Mistake::Strict => last.map(|mut last| {
                let late = i64::from(stamp(&last) == now - TWELVE_HOURS);
                last["last_at_us"] = json!({"N": (stamp(&last) + late).to_string()});
                last
            }),
            Mistake::Cache => remembered.get(&of).map(|(_, last)| last.clone()),
            Mistake::StaleRead => match remembered.get(&of) {
                Some((then, last)) if then.elapsed() < Duration::from_secs(2) => {
                    Some(last.clone()).filter(Value::is_object)
                }
                _ => {
                    remembered.insert(of, (Instant::now(), last.clone().unwrap_or_default()));
                    last
                }
            },
            Mistake::NoTenant => {
                let key = json!({"pk": {"S": for_all(&of)}, "sk": {"S": "LAST"}});
                let (_, found) = self.store.call("GetItem", &json!({"TableName": TABLE, "Key": key}).to_string());
                let found: Value = serde_json::from_str(&found).unwrap_or_default();
                Some(found["Item"].clone()).filter(Value::is_object)
            }
            _ => last,
        };
        if let Some(seen) = seen {
            items.insert(0, seen);
        }
        (200, reply.to_string())
    }

    /// What it writes of the guard, as the mistake puts it.
    fn bend(&self, guard: &mut Value) {
        let now: i64 =
            guard["ExpressionAttributeValues"][":now"]["N"].as_str().and_then(|now| now.parse().ok()).unwrap_or(0);
        guard["ExpressionAttributeValues"][":latest"] = json!({"N": self.mistake.latest(now).to_string()});
        match self.mistake {
            Mistake::CheckThenPut | Mistake::Cache | Mistake::StaleRead => {
                // All names that are given must be used.
                guard["ConditionExpression"] =
                    "attribute_not_exists(pk) OR attribute_exists(pk) OR last_at_us <= :latest".into();
            }
            Mistake::ExpiryDecides => {
                guard["ConditionExpression"] =
                    "attribute_not_exists(last_at_us) AND (attribute_not_exists(last_at_us) OR last_at_us <= :latest)"
                        .into();
            }
            Mistake::NoTenant => {
                let pk = guard["Key"]["pk"]["S"].as_str().map(for_all);
                guard["Key"]["pk"] = json!({"S": pk});
            }
            _ => {}
        }
    }

    fn remember(&self, guard: &Value) {
        if self.mistake == Mistake::Cache {
            let of = guard["Key"]["pk"]["S"].as_str().unwrap_or_default().to_owned();
            let values = &guard["ExpressionAttributeValues"];
            let last = json!({
                "pk": {"S": of}, "sk": {"S": "LAST"}, "last_at_us": values[":now"], "last_id": values[":id"],
                "last_origin": values[":origin"],
            });
            self.remembered.lock().unwrap_or_else(PoisonError::into_inner).insert(of, (Instant::now(), last));
        }
    }

    /// First the guard, then the rest.
    async fn in_two(&self, mut asked: Value) -> Reply {
        let Some(parts) = asked["TransactItems"].as_array_mut() else { return (400, "{}".to_owned()) };
        let whole = parts.len();
        let (guard, rest): (Vec<Value>, Vec<Value>) = parts.drain(..).partition(is_guard);
        let (status, body) = self.store.call("TransactWriteItems", &json!({"TransactItems": guard}).to_string());
        if status != 200 {
            let mut refused: Value = serde_json::from_str(&body).unwrap_or_default();
            if let Some(reasons) = refused["CancellationReasons"].as_array_mut() {
                reasons.resize(whole, json!({"Code": "None"}));
            }
            return (status, refused.to_string());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.store.call("TransactWriteItems", &json!({"TransactItems": rest}).to_string())
    }
}

fn is_guard(part: &Value) -> bool {
    let key = &part["Update"]["Key"];
    key["sk"]["S"] == "LAST" && key["pk"]["S"].as_str().is_some_and(|pk| pk.contains("#RATE#"))
}

/// Whether it writes down that something is known by its name, if nothing is.
fn is_name(part: &Value) -> bool {
    let put = &part["Put"];
    put["Item"]["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("ONCE#")) && put["ConditionExpression"].is_string()
}

fn stamp(last: &Value) -> i64 {
    last["last_at_us"]["N"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// `T#<tenant>#RATE#…` without the tenant.
fn for_all(pk: &str) -> String {
    pk.find("RATE#").map(|at| format!("T#all#{}", &pk[at..])).unwrap_or_default()
}
