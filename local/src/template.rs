//! What `template.yaml` says is to run, read for one laptop: functions with their routes, schedules and variables,
//! tables, buckets and secrets, every `!Ref`, `!Sub`, `!GetAtt`, `!If` and `!FindInMap` carried out.

mod intrinsics;

pub use intrinsics::long_form;

use anyhow::{Context, Result, anyhow, bail, ensure};
use intrinsics::Scope;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

/// The variable that the laptop leaves out: it has no IAM, so there is no role to assume, and functions without one go on with
/// the credentials that they have.
const TENANT_ROLE: &str = "TENANT_ROLE_ARN";

/// What is to run, in the order of the resources' names.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Every function, with what calls it.
    pub functions: Vec<Function>,
    /// Every table of DynamoDB.
    pub tables: Vec<Table>,
    /// Every bucket of S3.
    pub buckets: Vec<Bucket>,
    /// Every secret of Secrets Manager.
    pub secrets: Vec<Secret>,
}

/// A Lambda function.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its name in the template: `AskFunction`.
    pub id: String,
    /// Its name in AWS: `smartstore-dev-ask`.
    pub name: String,
    /// The Cargo binary that it runs: `ask`.
    pub binary: String,
    /// How long one run may take.
    pub timeout: Duration,
    /// Its variables, those of `Globals` included, `TENANT_ROLE_ARN` not.
    pub env: BTreeMap<String, String>,
    /// What the gateway sends to it.
    pub routes: Vec<Route>,
    /// When the clock calls it.
    pub schedules: Vec<Schedule>,
}

/// A method and path of the gateway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// `GET`, `POST` …
    pub method: String,
    /// `/catalog/stores/{store_id}`
    pub path: String,
    /// Whether it is open to callers without a token.
    pub public: bool,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// A call by the clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Its name in the template, after its function's: `CatalogPublishFunction.EveryMinute`.
    pub id: String,
    /// When it is due.
    pub rhythm: Rhythm,
    /// The event, in which `<aws.scheduler.scheduled-time>` stands for the time it is due.
    pub input: String,
}

impl Schedule {
    /// The event of the call that is due at `due`, the time written as EventBridge Scheduler does: in whole seconds.
    pub fn event(&self, due: Timestamp) -> String {
        self.input.replace("<aws.scheduler.scheduled-time>", &due.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }
}

/// How often a schedule is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rhythm {
    /// `rate(5 minutes)`
    Every(Duration),
    /// `cron(0 3 * * ? *)`: the six fields as they are written.
    Cron(String),
}

impl FromStr for Rhythm {
    type Err = anyhow::Error;

    /// Reads EventBridge's form. Its grammar is strict: one `minute`, `hour` or `day`, but two `minutes`.
    fn from_str(text: &str) -> Result<Self> {
        let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(fields) = inside("cron") {
            ensure!(fields.split_whitespace().count() == 6, "{text:?} has not six fields");
            return Ok(Self::Cron(fields.to_owned()));
        }
        let (count, unit) = inside("rate")
            .and_then(|rate| rate.split_once(' '))
            .ok_or_else(|| anyhow!("{text:?} is neither rate(…) nor cron(…)"))?;
        let count: u32 = count.parse().with_context(|| format!("{text:?} has no whole number"))?;
        let seconds = match (count, unit) {
            (1, "minute") | (2.., "minutes") => 60,
            (1, "hour") | (2.., "hours") => 3_600,
            (1, "day") | (2.., "days") => 86_400,
            _ => bail!("{text:?} is not a rate that EventBridge knows"),
        };
        Ok(Self::Every(Duration::from_secs(seconds) * count))
    }
}

/// A table of DynamoDB.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its name in the template: `CatalogTable`.
    pub id: String,
    /// Its name for DynamoDB.
    pub name: String,
    /// Its primary key.
    pub key: Key,
    /// Its global secondary indexes.
    pub indexes: Vec<Index>,
    /// The type (`S`, `N` or `B`) of every attribute that a key uses.
    pub attributes: BTreeMap<String, String>,
    /// The attribute that says when an item may go, in seconds since 1970.
    pub ttl: Option<String>,
}

/// The attributes of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Which partition.
    pub hash: String,
    /// Where in the partition.
    pub range: Option<String>,
}

/// A global secondary index.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    /// Its name: `pending`.
    pub name: String,
    /// Its key.
    pub key: Key,
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    pub projection: String,
    /// What an `INCLUDE` includes.
    pub included: Vec<String>,
}

/// A bucket of S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name in the template: `ArtifactBucket`.
    pub id: String,
    /// Its name for S3.
    pub name: String,
}

/// A secret: one JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Its name in the template: `SmartstoreSecret`.
    pub id: String,
    /// Its name for Secrets Manager: `smartstore-ai/dev`.
    pub name: String,
    /// The key that AWS fills with a random text when it makes the secret.
    pub generated: Option<String>,
}

impl Template {
    /// Reads a template, with `parameters` in place of the parameters' defaults (`[("Stage", "dev")]`).
    ///
    /// A resource without a name of its own is called as CloudFormation would in the stack `smartstore-<Stage>`, less
    /// the random end.
    ///
    /// # Errors
    ///
    /// What is not YAML, refers to nothing, lacks a property that is needed here, or is a rate that AWS would refuse.
    pub fn parse(text: &str, parameters: &[(&str, &str)]) -> Result<Self> {
        let whole = long_form(text)?;
        let scope = scope(&whole, parameters)?;
        let mut template = Self { functions: vec![], tables: vec![], buckets: vec![], secrets: vec![] };
        for (id, resource) in object(&whole, "Resources")? {
            let name = || scope.resources[id].clone();
            let properties = || {
                let properties = scope.resolve(resource.get("Properties").unwrap_or(&Value::Null));
                properties.map(Option::unwrap_or_default).with_context(|| id.clone())
            };
            match resource["Type"].as_str().unwrap_or_default() {
                "AWS::Serverless::Function" => {
                    let merged = with_globals(&whole, &resource["Properties"]);
                    let properties = scope.resolve(&merged)?.unwrap_or_default();
                    let found = function(id, name(), resource, &properties, guarded(&whole));
                    template.functions.push(found.with_context(|| id.clone())?);
                }
                "AWS::DynamoDB::Table" => {
                    template.tables.push(table(id, name(), &properties()?).with_context(|| id.clone())?);
                }
                "AWS::S3::Bucket" => template.buckets.push(Bucket { id: id.clone(), name: name() }),
                "AWS::SecretsManager::Secret" => {
                    let generated =
                        properties()?["GenerateSecretString"]["GenerateStringKey"].as_str().map(str::to_owned);
                    template.secrets.push(Secret { id: id.clone(), name: name(), generated });
                }
                _ => {}
            }
        }
        Ok(template)
    }

    /// Every route, with the function that answers it.
    pub fn routes(&self) -> impl Iterator<Item = (&Function, &Route)> {
        self.functions.iter().flat_map(|function| function.routes.iter().map(move |route| (function, route)))
    }
}

/// The resources that stand in a deployed stack, by their names in the template `whole` (in its [`long_form`]): conditions
/// decided, every reference and text carried out, `parameters` in place of defaults. ARNs are of the laptop's own account.
///
/// # Errors
///
/// As [`Template::parse`]; a `Fn::GetAtt` other than of an ARN yields the resource's name.
pub fn rendered(whole: &Value, parameters: &[(&str, &str)]) -> Result<BTreeMap<String, Value>> {
    let scope = scope(whole, parameters)?;
    let mut resources = BTreeMap::new();
    for (id, resource) in object(whole, "Resources")? {
        let stands = resource["Condition"].as_str().map_or(Ok(true), |condition| scope.holds(condition));
        if stands? {
            let resolved = scope.resolve(resource).with_context(|| id.clone())?;
            resources.insert(id.clone(), resolved.unwrap_or_default());
        }
    }
    Ok(resources)
}

/// A function's properties with those of `Globals.Function` beneath them, maps merged as SAM merges them.
pub fn with_globals(whole: &Value, properties: &Value) -> Value {
    merge(&whole["Globals"]["Function"], properties)
}

fn merge(below: &Value, above: &Value) -> Value {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            let mut merged = below.clone();
            for (key, value) in above {
                let value = below.get(key).map_or_else(|| value.clone(), |under| merge(under, value));
                merged.insert(key.clone(), value);
            }
            Value::Object(merged)
        }
        (below, Value::Null) => below.clone(),
        (_, above) => above.clone(),
    }
}

fn scope(whole: &Value, given: &[(&str, &str)]) -> Result<Scope> {
    let mut parameters = BTreeMap::new();
    for (name, parameter) in object(whole, "Parameters")? {
        if let Some(default) = parameter.get("Default") {
            parameters.insert(name.clone(), default.clone());
        }
    }
    for (name, value) in given {
        ensure!(whole["Parameters"].get(name).is_some(), "the template has no parameter {name}");
        parameters.insert((*name).to_owned(), Value::from(*value));
    }
    let stage = parameters.get("Stage").and_then(Value::as_str).unwrap_or("dev");
    let stack = format!("smartstore-{stage}");
    let pseudo = [("Region", "us-east-1"), ("AccountId", "000000000000"), ("Partition", "aws"), ("StackName", &stack)];
    parameters.extend(pseudo.map(|(name, value)| (format!("AWS::{name}"), Value::from(value))));
    let section = |name: &str| whole.get(name).cloned().unwrap_or_default();
    let mut scope = Scope {
        parameters,
        mappings: section("Mappings"),
        conditions: section("Conditions"),
        resources: BTreeMap::new(),
        kinds: BTreeMap::new(),
    };
    for (id, resource) in object(whole, "Resources")? {
        scope.kinds.insert(id.clone(), resource["Type"].as_str().unwrap_or_default().to_owned());
        let name = physical_name(&scope, &stack, id, resource).with_context(|| id.clone())?;
        scope.resources.insert(id.clone(), name);
    }
    Ok(scope)
}

fn physical_name(scope: &Scope, stack: &str, id: &str, resource: &Value) -> Result<String> {
    let named_by = match resource["Type"].as_str().unwrap_or_default() {
        "AWS::Serverless::Function" => "FunctionName",
        "AWS::DynamoDB::Table" => "TableName",
        "AWS::S3::Bucket" => "BucketName",
        "AWS::SQS::Queue" => "QueueName",
        "AWS::Logs::LogGroup" => "LogGroupName",
        _ => "Name",
    };
    match resource["Properties"].get(named_by) {
        Some(name) => scope.text(name),
        None if resource["Type"] == "AWS::S3::Bucket" => Ok(format!("{stack}-{id}").to_lowercase()),
        None => Ok(format!("{stack}-{id}")),
    }
}

/// Whether the gateway asks for a token where a route does not say.
fn guarded(whole: &Value) -> bool {
    let resources = whole["Resources"].as_object().into_iter().flatten();
    resources
        .filter(|(_, resource)| resource["Type"] == "AWS::Serverless::HttpApi")
        .all(|(_, api)| api["Properties"]["Auth"]["DefaultAuthorizer"].is_string())
}

fn function(id: &str, name: String, resource: &Value, properties: &Value, guarded: bool) -> Result<Function> {
    let mut function = Function {
        id: id.to_owned(),
        name,
        binary: text(&resource["Metadata"]["BuildProperties"], "Binary")?,
        timeout: Duration::from_secs(properties["Timeout"].as_u64().unwrap_or(3)),
        env: BTreeMap::new(),
        routes: vec![],
        schedules: vec![],
    };
    let variables = properties["Environment"]["Variables"].as_object().into_iter().flatten();
    for (variable, value) in variables.filter(|(variable, _)| variable.as_str() != TENANT_ROLE) {
        function.env.insert(variable.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    for (event, source) in properties["Events"].as_object().into_iter().flatten() {
        let properties = &source["Properties"];
        match source["Type"].as_str().unwrap_or_default() {
            "HttpApi" => {
                let authorizer = properties["Auth"]["Authorizer"].as_str();
                let public = authorizer.map_or(!guarded, |name| name == "NONE");
                let method = text(properties, "Method").with_context(|| event.clone())?;
                let path = text(properties, "Path").with_context(|| event.clone())?;
                function.routes.push(Route { method, path, public });
            }
            "ScheduleV2" => {
                let rhythm = text(properties, "ScheduleExpression")?.parse().with_context(|| event.clone())?;
                let input = text(properties, "Input").with_context(|| event.clone())?;
                function.schedules.push(Schedule { id: format!("{id}.{event}"), rhythm, input });
            }
            other => bail!("{event}: the laptop cannot play an event of type {other:?}"),
        }
    }
    Ok(function)
}

fn table(id: &str, name: String, properties: &Value) -> Result<Table> {
    let mut attributes = BTreeMap::new();
    for attribute in list(properties, "AttributeDefinitions") {
        attributes.insert(text(attribute, "AttributeName")?, text(attribute, "AttributeType")?);
    }
    let indexes = list(properties, "GlobalSecondaryIndexes").iter().map(|index| {
        let included = list(&index["Projection"], "NonKeyAttributes");
        Ok(Index {
            name: text(index, "IndexName")?,
            key: key(index)?,
            projection: text(&index["Projection"], "ProjectionType")?,
            included: included.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        })
    });
    let ttl = &properties["TimeToLiveSpecification"];
    Ok(Table {
        id: id.to_owned(),
        name,
        key: key(properties)?,
        indexes: indexes.collect::<Result<_>>()?,
        attributes,
        ttl: ttl["Enabled"].as_bool().unwrap_or(false).then(|| text(ttl, "AttributeName")).transpose()?,
    })
}

fn key(schema: &Value) -> Result<Key> {
    let of = |kind: &str| list(schema, "KeySchema").iter().find(|part| part["KeyType"] == kind);
    let hash = of("HASH").ok_or_else(|| anyhow!("a key schema has no HASH"))?;
    let range = of("RANGE").map(|part| text(part, "AttributeName")).transpose()?;
    Ok(Key { hash: text(hash, "AttributeName")?, range })
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value, name: &str) -> Result<String> {
    value[name].as_str().map(str::to_owned).ok_or_else(|| anyhow!("{name} is missing"))
}

fn object<'a>(whole: &'a Value, section: &str) -> Result<&'a Map<String, Value>> {
    whole[section].as_object().ok_or_else(|| anyhow!("the template has no {section}"))
}

#[cfg(test)]
mod tests;
