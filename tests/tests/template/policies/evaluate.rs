//! IAM's verdict on one call, off line: what no statement allows is denied, and what one denies no other allows.
//!
//! Known are the elements that `template.yaml` uses and those that a mistake could bring in: Allow and Deny, actions and
//! resources with wildcards and their `Not` forms, principals, and the conditions of [`operator`]. Anything else is a panic:
//! a verdict that passes over a condition would be worth nothing.
//!
//! Source: IAM User Guide, "Policy evaluation logic", "IAM JSON policy elements: Condition operators", "Variables and tags",
//! "Condition context keys with multiple values".

use super::pattern::Pattern;
use crate::fault::{entries, items};
use serde_json::{Map, Value};

/// What is known of a call beside action and resource: keys, in any case, with their values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Context(Vec<(String, Vec<String>)>);

impl Context {
    /// A context of these keys and values.
    pub(crate) fn of(keys: &[(&str, &[&str])]) -> Self {
        let owned = |values: &&[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        Self(keys.iter().map(|(key, values)| ((*key).to_owned(), owned(values))).collect())
    }

    fn all(&self, key: &str) -> Option<&[String]> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, values)| values.as_slice())
    }

    /// The one value of a key; `None` where it has none or several.
    pub(crate) fn one(&self, key: &str) -> Option<&str> {
        self.all(key).filter(|values| values.len() == 1).map(|values| values[0].as_str())
    }

    /// As an object: a text for one value, a list for several.
    pub(crate) fn json(&self) -> Value {
        let value = |(key, values): &(String, Vec<String>)| {
            let many = key == "dynamodb:LeadingKeys" || key == "aws:TagKeys";
            (key.clone(), if many { Value::from(values.clone()) } else { Value::from(values[0].clone()) })
        };
        Value::Object(self.0.iter().map(value).collect::<Map<_, _>>())
    }
}

/// A call as IAM sees it.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    /// `dynamodb:GetItem`
    pub(crate) action: &'a str,
    /// The ARN that is acted on.
    pub(crate) resource: &'a str,
    /// The ARN of who calls: asked of by policies that name principals.
    pub(crate) principal: &'a str,
    /// Whatever else is known.
    pub(crate) context: &'a Context,
}

/// Whether the policies `documents` together let the call pass.
pub(crate) fn allowed<'a>(documents: impl IntoIterator<Item = &'a Value>, call: &Call<'_>) -> bool {
    let mut allowed = false;
    for statement in documents.into_iter().flat_map(|document| items(&document["Statement"])) {
        if applies(statement, call) {
            match statement["Effect"].as_str() {
                Some("Allow") => allowed = true,
                Some("Deny") => return false,
                other => panic!("a statement has the effect {other:?}"),
            }
        }
    }
    allowed
}

fn applies(statement: &Value, call: &Call<'_>) -> bool {
    for (element, _) in entries(statement) {
        let known = ["Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"];
        assert!(known.contains(&element), "the evaluator does not know {element}");
    }
    let action = |pattern: &Value| {
        let pattern = pattern.as_str().expect("an action is a text").to_ascii_lowercase();
        Pattern::filled(&pattern, call.context).is_some_and(|p| p.matches(&call.action.to_ascii_lowercase()))
    };
    let resource = |pattern: &Value| {
        let pattern = pattern.as_str().expect("a resource is a text");
        Pattern::filled(pattern, call.context).is_some_and(|p| p.matches(call.resource))
    };
    // Trust policies are about the role that they stand on and name no resource.
    let on = statement["Resource"].is_null() && statement["NotResource"].is_null()
        || named(&statement["Resource"], &statement["NotResource"], resource);
    named(&statement["Action"], &statement["NotAction"], action)
        && on
        && by(&statement["Principal"], call.principal)
        && entries(&statement["Condition"]).all(|(operator, keys)| {
            entries(keys).all(|(key, wanted)| holds(operator, key, &items(wanted), call.context))
        })
}

fn named(these: &Value, all_but: &Value, matches: impl Fn(&Value) -> bool) -> bool {
    if all_but.is_null() { items(these).into_iter().any(matches) } else { !items(all_but).into_iter().any(matches) }
}

/// A principal is everybody, an ARN, or its account's root, which stands for all of the account.
fn by(principal: &Value, who: &str) -> bool {
    let account = who.split(':').nth(4).unwrap_or_default();
    let one = |value: &Value| {
        let named = value.as_str().unwrap_or_default();
        named == "*" || named == who || named == account || named == format!("arn:aws:iam::{account}:root")
    };
    principal.is_null() || one(principal) || entries(principal).any(|(_, named)| items(named).into_iter().any(one))
}

/// One line of a condition: `operator`, with its prefixes and suffix, over a key.
fn holds(operator: &str, key: &str, wanted: &[&Value], context: &Context) -> bool {
    let given = context.all(key);
    if operator == "Null" {
        let absent = given.is_none_or(<[String]>::is_empty);
        return wanted.iter().any(|wanted| literal(wanted) == absent.to_string());
    }
    let (set, base) = operator.split_once(':').map_or(("", operator), |(set, base)| (set, base));
    let (base, if_exists) = base.strip_suffix("IfExists").map_or((base, false), |base| (base, true));
    let (negative, compare) = self::operator(base);
    let meets = |value: &str| {
        let found = wanted.iter().any(|wanted| {
            let pattern = Pattern::filled(&literal(wanted), context);
            pattern.is_some_and(|pattern| compare(&pattern, value))
        });
        found != negative
    };
    match (set, given) {
        // These hold for a call without the key: hence `Null` beside them.
        ("ForAllValues", given) => given.unwrap_or_default().iter().all(|value| meets(value)),
        ("ForAnyValue", given) => given.unwrap_or_default().iter().any(|value| meets(value)),
        ("", None) => if_exists || negative,
        ("", Some([value])) => meets(value),
        ("", Some(_)) => false,
        _ => panic!("the evaluator does not know {operator}"),
    }
}

/// Whether an operator is a negation, and how it compares.
fn operator(name: &str) -> (bool, fn(&Pattern, &str) -> bool) {
    match name {
        "StringEquals" | "Bool" => (false, Pattern::equals),
        "StringNotEquals" => (true, Pattern::equals),
        "StringLike" | "ArnLike" => (false, Pattern::matches),
        "StringNotLike" | "ArnNotLike" => (true, Pattern::matches),
        other => panic!("the evaluator does not know {other}"),
    }
}

fn literal(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn verdict(statements: Value, context: &Context) -> bool {
        let call = Call {
            action: "dynamodb:GetItem",
            resource: "arn:aws:dynamodb:::table/t",
            principal: "arn:aws:iam::000000000000:role/r",
            context,
        };
        allowed([&json!({ "Statement": statements })], &call)
    }

    fn under(condition: Value, keys: &[(&str, &[&str])]) -> bool {
        let statement = json!({"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*", "Condition": condition});
        verdict(statement, &Context::of(keys))
    }

    #[test]
    fn nothing_is_allowed_by_silence_and_a_denial_is_the_last_word() {
        let none = Context::default();
        let allow = json!({"Effect": "Allow", "Action": "dynamodb:Get*", "Resource": "arn:aws:dynamodb:*"});
        let deny = json!({"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"});
        assert!(!verdict(json!([]), &none));
        assert!(verdict(json!([allow]), &none));
        assert!(!verdict(json!([allow, deny]), &none) && !verdict(json!([deny, allow]), &none));
        assert!(!verdict(json!({"Effect": "Allow", "Action": "dynamodb:Get", "Resource": "*"}), &none));
        assert!(!verdict(json!({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:dynamodb:*"}), &none));
        assert!(verdict(json!({"Effect": "Allow", "Action": "DynamoDB:getitem", "Resource": "*"}), &none));
    }

    #[test]
    fn for_all_values_holds_for_a_call_without_keys_and_null_does_not() {
        let own = json!({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["T#a#*"]}});
        assert!(under(own.clone(), &[]), "hence the second condition");
        assert!(under(own.clone(), &[("dynamodb:LeadingKeys", &["T#a#1", "T#a#2"])]));
        assert!(!under(own.clone(), &[("dynamodb:LeadingKeys", &["T#a#1", "T#b#2"])]));
        let any = json!({"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": ["T#a#*"]}});
        assert!(under(any.clone(), &[("dynamodb:LeadingKeys", &["T#a#1", "T#b#2"])]) && !under(any, &[]));
        let both = json!({"ForAllValues:StringLike": own["ForAllValues:StringLike"], "Null": {"dynamodb:LeadingKeys": "false"}});
        assert!(!under(both.clone(), &[]) && !under(both, &[("dynamodb:LeadingKeys", &[])]));
    }

    #[test]
    fn negations_hold_for_an_absent_key_and_the_rest_do_not() {
        assert!(
            under(json!({"StringNotLike": {"k": ["a*"]}}), &[]) && !under(json!({"StringLike": {"k": ["a*"]}}), &[])
        );
        assert!(under(json!({"StringLikeIfExists": {"k": ["a*"]}}), &[]));
        assert!(!under(json!({"StringNotLike": {"k": ["a*", "b*"]}}), &[("k", &["b1"])]));
        assert!(!under(json!({"StringEquals": {"k": "a*"}}), &[("k", &["ab"])]));
        assert!(under(json!({"Bool": {"k": false}}), &[("k", &["false"])]));
    }

    #[test]
    #[should_panic(expected = "does not know")]
    fn a_condition_that_it_does_not_know_is_no_verdict() {
        under(json!({"NumericLessThan": {"k": 3}}), &[("k", &["1"])]);
    }
}
