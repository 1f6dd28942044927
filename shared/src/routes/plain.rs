//! Secrets that stand in a config as they are: found by the names of their members, and masked.

use serde_json::{Map, Value};

/// What stands in the place of a secret in everything that is shown.
pub const MASK: &str = "***";

/// Names of members that hold a secret, in lower case and without what separates words.
const SECRET: [&str; 14] = [
    "key",
    "pwd",
    "passwd",
    "secret",
    "apikey",
    "accesskey",
    "accountkey",
    "authkey",
    "masterkey",
    "privatekey",
    "secretkey",
    "sharedkey",
    "connectionstring",
    "credentials",
];
/// What the names of other such members end with.
const ENDINGS: [&str; 4] = ["password", "token", "clientsecret", "secretaccesskey"];

/// Whether a member of this name holds a secret, and no reference to one (`key_secret` holds a reference).
fn is_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    SECRET.contains(&plain.as_str()) || ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

/// The path of the first member of `config` that holds a secret as it is, at any depth: `auth.password`. A `null` holds none.
pub fn plaintext(config: &Map<String, Value>) -> Option<String> {
    config.iter().find_map(|(name, value)| match value {
        Value::Null => None,
        _ if is_secret(name) => Some(name.clone()),
        value => inside(value).map(|path| format!("{name}.{path}")),
    })
}

fn inside(value: &Value) -> Option<String> {
    match value {
        Value::Object(members) => plaintext(members),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(at, item)| inside(item).map(|path| format!("{at}.{path}")))
        }
        _ => None,
    }
}

/// The config as it may be shown: [`MASK`] in the place of each secret.
pub fn redacted(config: &Map<String, Value>) -> Map<String, Value> {
    let shown = config.iter().map(|(name, value)| {
        let value = match value {
            Value::Null => Value::Null,
            _ if is_secret(name) => Value::from(MASK),
            value => masked(value),
        };
        (name.clone(), value)
    });
    shown.collect()
}

fn masked(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(redacted(members)),
        Value::Array(items) => items.iter().map(masked).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_secret_is_found_in_whatever_case_and_depth_its_member_stands() {
        for name in
            ["key", "Key", "KEY", "k_e_y", "password", "Pass-Word", "db_password", "token", "authToken", "apiKey"]
        {
            let found = |value| plaintext(&config(value));
            assert_eq!(found(json!({"a": 1, name: "s3cret"})).as_deref(), Some(name));
            assert_eq!(found(json!({"auth": {name: 7}})), Some(format!("auth.{name}")));
            assert_eq!(found(json!({"hosts": [{"b": 1}, [{name: ["x"]}]]})), Some(format!("hosts.1.0.{name}")));
            assert_eq!(found(json!({name: null})), None, "nothing is no secret");
        }
        for name in
            ["key_secret", "password_secret", "keyspace", "partition_key", "tokens_per_day", "monkey", "table_name"]
        {
            assert_eq!(plaintext(&config(json!({name: "x"}))), None, "{name}");
        }
    }

    #[test]
    fn what_is_shown_has_a_mask_where_a_secret_stood_and_is_else_the_same() {
        let shown = redacted(&config(json!({
            "endpoint": "https://a", "key": "s3cret", "auth": {"Password": {"deep": "s3cret"}, "user": "u"},
            "hosts": [{"token": 5}, "b"], "key_secret": "a#b", "apiKey": null,
        })));
        let expected = json!({
            "endpoint": "https://a", "key": MASK, "auth": {"Password": MASK, "user": "u"},
            "hosts": [{"token": MASK}, "b"], "key_secret": "a#b", "apiKey": null,
        });
        assert_eq!(Value::Object(shown.clone()), expected);
        assert!(plaintext(&shown).is_some(), "the name still tells that there is one");
    }
}
