//! CloudFormation's functions: short tags read into their long form, and resolved against a laptop's answers.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;
use std::collections::BTreeMap;

/// Reads a template into JSON, each short tag in its long form: `!Ref A` becomes `{"Ref": "A"}`, `!GetAtt A.Arn`
/// becomes `{"Fn::GetAtt": ["A", "Arn"]}`.
///
/// # Errors
///
/// YAML that does not parse, that repeats a key, or whose keys are not texts.
pub fn long_form(text: &str) -> Result<Value> {
    convert(&serde_yaml_ng::from_str(text).context("the template is not YAML")?)
}

fn convert(yaml: &Yaml) -> Result<Value> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(bool) => Value::Bool(*bool),
        Yaml::Number(number) => serde_json::to_value(number)?,
        Yaml::String(text) => Value::String(text.clone()),
        Yaml::Sequence(items) => Value::Array(items.iter().map(convert).collect::<Result<_>>()?),
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let key = key.as_str().ok_or_else(|| anyhow!("the key {key:?} is not a text"))?;
                object.insert(key.to_owned(), convert(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            let name = tagged.tag.to_string();
            let argument = convert(&tagged.value)?;
            match (name.trim_start_matches('!'), argument) {
                (name @ ("Ref" | "Condition"), argument) => json!({ name: argument }),
                ("GetAtt", Value::String(path)) => {
                    let (resource, attribute) =
                        path.split_once('.').ok_or_else(|| anyhow!("!GetAtt {path} names no attribute"))?;
                    json!({ "Fn::GetAtt": [resource, attribute] })
                }
                (name, argument) => json!({ format!("Fn::{name}"): argument }),
            }
        }
    })
}

/// What names stand for: parameters, mappings, conditions, and the resources' names.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) parameters: BTreeMap<String, Value>,
    pub(super) mappings: Value,
    pub(super) conditions: Value,
    pub(super) resources: BTreeMap<String, String>,
    pub(super) kinds: BTreeMap<String, String>,
}

impl Scope {
    /// `value` with every function carried out; `None` where it stands for no value at all (`AWS::NoValue`).
    pub(super) fn resolve(&self, value: &Value) -> Result<Option<Value>> {
        match value {
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| self.resolve(item)).collect::<Result<_>>()?;
                Ok(Some(Value::Array(items.into_iter().flatten().collect())))
            }
            Value::Object(object) => {
                if let Some((name, argument)) = function(object) {
                    return self.call(name, argument);
                }
                let mut resolved = Map::new();
                for (key, value) in object {
                    if let Some(value) = self.resolve(value).with_context(|| format!("in {key}"))? {
                        resolved.insert(key.clone(), value);
                    }
                }
                Ok(Some(Value::Object(resolved)))
            }
            plain => Ok(Some(plain.clone())),
        }
    }

    /// `value` as one text: numbers and booleans as they are written.
    pub(super) fn text(&self, value: &Value) -> Result<String> {
        match self.resolve(value)? {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text),
            Some(plain @ (Value::Number(_) | Value::Bool(_))) => Ok(plain.to_string()),
            Some(other) => bail!("{other} is not a text"),
        }
    }

    fn call(&self, name: &str, argument: &Value) -> Result<Option<Value>> {
        Ok(Some(match (name, argument) {
            ("Ref", Value::String(name)) if name == "AWS::NoValue" => return Ok(None),
            ("Ref", Value::String(name)) => self.reference(name)?,
            ("Fn::GetAtt", Value::Array(path)) => Value::String(self.attribute(&self.texts(path)?.join("."))?),
            ("Fn::Sub", Value::String(pattern)) => Value::String(self.substitute(pattern, &Map::new())?),
            ("Fn::Sub", Value::Array(parts)) => {
                let [Value::String(pattern), Value::Object(given)] = parts.as_slice() else {
                    bail!("Fn::Sub takes a text and what its names stand for, not {argument}")
                };
                Value::String(self.substitute(pattern, given)?)
            }
            ("Fn::If", Value::Array(parts)) => {
                let [Value::String(condition), yes, no] = parts.as_slice() else {
                    bail!("Fn::If takes a condition and two values, not {argument}")
                };
                return self.resolve(if self.holds(condition)? { yes } else { no });
            }
            ("Fn::FindInMap", Value::Array(path)) => {
                let path = self.texts(path)?;
                let found = path.iter().try_fold(&self.mappings, |value, key| value.get(key));
                found.cloned().ok_or_else(|| anyhow!("there is no mapping {}", path.join(".")))?
            }
            ("Fn::Join", Value::Array(parts)) => {
                let [separator, Value::Array(items)] = parts.as_slice() else { bail!("Fn::Join takes a list") };
                Value::String(self.texts(items)?.join(&self.text(separator)?))
            }
            ("Fn::Split", Value::Array(parts)) => {
                let [separator, whole] = parts.as_slice() else { bail!("Fn::Split takes a separator and a text") };
                let (separator, whole) = (self.text(separator)?, self.text(whole)?);
                whole.split(separator.as_str()).map(str::to_owned).collect()
            }
            _ => bail!("{name} of {argument} is more than the laptop knows of CloudFormation"),
        }))
    }

    fn texts(&self, values: &[Value]) -> Result<Vec<String>> {
        values.iter().map(|value| self.text(value)).collect()
    }

    fn reference(&self, name: &str) -> Result<Value> {
        let parameter = self.parameters.get(name).cloned();
        let found = parameter.or_else(|| self.resources.get(name).cloned().map(Value::String));
        found.ok_or_else(|| anyhow!("{name} is neither a resource nor a parameter with a value"))
    }

    /// The ARN of a resource in the laptop's own account, of the form that AWS gives its kind; of other attributes, the name.
    fn attribute(&self, path: &str) -> Result<String> {
        let (resource, attribute) = path.split_once('.').unwrap_or((path, ""));
        let name = self.resources.get(resource).ok_or_else(|| anyhow!("there is no resource {resource}"))?;
        if !attribute.ends_with("Arn") {
            return Ok(name.clone());
        }
        let text = |name: &str| self.text(&self.reference(name)?);
        let (region, account) = (text("AWS::Region")?, text("AWS::AccountId")?);
        let here = format!("{region}:{account}");
        Ok(match self.kinds.get(resource).map_or("", String::as_str) {
            "AWS::S3::Bucket" => format!("arn:aws:s3:::{name}"),
            "AWS::IAM::Role" => format!("arn:aws:iam::{account}:role/{name}"),
            "AWS::DynamoDB::Table" => format!("arn:aws:dynamodb:{here}:table/{name}"),
            "AWS::Logs::LogGroup" => format!("arn:aws:logs:{here}:log-group:{name}:*"),
            "AWS::SQS::Queue" => format!("arn:aws:sqs:{here}:{name}"),
            "AWS::SNS::Topic" => format!("arn:aws:sns:{here}:{name}"),
            _ => format!("arn:aws:local:::{name}"),
        })
    }

    fn substitute(&self, pattern: &str, given: &Map<String, Value>) -> Result<String> {
        let mut out = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or_else(|| anyhow!("{pattern:?} lacks a closing brace"))?;
            out.push_str(before);
            match name.strip_prefix('!') {
                None if given.contains_key(name) => out.push_str(&self.text(&given[name])?),
                Some(literal) => out.push_str(&format!("${{{literal}}}")),
                None if name.contains('.') => out.push_str(&self.attribute(name)?),
                None => out.push_str(&self.text(&self.reference(name)?)?),
            }
            rest = after;
        }
        Ok(out + rest)
    }

    pub(super) fn holds(&self, condition: &str) -> Result<bool> {
        let rule = self.conditions.get(condition).ok_or_else(|| anyhow!("there is no condition {condition}"))?;
        self.judge(rule)
    }

    fn judge(&self, rule: &Value) -> Result<bool> {
        let called = rule.as_object().and_then(function);
        match called {
            Some(("Condition", Value::String(name))) => self.holds(name),
            Some(("Fn::Not", Value::Array(rules))) if rules.len() == 1 => Ok(!self.judge(&rules[0])?),
            Some(("Fn::Equals", Value::Array(sides))) if sides.len() == 2 => {
                Ok(self.text(&sides[0])? == self.text(&sides[1])?)
            }
            Some((name @ ("Fn::And" | "Fn::Or"), Value::Array(rules))) => {
                let verdicts: Vec<bool> = rules.iter().map(|rule| self.judge(rule)).collect::<Result<_>>()?;
                Ok(if name == "Fn::And" { verdicts.iter().all(|v| *v) } else { verdicts.contains(&true) })
            }
            _ => bail!("{rule} is no condition"),
        }
    }
}

/// The function that an object in long form calls, with its argument.
fn function(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = object.iter().next().filter(|_| object.len() == 1)?;
    let called = name.starts_with("Fn::") || ((name == "Ref" || name == "Condition") && argument.is_string());
    called.then_some((name.as_str(), argument))
}
